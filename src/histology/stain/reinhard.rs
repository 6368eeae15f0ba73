//! Reinhard's normalisation in CIE Lab as torchstain has it (which takes it from HistomicsTK): each channel's mean and deviation
//! over all pixels, background included, become the reference's. In f64; torchstain computes in single precision, so bytes
//! may differ by one.

use crate::base::exact::{cbrt, exp, ln};
use crate::base::{Failure, Result};
use crate::histology::image::{CHANNELS, ImageView};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Means and population deviations of L, a and b.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lab {
    /// Means.
    pub means: [f64; 3],
    /// Deviations.
    pub deviations: [f64; 3],
}

/// sRGB to XYZ.
const XYZ: [[f64; 3]; 3] = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]];
/// The white point, D65.
const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];

/// Linear light of each byte.
static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|v| {
        let v = v as f64 / 255.0;
        if v > 0.04045 { power((v + 0.055) / 1.055, 2.4) } else { v / 12.92 }
    })
});

fn power(x: f64, exponent: f64) -> f64 {
    exp(exponent * ln(x))
}

/// The inverse of a 3 x 3 matrix, by cofactors.
fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |i: usize, j: usize| {
        let at = |a: usize, b: usize| m[(i + a) % 3][(j + b) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let det: f64 = (0..3).map(|j| m[0][j] * minor(0, j)).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| minor(j, i) / det))
}

static RGB: LazyLock<[[f64; 3]; 3]> = LazyLock::new(|| inverse(XYZ));

fn lab(pixel: [u8; 3]) -> [f64; 3] {
    let linear = pixel.map(|v| LINEAR[usize::from(v)]);
    let f: [f64; 3] = std::array::from_fn(|i| {
        let v = (XYZ[i][0] * linear[0] + XYZ[i][1] * linear[1] + XYZ[i][2] * linear[2]) / WHITE[i];
        if v > 0.008856 { cbrt(v) } else { 7.787 * v + 16.0 / 116.0 }
    });
    [116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])]
}

/// Luminosity, 0 to 100.
pub(super) fn luminosity(pixel: [u8; 3]) -> f64 {
    let linear = pixel.map(|v| LINEAR[usize::from(v)]);
    let v = (XYZ[1][0] * linear[0] + XYZ[1][1] * linear[1] + XYZ[1][2] * linear[2]) / WHITE[1];
    116.0 * if v > 0.008856 { cbrt(v) } else { 7.787 * v + 16.0 / 116.0 } - 16.0
}

/// The byte of linear light, truncated.
fn encoded(v: f64) -> u8 {
    let v = if v > 0.0031308 { 1.055 * power(v, 1.0 / 2.4) - 0.055 } else { v * 12.92 };
    (v.clamp(0.0, 1.0) * 255.0) as u8
}

/// The least linear light that gives each byte or more, found by halving; and the byte at each 4096th.
static BYTES: LazyLock<([f64; 256], Vec<u8>)> = LazyLock::new(|| {
    let least = std::array::from_fn(|byte| {
        // Positive floats are ordered as their bits are.
        let (mut low, mut high) = (0u64, 2.0f64.to_bits());
        while low < high {
            let middle = u64::midpoint(low, high);
            if usize::from(encoded(f64::from_bits(middle))) >= byte { high = middle } else { low = middle + 1 }
        }
        f64::from_bits(high)
    });
    (least, (0..=4096).map(|i| encoded(f64::from(i) / 4096.0)).collect())
});

/// The same as [`encoded`], from the table.
fn byte((least, start): &([f64; 256], Vec<u8>), v: f64) -> u8 {
    // Full light gives 254 (1.055 - 0.055 falls short of 1), and only more than it 255.
    let mut byte = start[((v * 4096.0) as usize).min(4096)];
    while byte < 255 && v >= least[usize::from(byte) + 1] {
        byte += 1;
    }
    byte
}

fn rgb(table: &([f64; 256], Vec<u8>), lab: [f64; 3]) -> [u8; 3] {
    let y = (lab[0] + 16.0) / 116.0;
    let f = [lab[1] / 500.0 + y, y, y - lab[2] / 200.0];
    let xyz: [f64; 3] =
        std::array::from_fn(|i| WHITE[i] * if f[i] > 0.2068966 { f[i] * f[i] * f[i] } else { (f[i] - 16.0 / 116.0) / 7.787 });
    std::array::from_fn(|i| byte(table, RGB[i][0] * xyz[0] + RGB[i][1] * xyz[1] + RGB[i][2] * xyz[2]))
}

/// Pixels of a part whose sums are taken together; the parts' sums are added in their order.
const PART: usize = 1 << 14;

/// Means and deviations of an image. An image of one colour has none to divide by.
pub fn fit(image: &ImageView) -> Result<Lab> {
    let pixels = image.pixels().as_chunks::<CHANNELS>().0;
    // Each part's count, means and sums of squared deviations, joined in the parts' order (Chan, Golub and LeVeque 1979).
    let one = |part: &[[u8; 3]]| {
        let values: Vec<[f64; 3]> = part.iter().map(|p| lab(*p)).collect();
        let n = values.len() as f64;
        let sum = |f: &dyn Fn(&[f64; 3], usize) -> f64| std::array::from_fn::<f64, 3, _>(|c| values.iter().map(|v| f(v, c)).sum());
        let means = sum(&|v, c| v[c]).map(|v| v / n);
        (n, means, sum(&|v, c| (v[c] - means[c]) * (v[c] - means[c])))
    };
    let parts: Vec<(f64, [f64; 3], [f64; 3])> = pixels.par_chunks(PART).map(one).collect();
    let (mut n, mut means, mut squares) = (0.0, [0.0; 3], [0.0; 3]);
    for (count, mean, square) in parts {
        let all = n + count;
        for c in 0..3 {
            let apart = mean[c] - means[c];
            means[c] += apart * count / all;
            squares[c] += square[c] + apart * apart * n * count / all;
        }
        n = all;
    }
    let deviations = squares.map(|s| (s / n).sqrt());
    if deviations.iter().any(|d| *d < 1e-9) {
        return Err(Failure::input("the image has one colour only: there is no deviation to normalise by"));
    }
    Ok(Lab { means, deviations })
}

/// The image with the reference's means and deviations. `modified`: torchstain's variant, which keeps the image's own
/// luminosity and stretches it by at least a twentieth.
pub fn normalise(image: &ImageView, own: &Lab, reference: &Lab, modified: bool) -> Result<Vec<u8>> {
    let q = (reference.deviations[0] - own.deviations[0]) / reference.deviations[0];
    let q = if q <= 0.0 { 0.05 } else { q };
    let moved = |v: [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|c| match (modified, c) {
            (false, _) => (v[c] - own.means[c]) / own.deviations[c] * reference.deviations[c] + reference.means[c],
            (true, 0) => own.means[0] + (v[0] - own.means[0]) * (1.0 + q),
            (true, _) => reference.means[c] + (v[c] - own.means[c]),
        })
    };
    let table = &*BYTES;
    let mut out = vec![0u8; image.pixels().len()];
    out.par_chunks_mut(CHANNELS * PART).zip(image.pixels().par_chunks(CHANNELS * PART)).for_each(|(out, from)| {
        for (out, p) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(from.as_chunks::<CHANNELS>().0) {
            *out = rgb(table, moved(lab(*p)));
        }
    });
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_gives_the_formula_s_bytes() {
        for i in -100..=60_000 {
            let v = f64::from(i) / 59_000.0;
            assert_eq!(byte(&BYTES, v), encoded(v), "{v}");
        }
        for v in BYTES.0 {
            assert_eq!(byte(&BYTES, v), encoded(v), "{v}");
            // Not the very next number: there the formula's own last bit may go up and down.
            let below = v * (1.0 - 1e-12);
            assert_eq!(byte(&BYTES, below), encoded(below), "below {v}");
        }
    }

    #[test]
    fn luminosity_is_that_of_lab() {
        for p in [[0, 0, 0], [255, 255, 255], [200, 30, 120], [3, 1, 2]] {
            assert_eq!(luminosity(p), lab(p)[0]);
        }
    }
}
