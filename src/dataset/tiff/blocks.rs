//! Strips and tiles of ordinary size: decoded whole, several at a time.

use super::{Reader, Rect, Tiff, decoder, unreadable};
use crate::base::{Failure, Result};
use ::tiff::decoder::DecodingResult;
use rayon::prelude::*;

/// Chunks are decoded in batches of about this many bytes, so that threads have work and memory stays small.
const BATCH: u64 = 32 << 20;

pub(super) fn chunks(tiff: &Tiff, wants: &(dyn Fn(Rect) -> bool + Sync), take: &mut dyn FnMut(Rect, &[u8]) -> Result<()>) -> Result<()> {
    let across = tiff.width.div_ceil(tiff.chunk.0);
    let count = across as u64 * u64::from(tiff.height.div_ceil(tiff.chunk.1));
    let wanted: Vec<(u32, Rect)> = (0..count as u32).map(|i| (i, rect(tiff, i, across))).filter(|(_, r)| wants(*r)).collect();
    // One decoder a thread: each has its own place in the file.
    let mut decoders: Vec<Reader> =
        (0..rayon::current_num_threads().clamp(1, 8)).map(|_| decoder(&tiff.path, &tiff.shown)).collect::<Result<_>>()?;
    let batch = (BATCH / tiff.chunk_bytes().max(1)).max(decoders.len() as u64) as usize;
    for part in wanted.chunks(batch) {
        let share = part.len().div_ceil(decoders.len());
        let decoded: Vec<Result<Vec<Vec<u8>>>> = decoders
            .par_iter_mut()
            .zip(part.par_chunks(share))
            .map(|(d, some)| some.iter().map(|(i, rect)| decode(tiff, d, *i, *rect)).collect())
            .collect();
        let mut rects = part.iter().map(|(_, r)| *r);
        for pixels in decoded {
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

fn decode(tiff: &Tiff, decoder: &mut Reader, index: u32, rect: Rect) -> Result<Vec<u8>> {
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
