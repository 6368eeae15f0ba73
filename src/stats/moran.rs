//! Moran's I, for one variable or for all genes of a slide at once.
//!
//! With z the centred values: I = (n / S0) Σ_ij w_ij z_i z_j / Σ z_i². Variances under normality and under
//! randomisation after Cliff and Ord (1981), as PySAL's esda prints them.

use super::normal;
use super::weights::{Moments, Weights};
use rayon::prelude::*;

/// Genes that are worked on together. Each gene keeps a lane of its own, so its sums do not depend on this.
const LANES: usize = 8;

/// Weights with their moments, which all variables on the same spots share.
#[derive(Clone, Debug)]
pub struct Graph {
    weights: Weights,
    moments: Moments,
}

/// Moran's I of one variable, with what is expected of it when there is no spatial order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moran {
    /// The statistic.
    pub i: f64,
    /// Its expectation, -1 / (n - 1).
    pub expected: f64,
    /// Its variance if the values were normal.
    pub variance_norm: Option<f64>,
    /// Its variance over all ways to lay the same values out; `None` with fewer than four spots.
    pub variance_rand: Option<f64>,
}

impl Moran {
    /// Standard score under normality.
    pub fn z_norm(&self) -> Option<f64> {
        self.variance_norm.map(|v| (self.i - self.expected) / v.sqrt())
    }
    /// Standard score under randomisation.
    pub fn z_rand(&self) -> Option<f64> {
        self.variance_rand.map(|v| (self.i - self.expected) / v.sqrt())
    }
    /// Two-sided p under normality, as esda prints it by default.
    pub fn p_norm(&self) -> Option<f64> {
        self.z_norm().map(normal::two_sided)
    }
    /// Two-sided p under randomisation.
    pub fn p_rand(&self) -> Option<f64> {
        self.z_rand().map(normal::two_sided)
    }
}

impl Graph {
    /// Computes the moments once.
    pub fn new(weights: Weights) -> Self {
        let moments = weights.moments();
        Self { weights, moments }
    }

    /// The weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Their moments.
    pub fn moments(&self) -> Moments {
        self.moments
    }

    /// Moran's I of one value a spot. Undefined (`None`) for a constant, for values that are not finite, and
    /// where no spot has a neighbour. Panics when the number of values is not that of the spots.
    pub fn moran(&self, x: &[f64]) -> Option<Moran> {
        assert_eq!(x.len(), self.weights.len(), "one value a spot");
        self.block::<1>(0, 1, &|spot, _| x[spot])[0]
    }

    /// Moran's I of many genes; `value(spot, gene)` gives the data. Bit for bit what [`Graph::moran`] gives for
    /// each gene alone, with any number of threads.
    pub fn moran_all(&self, genes: usize, value: impl Fn(usize, usize) -> f64 + Sync) -> Vec<Option<Moran>> {
        let blocks: Vec<usize> = (0..genes).step_by(LANES).collect();
        blocks.into_par_iter().flat_map_iter(|first| self.block::<LANES>(first, genes, &value)).collect()
    }

    fn block<const L: usize>(&self, first: usize, genes: usize, value: &impl Fn(usize, usize) -> f64) -> Vec<Option<Moran>> {
        let lanes = Centred::<L>::load(self.weights.len(), first, genes, value);
        let cross = cross(&self.weights, &lanes.z);
        (0..lanes.used)
            .map(|lane| lanes.varies[lane].then(|| self.finish(cross[lane], lanes.squares[lane], lanes.fourths[lane])).flatten())
            .collect()
    }

    fn finish(&self, cross: f64, squares: f64, fourths: f64) -> Option<Moran> {
        let n = self.weights.len() as f64;
        let Moments { s0, s1, s2 } = self.moments;
        if s0 == 0.0 || squares == 0.0 {
            return None;
        }
        let expected = -1.0 / (n - 1.0);
        let (n2, s02) = (n * n, s0 * s0);
        let norm = (n2 * s1 - n * s2 + 3.0 * s02) / ((n2 - 1.0) * s02) - expected * expected;
        let k = n * fourths / (squares * squares);
        let rand = (n * ((n2 - 3.0 * n + 3.0) * s1 - n * s2 + 3.0 * s02) - k * ((n2 - n) * s1 - 2.0 * n * s2 + 6.0 * s02))
            / ((n - 1.0) * (n - 2.0) * (n - 3.0) * s02)
            - expected * expected;
        let i = n / s0 * cross / squares;
        Some(Moran { i, expected, variance_norm: positive(norm), variance_rand: positive(rand).filter(|_| n >= 4.0) })
    }
}

fn positive(variance: f64) -> Option<f64> {
    Some(variance).filter(|v| v.is_finite() && *v > 0.0)
}

/// Up to `L` genes side by side, centred.
pub(super) struct Centred<const L: usize> {
    /// Centred values, one array of lanes a spot.
    pub z: Vec<[f64; L]>,
    /// Σ z², by lane.
    pub squares: [f64; L],
    /// Σ z⁴, by lane.
    pub fourths: [f64; L],
    /// Whether the values are finite and not all the same, by lane.
    pub varies: [bool; L],
    /// How many lanes hold a gene.
    pub used: usize,
}

impl<const L: usize> Centred<L> {
    /// Loads genes `first..`, at most `L` of them and none from `genes` on.
    pub fn load(spots: usize, first: usize, genes: usize, value: &impl Fn(usize, usize) -> f64) -> Self {
        let used = (genes - first).min(L);
        let mut out = Self { z: Vec::with_capacity(spots), squares: [0.0; L], fourths: [0.0; L], varies: [false; L], used };
        let (mut sum, mut finite, mut start) = ([0.0; L], [true; L], [0.0; L]);
        for spot in 0..spots {
            let mut row = [0.0; L];
            for (lane, v) in row[..used].iter_mut().enumerate() {
                *v = value(spot, first + lane);
            }
            if spot == 0 {
                start = row;
            }
            for lane in 0..L {
                sum[lane] += row[lane];
                finite[lane] &= row[lane].is_finite();
                out.varies[lane] |= row[lane] != start[lane];
            }
            out.z.push(row);
        }
        out.varies.iter_mut().zip(finite).for_each(|(varies, finite)| *varies &= finite);
        let centre = sum.map(|s| s / spots as f64);
        for row in &mut out.z {
            for lane in 0..L {
                let z = row[lane] - centre[lane];
                let square = z * z;
                row[lane] = z;
                out.squares[lane] += square;
                out.fourths[lane] += square * square;
            }
        }
        out
    }
}

/// Σ_ij w_ij z_i z_j in each lane: rows in order, in a row the neighbours in order.
pub(super) fn cross<const L: usize>(weights: &Weights, z: &[[f64; L]]) -> [f64; L] {
    let mut total = [0.0; L];
    for (i, own) in z.iter().enumerate() {
        let (neighbours, values) = weights.row(i);
        let mut lag = [0.0; L];
        for (&j, &w) in neighbours.iter().zip(values) {
            let other = &z[j as usize];
            for lane in 0..L {
                lag[lane] += w * other[lane];
            }
        }
        for lane in 0..L {
            total[lane] += own[lane] * lag[lane];
        }
    }
    total
}
