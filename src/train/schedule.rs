//! Learning rates, one an epoch, and the choice of the best epoch.

use crate::protocol::schema::Schedule;
use std::f64::consts::PI;

/// The learning rate of an epoch (from 1) of `epochs`, starting from `base`.
///
/// `Cosine`: base·(1 + cos(π·e/T))/2 with e finished epochs, as torch's `CosineAnnealingLR` with eta_min 0.
/// `CosineOfLoss`: the published quirk T1, where the scheduler is stepped with the validation loss of the epoch before,
/// which it takes for the epoch's number.
pub fn learning_rate(schedule: Schedule, base: f64, epochs: usize, epoch: usize, validation_loss: Option<f64>) -> f64 {
    let at = match schedule {
        Schedule::Constant => return base,
        Schedule::Cosine => epoch.saturating_sub(1) as f64,
        Schedule::CosineOfLoss => validation_loss.unwrap_or(0.0),
    };
    base * (1.0 + (PI * at / epochs as f64).cos()) / 2.0
}

/// True when `loss` is strictly smaller than the best so far: on a tie the earlier epoch stays.
pub fn improves(best: Option<f64>, loss: f64) -> bool {
    best.is_none_or(|b| loss < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} where {b} is due");
    }

    /// Acceptance case 12 and the table of section 5 of spec/liver-single-patch.md.
    #[test]
    fn published_rates() {
        for (v, rate) in [(0.05, 2.99997944e-4), (0.3, 2.99925984e-4), (1.0, 2.99178284e-4), (15.0, 1.5e-4), (30.0, 0.0)] {
            close(learning_rate(Schedule::CosineOfLoss, 3e-4, 30, 7, Some(v)), rate);
        }
        close(learning_rate(Schedule::CosineOfLoss, 3e-4, 30, 1, None), 3e-4);
        for (epoch, rate) in [(1, 3e-4), (2, 2.99178284e-4), (3, 2.96722140e-4), (6, 2.79903811e-4), (16, 1.5e-4), (31, 0.0)] {
            close(learning_rate(Schedule::Cosine, 3e-4, 30, epoch, Some(9.0)), rate);
        }
        close(learning_rate(Schedule::Constant, 3e-4, 30, 29, Some(9.0)), 3e-4);
    }

    /// Acceptance case 14: losses 3, 2, 2, 4 choose epoch 2.
    #[test]
    fn the_best_is_strictly_smaller() {
        let (mut best, mut chosen) = (None, 0);
        for (i, loss) in [3.0, 2.0, 2.0, 4.0].into_iter().enumerate() {
            if improves(best, loss) {
                (best, chosen) = (Some(loss), i + 1);
            }
        }
        assert_eq!(chosen, 2);
        assert!(!improves(Some(1.0), f64::NAN));
    }
}
