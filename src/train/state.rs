//! The resumable state: everything that a training needs to go on as if it had never stopped.

use super::evaluate::Chosen;
use super::history::EpochRow;
use super::optimiser::Optimiser;
use super::scaler::Scaler;
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Digest, Result};
use crate::nn::Store;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where a training stands. Random streams need no place here: each draw is keyed by these numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The epoch in progress, from 1.
    pub epoch: usize,
    /// Its finished steps.
    pub step: usize,
    /// Their spots and losses.
    pub losses: Vec<(usize, f64)>,
    /// Finished epochs.
    pub history: Vec<EpochRow>,
    /// The best epoch so far, 0 for none, and its loss.
    pub best_epoch: usize,
    pub best_loss: Option<f64>,
    /// The gradient scaler, in mixed precision.
    #[serde(default)]
    pub scaler: Option<Scaler>,
    /// Steps of the optimiser.
    pub optimiser_steps: u64,
}

impl Standing {
    pub fn start() -> Self {
        Self { epoch: 1, ..Self::default() }
    }
    pub fn chosen(&self) -> Chosen {
        Chosen { epoch: self.best_epoch, loss: self.best_loss }
    }
    /// Whether the last epochs, so many in a row, brought nothing better.
    pub fn exhausted(&self, patience: Option<usize>) -> bool {
        patience.is_some_and(|n| self.history.len() >= self.best_epoch + n)
    }
    pub fn choose(&mut self, chosen: Chosen) {
        (self.best_epoch, self.best_loss) = (chosen.epoch, chosen.loss);
    }
}

const STANDING: &str = "standing";
const CONFIG: &str = "config";

/// Saves a training whole: `weights/…`, the optimiser's tensors, `best/…` and the standing. Atomic.
pub(super) fn save(path: &Path, config: Digest, standing: &Standing, store: &Store, optimiser: &dyn Optimiser, best: &Best) -> Result<()> {
    let mut out = ArraysWriter::new();
    out.metadata(CONFIG, config.to_string());
    out.metadata(STANDING, serde_json::to_string(standing).unwrap_or_default());
    store.write_into(&mut out, "weights/")?;
    optimiser.write_into(&mut out)?;
    best.write_into(&mut out, "best/");
    out.write(path).map(drop)
}

/// Takes a saved training up again if there is a whole one of the same configuration. One that cannot be used is left
/// alone: the training starts anew, gives the same result, and overwrites it.
pub(super) fn resume(
    path: &Path,
    config: Digest,
    store: &Store,
    optimiser: &mut dyn Optimiser,
    best: &mut Best,
) -> Result<Option<Standing>> {
    if !path.exists() {
        return Ok(None);
    }
    let Ok(file) = Arrays::open(path) else { return Ok(None) };
    if file.metadata().get(CONFIG) != Some(&config.to_string()) {
        return Ok(None);
    }
    let Some(standing) = file.metadata().get(STANDING).and_then(|s| serde_json::from_str::<Standing>(s).ok()) else { return Ok(None) };
    store.read_from(&file, "weights/", |_| false)?;
    optimiser.read_from(&file, standing.optimiser_steps)?;
    if standing.best_epoch > 0 {
        best.read_from(&file, "best/", store)?;
    }
    Ok(Some(standing))
}

/// Copies of the best epoch's tensors: true copies, so that later steps cannot change them (quirk T5).
#[derive(Default)]
pub(super) struct Best(Vec<(String, Vec<usize>, Vec<f32>)>);

impl Best {
    /// Takes the network as it is now.
    pub fn take(&mut self, store: &Store) -> Result<()> {
        let shape = |t: &tch::Tensor| t.size().iter().map(|&n| n as usize).collect();
        let copy = |e: &crate::nn::store::Entry| Ok((e.name.clone(), shape(&e.tensor), crate::nn::store::values(&e.tensor)?));
        self.0 = store.entries().iter().map(copy).collect::<Result<_>>()?;
        Ok(())
    }
    /// Adds the copies to a file in the making.
    pub fn write_into(&self, out: &mut ArraysWriter, prefix: &str) {
        for (name, shape, values) in &self.0 {
            out.f32s(&format!("{prefix}{name}"), shape, values);
        }
    }
    fn read_from(&mut self, file: &Arrays, prefix: &str, store: &Store) -> Result<()> {
        let read = |e: &crate::nn::store::Entry| {
            let name = format!("{prefix}{}", e.name);
            Ok((e.name.clone(), file.entry(&name)?.shape.clone(), file.f32s(&name)?))
        };
        self.0 = store.entries().iter().map(read).collect::<Result<_>>()?;
        Ok(())
    }
}
