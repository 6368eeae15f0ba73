//! Making locked things again, in a scratch folder: what the audit's own worker does.
//!
//! The parent writes `order.json` into the folder; the worker (`pinfold remake FOLDER`, started with the protocol's pins in
//! its environment, because libtorch reads them when it is loaded) does the tasks in order, writes each one's
//! outputs into a folder of its own, and keeps `outcome.json` up to date. It reads the workspace's store, and writes
//! nothing there.

use crate::base::{Digest, Exit, Failure, IoContext, Result};
use crate::engine::store::{Artifact, Manifest, Output, SCRATCH, files_below};
use crate::engine::{Event, Watch, Workspace};
use crate::plan::Graph;
use crate::protocol::schema::{Class, Device};
use crate::protocol::{self, Protocol};
use crate::stage::files::{read_json, write_json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The order's file name.
pub(super) const ORDER: &str = "order.json";
/// The outcome's file name.
pub(super) const OUTCOME: &str = "outcome.json";

/// What to make again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The workspace's root.
    pub root: PathBuf,
    /// The locked protocol, canonical.
    pub protocol: serde_json::Value,
    /// The locked artifacts, from which inputs are taken.
    pub artifacts: Vec<Locked>,
    /// What to do, in order.
    pub tasks: Vec<Task>,
}

/// Where a locked artifact stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Locked {
    pub label: String,
    pub stage: String,
    pub key: Digest,
}

/// One thing to make again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    /// The plan's label, `predict[C2]`.
    pub label: String,
    /// The folder for its outputs, below the scratch folder.
    pub out: String,
    /// Inputs that come from an earlier task's folder in place of the store, by label.
    pub with: BTreeMap<String, String>,
    /// Whether a processor may take the place of a GPU that is not there.
    pub elsewhere: bool,
}

/// What came of the tasks that were begun.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub done: Vec<Done>,
}

/// What came of one task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub out: String,
    /// Made on a processor, where the protocol names a GPU.
    pub elsewhere: bool,
    pub trouble: Option<Trouble>,
}

/// An error that travels between processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trouble {
    what: String,
    place: Option<String>,
    hint: Option<String>,
    exit: i32,
}

impl Trouble {
    fn of(failure: &Failure) -> Self {
        Self { what: failure.what.clone(), place: failure.place.clone(), hint: failure.hint.clone(), exit: failure.exit as i32 }
    }
    /// The error again.
    pub fn failure(&self) -> Failure {
        let exit = [Exit::CheckFailed, Exit::Interrupted, Exit::Environment].into_iter().find(|e| *e as i32 == self.exit);
        Failure { what: self.what.clone(), place: self.place.clone(), hint: self.hint.clone(), exit: exit.unwrap_or(Exit::BadInput) }
    }
}

/// Does what a scratch folder's `order.json` asks for. A task that fails for its own reasons is written down, and those
/// that do not need it go on; what the environment lacks, or a request to stop, ends the work.
pub fn remake(folder: &Path, watch: &mut dyn Watch) -> Result<()> {
    let order: Order = read_json(&folder.join(ORDER))?;
    let p = protocol::parse::from_canonical(order.protocol.clone())?;
    let mut outcome = Outcome::default();
    for task in &order.tasks {
        let unmade = |out: &String| outcome.done.iter().any(|d| d.out == *out && d.trouble.is_some());
        let result = match task.with.values().find(|out| unmade(out)) {
            Some(_) => Err(Failure::check("what it needs could not be made again")),
            None if watch.stop_asked() => Err(Failure::interrupted("the audit was stopped")),
            None => one(folder, &order, &p, task, watch),
        };
        let fatal = result.as_ref().err().is_some_and(|e| matches!(e.exit, Exit::Environment | Exit::Interrupted));
        outcome.done.push(match result {
            Ok(elsewhere) => Done { out: task.out.clone(), elsewhere, trouble: None },
            Err(e) => Done { out: task.out.clone(), elsewhere: false, trouble: Some(Trouble::of(&e)) },
        });
        write_json(&folder.join(OUTCOME), &outcome)?;
        if fatal {
            break;
        }
    }
    Ok(())
}

/// Does one task; true when it was done on a processor in place of a GPU.
fn one(folder: &Path, order: &Order, p: &Protocol, task: &Task, watch: &mut dyn Watch) -> Result<bool> {
    let found = attempt(folder, order, p, task, watch);
    let gpu = p.determinism.device == Device::Cuda;
    match found {
        Err(e) if e.exit == Exit::Environment && gpu && task.elsewhere => {
            watch.event(Event::Note { level: "warning".into(), text: format!("{}: {}; done on the processor", task.label, e.what) });
            let mut other = p.clone();
            other.determinism.device = Device::Cpu;
            other.determinism.class = Class::Statistical;
            attempt(folder, order, &other, task, watch).map(|()| true)
        }
        found => found.map(|()| false),
    }
}

fn attempt(folder: &Path, order: &Order, p: &Protocol, task: &Task, watch: &mut dyn Watch) -> Result<()> {
    let workspace = Workspace::at(&order.root);
    let graph = Graph::new(&workspace, p);
    let unknown = |label: &str| Failure::input(format!("the locked protocol has no '{label}'"));
    let at = graph.position(&task.label).ok_or_else(|| unknown(&task.label))?;
    let input = |i: &usize| {
        let label = &graph.nodes[*i].label;
        match task.with.get(label) {
            Some(made) => remade(label, &folder.join(made)),
            None => {
                let locked = order.artifacts.iter().find(|a| a.label == *label).ok_or_else(|| unknown(label))?;
                stored(&workspace, label, &locked.stage, &locked.key)
            }
        }
    };
    let needs = graph.nodes[at].needs.iter().map(input).collect::<Result<Vec<_>>>()?;
    let stage = graph.stage(at, &needs.iter().collect::<Vec<_>>())?;
    let job = stage.job();
    let out = folder.join(&task.out);
    std::fs::create_dir_all(&out).doing("make the folder", &out)?;
    watch.event(Event::StageStarted { label: task.label.clone(), stage: job.stage.into(), key: job.key() });
    stage.run(&out, watch)?;
    for path in files_below(&out)? {
        let name = path.strip_prefix(&out).ok().and_then(Path::to_str).unwrap_or_default();
        // A stage's own notes for resuming are no outputs, there as here.
        if name.starts_with(SCRATCH) || name.starts_with(".pinfold-") {
            std::fs::remove_file(&path).doing("remove", &path)?;
        }
    }
    Ok(())
}

/// A locked artifact, as the engine knows it.
pub(super) fn stored(workspace: &Workspace, label: &str, stage: &str, key: &Digest) -> Result<Artifact> {
    let dir = workspace.store().folder(stage, key);
    let manifest = workspace
        .store()
        .open(&dir)?
        .ok_or_else(|| Failure::input(format!("the locked artifact {label} is not there")).at(dir.display().to_string()))?;
    Ok(Artifact { label: label.to_owned(), dir, manifest })
}

/// An artifact that an earlier task made. Its key is nobody's: nothing is ever stored under it.
fn remade(label: &str, dir: &Path) -> Result<Artifact> {
    let mut outputs = BTreeMap::new();
    for path in files_below(dir)? {
        let name = path.strip_prefix(dir).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
        let (sha256, bytes) = Digest::of_file_sized(&path)?;
        outputs.insert(name, Output { bytes, sha256 });
    }
    let manifest = Manifest {
        stage: label.split('[').next().unwrap_or_default().to_owned(),
        key: Digest::of(dir.to_string_lossy().as_bytes()),
        version: 0,
        parameters: serde_json::Value::Null,
        inputs: BTreeMap::new(),
        outputs,
        tainted: false,
    };
    Ok(Artifact { label: label.to_owned(), dir: dir.to_owned(), manifest })
}
