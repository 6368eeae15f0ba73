//! `pinfold plan`: what of a protocol is done, what would run, and what changed since the last run.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, canon, text};
use crate::engine::Run;
use crate::plan::explain;
use crate::protocol;

/// Arguments of `plan`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Override a key for this plan, e.g. train.epochs=2.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints one row a piece of work.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &protocol::quirks::without(&args.without, &args.overrides)?)?;
    let work = explain::explain(&workspace, &loaded)?;
    let before = Run::all(&workspace)?.into_iter().rev().find(|r| r.order.protocol.split('+').next() == Some(loaded.base_name()));
    let changes = before.map(|r| canon::differences(&r.order.resolved, &loaded.protocol.canonical())).unwrap_or_default();
    if args.json {
        let changed: Vec<_> = changes.iter().map(|(key, old, new)| serde_json::json!({"key": key, "was": old, "is": new})).collect();
        return output::json(
            &serde_json::json!({"protocol": loaded.name(), "digest": loaded.protocol.digest(), "work": work, "changed_since_last_run": changed}),
        );
    }
    let row = |r: &explain::Row| {
        let why = r.why.as_ref().map_or_else(String::new, |c| {
            let more = if r.more > 0 { format!(" (and {} more)", r.more) } else { String::new() };
            format!("{}: {} -> {}{more}", c.key, short(&c.was), short(&c.is))
        });
        let took = r.expected.map_or_else(|| "–".to_owned(), text::duration);
        vec![r.label.clone(), r.standing.words().to_owned(), r.key.as_deref().map_or_else(String::new, |k| k[..12].to_owned()), took, why]
    };
    let rows: Vec<_> = work.iter().map(row).collect();
    let header = [("work", Side::Left), ("state", Side::Left), ("key", Side::Left), ("took", Side::Right), ("why", Side::Left)];
    let mut out = output::table(&header, &rows);
    let due: Vec<_> = work.iter().filter(|r| r.standing != explain::Standing::Done).collect();
    let unknown = due.iter().filter(|r| r.expected.is_none()).count();
    let seconds: f64 = due.iter().filter_map(|r| r.expected).sum();
    out.push_str(&match (due.len(), unknown) {
        (0, _) => "\neverything is done\n".to_owned(),
        (n, u) if u == n => format!("\n{n} to run; no earlier run tells how long that takes\n"),
        (n, 0) => format!("\n{n} to run, about {} by earlier runs\n", text::duration(seconds)),
        (n, u) => format!("\n{n} to run, at least {} by earlier runs ({u} never done before)\n", text::duration(seconds)),
    });
    if !changes.is_empty() {
        out.push_str("\nchanged since its last run:\n");
        for (key, old, new) in changes {
            out.push_str(&text::clean(&format!("  {key}: {old} -> {new}")));
            out.push('\n');
        }
    }
    output::print(&out)
}

/// Long values (digests, lists) by their beginning.
fn short(value: &str) -> String {
    if value.chars().count() <= 28 { value.to_owned() } else { format!("{}…", value.chars().take(26).collect::<String>()) }
}
