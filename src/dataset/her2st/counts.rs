//! `ST-cnts/<S>.tsv.gz`: spots x genes, TAB-separated, symbols in the header, `XxY` in the first column.

use crate::base::{Failure, Result};
use crate::dataset::model::{Counts, Finding, fit_name};
use crate::dataset::table::{lines, number, place};
use std::collections::BTreeMap;

/// A count table as it stands in its file.
#[derive(Debug)]
pub(super) struct CountTable {
    /// Row names in file order.
    pub ids: Vec<String>,
    /// The rows' array column and row, read from the ids.
    pub places: Vec<(i32, i32)>,
    /// Gene symbols in file order.
    pub genes: Vec<String>,
    /// The counts.
    pub counts: Counts,
    /// What was accepted with a remark.
    pub findings: Vec<Finding>,
}

/// Parses the decompressed table. `shown` is the file's name for messages.
pub(super) fn parse(text: &str, shown: &str) -> Result<CountTable> {
    let rows = lines(text);
    let header: Vec<&str> = rows.first().map(|l| l.split('\t').collect()).unwrap_or_default();
    let Some(first) = rows.get(1) else {
        return Err(Failure::input("a table without rows: zero spots (G20)").at(shown).hint("fetch the file again"));
    };
    let width = first.split('\t').count();
    if header.len() < 2 || width < 2 {
        return Err(Failure::input("found 1 column where a table is due; is it comma- or TAB-separated? (G08)")
            .at(format!("{shown}:1"))
            .hint("her2st's tables are TAB-separated"));
    }
    let mut findings = Vec::new();
    let genes: Vec<&str> = if header[0].is_empty() {
        header[1..].to_vec()
    } else if header.len() + 1 == width {
        findings.push(Finding::note("L04", "the header is one cell shorter than the rows (as R writes it); taken as gene names"));
        header
    } else {
        return Err(Failure::input(format!("the first header cell is '{}' where an empty one is due (L03)", header[0]))
            .at(format!("{shown}:1"))
            .hint("rows are spots and columns are genes, the first header cell empty; is the table transposed?"));
    };
    check_genes(&genes, shown)?;
    let mut table = CountTable {
        ids: Vec::new(),
        places: Vec::new(),
        genes: genes.iter().map(|g| (*g).to_owned()).collect(),
        counts: Counts::new(),
        findings,
    };
    let mut seen: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    let mut decimal = 0usize;
    for (i, line) in rows.iter().enumerate().skip(1) {
        let (id, place) = row_name(line, i + 1, shown)?;
        if let Some(before) = seen.insert(place, i + 1) {
            return Err(Failure::input(format!("spot '{id}' comes twice, in lines {before} and {} (G14)", i + 1))
                .at(format!("{shown}:{}", i + 1))
                .hint("remove one of the two rows"));
        }
        push_row(&mut table, line, i + 1, shown, &mut decimal)?;
        table.ids.push(id.to_owned());
        table.places.push(place);
    }
    if decimal > 0 {
        table
            .findings
            .push(Finding::note("L15", format!("{decimal} counts are written with decimals, such as 3.0; taken as whole numbers")));
    }
    Ok(table)
}

fn check_genes(genes: &[&str], shown: &str) -> Result<()> {
    let at = format!("{shown}:1");
    if let Some(bad) = genes.iter().find(|g| !fit_name(g)) {
        return Err(Failure::input(format!(
            "gene name '{}' is empty, longer than 256 bytes, or has control characters (G07)",
            bad.escape_default()
        ))
        .at(at));
    }
    let mut sorted = genes.to_vec();
    sorted.sort_unstable();
    if let Some(w) = sorted.windows(2).find(|w| w[0] == w[1]) {
        return Err(Failure::input(format!("gene '{}' has two columns (G16)", w[0])).at(at).hint("merge or rename one of the columns"));
    }
    let ensembl = genes.iter().filter(|g| g.len() == 15 && g.starts_with("ENSG") && g[4..].bytes().all(|b| b.is_ascii_digit())).count();
    if ensembl > 0 && ensembl < genes.len() {
        let text = format!("{ensembl} of {} columns are Ensembl ids and the others are symbols (L10)", genes.len());
        return Err(Failure::input(text).at(at).hint("use one kind of name; her2st has symbols"));
    }
    Ok(())
}

/// The row's id and its array column and row: digits, x, digits, without leading zeros (L01).
fn row_name<'a>(line: &'a str, number: usize, shown: &str) -> Result<(&'a str, (i32, i32))> {
    let id = line.split('\t').next().unwrap_or("");
    let part =
        |p: &str| (!p.starts_with('0') || p == "0").then_some(p).filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?.parse::<i32>().ok();
    let place = id.split_once('x').and_then(|(x, y)| Some((part(x)?, part(y)?)));
    place.map(|p| (id, p)).ok_or_else(|| {
        Failure::input(format!("row name '{}' is not of the form 10x21, column x row (L01)", id.escape_default()))
            .at(format!("{shown}:{number}"))
    })
}

fn push_row(table: &mut CountTable, line: &str, number: usize, shown: &str, decimal: &mut usize) -> Result<()> {
    let width = table.genes.len();
    let mut found = 0usize;
    for (gene, cell) in line.split('\t').skip(1).enumerate() {
        found += 1;
        // Nine of ten cells are a single zero.
        if cell == "0" || gene >= width {
            continue;
        }
        let digits = !cell.is_empty() && cell.len() <= 9 && cell.bytes().all(|b| b.is_ascii_digit());
        let count = if digits {
            cell.bytes().fold(0u32, |a, b| a * 10 + u32::from(b - b'0'))
        } else {
            slow_count(cell, || place(shown, number, &table.genes[gene]), decimal)?
        };
        if count > 0 {
            table.counts.indices.push(gene as u32);
            table.counts.values.push(count);
        }
    }
    if found != width {
        return Err(Failure::input(format!("{} cells where {} are due (G11)", found + 1, width + 1))
            .at(format!("{shown}:{number}"))
            .hint("the table lost or gained a column in this row; fetch the file again"));
    }
    table.counts.indptr.push(table.counts.indices.len() as u64);
    Ok(())
}

fn slow_count(cell: &str, at: impl Fn() -> String, decimal: &mut usize) -> Result<u32> {
    let value = number(cell, &at)?;
    if value < 0.0 {
        return Err(Failure::input(format!("a negative count, {cell} (G17)"))
            .at(at())
            .hint("counts are 0 or more; is this table normalised or corrected?"));
    }
    if value.fract() != 0.0 {
        return Err(Failure::input(format!("a fractional count, {cell} (G18)"))
            .at(at())
            .hint("raw counts are due; is this matrix normalised?"));
    }
    if value > f64::from(u32::MAX) {
        return Err(Failure::input(format!("a count above 4294967295: {cell} (G19)")).at(at()));
    }
    *decimal += usize::from(!cell.bytes().all(|b| b.is_ascii_digit()));
    Ok(value as u32)
}
