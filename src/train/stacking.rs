//! The training of a meta-model over other networks' predictions (spec/hevisum.md, section 4.3).

use super::config::{Progress, Stop};
use super::determinism::{self, Grade};
use super::evaluate::Chosen;
use super::fit::step;
use super::history::{EpochRow, History, json, summarise};
use super::net::Objective;
use super::optimiser;
use super::schedule::plateau;
use super::state::{self, Best, Standing};
use crate::base::arrays::ArraysWriter;
use crate::base::digest::Hasher;
use crate::base::{Digest, Draw, Failure, IoContext, Result, atomic, canon};
use crate::nn::stacking::StackingMlp;
use crate::nn::{Doing, Torch, init, operations};
use crate::protocol::schema::{Class, Device, EpochLoss, Optimiser};
use std::path::Path;
use std::time::{Duration, Instant};
use tch::{Reduction, Tensor, no_grad};

/// Epochs without a better loss after which the rate is halved, and the least rate, as published.
const PLATEAU: (usize, f64) = (10, 1e-6);

/// How a meta-model is trained.
#[derive(Clone, Debug)]
pub struct Stacking {
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// Passes over the training rows, at most.
    pub epochs: usize,
    /// Rows a step; a shorter last batch is used too.
    pub batch: usize,
    /// Training ends after so many epochs in a row without a smaller validation loss.
    pub patience: usize,
    /// The protocol's seed, and the number of the fold: keys of all draws.
    pub seed: u64,
    /// See `seed`.
    pub fold: u64,
    /// Threads inside libtorch; part of the result.
    pub threads: usize,
    /// The determinism class asked for.
    pub class: Class,
    /// Where to compute.
    pub device: Device,
    /// Anything else that identifies the work.
    pub identity: String,
}

/// What a meta-model learns from.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// [N, I].
    pub inputs: &'a [f32],
    /// I.
    pub width: usize,
    /// [N, G].
    pub targets: &'a [f32],
    /// G.
    pub genes: usize,
    /// Rows that are learned from.
    pub train: &'a [usize],
    /// Rows whose loss sets the rate, chooses the epoch and ends the training.
    pub validation: &'a [usize],
}

impl Table<'_> {
    fn part(&self, rows: &[usize], device: tch::Device) -> Torch<(Tensor, Tensor)> {
        let pick = |of: &[f32], width: usize| {
            let values: Vec<f32> = rows.iter().flat_map(|&r| &of[r * width..(r + 1) * width]).copied().collect();
            Tensor::f_from_slice(&values)?.f_reshape([rows.len() as i64, width as i64])?.f_to_device(device)
        };
        Ok((pick(self.inputs, self.width)?, pick(self.targets, self.genes)?))
    }
}

impl Stacking {
    fn check(&self, t: &Table) -> Result<()> {
        let rows = t.targets.len().checked_div(t.genes).unwrap_or(0);
        let bad = |what: String| Err(Failure::input(what).at("stack"));
        if t.width == 0 || t.genes == 0 || t.inputs.len() != rows * t.width || t.targets.len() != rows * t.genes {
            return bad(format!("{} inputs and {} targets for rows of {} and {}", t.inputs.len(), t.targets.len(), t.width, t.genes));
        }
        if t.train.is_empty() || t.validation.is_empty() {
            return bad(format!("{} training and {} validation spots", t.train.len(), t.validation.len()));
        }
        if let Some(row) = t.train.iter().chain(t.validation).find(|&&r| r >= rows) {
            return bad(format!("row {row} of a split, but there are {rows}"));
        }
        if t.inputs.iter().chain(t.targets).any(|v| !v.is_finite()) {
            return bad("an input or a target is not a finite number".into());
        }
        // As PyTorch refuses it: one row has no variance.
        if self.batch < 2 || (t.train.len() - 1).is_multiple_of(self.batch) {
            return Err(Failure::input(format!(
                "the last batch of {} training spots in batches of {} holds one spot",
                t.train.len(),
                self.batch
            ))
            .at("stack.batch")
            .hint("choose another batch"));
        }
        Ok(())
    }

    fn digest(&self, t: &Table) -> Digest {
        let floats = |of: &[f32]| hashed(of.iter().map(|v| v.to_le_bytes()));
        let rows = |of: &[usize]| hashed(of.iter().map(|&r| (r as u64).to_le_bytes()));
        canon::digest(&serde_json::json!({
            "learning_rate": self.learning_rate, "epochs": self.epochs, "batch": self.batch, "patience": self.patience,
            "seed": self.seed, "fold": self.fold, "threads": self.threads, "device": self.device, "identity": self.identity,
            "width": t.width, "genes": t.genes, "inputs": floats(t.inputs), "targets": floats(t.targets),
            "train": rows(t.train), "validation": rows(t.validation),
        }))
    }

    /// All calculations of such a training.
    pub fn operations() -> impl Iterator<Item = &'static str> {
        let parts = [operations::TRAINING, operations::REGRESSION, operations::STACKING, operations::ADAM];
        parts.into_iter().flatten().copied()
    }
}

fn hashed<const N: usize>(items: impl Iterator<Item = [u8; N]>) -> String {
    let mut hasher = Hasher::default();
    items.for_each(|i| hasher.update(&i));
    hasher.finish().to_string()
}

/// The mean squared error.
impl Objective for StackingMlp {
    fn objective(&self, inputs: &Tensor, truth: &Tensor) -> Torch<(Tensor, f64)> {
        Ok((self.forward(inputs, true)?.f_mse_loss(truth, Reduction::Mean)?, 1.0))
    }
}

/// Trains and writes `checkpoint.safetensors` (the epoch of the smallest validation loss), `history.json` and `grade.json`
/// into `dir`. A call with the same numbers goes on from `state.safetensors`, and ends in the same bytes.
///
/// Draws as in [`super::fit()`], under the keys "stack/order" and "stack/step".
pub fn stack(how: &Stacking, table: &Table, dir: &Path, progress: &mut dyn Progress) -> Result<History> {
    how.check(table)?;
    if how.class == Class::Portable {
        determinism::require_portable("stack", Stacking::operations())?;
    }
    let device = determinism::device(how.device)?;
    let grade: Grade = determinism::set(how.threads, how.device)?;
    determinism::require(&grade, how.class)?;
    std::fs::create_dir_all(dir).doing("make the folder", dir)?;
    let net = StackingMlp::new(table.width, table.genes, how.seed, device)?;
    let mut optimiser = optimiser::of(Optimiser::Adam, &net.store, 0.0)?;
    let (path, digest, mut best) = (dir.join("state.safetensors"), how.digest(table), Best::default());
    let mut standing = state::resume(&path, digest, &net.store, &mut *optimiser, &mut best)?.unwrap_or_else(Standing::start);
    let generator = init::generator();
    let (mut saved, mut cost) = (Instant::now(), Duration::ZERO);
    while standing.epoch <= how.epochs && !standing.exhausted(Some(how.patience)) {
        let losses = standing.history.iter().filter_map(|r| r.validation_loss);
        let rate = plateau(how.learning_rate, losses, PLATEAU.0, PLATEAU.1);
        let key = [how.fold, standing.epoch as u64];
        let order = Draw::keyed(how.seed, "stack/order", &key).permutation(table.train.len());
        let rows: Vec<usize> = order.into_iter().map(|i| table.train[i]).collect();
        let mut batches = Vec::new();
        for (i, part) in rows.chunks(how.batch).enumerate() {
            let seed = Draw::keyed(how.seed, "stack/step", &[key[0], key[1], i as u64]).u64() >> 1;
            let (x, y) = table.part(part, device).torch("copy a batch")?;
            let loss = step(&net, &mut *optimiser, &x, &y, seed as i64, rate).torch("take a training step")?;
            batches.push((part.len(), loss));
        }
        standing.optimiser_steps = optimiser.steps();
        let train_loss = summarise(&batches, EpochLoss::SpotMean);
        let loss = validation(&net, table, how.batch, device)?;
        if !loss.is_finite() || !train_loss.is_finite() {
            return Err(Failure::check(format!("the stack's loss of epoch {} is not a number: the training diverged", standing.epoch))
                .hint("choose a smaller stack.learning_rate"));
        }
        let mut chosen: Chosen = standing.chosen();
        if chosen.offer(standing.epoch, loss) {
            best.take(&net.store)?;
        }
        standing.choose(chosen);
        let row = EpochRow {
            epoch: standing.epoch,
            learning_rate: rate,
            train_loss,
            validation_loss: Some(loss),
            validation_pcc: None,
            validation_spearman: None,
        };
        standing.history.push(row.clone());
        standing.epoch += 1;
        progress.epoch(&row);
        let stop: Option<Stop> = progress.should_stop();
        if stop.is_some() || saved.elapsed() >= cost * 50 {
            let began = Instant::now();
            state::save(&path, digest, &standing, &net.store, &*optimiser, &best)?;
            saved = Instant::now();
            cost = saved - began;
            progress.saved(cost.as_secs_f64());
        }
        if stop.is_some() && standing.epoch <= how.epochs && !standing.exhausted(Some(how.patience)) {
            return Err(Failure::interrupted(format!("the stack's training was stopped after epoch {}", standing.epoch - 1))
                .hint("run the same command again to go on from there"));
        }
    }
    drop(generator);
    let mut out = ArraysWriter::new();
    best.write_into(&mut out, "");
    out.write(&dir.join("checkpoint.safetensors"))?;
    let history = History { best_epoch: standing.best_epoch, learning: None, epochs: standing.history };
    history.write(&dir.join("history.json"))?;
    atomic::write(&dir.join("grade.json"), &json(&grade))?;
    // A training of no epoch that could be saved left none.
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(&e, "remove the training's state", &path)),
        _ => Ok(history),
    }
}

/// Mean squared error over the validation rows, every row counting the same.
fn validation(net: &StackingMlp, table: &Table, batch: usize, device: tch::Device) -> Result<f64> {
    let mut losses = Vec::new();
    for part in table.validation.chunks(batch) {
        let run = || {
            let (x, y) = table.part(part, device)?;
            net.forward(&x, false)?.f_mse_loss(&y, Reduction::Mean)?.f_double_value(&[])
        };
        losses.push((part.len(), no_grad(run).torch("evaluate the stack")?));
    }
    Ok(summarise(&losses, EpochLoss::SpotMean))
}

/// A meta-model's answers [rows, G] for rows of inputs, with a checkpoint; switches as in training.
pub fn stack_answers(checkpoint: &Path, inputs: &[f32], how: &Stacking) -> Result<Vec<f32>> {
    let device = determinism::device(how.device)?;
    determinism::set(how.threads, how.device)?;
    StackingMlp::open(checkpoint, device)?.answers(inputs, how.batch, device)
}

/// Means and deviations of columns over some rows, one each, in f64 and stored as f32; a constant column keeps deviation 1.
pub fn column_scales(inputs: &[f32], width: usize, rows: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let n = rows.len().max(1) as f64;
    let value = |row: usize, c: usize| f64::from(inputs[row * width + c]);
    (0..width)
        .map(|c| {
            let mean = rows.iter().map(|&r| value(r, c)).sum::<f64>() / n;
            let variance = rows.iter().map(|&r| (value(r, c) - mean) * (value(r, c) - mean)).sum::<f64>() / n;
            (mean as f32, if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 })
        })
        .unzip()
}

/// Inputs brought to these scales.
pub fn scaled(inputs: &[f32], (mean, deviation): &(Vec<f32>, Vec<f32>)) -> Vec<f32> {
    let row = |row: &[f32]| row.iter().zip(mean.iter().zip(deviation)).map(|(v, (m, d))| (v - m) / d).collect::<Vec<_>>();
    inputs.chunks_exact(mean.len().max(1)).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Quiet;

    fn how() -> Stacking {
        Stacking {
            learning_rate: 1e-2,
            epochs: 6,
            batch: 8,
            patience: 4,
            seed: 42,
            fold: 0,
            threads: 1,
            class: Class::Statistical,
            device: Device::Cpu,
            identity: String::new(),
        }
    }

    /// Stops after some epochs.
    struct StopAfter(usize, usize);
    impl Progress for StopAfter {
        fn epoch(&mut self, _: &EpochRow) {
            self.1 += 1;
        }
        fn should_stop(&self) -> Option<Stop> {
            (self.1 == self.0).then_some(Stop::AfterEpoch)
        }
    }

    #[test]
    fn it_learns_and_goes_on_where_it_was_stopped() {
        let inputs: Vec<f32> = (0..40 * 4).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
        let targets: Vec<f32> = inputs.chunks_exact(4).flat_map(|r| [r[0] + r[1], r[2] - r[3]]).collect();
        let (train, validation): (Vec<usize>, Vec<usize>) = (0..40).partition(|r| r % 4 != 0);
        let table = Table { inputs: &inputs, width: 4, targets: &targets, genes: 2, train: &train, validation: &validation };
        let (a, b) = (tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
        let whole = stack(&how(), &table, a.path(), &mut Quiet).expect("stack");
        assert!(whole.epochs.last().expect("epochs").train_loss < whole.epochs[0].train_loss);
        let stopped = stack(&how(), &table, b.path(), &mut StopAfter(2, 0)).expect_err("stopped");
        assert_eq!(stopped.exit, crate::base::Exit::Interrupted);
        assert_eq!(stack(&how(), &table, b.path(), &mut Quiet).expect("goes on"), whole);
        for file in ["checkpoint.safetensors", "history.json"] {
            let read = |d: &tempfile::TempDir| std::fs::read(d.path().join(file)).expect(file);
            assert_eq!(read(&a), read(&b), "{file}");
        }
        let answers = stack_answers(&a.path().join("checkpoint.safetensors"), &inputs, &how()).expect("answers");
        assert_eq!(answers.len(), 80);
        let one_left = Stacking { batch: 29, ..how() };
        assert!(stack(&one_left, &table, a.path(), &mut Quiet).expect_err("one row").to_string().contains("one spot"));
    }

    #[test]
    fn scales_come_from_the_training_rows() {
        let inputs = [1.0, 5.0, 3.0, 5.0, 100.0, 5.0];
        let scales = column_scales(&inputs, 2, &[0, 1]);
        assert_eq!(scales, (vec![2.0, 5.0], vec![1.0, 1.0]));
        assert_eq!(scaled(&inputs, &scales), [-1.0, 0.0, 1.0, 0.0, 98.0, 0.0]);
    }
}
