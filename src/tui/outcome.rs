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
    /// The published value and what is known of it.
    pub published: Option<(f64, String)>,
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
    /// Mean expression.
    pub abundance: f64,
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
