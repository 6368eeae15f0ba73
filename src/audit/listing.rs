//! What an audit would look at, without looking at it: read from the lock alone, so that a lock of thousands of artifacts
//! opens at once. And why an entry is stale.

use super::digests::Targets;
use super::report::{Item, Kind, State};
use super::stale::{Difference, why_stale};
use super::{chosen_fold, text};
use crate::base::{Digest, Failure, Result};
use crate::engine::Workspace;
use crate::lock;
use crate::protocol::{self, Protocol};

/// An entry as it is locked.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Everything the lock names, in the order of an audit's report, all of it not checked.
    pub items: Vec<Item>,
    /// How many files the entry names.
    pub files: usize,
    /// Their size in bytes, as locked.
    pub bytes: u64,
    /// The fold that the level `retrain` would train again: its place among the folds; 0 without folds.
    pub retrained: usize,
    /// Where the protocol has changed since.
    pub stale: Option<Staleness>,
}

/// Two fingerprints of one protocol, and what makes them differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// The resolved protocol's digest as locked.
    pub locked: Digest,
    /// The same of the protocol as it is now.
    pub current: Digest,
    /// The parameters that differ, in key order; none where the locked text cannot be had any more.
    pub leaves: Vec<Difference>,
    /// Why the locked text cannot be had; empty where it can.
    pub unknown: String,
}

/// Lists what the workspace's lock says of a protocol. `folds` is how many folds it trains.
pub fn listed(workspace: &Workspace, name: &str, folds: usize) -> Result<Listing> {
    let path = workspace.lockfile();
    let none = || Failure::input(format!("{name} is not locked yet")).at(path.display().to_string());
    if !path.exists() {
        return Err(none().hint(format!("pinfold run {name}, then pinfold lock {name}")));
    }
    let lock = lock::read(&path)?;
    let Some(entry) = lock.entry(name) else {
        return Err(none().hint(format!("pinfold run {name}, then pinfold lock {name}")));
    };
    let unseen = |kind, label: &str, path: &str, locked: String| Item::other(kind, label, path, State::Skipped, "").between(locked, "");
    let targets = Targets::of(entry);
    let mut items = Vec::new();
    match &entry.git {
        Some(git) => items.push(unseen(Kind::Commit, "commit", &git.commit, git.commit.clone())),
        None => items.push(unseen(Kind::Commit, "commit", "no commit recorded", String::new())),
    }
    let (mut files, mut bytes) = (0, 0);
    for target in targets.all() {
        files += 1;
        bytes += target.bytes.unwrap_or(0);
        items.push(unseen(target.kind, &target.label, &target.path, target.sha256.to_string()));
    }
    items.extend(entry.metrics.iter().map(|m| unseen(Kind::Metric, &m.title, &m.id, m.value.clone())));
    items.sort_by_key(|i| i.kind);
    Ok(Listing { items, files, bytes, retrained: chosen_fold(entry, folds), stale: staleness(workspace, entry) })
}

/// Nothing where the protocol is still the locked one, or cannot be read now (which the list of protocols says).
fn staleness(workspace: &Workspace, entry: &lock::Entry) -> Option<Staleness> {
    if lock::path_problem(&entry.path).is_some() {
        return None;
    }
    let file = workspace.root().join(&entry.path);
    let now: Protocol = protocol::load(&file, &entry.overrides).ok()?.protocol;
    let current = now.digest();
    if current == entry.canonical {
        return None;
    }
    let (leaves, unknown) = match text::protocol(workspace.root(), entry, None) {
        Ok(locked) => (why_stale(&locked.canonical(), &now.canonical()), String::new()),
        Err(why) => (Vec::new(), why),
    };
    Some(Staleness { locked: entry.canonical, current, leaves, unknown })
}
