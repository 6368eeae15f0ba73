//! Training steps and whole trainings: EfficientNet-B0 with the head of the protocols, HEVisum's network; mean squared error, Adam, batch 32, 250 genes.

use crate::{Done, Task};
use pinfold::base::arrays::Arrays;
use pinfold::histology::{Augmenter, Preset};
use pinfold::nn::{BackboneKind, Head, Regressor, store};
use pinfold::protocol::schema::{Best, Class};
use pinfold::train::adam::{Adam, Kernel};
use pinfold::train::fit::step;
use pinfold::train::{Augment, Config, Data, Progress, fit};
use std::path::Path;
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 32;
const GENES: usize = 250;

/// A step of the network that `train_…` names: `mlp` for HEVisum's, a side in pixels for EfficientNet-B0.
pub fn prepare(which: &str) -> Result<Task, String> {
    let (network, head, side) = if which == "mlp" {
        (BackboneKind::VisionMlp, Head { hidden: 0, dropout: 0.1, outputs: 35 }, 78)
    } else {
        let side: i64 = which.parse().map_err(|_| format!("no side in '{which}'"))?;
        (BackboneKind::EfficientNetB0, Head { hidden: 512, dropout: 0.5, outputs: GENES }, side)
    };
    let threads = std::env::var("OMP_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    tch::set_num_threads(threads);
    let outputs = head.outputs as i64;
    let net = Regressor::new(network, head, 1, Device::Cpu).map_err(|e| e.to_string())?;
    let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).map_err(|e| e.to_string())?;
    let images = store::channels_last(&Tensor::randn([BATCH, 3, side, side], (Kind::Float, Device::Cpu))).map_err(|e| e.to_string())?;
    let truth = Tensor::randn([BATCH, outputs], (Kind::Float, Device::Cpu));
    // Small images are stepped four times, as at the peer, so that a repetition is long enough to time.
    let steps = if side >= 128 { 1 } else { 4 };
    let mut seed = 0;
    Ok(Box::new(move || {
        for _ in 0..steps {
            seed += 1;
            step(&net, &mut adam, &images, &truth, seed, 1e-4).expect("a training step");
        }
        Done { items: (BATCH * steps) as f64, check: None, saving: None }
    }))
}

/// Spots of a whole training, and how many of them are learned from; the rest is validated on.
const SPOTS: usize = 384;
const LEARNED: usize = 352;
const EPOCHS: usize = 2;

/// Counts what saving took.
struct Saving(f64);

impl Progress for Saving {
    fn saved(&mut self, seconds: f64) {
        self.0 += seconds;
    }
}

/// A whole training as a stage does it: network, epochs of loading, augmenting and stepping, validation, a state after
/// each epoch, the checkpoint.
pub fn whole(name: &str, folder: &Path) -> Result<Task, String> {
    let (network, hidden) = match name {
        "epoch_b0" => (BackboneKind::EfficientNetB0, 512),
        "epoch_tiny" => (BackboneKind::TinyCnn, 64),
        _ => return Err(format!("no task '{name}'")),
    };
    let arrays = Arrays::open(&folder.join("work.safetensors")).map_err(|e| e.to_string())?;
    let targets = arrays.f32s("targets").map_err(|e| e.to_string())?;
    // The script sets the pins of the class for the whole process, as a worker has them.
    let class = if std::env::var_os("MKL_CBWR").is_some() { Class::Portable } else { Class::Machine };
    let threads = std::env::var("OMP_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let config = Config {
        hidden,
        dropout: 0.5,
        epochs: EPOCHS,
        learning_rate: 1e-4,
        best: Best::MinValidationLoss,
        loader_threads: threads,
        threads,
        class,
        ..Config::new(network)
    };
    let rows: Vec<usize> = (0..SPOTS).collect();
    let augment = Mpa(Augmenter::new(Preset::Mpa, 1, 0));
    Ok(Box::new(move || {
        let patches = arrays.u8s("patches64").expect("checked when made");
        let data = Data { patches, side: 64, targets: &targets, genes: GENES, train: &rows[..LEARNED], validation: &rows[LEARNED..] };
        let dir = tempfile::tempdir().expect("a folder");
        let mut saving = Saving(0.0);
        fit(&config, &data, &augment, dir.path(), &mut saving).expect("a training");
        Done { items: (LEARNED * EPOCHS) as f64, check: None, saving: Some(saving.0) }
    }))
}

struct Mpa(Augmenter);

impl Augment for Mpa {
    fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: usize, sample: usize) {
        self.0.apply(src, dst, side, epoch as u64, sample as u64);
    }
}
