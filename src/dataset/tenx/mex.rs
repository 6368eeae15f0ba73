//! The MEX folder's `matrix.mtx[.gz]`: Matrix Market coordinates, one-based, `feature barcode count` a line.

use super::h5::count;
use crate::base::{Failure, Result};
use crate::dataset::model::Counts;
use crate::dataset::sniff::{Format, sniff};
use crate::dataset::table::wrong_format;
use std::io::{BufRead, BufReader, Read};

/// Reads the file's bytes, gzip or not, as barcodes x features. `genes` and `spots` are the lengths of the lists beside
/// it. Codes: G03, G05, G12, G17, G18, G19, V20.
pub fn read(bytes: &[u8], genes: usize, spots: usize, shown: &str) -> Result<Counts> {
    let reader: Box<dyn Read + '_> = match sniff(bytes) {
        Format::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Format::Text => Box::new(bytes),
        other => return Err(wrong_format(other, "a Matrix Market file", shown)),
    };
    let mut lines = Lines { reader: BufReader::with_capacity(1 << 18, reader), line: String::new(), number: 0, shown };
    let real = header(&mut lines)?;
    let [rows, columns, entries] = size(&mut lines)?;
    if [rows, columns] != [genes, spots] {
        let swapped = [rows, columns] == [spots, genes] && spots != genes;
        return Err(bad(&lines, format!("the matrix is {rows} x {columns} where {genes} features and {spots} barcodes are listed"))
            .hint(if swapped { "it is transposed: features are due in the rows" } else { "the three files belong to different samples" }));
    }
    // Entries mostly come sorted by barcode, but nothing promises it.
    let mut per_spot: Vec<Vec<(u32, u32)>> = vec![Vec::new(); spots];
    for found in 0..entries {
        if !lines.next()? {
            return Err(bad(&lines, format!("{found} entries where {entries} are announced")).hint("the file is cut off; fetch it again"));
        }
        let (gene, spot, value) = entry(&lines, real)?;
        if gene == 0 || spot == 0 {
            return Err(bad(&lines, "an index of 0; Matrix Market counts from 1".to_owned()));
        }
        if gene > genes || spot > spots {
            return Err(bad(&lines, format!("entry ({gene}, {spot}) lies outside {genes} x {spots}")));
        }
        per_spot[spot - 1].push((gene as u32 - 1, value));
    }
    if lines.next()? {
        return Err(bad(&lines, format!("more entries than the announced {entries}")));
    }
    let mut counts = Counts::new();
    for (spot, mut row) in per_spot.into_iter().enumerate() {
        row.sort_unstable_by_key(|r| r.0);
        if let Some(w) = row.windows(2).find(|w| w[0].0 == w[1].0) {
            return Err(Failure::input(format!("feature {} and barcode {} have two entries (V15)", w[0].0 + 1, spot + 1)).at(shown));
        }
        counts.push_row(row);
    }
    Ok(counts)
}

struct Lines<'a> {
    reader: BufReader<Box<dyn Read + 'a>>,
    line: String,
    number: usize,
    shown: &'a str,
}

impl Lines<'_> {
    /// The next line that has something on it; false at the end.
    fn next(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            // A line of this format has three numbers; without a limit, a file without line breaks would fill the memory.
            let read = (&mut self.reader).take(4096).read_line(&mut self.line).map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    Failure::input(format!("truncated gzip after line {} (G03)", self.number)).at(self.shown).hint("fetch the file again")
                }
                std::io::ErrorKind::InvalidData => Failure::input("not UTF-8 text (G06)").at(format!("{}:{}", self.shown, self.number + 1)),
                _ => Failure::input(format!("damaged gzip after line {}: {e} (G04)", self.number)).at(self.shown),
            })?;
            if read == 0 {
                return Ok(false);
            }
            self.number += 1;
            if !self.line.trim().is_empty() {
                return Ok(true);
            }
        }
    }
}

fn bad(lines: &Lines, what: String) -> Failure {
    Failure::input(format!("{what} (V20)")).at(format!("{}:{}", lines.shown, lines.number))
}

/// Whether values may be written with decimals.
fn header(lines: &mut Lines) -> Result<bool> {
    lines.next()?;
    let lower = lines.line.to_lowercase();
    match lower.split_whitespace().collect::<Vec<_>>()[..] {
        ["%%matrixmarket", "matrix", "coordinate", field @ ("integer" | "real"), "general"] => Ok(field == "real"),
        _ => Err(bad(lines, format!("the header '{}' is not one of counts", crate::base::text::clean(lines.line.trim())))
            .hint("due is '%%MatrixMarket matrix coordinate integer general'")),
    }
}

fn size(lines: &mut Lines) -> Result<[usize; 3]> {
    loop {
        if !lines.next()? {
            return Err(bad(lines, "the file ends before its size".to_owned()));
        }
        if lines.line.starts_with('%') {
            continue;
        }
        let cells: Vec<Option<usize>> = lines.line.split_whitespace().map(|c| c.parse().ok()).collect();
        return match cells[..] {
            [Some(a), Some(b), Some(c)] if c <= a.saturating_mul(b) => Ok([a, b, c]),
            _ => Err(bad(lines, format!("'{}' is no size of a matrix", crate::base::text::clean(lines.line.trim())))),
        };
    }
}

fn entry(lines: &Lines, real: bool) -> Result<(usize, usize, u32)> {
    let at = || format!("{}:{}", lines.shown, lines.number);
    let mut cells = lines.line.split_ascii_whitespace();
    let (Some(gene), Some(spot), Some(value), None) = (cells.next(), cells.next(), cells.next(), cells.next()) else {
        return Err(bad(lines, "an entry without three numbers".to_owned()));
    };
    let index = |cell: &str| cell.parse::<usize>().map_err(|_| bad(lines, format!("'{}' is no index", crate::base::text::clean(cell))));
    let value = match value.parse::<i64>() {
        Ok(v) => v,
        Err(_) if !real => {
            return Err(Failure::input(format!("'{}' stands where a count is due (G12)", crate::base::text::clean(value))).at(at()));
        }
        Err(_) => {
            let v = crate::dataset::table::number(value, at)?;
            if v.fract() != 0.0 {
                return Err(Failure::input(format!("a fractional count, {v} (G18)"))
                    .at(at())
                    .hint("raw counts are due; is this matrix normalised?"));
            }
            v as i64
        }
    };
    Ok((index(gene)?, index(spot)?, count(value, at)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {}\n3 2 4\n3 1 5\n1 1 2\n2 2 7\n1 2 0\n";

    #[test]
    fn entries_become_rows_of_spots() {
        let counts = read(GOOD.as_bytes(), 3, 2, "m").expect("counts");
        assert_eq!((counts.row(0), counts.row(1)), ((&[0, 2][..], &[2, 5][..]), (&[1][..], &[7][..])));
        let real = GOOD.replace("integer", "real").replace("3 1 5", "3 1 5.0");
        assert_eq!(read(real.as_bytes(), 3, 2, "m").expect("real"), counts);
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        let cases = [
            ("integer general", "integer symmetric", "V20", 1),
            ("integer", "pattern", "V20", 1),
            ("coordinate", "array", "V20", 1),
            ("3 2 4", "2 3 4", "V20", 3),
            ("3 1 5", "0 1 5", "V20", 4),
            ("3 1 5", "4 1 5", "V20", 4),
            ("3 1 5", "3 1 -5", "G17", 4),
            ("3 1 5", "3 1 5.5", "G12", 4),
            ("3 1 5", "3 1 4294967296", "G19", 4),
            ("3 1 5\n", "", "V20", 6),
            ("1 2 0", "1 2 0\n2 1 1", "V20", 8),
        ];
        for (from, to, code, line) in cases {
            let e = read(GOOD.replacen(from, to, 1).as_bytes(), 3, 2, "m").expect_err(to);
            assert!(e.what.contains(code) && e.place.as_deref() == Some(&format!("m:{line}")), "{to}: {} at {:?}", e.what, e.place);
        }
        let twice = GOOD.replacen("1 1 2", "3 1 2", 1);
        assert!(read(twice.as_bytes(), 3, 2, "m").expect_err("twice").what.contains("V15"));
        let real = GOOD.replace("integer", "real").replace("3 1 5", "3 1 5.5");
        assert!(read(real.as_bytes(), 3, 2, "m").expect_err("fraction").what.contains("G18"));
        assert!(read(GOOD.as_bytes(), 2, 3, "m").expect_err("swapped").hint.is_some_and(|h| h.contains("transposed")));
    }
}
