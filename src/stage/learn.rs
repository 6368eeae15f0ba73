//! Training and prediction: the stages' parameters put into the words of `train`, and its progress into events.

use super::augmenting::Keyed;
use super::files::{self, Expression};
use super::level0::stack_of;
use super::stack::Stacked;
use super::{clusters, predict::Predict, train::Train};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, Result};
use crate::engine::store::Artifact;
use crate::engine::{Event, Stage, Watch};
use crate::nn::{BackboneKind, Learning};
use crate::protocol::Protocol;
use crate::protocol::schema::{self, Best, FrozenNorm, HeadStart, NetworkName, Normalise, Schedule, Trainable, TrainablePart};
use crate::split::Fold;
use crate::train::{self, Config, Data, EpochRow, Progress, Stop};
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

/// Progress of `train` as events of the engine.
struct Telling<'a> {
    watch: RefCell<&'a mut dyn Watch>,
    label: String,
    epochs: usize,
    images: usize,
    epoch_started: Instant,
}

impl Progress for Telling<'_> {
    fn batch(&mut self, done: usize, total: usize, _loss: f64, images_per_second: f64) {
        let images = (self.images * done / total.max(1)) as u64;
        self.watch.get_mut().event(Event::Progress {
            label: self.label.clone(),
            done: images,
            total: self.images as u64,
            unit: "images".into(),
            rate: images_per_second,
        });
    }

    fn epoch(&mut self, row: &EpochRow) {
        let seconds = self.epoch_started.elapsed().as_secs_f64();
        self.epoch_started = Instant::now();
        let values = [
            ("learning_rate".to_owned(), Some(row.learning_rate)),
            ("train_loss".to_owned(), Some(row.train_loss)),
            ("validation_loss".to_owned(), row.validation_loss),
            ("validation_pcc".to_owned(), row.validation_pcc),
            ("validation_spearman".to_owned(), row.validation_spearman),
        ];
        // What this training does not measure is not told.
        let values = values.into_iter().filter(|(name, value)| value.is_some() || name != "validation_spearman");
        self.watch.get_mut().event(Event::Epoch {
            label: self.label.clone(),
            epoch: row.epoch as u64,
            epochs: self.epochs as u64,
            values: values.collect(),
            seconds,
        });
    }

    fn should_stop(&self) -> Option<Stop> {
        self.watch.borrow_mut().stop_asked().then_some(Stop::Now)
    }
}

fn kind(name: NetworkName) -> BackboneKind {
    match name {
        NetworkName::EfficientnetB0 => BackboneKind::EfficientNetB0,
        NetworkName::EfficientnetB7 => BackboneKind::EfficientNetB7,
        NetworkName::Resnet18 => BackboneKind::Resnet18,
        NetworkName::Resnet50 => BackboneKind::Resnet50,
        NetworkName::Densenet121 => BackboneKind::Densenet121,
        NetworkName::MobilenetV2 => BackboneKind::MobilenetV2,
        NetworkName::TinyCnn => BackboneKind::TinyCnn,
        NetworkName::VisionMlpMultitask => BackboneKind::VisionMlp,
    }
}

fn config(p: &Protocol, fold: usize) -> Config {
    let mut c = Config::new(kind(p.network.name));
    c.hidden = p.network.hidden;
    c.dropout = p.network.dropout;
    c.learning = match p.network.trainable {
        Trainable::Named(TrainablePart::All) => Learning::All,
        Trainable::Named(TrainablePart::Head) => Learning::Nothing,
        Trainable::From(k) => Learning::From(k),
    };
    c.norms_move = p.network.frozen_norm == FrozenNorm::Moving;
    c.start_at_mean = p.network.head_start == HeadStart::TrainingMean;
    c.optimiser = p.train.optimiser;
    c.loss = p.train.loss;
    c.drop_last = p.train.drop_last;
    c.same_order = p.train.same_order;
    c.held_out_changed = p.augmentation.held_out;
    match p.patch.normalise {
        Normalise::Imagenet => {}
        Normalise::Raw => (c.mean, c.std) = ([0.0; 3], RAW),
        Normalise::Unit => (c.mean, c.std) = ([0.0; 3], [1.0; 3]),
    }
    c.retrieval = p.retrieval;
    c.batch = p.train.batch;
    c.evaluation_batch = p.train.batch;
    c.epochs = p.train.epochs;
    c.learning_rate = p.train.learning_rate;
    c.weight_decay = p.train.weight_decay;
    c.schedule = p.train.schedule;
    c.floor = p.train.half_period.zip(p.train.floor).map(|(half_period, share)| train::Floor { half_period, share });
    c.epoch_loss = p.train.epoch_loss;
    c.best = p.train.best;
    c.precision = p.train.precision;
    c.patience = p.train.patience;
    c.save_every = Duration::from_secs(60 * p.determinism.save_minutes);
    c.seed = p.seed;
    c.fold = fold as u64;
    c.colour = p.patch.colour;
    c.loader_threads = p.determinism.loader_threads;
    c.threads = p.determinism.threads;
    c.class = p.determinism.class;
    c.device = p.determinism.device;
    c
}

/// The deviations that leave a byte's value as it is: exactly 1 / 255, and 255 times that is 1.
const RAW: [f32; 3] = [1.0 / 255.0; 3];

/// The side of the patches in an artifact, checked to be square and RGB.
fn side(arrays: &Arrays) -> Result<usize> {
    match arrays.entry("patches")?.shape.as_slice() {
        [_, h, w, 3] if h == w => Ok(*h),
        other => Err(Failure::input(format!("patches of shape {other:?} where [N, P, P, 3] is due"))),
    }
}

/// Whether the loss after each epoch is that of the test spots: to choose the checkpoint by it, or, where nothing else is
/// there, to step the schedule with it.
fn looks_at_test(p: &Protocol, alone: bool) -> bool {
    p.train.best.looks_at_test() || (p.train.best == Best::Last && p.train.schedule == Schedule::CosineOfLoss && alone)
}

/// The clusters of all spots, as the network is told them.
fn told(clusters: Option<&Artifact>, spots: usize) -> Result<Option<train::Clusters>> {
    let Some(artifact) = clusters else { return Ok(None) };
    let found = clusters::Found::read(&artifact.dir, spots)?;
    Ok(Some(train::Clusters::new(&found.labels, found.summary.clusters)))
}

/// Image features of all spots' patches, and how many a spot. Always on the processor: a run on a GPU has the same clusters.
pub(super) fn features(stage: &clusters::Clusters, watch: &mut dyn Watch) -> Result<(Vec<f32>, usize)> {
    let patches = Arrays::open(&stage.patches.file("patches.safetensors"))?;
    let d = &stage.protocol.determinism;
    let what = train::Features {
        network: kind(stage.how.network),
        weights: stage.weights.as_deref(),
        seed: stage.protocol.seed,
        threads: d.threads,
        loader_threads: d.loader_threads,
        class: d.class,
    };
    let (label, started) = (stage.label(), Instant::now());
    train::features(&what, patches.u8s("patches")?, side(&patches)?, &mut |done, total| {
        let rate = done as f64 / started.elapsed().as_secs_f64().max(1e-9);
        watch.event(Event::Progress { label: label.clone(), done: done as u64, total: total as u64, unit: "images".into(), rate });
        !watch.stop_asked()
    })
}

/// The bytes of the labelled spots' patches; those of unlabelled slides stand behind them.
fn labelled(bytes: &[u8], side: usize, spots: usize) -> Result<&[u8]> {
    bytes.get(..spots * side * side * 3).ok_or_else(|| Failure::input(format!("there are fewer patches than spots ({spots})")))
}

pub(super) fn train(stage: &Train, out: &Path, watch: &mut dyn Watch) -> Result<()> {
    let p = &stage.protocol;
    let expression = Expression::read(&stage.preprocess.dir)?;
    let fold = files::fold(&stage.split.dir, stage.fold, expression.spots.len())?;
    let patches = Arrays::open(&stage.patches.file("patches.safetensors"))?;
    let mut c = config(p, stage.fold);
    c.clusters = told(stage.clusters.as_ref(), expression.spots.len())?;
    c.weights = stage.weights.clone();
    c.identity = stage.job().key().to_string();
    let side = side(&patches)?;
    let data = Data {
        patches: labelled(patches.u8s("patches")?, side, expression.spots.len())?,
        side,
        targets: &expression.values,
        genes: expression.genes.len(),
        train: &fold.train,
        validation: if looks_at_test(p, fold.validation.is_empty()) { &fold.test } else { &fold.validation },
    };
    let augment = Keyed::new(p, stage.fold, &fold.train);
    let mut telling = Telling {
        watch: RefCell::new(watch),
        label: stage.label(),
        epochs: c.epochs,
        images: fold.train.len(),
        epoch_started: Instant::now(),
    };
    train::fit(&c, &data, &augment, out, &mut telling).map(|_| ())
}

pub(super) fn predict(stage: &Predict, expression: &Expression, fold: &Fold, _watch: &mut dyn Watch) -> Result<Vec<f32>> {
    let patches = Arrays::open(&stage.patches.file("patches.safetensors"))?;
    let mut c = config(&stage.protocol, 0);
    c.clusters = told(stage.clusters.as_ref(), expression.spots.len())?;
    let checkpoint = stage.train.file("checkpoint.safetensors");
    let mut what = train::Prediction::of(&c, expression.genes.len(), &checkpoint);
    what.eight_views = stage.protocol.augmentation.test_views == 8;
    let side = side(&patches)?;
    let bytes = labelled(patches.u8s("patches")?, side, expression.spots.len())?;
    let augment = Keyed::new(&stage.protocol, stage.fold, &fold.train);
    let changed = stage.protocol.augmentation.held_out.then_some(&augment as &dyn train::Augment);
    let Some(how) = &stage.protocol.retrieval else { return train::predict(&what, bytes, side, &fold.test, changed) };
    // As published: the spots that chose the checkpoint answer too.
    let mut keys: Vec<usize> = fold.train.iter().chain(&fold.validation).copied().collect();
    keys.sort_unstable();
    train::retrieve(&what, how, train::Pool { expression: &expression.values, keys: &keys }, bytes, side, &fold.test, changed)
}

/// What a fold's checkpoint says of these rows of patches, [rows, genes].
pub(super) fn answers(
    p: &Protocol,
    trained: &Artifact,
    patches: &Artifact,
    genes: usize,
    rows: &[usize],
    swapped: bool,
) -> Result<Vec<f32>> {
    if p.retrieval.is_some() || p.clusters.is_some() {
        return Err(Failure::input(
            "networks that answer by retrieval, or are told clusters, neither stack nor answer for unlabelled slides",
        ));
    }
    let patches = Arrays::open(&patches.file("patches.safetensors"))?;
    let checkpoint = trained.file("checkpoint.safetensors");
    let mut what = train::Prediction::of(&config(p, 0), genes, &checkpoint);
    what.swapped = swapped;
    train::predict(&what, patches.u8s("patches")?, side(&patches)?, rows, None)
}

/// How a stack's fold is trained.
fn stacking(p: &Protocol, stack: &schema::Stack, fold: usize, identity: String) -> train::Stacking {
    train::Stacking {
        learning_rate: stack.learning_rate,
        epochs: stack.epochs,
        batch: stack.batch,
        patience: stack.patience,
        seed: p.seed,
        fold: fold as u64,
        threads: p.determinism.threads,
        class: p.determinism.class,
        device: p.determinism.device,
        identity,
    }
}

/// Trains a stack's fold into `out`, and gives its answers for the fold's held-out spots. `inputs` are the level-0 matrix and
/// its width. Without validation spots the held-out ones choose, as published.
pub(super) fn stack(
    stage: &Stacked,
    expression: &Expression,
    fold: &Fold,
    inputs: (&[f32], usize),
    out: &Path,
    watch: &mut dyn Watch,
) -> Result<Vec<f32>> {
    let (p, (values, width)) = (&stage.protocol, inputs);
    let how = stack_of(p)?;
    let mut scaled = None;
    if how.standardise {
        let (mean, deviation) = train::stacking::column_scales(values, width, &fold.train);
        let mut arrays = ArraysWriter::new();
        arrays.f32s("mean", &[width], &mean).f32s("deviation", &[width], &deviation);
        arrays.write(&out.join(SCALES))?;
        scaled = Some(train::stacking::scaled(values, &(mean, deviation)));
    }
    let values = scaled.as_deref().unwrap_or(values);
    let training = stacking(p, how, stage.fold, stage.job().key().to_string());
    let genes = expression.genes.len();
    let table = train::stacking::Table {
        inputs: values,
        width,
        targets: &expression.values,
        genes,
        train: &fold.train,
        validation: if fold.validation.is_empty() { &fold.test } else { &fold.validation },
    };
    let mut telling = Telling {
        watch: RefCell::new(watch),
        label: stage.label(),
        epochs: how.epochs,
        images: fold.train.len(),
        epoch_started: Instant::now(),
    };
    train::stack(&training, &table, out, &mut telling)?;
    let rows: Vec<f32> = fold.test.iter().flat_map(|&r| &values[r * width..(r + 1) * width]).copied().collect();
    train::stacking::stack_answers(&out.join("checkpoint.safetensors"), &rows, &training)
}

/// A trained stack's answers for rows of level-0 predictions as they are.
pub(super) fn stack_answers(p: &Protocol, trained: &Artifact, fold: usize, inputs: &[f32]) -> Result<Vec<f32>> {
    let scaled = scales(&trained.dir)?.map(|scales| train::stacking::scaled(inputs, &scales));
    let training = stacking(p, stack_of(p)?, fold, String::new());
    train::stacking::stack_answers(&trained.file("checkpoint.safetensors"), scaled.as_deref().unwrap_or(inputs), &training)
}

/// Reads the scales that a stack's inputs were brought to; none where they were taken as they are.
fn scales(dir: &Path) -> Result<Option<(Vec<f32>, Vec<f32>)>> {
    let path = dir.join(SCALES);
    if !path.exists() {
        return Ok(None);
    }
    let arrays = Arrays::open(&path)?;
    Ok(Some((arrays.f32s("mean")?, arrays.f32s("deviation")?)))
}

/// The file with a stack's input scales.
const SCALES: &str = "scales.safetensors";
