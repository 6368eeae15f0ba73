//! One protocol as steps: what each does and why, its parameters and where they come from, what was found.

use super::facts::*;
use crate::base::{Result, text};
use crate::engine::journal::Event;
use crate::engine::{Run, Workspace};
use crate::plan::{self, Found as Known};
use crate::protocol::schema::Level0;
use crate::protocol::{Loaded, Protocol};
use crate::stage::leakage;
use serde_json::Value;

/// Stage, title, why, and the tables of the protocol that decide it.
const STEPS: &[(&str, &str, &str, &[&str])] = &[
    ("ingest", "Read the slides", "Raw files become spots, counts and an image handle; every file's SHA-256 is taken.", &["data"]),
    ("ingest-unlabelled", "Read slides without labels", "They are predicted, and nothing is measured on them.", &[]),
    (
        "spots",
        "Move and choose spots",
        "Offsets of each slide are applied; spots on no tissue are left out, each with its reason.",
        &["spots"],
    ),
    (
        "split",
        "Split the spots",
        "Which spots train, which choose the checkpoint, which are held out; and what leaks between them.",
        &["split"],
    ),
    ("preprocess", "Make the targets", "A panel of genes is chosen and counts are transformed.", &["genes", "expression"]),
    (
        "stain",
        "Make colours alike",
        "Stain normalisation to a reference, and background blanked; patches are cut from these images.",
        &["stain", "mask"],
    ),
    ("patches", "Cut the patches", "The image square round each spot, in one file that is mapped into memory.", &["patch"]),
    ("duplicates", "Look for duplicates", "Test patches that show nearly the same picture as a training patch: a leak.", &[]),
    ("baselines", "Ask simple methods", "Ridge regression and nearest neighbours on patch colours: what a network must beat.", &[]),
    ("clusters", "Cluster the spots", "Image features and places, no expression: the network is told each spot's cluster.", &["clusters"]),
    (
        "train",
        "Train",
        "One network a fold, with every draw keyed by the seed, so that it can be repeated to the byte.",
        &["network", "retrieval", "augmentation", "train", "determinism"],
    ),
    ("predict", "Predict", "The checkpoint's answers on held-out spots, beside the truth and the training mean.", &[]),
    (
        "level0-fold",
        "Predict every spot",
        "Each network's answers for all spots, its own training spots too: what the published stack learns from.",
        &[],
    ),
    ("evaluate", "Evaluate", "Correlation, error and Moran's I per gene; each metric has an id that fixes its definition.", &["metrics"]),
    ("level0", "Gather level 0", "The folds' predictions side by side, and which slides each network had seen.", &[]),
    ("stack", "Train the stack", "A model over the folds' predictions; it leaks where these are not out-of-fold.", &["stack"]),
    ("evaluate-stack", "Evaluate the stack", "By the same rules, under ids of its own.", &[]),
    ("answer", "Answer for unlabelled slides", "Each network's predictions there.", &[]),
    ("answers", "Write the answers", "Tables: one a network, their rank ensemble, the stack's.", &[]),
    ("report", "Report", "Figures, report.md and one index.html; then the lock pins all of it.", &["figures"]),
];

/// The steps of a protocol. Missing data is a finding, not an error.
pub fn walk(workspace: &Workspace, loaded: &Loaded) -> Result<Walk> {
    let missing = plan::missing(workspace, &loaded.protocol);
    let known = if missing.is_empty() { super::workspace_facts::known(workspace, loaded)? } else { Vec::new() };
    let canonical = loaded.protocol.canonical();
    let steps =
        STEPS.iter().filter(|row| has(&loaded.protocol, row.0)).map(|row| step(row, loaded, &canonical, &known, &missing)).collect();
    Ok(Walk { steps, leakage: found_leaks(&known), estimate: estimate(workspace, loaded, &known) })
}

/// Whether a protocol has steps of this stage.
fn has(p: &Protocol, stage: &str) -> bool {
    match stage {
        "clusters" => p.clusters.is_some(),
        "spots" => p.spots.is_some(),
        "stain" => p.stain.is_some() || p.mask.is_some(),
        "ingest-unlabelled" | "answer" | "answers" => !p.data.unlabelled.is_empty(),
        "level0-fold" => p.stack.as_ref().is_some_and(|s| s.inputs == Level0::InSample),
        "level0" | "stack" | "evaluate-stack" => p.stack.is_some(),
        _ => true,
    }
}

fn step(
    row: &(&str, &str, &str, &[&str]),
    loaded: &Loaded,
    canonical: &Value,
    known: &[(String, &'static str, Known)],
    missing: &[String],
) -> Step {
    let (stage, title, why, tables) = *row;
    let mut parameters = Vec::new();
    if stage == "train" {
        parameters.push(parameter("seed", &canonical["seed"], loaded));
    }
    for table in tables {
        flatten(table, &canonical[*table], loaded, &mut parameters);
    }
    let mine: Vec<&(String, &'static str, Known)> = known.iter().filter(|(_, s, _)| *s == stage).collect();
    let done = mine.iter().filter(|(_, _, k)| matches!(k, Known::Done(_))).count();
    // Weights are missed where something trains, data where they are read.
    let lacks = |weights: bool| missing.iter().find(|m| m.starts_with("weights/") == weights);
    let found = match (stage, lacks(false), lacks(true)) {
        ("ingest", Some(what), _) | ("train", _, Some(what)) => Found::Missing(what.clone()),
        (_, Some(_), _) | (_, _, Some(_)) => Found::Pending,
        _ if !mine.is_empty() && done == mine.len() => match mine.as_slice() {
            [(_, _, Known::Done(a))] => Found::Found(format!("done before, key {}", &a.manifest.key.short()[..7])),
            _ => Found::Found(format!("done before, {done} folds")),
        },
        ("ingest", ..) => Found::Found(match loaded.protocol.data.digests.len() {
            0 => "data present; the protocol pins no digest of it".into(),
            _ => "data present, digests as pinned".into(),
        }),
        _ if done > 0 => Found::Found(format!("{done} of {} folds done", mine.len())),
        _ => Found::Pending,
    };
    let needs = match stage {
        "ingest" => vec![format!("slides {}", loaded.protocol.data.slides.join(" "))],
        "train" if loaded.protocol.network.weights != "random" => vec![format!("weights/{}", loaded.protocol.network.weights)],
        "clusters" => {
            let file = loaded.protocol.clusters.iter().map(|c| &c.weights).filter(|w| *w != "random");
            file.map(|w| format!("weights/{w}")).collect()
        }
        _ => Vec::new(),
    };
    Step { stage: stage.into(), title: title.into(), why: why.into(), needs, found, parameters, quirks: quirks(stage, &loaded.protocol) }
}

fn flatten(key: &str, value: &Value, loaded: &Loaded, out: &mut Vec<Parameter>) {
    match value {
        Value::Object(map) if key == "data.digests" => {
            out.push(parameter(key, &Value::String(format!("{} files pinned", map.len())), loaded))
        }
        // A table that the protocol does not have.
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(&format!("{key}.{k}"), v, loaded, out)),
        value => out.push(parameter(key, value, loaded)),
    }
}

fn parameter(key: &str, value: &Value, loaded: &Loaded) -> Parameter {
    let overridden = loaded.overrides.iter().any(|o| o.split_once('=').is_some_and(|(k, _)| k.trim() == key));
    let shown = match value {
        Value::String(s) => s.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    Parameter { key: key.into(), value: shown, origin: if overridden { Origin::Override } else { Origin::File } }
}

/// The published quirks that act in this stage: those that the protocol declares, and those that its settings keep.
fn quirks(stage: &str, p: &Protocol) -> Vec<Quirk> {
    use crate::protocol::quirks::{self, State};
    let all = quirks::all().iter().filter(|q| q.place == stage && q.switchable()).map(|q| (q, quirks::state(q, p)));
    let told = all.filter(|(q, state)| p.quirks.contains_key(&q.id) || q.system == p.system || *state == State::Kept);
    told.filter(|(_, state)| *state != State::Neither)
        .map(|(q, state)| {
            let keys: Vec<&str> = q.settings.iter().filter(|s| !s.loose).map(|s| s.key.as_str()).collect();
            Quirk { name: format!("{} ({})", q.id, keys.join(", ")), as_published: state == State::Kept, text: q.what.clone() }
        })
        .collect()
}

fn found_leaks(known: &[(String, &'static str, Known)]) -> Vec<Finding> {
    // Each part as soon as it is known.
    let looked = known.iter().filter_map(|(_, stage, k)| match k {
        Known::Done(a) if matches!(*stage, "split" | "duplicates") => Some(a.file("leakage.json")),
        _ => None,
    });
    let findings = looked.flat_map(|path| crate::stage::files::read_json::<Vec<leakage::Finding>>(&path).unwrap_or_default());
    let mut out: Vec<Finding> = findings.map(|f| Finding { serious: f.leaks, text: f.text }).collect();
    out.sort_by_key(|f| !f.serious);
    out
}

/// How long the newest finished run of this protocol took, or its sibling with overrides; and the patches' size.
fn estimate(workspace: &Workspace, loaded: &Loaded, known: &[(String, &'static str, Known)]) -> String {
    let left = known.iter().filter(|(_, _, k)| !matches!(k, Known::Done(_))).count();
    if !known.is_empty() && left == 0 {
        return "everything is there: a run takes a second or two".into();
    }
    let took = Run::all(workspace).unwrap_or_default().into_iter().rev().filter(|r| r.order.protocol == loaded.name()).find_map(|r| {
        let lines = r.lines().ok()?;
        let work: f64 =
            lines.iter().filter_map(|l| if let Event::StageDone { seconds, .. } = &l.event { Some(*seconds) } else { None }).sum();
        (work > 1.0 && lines.iter().any(|l| matches!(l.event, Event::RunDone { .. }))).then_some(work)
    });
    match took {
        Some(seconds) => format!("about {} for all of it, by an earlier run here", text::duration(seconds)),
        None => "no earlier run here to estimate from".into(),
    }
}
