//! HEVisum's networks against the numbers of spec/hevisum.md, acceptance cases A13 to A15 (made with PyTorch 2.11).
#![cfg(feature = "train")]

use pinfold::nn::stacking::StackingMlp;
use pinfold::nn::{BackboneKind, Head, Regressor, Store, store};
use tch::{Device, Tensor, no_grad};

/// The chapter's hash: pseudo-random numbers from -0.5 up to 0.5.
fn h(i: u64, t: u64) -> f64 {
    let mut x = ((i as u32).wrapping_add(1).wrapping_mul(2_654_435_761)) ^ ((t as u32).wrapping_add(1).wrapping_mul(2_246_822_519));
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^= x >> 13;
    f64::from(x) / 4_294_967_296.0 - 0.5
}

#[test]
fn the_hash_is_the_chapters() {
    for (i, t, due) in [(0, 0, 0.06113721), (1, 0, 0.26723916), (2, 0, -0.01787466), (3, 0, 0.36796796), (0, 1, -0.26678259)] {
        assert!((h(i, t) - due).abs() < 5e-9, "h({i}, {t}) = {}", h(i, t));
    }
}

/// Fills convolutions and linear layers in the order of the state dict; normalisations stay as they begin.
fn fill(net: &Store) -> usize {
    let (mut t, mut fan_in) = (0, 0);
    for e in net.entries() {
        let shape = e.tensor.size();
        // A bias stands right behind the weight that it belongs to; a normalisation's weight has one axis.
        let weight = shape.len() > 1;
        if e.buffer || !(weight || (fan_in > 0 && e.name.ends_with(".bias"))) {
            fan_in = 0;
            continue;
        }
        let scale = if weight {
            fan_in = shape[1..].iter().product();
            2.0 * (6.0 / fan_in as f64).sqrt()
        } else {
            fan_in = 0;
            0.2
        };
        let values: Vec<f32> = (0..e.tensor.numel() as u64).map(|i| (h(i, t) * scale) as f32).collect();
        let values = Tensor::from_slice(&values).reshape(&shape);
        no_grad(|| e.tensor.shallow_clone().copy_(&values));
        t += 1;
    }
    t as usize
}

fn network() -> Regressor {
    Regressor::new(BackboneKind::VisionMlp, Head { hidden: 0, dropout: 0.1, outputs: 35 }, 1, Device::Cpu).expect("network")
}

/// A13: names, counts, order.
#[test]
fn structure() {
    let net = network();
    assert_eq!(net.store.parameter_count(), 6_679_843);
    let under = |prefix: &str| net.store.entries().iter().filter(|e| e.name.starts_with(prefix)).collect::<Vec<_>>();
    let numbers = |prefix: &str| under(prefix).iter().filter(|e| !e.buffer).map(|e| e.tensor.numel()).sum::<usize>();
    assert_eq!(
        ["encoder_tile.", "encoder_subtile.", "encoder_center.", "decoder."].map(numbers),
        [4_235_648, 1_151_104, 1_151_104, 141_987]
    );
    // 288 entries in PyTorch, 38 of which are num_batches_tracked.
    assert_eq!(net.store.entries().len(), 250);
    let norms = |prefix: &str| under(prefix).iter().filter(|e| e.name.ends_with("running_mean")).count();
    let entries = |prefix: &str| under(prefix).len() + norms(prefix);
    assert_eq!(["encoder_tile.", "encoder_subtile.", "encoder_center.", "decoder."].map(entries), [118, 81, 81, 8]);
    let names: Vec<&str> = net.store.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names[..3], ["encoder_tile.layer0.0.weight", "encoder_tile.layer0.0.bias", "encoder_tile.layer0.1.weight"]);
    let blocks: Vec<&str> = names.iter().copied().filter(|n| n.starts_with("encoder_tile.layer1.0.") && n.ends_with("weight")).collect();
    let due = ["conv1", "bn1", "conv2", "bn2", "shortcut.0", "shortcut.1"].map(|n| format!("encoder_tile.layer1.0.{n}.weight"));
    assert_eq!(blocks, due);
    assert!(!names.iter().any(|n| n.contains("layer1.1.shortcut")));
    assert_eq!(names.last(), Some(&"decoder.9.bias"));
}

/// Section 3.7: PyTorch's draws, not tch's.
#[test]
fn initial_values_lie_in_pytorchs_bounds() {
    let net = network();
    for (name, bound) in [
        ("encoder_tile.layer0.0.weight", 0.192450),
        ("encoder_tile.layer1.0.conv1.bias", 0.058926),
        ("encoder_tile.layer3.1.conv2.weight", 0.020833),
        ("encoder_tile.fc.2.weight", 0.019764),
        ("encoder_subtile.fc.2.weight", 0.023623),
        ("decoder.0.bias", 0.051031),
    ] {
        let entry = net.store.entries().iter().find(|e| e.name == name).expect(name);
        let most = store::values(&entry.tensor).expect("values").iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(f64::from(most) <= bound + 1e-6 && f64::from(most) > 0.9 * bound, "{name}: {most} of {bound}");
    }
    let norm = net.store.entries().iter().find(|e| e.name == "encoder_tile.layer0.1.weight").expect("norm");
    assert!(store::values(&norm.tensor).expect("values").iter().all(|v| *v == 1.0));
}

/// The chapter's tile, [1, 3, 78, 78].
fn tile() -> Tensor {
    let values: Vec<f32> = (0..3 * 78 * 78u64).map(|i| (h(i, 999) + 0.5) as f32).collect();
    Tensor::from_slice(&values).reshape([1, 3, 78, 78])
}

fn close(got: &[f32], due: &[f64], tolerance: f64, what: &str) {
    for (i, (g, d)) in got.iter().zip(due).enumerate() {
        assert!((f64::from(*g) - d).abs() < tolerance, "{what}[{i}] is {g}, where {d} is due");
    }
}

/// A14: the forward values; tolerance 1e-3, a hundred times what single and double precision differ by there.
#[test]
fn forward() {
    let net = network();
    assert_eq!(fill(&net.store), 98);
    let x = tile();
    let sum = |v: &[f32]| v.iter().map(|v| f64::from(*v)).sum::<f64>();
    let pixels = store::values(&x).expect("values");
    assert!((sum(&pixels) - 9133.7111).abs() < 1e-3 && (f64::from(pixels[0]) - 0.4400704).abs() < 1e-7);
    let answer = |net: &Regressor, x: &Tensor| store::values(&no_grad(|| net.forward(x, false)).expect("forward")).expect("values");
    let y = answer(&net, &x);
    assert_eq!(y.len(), 35);
    close(&y[..5], &[-23.189621, -11.578491, 18.407774, -1.201287, -0.323195], 1e-3, "C1..C5");
    close(&y[30..], &[-6.680548, -8.972208, 10.803422, -9.189132, 2.520280], 1e-3, "C31..C35");
    assert!((sum(&y) - 34.1118).abs() < 1e-2, "sum {}", sum(&y));
    let flipped = answer(&net, &x.flip([3]));
    close(&flipped[..5], &[-23.331808, -11.675444, 18.354681, -1.092647, -0.565084], 1e-3, "mirrored");
    let swapped = answer(&net.with_scales_swapped(true), &x);
    close(&swapped[..5], &[-14.523947, -12.221120, 6.631618, 8.695172, 2.211070], 1e-3, "swapped scales");
    assert!((sum(&swapped) - 10.1932).abs() < 1e-2);
}

/// A14: the three scales by themselves.
#[test]
fn features() {
    let net = pinfold::nn::backbone::FeatureNet::new(BackboneKind::VisionMlp, tch::Kind::Float).expect("network");
    assert_eq!(fill(&net.store), 90, "98 less the decoder's eight");
    let f = store::values(&net.features(&tile()).expect("features")).expect("values");
    let sum = |v: &[f32]| v.iter().map(|v| f64::from(*v)).sum::<f64>();
    close(&f[..5], &[15.364275, 18.554626, -0.194591, -0.098810, 2.770351], 1e-3, "tile");
    close(&f[128..133], &[-0.074664, 6.599569, 7.000346, -0.016879, -0.047744], 1e-3, "subtiles");
    close(&f[256..261], &[-0.025494, -0.019297, -0.025456, -0.052057, 2.961490], 1e-3, "centre");
    for (part, due) in [(0..128, 963.8443), (128..256, 276.3256), (256..384, 155.2852)] {
        assert!((sum(&f[part]) - due).abs() < 1e-2);
    }
    assert!(net.features_of(&vec![0.0; 3 * 64 * 64], [1, 3, 64, 64], 4).is_err(), "only tiles of 78 pixels");
}

/// A15: the stacking network; tolerance 1e-2, as outputs are ten times as large.
#[test]
fn stacking() {
    let net = StackingMlp::new(210, 35, 1, Device::Cpu).expect("network");
    assert_eq!((net.store.parameter_count(), net.sizes()), (249_891, (210, 35)));
    assert_eq!(fill(&net.store), 6);
    let rows: Vec<f32> = (0..420).map(|i| ((h(i, 777) + 0.5) * 35.0) as f32).collect();
    close(&rows[..3], &[28.917141, 32.248329, 8.380871], 1e-5, "X");
    let y = net.answers(&rows, 64, Device::Cpu).expect("answers");
    close(&y[..5], &[-10.97173, -11.87811, 60.47969, 1.69737, -37.14586], 1e-2, "row 0");
    close(&y[35..40], &[-22.64986, -18.91248, 67.18151, 12.43497, -55.24355], 1e-2, "row 1");
    assert!((y.iter().map(|v| f64::from(*v)).sum::<f64>() - 219.4669).abs() < 1e-1);
    // And through a file.
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("stack.safetensors");
    net.store.write(&path).expect("write");
    let again = StackingMlp::open(&path, Device::Cpu).expect("open");
    assert_eq!(
        again.answers(&rows, 7, Device::Cpu).expect("answers")[35..40],
        net.answers(&rows, 7, Device::Cpu).expect("answers")[35..40]
    );
}
