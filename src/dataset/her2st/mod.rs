//! her2st (Andersson et al. 2021, repository almaan/her2st), read as published: spec/datasets.md, section 4.1.
//!
//! Spots are those that have both counts and a place, in the order of the count file.

mod check;
mod counts;
mod known;
mod lattice;
mod root;
mod section;
mod spots;

pub use check::{CheckReport, FileReport, FileState, SectionReport, SectionState, check};
pub use known::{Known, all as published_sections, known};
pub use lattice::{AxisFit, LatticeFit};
pub use root::{data_folder, path_of};
pub use section::{files, read, read_section};
