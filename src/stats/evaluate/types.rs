//! The shapes that evaluation reads and writes.

use super::ranked::{Rank, RankedGenes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One evaluated spot: who it is and where it lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpotAt {
    /// The slide's name.
    pub slide: String,
    /// The spot's name, unique in its slide.
    pub id: String,
    /// Column on the array.
    pub array_col: i32,
    /// Row on the array.
    pub array_row: i32,
    /// Centre in the full-resolution image, pixels from the left.
    pub x: f64,
    /// Centre in the full-resolution image, pixels from the top.
    pub y: f64,
}

/// One fold's held-out predictions: the artifact of a `predict` stage.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldPredictions {
    /// The fold's name.
    pub name: String,
    /// Genes, G of them, in the order of the columns.
    pub genes: Vec<String>,
    /// Held-out spots, n of them, in the order of the rows.
    pub spots: Vec<SpotAt>,
    /// Measured expression, n x G, row after row.
    pub truth: Vec<f32>,
    /// Predicted expression, n x G, row after row.
    pub prediction: Vec<f32>,
    /// The mean of the training spots for each gene, G: what a model that learnt nothing would say.
    pub constant: Vec<f32>,
    /// Each spot's row in the data set's `spots.tsv`, n.
    pub rows: Vec<i64>,
}

/// Over which spots a gene's correlation is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Held-out predictions of all folds one after another, then once.
    Oof,
    /// Per slide, then the plain mean over slides.
    Slide,
    /// Per fold, then the plain mean over folds.
    Fold,
}

impl Pooling {
    /// The word that stands in metric ids.
    pub fn word(self) -> &'static str {
        match self {
            Pooling::Oof => "oof",
            Pooling::Slide => "slide",
            Pooling::Fold => "fold",
        }
    }
}

/// What an undefined correlation (of a constant vector) counts as in a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undefined {
    /// It is left out, and the number that remain is told.
    Skip,
    /// It counts as 0.
    Zero,
}

impl Undefined {
    /// The word that stands in metric ids.
    pub fn word(self) -> &'static str {
        match self {
            Undefined::Skip => "skip",
            Undefined::Zero => "zero",
        }
    }
}

/// How spots lie on the array, which says who is whose neighbour in Moran's I.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lattice {
    /// Rows and columns (legacy Spatial Transcriptomics): four neighbours.
    Square,
    /// Staggered rows (Visium): six neighbours.
    Hex,
}

/// How to evaluate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Over which spots correlations are taken.
    pub pooling: Pooling,
    /// What undefined correlations count as in the headline.
    pub undefined: Undefined,
    /// Genes at or over this correlation are counted.
    pub threshold: f64,
    /// The array of the slides.
    pub lattice: Lattice,
    /// Groups of genes with a mean of their own: name, genes. Genes outside the panel are not counted.
    pub groups: Vec<(String, Vec<String>)>,
    /// Groups chosen by rule: name, rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<(String, Rank)>,
    /// Each slide's own numbers are wanted too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slides: bool,
    /// Which number stands first.
    #[serde(default, skip_serializing_if = "Headline::is_pcc")]
    pub headline: Headline,
    /// The gene panel's rule and which data chose it, such as `top-mean-50@train`: part of every metric's id.
    pub panel: String,
}

/// Which number stands first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Headline {
    /// The mean over genes of the correlation over spots.
    #[default]
    Pcc,
    /// The mean over spots of the rank correlation over genes, taken fold by fold and averaged over folds (HEVisum).
    WithinSpots,
}

impl Headline {
    /// Whether it is what it is where nothing is said.
    pub fn is_pcc(&self) -> bool {
        *self == Self::Pcc
    }
}

impl Spec {
    /// Whether a group is ranked by the variance over training spots.
    pub fn needs_training(&self) -> bool {
        self.ranked.iter().any(|(_, rank)| rank.needs_training())
    }
}

/// Everything that evaluation says: the content of `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Evaluated spots, all folds together.
    pub spots: usize,
    /// One entry a gene, in the panel's order.
    pub genes: Vec<GeneScore>,
    /// The numbers about all genes, headline first.
    pub summary: Vec<Metric>,
    /// One entry a fold, in the folds' order.
    pub by_fold: Vec<FoldScore>,
    /// How spatial organisation and predictability go together over genes; `None` with fewer than three genes
    /// that have both.
    pub moran_vs_pcc: Option<Association>,
    /// One entry a slide, where they are wanted; in the order in which slides first appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_slide: Vec<SlideScore>,
    /// The genes of the groups that were chosen by rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranked: Vec<RankedGenes>,
    /// What goes with predictability over genes; empty with too few genes.
    #[serde(default)]
    pub drivers: Vec<Driver>,
    /// What simple methods reach on the same spots, the training mean first; empty where they were not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<super::baselines::BaselineScore>,
}

/// What is known of one gene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneScore {
    /// Its symbol.
    pub gene: String,
    /// Pearson's r of truth and prediction, pooled as the spec says.
    pub pcc: Option<f64>,
    /// Spearman's rho, pooled in the same way.
    pub spearman: Option<f64>,
    /// Mean squared error over all evaluated spots.
    pub mse: f64,
    /// Mean squared error of the training mean, over the same spots.
    pub mse_constant: f64,
    /// Moran's I of the truth, over slides weighted by spots.
    pub moran_truth: Option<f64>,
    /// Moran's I of the prediction, in the same way.
    pub moran_prediction: Option<f64>,
    /// Mean over spots of ln(1 + 10,000 count / total): how much of it there is.
    pub abundance: f64,
    /// Share of the evaluated spots whose target is exactly 0: the dropout rate, where targets come straight from counts.
    #[serde(default)]
    pub zeros: f64,
    /// Variance of the target over the evaluated spots (of a population).
    #[serde(default)]
    pub variance: f64,
    /// Pearson's r in each fold, in the folds' order.
    pub pcc_by_fold: Vec<Option<f64>>,
}

/// One number with its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `<statistic>/<axis>/<pooling>/<undefined>/<panel>`: two numbers compare only when their ids are equal.
    pub id: String,
    /// What a person reads.
    pub title: String,
    /// The number; `None` when it is undefined.
    pub value: Option<f64>,
    /// How many genes went into it.
    pub n: usize,
}

/// What is known of one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldScore {
    /// Its name.
    pub name: String,
    /// Its held-out spots.
    pub spots: usize,
    /// Mean of the genes' correlations in this fold, undefined ones as the spec says.
    pub mean_pcc: Option<f64>,
    /// Mean squared error over its spots and all genes.
    pub mse: f64,
    /// The same for the training mean.
    pub mse_constant: f64,
    /// Mean over its spots of the rank correlation within the spot; only where that is the headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_spots: Option<f64>,
    /// The same for the training mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_spots_constant: Option<f64>,
}

/// What is known of one slide's held-out spots, each correlation over this slide alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlideScore {
    /// Its name.
    pub name: String,
    /// Its held-out spots.
    pub spots: usize,
    /// Mean of the genes' correlations, undefined ones as the spec says.
    pub mean_pcc: Option<f64>,
    /// Genes at or over the spec's threshold.
    pub over: usize,
    /// The mean of each named group, likewise.
    pub groups: BTreeMap<String, Option<f64>>,
}

/// Correlation over genes of Moran's I of the truth with the prediction's r (`moran_vs_pcc/v1`): both per
/// slide, then over slides weighted by spots; genes undefined in any slide are out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Association {
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Genes that have both numbers.
    pub genes: usize,
}

/// How one property of genes goes with their PCC (`drivers/v1`; both as in [`Association`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The property: `moran-truth`, `abundance`, `zeros` or `variance`.
    pub name: String,
    /// Genes that count.
    pub genes: usize,
    /// Spearman's rho of the property with the PCC.
    pub spearman: Option<f64>,
    /// 95 % percentile interval of it over resampled genes; holds for these slides, and takes genes as independent.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p of it by permuted gene labels.
    pub p: Option<f64>,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Which other property is held in the two numbers below.
    pub held: String,
    /// Partial Spearman correlation with the other property held.
    pub partial: Option<f64>,
    /// Slope of the standardised PCC on this property beside the other one, both standardised.
    pub slope: Option<f64>,
    /// Mean PCC in each quarter of the property, the lowest first.
    pub quartiles: Vec<Option<f64>>,
}
