//! Layers against PyTorch: initial values; and weights in files.
#![cfg(feature = "train")]

use pinfold::nn::backbone::FeatureNet;
use pinfold::nn::layers::{BatchNorm, Conv, ConvSpec, Linear};
use pinfold::nn::{BackboneKind, Store, init, store};
use serde_json::Value;
use tch::Kind;

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
