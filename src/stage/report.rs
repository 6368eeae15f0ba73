//! `report`: figures, `report.md` and `index.html` from everything before.

use crate::base::Result;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The artifacts that a report is drawn from.
pub struct Parts<'a> {
    /// Metrics.
    pub evaluate: &'a Artifact,
    /// Slides.
    pub ingest: &'a Artifact,
    /// Folds and leakage.
    pub split: &'a Artifact,
    /// Targets.
    pub preprocess: &'a Artifact,
    /// Checkpoints and histories, one a fold.
    pub train: &'a [&'a Artifact],
    /// Predictions, one a fold.
    pub predict: &'a [&'a Artifact],
}

/// The stage.
pub struct Report {
    protocol: Protocol,
    data_root: PathBuf,
    evaluate: Artifact,
    ingest: Artifact,
    split: Artifact,
    preprocess: Artifact,
    train: Vec<Artifact>,
    predict: Vec<Artifact>,
}

impl Report {
    /// A report of a protocol's artifacts.
    pub fn new(p: &Protocol, data_root: &Path, parts: Parts) -> Self {
        let owned = |all: &[&Artifact]| all.iter().map(|a| (*a).clone()).collect();
        Self {
            protocol: p.clone(),
            data_root: data_root.to_owned(),
            evaluate: parts.evaluate.clone(),
            ingest: parts.ingest.clone(),
            split: parts.split.clone(),
            preprocess: parts.preprocess.clone(),
            train: owned(parts.train),
            predict: owned(parts.predict),
        }
    }
}

impl Stage for Report {
    fn job(&self) -> Job {
        let inputs = [&self.evaluate, &self.ingest, &self.split, &self.preprocess].into_iter().chain(&self.train).chain(&self.predict);
        // What a person reads is part of the page, so the whole protocol is a parameter.
        Job { stage: "report", label: "report".into(), version: 1, parameters: json!({"protocol": self.protocol.canonical()}), inputs: inputs.map(|a| (a.label.clone(), a.digest())).collect() }
    }

    fn run(&self, out: &Path, _watch: &mut dyn Watch) -> Result<()> {
        crate::base::atomic::write(&out.join("report.md"), b"draft\n")
    }
}
