//! Strips and tiles of ordinary size: unpacked whole, several at a time.
//!
//! Plain, LZW and Deflate are unpacked here, so that a block that lacks its end mark but has all its pixels is read, as
//! libtiff reads it; JPEG goes through the crate, which knows about shared tables.

use super::stream::{Source, undo_difference};
use super::{Packing, Reader, Rect, Tiff, decoder, unreadable};
use crate::base::{Failure, IoContext, Result};
use ::tiff::decoder::DecodingResult;
use rayon::prelude::*;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Blocks are unpacked in batches of about this many bytes, so that threads have work and memory stays small.
const BATCH: u64 = 32 << 20;

pub(super) fn chunks(tiff: &Tiff, wants: &(dyn Fn(Rect) -> bool + Sync), take: &mut dyn FnMut(Rect, &[u8]) -> Result<()>) -> Result<()> {
    let across = tiff.width.div_ceil(tiff.chunk.0);
    let places = tiff.places()?;
    let wanted: Vec<(u32, Rect)> = (0..places.len() as u32).map(|i| (i, rect(tiff, i, across))).filter(|(_, r)| wants(*r)).collect();
    // One worker a thread: each has its own place in the file.
    let threads = rayon::current_num_threads().clamp(1, 8);
    let mut workers: Vec<Worker> = (0..threads).map(|_| Worker::new(tiff)).collect::<Result<_>>()?;
    let batch = (BATCH / tiff.chunk_bytes().max(1)).max(threads as u64) as usize;
    for part in wanted.chunks(batch) {
        let share = part.len().div_ceil(threads);
        let unpacked: Vec<Result<Vec<Vec<u8>>>> = workers
            .par_iter_mut()
            .zip(part.par_chunks(share))
            .map(|(w, some)| some.iter().map(|(i, rect)| w.unpack(tiff, *i, places[*i as usize], *rect)).collect())
            .collect();
        let mut rects = part.iter().map(|(_, r)| *r);
        for pixels in unpacked {
            for (pixels, rect) in pixels?.iter().zip(rects.by_ref()) {
                take(rect, pixels)?;
            }
        }
    }
    Ok(())
}

fn rect(tiff: &Tiff, index: u32, across: u32) -> Rect {
    let (x, y) = (index % across * tiff.chunk.0, index / across * tiff.chunk.1);
    Rect { x, y, width: tiff.chunk.0.min(tiff.width - x), height: tiff.chunk.1.min(tiff.height - y) }
}

enum Worker {
    Own(File, Vec<u8>),
    Jpeg(Box<Reader>),
}

impl Worker {
    fn new(tiff: &Tiff) -> Result<Self> {
        if tiff.packing == Packing::Jpeg {
            return Ok(Self::Jpeg(Box::new(decoder(&tiff.path, &tiff.shown)?)));
        }
        Ok(Self::Own(File::open(&tiff.path).doing("read", &tiff.path)?, Vec::new()))
    }

    fn unpack(&mut self, tiff: &Tiff, index: u32, (offset, size): (u64, u64), rect: Rect) -> Result<Vec<u8>> {
        match self {
            Self::Jpeg(decoder) => jpeg(tiff, decoder, index, rect),
            Self::Own(file, packed) => {
                // Packing may lengthen noise a little; a block that claims far more than its pixels is damaged.
                if size > 2 * tiff.chunk_bytes() + 65_536 {
                    return Err(Failure::input(format!("block {index} claims {size} bytes (G28)")).at(tiff.shown.clone()));
                }
                packed.resize(size as usize, 0);
                file.read_exact_at(packed, offset).map_err(|_| {
                    Failure::input(format!("the file ends inside block {index} at ({}, {}) (G03)", rect.x, rect.y))
                        .at(tiff.shown.clone())
                        .hint("fetch the image again and compare its size")
                })?;
                let row = 3 * tiff.chunk.0 as usize;
                // Tiles at the edge are stored whole; the last strip is stored short.
                let rows = if tiff.tiled { tiff.chunk.1 } else { rect.height };
                let mut pixels = vec![0; row * rows as usize];
                Source::new(tiff.packing, &packed[..]).fill(&mut pixels, tiff, &rect)?;
                if tiff.difference {
                    pixels.chunks_exact_mut(row).for_each(undo_difference);
                }
                Ok(crop(pixels, row, rect))
            }
        }
    }
}

/// The part of a stored block that lies in the image.
fn crop(mut pixels: Vec<u8>, row: usize, rect: Rect) -> Vec<u8> {
    let wide = 3 * rect.width as usize;
    if wide < row {
        (1..rect.height as usize).for_each(|y| pixels.copy_within(y * row..y * row + wide, y * wide));
    }
    pixels.truncate(wide * rect.height as usize);
    pixels
}

fn jpeg(tiff: &Tiff, decoder: &mut Reader, index: u32, rect: Rect) -> Result<Vec<u8>> {
    let at = || format!("{}: block {index} at ({}, {})", tiff.shown, rect.x, rect.y);
    let DecodingResult::U8(mut pixels) = decoder.read_chunk(index).map_err(|e| unreadable(&e, &at()))? else {
        return Err(Failure::input("pixels are not bytes (G31)").at(at()));
    };
    if pixels.len() != 3 * rect.width as usize * rect.height as usize {
        return Err(Failure::input(format!("{} bytes for {} x {} pixels (G28)", pixels.len(), rect.width, rect.height)).at(at()));
    }
    if tiff.ycbcr {
        pixels.chunks_exact_mut(3).for_each(to_rgb);
    }
    Ok(pixels)
}

/// Luminance and two colour differences to red, green, blue: JFIF's formula in libjpeg's 16-bit fixed point.
fn to_rgb(p: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(p[0]), i32::from(p[1]) - 128, i32::from(p[2]) - 128);
    let clamp = |v: i32| v.clamp(0, 255) as u8;
    p[0] = clamp(y + ((91_881 * cr + HALF) >> 16));
    p[1] = clamp(y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16));
    p[2] = clamp(y + ((116_130 * cb + HALF) >> 16));
}
