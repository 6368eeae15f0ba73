//! Finished protocols beside each other: intervals of each headline, and paired tests against the first.

use super::overview::{newest_artifact, newest_run};
use crate::base::{Failure, Result};
use crate::engine::{Run, Workspace};
use crate::protocol;
use crate::stage::evaluate::{Evaluate, spec};
use crate::stats::adjust;
use crate::stats::bootstrap::{self, RESAMPLES, Resamples, picked_mean};
use crate::stats::evaluate::{Contrast, Evaluation, FoldPredictions, contrast, interval};
use serde::Serialize;

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// The name under which it would be locked.
    pub name: String,
    /// The headline's id.
    pub id: String,
    /// The headline.
    pub value: Option<f64>,
    /// Genes in it.
    pub genes: usize,
    /// Its 95 % interval over resampled genes.
    pub over_genes: Option<(f64, f64)>,
    /// Its 95 % interval over resampled blocks of neighbouring spots.
    pub over_spots: Option<(f64, f64)>,
    /// How many blocks there are.
    pub blocks: usize,
}

/// One model against the first.
#[derive(Clone, Debug, Serialize)]
pub struct Against {
    /// Which.
    pub name: String,
    /// The comparison; none where no gene has a PCC in both.
    pub contrast: Option<Contrast>,
    /// The signed-rank test's p, adjusted by Benjamini and Hochberg over all comparisons here.
    pub q: Option<f64>,
    /// What makes the two not comparable, if anything.
    pub warning: Option<String>,
}

/// Models beside each other.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Width of a block, in spots.
    pub block: i32,
    /// Resamples of each interval.
    pub resamples: usize,
    /// The models, in the order asked for.
    pub models: Vec<Model>,
    /// All but the first, against the first.
    pub against: Vec<Against>,
}

/// Compares the newest finished runs of these protocols (names with overrides too, as `status` shows them).
pub fn compare(workspace: &Workspace, names: &[String], block: i32) -> Result<Compared> {
    if block < 1 {
        return Err(Failure::input("a block is at least one spot wide").at("--block"));
    }
    let runs = Run::all(workspace)?;
    let mut models = Vec::new();
    let mut evaluations: Vec<Evaluation> = Vec::new();
    for name in names {
        let (model, evaluation) = one(workspace, &runs, name, block)?;
        models.push(model);
        evaluations.push(evaluation);
    }
    let mut against: Vec<Against> = Vec::new();
    for (model, evaluation) in models.iter().zip(&evaluations).skip(1) {
        let warning = (model.id != models[0].id)
            .then(|| format!("{} and {} are not the same metric: {} and {}", models[0].name, model.name, models[0].id, model.id));
        against.push(Against { name: model.name.clone(), contrast: contrast(&evaluations[0], evaluation), q: None, warning });
    }
    let p: Vec<Option<f64>> = against.iter().map(|a| a.contrast.as_ref().and_then(|c| c.test.p)).collect();
    for (a, q) in against.iter_mut().zip(adjust::benjamini_hochberg(&p)) {
        a.q = q;
    }
    Ok(Compared { block, resamples: RESAMPLES, models, against })
}

fn one(workspace: &Workspace, runs: &[Run], name: &str, block: i32) -> Result<(Model, Evaluation)> {
    let evaluation = Evaluate::load(&newest_artifact(workspace, name, runs, "evaluate")?)?;
    let (run, outcome) = newest_run(name, runs)?;
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let folds = outcome.artifacts.iter().filter(|a| a.stage == "predict");
    let folds = folds.map(|a| FoldPredictions::read(&workspace.store().folder(&a.stage, &a.key))).collect::<Result<Vec<_>>>()?;
    let headline = evaluation.summary.first().ok_or_else(|| Failure::input(format!("{name} measured nothing")))?;
    let (over_spots, blocks) = interval(&folds, &spec(&p), block, RESAMPLES, 0);
    let r: Vec<f64> = evaluation.genes.iter().filter_map(|g| g.pcc).collect();
    let over_genes = (!r.is_empty()).then(|| Resamples::new(0, RESAMPLES, r.len()).of(|pick| Some(picked_mean(&r, pick))));
    let over_genes = over_genes.and_then(|all| bootstrap::percentile(&bootstrap::defined(&all)?, 0.95));
    let model =
        Model { name: name.to_owned(), id: headline.id.clone(), value: headline.value, genes: headline.n, over_genes, over_spots, blocks };
    Ok((model, evaluation))
}
