//! How each protocol stands, from its file, its runs and the lock; cheap enough to ask for often.

use crate::base::{Failure, Result};
use crate::engine::journal::{Event, Line};
use crate::engine::runs::{Outcome, State};
use crate::engine::{Run, Workspace};
use crate::lock;
use crate::protocol::{self, Protocol};
use crate::stage::evaluate::Evaluate;
use crate::stats::evaluate::Evaluation;
use serde::Serialize;
use std::path::PathBuf;

/// Where a protocol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No run is recorded.
    NeverRun,
    /// A run is at work.
    Running,
    /// The newest run was stopped, or its worker is gone; it can go on.
    Stopped,
    /// The newest run failed.
    Failed,
    /// Finished, not locked.
    Done,
    /// Locked, and the protocol is the locked one.
    Locked,
    /// Locked or finished, and the protocol has changed since.
    Stale,
    /// Locked, and locked files are gone or have another size.
    Drifted,
    /// The file cannot be used.
    Broken,
}

impl Standing {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Standing::NeverRun => "never run",
            Standing::Running => "running",
            Standing::Stopped => "stopped",
            Standing::Failed => "failed",
            Standing::Done => "done",
            Standing::Locked => "locked",
            Standing::Stale => "stale",
            Standing::Drifted => "drifted",
            Standing::Broken => "broken",
        }
    }
}

/// A headline: the first metric of an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct Headline {
    /// Metric id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Value.
    pub value: Option<f64>,
}

/// When and where a run took place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Took {
    /// When it began: the journal's time, to the minute (`2026-11-23 20:31`, UTC).
    pub started: String,
    /// The device that its protocol names.
    pub device: String,
    /// The host of its newest worker.
    pub host: String,
}

/// One protocol.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Name.
    pub name: String,
    /// Title.
    pub title: String,
    /// System.
    pub system: String,
    /// Where it stands.
    pub standing: Standing,
    /// What came out last, when something did.
    pub headline: Option<Headline>,
    /// The published value of the headline and its source; before there is a headline, the first that the protocol names.
    pub published: Option<(f64, String)>,
    /// What is missing before it can run.
    pub missing: Vec<String>,
    /// Why it is stale, drifted or broken.
    pub note: Option<String>,
    /// The newest run.
    pub last: Option<Took>,
}

/// All protocols of a workspace, by system and name.
pub fn overview(workspace: &Workspace) -> Result<Vec<Overview>> {
    let runs = Run::all(workspace)?;
    let lockfile = workspace.lockfile();
    let (lock, lock_problem) = match lockfile.exists().then(|| lock::read(&lockfile)) {
        None => (lock::LockFile::default(), None),
        Some(Ok(lock)) => (lock, None),
        Some(Err(e)) => (lock::LockFile::default(), Some(format!("pinfold.lock cannot be read: {}", e.what))),
    };
    let mut out: Vec<Overview> = workspace
        .protocol_names()?
        .into_iter()
        .map(|name| match protocol::load(&workspace.protocols().join(format!("{name}.toml")), &[]) {
            Ok(loaded) => one(workspace, &loaded.protocol, &runs, &lock, lock_problem.clone()),
            Err(e) => broken(name, &e),
        })
        .collect();
    out.sort_by(|a, b| {
        (a.system != "pinfold", &a.system, a.name != "demo", &a.name).cmp(&(b.system != "pinfold", &b.system, b.name != "demo", &b.name))
    });
    Ok(out)
}

fn broken(name: String, e: &Failure) -> Overview {
    Overview {
        name,
        title: "this protocol file cannot be used".into(),
        system: "broken".into(),
        standing: Standing::Broken,
        headline: None,
        published: None,
        missing: Vec::new(),
        note: Some(e.what.clone()),
        last: None,
    }
}

fn one(workspace: &Workspace, p: &Protocol, runs: &[Run], lock: &lock::LockFile, lock_problem: Option<String>) -> Overview {
    // A run of some folds only says nothing of the whole, unless it is at work.
    let whole = |r: &&Run| r.execution().whole() || r.lines().is_ok_and(|l| r.state(&l).live());
    let newest = runs.iter().rev().filter(|r| r.order.protocol == p.name).find(whole);
    let lines = newest.map(|r| r.lines().unwrap_or_default()).unwrap_or_default();
    let state = newest.map(|r| r.state(&lines));
    let last = newest.and_then(|r| took(r, &lines));
    let (standing, mut note) = standing(workspace, p, newest, state, lock);
    note = note.or(lock_problem);
    let evaluation = newest_evaluation(workspace, p, runs).ok();
    let headline = evaluation.as_ref().and_then(headline);
    let published = match &headline {
        Some(h) => p.published.iter().find(|x| x.metric == h.id),
        None => p.published.first(),
    };
    let published = published.map(|x| (x.value, x.source.clone()));
    Overview {
        name: p.name.clone(),
        title: p.title.clone(),
        system: p.system.clone(),
        standing,
        headline,
        published,
        missing: missing(workspace, p),
        note,
        last,
    }
}

fn took(run: &Run, lines: &[Line]) -> Option<Took> {
    let started = lines.first()?.at.chars().take(16).collect::<String>().replace('T', " ");
    let host =
        lines.iter().rev().find_map(|l| if let Event::RunStarted { place, .. } = &l.event { Some(place.host.clone()) } else { None });
    let device = run.order.resolved["determinism"]["device"].as_str().unwrap_or_default().to_owned();
    Some(Took { started, device, host: host.unwrap_or_default() })
}

fn standing(
    workspace: &Workspace,
    p: &Protocol,
    newest: Option<&Run>,
    state: Option<State>,
    lock: &lock::LockFile,
) -> (Standing, Option<String>) {
    if state.is_some_and(State::live) {
        return (Standing::Running, None);
    }
    if let Some(entry) = lock.entry(&p.name) {
        if entry.canonical != p.digest() {
            return (Standing::Stale, Some("the protocol has changed since it was locked".into()));
        }
        let gone = entry.artifacts.iter().find(|a| {
            let folder = workspace.store().folder(&a.stage, &a.key);
            a.files.iter().any(|f| std::fs::metadata(folder.join(&f.path)).map(|m| m.len()).ok() != Some(f.bytes))
        });
        // A clone brings the lock and not the artifacts: that is no drift.
        if entry.artifacts.iter().all(|a| !workspace.store().folder(&a.stage, &a.key).exists()) {
            return (Standing::Locked, Some("its artifacts are not here: bring them, or run it to make them again".into()));
        }
        return match gone {
            Some(a) => (Standing::Drifted, Some(format!("files of {} are gone or have another size", a.label))),
            None => (Standing::Locked, None),
        };
    }
    match (newest, state) {
        (Some(run), Some(State::Done)) if run.order.resolved != p.canonical() => {
            (Standing::Stale, Some("the protocol has changed since its last run".into()))
        }
        (_, Some(State::Done)) => (Standing::Done, None),
        (_, Some(State::Failed)) => (Standing::Failed, None),
        (_, Some(_)) => (Standing::Stopped, Some("it can be taken up again".into())),
        (_, None) => (Standing::NeverRun, None),
    }
}

/// What a protocol needs and this workspace lacks, one phrase each.
pub fn missing(workspace: &Workspace, p: &Protocol) -> Vec<String> {
    use crate::protocol::schema::Dataset;
    use crate::stage::source;
    let mut out = Vec::new();
    if p.data.dataset != Dataset::Synthetic && source::files(&p.data, &workspace.data_root()).is_err() {
        out.push(source::check_command(&p.data));
    }
    if p.network.weights != "random" && !workspace.weights().join(&p.network.weights).is_file() {
        out.push(format!("weights/{}", p.network.weights));
    }
    if let Some(c) = p.clusters.as_ref().filter(|c| c.weights != "random" && !workspace.weights().join(&c.weights).is_file()) {
        out.push(format!("weights/{}", c.weights));
    }
    out
}

/// The newest finished run of a protocol, and what it made.
pub fn newest_run<'a>(name: &str, runs: &'a [Run]) -> Result<(&'a Run, Outcome)> {
    let run = runs
        .iter()
        .rev()
        .find(|r| r.order.protocol == name && r.execution().whole() && r.dir.join("result.json").exists())
        .ok_or_else(|| Failure::input(format!("{name} has no finished run")).hint(format!("pinfold run {name}")))?;
    Ok((run, crate::stage::files::read_json(&run.dir.join("result.json"))?))
}

/// The folder of an artifact of the newest finished run of a protocol, by label.
pub fn newest_artifact(workspace: &Workspace, name: &str, runs: &[Run], label: &str) -> Result<PathBuf> {
    let (run, outcome) = newest_run(name, runs)?;
    let row = outcome
        .artifacts
        .iter()
        .find(|a| a.label == label)
        .ok_or_else(|| Failure::input(format!("the newest run of {name} made no {label}")).at(run.dir.display().to_string()))?;
    Ok(workspace.store().folder(&row.stage, &row.key))
}

fn newest_evaluation(workspace: &Workspace, p: &Protocol, runs: &[Run]) -> Result<Evaluation> {
    Evaluate::load(&newest_artifact(workspace, &p.name, runs, "evaluate")?)
}

/// The headline of an evaluation.
pub fn headline(evaluation: &Evaluation) -> Option<Headline> {
    evaluation.summary.first().map(|m| Headline { id: m.id.clone(), title: m.title.clone(), value: m.value })
}
