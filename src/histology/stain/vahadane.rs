//! Vahadane's normalisation: two stains as a sparse, non-negative dictionary of the tissue's densities
//! (spec/statistics-and-parity.md, section 10.3). The published optimiser is stochastic; this one starts from the classic H&E
//! vectors, goes through a fixed choice of pixels, and always ends the same. No reference implementation was run against it.

use super::Stains;
use super::density::{DENSITY, Lights, PART, Percentile};
use super::reinhard::luminosity;
use crate::base::{Failure, Result};
use crate::histology::image::{CHANNELS, ImageView};
use rayon::prelude::*;

/// Sparsity while the dictionary is learned, and of concentrations.
const SPARSITY: [f64; 2] = [0.1, 0.01];
/// Tissue is darker than this luminosity.
const BRIGHT: f64 = 80.0;
/// Pixels that the dictionary is learned from, at most.
const SAMPLE: usize = 20_000;
const ENOUGH: usize = 100;
const ROUNDS: usize = 100;
/// Where the dictionary starts (Ruifrok and Johnston 2001).
const START: [[f64; 3]; 2] = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]];

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(v: [f64; 3]) -> [f64; 3] {
    let length = dot(v, v).sqrt();
    if length > 0.0 { v.map(|c| c / length) } else { v }
}

/// The non-negative concentrations a of two stains of length 1 that make ½|x − a·d|² + λ Σa smallest.
fn sparse(x: [f64; 3], d: [[f64; 3]; 2], lambda: f64) -> [f64; 2] {
    let (b, c) = ([dot(d[0], x) - lambda, dot(d[1], x) - lambda], dot(d[0], d[1]));
    let det = 1.0 - c * c;
    if det > 1e-12 {
        let both = [(b[0] - c * b[1]) / det, (b[1] - c * b[0]) / det];
        if both.iter().all(|v| *v >= 0.0) {
            return both;
        }
    }
    // At the edge one of them is 0; the gain of the other is half its square.
    let alone = [b[0].max(0.0), b[1].max(0.0)];
    if alone[0] >= alone[1] { [alone[0], 0.0] } else { [0.0, alone[1]] }
}

fn density(pixel: &[u8; 3]) -> [f64; 3] {
    pixel.map(|v| f64::from(DENSITY[usize::from(v)]).max(0.0))
}

/// Fits an image.
pub fn fit(image: &ImageView) -> Result<Stains> {
    let pixels = image.pixels().as_chunks::<CHANNELS>().0;
    let tissue: Vec<[f64; 3]> = pixels.iter().filter(|p| luminosity(**p) < BRIGHT).map(density).collect();
    if tissue.len() < ENOUGH {
        return Err(Failure::input(format!("only {} pixels are tissue, and {ENOUGH} are due to fit a stain", tissue.len())));
    }
    let kept = tissue.len();
    let step = kept.div_ceil(SAMPLE);
    let sample: Vec<[f64; 3]> = tissue.into_iter().step_by(step).collect();
    let mut atoms = START.map(unit);
    for _ in 0..ROUNDS {
        let codes: Vec<[f64; 2]> = sample.iter().map(|x| sparse(*x, atoms, SPARSITY[0])).collect();
        let before = atoms;
        for k in 0..2 {
            // What the other atom leaves, weighted by this one's concentrations.
            let mut sum = [0.0; 3];
            let mut weight = 0.0;
            for (x, a) in sample.iter().zip(&codes) {
                weight += a[k] * a[k];
                (0..3).for_each(|c| sum[c] += a[k] * (x[c] - a[1 - k] * atoms[1 - k][c]));
            }
            if weight > 0.0 {
                let next = unit(sum.map(|v| v.max(0.0)));
                if dot(next, next) > 0.0 {
                    atoms[k] = next;
                }
            }
        }
        if (0..2).all(|k| (0..3).all(|c| (atoms[k][c] - before[k][c]).abs() < 1e-10)) {
            break;
        }
    }
    // Haematoxylin absorbs more red.
    if atoms[0][0] < atoms[1][0] {
        atoms.swap(0, 1);
    }
    let part = |p: usize| {
        let part = &pixels[p * PART..((p + 1) * PART).min(pixels.len())];
        part.iter().map(|p| sparse(density(p), atoms, SPARSITY[1]))
    };
    // No concentration is greater than the darkest pixel's density is long.
    let range = [(0.0, 3.0 * f64::from(DENSITY[0])); 2];
    let [h, e] = Percentile::Linear.of(pixels.len().div_ceil(PART), part, range, &[99.0], |v| v);
    let most = [h[0], e[0]];
    Ok(Stains { haematoxylin: atoms[0], eosin: atoms[1], most, kept })
}

/// The image with the reference's stains in place of its own.
pub fn normalise(image: &ImageView, own: &Stains, reference: &Stains) -> Vec<u8> {
    let scale: [f64; 2] = std::array::from_fn(|k| if own.most[k] > 0.0 { reference.most[k] / own.most[k] } else { 0.0 });
    let (from, to) = ([own.haematoxylin, own.eosin], [reference.haematoxylin, reference.eosin]);
    let lights = Lights::new();
    let one = |p: &[u8; 3]| -> [u8; 3] {
        let a = sparse(density(p), from, SPARSITY[1]);
        std::array::from_fn(|c| lights.byte(a[0] * scale[0] * to[0][c] + a[1] * scale[1] * to[1][c]))
    };
    image.pixels().as_chunks::<CHANNELS>().0.par_iter().map(one).collect::<Vec<_>>().into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concentrations_are_the_best_there_are() {
        let d = [[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]].map(unit);
        let cost = |x: [f64; 3], a: [f64; 2]| {
            let rest: [f64; 3] = std::array::from_fn(|c| x[c] - a[0] * d[0][c] - a[1] * d[1][c]);
            dot(rest, rest) / 2.0 + 0.1 * (a[0] + a[1])
        };
        for i in 0..60 {
            let x = [f64::from(i % 5) * 0.3, f64::from(i % 7) * 0.25, f64::from(i % 4) * 0.2];
            let found = sparse(x, d, 0.1);
            assert!(found.iter().all(|v| *v >= 0.0));
            for (da, db) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01), (0.01, -0.01), (-0.01, 0.01)] {
                let near = [(found[0] + da).max(0.0), (found[1] + db).max(0.0)];
                assert!(cost(x, found) <= cost(x, near) + 1e-12, "{x:?}");
            }
        }
    }
}
