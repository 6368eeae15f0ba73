//! Bootstrap intervals (Efron 1979, 1987): the units drawn again with replacement, the statistic taken each time.
//!
//! Which units are drawn is data: a matrix of indices, row after row as NumPy's `RandomState(seed).randint(0, n, (B, n))`
//! gives it, so that anyone can repeat an interval to the last digit.

use super::normal;
use super::summary::quantile;
use crate::base::Mt19937;

/// How many resamples an interval is made of.
pub const RESAMPLES: usize = 2000;

/// The resamples of `n` units.
pub struct Resamples {
    n: usize,
    indices: Vec<u32>,
}

impl Resamples {
    /// NumPy's. Panics for more units than 32 bits can count, or none.
    pub fn new(seed: u32, count: usize, n: usize) -> Self {
        assert!(n > 0 && u32::try_from(n).is_ok(), "a number of units");
        let mut generator = Mt19937::new(seed);
        Self { n, indices: (0..count * n).map(|_| generator.below(n as u64) as u32).collect() }
    }

    /// The indices of each resample.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.indices.chunks_exact(self.n)
    }

    /// The statistic of every resample, in their order.
    pub fn of(&self, statistic: impl Fn(&[u32]) -> Option<f64>) -> Vec<Option<f64>> {
        self.rows().map(statistic).collect()
    }
}

/// The mean of picked values.
pub fn picked_mean(values: &[f64], pick: &[u32]) -> f64 {
    pick.iter().map(|&i| values[i as usize]).sum::<f64>() / pick.len() as f64
}

/// The replicates, unless more than one in a hundred is undefined: drawing those again would bend the distribution.
pub fn defined(replicates: &[Option<f64>]) -> Option<Vec<f64>> {
    let values: Vec<f64> = replicates.iter().copied().flatten().filter(|v| v.is_finite()).collect();
    (!values.is_empty() && (replicates.len() - values.len()) * 100 <= replicates.len()).then_some(values)
}

/// The percentile interval that holds `confidence` of the replicates.
pub fn percentile(replicates: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let tail = (1.0 - confidence) / 2.0;
    quantile(replicates, tail).zip(quantile(replicates, 1.0 - tail))
}

/// The basic interval: the percentile interval mirrored at the estimate.
pub fn basic(estimate: f64, replicates: &[f64], confidence: f64) -> Option<(f64, f64)> {
    percentile(replicates, confidence).map(|(low, high)| (2.0 * estimate - high, 2.0 * estimate - low))
}

/// The bias-corrected and accelerated interval (Efron 1987). `left_out` is the statistic without each unit in turn. None
/// where all replicates lie on one side of the estimate, or nothing varies.
pub fn accelerated(estimate: f64, replicates: &[f64], left_out: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let below = replicates.iter().filter(|r| **r < estimate).count() as f64;
    let equal = replicates.iter().filter(|r| **r == estimate).count() as f64;
    let share = (below + equal / 2.0) / replicates.len() as f64;
    if share <= 0.0 || share >= 1.0 || left_out.is_empty() {
        return None;
    }
    let centre = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let sum = |power: i32| left_out.iter().map(|v| (centre - v).powi(power)).sum::<f64>();
    let (squares, cubes) = (sum(2), sum(3));
    if squares <= 0.0 {
        return None;
    }
    let (bias, acceleration) = (normal::quantile(share), cubes / (6.0 * squares.powf(1.5)));
    let level = |tail: f64| {
        let z = bias + normal::quantile(tail);
        1.0 - normal::upper_tail(bias + z / (1.0 - acceleration * z))
    };
    let tail = (1.0 - confidence) / 2.0;
    quantile(replicates, level(tail).clamp(0.0, 1.0)).zip(quantile(replicates, level(1.0 - tail).clamp(0.0, 1.0)))
}

/// The two-sided p of a difference against 0: twice the share of replicates beyond 0, one added to both counts, at most 1.
pub fn two_sided_p(replicates: &[f64]) -> f64 {
    let at_most = replicates.iter().filter(|d| **d <= 0.0).count();
    let at_least = replicates.iter().filter(|d| **d >= 0.0).count();
    (2.0 * (at_most.min(at_least) + 1) as f64 / (replicates.len() + 1) as f64).min(1.0)
}
