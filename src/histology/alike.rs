//! Which patches show nearly the same picture: a perceptual hash, and a correlation that confirms it.
//!
//! The hash is the "difference hash": is each cell of a coarse grid brighter than its neighbour to the left, and than the
//! one above. It survives another compression, brightness, contrast, scale and a shift of a few pixels; not a rotation
//! or a mirror image, which is why those are not found. All of it is integer arithmetic but for one division and one
//! root, so it is the same on every machine.

/// Comparisons along one direction of the grid: 8 x 8.
const CELLS: usize = 8;
/// Cells a side of the reduction that is correlated.
const COARSE: usize = 16;
/// Two pictures are candidates when their hashes differ in at most so many of 128 bits.
pub const BITS: u32 = 12;
/// Candidates are alike from this correlation of their coarse grey pictures on.
pub const CORRELATION: f64 = 0.97;
/// A picture whose coarse grey levels have a smaller standard deviation (of 0..255) is blank: it is like any other blank one.
pub const CONTRAST: f64 = 4.0;

/// What is kept of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint {
    bits: [u64; 2],
    /// Coarse grey levels in 256ths.
    coarse: Vec<i64>,
    /// Their sum, and the sum of their squares.
    sums: (i64, i64),
}

impl Fingerprint {
    /// Of an RGB picture of `side` x `side` pixels.
    pub fn of(rgb: &[u8], side: usize) -> Self {
        // ITU-R BT.601 luma in thousandths.
        let grey: Vec<i64> =
            rgb.as_chunks::<3>().0.iter().map(|&[r, g, b]| 299 * i64::from(r) + 587 * i64::from(g) + 114 * i64::from(b)).collect();
        let across = reduce(&grey, side, CELLS + 1, CELLS);
        let down = reduce(&grey, side, CELLS, CELLS + 1);
        let mut bits = [0u64; 2];
        for y in 0..CELLS {
            for x in 0..CELLS {
                let at = 1u64 << (y * CELLS + x);
                let row = y * (CELLS + 1) + x;
                bits[0] |= if across[row + 1] > across[row] { at } else { 0 };
                bits[1] |= if down[(y + 1) * CELLS + x] > down[y * CELLS + x] { at } else { 0 };
            }
        }
        let coarse: Vec<i64> = reduce(&grey, side, COARSE, COARSE).into_iter().map(|v| v * 256 / 1000).collect();
        let sums = (coarse.iter().sum(), coarse.iter().map(|v| v * v).sum());
        Self { bits, coarse, sums }
    }

    /// Whether there is nothing to be seen in it.
    pub fn blank(&self) -> bool {
        self.spread() < (self.coarse.len() as f64 * CONTRAST * 256.0).powi(2)
    }

    /// n² times the variance of the coarse levels: a whole number.
    fn spread(&self) -> f64 {
        let n = self.coarse.len() as i64;
        (n * self.sums.1 - self.sums.0 * self.sums.0) as f64
    }

    /// In how many of 128 bits two hashes differ.
    pub fn distance(&self, other: &Self) -> u32 {
        (self.bits[0] ^ other.bits[0]).count_ones() + (self.bits[1] ^ other.bits[1]).count_ones()
    }

    /// Pearson correlation of the coarse grey pictures; 0 where one is constant.
    pub fn correlation(&self, other: &Self) -> f64 {
        let n = self.coarse.len() as i64;
        let product: i64 = self.coarse.iter().zip(&other.coarse).map(|(a, b)| a * b).sum();
        let below = self.spread() * other.spread();
        if below > 0.0 { (n * product - self.sums.0 * other.sums.0) as f64 / below.sqrt() } else { 0.0 }
    }

    /// Whether two pictures, neither of them blank, are nearly the same; then their correlation.
    pub fn like(&self, other: &Self) -> Option<f64> {
        if self.distance(other) > BITS {
            return None;
        }
        Some(self.correlation(other)).filter(|r| *r >= CORRELATION)
    }
}

/// Means over the cells of a grid, rounded down. Cells overlap where the picture has fewer pixels than cells.
fn reduce(grey: &[i64], side: usize, columns: usize, rows: usize) -> Vec<i64> {
    let range = |i: usize, of: usize| (i * side / of, ((i + 1) * side / of).max(i * side / of + 1));
    let mut out = Vec::with_capacity(columns * rows);
    for j in 0..rows {
        let (top, bottom) = range(j, rows);
        for i in 0..columns {
            let (left, right) = range(i, columns);
            let sum: i64 = (top..bottom).flat_map(|y| &grey[y * side + left..y * side + right]).sum();
            out.push(sum / ((bottom - top) * (right - left)) as i64);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;

    /// Smooth random blobs, so that neighbouring pixels are alike as in tissue.
    fn picture(seed: u64, side: usize, shift: usize) -> Vec<u8> {
        let mut draw = Draw::keyed(seed, "alike", &[]);
        let blobs: Vec<(f64, f64, f64, f64)> =
            (0..30).map(|_| (draw.unit(), draw.unit(), 0.03 + 0.1 * draw.unit(), 160.0 * draw.unit())).collect();
        let mut out = Vec::new();
        for y in 0..side {
            for x in 0..side {
                let (u, v) = ((x + shift) as f64 / side as f64, y as f64 / side as f64);
                let dark: f64 = blobs.iter().filter(|(a, b, r, _)| (u - a).powi(2) + (v - b).powi(2) < r * r).map(|b| b.3).sum();
                let level = (240.0 - dark).max(20.0) as u8;
                out.extend([level, level / 2, level]);
            }
        }
        out
    }

    #[test]
    fn the_same_picture_is_found_again_though_changed() {
        let side = 112;
        let plain = picture(1, side, 0);
        let f = Fingerprint::of(&plain, side);
        assert!(!f.blank());
        assert_eq!((f.distance(&f), f.correlation(&f)), (0, 1.0));
        let duller: Vec<u8> = plain.iter().map(|v| v / 2 + 40).collect();
        let mut draw = Draw::keyed(2, "noise", &[]);
        let noisy: Vec<u8> = plain.iter().map(|v| v.saturating_add((draw.unit() * 24.0) as u8)).collect();
        for (what, changed) in [("duller", duller), ("noisy", noisy), ("shifted", picture(1, side, 1))] {
            assert!(f.like(&Fingerprint::of(&changed, side)).is_some(), "{what}");
        }
        // Another resolution of the same field of view.
        assert!(f.like(&Fingerprint::of(&picture(1, 224, 0), 224)).is_some());
    }

    #[test]
    fn different_pictures_are_not_alike() {
        let all: Vec<Fingerprint> = (0..60).map(|s| Fingerprint::of(&picture(s, 64, 0), 64)).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a.like(b).is_none()));
        }
    }

    #[test]
    fn blank_is_blank_and_small_pictures_do_not_break_it() {
        assert!(Fingerprint::of(&[230; 64 * 64 * 3], 64).blank());
        let f = Fingerprint::of(&picture(3, 8, 0), 8);
        assert_eq!(f.distance(&f), 0);
    }
}
