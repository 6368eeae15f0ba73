//! Keys of `[genes]` and `[expression]`: which genes are predicted, and how counts become targets.

use super::data::Median;
use serde::{Deserialize, Serialize};

/// The gene panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genes {
    /// How the panel is chosen.
    pub rule: PanelRule,
    /// How many genes, for the `top-` rules and `seurat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// The genes, for the rule `list`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<String>,
    /// Which spots choose: `"train"`, `"all"`, or a list of slides.
    #[serde(default, skip_serializing_if = "PanelFrom::unsaid")]
    pub from: PanelFrom,
    /// The common gene space of the slides.
    pub space: GeneSpace,
}

/// Rules for choosing genes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PanelRule {
    /// The named genes.
    List,
    /// The k genes with the largest mean raw count; ties by gene order.
    TopMean,
    /// The k genes with the largest variance of the transformed expression; ties by gene order.
    TopVariance,
    /// scanpy's variable genes of flavour "seurat": the k most variable of each slide, ties included, and their union over slides, in gene order.
    Seurat,
    /// The genes that the data set's publishers chose (GSE240429: `hvg_union.npy`; an imported table: its columns).
    Published,
}

/// Which spots choose the panel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"train\", \"all\" or a list of slides")]
pub enum PanelFrom {
    /// A named set.
    Named(PanelSet),
    /// The spots of these slides.
    Slides(Vec<String>),
    /// Every spot, when nothing is said (a list needs no spots).
    #[default]
    #[serde(skip_deserializing)]
    Unsaid,
}

impl PanelFrom {
    /// Nothing said has no form in a file: a stored protocol leaves the key out.
    pub(super) fn unsaid(&self) -> bool {
        *self == Self::Unsaid
    }
}

/// Named sets of spots that choose a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PanelSet {
    /// Training spots only. Needs a split with one fold.
    Train,
    /// Every spot, test spots included: a leak, and reported as one.
    All,
}

/// How slides with different gene lists get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GeneSpace {
    /// Genes that every slide has, in the first slide's order.
    Intersect,
    /// Genes that any slide has, sorted; absent counts are 0.
    Union,
}

/// Counts to targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expression {
    /// The transform.
    pub transform: Transform,
    /// Counts a spot is scaled to, for `log1p-total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Over which spots of a slide the median total is taken, for `log1p-median` and the rule `seurat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median: Option<Median>,
    /// What equal values get, for `rank`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
}

/// Ranks of equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// By their order in the panel: a published quirk (Q10).
    Ordinal,
    /// The mean of the ranks that they take up.
    Average,
}

/// Expression transforms; natural logarithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// ln(1 + count).
    Log1p,
    /// ln(1 + target · count / total), the total over all genes of the spot.
    Log1pTotal,
    /// ln((1 + count) / (G + total)), as ST-Net does.
    StNet,
    /// The counts themselves.
    Raw,
    /// scanpy's `normalize_total` to the slide's median total, then `log1p`, in f32 as scanpy computes.
    Log1pMedian,
    /// No counts: the values that the data set brings (GSE240429: Harmony's output; an imported table's).
    Given,
    /// Rank of a gene's count among the panel's genes of the same spot, from 1 for the least; of the values that the data
    /// set brings where it brings any (EL Hackathon 2025: abundances of cell types).
    Rank,
}
