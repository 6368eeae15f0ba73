//! The embedded font: which characters it has, how wide they are, and their pixels through plotters.
//!
//! plotters places a glyph at its ink, without the side bearing, and says nothing of missing glyphs. So the few
//! tables that tell both are read here (`head`, `hhea`, `hmtx`, `cmap` format 4, big-endian, as in the OpenType
//! specification). The font is our own constant; a font that cannot be read has no glyphs at all.

use crate::base::{Failure, Result};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::collections::BTreeMap;
use std::sync::OnceLock;

static REGULAR: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-Bold-subset.ttf");

/// The name under which plotters knows the font.
const FAMILY: &str = "pinfold";

/// Two weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Text.
    Regular,
    /// Titles.
    Bold,
}

impl Weight {
    fn style(self) -> FontStyle {
        match self {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }
}

/// What is known of one glyph, in font units.
#[derive(Clone, Copy, Debug)]
struct Measure {
    advance: f64,
    bearing: f64,
}

/// One weight's tables.
struct Face {
    units_per_em: f64,
    /// Ascent minus descent: what plotters calls the size, in font units.
    height: f64,
    glyphs: BTreeMap<char, Measure>,
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    b.get(at..at + 2).map(|s| u16::from_be_bytes([s[0], s[1]]))
}

fn i16_at(b: &[u8], at: usize) -> Option<f64> {
    u16_at(b, at).map(|v| f64::from(v as i16))
}

fn u32_at(b: &[u8], at: usize) -> Option<usize> {
    b.get(at..at + 4).map(|s| u32::from_be_bytes([s[0], s[1], s[2], s[3]]) as usize)
}

fn table<'a>(font: &'a [u8], tag: &[u8; 4]) -> Option<&'a [u8]> {
    (0..usize::from(u16_at(font, 4)?)).map(|i| 12 + 16 * i).find(|&at| font.get(at..at + 4) == Some(tag)).and_then(|at| {
        let start = u32_at(font, at + 8)?;
        font.get(start..start + u32_at(font, at + 12)?)
    })
}

/// The glyph of a character by a format-4 subtable.
fn glyph(sub: &[u8], c: u16) -> Option<usize> {
    let segments = usize::from(u16_at(sub, 6)?) / 2;
    for i in 0..segments {
        let end = u16_at(sub, 14 + 2 * i)?;
        if c > end {
            continue;
        }
        let start = u16_at(sub, 16 + 2 * (segments + i))?;
        if c < start {
            return None;
        }
        let delta = u16_at(sub, 16 + 2 * (2 * segments + i))?;
        let at = 16 + 2 * (3 * segments + i);
        let range = usize::from(u16_at(sub, at)?);
        let id = match range {
            0 => c.wrapping_add(delta),
            _ => match u16_at(sub, at + range + 2 * usize::from(c - start))? {
                0 => 0,
                g => g.wrapping_add(delta),
            },
        };
        return (id != 0).then_some(usize::from(id));
    }
    None
}

fn face(font: &[u8]) -> Option<Face> {
    let (head, hhea, hmtx, cmap) = (table(font, b"head")?, table(font, b"hhea")?, table(font, b"hmtx")?, table(font, b"cmap")?);
    let metrics = usize::from(u16_at(hhea, 34)?);
    let sub = (0..usize::from(u16_at(cmap, 2)?)).filter_map(|i| cmap.get(u32_at(cmap, 8 + 8 * i)?..)).find(|s| u16_at(s, 0) == Some(4))?;
    let measure = |id: usize| {
        let advance = f64::from(u16_at(hmtx, 4 * id.min(metrics - 1))?);
        let bearing = if id < metrics { i16_at(hmtx, 4 * id + 2)? } else { i16_at(hmtx, 4 * metrics + 2 * (id - metrics))? };
        Some(Measure { advance, bearing })
    };
    let glyphs = (0x20u16..0xfffe).filter_map(|c| Some((char::from_u32(u32::from(c))?, measure(glyph(sub, c)?)?))).collect();
    Some(Face { units_per_em: f64::from(u16_at(head, 18)?), height: i16_at(hhea, 4)? - i16_at(hhea, 6)?, glyphs })
}

fn faces() -> &'static [Option<Face>; 2] {
    static FACES: OnceLock<[Option<Face>; 2]> = OnceLock::new();
    FACES.get_or_init(|| {
        let known = register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok() && register_font(FAMILY, FontStyle::Bold, BOLD).is_ok();
        if known { [face(REGULAR), face(BOLD)] } else { [None, None] }
    })
}

fn of(weight: Weight) -> Option<&'static Face> {
    faces()[usize::from(weight == Weight::Bold)].as_ref()
}

/// The same text with every character that the font lacks (or that controls anything) as `?`, on one line.
pub(super) fn drawable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' | '\u{a0}' => ' ',
            _ if of(Weight::Regular).is_some_and(|f| f.glyphs.contains_key(&c)) && c != '\u{ad}' => c,
            _ => '?',
        })
        .collect()
}

/// Width of a text in pixels; `em` is the font size in pixels.
pub(super) fn width(text: &str, em: f64, weight: Weight) -> f64 {
    let Some(face) = of(weight) else { return 0.0 };
    let scale = em / face.units_per_em;
    drawable(text).chars().filter_map(|c| face.glyphs.get(&c)).map(|m| m.advance * scale).sum()
}

/// The text, shortened in the middle with `…` until it is no wider than `limit` pixels: beginnings and ends tell
/// names apart better than beginnings alone.
pub(super) fn elide(text: &str, em: f64, weight: Weight, limit: f64) -> String {
    let all: Vec<char> = drawable(text).chars().collect();
    let whole: String = all.iter().collect();
    if width(&whole, em, weight) <= limit {
        return whole;
    }
    let shortened = |keep: usize| -> String {
        let head = keep.div_ceil(2);
        all[..head].iter().chain(['…'].iter()).chain(&all[all.len() - (keep - head)..]).collect()
    };
    // The width grows with what is kept: find the most by halving.
    let (mut low, mut high) = (0, all.len().saturating_sub(1).min(4096));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if width(&shortened(middle), em, weight) <= limit { low = middle } else { high = middle - 1 }
    }
    shortened(low)
}

/// Text broken into at most `lines` lines of `limit` pixels; what is left over is elided.
pub(super) fn wrap(text: &str, em: f64, weight: Weight, limit: f64, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    // Not at a no-break space, which is drawn as a space like any other.
    let mut rest: Vec<String> = text.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty()).map(drawable).collect();
    rest.reverse();
    let mut line = String::new();
    while let Some(word) = rest.pop() {
        let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
        if width(&longer, em, weight) <= limit {
            line = longer;
        } else if out.len() + 1 == lines || line.is_empty() {
            rest.push(longer);
            rest.reverse();
            out.push(elide(&rest.join(" "), em, weight, limit));
            return out;
        } else {
            out.push(std::mem::replace(&mut line, word));
        }
    }
    if !line.is_empty() {
        out.push(line);
    }
    out
}

/// Calls `dot(x, y, coverage)` for every pixel of the text. The origin is the pen's start on the baseline, y grows
/// downwards; every glyph stands on a whole pixel.
pub(super) fn rasterise(text: &str, em: f64, weight: Weight, mut dot: impl FnMut(i32, i32, f64)) -> Result<()> {
    let face = of(weight).ok_or_else(|| Failure::environment("the embedded font cannot be read"))?;
    // plotters puts the baseline half its size below the given place; an even size keeps that whole.
    let size = 2.0 * (em * face.height / face.units_per_em / 2.0).round();
    let desc = FontDesc::new(FontFamily::Name(FAMILY), size, weight.style());
    let scale = size / face.height;
    let mut pen = 0.0f64;
    for c in drawable(text).chars() {
        let Some(m) = face.glyphs.get(&c) else { continue };
        let x = pen.round() as i32 + (m.bearing * scale).floor() as i32;
        let done: std::result::Result<_, _> = desc.draw(&c.to_string(), (x, -(size as i32) / 2), |px, py, coverage| {
            dot(px, py, f64::from(coverage));
            Ok::<(), std::convert::Infallible>(())
        });
        if done.is_err() {
            return Err(Failure::environment("the embedded font cannot be drawn"));
        }
        pen += m.advance * scale;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_have_what_figures_write() {
        for weight in [Weight::Regular, Weight::Bold] {
            let face = of(weight).unwrap();
            for c in "AZaz09 ρ²≥≤−–—…±×µ’“”→·•".chars() {
                assert!(face.glyphs.contains_key(&c), "{c} is missing in {weight:?}");
            }
            assert!(face.glyphs[&'W'].advance > face.glyphs[&'i'].advance);
        }
    }

    #[test]
    fn what_the_font_lacks_is_a_question_mark() {
        assert_eq!(drawable("a\u{1f9ec}b\u{202e}\n漢"), "a?b? ?");
        assert!(width("漢", 20.0, Weight::Regular) > 0.0);
    }

    #[test]
    fn long_names_are_elided_in_the_middle() {
        let name = "X".repeat(50_000) + "END";
        let short = elide(&name, 22.0, Weight::Regular, 200.0);
        assert!(short.contains('…') && short.ends_with('D') && width(&short, 22.0, Weight::Regular) <= 200.0);
        assert_eq!(elide("GNAS", 22.0, Weight::Regular, 200.0), "GNAS");
        assert_eq!(elide("GNAS", 22.0, Weight::Regular, 1.0), "…");
    }

    #[test]
    fn text_breaks_between_words_and_never_grows() {
        let lines = wrap("one two three four five six seven", 20.0, Weight::Regular, 120.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|l| width(l, 20.0, Weight::Regular) <= 120.0), "{lines:?}");
        assert!(lines[1].contains('…'));
        assert!(wrap("", 20.0, Weight::Regular, 100.0, 2).is_empty());
    }

    #[test]
    fn ink_lies_where_the_widths_say() {
        let (mut left, mut right, mut top, mut bottom) = (i32::MAX, i32::MIN, i32::MAX, i32::MIN);
        rasterise("H", 100.0, Weight::Regular, |x, y, c| {
            if c > 0.5 {
                (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
            }
        })
        .unwrap();
        // DejaVu Sans: H is 1540 units wide of 2048, from 201 to 1339, and 1493 high.
        assert!((left - 10).abs() <= 1 && (right - 65).abs() <= 1, "{left}..{right}");
        assert!((top + 73).abs() <= 1 && bottom.abs() <= 1, "{top}..{bottom}");
    }
}
