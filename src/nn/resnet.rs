//! ResNet (He et al., 2015) as torchvision 0.26 builds it: names, shapes, order and draws. A bottleneck block takes its
//! step in the 3x3 convolution ("v1.5").

use super::Torch;
use super::backbone::Network;
use super::layers::{Activation, After, Conv, ConvNorm, ConvSpec, Linear, spatial_mean};
use super::store::Store;
use tch::Tensor;

/// The numbers of one size of the network.
pub struct Size {
    /// Blocks of the four layers.
    blocks: [usize; 4],
    /// Blocks of three convolutions in place of two.
    bottleneck: bool,
    /// Channels of the feature vector.
    pub features: i64,
}

/// ResNet-18.
pub const R18: Size = Size { blocks: [2, 2, 2, 2], bottleneck: false, features: 512 };
/// ResNet-50.
pub const R50: Size = Size { blocks: [3, 4, 6, 3], bottleneck: true, features: 2048 };

struct Block {
    body: Vec<ConvNorm>,
    shortcut: Option<ConvNorm>,
}

impl Block {
    /// `width` is that of the inner convolutions.
    fn new(store: &mut Store, name: &str, input: i64, width: i64, output: i64, stride: i64, bottleneck: bool) -> Torch<Self> {
        let specs: Vec<ConvSpec> = if bottleneck {
            vec![ConvSpec::dense(input, width, 1, 1), ConvSpec::dense(width, width, 3, stride), ConvSpec::dense(width, output, 1, 1)]
        } else {
            vec![ConvSpec::dense(input, width, 3, stride), ConvSpec::dense(width, output, 3, 1)]
        };
        let last = specs.len() - 1;
        let mut body = Vec::with_capacity(specs.len());
        for (i, spec) in specs.into_iter().enumerate() {
            // The last activation comes after the addition.
            let after = After::plain(if i == last { Activation::None } else { Activation::Relu });
            body.push(ConvNorm::named(store, &format!("{name}.conv{}", i + 1), &format!("{name}.bn{}", i + 1), spec, after)?);
        }
        let shortcut = if stride == 1 && input == output {
            None
        } else {
            let spec = ConvSpec::dense(input, output, 1, stride);
            Some(ConvNorm::new(store, &format!("{name}.downsample"), spec, After::plain(Activation::None))?)
        };
        Ok(Self { body, shortcut })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = x.shallow_clone();
        for layer in &self.body {
            y = layer.forward(&y, train)?;
        }
        match &self.shortcut {
            Some(shortcut) => y.f_add(&shortcut.forward(x, train)?)?.f_relu(),
            None => y.f_add(x)?.f_relu(),
        }
    }
}

/// A ResNet without its classifier.
pub struct ResNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
}

impl ResNet {
    /// Registers the network with as many draws as `torchvision.models.resnet18()` (or `50`), the ImageNet classifier's
    /// included. torchvision makes a shortcut before its block; since all convolutions are drawn again in registration
    /// order, only the number of these first draws counts.
    pub fn new(store: &mut Store, size: &Size) -> Torch<Self> {
        let stem = ConvNorm::named(store, "conv1", "bn1", ConvSpec::dense(3, 64, 7, 2), After::plain(Activation::Relu))?;
        let mut blocks = Vec::new();
        let mut input = 64;
        for (layer, &count) in size.blocks.iter().enumerate() {
            let width = 64 << layer;
            let output = if size.bottleneck { 4 * width } else { width };
            for index in 0..count {
                let stride = if layer > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", layer + 1);
                blocks.push(Block::new(store, &name, input, width, output, stride, size.bottleneck)?);
                input = output;
            }
        }
        Linear::detached(size.features, 1000)?;
        let mut net = Self { stem, blocks };
        net.convolutions().try_for_each(Conv::reinitialise)?;
        Ok(net)
    }

    /// All convolutions in registration order.
    fn convolutions(&mut self) -> impl Iterator<Item = &mut Conv> {
        let blocks = self.blocks.iter_mut().flat_map(|b| b.body.iter_mut().chain(&mut b.shortcut));
        std::iter::once(&mut self.stem).chain(blocks).map(|c| &mut c.conv)
    }
}

impl Network for ResNet {
    /// [N, 3, H, W] to [N, F].
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = self.stem.forward(x, train)?.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        for block in &self.blocks {
            y = block.forward(&y, train)?;
        }
        spatial_mean(&y)?.f_flatten(1, 3)
    }
}
