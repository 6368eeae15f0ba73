//! `pinfold rank`: the settings of a search in the order of their scores.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, text};
use crate::plan::rank;
use serde_json::json;

/// Arguments of `rank`.
#[derive(clap::Args)]
pub struct Args {
    /// Finished protocols, in the grid's order: ties keep it.
    #[arg(required = true)]
    protocols: Vec<String>,
    /// Groups of genes whose mean PCC ranks, the first one first: the liver study's order unless said otherwise.
    #[arg(long, value_delimiter = ',', default_value = "MG,HVG,HEG")]
    by: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Ranks and prints.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let found = rank::rank(&at.workspace()?, &args.protocols, &args.by)?;
    if args.json {
        return output::json(&json!({"by": args.by, "settings": found}));
    }
    let names: Vec<String> = args.by.iter().flat_map(|g| [text::clean(g), format!("{} (folds)", text::clean(g))]).collect();
    let mut header = vec![("", Side::Right), ("protocol", Side::Left), ("setting", Side::Left)];
    header.extend(names.iter().map(|n| (n.as_str(), Side::Right)));
    header.push(("loss", Side::Right));
    let row = |(place, s): (usize, &rank::Setting)| {
        let mut row = vec![(place + 1).to_string(), s.name.clone(), s.network.clone()];
        row.extend(s.scores.iter().flat_map(|s| [output::number(s.value), output::number(s.mean_of_folds)]));
        row.push(output::number(s.loss));
        row
    };
    let mut out = output::table(&header, &found.iter().enumerate().map(row).collect::<Vec<_>>());
    if let Some(first) = found.first() {
        let ids: Vec<&str> = first.scores.iter().map(|s| s.id.as_str()).collect();
        out.push_str(&format!(
            "\nRanked by {}, highest first; ties keep the order given. (folds): the mean over folds\nof each fold's own. A setting chosen here was chosen on the spots that it is reported on: say so, or test it on other slides.\n",
            text::clean(&ids.join(", then "))
        ));
    }
    output::print(&out)
}
