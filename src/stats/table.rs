//! Tables of numbers in text files: what `pinfold calc` reads from outsiders.

use crate::base::{Failure, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// A text file with a header and rows of equal length: commas, or tabs when its name ends in `.tsv`.
#[derive(Debug)]
pub struct Table {
    path: String,
    header: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    /// Reads a file. Fails, with the line, when rows differ in length, when text is not UTF-8, when two columns
    /// have one name, and when there is no row.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| Failure::io(&e, "read", path))?;
        let delimiter = if path.extension().is_some_and(|e| e == "tsv") { b'\t' } else { b',' };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(bytes.as_slice());
        let bad = |e: csv::Error| broken(&e, &shown);
        let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
        for (i, name) in header.iter().enumerate() {
            if header[..i].contains(name) {
                return Err(Failure::input(format!("two columns are named '{name}'")).at(format!("{shown}:1")));
            }
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(bad)?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push((line, record.iter().map(str::to_owned).collect()));
        }
        if rows.is_empty() {
            return Err(Failure::input("there is no row below the header").at(shown));
        }
        Ok(Self { path: shown, header, rows })
    }

    /// The columns' names.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Number of rows below the header.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: a table without rows is refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The file's path, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A column's number, by its name.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|h| h == name).ok_or_else(|| {
            let some: Vec<&str> = self.header.iter().take(8).map(String::as_str).collect();
            let more = if self.header.len() > 8 { ", …" } else { "" };
            Failure::input(format!("no column is named '{name}'"))
                .at(format!("{}:1", self.path))
                .hint(format!("its columns are {}{more}", some.join(", ")))
        })
    }

    /// The text of a cell.
    pub fn text(&self, row: usize, column: usize) -> &str {
        &self.rows[row].1[column]
    }

    /// Where a cell stands, for messages: file, line and column.
    pub fn place(&self, row: usize, column: usize) -> String {
        format!("{}:{}, column '{}'", self.path, self.rows[row].0, self.header[column])
    }

    /// A column of numbers. `NaN` and `inf` are numbers here (what is computed from them is undefined); an empty
    /// cell or any other text is not.
    pub fn numbers(&self, column: usize) -> Result<Vec<f64>> {
        let number = |row: usize| {
            let text = self.text(row, column);
            let what =
                || if text.is_empty() { "an empty cell where a number is due".to_owned() } else { format!("'{text}' is not a number") };
            text.parse::<f64>().map_err(|_| Failure::input(what()).at(self.place(row, column)))
        };
        (0..self.len()).map(number).collect()
    }

    /// The rows by the text of a column, which must differ from row to row.
    pub fn index(&self, column: usize) -> Result<BTreeMap<&str, usize>> {
        let mut out = BTreeMap::new();
        for row in 0..self.len() {
            let id = self.text(row, column);
            if let Some(before) = out.insert(id, row) {
                let first = self.rows[before].0;
                return Err(Failure::input(format!("'{id}' stands here and in line {first}"))
                    .at(self.place(row, column))
                    .hint("each spot must have one row"));
            }
        }
        Ok(out)
    }
}

fn broken(error: &csv::Error, shown: &str) -> Failure {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields where the header has {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8".to_owned(),
        _ => format!("not a table: {error}"),
    };
    Failure::input(what).at(format!("{shown}:{line}"))
}
