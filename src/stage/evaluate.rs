//! `evaluate`: numbers from predictions. The audit calls the same pure function.

use super::files;
use crate::base::Result;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::stats::evaluate::{self, Evaluation, FoldPredictions, Spec};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Evaluate {
    spec: Spec,
    preprocess: Artifact,
    /// Where the training spots are said; only where a group is ranked by them.
    split: Option<Artifact>,
    predictions: Vec<Artifact>,
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
        panel: p.panel_id(),
    }
}

impl Evaluate {
    /// Evaluates the predictions of all folds. `split` counts only where [`Spec::needs_training`].
    pub fn new(p: &Protocol, preprocess: &Artifact, split: &Artifact, predictions: &[&Artifact]) -> Self {
        let spec = spec(p);
        let split = spec.needs_training().then(|| split.clone());
        Self { spec, preprocess: preprocess.clone(), split, predictions: predictions.iter().map(|a| (*a).clone()).collect() }
    }

    /// Reads an evaluate artifact.
    pub fn load(dir: &Path) -> Result<Evaluation> {
        files::read_json(&dir.join("metrics.json"))
    }
}

impl Stage for Evaluate {
    fn job(&self) -> Job {
        let inputs = std::iter::once(&self.preprocess).chain(&self.split).chain(&self.predictions);
        Job {
            stage: "evaluate",
            label: "evaluate".into(),
            version: 2,
            parameters: json!({"spec": self.spec}),
            inputs: inputs.map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.predictions.iter().chain([&self.preprocess]).chain(&self.split).flat_map(Artifact::files).collect()
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
        let evaluation = evaluate::evaluate(&folds, &expression.abundance, &training, &self.spec)?;
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
