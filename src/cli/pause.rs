//! `pinfold pause` and `pinfold continue`: halt a run on this machine where it stands, and let it go on.

use super::{Here, output};
use crate::base::Result;
use crate::engine::{Run, pause};

/// Arguments of both.
#[derive(clap::Args)]
pub struct Args {
    /// Run id or a part of it, or a protocol's name (default: the newest run).
    run: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Halts it, or lets it go on.
pub fn run(at: &Here, args: &Args, halt: bool) -> Result<()> {
    let run = Run::choose(&at.workspace()?, args.run.as_deref())?;
    let changed = pause::set(&run, halt)?;
    if args.json {
        return output::json(&serde_json::json!({"run": run.id, "protocol": run.order.protocol, "paused": halt, "changed": changed}));
    }
    let id = &run.id;
    output::say(&match (halt, changed) {
        (true, true) => format!("{id} is paused where it stood and keeps its memory; 'pinfold continue {id}' lets it go on"),
        (true, false) => format!("{id} is paused already"),
        (false, true) => format!("{id} goes on"),
        (false, false) => format!("{id} is not paused"),
    });
    Ok(())
}
