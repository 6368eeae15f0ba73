//! `tissue_positions_list.csv` (Space Ranger below 2.0, without header) and `tissue_positions.csv` (with one). Which of
//! the two a file is, its first cell says, not its name: people rename.

use super::barcodes::looks_like_one;
use crate::base::{Failure, Result};
use crate::dataset::model::fit_name;
use crate::dataset::table::{lines, number, place};
use std::collections::BTreeMap;

/// The columns of both versions, by the names of the newer one.
pub const COLUMNS: [&str; 6] = ["barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres"];

/// One place of the array, on tissue or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The barcode printed there.
    pub barcode: String,
    /// Whether Space Ranger found tissue there.
    pub in_tissue: bool,
    /// Array row, 0 to 77 (6.5 mm) or 127 (11 mm); grows with y.
    pub array_row: i32,
    /// Array column, 0 to 127 or 223; grows with x; row plus column is even.
    pub array_col: i32,
    /// Centre in pixels of the full-resolution image, from the left (`pxl_col_in_fullres`).
    pub x: f64,
    /// Centre from the top (`pxl_row_in_fullres`).
    pub y: f64,
}

/// Parses the file's bytes, gzip or not. Codes: G08, G10, G11, G12, G14, G15, G20, G43, V01, V02, V04, V05, V06.
pub fn parse(bytes: &[u8], shown: &str) -> Result<Vec<Position>> {
    let text = super::text(bytes, shown)?;
    let rows = lines(&text);
    let first: Vec<&str> = rows.first().map(|l| l.split(',').collect()).unwrap_or_default();
    if first.len() == 1 {
        return Err(Failure::input("found 1 column where 6 are due; is it comma- or TAB-separated? (G08)").at(format!("{shown}:1")));
    }
    let skip = match first[0] {
        "barcode" if first == COLUMNS => 1,
        "barcode" => {
            return Err(Failure::input(format!("the header has other columns (V02, G10): {}", first.join(",").escape_default()))
                .at(format!("{shown}:1"))
                .hint(format!("due are {}", COLUMNS.join(","))));
        }
        cell if looks_like_one(cell) => 0,
        cell => {
            return Err(Failure::input(format!("the first cell '{}' is neither 'barcode' nor a barcode (V01)", cell.escape_default()))
                .at(format!("{shown}:1"))
                .hint("is this a file of positions as Space Ranger writes it?"));
        }
    };
    let mut out = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate().skip(skip) {
        out.push(one(row, i + 1, shown)?);
    }
    check(&out, skip, shown)?;
    Ok(out)
}

fn one(row: &str, line: usize, shown: &str) -> Result<Position> {
    let cells: Vec<&str> = row.split(',').collect();
    let [barcode, in_tissue, array_row, array_col, y, x] = cells[..] else {
        return Err(Failure::input(format!("{} cells where 6 are due (G11)", cells.len())).at(format!("{shown}:{line}")));
    };
    if !fit_name(barcode) {
        return Err(Failure::input(format!("barcode '{}' is empty, too long or has control characters (G07)", barcode.escape_default()))
            .at(format!("{shown}:{line}")));
    }
    let in_tissue = match in_tissue {
        "0" => false,
        "1" => true,
        other => {
            return Err(Failure::input(format!("in_tissue is '{}' where 0 or 1 is due (V05)", other.escape_default())).at(place(
                shown,
                line,
                "in_tissue",
            )));
        }
    };
    let whole = |cell: &str, column: &str, most: i32| -> Result<i32> {
        let value = number(cell, || place(shown, line, column))?;
        if value.fract() != 0.0 || value < 0.0 || value > f64::from(most) {
            return Err(Failure::input(format!("{cell} where a whole number from 0 to {most} is due (V06)")).at(place(shown, line, column)));
        }
        Ok(value as i32)
    };
    Ok(Position {
        barcode: barcode.to_owned(),
        in_tissue,
        array_row: whole(array_row, COLUMNS[2], 127)?,
        array_col: whole(array_col, COLUMNS[3], 223)?,
        y: number(y, || place(shown, line, COLUMNS[4]))?,
        x: number(x, || place(shown, line, COLUMNS[5]))?,
    })
}

fn check(positions: &[Position], skip: usize, shown: &str) -> Result<()> {
    if positions.is_empty() {
        return Err(Failure::input("no positions: zero spots (G20)").at(shown));
    }
    if positions.len() > 14_336 {
        return Err(Failure::input(format!("{} positions, more than the largest array has, 14,336 (V04)", positions.len()))
            .at(shown)
            .hint("Visium HD's binned output has another layout, which this version does not read"));
    }
    let (mut names, mut places) = (BTreeMap::new(), BTreeMap::new());
    for (i, p) in positions.iter().enumerate() {
        let at = format!("{shown}:{}", i + 1 + skip);
        if let Some(before) = names.insert(&p.barcode, i) {
            let text = format!("barcode '{}' comes twice, in lines {} and {} (G14)", p.barcode, before + 1 + skip, i + 1 + skip);
            return Err(Failure::input(text).at(at));
        }
        if let Some(before) = places.insert((p.array_row, p.array_col), i) {
            let text = format!(
                "array row {} and column {} come twice, for {} and {} (G15)",
                p.array_row, p.array_col, positions[before].barcode, p.barcode
            );
            return Err(Failure::input(text).at(at));
        }
    }
    let odd = positions.iter().filter(|p| (p.array_row + p.array_col) % 2 != 0).count();
    if odd > 0 {
        return Err(Failure::input(format!("{odd} of {} places have an odd sum of row and column (G43)", positions.len()))
            .at(shown)
            .hint("a Visium array has none; are rows and columns renumbered?"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "ACGCCTGACACGCGCT-1,0,0,0,1791,2239\nTACCGATCCAACACTT-1,1,1,1,2078,2403.5\n";

    #[test]
    fn both_versions_give_the_same_places() {
        let old = parse(ROWS.as_bytes(), "f").expect("v1");
        let new = parse(format!("{}\r\n{}", COLUMNS.join(","), ROWS.replace('\n', "\r\n")).as_bytes(), "f").expect("v2");
        assert_eq!(old, new);
        assert_eq!((old[1].x, old[1].y, old[1].in_tissue, old[1].array_row, old[1].array_col), (2403.5, 2078.0, true, 1, 1));
    }

    #[test]
    fn each_fault_has_its_code() {
        let with = |from: &str, to: &str| ROWS.replacen(from, to, 1);
        for (text, code) in [
            (with("ACGCCTGACACGCGCT-1", "spot1"), "V01"),
            (format!("barcode,tissue\n{ROWS}"), "V02"),
            (with(",0,0,0,", ",2,0,0,"), "V05"),
            (with(",0,0,0,", ",0,0,224,"), "V06"),
            (with(",0,0,0,", ",0,0,1,"), "G43"),
            (with("TACCGATCCAACACTT-1", "ACGCCTGACACGCGCT-1"), "G14"),
            (with(",1,1,1,", ",1,0,0,"), "G15"),
            (with("2239", "NA"), "G12"),
            (with(",2239", ""), "G11"),
            (ROWS.replace(',', "\t"), "G08"),
        ] {
            let e = parse(text.as_bytes(), "positions.csv").expect_err(code);
            assert!(e.what.contains(code) && e.place.is_some_and(|p| p.contains("positions.csv")), "{code}: {}", e.what);
        }
    }
}
