//! `train`: one fold's network, from patches and targets to a checkpoint.

use crate::base::arrays::Arrays;
use crate::base::{Digest, Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::schema::Normalise;
use crate::protocol::{Protocol, check};
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
}

impl Train {
    /// Trains one fold.
    pub fn new(p: &Protocol, name: &str, fold: usize, weights: &Path, preprocess: &Artifact, patches: &Artifact, split: &Artifact) -> Self {
        let file = (p.network.weights != "random").then(|| weights.join(&p.network.weights));
        Self {
            protocol: p.clone(),
            name: name.to_owned(),
            fold,
            weights: file,
            preprocess: preprocess.clone(),
            patches: patches.clone(),
            split: split.clone(),
        }
    }

    /// What people see.
    pub fn label(&self) -> String {
        format!("train[{}]", self.name)
    }

    /// A weight file must be the one that the protocol pins.
    fn check_weights(&self) -> Result<()> {
        let Some(path) = &self.weights else { return Ok(()) };
        let found =
            Digest::of_file(path).map_err(|e| e.hint("pinned weights are looked for below weights/; docs/protocol.md says more"))?;
        if let (None, Some(digits)) = (self.protocol.network.weights_sha256, check::source_digits(&self.protocol.network.weights)) {
            let arrays = Arrays::open(path)?;
            if !arrays.metadata().get("source_sha256").is_some_and(|made_from| made_from.starts_with(digits)) {
                let what = format!("the weight file was not imported from the published file whose SHA-256 begins with {digits}");
                return Err(Failure::input(what).at(path.display().to_string()).hint("pinfold weights import FILE.pth makes it"));
            }
        }
        match self.protocol.network.weights_sha256 {
            Some(due) if due != found => Err(Failure::input(format!(
                "the weight file is not the one that the protocol pins: digest {} where {} is due",
                found.short(),
                due.short()
            ))
            .at(path.display().to_string())),
            _ => Ok(()),
        }
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
        let mut inputs: std::collections::BTreeMap<String, Digest> =
            [&self.preprocess, &self.patches, &self.split].into_iter().map(|a| (a.label.clone(), a.digest())).collect();
        // Without a pinned digest it is the file's own, so that the key names what really trained.
        let own = || self.weights.as_ref().and_then(|path| Digest::of_file(path).ok());
        if let Some(due) = p.network.weights_sha256.filter(|_| self.weights.is_some()).or_else(own) {
            inputs.insert("weights".into(), due);
        }
        Job { stage: "train", label: self.label(), version: 1, parameters, inputs }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        let artifacts = [&self.preprocess, &self.patches, &self.split];
        self.weights.iter().cloned().chain(artifacts.into_iter().flat_map(Artifact::files)).collect()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        self.check_weights()?;
        super::learn::train(self, out, watch)
    }
}
