//! The audit of a workspace's own lock: what the command and the workbench both call.

use super::{AuditReport, Level, Progress, Request, run};
use crate::base::{Failure, Result};
use crate::engine::Workspace;
use crate::lock;

/// Audits entries of the workspace's lock.
pub fn look(
    workspace: &Workspace,
    protocols: &[String],
    level: Level,
    require_data: bool,
    observe: &(dyn Fn(&Progress) + Sync),
) -> Result<AuditReport> {
    let path = workspace.lockfile();
    if !path.exists() {
        return Err(Failure::input("there is no pinfold.lock here: nothing to audit")
            .at(path.display().to_string())
            .hint("pinfold run PROTOCOL, then pinfold lock PROTOCOL"));
    }
    let lock = lock::read(&path)?;
    let resolve = |source: &str, overrides: &[String]| crate::protocol::parse::digest_of(source, overrides);
    let request = Request { level, entries: protocols.to_vec(), require_data, resolve: Some(&resolve) };
    let data = workspace.data_root();
    run(workspace.root(), data.exists().then_some(data.as_path()), &lock, &request, observe)
}
