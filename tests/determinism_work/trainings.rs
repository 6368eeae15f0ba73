//! Whole trainings of every network, tiny: initial draws, dropout, optimiser, cosine schedule, the choice of the best epoch.

use super::Row;
use pinfold::base::Digest;
use pinfold::nn::{BackboneKind, Learning, shim};
use pinfold::protocol::schema::{Averaging, Best, Class, Device, Loss, Optimiser, Retrieval, Schedule};
use pinfold::train::{Augment, Clusters, Config, Data, Pool, Prediction, Quiet, Stacking, fit, predict, retrieve, stacking};

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

/// The training of a network: its configuration and the side of its patches. One or two epochs of two steps.
pub fn config(network: BackboneKind) -> (Config, usize) {
    let side = network.only_side().unwrap_or(if network == BackboneKind::EfficientNetB0 { 40 } else { 32 });
    // Saving the state of a large network after each epoch takes longer than training it.
    let epochs = if matches!(network, BackboneKind::EfficientNetB0 | BackboneKind::TinyCnn) { 2 } else { 1 };
    let c = Config {
        hidden: if network.only_side().is_some() { 0 } else { 24 },
        dropout: 0.4,
        batch: 3,
        evaluation_batch: 2,
        epochs,
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

/// All trainings, by name: every network, and with the small one every other optimiser, loss and part that learns.
pub fn configs() -> Vec<(String, Config, usize)> {
    let mut out: Vec<(String, Config, usize)> = BackboneKind::ALL
        .into_iter()
        .map(|network| {
            let (c, side) = config(network);
            (network.name().to_owned(), c, side)
        })
        .collect();
    let (tiny, side) = config(BackboneKind::TinyCnn);
    let stnet = Config {
        optimiser: Optimiser::Sgd,
        loss: Loss::SquaredErrorSum,
        start_at_mean: true,
        learning: Learning::From(-1),
        ..tiny.clone()
    };
    let told = Config { clusters: Some(Clusters::new(&[0, 1, -1, 1, 0, 0, -1, 1], 2)), ..tiny.clone() };
    out.push(("tiny_cnn, told each spot's cluster".into(), told, side));
    out.push(("tiny_cnn, half of it frozen, squared errors, descent with momentum".into(), stnet, side));
    let retrieval = Some(Retrieval { width: 6, temperature: 1.0, mode: Averaging::Average, k: 3 });
    let bleep = Config { optimiser: Optimiser::Adamw, loss: Loss::Contrastive, retrieval, hidden: 0, ..tiny };
    out.push(("tiny_cnn, contrastive, AdamW".into(), bleep, side));
    out
}

/// Trains and predicts; rows for the checkpoint, the history and the predictions.
pub fn train(name: &str, c: &Config, side: usize) -> Vec<Row> {
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
        let what = Prediction::of(c, GENES, &checkpoint);
        let predicted = match &c.retrieval {
            None => predict(&what, &patches, side, &rows, None),
            Some(how) => retrieve(&what, how, Pool { expression: &targets, keys: &rows[..5] }, &patches, side, &rows, None),
        };
        (out, predicted.expect("predict"))
    };
    let ((out, predicted), operations) = shim::recorded(work).expect("record");
    let bytes: Vec<u8> = predicted.iter().flat_map(|v| v.to_le_bytes()).collect();
    let history = Digest::of_file(&dir.path().join("history.json")).expect("history");
    let row = |result: &str, digest: Digest| Row {
        work: format!("training of {name}"),
        result: result.into(),
        digest: digest.to_string(),
        operations: operations.clone(),
        turn: None,
    };
    vec![row("checkpoint", out.checkpoint), row("history", history), row("predictions", Digest::of(&bytes))]
}

/// Every wanted training, by turn and name, in the class `portable`.
pub fn all(wanted: &dyn Fn(Option<usize>, &str) -> bool) -> Vec<Row> {
    let names = configs().into_iter().map(|(name, c, side)| (name, Some((c, side)))).chain([(STACK.to_owned(), None)]);
    let mut rows = Vec::new();
    for (turn, (name, network)) in names.enumerate().filter(|(turn, (name, _))| wanted(Some(*turn), name)) {
        let started = std::time::Instant::now();
        let made = network.map_or_else(stack, |(c, side)| train(&name, &c, side));
        rows.extend(made.into_iter().map(|row| Row { turn: Some(turn), ..row }));
        println!("training of {name}: {:.1} s", started.elapsed().as_secs_f64());
    }
    rows
}

/// The name of a meta-model's training.
pub const STACK: &str = "a stack of six";

/// A meta-model over the predictions of six networks for five genes.
fn stack() -> Vec<Row> {
    let inputs: Vec<f32> = (0..ROWS * 6 * GENES).map(|i| (i * 53 % 67) as f32 / 8.0).collect();
    let targets: Vec<f32> = (0..ROWS * GENES).map(|i| (i * 37 % 19) as f32 / 4.0 - 2.0).collect();
    let rows: Vec<usize> = (0..ROWS).collect();
    let table =
        stacking::Table { inputs: &inputs, width: 6 * GENES, targets: &targets, genes: GENES, train: &rows[..5], validation: &rows[5..] };
    let how = Stacking {
        learning_rate: 0.003,
        epochs: 3,
        batch: 3,
        patience: 3,
        seed: 42,
        fold: 0,
        threads: THREADS,
        class: Class::Portable,
        device: Device::Cpu,
        identity: String::new(),
    };
    let dir = tempfile::tempdir().expect("tempdir");
    let checkpoint = dir.path().join("checkpoint.safetensors");
    let work = || {
        pinfold::train::stack(&how, &table, dir.path(), &mut Quiet).expect("stack");
        stacking::stack_answers(&checkpoint, &inputs, &how).expect("answers")
    };
    let (answers, operations) = shim::recorded(work).expect("record");
    let bytes: Vec<u8> = answers.iter().flat_map(|v| v.to_le_bytes()).collect();
    let row = |result: &str, digest: Digest| Row {
        work: format!("training of {STACK}"),
        result: result.into(),
        digest: digest.to_string(),
        operations: operations.clone(),
        turn: None,
    };
    vec![row("checkpoint", Digest::of_file(&checkpoint).expect("checkpoint")), row("predictions", Digest::of(&bytes))]
}
