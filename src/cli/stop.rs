//! `pinfold stop`: asks a run to stop at the next safe place.

use super::{Here, output};
use crate::base::{Result, text};
use crate::engine::Run;
use crate::plan::launch;
use std::time::Duration;

/// Arguments of `stop`.
#[derive(clap::Args)]
pub struct Args {
    /// Run id or a part of it, or a protocol's name (default: the newest run).
    run: Option<String>,
    /// End it at once, without saving first; a resume goes on from what was saved last.
    #[arg(long)]
    abort: bool,
}

/// Writes the request; the worker obeys at the end of an epoch or stage.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let run = Run::choose(&at.workspace()?, args.run.as_deref())?;
    let state = run.state(&run.lines()?);
    if !state.live() {
        output::say(&format!("{} is {} already", run.id, state.word()));
        return Ok(());
    }
    if let Some((host, seconds)) = run.silence(&run.lines()?) {
        output::say(&format!(
            "nothing was heard of its worker on {host} for {}; if it is gone, 'pinfold resume {} --take-over' goes on here",
            text::duration(seconds),
            run.id
        ));
    }
    let gone = launch::stop(&run, args.abort, Duration::from_secs(60))?;
    if gone {
        output::say(&format!("{} has ended; 'pinfold resume {}' takes it up again", run.id, run.id));
        return Ok(());
    }
    if args.abort {
        output::say(&format!("told {} to end at once; 'pinfold resume {}' goes on from what was saved last", run.id, run.id));
        return Ok(());
    }
    output::say(&format!(
        "asked {} to stop; it ends at the next batch or stage, and 'pinfold resume {}' takes it up again",
        run.id, run.id
    ));
    Ok(())
}
