//! Errors of prediction. All take truth first, prediction second, over the same spots.

use super::correlation::{mean, varies};

/// Mean squared error. Not a number for empty input.
pub fn mse(truth: &[f64], prediction: &[f64]) -> f64 {
    folded(truth, prediction, |d| d * d)
}

/// Mean absolute error. Not a number for empty input.
pub fn mae(truth: &[f64], prediction: &[f64]) -> f64 {
    folded(truth, prediction, f64::abs)
}

/// Root of the pooled mean squared error (not a mean of roots).
pub fn rmse(truth: &[f64], prediction: &[f64]) -> f64 {
    mse(truth, prediction).sqrt()
}

/// Coefficient of determination, 1 - residual sum of squares / total sum of squares. Undefined for a constant
/// truth, where scikit-learn answers 0, 1 or, when the mean is inexact, any huge number.
pub fn r2(truth: &[f64], prediction: &[f64]) -> Option<f64> {
    if !varies(truth) || prediction.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let centre = mean(truth);
    let total: f64 = truth.iter().map(|t| (t - centre) * (t - centre)).sum();
    let residual: f64 = truth.iter().zip(prediction).map(|(t, p)| (t - p) * (t - p)).sum();
    (total > 0.0).then(|| 1.0 - residual / total)
}

fn folded(truth: &[f64], prediction: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    assert_eq!(truth.len(), prediction.len(), "two vectors over the same spots");
    truth.iter().zip(prediction).map(|(t, p)| of(t - p)).sum::<f64>() / truth.len() as f64
}
