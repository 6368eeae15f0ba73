//! Patches cut from a slide's image around spot centres.
//!
//! The window of a patch of `size` pixels around a rounded centre (cx, cy) is [cx − ⌊size/2⌋, cx − ⌊size/2⌋ + size),
//! and the same in y. Published scripts round in different ways and some wrap silently at the image's edge, so
//! both choices are named here.

use super::image::{CHANNELS, ImageView};
use super::resize::{Resizer, resize_into};
use crate::base::{Failure, Result};
use rayon::prelude::*;

/// How a real-valued centre becomes a whole pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down, towards minus infinity: `math.floor`.
    Floor,
    /// Towards zero: Python's `int()`.
    Trunc,
    /// To the nearest, ties to the even one: Python's `round()`, NumPy's `rint`.
    HalfEven,
    /// To the nearest, ties up.
    HalfUp,
}

impl Rounding {
    /// The rule of a protocol's key: `floor`, `trunc`, `half_even` or `half_up`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "floor" => Ok(Self::Floor),
            "trunc" => Ok(Self::Trunc),
            "half_even" => Ok(Self::HalfEven),
            "half_up" => Ok(Self::HalfUp),
            _ => Err(Failure::input(format!("unknown rounding '{name}'")).hint("use floor, trunc, half_even or half_up")),
        }
    }

    /// The whole number that `v` becomes. Saturates far outside any image.
    pub fn apply(self, v: f64) -> i64 {
        match self {
            Self::Floor => v.floor() as i64,
            Self::Trunc => v.trunc() as i64,
            Self::HalfEven => v.round_ties_even() as i64,
            // floor(v + 0.5) would lift 0.49999999999999994; the fraction itself is exact.
            Self::HalfUp => (v.floor() + f64::from(u8::from(v - v.floor() >= 0.5))) as i64,
        }
    }
}

/// What happens where a window leaves the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// An error that names the spot.
    Refuse,
    /// White (255, 255, 255), the colour of an empty slide.
    White,
    /// The nearest pixel of the image, again and again. A window wholly beyond the image is an error.
    Edge,
}

impl Border {
    /// The rule of a protocol's key: `refuse`, `white` or `edge`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "refuse" => Ok(Self::Refuse),
            "white" => Ok(Self::White),
            "edge" => Ok(Self::Edge),
            _ => Err(Failure::input(format!("unknown border rule '{name}'")).hint("use refuse, white or edge")),
        }
    }
}

/// How patches are cut: once for all spots of a protocol.
#[derive(Clone, Debug)]
pub struct Cutter {
    size: usize,
    side: usize,
    rounding: Rounding,
    border: Border,
    resizer: Option<Resizer>,
}

impl Cutter {
    /// Cuts `size` x `size` pixels and resizes them to `side` x `side` (OpenCV's INTER_LINEAR; equal sides are not touched).
    pub fn new(size: usize, side: usize, rounding: Rounding, border: Border) -> Result<Self> {
        if size == 0 || side == 0 || size > 32_767 || side > 32_767 {
            return Err(
                Failure::input(format!("a patch of {size} pixels resized to {side} cannot be cut")).hint("both must be from 1 to 32767")
            );
        }
        let resizer = (size != side).then(|| Resizer::new((size, size), (side, side)));
        Ok(Self { size, side, rounding, border, resizer })
    }

    /// Side of a finished patch.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Side of the window in the image.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What happens where a window leaves the image.
    pub fn border(&self) -> Border {
        self.border
    }

    /// A window of size x size x 3 bytes as the finished patch.
    pub fn resized(&self, window: Vec<u8>) -> Vec<u8> {
        match &self.resizer {
            None => window,
            Some(resizer) => {
                let mut out = vec![0; self.row_bytes()];
                resize_into(resizer, &window, &mut out);
                out
            }
        }
    }

    /// Bytes of a finished patch: side x side x 3.
    pub fn row_bytes(&self) -> usize {
        self.side * self.side * CHANNELS
    }

    /// The top-left pixel of the window around a centre. It may lie outside the image.
    pub fn corner(&self, centre: (f64, f64)) -> (i64, i64) {
        let half = (self.size / 2) as i64;
        (self.rounding.apply(centre.0).saturating_sub(half), self.rounding.apply(centre.1).saturating_sub(half))
    }

    /// Whether the window around a centre lies wholly in the image.
    pub fn fits(&self, image: &ImageView, centre: (f64, f64)) -> bool {
        let (x, y) = self.corner(centre);
        let last = |v: i64| v.saturating_add(self.size as i64);
        x >= 0 && y >= 0 && last(x) <= image.width() as i64 && last(y) <= image.height() as i64
    }

    /// All patches of one image, in the centres' order: `centres.len()` x side x side x 3 bytes. Spots are cut in
    /// parallel; each writes only its own rows. An error names the first bad spot by its position in `centres`.
    pub fn cut(&self, image: &ImageView, centres: &[(f64, f64)]) -> Result<Vec<u8>> {
        let mut rows = vec![0u8; centres.len() * self.row_bytes()];
        // The first failure in order, not in time, so that the message is the same every time.
        let failure = rows
            .par_chunks_exact_mut(self.row_bytes())
            .zip(centres.par_iter().enumerate())
            .map_init(Vec::new, |scratch, (dst, (i, &centre))| {
                self.cut_with(image, centre, dst, scratch).map_err(|e| e.at(format!("spot {} of {}", i + 1, centres.len())))
            })
            .find_map_first(Result::err);
        failure.map_or(Ok(rows), Err)
    }

    /// One patch into `dst` (side x side x 3 bytes).
    pub fn cut_into(&self, image: &ImageView, centre: (f64, f64), dst: &mut [u8]) -> Result<()> {
        self.cut_with(image, centre, dst, &mut Vec::new())
    }

    fn cut_with(&self, image: &ImageView, centre: (f64, f64), dst: &mut [u8], scratch: &mut Vec<u8>) -> Result<()> {
        self.check(image.width(), image.height(), centre)?;
        match &self.resizer {
            None => self.copy_window(image, centre, dst),
            Some(resizer) => {
                scratch.resize(self.size * self.size * CHANNELS, 0);
                self.copy_window(image, centre, scratch);
                resize_into(resizer, scratch, dst);
            }
        }
        Ok(())
    }

    /// Copies the part of the window that lies in the image; the rest becomes white.
    fn copy_window(&self, image: &ImageView, centre: (f64, f64), dst: &mut [u8]) {
        let (x, y) = self.corner(centre);
        let clip = |v: i64, limit: usize| v.clamp(0, limit as i64) as usize;
        let (x0, x1) = (clip(x, image.width()), clip(x.saturating_add(self.size as i64), image.width()));
        for (i, out) in dst.chunks_exact_mut(self.size * CHANNELS).enumerate() {
            let row = y.saturating_add(i as i64);
            if row < 0 || row >= image.height() as i64 || x0 == x1 {
                out.fill(255);
                continue;
            }
            let left = (x0 as i64 - x) as usize * CHANNELS;
            let bytes = &image.row(row as usize)[x0 * CHANNELS..x1 * CHANNELS];
            out[..left].fill(255);
            out[left..left + bytes.len()].copy_from_slice(bytes);
            out[left + bytes.len()..].fill(255);
        }
        if self.border == Border::Edge {
            self.replicate(image.width(), image.height(), (x, y), dst);
        }
    }

    /// Fills what of a window at `corner` lies beyond an image of these sides with the window's nearest pixels inside it.
    pub(super) fn replicate(&self, width: usize, height: usize, corner: (i64, i64), window: &mut [u8]) {
        let side = self.size as i64;
        // The rows and columns of the window that lie in the image; there are some, see `check`.
        let inside = |from: i64, limit: usize| ((-from).clamp(0, side - 1), (limit as i64 - from).clamp(1, side) - 1);
        let ((left, right), (top, bottom)) = (inside(corner.0, width), inside(corner.1, height));
        for v in 0..side {
            for u in 0..side {
                let (a, b) = (u.clamp(left, right), v.clamp(top, bottom));
                if (a, b) != (u, v) {
                    let (from, to) = ((b * side + a) as usize * CHANNELS, (v * side + u) as usize * CHANNELS);
                    window.copy_within(from..from + CHANNELS, to);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Vec<u8> {
        (0..height * width * 3).map(|i| ((i / 3 % width) * 7 + (i / 3 / width) * 31 + i % 3) as u8).collect()
    }

    #[test]
    fn roundings_differ_where_they_should() {
        let all = |v: f64| [Rounding::Floor, Rounding::Trunc, Rounding::HalfEven, Rounding::HalfUp].map(|r| r.apply(v));
        assert_eq!(all(2.5), [2, 2, 2, 3]);
        assert_eq!(all(3.5), [3, 3, 4, 4]);
        assert_eq!(all(-1.5), [-2, -1, -2, -1]);
        assert_eq!(all(-0.2), [-1, 0, 0, 0]);
        assert_eq!(all(0.499_999_999_999_999_94), [0, 0, 0, 0]);
        assert!(Rounding::parse("nearest").is_err() && Rounding::parse("half_up") == Ok(Rounding::HalfUp));
    }

    #[test]
    fn windows_start_half_a_size_before_the_centre() {
        let pixels = ramp(20, 12);
        let image = ImageView::new(20, 12, &pixels).expect("view");
        for size in [1, 4, 5] {
            let cutter = Cutter::new(size, size, Rounding::Floor, Border::Refuse).expect("cutter");
            let rows = cutter.cut(&image, &[(9.9, 6.0), (10.0, 5.2)]).expect("cut");
            for (patch, (cx, cy)) in rows.chunks_exact(size * size * 3).zip([(9usize, 6usize), (10, 5)]) {
                for y in 0..size {
                    let from = ((cy - size / 2 + y) * 20 + cx - size / 2) * 3;
                    assert_eq!(patch[y * size * 3..(y + 1) * size * 3], pixels[from..from + size * 3], "size {size}, row {y}");
                }
            }
        }
    }

    #[test]
    fn borders_refuse_or_turn_white() {
        let pixels = ramp(8, 8);
        let image = ImageView::new(8, 8, &pixels).expect("view");
        let refuse = Cutter::new(4, 4, Rounding::Floor, Border::Refuse).expect("cutter");
        assert!(refuse.cut(&image, &[(2.0, 2.0), (6.0, 6.0)]).is_ok());
        let e = refuse.cut(&image, &[(4.0, 4.0), (1.0, 4.0), (7.0, 4.0)]).expect_err("leaves");
        assert!(e.to_string().contains("spot 2 of 3") && e.to_string().contains("(-1, 2)"), "{e}");
        assert!(refuse.cut(&image, &[(f64::NAN, 1.0)]).is_err());
        let white = Cutter::new(4, 4, Rounding::Floor, Border::White).expect("cutter");
        let patch = white.cut(&image, &[(1.0, 7.0)]).expect("cut");
        for y in 0..4 {
            for x in 0..4 {
                let (sy, sx) = (y + 5, x as i64 - 1);
                let due = if sx < 0 || sy > 7 { vec![255; 3] } else { pixels[(sy * 8 + sx as usize) * 3..][..3].to_vec() };
                assert_eq!(patch[(y * 4 + x) * 3..][..3], due[..], "({x}, {y})");
            }
        }
        let far = white.cut(&image, &[(1e300, -1e300), (-50.0, 4.0)]).expect("cut");
        assert!(far.iter().all(|&v| v == 255));
    }

    /// Acceptance case A12 of spec/hevisum.md: tiles of 78 pixels, borders replicated. A pixel's number is 1000·row + column; its
    /// digits are spread over the three channels.
    #[test]
    fn tiles_and_their_borders() {
        let (width, height) = (120usize, 100usize);
        let number = |row: usize, column: usize| 1000 * row + column;
        let pixels: Vec<u8> = (0..height)
            .flat_map(|r| (0..width).map(move |c| number(r, c)))
            .flat_map(|n| [(n / 10_000) as u8, (n / 100 % 100) as u8, (n % 100) as u8])
            .collect();
        let image = ImageView::new(width, height, &pixels).expect("view");
        let cutter = Cutter::new(78, 78, Rounding::Trunc, Border::Edge).expect("cutter");
        let at = |tile: &[u8], r: usize, c: usize| {
            let p = &tile[(r * 78 + c) * 3..][..3];
            usize::from(p[0]) * 10_000 + usize::from(p[1]) * 100 + usize::from(p[2])
        };
        let tile = |x: f64, y: f64| cutter.cut(&image, &[(x, y)]).expect("cut");
        let inner = tile(50.0, 60.0);
        assert_eq!([at(&inner, 0, 0), at(&inner, 39, 39), at(&inner, 77, 77)], [21_011, 60_050, 98_088]);
        let corners: Vec<usize> = (0..9).map(|k| at(&inner, 26 * (k / 3), 26 * (k % 3))).collect();
        assert_eq!(corners, [21_011, 21_037, 21_063, 47_011, 47_037, 47_063, 73_011, 73_037, 73_063]);
        assert_eq!([at(&inner, 26 + 13, 26 + 13), at(&inner, 51, 51), at(&inner, 26 + 3, 52 + 7)], [60_050, 72_062, 50_070]);
        let corner = tile(10.0, 20.0);
        for (r, c, due) in [(0, 0, 0), (19, 29, 0), (19, 30, 1), (39, 39, 20_010), (77, 0, 58_000), (0, 77, 48), (77, 77, 58_048)] {
            assert_eq!(at(&corner, r, c), due, "({r}, {c})");
        }
        let far = tile(115.0, 95.0);
        for (r, c, due) in [(0, 0, 56_076), (39, 39, 95_115), (43, 43, 99_119), (44, 44, 99_119), (77, 77, 99_119)] {
            assert_eq!(at(&far, r, c), due, "({r}, {c})");
        }
        assert!(cutter.cut(&image, &[(500.0, 50.0)]).is_err(), "nothing of the image to replicate");
    }

    #[test]
    fn views_must_fit_their_bytes() {
        assert!(ImageView::new(2, 2, &[0; 12]).is_ok());
        assert!(ImageView::new(2, 2, &[0; 13]).is_err() && ImageView::new(0, 2, &[]).is_err());
        assert!(Cutter::new(0, 4, Rounding::Floor, Border::White).is_err());
    }
}
