//! Text from outside (file names, genes, logs) made safe for a terminal.

/// True for characters that can move the cursor, hide text or reorder it: C0 and C1 controls, bidirectional
/// marks and overrides, zero-width characters, line and paragraph separators, tags.
fn unsafe_character(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}' | '\u{e0000}'..='\u{e007f}')
}

/// One line, without anything a terminal would obey. Removed characters show as `·`.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if unsafe_character(c) {
                '·'
            } else {
                c
            }
        })
        .collect()
}

/// Like [`clean`], but keeps line breaks.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// `1234567` as `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Bytes in the unit a person reads: `545 MB`, `1.4 GB` (powers of ten).
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

/// Seconds as `41 s`, `3 min 20 s`, `2 h 05 min`.
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_survives() {
        let hostile = "a\u{1b}[31mred\u{7}\u{202e}x\u{9b}y\r\nz\u{feff}";
        let safe = clean(hostile);
        assert!(!safe.chars().any(unsafe_character), "{safe:?}");
        assert_eq!(safe, "a·[31mred··x·y··z·");
    }

    #[test]
    fn units_read_well() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        assert_eq!(bytes(545_000_000), "545.0 MB");
        assert_eq!(duration(200.0), "3 min 20 s");
    }
}
