//! Two simple regressions on a few numbers a spot: ridge, and the mean of nearest neighbours. What a network must beat.
//!
//! Columns are standardised by the training rows first. Ridge: scikit-learn's `Ridge(alpha=1.0)`; neighbours:
//! `KNeighborsRegressor`, equal distances by row. All sums are in f64 in row order, so equal input gives equal bits.

use rayon::prelude::*;

/// Rows of so many columns each, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The values.
    pub values: &'a [f64],
    /// Columns.
    pub width: usize,
}

impl Rows<'_> {
    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.width..(i + 1) * self.width]
    }
}

/// Means and deviations (population) of the columns over some rows; a constant column has deviation 1.
fn scales(x: Rows, train: &[usize]) -> Vec<(f64, f64)> {
    let n = train.len().max(1) as f64;
    let column = |c: usize| {
        let mean = train.iter().map(|&r| x.row(r)[c]).sum::<f64>() / n;
        let variance = train.iter().map(|&r| (x.row(r)[c] - mean) * (x.row(r)[c] - mean)).sum::<f64>() / n;
        (mean, if variance > 1e-24 { variance.sqrt() } else { 1.0 })
    };
    (0..x.width).map(column).collect()
}

/// The rows, standardised.
fn standardised(x: Rows, scales: &[(f64, f64)], rows: &[usize]) -> Vec<f64> {
    let one = |&r: &usize| x.row(r).iter().zip(scales).map(|(v, (m, d))| (v - m) / d).collect::<Vec<_>>();
    rows.iter().flat_map(one).collect()
}

/// Ridge regression with penalty 1 and an intercept: predictions [test, genes] of targets [N, genes] learned on `train`.
/// A penalty above 0 makes the system positive definite, so Cholesky's method always works.
pub fn ridge(x: Rows, targets: &[f32], genes: usize, train: &[usize], test: &[usize]) -> Vec<f32> {
    let (p, scales) = (x.width, scales(x, train));
    let a = standardised(x, &scales, train);
    let mut gram = vec![0.0; p * p];
    for row in a.chunks_exact(p) {
        for i in 0..p {
            for j in 0..=i {
                gram[i * p + j] += row[i] * row[j];
            }
        }
    }
    (0..p).for_each(|i| gram[i * p + i] += 1.0);
    let lower = cholesky(gram, p);
    let n = train.len().max(1) as f64;
    let weights: Vec<(f64, Vec<f64>)> = (0..genes)
        .into_par_iter()
        .map(|g| {
            let y = |r: usize| f64::from(targets[r * genes + g]);
            let mean = train.iter().map(|&r| y(r)).sum::<f64>() / n;
            let mut right = vec![0.0; p];
            for (row, &r) in a.chunks_exact(p).zip(train) {
                right.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * (y(r) - mean));
            }
            (mean, solved(&lower, right))
        })
        .collect();
    let b = standardised(x, &scales, test);
    let answer = |row: &[f64]| {
        weights.iter().map(|(mean, w)| (mean + row.iter().zip(w).map(|(v, w)| v * w).sum::<f64>()) as f32).collect::<Vec<f32>>()
    };
    b.chunks_exact(p.max(1)).flat_map(answer).collect()
}

/// The lower triangle L with L·Lᵀ = a; only the lower half of `a` is read.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - sum;
            a[i * n + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / a[j * n + j] };
        }
    }
    a
}

/// Solves L·Lᵀ·x = b.
fn solved(lower: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| lower[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / lower[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| lower[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / lower[i * n + i];
    }
    b
}

/// The mean target of the `k` training rows nearest to each test row; all of them where there are fewer.
pub fn nearest(x: Rows, targets: &[f32], genes: usize, train: &[usize], test: &[usize], k: usize) -> Vec<f32> {
    let (p, scales) = (x.width, scales(x, train));
    let (a, b) = (standardised(x, &scales, train), standardised(x, &scales, test));
    let answer = |row: &[f64]| {
        let mut far: Vec<(f64, usize)> = a
            .chunks_exact(p)
            .enumerate()
            .map(|(i, other)| (row.iter().zip(other).map(|(u, v)| (u - v) * (u - v)).sum::<f64>(), i))
            .collect();
        let k = k.min(far.len());
        if k < far.len() {
            far.select_nth_unstable_by(k, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            far.truncate(k);
        }
        // In row order, so that sums do not depend on how the nearest were found.
        far.sort_by_key(|&(_, i)| i);
        let mut sums = vec![0.0; genes];
        for &(_, i) in &far {
            let r = train[i];
            sums.iter_mut().zip(&targets[r * genes..(r + 1) * genes]).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        sums.into_iter().map(|s| (s / k.max(1) as f64) as f32).collect::<Vec<f32>>()
    };
    b.par_chunks_exact(p.max(1)).flat_map_iter(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of scikit-learn 1.7.1: StandardScaler, then Ridge(alpha=1) and KNeighborsRegressor(3), the tables made by
    /// the same rule.
    #[test]
    fn as_scikit_learn_does_it() {
        let x: Vec<f64> = (0..12 * 3).map(|i| f64::from((i * 37) % 23) / 7.0).collect();
        let y: Vec<f32> = (0..12 * 2).map(|i| ((i * 29) % 17) as f32 / 4.0).collect();
        let rows = Rows { values: &x, width: 3 };
        let (train, test): (Vec<usize>, Vec<usize>) = (0..12).partition(|r| r % 4 != 3);
        let close = |got: Vec<f32>, due: [f64; 6]| {
            for (g, d) in got.iter().zip(due) {
                assert!((f64::from(*g) - d).abs() < 1e-6, "{got:?} where {due:?} is due");
            }
        };
        close(ridge(rows, &y, 2, &train, &test), RIDGE);
        close(nearest(rows, &y, 2, &train, &test, 3), NEAREST);
        assert_eq!(nearest(rows, &y, 2, &train, &test, 100), nearest(rows, &y, 2, &train, &test, 9), "no more than there are");
    }

    const RIDGE: [f64; 6] = [2.250291202, 1.487613747, 1.503793267, 0.910396830, 0.643239091, 2.876721410];
    const NEAREST: [f64; 6] = [2.583333333, 1.333333333, 1.333333333, 1.500000000, 0.250000000, 3.250000000];
}
