//! Adam (Kingma and Ba, 2015) as `torch.optim.Adam` computes it, with moments that can be saved.
//!
//! tch's optimisers hide their state and walk a hash map. Ours keeps its moments in the parameters' order. The step is
//! libtorch's fused kernel, whose root is the processor's own exact instruction; a tensor's `sqrt` goes through MKL,
//! which approximates differently on different processors. The plain variant takes the root as 1/(1/√v) for the same
//! reason; tests hold the two against each other.

use super::optimiser::{Optimiser, learning};
use crate::base::Result;
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::nn::store::{read_tensor, write_tensor};
use crate::nn::{Doing, Store, Torch, shim};
use tch::{Tensor, no_grad};

/// Which arithmetic a step uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// libtorch's fused kernel.
    Fused,
    /// Tensor operations.
    Plain,
}

/// The optimiser.
pub struct Adam {
    names: Vec<String>,
    parameters: Vec<Tensor>,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
    steps: u64,
    weight_decay: f64,
    /// The weight decay is taken off the weights before each step (AdamW), not added to the gradient.
    decoupled: bool,
    kernel: Kernel,
}

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

impl Adam {
    /// Zero moments for the parameters of a network that is where it will be trained. Betas are 0.9 and 0.999, epsilon
    /// 1e-8; the weight decay is L2, added to the gradient.
    pub fn new(store: &Store, weight_decay: f64, kernel: Kernel) -> Result<Self> {
        let (names, parameters) = learning(store);
        let zeros = || parameters.iter().map(|p| no_grad(|| p.f_zeros_like())).collect::<Torch<Vec<_>>>();
        let (first, second) = (zeros().torch("make the optimiser")?, zeros().torch("make the optimiser")?);
        Ok(Self { names, parameters, first, second, steps: 0, weight_decay, decoupled: false, kernel })
    }

    /// AdamW (Loshchilov and Hutter, 2017): each step first shrinks the weights by 1 − rate·decay.
    pub fn decoupled(store: &Store, weight_decay: f64, kernel: Kernel) -> Result<Self> {
        Ok(Self { decoupled: true, ..Self::new(store, weight_decay, kernel)? })
    }

    fn plain(&mut self, rate: f64) -> Torch<()> {
        let correction = |beta: f64| 1.0 - beta.powi(self.steps as i32);
        let (one, two) = (correction(BETAS.0), correction(BETAS.1));
        for ((p, m), v) in self.parameters.iter_mut().zip(&mut self.first).zip(&mut self.second) {
            let mut g = p.grad();
            if !g.defined() {
                continue;
            }
            if self.weight_decay != 0.0 && !self.decoupled {
                g = g.f_add(&p.f_mul_scalar(self.weight_decay)?)?;
            }
            let _ = m.f_lerp_(&g, 1.0 - BETAS.0)?;
            let _ = v.f_mul_scalar_(BETAS.1)?;
            let _ = v.f_add_(&g.f_mul(&g)?.f_mul_scalar(1.0 - BETAS.1)?)?;
            let root = v.f_rsqrt()?.f_reciprocal()?;
            let below = root.f_div_scalar(two.sqrt())?.f_add_scalar(EPSILON)?;
            let _ = p.f_sub_(&m.f_div(&below)?.f_mul_scalar(rate / one)?)?;
        }
        Ok(())
    }

    fn shrink(&mut self, rate: f64) -> Torch<()> {
        let factor = 1.0 - rate * self.weight_decay;
        self.parameters.iter_mut().filter(|p| p.grad().defined()).try_for_each(|p| p.f_mul_scalar_(factor).map(drop))
    }
}

impl Optimiser for Adam {
    fn steps(&self) -> u64 {
        self.steps
    }

    fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    fn step(&mut self, rate: f64) -> Torch<()> {
        self.steps += 1;
        if self.decoupled && self.weight_decay != 0.0 {
            no_grad(|| self.shrink(rate))?;
        }
        let weight_decay = if self.decoupled { 0.0 } else { self.weight_decay };
        match self.kernel {
            Kernel::Fused => shim::fused_adam(
                &self.parameters,
                &self.first,
                &self.second,
                shim::AdamStep { step: self.steps as i64, rate, betas: BETAS, epsilon: EPSILON, weight_decay },
            ),
            Kernel::Plain => no_grad(|| self.plain(rate)),
        }
    }

    /// `first/<name>` and `second/<name>`.
    fn write_into(&self, out: &mut ArraysWriter) -> Result<()> {
        for ((name, m), v) in self.names.iter().zip(&self.first).zip(&self.second) {
            write_tensor(out, &format!("first/{name}"), m)?;
            write_tensor(out, &format!("second/{name}"), v)?;
        }
        Ok(())
    }

    fn read_from(&mut self, file: &Arrays, steps: u64) -> Result<()> {
        for ((name, m), v) in self.names.iter().zip(&self.first).zip(&self.second) {
            read_tensor(file, &format!("first/{name}"), m)?;
            read_tensor(file, &format!("second/{name}"), v)?;
        }
        self.steps = steps;
        Ok(())
    }
}
