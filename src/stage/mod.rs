//! The one place where the science and the engine meet: one thin file a stage.
//!
//! Each names its inputs and parameters (so that its key follows), calls the science, and writes its outputs.

pub mod evaluate;
pub mod files;
pub mod ingest;
pub mod leakage;
pub mod patches;
pub mod predict;
pub mod preprocess;
pub mod report;
pub mod split;
pub mod train;
