//! Patches gathered from an image that comes in blocks: one pass, whatever the order of the spots, without the image
//! ever standing in memory. What comes out equals [`Cutter::cut`] on the whole image.

use super::crop::{Border, Cutter};
use super::image::CHANNELS;
use crate::base::{Failure, Result};

/// A patch that is being filled.
struct Open {
    pixels: Vec<u8>,
    /// Pixels inside the image that have not come yet.
    missing: usize,
}

/// Windows waiting for their pixels.
pub struct Gatherer<'a> {
    cutter: &'a Cutter,
    size: (i64, i64),
    /// (top, left, spot), by top and then left.
    windows: Vec<(i64, i64, usize)>,
    open: Vec<Option<Open>>,
    finished: Vec<bool>,
}

impl<'a> Gatherer<'a> {
    /// Windows round `centres` on an image of `width` x `height` pixels. The same refusals as [`Cutter::cut`].
    pub fn new(cutter: &'a Cutter, width: usize, height: usize, centres: &[(f64, f64)]) -> Result<Self> {
        let size = (width as i64, height as i64);
        let mut windows = Vec::with_capacity(centres.len());
        for (i, &centre) in centres.iter().enumerate() {
            cutter.check(width, height, centre).map_err(|e| e.at(format!("spot {} of {}", i + 1, centres.len())))?;
            let (x, y) = cutter.corner(centre);
            windows.push((y, x, i));
        }
        windows.sort_unstable();
        let open = std::iter::repeat_with(|| None).take(centres.len()).collect();
        Ok(Self { cutter, size, windows, open, finished: vec![false; centres.len()] })
    }

    /// The windows that meet a rectangle of the image.
    fn meeting(&self, x: u32, y: u32, width: u32, height: u32) -> impl Iterator<Item = (i64, i64, usize)> + '_ {
        let side = self.cutter.size() as i64;
        let (left, top) = (i64::from(x), i64::from(y));
        let (right, bottom) = (left + i64::from(width), top + i64::from(height));
        let from = self.windows.partition_point(|w| w.0.saturating_add(side) <= top);
        let rest = self.windows[from..].iter().take_while(move |w| w.0 < bottom);
        rest.filter(move |w| w.1 < right && w.1.saturating_add(side) > left).copied()
    }

    /// Whether any window meets a rectangle of the image.
    pub fn wants(&self, x: u32, y: u32, width: u32, height: u32) -> bool {
        self.meeting(x, y, width, height).next().is_some()
    }

    /// Takes a block of the image, `width` x `height` pixels at (`x`, `y`); finished patches (side x side x 3 bytes) go to
    /// `done` with the spot's number. Each pixel of the image must come once at most.
    pub fn take(
        &mut self,
        (x, y, width, height): (u32, u32, u32, u32),
        pixels: &[u8],
        done: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let side = self.cutter.size() as i64;
        let (bx, by, bw, bh) = (i64::from(x), i64::from(y), i64::from(width), i64::from(height));
        let meeting: Vec<(i64, i64, usize)> = self.meeting(x, y, width, height).collect();
        for (top, left, spot) in meeting {
            let (x0, x1) = (left.max(bx), (left + side).min(bx + bw));
            let (y0, y1) = (top.max(by), (top + side).min(by + bh));
            let inside = |from: i64, limit: i64| ((from + side).min(limit) - from.max(0)).max(0) as usize;
            let due = inside(left, self.size.0) * inside(top, self.size.1);
            let open = self.open[spot].get_or_insert_with(|| Open { pixels: vec![255; (side * side) as usize * CHANNELS], missing: due });
            for row in y0..y1 {
                let from = ((row - by) * bw + x0 - bx) as usize * CHANNELS;
                let to = ((row - top) * side + x0 - left) as usize * CHANNELS;
                let n = (x1 - x0) as usize * CHANNELS;
                open.pixels[to..to + n].copy_from_slice(&pixels[from..from + n]);
            }
            open.missing = open.missing.saturating_sub(((x1 - x0) * (y1 - y0)) as usize);
            if open.missing == 0 {
                self.finish_one(spot, done)?;
            }
        }
        Ok(())
    }

    fn finish_one(&mut self, spot: usize, done: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        let side = self.cutter.size();
        let mut pixels = self.open[spot].take().map_or_else(|| vec![255; side * side * CHANNELS], |o| o.pixels);
        if self.cutter.border() == Border::Edge
            && let Some((top, left, _)) = self.windows.iter().find(|w| w.2 == spot)
        {
            self.cutter.replicate(self.size.0 as usize, self.size.1 as usize, (*left, *top), &mut pixels);
        }
        self.finished[spot] = true;
        done(spot, &self.cutter.resized(pixels))
    }

    /// Ends the pass. Windows wholly beyond the image become white; one that still waits for pixels is an error.
    pub fn finish(mut self, done: &mut dyn FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        let side = self.cutter.size() as i64;
        for (top, left, spot) in self.windows.clone() {
            let beyond = left >= self.size.0 || top >= self.size.1 || left.saturating_add(side) <= 0 || top.saturating_add(side) <= 0;
            if beyond {
                self.finish_one(spot, done)?;
            }
        }
        match self.finished.iter().position(|f| !f) {
            None => Ok(()),
            Some(spot) => Err(Failure::input(format!("the image ended before the patch of spot {} was whole (G03)", spot + 1))),
        }
    }
}

impl Cutter {
    /// The refusals of a centre: no number, or a window that leaves the image where the border rule forbids it.
    pub fn check(&self, width: usize, height: usize, centre: (f64, f64)) -> Result<()> {
        if !(centre.0.is_finite() && centre.1.is_finite()) {
            return Err(Failure::input(format!("the spot's centre ({}, {}) is not a number", centre.0, centre.1)));
        }
        let (x, y) = self.corner(centre);
        let last = |v: i64| v.saturating_add(self.size() as i64);
        let fits = x >= 0 && y >= 0 && last(x) <= width as i64 && last(y) <= height as i64;
        let beyond = x >= width as i64 || y >= height as i64 || last(x) <= 0 || last(y) <= 0;
        if self.border() == Border::Edge && beyond {
            return Err(Failure::input(format!("a window at ({x}, {y}) lies wholly beyond the image of {width} x {height}"))
                .hint("is the spot's place right? white borders take such windows"));
        }
        if self.border() == Border::Refuse && !fits {
            let size = self.size();
            return Err(Failure::input(format!("a window of {size} x {size} pixels at ({x}, {y}) leaves the image of {width} x {height}"))
                .hint("cut smaller patches, or set the border rule to white or edge"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::crop::Rounding;
    use super::super::image::ImageView;
    use super::*;

    /// Feeds an image in blocks of the given size and gives all patches.
    fn gathered(cutter: &Cutter, view: &ImageView, pixels: &[u8], block: (usize, usize), centres: &[(f64, f64)]) -> Result<Vec<u8>> {
        let (w, h) = (view.width(), view.height());
        let mut out = vec![0u8; centres.len() * cutter.row_bytes()];
        let mut done = |spot: usize, patch: &[u8]| -> Result<()> {
            out[spot * patch.len()..(spot + 1) * patch.len()].copy_from_slice(patch);
            Ok(())
        };
        let mut g = Gatherer::new(cutter, w, h, centres)?;
        for y in (0..h).step_by(block.1) {
            for x in (0..w).step_by(block.0) {
                let (bw, bh) = (block.0.min(w - x), block.1.min(h - y));
                if !g.wants(x as u32, y as u32, bw as u32, bh as u32) {
                    continue;
                }
                let rows: Vec<u8> = (y..y + bh).flat_map(|r| pixels[(r * w + x) * 3..(r * w + x + bw) * 3].to_vec()).collect();
                g.take((x as u32, y as u32, bw as u32, bh as u32), &rows, &mut done)?;
            }
        }
        g.finish(&mut done)?;
        Ok(out)
    }

    #[test]
    fn blocks_of_any_size_give_what_the_whole_image_gives() {
        let (w, h) = (61usize, 47usize);
        let pixels: Vec<u8> = (0..w * h * 3).map(|i| ((i * 7919) >> 3) as u8).collect();
        let view = ImageView::new(w, h, &pixels).expect("view");
        let centres = [(30.0, 20.0), (12.4, 40.9), (0.0, 0.0), (60.0, 46.0), (30.5, 20.0), (200.0, 3.0), (-50.0, -50.0), (58.0, 8.0)];
        for (size, side) in [(16, 16), (9, 9), (16, 8)] {
            let cutter = Cutter::new(size, side, Rounding::Floor, Border::White).expect("cutter");
            let due = cutter.cut(&view, &centres).expect("cut");
            for block in [(61, 1), (61, 47), (16, 16), (5, 3), (61, 10)] {
                assert!(gathered(&cutter, &view, &pixels, block, &centres).expect("gathered") == due, "{size} {side} {block:?}");
            }
        }
    }

    #[test]
    fn refusals_are_the_cutters_and_missing_blocks_are_seen() {
        let pixels = vec![7u8; 20 * 20 * 3];
        let view = ImageView::new(20, 20, &pixels).expect("view");
        let cutter = Cutter::new(8, 8, Rounding::Floor, Border::Refuse).expect("cutter");
        for centres in [[(10.0, 10.0), (2.0, 10.0)], [(10.0, 10.0), (f64::NAN, 1.0)]] {
            let one = cutter.cut(&view, &centres).expect_err("cut");
            let other = gathered(&cutter, &view, &pixels, (20, 5), &centres).expect_err("gathered");
            assert_eq!(one, other);
        }
        let mut g = Gatherer::new(&cutter, 20, 20, &[(10.0, 10.0)]).expect("gatherer");
        g.take((0, 0, 20, 10), &pixels[..600], &mut |_, _| panic!("not whole")).expect("half");
        assert!(g.finish(&mut |_, _| Ok(())).expect_err("half").what.contains("G03"));
    }
}
