//! Learning rates, one an epoch, and the choice of the best epoch.

use crate::protocol::schema::Schedule;
use std::f64::consts::PI;

/// The learning rate of an epoch (from 1) of `epochs`, starting from `base`.
///
/// `Cosine`: base·(1 + cos(π·e/T))/2 with e finished epochs, as torch's `CosineAnnealingLR` with eta_min 0.
/// `CosineOfLoss`: the published quirk T1, where the scheduler is stepped with the validation loss of the epoch before,
/// which it takes for the epoch's number.
///
/// `CosineToFloor` and `CosineSwinging`: base·(r + (1 − r)(1 + cos(π·e/T))/2) with the floor r and the half period T of `floor`
/// (spec/hevisum.md, section 4.1); the first one stays at base·r from epoch T on.
pub fn learning_rate(
    schedule: Schedule,
    base: f64,
    epochs: usize,
    floor: Option<Floor>,
    epoch: usize,
    validation_loss: Option<f64>,
) -> f64 {
    let done = epoch.saturating_sub(1);
    let Floor { half_period, share } = floor.unwrap_or(Floor { half_period: epochs, share: 0.0 });
    let at = match schedule {
        Schedule::Constant => return base,
        Schedule::Cosine => done as f64,
        Schedule::CosineOfLoss => validation_loss.unwrap_or(0.0),
        Schedule::CosineToFloor => done.min(half_period) as f64,
        Schedule::CosineSwinging => done as f64,
    };
    if schedule.has_floor() {
        return base * (share + 0.5 * (1.0 - share) * (1.0 + (PI * at / half_period as f64).cos()));
    }
    base * (1.0 + (PI * at / epochs as f64).cos()) / 2.0
}

/// Where a cosine ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Epochs from top to floor.
    pub half_period: usize,
    /// The floor as a share of the first rate.
    pub share: f64,
}

/// The rate of an epoch that follows these losses, as torch's `ReduceLROnPlateau` with factor 0.5 sets it: a loss counts as
/// better when it is below the best by a 10,000th of it; after more than `patience` that are not, the rate is halved, but
/// not below `least`.
pub fn plateau(base: f64, losses: impl IntoIterator<Item = f64>, patience: usize, least: f64) -> f64 {
    let (mut rate, mut best, mut bad) = (base, f64::INFINITY, 0);
    for loss in losses {
        if loss < best * (1.0 - 1e-4) {
            (best, bad) = (loss, 0);
        } else {
            bad += 1;
        }
        if bad > patience {
            let next = (rate * 0.5).max(least);
            // As torch does: a step smaller than this is not taken.
            if rate - next > 1e-8 {
                rate = next;
            }
            bad = 0;
        }
    }
    rate
}

/// True when `loss` is strictly smaller than the best so far: on a tie the earlier epoch stays. What should be large is
/// given with its sign changed.
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
            close(learning_rate(Schedule::CosineOfLoss, 3e-4, 30, None, 7, Some(v)), rate);
        }
        close(learning_rate(Schedule::CosineOfLoss, 3e-4, 30, None, 1, None), 3e-4);
        for (epoch, rate) in [(1, 3e-4), (2, 2.99178284e-4), (3, 2.96722140e-4), (6, 2.79903811e-4), (16, 1.5e-4), (31, 0.0)] {
            close(learning_rate(Schedule::Cosine, 3e-4, 30, None, epoch, Some(9.0)), rate);
        }
        close(learning_rate(Schedule::Constant, 3e-4, 30, None, 29, Some(9.0)), 3e-4);
    }

    /// Acceptance case A16 of spec/hevisum.md; epochs count from 1 here and from 0 there.
    #[test]
    fn rates_of_hevisum() {
        let floor = Some(Floor { half_period: 30, share: 1e-3 });
        let rate = |schedule, e: usize| learning_rate(schedule, 1e-3, 150, floor, e + 1, None);
        let both =
            [(0, 1e-3), (1, 9.972636867e-4), (7, 8.717008403e-4), (14, 5.527119674e-4), (15, 5.005e-4), (29, 3.736313264e-6), (30, 1e-6)];
        for (e, due) in both {
            close(rate(Schedule::CosineSwinging, e), due);
            close(rate(Schedule::CosineToFloor, e), due);
        }
        for (e, due) in [(31, 3.736313264e-6), (60, 1e-3)] {
            close(rate(Schedule::CosineSwinging, e), due);
            close(rate(Schedule::CosineToFloor, e), 1e-6);
        }
    }

    /// The plateau's unit case of A18: the twelfth of equal losses halves the rate.
    #[test]
    fn the_twelfth_equal_loss_halves_the_rate() {
        close(plateau(1e-3, vec![5.0; 11], 10, 1e-6), 1e-3);
        close(plateau(1e-3, vec![5.0; 12], 10, 1e-6), 5e-4);
        close(plateau(1.5e-6, vec![5.0; 12], 10, 1e-6), 1e-6);
        close(plateau(1e-3, (0..40).map(|i| 5.0 - f64::from(i)), 10, 1e-6), 1e-3);
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
