//! A backbone of 1,416 parameters: for tests, and for trying a protocol out.

use super::Torch;
use super::layers::{ConvNorm, ConvSpec, spatial_mean};
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
        let spec = |input, output| ConvSpec { input, output, kernel: 3, stride: 2, groups: 1, bias: false };
        let mut net = Self {
            first: ConvNorm::new(store, "features.0", spec(3, 8), true)?,
            second: ConvNorm::new(store, "features.1", spec(8, FEATURES), true)?,
        };
        net.first.conv.reinitialise()?;
        net.second.conv.reinitialise()?;
        Ok(net)
    }

    /// [N, 3, H, W] to [N, 16].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let y = self.second.forward(&self.first.forward(x, train)?, train)?;
        spatial_mean(&y)?.f_flatten(1, 3)
    }
}
