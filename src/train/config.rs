//! What a training needs to know, and whom it tells.

use super::history::EpochRow;
use super::schedule::Floor;
use crate::base::digest::Hasher;
use crate::base::{Digest, Failure, Result, canon};
use crate::nn::{BackboneKind, Frozen, Head, Learning, operations, regressor::patch_count};
use crate::protocol::schema::{Best, Class, Colour, Device, EpochLoss, Loss, Optimiser, Precision, Retrieval, Schedule};
use std::path::PathBuf;
use std::time::Duration;

/// Channel means of ImageNet, of values in 0..1, red first.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Channel standard deviations of ImageNet.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Parameters of one training. All but `loader_threads` and `save_every` can change the result.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which backbone.
    pub network: BackboneKind,
    /// Width of the head's hidden layer; 0 for none.
    pub hidden: usize,
    /// Dropout before each linear layer of the head, in 0..1.
    pub dropout: f64,
    /// Which part of the backbone learns.
    pub learning: Learning,
    /// Frozen normalisations follow the batches (quirk M4).
    pub norms_move: bool,
    /// The output layer begins with weight 0 and the mean target of the training spots as bias.
    pub start_at_mean: bool,
    /// A network of BLEEP's kind in place of a regressor; then `hidden` counts for nothing, and the loss is contrastive.
    pub retrieval: Option<Retrieval>,
    /// The cluster of every spot, joined to the image features; none for a network that is told none.
    pub clusters: Option<Clusters>,
    /// Pretrained backbone weights (safetensors); none for random ones.
    pub weights: Option<PathBuf>,
    /// Spots a training step; a shorter last batch is used too.
    pub batch: usize,
    /// A last batch that is not full is left out, of the training and of the validation loss.
    pub drop_last: bool,
    /// Every epoch takes the spots in the order of the first.
    pub same_order: bool,
    /// Validation patches are changed like training patches.
    pub held_out_changed: bool,
    /// Spots an evaluation step (it may change the last bits, so it is pinned).
    pub evaluation_batch: usize,
    /// Passes over the training spots.
    pub epochs: usize,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// How gradients become steps.
    pub optimiser: Optimiser,
    /// What is descended.
    pub loss: Loss,
    /// L2 weight decay, added to the gradient; with AdamW taken off the weights.
    pub weight_decay: f64,
    /// How the learning rate goes.
    pub schedule: Schedule,
    /// Where the schedule's cosine ends, for the schedules that have a floor.
    pub floor: Option<Floor>,
    /// How batch losses become an epoch's loss.
    pub epoch_loss: EpochLoss,
    /// Which epoch's weights are kept. The kinds that look at test spots act as their validation twins: the caller then gives the test
    /// spots as `validation`.
    pub best: Best,
    /// Precision of the forward and backward pass.
    pub precision: Precision,
    /// Epochs in a row without a smaller loss after which training ends; none for all epochs.
    pub patience: Option<usize>,
    /// The state is saved this often inside an epoch; never part of the result.
    pub save_every: Duration,
    /// The protocol's seed.
    pub seed: u64,
    /// Number of the fold, part of every key of a draw.
    pub fold: u64,
    /// Channel order that the network sees; patches are stored as RGB.
    pub colour: Colour,
    /// Channel means, by channel position (blue gets the first one under `Colour::Bgr`).
    pub mean: [f32; 3],
    /// Channel standard deviations, by channel position.
    pub std: [f32; 3],
    /// Threads that prepare batches; never part of the result.
    pub loader_threads: usize,
    /// Threads inside libtorch; part of the result.
    pub threads: usize,
    /// The determinism class asked for; less is an error.
    pub class: Class,
    /// Where to compute.
    pub device: Device,
    /// Anything else that identifies the work (a stage's key): a state of another identity is not resumed.
    pub identity: String,
}

impl Config {
    /// A small CPU training with the defaults of the liver baseline where they do not matter to a test.
    pub fn new(network: BackboneKind) -> Self {
        Self {
            network,
            hidden: 0,
            dropout: 0.0,
            learning: Learning::All,
            norms_move: false,
            start_at_mean: false,
            retrieval: None,
            clusters: None,
            weights: None,
            batch: 32,
            drop_last: false,
            same_order: false,
            held_out_changed: false,
            evaluation_batch: 32,
            epochs: 1,
            learning_rate: 3e-4,
            optimiser: Optimiser::Adam,
            loss: Loss::Mse,
            weight_decay: 0.0,
            schedule: Schedule::Constant,
            floor: None,
            epoch_loss: EpochLoss::SpotMean,
            best: Best::Last,
            precision: Precision::Full,
            patience: None,
            save_every: Duration::from_secs(300),
            seed: 42,
            fold: 0,
            colour: Colour::Rgb,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            loader_threads: 1,
            threads: 1,
            class: Class::Statistical,
            device: Device::Cpu,
            identity: String::new(),
        }
    }

    /// The epoch whose order of spots an epoch takes.
    pub fn order_of(&self, epoch: usize) -> usize {
        if self.same_order { 1 } else { epoch }
    }

    /// The head for so many genes.
    pub fn head(&self, genes: usize) -> Head {
        Head { hidden: self.hidden, dropout: self.dropout, outputs: genes }
    }

    /// What of the backbone is frozen.
    pub fn frozen(&self) -> Frozen {
        Frozen::new(self.network, self.learning, self.norms_move)
    }

    /// All calculations of such a training and of the prediction after it.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> {
        let optimiser = match self.optimiser {
            Optimiser::Adam => operations::ADAM,
            Optimiser::Adamw => operations::ADAMW,
            Optimiser::Sgd => operations::SGD,
        };
        let head = if self.retrieval.is_some() { operations::BLEEP } else { operations::REGRESSION };
        let hidden = if self.retrieval.is_none() && self.hidden > 0 { operations::HIDDEN } else { &[] };
        operations::of(self.network).chain([optimiser, head, hidden].into_iter().flatten().copied())
    }

    /// Refuses what cannot be trained.
    pub fn check(&self, data: &Data) -> Result<()> {
        let rows = patch_count(data.patches, data.side)?;
        let bad = |what: String| Err(Failure::input(what));
        if self.batch == 0 || self.evaluation_batch == 0 || self.epochs == 0 || self.threads == 0 {
            return bad("batch, evaluation batch, epochs and threads must be at least 1".into());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad(format!("dropout is {}, where a number from 0 up to, not including, 1 is due", self.dropout));
        }
        if data.genes == 0 || data.targets.len() != rows * data.genes {
            return bad(format!("{} target values for {rows} patches and {} genes", data.targets.len(), data.genes));
        }
        if data.train.is_empty() {
            return bad("no training spots".into());
        }
        if let Some(side) = self.network.only_side().filter(|&side| side != data.side) {
            return bad(format!("patches of {} pixels, and {} takes those of {side}", data.side, self.network.name()));
        }
        if self.schedule.has_floor() != self.floor.is_some_and(|f| f.half_period > 0) {
            return bad("a schedule with a floor needs its half period, and others take none".into());
        }
        if self.best.by_spearman() && (self.retrieval.is_some() || data.genes < 2) {
            return bad("the rank correlation within spots needs two genes, and a network that predicts them".into());
        }
        if let Some(clusters) = &self.clusters {
            clusters.check(rows)?;
            if self.retrieval.is_some() {
                return bad("a network that answers by retrieval is told no clusters".into());
            }
        }
        if self.drop_last && data.train.len() < self.batch {
            return bad(format!(
                "{} training spots make no whole batch of {}, and what is not whole is left out",
                data.train.len(),
                self.batch
            ));
        }
        if self.retrieval.is_some() != (self.loss == Loss::Contrastive) {
            return bad("the contrastive loss and retrieval belong together".into());
        }
        // As PyTorch refuses it: the running variance of one value is not a number.
        let last = (data.train.len() - 1) % self.batch + 1;
        if last == 1 && !self.drop_last && self.network.last_side(data.side) <= 1 {
            return bad(format!(
                "the last batch of {} training spots in batches of {} holds one spot, and patches of {} pixels leave it one number a channel: batch normalisation has no variance there; choose another batch",
                data.train.len(),
                self.batch,
                data.side
            ));
        }
        if let Some(row) = data.train.iter().chain(data.validation).find(|&&r| r >= rows) {
            return bad(format!("row {row} of a split, but there are {rows} patches"));
        }
        if let Some(at) = data.targets.iter().position(|v| !v.is_finite()) {
            return bad(format!("the target of row {}, gene {}, is not a finite number", at / data.genes, at % data.genes));
        }
        if self.patience.is_some() && self.best == Best::Last {
            return bad("patience waits for a smaller loss, and the last epoch is kept whatever its loss".into());
        }
        if data.validation.is_empty() && (self.best != Best::Last || self.schedule == Schedule::CosineOfLoss) {
            return bad("the choice of the best epoch, or the schedule, needs validation spots, and there are none".into());
        }
        Ok(())
    }

    /// What a resumable state belongs to: parameters and data, without the number of loader threads.
    pub fn digest(&self, data: &Data) -> Result<Digest> {
        let weights = self.weights.as_deref().map(Digest::of_file).transpose()?;
        let rows = |rows: &[usize]| hashed(rows.iter().map(|&r| (r as u64).to_le_bytes()));
        let mut all = serde_json::json!({
            "network": self.network.name(), "hidden": self.hidden, "dropout": self.dropout,
            "learning": format!("{:?}", self.learning), "norms_move": self.norms_move, "start_at_mean": self.start_at_mean, "retrieval": self.retrieval.map(|r| (r.width, r.temperature)), "drop_last": self.drop_last,
            "optimiser": self.optimiser, "loss": self.loss, "weights": weights.map(|d| d.to_string()),
            "batch": self.batch, "evaluation_batch": self.evaluation_batch, "epochs": self.epochs,
            "learning_rate": self.learning_rate, "weight_decay": self.weight_decay, "schedule": self.schedule,
            "epoch_loss": self.epoch_loss, "best": self.best, "patience": self.patience, "precision": self.precision, "seed": self.seed, "fold": self.fold, "colour": self.colour,
            "mean": self.mean, "std": self.std, "threads": self.threads, "device": self.device, "identity": self.identity,
            "side": data.side, "genes": data.genes, "patches": data.patches.len(),
            "train": rows(data.train), "validation": rows(data.validation),
            "targets": hashed(data.targets.iter().map(|v| v.to_le_bytes())),
        });
        if let Some(floor) = self.floor {
            all["floor"] = serde_json::json!([floor.half_period as f64, floor.share]);
        }
        if self.same_order || self.held_out_changed {
            all["as_published"] = serde_json::json!([self.same_order, self.held_out_changed]);
        }
        if let Some(clusters) = &self.clusters {
            all["clusters"] = serde_json::json!({"columns": clusters.columns, "of": rows(&clusters.of)});
        }
        Ok(canon::digest(&all))
    }
}

fn hashed<const N: usize>(items: impl Iterator<Item = [u8; N]>) -> String {
    let mut hasher = Hasher::default();
    items.for_each(|i| hasher.update(&i));
    hasher.finish().to_string()
}

/// The cluster of every spot, as the network is told it: a one-hot vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clusters {
    /// Length of the vector: the clusters, and one column for noise.
    pub columns: usize,
    /// The column of every row, one a row.
    pub of: Vec<usize>,
}

impl Clusters {
    /// Of labels in which negative numbers are noise: noise has the last column.
    pub fn new(labels: &[i64], clusters: usize) -> Self {
        Self { columns: clusters + 1, of: labels.iter().map(|&l| usize::try_from(l).unwrap_or(clusters)).collect() }
    }

    /// Refuses labels that do not fit so many patches, or name a column that is not there.
    pub fn check(&self, rows: usize) -> Result<()> {
        if self.of.len() != rows || self.of.iter().any(|&c| c >= self.columns) {
            let what = format!("{} cluster labels in {} columns for {rows} patches", self.of.len(), self.columns);
            return Err(Failure::input(what));
        }
        Ok(())
    }
}

/// What is trained on.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// [N, P, P, 3] bytes, RGB.
    pub patches: &'a [u8],
    /// P, in pixels.
    pub side: usize,
    /// [N, G].
    pub targets: &'a [f32],
    /// G.
    pub genes: usize,
    /// Rows that are learned from.
    pub train: &'a [usize],
    /// Rows that are evaluated after each epoch; may be empty.
    pub validation: &'a [usize],
}

/// Changes training patches. Whatever is random in it is keyed by epoch (from 1) and sample (row), never sequential:
/// several threads call it in any order.
pub trait Augment: Sync {
    /// Writes the changed `src` to `dst`; both hold `side` x `side` x 3 bytes, RGB (channels
    /// are swapped for the network only afterwards).
    fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: usize, sample: usize);
}

/// Changes nothing.
pub struct Unchanged;

impl Augment for Unchanged {
    fn apply(&self, src: &[u8], dst: &mut [u8], _: usize, _: usize, _: usize) {
        dst.copy_from_slice(src);
    }
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After this step; the state is saved in the middle of the epoch.
    Now,
    /// After this epoch.
    AfterEpoch,
}

/// Who is told how it goes, and may stop it.
pub trait Progress {
    /// A training step is done: steps of this epoch, its loss, speed since the epoch (or the resumption) began.
    fn batch(&mut self, _done: usize, _total: usize, _loss: f64, _images_per_second: f64) {}
    /// An epoch is done.
    fn epoch(&mut self, _row: &EpochRow) {}
    /// The state was saved; it took so many seconds, the disk included.
    fn saved(&mut self, _seconds: f64) {}
    /// Whether to stop.
    fn should_stop(&self) -> Option<Stop> {
        None
    }
}

/// Nobody is told.
pub struct Quiet;

impl Progress for Quiet {}
