//! The table of operations: what the networks, the loss, the optimiser and the draws use, and what networks to come
//! are likely to use. Shapes of convolutions are EfficientNet-B0's, on maps of a patch of 64 pixels, and some of each other
//! network's, at 32.

use super::operations::{Case, differentiable, laid_out, numbers, plain};
use pinfold::nn::layers::spatial_mean;
use pinfold::nn::{Store, Torch, bleep, init, shim};
use pinfold::protocol::schema::Optimiser;
use pinfold::train::optimiser;
use tch::{Kind, Reduction, Tensor};

/// Input channels, output channels, kernel, stride, side of the map; with a bias or not.
const DENSE: &[(i64, i64, i64, i64, i64, bool)] = &[
    // tiny_cnn, and EfficientNet's stem.
    (3, 8, 3, 2, 32, false),
    (8, 16, 3, 2, 16, false),
    (3, 32, 3, 2, 64, false),
    // Expansion.
    (16, 96, 1, 1, 32, false),
    (24, 144, 1, 1, 16, false),
    (40, 240, 1, 1, 8, false),
    (80, 480, 1, 1, 4, false),
    (112, 672, 1, 1, 4, false),
    (192, 1152, 1, 1, 2, false),
    // Projection.
    (32, 16, 1, 1, 32, false),
    (96, 24, 1, 1, 16, false),
    (144, 24, 1, 1, 16, false),
    (144, 40, 1, 1, 8, false),
    (240, 40, 1, 1, 8, false),
    (240, 80, 1, 1, 4, false),
    (480, 80, 1, 1, 4, false),
    (480, 112, 1, 1, 4, false),
    (672, 112, 1, 1, 4, false),
    (672, 192, 1, 1, 2, false),
    (1152, 192, 1, 1, 2, false),
    (1152, 320, 1, 1, 2, false),
    (320, 1280, 1, 1, 2, false),
    // Squeeze and excitation.
    (32, 8, 1, 1, 1, true),
    (8, 32, 1, 1, 1, true),
    (96, 4, 1, 1, 1, true),
    (4, 96, 1, 1, 1, true),
    (144, 6, 1, 1, 1, true),
    (6, 144, 1, 1, 1, true),
    (240, 10, 1, 1, 1, true),
    (10, 240, 1, 1, 1, true),
    (480, 20, 1, 1, 1, true),
    (20, 480, 1, 1, 1, true),
    (672, 28, 1, 1, 1, true),
    (28, 672, 1, 1, 1, true),
    (1152, 48, 1, 1, 1, true),
    (48, 1152, 1, 1, 1, true),
    // ResNet's and DenseNet's stem and inner convolutions; a network to come: a vision transformer's patches.
    (3, 64, 7, 2, 32, false),
    (64, 64, 3, 1, 8, false),
    (128, 32, 3, 1, 8, false),
    (3, 192, 16, 16, 32, true),
    (64, 128, 1, 2, 8, false),
    (256, 512, 1, 2, 4, false),
    (512, 128, 1, 1, 4, false),
    (256, 512, 3, 2, 2, false),
    (512, 512, 3, 1, 1, false),
    (992, 128, 1, 1, 1, false),
    // MobileNetV2's and EfficientNet-B7's, where they are not B0's.
    (160, 960, 1, 1, 1, false),
    (224, 1344, 1, 1, 2, false),
    (640, 2560, 1, 1, 1, false),
    // HEVisum's stem, residual blocks and shortcuts, on a tile and on subtiles.
    (3, 32, 3, 1, 26, true),
    (32, 64, 3, 1, 39, true),
    (64, 64, 3, 1, 13, true),
    (64, 128, 1, 1, 19, true),
    (128, 128, 3, 1, 6, true),
    (128, 256, 3, 1, 9, true),
];

/// Channels, kernel, stride, side of the map. Through our own weight gradient.
const DEPTHWISE: &[(i64, i64, i64, i64)] = &[
    (32, 3, 1, 32),
    (96, 3, 2, 32),
    (144, 3, 1, 16),
    (144, 5, 2, 16),
    (240, 5, 1, 8),
    (240, 3, 2, 8),
    (480, 3, 1, 4),
    (480, 5, 1, 4),
    (672, 5, 1, 4),
    (672, 5, 2, 4),
    (1152, 5, 1, 2),
    (1152, 3, 1, 2),
    (384, 3, 1, 2),
    (960, 3, 2, 2),
    (288, 5, 2, 8),
];

/// Begins the names of the cases that ask for the gradient of an image.
pub const IMAGE_GRADIENT: &str = "image gradient";

/// An odd number of images: no vector of lanes is filled by it.
const BATCH: i64 = 3;

/// The same with how much work it is.
fn weighed(case: Case, batch: i64, channels: i64, kernel: i64, side: i64) -> Case {
    Case { work: batch * channels * kernel * kernel * side * side, ..case }
}

fn convolutions(out: &mut Vec<Case>) -> Torch<()> {
    for &(from, to, k, s, side, bias) in DENSE {
        let mut inputs = vec![laid_out(1, &[BATCH, from, side, side])?, laid_out(2, &[to, from, k, k])?];
        if bias {
            inputs.push(numbers(3, &[to])?);
        }
        if from == 3 {
            let image = inputs.remove(0);
            let name = format!("convolution {k}x{k} stride {s}, {from} to {to} at {side} px, of images");
            let pad = if s == k { 0 } else { (k - 1) / 2 };
            let case = differentiable(name, inputs, move |t| image.f_conv2d(&t[0], t.get(1), [s], [pad], [1], 1));
            out.push(weighed(case, BATCH, from * to, k, side / s));
            continue;
        }
        let pad = if s == k { 0 } else { (k - 1) / 2 };
        let with = if bias { ", bias" } else { "" };
        let name = format!("convolution {k}x{k} stride {s}, {from} to {to} at {side} px{with}");
        let case = differentiable(name, inputs, move |t| t[0].f_conv2d(&t[1], t.get(2), [s], [pad], [1], 1));
        out.push(weighed(case, BATCH, from * to, k, side / s));
    }
    // Nothing asks for the gradient of an image; it is here because it does differ.
    for side in [40, 56] {
        let inputs = vec![laid_out(1, &[BATCH, 3, side, side])?, laid_out(2, &[32, 3, 3, 3])?];
        let name = format!("{IMAGE_GRADIENT}, convolution 3x3 stride 2, 3 to 32 at {side} px");
        out.push(differentiable(name, inputs, |t| t[0].f_conv2d(&t[1], None::<Tensor>, [2], [1], [1], 1)));
    }
    // The backward pass of strided convolutions: the kernel that makes the gradient of an image differ serves these too.
    for (batch, from, to, side) in [(3, 8, 16, 28), (3, 8, 16, 32), (8, 8, 16, 32), (8, 8, 16, 112), (3, 64, 128, 14), (3, 64, 128, 28)] {
        let inputs = vec![laid_out(1, &[batch, from, side, side])?, laid_out(2, &[to, from, 3, 3])?];
        let name = format!("convolution 3x3 stride 2, {from} to {to} at {side} px, {batch} images");
        let case = differentiable(name, inputs, |t| t[0].f_conv2d(&t[1], None::<Tensor>, [2], [1], [1], 1));
        out.push(weighed(case, batch, from * to, 3, side / 2));
    }
    // libtorch takes another kernel for one small image: the last batch of an evaluation.
    for (from, to, k, side) in [(8, 16, 3, 16), (112, 672, 1, 4), (320, 1280, 1, 2)] {
        let inputs = vec![laid_out(1, &[1, from, side, side])?, laid_out(2, &[to, from, k, k])?];
        let name = format!("convolution {k}x{k}, {from} to {to} at {side} px, one image");
        out.push(differentiable(name, inputs, move |t| t[0].f_conv2d(&t[1], None::<Tensor>, [1], [(k - 1) / 2], [1], 1)));
    }
    for &(channels, k, s, side) in DEPTHWISE {
        let inputs = vec![laid_out(1, &[BATCH, channels, side, side])?, laid_out(2, &[channels, 1, k, k])?];
        let name = format!("depthwise {k}x{k} stride {s}, {channels} at {side} px");
        out.push(differentiable(name, inputs, move |t| shim::depthwise(&t[0], &t[1], s, (k - 1) / 2)));
    }
    Ok(())
}

fn layers(out: &mut Vec<Case>) -> Torch<()> {
    let maps = || laid_out(1, &[BATCH, 40, 8, 8]);
    for (train, name) in [(true, "batch norm, training"), (false, "batch norm, evaluation")] {
        let (mean, variance) = (numbers(4, &[40])?, numbers(5, &[40])?.f_abs()?.f_add_scalar(0.5)?);
        out.push(differentiable(name, vec![maps()?, numbers(2, &[40])?, numbers(3, &[40])?], move |t| {
            let (mean, variance) = (mean.f_detach_copy()?, variance.f_detach_copy()?);
            let y = t[0].f_batch_norm(Some(&t[1]), Some(&t[2]), Some(&mean), Some(&variance), train, 0.1, 1e-5, true)?;
            // The running statistics that the pass moved count too.
            let moved = Tensor::f_cat(&[mean, variance], 0)?.f_reshape([1, 80, 1, 1])?.f_expand([BATCH, 80, 8, 8], false)?;
            Tensor::f_cat(&[y, moved], 1)
        }));
    }
    out.push(differentiable("spatial mean (sum and division)", vec![maps()?], |t| spatial_mean(&t[0])));
    out.push(differentiable("adaptive average pool to 1x1", vec![maps()?], |t| t[0].f_adaptive_avg_pool2d([1, 1])));
    out.push(differentiable("average pool 2x2", vec![maps()?], |t| t[0].f_avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)));
    out.push(differentiable("max pool 3x3 stride 2", vec![maps()?], |t| t[0].f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)));
    for side in [39, 19, 13] {
        let name = format!("max pool 2x2 at {side} px");
        let maps = laid_out(1, &[BATCH, 32, side, side])?;
        out.push(differentiable(name, vec![maps], |t| t[0].f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)));
    }
    for side in [9, 6] {
        let maps = laid_out(1, &[BATCH, 32, side, side])?;
        out.push(differentiable(format!("average pool 3x3 at {side} px"), vec![maps], |t| {
            t[0].f_avg_pool2d([3, 3], [3, 3], [0, 0], false, true, None)
        }));
    }
    out.push(differentiable("mean over nine subtiles (sum and division)", vec![numbers(1, &[9, BATCH, 179])?], |t| {
        t[0].f_sum_dim_intlist([0i64].as_slice(), false, None::<Kind>)?.f_div_scalar(9.0)
    }));
    out.push(differentiable(
        "batch norm of vectors, training",
        vec![numbers(1, &[22, 256])?, numbers(2, &[256])?, numbers(3, &[256])?],
        |t| {
            let (mean, variance) =
                (Tensor::f_zeros([256], (Kind::Float, tch::Device::Cpu))?, Tensor::f_ones([256], (Kind::Float, tch::Device::Cpu))?);
            t[0].f_batch_norm(Some(&t[1]), Some(&t[2]), Some(&mean), Some(&variance), true, 0.1, 1e-5, true)
        },
    ));
    out.push(differentiable("bilinear upsampling, 8 to 13 px", vec![maps()?], |t| t[0].f_upsample_bilinear2d([13, 13], false, None, None)));
    out.push(differentiable("scaling of channels", vec![numbers(2, &[BATCH, 40, 1, 1])?, maps()?], |t| t[0].f_mul(&t[1])));
    out.push(differentiable("residual addition", vec![maps()?, laid_out(2, &[BATCH, 40, 8, 8])?], |t| t[0].f_add(&t[1])));
    out.push(differentiable("concatenation", vec![maps()?, laid_out(2, &[BATCH, 24, 8, 8])?], |t| Tensor::f_cat(t, 1)));
    out.push(differentiable("dropout 0.4", vec![numbers(1, &[BATCH, 1283])?], |t| t[0].f_dropout(0.4, true)));
    out.push(differentiable("stochastic depth 0.2", vec![maps()?], |t| {
        pinfold::nn::layers::stochastic_depth(t[0].shallow_clone(), 0.2, true)
    }));
    for (from, to) in [(1280, 512), (512, 250), (16, 12), (1280, 3000), (2560, 512), (210, 512), (64, 35)] {
        let inputs = vec![numbers(1, &[BATCH, from])?, numbers(2, &[to, from])?, numbers(3, &[to])?];
        out.push(differentiable(format!("linear {from} to {to}"), inputs, |t| t[0].f_linear(&t[1], Some(&t[2]))));
    }
    out.push(differentiable("matrix product 37x101x53", vec![numbers(1, &[37, 101])?, numbers(2, &[101, 53])?], |t| t[0].f_matmul(&t[1])));
    out.push(differentiable("batched product 6 of 17x32x17", vec![numbers(1, &[6, 17, 32])?, numbers(2, &[6, 32, 17])?], |t| {
        t[0].f_bmm(&t[1])
    }));
    let heads = |seed| numbers(seed, &[2, 3, 17, 32]);
    out.push(differentiable("attention 2x3 heads of 17x32", vec![heads(1)?, heads(2)?, heads(3)?], |t| {
        t[0].f_matmul(&t[1].f_transpose(-2, -1)?)?.f_mul_scalar(32f64.powf(-0.5))?.f_softmax(-1, Kind::Float)?.f_matmul(&t[2])
    }));
    out.push(differentiable("layer norm over 193", vec![numbers(1, &[BATCH, 7, 193])?, numbers(2, &[193])?, numbers(3, &[193])?], |t| {
        t[0].f_layer_norm([193], Some(&t[1]), Some(&t[2]), 1e-6, true)
    }));
    let pair = || Ok::<_, tch::TchError>(vec![numbers(1, &[BATCH, 251])?, numbers(2, &[BATCH, 251])?]);
    out.push(differentiable("mean squared error", pair()?, |t| t[0].f_mse_loss(&t[1], Reduction::Mean)));
    out.push(differentiable("squared error, sum", pair()?, |t| t[0].f_mse_loss(&t[1], Reduction::Sum)));
    let embedded = || Ok::<_, tch::TchError>(vec![numbers(1, &[BATCH, 64])?, numbers(2, &[BATCH, 64])?]);
    out.push(differentiable("BLEEP's loss", embedded()?, |t| {
        let (spots, images) = bleep::losses(&t[0], &t[1], 1.0)?;
        spots.f_add(&images)
    }));
    out.push(differentiable("L1 loss", pair()?, |t| t[0].f_l1_loss(&t[1], Reduction::Mean)));
    out.push(differentiable("smooth L1 loss", pair()?, |t| t[0].f_smooth_l1_loss(&t[1], Reduction::Mean, 1.0)));
    Ok(())
}

type One = fn(&Tensor) -> Torch<Tensor>;

fn functions(out: &mut Vec<Case>) -> Torch<()> {
    let signed: [(&str, One); 12] = [
        ("SiLU", |x| x.f_silu()),
        ("leaky ReLU", |x| x.f_leaky_relu()),
        ("sigmoid", |x| x.f_sigmoid()),
        ("ReLU", |x| x.f_relu()),
        ("ReLU6", |x| x.f_relu6()),
        ("GELU", |x| x.f_gelu("none")),
        ("GELU, tanh", |x| x.f_gelu("tanh")),
        ("tanh", |x| x.f_tanh()),
        ("exp", |x| x.f_exp()),
        ("erf", |x| x.f_erf()),
        ("softmax over 1003", |x| x.f_softmax(-1, Kind::Float)),
        ("logarithm of softmax over 1003", |x| x.f_log_softmax(-1, Kind::Float)),
    ];
    for (name, f) in signed {
        out.push(differentiable(name, vec![numbers(1, &[BATCH, 1003])?.f_mul_scalar(4.0)?], move |t| f(&t[0])));
    }
    let positive: [(&str, One); 5] = [
        ("log", |x| x.f_log()),
        ("log1p", |x| x.f_log1p()),
        ("reciprocal", |x| x.f_reciprocal()),
        ("reciprocal root", |x| x.f_rsqrt()),
        ("root (tensor sqrt)", |x| x.f_sqrt()),
    ];
    for (name, f) in positive {
        let x = numbers(1, &[BATCH, 1003])?.f_add_scalar(1.001)?.f_mul_scalar(3.0)?;
        out.push(differentiable(name, vec![x], move |t| f(&t[0])));
    }
    Ok(())
}

fn draws_and_optimiser(out: &mut Vec<Case>) -> Torch<()> {
    let shape = [33, 7, 3, 3];
    out.push(plain("normal draws", vec![], |_| Tensor::f_randn([10_007], (Kind::Float, tch::Device::Cpu))));
    out.push(plain("uniform draws", vec![], |_| Tensor::f_rand([10_007], (Kind::Float, tch::Device::Cpu))));
    type Draw = fn(&mut Tensor) -> Torch<()>;
    let ways: [(&str, Draw); 3] = [
        ("Kaiming uniform", init::kaiming_uniform_default),
        ("Kaiming normal by fan-out", init::kaiming_normal_fan_out),
        ("Xavier uniform", init::xavier_uniform),
    ];
    for (name, draw) in ways {
        out.push(plain(name, vec![], move |_| {
            let mut w = init::empty(&shape)?;
            draw(&mut w)?;
            Ok(w)
        }));
    }
    let inputs = vec![numbers(1, &[4099])?, numbers(2, &[4099])?, numbers(3, &[4099])?.f_mul_scalar(0.1)?, numbers(4, &[4099])?.f_abs()?];
    out.push(plain("Adam, fused, two steps", inputs, |t| {
        let p = t[0].f_detach_copy()?.f_set_requires_grad(true)?;
        let (m, v) = (t[2].f_detach_copy()?, t[3].f_detach_copy()?);
        p.f_mul(&t[1])?.f_sum(Kind::Float)?.f_backward()?;
        for step in 1..=2 {
            let numbers = shim::AdamStep { step, rate: 0.01, betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 0.01 };
            let one = |t: &Tensor| vec![t.shallow_clone()];
            shim::fused_adam(&one(&p), &one(&m), &one(&v), numbers)?;
        }
        Tensor::f_cat(&[p.f_detach()?, m, v], 0)
    }));
    for (name, kind) in [("AdamW, two steps", Optimiser::Adamw), ("descent with momentum, two steps", Optimiser::Sgd)] {
        out.push(plain(name, vec![numbers(1, &[4099])?, numbers(2, &[4099])?], move |t| {
            let mut store = Store::new();
            let p = store.parameter("p", t[0].f_detach_copy()?);
            let _ = p.f_set_requires_grad(true)?;
            let mut optimiser = optimiser::of(kind, &store, 0.01).expect("optimiser");
            p.f_mul(&t[1])?.f_sum(Kind::Float)?.f_backward()?;
            optimiser.step(0.01)?;
            optimiser.step(0.01)?;
            p.f_detach()
        }));
    }
    Ok(())
}

/// All cases, in the table's order.
pub fn all() -> Torch<Vec<Case>> {
    let mut out = Vec::new();
    convolutions(&mut out)?;
    layers(&mut out)?;
    functions(&mut out)?;
    draws_and_optimiser(&mut out)?;
    Ok(out)
}
