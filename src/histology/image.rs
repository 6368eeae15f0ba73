//! A borrowed picture: whoever decoded it keeps it, this floor only looks.

use crate::base::{Failure, Result};

/// Channels of every picture here: three, interleaved, red first.
pub const CHANNELS: usize = 3;

/// An 8-bit RGB picture, row-major and interleaved, borrowed from whoever decoded it.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    width: usize,
    height: usize,
    pixels: &'a [u8],
}

impl<'a> ImageView<'a> {
    /// A view of `height` x `width` x 3 bytes. Refuses a picture without pixels, and bytes that do not fit its sides.
    pub fn new(width: usize, height: usize, pixels: &'a [u8]) -> Result<Self> {
        let due = width.checked_mul(height).and_then(|n| n.checked_mul(CHANNELS));
        if width == 0 || height == 0 || due != Some(pixels.len()) {
            return Err(Failure::input(format!("an RGB image of {width} x {height} pixels cannot have {} bytes", pixels.len())));
        }
        Ok(Self { width, height, pixels })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All bytes: `height` x `width` x 3.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }

    /// One row's bytes, `width` x 3. Panics beyond the last row, as a slice does.
    pub fn row(&self, y: usize) -> &'a [u8] {
        let stride = self.width * CHANNELS;
        &self.pixels[y * stride..(y + 1) * stride]
    }
}
