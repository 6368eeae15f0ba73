//! The normal tail, by erfc and never as 1 - Phi (which is 0 from z = 8.3 on).

use std::f64::consts::{PI, SQRT_2};

/// Below this, erfc is taken from the series of erf; above, from the continued fraction.
const SEAM: f64 = 2.0;

/// The complementary error function, to a relative error of some 1e-13 as far as doubles reach (x = 26.5;
/// then down through the subnormal numbers to 0). Infinite and undefined arguments behave as limits do.
///
/// Below 2: erf by its series in e^(-x²) of positive terms (Abramowitz and Stegun 7.1.6), so that nothing
/// cancels. From 2 on: the continued fraction of 7.1.14 with a number of levels that is ample at 2 and more
/// than ample beyond.
pub fn erfc(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x < SEAM { 1.0 - erf_series(x) } else { bell(x) * fraction(x) }
}

/// The normal probability above `z`.
pub fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// The two-sided p of `z`: the probability of anything at least as far from 0.
pub fn two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

/// The one-sided p of `z` on the side of its own sign, as esda takes it.
pub fn one_sided(z: f64) -> f64 {
    upper_tail(z.abs())
}

/// The z with a probability of `p`, in (0, 1), below it: bisection on the tail, to the last digits of a double.
pub fn quantile(p: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a probability lies between 0 and 1");
    // The tail above z is p's own tail only in the upper half; below, symmetry keeps its digits.
    if p < 0.5 {
        return -above(p);
    }
    if p == 0.5 { 0.0 } else { above(1.0 - p) }
}

/// The z > 0 with a probability of `tail` < 1/2 above it.
fn above(tail: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return high;
        }
        if upper_tail(middle) > tail { low = middle } else { high = middle }
    }
}

fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 0.0);
    while term > 1e-18 * sum {
        k += 1.0;
        term *= 2.0 * x * x / (2.0 * k + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

/// e^(-x²) where x² does not fit a double: the head of x is squared exactly, the rest is a small factor.
fn bell(x: f64) -> f64 {
    if x > 40.0 {
        return 0.0;
    }
    let head = (x * 16.0).trunc() / 16.0;
    (-head * head).exp() * (-(x - head) * (x + head)).exp()
}

fn fraction(x: f64) -> f64 {
    let mut below = x;
    for level in (1..=120).rev() {
        below = x + f64::from(level) / 2.0 / below;
    }
    1.0 / (below * PI.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with mpmath at 40 digits.
    const ERFC: [(f64, f64); 20] = [
        (0.0, 1.0),
        (1e-10, 0.999_999_999_887_162_1),
        (0.3, 0.671_373_240_540_872_6),
        (0.5, 0.479_500_122_186_953_5),
        (1.0, 0.157_299_207_050_285_13),
        (1.5, 0.033_894_853_524_689_27),
        (1.99, 0.004_888_586_800_383_003),
        (2.0, 0.004_677_734_981_047_266),
        (2.01, 0.004_475_150_644_751_763),
        (3.0, 2.209_049_699_858_544e-5),
        (5.0, 1.537_459_794_428_034_8e-12),
        (7.5, 2.776_649_386_030_569e-26),
        (10.0, 2.088_487_583_762_545e-45),
        (15.0, 7.212_994_172_451_207e-100),
        (20.0, 5.395_865_611_607_901e-176),
        (25.0, 8.300_172_571_196_523e-274),
        (26.2, 1.643_250_792_438_946e-300),
        (26.5, 2.210_907_664_263_734_3e-307),
        (-0.7, 1.677_801_193_837_418_4),
        (-3.0, 1.999_977_909_503_001_4),
    ];

    #[test]
    fn erfc_as_far_as_doubles_reach() {
        for (x, due) in ERFC {
            let relative = (erfc(x) - due).abs() / due;
            assert!(relative < 1e-13, "erfc({x}) = {:e}, not {due:e}: {relative:e}", erfc(x));
        }
        assert!(erfc(f64::NAN).is_nan());
        assert_eq!((erfc(f64::INFINITY), erfc(f64::NEG_INFINITY), erfc(60.0)), (0.0, 2.0, 0.0));
    }

    /// scipy.stats.norm.ppf.
    #[test]
    fn quantiles() {
        for (p, due) in [(0.975, 1.959963984540054), (0.5, 0.0), (0.1, -1.2815515655446004), (1e-10, -6.361340902404056)] {
            assert!((quantile(p) - due).abs() < 1e-12, "{p}: {} where {due} is due", quantile(p));
        }
    }

    #[test]
    fn tails() {
        assert!((upper_tail(1.96) / 0.024_997_895_148_220_436 - 1.0).abs() < 1e-13);
        assert!((upper_tail(8.4) / 2.232_393_197_288_044e-17 - 1.0).abs() < 1e-12);
        assert!((one_sided(-37.0) / 5.725_571_222_524_577e-300 - 1.0).abs() < 1e-12);
        assert_eq!(upper_tail(-37.0), 1.0);
        assert_eq!(two_sided(0.0), 1.0);
    }
}
