//! pinfold pins the seed, locks the folds and proves the number.
//!
//! The house, floor by floor, is in `ARCHITECTURE.md`; a test (`tests/layers.rs`) checks that each module
//! imports only from the floors below its own.

pub mod audit;
pub mod base;
pub mod cli;
pub mod dataset;
pub mod engine;
pub mod histology;
pub mod lock;
#[cfg(feature = "train")]
pub mod nn;
pub mod plan;
pub mod protocol;
pub mod report;
pub mod split;
pub mod stage;
pub mod stats;
#[cfg(feature = "train")]
pub mod train;
pub mod tui;
pub mod weights;
