//! What happened, epoch by epoch.

use crate::base::Result;
use crate::protocol::schema::EpochLoss;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Number, from 1.
    pub epoch: usize,
    /// Learning rate of its steps.
    pub learning_rate: f64,
    /// Loss over the training batches, in training mode, as the weights moved.
    pub train_loss: f64,
    /// Loss over the validation spots after it.
    pub validation_loss: Option<f64>,
    /// Mean over genes of the correlation of prediction and truth over the validation spots; genes without a defined
    /// correlation are left out.
    pub validation_pcc: Option<f64>,
    /// Mean over the validation spots of the rank correlation of prediction and truth within the spot; only where it
    /// chooses the checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_spearman: Option<f64>,
}

/// A training's history: `history.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The epoch whose weights are the checkpoint, from 1.
    pub best_epoch: usize,
    /// Numbers in the parameters that learned, where a part of the network was frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning: Option<usize>,
    /// All epochs, in order.
    pub epochs: Vec<EpochRow>,
}

impl History {
    /// Writes it, two spaces a level, with a line break at the end.
    pub fn write(&self, path: &Path) -> Result<()> {
        crate::base::atomic::write(path, &json(self))
    }
}

/// Readable JSON bytes. The values are plain structs of ours, which always serialise.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Batch losses, each with its number of spots, as one number. Nothing gives NaN.
///
/// `BatchMean` counts every batch the same, a short last one too (quirk T9); `SpotMean` every spot.
pub fn summarise(batches: &[(usize, f64)], how: EpochLoss) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for &(n, loss) in batches {
        let w = match how {
            EpochLoss::BatchMean => 1.0,
            EpochLoss::SpotMean => n as f64,
        };
        sum += w * loss;
        weight += w;
    }
    sum / weight
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case 13 of spec/liver-single-patch.md.
    #[test]
    fn a_short_last_batch_counts_by_the_rule() {
        let batches = [(32, 1.0), (32, 2.0), (25, 4.0)];
        assert!((summarise(&batches, EpochLoss::BatchMean) - 7.0 / 3.0).abs() < 1e-15);
        assert!((summarise(&batches, EpochLoss::SpotMean) - 196.0 / 89.0).abs() < 1e-15);
    }
}
