//! Whole trainings with the small network: equal bytes, resumption, the choice of the best epoch, learning.
#![cfg(feature = "train")]

use pinfold::base::Exit;
use pinfold::nn::BackboneKind;
use pinfold::protocol::schema::{Best, Class, EpochLoss, Schedule};
use pinfold::train::{Augment, Config, Data, EpochRow, History, Prediction, Progress, Quiet, Stop, Unchanged, fit, predict};
use std::cell::Cell;
use std::path::Path;

const SIDE: usize = 8;
const GENES: usize = 3;

/// Patches of noise on a brightness; gene 0 follows the brightness, gene 1 falls with it, gene 2 never changes.
fn slides(n: usize) -> (Vec<u8>, Vec<f32>) {
    let mut state = 12345u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let (mut patches, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let level = next();
        patches.extend((0..SIDE * SIDE * 3).map(|_| (level * 3 / 4 + next() / 4) as u8));
        let t = level as f32 / 255.0;
        targets.extend([2.0 * t, 1.0 - t, 0.5]);
    }
    (patches, targets)
}

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

struct Set {
    patches: Vec<u8>,
    targets: Vec<f32>,
    train: Vec<usize>,
    validation: Vec<usize>,
}

impl Set {
    fn new() -> Self {
        let (patches, targets) = slides(60);
        Self { patches, targets, train: (0..60).filter(|i| i % 4 != 0).collect(), validation: (0..60).filter(|i| i % 4 == 0).collect() }
    }
    fn data(&self) -> Data<'_> {
        Data { patches: &self.patches, side: SIDE, targets: &self.targets, genes: GENES, train: &self.train, validation: &self.validation }
    }
}

fn config() -> Config {
    Config {
        hidden: 12,
        dropout: 0.2,
        batch: 10,
        evaluation_batch: 8,
        epochs: 4,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        best: Best::MinValidationLoss,
        ..Config::new(BackboneKind::TinyCnn)
    }
}

fn outputs(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(dir.join(name)).expect("output");
    assert!(!dir.join("state.safetensors").exists(), "the state is gone at the end");
    (read("checkpoint.safetensors"), read("history.json"))
}

fn trained(config: &Config, set: &Set) -> (Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().expect("tempdir");
    fit(config, &set.data(), &Mirror, dir.path(), &mut Quiet).expect("fit");
    outputs(dir.path())
}

#[test]
fn loader_threads_change_no_byte_and_the_seed_does() {
    let set = Set::new();
    let with = |loader_threads, seed| trained(&Config { loader_threads, seed, ..config() }, &set);
    let one = with(1, 42);
    for threads in [0, 2, 4] {
        assert!(with(threads, 42) == one, "{threads} loader threads");
    }
    assert!(with(1, 43).0 != one.0, "another seed, another network");
    let other_fold = trained(&Config { fold: 1, ..config() }, &set);
    assert!(other_fold.0 != one.0, "another fold, other draws");
}

/// Stops after so many steps, or at the end of an epoch.
struct StopAt {
    after: usize,
    seen: Cell<usize>,
    how: Stop,
}

impl Progress for StopAt {
    fn batch(&mut self, _: usize, _: usize, _: f64, _: f64) {
        self.seen.set(self.seen.get() + 1);
    }
    fn should_stop(&self) -> Option<Stop> {
        (self.seen.get() >= self.after).then_some(self.how)
    }
}

#[test]
fn an_interrupted_training_ends_in_the_same_bytes() {
    let set = Set::new();
    let whole = trained(&config(), &set);
    for how in [Stop::Now, Stop::AfterEpoch] {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut interruptions = 0;
        loop {
            // Five steps an epoch: three at a time stops in the middle of epochs and at their ends.
            let mut stop = StopAt { after: 3, seen: Cell::new(0), how };
            match fit(&config(), &set.data(), &Mirror, dir.path(), &mut stop) {
                Ok(_) => break,
                Err(e) => {
                    assert_eq!(e.exit, Exit::Interrupted, "{e}");
                    assert!(dir.path().join("state.safetensors").exists());
                    interruptions += 1;
                }
            }
            assert!(interruptions < 30);
        }
        assert!(interruptions >= 3, "{how:?}: {interruptions}");
        assert!(outputs(dir.path()) == whole, "{how:?}");
    }
}

/// Says which epochs ended, and whether a state was on disk in the middle of one.
struct Seen<'a> {
    epochs: usize,
    in_the_middle: usize,
    state: &'a Path,
}

impl Progress for Seen<'_> {
    fn batch(&mut self, done: usize, total: usize, _: f64, _: f64) {
        self.in_the_middle += usize::from(self.epochs == 0 && done < total && self.state.exists());
    }
    fn epoch(&mut self, _: &EpochRow) {
        self.epochs += 1;
    }
}

#[test]
fn saving_inside_an_epoch_changes_no_byte() {
    let set = Set::new();
    let whole = trained(&config(), &set);
    for (every, due) in [(std::time::Duration::ZERO, 3), (std::time::Duration::from_secs(3600), 0)] {
        let dir = tempfile::tempdir().expect("tempdir");
        let state = dir.path().join("state.safetensors");
        let mut seen = Seen { epochs: 0, in_the_middle: 0, state: &state };
        fit(&Config { save_every: every, ..config() }, &set.data(), &Mirror, dir.path(), &mut seen).expect("fit");
        // Five steps: the state of one is there when the next has been taken, and the last is saved with the epoch.
        assert_eq!((seen.epochs, seen.in_the_middle), (4, due));
        assert!(outputs(dir.path()) == whole);
    }
}

#[test]
fn training_ends_when_patience_does_and_resumes_with_it() {
    let set = Set::new();
    // A rate that makes the loss jump about.
    let long = Config { epochs: 40, learning_rate: 0.05, schedule: Schedule::Constant, ..config() };
    let patient = Config { patience: Some(3), ..long.clone() };
    let history = |of: &(Vec<u8>, Vec<u8>)| serde_json::from_slice::<History>(&of.1).expect("history");
    let (all, fewer) = (trained(&long, &set), trained(&patient, &set));
    let (full, short) = (history(&all), history(&fewer));
    let losses: Vec<f64> = full.epochs.iter().map(|e| e.validation_loss.expect("loss")).collect();
    // The rule by hand: the first epoch that ends a row of three without a smaller loss.
    let due =
        (3..losses.len()).find(|&e| losses[e - 2..=e].iter().all(|l| losses[..e - 2].iter().any(|best| best <= l))).expect("an end") + 1;
    assert!(due < 40, "the case must be one where patience ends");
    assert_eq!(short.epochs, full.epochs[..due]);
    assert_eq!(short.best_epoch, due - 3);
    let dir = tempfile::tempdir().expect("tempdir");
    for _ in 0..200 {
        let mut stop = StopAt { after: 4, seen: Cell::new(0), how: Stop::Now };
        match fit(&patient, &set.data(), &Mirror, dir.path(), &mut stop) {
            Ok(_) => break,
            Err(e) => assert_eq!(e.exit, Exit::Interrupted, "{e}"),
        }
    }
    assert!(outputs(dir.path()) == fewer);
    fit(&Config { best: Best::Last, ..patient }, &set.data(), &Mirror, dir.path(), &mut Quiet).expect_err("nothing to wait for");
}

#[test]
fn a_state_of_another_training_or_a_damaged_one_is_not_resumed() {
    let set = Set::new();
    let whole = trained(&config(), &set);
    let dir = tempfile::tempdir().expect("tempdir");
    let mut stop = StopAt { after: 7, seen: Cell::new(0), how: Stop::Now };
    let other = Config { learning_rate: 0.02, ..config() };
    fit(&other, &set.data(), &Mirror, dir.path(), &mut stop).expect_err("stopped");
    fit(&config(), &set.data(), &Mirror, dir.path(), &mut Quiet).expect("fit");
    assert!(outputs(dir.path()) == whole);

    fit(&config(), &set.data(), &Mirror, dir.path(), &mut StopAt { after: 7, seen: Cell::new(0), how: Stop::Now }).expect_err("stopped");
    let state = dir.path().join("state.safetensors");
    let bytes = std::fs::read(&state).expect("state");
    std::fs::write(&state, &bytes[..bytes.len() / 2]).expect("cut");
    fit(&config(), &set.data(), &Mirror, dir.path(), &mut Quiet).expect("fit");
    assert!(outputs(dir.path()) == whole);
}

/// Acceptance case 14, on a real training: the checkpoint is the best epoch's, untouched by later steps.
#[test]
fn the_best_epoch_is_kept_as_it_was() {
    let set = Set::new();
    // A learning rate at which later epochs are sometimes worse.
    let rough = Config { learning_rate: 0.2, epochs: 8, schedule: Schedule::Constant, ..config() };
    let dir = tempfile::tempdir().expect("tempdir");
    let out = fit(&rough, &set.data(), &Unchanged, dir.path(), &mut Quiet).expect("fit");
    let losses: Vec<f64> = out.history.epochs.iter().map(|r| r.validation_loss.expect("loss")).collect();
    let smallest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let first = losses.iter().position(|&l| l == smallest).expect("there") + 1;
    assert_eq!(out.history.best_epoch, first);
    assert!(first < 8, "the case says something only if a later epoch is worse: {losses:?}");
    let read: History = serde_json::from_slice(&std::fs::read(dir.path().join("history.json")).expect("history")).expect("json");
    assert_eq!(read, out.history);

    // The checkpoint's own validation loss is the best epoch's.
    let checkpoint = dir.path().join("checkpoint.safetensors");
    let prediction = predict(&Prediction::of(&rough, GENES, &checkpoint), &set.patches, SIDE, &set.validation, None).expect("predict");
    let truth: Vec<f32> = set.validation.iter().flat_map(|&r| set.targets[r * GENES..(r + 1) * GENES].to_vec()).collect();
    let mse = prediction.iter().zip(&truth).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / truth.len() as f64;
    assert!((mse / smallest - 1.0).abs() < 1e-5, "{mse} where {smallest} is due");

    // Stopping after the best epoch with a `last` rule gives the same weights.
    let short = Config { epochs: first, best: Best::Last, ..rough };
    let other = tempfile::tempdir().expect("tempdir");
    fit(&short, &set.data(), &Unchanged, other.path(), &mut Quiet).expect("fit");
    assert!(outputs(other.path()).0 == std::fs::read(&checkpoint).expect("checkpoint"));
}

#[test]
fn it_learns() {
    let set = Set::new();
    let long = Config { epochs: 40, learning_rate: 0.02, dropout: 0.0, epoch_loss: EpochLoss::BatchMean, ..config() };
    let dir = tempfile::tempdir().expect("tempdir");
    let out = fit(&long, &set.data(), &Mirror, dir.path(), &mut Quiet).expect("fit");
    let rows: &[EpochRow] = &out.history.epochs;
    let best = &rows[out.history.best_epoch - 1];
    assert!(rows[39].train_loss < rows[0].train_loss / 10.0, "{rows:?}");
    assert!(best.validation_pcc.expect("pcc") > 0.9, "{best:?}");
    let checkpoint = dir.path().join("checkpoint.safetensors");
    let all: Vec<usize> = (0..60).collect();
    let prediction = predict(&Prediction::of(&long, GENES, &checkpoint), &set.patches, SIDE, &all, None).expect("predict");
    assert_eq!(prediction.len(), 60 * GENES);
    let some = predict(&Prediction::of(&long, GENES, &checkpoint), &set.patches, SIDE, &all[..8], None).expect("predict");
    assert_eq!(some, prediction[..8 * GENES], "whole batches do not depend on what follows");
}

#[test]
fn bad_input_is_refused_before_any_work() {
    let set = Set::new();
    let dir = tempfile::tempdir().expect("tempdir");
    let refused = |c: &Config, d: &Data| fit(c, d, &Unchanged, dir.path(), &mut Quiet).expect_err("must refuse");
    let no_validation = Data { validation: &[], ..set.data() };
    assert!(refused(&config(), &no_validation).what.contains("needs validation spots"));
    let outside = Data { train: &[0, 60], ..set.data() };
    assert!(refused(&config(), &outside).what.contains("row 60"));
    let mut targets = set.targets.clone();
    targets[7] = f32::NAN;
    let nan = Data { targets: &targets, ..set.data() };
    assert!(refused(&config(), &nan).what.contains("row 2, gene 1"));
    let cut = Data { patches: &set.patches[1..], ..set.data() };
    assert!(refused(&config(), &cut).what.contains("no whole number"));
    let portable = Config { class: Class::Portable, ..config() };
    if std::env::var_os("MKL_CBWR").is_none() {
        assert_eq!(refused(&portable, &set.data()).exit, Exit::Environment);
    }
    let wild = Config { learning_rate: 1e30, epochs: 20, ..config() };
    assert_eq!(refused(&wild, &set.data()).exit, Exit::CheckFailed);
}

/// The real network, with our depthwise kernel, stochastic depth and two threads inside libtorch. In the pinned
/// environment it also asks for, and gets, the `portable` class.
#[test]
fn efficientnet_repeats_itself() {
    let side = 32;
    let patches: Vec<u8> = (0..12 * side * side * 3).map(|i| ((i * 7919) % 251) as u8).collect();
    let targets: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
    let rows: Vec<usize> = (0..12).collect();
    let data = Data { patches: &patches, side, targets: &targets, genes: 2, train: &rows[..10], validation: &rows[10..] };
    let pinned = std::env::var("MKL_CBWR").is_ok_and(|v| v == "COMPATIBLE") && std::env::var("OMP_NUM_THREADS").is_ok_and(|v| v == "2");
    let c = Config {
        batch: 4,
        epochs: 2,
        threads: 2,
        hidden: 8,
        dropout: 0.5,
        class: if pinned { Class::Portable } else { Class::Statistical },
        ..Config::new(BackboneKind::EfficientNetB0)
    };
    let run = |loader_threads| {
        let dir = tempfile::tempdir().expect("tempdir");
        let out = fit(&Config { loader_threads, ..c.clone() }, &data, &Unchanged, dir.path(), &mut Quiet).expect("fit");
        println!("checkpoint {} class {:?}", out.checkpoint, out.grade.class);
        outputs(dir.path())
    };
    let lonely = Data { train: &rows[..9], ..data };
    let refused = fit(&c, &lonely, &Unchanged, Path::new("/nonexistent"), &mut Quiet).expect_err("one value a channel");
    assert!(refused.what.contains("no variance"), "{refused}");
    let whole = run(0);
    assert!(run(2) == whole);
    let dir = tempfile::tempdir().expect("tempdir");
    let mut stop = StopAt { after: 4, seen: Cell::new(0), how: Stop::Now };
    assert_eq!(fit(&c, &data, &Unchanged, dir.path(), &mut stop).expect_err("stopped").exit, Exit::Interrupted);
    fit(&c, &data, &Unchanged, dir.path(), &mut Quiet).expect("fit");
    assert!(outputs(dir.path()) == whole);
}
