//! The gradient scaler of mixed precision, as `torch.amp.GradScaler` does it.
//!
//! Half-precision gradients underflow; the loss is multiplied by a large power of two and the gradients are divided by
//! it again. A step whose gradients overflowed is left out and the scale is halved; after a row of sound steps it is
//! doubled. All factors are powers of two, so nothing is rounded.

use crate::nn::Torch;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

/// The scale that a training begins with.
const START: f64 = 65_536.0;
/// Sound steps in a row after which it is doubled.
const INTERVAL: u64 = 2_000;
/// No scale beyond what an f32 can hold.
const LARGEST: f64 = 1.701_411_834_604_692_3e38;

/// A scale and the sound steps since it last changed: part of the resumable state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    scale: f64,
    sound: u64,
    interval: u64,
}

impl Default for Scaler {
    fn default() -> Self {
        Self::new(START, INTERVAL)
    }
}

impl Scaler {
    /// With another first scale (a power of two) and interval than PyTorch's defaults.
    pub fn new(scale: f64, interval: u64) -> Self {
        Self { scale, sound: 0, interval }
    }

    /// What losses are multiplied by.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The loss to start the backward pass from.
    pub fn scaled(&self, loss: &Tensor) -> Torch<Tensor> {
        loss.f_mul_scalar(self.scale)
    }

    /// Divides the gradients by the scale; true when all of them are finite. The device is waited for once.
    pub fn unscale(&self, parameters: &[Tensor]) -> Torch<bool> {
        no_grad(|| {
            let mut broken: Option<Tensor> = None;
            for mut g in parameters.iter().map(Tensor::grad).filter(Tensor::defined) {
                let _ = g.f_mul_scalar_(1.0 / self.scale)?;
                let here = g.f_isfinite()?.f_logical_not()?.f_any()?;
                broken = Some(match broken {
                    None => here,
                    Some(b) => b.f_logical_or(&here)?,
                });
            }
            broken.map_or(Ok(true), |b| Ok(b.f_to_kind(Kind::Int64)?.f_int64_value(&[])? == 0))
        })
    }

    /// Takes note of a step.
    pub fn update(&mut self, sound: bool) {
        if !sound {
            self.scale /= 2.0;
            self.sound = 0;
            return;
        }
        self.sound += 1;
        if self.sound == self.interval {
            self.sound = 0;
            if self.scale <= LARGEST / 2.0 {
                self.scale *= 2.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_halves_at_once_and_doubles_after_a_row() {
        let mut s = Scaler::new(8.0, 3);
        let mut seen = Vec::new();
        for sound in [true, true, false, true, true, true, true, false, false] {
            s.update(sound);
            seen.push(s.scale());
        }
        assert_eq!(seen, [8.0, 8.0, 4.0, 4.0, 4.0, 8.0, 8.0, 4.0, 2.0]);
        let mut large = Scaler::new(LARGEST, 1);
        large.update(true);
        assert_eq!(large.scale(), LARGEST);
    }
}
