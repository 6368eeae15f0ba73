//! `pinfold lock`: pins a finished protocol in `pinfold.lock`.

use super::{Here, output};
use crate::base::{Failure, Result};
use crate::engine::Workspace;
use crate::plan::{Graph, pin};
use crate::{lock, protocol};

/// Arguments of `lock`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Overrides of the run to lock; it is locked under a name of its own.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Lock although the working tree differs from its commit; the difference is stored and pinned.
    #[arg(long)]
    allow_dirty: bool,
    /// Print the locked files as `sha256sum -c` takes them, and lock nothing.
    #[arg(long)]
    sha256sum: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Locks, and says what was locked.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &args.overrides)?;
    if args.sha256sum {
        let file = lock::read(&workspace.lockfile())?;
        let entry = file.entry(loaded.name()).ok_or_else(|| Failure::input(format!("{} is not locked", loaded.name())).hint(format!("pinfold lock {}", loaded.name())))?;
        let listing = lock::sha256sum(entry, workspace.root(), Some(&workspace.data_root()));
        listing.left_out.iter().for_each(|line| output::say(line));
        return output::print(&listing.text);
    }
    let entry = pin(&workspace, &loaded, args.allow_dirty)?;
    if args.json {
        return output::json(&entry);
    }
    output::say(&summary(&entry));
    Ok(())
}

/// Locks a finished protocol and gives the entry; the workbench calls it too.
pub fn pin(workspace: &Workspace, loaded: &protocol::Loaded, allow_dirty: bool) -> Result<lock::Entry> {
    let graph = Graph::new(workspace, &loaded.protocol);
    let artifacts = graph.finished(&workspace.store(), loaded.name())?;
    for artifact in &artifacts {
        workspace.store().verify(artifact)?;
    }
    if let Some(report) = artifacts.last() {
        pin::publish(workspace, loaded.name(), report)?;
    }
    let entry = pin::entry(workspace, loaded, &artifacts, allow_dirty)?;
    lock::merge_entry(&workspace.lockfile(), &entry)?;
    Ok(entry)
}

/// What was locked, in a line.
pub fn summary(entry: &lock::Entry) -> String {
    let files: usize = entry.artifacts.iter().map(|a| a.files.len()).sum::<usize>() + entry.data.len() + entry.figures.len() + entry.weights.len();
    let commit = match &entry.git {
        Some(git) if git.clean => format!("commit {}", &git.commit[..12.min(git.commit.len())]),
        Some(git) => format!("commit {} with a stored difference", &git.commit[..12.min(git.commit.len())]),
        None => "no commit recorded".to_owned(),
    };
    let headline = entry.metrics.first().map(|m| format!(", {} {}", m.title, m.value)).unwrap_or_default();
    format!("locked {} in pinfold.lock: {files} files, {commit}, class {}{headline}", entry.protocol, entry.determinism.reached)
}
