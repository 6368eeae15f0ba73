//! Smooth random fields of the plane: gradient noise on an integer lattice (after Perlin, "Improving noise", 2002).

use crate::base::Draw;
use crate::base::exact::{cos, sin};

/// A field of the plane, about -1 to 1, with features of size 1, that repeats every 256.
pub struct Noise {
    order: [u8; 256],
    gradients: [(f64, f64); 256],
}

impl Noise {
    /// The field of an address.
    pub fn keyed(seed: u64, purpose: &str, slide: u64) -> Self {
        let mut draw = Draw::keyed(seed, purpose, &[slide]);
        let mut order = [0u8; 256];
        draw.permutation(256).into_iter().zip(&mut order).for_each(|(v, o)| *o = v as u8);
        let gradients = std::array::from_fn(|_| {
            let angle = draw.uniform(0.0, std::f64::consts::TAU);
            (cos(angle), sin(angle))
        });
        Self { order, gradients }
    }

    /// The value at a point.
    pub fn at(&self, x: f64, y: f64) -> f64 {
        let (ix, iy) = (below(x), below(y));
        let (dx, dy) = (x - ix as f64, y - iy as f64);
        let (left, right) = (self.order[(ix & 255) as usize], self.order[((ix + 1) & 255) as usize]);
        // The corner's gradient, times the way from the corner to the point.
        let corner = |column: u8, row: i64, dx: f64, dy: f64| {
            let (gx, gy) = self.gradients[usize::from(self.order[((i64::from(column) + row) & 255) as usize])];
            gx * dx + gy * dy
        };
        let (u, v) = (fade(dx), fade(dy));
        let top = corner(left, iy, dx, dy) * (1.0 - u) + corner(right, iy, dx - 1.0, dy) * u;
        let bottom = corner(left, iy + 1, dx, dy - 1.0) * (1.0 - u) + corner(right, iy + 1, dx - 1.0, dy - 1.0) * u;
        // A plain gradient noise reaches about 0.7.
        1.45 * (top * (1.0 - v) + bottom * v)
    }

    /// Sum of octaves, each twice as fine and half as strong, scaled back to about -1 to 1.
    pub fn octaves(&self, x: f64, y: f64, n: u32) -> f64 {
        let (mut sum, mut weight, mut all, mut scale) = (0.0, 1.0, 0.0, 1.0);
        for k in 0..n {
            // Shifted, so that the lattices' zeros do not coincide.
            let shift = 17.37 * f64::from(k);
            sum += weight * self.at(x * scale + shift, y * scale + shift);
            all += weight;
            weight *= 0.5;
            scale *= 2.0;
        }
        sum / all * 1.25
    }
}

/// The integer below: a plain processor without SSE 4.1 has no instruction for `floor`.
fn below(x: f64) -> i64 {
    let i = x as i64;
    i - i64::from(i as f64 > x)
}

fn fade(t: f64) -> f64 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub fn step(low: f64, high: f64, v: f64) -> f64 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_bounded_and_keyed() {
        let n = Noise::keyed(1, "test", 0);
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for i in 0..4000 {
            let (x, y) = (f64::from(i) * 0.173 - 300.0, f64::from(i) * 0.091);
            let v = n.at(x, y);
            assert!((n.at(x + 1e-6, y) - v).abs() < 1e-4);
            (low, high) = (low.min(v), high.max(v));
        }
        assert!(low > -1.3 && high < 1.3 && low < -0.6 && high > 0.6, "{low} {high}");
        assert_ne!(n.at(0.5, 0.5), Noise::keyed(1, "test", 1).at(0.5, 0.5));
        assert_eq!((step(0.0, 1.0, -1.0), step(0.0, 1.0, 0.5), step(0.0, 1.0, 2.0)), (0.0, 0.5, 1.0));
    }
}
