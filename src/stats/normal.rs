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
