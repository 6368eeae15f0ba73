//! Optimiser and whole training steps against PyTorch 2.11 (tests/golden/make_torch_train.py).
#![cfg(feature = "train")]

use pinfold::nn::{BackboneKind, Head, Regressor, Store, init, store};
use pinfold::train::adam::{Adam, Kernel};
use pinfold::train::fit::{mixed_step, step};
use pinfold::train::optimiser::{self, Optimiser};
use pinfold::train::scaler::Scaler;
use serde_json::Value;
use tch::{Device, Kind, Tensor, no_grad};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/torch_train.json")).expect("golden file")
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().expect("numbers").iter().map(|x| x.as_f64().expect("number")).collect()
}

/// Uniform in [-1, 1): the murmur finaliser of acceptance case 6.
fn fill(n: usize, k: u64) -> Vec<f32> {
    let one = |i: usize| {
        let mut h = (i as u64).wrapping_add(0x9e37_79b9 * (k + 1)) as u32;
        h ^= h >> 16;
        h = h.wrapping_mul(0x85eb_ca6b);
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
        (2.0 * f64::from(h) / 4_294_967_296.0 - 1.0) as f32
    };
    (0..n).map(one).collect()
}

#[test]
fn adam_is_torchs() {
    for case in golden()["adam"].as_array().expect("cases") {
        let decay = case["weight_decay"].as_f64().expect("decay");
        let due = numbers(&case["parameter"]);
        for kernel in [Kernel::Fused, Kernel::Plain] {
            let mut s = Store::new();
            let p = s.parameter("p", Tensor::from_slice(&fill(40, 1)));
            s.settle(Device::Cpu, Kind::Float).expect("settle");
            let mut adam = Adam::new(&s, decay, kernel).expect("adam");
            for i in 0..5u32 {
                let gradient = Tensor::from_slice(&fill(40, 10 + u64::from(i))) * 10f64.powi(i as i32 - 3);
                adam.clear_gradients().expect("clear");
                (&p * gradient).sum(Kind::Float).backward();
                adam.step(3e-4).expect("step");
            }
            assert_eq!(adam.steps(), 5);
            for (a, b) in store::values(&p).expect("values").iter().zip(&due) {
                assert!((f64::from(*a) - b).abs() < 3e-7, "{kernel:?}, decay {decay}: {a} where {b} is due");
            }
        }
    }
}

/// SGD with momentum and AdamW (tests/golden/make_optimisers.py).
#[test]
fn the_other_optimisers_are_torchs() {
    let golden: Value = serde_json::from_str(include_str!("golden/optimisers.json")).expect("golden file");
    for case in golden["cases"].as_array().expect("cases") {
        let kind = serde_json::from_value(case["optimiser"].clone()).expect("an optimiser");
        let (decay, rate) = (case["weight_decay"].as_f64().expect("decay"), case["rate"].as_f64().expect("rate"));
        let mut s = Store::new();
        let p = s.parameter("p", Tensor::from_slice(&fill(40, 1)));
        s.settle(Device::Cpu, Kind::Float).expect("settle");
        let mut optimiser = optimiser::of(kind, &s, decay).expect("optimiser");
        for i in 0..5u32 {
            let gradient = Tensor::from_slice(&fill(40, 10 + u64::from(i))) * 10f64.powi(i as i32 - 3);
            optimiser.clear_gradients().expect("clear");
            (&p * gradient).sum(Kind::Float).backward();
            optimiser.step(rate).expect("step");
        }
        for (a, b) in store::values(&p).expect("values").iter().zip(numbers(&case["parameter"])) {
            assert!((f64::from(*a) - b).abs() < 1e-6, "{kind:?}, decay {decay}: {a} where {b} is due");
        }
    }
}

/// PyTorch's scaler on gradients that overflow now and then (tests/golden/make_scaler.py): the same scales, and the same
/// parameters within the rounding of another Adam kernel.
#[test]
fn the_gradient_scaler_is_torchs() {
    let golden: Value = serde_json::from_str(include_str!("golden/scaler.json")).expect("golden file");
    let mut s = Store::new();
    let start: Vec<f32> = (0..12).map(|i| -1.0 + 2.0 * i as f32 / 11.0).collect();
    let p = s.parameter("p", Tensor::from_slice(&start));
    s.settle(Device::Cpu, Kind::Float).expect("settle");
    let mut adam = Adam::new(&s, 0.0, Kernel::Fused).expect("adam");
    let mut scaler = Scaler::new(1024.0, 4);
    let slope = Tensor::arange(12, (Kind::Float, Device::Cpu));
    let mut skipped = 0;
    for (i, factor) in numbers(&golden["factors"]).into_iter().enumerate() {
        adam.clear_gradients().expect("clear");
        let loss = ((&p * &p).sum(Kind::Float) + (&p * &slope / (i as f64 + 1.0)).sum(Kind::Float)) * factor;
        scaler.scaled(&loss).expect("scaled").backward();
        let sound = scaler.unscale(adam.parameters()).expect("unscale");
        if sound {
            adam.step(0.01).expect("step");
        }
        skipped += usize::from(!sound);
        scaler.update(sound);
        assert_eq!(scaler.scale(), golden["scales"][i].as_f64().expect("scale"), "after step {i}");
        for (a, b) in store::values(&p).expect("values").iter().zip(numbers(&golden["values"][i])) {
            assert!((f64::from(*a) - b).abs() < 2e-6, "step {i}: {a} where {b} is due");
        }
    }
    assert!(skipped >= 3, "the case must overflow");
}

/// On a processor mixed precision is full precision but for the scaling, which is exact.
#[test]
fn a_mixed_step_on_the_processor_is_a_full_step() {
    let head = Head { hidden: 6, dropout: 0.3, outputs: 3 };
    let images = store::channels_last(&Tensor::from_slice(&fill(4 * 3 * 16 * 16, 9)).reshape([4, 3, 16, 16])).expect("layout");
    let truth = Tensor::from_slice(&fill(12, 7)).reshape([4, 3]);
    let run = |mixed: bool| {
        let net = Regressor::new(BackboneKind::TinyCnn, head, 42, Device::Cpu).expect("network");
        let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).expect("adam");
        let mut scaler = Scaler::default();
        let _generator = init::generator();
        let losses: Vec<f64> = (0..4)
            .map(|i| match mixed {
                true => mixed_step(&net, &mut adam, &mut scaler, &images, &truth, i, 1e-2).expect("step"),
                false => step(&net, &mut adam, &images, &truth, i, 1e-2).expect("step"),
            })
            .collect();
        let values: Vec<f32> = net.store.parameters().iter().flat_map(|p| store::values(p).expect("values")).collect();
        (losses, values)
    };
    assert!(run(true) == run(false));
}

#[test]
fn a_parameter_without_gradient_stays() {
    let mut s = Store::new();
    let p = s.parameter("p", Tensor::from_slice(&[1.0f32, 2.0]));
    let q = s.parameter("q", Tensor::from_slice(&[3.0f32]));
    s.settle(Device::Cpu, Kind::Float).expect("settle");
    for kernel in [Kernel::Fused, Kernel::Plain] {
        let mut adam = Adam::new(&s, 0.0, kernel).expect("adam");
        adam.clear_gradients().expect("clear");
        let before = store::values(&p).expect("values");
        (&p * 2.0).sum(Kind::Float).backward();
        adam.step(0.1).expect("step");
        assert_eq!(store::values(&q).expect("values"), [3.0]);
        // The first step of Adam has the length of the learning rate, whatever the gradient.
        for (a, b) in store::values(&p).expect("values").iter().zip(before) {
            assert!((a - (b - 0.1)).abs() < 1e-6);
        }
    }
}

/// EfficientNet-B0 with dropout and stochastic depth: the same initial values and the same random draws as PyTorch, so
/// the same losses up to the rounding of another order of sums.
#[test]
fn four_steps_of_efficientnet_are_pytorchs() {
    let golden = golden();
    let due = &golden["steps"];
    let head = Head { hidden: 24, dropout: 0.5, outputs: 5 };
    let net = Regressor::new(BackboneKind::EfficientNetB0, head, 42, Device::Cpu).expect("network");
    let names: Vec<&str> = due["names"].as_array().expect("names").iter().map(|n| n.as_str().expect("name")).collect();
    assert_eq!(net.store.entries().iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), names, "names and registration order");
    let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).expect("adam");
    let images = store::channels_last(&Tensor::from_slice(&fill(4 * 3 * 64 * 64, 999)).reshape([4, 3, 64, 64])).expect("layout");
    let truth = Tensor::from_slice(&fill(20, 7)).reshape([4, 5]);
    let _generator = init::generator();
    let (losses, norms) = (numbers(&due["losses"]), numbers(&due["gradient_norms"]));
    for (i, (loss, norm)) in losses.iter().zip(norms).enumerate() {
        let got = step(&net, &mut adam, &images, &truth, 100 + i as i64, 1e-3).expect("step");
        // A gradient is as sensitive as its weights are far from PyTorch's: tight at first, looser as steps add up.
        let tolerance = [1e-5, 1e-3, 2e-3, 5e-3][i];
        assert!((got / loss - 1.0).abs() < tolerance, "step {i}: loss {got} where {loss} is due");
        let square: f64 =
            net.store.parameters().iter().map(|p| p.grad().to_kind(Kind::Double).square().sum(Kind::Double).double_value(&[])).sum();
        assert!((square.sqrt() / norm - 1.0).abs() < 10.0 * tolerance, "step {i}: gradient norm {} where {norm} is due", square.sqrt());
    }
    let sum: f64 =
        net.store.entries().iter().filter(|e| e.name.ends_with("running_var")).map(|e| e.tensor.sum(Kind::Double).double_value(&[])).sum();
    let running = due["running_var_sum"].as_f64().expect("sum");
    assert!((sum / running - 1.0).abs() < 1e-3, "running variances sum to {sum} where {running} is due");
    let evaluated = no_grad(|| net.forward(&images, false)).expect("forward");
    for (a, b) in store::values(&evaluated).expect("values").iter().zip(numbers(&due["evaluation"])) {
        assert!((f64::from(*a) - b).abs() < 0.02 * (1.0 + b.abs()), "{a} where {b} is due");
    }
}
