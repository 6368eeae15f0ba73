//! Strips too large to decode whole (many writers put an image into a single one), and plain ones: read row by row.

use super::{Packing, Rect, Tiff};
use crate::base::{Failure, IoContext, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

/// Rows are handed on in bands of this height, or of what fits in [`BAND_BYTES`].
const BAND_ROWS: u32 = 64;
const BAND_BYTES: usize = 16 << 20;

pub(super) fn rows(tiff: &Tiff, wants: &(dyn Fn(Rect) -> bool + Sync), take: &mut dyn FnMut(Rect, &[u8]) -> Result<()>) -> Result<()> {
    let places = tiff.places()?;
    let mut file = File::open(&tiff.path).doing("read", &tiff.path)?;
    let row = 3 * tiff.width as usize;
    let step = BAND_ROWS.min((BAND_BYTES / row).max(1) as u32);
    let mut pixels = Vec::new();
    for (strip, (offset, size)) in places.into_iter().enumerate() {
        let top = strip as u32 * tiff.chunk.1;
        let height = tiff.chunk.1.min(tiff.height - top);
        let bands: Vec<Rect> = (0..height)
            .step_by(step as usize)
            .map(|y| Rect { x: 0, y: top + y, width: tiff.width, height: step.min(height - y) })
            .collect();
        // Nothing behind the last wanted band has to be unpacked.
        let Some(last) = bands.iter().rposition(|b| wants(*b)) else { continue };
        file.seek(SeekFrom::Start(offset)).doing("read", &tiff.path)?;
        let mut source = Source::new(tiff.packing, BufReader::with_capacity(1 << 20, (&mut file).take(size)));
        for band in &bands[..=last] {
            let bytes = row * band.height as usize;
            if tiff.packing == Packing::Plain && !wants(*band) {
                source.skip(bytes as u64, tiff)?;
                continue;
            }
            pixels.resize(bytes, 0);
            source.fill(&mut pixels, tiff, band)?;
            if wants(*band) {
                if tiff.difference {
                    pixels.chunks_exact_mut(row).for_each(undo_difference);
                }
                take(*band, &pixels)?;
            }
        }
    }
    Ok(())
}

/// Undoes TIFF's horizontal differencing, where each sample is stored as the difference to that of the pixel before.
pub(super) fn undo_difference(row: &mut [u8]) {
    for i in 3..row.len() {
        row[i] = row[i].wrapping_add(row[i - 3]);
    }
}

/// A compressed strip or tile, unpacked as it is read.
pub(super) enum Source<R: BufRead> {
    Plain(R),
    Deflate(flate2::bufread::ZlibDecoder<R>),
    Lzw(R, weezl::decode::Decoder),
}

impl<R: BufRead> Source<R> {
    pub(super) fn new(packing: Packing, reader: R) -> Self {
        match packing {
            Packing::Deflate => Self::Deflate(flate2::bufread::ZlibDecoder::new(reader)),
            Packing::Lzw => Self::Lzw(reader, weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)),
            Packing::Plain | Packing::Jpeg | Packing::Other(_) => Self::Plain(reader),
        }
    }

    pub(super) fn fill(&mut self, out: &mut [u8], tiff: &Tiff, band: &Rect) -> Result<()> {
        let read = match self {
            Self::Plain(r) => r.read_exact(out),
            Self::Deflate(r) => r.read_exact(out),
            Self::Lzw(r, decoder) => unpack(r, decoder, out),
        };
        read.map_err(|e| {
            let (what, code) = match e.kind() {
                std::io::ErrorKind::UnexpectedEof => ("ends".to_owned(), "G03"),
                _ => (format!("is damaged ({e})"), "G28"),
            };
            Failure::input(format!("the image {what} between rows {} and {} ({code})", band.y, band.y + band.height))
                .at(tiff.shown.clone())
                .hint("fetch the image again and compare its size")
        })
    }

    /// Leaves out bytes of a plain strip.
    fn skip(&mut self, bytes: u64, tiff: &Tiff) -> Result<()> {
        let Self::Plain(r) = self else { return Ok(()) };
        std::io::copy(&mut r.take(bytes), &mut std::io::sink()).doing("read", &tiff.path).map(|_| ())
    }
}

fn unpack(reader: &mut impl BufRead, decoder: &mut weezl::decode::Decoder, mut out: &mut [u8]) -> std::io::Result<()> {
    while !out.is_empty() {
        let input = reader.fill_buf()?;
        let empty = input.is_empty();
        let done = decoder.decode_bytes(input, out);
        let status = done.status.map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e.to_string()))?;
        reader.consume(done.consumed_in);
        out = &mut out[done.consumed_out..];
        let over = empty || matches!(status, weezl::LzwStatus::Done | weezl::LzwStatus::NoProgress);
        if over && done.consumed_out == 0 && !out.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
