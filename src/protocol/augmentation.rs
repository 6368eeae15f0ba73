//! Keys of `[augmentation]` beside the preset.

use serde::{Deserialize, Serialize};

/// Draws that repeat: batch b of an epoch goes to loader process b mod `workers`, each process begins every epoch with
/// the same generators, and so place j of batch b always gets parameter set batch·⌊b/workers⌋ + j.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Stands for the entropy that the published run drew and did not write down.
    pub seed: u64,
    /// Loader processes.
    pub workers: usize,
}

/// Border and scales of a warp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarpBorder {
    /// Black outside, each axis scaled by itself: what albumentations 2 does (A1).
    #[default]
    Black,
    /// Mirrored outside (REFLECT_101), both axes scaled alike.
    Mirrored,
}

impl WarpBorder {
    pub(super) fn is_black(&self) -> bool {
        *self == Self::Black
    }
}
