//! What of a correlation remains when a third quantity is held.

/// The partial correlation of x and y with z held, from the three plain ones (Pearson's or Spearman's):
/// (r_xy - r_xz r_yz) / sqrt((1 - r_xz²)(1 - r_yz²)). None where z tells x or y wholly.
pub fn partial(xy: f64, xz: f64, yz: f64) -> Option<f64> {
    let left = (1.0 - xz * xz) * (1.0 - yz * yz);
    (left > 0.0).then(|| ((xy - xz * yz) / left.sqrt()).clamp(-1.0, 1.0))
}

/// Least squares of y on two predictors, all three standardised: the two slopes, from the plain Pearson correlations.
/// None where the predictors tell each other wholly.
pub fn slopes(y_one: f64, y_two: f64, one_two: f64) -> Option<(f64, f64)> {
    let left = 1.0 - one_two * one_two;
    (left > 0.0).then(|| ((y_one - y_two * one_two) / left, (y_two - y_one * one_two) / left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_quantity_held() {
        // By hand: (0.5 - 0.48) / sqrt(0.64 * 0.36) = 0.02 / 0.48.
        assert!((partial(0.5, 0.6, 0.8).expect("defined") - 0.02 / 0.48).abs() < 1e-15);
        assert_eq!(partial(0.5, 1.0, 0.5), None);
        let (a, b) = slopes(0.5, 0.3, 0.2).expect("defined");
        // The normal equations hold.
        assert!((a + 0.2 * b - 0.5).abs() < 1e-15 && (0.2 * a + b - 0.3).abs() < 1e-15);
        assert_eq!(slopes(0.5, 0.5, -1.0), None);
    }
}
