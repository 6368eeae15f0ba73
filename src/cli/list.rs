//! `pinfold list`: the protocols, how each stands, its headline beside the published one.

use super::Here;
use super::output::{self, Side};
use crate::base::Result;
use crate::plan;

/// Arguments of `list`.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the table.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let all = plan::overview(&at.workspace()?)?;
    if args.json {
        return output::json(&all);
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|o| {
            let value = o.headline.as_ref().and_then(|h| h.value);
            let note = o.missing.first().map(|m| format!("missing: {m}")).or_else(|| o.note.clone()).unwrap_or_else(|| o.title.clone());
            vec![o.name.clone(), o.standing.word().into(), output::number(value), output::number(o.published.as_ref().map(|p| p.0)), note]
        })
        .collect();
    let header = [("protocol", Side::Left), ("state", Side::Left), ("mean PCC", Side::Right), ("published", Side::Right), ("", Side::Left)];
    output::print(&output::table(&header, &rows))
}
