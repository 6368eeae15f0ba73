//! The audit from end to end.

use super::digests::{self, Targets};
use super::files::{Progress, Roots, Sight, Target};
use super::metrics;
use super::report::{AuditReport, EntryReport, Item, Kind, Level, State};
use crate::base::{Digest, Failure, IoContext, Result};
use crate::lock::{Entry, FILE_NAME, LockFile, Program};
use std::path::Path;

/// Gives the canonical digest of a protocol's text with overrides applied; `protocol` knows how.
pub type Resolver<'a> = &'a (dyn Fn(&str, &[String]) -> Result<Digest> + Sync);

/// Makes things of an entry again and judges them. It is given the verdicts so far: what is not as locked is not used.
pub type Remaker<'a> = &'a dyn Fn(&Entry, &[Item]) -> Result<Vec<Item>>;

/// What an audit is asked for.
#[derive(Clone)]
pub struct Request<'a> {
    /// How deep to look.
    pub level: Level,
    /// Which entries, by name; none means all.
    pub entries: Vec<String>,
    /// Whether data files that are not there fail the audit.
    pub require_data: bool,
    /// When given, the resolved protocol is compared with its locked canonical digest too.
    pub resolve: Option<Resolver<'a>>,
    /// Makes an entry's predictions and checkpoints again; the levels `predictions` and `retrain` need it.
    pub remake: Option<Remaker<'a>>,
}

impl Request<'_> {
    /// All entries at a level, without the data files where they are not there.
    pub fn all(level: Level) -> Self {
        Self { level, entries: Vec::new(), require_data: false, resolve: None, remake: None }
    }
}

/// Checks a lock against the world: the workspace at `root` and, where there is one, the data root. Reads, never writes.
///
/// The lockfile itself is always checked as a whole, whichever entries are asked for. A difference is no error
/// but an item of the report; errors are for what keeps the audit from being done: an unknown entry, no such workspace.
/// `observe` is called after each hashed file, from several threads, one call at a time.
pub fn run(
    root: &Path,
    data_root: Option<&Path>,
    lock: &LockFile,
    request: &Request<'_>,
    observe: &(dyn Fn(&Progress) + Sync),
) -> Result<AuditReport> {
    if request.level >= Level::Predictions && request.remake.is_none() {
        return Err(Failure::input(format!("the level {} needs somebody who can predict and train", request.level.word())));
    }
    let chosen = choose(lock, &request.entries)?;
    let roots =
        Roots { workspace: root.canonicalize().doing("open the workspace", root)?, data: data_root.and_then(|d| d.canonicalize().ok()) };
    let targets: Vec<Targets> = chosen.iter().map(|e| Targets::of(e)).collect();
    let files: Vec<Target> = targets.iter().flat_map(|t| t.all().cloned()).collect();
    let sight = Sight::of(&roots, &files, observe);
    let mut entries = Vec::with_capacity(chosen.len());
    for (entry, targets) in chosen.iter().zip(&targets) {
        let (mut items, drifted) = digests::judge(&roots, entry, targets, &sight, request.require_data, request.resolve);
        if request.level >= Level::Metrics {
            let numbers = metrics::judge(&roots, entry, &items);
            items.extend(numbers);
        }
        if let Some(remake) = request.remake.filter(|_| request.level >= Level::Predictions) {
            let remade = remake(entry, &items)?;
            items.extend(remade);
        }
        entries.push(EntryReport {
            protocol: entry.protocol.clone(),
            path: entry.path.clone(),
            program: format!("{} {}", entry.program.name, entry.program.version),
            passed: !items.iter().any(|i| i.state.fails()),
            drifted,
            items,
        });
    }
    let lock = lock_items(lock);
    let this = Program::this();
    let mut report = AuditReport {
        version: 1,
        program: format!("{} {}", this.name, this.version),
        level: request.level,
        passed: entries.iter().all(|e| e.passed) && !lock.iter().any(|i| i.state.fails()),
        first_difference: None,
        lock,
        entries,
    };
    let first = report.items().find(|i| i.state.fails()).map(Item::sentence);
    report.first_difference = first;
    Ok(report)
}

fn choose<'a>(lock: &'a LockFile, names: &[String]) -> Result<Vec<&'a Entry>> {
    if lock.entries.is_empty() {
        return Err(Failure::input("the lock has no entries: there is nothing to audit").at(FILE_NAME).hint("run a protocol and lock it"));
    }
    if names.is_empty() {
        return Ok(lock.entries.iter().collect());
    }
    let have = || lock.entries.iter().map(|e| e.protocol.as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        lock.entry(name)
            .ok_or_else(|| Failure::input(format!("the lock has no entry '{name}'")).at(FILE_NAME).hint(format!("it has: {}", have())))
    };
    let mut chosen = names.iter().map(find).collect::<Result<Vec<_>>>()?;
    chosen.sort_by(|a, b| a.protocol.cmp(&b.protocol));
    chosen.dedup_by(|a, b| a.protocol == b.protocol);
    Ok(chosen)
}

fn lock_items(lock: &LockFile) -> Vec<Item> {
    if lock.edits.is_empty() {
        let n = lock.entries.len();
        let value = format!("{n} {}, each with its integrity line", if n == 1 { "entry" } else { "entries" });
        return vec![Item::verified(Kind::Lock, "lock", FILE_NAME, value)];
    }
    let hint = format!("bring the lock back with `git checkout -- {FILE_NAME}`, or lock again");
    let edit = |e: &crate::lock::Edit| {
        let label = e.entry.as_ref().map_or_else(|| format!("line {}", e.line), |name| format!("line {}, entry '{name}'", e.line));
        Item::other(Kind::Lock, &label, FILE_NAME, State::Failed, format!("the lock was edited: {}", e.what)).hint(hint.clone())
    };
    lock.edits.iter().map(edit).collect()
}
