//! What stands around every figure's panels: title, finding, source, legend.

use super::canvas::{Anchor, Canvas, Colour};
use super::font;
use super::style::{FINDING, INK, MARGIN, Mark, NOTE, SOFT, TICK, TITLE, mark};

/// Words above and below a figure. What is `None` is written by the figure itself from its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// The title.
    pub title: Option<String>,
    /// One sentence under the title that says what is to be seen.
    pub finding: Option<String>,
    /// A line at the foot, such as the protocol's name; none if `None`.
    pub source: Option<String>,
}

impl Heading {
    /// Writes title, finding (on two lines at most) and source; returns where free space begins.
    pub(super) fn draw(&self, canvas: &mut Canvas, title: &str, finding: &str) -> f64 {
        let room = canvas.width() - 2.0 * MARGIN;
        let title = TITLE.elide(self.title.as_deref().unwrap_or(title), room);
        canvas.text(&title, MARGIN, 66.0, TITLE);
        let finding = self.finding.as_deref().unwrap_or(finding);
        let mut y = 66.0;
        for line in balanced(finding, room) {
            y += if y < 70.0 { 42.0 } else { 34.0 };
            canvas.text(&line, MARGIN, y, FINDING);
        }
        if let Some(source) = &self.source {
            let text = TICK.elide(source, room);
            canvas.text(&text, canvas.width() - MARGIN, canvas.height() - 22.0, TICK.anchored(Anchor::End).coloured(SOFT));
        }
        y + 26.0
    }
}

/// The finding on at most two lines, of about the same length so that no word is left alone on the second.
fn balanced(finding: &str, room: f64) -> Vec<String> {
    // A number stays with what it is a number of.
    let finding = finding.replace(" = ", "\u{a0}=\u{a0}").replace(" %", "\u{a0}%");
    let wrap = |limit: f64| font::wrap(&finding, FINDING.em, FINDING.weight, limit, 2);
    let whole = wrap(room);
    if whole.len() < 2 {
        return whole;
    }
    // The narrowest width at which every word is still there.
    let words = whole.join(" ");
    let mut best = whole;
    let mut limit = room - 20.0;
    while limit > room * 0.45 {
        let tried = wrap(limit);
        if tried.join(" ") != words {
            break;
        }
        best = tried;
        limit -= 20.0;
    }
    best
}

/// How a legend shows its entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    /// A mark.
    Point(Mark),
    /// A line.
    Line,
    /// A broken line.
    Dashes,
    /// A filled box.
    Box,
    /// A hatched box.
    Hatched,
}

/// One entry of a legend.
pub(super) struct Key {
    pub sample: Sample,
    pub colour: Colour,
    pub text: String,
}

/// Draws a legend from `x`, breaking lines at `right`; `y` is the first line's baseline. Returns the last baseline.
pub(super) fn legend(canvas: &mut Canvas, keys: &[Key], x: f64, y: f64, right: f64) -> f64 {
    let (mut at, mut line) = (x, y);
    for key in keys {
        let text = NOTE.elide(&key.text, (right - x - 50.0).min(640.0));
        let width = 46.0 + NOTE.width(&text);
        if at + width > right && at > x {
            (at, line) = (x, line + 34.0);
        }
        let middle = line - 8.0;
        match key.sample {
            Sample::Point(shape) => mark(canvas, shape, at + 16.0, middle, 8.0, key.colour, 0.0),
            Sample::Line => canvas.line((at, middle), (at + 34.0, middle), key.colour, 4.0, 1.0),
            Sample::Dashes => canvas.dashed((at, middle), (at + 34.0, middle), key.colour, 3.0, 9.0, 6.0),
            Sample::Box => canvas.rect(at, middle - 10.0, at + 34.0, middle + 10.0, key.colour, 1.0),
            Sample::Hatched => {
                canvas.hatch((at, middle - 10.0, at + 34.0, middle + 10.0), key.colour, 2.0, 7.0);
                canvas.frame(at, middle - 10.0, at + 34.0, middle + 10.0, key.colour, 2.0);
            }
        }
        canvas.text(&text, at + 44.0, line, NOTE.coloured(INK));
        at += width + 34.0;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_share_their_words() {
        let words = "Genes with more spatial structure are predicted much better: Spearman ρ = 0.713, Pearson r = 0.768 over 36 genes.";
        let lines = balanced(words, 1480.0);
        assert_eq!(lines.join(" "), words);
        assert!(lines.len() == 2 && lines[1].split(' ').count() > 4, "{lines:?}");
        assert_eq!(balanced("Short.", 1480.0), ["Short."]);
        for extra in 0..40 {
            let lines = balanced(&format!("{} ρ = 0.713, r = 0.768 over genes", "word ".repeat(10 + extra)), 1480.0);
            assert!(lines.iter().all(|l| !l.starts_with('=') && !l.ends_with('=')), "{lines:?}");
            assert!(lines.len() < 2 || lines[1].split(' ').count() > 1, "{lines:?}");
        }
        let long = balanced(&"word ".repeat(500), 1480.0);
        assert!(long.len() == 2 && long[1].contains('…'), "{long:?}");
    }
}
