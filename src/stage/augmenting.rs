//! The augmentation that a protocol asks for, as `train` takes it.

use crate::histology::augment::replayed;
use crate::histology::{Augmenter, ChannelOrder, Preset};
use crate::protocol::Protocol;
use crate::protocol::schema::{AugmentationPreset, Colour, Replay, WarpBorder};
use crate::train::{Augment, batches};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Augmentation presets. Keyed: under one address, protocol seed, fold, epoch, spot. Replayed: by a spot's place in the
/// epoch's order, from the seed that stands for the published entropy.
pub(super) struct Keyed {
    augmenter: Augmenter,
    replay: Option<Places>,
}

/// Where each spot stands in an epoch's order.
struct Places {
    workers: usize,
    batch: usize,
    seed: u64,
    fold: u64,
    same_order: bool,
    train: Vec<usize>,
    newest: Mutex<(usize, Arc<BTreeMap<usize, usize>>)>,
}

impl Keyed {
    /// For the training rows of one fold.
    pub fn new(p: &Protocol, fold: usize, train: &[usize]) -> Self {
        let a = &p.augmentation;
        let preset = match a.preset {
            AugmentationPreset::None => Preset::None,
            AugmentationPreset::Dihedral => Preset::Dihedral,
            AugmentationPreset::Mpa => Preset::Mpa,
            AugmentationPreset::StnetStyle => Preset::StnetStyle,
            AugmentationPreset::Stnet => Preset::Stnet,
        };
        let mut augmenter = Augmenter::new(preset, a.replay.map_or(p.seed, |r| r.seed), fold as u64);
        if a.warp == WarpBorder::Mirrored {
            augmenter = augmenter.mirroring();
        }
        if a.jitter == Colour::Bgr {
            augmenter = augmenter.with_order(ChannelOrder::Bgr);
        }
        let places = |r: Replay| Places {
            workers: r.workers,
            batch: p.train.batch,
            seed: p.seed,
            fold: fold as u64,
            same_order: p.train.same_order,
            train: train.to_vec(),
            newest: Mutex::new((usize::MAX, Arc::default())),
        };
        Self { augmenter, replay: a.replay.map(places) }
    }
}

impl Places {
    /// The parameter set of a spot in an epoch.
    fn set(&self, epoch: usize, row: usize) -> u64 {
        let epoch = if self.same_order { 1 } else { epoch };
        let order = {
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            if newest.0 != epoch {
                let order = batches::order(self.seed, self.fold, epoch, &self.train);
                *newest = (epoch, Arc::new(order.into_iter().enumerate().map(|(at, row)| (row, at)).collect()));
            }
            Arc::clone(&newest.1)
        };
        replayed(order.get(&row).copied().unwrap_or(0), self.batch, self.workers)
    }
}

impl Augment for Keyed {
    fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: usize, sample: usize) {
        match &self.replay {
            None => self.augmenter.apply(src, dst, side, epoch as u64, sample as u64),
            Some(places) => self.augmenter.apply(src, dst, side, 0, places.set(epoch, sample)),
        }
    }
}
