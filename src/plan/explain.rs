//! What of a protocol is done, what would run, why, and how long it should take.

use super::{Found, Graph};
use crate::base::{Result, canon};
use crate::engine::journal::Event;
use crate::engine::runs::Outcome;
use crate::engine::store::Manifest;
use crate::engine::{Run, Workspace};
use crate::protocol::Loaded;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
    /// Seconds that it took when a run last did it, under the same label, else in the same stage.
    pub expected: Option<f64>,
}

/// Every piece of work of a protocol, in the order of the plan.
pub fn explain(workspace: &Workspace, loaded: &Loaded) -> Result<Vec<Row>> {
    let graph = Graph::new(workspace, &loaded.protocol);
    let store = workspace.store();
    let past = Past::read(workspace, loaded.base_name())?;
    let mut rows = Vec::with_capacity(graph.nodes.len());
    for (node, found) in graph.nodes.iter().zip(graph.look(&store)?) {
        let mut row = Row {
            label: node.label.clone(),
            stage: node.stage.to_owned(),
            standing: Standing::Waits,
            key: None,
            why: None,
            more: 0,
            expected: past.seconds(&node.label, node.stage),
        };
        match found {
            Found::Done(a) => (row.standing, row.key) = (Standing::Done, Some(a.manifest.key.to_string())),
            Found::Pending => {}
            Found::Absent(job) => {
                row.key = Some(job.key().to_string());
                row.standing = Standing::ToDo;
                if let Some(before) = past.manifests.get(&node.label) {
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

/// What earlier runs of a protocol (its overridden runs too) did, by label; the newest counts.
struct Past {
    manifests: BTreeMap<String, Manifest>,
    by_label: BTreeMap<String, f64>,
    by_stage: BTreeMap<String, f64>,
}

impl Past {
    fn read(workspace: &Workspace, base: &str) -> Result<Self> {
        let mut past = Self { manifests: BTreeMap::new(), by_label: BTreeMap::new(), by_stage: BTreeMap::new() };
        let store = workspace.store();
        for run in Run::all(workspace)? {
            if run.order.protocol.split('+').next() != Some(base) {
                continue;
            }
            for line in run.lines().unwrap_or_default() {
                if let Event::StageDone { label, stage, seconds, .. } = line.event {
                    past.by_label.insert(label, seconds);
                    past.by_stage.insert(stage, seconds);
                }
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

    fn seconds(&self, label: &str, stage: &str) -> Option<f64> {
        self.by_label.get(label).or_else(|| self.by_stage.get(stage)).copied()
    }
}
