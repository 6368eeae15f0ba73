//! p-values of several tests at once. One family: all tests of one question; undefined ones are not counted.

use super::ranks::ascending;

/// Benjamini and Hochberg (1995): the smallest false discovery rate at which a test is still among the discoveries.
/// In the order of the input; undefined p-values stay undefined and are not in the family.
pub fn benjamini_hochberg(p: &[Option<f64>]) -> Vec<Option<f64>> {
    stepwise(p, |sorted| {
        let m = sorted.len() as f64;
        let mut smallest = 1.0f64;
        let mut out = vec![0.0; sorted.len()];
        for (i, p) in sorted.iter().enumerate().rev() {
            smallest = smallest.min(p * m / (i + 1) as f64);
            out[i] = smallest;
        }
        out
    })
}

/// Holm (1979): the smallest level at which a test is rejected while the chance of any false rejection is held.
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    stepwise(p, |sorted| {
        let m = sorted.len();
        let mut largest = 0.0f64;
        let step = |(i, p): (usize, &f64)| {
            largest = largest.max((p * (m - i) as f64).min(1.0));
            largest
        };
        sorted.iter().enumerate().map(step).collect()
    })
}

/// Sorts what is defined, adjusts it, and puts it back.
fn stepwise(p: &[Option<f64>], adjust: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Option<f64>> {
    let at: Vec<usize> = (0..p.len()).filter(|&i| p[i].is_some_and(|v| !v.is_nan())).collect();
    let values: Vec<f64> = at.iter().filter_map(|&i| p[i]).collect();
    let order = ascending(&values);
    let adjusted = adjust(&order.iter().map(|&i| values[i]).collect::<Vec<_>>());
    let mut out = vec![None; p.len()];
    for (&i, q) in order.iter().zip(adjusted) {
        out[at[i]] = Some(q);
    }
    out
}
