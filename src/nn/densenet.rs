//! DenseNet-121 (Huang et al., 2016) as torchvision 0.26 builds it: names, shapes, order and draws.

use super::Torch;
use super::backbone::Network;
use super::layers::{Activation, After, BatchNorm, Conv, ConvNorm, ConvSpec, Linear, spatial_mean};
use super::store::Store;
use tch::Tensor;

/// Channels of the feature vector.
pub const FEATURES: i64 = 1024;
/// Layers of the four blocks.
const BLOCKS: [usize; 4] = [6, 12, 24, 16];
/// Channels that each layer adds.
const GROWTH: i64 = 32;
/// Channels inside a layer.
const BOTTLENECK: i64 = 128;

/// The children of torchvision's `features`, in order.
pub const CHILDREN: [&str; 12] = [
    "conv0",
    "norm0",
    "relu0",
    "pool0",
    "denseblock1",
    "transition1",
    "denseblock2",
    "transition2",
    "denseblock3",
    "transition3",
    "denseblock4",
    "norm5",
];

/// Normalisation, ReLU, convolution: here the convolution comes last.
struct NormConv {
    norm: BatchNorm,
    conv: Conv,
}

impl NormConv {
    fn new(store: &mut Store, norm: &str, conv: &str, spec: ConvSpec) -> Torch<Self> {
        Ok(Self { norm: BatchNorm::new(store, norm, spec.input)?, conv: Conv::new(store, conv, spec)? })
    }
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        self.conv.forward(&self.norm.forward(x, train)?.f_relu()?)
    }
}

/// A layer sees all that came before it in its block, and adds some channels.
struct Layer {
    first: NormConv,
    second: NormConv,
}

struct Block {
    layers: Vec<Layer>,
    transition: Option<NormConv>,
}

/// DenseNet-121 without its classifier.
pub struct DenseNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: BatchNorm,
}

impl DenseNet {
    /// Registers the network with the draws of `torchvision.models.densenet121()`, the ImageNet classifier's included.
    pub fn new(store: &mut Store) -> Torch<Self> {
        let mut channels = 64;
        let spec = ConvSpec::dense(3, channels, 7, 2);
        let stem = ConvNorm::named(store, "features.conv0", "features.norm0", spec, After::plain(Activation::Relu))?;
        let mut blocks = Vec::new();
        for (i, &count) in BLOCKS.iter().enumerate() {
            let mut layers = Vec::with_capacity(count);
            for layer in 1..=count {
                let name = |what: &str| format!("features.denseblock{}.denselayer{layer}.{what}", i + 1);
                layers.push(Layer {
                    first: NormConv::new(store, &name("norm1"), &name("conv1"), ConvSpec::dense(channels, BOTTLENECK, 1, 1))?,
                    second: NormConv::new(store, &name("norm2"), &name("conv2"), ConvSpec::dense(BOTTLENECK, GROWTH, 3, 1))?,
                });
                channels += GROWTH;
            }
            let transition = if i + 1 == BLOCKS.len() {
                None
            } else {
                let name = |what: &str| format!("features.transition{}.{what}", i + 1);
                let made = NormConv::new(store, &name("norm"), &name("conv"), ConvSpec::dense(channels, channels / 2, 1, 1))?;
                channels /= 2;
                Some(made)
            };
            blocks.push(Block { layers, transition });
        }
        let last = BatchNorm::new(store, "features.norm5", channels)?;
        Linear::detached(FEATURES, 1000)?;
        let mut net = Self { stem, blocks, last };
        net.convolutions().try_for_each(Conv::reinitialise_fan_in)?;
        Ok(net)
    }

    /// All convolutions in registration order.
    fn convolutions(&mut self) -> impl Iterator<Item = &mut Conv> {
        std::iter::once(&mut self.stem.conv).chain(self.blocks.iter_mut().flat_map(|b| {
            let layers = b.layers.iter_mut().flat_map(|l| [&mut l.first.conv, &mut l.second.conv]);
            layers.chain(b.transition.as_mut().map(|t| &mut t.conv))
        }))
    }
}

impl Network for DenseNet {
    /// [N, 3, H, W] to [N, 1024].
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = self.stem.forward(x, train)?.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        for block in &self.blocks {
            for layer in &block.layers {
                let new = layer.second.forward(&layer.first.forward(&y, train)?, train)?;
                y = Tensor::f_cat(&[y, new], 1)?;
            }
            if let Some(transition) = &block.transition {
                y = transition.forward(&y, train)?.f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)?;
            }
        }
        spatial_mean(&self.last.forward(&y, train)?.f_relu()?)?.f_flatten(1, 3)
    }
}
