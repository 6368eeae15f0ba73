//! The operations that a `portable` training may use, and those that each network does use.
//!
//! Names are libtorch's own, as its recorder gives them ([`super::shim::recorded`]), inner operations included. Every
//! name of [`PORTABLE`] stands for a calculation that was run natively and on emulated Intel Haswell, Intel Skylake and
//! AMD Rome processors with equal bytes (docs/determinism.md); `tests/determinism_portable.rs` does it again, and also
//! records real trainings and holds the lists of the networks against what was recorded.

use super::backbone::Kind;

/// Operations that set memory aside, name, copy, fill or rearrange numbers, and calculate nothing.
pub const MOVES: &[&str] = &[];

/// Operations proven to give the same bytes on every x86-64 processor with AVX2, under the pins of the class `portable`.
pub const PORTABLE: &[&str] = &[];

/// What every training and prediction uses besides its backbone: head, loss, optimiser, draws.
pub const TRAINING: &[&str] = &[];

impl Kind {
    /// The calculations of this backbone, initial draws, forward and backward pass.
    pub fn operations(self) -> &'static [&'static str] {
        match self {
            Self::EfficientNetB0 => &[],
            Self::TinyCnn => &[],
        }
    }
}

/// All calculations of a training and a prediction with this backbone.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static str> {
    kind.operations().iter().chain(TRAINING).copied()
}

/// Those of some operations that are not proven portable.
pub fn unproven<'a>(operations: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    operations.into_iter().filter(|o| !MOVES.contains(o) && !PORTABLE.contains(o)).collect()
}
