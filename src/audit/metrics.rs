//! Level `metrics`: the numbers, computed again from the locked predictions.

use super::files::{Base, Roots};
use super::report::{Item, Kind, State};
use crate::base::arrays::Arrays;
use crate::base::{Digest, Failure, IoContext, Result, canon};
use crate::lock::collect::Manifest;
use crate::lock::{Artifact, Entry, LockedMetric, artifact_folder, decimal};
use crate::stats::evaluate::{Baseline, Evaluation, FoldPredictions, Spec, beside, evaluate, variances};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const METRICS: &str = "metrics.json";
/// Stages that make numbers: a protocol's own, and its stack's.
const EVALUATIONS: [&str; 2] = ["evaluate", "evaluate-stack"];

/// Judges an entry's numbers. `items` are its verdicts at level `digests`: files that are not what the lock says are not
/// computed with.
pub(super) fn judge(roots: &Roots, entry: &Entry, items: &[Item]) -> Vec<Item> {
    let evaluations: Vec<&Artifact> = entry.artifacts.iter().filter(|a| EVALUATIONS.contains(&a.stage.as_str())).collect();
    if evaluations.is_empty() {
        let state = if entry.metrics.is_empty() { State::Skipped } else { State::Failed };
        return vec![Item::other(
            Kind::Metric,
            "metrics",
            &entry.path,
            state,
            "no evaluation is locked, so no number can be computed again",
        )];
    }
    let mut out = Vec::new();
    let mut summaries = BTreeMap::new();
    let mut complete = true;
    for artifact in evaluations {
        let place = format!("{}/{METRICS}", artifact_folder(&artifact.stage, artifact.key));
        match again(roots, entry, artifact, items) {
            Err(Obstacle::Unsound(path)) => {
                let words = format!("was not computed again: {path} is not what the lock says");
                complete = false;
                out.push(Item::other(Kind::Metric, &artifact.label, &place, State::Skipped, words));
            }
            Err(Obstacle::Failure(e)) => {
                complete = false;
                let words = format!("could not be computed again: {}", e.what);
                out.push(Item::other(Kind::Metric, &artifact.label, &place, State::Failed, words));
            }
            Ok((evaluation, stored)) => {
                out.push(compare(artifact, &place, &evaluation, &stored));
                summaries.extend(evaluation.summary.into_iter().map(|m| (m.id.clone(), (decimal(m.value), m.n as u64))));
            }
        }
    }
    out.extend(entry.metrics.iter().map(|m| locked(m, summaries.get(&m.id), complete)));
    out
}

enum Obstacle {
    /// A file that the computation needs is not the locked one.
    Unsound(String),
    Failure(Failure),
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Obstacle::Failure(failure)
    }
}

/// The evaluation computed again, and the stored one.
fn again(roots: &Roots, entry: &Entry, artifact: &Artifact, items: &[Item]) -> std::result::Result<(Evaluation, Value), Obstacle> {
    sound(artifact, items)?;
    let (folder, place) = folder(roots, artifact)?;
    let manifest_path = folder.join("manifest.json");
    let manifest = Manifest::parse(&std::fs::read(&manifest_path).doing("read", &manifest_path)?, &place)?;
    let inputs = manifest.input_digests();
    // Folds in the lock's order, which is the plan's; sums depend on it.
    let of_stack = artifact.stage != EVALUATIONS[0];
    let predictions: Vec<&Artifact> = from_inputs(entry, if of_stack { "stack" } else { "predict" }, &inputs);
    // A stack stands beside its networks; simple methods are asked of these.
    let baselines = if of_stack { None } else { from_inputs(entry, "baselines", &inputs).into_iter().next() };
    let Some(preprocess) = from_inputs(entry, "preprocess", &inputs).into_iter().next() else {
        return Err(Failure::input("no preprocessing is locked, and the abundance of the genes comes from there").into());
    };
    let spec = spec(&manifest.parameters)?;
    let split = match spec.needs_training().then(|| from_inputs(entry, "split", &inputs).into_iter().next()) {
        Some(None) => return Err(Failure::input("no split is locked, and the training spots are said there").into()),
        found => found.flatten(),
    };
    for needed in predictions.iter().chain([&preprocess]).chain(&split).chain(&baselines) {
        sound(needed, items)?;
    }
    let folds = predictions.iter().map(|p| FoldPredictions::read(&self::folder(roots, p)?.0)).collect::<Result<Vec<_>>>()?;
    let expression = Arrays::open(&self::folder(roots, preprocess)?.0.join("expression.safetensors"))?;
    let training = match split {
        None => Vec::new(),
        Some(split) => training(&expression, &self::folder(roots, split)?.0.join("folds.json"))?,
    };
    let mut evaluation = evaluate(&folds, &expression.f64s("abundance")?, &training, &spec)?;
    if let Some(baselines) = baselines {
        let simple = Baseline::read(&self::folder(roots, baselines)?.0, folds.len())?;
        beside(&mut evaluation, &folds, &simple, &spec)?;
    }
    let stored = folder.join(METRICS);
    let stored = serde_json::from_slice(&std::fs::read(&stored).doing("read", &stored)?)
        .map_err(|e| Failure::input(format!("the stored {METRICS} is not sound JSON ({e})")))?;
    Ok((evaluation, stored))
}

/// Each fold's variances over its training spots.
fn training(expression: &Arrays, folds: &Path) -> Result<Vec<Vec<f64>>> {
    let values = expression.f32s("expression")?;
    let genes = expression.entry("expression")?.shape.get(1).copied().unwrap_or(0).max(1);
    // Of a fold only who trains counts here.
    #[derive(serde::Deserialize)]
    struct Folds {
        folds: Vec<Fold>,
    }
    #[derive(serde::Deserialize)]
    struct Fold {
        train: Vec<usize>,
    }
    let read: Folds = serde_json::from_slice(&std::fs::read(folds).doing("read", folds)?)
        .map_err(|e| Failure::input(format!("the locked folds are not sound ({e})")))?;
    let spots = values.len() / genes;
    match read.folds.iter().flat_map(|f| &f.train).find(|&&row| row >= spots) {
        Some(row) => Err(Failure::input(format!("the locked folds name row {row} of {spots}"))),
        None => Ok(read.folds.iter().map(|fold| variances(&values, genes, &fold.train)).collect()),
    }
}

/// The locked artifacts of a stage that are among the inputs; all of the stage when the inputs name none of them.
fn from_inputs<'a>(entry: &'a Entry, stage: &str, inputs: &[Digest]) -> Vec<&'a Artifact> {
    let all: Vec<&Artifact> = entry.artifacts.iter().filter(|a| a.stage == stage).collect();
    let named: Vec<&Artifact> = all.iter().copied().filter(|a| inputs.contains(&a.digest)).collect();
    if named.is_empty() { all } else { named }
}

/// The spec that the evaluation ran with: the manifest's `parameters.spec`, or its parameters as a whole.
fn spec(parameters: &Value) -> Result<Spec> {
    let value = parameters.get("spec").unwrap_or(parameters);
    serde_json::from_value(value.clone()).map_err(|e| Failure::input(format!("the manifest does not say how it was evaluated ({e})")))
}

fn sound(artifact: &Artifact, items: &[Item]) -> std::result::Result<(), Obstacle> {
    let folder = format!("{}/", artifact_folder(&artifact.stage, artifact.key));
    match items.iter().find(|i| i.kind == Kind::Artifact && i.state.fails() && i.path.starts_with(&folder)) {
        Some(item) => Err(Obstacle::Unsound(item.path.clone())),
        None => Ok(()),
    }
}

fn folder(roots: &Roots, artifact: &Artifact) -> Result<(PathBuf, String)> {
    let place = artifact_folder(&artifact.stage, artifact.key);
    match roots.locate(Base::Workspace, &place) {
        Ok(path) => Ok((path, place)),
        Err(_) => Err(Failure::input("the artifact's folder is not there").at(place)),
    }
}

/// Compares the whole evaluation with the stored one, value by value: canonical bytes, so every digit of every
/// number counts. (The file's own bytes stand under its locked SHA-256.)
fn compare(artifact: &Artifact, place: &str, evaluation: &Evaluation, stored: &Value) -> Item {
    let failed = |words: String| Item::other(Kind::Metric, &artifact.label, place, State::Failed, words);
    let found = match serde_json::to_value(evaluation) {
        Ok(value) => value,
        Err(e) => return failed(format!("could not be computed again: {e}")),
    };
    if canon::bytes(&found) == canon::bytes(stored) {
        return Item::verified(
            Kind::Metric,
            &artifact.label,
            place,
            format!("{} genes, {} spots", evaluation.genes.len(), evaluation.spots),
        );
    }
    match canon::differences(&keyed(stored), &keyed(&found)).into_iter().next() {
        Some((key, was, is)) => {
            failed(format!("does not follow from the predictions: {key} is {was} there, and {is} when computed again")).between(was, is)
        }
        None => failed("does not follow from the predictions: it holds other zeros or other numbers of the same value".to_owned()),
    }
}

/// Lists of named things as objects, so that a difference names the gene or metric and not a place in a list.
fn keyed(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), keyed(v))).collect()),
        Value::Array(items) => {
            let name = |v: &Value| ["id", "gene", "name"].iter().find_map(|k| v.get(k)?.as_str().map(str::to_owned));
            let named: Option<serde_json::Map<String, Value>> = items.iter().map(|v| Some((name(v)?, keyed(v)))).collect();
            named.filter(|m| m.len() == items.len()).map_or_else(|| value.clone(), Value::Object)
        }
        other => other.clone(),
    }
}

/// Compares one locked metric with the computed one.
fn locked(metric: &LockedMetric, found: Option<&(String, u64)>, complete: bool) -> Item {
    let other = |state, words: &str| Item::other(Kind::Metric, &metric.title, &metric.id, state, words);
    let expected = format!("{} over {}", metric.value, metric.n);
    match found {
        Some((value, n)) if *value == metric.value && *n == metric.n => Item::verified(Kind::Metric, &metric.title, &metric.id, expected),
        Some((value, n)) => {
            let words = format!("is locked as {expected}, and computed again it is {value} over {n}");
            other(State::Failed, &words).between(expected, format!("{value} over {n}"))
        }
        None if complete => other(State::Failed, "is locked, and no locked evaluation gives it").between(expected, "nothing"),
        None => other(State::Skipped, "was not computed again").between(expected, "not computed"),
    }
}
