//! pinfold pins the seed, locks the folds and proves the number.
//!
//! The house, floor by floor, is in `ARCHITECTURE.md`; a test (`tests/layers.rs`) checks that each module
//! imports only from the floors below its own.

pub mod base;
pub mod stats;
pub mod protocol;
pub mod dataset;
pub mod histology;
pub mod split;
#[cfg(feature = "train")]
pub mod nn;
pub mod report;
pub mod engine;
pub mod lock;
#[cfg(feature = "train")]
pub mod train;
pub mod stage;
pub mod plan;
pub mod audit;
pub mod cli;
pub mod tui;
