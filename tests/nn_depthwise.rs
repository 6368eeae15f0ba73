//! Our weight gradient of depthwise convolutions against libtorch's, and its independence of threads.
#![cfg(feature = "train")]

use pinfold::nn::{shim, store};
use tch::{Device, Kind, Tensor};

fn wave(n: i64, step: f64) -> Tensor {
    let v: Vec<f32> = (0..n).map(|i| ((i as f64) * step).sin() as f32).collect();
    Tensor::from_slice(&v)
}

struct Case {
    n: i64,
    c: i64,
    h: i64,
    w: i64,
    k: i64,
    stride: i64,
}

fn gradients(case: &Case, kind: Kind, own: bool) -> (Vec<f32>, Vec<f32>) {
    let Case { n, c, h, w, k, stride } = *case;
    let x = store::channels_last(&wave(n * c * h * w, 0.7).reshape([n, c, h, w]).to_kind(kind)).expect("layout").set_requires_grad(true);
    let weight = store::channels_last(&wave(c * k * k, 0.3).reshape([c, 1, k, k]).to_kind(kind)).expect("layout").set_requires_grad(true);
    let pad = (k - 1) / 2;
    let y = if own {
        shim::depthwise(&x, &weight, stride, pad).expect("forward")
    } else {
        x.conv2d(&weight, None::<Tensor>, [stride], [pad], [1], c)
    };
    let seed = wave(y.numel() as i64, 0.11).reshape(y.size()).to_kind(kind);
    (y * seed).sum(kind).backward();
    (store::values(&x.grad()).expect("gx"), store::values(&weight.grad()).expect("gw"))
}

#[test]
fn agrees_with_double_precision() {
    tch::set_num_threads(2);
    for (n, c, h, w, k, stride) in [
        (3, 16, 2, 2, 5, 1),
        (5, 32, 7, 9, 3, 1),
        (9, 48, 8, 8, 5, 2),
        (2, 16, 1, 4, 3, 2),
        (4, 16, 5, 5, 5, 1),
        (1, 16, 6, 3, 3, 1),
        (3, 24, 6, 6, 3, 1),
    ] {
        let case = Case { n, c, h, w, k, stride };
        let (gx, gw) = gradients(&case, Kind::Float, true);
        let (gx64, gw64) = gradients(&case, Kind::Double, false);
        for (a, b) in gx.iter().zip(&gx64).chain(gw.iter().zip(&gw64)) {
            assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{n} {c} {h} {w} {k} {stride}: {a} where {b} is due");
        }
        assert!(gw64.iter().any(|v| v.abs() > 0.1), "the case says something");
    }
}

#[test]
fn threads_change_nothing() {
    let case = Case { n: 13, c: 96, h: 9, w: 11, k: 5, stride: 2 };
    let run = |threads| {
        tch::set_num_threads(threads);
        gradients(&case, Kind::Float, true).1
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn nothing_is_kept_without_gradients() {
    let x = Tensor::ones([1, 16, 4, 4], (Kind::Float, Device::Cpu));
    let w = Tensor::ones([16, 1, 3, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let y = tch::no_grad(|| shim::depthwise(&x, &w, 1, 1)).expect("forward");
    assert!(!y.requires_grad());
    assert_eq!(y.double_value(&[0, 3, 1, 1]), 9.0);
    assert!(shim::depthwise(&x, &Tensor::ones([8, 1, 3, 3], (Kind::Float, Device::Cpu)), 1, 1).is_err());
}
