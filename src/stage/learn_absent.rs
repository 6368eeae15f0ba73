//! Training and prediction in a program that was built without libtorch: they say so.

use super::files::Expression;
use super::{clusters::Clusters, predict::Predict, train::Train};
use crate::base::{Failure, Result};
use crate::engine::Watch;
use crate::split::Fold;
use std::path::Path;

fn absent() -> Failure {
    Failure::environment("this pinfold was built without libtorch: it audits, reports and browses, and does not train")
        .hint("make setup && cargo build --release")
}

pub(super) fn train(_: &Train, _: &Path, _: &mut dyn Watch) -> Result<()> {
    Err(absent())
}

pub(super) fn features(_: &Clusters, _: &mut dyn Watch) -> Result<(Vec<f32>, usize)> {
    Err(absent())
}

pub(super) fn predict(_: &Predict, _: &Expression, _: &Fold, _: &mut dyn Watch) -> Result<Vec<f32>> {
    Err(absent())
}
