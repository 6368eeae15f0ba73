//! `pinfold compare`: how sure a number is, and whether one model is better than another on the same genes.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, text};
use crate::plan::compare::{self, Compared};
use crate::stats::wilcoxon::Method;

/// Arguments of `compare`.
#[derive(clap::Args)]
pub struct Args {
    /// Finished protocols; every further one is tested against the first, gene by gene.
    #[arg(required = true)]
    protocols: Vec<String>,
    /// Width of a block of neighbouring spots, in spots: at least as far as expression stays alike.
    #[arg(long, default_value_t = 5)]
    block: i32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Compares and prints.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let found = compare::compare(&at.workspace()?, &args.protocols, args.block)?;
    if args.json { output::json(&found) } else { print(&found) }
}

fn print(found: &Compared) -> Result<()> {
    let span = |v: Option<(f64, f64)>| v.map_or_else(|| "–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"));
    let p = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| if v < 1e-4 { format!("{v:.1e}") } else { format!("{v:.4}") });
    let header = [
        ("protocol", Side::Left),
        ("mean PCC", Side::Right),
        ("genes", Side::Right),
        ("95 % over genes", Side::Left),
        ("95 % over spots", Side::Left),
    ];
    let rows: Vec<Vec<String>> = found
        .models
        .iter()
        .map(|m| vec![m.name.clone(), output::number(m.value), m.genes.to_string(), span(m.over_genes), span(m.over_spots)])
        .collect();
    let mut out = output::table(&header, &rows);
    let blocks: Vec<String> = found.models.iter().map(|m| m.blocks.to_string()).collect();
    out.push_str(&format!(
        "\nIntervals: {} resamples of genes, and of blocks of {2} x {2} neighbouring spots ({1} blocks). They hold for these slides; what another donor\nwould give, only donors can tell.\n",
        found.resamples,
        blocks.join(", "),
        found.block
    ));
    if !found.against.is_empty() {
        let header = [
            ("against the first", Side::Left),
            ("genes", Side::Right),
            ("lost", Side::Right),
            ("mean", Side::Right),
            ("median", Side::Right),
            ("shift", Side::Right),
            ("rank-biserial", Side::Right),
            ("p", Side::Right),
            ("q", Side::Right),
            ("95 % of the mean", Side::Left),
        ];
        let signed = |v: f64| format!("{v:+.4}");
        let row = |a: &compare::Against| match &a.contrast {
            Some(c) => vec![
                a.name.clone(),
                c.genes.to_string(),
                c.lost.to_string(),
                signed(c.test.mean),
                signed(c.test.median),
                signed(c.test.hodges_lehmann),
                c.test.rank_biserial.map_or_else(|| "–".to_owned(), |v| format!("{v:+.3}")),
                format!("{}{}", p(c.test.p), if c.test.method == Method::Normal { " (normal)" } else { "" }),
                p(a.q),
                span(c.interval),
            ],
            None => vec![a.name.clone(), "0".into()],
        };
        out.push('\n');
        out.push_str(&output::table(&header, &found.against.iter().map(row).collect::<Vec<_>>()));
        out.push_str(
            "\nWilcoxon's signed-rank test of the differences in PCC, gene by gene; shift: Hodges and Lehmann; q: Benjamini and Hochberg over the rows.\nGenes of one slide are not independent, so p is about these genes on these slides.\n",
        );
        for warning in found.against.iter().filter_map(|a| a.warning.as_ref()) {
            output::say(&format!("warning: {}", text::clean(warning)));
        }
    }
    output::print(&out)
}
