//! One training of one fold.

use super::batches::Maker;
use super::config::{Augment, Config, Data, Progress, Stop};
use super::determinism::{self, Grade};
use super::evaluate::{evaluate, score, within_spots};
use super::history::{EpochRow, History, json, summarise};
use super::net::{Net, Objective, Told};
use super::optimiser::{self, Optimiser};
use super::queue::in_order;
use super::scaler::Scaler;
use super::schedule::learning_rate;
use super::state::{self, Best, Standing};
use crate::base::arrays::ArraysWriter;
use crate::base::{Digest, Draw, Failure, IoContext, Result, atomic};
use crate::nn::{Doing, Torch, init};
use crate::protocol::schema;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};
use tch::Tensor;

/// What a training leaves behind.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What happened.
    pub history: History,
    /// Digest of `checkpoint.safetensors`.
    pub checkpoint: Digest,
    /// Which switches were on.
    pub grade: Grade,
}

/// Trains and writes `checkpoint.safetensors` (the chosen epoch's weights and running statistics), `history.json` and
/// `grade.json` into `dir`. While it runs, `dir` also holds `state.safetensors`: a call with the same parameters and data
/// goes on from there, and ends in the same bytes as one that was never interrupted.
///
/// Random draws: `manual_seed(seed)` of libtorch for the initial values; the order of spots keyed by ("train/order", fold,
/// epoch); dropout and stochastic depth by re-seeding libtorch before each step with ("train/step", fold, epoch, step).
/// Epochs count from 1, steps from 0.
///
/// Errors: bad input (2); interrupted by `progress` (3); a loss that is not finite (1); environment, when the determinism
/// class cannot be had or libtorch fails (4).
pub fn fit(config: &Config, data: &Data, augment: &dyn Augment, dir: &Path, progress: &mut dyn Progress) -> Result<Outcome> {
    config.check(data)?;
    if config.class == schema::Class::Portable {
        determinism::require_portable(config.network.name(), config.operations())?;
    }
    let device = determinism::device(config.device)?;
    let grade = determinism::set(config.threads, config.device)?;
    determinism::require(&grade, config.class)?;
    std::fs::create_dir_all(dir).doing("make the folder", dir)?;
    let net = Net::new(config, data, device)?;
    let optimiser = optimiser::of(config.optimiser, net.store(), config.weight_decay)?;
    let state_path = dir.join("state.safetensors");
    let digest = config.digest(data)?;
    let mut run = Run {
        config,
        data,
        device,
        net,
        optimiser,
        best: Best::default(),
        maker: Maker::new(config, data),
        digest,
        state_path: &state_path,
        saved: Instant::now(),
        cost: Duration::ZERO,
    };
    let mut standing =
        state::resume(&state_path, digest, run.net.store(), &mut *run.optimiser, &mut run.best)?.unwrap_or_else(Standing::start);
    if standing.scaler.is_none() && config.precision == schema::Precision::Mixed && device.is_cuda() {
        standing.scaler = Some(Scaler::default());
    }
    // Whoever draws from libtorch's generator holds it; here for the whole training, since each step re-seeds it.
    let generator = init::generator();
    while standing.epoch <= config.epochs && !standing.exhausted(config.patience) {
        run.epoch(&mut standing, augment, progress)?;
    }
    drop(generator);
    let mut out = ArraysWriter::new();
    match config.best {
        schema::Best::Last => run.net.store().write_into(&mut out, "")?,
        _ => run.best.write_into(&mut out, ""),
    }
    let checkpoint = out.write(&dir.join("checkpoint.safetensors"))?;
    let best_epoch = if config.best == schema::Best::Last { config.epochs } else { standing.best_epoch };
    let (all, learning) = (run.net.store().parameter_count(), run.net.store().learning_count());
    let history = History { best_epoch, learning: (learning < all).then_some(learning), epochs: standing.history };
    history.write(&dir.join("history.json"))?;
    atomic::write(&dir.join("grade.json"), &json(&grade))?;
    std::fs::remove_file(&state_path).doing("remove the training's state", &state_path)?;
    Ok(Outcome { history, checkpoint, grade })
}

/// A training in progress.
struct Run<'a> {
    config: &'a Config,
    data: &'a Data<'a>,
    device: tch::Device,
    net: Net,
    optimiser: Box<dyn Optimiser>,
    best: Best,
    maker: Maker<'a>,
    digest: Digest,
    state_path: &'a Path,
    /// When the state was last saved, and how long that took.
    saved: Instant,
    cost: Duration,
}

/// An epoch that ends so soon after the last save that another one would cost more than a fiftieth of the time is not saved:
/// what a kill then loses is fifty times what a save takes. Resumed or not, the bytes are the same.
const SAVE_SHARE: u32 = 50;

impl Run<'_> {
    /// Runs the rest of the epoch in progress, evaluates, chooses, saves, and moves the standing to the next epoch.
    fn epoch(&mut self, standing: &mut Standing, augment: &dyn Augment, progress: &mut dyn Progress) -> Result<()> {
        let (config, data) = (self.config, self.data);
        let last_loss = standing.history.last().and_then(|r| r.validation_loss);
        let rate = learning_rate(config.schedule, config.learning_rate, config.epochs, config.floor, standing.epoch, last_loss);
        self.steps(standing, rate, augment, progress)?;
        let train_loss = summarise(&standing.losses, config.epoch_loss);
        let (validation_loss, validation_pcc, validation_spearman) = if data.validation.is_empty() {
            (None, None, None)
        } else {
            let (batch, threads) = (config.evaluation_batch, config.loader_threads);
            let view = config.held_out_changed.then_some((augment, standing.epoch));
            let mut evaluated = evaluate(&self.net, &self.maker, data.validation, view, batch, threads, self.device, true)?;
            evaluated.losses.retain(|&(rows, _)| !config.drop_last || rows == batch);
            let (loss, pcc) = score(data, data.validation, &evaluated, config.epoch_loss);
            finite(loss, "validation loss", standing.epoch)?;
            let spearman = if config.best.by_spearman() { within_spots(data, data.validation, &evaluated) } else { None };
            (Some(loss), pcc, spearman)
        };
        // What chooses is the smaller the better; without a correlation an epoch is as bad as the worst.
        let choosing =
            if config.best.by_spearman() { validation_loss.map(|_| -validation_spearman.unwrap_or(-1.0)) } else { validation_loss };
        if let (Some(loss), false) = (choosing, config.best == schema::Best::Last) {
            let mut chosen = standing.chosen();
            if chosen.offer(standing.epoch, loss) {
                self.best.take(self.net.store())?;
            }
            standing.choose(chosen);
        }
        let row = EpochRow { epoch: standing.epoch, learning_rate: rate, train_loss, validation_loss, validation_pcc, validation_spearman };
        standing.history.push(row.clone());
        standing.epoch += 1;
        standing.step = 0;
        standing.losses.clear();
        progress.epoch(&row);
        let stop = progress.should_stop().is_some();
        if stop || self.saved.elapsed() >= self.cost * SAVE_SHARE {
            let began = Instant::now();
            self.save(standing)?;
            self.saved = Instant::now();
            self.cost = self.saved - began;
            progress.saved(self.cost.as_secs_f64());
        }
        if stop && standing.epoch <= config.epochs && !standing.exhausted(config.patience) {
            return Err(stopped(standing));
        }
        Ok(())
    }

    /// The training steps of the epoch in progress that are left.
    fn steps(&mut self, standing: &mut Standing, rate: f64, augment: &dyn Augment, progress: &mut dyn Progress) -> Result<()> {
        let (config, data) = (self.config, self.data);
        let key = [config.fold, standing.epoch as u64];
        let rows = super::batches::order(config.seed, config.fold, config.order_of(standing.epoch), data.train);
        let total = if config.drop_last { rows.len() / config.batch } else { rows.len().div_ceil(config.batch) };
        let part = |i: usize| &rows[i * config.batch..rows.len().min((i + 1) * config.batch)];
        let epoch = standing.epoch;
        let (started, mut seen) = (Instant::now(), 0usize);
        // The maker is shared with the loader threads; network and optimiser stay on this one.
        let maker = &self.maker;
        let (net, optimiser, device) = (&self.net, &mut *self.optimiser, self.device);
        let (best, digest, state_path) = (&self.best, self.digest, self.state_path);
        let (saved, cost) = (&mut self.saved, &mut self.cost);
        in_order(
            config.loader_threads,
            standing.step..total,
            |i| maker.make(part(i), Some((augment, epoch))),
            |i, batch| {
                let seed = Draw::keyed(config.seed, "train/step", &[key[0], key[1], i as u64]).u64() >> 1;
                let truth = batch.truth(device).torch("copy a batch")?;
                let images = batch.images(device).torch("copy a batch")?;
                let told = Told { net, clusters: batch.clusters(device).torch("copy a batch")? };
                let loss = match &mut standing.scaler {
                    None => step(&told, optimiser, &images, &truth, seed as i64, rate),
                    Some(scaler) => mixed_step(&told, optimiser, scaler, &images, &truth, seed as i64, rate),
                }
                .torch("take a training step")?;
                finite(loss, "training loss", epoch)?;
                standing.losses.push((batch.rows, loss));
                standing.step = i + 1;
                standing.optimiser_steps = optimiser.steps();
                seen += batch.rows;
                progress.batch(i + 1, total, loss, seen as f64 / started.elapsed().as_secs_f64().max(1e-9));
                let stop = progress.should_stop() == Some(Stop::Now);
                if i + 1 < total && (stop || saved.elapsed() >= config.save_every) {
                    let began = Instant::now();
                    state::save(state_path, digest, standing, net.store(), optimiser, best)?;
                    *saved = Instant::now();
                    *cost = *saved - began;
                    progress.saved(cost.as_secs_f64());
                    if stop {
                        return Err(stopped(standing));
                    }
                }
                Ok(ControlFlow::Continue(()))
            },
        )
    }

    fn save(&self, standing: &Standing) -> Result<()> {
        state::save(self.state_path, self.digest, standing, self.net.store(), &*self.optimiser, &self.best)
    }
}

/// One step: forward, loss, backward, optimiser. Gives the loss before the step, as the history shows it.
pub fn step(net: &dyn Objective, optimiser: &mut dyn Optimiser, images: &Tensor, truth: &Tensor, seed: i64, rate: f64) -> Torch<f64> {
    tch::manual_seed(seed);
    let (loss, divisor) = net.objective(images, truth)?;
    optimiser.clear_gradients()?;
    loss.f_backward()?;
    optimiser.step(rate)?;
    Ok(loss.f_double_value(&[])? / divisor)
}

/// One step in mixed precision: the forward pass and the loss under autocast, the backward pass from the scaled loss. A
/// step whose gradients overflowed moves nothing.
pub fn mixed_step(
    net: &dyn Objective,
    optimiser: &mut dyn Optimiser,
    scaler: &mut Scaler,
    images: &Tensor,
    truth: &Tensor,
    seed: i64,
    rate: f64,
) -> Torch<f64> {
    tch::manual_seed(seed);
    let (loss, divisor) = tch::autocast(true, || net.objective(images, truth))?;
    optimiser.clear_gradients()?;
    scaler.scaled(&loss)?.f_backward()?;
    let sound = scaler.unscale(optimiser.parameters())?;
    if sound {
        optimiser.step(rate)?;
    }
    scaler.update(sound);
    Ok(loss.f_double_value(&[])? / divisor)
}

fn finite(loss: f64, what: &str, epoch: usize) -> Result<()> {
    if loss.is_finite() {
        return Ok(());
    }
    Err(Failure::check(format!("the {what} of epoch {epoch} is {loss}: the training diverged")).hint("choose a smaller learning rate"))
}

fn stopped(standing: &Standing) -> Failure {
    let where_ = if standing.step == 0 { format!("after epoch {}", standing.epoch - 1) } else { format!("in epoch {}", standing.epoch) };
    Failure::interrupted(format!("the training was stopped {where_}")).hint("run the same command again to go on from there")
}
