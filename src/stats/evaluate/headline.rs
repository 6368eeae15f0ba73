//! The numbers about all genes, headline first.

use super::compute::mean_with;
use super::types::{GeneScore, Metric, Spec, Undefined};
use crate::base::{Failure, Result};
use crate::stats::summary::{count_over, deviation, mean_of, median, quantile, top_mean};

/// Thresholds that are always counted, beside the spec's own.
const THRESHOLDS: [f64; 4] = [0.1, 0.2, 0.3, 0.5];

pub(super) fn summary(genes: &[GeneScore], spec: &Spec) -> Result<Vec<Metric>> {
    let pcc: Vec<Option<f64>> = genes.iter().map(|g| g.pcc).collect();
    let defined: Vec<f64> = pcc.iter().copied().flatten().collect();
    let (pooling, panel) = (spec.pooling.word(), spec.panel.as_str());
    let over_genes = |statistic: &str, policy: &str| format!("{statistic}/gene/{pooling}/{policy}/{panel}");
    let mut out = Vec::new();
    let mut add = |id: String, title: &str, value: Option<f64>, n: usize| out.push(Metric { id, title: title.to_owned(), value, n });

    // The headline and its other policy stand first, each with the number of genes that it is a mean of.
    let other = if spec.undefined == Undefined::Skip { Undefined::Zero } else { Undefined::Skip };
    for policy in [spec.undefined, other] {
        let (title, n) = match policy {
            Undefined::Skip => ("mean PCC over genes that have one", defined.len()),
            Undefined::Zero => ("mean PCC with undefined genes as 0", genes.len()),
        };
        add(over_genes("pcc", policy.word()), title, mean_with(pcc.iter().copied(), policy), n);
        if policy == spec.undefined {
            add(over_genes("pcc-median", "skip"), "median PCC", median(&defined), defined.len());
        }
    }
    add(over_genes("pcc-defined", "skip"), "genes with a defined PCC", Some(defined.len() as f64), genes.len());
    for t in std::iter::once(spec.threshold).chain(THRESHOLDS.into_iter().filter(|&t| t != spec.threshold)) {
        // Two decimals, or all of them where two would be another number.
        let word = Some(format!("{t:.2}")).filter(|word| word.parse() == Ok(t)).unwrap_or_else(|| t.to_string());
        let title = format!("genes with a PCC of {word} or more");
        add(over_genes(&format!("pcc-over-{word}"), "skip"), &title, Some(count_over(&defined, t) as f64), defined.len());
    }
    add(over_genes("pcc-sd", "skip"), "standard deviation of PCC over genes (of a sample)", deviation(&defined, 1), defined.len());
    for (q, word) in [(0.25, "q25"), (0.75, "q75")] {
        add(
            over_genes(&format!("pcc-{word}"), "skip"),
            &format!("{:.0} % quantile of PCC", q * 100.0),
            quantile(&defined, q),
            defined.len(),
        );
    }
    if defined.len() > 10 {
        add(over_genes("pcc-top10", "skip"), "mean PCC of the ten best genes (chosen on the test data)", top_mean(&defined, 10), 10);
    }
    let spearman: Vec<f64> = genes.iter().filter_map(|g| g.spearman).collect();
    add(over_genes("spearman", "skip"), "mean Spearman over genes that have one", mean_of(&spearman), spearman.len());
    let mse: Vec<f64> = genes.iter().map(|g| g.mse).collect();
    add(format!("mse/gene/pooled/skip/{panel}"), "mean squared error", mean_of(&mse), genes.len());
    let constant: Vec<f64> = genes.iter().map(|g| g.mse_constant).collect();
    add(format!("mse-constant/gene/pooled/skip/{panel}"), "mean squared error of the training mean", mean_of(&constant), genes.len());
    let moran = |of: fn(&GeneScore) -> Option<f64>| genes.iter().filter_map(of).collect::<Vec<f64>>();
    for (word, title, values) in [
        ("moran-truth", "mean Moran's I of the truth", moran(|g| g.moran_truth)),
        ("moran-prediction", "mean Moran's I of the prediction", moran(|g| g.moran_prediction)),
    ] {
        add(format!("{word}/gene/slide_w/skip/{panel}"), title, mean_of(&values), values.len());
    }
    for (name, members) in &spec.groups {
        let found: Vec<&GeneScore> = genes.iter().filter(|g| members.contains(&g.gene)).collect();
        if found.is_empty() {
            return Err(Failure::input(format!("no gene of the group '{name}' is among the {} evaluated genes", genes.len()))
                .hint("correct the group's genes in the protocol, or take the group out"));
        }
        let have: Vec<Option<f64>> = found.iter().map(|g| g.pcc).collect();
        let n = if spec.undefined == Undefined::Zero { have.len() } else { have.iter().flatten().count() };
        let policy = spec.undefined.word();
        let id = format!("pcc/gene/{pooling}/{policy}/{panel}+group:{name}");
        add(id, &format!("mean PCC of the group '{name}'"), mean_with(have.into_iter(), spec.undefined), n);
    }
    Ok(out)
}
