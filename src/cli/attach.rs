//! `pinfold attach`: follows a run's journal until it ends, or until the person goes away.

use super::Here;
use super::output;
use crate::base::{Exit, Failure, Result, text};
use crate::engine::jobs::{self, Feed};
use crate::engine::journal::Event;
use crate::engine::slurm::{self, Card};
use crate::engine::{Run, runs::State};
use crate::plan::launch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Arguments of `attach`.
#[derive(clap::Args)]
pub struct Args {
    /// Run id or a part of it, or a protocol's name (default: the newest run).
    run: Option<String>,
    /// Print JSON when done.
    #[arg(long)]
    json: bool,
}

/// Follows the run.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let run = Run::choose(&at.workspace()?, args.run.as_deref())?;
    follow(&run)?;
    if args.json { json(&run) } else { Ok(()) }
}

/// A followed run as JSON: what came out, or how it stands for who has left it.
pub fn json(run: &Run) -> Result<()> {
    let state = run.state(&run.lines()?);
    let result: Option<serde_json::Value> =
        if state == State::Done { Some(crate::stage::files::read_json(&run.dir.join("result.json"))?) } else { None };
    output::json(&serde_json::json!({"run": run.id, "protocol": run.order.protocol, "state": state, "result": result}))
}

/// How an event reads as one plain line; `None` for what only a screen shows.
pub fn plain(event: &Event) -> Option<String> {
    let value = |values: &std::collections::BTreeMap<String, Option<f64>>, key: &str| values.get(key).copied().flatten();
    Some(match event {
        Event::RunStarted { protocol, place, .. } => {
            format!("{:<18} run of {protocol} on {} (process {})", "started", place.host, place.pid)
        }
        Event::StageCached { label, key, .. } => format!("{label:<18} there already ({})", key.short()),
        Event::StageStarted { .. } | Event::Planned { .. } | Event::Heartbeat { .. } | Event::Progress { .. } | Event::JobEnded { .. } => {
            return None;
        }
        Event::Submitted { jobs } => {
            let shown: Vec<String> = jobs.iter().map(|j| format!("{} ({})", j.job, j.id)).collect();
            format!("{:<18} to Slurm: {}", "handed in", shown.join(", "))
        }
        Event::JobStarted { job, place } => match &place.job {
            Some(number) => format!("{job:<18} began on {} (job {number}, process {})", place.host, place.pid),
            None => format!("{job:<18} began on {} (process {})", place.host, place.pid),
        },
        Event::StageDone { label, digest, seconds, .. } => format!("{label:<18} done in {} ({})", text::duration(*seconds), digest.short()),
        Event::StageFailed { label, .. } => format!("{label:<18} failed"),
        Event::Epoch { label, epoch, epochs, values, seconds } => {
            let mut line = format!("{label:<18} epoch {epoch}/{epochs}");
            for (key, name) in [("train_loss", "loss"), ("validation_loss", "validation loss"), ("validation_pcc", "validation PCC")] {
                if let Some(v) = value(values, key) {
                    line.push_str(&format!("  {name} {v:.4}"));
                }
            }
            format!("{line}  {}", text::duration(*seconds))
        }
        Event::Note { level, text } => format!("{level:<18} {text}"),
        Event::RunDone { seconds } => format!("{:<18} in {}", "finished", text::duration(*seconds)),
        Event::RunFailed { what, .. } => format!("{:<18} {}", "failed", what.lines().next().unwrap_or_default()),
        Event::RunStopped => format!("{:<18} on request", "stopped"),
    })
}

/// Prints events as they come. Ctrl-C asks what to do: the run goes on unless the person says otherwise.
pub fn follow(run: &Run) -> Result<()> {
    follow_from(run, true)
}

/// The same from the newest worker's start: what earlier workers wrote is left out.
pub fn follow_newest(run: &Run) -> Result<()> {
    follow_from(run, false)
}

fn follow_from(run: &Run, mut history: bool) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted));
    let mut follower = Feed::new(run);
    let mut board = Board::default();
    let mut status = StatusLine::new();
    let mut asked = 0u32;
    let mut last_news = Instant::now();
    loop {
        let lines = follower.poll()?;
        if !lines.is_empty() {
            last_news = Instant::now();
        }
        // An ending that a later worker's start follows is an earlier worker's: the run was taken up again since.
        let latest = lines.iter().rposition(|l| matches!(l.event, Event::RunStarted { .. })).unwrap_or(0);
        let shown = if std::mem::replace(&mut history, true) { 0 } else { latest };
        for (i, line) in lines.iter().enumerate().skip(shown) {
            let over = matches!(line.event, Event::RunDone { .. } | Event::RunFailed { .. } | Event::RunStopped) && i < latest;
            match &line.event {
                event if over => {
                    if let Some(text) = plain(event) {
                        status.over(&text);
                    }
                }
                Event::RunDone { .. } => {
                    status.over(&plain(&line.event).unwrap_or_default());
                    return Ok(());
                }
                Event::RunFailed { what, exit } => {
                    status.clear();
                    let failure = jobs::failure(what, *exit);
                    let again = failure.exit == Exit::Interrupted && !what.contains("pinfold resume");
                    return Err(if again { failure.hint(format!("pinfold resume {}", run.id)) } else { failure });
                }
                Event::RunStopped => {
                    status.clear();
                    return Err(
                        Failure::interrupted("the run was stopped; what is finished is kept").hint(format!("pinfold resume {}", run.id))
                    );
                }
                Event::Progress { label, done, total, unit, rate } => status.progress(label, *done, *total, unit, *rate),
                event => {
                    if let Some(text) = plain(event) {
                        status.over(&text);
                    }
                }
            }
        }
        for line in board.news(run)? {
            status.over(&line);
        }
        if interrupted.swap(false, Ordering::Relaxed) {
            asked += 1;
            status.clear();
            match choice(asked) {
                Choice::Detach => {
                    output::say(&format!("detached; the run goes on. Back to it: pinfold attach {}", run.id));
                    return Ok(());
                }
                Choice::Stop => {
                    launch::stop(run, false, Duration::ZERO)?;
                    output::say("stopping at the next safe place; Ctrl-C again to choose otherwise");
                }
                Choice::Abort => {
                    launch::stop(run, true, Duration::ZERO)?;
                    output::say("ending it at once; what was saved last is what a resume goes on from");
                }
                Choice::GoOn => {}
            }
        }
        // A journal that is silent for a while: is the worker still there?
        if last_news.elapsed() > Duration::from_secs(5) {
            last_news = Instant::now();
            let state = run.state(&run.lines()?);
            if state == State::Stopped && run.execution().on_slurm() {
                status.clear();
                return Err(
                    Failure::interrupted("the run was stopped; what is finished is kept").hint(format!("pinfold resume {}", run.id))
                );
            }
            if state == State::Lost {
                status.clear();
                let log = run.dir.join("log.txt");
                let told = std::fs::read_to_string(&log).unwrap_or_default();
                let mine = told.lines().rev().take_while(|l| !l.starts_with(crate::engine::worker::LOG_MARK));
                let tail = mine.take(3).map(str::to_owned).collect::<Vec<_>>();
                let last = tail.into_iter().rev().collect::<Vec<_>>().join(" | ");
                let mut failure = Failure::interrupted("the worker vanished (killed, or out of memory?); what is finished is kept");
                if !last.is_empty() {
                    failure = failure.at(format!("{}: {last}", log.display()));
                }
                debug_assert_eq!(failure.exit, Exit::Interrupted);
                return Err(failure.hint(format!("pinfold resume {}", run.id)));
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The jobs of a run under Slurm: tells what has changed.
#[derive(Default)]
struct Board {
    shown: Vec<Card>,
    looked: Option<Instant>,
}

impl Board {
    /// A line for each job whose state has changed since it was last asked for.
    fn news(&mut self, run: &Run) -> Result<Vec<String>> {
        if !run.execution().on_slurm() || self.looked.is_some_and(|t| t.elapsed() < Duration::from_secs(3)) {
            return Ok(Vec::new());
        }
        self.looked = Some(Instant::now());
        let cards = slurm::cards(&run.lines()?);
        let news = cards.iter().filter(|c| !self.shown.contains(c)).map(card).collect();
        self.shown = cards;
        Ok(news)
    }
}

/// A job under Slurm as one line.
pub fn card(c: &Card) -> String {
    let reason = c.reason.as_ref().map_or_else(String::new, |r| format!(" ({r})"));
    format!("{:<18} job {} {}{reason}", c.job, c.id, c.state)
}

enum Choice {
    Detach,
    Stop,
    Abort,
    GoOn,
}

fn choice(asked: u32) -> Choice {
    if !output::lively() {
        // Nobody to ask: the first interrupt asks the worker to stop, a second one leaves it.
        return if asked == 1 { Choice::Stop } else { Choice::Detach };
    }
    output::put("\r[d]etach and let it run, [s]top at the next safe place, [a]bort at once, or [Enter] to go on watching? ");
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(0) | Err(_) => Choice::Detach,
        Ok(_) => match answer.trim().chars().next() {
            Some('d' | 'D') => Choice::Detach,
            Some('s' | 'S') => Choice::Stop,
            Some('a' | 'A') => Choice::Abort,
            _ => Choice::GoOn,
        },
    }
}

/// One line at the bottom that is rewritten, on a terminal; nothing at all elsewhere.
struct StatusLine {
    lively: bool,
    shown: bool,
    last: Option<Instant>,
}

impl StatusLine {
    fn new() -> Self {
        Self { lively: output::lively(), shown: false, last: None }
    }
    fn clear(&mut self) {
        if self.shown {
            output::put("\r\x1b[K");
            self.shown = false;
        }
    }
    fn over(&mut self, line: &str) {
        self.clear();
        output::say(line);
    }
    fn progress(&mut self, label: &str, done: u64, total: u64, unit: &str, rate: f64) {
        if !self.lively || self.last.is_some_and(|t| t.elapsed() < Duration::from_millis(500)) {
            return;
        }
        self.last = Some(Instant::now());
        let left =
            if rate > 0.0 { format!(", {} left", text::duration((total.saturating_sub(done)) as f64 / rate)) } else { String::new() };
        output::put(&format!("\r\x1b[K{}", text::clean(&format!("{label:<18} {done}/{total} {unit}, {rate:.0} a second{left}"))));
        self.shown = true;
    }
}
