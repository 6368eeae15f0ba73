//! The published reference: windows of several slides, set side by side (spec/hevisum.md, section 2.1).

use crate::base::mt19937::Mt19937;
use crate::base::{Failure, Result};
use crate::histology::image::{CHANNELS, ImageView};
use serde::{Deserialize, Serialize};

/// A window is taken when at least this share of it is tissue.
const LEAST_TISSUE: f64 = 0.6;
/// Tissue: the mean of red, green and blue below this, in 0..1.
const TISSUE: f64 = 0.8;
/// Windows that are tried on one slide, at most.
const TRIES: usize = 250;

/// How windows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Side, in pixels.
    pub side: usize,
    /// How many of each slide.
    pub count: usize,
    /// Seed of NumPy's legacy generator, anew for each slide.
    pub seed: u32,
}

/// Where windows were taken from one slide: row and column of their corners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The slide.
    pub slide: String,
    /// Corners, in the order in which they were accepted.
    pub corners: Vec<(usize, usize)>,
}

impl Windows {
    /// Draws the windows of one slide and appends their pixels, window after window. An error where fewer are found than asked
    /// for, as in the published code, which fails there.
    pub fn take(&self, slide: &str, image: &ImageView, pixels: &mut Vec<u8>) -> Result<Taken> {
        let (h, w, side) = (image.height(), image.width(), self.side);
        if h <= side || w <= side {
            return Err(Failure::input(format!("an image of {w} x {h} pixels has no windows of {side}"))
                .at(format!("slide {slide}"))
                .hint("choose a smaller stain.window"));
        }
        // Tissue pixels above and left of each pixel: a window's count is four of these.
        let mut sums = vec![0u32; (w + 1) * (h + 1)];
        for y in 0..h {
            let mut row = 0;
            for (x, p) in image.row(y).as_chunks::<CHANNELS>().0.iter().enumerate() {
                // The mean of three floats in single precision, as NumPy has it.
                let mean = p.iter().map(|&v| f32::from(v) / 255.0).sum::<f32>() / 3.0;
                row += u32::from(f64::from(mean) < TISSUE);
                sums[(y + 1) * (w + 1) + x + 1] = sums[y * (w + 1) + x + 1] + row;
            }
        }
        let at = |y: usize, x: usize| sums[y * (w + 1) + x];
        let mut draw = Mt19937::new(self.seed);
        let mut corners = Vec::new();
        for _ in 0..TRIES {
            if corners.len() == self.count {
                break;
            }
            let (i, j) = (draw.below((h - side) as u64) as usize, draw.below((w - side) as u64) as usize);
            let inside = at(i + side, j + side) + at(i, j) - at(i, j + side) - at(i + side, j);
            if f64::from(inside) / (side * side) as f64 >= LEAST_TISSUE {
                corners.push((i, j));
            }
        }
        if corners.len() < self.count {
            return Err(Failure::input(format!(
                "{} windows of {side} pixels with enough tissue were found in {TRIES} tries, and {} are due",
                corners.len(),
                self.count
            ))
            .at(format!("slide {slide}"))
            .hint("choose a smaller stain.window, fewer stain.windows, or another stain.reference"));
        }
        for &(i, j) in &corners {
            (i..i + side).for_each(|y| pixels.extend_from_slice(&image.row(y)[j * CHANNELS..(j + side) * CHANNELS]));
        }
        Ok(Taken { slide: slide.to_owned(), corners })
    }
}
