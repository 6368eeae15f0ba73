//! `pinfold plan`: what of a protocol is done, what would run, and what changed since the last run; over seeds too.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, canon, text};
use crate::engine::{Run, Workspace};
use crate::plan::{explain, seeds};
use crate::protocol;
use std::path::Path;

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
    /// One row for each of these seeds, instead of those that the protocol lists: 42,43,44.
    #[arg(long, value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints one row a piece of work.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let overrides = protocol::quirks::without(&args.without, &args.overrides)?;
    let path = workspace.protocol_path(&args.protocol)?;
    let loaded = protocol::load(&path, &overrides)?;
    let listed = if args.seeds.is_empty() { &loaded.protocol.seeds } else { &args.seeds };
    if !listed.is_empty() {
        return over_seeds(&workspace, &path, &overrides, listed, args.json);
    }
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
    out.push_str(&format!("\n{}\n", Due::of(&work).words()));
    if !changes.is_empty() {
        out.push_str("\nchanged since its last run:\n");
        for (key, old, new) in changes {
            out.push_str(&text::clean(&format!("  {key}: {old} -> {new}")));
            out.push('\n');
        }
    }
    output::print(&out)
}

/// One row a seed.
fn over_seeds(workspace: &Workspace, path: &Path, overrides: &[String], all: &[u64], json: bool) -> Result<()> {
    seeds::check(all)?;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for &seed in all {
        let loaded = seeds::with_seed(path, overrides, seed)?;
        let work = explain::explain(workspace, &loaded)?;
        let due = Due::of(&work);
        rows.push(vec![seed.to_string(), loaded.name().to_owned(), format!("{}/{}", work.len() - due.count, work.len()), due.words()]);
        values.push(serde_json::json!({"seed": seed, "protocol": loaded.name(), "digest": loaded.protocol.digest(), "work": work}));
    }
    if json {
        return output::json(&serde_json::json!({"seeds": values}));
    }
    let header = [("seed", Side::Right), ("protocol", Side::Left), ("done", Side::Right), ("left", Side::Left)];
    output::print(&output::table(&header, &rows))
}

/// What is left to do.
struct Due {
    count: usize,
    unknown: usize,
    seconds: f64,
}

impl Due {
    fn of(work: &[explain::Row]) -> Self {
        let due = || work.iter().filter(|r| r.standing != explain::Standing::Done);
        Self {
            count: due().count(),
            unknown: due().filter(|r| r.expected.is_none()).count(),
            seconds: due().filter_map(|r| r.expected).sum(),
        }
    }

    fn words(&self) -> String {
        match (self.count, self.unknown) {
            (0, _) => "everything is done".to_owned(),
            (n, u) if u == n => format!("{n} to run; no earlier run tells how long that takes"),
            (n, 0) => format!("{n} to run, about {} by earlier runs", text::duration(self.seconds)),
            (n, u) => format!("{n} to run, at least {} by earlier runs ({u} never done before)", text::duration(self.seconds)),
        }
    }
}

/// Long values (digests, lists) by their beginning.
fn short(value: &str) -> String {
    if value.chars().count() <= 28 { value.to_owned() } else { format!("{}…", value.chars().take(26).collect::<String>()) }
}
