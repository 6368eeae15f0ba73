//! PyTorch's initial values, drawn as PyTorch draws them: from libtorch's own generator, weight before bias.
//!
//! tch's layers are not used: their defaults differ from PyTorch's (bounds √6 times as wide, a uniform batch-norm
//! weight) and they draw the bias first. Formulas: `torch.nn.init` of PyTorch 2.11.

use super::Torch;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, Tensor};

static GENERATOR: Mutex<()> = Mutex::new(());

/// Takes libtorch's generator, of which a process has one: whoever seeds it and then draws holds this meanwhile.
pub fn generator() -> MutexGuard<'static, ()> {
    // A panic elsewhere leaves no broken state behind: every holder seeds before it draws.
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new tensor in single precision on the processor, with undefined contents.
pub fn empty(shape: &[i64]) -> Torch<Tensor> {
    Tensor::f_empty(shape, (Kind::Float, Device::Cpu))
}

/// Fan-in of a weight [out, in/groups, k…] (also [out, in]).
pub fn fan_in(shape: &[i64]) -> i64 {
    shape[1..].iter().product()
}

/// Fan-out of a weight [out, in/groups, k…], as PyTorch counts it: groups are not looked at.
pub fn fan_out(shape: &[i64]) -> i64 {
    shape[0] * shape[2..].iter().product::<i64>()
}

/// `kaiming_uniform_(w, a=√5)`, the default of linear and convolution weights.
pub fn kaiming_uniform_default(w: &mut Tensor) -> Torch<()> {
    let gain = (2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt();
    let bound = 3f64.sqrt() * (gain / (fan_in(&w.size()) as f64).sqrt());
    w.f_uniform_(-bound, bound).map(drop)
}

/// The default of a bias beside a weight of that shape: U(±1/√fan_in).
pub fn bias_default(bias: &mut Tensor, weight_shape: &[i64]) -> Torch<()> {
    let bound = 1.0 / (fan_in(weight_shape) as f64).sqrt();
    bias.f_uniform_(-bound, bound).map(drop)
}

/// `kaiming_normal_(w, mode="fan_out")` with the rectifier's gain √2.
pub fn kaiming_normal_fan_out(w: &mut Tensor) -> Torch<()> {
    let std = 2f64.sqrt() / (fan_out(&w.size()) as f64).sqrt();
    w.f_normal_(0.0, std).map(drop)
}

/// `kaiming_normal_(w)`: by fan-in, with the rectifier's gain √2.
pub fn kaiming_normal_fan_in(w: &mut Tensor) -> Torch<()> {
    let std = 2f64.sqrt() / (fan_in(&w.size()) as f64).sqrt();
    w.f_normal_(0.0, std).map(drop)
}

/// `xavier_uniform_(w)`.
pub fn xavier_uniform(w: &mut Tensor) -> Torch<()> {
    let shape = w.size();
    let bound = 3f64.sqrt() * (2.0 / (fan_in(&shape) + fan_out(&shape)) as f64).sqrt();
    w.f_uniform_(-bound, bound).map(drop)
}

/// `normal_(w, 0, std)`.
pub fn normal(w: &mut Tensor, std: f64) -> Torch<()> {
    w.f_normal_(0.0, std).map(drop)
}

/// torchvision's re-initialisation of an EfficientNet's classifier weight: U(±1/√out).
pub fn uniform_by_outputs(w: &mut Tensor) -> Torch<()> {
    let bound = 1.0 / (w.size()[0] as f64).sqrt();
    w.f_uniform_(-bound, bound).map(drop)
}
