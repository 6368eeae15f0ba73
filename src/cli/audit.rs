//! `pinfold audit`: the lock against the world. Never writes into the workspace; exit code 1 when something differs.

use super::{Here, output};
use crate::audit::{self, Deep, Level};
use crate::base::{Result, text};
use crate::engine::Event;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments of `audit`.
#[derive(clap::Args)]
pub struct Args {
    /// Which entries (default: all).
    protocols: Vec<String>,
    /// How deep to look; each level includes the ones before.
    #[arg(long, value_enum, default_value = "metrics")]
    level: Depth,
    /// At level retrain, train every fold again, not only the one that the lock's own hash chooses.
    #[arg(long)]
    all_folds: bool,
    /// At level retrain, make slides, split, targets and patches again too, from the data files.
    #[arg(long)]
    from_data: bool,
    /// Fail when data files are not there (otherwise they count as not checked).
    #[arg(long)]
    require_data: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Audit levels.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Depth {
    /// Files, commit and protocol are what the lock says.
    Digests,
    /// And the metrics, computed again from the locked predictions, are equal to the last digit.
    Metrics,
    /// And the predictions, made again from the locked checkpoints, are the locked ones.
    Predictions,
    /// And a fold that the lock's own hash chooses, trained again, gives the locked checkpoint.
    Retrain,
}

/// Audits and prints the report.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let level = match args.level {
        Depth::Digests => Level::Digests,
        Depth::Metrics => Level::Metrics,
        Depth::Predictions => Level::Predictions,
        Depth::Retrain => Level::Retrain,
    };
    if level != Level::Retrain && (args.all_folds || args.from_data) {
        let which = if args.all_folds { "--all-folds" } else { "--from-data" };
        return Err(crate::base::Failure::input(format!("{which} is for the level retrain")).hint("add --level retrain"));
    }
    let lively = output::lively() && !args.json;
    let observe = |p: &audit::Progress| {
        if lively && (p.files.is_multiple_of(16) || p.files == p.files_total) {
            rewrite(&format!("{}/{} files, {} of {}", p.files, p.files_total, text::bytes(p.bytes), text::bytes(p.bytes_total)));
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    if level >= Level::Predictions {
        // The scratch folder is to be removed when somebody stops the audit.
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
        }
    }
    let epochs = Cell::new(std::time::Instant::now());
    let tell = |event: &Event| talk(event, lively, &epochs);
    let deep = Deep { all_folds: args.all_folds, from_data: args.from_data, tell: &tell, stop: &stop };
    let report = audit::look_deep(&workspace, &args.protocols, level, args.require_data, &observe, &deep);
    if lively {
        output::put("\r\x1b[K");
    }
    let report = report?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&audit::render_text(&report))?;
    }
    report.failure().map_or(Ok(()), Err)
}

/// Says what the worker does: on a terminal in one line that is rewritten, else in a line now and then.
fn talk(event: &Event, lively: bool, last: &Cell<std::time::Instant>) {
    let line = match event {
        Event::StageStarted { label, stage, .. } => match stage.as_str() {
            "train" => format!("training {label} again"),
            "predict" => format!("predicting {label} again"),
            _ => format!("making {label} again"),
        },
        Event::Epoch { label, epoch, epochs, .. } => format!("{label}: epoch {epoch} of {epochs}"),
        Event::Progress { label, done, total, unit, rate } if lively => {
            format!("{label}: {} of {} {unit}, {rate:.0} a second", text::thousands(*done), text::thousands(*total))
        }
        Event::Note { text, .. } => format!("note: {text}"),
        _ => return,
    };
    if lively && !matches!(event, Event::Note { .. }) {
        return rewrite(&line);
    }
    // Logs get an epoch's line every few seconds, and everything else.
    if matches!(event, Event::Epoch { .. }) {
        if last.get().elapsed().as_secs() < 5 {
            return;
        }
        last.set(std::time::Instant::now());
    }
    output::say(&line);
}

fn rewrite(line: &str) {
    output::put(&format!("\r\x1b[K{}", text::clean(line)));
}
