//! `pinfold seeds`: a protocol's numbers over several seeds, beside the published ones.

use super::Here;
use super::output::{self, Side};
use crate::base::{Failure, Result};
use crate::plan::seeds::{self, Seeds};

/// Arguments of `seeds`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol, by name or path.
    protocol: String,
    /// The seeds, instead of those that the protocol lists: 42,43,44. 'pinfold run PROTOCOL --seeds 42,43,44' runs them.
    #[arg(long, value_delimiter = ',')]
    seeds: Vec<u64>,
    /// Override any key, as for the runs.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Mend a quirk of published code by its id, e.g. T1 ('pinfold quirks PROTOCOL' lists them). Can be repeated.
    #[arg(long, value_name = "ID")]
    without: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints mean, deviation and interval of every metric.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let path = workspace.protocol_path(&args.protocol)?;
    let overrides = crate::protocol::quirks::without(&args.without, &args.overrides)?;
    let listed = crate::protocol::load(&path, &overrides)?.protocol.seeds;
    let seeds = if args.seeds.is_empty() { &listed } else { &args.seeds };
    if seeds.is_empty() {
        return Err(Failure::input("no seeds: the protocol lists none").at(args.protocol.clone()).hint("--seeds 42,43,44"));
    }
    let found = seeds::gather(&workspace, &path, &overrides, seeds)?;
    if args.json {
        return output::json(&found);
    }
    print(&found)
}

/// The table of a protocol over its seeds.
pub fn print(found: &Seeds) -> Result<()> {
    let digits = |v: Option<f64>| if v.is_some() { output::number(v) } else { "–".to_owned() };
    let mut rows = Vec::new();
    for m in &found.metrics {
        let interval = m.interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"));
        let published = m.published.as_ref().map_or_else(String::new, |p| {
            let word = match p.inside {
                Some(true) => "inside",
                Some(false) => "outside",
                None => "no interval",
            };
            format!("{} {word}", p.value)
        });
        let mut row = vec![m.title.clone()];
        row.extend(m.values.iter().map(|v| digits(*v)));
        row.extend([digits(m.mean), digits(m.deviation), interval, published]);
        rows.push(row);
    }
    let names: Vec<String> = found.seeds.iter().map(|s| format!("seed {s}")).collect();
    let mut header = vec![("metric", Side::Left)];
    header.extend(names.iter().map(|n| (n.as_str(), Side::Right)));
    header.extend([("mean", Side::Right), ("deviation", Side::Right), ("one more run, 95 %", Side::Left), ("published", Side::Left)]);
    output::print(&output::table(&header, &rows))
}
