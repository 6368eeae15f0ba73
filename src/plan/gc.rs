//! What the store holds that nobody needs: said first, removed when asked. Never anything that a lock names.

use crate::base::{Digest, Failure, IoContext, Result, text};
use crate::engine::journal::Event;
use crate::engine::{Run, Workspace};
use crate::lock;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// Its path from the workspace's root.
    pub path: String,
    /// Its stage; `run` for a run's folder.
    pub stage: String,
    /// Bytes in it.
    pub bytes: u64,
    /// Why nobody needs it.
    pub why: String,
}

/// What else nobody is said to need.
#[derive(Clone, Copy, Debug, Default)]
pub struct Also {
    /// What runs with overrides made (`--set`, `--seeds`, `--without`), unless a lock or a protocol's own run names it.
    pub trials: bool,
    /// The folders (journals, logs) of ended runs that keep nothing from going.
    pub runs: bool,
}

/// What may go: artifacts that neither a lock nor the newest runs of a protocol name, and working folders of work that
/// is finished or that no newest run began.
///
/// Kept: everything that `pinfold.lock` names, here and at the commit checked out; everything that the newest run and the
/// newest finished run of every protocol used or began (each set of overrides counts as one, unless `also.trials`); stored
/// patches; the folder of a run whose journal a lock names. Refused while a run is at work, or while the lock cannot be read.
pub fn leftovers(workspace: &Workspace, also: Also) -> Result<Vec<Leftover>> {
    let mut keep: BTreeSet<(String, Digest)> = BTreeSet::new();
    let mut journals: BTreeSet<String> = BTreeSet::new();
    let lockfile = workspace.lockfile();
    if lockfile.exists() {
        let lock = lock::read(&lockfile)?;
        if !lock.edits.is_empty() {
            return Err(Failure::input("the lock was edited, so what it names is not sure; nothing is removed")
                .at(lockfile.display().to_string())
                .hint("git checkout -- pinfold.lock, or lock again"));
        }
        keep.extend(lock.entries.iter().flat_map(|e| &e.artifacts).map(|a| (a.stage.clone(), a.key)));
        journals.extend(lock.entries.iter().filter_map(|e| e.journal).map(|d| d.to_string()));
    }
    // Without a repository there is no other lock than the one here.
    if let Ok(lock::Described::Commit(state)) = lock::describe(workspace.root())
        && let lock::AtCommit::File(bytes) = lock::file_at(workspace.root(), &state.commit, lock::FILE_NAME)?
    {
        let lock = lock::parse(&bytes, "pinfold.lock at the commit")?;
        keep.extend(lock.entries.iter().flat_map(|e| &e.artifacts).map(|a| (a.stage.clone(), a.key)));
        journals.extend(lock.entries.iter().filter_map(|e| e.journal).map(|d| d.to_string()));
    }
    let mut newest: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for run in Run::all(workspace)? {
        let lines = run.lines()?;
        if let Some((host, seconds)) = run.silence(&lines) {
            return Err(Failure::input(format!("{}: nothing was heard of its worker on {host} for {}", run.id, text::duration(seconds)))
                .hint(format!("if that worker is gone: pinfold resume {} --take-over", run.id)));
        }
        if run.state(&lines).live() {
            return Err(Failure::input(format!("{} is at work; nothing is removed meanwhile", run.id)).hint("wait for it, or pinfold stop"));
        }
        newest.entry(run.order.protocol.clone()).or_default().push(run);
    }
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for runs in newest.values() {
        if also.trials && runs.last().is_some_and(|r| r.order.protocol.contains('+')) {
            continue;
        }
        let finished = runs.iter().rev().find(|r| r.dir.join("result.json").exists());
        // Folds that were run one by one belong to one protocol as it is now.
        let now = runs.last().map(|r| &r.order.resolved);
        let parts = runs.iter().filter(|r| !r.execution().whole() && Some(&r.order.resolved) == now);
        for run in runs.last().into_iter().chain(finished).chain(parts) {
            needed.insert(run.id.clone());
            for line in run.lines()? {
                if let Event::StageStarted { stage, key, .. }
                | Event::StageCached { stage, key, .. }
                | Event::StageDone { stage, key, .. } = line.event
                {
                    keep.insert((stage, key));
                }
            }
        }
    }
    let root = workspace.store().root().to_owned();
    let mut out = Vec::new();
    for stage in folders(&root)? {
        let name = file_name(&stage);
        if name == ".work" {
            working(workspace, &stage, &keep, &mut out)?;
        } else if name != "patch" && !name.starts_with('.') {
            for folder in folders(&stage)? {
                let kept = Digest::parse(&file_name(&folder)).is_ok_and(|key| keep.contains(&(name.clone(), key)));
                if !kept {
                    out.push(leftover(workspace, &folder, &name, "no lock and no newest run names it")?);
                }
            }
        }
    }
    if also.runs {
        for run in newest.values().flatten().filter(|r| !needed.contains(&r.id)) {
            // A journal that cannot be read may be one that a lock names.
            if crate::engine::journal::read(&run.journal()).is_ok_and(|(_, last)| last.is_none_or(|d| !journals.contains(&d))) {
                out.push(leftover(workspace, &run.dir, "run", "an ended run; no lock names its journal, and a newer one stands")?);
            }
        }
    }
    Ok(out)
}

/// Removes what [`leftovers`] found; gives the bytes freed. Each folder is moved aside first, so that a removal cut short
/// leaves nothing that looks whole.
pub fn remove(workspace: &Workspace, leftovers: &[Leftover]) -> Result<u64> {
    let work = workspace.store().root().join(".work");
    fs::create_dir_all(&work).doing("make the folder", &work)?;
    let mut freed = 0;
    for (i, leftover) in leftovers.iter().enumerate() {
        let path = workspace.root().join(&leftover.path);
        let aside = work.join(format!("gone-{}-{i}", std::process::id()));
        fs::rename(&path, &aside).doing("move aside", &path)?;
        fs::remove_dir_all(&aside).doing("remove", &aside)?;
        freed += leftover.bytes;
    }
    forget_locks(&work)?;
    Ok(freed)
}

/// Removes the lock files of work that is over: nobody holds them, and their folder is gone. Whoever takes one makes sure
/// afterwards that it is still the file of that name (`engine::store`).
fn forget_locks(work: &Path) -> Result<()> {
    for entry in fs::read_dir(work).doing("list", work)? {
        let path = entry.doing("list", work)?.path();
        if path.extension().is_some_and(|e| e == "lock") && !path.with_extension("").exists() {
            let file = fs::File::open(&path).doing("open the lock", &path)?;
            if file.try_lock().is_ok() {
                fs::remove_file(&path).doing("remove", &path)?;
            }
        }
    }
    Ok(())
}

fn working(workspace: &Workspace, work: &Path, keep: &BTreeSet<(String, Digest)>, out: &mut Vec<Leftover>) -> Result<()> {
    for folder in folders(work)? {
        let name = file_name(&folder);
        let began = name.rsplit_once('-').and_then(|(stage, key)| Some((stage.to_owned(), Digest::parse(key).ok()?)));
        let needed = began.as_ref().is_some_and(|b| keep.contains(b) && !workspace.store().folder(&b.0, &b.1).exists());
        if !needed {
            let stage = began.map_or_else(|| "none".to_owned(), |b| b.0);
            out.push(leftover(workspace, &folder, &stage, "half-done work that no newest run goes on with")?);
        }
    }
    Ok(())
}

fn leftover(workspace: &Workspace, folder: &Path, stage: &str, why: &str) -> Result<Leftover> {
    let mut bytes = 0;
    for file in crate::engine::store::files_below(folder)? {
        bytes += fs::metadata(&file).doing("look at", &file)?.len();
    }
    let path = folder.strip_prefix(workspace.root()).unwrap_or(folder).display().to_string();
    Ok(Leftover { path, stage: stage.to_owned(), bytes, why: why.to_owned() })
}

fn file_name(path: &Path) -> String {
    path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned()
}

/// The folders directly below one, sorted; none when it is not there.
fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Failure::io(&e, "list", dir)),
    };
    let mut out = Vec::new();
    for entry in entries {
        let entry = entry.doing("list", dir)?;
        if entry.file_type().doing("list", dir)?.is_dir() {
            out.push(entry.path());
        }
    }
    out.sort();
    Ok(out)
}
