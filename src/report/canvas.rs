//! A drawing surface over plotters' bitmap backend: everything is drawn at three times the size and averaged down.
//!
//! Coordinates are pixels of the finished figure, y downwards; fractions are kept to a third of a pixel. Averaging
//! whole numbers gives the same smooth edges on every machine. Whatever is not finite is not drawn.

use super::font::{self, Weight};
use super::png::{self, Rgb};
use crate::base::{Failure, Result};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::style::{RGBAColor, ShapeStyle};

/// Sub-pixels a side.
const FINE: usize = 3;

/// A colour: red, green, blue.
pub(super) type Colour = (u8, u8, u8);

/// Where a text's given point lies on it, horizontally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    /// Font size in pixels.
    pub em: f64,
    /// Weight.
    pub weight: Weight,
    /// Colour.
    pub colour: Colour,
    /// Horizontal alignment.
    pub anchor: Anchor,
}

impl Type {
    /// The same, aligned otherwise.
    pub fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
    /// The same in another colour.
    pub fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
    /// The width of a text.
    pub fn width(&self, text: &str) -> f64 {
        font::width(text, self.em, self.weight)
    }
    /// The text, shortened to a width.
    pub fn elide(&self, text: &str, limit: f64) -> String {
        font::elide(text, self.em, self.weight, limit)
    }
}

/// A figure in the making.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    fine: Vec<u8>,
    failed: Option<Failure>,
}

impl Canvas {
    /// A white surface.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, fine: vec![255; width * height * FINE * FINE * 3], failed: None }
    }

    /// The finished width.
    pub fn width(&self) -> f64 {
        self.width as f64
    }

    /// The finished height.
    pub fn height(&self) -> f64 {
        self.height as f64
    }

    fn fine(v: f64) -> i32 {
        (v * FINE as f64).round().clamp(-1e6, 1e6) as i32
    }

    fn with<E: std::error::Error + Send + Sync>(&mut self, draw: impl FnOnce(&mut BitMapBackend) -> std::result::Result<(), E>) {
        let size = ((self.width * FINE) as u32, (self.height * FINE) as u32);
        let mut backend = BitMapBackend::with_buffer(&mut self.fine, size);
        let done = draw(&mut backend);
        drop(backend);
        if let Err(e) = done {
            self.failed.get_or_insert_with(|| Failure::environment(format!("cannot draw the figure: {e}")));
        }
    }

    fn style(colour: Colour, alpha: f64, width: u32) -> ShapeStyle {
        ShapeStyle { color: RGBAColor(colour.0, colour.1, colour.2, alpha), filled: true, stroke_width: width }
    }

    /// A filled rectangle between two corners.
    pub fn rect(&mut self, x0: f64, y0: f64, x1: f64, y1: f64, colour: Colour, alpha: f64) {
        if ![x0, y0, x1, y1].iter().all(|v| v.is_finite()) || x1 <= x0 || y1 <= y0 {
            return;
        }
        let (a, b) = ((Self::fine(x0), Self::fine(y0)), (Self::fine(x1), Self::fine(y1)));
        let (width, height) = ((self.width * FINE) as i32, (self.height * FINE) as i32);
        let step = if alpha < 1.0 { (alpha.max(0.0) * 256.0) as i32 } else { 256 };
        let new = [i32::from(colour.0), i32::from(colour.1), i32::from(colour.2)];
        for y in a.1.max(0)..b.1.min(height) {
            for x in a.0.max(0)..b.0.min(width) {
                let at = (y as usize * width as usize + x as usize) * 3;
                for (old, new) in self.fine[at..at + 3].iter_mut().zip(new) {
                    *old = ((i32::from(*old) * (256 - step) + new * step) >> 8) as u8;
                }
            }
        }
    }

    /// The outline of a rectangle, its stroke centred on the edges.
    pub fn frame(&mut self, x0: f64, y0: f64, x1: f64, y1: f64, colour: Colour, stroke: f64) {
        for (a, b) in [((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)), ((x0, y1), (x0, y0))] {
            self.line(a, b, colour, stroke, 1.0);
        }
    }

    /// A straight line. Level and upright ones are exact rectangles.
    pub fn line(&mut self, a: (f64, f64), b: (f64, f64), colour: Colour, stroke: f64, alpha: f64) {
        if ![a.0, a.1, b.0, b.1].iter().all(|v| v.is_finite()) {
            return;
        }
        let h = stroke / 2.0;
        if a.0 == b.0 || a.1 == b.1 {
            let (x0, x1, y0, y1) = (a.0.min(b.0), a.0.max(b.0), a.1.min(b.1), a.1.max(b.1));
            return self.rect(x0 - h, y0 - h, x1 + h, y1 + h, colour, alpha);
        }
        let style = Self::style(colour, alpha, Self::fine(stroke).max(2) as u32);
        let (p, q) = ((Self::fine(a.0), Self::fine(a.1)), (Self::fine(b.0), Self::fine(b.1)));
        self.with(|d| d.draw_line(p, q, &style));
    }

    /// A broken line: dashes of `on` pixels with gaps of `off`.
    pub fn dashed(&mut self, a: (f64, f64), b: (f64, f64), colour: Colour, stroke: f64, on: f64, off: f64) {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).sqrt();
        if !length.is_finite() || length <= 0.0 {
            return;
        }
        let mut at = 0.0;
        while at < length {
            let end = (at + on).min(length);
            let point = |t: f64| (a.0 + dx * t / length, a.1 + dy * t / length);
            self.line(point(at), point(end), colour, stroke, 1.0);
            at += on + off;
        }
    }

    /// A line through points with round corners; it breaks where a point is not finite.
    pub fn path(&mut self, points: &[(f64, f64)], colour: Colour, stroke: f64) {
        let sound = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
        for pair in points.windows(2).filter(|w| w.iter().all(sound)) {
            self.line(pair[0], pair[1], colour, stroke, 1.0);
        }
        points.iter().filter(|p| sound(p)).for_each(|p| self.disc(p.0, p.1, stroke / 2.0, colour, 1.0));
    }

    /// A filled circle.
    pub fn disc(&mut self, x: f64, y: f64, radius: f64, colour: Colour, alpha: f64) {
        if !(x.is_finite() && y.is_finite() && radius > 0.0) {
            return;
        }
        let (style, r) = (Self::style(colour, alpha, 1), Self::fine(radius).max(1) as u32);
        self.with(|d| d.draw_circle((Self::fine(x), Self::fine(y)), r, &style, true));
    }

    /// A filled convex polygon.
    pub fn polygon(&mut self, points: &[(f64, f64)], colour: Colour, alpha: f64) {
        if points.len() < 3 || !points.iter().all(|p| p.0.is_finite() && p.1.is_finite()) {
            return;
        }
        let style = Self::style(colour, alpha, 1);
        let points: Vec<_> = points.iter().map(|p| (Self::fine(p.0), Self::fine(p.1))).collect();
        self.with(|d| d.fill_polygon(points, &style));
    }

    /// Diagonal hatching inside a rectangle: lines of `stroke` every `step` pixels.
    pub fn hatch(&mut self, area: (f64, f64, f64, f64), colour: Colour, stroke: f64, step: f64) {
        let (x0, y0, x1, y1) = area;
        if ![x0, y0, x1, y1].iter().all(|v| v.is_finite()) || x1 <= x0 || y1 <= y0 {
            return;
        }
        let height = y1 - y0;
        let mut at = x0 - height;
        while at < x1 {
            // From (at, y1) up to (at + height, y0), cut at the left and right edges.
            let (from, to) = (at.max(x0), (at + height).min(x1));
            self.line((from, y1 - (from - at)), (to, y1 - (to - at)), colour, stroke, 1.0);
            at += step;
        }
    }

    /// An image scaled into a rectangle (nearest sub-pixel, then averaged); `crop` is x, y, width, height in the
    /// image, and what lies outside it stays as it was. `fade` mixes it with white: 0 leaves it, 1 hides it.
    pub fn image(&mut self, image: &Rgb, crop: (f64, f64, f64, f64), area: (f64, f64, f64, f64), fade: f64) {
        if image.pixels.len() != image.width * image.height * 3 || ![crop.0, crop.1, crop.2, crop.3].iter().all(|v| v.is_finite()) {
            return;
        }
        let (x0, y0, x1, y1) = (Self::fine(area.0), Self::fine(area.1), Self::fine(area.2), Self::fine(area.3));
        let keep = ((1.0 - fade).clamp(0.0, 1.0) * 256.0) as u32;
        let across = self.width * FINE;
        for y in y0.max(0)..y1.min((self.height * FINE) as i32) {
            let sy = crop.1 + crop.3 * (f64::from(y - y0) + 0.5) / f64::from((y1 - y0).max(1));
            for x in x0.max(0)..x1.min(across as i32) {
                let sx = crop.0 + crop.2 * (f64::from(x - x0) + 0.5) / f64::from((x1 - x0).max(1));
                if sx < 0.0 || sy < 0.0 || sx >= image.width as f64 || sy >= image.height as f64 {
                    continue;
                }
                let from = (sy as usize * image.width + sx as usize) * 3;
                let to = (y as usize * across + x as usize) * 3;
                for i in 0..3 {
                    self.fine[to + i] = ((u32::from(image.pixels[from + i]) * keep + 255 * (256 - keep)) >> 8) as u8;
                }
            }
        }
    }

    /// Text with its baseline at `y`; both coordinates are rounded to whole pixels.
    pub fn text(&mut self, text: &str, x: f64, y: f64, set: Type) {
        self.glyphs(text, x, y, set, false);
    }

    /// Text that reads upwards: `x` is its baseline, `y` its anchor.
    pub fn text_up(&mut self, text: &str, x: f64, y: f64, set: Type) {
        self.glyphs(text, x, y, set, true);
    }

    fn glyphs(&mut self, text: &str, x: f64, y: f64, set: Type, up: bool) {
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        let back = match set.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => set.width(text) / 2.0,
            Anchor::End => set.width(text),
        };
        let (x, y) = if up { (x.round(), (y + back).round()) } else { ((x - back).round(), y.round()) };
        let (ox, oy) = (Self::fine(x), Self::fine(y));
        let (width, height) = ((self.width * FINE) as i32, (self.height * FINE) as i32);
        let fine = &mut self.fine;
        let ink = [set.colour.0, set.colour.1, set.colour.2];
        let done = font::rasterise(text, set.em * FINE as f64, set.weight, |gx, gy, coverage| {
            let (px, py) = if up { (ox + gy, oy - gx) } else { (ox + gx, oy + gy) };
            if (0..width).contains(&px) && (0..height).contains(&py) {
                let at = (py as usize * width as usize + px as usize) * 3;
                let cover = (coverage.clamp(0.0, 1.0) * 256.0) as i32;
                for (old, new) in fine[at..at + 3].iter_mut().zip(ink) {
                    *old = ((i32::from(*old) * (256 - cover) + i32::from(new) * cover) >> 8) as u8;
                }
            }
        });
        if let Err(e) = done {
            self.failed.get_or_insert(e);
        }
    }

    /// The figure: every pixel the rounded mean of its sub-pixels.
    pub fn finish(self) -> Result<Rgb> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        let (across, count) = (self.width * FINE * 3, (FINE * FINE) as u16);
        let mut pixels = Vec::with_capacity(self.width * self.height * 3);
        let mut sums = vec![0u16; across];
        for rows in self.fine.chunks_exact(across * FINE) {
            sums.fill(0);
            for row in rows.chunks_exact(across) {
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += u16::from(*v));
            }
            for block in sums.chunks_exact(3 * FINE) {
                for channel in 0..3 {
                    let sum: u16 = block.iter().skip(channel).step_by(3).sum();
                    pixels.push(((sum + count / 2) / count) as u8);
                }
            }
        }
        Ok(Rgb { width: self.width, height: self.height, pixels })
    }

    /// The figure as a PNG file with its text.
    pub fn png(self, text: &[(String, String)]) -> Result<Vec<u8>> {
        png::encode(&self.finish()?, text)
    }
}
