//! `barcodes.tsv`: one barcode a line.

use crate::base::{Failure, Result};
use crate::dataset::model::fit_name;
use crate::dataset::table::lines;
use std::collections::BTreeMap;

/// Parses the file's bytes, gzip or not. An empty list (G20), a repeated (G14) or unfit name (G07), and a line with
/// several columns (G08) are refused.
pub fn parse(bytes: &[u8], shown: &str) -> Result<Vec<String>> {
    let text = super::text(bytes, shown)?;
    check(lines(&text).into_iter().map(str::to_owned).collect(), shown)
}

/// Checks a list of barcodes from whatever file.
pub fn check(barcodes: Vec<String>, shown: &str) -> Result<Vec<String>> {
    if barcodes.is_empty() {
        return Err(Failure::input("no barcodes: zero spots (G20)").at(shown).hint("fetch the file again"));
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, b) in barcodes.iter().enumerate() {
        let at = format!("{shown}:{}", i + 1);
        if b.contains('\t') || b.contains(',') {
            return Err(Failure::input(format!("'{}' where one barcode a line is due (G08)", b.escape_default())).at(at));
        }
        if !fit_name(b) {
            return Err(
                Failure::input(format!("barcode '{}' is empty, too long or has control characters (G07)", b.escape_default())).at(at)
            );
        }
        if let Some(before) = seen.insert(b, i) {
            return Err(Failure::input(format!("barcode '{b}' comes twice, as number {} and {} (G14)", before + 1, i + 1)).at(at));
        }
    }
    Ok(barcodes)
}

/// Whether a text looks like a barcode of 10x: nucleotides, perhaps followed by `-` and the number of the GEM well.
pub fn looks_like_one(text: &str) -> bool {
    let (bases, well) = text.split_once('-').map_or((text, None), |(b, w)| (b, Some(w)));
    bases.len() >= 8
        && bases.bytes().all(|b| matches!(b, b'A' | b'C' | b'G' | b'T' | b'N'))
        && well.is_none_or(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barcodes_are_unique_and_single() {
        assert_eq!(parse(b"AAACAAGTATCTCCCA-1\nAAACAGCTTTCAGAAG-1\n", "f").expect("two").len(), 2);
        for (bytes, code) in [(&b"A\nB\nA\n"[..], "G14"), (b"A\tB\n", "G08"), (b"A\n\nB\n", "G07"), (b"\n", "G20"), (b"PK\x03\x04", "G05")]
        {
            assert!(parse(bytes, "f").expect_err(code).what.contains(code), "{code}");
        }
        assert!(looks_like_one("ACGCCTGACACGCGCT-1") && looks_like_one("ACGCCTGACACGCGCT"));
        assert!(!looks_like_one("barcode") && !looks_like_one("ACGCCTGACACGCGCT-x") && !looks_like_one("10x21"));
    }
}
