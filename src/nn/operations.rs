//! The operations that a `portable` training may use, and those that each network does use.
//!
//! Names are libtorch's own, as its recorder gives them ([`super::shim::recorded`]), inner operations included. Every
//! name of [`PORTABLE`] stands for a calculation that was run natively and on emulated Intel Haswell, Intel Skylake and
//! AMD Rome processors with equal bytes (docs/determinism.md); `tests/determinism_portable.rs` does it again, and also
//! records real trainings and holds the lists of the networks against what was recorded.

use super::backbone::Kind;

/// Operations that set memory aside, name, copy, fill or rearrange numbers, and calculate nothing.
pub const MOVES: &[&str] = &[
    "aten::_has_compatible_shallow_copy_type",
    "aten::_local_scalar_dense",
    "aten::_nnpack_available",
    "aten::_reshape_alias",
    "aten::_to_copy",
    "aten::_unsafe_view",
    "aten::as_strided",
    "aten::as_strided_",
    "aten::cat",
    "aten::clone",
    "aten::contiguous",
    "aten::copy_",
    "aten::detach",
    "aten::detach_copy",
    "aten::empty",
    "aten::empty_like",
    "aten::empty_strided",
    "aten::expand",
    "aten::fill_",
    "aten::flatten",
    "aten::full",
    "aten::item",
    "aten::narrow",
    "aten::new_empty",
    "aten::new_empty_strided",
    "aten::new_zeros",
    "aten::ones",
    "aten::ones_like",
    "aten::permute",
    "aten::reshape",
    "aten::resize_",
    "aten::resize_as_",
    "aten::resolve_conj",
    "aten::result_type",
    "aten::slice",
    "aten::squeeze",
    "aten::t",
    "aten::to",
    "aten::transpose",
    "aten::unsqueeze",
    "aten::view",
    "aten::zero_",
    "aten::zeros",
    "aten::zeros_like",
];

/// Operations proven to give the same bytes on every x86-64 processor with AVX2, under the pins of the class `portable`.
pub const PORTABLE: &[&str] = &[
    "aten::_batch_norm_impl_index",
    "aten::_convolution",
    "aten::_fused_adam_",
    "aten::_log_softmax",
    "aten::_log_softmax_backward_data",
    "aten::_slow_conv2d_forward",
    "aten::_softmax",
    "aten::_softmax_backward_data",
    "aten::_slow_conv2d_backward",
    "aten::abs",
    "aten::adaptive_avg_pool2d",
    "aten::add",
    "aten::add_",
    "aten::addmm",
    "aten::avg_pool2d",
    "aten::avg_pool2d_backward",
    "aten::batch_norm",
    "aten::bernoulli_",
    "aten::bmm",
    "aten::clamp",
    "aten::clamp_min",
    "aten::conv2d",
    "aten::convolution",
    "aten::convolution_backward",
    "aten::div",
    "aten::div_",
    "aten::dropout",
    "aten::erf",
    "aten::exp",
    "aten::gelu",
    "aten::gelu_backward",
    "aten::hardtanh",
    "aten::hardtanh_backward",
    "aten::l1_loss",
    "aten::layer_norm",
    "aten::leaky_relu",
    "aten::leaky_relu_backward",
    "aten::linear",
    "aten::log",
    "aten::log1p",
    "aten::log_softmax",
    "aten::matmul",
    "aten::max_pool2d",
    "aten::max_pool2d_with_indices",
    "aten::max_pool2d_with_indices_backward",
    "aten::mean",
    "aten::mkldnn_convolution",
    "aten::mm",
    "aten::mse_loss",
    "aten::mse_loss_backward",
    "aten::mul",
    "aten::mul_",
    "aten::native_batch_norm",
    "aten::native_batch_norm_backward",
    "aten::native_layer_norm",
    "aten::native_layer_norm_backward",
    "aten::neg",
    "aten::normal_",
    "aten::pow",
    "aten::rand",
    "aten::randn",
    "aten::reciprocal",
    "aten::relu",
    "aten::relu6",
    "aten::rsqrt",
    "aten::sgn",
    "aten::sigmoid",
    "aten::sigmoid_backward",
    "aten::silu",
    "aten::silu_backward",
    "aten::smooth_l1_loss",
    "aten::smooth_l1_loss_backward",
    "aten::softmax",
    "aten::sub",
    "aten::sub_",
    "aten::sum",
    "aten::tanh",
    "aten::tanh_backward",
    "aten::thnn_conv2d",
    "aten::threshold_backward",
    "aten::uniform_",
    "aten::upsample_bilinear2d",
    "aten::upsample_bilinear2d_backward",
    "pinfold::depthwise_weight_gradient",
];

/// What every training and prediction uses besides backbone, head and optimiser.
pub const TRAINING: &[&str] = &[
    "aten::addmm",
    "aten::bernoulli_",
    "aten::div_",
    "aten::dropout",
    "aten::linear",
    "aten::mean",
    "aten::mm",
    "aten::mul",
    "aten::sum",
    "aten::uniform_",
];

/// A regressor's loss.
pub const REGRESSION: &[&str] = &["aten::mse_loss", "aten::mse_loss_backward"];

/// The hidden layer of a head.
pub const HIDDEN: &[&str] = RELU;

/// A meta-model's layers.
pub const STACKING: &[&str] = &[
    "aten::_batch_norm_impl_index",
    "aten::batch_norm",
    "aten::leaky_relu",
    "aten::leaky_relu_backward",
    "aten::native_batch_norm",
    "aten::native_batch_norm_backward",
];

/// BLEEP's projections and its loss.
pub const BLEEP: &[&str] = &[
    "aten::_log_softmax",
    "aten::_log_softmax_backward_data",
    "aten::_softmax",
    "aten::_softmax_backward_data",
    "aten::add",
    "aten::add_",
    "aten::div",
    "aten::gelu",
    "aten::gelu_backward",
    "aten::layer_norm",
    "aten::log_softmax",
    "aten::matmul",
    "aten::native_layer_norm",
    "aten::native_layer_norm_backward",
    "aten::neg",
    "aten::softmax",
];

/// Adam.
pub const ADAM: &[&str] = &["aten::_fused_adam_"];
/// AdamW.
pub const ADAMW: &[&str] = &["aten::_fused_adam_", "aten::mul_"];
/// Descent with momentum.
pub const SGD: &[&str] = &["aten::add", "aten::add_", "aten::mul_", "aten::sub_"];

/// What convolutions with normalisation use, initial draws, forward and backward.
const CONVOLUTION: &[&str] = &[
    "aten::_batch_norm_impl_index",
    "aten::_convolution",
    "aten::_slow_conv2d_forward",
    "aten::batch_norm",
    "aten::conv2d",
    "aten::convolution",
    "aten::convolution_backward",
    "aten::div",
    "aten::mkldnn_convolution",
    "aten::native_batch_norm",
    "aten::native_batch_norm_backward",
    "aten::thnn_conv2d",
];
/// The initial draws of torchvision's backbones; the others draw uniformly.
const NORMAL: &[&str] = &["aten::normal_"];
const SILU: &[&str] = &["aten::silu", "aten::silu_backward"];
const RELU: &[&str] = &["aten::clamp_min", "aten::relu", "aten::threshold_backward"];
const RELU6: &[&str] = &["aten::clamp", "aten::hardtanh", "aten::hardtanh_backward", "aten::relu6"];
const LEAKY_RELU: &[&str] = &["aten::leaky_relu", "aten::leaky_relu_backward"];
const SIGMOID: &[&str] = &["aten::sigmoid", "aten::sigmoid_backward"];
const ADDITION: &[&str] = &["aten::add", "aten::add_"];
const DEPTHWISE: &[&str] = &["pinfold::depthwise_weight_gradient"];
const MAX_POOL: &[&str] = &["aten::max_pool2d", "aten::max_pool2d_with_indices", "aten::max_pool2d_with_indices_backward"];
const AVERAGE_POOL: &[&str] = &["aten::avg_pool2d", "aten::avg_pool2d_backward"];

impl Kind {
    /// The calculations of this backbone, initial draws, forward and backward pass; sorted, each once.
    pub fn operations(self) -> Vec<&'static str> {
        let parts: &[&[&str]] = match self {
            Self::EfficientNetB0 | Self::EfficientNetB7 => &[CONVOLUTION, NORMAL, SILU, SIGMOID, ADDITION, DEPTHWISE],
            Self::Resnet18 | Self::Resnet50 => &[CONVOLUTION, NORMAL, RELU, ADDITION, MAX_POOL],
            Self::Densenet121 => &[CONVOLUTION, NORMAL, RELU, &["aten::add"], MAX_POOL, AVERAGE_POOL],
            Self::MobilenetV2 => &[CONVOLUTION, NORMAL, RELU6, ADDITION, DEPTHWISE],
            Self::TinyCnn => &[CONVOLUTION, NORMAL, SILU],
            Self::VisionMlp => &[CONVOLUTION, SILU, LEAKY_RELU, ADDITION, MAX_POOL, AVERAGE_POOL],
        };
        let mut all = parts.concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// All calculations of a training and a prediction with this backbone, but for those of its head and its optimiser.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static str> {
    kind.operations().into_iter().chain(TRAINING.iter().copied())
}

/// Those of some operations that are not proven portable.
pub fn unproven<'a>(operations: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    operations.into_iter().filter(|o| !MOVES.contains(o) && !PORTABLE.contains(o)).collect()
}
