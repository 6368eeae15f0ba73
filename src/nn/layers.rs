//! Layers with PyTorch's arithmetic, names and initial draws.

use super::store::Store;
use super::{Torch, init, shim};
use tch::{Kind, Tensor};

/// Constants of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormSpec {
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of a new batch in the running statistics.
    pub momentum: f64,
}

impl Default for NormSpec {
    /// PyTorch's own, and those of all networks here but EfficientNet-B7.
    fn default() -> Self {
        Self { epsilon: 1e-5, momentum: 0.1 }
    }
}

/// What follows a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// x·σ(x).
    Silu,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
}

impl Activation {
    /// The same shape.
    pub fn forward(self, x: Tensor) -> Torch<Tensor> {
        match self {
            Self::None => Ok(x),
            Self::Silu => x.f_silu(),
            Self::Relu => x.f_relu(),
            Self::Relu6 => x.f_relu6(),
        }
    }
}

/// A square 2-D convolution.
pub struct Conv {
    /// [out, in/groups, k, k].
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Option<Tensor>,
    stride: i64,
    padding: i64,
    groups: i64,
}

/// Numbers of a convolution; padding is always (kernel − 1) / 2.
#[derive(Clone, Copy)]
pub struct ConvSpec {
    /// Input channels.
    pub input: i64,
    /// Output channels.
    pub output: i64,
    /// Side of the kernel.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Groups; as many as channels makes it depthwise.
    pub groups: i64,
    /// With a bias.
    pub bias: bool,
}

impl ConvSpec {
    /// One group, no bias.
    pub fn dense(input: i64, output: i64, kernel: i64, stride: i64) -> Self {
        Self { input, output, kernel, stride, groups: 1, bias: false }
    }

    /// As many groups as channels, no bias.
    pub fn depthwise(channels: i64, kernel: i64, stride: i64) -> Self {
        Self { input: channels, output: channels, kernel, stride, groups: channels, bias: false }
    }
}

impl Conv {
    /// Registers `<name>.weight` (and `.bias`) with PyTorch's constructor draws.
    pub fn new(store: &mut Store, name: &str, spec: ConvSpec) -> Torch<Self> {
        let shape = [spec.output, spec.input / spec.groups, spec.kernel, spec.kernel];
        let mut weight = init::empty(&shape)?;
        init::kaiming_uniform_default(&mut weight)?;
        let weight = store.parameter(&format!("{name}.weight"), weight);
        let bias = if spec.bias {
            let mut bias = init::empty(&[spec.output])?;
            init::bias_default(&mut bias, &shape)?;
            Some(store.parameter(&format!("{name}.bias"), bias))
        } else {
            None
        };
        Ok(Self { weight, bias, stride: spec.stride, padding: (spec.kernel - 1) / 2, groups: spec.groups })
    }

    /// [N, in, H, W] to [N, out, H', W'].
    pub fn forward(&self, x: &Tensor) -> Torch<Tensor> {
        if self.groups > 1 && self.groups == self.weight.size()[0] && self.bias.is_none() {
            return shim::depthwise(x, &self.weight, self.stride, self.padding);
        }
        x.f_conv2d(&self.weight, self.bias.as_ref(), [self.stride], [self.padding], [1], self.groups)
    }

    /// torchvision's re-initialisation: normal by fan-out, bias 0.
    pub fn reinitialise(&mut self) -> Torch<()> {
        init::kaiming_normal_fan_out(&mut self.weight)?;
        self.bias.as_mut().map_or(Ok(()), |b| b.f_zero_().map(drop))
    }

    /// The same by fan-in: DenseNet's.
    pub fn reinitialise_fan_in(&mut self) -> Torch<()> {
        init::kaiming_normal_fan_in(&mut self.weight)
    }
}

/// Batch normalisation over [N, C, H, W].
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    spec: NormSpec,
    /// Normalises by the running statistics in training too, and leaves them alone.
    fixed: bool,
}

impl BatchNorm {
    /// Registers weight 1, bias 0, running mean 0 and variance 1; draws nothing. PyTorch's constants.
    pub fn new(store: &mut Store, name: &str, channels: i64) -> Torch<Self> {
        Self::with(store, name, channels, NormSpec::default())
    }

    /// The same with other constants. Where the store freezes it, it is fixed unless the store lets frozen norms move.
    pub fn with(store: &mut Store, name: &str, channels: i64, spec: NormSpec) -> Torch<Self> {
        let full = |value: f64| init::empty(&[channels])?.f_fill_(value);
        let weight = format!("{name}.weight");
        Ok(Self {
            fixed: store.fixes_norm(&weight),
            weight: store.parameter(&weight, full(1.0)?),
            bias: store.parameter(&format!("{name}.bias"), full(0.0)?),
            mean: store.buffer(&format!("{name}.running_mean"), full(0.0)?),
            variance: store.buffer(&format!("{name}.running_var"), full(1.0)?),
            spec,
        })
    }

    /// Normalises; in training by the batch's statistics, which then move the running ones.
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        x.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.mean),
            Some(&self.variance),
            train && !self.fixed,
            self.spec.momentum,
            self.spec.epsilon,
            true,
        )
    }
}

/// What stands behind a convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct After {
    /// Constants of the normalisation.
    pub norm: NormSpec,
    /// What follows it.
    pub activation: Activation,
}

impl After {
    /// PyTorch's normalisation and this activation.
    pub fn plain(activation: Activation) -> Self {
        Self { norm: NormSpec::default(), activation }
    }
}

/// Convolution without bias, batch normalisation and activation: torchvision's `Conv2dNormActivation`.
pub struct ConvNorm {
    /// The convolution.
    pub conv: Conv,
    norm: BatchNorm,
    activation: Activation,
}

impl ConvNorm {
    /// Registers `<name>.0.*` and `<name>.1.*`.
    pub fn new(store: &mut Store, name: &str, spec: ConvSpec, after: After) -> Torch<Self> {
        Self::named(store, &format!("{name}.0"), &format!("{name}.1"), spec, after)
    }

    /// Registers `<conv>.weight` and `<norm>.*`.
    pub fn named(store: &mut Store, conv: &str, norm: &str, spec: ConvSpec, after: After) -> Torch<Self> {
        let conv = Conv::new(store, conv, ConvSpec { bias: false, ..spec })?;
        Ok(Self { conv, norm: BatchNorm::with(store, norm, spec.output, after.norm)?, activation: after.activation })
    }

    /// [N, in, H, W] to [N, out, H', W'].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        self.activation.forward(self.norm.forward(&self.conv.forward(x)?, train)?)
    }
}

/// A fully connected layer.
pub struct Linear {
    /// [out, in].
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Tensor,
}

impl Linear {
    /// Registers `<name>.weight` and `<name>.bias` with PyTorch's draws.
    pub fn new(store: &mut Store, name: &str, input: i64, output: i64) -> Torch<Self> {
        let linear = Self::detached(input, output)?;
        let _ = store.parameter(&format!("{name}.weight"), linear.weight.shallow_clone());
        let _ = store.parameter(&format!("{name}.bias"), linear.bias.shallow_clone());
        Ok(linear)
    }

    /// The same draws, registered nowhere (a classifier that is built and thrown away).
    pub fn detached(input: i64, output: i64) -> Torch<Self> {
        let mut weight = init::empty(&[output, input])?;
        init::kaiming_uniform_default(&mut weight)?;
        let mut bias = init::empty(&[output])?;
        init::bias_default(&mut bias, &[output, input])?;
        Ok(Self { weight, bias })
    }

    /// [N, in] to [N, out].
    pub fn forward(&self, x: &Tensor) -> Torch<Tensor> {
        x.f_linear(&self.weight, Some(&self.bias))
    }
}

/// Mean over height and width: [N, C, H, W] to [N, C, 1, 1].
///
/// Sum, then division: the same numbers as libtorch's mean, but the gradient stays a broadcast of [N, C, 1, 1] in
/// place of a whole map.
pub fn spatial_mean(x: &Tensor) -> Torch<Tensor> {
    let (_, _, h, w) = x.size4()?;
    x.f_sum_dim_intlist([2i64, 3].as_slice(), true, None::<Kind>)?.f_div_scalar((h * w) as f64)
}

/// Stochastic depth in "row" mode: in training each sample keeps its row with probability 1 − p, then scaled by 1/(1 − p).
pub fn stochastic_depth(x: Tensor, p: f64, train: bool) -> Torch<Tensor> {
    if !train || p == 0.0 {
        return Ok(x);
    }
    let survival = 1.0 - p;
    let mut noise = Tensor::f_empty([x.size()[0], 1, 1, 1], (x.f_kind()?, x.device()))?;
    let _ = noise.f_bernoulli_float_(survival)?;
    let _ = noise.f_div_scalar_(survival)?;
    x.f_mul(&noise)
}
