//! Networks against PyTorch: initial values, names, shapes, counts, features.
#![cfg(feature = "train")]

use pinfold::nn::backbone::FeatureNet;
use pinfold::nn::layers::{BatchNorm, Conv, ConvSpec, Linear};
use pinfold::nn::{BackboneKind, Head, Regressor, Store, init, store};
use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/torch_init.json")).expect("golden file")
}

fn numbers(v: &Value) -> Vec<f32> {
    v.as_array().expect("numbers").iter().map(|x| x.as_f64().expect("number") as f32).collect()
}

/// The murmur finaliser of acceptance case 6: uniform in [0, 1).
fn u(i: usize, k: u64) -> f64 {
    let mut h = (i as u64).wrapping_add(0x9e37_79b9 * (k + 1)) as u32;
    h ^= h >> 16;
    h = h.wrapping_mul(0x85eb_ca6b);
    h ^= h >> 13;
    h = h.wrapping_mul(0xc2b2_ae35);
    h ^= h >> 16;
    f64::from(h) / 4_294_967_296.0
}

#[test]
fn layers_draw_pytorchs_values() {
    let golden = golden();
    let module =
        |name: &str| golden["init"].as_array().expect("init").iter().find(|m| m["module"] == name).expect("module")["parameters"].clone();
    let _generator = init::generator();
    let check = |store: &Store, prefix: &str, due: &Value| {
        for (name, tensor) in due.as_object().expect("parameters") {
            if name == "num_batches_tracked" {
                continue;
            }
            let full = format!("{prefix}{name}");
            let entry = store.entries().iter().find(|e| e.name == full).unwrap_or_else(|| panic!("{full} is registered"));
            assert_eq!(store::values(&entry.tensor).expect("values"), numbers(&tensor["data"]), "{full}");
        }
    };
    let conv = |input, output, groups| ConvSpec { input, output, kernel: 3, stride: 1, groups, bias: true };

    tch::manual_seed(0);
    let mut s = Store::new();
    Linear::new(&mut s, "l", 5, 3).expect("linear");
    check(&s, "l.", &module("Linear(5,3)"));
    for (name, spec) in [("Conv2d(3,2,3)", conv(3, 2, 1)), ("Conv2d(4,4,3,groups=2)", conv(4, 4, 2))] {
        tch::manual_seed(0);
        let mut s = Store::new();
        Conv::new(&mut s, "c", spec).expect("conv");
        check(&s, "c.", &module(name));
    }
    let mut s = Store::new();
    BatchNorm::new(&mut s, "b", 3).expect("norm");
    check(&s, "b.", &module("BatchNorm2d(3)"));
    tch::manual_seed(0);
    let mut s = Store::new();
    Linear::new(&mut s, "0", 4, 3).expect("linear");
    Linear::new(&mut s, "2", 3, 2).expect("linear");
    check(&s, "", &module("Sequential(Linear(4,3),ReLU,Linear(3,2))"));

    for case in golden["init_functions"].as_array().expect("functions") {
        tch::manual_seed(0);
        let mut w = init::empty(&[3, 2, 3, 3]).expect("tensor");
        match case["init"].as_str().expect("name") {
            "kaiming_normal_fan_out_relu" => init::kaiming_normal_fan_out(&mut w),
            "kaiming_uniform_a_sqrt5" => init::kaiming_uniform_default(&mut w),
            "xavier_uniform" => init::xavier_uniform(&mut w),
            "normal_0_0p01" => init::normal(&mut w, 0.01),
            other => panic!("{other}"),
        }
        .expect("draw");
        assert_eq!(store::values(&w).expect("values")[..24], numbers(&case["values"]), "{}", case["init"]);
    }
}

/// Section 2.4 of spec/liver-single-patch.md: the head's values after the whole backbone has been drawn.
#[test]
fn the_head_after_efficientnet_is_pytorchs() {
    let head = Head { hidden: 3000, dropout: 0.5, outputs: 3467 };
    let net = Regressor::new(BackboneKind::EfficientNetB0, head, 42, Device::Cpu).expect("network");
    let first = |name: &str, n: usize| {
        let entry = net.store.entries().iter().find(|e| e.name == name).expect("registered");
        store::values(&entry.tensor).expect("values")[..n].to_vec()
    };
    let near = |got: Vec<f32>, due: &[f64]| {
        for (a, b) in got.iter().zip(due) {
            assert!((f64::from(*a) - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} where {b} is due");
        }
    };
    near(first("hidden.weight", 4), &[-0.0167597607, 0.0278034359, 0.00451463787, -0.0204710774]);
    near(first("hidden.bias", 2), &[0.0030893879, -0.020310441]);
    near(first("regressor.weight", 2), &[0.00518938852, -0.0039698584]);
    near(first("regressor.bias", 2), &[0.012825788, -0.0107179759]);
    assert_eq!(net.store.parameter_count(), 18_255_015);
}

/// Acceptance case 5.
#[test]
fn parameters_are_as_many_as_torchvisions() {
    let count = |hidden| {
        let head = Head { hidden, dropout: 0.0, outputs: 3467 };
        Regressor::new(BackboneKind::EfficientNetB0, head, 1, Device::Cpu).expect("network").store.parameter_count()
    };
    assert_eq!((count(1024), count(4096)), (8_872_967, 23_458_823));
    let net = FeatureNet::new(BackboneKind::EfficientNetB0, Kind::Float).expect("network");
    assert_eq!(net.store.parameter_count(), 4_007_548);
    assert_eq!(net.store.entries().iter().filter(|e| e.trainable).count(), 211);
    assert_eq!(net.store.entries().len(), 309, "309 tensors without num_batches_tracked");
    let buffers: usize = net.store.entries().iter().filter(|e| !e.trainable).map(|e| e.tensor.numel()).sum();
    assert_eq!(buffers + 49, 42_065, "with one num_batches_tracked a layer");
    let tiny = FeatureNet::new(BackboneKind::TinyCnn, Kind::Float).expect("network");
    assert_eq!(tiny.store.parameter_count(), 1_416);
}

fn filled(kind: Kind) -> FeatureNet {
    let net = FeatureNet::new(BackboneKind::EfficientNetB0, kind).expect("network");
    for (k, entry) in net.store.entries().iter().enumerate() {
        let shape = entry.tensor.size();
        let n = entry.tensor.numel();
        let values: Vec<f64> = if shape.len() >= 2 {
            let scale = (6.0 / (n as f64 / shape[0] as f64)).sqrt();
            (0..n).map(|i| (2.0 * u(i, k as u64) - 1.0) * scale).collect()
        } else {
            let conv_bias = entry.name.contains(".fc");
            let one = !conv_bias && (entry.name.ends_with(".weight") || entry.name.ends_with("running_var"));
            vec![f64::from(u8::from(one)); n]
        };
        let values = Tensor::from_slice(&values).reshape(shape).to_kind(kind);
        no_grad(|| entry.tensor.shallow_clone().copy_(&values));
    }
    net
}

/// Acceptance case 6.
#[test]
fn features_of_filled_weights_are_torchvisions() {
    let due: [f64; 4] = [0.5733975801, 0.5883937727, 0.7041337329, 0.9277629151];
    assert!(due.iter().enumerate().all(|(i, v)| (u(i, 0) - v).abs() < 1e-10));
    let input: Vec<f64> = (0..3 * 64 * 64).map(|i| 2.0 * u(i, 999) - 1.0).collect();
    for (kind, tolerance) in [(Kind::Double, 1e-8f64), (Kind::Float, 1e-5)] {
        let x = store::channels_last(&Tensor::from_slice(&input).reshape([1, 3, 64, 64]).to_kind(kind)).expect("layout");
        let y = filled(kind).features(&x).expect("forward").to_kind(Kind::Double);
        assert_eq!(y.size(), [1, 1280]);
        let y = Vec::<f64>::try_from(y.flatten(0, 1)).expect("values");
        let norm = y.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mean = y.iter().sum::<f64>() / 1280.0;
        let due = [2.62302063e-5, 3.66157465e-6, -1.9600296e-6, 5.94886834e-5];
        assert!((norm / 0.0029112893 - 1.0).abs() < tolerance, "{kind:?}: norm {norm}");
        assert!((mean + 4.54388865e-6).abs() < tolerance * norm, "{kind:?}: mean {mean}");
        let off = y.iter().zip(due).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        assert!(off < tolerance * norm, "{kind:?}: off by {off}");
    }
}

#[test]
fn weights_travel_through_files_and_misfits_are_named() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("w.safetensors");
    let net = FeatureNet::new(BackboneKind::TinyCnn, Kind::Float).expect("network");
    let digest = net.store.write(&path).expect("write");
    let again = FeatureNet::open(BackboneKind::TinyCnn, &path).expect("open");
    let images: Vec<f32> = (0..2 * 3 * 8 * 8).map(|i| u(i, 5) as f32).collect();
    let shape = [2, 3, 8, 8];
    assert_eq!(net.features_of(&images, shape, 2).expect("features"), again.features_of(&images, shape, 2).expect("features"));
    assert_eq!(again.store.write(&dir.path().join("again.safetensors")).expect("write"), digest, "equal weights, equal bytes");

    let wrong = FeatureNet::open(BackboneKind::EfficientNetB0, &path).err().expect("must not fit").to_string();
    assert!(wrong.contains("of shape [8, 3, 3, 3] where [32, 3, 3, 3] is due: features.0.0.weight"), "{wrong}");
    assert!(wrong.contains("and 3") || wrong.contains("more"), "{wrong}");
    let mut other = pinfold::base::arrays::ArraysWriter::new();
    net.store.write_into(&mut other, "").expect("write");
    other.f32s("classifier.1.bias", &[2], &[0.0, 1.0]).i64s("features.0.1.num_batches_tracked", &[], &[7]);
    other.write(&path).expect("write");
    FeatureNet::open(BackboneKind::TinyCnn, &path).expect("a classifier and a counter may be there");
    other.f32s("features.9.weight", &[1], &[0.0]);
    other.write(&path).expect("write");
    let wrong = FeatureNet::open(BackboneKind::TinyCnn, &path).err().expect("must not fit").to_string();
    assert!(wrong.contains("not of this network: features.9.weight"), "{wrong}");
}
