//! Principal components in plain double precision, sums in a fixed order: the same bytes on every machine.

use crate::base::{Draw, Failure, Result};
use rayon::prelude::*;

/// Vectors that are turned besides the wanted ones, so that the wanted ones settle sooner.
const SPARE: usize = 8;
/// More turns than this are never made.
const TURNS: usize = 2000;
/// A component is settled when what is left of Cv - λv is this share of the largest λ.
const SETTLED: f64 = 1e-11;

/// Principal components of some points.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The points in terms of the components, [n, k] row after row.
    pub points: Vec<f64>,
    /// Each component's share of the whole variance.
    pub shares: Vec<f64>,
}

/// The first `k` principal components of points of `dim` coordinates (row after row), the largest first. A component's
/// sign makes its largest loading positive, the first one of equal size deciding.
///
/// Orthogonal iteration of the covariance matrix (population) with Rayleigh and Ritz's step, from keyed draws. Fails where
/// there are fewer points or coordinates than components, and where no point differs from another.
pub fn principal(points: &[f64], dim: usize, k: usize) -> Result<Principal> {
    let n = points.len() / dim.max(1);
    if k == 0 || dim < k || n <= k {
        return Err(Failure::input(format!("{n} points of {dim} numbers have no {k} principal components")));
    }
    let means: Vec<f64> = (0..dim).map(|d| points.iter().skip(d).step_by(dim).sum::<f64>() / n as f64).collect();
    let centred: Vec<f64> = points.chunks_exact(dim).flat_map(|row| row.iter().zip(&means).map(|(v, m)| v - m)).collect();
    let covariance = covariance(&centred, dim);
    let whole: f64 = (0..dim).map(|d| covariance[d * dim + d]).sum();
    if whole.is_nan() || whole <= 0.0 {
        return Err(Failure::input("all points are the same, so they have no principal components"));
    }
    let (values, vectors) = leading(&covariance, dim, k);
    let points = centred.chunks_exact(dim).flat_map(|row| vectors.iter().take(k).map(|v| dot(row, v))).collect();
    Ok(Principal { points, shares: values.iter().take(k).map(|v| v / whole).collect() })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Each row of the matrix by itself, its sums in the points' order: threads change no bit.
fn covariance(centred: &[f64], dim: usize) -> Vec<f64> {
    let n = (centred.len() / dim) as f64;
    let row = |i: usize| {
        let mut sums = vec![0.0; dim];
        for point in centred.chunks_exact(dim) {
            let own = point[i];
            sums.iter_mut().zip(point).for_each(|(sum, v)| *sum += own * v);
        }
        sums.iter_mut().for_each(|s| *s /= n);
        sums
    };
    let rows: Vec<Vec<f64>> = (0..dim).into_par_iter().map(row).collect();
    rows.concat()
}

/// The largest eigenvalues and their vectors, `k` and some spare ones.
fn leading(matrix: &[f64], dim: usize, k: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let wide = (k + SPARE).min(dim);
    let draw = |i: usize| {
        let mut draw = Draw::keyed(0, "stats/components", &[i as u64]);
        (0..dim).map(|_| draw.uniform(-1.0, 1.0)).collect::<Vec<f64>>()
    };
    let mut vectors: Vec<Vec<f64>> = (0..wide).map(draw).collect();
    let mut values = vec![0.0; wide];
    for _ in 0..TURNS {
        orthonormal(&mut vectors);
        let images: Vec<Vec<f64>> = vectors.par_iter().map(|v| matrix.chunks_exact(dim).map(|row| dot(row, v)).collect()).collect();
        let small: Vec<Vec<f64>> = vectors.iter().map(|v| images.iter().map(|w| dot(v, w)).collect()).collect();
        let (found, turns) = jacobi(small);
        let turned = |of: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let sum = |turn: &Vec<f64>, d: usize| turn.iter().zip(of).map(|(t, v)| t * v[d]).sum();
            turns.iter().map(|turn| (0..dim).map(|d| sum(turn, d)).collect()).collect()
        };
        let (next, images) = (turned(&vectors), turned(&images));
        let left = |i: usize| {
            let rest: f64 = images[i].iter().zip(&next[i]).map(|(w, v)| (w - found[i] * v) * (w - found[i] * v)).sum();
            rest.sqrt()
        };
        let settled = (0..k).all(|i| left(i) <= SETTLED * found[0].abs());
        values = found;
        vectors = next;
        if settled {
            break;
        }
        // The next turn begins at the images, which lie nearer to the leading vectors.
        vectors = images;
    }
    orthonormal(&mut vectors);
    vectors.iter_mut().for_each(|v| point_up(v));
    (values, vectors)
}

/// Gram and Schmidt's way, twice, so that rounding leaves nothing behind.
fn orthonormal(vectors: &mut [Vec<f64>]) {
    for i in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(i);
        let Some(own) = rest.first_mut() else { continue };
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(own, other);
                own.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
            let length = dot(own, own).sqrt();
            if length > 0.0 {
                own.iter_mut().for_each(|v| *v /= length);
            }
        }
    }
}

/// Turns a vector so that its largest loading is positive.
fn point_up(vector: &mut [f64]) {
    let largest = vector.iter().fold(0.0f64, |m, v| if v.abs() > m.abs() { *v } else { m });
    if largest < 0.0 {
        vector.iter_mut().for_each(|v| *v = -*v);
    }
}

/// Eigenvalues, the largest first, and vectors of a small symmetric matrix, by Jacobi's rotations in a fixed order.
fn jacobi(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        let whole: f64 = a.iter().flatten().map(|v| v * v).sum();
        if off <= 1e-32 * whole {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (order.iter().map(|&i| a[i][i]).collect(), order.iter().map(|&i| vectors[i].clone()).collect())
}

/// One rotation, which makes `a[p][q]` 0. Rows of `vectors` are the eigenvectors in the making.
fn rotate(a: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let t = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for row in a.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    for of in [a, vectors] {
        let (upper, lower) = of.split_at_mut(q);
        for (x, y) in upper[p].iter_mut().zip(lower[0].iter_mut()) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points along known directions: x and y turned by 30 degrees, and nothing else.
    #[test]
    fn known_directions_are_found_with_their_sign() {
        let (c, s) = (3f64.sqrt() / 2.0, 0.5);
        let plain: Vec<(f64, f64)> = (0..40).map(|i| (f64::from(i % 8) - 3.5, 0.25 * (f64::from(i / 8) - 2.0))).collect();
        let points: Vec<f64> = plain.iter().flat_map(|(u, v)| [c * u - s * v, 7.0, s * u + c * v]).collect();
        let found = principal(&points, 3, 2).expect("components");
        for (i, (u, v)) in plain.iter().enumerate() {
            assert!((found.points[2 * i] - u).abs() < 1e-9 && (found.points[2 * i + 1] - v).abs() < 1e-9, "{i}");
        }
        // Variances of 0 to 7 and of a quarter of 0 to 4.
        let (first, second) = (63.0 / 12.0, 2.0 / 16.0);
        assert!((found.shares[0] - first / (first + second)).abs() < 1e-12, "{:?}", found.shares);
    }

    #[test]
    fn threads_change_no_bit_and_nonsense_is_refused() {
        let mut draw = Draw::keyed(1, "test", &[]);
        let points: Vec<f64> = (0..30 * 50).map(|i| draw.uniform(-1.0, 1.0) * f64::from(1 + i % 50)).collect();
        let pool = |n: usize| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads");
        let run = |n: usize| pool(n).install(|| principal(&points, 50, 3).expect("components"));
        let (one, three) = (run(1), run(3));
        let bits = |p: &Principal| p.points.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&one), bits(&three));
        assert!(one.shares.windows(2).all(|w| w[0] >= w[1]) && one.shares[0] < 1.0);
        assert!(principal(&[1.0; 40], 4, 2).is_err() && principal(&points[..100], 50, 2).is_err() && principal(&points, 50, 0).is_err());
    }
}
