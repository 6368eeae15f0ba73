//! Geary's C: near 0 when neighbours are alike, 1 when there is no spatial order.
//!
//! C = (n - 1) Σ_ij w_ij (x_i - x_j)² / (2 S0 Σ z²). Variances after Cliff and Ord (1981), as in esda.

use super::correlation::{mean, varies};
use super::moran::Graph;
use super::normal;
use super::weights::Moments;

/// Geary's C of one variable. Its expectation is 1; positive autocorrelation has a *negative* standard score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geary {
    /// The statistic.
    pub c: f64,
    /// Its variance if the values were normal.
    pub variance_norm: Option<f64>,
    /// Its variance over all ways to lay the same values out; `None` with fewer than four spots.
    pub variance_rand: Option<f64>,
}

impl Geary {
    /// Standard score under normality.
    pub fn z_norm(&self) -> Option<f64> {
        self.variance_norm.map(|v| (self.c - 1.0) / v.sqrt())
    }
    /// Standard score under randomisation.
    pub fn z_rand(&self) -> Option<f64> {
        self.variance_rand.map(|v| (self.c - 1.0) / v.sqrt())
    }
    /// One-sided p under normality (esda's Geary p is always one-sided).
    pub fn p_norm(&self) -> Option<f64> {
        self.z_norm().map(normal::one_sided)
    }
    /// One-sided p under randomisation.
    pub fn p_rand(&self) -> Option<f64> {
        self.z_rand().map(normal::one_sided)
    }
}

impl Graph {
    /// Geary's C of one value a spot; undefined where Moran's I is. Panics when the number of values is not
    /// that of the spots.
    pub fn geary(&self, x: &[f64]) -> Option<Geary> {
        let weights = self.weights();
        assert_eq!(x.len(), weights.len(), "one value a spot");
        let Moments { s0, s1, s2 } = self.moments();
        if !varies(x) || s0 == 0.0 {
            return None;
        }
        let centre = mean(x);
        let (mut differences, mut squares, mut fourths) = (0.0, 0.0, 0.0);
        for (i, v) in x.iter().enumerate() {
            let (neighbours, values) = weights.row(i);
            for (&j, &w) in neighbours.iter().zip(values) {
                let d = v - x[j as usize];
                differences += w * d * d;
            }
            let square = (v - centre) * (v - centre);
            squares += square;
            fourths += square * square;
        }
        let n = x.len() as f64;
        let (n2, s02) = (n * n, s0 * s0);
        let k = n * fourths / (squares * squares);
        let norm = ((2.0 * s1 + s2) * (n - 1.0) - 4.0 * s02) / (2.0 * (n + 1.0) * s02);
        let rand = ((n - 1.0) * s1 * (n2 - 3.0 * n + 3.0 - (n - 1.0) * k)
            - 0.25 * (n - 1.0) * s2 * (n2 + 3.0 * n - 6.0 - (n2 - n + 2.0) * k)
            + s02 * (n2 - 3.0 - (n - 1.0) * (n - 1.0) * k))
            / (n * (n - 2.0) * (n - 3.0) * s02);
        let sound = |v: f64| Some(v).filter(|v| v.is_finite() && *v > 0.0);
        let c = (n - 1.0) * differences / (2.0 * s0 * squares);
        (squares > 0.0).then(|| Geary { c, variance_norm: sound(norm), variance_rand: sound(rand).filter(|_| n >= 4.0) })
    }
}
