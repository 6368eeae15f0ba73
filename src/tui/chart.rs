//! Curves in a few lines of the terminal: braille dots, two across and four down in each cell; quarter blocks, two and two; or
//! one ASCII letter a cell.

use super::look::Role;
use super::paint::{Pen, number};
use ratatui::layout::Rect;

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its points, x rising.
    pub points: Vec<(f64, f64)>,
    /// What it looks like.
    pub role: Role,
    /// The letter at its end, and the one that draws it in ASCII.
    pub letter: char,
}

/// Draws curves on common axes, with the range written at the left. Says so when there is nothing to draw.
pub fn curves(pen: &mut Pen<'_>, area: Rect, curves: &[Curve], decimals: usize, empty: &str) {
    let finite = || curves.iter().flat_map(|c| &c.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    if area.height < 2 || area.width < 12 {
        return;
    }
    if finite().count() == 0 {
        pen.wrapped(area, 0, empty, Role::Quiet);
        return;
    }
    let (mut low, mut high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (_, y)| (l.min(*y), h.max(*y)));
    let (first, last) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (x, _)| (l.min(*x), h.max(*x)));
    if high - low < 1e-9 {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let label = 7;
    let plot = Rect { x: area.x + label, width: area.width - label - 2, ..area };
    let axis = pen.look.glyph("│", "|");
    for y in area.y..area.bottom() {
        pen.text(plot.x - 1, y, 1, axis, Role::Rule);
    }
    pen.right(area.x, area.y, label - 2, &number(Some(high), decimals), Role::Quiet);
    pen.right(area.x, area.bottom() - 1, label - 2, &number(Some(low), decimals), Role::Quiet);
    let scale = Scale { first, span: (last - first).max(1.0), low, rise: high - low };
    if pen.look.ascii {
        letters(pen, plot, curves, &scale)
    } else if pen.look.blocks {
        quarters(pen, plot, curves, &scale)
    } else {
        braille(pen, plot, curves, &scale)
    }
    names(pen, plot, curves, &scale);
}

struct Scale {
    first: f64,
    span: f64,
    low: f64,
    rise: f64,
}

impl Scale {
    /// A point as dots from the left and from the top.
    fn place(&self, (x, y): (f64, f64), across: usize, down: usize) -> (usize, usize) {
        let column = (x - self.first) / self.span * (across.saturating_sub(1)) as f64;
        let row = (1.0 - (y - self.low) / self.rise) * (down.saturating_sub(1)) as f64;
        ((column.round().max(0.0) as usize).min(across.saturating_sub(1)), (row.round().max(0.0) as usize).min(down.saturating_sub(1)))
    }

    /// Every dot of a curve: its points, joined by straight lines.
    fn dots(&self, curve: &Curve, across: usize, down: usize) -> Vec<(usize, usize)> {
        let mut dots: Vec<(usize, usize)> = Vec::new();
        let mut before: Option<(usize, usize)> = None;
        for point in curve.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let (x1, y1) = self.place(*point, across, down);
            let (x0, y0) = before.unwrap_or((x1, y1));
            let steps = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
            for i in 0..=steps {
                let along = |a: usize, b: usize| (a as f64 + (b as f64 - a as f64) * i as f64 / steps as f64).round() as usize;
                let dot = (along(x0, x1), along(y0, y1));
                if dots.last() != Some(&dot) {
                    dots.push(dot);
                }
            }
            before = Some((x1, y1));
        }
        dots
    }
}

fn braille(pen: &mut Pen<'_>, plot: Rect, curves: &[Curve], scale: &Scale) {
    /// Bits of a braille cell by row and column of the dot.
    const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    cells(pen, plot, curves, scale, &BITS, |bits| char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '));
}

fn quarters(pen: &mut Pen<'_>, plot: Rect, curves: &[Curve], scale: &Scale) {
    /// By bits: upper left 1, upper right 2, lower left 4, lower right 8.
    const GLYPHS: [char; 16] = [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
    cells(pen, plot, curves, scale, &[[1, 2], [4, 8]], |bits| GLYPHS[usize::from(bits & 15)]);
}

/// Draws cells of two dots across and as many down as there are rows of bits.
fn cells(pen: &mut Pen<'_>, plot: Rect, curves: &[Curve], scale: &Scale, bits_of: &[[u8; 2]], glyph: impl Fn(u8) -> char) {
    let down = bits_of.len();
    let (columns, rows) = (usize::from(plot.width), usize::from(plot.height));
    let mut cells = vec![(0u8, Role::Plain); columns * rows];
    for curve in curves {
        for (x, y) in scale.dots(curve, columns * 2, rows * down) {
            let cell = &mut cells[y / down * columns + x / 2];
            *cell = (cell.0 | bits_of[y % down][x % 2], curve.role);
        }
    }
    for (i, (bits, role)) in cells.iter().enumerate().filter(|(_, c)| c.0 != 0) {
        pen.text(plot.x + (i % columns) as u16, plot.y + (i / columns) as u16, 1, glyph(*bits).encode_utf8(&mut [0; 4]), *role);
    }
}

fn letters(pen: &mut Pen<'_>, plot: Rect, curves: &[Curve], scale: &Scale) {
    let (columns, rows) = (usize::from(plot.width), usize::from(plot.height));
    for curve in curves {
        for (x, y) in scale.dots(curve, columns, rows) {
            pen.text(plot.x + x as u16, plot.y + y as u16, 1, curve.letter.encode_utf8(&mut [0; 4]), curve.role);
        }
    }
}

/// The letter of each curve, right of its end; one that finds its place taken goes to the nearest free row.
fn names(pen: &mut Pen<'_>, plot: Rect, curves: &[Curve], scale: &Scale) {
    let rows = usize::from(plot.height);
    let mut taken = vec![false; rows];
    for curve in curves {
        let Some(last) = curve.points.iter().rev().find(|(x, y)| x.is_finite() && y.is_finite()) else { continue };
        let (_, row) = scale.place(*last, 1, rows);
        let Some(free) = (0..rows).filter(|r| !taken[*r]).min_by_key(|r| r.abs_diff(row)) else { return };
        taken[free] = true;
        pen.text(plot.right() + 1, plot.y + free as u16, 1, curve.letter.encode_utf8(&mut [0; 4]), curve.role);
    }
}

/// A bar that fills from the left, in eighths of a cell.
pub fn bar(pen: &mut Pen<'_>, x: u16, y: u16, width: u16, share: f64, role: Role) {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    if pen.look.ascii {
        let full = (share * f64::from(width)).floor() as usize;
        pen.text(x, y, width, &"#".repeat(full), role);
        pen.text(x + full as u16, y, width - full as u16, &".".repeat(usize::from(width) - full), Role::Quiet);
        return;
    }
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * f64::from(width) * 8.0).floor() as usize;
    let mut text = "█".repeat(eighths / 8);
    text.push_str(EIGHTHS[eighths % 8]);
    let used = pen.text(x, y, width, &text, role);
    pen.text(x + used, y, width - used, &"·".repeat(usize::from(width - used)), Role::Quiet);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_goes_from_bottom_left_to_top_right() {
        let curve = Curve { points: vec![(1.0, 0.0), (3.0, 1.0)], role: Role::Plain, letter: 'a' };
        let scale = Scale { first: 1.0, span: 2.0, low: 0.0, rise: 1.0 };
        let dots = scale.dots(&curve, 9, 5);
        assert_eq!(dots.first(), Some(&(0, 4)));
        assert_eq!(dots.last(), Some(&(8, 0)));
        assert!(dots.windows(2).all(|w| w[0].0.abs_diff(w[1].0) <= 1 && w[0].1.abs_diff(w[1].1) <= 1), "no gaps: {dots:?}");
    }

    #[test]
    fn the_three_forms_draw_one_curve() {
        use super::super::look::{Colours, Look};
        use ratatui::buffer::Buffer;
        let curve = [Curve { points: vec![(1.0, 0.0), (2.0, 1.0)], role: Role::Plain, letter: 'a' }];
        let drawn = |ascii, blocks| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 17, 4));
            let area = buffer.area;
            curves(&mut Pen { buffer: &mut buffer, look: Look { colours: Colours::None, ascii, blocks } }, area, &curve, 1, "");
            let row = |y| (7..15).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
            (0..4).map(row).collect::<Vec<String>>()
        };
        assert_eq!(drawn(true, false), ["      aa", "    aa  ", "  aa    ", "aa      "]);
        assert_eq!(drawn(false, true), ["      ▄▀", "    ▄▀  ", "  ▄▀    ", "▄▀      "]);
        assert!(drawn(false, false).concat().chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)));
    }
}
