//! `pinfold calc pcc`: Pearson correlation per gene between two tables.

use crate::base::{Failure, Result};
use crate::cli::output::{self, Side};
use crate::stats::pearson;
use crate::stats::summary::{count_over, mean_of, median};
use crate::stats::table::Table;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Genes at or over this are counted.
const THRESHOLD: f64 = 0.30;

/// Arguments of `calc pcc`.
#[derive(clap::Args)]
pub struct Args {
    /// Measured expression: a table (comma-separated, or .tsv) whose first column names the spots, the others
    /// the genes.
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Predicted expression: the same spots and genes, in any order.
    #[arg(long, value_name = "FILE")]
    pred: PathBuf,
    /// Print JSON: {"genes":{"NAME":r},"mean":m,"median":m,"over_0.30":n}; an undefined r is null.
    #[arg(long)]
    json: bool,
}

/// Prints each gene's r, and their mean, median and number over 0.30. Genes with an undefined r (constant, or
/// with values that are not finite) are left out of all three.
pub fn run(args: Args) -> Result<()> {
    let (truth, pred) = (Table::read(&args.truth)?, Table::read(&args.pred)?);
    let rows = matched_rows(&truth, &pred)?;
    let mut genes = Vec::new();
    for (name, a, b) in matched_genes(&truth, &pred)? {
        let (x, y) = (truth.numbers(a)?, pred.numbers(b)?);
        let y: Vec<f64> = rows.iter().map(|&row| y[row]).collect();
        genes.push((name, pearson(&x, &y)));
    }
    let defined: Vec<f64> = genes.iter().filter_map(|(_, r)| *r).collect();
    let (mean, middle, over) = (mean_of(&defined), median(&defined), count_over(&defined, THRESHOLD));
    if args.json {
        let genes: Map<String, Value> = genes.into_iter().map(|(name, r)| (name.to_owned(), json!(r))).collect();
        return output::json(&json!({ "genes": genes, "mean": mean, "median": middle, "over_0.30": over }));
    }
    let cells: Vec<Vec<String>> = genes.iter().map(|(name, r)| vec![(*name).to_owned(), output::number(*r)]).collect();
    output::print(&output::table(&[("gene", Side::Left), ("PCC", Side::Right)], &cells))?;
    output::print(&format!(
        "\n{} spots, {} genes, {} with a defined PCC\nmean {}, median {}, {over} of 0.30 or more\n",
        truth.len(),
        genes.len(),
        defined.len(),
        output::number(mean),
        output::number(middle),
    ))
}

/// For each row of the truth, the row of the prediction with the same spot.
fn matched_rows(truth: &Table, pred: &Table) -> Result<Vec<usize>> {
    let (ours, theirs) = (truth.index(0)?, pred.index(0)?);
    same("spot", &ours, truth.path(), &theirs, pred.path())?;
    Ok((0..truth.len()).map(|row| theirs[truth.text(row, 0)]).collect())
}

/// Each gene of the truth, with its column in both tables.
fn matched_genes<'a>(truth: &'a Table, pred: &'a Table) -> Result<Vec<(&'a str, usize, usize)>> {
    let columns =
        |t: &'a Table| t.header().iter().enumerate().skip(1).map(|(i, name)| (name.as_str(), i)).collect::<BTreeMap<&str, usize>>();
    let (ours, theirs) = (columns(truth), columns(pred));
    same("gene", &ours, truth.path(), &theirs, pred.path())?;
    if ours.is_empty() {
        return Err(Failure::input("there is no gene beside the column of the spots")
            .at(format!("{}:1", truth.path()))
            .hint("separate columns with commas, or name the file .tsv"));
    }
    Ok(truth.header()[1..].iter().map(|name| (name.as_str(), ours[name.as_str()], theirs[name.as_str()])).collect())
}

/// Fails when one side has a name that the other lacks.
fn same(kind: &str, a: &BTreeMap<&str, usize>, path_a: &str, b: &BTreeMap<&str, usize>, path_b: &str) -> Result<()> {
    for (have, in_have, lack, in_lack) in [(a, path_a, b, path_b), (b, path_b, a, path_a)] {
        let missing: Vec<&str> = have.keys().copied().filter(|name| !lack.contains_key(name)).collect();
        if let Some(first) = missing.first() {
            let more = if missing.len() > 1 { format!(" (and {} more)", missing.len() - 1) } else { String::new() };
            return Err(Failure::input(format!("{kind} '{first}'{more} is in {in_have} and not in {in_lack}"))
                .at(in_lack.to_owned())
                .hint(format!("both tables must have the same {kind}s, in any order")));
        }
    }
    Ok(())
}
