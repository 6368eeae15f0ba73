//! Elementary functions made of additions, multiplications, divisions and bit moves only.
//!
//! The system's `exp`, `ln` and `sin` choose their code by processor (with or without fused multiply-add), so
//! their last bit may differ between machines. Synthetic slides and expression are locked by digest; these
//! functions give the same bits everywhere, at an error of a few units in the last place.

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// e to the x. Above 709 infinite, below -708 zero.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    if x < -708.0 {
        return 0.0;
    }
    // x = k ln 2 + r with |r| <= 0.35; the Taylor series of e^r to the 14th power is exact to rounding there.
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    sum * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

/// Natural logarithm of a positive normal number; 0 gives minus infinity, a negative number NaN.
pub fn ln(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x.is_infinite() {
        return x;
    }
    if x < f64::MIN_POSITIVE {
        // Subnormal: scaled by 2^54 first.
        return ln(x * 18_014_398_509_481_984.0) - 54.0 * LN2_HIGH - 54.0 * LN2_LOW;
    }
    let bits = x.to_bits();
    let mut k = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    // ln m = 2 artanh s, with |s| <= 0.1716.
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let mut sum = 0.0;
    for n in (0..12).rev() {
        sum = sum * s2 + 1.0 / f64::from(2 * n + 1);
    }
    k as f64 * LN2_HIGH + (2.0 * s * sum + k as f64 * LN2_LOW)
}

/// Sine, for arguments up to some thousands.
pub fn sin(x: f64) -> f64 {
    use std::f64::consts::PI;
    let k = (x / PI).round();
    let r = x - k * PI;
    let r2 = r * r;
    let mut sum = 1.0;
    for n in (1..=10).rev() {
        sum = 1.0 - sum * r2 / f64::from(2 * n * (2 * n + 1));
    }
    if k as i64 % 2 == 0 { r * sum } else { -r * sum }
}

/// Cosine, for arguments up to some thousands.
pub fn cos(x: f64) -> f64 {
    sin(x + std::f64::consts::FRAC_PI_2)
}

/// Cube root of a positive normal number, within 1e-14 of its size: Kahan's guess from the bits, then Halley's step twice.
pub fn cbrt(x: f64) -> f64 {
    let mut y = f64::from_bits(x.to_bits() / 3 + 0x2a9f_7893_782d_a1ce);
    for _ in 0..2 {
        let cube = y * y * y;
        y *= (cube + 2.0 * x) / (2.0 * cube + x);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots() {
        for i in 1..20_000 {
            let x = f64::from(i) * 0.000_37;
            assert!((cbrt(x) / x.cbrt() - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn close_to_the_system_s_functions() {
        for i in -4000..4000 {
            let x = f64::from(i) * 0.01 + 0.003;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14, "exp {x}");
            assert!((sin(x) - x.sin()).abs() < 1e-12 && (cos(x) - x.cos()).abs() < 1e-12, "sin {x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() <= 4e-16 * y.ln().abs().max(1.0), "ln {y}");
        }
        for x in [1.0, 1.0 + 1e-12, 1e-300, 1e300, 5e-324, 1e4, 2.0] {
            assert!((ln(x) - x.ln()).abs() <= 2e-16 * x.ln().abs().max(1e-4), "ln {x}: {} {}", ln(x), x.ln());
        }
        assert_eq!((exp(0.0), ln(1.0), sin(0.0), exp(-1e9), exp(1e9)), (1.0, 0.0, 0.0, 0.0, f64::INFINITY));
        assert!(ln(0.0) == f64::NEG_INFINITY && ln(-1.0).is_nan());
    }
}
