//! Full-size TIFF and BigTIFF, read block by block from top to bottom in one pass over the file, so that an image of
//! many gigapixels never stands in memory: strips and tiles, plain, LZW, Deflate or JPEG, 8-bit colour.

mod blocks;
mod stream;

use crate::base::{Failure, IoContext, Result};
use ::tiff::ColorType;
use ::tiff::decoder::{ChunkType, Decoder, Limits};
use ::tiff::tags::Tag;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// No side may be longer, and no image may have more pixels (G29).
const SIDE_LIMIT: u32 = 200_000;
const PIXEL_LIMIT: u64 = 64_000_000_000;
/// A strip or tile that decodes to more than this is read row by row, or refused where its compression forbids that.
const WHOLE_CHUNK: u64 = 64 << 20;

#[cfg(test)]
mod tests;

type Reader = Decoder<BufReader<File>>;

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// How the samples of a chunk are packed; the numbers are TIFF's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Lzw,
    Deflate,
    Jpeg,
    Other(u16),
}

/// An open image: its header read and checked.
#[derive(Clone, Debug)]
pub struct Tiff {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    path: PathBuf,
    shown: String,
    tiled: bool,
    chunk: (u32, u32),
    packing: Packing,
    difference: bool,
    ycbcr: bool,
}

impl Tiff {
    /// Reads and checks the header of the first image in the file. Refused are grey, alpha and separate planes (G30),
    /// other depths than 8 bits (G31), other compressions (G28), another orientation than 1 (G38), and what is
    /// impossibly large (G29) or cut off (G03).
    pub fn open(path: &Path, shown: &str) -> Result<Self> {
        let mut d = decoder(path, shown)?;
        let bad = |e: ::tiff::TiffError| unreadable(&e, shown);
        let (width, height) = d.dimensions().map_err(bad)?;
        if width == 0 || height == 0 || width > SIDE_LIMIT || height > SIDE_LIMIT || u64::from(width) * u64::from(height) > PIXEL_LIMIT {
            return Err(Failure::input(format!("an image of {width} x {height} pixels is beyond the limits (G29)")).at(shown));
        }
        let convert =
            "convert it to 8-bit RGB without resizing it, for example with libvips: vips copy in.tif out.tif[tile,compression=lzw]";
        let colour = d.colortype().map_err(bad)?;
        if !matches!(colour, ColorType::RGB(8) | ColorType::YCbCr(8)) {
            let code = if matches!(colour, ColorType::RGB(_) | ColorType::YCbCr(_)) { "G31" } else { "G30" };
            return Err(Failure::input(format!("pixels are {colour:?} where red, green, blue of 8 bits are due ({code})"))
                .at(shown)
                .hint(convert));
        }
        let mut tag = |tag: Tag, default: u16| d.find_tag_unsigned::<u16>(tag).map(|v| v.unwrap_or(default)).map_err(bad);
        if tag(Tag::PlanarConfiguration, 1)? != 1 {
            return Err(Failure::input("red, green and blue stand in separate planes (G30)").at(shown).hint(convert));
        }
        let orientation = tag(Tag::Orientation, 1)?;
        if orientation != 1 {
            return Err(
                Failure::input(format!("orientation {orientation} where 1 is due (G38): pixel coordinates would not fit")).at(shown)
            );
        }
        let packing = match tag(Tag::Compression, 1)? {
            1 => Packing::Plain,
            5 => Packing::Lzw,
            8 | 32_946 => Packing::Deflate,
            7 => Packing::Jpeg,
            other => Packing::Other(other),
        };
        if let Packing::Other(number) = packing {
            return Err(Failure::input(format!("compression {number} is not read by this version (G28)")).at(shown).hint(convert));
        }
        let difference = match tag(Tag::Predictor, 1)? {
            1 => false,
            2 => true,
            other => return Err(Failure::input(format!("predictor {other} is none for 8-bit pixels (G28)")).at(shown)),
        };
        let tiled = d.get_chunk_type() == ChunkType::Tile;
        let mut chunk = d.chunk_dimensions();
        chunk.1 = if tiled { chunk.1 } else { chunk.1.min(height) };
        let ycbcr = matches!(colour, ColorType::YCbCr(_));
        let out = Self { width, height, path: path.to_owned(), shown: shown.to_owned(), tiled, chunk, packing, difference, ycbcr };
        if out.chunk_bytes() > WHOLE_CHUNK && (tiled || packing == Packing::Jpeg) {
            let text = format!("one {} decodes to {} bytes (G29)", if tiled { "tile" } else { "strip" }, out.chunk_bytes());
            return Err(Failure::input(text).at(shown).hint("write it again in smaller tiles, such as 256 x 256"));
        }
        Ok(out)
    }

    fn chunk_bytes(&self) -> u64 {
        3 * u64::from(self.chunk.0) * u64::from(self.chunk.1)
    }

    /// Where each strip or tile lies in the file, and how many bytes it has.
    fn places(&self) -> Result<Vec<(u64, u64)>> {
        let mut d = decoder(&self.path, &self.shown)?;
        let (offsets, sizes) = if self.tiled { (Tag::TileOffsets, Tag::TileByteCounts) } else { (Tag::StripOffsets, Tag::StripByteCounts) };
        let mut list = |tag: Tag| d.get_tag_u64_vec(tag).map_err(|e| unreadable(&e, &self.shown));
        let (offsets, sizes) = (list(offsets)?, list(sizes)?);
        let due = u64::from(self.width.div_ceil(self.chunk.0)) * u64::from(self.height.div_ceil(self.chunk.1));
        if offsets.len() as u64 != due || sizes.len() as u64 != due {
            let text = format!("{due} strips or tiles are due, and {} places and {} sizes are there (G28)", offsets.len(), sizes.len());
            return Err(Failure::input(text).at(self.shown.clone()));
        }
        Ok(offsets.into_iter().zip(sizes).collect())
    }

    /// Gives every block that `wants` to `take`, as red, green, blue bytes row by row, each pixel once, in the file's order
    /// from top to bottom. Blocks that nobody wants are not decoded. Memory: some 64 MiB beside what the caller holds.
    pub fn blocks(&self, wants: &(dyn Fn(Rect) -> bool + Sync), take: &mut dyn FnMut(Rect, &[u8]) -> Result<()>) -> Result<()> {
        let by_row = !self.tiled && (self.packing == Packing::Plain || self.chunk_bytes() > WHOLE_CHUNK);
        if by_row { stream::rows(self, wants, take) } else { blocks::chunks(self, wants, take) }
    }
}

fn decoder(path: &Path, shown: &str) -> Result<Reader> {
    let file = File::open(path).doing("read", path)?;
    let mut limits = Limits::default();
    // The offsets of a slide's tiles are a few megabytes; the default of 1 MiB is too small for them.
    (limits.ifd_value_size, limits.decoding_buffer_size, limits.intermediate_buffer_size) = (256 << 20, 256 << 20, 256 << 20);
    Ok(Decoder::new(BufReader::with_capacity(1 << 16, file)).map_err(|e| unreadable(&e, shown))?.with_limits(limits))
}

fn unreadable(e: &::tiff::TiffError, shown: &str) -> Failure {
    use ::tiff::TiffError as E;
    let code = match e {
        E::IoError(_) => "G03",
        E::LimitsExceeded => "G29",
        _ => "G28",
    };
    Failure::input(format!("the TIFF cannot be read: {} ({code})", crate::base::text::clean(&e.to_string())))
        .at(shown)
        .hint("fetch the image again and compare its size")
}
