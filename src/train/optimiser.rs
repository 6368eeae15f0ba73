//! How gradients become steps: Adam, AdamW, or descent with momentum, each with a state that can be saved.

use super::adam::{Adam, Kernel};
use super::sgd::Sgd;
use crate::base::Result;
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::nn::{Store, Torch, shim};
use crate::protocol::schema;
use tch::Tensor;

/// What every optimiser does. It moves the parameters of a store that learn, in their order.
pub trait Optimiser {
    /// Steps taken so far.
    fn steps(&self) -> u64;
    /// What it moves.
    fn parameters(&self) -> &[Tensor];
    /// One step at this learning rate, over the parameters that have a gradient.
    fn step(&mut self, rate: f64) -> Torch<()>;
    /// Adds its state to a file in the making.
    fn write_into(&self, out: &mut ArraysWriter) -> Result<()>;
    /// Takes a state and the number of steps up again.
    fn read_from(&mut self, file: &Arrays, steps: u64) -> Result<()>;

    /// Forgets the gradients.
    fn clear_gradients(&self) -> Torch<()> {
        shim::clear_gradients(self.parameters())
    }
}

/// The optimiser of that name for a network that is where it will be trained.
pub fn of(kind: schema::Optimiser, store: &Store, weight_decay: f64) -> Result<Box<dyn Optimiser>> {
    Ok(match kind {
        schema::Optimiser::Adam => Box::new(Adam::new(store, weight_decay, Kernel::Fused)?),
        schema::Optimiser::Adamw => Box::new(Adam::decoupled(store, weight_decay, Kernel::Fused)?),
        schema::Optimiser::Sgd => Box::new(Sgd::new(store, weight_decay)?),
    })
}

/// Names and handles of the parameters that learn.
pub(super) fn learning(store: &Store) -> (Vec<String>, Vec<Tensor>) {
    (store.entries().iter().filter(|e| e.trainable).map(|e| e.name.clone()).collect(), store.parameters())
}
