//! From finished artifacts to a lock entry: what is pinned, gathered from the store, the data, git and the run.

use crate::base::{Digest, Failure, Result, text};
use crate::engine::store::Artifact;
use crate::engine::{Run, Workspace};
use crate::lock::{self, Described};
use crate::protocol::schema::Class;
use crate::protocol::{Loaded, Protocol};
use crate::stage::evaluate::{Evaluate, STACK_EVALUATE};
use crate::stage::{files, ingest::Ingest, leakage};
use std::collections::BTreeMap;

/// Gathers the entry of a finished protocol. A dirty tree is refused unless allowed; then its patch is stored
/// under `artifacts/patch/` and pinned.
pub fn entry(workspace: &Workspace, loaded: &Loaded, artifacts: &[Artifact], allow_dirty: bool) -> Result<lock::Entry> {
    let p = &loaded.protocol;
    if let Some(tainted) = artifacts.iter().find(|a| a.manifest.tainted) {
        return Err(Failure::input(format!("{} is tainted: an input changed while it worked, so it cannot be locked", tainted.label))
            .at(tainted.dir.display().to_string())
            .hint("remove that folder and run again"));
    }
    let git = git(workspace, allow_dirty)?;
    let root = workspace.root();
    let inside = |file: &std::path::Path| {
        let relative = file.canonicalize().ok().and_then(|path| path.strip_prefix(root).ok().map(|r| r.to_string_lossy().into_owned()));
        relative.ok_or_else(|| Failure::input("only a protocol file inside the workspace can be locked").at(file.display().to_string()))
    };
    let path = inside(&loaded.path)?;
    let pin =
        |p: &crate::protocol::extends::Parent| Ok(lock::FilePin { path: inside(&p.path)?, bytes: p.source.len() as u64, sha256: p.digest });
    let parents = loaded.parents.iter().map(pin).collect::<Result<_>>()?;
    let stage = |name: &str| artifacts.iter().find(|a| a.manifest.stage == name);
    let missing = |name: &str| Failure::input(format!("there is no {name} artifact")).hint(loaded.command());
    let slides = Ingest::load(&stage("ingest").ok_or_else(|| missing("ingest"))?.dir)?;
    let mut data: Vec<lock::DataFile> = slides
        .iter()
        .flat_map(|s| &s.files)
        .map(|f| lock::DataFile { path: f.path.clone(), bytes: f.bytes, sha256: f.sha256, role: f.role.clone() })
        .collect();
    // Slides may share a file, such as the published choice of genes.
    data.sort_by(|a, b| a.path.cmp(&b.path));
    data.dedup();
    let evaluation = Evaluate::load(&stage("evaluate").ok_or_else(|| missing("evaluate"))?.dir)?;
    let mut metrics: Vec<lock::LockedMetric> = evaluation.summary.iter().map(|m| metric(p, m)).collect();
    if let Some(stack) = stage(STACK_EVALUATE) {
        metrics.extend(Evaluate::load(&stack.dir)?.summary.iter().map(|m| metric(p, m)));
    }
    let folder = |name: &str| stage(name).map(|a| a.dir.as_path()).ok_or_else(|| missing(name));
    let findings = leakage::read(folder("split")?, folder("duplicates")?)?;
    let leakage = findings
        .into_iter()
        .map(|f| lock::LeakageFinding { check: f.check, verdict: if f.leaks { "found" } else { "none" }.into(), text: f.text })
        .collect();
    let mut figures = Vec::new();
    for name in stage("report").ok_or_else(|| missing("report"))?.manifest.outputs.keys() {
        figures.push(lock::figure(root, &format!("reports/{}/{name}", p.name))?);
    }
    // The network's, and that of the image features that spots are clustered by; they may be one file.
    let mut weights: Vec<&str> =
        std::iter::once(&p.network.weights).chain(p.clusters.as_ref().map(|c| &c.weights)).map(String::as_str).collect();
    weights.retain(|file| *file != "random");
    weights.sort_unstable();
    weights.dedup();
    let weights = weights.into_iter().map(|file| lock::file_pin(root, &format!("weights/{file}"))).collect::<Result<_>>()?;
    let mut entry = lock::Entry {
        protocol: p.name.clone(),
        integrity: None,
        path,
        sha256: loaded.file_digest,
        parents,
        canonical: p.digest(),
        overrides: loaded.overrides.clone(),
        journal: journal_end(workspace, p),
        program: lock::Program::this(),
        git,
        seeds: BTreeMap::from([("protocol".to_owned(), p.seed), ("split".to_owned(), p.split.seed)]),
        determinism: determinism(p, artifacts)?,
        data,
        weights,
        artifacts: artifacts.iter().map(|a| lock::artifact(root, &a.label, &a.manifest.stage, a.manifest.key)).collect::<Result<_>>()?,
        metrics,
        figures,
        leakage,
    };
    entry.normalise();
    Ok(entry)
}

fn git(workspace: &Workspace, allow_dirty: bool) -> Result<Option<lock::GitPin>> {
    let state = match lock::describe(workspace.root())? {
        Described::Commit(state) => state,
        Described::Unrecorded { .. } => return Ok(None),
    };
    if state.clean {
        return Ok(Some(lock::GitPin { commit: state.commit, tree: state.tree, clean: true, patch: None }));
    }
    if !allow_dirty {
        let shown: Vec<&str> = state.dirty_paths.iter().take(5).map(String::as_str).collect();
        let more = state.dirty_paths.len().saturating_sub(5);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(Failure::input("the working tree differs from its commit, so a lock would not say what ran")
            .at(text::clean(&format!("{}{tail}", shown.join(", "))))
            .hint("commit these files; or lock with --allow-dirty, which stores and pins the difference"));
    }
    let patch = lock::diff_patch(workspace.root())?;
    let path = format!("artifacts/patch/{}.patch", Digest::of(&patch));
    crate::base::atomic::write(&workspace.root().join(&path), &patch)?;
    Ok(Some(lock::GitPin { commit: state.commit, tree: state.tree, clean: false, patch: Some(lock::file_pin(workspace.root(), &path)?) }))
}

fn metric(p: &Protocol, m: &crate::stats::evaluate::Metric) -> lock::LockedMetric {
    let locked = lock::LockedMetric::new(&m.id, &m.title, m.value, m.n);
    match p.published.iter().find(|x| x.metric == m.id) {
        None => locked,
        Some(x) => locked.beside(lock::Published {
            value: format!("{:?}", x.value),
            source: x.source.clone(),
            status: serde_json::to_value(x.status).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default(),
        }),
    }
}

/// The word for a class, as in the protocol.
pub fn class_word(class: Class) -> &'static str {
    match class {
        Class::Portable => "portable",
        Class::Machine => "machine",
        Class::Statistical => "statistical",
    }
}

/// The class reached is the lowest that any training run graded itself; its switches are the first fold's.
fn determinism(p: &Protocol, artifacts: &[Artifact]) -> Result<lock::Determinism> {
    let mut reached: Option<Class> = None;
    let mut switches = BTreeMap::new();
    for artifact in artifacts.iter().filter(|a| a.manifest.stage == "train") {
        let grade: serde_json::Value = files::read_json(&artifact.file("grade.json"))?;
        let class: Class = serde_json::from_value(grade["class"].clone()).map_err(|e| {
            Failure::input(format!("the grade names no determinism class: {e}")).at(artifact.file("grade.json").display().to_string())
        })?;
        reached = Some(reached.map_or(class, |r: Class| r.min(class)));
        if switches.is_empty() {
            flatten("", &grade, &mut switches);
        }
    }
    switches.remove("class");
    let reached = reached.map_or("statistical", class_word);
    Ok(lock::Determinism { asked: class_word(p.determinism.class).to_owned(), reached: reached.to_owned(), switches })
}

/// A grade as dotted names and plain values, as the lock keeps it.
pub fn flatten(prefix: &str, value: &serde_json::Value, out: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(k, v)| {
            let key = if prefix.is_empty() { k.clone() } else { format!("{prefix}.{k}") };
            flatten(&key, v, out);
        }),
        serde_json::Value::String(s) => {
            out.insert(prefix.to_owned(), s.clone());
        }
        other => {
            out.insert(prefix.to_owned(), other.to_string());
        }
    }
}

/// The digest of the last journal line of the newest finished run of this protocol, where there is one.
fn journal_end(workspace: &Workspace, p: &Protocol) -> Option<Digest> {
    let runs = Run::all(workspace).ok()?;
    let run = runs
        .iter()
        .rev()
        .filter(|r| r.order.protocol == p.name && r.execution().whole())
        .find(|r| r.order.resolved == p.canonical() && r.dir.join("result.json").exists())?;
    let (_, last) = crate::engine::journal::read(&run.journal()).ok()?;
    Digest::parse(&last?).ok()
}

/// Copies a report artifact to `reports/<protocol>/`, and removes what an older report left there.
pub fn publish(workspace: &Workspace, name: &str, report: &Artifact) -> Result<std::path::PathBuf> {
    use crate::base::IoContext;
    let folder = workspace.reports().join(name);
    for output in report.manifest.outputs.keys() {
        let from = report.file(output);
        let bytes = std::fs::read(&from).doing("read", &from)?;
        crate::base::atomic::write(&folder.join(output), &bytes)?;
    }
    for old in crate::engine::store::files_below(&folder)? {
        let known = old.strip_prefix(&folder).ok().and_then(|r| r.to_str()).is_some_and(|r| report.manifest.outputs.contains_key(r));
        if !known {
            std::fs::remove_file(&old).doing("remove", &old)?;
        }
    }
    Ok(folder)
}

/// Locks a finished protocol and gives the entry.
pub fn lock(workspace: &Workspace, loaded: &Loaded, allow_dirty: bool) -> Result<lock::Entry> {
    let graph = super::Graph::new(workspace, &loaded.protocol);
    let artifacts = graph.finished(&workspace.store(), loaded)?;
    for artifact in &artifacts {
        workspace.store().verify(artifact)?;
    }
    if let Some(report) = artifacts.last() {
        publish(workspace, loaded.name(), report)?;
    }
    let made = entry(workspace, loaded, &artifacts, allow_dirty)?;
    lock::merge_entry(&workspace.lockfile(), &made)?;
    Ok(made)
}

/// What was locked, in a line.
pub fn summary(entry: &lock::Entry) -> String {
    let files: usize =
        entry.artifacts.iter().map(|a| a.files.len()).sum::<usize>() + entry.data.len() + entry.figures.len() + entry.weights.len();
    let commit = match &entry.git {
        Some(git) if git.clean => format!("commit {}", &git.commit[..12.min(git.commit.len())]),
        Some(git) => format!("commit {} with a stored difference", &git.commit[..12.min(git.commit.len())]),
        None => "no commit recorded".to_owned(),
    };
    let headline = entry.metrics.first().map(|m| format!(", {} {}", m.title, m.value)).unwrap_or_default();
    format!("locked {} in pinfold.lock: {files} files, {commit}, class {}{headline}", entry.protocol, entry.determinism.reached)
}
