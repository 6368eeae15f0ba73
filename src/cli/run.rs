//! `pinfold run` and `pinfold resume`: order a run, start its worker, follow it.

use super::{Here, attach, output};
use crate::base::{Failure, Result};
use crate::engine::runs::State;
use crate::engine::{Run, worker};
use crate::plan::order::{order, pins};
use crate::protocol;

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Override any key for this run, e.g. train.epochs=2; the run gets a name of its own.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Start the worker and come back at once.
    #[arg(long)]
    detach: bool,
    /// Run everything in this one process; the pins must already stand in the environment.
    #[arg(long, conflicts_with = "detach")]
    in_process: bool,
    /// Print JSON when done.
    #[arg(long)]
    json: bool,
}

/// Arguments of `resume`.
#[derive(clap::Args)]
pub struct ResumeArgs {
    /// Run id or a part of it, or a protocol's name (default: the newest run).
    run: Option<String>,
    /// Start the worker and come back at once.
    #[arg(long)]
    detach: bool,
}

/// Runs a protocol.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &args.overrides)?;
    if args.in_process {
        // Before the run is ordered: its folder would say for a while that a worker is starting.
        let lacking = worker::missing_pins(&pins(&loaded.protocol));
        if !lacking.is_empty() {
            return Err(Failure::environment("these pins are missing from the environment")
                .at(lacking.join(" "))
                .hint("set them and run again, or leave --in-process out"));
        }
    }
    let run = order(&workspace, &loaded)?;
    if args.in_process {
        super::worker::work(&workspace, &run)?;
    } else {
        worker::spawn(&run, workspace.root(), &pins(&loaded.protocol))?;
        if args.detach {
            output::say(&format!("started; follow it with: pinfold attach {}", run.id));
            return Ok(());
        }
        attach::follow(&run)?;
    }
    if args.json {
        let outcome: serde_json::Value = crate::stage::files::read_json(&run.dir.join("result.json"))?;
        return output::json(&serde_json::json!({"run": run.id, "protocol": loaded.name(), "result": outcome}));
    }
    Ok(())
}

/// Takes a run up again, with the protocol as it was ordered.
pub fn resume(at: &Here, args: &ResumeArgs) -> Result<()> {
    let workspace = at.workspace()?;
    let run = Run::choose(&workspace, args.run.as_deref())?;
    let state = run.state(&run.lines()?);
    if state.live() {
        output::say(&format!("{} is {}; following it", run.id, state.word()));
        return attach::follow(&run);
    }
    if state == State::Done {
        output::say(&format!("{} is done already", run.id));
        return Ok(());
    }
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    run.clear_control();
    worker::spawn(&run, workspace.root(), &pins(&p))?;
    // Old endings stand in the journal; wait for the new worker's first line.
    wait_for_worker(&run);
    if args.detach {
        return Ok(());
    }
    attach::follow(&run)
}

fn wait_for_worker(run: &Run) {
    for _ in 0..100 {
        if run.lines().is_ok_and(|l| run.state(&l).live()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
