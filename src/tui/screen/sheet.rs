//! The drawer: the answer to a lock or a command, or a failure, over the lower part of the screen that asked.

use crate::tui::look::Role;
use crate::tui::model::{Sheet, SheetBody};
use crate::tui::paint::{Pen, wrap};
use ratatui::layout::Rect;

/// Rows the drawer takes: as many as it needs, at most all but the top quarter.
pub fn height(sheet: &Sheet, body: Rect) -> u16 {
    let width = usize::from(body.width);
    let lines = match &sheet.body {
        SheetBody::Words(words) => wrap(words, width).len(),
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

/// What stands at the right of the heading.
fn note(sheet: &Sheet) -> &'static str {
    if sheet.waits_for.is_some() { "working" } else { "Esc closes" }
}

/// Draws it.
pub fn draw(pen: &mut Pen<'_>, area: Rect, sheet: &Sheet) {
    let inner = pen.section(area, &sheet.title, note(sheet));
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
    }
}
