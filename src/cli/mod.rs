//! The command line: one file a command. Results on stdout, talk on stderr, exit codes of `base::Exit`.

mod attach;
mod audit;
mod calc;
mod compare;
mod completions;
mod data;
mod diff;
mod doctor;
mod edit;
mod gc;
#[cfg(feature = "train")]
mod import_checkpoint;
#[cfg(not(feature = "train"))]
#[path = "import_checkpoint_absent.rs"]
mod import_checkpoint;
mod list;
mod lock;
pub mod output;
mod pause;
mod plan;
mod quirks;
mod rank;
mod remake;
mod report;
mod run;
mod seeds;
mod status;
mod stop;
mod weights;
mod worker;

use crate::base::{Failure, Result};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

const LONG: &str = "pinfold re-runs published baselines for predicting spatial gene expression from H&E histology, and checks \
that a reported number follows from locked data, splits, weights, code and checkpoints.\n\nWithout a command it opens the \
workbench in the terminal. Everything the workbench does, a command does too.";

const AFTER: &str = "Examples:
  pinfold run demo                         train the demo, evaluate it, draw its report
  pinfold run demo --set train.epochs=2    the same with a change, under a name of its own
  pinfold lock demo && pinfold audit demo  pin what came out, then check it
  pinfold data check her2st                what is there, what is missing, how to get it
  pinfold calc pcc --truth A.csv --pred B.csv --json

Exit codes: 0 fine; 1 a check failed; 2 wrong use or bad input; 3 stopped, resumable; 4 the environment (no libtorch, no space).
Data is looked for in PINFOLD_DATA, else in data/ of the workspace.
The workbench (pinfold alone) also heeds NO_COLOR, PINFOLD_ASCII=1, PINFOLD_GLYPHS=blocks,
PINFOLD_GRAPHICS=kitty|sixel|iterm|blocks and PINFOLD_MOUSE=1; ? in it explains them.";

/// The whole command line.
#[derive(Parser)]
#[command(name = "pinfold", version, about = "Pin the seed, lock the folds, prove the number", long_about = LONG, after_help = AFTER)]
struct Line {
    /// Workspace folder (default: the nearest one with a protocols/ folder, from here upwards).
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List the protocols, how each stands, and its headline.
    List(list::Args),
    /// Run a protocol; attaches to it, and goes on when the terminal is gone.
    Run(run::Args),
    /// Take up a stopped or lost run again.
    Resume(run::ResumeArgs),
    /// Follow a run that is going on.
    Attach(attach::Args),
    /// Show runs, or one run in detail.
    #[command(visible_alias = "runs")]
    Status(status::Args),
    /// Ask a run to stop at the next safe place.
    Stop(stop::Args),
    /// Halt a run on this machine where it stands; it keeps its memory.
    Pause(pause::Args),
    /// Let a paused run go on.
    Continue(pause::Args),
    /// Show what of a protocol is done, what would run, why, and how long it should take.
    Plan(plan::Args),
    /// Write values into a protocol's file; its comments stay. (--set changes one run alone.)
    Edit(edit::Args),
    /// List the quirks of a protocol's published code, kept or mended; say what each is worth.
    Quirks(quirks::Args),
    /// Show a protocol's numbers over several seeds.
    Seeds(seeds::Args),
    /// Say how sure a protocol's number is, and test others against it on the same genes.
    Compare(compare::Args),
    /// Rank the settings of a search by their groups' scores, pooled and per fold.
    Rank(rank::Args),
    /// Free what neither a lock nor a newest run names; says first what would go.
    Gc(gc::Args),
    /// Pin a finished protocol in pinfold.lock.
    Lock(lock::Args),
    /// Check pinfold.lock against the world.
    Audit(audit::Args),
    /// Say how two locks, commits, locked entries or runs differ: pins, artifacts, numbers.
    Diff(diff::Args),
    /// Say where a protocol's report is, and copy it out of the store again.
    Report(report::Args),
    /// Check data files.
    Data(data::Args),
    /// Bring published weight files in; show which are needed and which are here.
    Weights(weights::Args),
    /// Read a checkpoint that others published, and write it as ours are.
    ImportCheckpoint(import_checkpoint::Args),
    /// Print what a bug report needs: program, libtorch, processor, git, data.
    Doctor(doctor::Args),
    /// Our numbers on anybody's files: splits, correlations, Moran's I, a forward pass.
    Calc(calc::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// The worker of a run; started by `run`.
    #[command(hide = true)]
    Worker(worker::Args),
    /// The worker of a deep audit; started by `audit`.
    #[command(hide = true)]
    Remake(remake::Args),
}

/// Commands that need libtorch, or describe all commands: a program without libtorch hands them to the engine beside it.
const ENGINES: [&str; 10] = ["run", "resume", "audit", "calc", "import-checkpoint", "doctor", "worker", "remake", "completions", "help"];

/// The command among the arguments.
fn command_of(arguments: &[OsString]) -> Option<&str> {
    let mut rest = arguments.iter().skip(1).map(|a| a.to_str().unwrap_or_default());
    while let Some(word) = rest.next() {
        match word {
            "-C" | "--workspace" => {
                rest.next();
            }
            _ if word.starts_with('-') => {}
            _ => return Some(word),
        }
    }
    None
}

/// The program's start: what the engine must do becomes the engine, under the same process number; the rest is done here.
pub fn start() -> i32 {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if command_of(&arguments).is_some_and(|c| ENGINES.contains(&c))
        && let Some(engine) = crate::base::program::sibling()
    {
        let why = std::process::Command::new(&engine).args(&arguments[1..]).exec();
        output::put(&format!("pinfold: {}\n", Failure::environment(format!("cannot start {}: {why}", engine.display()))));
        return 4;
    }
    main()
}

/// Parses the command line, runs it, and gives the exit code.
pub fn main() -> i32 {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { 2 } else { 0 };
        }
    };
    match dispatch(line) {
        Ok(()) => 0,
        Err(failure) => {
            // Several lines, each safe: a failure cleans what it shows.
            output::put(&format!("pinfold: {failure}\n"));
            failure.exit as i32
        }
    }
}

fn dispatch(line: Line) -> Result<()> {
    let at = Here(line.workspace);
    match line.command {
        None => workbench(&at),
        Some(Command::List(args)) => list::run(&at, &args),
        Some(Command::Run(args)) => run::run(&at, &args),
        Some(Command::Resume(args)) => run::resume(&at, &args),
        Some(Command::Attach(args)) => attach::run(&at, &args),
        Some(Command::Status(args)) => status::run(&at, &args),
        Some(Command::Stop(args)) => stop::run(&at, &args),
        Some(Command::Pause(args)) => pause::run(&at, &args, true),
        Some(Command::Continue(args)) => pause::run(&at, &args, false),
        Some(Command::Plan(args)) => plan::run(&at, &args),
        Some(Command::Edit(args)) => edit::run(&at, &args),
        Some(Command::Quirks(args)) => quirks::run(&at, &args),
        Some(Command::Seeds(args)) => seeds::run(&at, &args),
        Some(Command::Compare(args)) => compare::run(&at, &args),
        Some(Command::Rank(args)) => rank::run(&at, &args),
        Some(Command::Gc(args)) => gc::run(&at, &args),
        Some(Command::Lock(args)) => lock::run(&at, &args),
        Some(Command::Audit(args)) => audit::run(&at, &args),
        Some(Command::Diff(args)) => diff::run(&at, &args),
        Some(Command::Report(args)) => report::run(&at, &args),
        Some(Command::Data(args)) => data::run(&at, args),
        Some(Command::Weights(args)) => weights::run(&at, args),
        Some(Command::ImportCheckpoint(args)) => import_checkpoint::run(args),
        Some(Command::Doctor(args)) => doctor::run(&at, &args),
        Some(Command::Calc(args)) => calc::run(args),
        Some(Command::Completions(args)) => completions::run(&args, Line::command()),
        Some(Command::Worker(args)) => worker::run(&at, &args),
        Some(Command::Remake(args)) => remake::run(&args),
    }
}

/// Where the command was called: the workspace is looked for only when a command needs one.
pub struct Here(Option<PathBuf>);

impl Here {
    /// The workspace.
    pub fn workspace(&self) -> Result<crate::engine::Workspace> {
        let from = match &self.0 {
            Some(path) => path.clone(),
            None => std::env::current_dir().map_err(|e| Failure::environment(format!("cannot tell the current folder: {e}")))?,
        };
        let workspace = crate::engine::Workspace::find(&from)?;
        crate::base::host::share_with_group(workspace.root());
        Ok(workspace)
    }
}

fn workbench(at: &Here) -> Result<()> {
    let line = Line::command();
    let about = |c: &clap::Command| c.get_about().map(ToString::to_string).unwrap_or_default();
    let commands = line.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| (c.get_name().to_owned(), about(c))).collect();
    crate::tui::open(at.workspace()?, commands)
}
