//! From predictions to the numbers of a report: the content of `metrics.json`.
//!
//! [`evaluate()`] is a pure function of the prediction artifacts, the genes' abundance and a [`Spec`]; the stage
//! calls it once, and the audit calls it again and compares.

mod baselines;
mod blocks;
mod compute;
mod contrast;
mod drivers;
mod headline;
mod ranked;
mod spatial;
mod store;
mod types;

pub use baselines::{BASELINES, Baseline, BaselineScore, beside};
pub use blocks::interval;
pub use compute::evaluate;
pub use contrast::{Contrast, contrast};
pub use ranked::{Rank, RankBy, RankFrom, RankedGenes, mean_of_folds, variances};
pub use store::{read_genes, read_spots, write_spots};
pub use types::{
    Association, Driver, Evaluation, FoldPredictions, FoldScore, GeneScore, Headline, Lattice, Metric, Pooling, SlideScore, Spec, SpotAt,
    Undefined,
};
