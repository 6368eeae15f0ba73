//! `pinfold plan`: what of a protocol is done, what would run, and what changed since the last run.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, canon};
use crate::engine::Run;
use crate::plan::{Found, Graph};
use crate::protocol;

/// Arguments of `plan`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Override a key for this plan, e.g. train.epochs=2.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints one row a piece of work.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &args.overrides)?;
    let graph = Graph::new(&workspace, &loaded.protocol);
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for (node, found) in graph.nodes.iter().zip(graph.look(&workspace.store())?) {
        let (state, key) = match &found {
            Found::Done(a) => ("done", a.manifest.key.short()),
            Found::Absent(job) => ("would run", job.key().short()),
            Found::Pending => ("waits", String::new()),
        };
        values.push(serde_json::json!({"label": node.label, "stage": node.stage, "state": state, "key": key}));
        rows.push(vec![node.label.clone(), state.to_owned(), key]);
    }
    let before = Run::all(&workspace)?.into_iter().rev().find(|r| r.order.protocol.split('+').next() == Some(loaded.base_name()));
    let changes = before.map(|r| canon::differences(&r.order.resolved, &loaded.protocol.canonical())).unwrap_or_default();
    if args.json {
        let changed: Vec<_> = changes.iter().map(|(key, old, new)| serde_json::json!({"key": key, "was": old, "is": new})).collect();
        return output::json(
            &serde_json::json!({"protocol": loaded.name(), "digest": loaded.protocol.digest(), "work": values, "changed_since_last_run": changed}),
        );
    }
    let mut out = output::table(&[("work", Side::Left), ("state", Side::Left), ("key", Side::Left)], &rows);
    if !changes.is_empty() {
        out.push_str("\nchanged since its last run:\n");
        for (key, old, new) in changes {
            out.push_str(&crate::base::text::clean(&format!("  {key}: {old} -> {new}")));
            out.push('\n');
        }
    }
    output::print(&out)
}
