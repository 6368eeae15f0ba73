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
}

impl Border {
    /// The rule of a protocol's key: `refuse` or `white`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "refuse" => Ok(Self::Refuse),
            "white" => Ok(Self::White),
            _ => Err(Failure::input(format!("unknown border rule '{name}'")).hint("use refuse or white")),
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

    #[test]
    fn views_must_fit_their_bytes() {
        assert!(ImageView::new(2, 2, &[0; 12]).is_ok());
        assert!(ImageView::new(2, 2, &[0; 13]).is_err() && ImageView::new(0, 2, &[]).is_err());
        assert!(Cutter::new(0, 4, Rounding::Floor, Border::White).is_err());
    }
}
