//! Spots that lie on no tissue, as HEVisum's preparation finds them (spec/hevisum.md, section 2.4).

use super::image::{CHANNELS, ImageView};

/// OpenCV's fixed Gaussian kernel of seven, in 256ths.
const KERNEL: [u32; 7] = [8, 28, 56, 72, 56, 28, 8];

/// Where a slide has tissue, by this rule: grey, stretched over the slide to 0..255 and truncated, blurred over 7 x 7, below its
/// own mean.
#[derive(Clone, Debug)]
pub struct Ground {
    width: usize,
    height: usize,
    tissue: Vec<bool>,
    /// The mean of the blurred grey, the threshold.
    pub threshold: f64,
}

/// Why a spot is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its window leaves the image.
    Outside,
    /// There is no tissue in its window.
    NoTissue,
}

impl Reason {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Outside => "its window leaves the image",
            Self::NoTissue => "no tissue in its window",
        }
    }
}

impl Ground {
    /// Of a slide. A slide of one grey has no tissue.
    pub fn of(image: &ImageView) -> Self {
        let (width, height) = (image.width(), image.height());
        // OpenCV's weights, in single precision as it computes floats.
        let grey: Vec<f32> = image
            .pixels()
            .as_chunks::<CHANNELS>()
            .0
            .iter()
            .map(|&[r, g, b]| {
                let unit = |v: u8| f32::from(v) / 255.0;
                unit(r) * 0.299 + unit(g) * 0.587 + unit(b) * 0.114
            })
            .collect();
        let (low, high) = grey.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let span = high - low;
        let stretched: Vec<u8> = grey.iter().map(|&v| if span > 0.0 { ((v - low) / span * 255.0) as u8 } else { 0 }).collect();
        let blurred = blur(&stretched, width, height);
        let sum: u64 = blurred.iter().map(|&v| u64::from(v)).sum();
        let threshold = sum as f64 / blurred.len().max(1) as f64;
        Self { width, height, tissue: blurred.iter().map(|&v| f64::from(v) < threshold).collect(), threshold }
    }

    /// Tissue pixels in the window of `side` pixels round a spot, rows [y - side/2, y + side/2) and columns likewise; none when
    /// the window leaves the image.
    pub fn count(&self, x: i64, y: i64, side: usize) -> Option<usize> {
        let half = (side / 2) as i64;
        let (left, top) = (usize::try_from(x - half).ok()?, usize::try_from(y - half).ok()?);
        let (right, bottom) = (left + 2 * (side / 2), top + 2 * (side / 2));
        if right > self.width || bottom > self.height {
            return None;
        }
        Some((top..bottom).map(|v| self.tissue[v * self.width + left..v * self.width + right].iter().filter(|t| **t).count()).sum())
    }

    /// Why a spot is left out; none for a spot that stays.
    pub fn reason(&self, x: i64, y: i64, side: usize) -> Option<Reason> {
        match self.count(x, y, side) {
            None => Some(Reason::Outside),
            Some(0) => Some(Reason::NoTissue),
            Some(_) => None,
        }
    }

    /// Share of the slide that is tissue.
    pub fn share(&self) -> f64 {
        self.tissue.iter().filter(|t| **t).count() as f64 / self.tissue.len().max(1) as f64
    }
}

/// OpenCV's GaussianBlur of bytes with a 7 x 7 kernel and sigma 0: whole 65536ths, rounded half up; the border is reflected
/// without its own line.
fn blur(image: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mirror = |v: i64, n: usize| {
        let n = n as i64;
        if n == 1 {
            return 0;
        }
        let v = v.rem_euclid(2 * (n - 1));
        v.min(2 * (n - 1) - v) as usize
    };
    let columns: Vec<[usize; 7]> = (0..width).map(|x| std::array::from_fn(|k| mirror(x as i64 + k as i64 - 3, width))).collect();
    let mut across = vec![0u32; width * height];
    for (row, out) in image.chunks_exact(width.max(1)).zip(across.chunks_exact_mut(width.max(1))) {
        for (from, out) in columns.iter().zip(out) {
            *out = from.iter().zip(KERNEL).map(|(&x, k)| u32::from(row[x]) * k).sum();
        }
    }
    let mut out = vec![0u8; width * height];
    for y in 0..height {
        let rows: [usize; 7] = std::array::from_fn(|k| mirror(y as i64 + k as i64 - 3, height) * width);
        for x in 0..width {
            let sum: u32 = rows.iter().zip(KERNEL).map(|(&row, k)| across[row + x] * k).sum();
            out[y * width + x] = ((sum + 32_768) >> 16).min(255) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case A9 of spec/hevisum.md (OpenCV).
    #[test]
    fn a_square_of_tissue() {
        let mut pixels = vec![255u8; 100 * 100 * 3];
        for y in 40..50 {
            for x in 60..70 {
                pixels[(y * 100 + x) * 3..][..3].copy_from_slice(&[102, 51, 153]);
            }
        }
        let ground = Ground::of(&ImageView::new(100, 100, &pixels).expect("view"));
        assert!((ground.threshold - 252.4496).abs() < 1e-4, "{}", ground.threshold);
        assert_eq!(ground.tissue.iter().filter(|t| **t).count(), 244);
        for ((x, y), due) in [((65, 45), 244), ((45, 45), 12), ((50, 30), 33), ((85, 45), 12), ((44, 45), 0), ((86, 45), 0), ((13, 13), 0)]
        {
            assert_eq!(ground.count(x, y, 26), Some(due), "({x}, {y})");
        }
        assert_eq!(ground.reason(12, 50, 26), Some(Reason::Outside));
        assert_eq!(ground.reason(88, 50, 26), Some(Reason::Outside));
        assert_eq!(ground.reason(44, 45, 26), Some(Reason::NoTissue));
        assert_eq!(ground.reason(45, 45, 26), None);
        let blank = Ground::of(&ImageView::new(100, 100, &[7; 30_000]).expect("view"));
        assert_eq!(blank.reason(50, 50, 26), Some(Reason::NoTissue));
    }
}
