//! The evaluation itself.

use super::baselines;
use super::drivers::drivers;
use super::headline::summary;
use super::ranked::Ranking;
use super::spatial::{self, Slide};
use super::types::{Evaluation, FoldPredictions, FoldScore, GeneScore, Headline, Metric, Pooling, SlideScore, Spec, SpotAt, Undefined};
use crate::base::{Failure, Result};
use crate::stats::correlation::{pearson, spearman};
use crate::stats::error::mse;
use crate::stats::summary::{count_over, deviation, mean_of};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Evaluates the held-out predictions of all folds of a protocol. Pure: equal input gives equal bits.
///
/// `abundance` has one number a gene; `training` each fold's variance of every gene over its training spots, and may be
/// empty when no group is ranked by it ([`Spec::needs_training`]). Fails when there is nothing to evaluate, when folds disagree on the genes,
/// when a number is not finite, and when a spot is held out twice unless correlations are pooled per fold.
pub fn evaluate(folds: &[FoldPredictions], abundance: &[f64], training: &[Vec<f64>], spec: &Spec) -> Result<Evaluation> {
    let table = Table::over(folds, spec)?;
    let genes = &folds[0].genes;
    if abundance.len() != genes.len() {
        return Err(Failure::input(format!("{} abundances for {} genes", abundance.len(), genes.len())));
    }
    let once: Vec<usize> = table.first_of_each_row();
    let places: Vec<&SpotAt> = once.iter().map(|&i| table.spots[i]).collect();
    let slides = spatial::slides(&places, spec.lattice);
    let truth = spatial::moran(&slides, genes.len(), |spot, gene| table.truth(once[spot], gene));
    let prediction = spatial::moran(&slides, genes.len(), |spot, gene| table.prediction(once[spot], gene));
    let columns: Vec<Column> = (0..genes.len()).into_par_iter().map(|gene| table.column(gene, &slides, &once)).collect();
    let scores: Vec<GeneScore> = columns
        .iter()
        .enumerate()
        .map(|(g, column)| GeneScore {
            gene: genes[g].clone(),
            pcc: column.pcc,
            spearman: column.spearman,
            mse: column.mse,
            mse_constant: column.mse_constant,
            moran_truth: truth[g],
            moran_prediction: prediction[g],
            abundance: abundance[g],
            zeros: column.zeros,
            variance: column.variance,
            pcc_by_fold: column.by_fold.iter().map(|f| f.pcc).collect(),
        })
        .collect();
    let mut by_fold: Vec<FoldScore> = folds.iter().enumerate().map(|(f, fold)| fold_score(fold, f, &columns, spec.undefined)).collect();
    let by_slide: Vec<Option<f64>> = columns.iter().map(|c| c.pcc_by_slide).collect();
    let means: Vec<f64> = columns.iter().map(|c| c.mean).collect();
    let (metrics, ranked) = Ranking { folds, genes: &scores, means: &means, training }.groups(spec)?;
    let mut summary = summary(&scores, spec)?;
    summary.extend(metrics);
    if spec.headline == Headline::WithinSpots {
        let constants: Vec<Vec<f32>> = folds.iter().map(baselines::constant).collect();
        let (mean, each) = baselines::within(folds, |f| &folds[f].prediction);
        let (_, constant) = baselines::within(folds, |f| &constants[f]);
        for ((score, here), constant) in by_fold.iter_mut().zip(each).zip(constant) {
            (score.within_spots, score.within_spots_constant) = (here, constant);
        }
        let id = format!("spearman/spot/fold/skip/{}", spec.panel);
        summary.insert(0, Metric { id, title: "mean Spearman within spots, over folds".into(), value: mean, n: folds.len() });
    }
    Ok(Evaluation {
        spots: table.spots.len(),
        summary,
        ranked,
        by_slide: if spec.slides { slide_scores(&slides, &places, &scores, &columns, spec) } else { Vec::new() },
        drivers: drivers(&scores, &by_slide),
        genes: scores,
        baselines: Vec::new(),
        by_fold,
        moran_vs_pcc: spatial::association(&truth, &by_slide),
    })
}

/// Mean over defined values, or over all with undefined ones as 0.
pub(super) fn mean_with(values: impl Iterator<Item = Option<f64>>, undefined: Undefined) -> Option<f64> {
    let kept: Vec<f64> = match undefined {
        Undefined::Skip => values.flatten().collect(),
        Undefined::Zero => values.map(|v| v.unwrap_or(0.0)).collect(),
    };
    mean_of(&kept)
}

/// What one gene gives.
struct Column {
    pcc: Option<f64>,
    spearman: Option<f64>,
    pcc_by_slide: Option<f64>,
    /// In each slide by itself.
    each_slide: Vec<Option<f64>>,
    mse: f64,
    mse_constant: f64,
    zeros: f64,
    mean: f64,
    variance: f64,
    by_fold: Vec<InFold>,
}

struct InFold {
    pcc: Option<f64>,
    mse: f64,
    mse_constant: f64,
}

/// The numbers of each slide by itself.
fn slide_scores(slides: &[Slide], places: &[&SpotAt], scores: &[GeneScore], columns: &[Column], spec: &Spec) -> Vec<SlideScore> {
    let one = |(s, slide): (usize, &Slide)| {
        let of = |columns: &[&Column]| mean_with(columns.iter().map(|c| c.each_slide[s]), spec.undefined);
        let group = |(name, members): &(String, Vec<String>)| {
            let found: Vec<&Column> = scores.iter().zip(columns).filter(|(g, _)| members.contains(&g.gene)).map(|(_, c)| c).collect();
            (name.clone(), of(&found))
        };
        let defined: Vec<f64> = columns.iter().filter_map(|c| c.each_slide[s]).collect();
        SlideScore {
            name: slide.spots.first().map_or_else(String::new, |&at| places[at].slide.clone()),
            spots: slide.spots.len(),
            mean_pcc: of(&columns.iter().collect::<Vec<_>>()),
            over: count_over(&defined, spec.threshold),
            groups: spec.groups.iter().map(group).collect(),
        }
    };
    slides.iter().enumerate().map(one).collect()
}

fn fold_score(fold: &FoldPredictions, f: usize, columns: &[Column], undefined: Undefined) -> FoldScore {
    let mean = |of: fn(&InFold) -> f64| columns.iter().map(|c| of(&c.by_fold[f])).sum::<f64>() / columns.len() as f64;
    FoldScore {
        name: fold.name.clone(),
        spots: fold.spots.len(),
        mean_pcc: mean_with(columns.iter().map(|c| c.by_fold[f].pcc), undefined),
        mse: mean(|s| s.mse),
        mse_constant: mean(|s| s.mse_constant),
        within_spots: None,
        within_spots_constant: None,
    }
}

/// All folds' rows, one after another.
pub(super) struct Table<'a> {
    folds: &'a [FoldPredictions],
    spec: &'a Spec,
    /// Other predictions in place of the folds' own.
    others: Option<&'a [Vec<f32>]>,
    /// The rows of each fold.
    ranges: Vec<Range<usize>>,
    /// Each row's fold and its row there.
    at: Vec<(usize, usize)>,
    spots: Vec<&'a SpotAt>,
}

impl<'a> Table<'a> {
    fn over(folds: &'a [FoldPredictions], spec: &'a Spec) -> Result<Self> {
        Self::with(folds, spec, None)
    }

    /// The folds with other predictions, of the same shapes, in place of their own.
    pub(super) fn with(folds: &'a [FoldPredictions], spec: &'a Spec, others: Option<&'a [Vec<f32>]>) -> Result<Self> {
        let Some(first) = folds.first() else {
            return Err(Failure::input("there is no fold to evaluate"));
        };
        if first.genes.is_empty() {
            return Err(Failure::input("there is no gene to evaluate"));
        }
        let mut out = Self { folds, spec, others, ranges: Vec::new(), at: Vec::new(), spots: Vec::new() };
        for (f, fold) in folds.iter().enumerate() {
            check(fold, first).map_err(|e| e.at(format!("fold '{}'", fold.name)))?;
            let start = out.at.len();
            out.at.extend((0..fold.spots.len()).map(|row| (f, row)));
            out.spots.extend(&fold.spots);
            out.ranges.push(start..out.at.len());
        }
        let twice = out.at.len() - out.first_of_each_row().len();
        if twice > 0 && spec.pooling != Pooling::Fold {
            return Err(Failure::input(format!(
                "{twice} spots are held out more than once, and pooling '{}' would count them so",
                spec.pooling.word()
            ))
            .hint("pool per fold, or make the folds' test sets disjoint"));
        }
        Ok(out)
    }

    fn truth(&self, i: usize, gene: usize) -> f64 {
        let (f, row) = self.at[i];
        f64::from(self.folds[f].truth[row * self.folds[f].genes.len() + gene])
    }

    fn prediction(&self, i: usize, gene: usize) -> f64 {
        let (f, row) = self.at[i];
        let values = self.others.map_or(&self.folds[f].prediction, |others| &others[f]);
        f64::from(values[row * self.folds[f].genes.len() + gene])
    }

    /// One gene's correlation by the spec's pooling, and its mean squared error.
    pub(super) fn score(&self, gene: usize) -> (Option<f64>, f64) {
        let t: Vec<f64> = (0..self.at.len()).map(|i| self.truth(i, gene)).collect();
        let p: Vec<f64> = (0..self.at.len()).map(|i| self.prediction(i, gene)).collect();
        let pcc = match self.spec.pooling {
            Pooling::Oof => pearson(&t, &p),
            Pooling::Fold => self.over_parts(self.ranges.iter().map(|r| pearson(&t[r.clone()], &p[r.clone()])).collect()),
            Pooling::Slide => {
                let once = self.first_of_each_row();
                let mut slides: Vec<(&str, Vec<usize>)> = Vec::new();
                for &i in &once {
                    let name = self.spots[i].slide.as_str();
                    match slides.iter_mut().find(|(n, _)| *n == name) {
                        Some((_, rows)) => rows.push(i),
                        None => slides.push((name, vec![i])),
                    }
                }
                let pick = |rows: &[usize], of: &[f64]| rows.iter().map(|&i| of[i]).collect::<Vec<_>>();
                self.over_parts(slides.iter().map(|(_, rows)| pearson(&pick(rows, &t), &pick(rows, &p))).collect())
            }
        };
        (pcc, mse(&t, &p))
    }

    /// Positions of the rows, those left out that were held out before.
    fn first_of_each_row(&self) -> Vec<usize> {
        let mut seen = BTreeMap::new();
        for (i, &(f, row)) in self.at.iter().enumerate() {
            seen.entry(self.folds[f].rows[row]).or_insert(i);
        }
        let mut first: Vec<usize> = seen.into_values().collect();
        first.sort_unstable();
        first
    }

    fn column(&self, gene: usize, slides: &[Slide], once: &[usize]) -> Column {
        let t: Vec<f64> = (0..self.at.len()).map(|i| self.truth(i, gene)).collect();
        let p: Vec<f64> = (0..self.at.len()).map(|i| self.prediction(i, gene)).collect();
        let constant: Vec<f64> = self.at.iter().map(|&(f, _)| f64::from(self.folds[f].constant[gene])).collect();
        let in_fold = |range: &Range<usize>| {
            let (t, p, c) = (&t[range.clone()], &p[range.clone()], &constant[range.clone()]);
            InFold { pcc: pearson(t, p), mse: mse(t, p), mse_constant: mse(t, c) }
        };
        let pick = |slide: &Slide, of: &[f64]| slide.spots.iter().map(|&s| of[once[s]]).collect::<Vec<_>>();
        let pooled = |stat: fn(&[f64], &[f64]) -> Option<f64>| match self.spec.pooling {
            Pooling::Oof => stat(&t, &p),
            Pooling::Slide => self.over_parts(slides.iter().map(|s| stat(&pick(s, &t), &pick(s, &p))).collect()),
            Pooling::Fold => self.over_parts(self.ranges.iter().map(|r| stat(&t[r.clone()], &p[r.clone()])).collect()),
        };
        let each_slide: Vec<_> = slides.iter().map(|s| (s.spots.len(), pearson(&pick(s, &t), &pick(s, &p)))).collect();
        Column {
            pcc: pooled(pearson),
            spearman: pooled(spearman),
            pcc_by_slide: spatial::weighted(&each_slide),
            each_slide: each_slide.iter().map(|(_, r)| *r).collect(),
            mse: mse(&t, &p),
            mse_constant: mse(&t, &constant),
            zeros: t.iter().filter(|v| **v == 0.0).count() as f64 / t.len() as f64,
            mean: t.iter().sum::<f64>() / t.len() as f64,
            variance: deviation(&t, 0).map_or(0.0, |d| d * d),
            by_fold: self.ranges.iter().map(in_fold).collect(),
        }
    }

    /// Mean over slides or folds. A gene that is defined in none stays undefined, whatever the policy, so that
    /// the number of undefined genes can be told.
    fn over_parts(&self, parts: Vec<Option<f64>>) -> Option<f64> {
        parts.iter().any(Option::is_some).then(|| mean_with(parts.into_iter(), self.spec.undefined)).flatten()
    }
}

fn check(fold: &FoldPredictions, first: &FoldPredictions) -> Result<()> {
    let (n, g) = (fold.spots.len(), fold.genes.len());
    if n == 0 {
        return Err(Failure::input("no spot was held out"));
    }
    if fold.genes != first.genes {
        return Err(Failure::input(format!("its genes are not those of fold '{}'", first.name))
            .hint("all folds of a protocol predict the same panel; predict again"));
    }
    let sizes = [
        ("truth", fold.truth.len(), n * g),
        ("prediction", fold.prediction.len(), n * g),
        ("constant", fold.constant.len(), g),
        ("row", fold.rows.len(), n),
    ];
    for (name, found, due) in sizes {
        if found != due {
            return Err(Failure::input(format!("'{name}' has {found} numbers where {n} spots and {g} genes need {due}")));
        }
    }
    for (name, values) in [("truth", &fold.truth), ("prediction", &fold.prediction), ("constant", &fold.constant)] {
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let failure = Failure::input(format!("the {name} of gene {} in row {} is {}", fold.genes[at % g], at / g, values[at]));
            return Err(if name == "prediction" { failure.hint("the training has diverged; lower the learning rate") } else { failure });
        }
    }
    Ok(())
}
