//! `level0`: what a stack learns from, the folds' predictions side by side, and who had seen what.
//!
//! In-sample (a published quirk): every fold's network predicts every spot (`level0[FOLD]`), and a spot has all of these
//! numbers in one row, fold after fold. Out of fold: a spot has the prediction of the one network that never saw it, which
//! the fold's `predict` has made already.

use super::files::{self, Expression};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, Result, atomic};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::{Level0 as Inputs, Scales, Stack};
use crate::split::Fold;
use crate::stats::evaluate::FoldPredictions;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The matrix's file, [spots, width] under `level0`.
pub const FILE: &str = "level0.safetensors";

/// The protocol's stack; an error where it has none.
pub fn stack_of(p: &Protocol) -> Result<&Stack> {
    p.stack.as_ref().ok_or_else(|| Failure::input("the protocol has no [stack]"))
}

/// One fold's network for every labelled spot.
pub struct EverySpot {
    pub(super) protocol: Protocol,
    name: String,
    pub(super) train: Artifact,
    preprocess: Artifact,
    pub(super) patches: Artifact,
}

impl EverySpot {
    /// Of the fold of this name.
    pub fn new(p: &Protocol, name: &str, train: &Artifact, preprocess: &Artifact, patches: &Artifact) -> Self {
        let (train, preprocess, patches) = (train.clone(), preprocess.clone(), patches.clone());
        Self { protocol: p.clone(), name: name.to_owned(), train, preprocess, patches }
    }

    fn artifacts(&self) -> [&Artifact; 3] {
        [&self.train, &self.preprocess, &self.patches]
    }
}

impl Stage for EverySpot {
    fn job(&self) -> Job {
        Job {
            stage: "level0-fold",
            label: format!("level0[{}]", self.name),
            version: 1,
            parameters: json!({"prediction": prediction_key(&self.protocol), "scales": self.protocol.stack.as_ref().map(|s| s.scales)}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).into(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().into_iter().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _: &mut dyn Watch) -> Result<()> {
        let expression = Expression::read(&self.preprocess.dir)?;
        let (spots, genes) = (expression.spots.len(), expression.genes.len());
        let rows: Vec<usize> = (0..spots).collect();
        let swapped = stack_of(&self.protocol)?.scales == Scales::Swapped;
        let values = super::learn::answers(&self.protocol, &self.train, &self.patches, genes, &rows, swapped)?;
        let mut arrays = ArraysWriter::new();
        arrays.f32s("level0", &[spots, genes], &values);
        arrays.write(&out.join(FILE)).map(drop)
    }
}

/// What of a protocol a prediction depends on, besides checkpoint and patches.
pub(super) fn prediction_key(p: &Protocol) -> serde_json::Value {
    let d = &p.determinism;
    json!({
        "network": p.network.name, "hidden": p.network.hidden, "batch": p.train.batch, "colour": p.patch.colour, "normalise": p.patch.normalise,
        "class": d.class, "threads": d.threads, "instruction_set": d.instruction_set, "device": d.device, "libtorch": super::LIBTORCH,
    })
}

/// The stage that puts them together.
pub struct Level0 {
    inputs: Inputs,
    names: Vec<String>,
    preprocess: Artifact,
    split: Artifact,
    parts: Vec<Artifact>,
}

impl Level0 {
    /// From every fold's `level0[FOLD]`, or `predict[FOLD]` where it is out of fold.
    pub fn new(p: &Protocol, names: &[String], preprocess: &Artifact, split: &Artifact, parts: &[&Artifact]) -> Result<Self> {
        let parts = parts.iter().map(|a| (*a).clone()).collect();
        Ok(Self { inputs: stack_of(p)?.inputs, names: names.to_vec(), preprocess: preprocess.clone(), split: split.clone(), parts })
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        [&self.preprocess, &self.split].into_iter().chain(&self.parts)
    }
}

impl Stage for Level0 {
    fn job(&self) -> Job {
        Job {
            stage: "level0",
            label: "level0".into(),
            version: 1,
            parameters: json!({"inputs": self.inputs, "folds": self.names}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _: &mut dyn Watch) -> Result<()> {
        let expression = Expression::read(&self.preprocess.dir)?;
        let (spots, genes) = (expression.spots.len(), expression.genes.len());
        let folds = files::folds(&self.split.dir, spots)?;
        let (width, values) = match self.inputs {
            Inputs::InSample => {
                let parts = self.parts.iter().map(|a| Arrays::open(&a.file(FILE))?.f32s("level0")).collect::<Result<Vec<_>>>()?;
                if parts.iter().any(|part| part.len() != spots * genes) {
                    return Err(Failure::input("a fold's level-0 predictions are not of all spots and genes"));
                }
                let row = |r: usize| parts.iter().flat_map(move |part| part[r * genes..(r + 1) * genes].iter().copied());
                (genes * parts.len(), (0..spots).flat_map(row).collect::<Vec<f32>>())
            }
            Inputs::OutOfFold => {
                let mut values = vec![f32::NAN; spots * genes];
                for part in &self.parts {
                    let found = FoldPredictions::read(&part.dir)?;
                    for (&row, prediction) in found.rows.iter().zip(found.prediction.chunks_exact(genes.max(1))) {
                        let at = usize::try_from(row).ok().filter(|r| *r < spots);
                        let at = at.ok_or_else(|| Failure::input(format!("row {row} of {spots} spots")).at(part.label.clone()))?;
                        values[at * genes..(at + 1) * genes].copy_from_slice(prediction);
                    }
                }
                if let Some(at) = values.iter().position(|v| v.is_nan()) {
                    return Err(Failure::input(format!(
                        "spot {} was never held out, so it has no out-of-fold prediction",
                        at / genes.max(1)
                    )));
                }
                (genes, values)
            }
        };
        let mut arrays = ArraysWriter::new();
        arrays.f32s("level0", &[spots, width], &values);
        arrays.write(&out.join(FILE))?;
        atomic::write(&out.join("sources.tsv"), sources(self.inputs, &expression, &folds).as_bytes())
    }
}

/// Which networks the rows of each slide come from, and the slides that each of them had seen (for training, or to choose
/// its checkpoint): one line a slide and network.
fn sources(inputs: Inputs, expression: &Expression, folds: &[Fold]) -> String {
    let slide = |row: &usize| expression.spots[*row].slide.as_str();
    let mut order: Vec<&str> = Vec::new();
    for spot in &expression.spots {
        if order.last() != Some(&spot.slide.as_str()) && !order.contains(&spot.slide.as_str()) {
            order.push(&spot.slide);
        }
    }
    let mut out = String::from("slide\tnetwork\tits_slides\tsaw_this_slide\n");
    for of in order {
        for fold in folds {
            if inputs == Inputs::OutOfFold && !fold.test.iter().any(|r| slide(r) == of) {
                continue;
            }
            let seen: BTreeSet<&str> = fold.train.iter().chain(&fold.validation).map(slide).collect();
            let list = seen.iter().copied().collect::<Vec<_>>().join(",");
            out.push_str(&format!("{of}\t{}\t{list}\t{}\n", fold.name, if seen.contains(of) { "yes" } else { "no" }));
        }
    }
    out
}
