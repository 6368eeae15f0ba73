//! What of a protocol is done, what would run, why, and how long it should take.

use super::{Found, Graph};
use crate::base::{Digest, Result, canon};
use crate::engine::journal::{Event, Line};
use crate::engine::runs::Outcome;
use crate::engine::store::Manifest;
use crate::engine::{Run, Workspace};
use crate::protocol::Loaded;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How a piece of work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is in the store.
    Done,
    /// It would run; it was done before with something else.
    Stale,
    /// It would run; it was never done.
    ToDo,
    /// A run is making it now.
    AtWork,
    /// What it needs is not done, so it is not known yet whether it would run.
    Waits,
}

impl Standing {
    /// The words people see.
    pub fn words(self) -> &'static str {
        match self {
            Standing::Done => "done",
            Standing::Stale => "stale, would run",
            Standing::ToDo => "would run",
            Standing::AtWork => "at work",
            Standing::Waits => "waits",
        }
    }
}

/// A leaf in which two fingerprints differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its dotted key.
    pub key: String,
    /// What it was, as JSON.
    pub was: String,
    /// What it is.
    pub is: String,
}

/// One piece of work.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people see: `train[C2]`.
    pub label: String,
    /// Its stage.
    pub stage: String,
    /// How it stands.
    pub standing: Standing,
    /// Its key, where it is known.
    pub key: Option<String>,
    /// The first leaf of its fingerprint that differs from when it was last done, where it is stale.
    pub why: Option<Change>,
    /// How many leaves differ besides.
    pub more: usize,
    /// Seconds that it takes, all attempts together: of this very work where it was done before, else of the newest work
    /// of the same label, else of the same stage, by runs with the same network, patch side, threads and device; a training
    /// that has another number of epochs now counts by its epochs.
    pub expected: Option<f64>,
}

/// Every piece of work of a protocol, in the order of the plan.
pub fn explain(workspace: &Workspace, loaded: &Loaded) -> Result<Vec<Row>> {
    let graph = Graph::new(workspace, &loaded.protocol);
    let store = workspace.store();
    let past = Past::read(workspace, loaded.base_name())?;
    let like = likeness(&loaded.protocol.canonical());
    let mut rows = Vec::with_capacity(graph.nodes.len());
    for (node, found) in graph.nodes.iter().zip(graph.look(&store)?) {
        let mut row = Row {
            label: node.label.clone(),
            stage: node.stage.to_owned(),
            standing: Standing::Waits,
            key: None,
            why: None,
            more: 0,
            expected: None,
        };
        match found {
            Found::Done(a) => {
                row.expected = past.seconds(&node.label, node.stage, Some(&a.manifest.key), epochs(&a.manifest.parameters), &like);
                (row.standing, row.key) = (Standing::Done, Some(a.manifest.key.to_string()));
            }
            // What it will be is not known yet; how many epochs a training has, is.
            Found::Pending => row.expected = past.seconds(&node.label, node.stage, None, Some(loaded.protocol.train.epochs as f64), &like),
            Found::Absent(job) => {
                let key = job.key();
                row.expected = past.seconds(&node.label, node.stage, Some(&key), epochs(&job.parameters), &like);
                row.key = Some(key.to_string());
                row.standing = if past.at_work.contains(&key) { Standing::AtWork } else { Standing::ToDo };
                if row.standing == Standing::ToDo
                    && let Some(before) = past.manifests.get(&node.label)
                {
                    let mut leaves = canon::differences(&fingerprint(before), &job.fingerprint()).into_iter();
                    row.why = leaves.next().map(|(key, was, is)| Change { key, was, is });
                    row.more = leaves.len();
                    row.standing = Standing::Stale;
                }
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn fingerprint(m: &Manifest) -> Value {
    json!({"stage": m.stage, "version": m.version, "parameters": m.parameters, "inputs": m.inputs})
}

/// The epochs of a training, from its parameters.
fn epochs(parameters: &Value) -> Option<f64> {
    parameters["train"]["epochs"].as_f64()
}

/// What of a protocol the cost of its work depends on most; costs of unlike protocols tell nothing of each other.
fn likeness(canonical: &Value) -> String {
    let of = |table: &str, key: &str| canonical[table][key].to_string();
    let d = "determinism";
    [of("network", "name"), of("patch", "resize"), of(d, "threads"), of(d, "device"), of(d, "instruction_set")].join(" ")
}

/// What a piece of work cost once.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    seconds: f64,
    epochs: Option<f64>,
}

impl Cost {
    /// What it would cost with so many epochs.
    fn with(self, epochs: Option<f64>) -> f64 {
        match (self.epochs, epochs) {
            (Some(old), Some(new)) if old > 0.0 => self.seconds * new / old,
            _ => self.seconds,
        }
    }
}

/// What earlier runs of a protocol (its overridden runs too) did; the newest counts.
#[derive(Default)]
struct Past {
    manifests: BTreeMap<String, Manifest>,
    by_key: BTreeMap<Digest, Cost>,
    /// By likeness and label.
    by_label: BTreeMap<(String, String), Cost>,
    /// By likeness and stage.
    by_stage: BTreeMap<(String, String), Cost>,
    /// What runs that live have begun and not ended.
    at_work: BTreeSet<Digest>,
}

impl Past {
    fn read(workspace: &Workspace, base: &str) -> Result<Self> {
        let mut past = Self::default();
        let store = workspace.store();
        // Work that was begun and not finished: what its attempts cost so far, whichever run made them.
        let mut spent: BTreeMap<Digest, f64> = BTreeMap::new();
        for run in Run::all(workspace)? {
            if run.order.protocol.split('+').next() != Some(base) {
                continue;
            }
            let epochs = run.order.resolved["train"]["epochs"].as_f64();
            let lines = run.lines().unwrap_or_default();
            let open = attempts(&lines, epochs, &likeness(&run.order.resolved), &mut spent, &mut past);
            if run.state(&lines).live() {
                past.at_work.extend(open);
            }
            // A run whose result cannot be read explains nothing, and hinders nothing.
            let Ok(outcome) = crate::stage::files::read_json::<Outcome>(&run.dir.join("result.json")) else { continue };
            for row in outcome.artifacts {
                if let Ok(Some(manifest)) = store.open(&store.folder(&row.stage, &row.key)) {
                    past.manifests.insert(row.label, manifest);
                }
            }
        }
        Ok(past)
    }

    fn seconds(&self, label: &str, stage: &str, key: Option<&Digest>, epochs: Option<f64>, like: &str) -> Option<f64> {
        let named = |what: &str| (like.to_owned(), what.to_owned());
        let by_key = key.and_then(|k| self.by_key.get(k));
        let known = by_key.or_else(|| self.by_label.get(&named(label))).or_else(|| self.by_stage.get(&named(stage)));
        known.map(|cost| cost.with(epochs))
    }
}

/// Adds up what a run's work cost, attempts that were cut short included; gives what is begun and not ended.
fn attempts(lines: &[Line], epochs: Option<f64>, like: &str, spent: &mut BTreeMap<Digest, f64>, past: &mut Past) -> Vec<Digest> {
    let mut open: BTreeMap<Digest, f64> = BTreeMap::new();
    let mut last = 0.0;
    for line in lines {
        match &line.event {
            Event::StageStarted { key, .. } => {
                // The worker before this one vanished: its attempt lasted until its last line.
                if let Some(since) = open.insert(*key, line.t) {
                    *spent.entry(*key).or_default() += f64::max(last - since, 0.0);
                }
            }
            Event::StageDone { label, stage, key, seconds, .. } => {
                open.remove(key);
                let cost = Cost { seconds: seconds + spent.remove(key).unwrap_or(0.0), epochs: epochs.filter(|_| stage == "train") };
                past.by_key.insert(*key, cost);
                past.by_label.insert((like.to_owned(), label.clone()), cost);
                past.by_stage.insert((like.to_owned(), stage.clone()), cost);
            }
            Event::RunStarted { .. } | Event::RunStopped | Event::RunFailed { .. } => {
                let until = if matches!(line.event, Event::RunStarted { .. }) { last } else { line.t };
                for (key, since) in std::mem::take(&mut open) {
                    *spent.entry(key).or_default() += f64::max(until - since, 0.0);
                }
            }
            _ => {}
        }
        last = line.t;
    }
    open.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{clock, host::Place};

    fn journal(events: &[(f64, Event)]) -> Vec<Line> {
        let line = |(n, (t, event)): (usize, &(f64, Event))| Line {
            n: n as u64,
            at: clock::rfc3339(*t),
            t: *t,
            prev: String::new(),
            from: None,
            event: event.clone(),
        };
        events.iter().enumerate().map(line).collect()
    }

    #[test]
    fn attempts_that_were_cut_short_count_and_epochs_scale() {
        let (key, label, stage) = (Digest::of(b"k"), "train[A]".to_owned(), "train".to_owned());
        let run = || Event::RunStarted { protocol: "demo".into(), place: Place::here(), pinfold: "0".into() };
        let began = || Event::StageStarted { label: label.clone(), stage: stage.clone(), key };
        let done = Event::StageDone { label: label.clone(), stage: stage.clone(), key, digest: Digest::of(b"d"), seconds: 5.0 };
        let first = [(0.0, run()), (1.0, began()), (11.0, Event::Heartbeat { place: None })];
        let second = [(500.0, run()), (501.0, began()), (508.0, Event::RunStopped), (600.0, run()), (601.0, began()), (606.0, done)];
        let (mut past, mut spent) = (Past::default(), BTreeMap::new());
        assert_eq!(attempts(&journal(&first), Some(4.0), "a", &mut spent, &mut past), [key], "begun, not ended");
        let all = [&first[..], &second[..]].concat();
        let (mut past, mut spent) = (Past::default(), BTreeMap::new());
        assert!(attempts(&journal(&all), Some(4.0), "a", &mut spent, &mut past).is_empty());
        // 10 s until the last sign of the worker that vanished, 7 s until the stop, 5 s to the end.
        assert_eq!(past.seconds(&label, &stage, Some(&key), Some(4.0), "a"), Some(22.0));
        assert_eq!(past.seconds(&label, &stage, None, Some(8.0), "a"), Some(44.0), "twice the epochs");
        assert_eq!(past.seconds("train[B]", &stage, Some(&Digest::of(b"x")), Some(2.0), "a"), Some(11.0), "another fold, half the epochs");
        assert_eq!(past.seconds(&label, &stage, None, Some(8.0), "b"), None, "another network");
        assert_eq!(past.seconds("ingest", "ingest", None, None, "a"), None);
    }
}
