//! Stochastic gradient descent with momentum, as `torch.optim.SGD(momentum=0.9)` computes it.

use super::optimiser::{Optimiser, learning};
use crate::base::Result;
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::nn::store::{read_tensor, write_tensor};
use crate::nn::{Doing, Store, Torch};
use tch::{Tensor, no_grad};

/// Share of the last step's direction in the next.
const MOMENTUM: f64 = 0.9;

/// The optimiser: b ← 0.9·b + g, then p ← p − rate·b, with no dampening.
pub struct Sgd {
    names: Vec<String>,
    parameters: Vec<Tensor>,
    /// The directions b. PyTorch begins with the first gradient, which is the same as beginning at 0.
    directions: Vec<Tensor>,
    steps: u64,
    weight_decay: f64,
}

impl Sgd {
    /// At rest. The weight decay is L2, added to the gradient.
    pub fn new(store: &Store, weight_decay: f64) -> Result<Self> {
        let (names, parameters) = learning(store);
        let zeros: Torch<Vec<_>> = parameters.iter().map(|p| no_grad(|| p.f_zeros_like())).collect();
        Ok(Self { names, parameters, directions: zeros.torch("make the optimiser")?, steps: 0, weight_decay })
    }
}

impl Optimiser for Sgd {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Each operation rounds by itself: a fused multiplication and addition would be another number.
    fn step(&mut self, rate: f64) -> Torch<()> {
        self.steps += 1;
        no_grad(|| {
            for (p, b) in self.parameters.iter_mut().zip(&mut self.directions) {
                let mut g = p.grad();
                if !g.defined() {
                    continue;
                }
                if self.weight_decay != 0.0 {
                    g = g.f_add(&p.f_mul_scalar(self.weight_decay)?)?;
                }
                let _ = b.f_mul_scalar_(MOMENTUM)?;
                let _ = b.f_add_(&g)?;
                let _ = p.f_sub_(&b.f_mul_scalar(rate)?)?;
            }
            Ok(())
        })
    }

    /// `direction/<name>`.
    fn write_into(&self, out: &mut ArraysWriter) -> Result<()> {
        self.names.iter().zip(&self.directions).try_for_each(|(name, b)| write_tensor(out, &format!("direction/{name}"), b))
    }

    fn read_from(&mut self, file: &Arrays, steps: u64) -> Result<()> {
        for (name, b) in self.names.iter().zip(&self.directions) {
            read_tensor(file, &format!("direction/{name}"), b)?;
        }
        self.steps = steps;
        Ok(())
    }
}
