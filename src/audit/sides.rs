//! What the two words after `diff` mean, and what is known of it: locks, commits, entries, runs.

use super::diff::{Comparison, Number, Pinned, diff};
use super::text;
use crate::base::{Failure, Result};
use crate::engine::runs::Outcome;
use crate::engine::{Run, Workspace};
use crate::lock::{self, AtCommit, Entry, FILE_NAME, LockFile};
use crate::plan::pin::class_word;
use crate::protocol;
use crate::stage::files::read_json;
use crate::stage::{evaluate::Evaluate, ingest::Ingest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// A side of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// The word, as it was given.
    pub word: String,
    /// What it was taken for: `the lockfile …`, `the lock at commit …`, `the entry …`, `the run …`.
    pub meant: String,
    /// Its results.
    #[serde(skip)]
    results: Vec<Pinned>,
    /// Whether it names one result: then it is compared whatever the other side's name.
    #[serde(skip)]
    single: bool,
}

/// Two sides and how they differ, result by result.
#[derive(Clone, Debug, Serialize)]
pub struct Sides {
    /// Version of this report's form.
    pub version: u32,
    /// Whether nothing differs.
    pub equal: bool,
    /// A.
    pub a: Side,
    /// B.
    pub b: Side,
    /// Names that only A's lock has.
    pub only_a: Vec<String>,
    /// Names that only B's lock has.
    pub only_b: Vec<String>,
    /// The results that both have, each with its differences.
    pub results: Vec<Comparison>,
}

/// Compares what two words mean. Each is a lockfile's path, an entry of the workspace's lock, `REVISION:ENTRY`, a run's id,
/// or a git revision (the lock at that commit); the first that fits, in this order.
pub fn compare(workspace: &Workspace, a: &str, b: &str) -> Result<Sides> {
    let (a, b) = (side(workspace, a)?, side(workspace, b)?);
    let known = known(workspace);
    let name = |p: &Pinned| p.name.clone();
    let find = |side: &Side, name: &str| side.results.iter().find(|p| p.name == *name).cloned();
    let (mut only_a, mut only_b, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    if let (true, [x], true, [y]) = (a.single, a.results.as_slice(), b.single, b.results.as_slice()) {
        pairs.push((x.clone(), y.clone()));
    } else if a.single || b.single {
        let (one, all) = if a.single { (&a, &b) } else { (&b, &a) };
        let mine = &one.results[0];
        // A lock of one entry leaves no doubt; of several, the name decides.
        let other = if let [only] = all.results.as_slice() { Some(only.clone()) } else { find(all, &mine.name) };
        let other = other.ok_or_else(|| {
            let have: Vec<String> = all.results.iter().map(name).collect();
            Failure::input(format!("{} has no entry '{}' to compare with", all.meant, mine.name)).at(all.word.clone()).hint(format!(
                "name one: {}:ENTRY; it has {}",
                all.word,
                have.join(", ")
            ))
        })?;
        pairs.push(if a.single { (mine.clone(), other) } else { (other, mine.clone()) });
    } else {
        for x in &a.results {
            match find(&b, &x.name) {
                Some(y) => pairs.push((x.clone(), y)),
                None => only_a.push(x.name.clone()),
            }
        }
        only_b.extend(b.results.iter().filter(|y| find(&a, &y.name).is_none()).map(name));
    }
    let results: Vec<Comparison> = pairs.into_iter().map(|(x, y)| diff(x, y, &known)).collect();
    let equal = only_a.is_empty() && only_b.is_empty() && results.iter().all(Comparison::equal);
    Ok(Sides { version: 1, equal, a, b, only_a, only_b, results })
}

fn side(workspace: &Workspace, word: &str) -> Result<Side> {
    let lock_of = |file: &LockFile, revision: Option<&str>| file.entries.iter().map(|e| of_entry(workspace, e, revision)).collect();
    let made = |meant: String, results: Vec<Pinned>, single| Ok(Side { word: word.to_owned(), meant, results, single });
    if Path::new(word).is_file() {
        return made(format!("the lockfile {word}"), lock_of(&lock::read(Path::new(word))?, None), false);
    }
    let here = workspace.lockfile();
    let mine = if here.exists() { lock::read(&here)? } else { LockFile::default() };
    if let Some(entry) = mine.entry(word) {
        return made(format!("the entry {word} of {FILE_NAME}"), vec![of_entry(workspace, entry, None)], true);
    }
    // A revision may hold colons only where git itself gives them a meaning that is not ours.
    if let Some((left, name)) = word.rsplit_once(':').filter(|(left, name)| !left.is_empty() && !name.is_empty()) {
        let (file, revision, meant) = if Path::new(left).is_file() {
            (lock::read(Path::new(left))?, None, format!("the entry {name} of the lockfile {left}"))
        } else {
            let (file, commit) = at_revision(workspace, left)?.ok_or_else(|| unknown(workspace, &mine, left))?;
            let meant = format!("the entry {name} of the lock at commit {}", short(&commit));
            (file, Some(commit), meant)
        };
        let entry = file.entry(name).ok_or_else(|| {
            let have: Vec<&str> = file.entries.iter().map(|e| e.protocol.as_str()).collect();
            Failure::input(format!("the lock has no entry '{name}'")).at(left.to_owned()).hint(format!("it has: {}", have.join(", ")))
        })?;
        return made(meant, vec![of_entry(workspace, entry, revision.as_deref())], true);
    }
    let runs = Run::all(workspace)?;
    let run = |found: &Run| {
        Ok(Side { word: word.to_owned(), meant: format!("the run {}", found.id), results: vec![of_run(workspace, found)?], single: true })
    };
    if let Some(found) = runs.iter().find(|r| r.id == word) {
        return run(found);
    }
    if let Some((file, commit)) = at_revision(workspace, word)? {
        return made(format!("the lock at commit {}", short(&commit)), lock_of(&file, Some(&commit)), false);
    }
    let mut part = runs.iter().rev().filter(|r| r.id.contains(word));
    match (part.next(), part.next()) {
        (Some(found), None) => run(found),
        (Some(_), Some(_)) => Err(Failure::input(format!("'{word}' is part of several runs' ids")).hint("pinfold status lists them")),
        (None, _) => Err(unknown(workspace, &mine, word)),
    }
}

fn unknown(workspace: &Workspace, mine: &LockFile, word: &str) -> Failure {
    let names: Vec<&str> = mine.entries.iter().map(|e| e.protocol.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Failure::input(format!("'{word}' is no lockfile, no locked entry, no run and no git revision"))
        .at(workspace.root().display().to_string())
        .hint(format!("locked entries here: {names}; pinfold status lists the runs"))
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// The lock at a revision; `None` when git knows no such revision.
fn at_revision(workspace: &Workspace, word: &str) -> Result<Option<(LockFile, String)>> {
    let root = workspace.root();
    // Outside of a repository no word is a revision.
    let Some(commit) = lock::revision(root, word).unwrap_or(None) else { return Ok(None) };
    match lock::file_at(root, &commit, FILE_NAME)? {
        AtCommit::File(bytes) => Ok(Some((lock::parse(&bytes, &format!("{FILE_NAME} at {}", short(&commit)))?, commit))),
        _ => Err(Failure::input(format!("commit {} holds no {FILE_NAME}", short(&commit)))
            .at(word.to_owned())
            .hint("commit the lock, then compare commits")),
    }
}

/// Every result at hand: the workspace's lock, then its finished runs, the newest first. What cannot be read is left out:
/// it is only the measure that lacks it.
fn known(workspace: &Workspace) -> Vec<Pinned> {
    let locked = lock::read(&workspace.lockfile()).unwrap_or_default();
    let mut out: Vec<Pinned> = locked.entries.iter().map(|e| of_entry(workspace, e, None)).collect();
    out.extend(Run::all(workspace).unwrap_or_default().iter().rev().filter_map(|r| of_run(workspace, r).ok()));
    out
}

fn of_entry(workspace: &Workspace, e: &Entry, revision: Option<&str>) -> Pinned {
    let mut notes = Vec::new();
    let protocol = match text::protocol(workspace.root(), e, revision) {
        Ok(p) => Some(p.canonical()),
        Err(why) => {
            notes.push(format!("{}: {why}; only the digest of its protocol is compared", e.protocol));
            None
        }
    };
    let mut pins = BTreeMap::new();
    let mut put = |kind, key: &str, value: String| pins.insert((kind, key.to_owned()), value);
    put("program", &e.program.name, e.program.version.clone());
    if let Some(git) = &e.git {
        let patch = git.patch.as_ref().map_or_else(String::new, |p| format!(" with the stored difference {}", p.sha256.short()));
        put("commit", "commit", format!("{}{patch}", git.commit));
    }
    // Where the whole protocol is compared, it names the seeds itself.
    e.seeds.iter().filter(|_| protocol.is_none()).for_each(|(k, v)| drop(put("seed", k, v.to_string())));
    put("determinism", "reached", e.determinism.reached.clone());
    e.determinism.switches.iter().for_each(|(k, v)| drop(put("switch", k, v.clone())));
    e.data.iter().for_each(|f| drop(put("data", &f.path, f.sha256.to_string())));
    e.weights.iter().for_each(|f| drop(put("weights", &f.path, f.sha256.to_string())));
    Pinned {
        name: e.protocol.clone(),
        canonical: Some(e.canonical),
        protocol,
        pins,
        artifacts: e.artifacts.iter().map(|a| (a.label.clone(), a.digest)).collect(),
        metrics: e
            .metrics
            .iter()
            .map(|m| Number { id: m.id.clone(), title: m.title.clone(), value: m.value.parse().ok(), n: m.n })
            .collect(),
        notes,
    }
}

/// A run, as far as it came: pins and results of what is in the store.
fn of_run(workspace: &Workspace, run: &Run) -> Result<Pinned> {
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let mut out = Pinned { name: p.name.clone(), canonical: Some(p.digest()), protocol: Some(p.canonical()), ..Pinned::default() };
    if let Some(sha256) = p.network.weights_sha256 {
        out.pins.insert(("weights", format!("weights/{}", p.network.weights)), sha256.to_string());
    }
    let result = run.dir.join("result.json");
    if !result.exists() {
        out.notes.push(format!("the run {} is not finished: it has no artifacts and no numbers to compare", run.id));
        return Ok(out);
    }
    let outcome: Outcome = read_json(&result)?;
    out.artifacts = outcome.artifacts.iter().map(|a| (a.label.clone(), a.digest)).collect();
    let dir = |stage: &str| outcome.artifacts.iter().find(|a| a.stage == stage).map(|a| workspace.store().folder(&a.stage, &a.key));
    let mut gone = |what: &str| out.notes.push(format!("the run {}: {what} is no longer in the store", run.id));
    match dir("evaluate").and_then(|d| Evaluate::load(&d).ok()) {
        Some(evaluation) => {
            let number =
                |m: &crate::stats::evaluate::Metric| Number { id: m.id.clone(), title: m.title.clone(), value: m.value, n: m.n as u64 };
            out.metrics = evaluation.summary.iter().map(number).collect();
        }
        None => gone("its evaluation"),
    }
    match dir("ingest").and_then(|d| Ingest::load(&d).ok()) {
        Some(slides) => {
            let files = slides.iter().flat_map(|s| &s.files);
            out.pins.extend(files.map(|f| (("data", f.path.clone()), f.sha256.to_string())));
        }
        None => gone("what it read"),
    }
    let grades = outcome.artifacts.iter().filter(|a| a.stage == "train");
    let grades: Vec<serde_json::Value> =
        grades.filter_map(|a| read_json(&workspace.store().folder(&a.stage, &a.key).join("grade.json")).ok()).collect();
    match grades.first() {
        Some(grade) => {
            let reached = grades.iter().filter_map(|g| serde_json::from_value(g["class"].clone()).ok()).min();
            out.pins.insert(("determinism", "reached".to_owned()), reached.map_or("statistical", class_word).to_owned());
            let mut switches = BTreeMap::new();
            crate::plan::pin::flatten("", grade, &mut switches);
            switches.remove("class");
            out.pins.extend(switches.into_iter().map(|(k, v)| (("switch", k), v)));
        }
        None => gone("the grade of its training"),
    }
    Ok(out)
}
