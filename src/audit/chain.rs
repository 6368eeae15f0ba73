//! The locked chain: every artifact's key follows from the locked protocol and from the locked artifacts it was made of.
//!
//! Digests alone do not say this: a manifest may name inputs that are not the locked ones.

use super::remake::stored;
use super::report::{Item, Kind, State};
use crate::base::canon;
use crate::engine::Workspace;
use crate::engine::store::{Artifact, Job, Manifest};
use crate::lock::{self, Entry, Program, artifact_folder};
use crate::plan::Graph;
use serde_json::json;
use std::collections::BTreeMap;

/// Leaves of a fingerprint that only say which program made the artifact.
const OF_THE_PROGRAM: [&str; 2] = ["version", "parameters.libtorch"];

/// Judges the chain. Every artifact of the entry was verified before.
pub(super) fn judge(workspace: &Workspace, entry: &Entry, graph: &Graph) -> Vec<Item> {
    let mut out = Vec::new();
    for artifact in entry.artifacts.iter().filter(|a| graph.position(&a.label).is_none()) {
        let words = "is locked, and the locked protocol has no such piece of work";
        out.push(item(artifact, State::Failed, words.to_owned()));
    }
    let mut have: BTreeMap<usize, Artifact> = BTreeMap::new();
    let mut linked = 0;
    for (at, node) in graph.nodes.iter().enumerate() {
        let Some(locked) = entry.artifacts.iter().find(|a| a.label == node.label) else {
            let words = format!("the locked protocol has the piece of work {}, and nothing of it is locked", node.label);
            out.push(Item::other(Kind::Remade, &node.label, &entry.path, State::Failed, words));
            continue;
        };
        let Some(needs) = node.needs.iter().map(|i| have.get(i)).collect::<Option<Vec<_>>>() else { continue };
        let job = graph.stage(at, &needs).map(|stage| stage.job());
        match (stored(workspace, &locked.label, &locked.stage, &locked.key), job) {
            (Ok(artifact), Ok(job)) if job.key() == locked.key => {
                linked += 1;
                have.insert(at, artifact);
            }
            (Ok(artifact), Ok(job)) => {
                out.push(odd(entry, locked, &artifact.manifest, &job));
                have.insert(at, artifact);
            }
            // Raw data that is not here: the level `digests` has said so.
            (Ok(artifact), Err(e)) => {
                out.push(item(locked, State::Skipped, format!("its key was not derived again: {}", e.what)));
                have.insert(at, artifact);
            }
            (Err(e), _) => out.push(item(locked, State::Failed, e.what)),
        }
    }
    if linked > 0 {
        let words = format!("{linked} artifacts have the key that the locked protocol and their locked inputs give");
        out.insert(0, Item::verified(Kind::Remade, "chain", &entry.path, "").saying(words));
    }
    out
}

fn item(artifact: &lock::Artifact, state: State, words: String) -> Item {
    Item::other(Kind::Remade, &artifact.label, &artifact_folder(&artifact.stage, artifact.key), state, words)
}

/// A key that is not the one that is due: the first leaf in which the two fingerprints differ says why.
fn odd(entry: &Entry, locked: &lock::Artifact, manifest: &Manifest, job: &Job) -> Item {
    let stored =
        json!({"stage": manifest.stage, "version": manifest.version, "parameters": manifest.parameters, "inputs": manifest.inputs});
    let differing = canon::differences(&stored, &job.fingerprint());
    let this = Program::this().version;
    match differing.iter().find(|(key, ..)| !OF_THE_PROGRAM.contains(&key.as_str())) {
        Some((key, was, due)) => {
            let words = format!("was not made from what is locked: {key} is {was} in its manifest, where the lock gives {due}");
            let found = item(locked, State::Failed, words).between(due, was);
            if entry.program.version == this {
                found
            } else {
                found.hint(format!("it was locked by pinfold {}, and this is {this}: audit with that version", entry.program.version))
            }
        }
        None => {
            let (key, was, due) = differing.into_iter().next().unwrap_or_default();
            let words = format!("was made by another version of the program: {key} is {was} there, and {due} here");
            item(locked, State::Skipped, words)
        }
    }
}

/// The artifacts of the entry that a node needs, and the node's own.
pub(super) fn labels(graph: &Graph, label: &str) -> Result<Vec<String>, String> {
    let at = graph.position(label).ok_or_else(|| format!("the locked protocol has no '{label}'"))?;
    Ok(graph.nodes[at].needs.iter().map(|&i| graph.nodes[i].label.clone()).chain([label.to_owned()]).collect())
}
