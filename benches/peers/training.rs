//! Training steps: EfficientNet-B0 with the head of the protocols, mean squared error, Adam, batch 32, 250 genes.

use crate::{Done, Task};
use pinfold::nn::{BackboneKind, Head, Regressor, store};
use pinfold::train::adam::{Adam, Kernel};
use pinfold::train::fit::step;
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 32;
const GENES: usize = 250;

pub fn prepare(side: i64) -> Result<Task, String> {
    let threads = std::env::var("OMP_NUM_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    tch::set_num_threads(threads);
    let head = Head { hidden: 512, dropout: 0.5, outputs: GENES };
    let net = Regressor::new(BackboneKind::EfficientNetB0, head, 1, Device::Cpu).map_err(|e| e.to_string())?;
    let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).map_err(|e| e.to_string())?;
    let images = store::channels_last(&Tensor::randn([BATCH, 3, side, side], (Kind::Float, Device::Cpu))).map_err(|e| e.to_string())?;
    let truth = Tensor::randn([BATCH, GENES as i64], (Kind::Float, Device::Cpu));
    // Small images are stepped four times, as at the peer, so that a repetition is long enough to time.
    let steps = if side >= 128 { 1 } else { 4 };
    let mut seed = 0;
    Ok(Box::new(move || {
        for _ in 0..steps {
            seed += 1;
            step(&net, &mut adam, &images, &truth, seed, 1e-4).expect("a training step");
        }
        Done { items: (BATCH * steps) as f64, check: None }
    }))
}
