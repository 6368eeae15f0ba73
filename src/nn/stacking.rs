//! Meta-models over the predictions of several networks: HEVisum's StackingMLP (spec/hevisum.md, section 3.8).

use super::backbone::Kind;
use super::layers::{BatchNorm, Linear};
use super::regressor::{Head, Regressor};
use super::store::Store;
use super::{Doing, Torch, init};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use std::path::Path;
use tch::{Device, Tensor};

/// Width of the first hidden layer, and of the second.
const HIDDEN: [i64; 2] = [512, 256];
/// Dropout after each hidden layer.
const DROPOUT: f64 = 0.2;

/// Two hidden layers, each linear, LeakyReLU, normalised, dropped out; then a linear one. Names: `model.{0,2,4,6,8}.*`.
pub struct StackingMlp {
    /// All tensors, in the order of PyTorch's state dict.
    pub store: Store,
    hidden: Vec<(Linear, BatchNorm)>,
    last: Linear,
}

impl StackingMlp {
    /// Builds it after `manual_seed(seed)`; 249,891 parameters for 210 inputs and 35 outputs.
    pub fn new(inputs: usize, outputs: usize, seed: u64, device: Device) -> Result<Self> {
        let _generator = init::generator();
        Self::build(inputs as i64, outputs as i64, seed, device).torch("build the meta-model")
    }

    fn build(inputs: i64, outputs: i64, seed: u64, device: Device) -> Torch<Self> {
        tch::manual_seed(seed as i64);
        let (mut store, mut hidden, mut width) = (Store::new(), Vec::new(), inputs);
        for (i, next) in HIDDEN.into_iter().enumerate() {
            let linear = Linear::new(&mut store, &format!("model.{}", 4 * i), width, next)?;
            hidden.push((linear, BatchNorm::new(&mut store, &format!("model.{}", 4 * i + 2), next)?));
            width = next;
        }
        let last = Linear::new(&mut store, "model.8", width, outputs)?;
        store.settle(device, tch::Kind::Float)?;
        Ok(Self { store, hidden, last })
    }

    /// Reads a checkpoint, whose sizes are taken from its first and last layer.
    pub fn open(path: &Path, device: Device) -> Result<Self> {
        let file = Arrays::open(path)?;
        let side = |name: &str, axis: usize| {
            let shape = &file.entry(name)?.shape;
            shape.get(axis).copied().filter(|_| shape.len() == 2).ok_or_else(|| {
                Failure::input(format!("array '{name}' has the shape {shape:?} where a matrix is due")).at(path.display().to_string())
            })
        };
        let net = Self::new(side("model.0.weight", 1)?, side("model.8.weight", 0)?, 0, device)?;
        net.store.read_from(&file, "", |_| false).map_err(|e| e.at(path.display().to_string()))?;
        Ok(net)
    }

    /// Reads a checkpoint to the processor.
    pub fn read(path: &Path) -> Result<Self> {
        Self::open(path, Device::Cpu)
    }

    /// Inputs, and outputs.
    pub fn sizes(&self) -> (usize, usize) {
        (self.hidden[0].0.weight.size()[1] as usize, self.last.weight.size()[0] as usize)
    }

    /// [N, inputs] to [N, outputs]. Training mode draws from libtorch's generator and moves the running statistics.
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = x.shallow_clone();
        for (linear, norm) in &self.hidden {
            y = norm.forward(&linear.forward(&y)?.f_leaky_relu()?, train)?.f_dropout(DROPOUT, train)?;
        }
        self.last.forward(&y)
    }

    /// The same for plain numbers, on the processor.
    pub fn answers_here(&self, rows: &[f32], batch: usize) -> Result<Vec<f32>> {
        self.answers(rows, batch, Device::Cpu)
    }

    /// The same for plain numbers, in evaluation mode, some rows at a time.
    pub fn answers(&self, rows: &[f32], batch: usize, device: Device) -> Result<Vec<f32>> {
        let (inputs, _) = self.sizes();
        if !rows.len().is_multiple_of(inputs) {
            return Err(Failure::input(format!("{} numbers are no whole number of rows of {inputs}", rows.len())));
        }
        let mut out = Vec::new();
        for part in rows.chunks(inputs * batch.max(1)) {
            let run = || self.forward(&Tensor::f_from_slice(part)?.f_reshape([-1, inputs as i64])?.f_to_device(device)?, false);
            out.extend(super::store::values(&tch::no_grad(run).torch("run the meta-model")?)?);
        }
        Ok(out)
    }
}

/// Holds a checkpoint against the network of that name, every tensor by name and shape; gives the number of its parameters.
pub fn fits(model: &str, checkpoint: &Arrays) -> Result<usize> {
    let side = |name: &str, axis: usize| {
        let shape = checkpoint.entry(name).map(|e| e.shape.clone())?;
        shape.get(axis).copied().ok_or_else(|| Failure::input(format!("array '{name}' has the shape {shape:?}")))
    };
    let check = |store: &Store| {
        store.read_from(checkpoint, "", |_| false)?;
        Ok(store.parameter_count())
    };
    match model {
        "hevisum-stack" => check(&StackingMlp::new(side("model.0.weight", 1)?, side("model.8.weight", 0)?, 0, Device::Cpu)?.store),
        "hevisum" | "vision_mlp_multitask" => {
            let head = Head { hidden: 0, dropout: 0.1, outputs: side("decoder.9.weight", 0)? };
            check(&Regressor::new(Kind::VisionMlp, head, 0, Device::Cpu)?.store)
        }
        _ => Err(Failure::input(format!("no known checkpoint is of the model '{}'", crate::base::text::clean(model)))
            .hint("hevisum-stack or hevisum")),
    }
}
