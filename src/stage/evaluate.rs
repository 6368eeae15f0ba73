//! `evaluate`: numbers from predictions. The audit calls the same pure function.

use super::files;
use crate::base::Result;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::stats::evaluate::{self, Baseline, Evaluation, FoldPredictions, Spec};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Evaluate {
    spec: Spec,
    preprocess: Artifact,
    /// Where the training spots are said; only where a group is ranked by them.
    split: Option<Artifact>,
    predictions: Vec<Artifact>,
    /// What simple methods predict for the same spots.
    baselines: Option<Artifact>,
    /// The stage's name: a protocol's own evaluation, or that of its stack.
    stage: &'static str,
}

/// How a protocol evaluates.
pub fn spec(p: &Protocol) -> Spec {
    Spec {
        pooling: p.metrics.pooling,
        undefined: p.metrics.undefined,
        threshold: p.metrics.threshold,
        lattice: p.metrics.lattice,
        // Where groups are asked for, each slide's are too.
        slides: !p.metrics.groups.is_empty(),
        ranked: p.metrics.ranked.iter().map(|(name, rank)| (name.clone(), *rank)).collect(),
        groups: p.metrics.groups.iter().map(|(name, genes)| (name.clone(), genes.clone())).collect(),
        headline: p.metrics.headline,
        panel: p.panel_id(),
    }
}

/// The stage's name for a protocol's own evaluation.
pub const EVALUATE: &str = "evaluate";
/// The stage's name for the evaluation of a protocol's stack.
pub const STACK_EVALUATE: &str = "evaluate-stack";

impl Evaluate {
    /// Evaluates the predictions of all folds. `split` counts only where [`Spec::needs_training`].
    pub fn new(p: &Protocol, preprocess: &Artifact, split: &Artifact, predictions: &[&Artifact]) -> Self {
        let spec = spec(p);
        let split = spec.needs_training().then(|| split.clone());
        let predictions = predictions.iter().map(|a| (*a).clone()).collect();
        Self { spec, preprocess: preprocess.clone(), split, predictions, baselines: None, stage: EVALUATE }
    }

    /// The same with simple methods beside it.
    pub fn beside(self, baselines: &Artifact) -> Self {
        Self { baselines: Some(baselines.clone()), ..self }
    }

    /// Evaluates the predictions of a stack, by the same rules and under ids of their own.
    pub fn of_stack(p: &Protocol, preprocess: &Artifact, predictions: &[&Artifact]) -> Self {
        let mut spec = spec(p);
        spec.panel.push_str("+stack");
        spec.ranked.clear();
        // The published split of a stack mixes slides, and every spot is held out once at most.
        let predictions = predictions.iter().map(|a| (*a).clone()).collect();
        Self { spec, preprocess: preprocess.clone(), split: None, predictions, baselines: None, stage: STACK_EVALUATE }
    }

    /// Reads an evaluate artifact.
    pub fn load(dir: &Path) -> Result<Evaluation> {
        files::read_json(&dir.join("metrics.json"))
    }
}

impl Stage for Evaluate {
    fn job(&self) -> Job {
        let inputs = std::iter::once(&self.preprocess).chain(&self.split).chain(&self.predictions).chain(&self.baselines);
        Job {
            stage: self.stage,
            label: self.stage.into(),
            version: 3,
            parameters: json!({"spec": self.spec}),
            inputs: inputs.map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.predictions.iter().chain([&self.preprocess]).chain(&self.split).chain(&self.baselines).flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _watch: &mut dyn Watch) -> Result<()> {
        let folds = self.predictions.iter().map(|a| FoldPredictions::read(&a.dir)).collect::<Result<Vec<_>>>()?;
        let expression = files::Expression::read(&self.preprocess.dir)?;
        let training: Vec<Vec<f64>> = match &self.split {
            None => Vec::new(),
            Some(split) => files::folds(&split.dir, expression.spots.len())?
                .iter()
                .map(|fold| evaluate::variances(&expression.values, expression.genes.len(), &fold.train))
                .collect(),
        };
        let mut evaluation = evaluate::evaluate(&folds, &expression.abundance, &training, &self.spec)?;
        if let Some(baselines) = &self.baselines {
            evaluate::beside(&mut evaluation, &folds, &Baseline::read(&baselines.dir, folds.len())?, &self.spec)?;
        }
        files::write_json(&out.join("metrics.json"), &evaluation)?;
        crate::base::atomic::write(&out.join("genes.tsv"), table(&evaluation).as_bytes())
    }
}

/// One row a gene, in panel order, full precision; an undefined value is empty.
fn table(evaluation: &Evaluation) -> String {
    let cell = |v: Option<f64>| v.map(|v| format!("{v:?}")).unwrap_or_default();
    let mut out = String::from("gene\tpcc\tspearman\tmse\tmse_constant\tmoran_truth\tmoran_prediction\tabundance\n");
    for g in &evaluation.genes {
        out.push_str(&format!(
            "{}\t{}\t{}\t{:?}\t{:?}\t{}\t{}\t{:?}\n",
            g.gene,
            cell(g.pcc),
            cell(g.spearman),
            g.mse,
            g.mse_constant,
            cell(g.moran_truth),
            cell(g.moran_prediction),
            g.abundance
        ));
    }
    out
}
