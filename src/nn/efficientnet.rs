//! EfficientNet (Tan and Le, 2019) as torchvision 0.26 builds it: names, shapes, order and draws.

use super::backbone::Network;
use super::layers::{Activation, After, Conv, ConvNorm, ConvSpec, Linear, NormSpec, spatial_mean, stochastic_depth};
use super::store::Store;
use super::{Torch, init};
use tch::Tensor;

/// Stochastic depth of the last block; earlier ones scale with their number.
const STOCHASTIC_DEPTH: f64 = 0.2;

/// A stage: expansion, kernel, stride, input channels, output channels, blocks.
type Stage = (i64, i64, i64, i64, i64, usize);

/// The numbers of one size of the network.
pub struct Size {
    stages: [Stage; 7],
    /// Channels of the feature vector.
    pub features: i64,
    norm: NormSpec,
}

/// EfficientNet-B0: 16 blocks.
pub const B0: Size = Size {
    stages: [
        (1, 3, 1, 32, 16, 1),
        (6, 3, 2, 16, 24, 2),
        (6, 5, 2, 24, 40, 2),
        (6, 3, 2, 40, 80, 3),
        (6, 5, 1, 80, 112, 3),
        (6, 5, 2, 112, 192, 4),
        (6, 3, 1, 192, 320, 1),
    ],
    features: 1280,
    norm: NormSpec { epsilon: 1e-5, momentum: 0.1 },
};

/// EfficientNet-B7: 55 blocks, twice as wide, and other constants of normalisation.
pub const B7: Size = Size {
    stages: [
        (1, 3, 1, 64, 32, 4),
        (6, 3, 2, 32, 48, 7),
        (6, 5, 2, 48, 80, 7),
        (6, 3, 2, 80, 160, 10),
        (6, 5, 1, 160, 224, 10),
        (6, 5, 2, 224, 384, 13),
        (6, 3, 1, 384, 640, 4),
    ],
    features: 2560,
    norm: NormSpec { epsilon: 1e-3, momentum: 0.01 },
};

struct SqueezeExcitation {
    fc1: Conv,
    fc2: Conv,
}

impl SqueezeExcitation {
    fn new(store: &mut Store, name: &str, channels: i64, squeezed: i64) -> Torch<Self> {
        let conv = |input, output| ConvSpec { input, output, kernel: 1, stride: 1, groups: 1, bias: true };
        Ok(Self {
            fc1: Conv::new(store, &format!("{name}.fc1"), conv(channels, squeezed))?,
            fc2: Conv::new(store, &format!("{name}.fc2"), conv(squeezed, channels))?,
        })
    }
    fn forward(&self, x: &Tensor) -> Torch<Tensor> {
        let scale = self.fc2.forward(&self.fc1.forward(&spatial_mean(x)?)?.f_silu()?)?.f_sigmoid()?;
        scale.f_mul(x)
    }
}

/// An inverted residual block with squeeze and excitation.
struct Block {
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    squeeze: SqueezeExcitation,
    project: ConvNorm,
    residual: bool,
    drop: f64,
}

impl Block {
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let y = match &self.expand {
            Some(expand) => self.depthwise.forward(&expand.forward(x, train)?, train)?,
            None => self.depthwise.forward(x, train)?,
        };
        let y = self.project.forward(&self.squeeze.forward(&y)?, train)?;
        if self.residual { stochastic_depth(y, self.drop, train)?.f_add(x) } else { Ok(y) }
    }
}

/// An EfficientNet without its classifier.
pub struct EfficientNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
}

impl EfficientNet {
    /// Registers the network with the draws of `torchvision.models.efficientnet_b0()` (or `_b7`), the ImageNet
    /// classifier's included, so that what is built after it gets PyTorch's values too.
    pub fn new(store: &mut Store, size: &Size) -> Torch<Self> {
        let active = After { norm: size.norm, activation: Activation::Silu };
        let linear = After { activation: Activation::None, ..active };
        let stem = ConvNorm::new(store, "features.0", ConvSpec::dense(3, size.stages[0].3, 3, 2), active)?;
        let total: usize = size.stages.iter().map(|s| s.5).sum();
        let mut blocks = Vec::with_capacity(total);
        for (stage, &(expansion, kernel, stride, input, output, count)) in size.stages.iter().enumerate() {
            for index in 0..count {
                let (stride, input) = if index == 0 { (stride, input) } else { (1, output) };
                let wide = input * expansion;
                let drop = STOCHASTIC_DEPTH * blocks.len() as f64 / total as f64;
                let mut next = 0;
                let mut name = || {
                    next += 1;
                    format!("features.{}.{index}.block.{}", stage + 1, next - 1)
                };
                let expand = match expansion {
                    1 => None,
                    _ => Some(ConvNorm::new(store, &name(), ConvSpec::dense(input, wide, 1, 1), active)?),
                };
                let depthwise = ConvNorm::new(store, &name(), ConvSpec::depthwise(wide, kernel, stride), active)?;
                let squeeze = SqueezeExcitation::new(store, &name(), wide, (input / 4).max(1))?;
                let project = ConvNorm::new(store, &name(), ConvSpec::dense(wide, output, 1, 1), linear)?;
                blocks.push(Block { expand, depthwise, squeeze, project, residual: stride == 1 && input == output, drop });
            }
        }
        let last = ConvNorm::new(store, "features.8", ConvSpec::dense(size.stages[6].4, size.features, 1, 1), active)?;
        let mut classifier = Linear::detached(size.features, 1000)?;
        let mut net = Self { stem, blocks, last };
        net.convolutions().into_iter().try_for_each(Conv::reinitialise)?;
        init::uniform_by_outputs(&mut classifier.weight)?;
        Ok(net)
    }

    /// All convolutions in registration order.
    fn convolutions(&mut self) -> Vec<&mut Conv> {
        let mut all = vec![&mut self.stem.conv];
        for block in &mut self.blocks {
            all.extend(block.expand.as_mut().map(|e| &mut e.conv));
            all.push(&mut block.depthwise.conv);
            all.push(&mut block.squeeze.fc1);
            all.push(&mut block.squeeze.fc2);
            all.push(&mut block.project.conv);
        }
        all.push(&mut self.last.conv);
        all
    }
}

impl Network for EfficientNet {
    /// [N, 3, H, W] to [N, F].
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = self.stem.forward(x, train)?;
        for block in &self.blocks {
            y = block.forward(&y, train)?;
        }
        spatial_mean(&self.last.forward(&y, train)?)?.f_flatten(1, 3)
    }
}
