//! Keys of `[network]` and `[retrieval]`: which network, where its weights come from, what of it learns, and how BLEEP
//! answers.

use super::check::Problem;
use super::schema::{Loss, Protocol};
use crate::base::Digest;
pub use crate::stats::retrieval::Averaging;
use serde::{Deserialize, Serialize};

/// Network and weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Which backbone.
    pub name: NetworkName,
    /// `"random"`, or a safetensors file below `weights/`.
    pub weights: String,
    /// SHA-256 of the weight file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<Digest>,
    /// Width of the head's hidden layer; 0 for none.
    pub hidden: usize,
    /// Dropout before each linear layer of the head.
    pub dropout: f64,
    /// Which part of the backbone learns; the head always does.
    #[serde(default, skip_serializing_if = "Trainable::is_all")]
    pub trainable: Trainable,
    /// What frozen batch normalisations do while the rest learns.
    #[serde(default, skip_serializing_if = "FrozenNorm::is_fixed")]
    pub frozen_norm: FrozenNorm,
    /// What the head begins with.
    #[serde(default, skip_serializing_if = "HeadStart::is_drawn")]
    pub head_start: HeadStart,
}

/// Backbones, with torchvision's names and shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkName {
    /// EfficientNet-B0.
    EfficientnetB0,
    /// EfficientNet-B7.
    EfficientnetB7,
    /// ResNet-18.
    Resnet18,
    /// ResNet-50.
    Resnet50,
    /// DenseNet-121.
    Densenet121,
    /// MobileNetV2.
    MobilenetV2,
    /// Two small convolutions: for tests and for trying things out.
    TinyCnn,
    /// HEVisum's multi-scale network over a tile of 78 pixels.
    VisionMlpMultitask,
}

impl NetworkName {
    /// The smallest patch that it can see, in pixels.
    pub fn smallest_patch(self) -> usize {
        match self {
            Self::TinyCnn => 8,
            Self::VisionMlpMultitask => 78,
            _ => 32,
        }
    }

    /// The largest one, if there is one.
    pub fn largest_patch(self) -> Option<usize> {
        (self == Self::VisionMlpMultitask).then_some(78)
    }
}

/// Which part of the backbone learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"all\", \"head\" or a whole number k (features[k:])")]
pub enum Trainable {
    /// A named part.
    Named(TrainablePart),
    /// Python's slice `features[k:]` of torchvision's `features`, as the liver script freezes. A network without that
    /// attribute (ResNet) is then frozen whole (quirk M2).
    From(i64),
}

/// Named parts of a network that learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrainablePart {
    /// Everything.
    All,
    /// The head alone.
    Head,
}

impl Default for Trainable {
    fn default() -> Self {
        Self::Named(TrainablePart::All)
    }
}

impl Trainable {
    /// Whether everything learns.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// What frozen batch normalisations do in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrozenNorm {
    /// They normalise by their running statistics, which stay as they are.
    #[default]
    Fixed,
    /// They normalise by the batch's statistics, and the running ones follow: a published quirk (M4).
    Moving,
}

impl FrozenNorm {
    fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }
}

/// What the output layer begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadStart {
    /// PyTorch's draws.
    #[default]
    Drawn,
    /// Weight 0, and as bias the mean target of the training spots, as ST-Net does.
    TrainingMean,
}

impl HeadStart {
    fn is_drawn(&self) -> bool {
        *self == Self::Drawn
    }
}

/// Patches and spots in one space, as BLEEP does it: predictions are the expression of similar training spots.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// Length of an embedding.
    pub width: usize,
    /// Divides all products of embeddings in the loss.
    pub temperature: f64,
    /// How the expression of similar spots becomes a prediction.
    pub mode: Averaging,
    /// How many similar spots.
    pub k: usize,
}

/// What must hold of the network's keys together.
pub(super) fn check(p: &Protocol) -> std::result::Result<(), Problem> {
    let n = &p.network;
    let least = n.name.smallest_patch();
    if p.patch.resize < least {
        return Err(Problem::new("patch.resize", format!("this network needs at least {least} pixels")));
    }
    if let Some(most) = n.name.largest_patch().filter(|&most| p.patch.resize > most) {
        return Err(Problem::new("patch.resize", format!("this network takes patches of {most} pixels")));
    }
    if n.name == NetworkName::VisionMlpMultitask {
        let wrong = [
            (n.hidden != 0, "network.hidden", "this network has a decoder of its own: 0"),
            (n.weights != "random", "network.weights", "no weights of this network are published: \"random\""),
            (!n.trainable.is_all(), "network.trainable", "this network learns as a whole: \"all\""),
            (n.head_start != HeadStart::Drawn, "network.head_start", "its decoder begins as PyTorch draws it"),
            (p.retrieval.is_some(), "retrieval", "this network does not answer by retrieval"),
            (p.clusters.is_some(), "clusters", "this network is told no clusters"),
        ];
        if let Some((_, key, what)) = wrong.iter().find(|(holds, _, _)| *holds) {
            return Err(Problem::new(key, *what));
        }
    }
    if !matches!(p.augmentation.test_views, 1 | 8) {
        return Err(Problem::new("augmentation.test_views", "1, or the 8 views of a square"));
    }
    if p.augmentation.held_out && p.augmentation.test_views != 1 {
        return Err(Problem::new("augmentation.held_out", "held-out patches are changed at random, or all views are averaged: not both"));
    }
    let contrastive = p.train.loss == Loss::Contrastive;
    let Some(r) = &p.retrieval else {
        return match contrastive {
            true => Err(Problem::new("train.loss", "\"contrastive\" trains embeddings: say in [retrieval] how they answer")),
            false => Ok(()),
        };
    };
    let wrong = [
        (!contrastive, "train.loss", "with [retrieval] only \"contrastive\" can be learned"),
        (p.augmentation.test_views != 1, "augmentation.test_views", "with [retrieval] a patch asks as it is: 1"),
        (n.hidden != 0, "network.hidden", "with [retrieval] there is no head: 0"),
        (n.head_start != HeadStart::Drawn, "network.head_start", "with [retrieval] there is no head"),
        (!(1..=65_536).contains(&r.width), "retrieval.width", "between 1 and 65536"),
        (r.temperature.is_nan() || r.temperature <= 0.0 || r.temperature.is_infinite(), "retrieval.temperature", "a positive number"),
        (!(1..=1_000_000).contains(&r.k), "retrieval.k", "between 1 and 1000000"),
    ];
    match wrong.iter().find(|(holds, _, _)| *holds) {
        Some((_, key, what)) => Err(Problem::new(key, *what)),
        None => Ok(()),
    }
}
