//! EfficientNet-B0 (Tan and Le, 2019) as torchvision 0.26 builds it: names, shapes, order and draws.

use super::layers::{Conv, ConvNorm, ConvSpec, Linear, spatial_mean, stochastic_depth};
use super::store::Store;
use super::{Torch, init};
use tch::Tensor;

/// Channels of the feature vector.
pub const FEATURES: i64 = 1280;
/// Stochastic depth of the last block; earlier ones scale with their number.
const STOCHASTIC_DEPTH: f64 = 0.2;

/// A stage: expansion, kernel, stride, input channels, output channels, blocks.
const STAGES: [(i64, i64, i64, i64, i64, usize); 7] = [
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
];

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

/// EfficientNet-B0 without its classifier.
pub struct EfficientNet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
}

impl EfficientNet {
    /// Registers the network with the draws of `torchvision.models.efficientnet_b0()`, the ImageNet classifier's
    /// included, so that what is built after it gets PyTorch's values too.
    pub fn new(store: &mut Store) -> Torch<Self> {
        let plain = |input, output, kernel, stride| ConvSpec { input, output, kernel, stride, groups: 1, bias: false };
        let stem = ConvNorm::new(store, "features.0", plain(3, 32, 3, 2), true)?;
        let total: usize = STAGES.iter().map(|s| s.5).sum();
        let mut blocks = Vec::with_capacity(total);
        for (stage, &(expansion, kernel, stride, input, output, count)) in STAGES.iter().enumerate() {
            for index in 0..count {
                let (stride, input) = if index == 0 { (stride, input) } else { (1, output) };
                let wide = input * expansion;
                let drop = STOCHASTIC_DEPTH * blocks.len() as f64 / total as f64;
                let mut next = 0;
                let mut name = || {
                    next += 1;
                    format!("features.{}.{index}.block.{}", stage + 1, next - 1)
                };
                let expand = if expansion == 1 { None } else { Some(ConvNorm::new(store, &name(), plain(input, wide, 1, 1), true)?) };
                let spec = ConvSpec { input: wide, output: wide, kernel, stride, groups: wide, bias: false };
                let depthwise = ConvNorm::new(store, &name(), spec, true)?;
                let squeeze = SqueezeExcitation::new(store, &name(), wide, (input / 4).max(1))?;
                let project = ConvNorm::new(store, &name(), plain(wide, output, 1, 1), false)?;
                blocks.push(Block { expand, depthwise, squeeze, project, residual: stride == 1 && input == output, drop });
            }
        }
        let last = ConvNorm::new(store, "features.8", plain(320, FEATURES, 1, 1), true)?;
        let mut classifier = Linear::detached(FEATURES, 1000)?;
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

    /// [N, 3, H, W] to [N, 1280].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = self.stem.forward(x, train)?;
        for block in &self.blocks {
            y = block.forward(&y, train)?;
        }
        spatial_mean(&self.last.forward(&y, train)?)?.f_flatten(1, 3)
    }
}
