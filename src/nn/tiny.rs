//! A backbone of 1,416 parameters: for tests, and for trying a protocol out.

use super::Torch;
use super::backbone::Network;
use super::layers::{Activation, After, ConvNorm, ConvSpec, spatial_mean};
use super::store::Store;
use tch::Tensor;

/// Channels of the feature vector.
pub const FEATURES: i64 = 16;

/// Two convolutions with batch normalisation and SiLU, each halving the side, and a global mean.
pub struct TinyCnn {
    first: ConvNorm,
    second: ConvNorm,
}

impl TinyCnn {
    /// Registers `features.0.*` and `features.1.*`; draws and re-draws as torchvision's EfficientNet does.
    pub fn new(store: &mut Store) -> Torch<Self> {
        let after = After::plain(Activation::Silu);
        let mut net = Self {
            first: ConvNorm::new(store, "features.0", ConvSpec::dense(3, 8, 3, 2), after)?,
            second: ConvNorm::new(store, "features.1", ConvSpec::dense(8, FEATURES, 3, 2), after)?,
        };
        net.first.conv.reinitialise()?;
        net.second.conv.reinitialise()?;
        Ok(net)
    }
}

impl Network for TinyCnn {
    /// [N, 3, H, W] to [N, 16].
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let y = self.second.forward(&self.first.forward(x, train)?, train)?;
        spatial_mean(&y)?.f_flatten(1, 3)
    }
}
