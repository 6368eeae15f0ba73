//! Reports: the figures, what each shows, where it lies, and the text that ties it to its run.

use crate::tui::facts::Figure;
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, wrap};
use crate::tui::picture::draw_picture;
use crate::tui::view::{ready, split_left, split_top};
use ratatui::layout::Rect;

/// Draws the list at the left with the words below it, and the picture at the right.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let name = model.chosen.as_deref().unwrap_or("no protocol");
    if model.reports.good().is_none_or(Vec::is_empty) {
        let inner = pen.section(area, &format!("Figures of {name}"), "");
        if let Some(_none) = ready(pen, inner, &model.reports, "Choose a protocol on the first screen: 1") {
            pen.wrapped(inner, 0, "No figures yet: they are the last stage of a run. r starts one.", Role::Quiet);
        }
        return;
    }
    let Some(figures) = model.reports.good() else { return };
    let Some(figure) = figures.get(model.figure) else { return };
    if model.large {
        let inner = pen.section(area, &figure.name, &figure.path.display().to_string());
        return picture(pen, inner, model);
    }
    let (left, right) = split_left(area, if area.width >= 60 { (area.width * 2 / 5).clamp(30, 70) } else { area.width });
    let list_height = (figures.len() as u16 + 1).clamp(3.min(left.height), (left.height / 2).max(3.min(left.height)));
    let (upper, lower) = split_top(left, list_height);
    list(pen, upper, figures, model.figure);
    about(pen, lower, figure);
    if right.width > 4 {
        let gap = Rect { x: right.x + 2, width: right.width - 2, ..right };
        let inner = pen.section(gap, "Preview", "z enlarges");
        picture(pen, inner, model);
    }
}

fn list(pen: &mut Pen<'_>, area: Rect, figures: &[Figure], cursor: usize) {
    let inner = pen.section(area, "Figures", &format!("{} of {}", cursor + 1, figures.len()));
    let first = first_line(cursor, usize::from(inner.height), figures.len());
    for (y, (i, figure)) in (inner.y..inner.bottom()).zip(figures.iter().enumerate().skip(first)) {
        let sign = if i == cursor { pen.look.glyph("▸ ", "> ") } else { "  " };
        pen.pieces(inner.x, y, inner.width, &[(sign, Role::Accent), (&figure.name, Role::Plain)]);
        if i == cursor {
            pen.cursor_line(inner, y);
        }
    }
}

fn about(pen: &mut Pen<'_>, area: Rect, figure: &Figure) {
    let inner = pen.section(area, "What it shows", "");
    let mut rest = inner;
    let mut say = |pen: &mut Pen<'_>, text: &str, role: Role| {
        let used = pen.wrapped(rest, 0, text, role);
        rest = Rect { y: rest.y + used, height: rest.height - used, ..rest };
    };
    say(pen, &figure.caption, Role::Plain);
    say(pen, &figure.path.display().to_string(), Role::Accent);
    let label = figure.provenance.iter().map(|(k, _)| k.chars().count()).max().unwrap_or(0).min(usize::from(inner.width) / 2);
    let room = usize::from(inner.width).saturating_sub(label + 2);
    for (key, value) in &figure.provenance {
        for (i, line) in wrap(value, room.max(1)).iter().enumerate() {
            if rest.height == 0 {
                return;
            }
            if i == 0 {
                pen.text(rest.x, rest.y, label as u16, key, Role::Quiet);
            }
            pen.text(rest.x + label as u16 + 1, rest.y, room as u16, line, Role::Plain);
            rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
        }
    }
}

fn picture(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    if let Some(picture) = ready(pen, area, &model.picture, "no picture") {
        draw_picture(pen, area, picture);
    }
}
