//! `pinfold lock`: pins a finished protocol in `pinfold.lock`.

use super::{Here, output};
use crate::base::{Failure, Result};
use crate::plan::pin;
use crate::{lock, protocol};

/// Arguments of `lock`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Overrides of the run to lock; it is locked under a name of its own.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
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
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &protocol::quirks::without(&args.without, &args.overrides)?)?;
    if args.sha256sum {
        let file = lock::read(&workspace.lockfile())?;
        let entry = file
            .entry(loaded.name())
            .ok_or_else(|| Failure::input(format!("{} is not locked", loaded.name())).hint(format!("pinfold lock {}", loaded.name())))?;
        let listing = lock::sha256sum(entry, workspace.root(), Some(&workspace.data_root()));
        listing.left_out.iter().for_each(|line| output::say(line));
        return output::print(&listing.text);
    }
    let entry = pin::lock(&workspace, &loaded, args.allow_dirty)?;
    if args.json {
        return output::json(&entry);
    }
    output::say(&pin::summary(&entry));
    Ok(())
}
