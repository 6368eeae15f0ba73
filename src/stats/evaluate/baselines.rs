//! Honest baselines beside a model: what simple methods predict for the same held-out spots, by the same metrics.

use super::compute::{Table, mean_with};
use super::types::{Evaluation, FoldPredictions, Headline, Metric, Spec};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use crate::stats::summary::mean_of;
use crate::stats::within::within_spots;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a simple method predicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Its name: `ridge`, `nearest`.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// Its predictions for each fold's held-out spots, in the folds' order, each spots x genes.
    pub folds: Vec<Vec<f32>>,
}

/// The file of a `baselines` stage.
pub const BASELINES: &str = "baselines.safetensors";

impl Baseline {
    /// Reads the output folder of a `baselines` stage of so many folds.
    pub fn read(dir: &Path, folds: usize) -> Result<Vec<Self>> {
        let arrays = Arrays::open(&dir.join(BASELINES))?;
        let one = |name: &str, title: &str| {
            let folds = (0..folds).map(|f| arrays.f32s(&format!("{name}/{f}"))).collect::<Result<Vec<_>>>()?;
            Ok(Self { name: name.to_owned(), title: title.to_owned(), folds })
        };
        Ok(vec![one("ridge", "ridge regression on patch colours")?, one("nearest", "nearest neighbours by patch colours")?])
    }
}

/// How a simple method does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineScore {
    /// Its name; `constant` for the training mean.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// Mean PCC over genes by the spec's rules; none for a constant, which has none.
    pub mean_pcc: Option<f64>,
    /// Mean over folds of the mean rank correlation within spots; only where it is the headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_spots: Option<f64>,
    /// Mean squared error over all held-out spots and genes.
    pub mse: f64,
}

/// The mean over folds of the mean rank correlation within a fold's held-out spots, and each fold's.
pub(super) fn within<'a>(folds: &'a [FoldPredictions], prediction: impl Fn(usize) -> &'a [f32]) -> (Option<f64>, Vec<Option<f64>>) {
    let each: Vec<Option<f64>> =
        folds.iter().enumerate().map(|(f, fold)| within_spots(prediction(f), &fold.truth, fold.genes.len()).1).collect();
    (mean_of(&each.iter().copied().flatten().collect::<Vec<_>>()), each)
}

/// The training mean as a prediction of every held-out spot.
pub(super) fn constant(fold: &FoldPredictions) -> Vec<f32> {
    fold.constant.repeat(fold.spots.len())
}

/// Adds the scores of baselines, the training mean first, to an evaluation of the same folds, and their metrics behind its own.
pub fn beside(evaluation: &mut Evaluation, folds: &[FoldPredictions], baselines: &[Baseline], spec: &Spec) -> Result<()> {
    let by_spots = spec.headline == Headline::WithinSpots;
    let constants: Vec<Vec<f32>> = folds.iter().map(constant).collect();
    let known = |all: &[Vec<f32>]| by_spots.then(|| within(folds, |f| &all[f]).0).flatten();
    let mean_mse = |of: fn(&super::types::GeneScore) -> f64| mean_of(&evaluation.genes.iter().map(of).collect::<Vec<_>>()).unwrap_or(0.0);
    let mut scores = vec![BaselineScore {
        name: "constant".into(),
        title: "the training mean".into(),
        mean_pcc: None,
        within_spots: known(&constants),
        mse: mean_mse(|g| g.mse_constant),
    }];
    for baseline in baselines {
        let fits = baseline.folds.len() == folds.len() && baseline.folds.iter().zip(folds).all(|(b, f)| b.len() == f.truth.len());
        if !fits {
            return Err(Failure::input(format!("the predictions of the baseline '{}' do not fit the folds", baseline.name)));
        }
        let table = Table::with(folds, spec, Some(&baseline.folds))?;
        let genes = folds.first().map_or(0, |f| f.genes.len());
        let columns: Vec<(Option<f64>, f64)> = (0..genes).into_par_iter().map(|gene| table.score(gene)).collect();
        scores.push(BaselineScore {
            name: baseline.name.clone(),
            title: baseline.title.clone(),
            mean_pcc: mean_with(columns.iter().map(|c| c.0), spec.undefined),
            within_spots: known(&baseline.folds),
            mse: mean_of(&columns.iter().map(|c| c.1).collect::<Vec<_>>()).unwrap_or(0.0),
        });
    }
    for score in &scores {
        let (name, title, panel) = (&score.name, &score.title, &spec.panel);
        let mut add =
            |id: String, what: &str, value, n| evaluation.summary.push(Metric { id, title: format!("{what} of {title}"), value, n });
        if by_spots {
            add(format!("spearman-{name}/spot/fold/skip/{panel}"), "mean Spearman within spots", score.within_spots, folds.len());
        }
        // The training mean's error is among the metrics already, and it has no correlation over spots.
        if name != "constant" {
            let (pooling, policy) = (spec.pooling.word(), spec.undefined.word());
            add(format!("pcc-{name}/gene/{pooling}/{policy}/{panel}"), "mean PCC", score.mean_pcc, evaluation.genes.len());
            add(format!("mse-{name}/gene/pooled/skip/{panel}"), "mean squared error", Some(score.mse), evaluation.genes.len());
        }
    }
    evaluation.baselines = scores;
    Ok(())
}
