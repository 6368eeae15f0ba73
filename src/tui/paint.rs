//! The few strokes that every screen is drawn with. All text goes through [`Pen::text`], which cleans it, so
//! nothing from outside reaches the buffer raw, whichever screen forgets what it is.

use super::look::{Look, Role};
use crate::base::text::clean;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A piece of a line.
pub type Piece<'a> = (&'a str, Role);

/// A pen on a buffer. It never writes outside the buffer, whatever it is asked.
pub struct Pen<'a> {
    /// Where it writes.
    pub buffer: &'a mut Buffer,
    /// How it writes.
    pub look: Look,
}

impl Pen<'_> {
    /// Writes one line of text at most `width` cells wide, cut with an ellipsis. Returns the cells used.
    pub fn text(&mut self, x: u16, y: u16, width: u16, text: &str, role: Role) -> u16 {
        self.styled(x, y, width, text, self.look.style(role))
    }

    /// [`Pen::text`] with a style of its own.
    pub fn styled(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if width == 0 || x < area.x || x >= area.right() || y < area.y || y >= area.bottom() {
            return 0;
        }
        let width = width.min(area.right() - x);
        let safe = fit(text, usize::from(width), self.look);
        // What was there before (the rule under a title) leaves no colour behind.
        let style = Style::default().fg(Color::Reset).bg(Color::Reset).patch(style);
        let (end, _) = self.buffer.set_stringn(x, y, &safe, usize::from(width), style);
        end.saturating_sub(x)
    }

    /// Writes several pieces one after another. Returns the cells used.
    pub fn pieces(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece<'_>]) -> u16 {
        let mut used = 0;
        for (text, role) in pieces {
            if used >= width {
                break;
            }
            used += self.text(x.saturating_add(used), y, width - used, text, *role);
        }
        used
    }

    /// Writes text that ends at the right edge of a field.
    pub fn right(&mut self, x: u16, y: u16, width: u16, text: &str, role: Role) {
        let safe = fit(text, usize::from(width), self.look);
        let used = safe.width().min(usize::from(width)) as u16;
        self.text(x.saturating_add(width - used), y, used, &safe, role);
    }

    /// Writes wrapped text into an area, from its line `skip` on. Returns the lines used.
    pub fn wrapped(&mut self, area: Rect, skip: usize, text: &str, role: Role) -> u16 {
        let mut used = 0;
        for line in wrap(text, usize::from(area.width)).iter().skip(skip).take(usize::from(area.height)) {
            self.text(area.x, area.y + used, area.width, line, role);
            used += 1;
        }
        used
    }

    /// A titled rule across the top of an area: `── Genes ─────`; returns what is left below it.
    pub fn section(&mut self, area: Rect, title: &str, note: &str) -> Rect {
        if area.height == 0 || area.width == 0 {
            return Rect { height: 0, ..area };
        }
        let dash = self.look.glyph("─", "-");
        self.text(area.x, area.y, area.width, &dash.repeat(usize::from(area.width)), Role::Rule);
        if area.width > 6 {
            let label = format!(" {title} ");
            let used = self.text(area.x + 1, area.y, area.width - 2, &label, Role::Strong);
            if !note.is_empty() && area.width > used + 8 {
                let note = format!(" {note} ");
                let room = area.width - used - 4;
                let note = fit(&note, usize::from(room), self.look);
                let w = note.width() as u16;
                self.text(area.right() - 1 - w, area.y, w, &note, Role::Quiet);
            }
        }
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    }

    /// A vertical rule down the left edge of an area; returns what is right of it, with a space between.
    pub fn divider(&mut self, area: Rect) -> Rect {
        let bar = self.look.glyph("│", "|");
        for y in area.y..area.bottom() {
            self.text(area.x, y, 1, bar, Role::Rule);
        }
        let gap = 2.min(area.width);
        Rect { x: area.x + gap, width: area.width - gap, ..area }
    }

    /// Gives a whole line the look of the cursor.
    pub fn cursor_line(&mut self, area: Rect, y: u16) {
        if y >= area.y && y < area.bottom() {
            let line = Rect { x: area.x, y, width: area.width, height: 1 };
            let style = self.look.style(Role::Cursor);
            self.buffer.set_style(line, style);
        }
    }

    /// A failure in place: what, where, what to do. Returns the lines used.
    pub fn failure(&mut self, area: Rect, failure: &crate::base::Failure) -> u16 {
        if area.width < 3 {
            return 0;
        }
        let sign = self.look.glyph("✗ ", "x ");
        self.text(area.x, area.y, area.width.min(2 * area.height), sign, Role::Bad);
        let inner = Rect { x: area.x + 2, width: area.width - 2, ..area };
        let mut used = self.wrapped(inner, 0, &failure.what, Role::Bad);
        for (label, text, role) in [("at", &failure.place, Role::Quiet), ("do", &failure.hint, Role::Plain)] {
            let Some(text) = text else { continue };
            if used >= inner.height || inner.width < 5 {
                break;
            }
            self.text(inner.x, inner.y + used, 2, label, Role::Accent);
            let rest = Rect { x: inner.x + 3, y: inner.y + used, width: inner.width - 3, height: inner.height - used };
            used += self.wrapped(rest, 0, text, role);
        }
        used
    }
}

/// Cleaned text cut to `width` cells, with an ellipsis where something was cut. Costs no more than the width,
/// however long the text is.
pub fn fit(text: &str, width: usize, look: Look) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut last = 0;
    for grapheme in text.graphemes(true) {
        let safe =
            if grapheme.len() == 1 && !grapheme.as_bytes()[0].is_ascii_control() { grapheme.to_owned() } else { drawable(grapheme, look) };
        let w = safe.width();
        if used + w > width {
            if width > 0 {
                // Make room for the ellipsis by taking back what filled the last cell.
                if used + 1 > width {
                    out.truncate(last);
                }
                out.push_str(look.glyph("…", "~"));
            }
            return out;
        }
        last = out.len();
        out.push_str(&safe);
        used += w;
    }
    out
}

/// One grapheme as it may be drawn: cleaned, in ASCII where that is asked, and never a tower of accents.
fn drawable(grapheme: &str, look: Look) -> String {
    let safe: String = clean(grapheme).chars().take(8).collect();
    if !look.ascii || safe.is_ascii() {
        return safe;
    }
    match safe.as_str() {
        "·" => ".".into(),
        "…" => "~".into(),
        "–" | "—" => "-".into(),
        "×" => "x".into(),
        "→" => ">".into(),
        _ => "?".repeat(safe.width().clamp(1, 2)),
    }
}

/// Words in lines of at most `width` cells; words longer than a line are broken. Line breaks are kept.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if width == 0 {
        return lines;
    }
    for paragraph in text.split('\n') {
        let paragraph = clean(paragraph);
        let indent: String = paragraph.chars().take_while(|c| *c == ' ').take(width / 2).collect();
        let mut line = indent.clone();
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            if !empty && line.width() + 1 + word.width() > width {
                lines.push(std::mem::replace(&mut line, indent.clone()));
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            if line.width() + word.width() <= width {
                line.push_str(word);
                empty = false;
                continue;
            }
            for grapheme in word.graphemes(true) {
                if line.width() + grapheme.width() > width {
                    // A path is better broken after a slash or a dash, if there is one in the line's second half.
                    let half = line.len() / 2;
                    let keep = line.rfind(['/', '-', '_', '=']).filter(|i| *i >= half).map_or(line.len(), |i| i + 1);
                    let rest = line.split_off(keep);
                    lines.push(std::mem::replace(&mut line, rest));
                }
                line.push_str(grapheme);
                empty = false;
            }
        }
        lines.push(line);
    }
    lines
}

/// The first line to show so that `cursor` stays in sight near the middle of `height` lines.
pub fn first_line(cursor: usize, height: usize, len: usize) -> usize {
    cursor.saturating_sub(height / 2).min(len.saturating_sub(height))
}

/// A number with so many decimals, or a dash where there is none.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(v) if v.is_finite() => {
            let shown = format!("{v:.decimals$}");
            // "-0.000" is a rounded nothing.
            if shown.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
                shown.trim_start_matches('-').to_owned()
            } else {
                shown
            }
        }
        _ => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::Colours;
    use super::*;

    const LOOK: Look = Look { colours: Colours::Cube, ascii: false, blocks: false };

    #[test]
    fn cuts_by_cells_not_bytes() {
        assert_eq!(fit("abcdef", 6, LOOK), "abcdef");
        assert_eq!(fit("abcdefg", 6, LOOK), "abcde…");
        assert_eq!(fit("日本語", 4, LOOK), "日…");
        assert_eq!(fit("x\u{1b}[2Jy", 9, LOOK), "x·[2Jy");
        assert_eq!(fit("a→b", 9, Look { ascii: true, ..LOOK }), "a>b");
        assert_eq!(fit("abc", 0, LOOK), "");
    }

    #[test]
    fn wraps_words_and_breaks_long_ones() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("ab/cd/efgh", 8), ["ab/cd/", "efgh"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("  two deep", 7), ["  two", "  deep"]);
    }

    #[test]
    fn a_title_does_not_take_the_colour_of_its_rule() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        let area = buffer.area;
        Pen { buffer: &mut buffer, look: LOOK }.section(area, "Genes", "");
        assert_eq!((buffer[(2, 0)].symbol(), buffer[(2, 0)].fg), ("G", Color::Reset));
        assert_ne!(buffer[(15, 0)].fg, Color::Reset);
    }

    #[test]
    fn numbers_have_no_minus_zero() {
        assert_eq!(number(Some(-0.0001), 3), "0.000");
        assert_eq!(number(Some(-0.31), 3), "-0.310");
        assert_eq!(number(Some(f64::NAN), 3), "–");
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        for len in 0..30 {
            for height in 1..12 {
                for cursor in 0..len {
                    let first = first_line(cursor, height, len);
                    assert!(first <= cursor && cursor < first + height, "{cursor} {height} {len}");
                }
            }
        }
    }
}
