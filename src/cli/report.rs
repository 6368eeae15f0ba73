//! `pinfold report`: where a protocol's report is, and what it says first.

use super::Here;
use super::output::{self, Side};
use crate::base::Result;
use crate::plan::{Graph, pin};
use crate::protocol;
use crate::stage::evaluate::Evaluate;

/// Arguments of `report`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// Overrides of the run.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Copies the report out of the store, prints the metrics and the paths.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let loaded = protocol::load(&workspace.protocol_path(&args.protocol)?, &protocol::quirks::without(&args.without, &args.overrides)?)?;
    let graph = Graph::new(&workspace, &loaded.protocol);
    let artifacts = graph.finished(&workspace.store(), &loaded)?;
    let [.., evaluate, report] = artifacts.as_slice() else { return Ok(()) };
    let folder = pin::publish(&workspace, loaded.name(), report)?;
    let evaluation = Evaluate::load(&evaluate.dir)?;
    let shown = folder.strip_prefix(workspace.root()).unwrap_or(&folder).display().to_string();
    let files: Vec<String> = report.manifest.outputs.keys().map(|name| format!("{shown}/{name}")).collect();
    if args.json {
        return output::json(&serde_json::json!({"protocol": loaded.name(), "metrics": evaluation.summary, "files": files}));
    }
    let rows: Vec<Vec<String>> =
        evaluation.summary.iter().map(|m| vec![m.title.clone(), output::number(m.value), m.n.to_string(), m.id.clone()]).collect();
    let mut out = output::table(&[("metric", Side::Left), ("value", Side::Right), ("genes", Side::Right), ("id", Side::Left)], &rows);
    out.push('\n');
    files.iter().for_each(|f| out.push_str(&format!("{f}\n")));
    output::print(&out)
}
