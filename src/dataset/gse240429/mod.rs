//! GSE240429 (human liver, Visium, four sections of one donor) as its users lay it out: spec/datasets.md, section 3.8.
//!
//! Spots stand by array row and column, which is the order of the published table's rows; a spot's `source_row` is its
//! line in `barcodes.tsv`, by which the published patch names count. The target is Harmony's output, a file known by
//! its digest. It is not computed again here: it differs between machines, and the files that the paper used are what
//! its numbers follow from.

mod check;
mod known;
mod read;
mod root;

pub use check::{CheckReport, Piece, check};
pub use known::{Known, SLIDES, known};
pub use read::{files, read, read_slide};
pub use root::{belongs, data_folder, path_of};
