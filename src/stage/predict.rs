//! `predict`: a checkpoint's answers on the held-out spots of its fold, with the truth and the constant profile.

use super::files::{self, Expression};
use crate::base::Result;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::Normalise;
use crate::stats::evaluate::FoldPredictions;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Predict {
    pub(super) protocol: Protocol,
    pub(super) name: String,
    pub(super) fold: usize,
    pub(super) train: Artifact,
    preprocess: Artifact,
    pub(super) patches: Artifact,
    split: Artifact,
    pub(super) clusters: Option<Artifact>,
}

impl Predict {
    /// Predicts the test spots of one fold.
    pub fn new(
        p: &Protocol,
        name: &str,
        fold: usize,
        train: &Artifact,
        preprocess: &Artifact,
        patches: &Artifact,
        split: &Artifact,
    ) -> Self {
        Self {
            protocol: p.clone(),
            name: name.to_owned(),
            fold,
            train: train.clone(),
            preprocess: preprocess.clone(),
            patches: patches.clone(),
            split: split.clone(),
            clusters: None,
        }
    }

    /// The same, told the clusters of the spots where there are any.
    pub fn told(self, clusters: Option<&Artifact>) -> Self {
        Self { clusters: clusters.cloned(), ..self }
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        [&self.train, &self.preprocess, &self.patches, &self.split].into_iter().chain(&self.clusters)
    }

    /// What people see.
    pub fn label(&self) -> String {
        format!("predict[{}]", self.name)
    }
}

impl Stage for Predict {
    fn job(&self) -> Job {
        let d = &self.protocol.determinism;
        let mut parameters = json!({
            "fold": self.fold,
            "name": self.name,
            "network": self.protocol.network.name,
            "hidden": self.protocol.network.hidden,
            "batch": self.protocol.train.batch,
            "colour": self.protocol.patch.colour,
            "class": d.class,
            "threads": d.threads,
            "instruction_set": d.instruction_set,
            "device": d.device,
            "libtorch": super::LIBTORCH,
        });
        // Left out where they are as they always were, so that such predictions keep their keys.
        if let Some(how) = &self.protocol.retrieval {
            parameters["retrieval"] = json!(how);
        }
        if self.protocol.augmentation.test_views != 1 {
            parameters["test_views"] = json!(self.protocol.augmentation.test_views);
        }
        if self.protocol.augmentation.held_out {
            parameters["held_out"] = json!({"seed": self.protocol.seed, "augmentation": self.protocol.augmentation});
        }
        if self.protocol.patch.normalise != Normalise::Imagenet {
            parameters["normalise"] = json!(self.protocol.patch.normalise);
        }
        Job {
            stage: "predict",
            label: self.label(),
            version: 1,
            parameters,
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let expression = Expression::read(&self.preprocess.dir)?;
        let fold = files::fold(&self.split.dir, self.fold, expression.spots.len())?;
        let g = expression.genes.len();
        let prediction = super::learn::predict(self, &expression, &fold, watch)?;
        let pick = |rows: &[usize]| rows.iter().flat_map(|&r| expression.values[r * g..(r + 1) * g].iter().copied()).collect::<Vec<f32>>();
        let held_out = FoldPredictions {
            name: self.name.clone(),
            genes: expression.genes.clone(),
            spots: fold.test.iter().map(|&r| expression.spots[r].clone()).collect(),
            truth: pick(&fold.test),
            prediction,
            constant: expression.mean_of(&fold.train),
            rows: fold.test.iter().map(|&r| r as i64).collect(),
        };
        held_out.write(out)
    }
}
