//! Real pictures: which form of them this terminal shows, where the picture stands, and the bytes that put it there
//! and take it away.
//!
//! Half-blocks are what every terminal shows and what is shown until more is known. Nothing here touches the
//! terminal: [`ask`] words the question and reads the answers, the encoders make bytes, and the driver and the
//! output carry them.

pub mod ask;
pub mod iterm;
pub mod kitty;
pub mod place;
pub mod sixel;

use super::facts::Picture;
use super::look::{Colours, Look};
use ratatui::layout::Rect;

/// How pictures are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// By characters: half-blocks in colour, others without.
    #[default]
    Cells,
    /// By kitty's graphics protocol.
    Kitty,
    /// By sixels.
    Sixel,
    /// By iTerm2's inline images.
    Iterm,
}

impl Form {
    /// Its name, for the screen.
    pub fn name(self) -> &'static str {
        match self {
            // Half-blocks or other characters: the look decides, and two looks differ in no word.
            Self::Cells => "character cells",
            Self::Kitty => "kitty graphics",
            Self::Sixel => "sixel",
            Self::Iterm => "iTerm2 image",
        }
    }
}

/// What this terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Graphics {
    /// The form of pictures.
    pub form: Form,
    /// Width and height of a cell in pixels; `None` where the terminal does not say.
    pub cell: Option<(u16, u16)>,
}

/// A small cell: where the terminal does not tell its size, a picture turns out too small rather than too large.
const SMALL_CELL: (u16, u16) = (8, 16);

impl Graphics {
    /// Pictures by characters.
    pub const CELLS: Self = Self { form: Form::Cells, cell: None };

    /// Width and height of a cell in pixels, told or guessed.
    pub fn cell(self) -> (u16, u16) {
        self.cell.filter(|c| sound_cell(*c)).unwrap_or(SMALL_CELL)
    }
}

/// Whether a cell of this size can be: answers come from outside.
pub fn sound_cell((width, height): (u16, u16)) -> bool {
    (2..=200).contains(&width) && (4..=400).contains(&height)
}

/// How far the program is in knowing what the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// To be asked when the first picture is to be shown.
    Open,
    /// Asked; the answer is on its way.
    Asking,
    /// Known.
    Known(Graphics),
}

impl Default for Knowledge {
    fn default() -> Self {
        Self::Known(Graphics::CELLS)
    }
}

impl Knowledge {
    /// What is shown now: characters, until more is known.
    pub fn graphics(self) -> Graphics {
        match self {
            Self::Known(graphics) => graphics,
            Self::Open | Self::Asking => Graphics::CELLS,
        }
    }
}

/// What can be known at the start, from `PINFOLD_GRAPHICS` and the look, without asking. `window_cell` is the size of a
/// cell in pixels as the kernel tells it.
pub fn at_start(look: Look, get: impl Fn(&str) -> Option<String>, window_cell: Option<(u16, u16)>) -> Knowledge {
    if look.colours == Colours::None || look.ascii {
        return Knowledge::Known(Graphics::CELLS);
    }
    let form = match get("PINFOLD_GRAPHICS").unwrap_or_default().to_lowercase().as_str() {
        "kitty" => Form::Kitty,
        "sixel" => Form::Sixel,
        "iterm" | "iterm2" => Form::Iterm,
        "blocks" | "half-blocks" | "none" => Form::Cells,
        _ => return Knowledge::Open,
    };
    Knowledge::Known(Graphics { form, cell: window_cell.filter(|c| sound_cell(*c)) })
}

/// The bytes that put a picture onto `rect`, whose upper left cell gets its upper left pixel. The cursor may end
/// anywhere. `None` where the picture cannot be encoded.
pub fn put(picture: &Picture, rect: Rect, graphics: Graphics) -> Option<Vec<u8>> {
    let body = match graphics.form {
        Form::Cells => return None,
        Form::Kitty => kitty::put(&png(picture)?, graphics.cell.is_none().then_some((rect.width, rect.height))),
        Form::Sixel => sixel::encode(picture)?,
        Form::Iterm => iterm::put(&png(picture)?, rect.width, rect.height),
    };
    let mut out = format!("\x1b[{};{}H", rect.y + 1, rect.x + 1).into_bytes();
    out.extend(body);
    Some(out)
}

/// The bytes that take a picture away. Empty where writing the cells below it anew is what takes it away.
pub fn remove(form: Form) -> &'static [u8] {
    match form {
        Form::Kitty => kitty::REMOVE,
        Form::Cells | Form::Sixel | Form::Iterm => b"",
    }
}

/// The picture as a PNG file: made while a person waits, so compressed a little rather than well.
fn png(picture: &Picture) -> Option<Vec<u8>> {
    if picture.pixels.len() != picture.width * picture.height || picture.pixels.is_empty() {
        return None;
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, u32::try_from(picture.width).ok()?, u32::try_from(picture.height).ok()?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_deflate_compression(png::DeflateCompression::Level(4));
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(picture.pixels.as_flattened()).ok()?;
    writer.finish().ok()?;
    Some(out)
}

/// Base 64 (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(part.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= part.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base_64() {
        let found = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|t| base64(t.as_bytes()));
        assert_eq!(found, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    /// A plot in little: white, a black frame, a slanted line with softened edges.
    pub fn plot(width: usize, height: usize) -> Picture {
        let ink = |x: usize, y: usize| match (x * height).abs_diff(y * width) / height.max(1) {
            _ if x == 0 || y + 1 == height => [0, 0, 0],
            0 => [0, 110, 160],
            1 => [120, 180, 205],
            _ => [255, 255, 255],
        };
        Picture { width, height, pixels: (0..width * height).map(|i| ink(i % width, i / width)).collect() }
    }

    pub fn from_base64(text: &str) -> Vec<u8> {
        let digit = |c: u8| "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".bytes().position(|d| d == c);
        let digits: Vec<usize> = text.bytes().filter_map(digit).collect();
        let mut out = Vec::new();
        for part in digits.chunks(4) {
            let word = (0..4).fold(0, |w, i| w << 6 | part.get(i).copied().unwrap_or(0));
            out.extend((0..part.len() - 1).map(|i| (word >> (16 - 8 * i) & 255) as u8));
        }
        out
    }

    pub fn from_png(bytes: &[u8]) -> Picture {
        let image = crate::report::png::decode(bytes).expect("a PNG").0;
        Picture { width: image.width, height: image.height, pixels: image.pixels.as_chunks::<3>().0.to_vec() }
    }

    #[test]
    fn the_variable_and_the_look_decide_without_asking() {
        let look = Look { colours: Colours::True, ascii: false, blocks: false };
        let with = |value: &'static str, look| at_start(look, move |n| (n == "PINFOLD_GRAPHICS").then(|| value.to_owned()), Some((9, 18)));
        let known = |form| Knowledge::Known(Graphics { form, cell: Some((9, 18)) });
        assert_eq!(with("kitty", look), known(Form::Kitty));
        assert_eq!(with("Sixel", look), known(Form::Sixel));
        assert_eq!(with("iterm", look), known(Form::Iterm));
        assert_eq!(with("blocks", look).graphics().form, Form::Cells);
        assert_eq!([with("auto", look), with("", look), with("nonsense", look)], [Knowledge::Open; 3]);
        for plain in [Look { colours: Colours::None, ..look }, Look { ascii: true, ..look }] {
            assert_eq!([with("kitty", plain), with("auto", plain)], [Knowledge::Known(Graphics::CELLS); 2]);
        }
    }

    #[test]
    fn a_broken_picture_is_no_picture() {
        let broken = Picture { width: 3, height: 3, pixels: vec![[0; 3]; 8] };
        for form in [Form::Cells, Form::Kitty, Form::Sixel, Form::Iterm] {
            assert_eq!(put(&broken, Rect::new(0, 0, 2, 2), Graphics { form, cell: None }), None);
        }
    }
}
