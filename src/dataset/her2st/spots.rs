//! `ST-spotfiles/<S>_selection.tsv`: where the spots are.

use crate::base::{Failure, Result};
use crate::dataset::model::Finding;
use crate::dataset::table::{lines, number, place};
use std::collections::BTreeMap;

/// The header as published.
const COLUMNS: [&str; 7] = ["x", "y", "new_x", "new_y", "pixel_x", "pixel_y", "selected"];

/// One row of a spot file.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpotRow {
    /// Array column and row.
    pub array: (i32, i32),
    /// Adjusted array coordinates, column and row.
    pub adjusted: (f64, f64),
    /// Centre in pixels of the full-size image.
    pub pixel: (f64, f64),
}

/// Parses a spot file: rows by array place in file order, and remarks.
pub(super) fn parse(text: &str, shown: &str) -> Result<(Vec<SpotRow>, Vec<Finding>)> {
    let all = lines(text);
    check_header(all.first().copied().unwrap_or(""), shown)?;
    let (mut rows, mut findings, mut deselected) = (Vec::new(), Vec::new(), 0usize);
    let mut seen: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    for (i, line) in all.iter().enumerate().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        if cells.len() != COLUMNS.len() {
            return Err(Failure::input(format!("{} cells where {} are due (G11)", cells.len(), COLUMNS.len()))
                .at(format!("{shown}:{}", i + 1))
                .hint("a cell is missing or too many; fetch the file again"));
        }
        let value = |c: usize| number(cells[c], || place(shown, i + 1, COLUMNS[c]));
        let array = (whole(value(0)?, cells[0], shown, i + 1, "x")?, whole(value(1)?, cells[1], shown, i + 1, "y")?);
        let row = SpotRow { array, adjusted: (value(2)?, value(3)?), pixel: (value(4)?, value(5)?) };
        if (row.adjusted.0 - f64::from(array.0)).abs() > 0.5 || (row.adjusted.1 - f64::from(array.1)).abs() > 0.5 {
            return Err(Failure::input(format!(
                "new_x, new_y = {}, {} do not round to x, y = {}, {} (L06)",
                cells[2], cells[3], cells[0], cells[1]
            ))
            .at(format!("{shown}:{}", i + 1))
            .hint("the row was mixed up; fetch the file again"));
        }
        match cells[6] {
            "1" => {}
            "0" => {
                deselected += 1;
                continue;
            }
            other => {
                return Err(
                    Failure::input(format!("'{other}' in column 'selected' where 0 or 1 is due (L07)")).at(format!("{shown}:{}", i + 1))
                );
            }
        }
        if let Some(before) = seen.insert(array, i + 1) {
            return Err(Failure::input(format!("spot '{}x{}' comes twice, in lines {before} and {} (G14)", array.0, array.1, i + 1))
                .at(format!("{shown}:{}", i + 1))
                .hint("remove one of the two rows"));
        }
        rows.push(row);
    }
    if deselected > 0 {
        findings.push(Finding::warning("L07", format!("{deselected} spot rows are not selected and were dropped")));
    }
    if rows.is_empty() {
        return Err(Failure::input("no spot rows (G20)").at(shown).hint("fetch the file again"));
    }
    Ok((rows, findings))
}

fn whole(value: f64, cell: &str, shown: &str, line: usize, column: &str) -> Result<i32> {
    if value.fract() == 0.0 && (0.0..=1e6).contains(&value) {
        return Ok(value as i32);
    }
    Err(Failure::input(format!("'{cell}' stands where a whole array coordinate is due (G12)")).at(place(shown, line, column)))
}

fn check_header(line: &str, shown: &str) -> Result<()> {
    let found: Vec<&str> = line.split('\t').collect();
    if found == COLUMNS {
        return Ok(());
    }
    let at = format!("{shown}:1");
    if found.len() == 1 {
        return Err(Failure::input("found 1 column where 7 are due; is it comma- or TAB-separated? (G08)")
            .at(at)
            .hint("her2st's spot files are TAB-separated"));
    }
    let missing: Vec<&str> = COLUMNS.iter().copied().filter(|c| !found.contains(c)).collect();
    let (expected, shown_found) = (COLUMNS.join(" "), found.join(" "));
    if missing.contains(&"pixel_x") || missing.contains(&"pixel_y") {
        return Err(Failure::input(format!(
            "column {} is missing: expected '{expected}', found '{shown_found}' (L05, G10)",
            missing.join(", ")
        ))
        .at(at)
        .hint("this is an older selection file without pixel coordinates; take the one from ST-spotfiles of almaan/her2st"));
    }
    let what = if missing.is_empty() {
        "columns are renamed, reordered or too many".to_owned()
    } else {
        format!("column {} is missing", missing.join(", "))
    };
    Err(Failure::input(format!("{what}: expected '{expected}', found '{shown_found}' (G10)")).at(at).hint("take the published file"))
}
