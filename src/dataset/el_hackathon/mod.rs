//! The Elucidata "EL Hackathon 2025" competition file (spec/hevisum.md, section 1): Visium-like slides with the abundance
//! of 35 anonymous cell types in every spot, which stand where other data sets have genes. `S_7` has no labels.
//!
//! Slides and images come one at a time out of one HDF5 file, of which no more is read than is asked for.

mod check;
mod lattice;
mod read;
mod write;

pub use check::{CheckReport, check};
pub use read::{FILE, files, image, path_of, read_slide};
pub use write::{Made, make};

/// Slides with labels, and the one without.
pub const SLIDES: [&str; 7] = ["S_1", "S_2", "S_3", "S_4", "S_5", "S_6", "S_7"];

/// The slide without labels.
pub const UNLABELLED: &str = "S_7";

/// Cell types.
pub const CELL_TYPES: usize = 35;

/// The cell types' names, `C1` to `C35`.
pub fn cell_types() -> Vec<String> {
    (1..=CELL_TYPES).map(|c| format!("C{c}")).collect()
}
