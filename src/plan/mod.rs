//! From a protocol to a graph of pieces of work: one node a stage, folds side by side.

mod branches;
pub mod compare;
pub mod execution;
pub mod explain;
pub mod gc;
mod graph;
pub mod launch;
pub mod order;
mod overview;
mod parts;
pub mod pin;
pub mod rank;
pub mod seeds;
pub mod study;

pub use graph::{Found, Graph, Node, fold_labels};
pub use overview::{Headline, Overview, Standing, headline, missing, newest_artifact, overview};
pub use parts::Part;
