//! Frozen parts of a network, other optimisers and losses: through whole trainings.
#![cfg(feature = "train")]

use pinfold::base::arrays::Arrays;
use pinfold::histology::Dihedral;
use pinfold::nn::{BackboneKind, Learning};
use pinfold::protocol::schema::{Loss, Optimiser};
use pinfold::train::{Augment, Config, Data, EpochRow, Outcome, Prediction, Progress, Quiet, Stop, Unchanged, fit, predict};
use std::cell::Cell;
use std::path::Path;

const SIDE: usize = 8;
const GENES: usize = 3;
const SPOTS: usize = 40;

struct Set {
    patches: Vec<u8>,
    targets: Vec<f32>,
    rows: Vec<usize>,
}

impl Set {
    fn new() -> Self {
        let patches = (0..SPOTS * SIDE * SIDE * 3).map(|i| ((i * 7919 + i / 97 * 31) % 251) as u8).collect();
        let targets = (0..SPOTS * GENES).map(|i| (i * 37 % 19) as f32 / 8.0 - 1.0).collect();
        Self { patches, targets, rows: (0..SPOTS).collect() }
    }
    fn data(&self) -> Data<'_> {
        Data {
            patches: &self.patches,
            side: SIDE,
            targets: &self.targets,
            genes: GENES,
            train: &self.rows[..30],
            validation: &self.rows[30..],
        }
    }
}

fn config() -> Config {
    Config { batch: 10, epochs: 2, learning_rate: 0.01, hidden: 6, dropout: 0.2, ..Config::new(BackboneKind::TinyCnn) }
}

fn trained(config: &Config, dir: &Path) -> Outcome {
    fit(config, &Set::new().data(), &Unchanged, dir, &mut Quiet).expect("fit")
}

/// Names of the arrays that differ between two checkpoints of the same network.
fn moved(a: &Path, b: &Path) -> Vec<String> {
    let open = |dir: &Path| Arrays::open(&dir.join("checkpoint.safetensors")).expect("checkpoint");
    let (a, b) = (open(a), open(b));
    a.entries().keys().filter(|n| a.f32s(n).expect("values") != b.f32s(n).expect("values")).cloned().collect()
}

/// Trains one epoch at a rate so small that what does not learn is equal bit by bit, and what moves is seen.
fn moved_by(learning: Learning, norms_move: bool) -> (Vec<String>, Option<usize>) {
    let (one, two) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
    let with = |epochs| Config { learning, norms_move, epochs, ..config() };
    let out = trained(&with(1), one.path());
    trained(&with(2), two.path());
    (moved(one.path(), two.path()), out.history.learning)
}

#[test]
fn what_is_frozen_stays_and_what_is_not_learns() {
    let parts = |names: &[String]| {
        let has = |what: &str| names.iter().any(|n| n.contains(what));
        let learned = |child: usize| has(&format!("features.{child}.0.weight")) && has(&format!("features.{child}.1.weight"));
        let statistics = |child: usize| has(&format!("features.{child}.1.running_mean"));
        ([learned(0), learned(1)], [statistics(0), statistics(1)], has("hidden.weight") && has("regressor.bias"))
    };
    let all = 1_416 + 16 * 6 + 6 + 6 * 3 + 3;
    let (names, learning) = moved_by(Learning::All, false);
    assert_eq!((parts(&names), learning), (([true; 2], [true; 2], true), None));
    let (names, learning) = moved_by(Learning::From(-1), false);
    let second = 8 * 16 * 9 + 32;
    assert_eq!(parts(&names), ([false, true], [false, true], true), "{names:?}");
    assert_eq!(learning, Some(all - 1_416 + second));
    // Quirk M4: the frozen normalisation follows the batches.
    let (names, learning) = moved_by(Learning::From(-1), true);
    assert_eq!(parts(&names), ([false, true], [true, true], true), "{names:?}");
    assert_eq!(learning, Some(all - 1_416 + second));
    let (names, learning) = moved_by(Learning::Nothing, false);
    assert_eq!((parts(&names), learning), (([false; 2], [false; 2], true), Some(all - 1_416)));
    let (names, _) = moved_by(Learning::Nothing, true);
    assert_eq!(parts(&names), ([false; 2], [true; 2], true), "{names:?}");
}

struct StopAt(Cell<usize>);

impl Progress for StopAt {
    fn batch(&mut self, _: usize, _: usize, _: f64, _: f64) {
        self.0.set(self.0.get() + 1);
    }
    fn should_stop(&self) -> Option<Stop> {
        (self.0.get() >= 2).then_some(Stop::Now)
    }
}

/// Every optimiser and loss, with and without a frozen part: interrupted at every second step, and equal byte by byte.
#[test]
fn every_kind_of_training_resumes() {
    let mut seen = Vec::new();
    for optimiser in [Optimiser::Adam, Optimiser::Adamw, Optimiser::Sgd] {
        for (loss, learning) in [(Loss::Mse, Learning::From(-1)), (Loss::SquaredErrorSum, Learning::All)] {
            let c = Config { optimiser, loss, learning, weight_decay: 0.01, start_at_mean: true, ..config() };
            let (whole, parts) = (tempfile::tempdir().expect("tempdir"), tempfile::tempdir().expect("tempdir"));
            trained(&c, whole.path());
            for _ in 0..20 {
                if fit(&c, &Set::new().data(), &Unchanged, parts.path(), &mut StopAt(Cell::new(0))).is_ok() {
                    break;
                }
            }
            let read = |dir: &Path| std::fs::read(dir.join("checkpoint.safetensors")).expect("checkpoint");
            assert!(read(whole.path()) == read(parts.path()), "{optimiser:?}, {loss:?}");
            seen.push(read(whole.path()));
        }
    }
    for (i, one) in seen.iter().enumerate() {
        assert!(seen[i + 1..].iter().all(|other| other != one), "each kind is another training");
    }
}

/// ST-Net's head: before the first step every answer is the mean of the training spots, so the first loss is their variance.
#[test]
fn a_head_that_begins_at_the_mean_answers_the_mean() {
    let set = Set::new();
    let data = set.data();
    let targets = |gene: usize| data.train.iter().map(move |&r| f64::from(data.targets[r * GENES + gene]));
    let variance = |gene: usize| {
        let mean = targets(gene).sum::<f64>() / 30.0;
        targets(gene).map(|t| (t - mean).powi(2)).sum::<f64>() / 30.0
    };
    let due = (0..GENES).map(variance).sum::<f64>() / GENES as f64;
    for loss in [Loss::Mse, Loss::SquaredErrorSum] {
        let c = Config { start_at_mean: true, loss, hidden: 0, epochs: 1, learning_rate: 1e-12, optimiser: Optimiser::Sgd, ..config() };
        let dir = tempfile::tempdir().expect("tempdir");
        let out = trained(&c, dir.path());
        let got = out.history.epochs[0].train_loss;
        assert!((got / due - 1.0).abs() < 1e-5, "{loss:?}: {got} where {due} is due");
        let file = Arrays::open(&dir.path().join("checkpoint.safetensors")).expect("checkpoint");
        assert!(file.f32s("regressor.weight").expect("weights").iter().all(|w| w.abs() < 1e-9));
    }
}

/// ST-Net's test-time mean: a patch and its mirror image get the same answer.
#[test]
fn the_mean_of_eight_views_does_not_see_how_a_patch_lies() {
    let set = Set::new();
    let dir = tempfile::tempdir().expect("tempdir");
    trained(&config(), dir.path());
    let checkpoint = dir.path().join("checkpoint.safetensors");
    let one = SIDE * SIDE * 3;
    let mut turned = vec![0; set.patches.len()];
    for (src, dst) in set.patches.chunks(one).zip(turned.chunks_mut(one)) {
        Dihedral::turned(1).then(Dihedral::HORIZONTAL).copy(src, dst, SIDE);
    }
    let predicted = |eight_views, patches: &[u8]| {
        let config = config();
        let what = Prediction { eight_views, ..Prediction::of(&config, GENES, &checkpoint) };
        predict(&what, patches, SIDE, &set.rows, None).expect("predict")
    };
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart(&predicted(true, &set.patches), &predicted(true, &turned)) < 1e-6);
    assert!(apart(&predicted(false, &set.patches), &predicted(false, &turned)) > 1e-4);
    assert!(apart(&predicted(false, &set.patches), &predicted(true, &set.patches)) > 1e-4);
}

/// BLEEP's published habits: one order of spots for all epochs (B5), validation patches changed afresh in every epoch (B2).
#[test]
fn one_order_for_all_epochs_and_changed_validation_patches() {
    /// Turns patches upside down in even epochs.
    struct Flip;
    impl Augment for Flip {
        fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: usize, _: usize) {
            let rows = src.chunks(side * 3);
            if epoch.is_multiple_of(2) {
                dst.chunks_mut(side * 3).zip(rows.rev()).for_each(|(to, from)| to.copy_from_slice(from));
            } else {
                dst.copy_from_slice(src);
            }
        }
    }
    let set = Set::new();
    let run = |c: Config, augment: &dyn Augment| {
        let dir = tempfile::tempdir().expect("tempdir");
        let out = fit(&c, &set.data(), augment, dir.path(), &mut Quiet).expect("fit");
        let losses = |of: fn(&EpochRow) -> Option<f64>| out.history.epochs.iter().map(of).collect::<Vec<_>>();
        (losses(|e| Some(e.train_loss)), losses(|e| e.validation_loss))
    };
    let config = Config { dropout: 0.0, ..config() };
    let (plain, same) = (run(config.clone(), &Unchanged), run(Config { same_order: true, ..config.clone() }, &Unchanged));
    assert_eq!(plain.0[0], same.0[0], "the first epoch has its own order either way");
    assert_ne!(plain.0[1], same.0[1], "the second has another one, or the first's");
    assert_eq!([config.order_of(1), config.order_of(2)], [1, 2]);
    let repeated = Config { same_order: true, ..config.clone() };
    assert_eq!([repeated.order_of(1), repeated.order_of(2)], [1, 1]);
    let (still, changed) = (run(config.clone(), &Flip), run(Config { held_out_changed: true, ..config }, &Flip));
    assert_eq!(still.0, changed.0, "what is learned does not depend on what is looked at");
    assert_eq!(still.1[0], changed.1[0], "odd epochs change nothing here");
    assert_ne!(still.1[1], changed.1[1]);
}
