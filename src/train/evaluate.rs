//! Evaluation: prediction in a fixed order, loss and correlation of a validation set.

use super::batches::Maker;
use super::config::{Config, Data};
use super::history::summarise;
use super::queue::in_order;
use super::{determinism, schedule};
use crate::base::{Failure, Result};
use crate::nn::regressor::patch_count;
use crate::nn::{BackboneKind, Doing, Head, Regressor, store};
use crate::protocol::schema::{Colour, Device, EpochLoss};
use crate::stats::correlation::pearson;
use std::ops::ControlFlow;
use std::path::Path;
use tch::{Reduction, no_grad};

/// Predictions of some rows, and their batch losses.
pub struct Evaluated {
    /// [rows, G], in the order of the rows given.
    pub prediction: Vec<f32>,
    /// Each batch's spots and mean squared error; without truth, nothing.
    pub losses: Vec<(usize, f64)>,
}

/// Runs a network over rows in evaluation mode, batch by batch, in the order given.
pub(super) fn evaluate(
    net: &Regressor,
    maker: &Maker,
    rows: &[usize],
    batch: usize,
    threads: usize,
    device: tch::Device,
    with_truth: bool,
) -> Result<Evaluated> {
    let mut out = Evaluated { prediction: Vec::new(), losses: Vec::new() };
    let steps = rows.len().div_ceil(batch);
    let part = |i: usize| &rows[i * batch..rows.len().min((i + 1) * batch)];
    in_order(
        threads,
        0..steps,
        |i| maker.make(part(i), None),
        |_, made| {
            let run = || {
                let y = net.forward(&made.images(device)?, false)?;
                let loss = if with_truth { Some(y.f_mse_loss(&made.truth(device)?, Reduction::Mean)?.f_double_value(&[])?) } else { None };
                Ok((y, loss))
            };
            let (y, loss) = no_grad(run).torch("predict")?;
            out.prediction.extend(store::values(&y)?);
            out.losses.extend(loss.map(|l| (made.rows, l)));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(out)
}

/// Loss of a validation set by the rule, and the mean correlation over genes that have one.
pub(super) fn score(data: &Data, rows: &[usize], evaluated: &Evaluated, how: EpochLoss) -> (f64, Option<f64>) {
    let column = |of: &[f32], gene: usize| of.iter().skip(gene).step_by(data.genes).map(|&v| f64::from(v)).collect::<Vec<_>>();
    let truth: Vec<f32> = rows.iter().flat_map(|&r| &data.targets[r * data.genes..(r + 1) * data.genes]).copied().collect();
    let defined: Vec<f64> = (0..data.genes).filter_map(|g| pearson(&column(&evaluated.prediction, g), &column(&truth, g))).collect();
    let pcc = if defined.is_empty() { None } else { Some(defined.iter().sum::<f64>() / defined.len() as f64) };
    (summarise(&evaluated.losses, how), pcc)
}

/// What a prediction needs besides patches.
#[derive(Clone, Debug)]
pub struct Prediction<'a> {
    /// The checkpoint: `backbone.*`, `hidden.*`, `regressor.*`.
    pub weights: &'a Path,
    /// Its backbone.
    pub network: BackboneKind,
    /// Its hidden width; 0 for none.
    pub hidden: usize,
    /// Its outputs.
    pub genes: usize,
    /// Spots a step; part of the result's last bits.
    pub batch: usize,
    /// Channel order, means and deviations as in training.
    pub colour: Colour,
    /// See [`Config::mean`].
    pub mean: [f32; 3],
    /// See [`Config::std`].
    pub std: [f32; 3],
    /// Threads inside libtorch; part of the result.
    pub threads: usize,
    /// Threads that prepare batches; never part of the result.
    pub loader_threads: usize,
    /// Where to compute.
    pub device: Device,
}

impl<'a> Prediction<'a> {
    /// With the settings of a training.
    pub fn of(config: &Config, genes: usize, weights: &'a Path) -> Self {
        Self {
            weights,
            network: config.network,
            hidden: config.hidden,
            genes,
            batch: config.evaluation_batch,
            colour: config.colour,
            mean: config.mean,
            std: config.std,
            threads: config.threads,
            loader_threads: config.loader_threads,
            device: config.device,
        }
    }
}

/// Predicts expression [rows, G] with a checkpoint: evaluation mode, rows in the order given, batches from the first row
/// on. `patches` is [N, P, P, 3] RGB with P = `side`. Sets libtorch's switches as a training does, so that the same
/// checkpoint gives the same bytes.
pub fn predict(what: &Prediction, patches: &[u8], side: usize, rows: &[usize]) -> Result<Vec<f32>> {
    let count = patch_count(patches, side)?;
    if let Some(row) = rows.iter().find(|&&r| r >= count) {
        return Err(Failure::input(format!("row {row} of a split, but there are {count} patches")));
    }
    if what.batch == 0 || what.threads == 0 {
        return Err(Failure::input("batch and threads must be at least 1"));
    }
    let device = determinism::device(what.device)?;
    determinism::set(what.threads, what.device)?;
    let head = Head { hidden: what.hidden, dropout: 0.0, outputs: what.genes };
    let net = Regressor::new(what.network, head, 0, device)?;
    net.load(what.weights)?;
    let maker = Maker::of(patches, side, &[], 0, what.colour, what.mean, what.std);
    Ok(evaluate(&net, &maker, rows, what.batch, what.loader_threads, device, false)?.prediction)
}

/// The best epoch so far, and its loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Chosen {
    pub epoch: usize,
    pub loss: Option<f64>,
}

impl Chosen {
    /// Takes an epoch if it is strictly better; says whether it was.
    pub fn offer(&mut self, epoch: usize, loss: f64) -> bool {
        let better = schedule::improves(self.loss, loss);
        if better {
            *self = Self { epoch, loss: Some(loss) };
        }
        better
    }
}
