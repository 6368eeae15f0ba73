//! The audit of a workspace's own lock: what the command and the workbench both call.

use super::again::{self, Deep};
use super::{AuditReport, Level, Progress, Request, run};
use crate::base::{Failure, Result};
use crate::engine::Workspace;
use crate::lock;
use std::sync::atomic::AtomicBool;

/// Audits entries of the workspace's lock.
pub fn look(
    workspace: &Workspace,
    protocols: &[String],
    level: Level,
    require_data: bool,
    observe: &(dyn Fn(&Progress) + Sync),
) -> Result<AuditReport> {
    let deep = Deep { all_folds: false, from_data: false, tell: &|_| {}, stop: &AtomicBool::new(false) };
    look_deep(workspace, protocols, level, require_data, observe, &deep)
}

/// The same, with a say in how the levels `predictions` and `retrain` are done. They start this very program as a worker,
/// and are refused (exit code 4) in one that was built without libtorch.
pub fn look_deep(
    workspace: &Workspace,
    protocols: &[String],
    level: Level,
    require_data: bool,
    observe: &(dyn Fn(&Progress) + Sync),
    deep: &Deep,
) -> Result<AuditReport> {
    again::require_libtorch(level)?;
    let path = workspace.lockfile();
    if !path.exists() {
        return Err(Failure::input("there is no pinfold.lock here: nothing to audit")
            .at(path.display().to_string())
            .hint("pinfold run PROTOCOL, then pinfold lock PROTOCOL"));
    }
    let lock = lock::read(&path)?;
    let resolve = |source: &str, overrides: &[String]| crate::protocol::parse::digest_of(source, overrides);
    let remake = |entry: &lock::Entry, items: &[super::Item]| again::judge(workspace, level, entry, items, deep);
    let request = Request { level, entries: protocols.to_vec(), require_data, resolve: Some(&resolve), remake: Some(&remake) };
    let data = workspace.data_root();
    run(workspace.root(), data.exists().then_some(data.as_path()), &lock, &request, observe)
}
