//! Macenko's stain vectors: the extreme directions of the dense pixels' densities in the plane of their two largest
//! principal components.

use super::Stains;
use super::density::{DENSITY, PART, Percentile, strengths};
use super::eigen::symmetric;
use crate::base::{Failure, Result};
use crate::histology::image::{CHANNELS, ImageView};
use rayon::prelude::*;

/// Pixels with less density in any channel do not count.
const LEAST: f32 = 0.15;
/// The percentile of the angles, from either end.
const ALPHA: f64 = 1.0;
/// Fewer dense pixels than this give no stain.
const ENOUGH: usize = 100;

/// Fits an image.
pub fn fit(image: &ImageView, percentile: Percentile) -> Result<Stains> {
    // The dense pixels of each part, as bytes: their densities are looked up as often as they are needed.
    let pixels = image.pixels().as_chunks::<CHANNELS>().0;
    let dense: Vec<Vec<[u8; 3]>> = pixels
        .par_chunks(PART)
        .map(|part| part.iter().filter(|p| p.iter().all(|v| DENSITY[usize::from(*v)] >= LEAST)).copied().collect())
        .collect();
    let kept: usize = dense.iter().map(Vec::len).sum();
    if kept < ENOUGH {
        return Err(Failure::input(format!("only {kept} pixels are stained enough to fit a stain, and {ENOUGH} are due"))
            .hint("is this an H&E slide? [stain] can be left out"));
    }
    let n = kept as f64;
    let densities = |p: &[u8; 3]| p.map(|v| f64::from(DENSITY[usize::from(v)]));
    let total = |f: &(dyn Fn([f64; 3]) -> [f64; 9] + Sync)| {
        let add = |mut sum: [f64; 9], v: [f64; 9]| {
            sum.iter_mut().zip(v).for_each(|(s, v)| *s += v);
            sum
        };
        let parts: Vec<[f64; 9]> = dense.par_iter().map(|part| part.iter().map(|p| f(densities(p))).fold([0.0; 9], add)).collect();
        parts.into_iter().fold([0.0; 9], add)
    };
    // Densities of tissue lie round 0.5: with that taken away first, one pass gives means and products without losing digits.
    let sums = total(&|d| {
        let c = d.map(|v| v - 0.5);
        [c[0], c[1], c[2], c[0] * c[0], c[0] * c[1], c[0] * c[2], c[1] * c[1], c[1] * c[2], c[2] * c[2]]
    });
    let means = [sums[0] / n, sums[1] / n, sums[2] / n];
    let product = |at: usize, i: usize, j: usize| (sums[at] - n * means[i] * means[j]) / (n - 1.0);
    let products = [product(3, 0, 0), product(4, 0, 1), product(5, 0, 2), product(6, 1, 1), product(7, 1, 2), product(8, 2, 2)];
    let [rr, rg, rb, gg, gb, bb] = products;
    let (_, vectors) = symmetric([[rr, rg, rb], [rg, gg, gb], [rb, gb, bb]]);
    let (second, mut first) = (vectors[1], vectors[2]);
    // Densities are positive: so is their projection on the main direction, once that points the right way.
    if first.iter().sum::<f64>() < 0.0 {
        first = first.map(|v| -v);
    }
    let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    // In the half plane of positive projections the angle grows as the slope falls, so slopes are ranked in place of angles;
    // between ranks (the linear percentile) it is the angles that are averaged.
    let slope = |p: &[u8; 3]| {
        let d = densities(p);
        let along = dot(&d, &first);
        if along > 0.0 { dot(&d, &second) / along } else { f64::INFINITY }
    };
    let slopes: Vec<Vec<f64>> = dense.par_iter().map(|part| part.iter().map(slope).collect()).collect();
    let (low, high) = slopes
        .par_iter()
        .map(|part| part.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v))))
        .reduce(|| (f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if !high.is_finite() {
        return Err(Failure::input("the stained pixels point into opposite directions: no two stains can be told apart here"));
    }
    let read = |slope: f64| if percentile == Percentile::Linear { arctangent(slope) } else { slope };
    let [ends] = percentile.of(slopes.len(), |p| slopes[p].iter().map(|v| [*v]), [(low, high)], &[ALPHA, 100.0 - ALPHA], read);
    let direction = |value: f64| {
        let slope = if percentile == Percentile::Linear { tangent(value) } else { value };
        let length = (1.0 + slope * slope).sqrt();
        std::array::from_fn(|c| (second[c] * slope + first[c]) / length)
    };
    let [low, high]: [[f64; 3]; 2] = [direction(ends[0]), direction(ends[1])];
    let (haematoxylin, eosin) = if low[0] > high[0] { (low, high) } else { (high, low) };
    Ok(Stains { haematoxylin, eosin, most: strengths(image, haematoxylin, eosin, percentile), kept })
}

/// The arctangent, by halving the angle three times and then its series: the same bits everywhere.
fn arctangent(x: f64) -> f64 {
    let mut v = x;
    for _ in 0..3 {
        v /= 1.0 + (1.0 + v * v).sqrt();
    }
    let square = v * v;
    let series: f64 = (0..20).rev().fold(0.0, |sum, k| f64::from(1 - 2 * (k % 2)) / f64::from(2 * k + 1) + square * sum);
    8.0 * v * series
}

/// The tangent.
fn tangent(x: f64) -> f64 {
    crate::base::exact::sin(x) / crate::base::exact::cos(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_there_and_back() {
        for i in -40..=40 {
            let x = f64::from(i) / 8.0;
            assert!((arctangent(x) - x.atan()).abs() < 1e-12, "{x}");
            assert!((tangent(arctangent(x)) - x).abs() < 1e-9 * (1.0 + x * x), "{x}");
        }
    }

    #[test]
    fn a_white_slide_has_no_stain() {
        let pixels = vec![255u8; 300 * 3];
        assert!(fit(&ImageView::new(300, 1, &pixels).expect("view"), Percentile::NearestRank).is_err());
    }
}
