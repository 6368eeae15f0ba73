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
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Writes the request; the worker obeys at the next batch or stage.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let run = Run::choose(&at.workspace()?, args.run.as_deref())?;
    let lines = run.lines()?;
    let state = run.state(&lines);
    let mut ended = !state.live();
    if ended {
        output::say(&format!("{} is {} already", run.id, state.word()));
    } else {
        if let Some((host, seconds)) = run.silence(&lines) {
            output::say(&format!(
                "nothing was heard of its worker on {host} for {}; if it is gone, 'pinfold resume {} --take-over' goes on here",
                text::duration(seconds),
                run.id
            ));
        }
        ended = launch::stop(&run, args.abort, Duration::from_secs(60))?;
        let id = &run.id;
        output::say(&match (ended, args.abort) {
            (true, _) => format!("{id} has ended; 'pinfold resume {id}' takes it up again"),
            (false, true) => format!("told {id} to end at once; 'pinfold resume {id}' goes on from what was saved last"),
            (false, false) => {
                format!("asked {id} to stop; it ends at the next batch or stage, and 'pinfold resume {id}' takes it up again")
            }
        });
    }
    if args.json {
        let state = run.state(&run.lines()?);
        return output::json(
            &serde_json::json!({"run": run.id, "protocol": run.order.protocol, "state": state, "ended": ended, "abort": args.abort}),
        );
    }
    Ok(())
}
