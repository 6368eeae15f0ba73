//! Groups of genes chosen by rule: the k of highest mean or variance, of the evaluated truth or of the training spots.
//!
//! A group chosen by the evaluated truth (as BLEEP chooses its highly expressed and highly variable genes) has seen the
//! answers; one chosen by the training spots has not, and every fold then has its own.

use super::compute::mean_with;
use super::types::{Evaluation, FoldPredictions, GeneScore, Metric, Spec, Undefined};
use crate::base::{Failure, Result};
use crate::stats::summary::mean_of;
use serde::{Deserialize, Serialize};

/// By what genes are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RankBy {
    /// The target's mean (over as many spots, its sum).
    Mean,
    /// The target's variance (of a population).
    Variance,
}

/// Which spots rank genes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RankFrom {
    /// All evaluated spots: the choice has seen the test's truth.
    Evaluated,
    /// The training spots of each fold.
    Training,
}

/// How a group is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// By what.
    pub by: RankBy,
    /// How many genes; ties by the panel's order.
    pub k: usize,
    /// Of which spots.
    pub from: RankFrom,
}

impl Rank {
    /// Whether the variance over training spots must be known.
    pub fn needs_training(&self) -> bool {
        self.by == RankBy::Variance && self.from == RankFrom::Training
    }
}

/// The genes of a group that was chosen by rule, the highest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedGenes {
    /// The group's name, and behind a slash the fold's where each has its own.
    pub name: String,
    /// The genes.
    pub genes: Vec<String>,
}

/// Each gene's population variance over some rows of targets [N, genes]: two passes in f64, in row order.
pub fn variances(values: &[f32], genes: usize, rows: &[usize]) -> Vec<f64> {
    let n = rows.len().max(1) as f64;
    let over = |of: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0f64; genes];
        for &row in rows {
            for (g, sum) in sums.iter_mut().enumerate() {
                *sum += of(g, f64::from(values[row * genes + g]));
            }
        }
        sums.into_iter().map(|s| s / n).collect::<Vec<f64>>()
    };
    let means = over(&|_, v| v);
    over(&|g, v| (v - means[g]) * (v - means[g]))
}

/// The places of the k highest values, ties by place.
fn highest(values: &[f64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    order.truncate(k);
    order
}

/// The mean over folds of the mean correlation of each fold's genes there, by their places; folds without one are left out.
fn over_folds(genes: &[GeneScore], lists: &[Vec<usize>], undefined: Undefined) -> Option<f64> {
    let in_fold =
        |(f, list): (usize, &Vec<usize>)| mean_with(list.iter().map(|&g| genes[g].pcc_by_fold.get(f).copied().flatten()), undefined);
    mean_of(&lists.iter().enumerate().filter_map(in_fold).collect::<Vec<f64>>())
}

/// The mean over folds of a group's mean in each fold (spec/liver-single-patch.md, section 6.4), beside what is pooled.
pub fn mean_of_folds(evaluation: &Evaluation, group: &[String], undefined: Undefined) -> Option<f64> {
    let members: Vec<usize> = (0..evaluation.genes.len()).filter(|&g| group.contains(&evaluation.genes[g].gene)).collect();
    over_folds(&evaluation.genes, &vec![members; evaluation.by_fold.len()], undefined)
}

/// What ranking needs of the evaluation.
pub(super) struct Ranking<'a> {
    pub folds: &'a [FoldPredictions],
    pub genes: &'a [GeneScore],
    /// Each gene's mean truth over the evaluated spots.
    pub means: &'a [f64],
    /// Each fold's variances over its training spots; may be empty when no group asks.
    pub training: &'a [Vec<f64>],
}

impl Ranking<'_> {
    /// The groups' mean correlations, and which genes they have.
    pub fn groups(&self, spec: &Spec) -> Result<(Vec<Metric>, Vec<RankedGenes>)> {
        let (mut metrics, mut chosen) = (Vec::new(), Vec::new());
        for (name, rank) in &spec.ranked {
            let (value, lists) = match rank.from {
                RankFrom::Evaluated => self.by_truth(rank, spec),
                RankFrom::Training => self.by_training(rank, spec)?,
            };
            let (pooling, from) = match rank.from {
                RankFrom::Evaluated => (spec.pooling.word(), "the evaluated truth"),
                RankFrom::Training => ("fold", "each fold's training spots"),
            };
            let by = if rank.by == RankBy::Mean { "mean" } else { "variance" };
            metrics.push(Metric {
                id: format!("pcc/gene/{pooling}/{}/{}+group:{name}", spec.undefined.word(), spec.panel),
                title: format!("mean PCC of the group '{name}' (the {} of highest {by} in {from})", rank.k.min(self.genes.len())),
                value,
                n: rank.k.min(self.genes.len()),
            });
            let names = |list: &[usize]| list.iter().map(|&g| self.genes[g].gene.clone()).collect::<Vec<String>>();
            let one = lists.len() == 1;
            chosen.extend(lists.iter().zip(self.folds).map(|(list, fold)| RankedGenes {
                name: if one { name.clone() } else { format!("{name}/{}", fold.name) },
                genes: names(list),
            }));
        }
        Ok((metrics, chosen))
    }

    fn by_truth(&self, rank: &Rank, spec: &Spec) -> (Option<f64>, Vec<Vec<usize>>) {
        let variances: Vec<f64> = self.genes.iter().map(|g| g.variance).collect();
        let list = highest(if rank.by == RankBy::Mean { self.means } else { &variances }, rank.k);
        (mean_with(list.iter().map(|&g| self.genes[g].pcc), spec.undefined), vec![list])
    }

    /// Each fold's own list and correlations, then the plain mean over folds.
    fn by_training(&self, rank: &Rank, spec: &Spec) -> Result<(Option<f64>, Vec<Vec<usize>>)> {
        if rank.needs_training() && self.training.len() != self.folds.len() {
            return Err(Failure::input("a group is ranked by the variance over training spots, and that is not known"));
        }
        let list = |f: usize| match rank.by {
            RankBy::Mean => highest(&self.folds[f].constant.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), rank.k),
            RankBy::Variance => highest(&self.training[f], rank.k),
        };
        let lists: Vec<Vec<usize>> = (0..self.folds.len()).map(list).collect();
        Ok((over_folds(self.genes, &lists, spec.undefined), lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_first_and_ties_by_place() {
        assert_eq!(highest(&[1.0, 3.0, 3.0, 2.0], 3), [1, 2, 3]);
        assert_eq!(highest(&[0.0, -1.0], 9), [0, 1]);
    }

    #[test]
    fn variances_of_some_rows() {
        // Gene 0: 1, 3; gene 1: 5, 5, of rows 0 and 2.
        assert_eq!(variances(&[1.0, 5.0, 9.0, 9.0, 3.0, 5.0], 2, &[0, 2]), [1.0, 0.0]);
    }
}
