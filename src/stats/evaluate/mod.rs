//! From predictions to the numbers of a report: the content of `metrics.json`.
//!
//! [`evaluate()`] is a pure function of the prediction artifacts, the genes' abundance and a [`Spec`]; the stage
//! calls it once, and the audit calls it again and compares.

mod compute;
mod headline;
mod spatial;
mod store;
mod types;

pub use compute::evaluate;
pub use store::{read_genes, read_spots, write_spots};
pub use types::{Association, Evaluation, FoldPredictions, FoldScore, GeneScore, Lattice, Metric, Pooling, Spec, SpotAt, Undefined};
