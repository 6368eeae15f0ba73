//! `features.tsv`: Ensembl id, symbol, kind; or the older `genes.tsv` with id and symbol.

use crate::base::{Failure, Result};
use crate::dataset::model::{Finding, fit_name, repeated};
use crate::dataset::table::lines;
use std::collections::BTreeMap;

/// The kind whose counts are genes' expression.
pub const EXPRESSION: &str = "Gene Expression";

/// One feature of a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Stable id, such as `ENSG00000243485`.
    pub id: String,
    /// Symbol; symbols may repeat.
    pub symbol: String,
    /// `Gene Expression`, `Antibody Capture`, and so on.
    pub kind: String,
    /// Reference genome, where the file tells.
    pub genome: Option<String>,
}

/// Parses the file's bytes, gzip or not: two columns (old) or three and more, the same number in every line (V21).
pub fn parse(bytes: &[u8], shown: &str) -> Result<Vec<Feature>> {
    let text = super::text(bytes, shown)?;
    let rows = lines(&text);
    let width = rows.first().map_or(0, |l| l.split('\t').count());
    let mut out = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.split('\t').collect();
        let at = || format!("{shown}:{}", i + 1);
        if cells.len() < 2 || cells.len() != width {
            let text = format!("{} columns where {} are due (V21)", cells.len(), if width < 2 { 3 } else { width });
            return Err(Failure::input(text)
                .at(at())
                .hint("features.tsv has the Ensembl id, the symbol and the kind, TAB-separated, without a header"));
        }
        out.push(Feature {
            id: cells[0].to_owned(),
            symbol: cells[1].to_owned(),
            kind: cells.get(2).map_or(EXPRESSION, |k| k).to_owned(),
            genome: None,
        });
    }
    check(&out, shown)?;
    Ok(out)
}

/// Refuses an empty list (G20), names that are unfit (G07), and an id that comes twice (G16).
pub fn check(features: &[Feature], shown: &str) -> Result<()> {
    if features.is_empty() {
        return Err(Failure::input("no features: zero genes (G20)").at(shown));
    }
    if let Some((i, bad)) = features.iter().enumerate().find(|(_, f)| !fit_name(&f.id) || !fit_name(&f.symbol)) {
        let name = format!("{} {}", bad.id.escape_default(), bad.symbol.escape_default());
        return Err(
            Failure::input(format!("feature '{name}' has an empty, too long or unprintable name (G07)")).at(format!("{shown}:{}", i + 1))
        );
    }
    let ids: Vec<String> = features.iter().map(|f| f.id.clone()).collect();
    match repeated(&ids) {
        Some(id) => Err(Failure::input(format!("feature id '{id}' comes twice (G16)")).at(shown)),
        None => Ok(()),
    }
}

/// The features whose counts are expression, as positions; others are counted in a finding. Refuses a file with none
/// (V19) and one with two genomes (V22).
pub fn expression_only(features: &[Feature], shown: &str, findings: &mut Vec<Finding>) -> Result<Vec<usize>> {
    let kept: Vec<usize> = (0..features.len()).filter(|&i| features[i].kind == EXPRESSION).collect();
    if kept.is_empty() {
        let found = &features[0].kind;
        return Err(
            Failure::input(format!("no feature is of the kind '{EXPRESSION}' (V19); the first is '{}'", found.escape_default())).at(shown)
        );
    }
    let mut genomes: Vec<&str> = kept.iter().filter_map(|&i| features[i].genome.as_deref()).collect();
    genomes.sort_unstable();
    genomes.dedup();
    if genomes.len() > 1 {
        return Err(Failure::input(format!("{} genomes in one matrix: {} (V22)", genomes.len(), genomes.join(", ")))
            .at(shown)
            .hint("split the matrix by genome first"));
    }
    if kept.len() < features.len() {
        let text = format!("{} of {} features are no gene expression and were left out", features.len() - kept.len(), features.len());
        findings.push(Finding::note("other-features", text));
    }
    Ok(kept)
}

/// Unique names: the symbol, or `SYMBOL|ID` where these features have the symbol more than once.
pub fn names(features: &[Feature], kept: &[usize]) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    kept.iter().for_each(|&i| *times.entry(&features[i].symbol).or_default() += 1);
    let name = |f: &Feature| if times[f.symbol.as_str()] > 1 { format!("{}|{}", f.symbol, f.id) } else { f.symbol.clone() };
    kept.iter().map(|&i| name(&features[i])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kinds_are_told_apart() {
        let text = b"E1\tTBCE\tGene Expression\nE2\tALB\tGene Expression\nE3\tTBCE\tGene Expression\nA1\tCD3\tAntibody Capture\n";
        let features = parse(text, "f").expect("features");
        let mut findings = Vec::new();
        let kept = expression_only(&features, "f", &mut findings).expect("kept");
        assert_eq!((names(&features, &kept), findings.len()), (vec!["TBCE|E1".into(), "ALB".into(), "TBCE|E3".into()], 1));
        assert_eq!(parse(b"E1\tTBCE\nE2\tALB\n", "genes.tsv").expect("old")[1].kind, EXPRESSION);
    }

    #[test]
    fn bad_tables_are_refused() {
        for (text, code) in
            [("E1\n", "V21"), ("E1\tA\tGene Expression\nE2\tB\n", "V21"), ("E1\tA\nE1\tB\n", "G16"), ("E1\t\n", "G07"), ("\n", "G20")]
        {
            assert!(parse(text.as_bytes(), "f").expect_err(code).what.contains(code), "{text}");
        }
        let mut features = parse(b"A1\tCD3\tAntibody Capture\n", "f").expect("features");
        assert!(expression_only(&features, "f", &mut vec![]).expect_err("none").what.contains("V19"));
        features = parse(b"E1\tA\nE2\tB\n", "f").expect("features");
        features[0].genome = Some("GRCh38".into());
        features[1].genome = Some("mm10".into());
        assert!(expression_only(&features, "f", &mut vec![]).expect_err("two").what.contains("V22"));
    }
}
