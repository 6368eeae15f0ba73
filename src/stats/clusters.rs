//! How well clusters part: silhouette (Rousseeuw 1987), Calinski and Harabasz (1974), Davies and Bouldin (1979), as
//! scikit-learn computes them. Noise, label -1, is left out.

use rayon::prelude::*;

/// The scores of a clustering.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Clusters, noise not counted.
    pub clusters: usize,
    /// Points in clusters.
    pub points: usize,
    /// Points that are noise.
    pub noise: usize,
    /// Mean silhouette, from -1 to 1; -1 where it is not defined (the published code's rule).
    pub silhouette: f64,
    /// Calinski and Harabasz' ratio; 0 where it is not defined.
    pub calinski_harabasz: f64,
    /// Davies and Bouldin's mean; infinite where it is not defined.
    pub davies_bouldin: f64,
}

/// Scores points of `dim` coordinates, row after row, against their labels. Not defined with fewer than two clusters, or when
/// every point is a cluster of its own. Panics when lengths differ.
pub fn scores(points: &[f64], dim: usize, labels: &[i64]) -> Scores {
    assert_eq!(points.len(), dim * labels.len(), "a label a point");
    let mut names: Vec<i64> = labels.iter().copied().filter(|l| *l >= 0).collect();
    names.sort_unstable();
    names.dedup();
    let members: Vec<Vec<&[f64]>> = names
        .iter()
        .map(|name| (0..labels.len()).filter(|&i| labels[i] == *name).map(|i| &points[i * dim..(i + 1) * dim]).collect())
        .collect();
    let n: usize = members.iter().map(Vec::len).sum();
    let (k, noise) = (names.len(), labels.len() - n);
    if k < 2 || k >= n {
        return Scores { clusters: k, points: n, noise, silhouette: -1.0, calinski_harabasz: 0.0, davies_bouldin: f64::INFINITY };
    }
    let centres: Vec<Vec<f64>> = members.iter().map(|m| centre(m, dim)).collect();
    Scores {
        clusters: k,
        points: n,
        noise,
        silhouette: silhouette(&members, n),
        calinski_harabasz: calinski_harabasz(&members, &centres, n),
        davies_bouldin: davies_bouldin(&members, &centres),
    }
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn centre(points: &[&[f64]], dim: usize) -> Vec<f64> {
    (0..dim).map(|d| points.iter().map(|p| p[d]).sum::<f64>() / points.len() as f64).collect()
}

/// The mean over points of (b - a) / max(a, b), a the mean distance to the own cluster, b to the nearest other; 0 for a
/// point alone in its cluster.
fn silhouette(members: &[Vec<&[f64]>], n: usize) -> f64 {
    let one = |own: usize, point: &[f64]| {
        if members[own].len() == 1 {
            return 0.0;
        }
        let sum = |of: &[&[f64]]| of.iter().map(|p| squared(p, point).sqrt()).sum::<f64>();
        let a = sum(&members[own]) / (members[own].len() - 1) as f64;
        let others = members.iter().enumerate().filter(|(i, _)| *i != own);
        let b = others.map(|(_, m)| sum(m) / m.len() as f64).fold(f64::INFINITY, f64::min);
        let larger = a.max(b);
        if larger > 0.0 { (b - a) / larger } else { 0.0 }
    };
    let all: Vec<(usize, &[f64])> = members.iter().enumerate().flat_map(|(i, m)| m.iter().map(move |p| (i, *p))).collect();
    // Each point by itself, then added from the first to the last: threads change no bit.
    let each: Vec<f64> = all.par_iter().map(|(own, point)| one(*own, point)).collect();
    each.iter().sum::<f64>() / n as f64
}

fn calinski_harabasz(members: &[Vec<&[f64]>], centres: &[Vec<f64>], n: usize) -> f64 {
    let k = members.len();
    let dim = centres[0].len();
    let whole: Vec<f64> = (0..dim).map(|d| members.iter().flatten().map(|p| p[d]).sum::<f64>() / n as f64).collect();
    let between: f64 = members.iter().zip(centres).map(|(m, c)| m.len() as f64 * squared(c, &whole)).sum();
    let within: f64 = members.iter().zip(centres).map(|(m, c)| m.iter().map(|p| squared(p, c)).sum::<f64>()).sum();
    if within == 0.0 { 1.0 } else { between * (n - k) as f64 / (within * (k - 1) as f64) }
}

fn davies_bouldin(members: &[Vec<&[f64]>], centres: &[Vec<f64>]) -> f64 {
    let spread: Vec<f64> =
        members.iter().zip(centres).map(|(m, c)| m.iter().map(|p| squared(p, c).sqrt()).sum::<f64>() / m.len() as f64).collect();
    let k = centres.len();
    let worst = |i: usize| {
        let ratio = |j: usize| {
            let apart = squared(&centres[i], &centres[j]).sqrt();
            if apart == 0.0 { 0.0 } else { (spread[i] + spread[j]) / apart }
        };
        (0..k).filter(|j| *j != i).map(ratio).fold(0.0, f64::max)
    };
    (0..k).map(worst).sum::<f64>() / k as f64
}
