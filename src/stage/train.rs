//! `train`: one fold's network, from patches and targets to a checkpoint.

use super::weights::{self, Pinned};
use crate::base::{Digest, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::Normalise;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Train {
    pub(super) protocol: Protocol,
    pub(super) name: String,
    pub(super) fold: usize,
    pub(super) weights: Option<PathBuf>,
    pub(super) preprocess: Artifact,
    pub(super) patches: Artifact,
    pub(super) split: Artifact,
    pub(super) clusters: Option<Artifact>,
}

impl Train {
    /// Trains one fold.
    pub fn new(p: &Protocol, name: &str, fold: usize, folder: &Path, preprocess: &Artifact, patches: &Artifact, split: &Artifact) -> Self {
        Self {
            protocol: p.clone(),
            name: name.to_owned(),
            fold,
            weights: weights::path(folder, &p.network.weights),
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
        [&self.preprocess, &self.patches, &self.split].into_iter().chain(&self.clusters)
    }

    /// What people see.
    pub fn label(&self) -> String {
        format!("train[{}]", self.name)
    }

    fn pinned(&self) -> Pinned<'_> {
        let n = &self.protocol.network;
        Pinned { path: self.weights.as_deref(), name: &n.weights, sha256: n.weights_sha256 }
    }
}

impl Stage for Train {
    fn job(&self) -> Job {
        let p = &self.protocol;
        let d = &p.determinism;
        let mut parameters = json!({
            "fold": self.fold,
            "seed": p.seed,
            "network": p.network,
            "augmentation": p.augmentation,
            "train": p.train,
            "colour": p.patch.colour,
            "side": p.patch.resize,
            "class": d.class,
            "threads": d.threads,
            "instruction_set": d.instruction_set,
            "device": d.device,
            "libtorch": super::LIBTORCH,
        });
        // Left out where it is as it always was, so that such trainings keep their keys.
        if p.patch.normalise != Normalise::Imagenet {
            parameters["normalise"] = json!(p.patch.normalise);
        }
        // How embeddings answer changes no training.
        if let Some(r) = &p.retrieval {
            parameters["retrieval"] = json!({"width": r.width, "temperature": r.temperature});
        }
        let mut inputs: std::collections::BTreeMap<String, Digest> = self.artifacts().map(|a| (a.label.clone(), a.digest())).collect();
        if let Some(digest) = self.pinned().digest() {
            inputs.insert("weights".into(), digest);
        }
        Job { stage: "train", label: self.label(), version: 1, parameters, inputs }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.weights.iter().cloned().chain(self.artifacts().flat_map(Artifact::files)).collect()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        self.pinned().check()?;
        super::learn::train(self, out, watch)
    }
}
