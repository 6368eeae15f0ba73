//! Walk: the steps of one protocol, each with what it does and why, what it needs and what was found.

use crate::tui::facts::{Found, Step, Walk};
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, wrap};
use crate::tui::view::{ready, split_left, split_top};
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws the steps at the left, the one under the cursor at the right, and below both what is known before a start.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let name = model.chosen.as_deref().unwrap_or("no protocol");
    if model.walk.good().is_none() {
        let inner = pen.section(area, name, "");
        let used = if model.walk.failure.is_some() && !model.overrides.is_empty() {
            pen.text(inner.x, inner.y, inner.width, &format!("with {}", model.overrides.join(", ")), Role::Warn);
            pen.text(inner.x, inner.y + 1, inner.width, "x drops the overrides, e gives another value", Role::Quiet);
            3.min(inner.height)
        } else {
            0
        };
        ready(pen, split_top(inner, used).1, &model.walk, "Choose a protocol on the first screen: 1");
        return;
    }
    let Some(walk) = model.walk.good() else { return };
    let notes = before_start(walk, model, usize::from(area.width).saturating_sub(10));
    let foot = if area.height >= 12 { (notes.len() as u16 + 1).min(area.height / 3) } else { 0 };
    let (top, bottom) = split_top(area, area.height - foot);
    let list_width = if area.width >= 100 { 38 } else { 29.min(area.width) };
    let (left, right) = split_left(top, if area.width >= 50 { list_width } else { area.width });
    if right.width == 0 {
        // Too narrow for two columns: the list above, the step below.
        let (upper, lower) = split_top(left, left.height / 2);
        steps(pen, upper, walk, model);
        if let Some(step) = walk.steps.get(model.step) {
            detail(pen, lower, step, model);
        }
    } else {
        steps(pen, left, walk, model);
        if let Some(step) = walk.steps.get(model.step) {
            let gap = Rect { x: right.x + 2, width: right.width - 2, ..right };
            detail(pen, gap, step, model);
        }
    }
    if foot > 0 {
        let inner = pen.section(bottom, "Before it starts", "");
        for (y, (sign, text, role)) in (inner.y..inner.bottom()).zip(&notes) {
            pen.text(inner.x, y, 8, sign, *role);
            pen.text(inner.x + 10, y, inner.width.saturating_sub(10), text, Role::Plain);
        }
    }
}

/// The estimate, the overrides and the findings on leakage, folded to a width.
fn before_start(walk: &Walk, model: &Model, width: usize) -> Vec<(&'static str, String, Role)> {
    let mut notes = vec![("estimate", walk.estimate.clone(), Role::Quiet)];
    if !model.overrides.is_empty() {
        notes.push(("override", format!("{}; such a run is not locked under this name", model.overrides.join(", ")), Role::Warn));
    }
    if walk.leakage.is_empty() {
        notes.push(("leakage", "not looked for yet: the split does, before anything trains".into(), Role::Quiet));
    }
    for finding in &walk.leakage {
        notes.push(if finding.serious {
            ("leakage!", finding.text.clone(), Role::Bad)
        } else {
            ("leakage", finding.text.clone(), Role::Quiet)
        });
    }
    let folded = notes.iter().flat_map(|(label, text, role)| {
        wrap(text, width).into_iter().enumerate().map(|(i, line)| (if i == 0 { *label } else { "" }, line, *role))
    });
    folded.collect()
}

fn sign(found: &Found, look: crate::tui::look::Look) -> (&'static str, &'static str, Role) {
    match found {
        Found::Found(_) => (look.glyph("✓", "+"), "found", Role::Good),
        Found::Missing(_) => (look.glyph("✗", "x"), "missing", Role::Bad),
        Found::Pending => (look.glyph("○", "o"), "waits", Role::Quiet),
    }
}

fn steps(pen: &mut Pen<'_>, area: Rect, walk: &Walk, model: &Model) {
    let missing = walk.steps.iter().filter(|s| matches!(s.found, Found::Missing(_))).count();
    let note = if missing > 0 { format!("{missing} missing") } else { String::new() };
    let inner = pen.section(area, "Steps", &note);
    let first = first_line(model.step, usize::from(inner.height), walk.steps.len());
    for (y, (i, step)) in (inner.y..inner.bottom()).zip(walk.steps.iter().enumerate().skip(first)) {
        let (glyph, word, role) = sign(&step.found, pen.look);
        let word_width = if inner.width >= 22 { 7 } else { 0 };
        let cursor = if i == model.step { pen.look.glyph("▸", ">") } else { " " };
        let room = inner.width.saturating_sub(word_width);
        pen.pieces(
            inner.x,
            y,
            room.saturating_sub(u16::from(word_width > 0)),
            &[(cursor, Role::Accent), (" ", Role::Plain), (glyph, role), (" ", Role::Plain), (&step.stage, Role::Plain)],
        );
        pen.text(inner.x + room, y, word_width, word, role);
        if i == model.step {
            pen.cursor_line(inner, y);
        }
    }
}

/// One line of the right side.
enum Line<'a> {
    Text(String, Role),
    Parameter(usize, &'a crate::tui::facts::Parameter),
}

fn detail(pen: &mut Pen<'_>, area: Rect, step: &Step, model: &Model) {
    let inner = pen.section(area, &step.title, "");
    // Longer lines are hard to read.
    let inner = Rect { width: inner.width.min(96), ..inner };
    let width = usize::from(inner.width);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut say = |text: &str, role: Role| lines.extend(wrap(text, width).into_iter().map(|l| Line::Text(l, role)));
    say(&step.why, Role::Plain);
    match &step.found {
        Found::Found(text) => say(&format!("{} found: {text}", pen.look.glyph("✓", "+")), Role::Good),
        Found::Missing(text) => say(&format!("{} missing: {text}", pen.look.glyph("✗", "x")), Role::Bad),
        Found::Pending => say(&format!("{} waits for the steps before it", pen.look.glyph("○", "o")), Role::Quiet),
    }
    if !step.needs.is_empty() {
        say(&format!("needs {}", step.needs.join(", ")), Role::Quiet);
    }
    for quirk in &step.quirks {
        let which = if quirk.as_published { "as published" } else { "corrected" };
        say(&format!("quirk {} ({which}): {}", quirk.name, quirk.text), Role::Warn);
    }
    if !step.parameters.is_empty() {
        lines.push(Line::Text(String::new(), Role::Plain));
        lines.extend(step.parameters.iter().enumerate().map(|(i, p)| Line::Parameter(i, p)));
    }
    let here = lines.iter().position(|l| matches!(l, Line::Parameter(i, _) if *i == model.parameter)).unwrap_or(0);
    let first = if lines.len() <= usize::from(inner.height) { 0 } else { first_line(here, usize::from(inner.height), lines.len()) };
    // A step whose words do not fit starts at its top, until the parameters are walked through.
    let first = if model.parameter == 0 { 0 } else { first };
    let key_width = step.parameters.iter().map(|p| p.key.chars().count()).max().unwrap_or(0).min(width / 2) as u16;
    for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(first)) {
        match line {
            Line::Text(text, role) => {
                pen.text(inner.x, y, inner.width, text, *role);
            }
            Line::Parameter(i, parameter) => {
                let under = *i == model.parameter;
                let (origin, role) = words::origin(parameter.origin);
                pen.text(inner.x, y, 1, if under { pen.look.glyph("▸", ">") } else { " " }, Role::Accent);
                pen.text(inner.x + 2, y, key_width, &parameter.key, if under { Role::Strong } else { Role::Plain });
                let value = inner.x + key_width + 4;
                let room = inner.right().saturating_sub(value + 10);
                pen.text(value, y, room, &parameter.value, Role::Plain);
                pen.right(inner.right().saturating_sub(9).max(value), y, 9.min(inner.right().saturating_sub(value)), origin, role);
            }
        }
    }
}
