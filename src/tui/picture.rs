//! Pictures in half-blocks: two pixels in each cell, one above the other. Without colours, or in ASCII, by
//! characters of rising density.

use super::facts::{Picture, SpotMap, Tissue};
use super::paint::Pen;
use super::panes::Zoom;
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

/// The part of an array that is drawn. Every map of a slide is drawn in the same frame, so that they lie alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// On a hexagonal array columns alternate: pairs are drawn as one.
    hexagonal: bool,
    left: i64,
    top: i64,
    across: usize,
    down: usize,
}

impl Frame {
    /// The frame round these array columns and rows; `None` round none.
    pub fn round(at: &[(i32, i32)]) -> Option<Self> {
        let first = at.first()?;
        let hexagonal = at.len() > 2 && at.iter().all(|(c, r)| (c ^ r) & 1 == (first.0 ^ first.1) & 1);
        let whole = Self { hexagonal, left: 0, top: 0, across: 0, down: 0 };
        let places = || at.iter().map(|p| whole.place(*p));
        let (left, right) = (places().map(|p| p.0).min()?, places().map(|p| p.0).max()?);
        let (top, bottom) = (places().map(|p| p.1).min()?, places().map(|p| p.1).max()?);
        Some(Self { left, top, across: (right - left + 1) as usize, down: (bottom - top + 1) as usize, ..whole })
    }

    /// The window of it.
    #[must_use]
    pub fn zoomed(self, zoom: Zoom) -> Self {
        let (right, across) = zoom.window(self.across, zoom.x);
        let (below, down) = zoom.window(self.down, zoom.y);
        Self { left: self.left + right as i64, top: self.top + below as i64, across, down, ..self }
    }

    fn place(&self, (column, row): (i32, i32)) -> (i64, i64) {
        (i64::from(if self.hexagonal { column.div_euclid(2) } else { column }), i64::from(row))
    }

    /// The mean of what lies on each pixel, on at most `width` x `height` of them: whole multiples of the array when it is
    /// smaller, means when it is larger. Returns the pixels across and down, too.
    fn fill<const N: usize>(
        &self,
        spots: impl Iterator<Item = ((i32, i32), [f64; N])>,
        width: usize,
        height: usize,
    ) -> (usize, usize, Vec<Option<[f64; N]>>) {
        if width == 0 || height == 0 {
            return (0, 0, Vec::new());
        }
        let scale = (width as f64 / self.across as f64).min(height as f64 / self.down as f64);
        // Whole steps look best, unless too much of the area would stay empty.
        let scale = if scale >= 1.0 && scale.floor() / scale > 0.7 { scale.floor() } else { scale };
        let pixels = |places: usize, most: usize| ((places as f64 * scale).ceil() as usize).clamp(1, most);
        let (w, h) = (pixels(self.across, width), pixels(self.down, height));
        let mut sums = vec![([0.0; N], 0u32); w * h];
        for (at, values) in spots {
            let (column, row) = self.place(at);
            // Outside of the window.
            let (Ok(right), Ok(below)) = (usize::try_from(column - self.left), usize::try_from(row - self.top)) else { continue };
            if right >= self.across || below >= self.down {
                continue;
            }
            let span = |from: usize, limit: usize| {
                let first = (from as f64 * scale) as usize;
                let next = ((from + 1) as f64 * scale) as usize;
                first..next.max(first + 1).min(limit)
            };
            for y in span(below, h) {
                for x in span(right, w) {
                    let (sum, n) = &mut sums[y * w + x];
                    sum.iter_mut().zip(values).for_each(|(s, v)| *s += v);
                    *n += 1;
                }
            }
        }
        let mean = |(sum, n): ([f64; N], u32)| (n > 0).then(|| sum.map(|s| s / f64::from(n)));
        (w, h, sums.into_iter().map(mean).collect())
    }
}

/// Puts the values of spots into a frame, on a grid of at most `width` x `height` pixels.
pub fn grid(frame: &Frame, at: &[(i32, i32)], values: &[f32], width: usize, height: usize) -> Grid {
    let spots = at.iter().copied().zip(values.iter().map(|v| [f64::from(*v)])).filter(|(_, [v])| v.is_finite());
    let (width, height, values) = frame.fill(spots, width, height);
    Grid { width, height, values: values.into_iter().map(|v| v.map(|[v]| v)).collect() }
}

/// Draws the colours of the tissue in the middle of an area. Without colours, dense tissue (dark in the image) is drawn
/// dense, stretched over what the slide has, since stained tissue is all of a middling brightness.
pub fn draw_tissue(pen: &mut Pen<'_>, area: Rect, frame: &Frame, tissue: &Tissue) {
    let dark = |[r, g, b]: [f64; 3]| 255.0 - (0.299 * r + 0.587 * g + 0.114 * b);
    let all = || tissue.colours.iter().map(|c| dark(c.map(f64::from)));
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let spots = tissue.at.iter().copied().zip(tissue.colours.iter().map(|c| c.map(f64::from)));
    let (w, h, pixels) = frame.fill(spots, usize::from(area.width), usize::from(area.height) * 2);
    draw(pen, area, w, h, |x, y| {
        let mean = (y < h).then(|| pixels[y * w + x]).flatten()?;
        let share = if high > low { (dark(mean) - low) / (high - low) } else { 0.5 };
        let [r, g, b] = mean.map(|v| v as u8);
        Some((share, (r, g, b)))
    });
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

    fn whole(at: &[(i32, i32)], values: &[f32], width: usize, height: usize) -> Grid {
        grid(&Frame::round(at).expect("spots"), at, values, width, height)
    }

    #[test]
    fn small_arrays_grow_by_whole_steps_and_large_ones_are_averaged() {
        let at = [(0, 0), (1, 0), (0, 1), (1, 1), (3, 3)];
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let big = whole(&at, &values, 9, 9);
        assert_eq!((big.width, big.height), (8, 8));
        assert_eq!((big.values[0], big.values[9], big.values[2]), (Some(1.0), Some(1.0), Some(2.0)));
        assert_eq!(big.values[4], None);
        let small = whole(&at, &values, 2, 2);
        assert_eq!(small.values, vec![Some(2.5), None, None, Some(5.0)]);
    }

    #[test]
    fn a_hexagonal_array_has_no_holes() {
        let at: Vec<(i32, i32)> = (0..6).flat_map(|r| (0..4).map(move |c| (2 * c + r % 2, r))).collect();
        let drawn = whole(&at, &vec![1.0; at.len()], 4, 6);
        assert_eq!((drawn.width, drawn.height), (4, 6));
        assert!(drawn.values.iter().all(Option::is_some));
    }

    #[test]
    fn a_near_map_shows_a_part_of_the_array_larger() {
        let at: Vec<(i32, i32)> = (0..8).flat_map(|r| (0..8).map(move |c| (c - 3, r + 5))).collect();
        let values: Vec<f32> = (0..64u8).map(f32::from).collect();
        let near = |zoom: Zoom, w, h| grid(&Frame::round(&at).expect("spots").zoomed(zoom), &at, &values, w, h);
        // Four of eight columns and rows about the middle: from column 2 and row 2 on.
        let twice = near(Zoom::default().nearer(), 4, 4);
        assert_eq!((twice.width, twice.height, twice.values[0], twice.values[15]), (4, 4, Some(18.0), Some(45.0)));
        // To the top left corner, and there one spot fills everything.
        let corner = (0..20).fold(Zoom::default().nearer().nearer().nearer(), |z, _| z.moved(-1, -1));
        let one = near(corner, 6, 6);
        assert_eq!((one.width, one.height), (6, 6));
        assert!(one.values.iter().all(|v| *v == Some(0.0)), "{:?}", one.values);
        // Spots that lie outside of the frame are left out.
        let inner = Frame::round(&[(0, 7), (1, 8)]).expect("spots");
        assert_eq!(grid(&inner, &at, &values, 2, 2).values, [19.0, 20.0, 27.0, 28.0].map(Some));
    }

    #[test]
    fn nothing_finite_is_nothing_drawn() {
        assert!(whole(&[(0, 0)], &[f32::NAN], 5, 5).values.iter().all(Option::is_none));
        assert_eq!(Frame::round(&[]), None);
        assert_eq!(range(&[f32::NAN]), (0.0, 0.0));
        let far = whole(&[(i32::MIN, i32::MIN), (i32::MAX, i32::MAX)], &[1.0, 2.0], 3, 3);
        assert_eq!((far.values[0], far.values[8]), (Some(1.0), Some(2.0)));
    }
}
