//! The one place where the science and the engine meet: one thin file a stage.
//!
//! Each names its inputs and parameters (so that its key follows), calls the science, and writes its outputs.

pub mod answers;
#[cfg(feature = "train")]
mod augmenting;
pub mod baselines;
pub mod clusters;
pub mod duplicates;
pub mod evaluate;
pub mod figures;
pub mod files;
pub mod ingest;
pub mod leakage;
#[cfg(feature = "train")]
mod learn;
#[cfg(not(feature = "train"))]
#[path = "learn_absent.rs"]
mod learn;
pub mod level0;
pub mod patches;
pub mod predict;
pub mod preprocess;
pub mod report;
mod report_extras;
mod report_needs;
pub mod source;
pub mod split;
pub mod spots;
pub mod stack;
mod stack_figures;
pub mod stain;
pub mod train;
mod weights;

/// The libtorch that training and prediction are made with: its version is part of their keys.
pub const LIBTORCH: &str = "2.11.0";

/// A label without the fold in brackets: `patches` of `patches[S_1]`. Where what a stage reads differs from fold to fold but
/// in name alone, equal contents give equal keys.
fn plain(label: &str) -> &str {
    label.split_once('[').map_or(label, |(name, _)| name)
}
