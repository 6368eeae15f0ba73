//! Keys of `[stack]`: a model over the predictions of a protocol's folds.

use super::check::Problem;
use super::schema::{NetworkName, Protocol, SplitKind};
use serde::{Deserialize, Serialize};

/// A model over the folds' predictions, trained once they are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Which predictions it learns from.
    pub inputs: Level0,
    /// How scales reach the decoder when they are made, for networks of several scales.
    #[serde(default, skip_serializing_if = "Scales::is_trained")]
    pub scales: Scales,
    /// Which spots train the stack and which judge it.
    pub split: StackSplit,
    /// Share of the spots that judge it, for `random`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_size: Option<f64>,
    /// Seed of that split.
    pub seed: u64,
    /// Inputs are brought to mean 0 and deviation 1 by the training spots.
    pub standardise: bool,
    /// Learning rate of the first epoch; halved whenever the loss that chooses stands still for 10 epochs.
    pub learning_rate: f64,
    /// Passes over the training spots, at most.
    pub epochs: usize,
    /// Spots a step.
    pub batch: usize,
    /// Training ends after so many epochs in a row without a smaller loss.
    pub patience: usize,
}

/// Which predictions a stack learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level0 {
    /// Those of every fold's network for every spot, its own training spots included: a leak, and a published quirk (Q2).
    InSample,
    /// For each spot that of the one network that never saw its slide.
    OutOfFold,
}

/// How scales reach a multi-scale network's decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scales {
    /// As it was trained.
    #[default]
    AsTrained,
    /// In the opposite order: a published quirk (Q1).
    Swapped,
}

impl Scales {
    fn is_trained(&self) -> bool {
        *self == Self::AsTrained
    }
}

/// Which spots train a stack and which judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackSplit {
    /// scikit-learn's `train_test_split` over all spots, whatever their slide: a published quirk (Q24).
    Random,
    /// One slide after the other is held out, and the next one chooses the checkpoint.
    Slides,
}

/// What must hold of these keys.
pub(super) fn check(p: &Protocol) -> std::result::Result<(), Problem> {
    let Some(s) = &p.stack else { return Ok(()) };
    let by_slide = p.split.kind == SplitKind::LeaveOneSlideOut;
    let disjoint = by_slide || (p.split.kind == SplitKind::Kfold && p.split.test_slides.is_empty());
    let random = s.split == StackSplit::Random;
    let wrong = [
        (!disjoint, "stack", "a stack needs folds that hold every spot out once: leave-one-slide-out or kfold"),
        (p.retrieval.is_some(), "stack", "networks that answer by retrieval are not stacked"),
        (s.split == StackSplit::Slides && p.data.slides.len() < 3, "stack.split", "\"slides\" needs three slides at least"),
        (
            !random && s.inputs == Level0::InSample,
            "stack.inputs",
            "in-sample predictions know every slide: holding slides out would prove nothing; split \"random\"",
        ),
        (random && !s.test_size.is_some_and(|f| f > 0.0 && f < 1.0), "stack.test_size", "a share of the spots, between 0 and 1"),
        (!random && s.test_size.is_some(), "stack.test_size", "only \"random\" takes it"),
        (s.scales == Scales::Swapped && p.network.name != NetworkName::VisionMlpMultitask, "stack.scales", "this network has one scale"),
        (
            s.scales == Scales::Swapped && s.inputs == Level0::OutOfFold,
            "stack.scales",
            "out-of-fold predictions are the folds' own: \"as-trained\"",
        ),
        (s.seed > u64::from(u32::MAX), "stack.seed", "NumPy's generator takes seeds below 2^32"),
        (!(s.learning_rate > 0.0 && s.learning_rate.is_finite()), "stack.learning_rate", "a positive number"),
        (!(1..=100_000).contains(&s.epochs), "stack.epochs", "between 1 and 100000"),
        (!(2..=65_536).contains(&s.batch), "stack.batch", "between 2 and 65536"),
        (!(1..=100_000).contains(&s.patience), "stack.patience", "between 1 and 100000"),
    ];
    match wrong.iter().find(|(holds, _, _)| *holds) {
        Some((_, key, what)) => Err(Problem::new(key, *what)),
        None => Ok(()),
    }
}
