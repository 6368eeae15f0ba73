//! The drawer: the answer to a lock or an audit, or a failure, over the lower part of the screen that asked.

use crate::tui::facts::Mark;
use crate::tui::look::Role;
use crate::tui::model::{Sheet, SheetBody};
use crate::tui::paint::{Pen, wrap};
use crate::tui::words;
use ratatui::layout::Rect;

/// Rows the drawer takes: as many as it needs, at most all but the top quarter.
pub fn height(sheet: &Sheet, body: Rect) -> u16 {
    let width = usize::from(body.width);
    let lines = match &sheet.body {
        SheetBody::Words(words) => wrap(words, width).len(),
        SheetBody::Audit(lines) => lines.len(),
        SheetBody::Failure(failure, way) => {
            let inner = width.saturating_sub(5);
            let all = [Some(&failure.what), failure.place.as_ref(), failure.hint.as_ref()];
            all.iter().flatten().map(|t| wrap(t, inner).len()).sum::<usize>() + if way.is_some() { 2 } else { 0 }
        }
    };
    let least = body.height.min(4);
    let most = body.height - body.height / 4;
    u16::try_from(lines + 2).unwrap_or(u16::MAX).clamp(least, most.max(least))
}

/// What stands at the right of the heading: the count of an audit, or that something is on its way.
fn note(sheet: &Sheet) -> String {
    if sheet.waits_for.is_some() {
        return "working".into();
    }
    let SheetBody::Audit(lines) = &sheet.body else { return "Esc closes".into() };
    let counted = [(Mark::Verified, "verified"), (Mark::Failed, "differ"), (Mark::Missing, "missing"), (Mark::NotChecked, "not checked")];
    let count = |mark| lines.iter().filter(|l| l.mark == mark).count();
    let parts: Vec<String> = counted.iter().filter(|(m, _)| count(*m) > 0).map(|(m, w)| format!("{} {w}", count(*m))).collect();
    parts.join(", ")
}

/// Draws it.
pub fn draw(pen: &mut Pen<'_>, area: Rect, sheet: &Sheet) {
    let inner = pen.section(area, &sheet.title, &note(sheet));
    match &sheet.body {
        SheetBody::Words(text) => {
            let lines = wrap(text, usize::from(inner.width)).len();
            pen.wrapped(inner, sheet.scroll.min(lines.saturating_sub(1)), text, Role::Plain);
        }
        SheetBody::Failure(failure, way) => {
            let used = pen.failure(inner, failure);
            if let Some(way) = way {
                let y = used + 1;
                if y < inner.height {
                    let rest = Rect {
                        x: inner.x + 2.min(inner.width),
                        y: inner.y + y,
                        width: inner.width.saturating_sub(2),
                        height: inner.height - y,
                    };
                    pen.wrapped(rest, 0, way, Role::Plain);
                }
            }
        }
        SheetBody::Audit(lines) => {
            let first = sheet.scroll.min(lines.len().saturating_sub(usize::from(inner.height)));
            for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(first)) {
                let (glyph, word, role) = words::mark(line.mark, pen.look);
                if word.is_empty() {
                    pen.text(inner.x, y, inner.width, &line.text, Role::Strong);
                } else {
                    let word = format!("{word:<12}");
                    pen.pieces(inner.x, y, inner.width, &[(glyph, role), (" ", Role::Plain), (&word, role), (&line.text, Role::Plain)]);
                }
            }
        }
    }
}
