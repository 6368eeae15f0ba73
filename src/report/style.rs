//! One look for all figures: sizes, colours, marks, and how numbers are written.

use super::canvas::{Anchor, Canvas, Colour, Type};
use super::font::Weight;

/// Width of every figure, pixels.
pub(super) const WIDTH: usize = 1600;

/// Space at the left and right of titles.
pub(super) const MARGIN: f64 = 60.0;

/// Ink of text.
pub(super) const INK: Colour = (28, 30, 34);
/// Ink of secondary text: 6.5 to 1 on white.
pub(super) const SOFT: Colour = (86, 91, 99);
/// Axes.
pub(super) const AXIS: Colour = (120, 125, 132);
/// Grid lines.
pub(super) const GRID: Colour = (229, 231, 235);
/// Bands behind data.
pub(super) const BAND: Colour = (233, 235, 239);
/// Data of no class.
pub(super) const GREY: Colour = (140, 145, 152);
/// White.
pub(super) const WHITE: Colour = (255, 255, 255);

/// Blue: our own results (Okabe and Ito 2008, `jfly.uni-koeln.de/color`, as are the others).
pub(super) const BLUE: Colour = (0, 114, 178);
/// Vermillion: what stands against them.
pub(super) const VERMILLION: Colour = (213, 94, 0);
/// Orange.
pub(super) const ORANGE: Colour = (230, 159, 0);
/// Bluish green.
pub(super) const GREEN: Colour = (0, 158, 115);

/// Colours in the order in which classes or folds get them; neighbours differ in lightness too, for grey print.
pub(super) const CYCLE: [Colour; 7] = [BLUE, ORANGE, GREEN, VERMILLION, (204, 121, 167), (86, 180, 233), (90, 90, 90)];

/// Figure title.
pub(super) const TITLE: Type = Type { em: 38.0, weight: Weight::Bold, colour: INK, anchor: Anchor::Start };
/// The finding under the title.
pub(super) const FINDING: Type = Type { em: 26.0, weight: Weight::Regular, colour: SOFT, anchor: Anchor::Start };
/// Axis titles.
pub(super) const LABEL: Type = Type { em: 25.0, weight: Weight::Regular, colour: INK, anchor: Anchor::Middle };
/// Panel titles.
pub(super) const PANEL: Type = Type { em: 26.0, weight: Weight::Bold, colour: INK, anchor: Anchor::Start };
/// Tick labels and notes.
pub(super) const TICK: Type = Type { em: 22.0, weight: Weight::Regular, colour: SOFT, anchor: Anchor::Middle };
/// Names beside data.
pub(super) const NOTE: Type = Type { em: 22.0, weight: Weight::Regular, colour: INK, anchor: Anchor::Start };

/// A mark's shape: a class has a colour and a shape, so that either is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
}

/// Shapes in the order of [`CYCLE`].
pub(super) const MARKS: [Mark; 5] = [Mark::Circle, Mark::Square, Mark::Triangle, Mark::Diamond, Mark::Down];

/// Draws a mark of about the area of a circle of this radius, with a thin white rim that keeps neighbours apart.
pub(super) fn mark(canvas: &mut Canvas, shape: Mark, x: f64, y: f64, r: f64, colour: Colour, rim: f64) {
    if rim > 0.0 {
        solid(canvas, shape, x, y, r + rim, WHITE);
    }
    solid(canvas, shape, x, y, r, colour);
}

fn solid(canvas: &mut Canvas, shape: Mark, x: f64, y: f64, r: f64, colour: Colour) {
    let (s, t, d) = (r * 0.9, r * 1.25, r * 1.25);
    match shape {
        Mark::Circle => canvas.disc(x, y, r, colour, 1.0),
        Mark::Square => canvas.rect(x - s, y - s, x + s, y + s, colour, 1.0),
        Mark::Triangle => canvas.polygon(&[(x, y - t), (x + t, y + t * 0.75), (x - t, y + t * 0.75)], colour, 1.0),
        Mark::Down => canvas.polygon(&[(x, y + t), (x + t, y - t * 0.75), (x - t, y - t * 0.75)], colour, 1.0),
        Mark::Diamond => canvas.polygon(&[(x, y - d), (x + d, y), (x, y + d), (x - d, y)], colour, 1.0),
    }
}

/// Minus as typography has it.
pub(super) fn minus(text: &str) -> String {
    text.replace('-', "−")
}

/// A number with this many decimals; `n/a` when there is none, and a power of ten where decimals would fill the page.
pub(super) fn fixed(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(v) if v.is_finite() && v.abs() >= 1e9 => minus(&format!("{v:.1e}")),
        Some(v) if v.is_finite() => {
            let text = format!("{v:.decimals$}");
            // No "−0.00".
            if text.trim_start_matches(['-', '0', '.']).is_empty() { minus(text.trim_start_matches('-')) } else { minus(&text) }
        }
        _ => "n/a".to_owned(),
    }
}

/// A number of any magnitude with about `digits` significant digits.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "n/a".to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&size) {
        return minus(&format!("{value:.*e}", digits.saturating_sub(1)));
    }
    // The power of ten by comparison: no logarithm whose last bit differs between machines.
    let mut power = 0i32;
    let mut bound = 1.0;
    while size >= bound * 10.0 {
        bound *= 10.0;
        power += 1;
    }
    while size < bound {
        bound /= 10.0;
        power -= 1;
    }
    fixed(Some(value), (digits as i32 - 1 - power).clamp(0, 12) as usize)
}

/// `3,000`.
pub(super) fn number(n: usize) -> String {
    crate::base::text::thousands(n as u64)
}

/// `1 gene`, `3,000 genes`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(fixed(Some(-0.001), 2), "0.00");
        assert_eq!(fixed(Some(-0.251), 2), "−0.25");
        assert_eq!(fixed(Some(f64::NAN), 2), "n/a");
        assert_eq!(fixed(None, 2), "n/a");
        assert_eq!(fixed(Some(-1e99), 3), "−1.0e99");
        assert_eq!(number(1_234), "1,234");
        assert_eq!(significant(0.012345, 3), "0.0123");
        assert_eq!(significant(1234.5, 3), "1234");
        assert_eq!(significant(1e-9, 2), "1.0e−9");
        assert_eq!(significant(0.0, 3), "0");
        assert_eq!((counted(1, "gene"), counted(3000, "gene")), ("1 gene".into(), "3,000 genes".into()));
    }
}
