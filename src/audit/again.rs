//! Levels `predictions` and `retrain`: locked things made again from what is locked, in a scratch folder outside of the
//! workspace, and compared.

use super::remake::{Locked, Order, Outcome, Task};
use super::report::{Item, Kind, Level, State};
use super::{chain, child, compare, text};
use crate::base::{Digest, Exit, Failure, Result, program};
use crate::engine::{Event, Workspace};
use crate::lock::{self, Artifact, Entry, artifact_folder};
use crate::plan::{Graph, fold_labels, order};
use crate::protocol::Protocol;
use compare::{Pair, Rule};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// How the deep levels go about it.
pub struct Deep<'a> {
    /// Train every fold again, not only the one that the lock's own hash chooses.
    pub all_folds: bool,
    /// At level `retrain`, make slides, split, targets and patches again too, from the data files.
    pub from_data: bool,
    /// Is told what the worker does.
    pub tell: &'a dyn Fn(&Event),
    /// Ends the audit when it becomes true.
    pub stop: &'a AtomicBool,
}

/// Refused in a program without libtorch, before anything is looked at.
pub(super) fn require_libtorch(level: Level) -> Result<()> {
    if !program::trains() && level >= Level::Predictions {
        return Err(Failure::environment(format!(
            "this pinfold was built without libtorch, and no pinfold-engine lies beside it: the audit level '{}' predicts or trains again, and needs it",
            level.word()
        ))
        .hint("audit with --level metrics here; or make setup && cargo build"));
    }
    Ok(())
}

/// The fold that is trained again, of `folds`: the first eight bytes of SHA-256("pinfold retrain\n" + the entry's integrity
/// digest in hexadecimal digits + "\n"), read as a big-endian number, modulo the number of folds.
///
/// The integrity digest covers everything that is locked, the checkpoints and metrics of all folds included: the choice is
/// made by what was locked, and whatever changes there changes it. (Locking over and over until the wanted fold comes out
/// is possible; `--all-folds` leaves nothing to choose.)
pub fn chosen_fold(entry: &Entry, folds: usize) -> usize {
    let mut plain = entry.clone();
    plain.normalise();
    let digest = Digest::of(format!("pinfold retrain\n{}\n", lock::integrity(&plain)).as_bytes());
    let head = digest.bytes().iter().take(8).fold(0u64, |n, &b| n << 8 | u64::from(b));
    (head % folds.max(1) as u64) as usize
}

/// Makes an entry's predictions, and at level `retrain` its checkpoints, again. `items` are its verdicts so far.
pub(super) fn judge(workspace: &Workspace, level: Level, entry: &Entry, items: &[Item], deep: &Deep) -> Result<Vec<Item>> {
    let p = match text::protocol(workspace.root(), entry, None) {
        Ok(p) => p,
        Err(why) => return Ok(vec![Item::other(Kind::Remade, "", &entry.path, State::Skipped, format!("nothing was made again: {why}"))]),
    };
    let graph = Graph::new(workspace, &p);
    let sound = Sound { entry, items, graph: &graph };
    let mut out = match sound.all() {
        None => chain::judge(workspace, entry, &graph),
        Some(path) => vec![Item::other(Kind::Remade, "chain", &path, State::Skipped, "the chain was not looked at: this is not as locked")],
    };
    let mut plan = Plan::default();
    for label in fold_labels(&p, "predict") {
        plan.add(&sound, &label, Start::Checkpoint, &mut out);
    }
    if level >= Level::Retrain {
        if deep.from_data {
            for label in inputs_of(&graph, None) {
                plan.add(&sound, &label, Start::Inputs, &mut out);
            }
        }
        let folds = fold_labels(&p, "train");
        let chosen = chosen_fold(entry, folds.len());
        for (i, label) in folds.iter().enumerate().filter(|(i, _)| deep.all_folds || *i == chosen) {
            for label in inputs_of(&graph, Some(i)).into_iter().filter(|_| deep.from_data) {
                plan.add(&sound, &label, Start::Inputs, &mut out);
            }
            if p.clusters.is_some() {
                plan.add(&sound, &label.replacen("train[", "clusters[", 1), Start::Features, &mut out);
            }
            if !deep.all_folds {
                let words =
                    format!("the fold trained again is {}, number {} of {}: the entry's own digest chooses it", label, i + 1, folds.len());
                out.push(Item::verified(Kind::Remade, label, &entry.path, "").saying(words));
            }
            plan.add(&sound, label, Start::Scratch, &mut out);
            plan.add(&sound, &label.replacen("train[", "predict[", 1), Start::Retrained, &mut out);
        }
        // A stack trains in moments, and from what is locked.
        for node in graph.nodes.iter().filter(|n| n.stage == "stack") {
            plan.add(&sound, &node.label, Start::Scratch, &mut out);
        }
    }
    out.extend(carry_out(workspace, entry, &p, &plan, deep)?);
    Ok(out)
}

/// The labels of what a training starts from and that follows from data files alone: of all folds, or of one.
fn inputs_of(graph: &Graph, fold: Option<usize>) -> Vec<String> {
    let stages = ["ingest", "ingest-unlabelled", "spots", "split", "preprocess", "stain", "patches"];
    graph.nodes.iter().filter(|n| n.fold == fold && stages.contains(&n.stage)).map(|n| n.label.clone()).collect()
}

/// What something is made again from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Predictions from the locked checkpoint.
    Checkpoint,
    /// What training starts from.
    Inputs,
    /// Clusters from patches and places.
    Features,
    /// A training from the beginning.
    Scratch,
    /// Predictions from the checkpoint that was just trained again.
    Retrained,
}

impl Start {
    fn words(self) -> &'static str {
        match self {
            Start::Checkpoint => "from the locked checkpoint",
            Start::Inputs | Start::Features => "made again",
            Start::Scratch => "trained again",
            Start::Retrained => "from the checkpoint trained again",
        }
    }
}

/// Which locked files may be used.
struct Sound<'a> {
    entry: &'a Entry,
    items: &'a [Item],
    graph: &'a Graph,
}

impl Sound<'_> {
    fn artifact(&self, label: &str) -> Option<&Artifact> {
        self.entry.artifacts.iter().find(|a| a.label == label)
    }

    /// The first file of an artifact that is not as locked.
    fn broken(&self, artifact: &Artifact) -> Option<String> {
        let folder = format!("{}/", artifact_folder(&artifact.stage, artifact.key));
        let bad = |i: &&Item| i.kind == Kind::Artifact && i.state.fails() && i.path.starts_with(&folder);
        self.items.iter().find(bad).map(|i| i.path.clone())
    }

    /// The first file of any artifact that is not as locked.
    fn all(&self) -> Option<String> {
        self.entry.artifacts.iter().find_map(|a| self.broken(a))
    }

    /// What keeps a piece of work from being made again, in words that name every artifact at fault.
    fn obstacle(&self, label: &str, from: Start) -> Option<String> {
        let labels = match chain::labels(self.graph, label) {
            Ok(labels) => labels,
            Err(why) => return Some(why),
        };
        let mut faults = Vec::new();
        for label in &labels {
            match self.artifact(label) {
                None => faults.push(format!("{label} is not locked")),
                Some(artifact) => faults.extend(self.broken(artifact).map(|path| format!("{label} is not as locked ({path})"))),
            }
        }
        if matches!(from, Start::Scratch | Start::Features) {
            let weights = self.items.iter().filter(|i| i.kind == Kind::Weights && i.state.fails());
            faults.extend(weights.map(|i| format!("the weights are not as locked ({})", i.path)));
        }
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

/// The tasks of the worker, each with what it is made from.
#[derive(Default)]
struct Plan<'a> {
    tasks: Vec<(Task, Start, &'a Artifact)>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, sound: &'a Sound, label: &str, from: Start, out: &mut Vec<Item>) {
        let Some(artifact) = sound.artifact(label) else {
            let words = format!("cannot be made again: {label} is not locked");
            return out.push(Item::other(Kind::Remade, label, &sound.entry.path, State::Failed, words));
        };
        if let Some(why) = sound.obstacle(label, from) {
            let folder = artifact_folder(&artifact.stage, artifact.key);
            return out.push(Item::other(Kind::Remade, label, &folder, State::Skipped, format!("was not made again: {why}")));
        }
        let mut with = BTreeMap::new();
        if from == Start::Retrained {
            // The training stands right before its predictions; without it there is nothing to predict with.
            match self.tasks.last() {
                Some((task, Start::Scratch, _)) => with.insert(task.label.clone(), task.out.clone()),
                _ => return,
            };
        }
        let out = format!("{:03}", self.tasks.len());
        let elsewhere = matches!(from, Start::Checkpoint);
        self.tasks.push((Task { label: label.to_owned(), out, with, elsewhere }, from, artifact));
    }
}

/// Has the tasks done by a worker, and judges what came of them.
fn carry_out(workspace: &Workspace, entry: &Entry, p: &Protocol, plan: &Plan, deep: &Deep) -> Result<Vec<Item>> {
    if plan.tasks.is_empty() {
        return Ok(Vec::new());
    }
    let scratch = scratch(workspace)?;
    let order = Order {
        root: workspace.root().to_owned(),
        protocol: p.canonical(),
        artifacts: entry.artifacts.iter().map(|a| Locked { label: a.label.clone(), stage: a.stage.clone(), key: a.key }).collect(),
        tasks: plan.tasks.iter().map(|(task, ..)| task.clone()).collect(),
    };
    let outcome = child::run(scratch.path(), &order, &order::pins(p), deep.tell, deep.stop)?;
    let mut out = Vec::new();
    for (task, from, artifact) in &plan.tasks {
        out.extend(verdict(workspace, entry, scratch.path(), task, *from, artifact, &outcome)?);
    }
    Ok(out)
}

/// A new folder outside of the workspace, removed when it is dropped.
fn scratch(workspace: &Workspace) -> Result<tempfile::TempDir> {
    let place = std::env::temp_dir();
    let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
    if real(&place).starts_with(real(workspace.root())) {
        return Err(Failure::environment("the folder for temporary files is inside the workspace, and the audit never writes there")
            .at(place.display().to_string())
            .hint("set TMPDIR to a folder outside of the workspace"));
    }
    tempfile::Builder::new().prefix("pinfold-audit-").tempdir().map_err(|e| Failure::io(&e, "make a scratch folder", &place))
}

fn verdict(
    workspace: &Workspace,
    entry: &Entry,
    scratch: &Path,
    task: &Task,
    from: Start,
    artifact: &Artifact,
    outcome: &Outcome,
) -> Result<Vec<Item>> {
    let folder = artifact_folder(&artifact.stage, artifact.key);
    let label = format!("{}, {}", task.label, from.words());
    let done = outcome.done.iter().find(|d| d.out == task.out);
    let trouble = match done {
        Some(done) => done.trouble.as_ref().map(|t| t.failure()),
        None => Some(Failure::environment("the audit's worker did not come to it")),
    };
    if let Some(e) = trouble {
        if matches!(e.exit, Exit::Environment | Exit::Interrupted) {
            return Err(e.at(format!("making {} again", task.label)));
        }
        let words = format!("could not be made again: {}", e.what);
        // Raw data that is not on this machine is no fault of what was locked.
        let state = if from == Start::Inputs && e.exit == Exit::BadInput { State::Skipped } else { State::Failed };
        return Ok(vec![Item::other(Kind::Remade, &label, &folder, state, words)]);
    }
    let class = entry.determinism.reached.as_str();
    let exact = class == "portable" && !done.is_some_and(|d| d.elsewhere);
    let place = workspace.root().join(&folder);
    let mut out = Vec::new();
    for pin in &artifact.files {
        let rule = match (from, pin.path.as_str()) {
            _ if exact || from == Start::Inputs => Rule::Equal,
            (Start::Checkpoint, "predictions.safetensors") => Rule::Close,
            (Start::Checkpoint, _) => Rule::Equal,
            (Start::Retrained, "spots.tsv" | "genes.txt") => Rule::Equal,
            _ => Rule::Told,
        };
        let path = format!("{folder}/{}", pin.path);
        let made = scratch.join(&task.out).join(&pin.path);
        out.push(compare::file(&Pair { label: &label, path: &path, pin, locked: &place.join(&pin.path), made: &made }, rule, class));
    }
    for path in crate::engine::store::files_below(&scratch.join(&task.out))? {
        let name = path.strip_prefix(scratch.join(&task.out)).ok().and_then(Path::to_str).unwrap_or_default();
        if !artifact.files.iter().any(|f| f.path == name) {
            let words = format!("making it again gives the file '{name}', which is not locked");
            out.push(Item::other(Kind::Remade, &label, &folder, State::Failed, words).between("nothing", "a file"));
        }
    }
    if from == Start::Retrained && !exact && out.iter().any(|i| i.state == State::Skipped) {
        out.push(compare::fold(&label, &folder, &place, &scratch.join(&task.out), class));
    }
    Ok(out)
}
