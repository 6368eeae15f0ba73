//! The networks that can be trained, and what each descends.

use super::config::{Config, Data};
use crate::base::Result;
use crate::nn::bleep::{Bleep, Shape};
use crate::nn::{Regressor, Store, Torch};
use crate::protocol::schema::Loss;
use tch::{Reduction, Tensor};

/// Something that a training step can descend.
pub trait Objective {
    /// The loss of a batch in training mode, and what its value is divided by where it is shown: all losses of a history are
    /// means over spots.
    fn objective(&self, images: &Tensor, truth: &Tensor) -> Torch<(Tensor, f64)>;
}

/// The mean squared error.
impl Objective for Regressor {
    fn objective(&self, images: &Tensor, truth: &Tensor) -> Torch<(Tensor, f64)> {
        Ok((self.forward(images, true)?.f_mse_loss(truth, Reduction::Mean)?, 1.0))
    }
}

/// A network of a training.
pub enum Net {
    /// Patch to expression, by the mean squared error.
    Mean(Regressor),
    /// The same, by the sum over spots of the mean over genes (ST-Net's).
    Sum(Regressor),
    /// Patches and spots in one space.
    Bleep(Bleep),
}

impl Net {
    /// Builds a training's network: initial draws, then pretrained weights, then a head that begins at the mean.
    pub fn new(config: &Config, data: &Data, device: tch::Device) -> Result<Self> {
        let frozen = config.frozen();
        if let Some(r) = &config.retrieval {
            let shape = Shape { genes: data.genes, width: r.width, dropout: config.dropout, temperature: r.temperature };
            let net = Bleep::new(config.network, shape, frozen, config.seed, device)?;
            config.weights.as_deref().map_or(Ok(()), |w| net.load_backbone(w))?;
            return Ok(Self::Bleep(net));
        }
        let joined = config.clusters.as_ref().map_or(0, |c| c.columns);
        let net = Regressor::beside(config.network, config.head(data.genes), joined, frozen, config.seed, device)?;
        config.weights.as_deref().map_or(Ok(()), |w| net.load_backbone(w))?;
        if config.start_at_mean {
            net.start_at(&mean_target(data))?;
        }
        Ok(if config.loss == Loss::SquaredErrorSum { Self::Sum(net) } else { Self::Mean(net) })
    }

    /// Its tensors.
    pub fn store(&self) -> &Store {
        match self {
            Self::Mean(net) | Self::Sum(net) => &net.store,
            Self::Bleep(net) => &net.store,
        }
    }
}

impl Objective for Net {
    fn objective(&self, images: &Tensor, truth: &Tensor) -> Torch<(Tensor, f64)> {
        Told { net: self, clusters: None }.objective(images, truth)
    }
}

/// A network that is told the clusters of a batch's spots, where it takes them.
pub struct Told<'a> {
    /// The network.
    pub net: &'a Net,
    /// One-hot clusters of the batch.
    pub clusters: Option<Tensor>,
}

impl Objective for Told<'_> {
    fn objective(&self, images: &Tensor, truth: &Tensor) -> Torch<(Tensor, f64)> {
        let clusters = self.clusters.as_ref();
        match self.net {
            Net::Mean(net) => Ok((net.forward_beside(images, clusters, true)?.f_mse_loss(truth, Reduction::Mean)?, 1.0)),
            Net::Sum(net) => {
                let (spots, genes) = truth.size2()?;
                let sum = net.forward_beside(images, clusters, true)?.f_mse_loss(truth, Reduction::Sum)?;
                Ok((sum.f_div_scalar(genes as f64)?, spots as f64))
            }
            Net::Bleep(net) => Ok((net.loss(images, truth, true)?, 1.0)),
        }
    }
}

/// The mean target of the training spots, per gene: f64 sums in the split's order, stored as f32.
fn mean_target(data: &Data) -> Vec<f32> {
    let mut sums = vec![0f64; data.genes];
    for &row in data.train {
        for (sum, &v) in sums.iter_mut().zip(&data.targets[row * data.genes..(row + 1) * data.genes]) {
            *sum += f64::from(v);
        }
    }
    sums.into_iter().map(|s| (s / data.train.len() as f64) as f32).collect()
}
