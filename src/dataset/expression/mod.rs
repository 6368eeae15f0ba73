//! From counts to targets: transforms, the common gene space of slides, panels of genes, abundance.

mod panel;
pub mod scanpy;
mod space;
mod transform;

pub use panel::{Panel, SpotRef};
pub use space::GeneSpace;
pub use transform::{Matrix, Transform, abundance, expression, normalise, targets};
