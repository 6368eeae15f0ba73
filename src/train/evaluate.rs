//! Evaluation: prediction in a fixed order, loss and correlation of a validation set.

use super::batches::Maker;
use super::config::{Augment, Clusters, Config, Data};
use super::history::summarise;
use super::net::Net;
use super::queue::in_order;
use super::{determinism, schedule};
use crate::base::{Failure, Result};
use crate::histology::Dihedral;
use crate::nn::bleep::{Bleep, Shape};
use crate::nn::regressor::patch_count;
use crate::nn::{BackboneKind, Doing, Frozen, Head, Regressor, store};
use crate::protocol::schema::{Colour, Device, EpochLoss, Retrieval};
use crate::stats::correlation::pearson;
use crate::stats::retrieval::Keys;
use std::ops::ControlFlow;
use std::path::Path;
use tch::{Reduction, Tensor, no_grad};

/// Predictions of some rows, and their batch losses.
pub struct Evaluated {
    /// [rows, G], in the order of the rows given; nothing of a network that answers by retrieval.
    pub prediction: Vec<f32>,
    /// Each batch's spots and loss (mean squared error, or the contrastive one); without truth, nothing.
    pub losses: Vec<(usize, f64)>,
}

/// Runs a network over rows in evaluation mode, batch by batch, in the order given.
#[expect(clippy::too_many_arguments, reason = "a private function; each is one plain number or handle")]
pub(super) fn evaluate(
    net: &Net,
    maker: &Maker,
    rows: &[usize],
    view: Option<(&dyn Augment, usize)>,
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
        |i| maker.make(part(i), view),
        |_, made| {
            let images = made.images(device).torch("copy a batch")?;
            let truth = with_truth.then(|| made.truth(device)).transpose().torch("copy a batch")?;
            let clusters = made.clusters(device).torch("copy a batch")?;
            let run = || match net {
                Net::Mean(net) | Net::Sum(net) => {
                    let y = net.forward_beside(&images, clusters.as_ref(), false)?;
                    let loss = truth.as_ref().map(|t| y.f_mse_loss(t, Reduction::Mean)?.f_double_value(&[])).transpose()?;
                    Ok((Some(y), loss))
                }
                // What it predicts is not known before there are keys.
                Net::Bleep(net) => Ok((None, truth.as_ref().map(|t| net.loss(&images, t, false)?.f_double_value(&[])).transpose()?)),
            };
            let (y, loss) = no_grad(run).torch("predict")?;
            out.prediction.extend(y.map(|y| store::values(&y)).transpose()?.unwrap_or_default());
            out.losses.extend(loss.map(|l| (made.rows, l)));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(out)
}

/// Loss of a validation set by the rule, and the mean correlation over genes that have one.
pub(super) fn score(data: &Data, rows: &[usize], evaluated: &Evaluated, how: EpochLoss) -> (f64, Option<f64>) {
    if evaluated.prediction.is_empty() {
        return (summarise(&evaluated.losses, how), None);
    }
    let column = |of: &[f32], gene: usize| of.iter().skip(gene).step_by(data.genes).map(|&v| f64::from(v)).collect::<Vec<_>>();
    let truth: Vec<f32> = rows.iter().flat_map(|&r| &data.targets[r * data.genes..(r + 1) * data.genes]).copied().collect();
    let defined: Vec<f64> = (0..data.genes).filter_map(|g| pearson(&column(&evaluated.prediction, g), &column(&truth, g))).collect();
    let pcc = if defined.is_empty() { None } else { Some(defined.iter().sum::<f64>() / defined.len() as f64) };
    (summarise(&evaluated.losses, how), pcc)
}

/// Mean over a validation set's spots of the rank correlation within the spot; spots without one are left out.
pub(super) fn within_spots(data: &Data, rows: &[usize], evaluated: &Evaluated) -> Option<f64> {
    let truth: Vec<f32> = rows.iter().flat_map(|&r| &data.targets[r * data.genes..(r + 1) * data.genes]).copied().collect();
    crate::stats::within::within_spots(&evaluated.prediction, &truth, data.genes).1
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
    /// The cluster of every spot, for a network that is told it.
    pub clusters: Option<Clusters>,
    /// A multi-scale network's scales reach its decoder in the order of the published stacking (quirk Q1).
    pub swapped: bool,
    /// Spots a step; part of the result's last bits.
    pub batch: usize,
    /// The mean over the eight views of a patch in place of the patch as it is.
    pub eight_views: bool,
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
            clusters: config.clusters.clone(),
            swapped: false,
            batch: config.evaluation_batch,
            eight_views: false,
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
///
/// `changed` changes the patches that ask, as in an epoch 0 (quirk B2); not together with eight views.
pub fn predict(what: &Prediction, patches: &[u8], side: usize, rows: &[usize], changed: Option<&dyn Augment>) -> Result<Vec<f32>> {
    let device = ready(what, patches, side, rows)?;
    let head = Head { hidden: what.hidden, dropout: 0.0, outputs: what.genes };
    let net = Regressor::beside(what.network, head, what.clusters.as_ref().map_or(0, |c| c.columns), Frozen::default(), 0, device)?;
    net.load(what.weights)?;
    let net = net.with_scales_swapped(what.swapped);
    let maker = Maker::of(patches, side, &[], 0, what.colour, what.mean, what.std).told(what.clusters.as_ref());
    let net = Net::Mean(net);
    let view = |view: Option<(&dyn Augment, usize)>| evaluate(&net, &maker, rows, view, what.batch, what.loader_threads, device, false);
    if !what.eight_views {
        return Ok(view(changed.map(|augment| (augment, 0)))?.prediction);
    }
    let mut sums = vec![0f64; rows.len() * what.genes];
    for one in Dihedral::ALL {
        let seen = view(Some((&View(one), 0)))?.prediction;
        sums.iter_mut().zip(seen).for_each(|(sum, v)| *sum += f64::from(v));
    }
    Ok(sums.into_iter().map(|s| (s / 8.0) as f32).collect())
}

/// A patch turned and mirrored in one way.
struct View(Dihedral);

impl Augment for View {
    fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, _: usize, _: usize) {
        self.0.copy(src, dst, side);
    }
}

/// Checks what a prediction is asked for, and sets libtorch's switches.
fn ready(what: &Prediction, patches: &[u8], side: usize, rows: &[usize]) -> Result<tch::Device> {
    let count = patch_count(patches, side)?;
    if let Some(row) = rows.iter().find(|&&r| r >= count) {
        return Err(Failure::input(format!("row {row} of a split, but there are {count} patches")));
    }
    if what.batch == 0 || what.threads == 0 {
        return Err(Failure::input("batch and threads must be at least 1"));
    }
    what.clusters.as_ref().map_or(Ok(()), |c| c.check(count))?;
    let device = determinism::device(what.device)?;
    determinism::set(what.threads, what.device)?;
    Ok(device)
}

/// Spots that a prediction by retrieval may answer with.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// Expression of all spots, [N, G].
    pub expression: &'a [f32],
    /// The rows that are keys.
    pub keys: &'a [usize],
}

/// Predicts expression [rows, G] by retrieval: the patches of `rows` ask, the expression of the keys answers. Else as
/// [`predict`].
pub fn retrieve(
    what: &Prediction,
    how: &Retrieval,
    pool: Pool,
    patches: &[u8],
    side: usize,
    rows: &[usize],
    changed: Option<&dyn Augment>,
) -> Result<Vec<f32>> {
    let g = what.genes;
    if g == 0 || pool.keys.is_empty() || pool.keys.iter().any(|&r| (r + 1) * g > pool.expression.len()) {
        return Err(Failure::input("there are no spots to answer with"));
    }
    let device = ready(what, patches, side, rows)?;
    let shape = Shape { genes: g, width: how.width, dropout: 0.0, temperature: how.temperature };
    let net = Bleep::new(what.network, shape, Frozen::default(), 0, device)?;
    net.load(what.weights)?;
    let expression: Vec<f32> = pool.keys.iter().flat_map(|&r| &pool.expression[r * g..(r + 1) * g]).copied().collect();
    let mut keys = Vec::with_capacity(pool.keys.len() * how.width);
    for part in expression.chunks(what.batch * g) {
        let embed = || net.spots(&Tensor::f_from_slice(part)?.f_reshape([-1, g as i64])?.f_to_device(device)?, false);
        keys.extend(store::values(&no_grad(embed).torch("embed spots")?)?);
    }
    let maker = Maker::of(patches, side, &[], 0, what.colour, what.mean, what.std);
    let part = |i: usize| &rows[i * what.batch..rows.len().min((i + 1) * what.batch)];
    let mut queries = Vec::with_capacity(rows.len() * how.width);
    in_order(
        what.loader_threads,
        0..rows.len().div_ceil(what.batch),
        |i| maker.make(part(i), changed.map(|augment| (augment, 0))),
        |_, made| {
            let embedded = no_grad(|| net.images(&made.images(device)?, false)).torch("embed patches")?;
            queries.extend(store::values(&embedded)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let keys = Keys::new(&keys, how.width, &expression, g);
    Ok(queries.chunks_exact(how.width).flat_map(|q| keys.predict(q, how.k, how.mode)).collect())
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
