//! `pinfold run` and `pinfold resume`: order a run, start its worker, follow it.

use super::{Here, attach, output};
use crate::base::{Failure, Result};
use crate::engine::journal::{Event, Line};
use crate::engine::runs::State;
use crate::engine::{Run, Workspace, worker};
use crate::plan::order::{order, pins};
use crate::plan::seeds;
use crate::protocol;
use std::path::Path;

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Override any key for this run, e.g. train.epochs=2; the run gets a name of its own.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Repeat the protocol with these seeds, one run after the other, and report the spread: 42,43,44.
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["detach", "in_process"])]
    seeds: Vec<u64>,
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
    let path = workspace.protocol_path(&args.protocol)?;
    if !args.seeds.is_empty() {
        return over_seeds(&workspace, &path, args);
    }
    let loaded = protocol::load(&path, &args.overrides)?;
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

/// One run a seed; what is done already is not done again, so an interrupted series goes on where it was.
fn over_seeds(workspace: &Workspace, path: &Path, args: &Args) -> Result<()> {
    super::seeds::check(&args.seeds)?;
    for (i, &seed) in args.seeds.iter().enumerate() {
        let loaded = seeds::with_seed(path, &args.overrides, seed)?;
        output::say(&format!("seed {seed} ({} of {}): {}", i + 1, args.seeds.len(), loaded.name()));
        let run = order(workspace, &loaded)?;
        worker::spawn(&run, workspace.root(), &pins(&loaded.protocol))?;
        attach::follow(&run)?;
        // Who detached from one run has left the series.
        if run.state(&run.lines()?) != State::Done {
            output::say("the seeds after this one were not started; the same command goes on with them");
            return Ok(());
        }
    }
    let found = seeds::gather(workspace, path, &args.overrides, &args.seeds)?;
    if args.json { output::json(&found) } else { super::seeds::print(&found) }
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
    let mut child = worker::spawn(&run, workspace.root(), &pins(&p))?;
    // Old endings stand in the journal; wait for the new worker's first line.
    wait_for_worker(&run, &mut child)?;
    if args.detach {
        return Ok(());
    }
    attach::follow_newest(&run)
}

fn wait_for_worker(run: &Run, child: &mut std::process::Child) -> Result<()> {
    let pid = child.id();
    let its = |l: &Line| matches!(&l.event, Event::RunStarted { place, .. } if place.pid == pid);
    for _ in 0..400 {
        if run.lines().is_ok_and(|l| l.iter().rev().any(its)) {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            let log = run.dir.join("log.txt");
            let told = std::fs::read_to_string(&log).unwrap_or_default();
            let last = told.trim_end().rsplit("pinfold: ").next().unwrap_or_default().to_owned();
            let failure = Failure::environment(format!("the worker ended before its first line ({status}): {last}"));
            return Err(failure.at(log.display().to_string()));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(())
}
