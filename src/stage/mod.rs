//! The one place where the science and the engine meet: one thin file a stage.
//!
//! Each names its inputs and parameters (so that its key follows), calls the science, and writes its outputs.

#[cfg(feature = "train")]
mod augmenting;
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
pub mod patches;
pub mod predict;
pub mod preprocess;
pub mod report;
pub mod source;
pub mod split;
pub mod train;
mod weights;

/// The libtorch that training and prediction are made with: its version is part of their keys.
pub const LIBTORCH: &str = "2.11.0";
