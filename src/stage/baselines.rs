//! `baselines`: what simple methods predict for the held-out spots of every fold, from the colours of a patch alone.
//!
//! Ridge regression and the mean of nearest neighbours; a network that does no better has learned nothing that the colours
//! do not tell. The training mean stands in the predictions already.

use super::files::{self, Expression};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::statistics::{STATISTICS, colour_statistics};
use crate::stats::evaluate::BASELINES;
use crate::stats::ridge::{Rows, nearest, ridge};
use rayon::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Neighbours whose mean answers.
const NEIGHBOURS: usize = 30;

/// The stage.
pub struct Baselines {
    preprocess: Artifact,
    patches: Artifact,
    split: Artifact,
}

impl Baselines {
    /// Of all folds of a split.
    pub fn new(preprocess: &Artifact, patches: &Artifact, split: &Artifact) -> Self {
        Self { preprocess: preprocess.clone(), patches: patches.clone(), split: split.clone() }
    }

    fn artifacts(&self) -> [&Artifact; 3] {
        [&self.preprocess, &self.patches, &self.split]
    }
}

/// Colour statistics of the first `spots` patches, a row each.
fn statistics(patches: &Arrays, spots: usize) -> Result<Vec<f64>> {
    let shape = &patches.entry("patches")?.shape;
    let one: usize = shape.iter().skip(1).product();
    let bytes = patches.u8s("patches")?;
    let rows = bytes.get(..spots * one).ok_or_else(|| Failure::input(format!("{} patches for {spots} spots", shape[0])))?;
    Ok(rows.par_chunks_exact(one.max(1)).flat_map_iter(colour_statistics).collect())
}

impl Stage for Baselines {
    fn job(&self) -> Job {
        Job {
            stage: "baselines",
            label: "baselines".into(),
            version: 1,
            parameters: json!({"statistics": "mean, deviation, quartiles", "ridge": 1.0, "neighbours": NEIGHBOURS}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).into(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().into_iter().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let expression = Expression::read(&self.preprocess.dir)?;
        let (spots, genes) = (expression.spots.len(), expression.genes.len());
        let folds = files::folds(&self.split.dir, spots)?;
        let statistics = statistics(&Arrays::open(&self.patches.file("patches.safetensors"))?, spots)?;
        let rows = Rows { values: &statistics, width: STATISTICS };
        let mut arrays = ArraysWriter::new();
        let started = std::time::Instant::now();
        for (f, fold) in folds.iter().enumerate() {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let shape = [fold.test.len(), genes];
            arrays.f32s(&format!("ridge/{f}"), &shape, &ridge(rows, &expression.values, genes, &fold.train, &fold.test));
            let found = nearest(rows, &expression.values, genes, &fold.train, &fold.test, NEIGHBOURS);
            arrays.f32s(&format!("nearest/{f}"), &shape, &found);
            let rate = (f + 1) as f64 / started.elapsed().as_secs_f64().max(1e-9);
            let (done, total) = (f as u64 + 1, folds.len() as u64);
            watch.event(Event::Progress { label: "baselines".into(), done, total, unit: "folds".into(), rate });
        }
        arrays.write(&out.join(BASELINES)).map(drop)
    }
}
