//! The work that is done natively and under an emulator: single operations, and whole trainings.

pub mod cases;
pub mod operations;
pub mod trainings;

use std::collections::BTreeSet;

/// What came of one piece of work.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Which work, e.g. `convolution 1x1 16 to 96, 32 px`.
    pub work: String,
    /// Which result of it, e.g. `forward`.
    pub result: String,
    /// SHA-256 of the result's bytes.
    pub digest: String,
    /// The operations of libtorch that ran.
    pub operations: BTreeSet<String>,
    /// Work that an emulator is slow at is given to one processor in turn, by this number; the rest goes to all of them.
    pub turn: Option<usize>,
}

/// All of it, in a fixed order; the part that is wanted, by turn and name.
pub fn all(wanted: &dyn Fn(Option<usize>, &str) -> bool) -> Vec<Row> {
    let mut rows = operations::all(wanted);
    if std::env::var_os("PINFOLD_DETERMINISM_ONLY").is_none() {
        rows.extend(trainings::all(wanted));
    }
    rows
}
