//! The help, made from the key map itself.

use crate::tui::action::{BINDINGS, works_on};
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, wrap};
use ratatui::layout::Rect;

/// Draws the keys of the present screen, those of every screen, and the plain command that says the same.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, scroll: usize) {
    let screen = model.screen.now;
    let inner = pen.section(area, &format!("Help: {}", screen.name()), "Esc closes");
    let mut lines: Vec<(String, String, Role)> = Vec::new();
    for line in wrap(screen.purpose(), usize::from(inner.width)) {
        lines.push((String::new(), line, Role::Plain));
    }
    lines.push((String::new(), String::new(), Role::Plain));
    lines.push((String::new(), "On this screen".into(), Role::Strong));
    for everywhere in [false, true] {
        if everywhere {
            lines.push((String::new(), String::new(), Role::Plain));
            lines.push((String::new(), "Everywhere".into(), Role::Strong));
        }
        for binding in BINDINGS.iter().filter(|b| works_on(b, screen) && !b.help.is_empty() && b.screens.is_empty() == everywhere) {
            let key = if pen.look.ascii { binding.shown.1 } else { binding.shown.0 };
            lines.push((key.to_owned(), binding.help.to_owned(), Role::Plain));
        }
    }
    lines.push((String::new(), String::new(), Role::Plain));
    lines.push((String::new(), "As a plain command".into(), Role::Strong));
    lines.push((String::new(), format!("  {}   (with --json for programs)", screen.command()), Role::Plain));
    let first = scroll.min(lines.len().saturating_sub(usize::from(inner.height)));
    for (y, (key, text, role)) in (inner.y..inner.bottom()).zip(lines.into_iter().skip(first)) {
        if key.is_empty() {
            pen.text(inner.x, y, inner.width, &text, role);
        } else {
            pen.text(inner.x + 2, y, inner.width.saturating_sub(2), &key, Role::Accent);
            pen.text(inner.x + 10, y, inner.width.saturating_sub(10), &text, role);
        }
    }
}
