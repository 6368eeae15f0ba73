//! MobileNetV2 (Sandler et al., 2018) as torchvision 0.26 builds it: names, shapes, order and draws.

use super::backbone::Network;
use super::layers::{Activation, After, Conv, ConvNorm, ConvSpec, Linear, spatial_mean};
use super::store::Store;
use super::{Torch, init};
use tch::Tensor;

/// Channels of the feature vector.
pub const FEATURES: i64 = 1280;
/// Rows of equal blocks: expansion, output channels, blocks, stride of the first.
const ROWS: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// An inverted residual block.
struct Block {
    layers: Vec<ConvNorm>,
    residual: bool,
}

impl Block {
    /// Registers `<name>.conv.0.*` and so on.
    fn new(store: &mut Store, name: &str, input: i64, output: i64, expansion: i64, stride: i64) -> Torch<Self> {
        let (active, linear) = (After::plain(Activation::Relu6), After::plain(Activation::None));
        let wide = input * expansion;
        let mut layers = Vec::with_capacity(3);
        if expansion != 1 {
            layers.push(ConvNorm::new(store, &format!("{name}.conv.0"), ConvSpec::dense(input, wide, 1, 1), active)?);
        }
        layers.push(ConvNorm::new(store, &format!("{name}.conv.{}", layers.len()), ConvSpec::depthwise(wide, 3, stride), active)?);
        // The projection is no unit of its own in torchvision: its two layers are numbered on.
        let at = |more: usize| format!("{name}.conv.{}", layers.len() + more);
        let project = ConvNorm::named(store, &at(0), &at(1), ConvSpec::dense(wide, output, 1, 1), linear)?;
        layers.push(project);
        Ok(Self { layers, residual: stride == 1 && input == output })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = x.shallow_clone();
        for layer in &self.layers {
            y = layer.forward(&y, train)?;
        }
        if self.residual { x.f_add(&y) } else { Ok(y) }
    }
}

/// MobileNetV2 without its classifier.
pub struct MobileNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
}

impl MobileNet {
    /// Registers the network with the draws of `torchvision.models.mobilenet_v2()`, the ImageNet classifier's included.
    pub fn new(store: &mut Store) -> Torch<Self> {
        let active = After::plain(Activation::Relu6);
        let mut input = 32;
        let stem = ConvNorm::new(store, "features.0", ConvSpec::dense(3, input, 3, 2), active)?;
        let mut blocks = Vec::new();
        for (expansion, output, count, stride) in ROWS {
            for index in 0..count {
                let stride = if index == 0 { stride } else { 1 };
                blocks.push(Block::new(store, &format!("features.{}", blocks.len() + 1), input, output, expansion, stride)?);
                input = output;
            }
        }
        let last = ConvNorm::new(store, "features.18", ConvSpec::dense(input, FEATURES, 1, 1), active)?;
        let mut classifier = Linear::detached(FEATURES, 1000)?;
        let mut net = Self { stem, blocks, last };
        net.convolutions().try_for_each(Conv::reinitialise)?;
        init::normal(&mut classifier.weight, 0.01)?;
        Ok(net)
    }

    /// All convolutions in registration order.
    fn convolutions(&mut self) -> impl Iterator<Item = &mut Conv> {
        let blocks = self.blocks.iter_mut().flat_map(|b| &mut b.layers);
        std::iter::once(&mut self.stem).chain(blocks).chain(std::iter::once(&mut self.last)).map(|c| &mut c.conv)
    }
}

impl Network for MobileNet {
    /// [N, 3, H, W] to [N, 1280].
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = self.stem.forward(x, train)?;
        for block in &self.blocks {
            y = block.forward(&y, train)?;
        }
        spatial_mean(&self.last.forward(&y, train)?)?.f_flatten(1, 3)
    }
}
