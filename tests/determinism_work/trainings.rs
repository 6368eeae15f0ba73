//! Whole trainings of every network, tiny: initial draws, dropout, Adam, cosine schedule, the choice of the best epoch.

use super::Row;
use pinfold::base::Digest;
use pinfold::nn::{BackboneKind, shim};
use pinfold::protocol::schema::{Best, Class, Schedule};
use pinfold::train::{Augment, Config, Data, Prediction, Quiet, fit, predict};

/// Threads inside libtorch.
pub const THREADS: usize = 2;
const GENES: usize = 5;
const ROWS: usize = 8;

/// Mirrors patches by a key of epoch and sample.
struct Mirror;

impl Augment for Mirror {
    fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: usize, sample: usize) {
        dst.copy_from_slice(src);
        if (epoch * 7 + sample * 13).is_multiple_of(3) {
            dst.chunks_mut(side * 3).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
        }
    }
}

/// The training of a network: its configuration and the side of its patches. Two epochs of one or two steps.
pub fn config(network: BackboneKind) -> (Config, usize) {
    let side = match network {
        BackboneKind::EfficientNetB0 => 40,
        BackboneKind::TinyCnn => 32,
    };
    let c = Config {
        hidden: 24,
        dropout: 0.4,
        batch: 3,
        evaluation_batch: 2,
        epochs: 2,
        learning_rate: 0.003,
        weight_decay: 0.01,
        schedule: Schedule::Cosine,
        best: Best::MinValidationLoss,
        threads: THREADS,
        class: Class::Portable,
        ..Config::new(network)
    };
    (c, side)
}

/// Trains and predicts; rows for the checkpoint, the history and the predictions.
pub fn train(c: &Config, side: usize) -> Vec<Row> {
    let one = side * side * 3;
    let patches: Vec<u8> = (0..ROWS * one).map(|i| ((i * 7919 + i / 97 * 31) % 251) as u8).collect();
    // Quarters of integers: exact on any processor.
    let targets: Vec<f32> = (0..ROWS * GENES).map(|i| (i * 37 % 19) as f32 / 4.0 - 2.0).collect();
    let rows: Vec<usize> = (0..ROWS).collect();
    let data = Data { patches: &patches, side, targets: &targets, genes: GENES, train: &rows[..5], validation: &rows[5..] };
    let dir = tempfile::tempdir().expect("tempdir");
    let work = || {
        let out = fit(c, &data, &Mirror, dir.path(), &mut Quiet).expect("fit");
        assert_eq!(out.grade.class, c.class, "{:?}", out.grade);
        let checkpoint = dir.path().join("checkpoint.safetensors");
        (out, predict(&Prediction::of(c, GENES, &checkpoint), &patches, side, &rows).expect("predict"))
    };
    let ((out, predicted), operations) = shim::recorded(work).expect("record");
    let bytes: Vec<u8> = predicted.iter().flat_map(|v| v.to_le_bytes()).collect();
    let history = Digest::of_file(&dir.path().join("history.json")).expect("history");
    let row = |result: &str, digest: Digest| Row {
        work: format!("training of {}", c.network.name()),
        result: result.into(),
        digest: digest.to_string(),
        operations: operations.clone(),
    };
    vec![row("checkpoint", out.checkpoint), row("history", history), row("predictions", Digest::of(&bytes))]
}

/// Every network, in the class `portable`.
pub fn all() -> Vec<Row> {
    BackboneKind::ALL
        .into_iter()
        .flat_map(|network| {
            let (c, side) = config(network);
            train(&c, side)
        })
        .collect()
}
