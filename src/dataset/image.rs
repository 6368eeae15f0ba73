//! Images: headers and pixels, with everything refused that would silently change them.

use super::jpeg;
use super::sniff::{Format, sniff};
use super::table::{read, wrong_format};
use super::tiff::Tiff;
use crate::base::text::thousands;
use crate::base::{Failure, IoContext, Result};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::{Cursor, Read};
use std::path::Path;

/// More pixels than this are refused (a level-0 slide of her2st has 92 million).
const PIXEL_LIMIT: u64 = 1 << 30;
/// No side may be longer than this.
const SIDE_LIMIT: u32 = 100_000;

/// An image in memory: 8 bits a channel, red, green, blue, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub pixels: Vec<u8>,
}

impl RgbImage {
    /// The pixel in column `x` of row `y`.
    pub fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let i = 3 * (y as usize * self.width as usize + x as usize);
        [self.pixels[i], self.pixels[i + 1], self.pixels[i + 2]]
    }
}

/// Decodes a JPEG or PNG of 8-bit colour. Refuses a truncated or damaged file (G03, G28), an empty one (G02),
/// another format whatever its name (G05), grey, alpha and CMYK (G30), 16 bits (G31), more than 2^30 pixels
/// (G29) and an EXIF orientation other than 1 (G38).
pub fn decode_rgb(path: &Path) -> Result<RgbImage> {
    let shown = path.display().to_string();
    decode_bytes(&read(path, &shown)?, &shown)
}

/// Width and height by the header alone, after the same checks as [`decode_rgb`] but the decoding itself.
pub fn dimensions(bytes: &[u8], shown: &str) -> Result<(u32, u32)> {
    open(bytes, shown).map(|d| d.dimensions())
}

/// Width and height of an image file of any kind that is read: of a TIFF by its header alone, however large.
pub fn size_of(path: &Path, shown: &str) -> Result<(u32, u32)> {
    if is_tiff(path)? {
        return Tiff::open(path, shown).map(|t| (t.width, t.height));
    }
    dimensions(&read(path, shown)?, shown)
}

/// Whether a file begins as TIFF or BigTIFF do.
pub fn is_tiff(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    std::fs::File::open(path).doing("read", path)?.take(8).read_to_end(&mut head).doing("read", path)?;
    Ok(sniff(&head) == Format::Tiff)
}

/// Decodes bytes; `shown` names them in messages.
pub fn decode_bytes(bytes: &[u8], shown: &str) -> Result<RgbImage> {
    let decoder = open(bytes, shown)?;
    let (width, height) = decoder.dimensions();
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    decoder.read_image(&mut pixels).map_err(|e| undecodable(&e, shown))?;
    Ok(RgbImage { width, height, pixels })
}

/// The bytes of a PNG file with these pixels; equal pixels, equal bytes (for one version of the encoder).
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let failed = |e: png::EncodingError| Failure::input(format!("cannot encode a PNG of {} x {} pixels: {e}", image.width, image.height));
    let mut encoder = png::Encoder::new(&mut out, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::Filter::Sub);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&image.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

fn open<'a>(bytes: &'a [u8], shown: &str) -> Result<Box<dyn ImageDecoder + 'a>> {
    let again = "fetch the image again; another viewer may show it, but fills what is missing with grey";
    let format = match sniff(bytes) {
        Format::Jpeg => {
            let frame = jpeg::walk(bytes)
                .map_err(|what| Failure::input(format!("truncated or damaged JPEG: it {what} (G03)")).at(shown).hint(again))?;
            if frame.components != 3 || frame.bits != 8 {
                return Err(not_rgb(&format!("{} components of {} bits", frame.components, frame.bits), shown));
            }
            ImageFormat::Jpeg
        }
        Format::Png => {
            if !bytes.ends_with(b"IEND\xae\x42\x60\x82") {
                return Err(Failure::input(format!("truncated PNG: it ends at byte {} without its end chunk (G03)", bytes.len()))
                    .at(shown)
                    .hint(again));
            }
            ImageFormat::Png
        }
        Format::Empty => return Err(Failure::input("empty file: 0 bytes (G02)").at(shown).hint("fetch the image again")),
        other => return Err(wrong_format(other, "a JPEG or PNG", shown)),
    };
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(SIDE_LIMIT), Some(SIDE_LIMIT), Some(4 * PIXEL_LIMIT));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| undecodable(&e, shown))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXEL_LIMIT {
        let size = format!("{} x {}", thousands(width.into()), thousands(height.into()));
        return Err(Failure::input(format!("an image of {size} pixels is above the limit of {} (G29)", thousands(PIXEL_LIMIT))).at(shown));
    }
    if decoder.color_type() != ColorType::Rgb8 {
        return Err(not_rgb(&format!("{:?}", decoder.color_type()), shown));
    }
    let orientation = decoder.orientation().map_err(|e| undecodable(&e, shown))?;
    if orientation != Orientation::NoTransforms {
        return Err(Failure::input(format!(
            "EXIF orientation {} where 1 is due (G38): pixel coordinates would not fit",
            orientation.to_exif()
        ))
        .at(shown)
        .hint("use the image as published; do not rotate it"));
    }
    Ok(Box::new(decoder))
}

fn not_rgb(found: &str, shown: &str) -> Failure {
    Failure::input(format!("pixels are {found} where red, green, blue of 8 bits are due (G30, G31)"))
        .at(shown)
        .hint("convert the image to 8-bit RGB without resizing it")
}

fn undecodable(e: &ImageError, shown: &str) -> Failure {
    let code = if matches!(e, ImageError::Limits(_)) { "G29" } else { "G28" };
    Failure::input(format!("the image cannot be decoded: {e} ({code})")).at(shown).hint("fetch the image again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RgbImage {
        RgbImage { width: 20, height: 10, pixels: (0..600).map(|i| (i % 256) as u8).collect() }
    }

    #[test]
    fn png_round_trips_and_every_cut_is_refused() {
        let image = sample();
        let bytes = encode_png(&image).expect("encode");
        assert_eq!(bytes, encode_png(&image).expect("again"));
        assert_eq!(decode_bytes(&bytes, "f").expect("decode"), image);
        assert_eq!(image.at(1, 0), [3, 4, 5]);
        for cut in 0..bytes.len() {
            assert!(decode_bytes(&bytes[..cut], "f").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn wrong_pixels_are_refused() {
        let mut grey = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut grey).encode(&[9; 64], 8, 8, image::ExtendedColorType::L8).expect("encode");
        assert!(decode_bytes(&grey, "f").expect_err("grey").what.contains("G30"));
        assert!(decode_bytes(b"BM....", "f").expect_err("bmp").what.contains("G05"));
        let mut colour = Vec::new();
        image::codecs::jpeg::JpegEncoder::new(&mut colour)
            .encode(&sample().pixels, 20, 10, image::ExtendedColorType::Rgb8)
            .expect("encode");
        assert_eq!(dimensions(&colour, "f").expect("size"), (20, 10));
        // An APP1 segment with orientation 6 (turned), put behind the start marker.
        let tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut turned = vec![0xff, 0xd8, 0xff, 0xe1, 0, tiff.len() as u8 + 2];
        turned.extend_from_slice(tiff);
        turned.extend_from_slice(&colour[2..]);
        assert!(decode_bytes(&turned, "f").expect_err("turned").what.contains("orientation 6"));
    }
}
