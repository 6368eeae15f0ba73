//! Training and prediction in a program that was built without libtorch: they say so.

use super::files::Expression;
use super::{clusters::Clusters, predict::Predict, stack::Stacked, train::Train};
use crate::base::{Failure, Result};
use crate::engine::Watch;
use crate::engine::store::Artifact;
use crate::protocol::Protocol;
use crate::split::Fold;
use std::path::Path;

fn absent() -> Failure {
    Failure::environment(
        "this pinfold was built without libtorch, and no pinfold-engine lies beside it: it audits, reports and browses, and does not train",
    )
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

pub(super) fn answers(_: &Protocol, _: &Artifact, _: &Artifact, _: usize, _: &[usize], _: bool) -> Result<Vec<f32>> {
    Err(absent())
}

pub(super) fn stack(_: &Stacked, _: &Expression, _: &Fold, _: (&[f32], usize), _: &Path, _: &mut dyn Watch) -> Result<Vec<f32>> {
    Err(absent())
}

pub(super) fn stack_answers(_: &Protocol, _: &Artifact, _: usize, _: &[f32]) -> Result<Vec<f32>> {
    Err(absent())
}
