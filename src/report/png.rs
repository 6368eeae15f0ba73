//! PNG files that are the same every time: one filter, one compression level, text in the caller's order, no time.
//!
//! A file's bytes may change with a new version of the compressor; its pixels may not. So figures have two digests:
//! the file's own and [`pixel_digest`].

use crate::base::digest::Hasher;
use crate::base::{Digest, Failure, Result};

/// An image of eight-bit red, green and blue, row after row, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height * 3` bytes.
    pub pixels: Vec<u8>,
}

/// The most pixels that are read back: nothing we write comes near, and a forged header must not take the memory.
const PIXEL_LIMIT: u64 = 64 << 20;

/// Encodes an image with its text. Keys are PNG keywords (1 to 79 Latin-1 characters); a character of a value that
/// Latin-1 lacks is written as `?`, since `tEXt` can hold nothing else.
pub fn encode(image: &Rgb, text: &[(String, String)]) -> Result<Vec<u8>> {
    if image.pixels.len() != image.width * image.height * 3 || image.pixels.is_empty() {
        return Err(Failure::input(format!("an image of {} x {} pixels has {} bytes", image.width, image.height, image.pixels.len())));
    }
    let failed = |e: png::EncodingError| Failure::input(format!("cannot encode the figure: {e}"));
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, image.width as u32, image.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::Level(8));
    encoder.set_filter(png::Filter::Up);
    for (key, value) in text {
        if !(1..=79).contains(&key.chars().count()) || !key.chars().all(keyword_character) || key.trim() != key {
            return Err(Failure::input(format!("'{key}' is no PNG keyword (1 to 79 printable Latin-1 characters)")));
        }
        encoder.add_text_chunk(key.clone(), value.chars().map(latin1).collect()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&image.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn keyword_character(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a1}'..='\u{ff}')
}

fn latin1(c: char) -> char {
    if c == '\n' || keyword_character(c) || c == '\u{a0}' { c } else { '?' }
}

/// The image and the `tEXt` chunks, in the file's order.
pub fn decode(bytes: &[u8]) -> Result<(Rgb, Vec<(String, String)>)> {
    let failed =
        |e: png::DecodingError| Failure::input(format!("not a sound PNG file: {e}")).hint("the figure is damaged; make the report again");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(failed)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT {
        return Err(Failure::input(format!("a PNG of {width} x {height} pixels is larger than any figure of ours")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| Failure::input("a PNG larger than memory"))?;
    let mut raw = vec![0; size];
    let frame = reader.next_frame(&mut raw).map_err(failed)?;
    reader.finish().map_err(failed)?;
    raw.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        png::ColorType::Rgb => raw,
        png::ColorType::Rgba => raw.as_chunks::<4>().0.iter().flat_map(|p| [p[0], p[1], p[2]]).collect(),
        png::ColorType::Grayscale => raw.iter().flat_map(|&v| [v, v, v]).collect(),
        png::ColorType::GrayscaleAlpha => raw.as_chunks::<2>().0.iter().flat_map(|p| [p[0], p[0], p[0]]).collect(),
        png::ColorType::Indexed => return Err(Failure::input("a PNG whose palette could not be expanded")),
    };
    let text = reader.info().uncompressed_latin1_text.iter().map(|t| (t.keyword.clone(), t.text.clone())).collect();
    Ok((Rgb { width: width as usize, height: height as usize, pixels }, text))
}

/// The `tEXt` chunks of a PNG, in the file's order.
pub fn read_text(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    decode(bytes).map(|(_, text)| text)
}

/// The digest of what is seen: SHA-256 of width and height (64-bit little-endian) and the RGB bytes, whatever the
/// compression and the text.
pub fn pixel_digest(bytes: &[u8]) -> Result<Digest> {
    let (image, _) = decode(bytes)?;
    let mut hasher = Hasher::default();
    hasher.update(&(image.width as u64).to_le_bytes());
    hasher.update(&(image.height as u64).to_le_bytes());
    hasher.update(&image.pixels);
    Ok(hasher.finish())
}
