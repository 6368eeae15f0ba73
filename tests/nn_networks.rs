//! The six backbones against torchvision 0.26: initial values, sizes, what is frozen, features
//! (spec/liver-single-patch.md, sections 2.4, 3.1 and 3.2, acceptance cases 5 and 6).
#![cfg(feature = "train")]

use pinfold::nn::backbone::FeatureNet;
use pinfold::nn::{BackboneKind, Frozen, Head, Learning, Regressor, Store, store};
use tch::{Device, Kind, Tensor, no_grad};

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

fn first(store: &Store, name: &str, n: usize) -> Vec<f64> {
    let entry = store.entries().iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name} is registered"));
    store::values(&entry.tensor).expect("values")[..n].iter().map(|&v| f64::from(v)).collect()
}

fn near(got: &[f64], due: &[f64], what: &str) {
    for (a, b) in got.iter().zip(due) {
        assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{what}: {a} where {b} is due");
    }
}

/// A row of the tables of sections 2.4 and 3.1.
struct Due {
    kind: BackboneKind,
    /// Two first values of the hidden layer after the whole backbone has been drawn with seed 42.
    hidden: [f64; 2],
    backbone: usize,
    /// With one `num_batches_tracked` a layer.
    buffers: usize,
    /// Of the backbone, with `features[-9:]` and with `features[0:]`.
    learning: [usize; 2],
    total: usize,
}

const DUE: [Due; 6] = [
    Due {
        kind: BackboneKind::EfficientNetB0,
        hidden: [-0.0167597607, 0.0278034359],
        backbone: 4_007_548,
        buffers: 42_065,
        learning: [4_007_548, 4_007_548],
        total: 18_255_015,
    },
    Due {
        kind: BackboneKind::EfficientNetB7,
        hidden: [0.00708036823, 0.0167177767],
        backbone: 63_786_960,
        buffers: 310_883,
        learning: [63_786_960, 63_786_960],
        total: 81_874_427,
    },
    Due {
        kind: BackboneKind::Resnet18,
        hidden: [0.00213185069, 0.0200827513],
        backbone: 11_176_512,
        buffers: 9_620,
        learning: [0, 0],
        total: 23_119_979,
    },
    Due {
        kind: BackboneKind::Resnet50,
        hidden: [0.00691790972, -0.00407081144],
        backbone: 23_508_032,
        buffers: 53_173,
        learning: [0, 0],
        total: 40_059_499,
    },
    Due {
        kind: BackboneKind::Densenet121,
        hidden: [0.0271207765, 0.00445606187],
        backbone: 6_953_856,
        buffers: 83_769,
        learning: [6_944_320, 6_953_856],
        total: 20_433_323,
    },
    Due {
        kind: BackboneKind::MobilenetV2,
        hidden: [-0.00320158293, 0.00517166173],
        backbone: 2_223_872,
        buffers: 34_164,
        learning: [2_038_784, 2_223_872],
        total: 16_471_339,
    },
];

/// Numbers in the parameters of a whole backbone that a slice `features[k:]` lets learn.
fn learning(store: &Store, kind: BackboneKind, k: i64) -> usize {
    let frozen = Frozen::new(kind, Learning::From(k), false);
    let learns = |e: &&pinfold::nn::store::Entry| {
        let name = e.name.strip_prefix("backbone.");
        !e.buffer && name.is_some_and(|n| !frozen.covers(n))
    };
    store.entries().iter().filter(learns).map(|e| e.tensor.numel()).sum()
}

#[test]
fn heads_and_sizes_are_torchvisions() {
    let head = Head { hidden: 3000, dropout: 0.5, outputs: 3467 };
    for due in DUE {
        let name = due.kind.name();
        let frozen = Frozen::new(due.kind, Learning::From(-9), true);
        let net = Regressor::freezing(due.kind, head, frozen, 42, Device::Cpu).expect("network");
        near(&first(&net.store, "hidden.weight", 2), &due.hidden, name);
        if due.kind == BackboneKind::EfficientNetB0 {
            near(&first(&net.store, "hidden.weight", 4), &[-0.0167597607, 0.0278034359, 0.00451463787, -0.0204710774], name);
            near(&first(&net.store, "hidden.bias", 2), &[0.0030893879, -0.020310441], name);
            near(&first(&net.store, "regressor.weight", 2), &[0.00518938852, -0.0039698584], name);
            near(&first(&net.store, "regressor.bias", 2), &[0.012825788, -0.0107179759], name);
            let due = [4_007_548, 4_006_620, 4_005_172, 3_988_458, 3_941_818, 3_698_888, 3_155_740, 1_129_392, 412_160];
            assert_eq!((-9..0).map(|k| learning(&net.store, BackboneKind::EfficientNetB0, k)).collect::<Vec<_>>(), due);
        }
        let of_head = due.total - due.backbone;
        assert_eq!(net.store.parameter_count(), due.total, "{name}");
        assert_eq!(net.store.learning_count(), due.learning[0] + of_head, "{name}");
        for (k, learns) in [-9, 0].into_iter().zip(due.learning) {
            assert_eq!(learning(&net.store, due.kind, k), learns, "{name}, features[{k}:]");
        }
        let norms = net.store.entries().iter().filter(|e| e.name.ends_with("running_mean")).count();
        let buffers: usize = net.store.entries().iter().filter(|e| e.buffer).map(|e| e.tensor.numel()).sum();
        assert_eq!(buffers + norms, due.buffers, "{name}");
    }
}

#[test]
fn other_heads_and_the_small_network() {
    let count = |hidden| {
        let head = Head { hidden, dropout: 0.0, outputs: 3467 };
        Regressor::new(BackboneKind::EfficientNetB0, head, 1, Device::Cpu).expect("network").store.parameter_count()
    };
    assert_eq!((count(1024), count(4096)), (8_872_967, 23_458_823));
    // ST-Net: a single layer (section 3.6).
    let stnet = |outputs| {
        let head = Head { hidden: 0, dropout: 0.0, outputs };
        Regressor::new(BackboneKind::Densenet121, head, 1, Device::Cpu).expect("network").store.parameter_count()
    };
    assert_eq!((stnet(250), stnet(3467)), (7_210_106, 10_507_531));
    assert_eq!(FeatureNet::new(BackboneKind::TinyCnn, Kind::Float).expect("network").store.parameter_count(), 1_416);
}

fn fill(store: &Store) {
    for (k, entry) in store.entries().iter().enumerate() {
        let shape = entry.tensor.size();
        let n = entry.tensor.numel();
        let values: Vec<f64> = if shape.len() >= 2 {
            let scale = (6.0 / (n as f64 / shape[0] as f64)).sqrt();
            (0..n).map(|i| (2.0 * u(i, k as u64) - 1.0) * scale).collect()
        } else {
            let one = entry.name.ends_with(".weight") || entry.name.ends_with("running_var");
            vec![f64::from(u8::from(one)); n]
        };
        no_grad(|| entry.tensor.shallow_clone().copy_(&Tensor::from_slice(&values).reshape(shape)));
    }
}

#[test]
fn features_of_filled_weights_are_torchvisions() {
    let due: [f64; 4] = [0.5733975801, 0.5883937727, 0.7041337329, 0.9277629151];
    assert!(due.iter().enumerate().all(|(i, v)| (u(i, 0) - v).abs() < 1e-10));
    // Network, tensors, the first four features, mean, L2 norm. MobileNetV2's are those of torchvision 0.26 in f64, taken
    // again: the chapter's differ from them by 1e-6, as single precision does.
    let cases: [(BackboneKind, usize, [f64; 4], f64, f64); 6] = [
        (BackboneKind::EfficientNetB0, 309, [2.62302063e-5, 3.66157465e-6, -1.9600296e-6, 5.94886834e-5], -4.54388865e-6, 0.0029112893),
        (BackboneKind::EfficientNetB7, 1035, [3.13547274e-4, -6.21786166e-4, -1.33657542e-4, -6.45828602e-4], 9.97333379e-6, 0.0200696813),
        (BackboneKind::Resnet18, 100, [3.62466531, 1.00731717, 18.5163784, 3.09688218], 7.73362518, 237.005474),
        (BackboneKind::Resnet50, 265, [193.425228, 0.0, 52.7507835, 5.64938208], 160.866147, 9653.15726),
        (BackboneKind::Densenet121, 604, [0.0, 0.018211401, 0.0844426989, 0.0830889053], 0.40367524, 21.7074791),
        (BackboneKind::MobilenetV2, 260, [0.0, 1.899549748784, 1.895595166352, 2.218036182708], 1.279474351256, 67.433012860874),
    ];
    let input: Vec<f64> = (0..3 * 64 * 64).map(|i| 2.0 * u(i, 999) - 1.0).collect();
    for (kind, tensors, first, mean, norm) in cases {
        let name = kind.name();
        let mut net = FeatureNet::new(kind, Kind::Double).expect("network");
        assert_eq!(net.store.entries().len(), tensors, "{name}: tensors without num_batches_tracked");
        fill(&net.store);
        for (element, tolerance) in [(Kind::Double, 1e-8f64), (Kind::Float, 1e-5)] {
            net.store.settle(Device::Cpu, element).expect("settle");
            let x = store::channels_last(&Tensor::from_slice(&input).reshape([1, 3, 64, 64]).to_kind(element)).expect("layout");
            let y = net.features(&x).expect("forward").to_kind(Kind::Double);
            assert_eq!(y.size(), [1, kind.features()], "{name}");
            let y = Vec::<f64>::try_from(y.flatten(0, 1)).expect("values");
            let length = y.iter().map(|v| v * v).sum::<f64>().sqrt();
            let middle = y.iter().sum::<f64>() / y.len() as f64;
            assert!((length / norm - 1.0).abs() < tolerance, "{name}, {element:?}: norm {length} where {norm} is due");
            assert!((middle - mean).abs() < tolerance * length, "{name}, {element:?}: mean {middle} where {mean} is due");
            let off = y.iter().zip(first).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            assert!(off < tolerance * length, "{name}, {element:?}: {:?} where {first:?} is due", &y[..4]);
        }
    }
}

#[test]
fn patches_of_32_pixels_and_more_are_taken() {
    for kind in BackboneKind::ALL {
        // B7 is like B0, and slow; HEVisum's takes its own tiles alone.
        if kind == BackboneKind::EfficientNetB7 || kind.only_side().is_some() {
            continue;
        }
        let net = FeatureNet::new(kind, Kind::Float).expect("network");
        for side in [32usize, 33, 48, 64, 65] {
            let x = Tensor::zeros([1, 3, side as i64, side as i64], (Kind::Float, Device::Cpu));
            let y = net.features(&x).unwrap_or_else(|e| panic!("{} at {side} px: {e}", kind.name()));
            assert_eq!(y.size(), [1, kind.features()]);
            assert!(kind.last_side(side) >= 1);
        }
    }
    let densenet = BackboneKind::Densenet121;
    assert_eq!([31, 32, 48, 61, 62, 224].map(|s| densenet.last_side(s)), [1, 1, 1, 2, 2, 7]);
    assert_eq!([32, 33, 64, 224].map(|s| BackboneKind::Resnet18.last_side(s)), [1, 2, 2, 7]);
}
