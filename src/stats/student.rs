//! Student's t for whole degrees of freedom: what an interval over a few seeds needs.

use std::f64::consts::PI;

/// The probability that |T| ≤ t with `df` ≥ 1 degrees of freedom: the finite sums of Abramowitz and Stegun,
/// formulas 26.7.3 (odd) and 26.7.4 (even).
pub fn within(t: f64, df: usize) -> f64 {
    assert!(df >= 1, "Student's t needs a degree of freedom");
    let root = (df as f64).sqrt();
    let length = t.hypot(root);
    let (sine, cosine) = (t / length, root / length);
    let odd = df % 2 == 1;
    // The sum's terms: cos^(k) with k from 1 (odd) or 0 (even) up to df - 2, each from the one before.
    let (mut term, mut sum, mut k) = if odd { (cosine, 0.0, 1) } else { (1.0, 0.0, 0) };
    while k + 2 <= df {
        sum += term;
        term *= cosine * cosine * (k + 1) as f64 / (k + 2) as f64;
        k += 2;
    }
    if odd { 2.0 / PI * (t.atan2(root) + sine * sum) } else { sine * sum }
}

/// The t for which |T| ≤ t has the probability `confidence`, in (0, 1), to 1e-12 of its size.
pub fn two_sided_quantile(confidence: f64, df: usize) -> f64 {
    assert!(confidence > 0.0 && confidence < 1.0, "a confidence lies between 0 and 1");
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, df) < confidence && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    while high - low > 1e-12 * high {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if within(middle, df) < confidence { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.t.ppf, version 1.16. The difference is in the last digits of either's series.
    #[test]
    fn quantiles_are_scipys() {
        for (df, at_975, at_900) in [
            (1, 12.706204736174694, 3.0776835371752544),
            (2, 4.302652729749462, 1.8856180831641272),
            (3, 3.1824463052837078, 1.637744353696209),
            (4, 2.7764451051977934, 1.533206274058944),
            (5, 2.5705818356363146, 1.4758840488244815),
            (9, 2.262157162798205, 1.3830287383966329),
            (10, 2.228138851986274, 1.372183641110336),
            (30, 2.0422724563012378, 1.3104150253913955),
            (99, 1.9842169515864174, 1.2901614420344854),
        ] {
            for (confidence, due) in [(0.95, at_975), (0.8, at_900)] {
                let found = two_sided_quantile(confidence, df);
                assert!((found / due - 1.0f64).abs() < 1e-9, "{df} {confidence}: {found} where {due} is due");
                assert!((within(found, df) - confidence).abs() < 1e-10);
            }
        }
    }
}
