//! Places in the lock's text: line, column, and an excerpt with a caret.

use std::ops::Range;

/// The 1-based line and column (in characters) of a byte.
pub(super) fn line_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// `file:line:column`, and the line with carets below the span.
pub(super) fn excerpt(shown: &str, text: &str, span: Range<usize>) -> String {
    let (line, column) = line_column(text, span.start);
    let content = text.split('\n').nth(line - 1).unwrap_or_default().trim_end_matches('\r');
    let left = content.chars().count().saturating_sub(column - 1);
    let wide = text.get(span.start..span.end).map_or(1, |s| s.split('\n').next().unwrap_or_default().chars().count());
    let carets = "^".repeat(wide.clamp(1, left.max(1)));
    let margin = line.to_string();
    let empty = " ".repeat(margin.len());
    format!("{shown}:{line}:{column}\n{empty} |\n{margin} | {content}\n{empty} | {}{carets}", " ".repeat(column - 1))
}

/// Byte offsets of the lines that open an entry. Our own writing has no strings over several lines, so such a
/// line is always an entry's beginning there; [`super::merge`] checks that it is in edited files too.
pub(super) fn entry_starts(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut out = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "[[entry]]" {
            out.push(at);
        }
        at += line.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_what_is_meant() {
        let text = "version = 1\nn = \"é\" x\n";
        let at = text.find('x').expect("x");
        assert_eq!(excerpt("pinfold.lock", text, at..at + 1), "pinfold.lock:2:9\n  |\n2 | n = \"é\" x\n  |         ^");
        assert_eq!(line_column(text, 10_000), (3, 1));
    }
}
