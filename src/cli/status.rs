//! `pinfold status`: all runs, or one in detail.

use super::output::{self, Side};
use super::{Here, attach};
use crate::base::{Result, text};
use crate::engine::journal::Event;
use crate::engine::{Run, runs, slurm};

/// Arguments of `status`.
#[derive(clap::Args)]
pub struct Args {
    /// Run id or a part of it, or a protocol's name; without it, all runs.
    run: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints runs, newest last; or one run's stages.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    if args.run.is_some() {
        let run = Run::choose(&workspace, args.run.as_deref())?;
        return one(&run, args.json);
    }
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for run in Run::all(&workspace)? {
        let lines = run.lines()?;
        let state = run.state(&lines);
        let seconds = lines.last().zip(lines.first()).map_or(0.0, |(l, f)| l.t - f.t);
        let started = lines.first().map_or_else(String::new, |l| l.at.clone());
        let only = &run.execution().only;
        values.push(serde_json::json!({
            "run": run.id, "protocol": run.order.protocol, "folds": only, "state": state, "started": started, "seconds": seconds,
        }));
        let parts = if run.execution().whole() { String::new() } else { format!(" (fold {} only)", only.join(", ")) };
        let protocol = format!("{}{parts}", run.order.protocol);
        rows.push(vec![run.id.clone(), protocol, state.word().to_owned(), started, text::duration(seconds)]);
    }
    if args.json {
        return output::json(&values);
    }
    if rows.is_empty() {
        output::say("no runs yet; 'pinfold run demo' starts one");
        return Ok(());
    }
    let header = [("run", Side::Left), ("protocol", Side::Left), ("state", Side::Left), ("started", Side::Left), ("took", Side::Right)];
    output::print(&output::table(&header, &rows))
}

fn one(run: &Run, json: bool) -> Result<()> {
    let lines = run.lines()?;
    let state = run.state(&lines);
    if json {
        let events: Vec<_> = lines.iter().filter(|l| !matches!(l.event, Event::Heartbeat { .. } | Event::Progress { .. })).collect();
        return output::json(
            &serde_json::json!({"run": run.id, "protocol": run.order.protocol, "state": state, "overrides": run.order.overrides, "execution": run.order.execution, "jobs": slurm::cards(&lines), "events": events}),
        );
    }
    let mut out = format!("{}  {}\n", run.id, state.word());
    if state.live() {
        slurm::cards(&lines).iter().for_each(|c| out.push_str(&format!("  {}\n", attach::card(c))));
    }
    for line in &lines {
        if let Some(text) = attach::plain(&line.event) {
            out.push_str(&format!("  {text}\n"));
        }
    }
    if matches!(state, runs::State::Stopped | runs::State::Lost | runs::State::Failed) {
        out.push_str(&format!("  take it up again: pinfold resume {}\n", run.id));
    }
    output::print(&out)
}
