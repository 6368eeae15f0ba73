//! Pearson's and Spearman's correlation.

use super::ranks::{Ties, ranks};

/// Pearson's r, the definition of record (two passes): both vectors are centred, divided by their largest
/// magnitude (so that neither tiny nor huge numbers leave the range of squares), then correlated; the result
/// is clamped to [-1, 1].
///
/// `None`, that is *undefined*, when a value is not finite, when there are fewer than two, or when a vector is
/// constant. Constancy is asked of the values, not of the variance: the mean of twelve times 0.1 is not 0.1,
/// and a reference that looks at the variance then answers with noise of 1e-16.
/// Panics when the lengths differ: that is our own mistake, never a file's.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "two vectors over the same spots");
    let (d, e) = (scaled(x)?, scaled(y)?);
    let (mut de, mut dd, mut ee) = (0.0, 0.0, 0.0);
    for (a, b) in d.iter().zip(&e) {
        de += a * b;
        dd += a * a;
        ee += b * b;
    }
    Some((de / (dd * ee).sqrt()).clamp(-1.0, 1.0))
}

/// Spearman's rho: Pearson's r of the average ranks. Undefined where [`pearson`] is.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "two vectors over the same spots");
    if !varies(x) || !varies(y) {
        return None;
    }
    pearson(&ranks(x, Ties::Average)?, &ranks(y, Ties::Average)?)
}

/// The mean of a vector, left to right. Not a number for an empty one.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// True when all values are finite, there are at least two, and they are not all the same.
pub(super) fn varies(x: &[f64]) -> bool {
    x.iter().all(|v| v.is_finite()) && x.windows(2).any(|w| w[0] != w[1])
}

fn scaled(x: &[f64]) -> Option<Vec<f64>> {
    if !varies(x) {
        return None;
    }
    let centre = mean(x);
    let largest = x.iter().fold(0.0f64, |m, v| m.max((v - centre).abs()));
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    Some(x.iter().map(|v| (v - centre) / largest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_gaps_are_undefined() {
        let ramp: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(pearson(&[0.1; 12], &ramp), None);
        assert_eq!(pearson(&[1.0], &[2.0]), None);
        assert_eq!(pearson(&[], &[]), None);
        assert_eq!(pearson(&[1.0, f64::NAN], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, f64::INFINITY], &[1.0, 2.0]), None);
    }

    #[test]
    fn perfect_lines_are_one() {
        let ramp: Vec<f64> = (0..8).map(f64::from).collect();
        let line: Vec<f64> = ramp.iter().map(|v| -3.0 * v + 2.0).collect();
        assert_eq!(pearson(&ramp, &line), Some(-1.0));
        assert_eq!(spearman(&ramp, &line), Some(-1.0));
    }
}
