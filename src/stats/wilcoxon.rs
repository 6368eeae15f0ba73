//! Two models over the same genes: Wilcoxon's signed-rank test of the differences, and sizes of the effect.
//!
//! Genes of one slide are not independent of each other, so such a p holds for these genes on this slide and says nothing
//! of another donor; whoever prints it says so.

use super::normal;
use super::ranks::{Ties, ranks};
use super::summary::{mean_of, median};
use serde::Serialize;

/// Up to so many differences the distribution of the rank sum is counted out.
const EXACT: usize = 1000;

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All sign patterns, counted.
    Exact,
    /// The normal distribution, its variance corrected for ties, without a correction for continuity.
    Normal,
}

/// The test and the effects.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignedRank {
    /// Differences other than 0.
    pub n: usize,
    /// Differences of 0, which are left out (Wilcoxon's own rule).
    pub zeros: usize,
    /// Sum of the ranks of positive differences.
    pub w_plus: f64,
    /// Sum of the ranks of negative differences.
    pub w_minus: f64,
    /// Two-sided p; none when nothing differs.
    pub p: Option<f64>,
    /// How it was found.
    pub method: Method,
    /// Mean difference, zeros included.
    pub mean: f64,
    /// Median difference, zeros included.
    pub median: f64,
    /// Hodges and Lehmann's shift: the median of the means of all pairs, each with itself too.
    pub hodges_lehmann: f64,
    /// Matched-pairs rank-biserial correlation: (W+ - W-) / (W+ + W-); none when nothing differs.
    pub rank_biserial: Option<f64>,
}

/// Tests differences against a shift of 0. `None` when there are none, or one is not finite.
pub fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    if differences.is_empty() || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let d: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let sizes: Vec<f64> = d.iter().map(|d| d.abs()).collect();
    let rank = ranks(&sizes, Ties::Average)?;
    let sum = |positive: bool| d.iter().zip(&rank).filter(|(d, _)| (**d > 0.0) == positive).map(|(_, r)| r).sum::<f64>();
    let (w_plus, w_minus) = (sum(true), sum(false));
    let ties = tie_sizes(&sizes);
    let exact = ties.is_empty() && d.len() <= EXACT;
    let p = (!d.is_empty()).then(|| if exact { exact_p(d.len(), w_plus.min(w_minus)) } else { normal_p(d.len(), w_plus, &ties) });
    Some(SignedRank {
        n: d.len(),
        zeros: differences.len() - d.len(),
        w_plus,
        w_minus,
        p,
        method: if exact { Method::Exact } else { Method::Normal },
        mean: mean_of(differences)?,
        median: median(differences)?,
        hodges_lehmann: hodges_lehmann(differences),
        rank_biserial: (!d.is_empty()).then(|| (w_plus - w_minus) / (w_plus + w_minus)),
    })
}

/// Lengths of the runs of equal sizes, those of one left out.
fn tie_sizes(sizes: &[f64]) -> Vec<f64> {
    let mut sorted = sizes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|n| *n > 1).map(|n| n as f64).collect()
}

/// Twice the probability that a rank sum under random signs is at most `w`, at most 1.
fn exact_p(n: usize, w: f64) -> f64 {
    let top = w as usize;
    // Probabilities of the sums 0 to top, one rank after another; what is above top never comes back.
    let mut chance = vec![0.0; top + 1];
    chance[0] = 1.0;
    for rank in 1..=n {
        for sum in (0..=top).rev() {
            let with = if sum >= rank { chance[sum - rank] } else { 0.0 };
            chance[sum] = (chance[sum] + with) / 2.0;
        }
    }
    (2.0 * chance.iter().sum::<f64>()).min(1.0)
}

fn normal_p(n: usize, w_plus: f64, ties: &[f64]) -> f64 {
    let n = n as f64;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties.iter().map(|t| t * t * t - t).sum::<f64>() / 48.0;
    normal::two_sided((w_plus - n * (n + 1.0) / 4.0) / variance.sqrt())
}

fn hodges_lehmann(d: &[f64]) -> f64 {
    let mut walsh: Vec<f64> = Vec::with_capacity(d.len() * (d.len() + 1) / 2);
    for (i, a) in d.iter().enumerate() {
        walsh.extend(d[i..].iter().map(|b| (a + b) / 2.0));
    }
    // A selection instead of a whole sort: 3,467 genes make six million pairs.
    let half = walsh.len() / 2;
    let odd = walsh.len() % 2 == 1;
    let (below, &mut middle, _) = walsh.select_nth_unstable_by(half, f64::total_cmp);
    if odd {
        return middle;
    }
    let before = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (before + middle) / 2.0
}
