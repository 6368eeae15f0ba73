//! The help, made from the key map itself.

use crate::tui::action::{BINDINGS, works_on};
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, wrap};
use ratatui::layout::Rect;

/// What the environment decides, for a terminal that pinfold cannot judge by itself.
const VARIABLES: [(&str, &str); 5] = [
    ("NO_COLOR=1", "no colours; every one has a sign or a word beside it"),
    ("PINFOLD_ASCII=1", "ASCII alone"),
    ("PINFOLD_GLYPHS=blocks", "curves in quarter blocks, where braille is missing"),
    ("PINFOLD_GRAPHICS=...", "figures: kitty, sixel, iterm, or blocks"),
    ("PINFOLD_MOUSE=1", "the wheel, and clicks on the tabs"),
];

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
    lines.push((String::new(), String::new(), Role::Plain));
    lines.push((String::new(), "From the environment".into(), Role::Strong));
    for (variable, effect) in VARIABLES {
        lines.push((String::new(), format!("  {variable:<24} {effect}"), Role::Plain));
    }
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
