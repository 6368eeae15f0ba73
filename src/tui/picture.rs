//! Pictures in half-blocks: two pixels in each cell, one above the other. Without colours, or in ASCII, by
//! characters of rising density.

use super::facts::{Picture, SpotMap};
use super::paint::Pen;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The value of every pixel of a map, row by row; `None` where no spot lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Their values.
    pub values: Vec<Option<f64>>,
}

/// Puts the values of spots on a grid of at most `width` x `height` pixels: whole multiples of the array when
/// it is smaller, means when it is larger. On a hexagonal array, where columns alternate, pairs are drawn as one.
pub fn grid(at: &[(i32, i32)], values: &[f32], width: usize, height: usize) -> Grid {
    let spots: Vec<((i32, i32), f64)> =
        at.iter().copied().zip(values.iter().map(|v| f64::from(*v))).filter(|(_, v)| v.is_finite()).collect();
    if spots.is_empty() || width == 0 || height == 0 {
        return Grid { width: 0, height: 0, values: Vec::new() };
    }
    let hexagonal = spots.len() > 2 && at.iter().all(|(c, r)| (c ^ r) & 1 == (at[0].0 ^ at[0].1) & 1);
    let place = |(c, r): (i32, i32)| if hexagonal { (c.div_euclid(2), r) } else { (c, r) };
    let columns = || spots.iter().map(|(p, _)| i64::from(place(*p).0));
    let rows = || spots.iter().map(|(p, _)| i64::from(place(*p).1));
    let (left, right) = (columns().min().unwrap_or(0), columns().max().unwrap_or(0));
    let (top, bottom) = (rows().min().unwrap_or(0), rows().max().unwrap_or(0));
    let (across, down) = ((right - left + 1) as usize, (bottom - top + 1) as usize);
    let scale = (width as f64 / across as f64).min(height as f64 / down as f64);
    // Whole steps look best, unless too much of the area would stay empty.
    let scale = if scale >= 1.0 && scale.floor() / scale > 0.7 { scale.floor() } else { scale };
    let (w, h) = (((across as f64 * scale).ceil() as usize).clamp(1, width), ((down as f64 * scale).ceil() as usize).clamp(1, height));
    let mut sums = vec![(0.0, 0u32); w * h];
    for (p, value) in &spots {
        let (c, r) = place(*p);
        let span = |at: i64, from: i64, limit: usize| {
            let first = ((at - from) as f64 * scale) as usize;
            let next = ((at - from + 1) as f64 * scale) as usize;
            first..next.max(first + 1).min(limit)
        };
        for yy in span(i64::from(r), top, h) {
            for xx in span(i64::from(c), left, w) {
                let sum = &mut sums[yy * w + xx];
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }
    let values = sums.iter().map(|(sum, n)| (*n > 0).then(|| sum / f64::from(*n))).collect();
    Grid { width: w, height: h, values }
}

/// The range of one side of a map.
pub fn range(values: &[f32]) -> (f64, f64) {
    let (low, high) = values
        .iter()
        .map(|v| f64::from(*v))
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high { (0.0, 0.0) } else { (low, high) }
}

/// The range of both sides of a map.
pub fn common_range(map: &SpotMap) -> (f64, f64) {
    let (a, b) = (range(&map.truth), range(&map.prediction));
    (a.0.min(b.0), a.1.max(b.1))
}

/// Draws a grid in the middle of an area, low values dark and high ones bright.
pub fn draw_grid(pen: &mut Pen<'_>, area: Rect, grid: &Grid, (low, high): (f64, f64)) {
    let share = |v: f64| if high > low { ((v - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    let colour = |v: f64| {
        let c = colorous::VIRIDIS.eval_continuous(share(v));
        (c.r, c.g, c.b)
    };
    let at = |x: usize, y: usize| (y < grid.height).then(|| grid.values[y * grid.width + x]).flatten();
    draw(pen, area, grid.width, grid.height, |x, y| at(x, y).map(|v| (share(v), colour(v))));
}

/// Draws a picture in the middle of an area, shrunk by averaging where it is too large.
pub fn draw_picture(pen: &mut Pen<'_>, area: Rect, picture: &Picture) {
    let (width, height) = (usize::from(area.width), usize::from(area.height) * 2);
    let whole = picture.pixels.len() == picture.width * picture.height && !picture.pixels.is_empty();
    if !whole || width == 0 || height == 0 {
        return;
    }
    let scale = (width as f64 / picture.width as f64).min(height as f64 / picture.height as f64).min(1.0);
    let (w, h) = (((picture.width as f64 * scale) as usize).max(1), ((picture.height as f64 * scale) as usize).max(1));
    let mean = |x: usize, y: usize| {
        let span = |i: usize, of: usize, from: usize| (i * from / of)..((i + 1) * from / of).max(i * from / of + 1).min(from);
        let mut sum = [0u32; 3];
        let mut n = 0;
        for yy in span(y, h, picture.height) {
            for xx in span(x, w, picture.width) {
                let p = picture.pixels[yy * picture.width + xx];
                sum.iter_mut().zip(p).for_each(|(s, v)| *s += u32::from(v));
                n += 1;
            }
        }
        sum.map(|s| (s / n.max(1)) as u8)
    };
    draw(pen, area, w, h, |x, y| {
        if y >= h {
            return None;
        }
        let [r, g, b] = mean(x, y);
        // Figures are drawn on white, so ink, not light, is what counts without colour.
        let ink = 1.0 - (0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)) / 255.0;
        Some((ink, (r, g, b)))
    });
}

/// A pixel: how dense, and which colour.
type Pixel = Option<(f64, (u8, u8, u8))>;

fn draw(pen: &mut Pen<'_>, area: Rect, width: usize, height: usize, pixel: impl Fn(usize, usize) -> Pixel) {
    let rows = height.div_ceil(2).min(usize::from(area.height));
    let columns = width.min(usize::from(area.width));
    let left = area.x + (area.width - columns as u16) / 2;
    let top = area.y;
    let look = pen.look;
    for row in 0..rows {
        for column in 0..columns {
            let (upper, lower) = (pixel(column, row * 2), pixel(column, row * 2 + 1));
            let (x, y) = (left + column as u16, top + row as u16);
            if look.pictures_in_colour() {
                let colour = |p: (f64, (u8, u8, u8))| look.rgb(p.1.0, p.1.1, p.1.2);
                let (glyph, style) = match (upper, lower) {
                    (Some(u), Some(l)) if colour(u) == colour(l) => ("█", Style::default().fg(colour(u))),
                    (Some(u), Some(l)) => ("▀", Style::default().fg(colour(u)).bg(colour(l))),
                    (Some(u), None) => ("▀", Style::default().fg(colour(u))),
                    (None, Some(l)) => ("▄", Style::default().fg(colour(l))),
                    (None, None) => continue,
                };
                pen.styled(x, y, 1, glyph, style);
            } else {
                let shares = [upper, lower].into_iter().flatten().map(|p| p.0);
                let (sum, n) = shares.fold((0.0, 0u32), |(s, n), v| (s + v, n + 1));
                if n > 0 {
                    let ramp = look.ramp();
                    let i = ((sum / f64::from(n) * ramp.len() as f64) as usize).min(ramp.len() - 1);
                    pen.styled(x, y, 1, ramp[i].encode_utf8(&mut [0; 4]), Style::default());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_arrays_grow_by_whole_steps_and_large_ones_are_averaged() {
        let at = [(0, 0), (1, 0), (0, 1), (1, 1), (3, 3)];
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let big = grid(&at, &values, 9, 9);
        assert_eq!((big.width, big.height), (8, 8));
        assert_eq!((big.values[0], big.values[9], big.values[2]), (Some(1.0), Some(1.0), Some(2.0)));
        assert_eq!(big.values[4], None);
        let small = grid(&at, &values, 2, 2);
        assert_eq!(small.values, vec![Some(2.5), None, None, Some(5.0)]);
    }

    #[test]
    fn a_hexagonal_array_has_no_holes() {
        let at: Vec<(i32, i32)> = (0..6).flat_map(|r| (0..4).map(move |c| (2 * c + r % 2, r))).collect();
        let drawn = grid(&at, &vec![1.0; at.len()], 4, 6);
        assert_eq!((drawn.width, drawn.height), (4, 6));
        assert!(drawn.values.iter().all(Option::is_some));
    }

    #[test]
    fn nothing_finite_is_nothing_drawn() {
        assert_eq!(grid(&[(0, 0)], &[f32::NAN], 5, 5).width, 0);
        assert_eq!(range(&[f32::NAN]), (0.0, 0.0));
    }
}
