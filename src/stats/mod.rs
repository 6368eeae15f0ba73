//! Floor 0, the statistics: what every number in a report means.
//!
//! Correlation ([`pearson`]), ranks, errors, summaries over genes, paired tests ([`wilcoxon`]), adjusted p-values ([`adjust`]),
//! bootstrap intervals, spatial weights, Moran's I and Geary's C, and
//! [`evaluate`], the pure function from predictions to the numbers of `metrics.json`, which the audit calls too.
//! Sums run left to right in double precision; threads share out genes, never one gene's sum, so no thread
//! count can change a bit.

pub mod adjust;
pub mod bootstrap;
pub mod clusters;
pub mod components;
pub mod correlation;
pub mod density;
pub mod error;
pub mod evaluate;
pub mod fusion;
pub mod geary;
pub mod identify;
pub mod lattice;
pub mod moran;
pub mod nearest;
pub mod normal;
pub mod partial;
pub mod permutation;
pub mod ranking;
pub mod ranks;
pub mod retrieval;
pub mod ridge;
pub mod student;
pub mod summary;
pub mod table;
pub mod weights;
pub mod wilcoxon;
pub mod within;

pub use correlation::{pearson, spearman};
pub use geary::Geary;
pub use moran::Moran;
pub use ranks::{Ties, ranks};
pub use weights::{Transform, Weights};
