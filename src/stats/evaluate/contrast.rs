//! Two models over the same genes.

use super::types::Evaluation;
use crate::stats::bootstrap::{self, RESAMPLES, Resamples, picked_mean};
use crate::stats::wilcoxon::{SignedRank, signed_rank};
use serde::Serialize;

/// The PCC of one model against another's, gene by gene.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Genes with a PCC in both.
    pub genes: usize,
    /// Genes of either that lack one in the other.
    pub lost: usize,
    /// Mean PCC of the first over these genes.
    pub mean_a: f64,
    /// Mean PCC of the second.
    pub mean_b: f64,
    /// Wilcoxon's signed-rank test of second minus first, and the effects.
    pub test: SignedRank,
    /// 95 % percentile interval of the mean difference over resampled genes.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of the mean difference from the same resamples.
    pub bootstrap_p: Option<f64>,
}

/// Compares two evaluations over the genes that have a PCC in both; `None` when there are none.
pub fn contrast(a: &Evaluation, b: &Evaluation) -> Option<Contrast> {
    let of = |e: &Evaluation| -> std::collections::BTreeMap<String, f64> {
        e.genes.iter().filter_map(|g| Some((g.gene.clone(), g.pcc?))).collect()
    };
    let (first, second) = (of(a), of(b));
    let pairs: Vec<(f64, f64)> = first.iter().filter_map(|(gene, x)| Some((*x, *second.get(gene)?))).collect();
    let differences: Vec<f64> = pairs.iter().map(|(x, y)| y - x).collect();
    let test = signed_rank(&differences)?;
    let n = pairs.len() as f64;
    let resamples = Resamples::new(0, RESAMPLES, pairs.len());
    let replicates = bootstrap::defined(&resamples.of(|pick| Some(picked_mean(&differences, pick))));
    Some(Contrast {
        genes: pairs.len(),
        lost: first.len() + second.len() - 2 * pairs.len(),
        mean_a: pairs.iter().map(|p| p.0).sum::<f64>() / n,
        mean_b: pairs.iter().map(|p| p.1).sum::<f64>() / n,
        test,
        interval: replicates.as_ref().and_then(|r| bootstrap::percentile(r, 0.95)),
        bootstrap_p: replicates.as_ref().map(|r| bootstrap::two_sided_p(r)),
    })
}
