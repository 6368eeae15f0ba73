//! What a whole run came to, as the Results and Reports screens show it. Part of [`super::facts`].

use std::path::PathBuf;

/// The numbers of one protocol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Headline first.
    pub metrics: Vec<MetricRow>,
    /// Genes in panel order.
    pub genes: Vec<GeneRow>,
    /// Slides that have predictions, in protocol order.
    pub slides: Vec<String>,
    /// Footnotes that belong beside the headline (leakage, overrides).
    pub notes: Vec<String>,
    /// Published figures of metrics that the protocol does not measure, a sentence each.
    pub apart: Vec<String>,
    /// The headline of each fold.
    pub folds: Folds,
}

/// One metric, published beside reproduced.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// The metric's full id.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// The value here; `None` when undefined.
    pub value: Option<f64>,
    /// The published value; `None` where no comparable figure is known.
    pub published: Option<Published>,
}

/// A published figure beside the one here.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Its value.
    pub value: f64,
    /// Where it stands.
    pub source: String,
    /// What follows.
    pub verdict: Verdict,
}

/// Whether a published figure was reproduced, by the tolerance that the protocol gives: the same rule as the report's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Not farther from it than this.
    Within(f64),
    /// Farther from it than this, or undefined here.
    Outside(f64),
    /// The published figure itself is not verified, so nothing follows.
    Unverified,
}

/// A 95 % percentile interval of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// The metric's full id.
    pub metric: String,
    /// What was resampled: `genes`, `blocks of spots`.
    pub over: String,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// How the folds differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folds {
    /// What the values are: `mean PCC`.
    pub of: String,
    /// Each fold's name and value, in the protocol's order; `None` when undefined.
    pub values: Vec<(String, Option<f64>)>,
    /// Their standard deviation (of a sample); `None` with fewer than two values.
    pub deviation: Option<f64>,
}

/// One gene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneRow {
    /// Its symbol.
    pub name: String,
    /// Pearson correlation of truth and prediction.
    pub pcc: Option<f64>,
    /// Rank correlation.
    pub spearman: Option<f64>,
    /// Moran's I of the truth.
    pub moran: Option<f64>,
    /// Mean over spots of ln(1 + 10,000 count / total); `None` where the data set has no counts.
    pub abundance: Option<f64>,
    /// What is known of it (`signal`, `gradient`, `noise` in the demo; a gene group elsewhere); may be empty.
    pub class: String,
}

/// One gene on one slide: parallel vectors, one entry a spot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpotMap {
    /// Array column and row of each spot.
    pub at: Vec<(i32, i32)>,
    /// Expression as measured.
    pub truth: Vec<f32>,
    /// Expression as predicted.
    pub prediction: Vec<f32>,
}

/// The colour of the tissue at each spot of a slide: parallel vectors, one entry a spot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tissue {
    /// Array column and row of each spot.
    pub at: Vec<(i32, i32)>,
    /// Mean colour of the spot's patch: red, green, blue.
    pub colours: Vec<[u8; 3]>,
    /// Empty for the image as it came; otherwise what was done to it before (`as prepared`, `as prepared for fold A1`).
    pub state: String,
}

/// One figure of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// A short name.
    pub name: String,
    /// Where the file is.
    pub path: PathBuf,
    /// What it shows.
    pub caption: String,
    /// The text chunks that tie it to its run, in file order.
    pub provenance: Vec<(String, String)>,
}

/// A picture, row by row from the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `width * height` pixels, red, green, blue.
    pub pixels: Vec<[u8; 3]>,
}
