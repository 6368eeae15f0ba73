//! Speed of a training step of EfficientNet-B0; run by hand:
//! `cargo test --release --test train_speed -- --ignored --nocapture` (SIDE, BATCH, THREADS and STEPS may be set).
#![cfg(feature = "train")]

use pinfold::nn::{BackboneKind, Head, Regressor, init, store};
use pinfold::protocol::schema::Device;
use pinfold::train::adam::{Adam, Kernel};
use pinfold::train::{determinism, fit::step};
use tch::Tensor;

#[test]
#[ignore = "measures time"]
fn images_a_second() {
    let number = |name: &str, default: i64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (side, batch, threads, steps) = (number("SIDE", 64), number("BATCH", 32), number("THREADS", 2), number("STEPS", 8));
    let grade = determinism::set(threads as usize, Device::Cpu).expect("switches");
    let head = Head { hidden: 256, dropout: 0.2, outputs: 36 };
    let net = Regressor::new(BackboneKind::EfficientNetB0, head, 42, tch::Device::Cpu).expect("network");
    let mut adam = Adam::new(&net.store, 0.0, Kernel::Fused).expect("adam");
    let kind = (tch::Kind::Float, tch::Device::Cpu);
    let _generator = init::generator();
    tch::manual_seed(1);
    let images = store::channels_last(&Tensor::rand([batch, 3, side, side], kind)).expect("layout");
    let truth = Tensor::rand([batch, 36], kind);
    let mut times = Vec::new();
    for i in 0..steps + 2 {
        let started = std::time::Instant::now();
        step(&net, &mut adam, &images, &truth, i, 1e-3).expect("step");
        times.push(started.elapsed().as_secs_f64());
    }
    let mut times = times.split_off(2);
    times.sort_by(f64::total_cmp);
    let (least, middle) = (times[0], times[times.len() / 2]);
    println!(
        "{} {threads} threads, {side} px, batch {batch}: least {least:.3} s, median {middle:.3} s a step; {:.1} images/s",
        grade.cpu_capability,
        batch as f64 / middle
    );
}
