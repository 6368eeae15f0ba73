//! `pinfold gc`: frees what nobody needs; says first what would go.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, text};
use crate::plan::gc;

/// Arguments of `gc`.
#[derive(clap::Args)]
pub struct Args {
    /// Remove what is listed; without it, nothing is touched.
    #[arg(long)]
    yes: bool,
    /// Also what runs with overrides or other seeds made, unless a lock names it.
    #[arg(long)]
    trials: bool,
    /// Also the folders of ended runs that newer ones have replaced, unless a lock names their journal.
    #[arg(long)]
    runs: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists what may go, and removes it when asked.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let found = gc::leftovers(&workspace, gc::Also { trials: args.trials, runs: args.runs })?;
    let total: u64 = found.iter().map(|l| l.bytes).sum();
    if args.yes {
        gc::remove(&workspace, &found)?;
    }
    if args.json {
        return output::json(&serde_json::json!({"leftovers": found, "bytes": total, "removed": args.yes}));
    }
    if found.is_empty() {
        output::say("nothing to free: every artifact is named by a lock or by a newest run ('pinfold gc --help' says what else could go)");
        return Ok(());
    }
    let row = |l: &gc::Leftover| vec![l.stage.clone(), text::bytes(l.bytes), l.why.clone(), l.path.clone()];
    let rows: Vec<_> = found.iter().map(row).collect();
    output::print(&output::table(&[("stage", Side::Left), ("size", Side::Right), ("why", Side::Left), ("folder", Side::Left)], &rows))?;
    let n = found.len();
    let folders = if n == 1 { "folder" } else { "folders" };
    output::say(&if args.yes {
        format!("removed {n} {folders}, {} freed", text::bytes(total))
    } else {
        let words = [(args.trials, " --trials"), (args.runs, " --runs")].map(|(on, word)| if on { word } else { "" }).concat();
        format!("{n} {folders}, {}; nothing was removed. 'pinfold gc{words} --yes' removes them", text::bytes(total))
    });
    Ok(())
}
