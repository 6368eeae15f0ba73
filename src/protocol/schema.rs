//! The protocol file, schema version 1: everything that can change the number, pinned.
//!
//! `docs/protocol.md` explains each key to a user; a test holds the two together.

pub use super::augmentation::{Replay, WarpBorder};
pub use super::clusters::{Clusters, Embedding, Weighting};
pub use super::data::{Imported, Median, Visium};
pub use super::execution::{Executor, Slurm};
pub use super::genes::{Expression, GeneSpace, Genes, PanelFrom, PanelRule, PanelSet, Ties, Transform};
pub use super::image::{Mask, MaskThreshold, NamedThreshold, Spots, Stain, StainMethod, StainReference};
pub use super::network::{Averaging, FrozenNorm, HeadStart, Network, NetworkName, Retrieval, Trainable, TrainablePart};
pub use super::stack::{Level0, Scales, Stack, StackSplit};
pub use super::training::{Best, EpochLoss, Loss, Optimiser, Precision, Schedule, Train};
use crate::base::{Digest, canon};
pub use crate::stats::evaluate::{Headline, Lattice, Pooling, Rank, Undefined};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema version that this program reads.
pub const SCHEMA: u32 = 1;

/// One protocol: a TOML file under `protocols/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Schema version; 1.
    pub schema: u32,
    /// The protocol's name: the file's stem, `[a-z0-9-]+`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The published system it re-runs, or `pinfold` for our own.
    pub system: String,
    /// Whether published quirks are kept.
    pub profile: Profile,
    /// The seed of every keyed draw: weights, order, dropout, augmentation.
    pub seed: u64,
    /// Seeds to repeat it with. Not part of the canonical form: each repetition is a run with a seed of its own.
    #[serde(default, skip_serializing)]
    pub seeds: Vec<u64>,
    /// Dataset and slides.
    pub data: Data,
    /// Which genes are predicted.
    pub genes: Genes,
    /// How counts become targets.
    pub expression: Expression,
    /// How spots are moved and which are left out, before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spots: Option<Spots>,
    /// How the slides' colours are made alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stain: Option<Stain>,
    /// What of a slide's image is background, and blanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
    /// The image square round a spot.
    pub patch: Patch,
    /// Train, validation and test assignment.
    pub split: Split,
    /// Network and weights.
    pub network: Network,
    /// How embeddings answer, for a network of BLEEP's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
    /// How spots are clustered for a network that is told their clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Clusters>,
    /// A model over the folds' predictions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
    /// Random changes of training patches.
    pub augmentation: Augmentation,
    /// Optimiser, schedule, length.
    pub train: Train,
    /// How reproducible the run must be.
    pub determinism: Determinism,
    /// What is measured, and how exactly.
    pub metrics: Metrics,
    /// Which figures the report draws.
    pub figures: Figures,
    /// Published numbers to stand beside ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// Named quirks of published code, each kept or mended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quirks: BTreeMap<String, Profile>,
    /// Who runs it. Not part of the canonical form: it does not change the number.
    #[serde(default, skip_serializing)]
    pub executor: Executor,
    /// What Slurm is asked for. Not part of the canonical form either.
    #[serde(default, skip_serializing)]
    pub slurm: Slurm,
}

/// What to do with the quirks of published code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Keep them: a faithful reproduction.
    AsPublished,
    /// Mend them: a sound one.
    Corrected,
    /// As a later rewrite by the same authors does it, where there is one.
    Rewrite,
}

/// Dataset and slides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Which reader.
    pub dataset: Dataset,
    /// The slides, in the order that everything downstream keeps.
    pub slides: Vec<String>,
    /// Slides without labels: they are predicted, and nothing is measured on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlabelled: Vec<String>,
    /// Parameters of synthetic slides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<Synthetic>,
    /// Where Visium slides lie, and what their files do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visium: Option<Visium>,
    /// Which imported table is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
    /// Expected SHA-256 by path below the data root; a file that differs stops the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<String, Digest>,
}

/// The datasets that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dataset {
    /// Slides made on the spot from a seed.
    Synthetic,
    /// HER2-positive breast cancer, legacy Spatial Transcriptomics (almaan/her2st).
    Her2st,
    /// Visium as Space Ranger 1 and 2 write it, one folder a slide.
    Visium,
    /// Human liver, Visium, as users of GSE240429 lay it out; slides `1` to `4`.
    Gse240429,
    /// A published `dataset.csv` with its patches, brought in by `pinfold data import`.
    Imported,
    /// The competition file that HEVisum works on: abundances of cell types, six slides and one without labels.
    #[serde(rename = "el-hackathon-2025")]
    ElHackathon2025,
}

impl Dataset {
    /// Whether the stage `ingest` writes the slides' images into its artifact, because there are no image files.
    pub fn brings_images(self) -> bool {
        matches!(self, Self::Synthetic | Self::ElHackathon2025)
    }
}

/// Parameters of synthetic slides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// Spots along one side of the square lattice.
    pub side: usize,
    /// Distance between spots, in pixels.
    pub pitch: usize,
    /// Number of genes: signal, gradient and noise genes in about equal parts.
    pub genes: usize,
    /// The slides' own seed; changing the protocol's seed keeps the data.
    pub seed: u64,
}

/// The image square round a spot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Side in level-0 pixels.
    pub size: usize,
    /// Side that the network sees (OpenCV bilinear); equal to `size` for no resize.
    pub resize: usize,
    /// How a fractional centre becomes a pixel.
    pub rounding: Rounding,
    /// What lies beyond the image.
    pub border: Border,
    /// Channel order that the network sees.
    pub colour: Colour,
    /// How bytes become numbers.
    #[serde(default, skip_serializing_if = "Normalise::is_imagenet")]
    pub normalise: Normalise,
}

/// Rounding of spot centres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Toward minus infinity.
    Floor,
    /// Toward zero (Python's `int`).
    Trunc,
    /// To the nearest, halves to even (NumPy's `rint`).
    HalfEven,
    /// To the nearest, halves up.
    HalfUp,
}

/// What a patch that leaves the image shows there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Border {
    /// Nothing: such a spot is an error.
    Refuse,
    /// White.
    White,
    /// The nearest pixel of the image.
    Edge,
}

/// How bytes become the numbers that the network sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// By ImageNet's channel means and deviations.
    #[default]
    Imagenet,
    /// Not at all, 0 to 255: a published quirk (B1).
    Raw,
    /// To 0..1, as torchvision's `ToTensor` does it.
    Unit,
}

impl Normalise {
    fn is_imagenet(&self) -> bool {
        *self == Self::Imagenet
    }
}

/// Channel order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    /// Red, green, blue: what the ImageNet statistics mean.
    Rgb,
    /// Blue, green, red under red-green-blue statistics: a published quirk (D6).
    Bgr,
}

/// Train, validation and test assignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The rule.
    pub kind: SplitKind,
    /// Share of spots held out, for `holdout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_size: Option<f64>,
    /// Number of folds, for `kfold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// The split's own seed (NumPy's generator, as scikit-learn uses it).
    pub seed: u64,
    /// Share of the training spots set aside to choose the checkpoint; 0 for none.
    pub validation: f64,
    /// Which slide is set aside to choose the checkpoint, for `leave-one-slide-out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_slide: Option<ValidationSlide>,
    /// Slides that only test. The rule then divides the other slides' spots, and what it holds out chooses the checkpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_slides: Vec<String>,
}

/// Split rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitKind {
    /// scikit-learn's `train_test_split` over all spots.
    Holdout,
    /// PyTorch's `random_split` over all spots in the order of the slides' expression files.
    TorchRandom,
    /// scikit-learn's shuffled `KFold` over all spots.
    Kfold,
    /// One fold a slide, that slide held out.
    LeaveOneSlideOut,
}

/// Slides that choose the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationSlide {
    /// The one after the held-out slide, the first after the last.
    Next,
}

/// Random changes of training patches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// The preset.
    pub preset: AugmentationPreset,
    /// Views of a patch whose predictions are averaged on held-out spots: 1, or the 8 of a square.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub test_views: usize,
    /// Draws that repeat, as unseeded loader processes repeat them: a published quirk (T3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// Border and scales of the warp of `mpa`.
    #[serde(default, skip_serializing_if = "WarpBorder::is_black")]
    pub warp: WarpBorder,
    /// Held-out patches are changed at random too, the validation spots afresh in every epoch: a published quirk (B2).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
    /// Which colour the colour jitter of `stnet-style` takes for red.
    #[serde(default = "red_first", skip_serializing_if = "is_red_first")]
    pub jitter: Colour,
}

fn one() -> usize {
    1
}

fn is_one(n: &usize) -> bool {
    *n == 1
}

fn red_first() -> Colour {
    Colour::Rgb
}

fn is_red_first(colour: &Colour) -> bool {
    *colour == Colour::Rgb
}

/// Augmentation presets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AugmentationPreset {
    /// Nothing.
    None,
    /// Flips and transpose: the eight views of a square.
    Dihedral,
    /// The liver baseline's: flips, transpose, shift-scale-rotate.
    Mpa,
    /// What scripts of the liver baseline call ST-Net's: quarter turns, flips, colour jitter, blur.
    StnetStyle,
    /// What ST-Net did: flips and a quarter turn.
    Stnet,
}

/// How reproducible the run must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Determinism {
    /// The class asked for; the run stops if it cannot have it.
    pub class: Class,
    /// Threads of libtorch; part of the result.
    pub threads: usize,
    /// Instruction set that libtorch, oneDNN and MKL are held to.
    pub instruction_set: InstructionSet,
    /// Threads that prepare batches; never part of the result.
    pub loader_threads: usize,
    /// Where training runs.
    pub device: Device,
    /// Minutes after which the state is saved inside an epoch; never part of the result.
    #[serde(default = "save_minutes", skip_serializing_if = "is_save_minutes")]
    pub save_minutes: u64,
}

/// Minutes between two saves inside an epoch, where a protocol says nothing.
pub const SAVE_MINUTES: u64 = 5;

fn save_minutes() -> u64 {
    SAVE_MINUTES
}

fn is_save_minutes(minutes: &u64) -> bool {
    *minutes == SAVE_MINUTES
}

/// Determinism classes (design, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Same within a stated tolerance.
    Statistical,
    /// Same bytes on the same kind of machine.
    Machine,
    /// Same bytes on any x86-64 machine with AVX2.
    Portable,
}

/// Instruction sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstructionSet {
    /// AVX2 everywhere.
    Avx2,
    /// Whatever the processor has.
    Native,
}

/// Devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The processor.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// What is measured, and how exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// What one correlation is taken over.
    pub pooling: Pooling,
    /// What a gene without a defined correlation counts as.
    pub undefined: Undefined,
    /// Genes at or above this correlation are counted.
    pub threshold: f64,
    /// Neighbours for Moran's I.
    pub lattice: Lattice,
    /// Which number stands first.
    #[serde(default, skip_serializing_if = "Headline::is_pcc")]
    pub headline: Headline,
    /// Named groups of genes whose mean correlation is reported.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Named groups of genes that are chosen by rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ranked: BTreeMap<String, Rank>,
}

/// Which figures the report draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Slide shown in the maps; the first one with test spots if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slide: Option<String>,
    /// Genes shown in the maps; the best, the median and the most autocorrelated if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub genes: Vec<String>,
}

/// A published number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The metric's id, as in our report.
    pub metric: String,
    /// The value.
    pub value: f64,
    /// Where it stands.
    pub source: String,
    /// How sure we are of it.
    pub status: PublishedStatus,
    /// How a reproduced value may differ and still count as reproduced.
    pub tolerance: f64,
}

/// How sure we are of a published number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedStatus {
    /// Read in the publication itself.
    Read,
    /// Read in another public source.
    Secondary,
    /// Not verified: it never yields "reproduced".
    Unverified,
}

impl Protocol {
    /// The digest of the resolved protocol: canonical JSON, so that comments and key order do not matter.
    pub fn digest(&self) -> Digest {
        canon::digest(&self.canonical())
    }

    /// The resolved protocol as a JSON value.
    pub fn canonical(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    /// The gene panel's name in metric ids: `top-mean-50@train`, `list-12@list`.
    pub fn panel_id(&self) -> String {
        let from = match &self.genes.from {
            PanelFrom::Named(PanelSet::Train) => "train".to_owned(),
            PanelFrom::Named(PanelSet::All) => "all".to_owned(),
            PanelFrom::Slides(s) => s.join("+"),
            PanelFrom::Unsaid => "list".to_owned(),
        };
        match self.genes.rule {
            PanelRule::List => format!("list-{}@list", self.genes.list.len()),
            PanelRule::TopMean => format!("top-mean-{}@{from}", self.genes.k.unwrap_or(0)),
            PanelRule::TopVariance => format!("top-variance-{}@{from}", self.genes.k.unwrap_or(0)),
            PanelRule::Seurat => format!("seurat-{}@{from}", self.genes.k.unwrap_or(0)),
            PanelRule::Published => "published@dataset".to_owned(),
        }
    }

    /// The transform's name in metric ids and on axes.
    pub fn expression_label(&self) -> String {
        match self.expression.transform {
            Transform::Log1p => "ln(1 + count)".to_owned(),
            Transform::Log1pTotal => {
                format!("ln(1 + {}·count/total)", crate::base::text::thousands(self.expression.target.unwrap_or(0.0) as u64))
            }
            Transform::StNet => "ln((1 + count)/(G + total))".to_owned(),
            Transform::Raw => "count".to_owned(),
            Transform::Log1pMedian => "ln(1 + count·median/total)".to_owned(),
            Transform::Given => "expression as given".to_owned(),
            Transform::Rank => "rank within the spot".to_owned(),
        }
    }
}
