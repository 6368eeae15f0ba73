//! `pinfold quirks`: the quirks of a protocol's published code, and what each is worth.

use super::output::{self, Side};
use super::{Here, attach};
use crate::base::Result;
use crate::engine::runs::State as RunState;
use crate::plan::execution::{self, Asked};
use crate::plan::order::order;
use crate::plan::{launch, study};
use crate::protocol;
use crate::protocol::quirks::{self, Quirk, State};
use serde::Serialize;
use std::path::Path;

/// Arguments of `quirks`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Mend a quirk by its id, e.g. T1. Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Override any key, as for a run.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Run the protocol, then with each kept quirk mended, one at a time, and report what each is worth.
    #[arg(long)]
    study: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One listed quirk.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    quirk: &'static Quirk,
    state: State,
}

/// Lists the quirks, or studies them.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let path = workspace.protocol_path(&args.protocol)?;
    let overrides = quirks::without(&args.without, &args.overrides)?;
    if args.study {
        return studied(&workspace, &path, &overrides, args.json);
    }
    let loaded = protocol::load(&path, &overrides)?;
    let all: Vec<Listed> = quirks::of_protocol(&loaded.protocol).into_iter().map(|(quirk, state)| Listed { quirk, state }).collect();
    if args.json {
        return output::json(&serde_json::json!({"protocol": loaded.name(), "profile": loaded.protocol.profile, "quirks": all}));
    }
    if all.is_empty() {
        return output::print(&format!("no quirk is known of the system '{}', and the protocol declares none\n", loaded.protocol.system));
    }
    let mut out = String::new();
    for q in &all {
        out.push_str(&format!("{:<4} {:<14} {}\n", q.quirk.id, q.state.word(), q.quirk.what));
        out.push_str(&format!("     as published: {}; corrected: {}; acts in {}\n", q.quirk.published, q.quirk.corrected, q.quirk.place));
        let keys: Vec<&str> = q.quirk.settings.iter().map(|s| s.key.as_str()).collect();
        match &q.quirk.why {
            Some(why) => out.push_str(&format!("     no switch: {why}\n")),
            None => out.push_str(&format!("     governs {}\n", keys.join(", "))),
        }
    }
    let kept = study::kept(&loaded);
    let list = if kept.is_empty() { "none".to_owned() } else { kept.join(" ") };
    out.push_str(&format!("\nkept as published: {list}; mend one with: {} --without ID\n", loaded.command()));
    output::print(&out)
}

/// One run a quirk; what is done already is not done again, so an interrupted study goes on where it was.
fn studied(workspace: &crate::engine::Workspace, path: &Path, overrides: &[String], json: bool) -> Result<()> {
    let (all, ids, _) = study::runs(path, overrides)?;
    for (i, loaded) in all.iter().enumerate() {
        let what = if i == 0 { "as the protocol has it".to_owned() } else { format!("without {}", ids[i - 1]) };
        output::say(&format!("{what} ({} of {}): {}", i + 1, all.len(), loaded.name()));
        let run = order(workspace, loaded, execution::of(&loaded.protocol, &Asked::default())?)?;
        launch::start(workspace, &run)?;
        attach::follow(&run)?;
        if run.state(&run.lines()?) != RunState::Done {
            output::say("the runs after this one were not started; the same command goes on with them");
            return Ok(());
        }
    }
    let found = study::gather(workspace, path, overrides)?;
    if json { output::json(&found) } else { print(&found) }
}

/// The table of a study: the protocol's value, then the change that mending each quirk brings.
fn print(found: &study::Study) -> Result<()> {
    let digits = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    let signed = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:+.4}"));
    let row = |m: &study::Row| {
        let mut row = vec![m.title.clone(), digits(m.base)];
        row.extend(m.difference.iter().map(|d| signed(*d)));
        row
    };
    let rows: Vec<_> = found.metrics.iter().map(row).collect();
    let names: Vec<String> = found.quirks.iter().map(|q| format!("without {q}")).collect();
    let mut header = vec![("metric", Side::Left), ("as it stands", Side::Right)];
    header.extend(names.iter().map(|n| (n.as_str(), Side::Right)));
    let mut out = output::table(&header, &rows);
    found.notes.iter().for_each(|n| out.push_str(&format!("{n}\n")));
    output::print(&out)
}
