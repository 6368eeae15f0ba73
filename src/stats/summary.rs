//! Summaries over genes: what a report says of a vector of correlations.

use super::ranks::{ascending, descending};

/// Mean of some values, left to right; `None` when there are none.
pub fn mean_of(x: &[f64]) -> Option<f64> {
    (!x.is_empty()).then(|| super::correlation::mean(x))
}

/// Linear quantile (type 7, NumPy's default) for `q` in [0, 1]; `None` when there are no values.
pub fn quantile(x: &[f64], q: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&q), "a quantile lies in [0, 1]");
    let sorted: Vec<f64> = ascending(x).into_iter().map(|i| x[i]).collect();
    let last = sorted.len().checked_sub(1)?;
    let at = q * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[(at.floor() as usize + 1).min(last)]);
    let part = at - at.floor();
    // From the nearer end, as NumPy does, so that both ends are exact.
    Some(if part < 0.5 { low + (high - low) * part } else { high - (high - low) * (1.0 - part) })
}

/// The median; `None` when there are no values.
pub fn median(x: &[f64]) -> Option<f64> {
    let sorted: Vec<f64> = ascending(x).into_iter().map(|i| x[i]).collect();
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

/// Standard deviation with `ddof` taken from the count (0: of a population, 1: of a sample); `None` when
/// nothing is left to divide by.
pub fn deviation(x: &[f64], ddof: usize) -> Option<f64> {
    let left = x.len().checked_sub(ddof).filter(|&n| n > 0)?;
    let centre = mean_of(x)?;
    Some((x.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / left as f64).sqrt())
}

/// How many values are at least `threshold`: inclusive and unrounded.
pub fn count_over(x: &[f64], threshold: f64) -> usize {
    x.iter().filter(|&&v| v >= threshold).count()
}

/// Mean of the `k` largest values; `None` when there are fewer.
pub fn top_mean(x: &[f64], k: usize) -> Option<f64> {
    if k == 0 || x.len() < k {
        return None;
    }
    mean_of(&descending(x)[..k].iter().map(|&i| x[i]).collect::<Vec<_>>())
}
