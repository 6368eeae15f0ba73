//! Printing: tables on stdout that read well, a closed pipe that is no error.

use crate::base::{Failure, Result, text};
use std::io::{IsTerminal, Write};
use unicode_width::UnicodeWidthStr;

/// Writes to stdout. A reader that went away (`| head`) ends the program quietly.
pub fn print(what: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(what.as_bytes()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => Err(Failure::environment(format!("cannot write to stdout: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a value as JSON, indented, to stdout.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::environment(format!("cannot make JSON: {e}")))?;
    print(&format!("{text}\n"))
}

/// Talks: a line on stderr, cleaned of anything a terminal would obey.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text::clean(line));
}

/// Talks without a line end. A terminal that is gone is nobody to talk to, and no reason to end.
pub fn put(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Whether stderr is a terminal that can rewrite its last line.
pub fn lively() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|t| t != "dumb")
}

/// Where a cell stands in its column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table with a header, columns two spaces apart, without trailing spaces. Cells are cleaned.
pub fn table(header: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(|c| text::clean(c)).collect()).collect();
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.width()).chain([header[i].0.width()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (i, cell) in cells.enumerate().take(widths.len()) {
            let pad = " ".repeat(widths[i].saturating_sub(cell.width()));
            if i > 0 {
                out.push_str("  ");
            }
            match header[i].1 {
                Side::Left => out.push_str(&format!("{cell}{pad}")),
                Side::Right => out.push_str(&format!("{pad}{cell}")),
            }
        }
        format!("{}\n", out.trim_end())
    };
    let mut out = line(&mut header.iter().map(|(h, _)| *h));
    rows.iter().for_each(|row| out.push_str(&line(&mut row.iter().map(String::as_str))));
    out
}

/// A metric for people: four decimals, or a dash.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| if v.fract() == 0.0 && v.abs() >= 2.0 { format!("{v:.0}") } else { format!("{v:.4}") })
}
