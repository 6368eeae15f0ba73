//! `pinfold run` and `pinfold resume`: order a run, start its worker, follow it.

use super::{Here, attach, output};
use crate::base::{Failure, Result, text};
use crate::engine::execution::Execution;
use crate::engine::journal::{Event, Line};
use crate::engine::runs::State;
use crate::engine::{Run, Workspace, worker};
use crate::plan::execution::{self, Asked};
use crate::plan::order::{self, order, pins};
use crate::plan::{launch, seeds};
use crate::protocol::execution::Executor;
use crate::protocol::{self, Loaded, quirks};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Override any key for this run, e.g. train.epochs=2; the run gets a name of its own.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Repeat the protocol with these seeds, instead of those that it lists, and report the spread: 42,43,44.
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["detach", "in_process"])]
    seeds: Vec<u64>,
    /// Train and predict this fold only, by name or by number from 1; without evaluation and report. Can be repeated.
    #[arg(long = "fold", value_name = "NAME|K", conflicts_with = "seeds")]
    folds: Vec<String>,
    /// So many folds at a time, in worker processes of their own; under Slurm, so many jobs of the array.
    #[arg(long, value_name = "N", conflicts_with = "in_process")]
    jobs: Option<usize>,
    /// So many of these jobs share a GPU.
    #[arg(long, value_name = "N", requires = "jobs")]
    per_gpu: Option<usize>,
    /// Who runs it, instead of what the protocol says.
    #[arg(long, value_name = "local|slurm", value_parser = executor, conflicts_with = "in_process")]
    executor: Option<Executor>,
    /// Print the scripts that would be handed to Slurm, and do nothing.
    #[arg(long, conflicts_with_all = ["seeds", "detach", "in_process", "json"])]
    dry_run: bool,
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
    /// Go on here with a run whose worker on another host is silent: only when that worker is surely gone.
    #[arg(long)]
    take_over: bool,
    /// Start the worker and come back at once.
    #[arg(long)]
    detach: bool,
    /// Print JSON when done.
    #[arg(long)]
    json: bool,
}

fn executor(text: &str) -> std::result::Result<Executor, String> {
    match text {
        "local" => Ok(Executor::Local),
        "slurm" => Ok(Executor::Slurm),
        _ => Err("local or slurm".into()),
    }
}

/// Runs a protocol.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let path = workspace.protocol_path(&args.protocol)?;
    let overrides = quirks::without(&args.without, &args.overrides)?;
    let loaded = protocol::load(&path, &overrides)?;
    let all = if args.seeds.is_empty() { &loaded.protocol.seeds } else { &args.seeds };
    let one_run = args.detach || args.in_process || args.dry_run || !args.folds.is_empty();
    if !all.is_empty() && !one_run {
        return over_seeds(&workspace, &path, &overrides, args, all);
    }
    if all.len() > 1 {
        output::say(&format!("the protocol lists {} seeds; this runs its own, {}, alone", all.len(), loaded.protocol.seed));
    }
    let mut asked = Asked { executor: args.executor, jobs: args.jobs, per_gpu: args.per_gpu, folds: args.folds.clone() };
    if args.in_process {
        asked.executor = Some(Executor::Local);
    }
    let execution = execution::of(&loaded.protocol, &asked)?;
    if args.dry_run {
        return dry_run(&workspace, &loaded, &execution);
    }
    if args.in_process {
        // Before the run is ordered: its folder would say for a while that a worker is starting.
        let lacking = worker::missing_pins(&pins(&loaded.protocol));
        if !lacking.is_empty() {
            return Err(Failure::environment("these pins are missing from the environment")
                .at(lacking.join(" "))
                .hint("set them and run again, or leave --in-process out"));
        }
    }
    let run = order(&workspace, &loaded, execution)?;
    if args.in_process {
        output::say(&format!("{} runs in this process; Ctrl-C stops it at the next safe place", run.id));
        super::worker::work(&workspace, &run)?;
    } else {
        launch::start(&workspace, &run)?;
        if args.detach {
            output::say(&format!("started; follow it with: pinfold attach {}", run.id));
            return if args.json { attach::json(&run) } else { Ok(()) };
        }
        attach::follow(&run)?;
    }
    if args.json { attach::json(&run) } else { Ok(()) }
}

/// What would be handed to Slurm, in order, with the command that would hand it in.
fn dry_run(workspace: &Workspace, loaded: &Loaded, execution: &Execution) -> Result<()> {
    let scripts = launch::scripts(workspace, &format!("RUN-{}", loaded.name()), &loaded.protocol, execution)?;
    let mut out = String::new();
    for script in &scripts {
        let dependency =
            script.after.as_ref().map_or_else(String::new, |(kind, on)| format!(" --dependency={kind}:{}", on.join(":").to_uppercase()));
        out.push_str(&format!("# {0}.sh: sbatch --parsable{dependency} {0}.sh\n{1}\n", script.name, script.text));
    }
    output::print(&out)
}

/// One run a seed; what is done already is not done again, so an interrupted series goes on where it was.
fn over_seeds(workspace: &Workspace, path: &Path, overrides: &[String], args: &Args, all: &[u64]) -> Result<()> {
    seeds::check(all)?;
    // A closed connection ends neither a run nor the series: who comes back finds it further on.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::new(AtomicBool::new(false)));
    for (i, &seed) in all.iter().enumerate() {
        let loaded = seeds::with_seed(path, overrides, seed)?;
        output::say(&format!("seed {seed} ({} of {}): {}", i + 1, all.len(), loaded.name()));
        let asked = Asked { executor: args.executor, jobs: args.jobs, per_gpu: args.per_gpu, folds: Vec::new() };
        let run = order(workspace, &loaded, execution::of(&loaded.protocol, &asked)?)?;
        launch::start(workspace, &run)?;
        attach::follow(&run)?;
        // Who detached from one run has left the series.
        if run.state(&run.lines()?) != State::Done {
            output::say("the seeds after this one were not started; the same command goes on with them");
            return Ok(());
        }
    }
    let found = seeds::gather(workspace, path, overrides, all)?;
    if args.json { output::json(&found) } else { super::seeds::print(&found) }
}

/// Takes a run up again, with the protocol as it was ordered.
pub fn resume(at: &Here, args: &ResumeArgs) -> Result<()> {
    let workspace = at.workspace()?;
    let run = Run::choose(&workspace, args.run.as_deref())?;
    let lines = run.lines()?;
    let state = run.state(&lines);
    if let Some((host, seconds)) = run.silence(&lines) {
        if !args.take_over {
            return Err(Failure::input(format!("nothing was heard of its worker on {host} for {}", text::duration(seconds)))
                .at(run.id.clone())
                .hint(format!("if that worker is gone: pinfold resume {} --take-over", run.id)));
        }
        // Held by a worker that still lives, where the file system carries locks from host to host.
        drop(run.take()?);
        output::say(&format!("taking {} over from {host}", run.id));
    } else if state.live() {
        output::say(&format!("{} is {}; following it", run.id, state.word()));
        attach::follow(&run)?;
        return if args.json { attach::json(&run) } else { Ok(()) };
    }
    if state == State::Done {
        output::say(&format!("{} is done already", run.id));
        return if args.json { attach::json(&run) } else { Ok(()) };
    }
    order::able(&protocol::parse::from_canonical(run.order.resolved.clone())?)?;
    run.clear_control();
    let child = launch::start(&workspace, &run)?;
    // Old endings stand in the journal; wait for the new worker's first line.
    if let Some(mut child) = child {
        wait_for_worker(&run, &mut child)?;
    }
    if args.detach {
        output::say(&format!("taken up; follow it with: pinfold attach {}", run.id));
        return if args.json { attach::json(&run) } else { Ok(()) };
    }
    attach::follow_newest(&run)?;
    if args.json { attach::json(&run) } else { Ok(()) }
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
