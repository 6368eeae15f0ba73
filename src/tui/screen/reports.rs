//! Reports: the figures, what each shows, where it lies, and the text that ties it to its run.

use crate::tui::facts::Figure;
use crate::tui::graphics::{Knowledge, place::place};
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, wrap};
use crate::tui::picture::draw_picture;
use crate::tui::view::{ready, split_left, split_top};
use ratatui::layout::Rect;

/// How the body is divided.
#[derive(Clone, Copy, Debug)]
pub struct Panes {
    list: Rect,
    about: Rect,
    /// The picture with its heading.
    preview: Option<Rect>,
}

impl Panes {
    /// The cells below the picture's heading.
    pub fn preview_inner(self) -> Option<Rect> {
        let preview = self.preview.filter(|p| p.height > 0 && p.width > 0)?;
        Some(Rect { y: preview.y + 1, height: preview.height - 1, ..preview })
    }
}

/// Divides the body among so many figures.
pub fn panes(area: Rect, figures: usize, large: bool) -> Panes {
    if large {
        let none = Rect { width: 0, height: 0, ..area };
        return Panes { list: none, about: none, preview: Some(area) };
    }
    let (left, right) = split_left(area, if area.width >= 60 { (area.width * 2 / 5).clamp(30, 70) } else { area.width });
    let lines = u16::try_from(figures + 1).unwrap_or(u16::MAX);
    let (list, about) = split_top(left, lines.clamp(3.min(left.height), (left.height / 2).max(3.min(left.height))));
    let preview = (right.width > 4).then(|| Rect { x: right.x + 2, width: right.width - 2, ..right });
    Panes { list, about, preview }
}

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
    let panes = panes(area, figures.len(), model.large);
    if model.large {
        let inner = pen.section(area, &figure.name, &inside(&figure.path));
        return picture(pen, inner, model);
    }
    list(pen, panes.list, figures, model.figure);
    about(pen, panes.about, figure);
    if let Some(preview) = panes.preview {
        let note = match model.graphics {
            Knowledge::Known(graphics) => format!("{}, z enlarges", graphics.form.name()),
            Knowledge::Open | Knowledge::Asking => "z enlarges".to_owned(),
        };
        let inner = pen.section(preview, "Preview", &note);
        picture(pen, inner, model);
    }
}

/// A figure's path inside the workspace; `y` copies all of it.
fn inside(path: &std::path::Path) -> String {
    let parts: Vec<_> = path.iter().collect();
    let from = parts.iter().rposition(|p| *p == "reports").unwrap_or(0);
    parts[from..].iter().collect::<std::path::PathBuf>().display().to_string()
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
    say(pen, &inside(&figure.path), Role::Accent);
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
    if model.graphics == Knowledge::Asking {
        pen.wrapped(area, 0, "asking the terminal how it shows pictures", Role::Quiet);
        return;
    }
    // Where the terminal shows it, the cells stay blank.
    if let Some(picture) = ready(pen, area, &model.picture, "no picture")
        && place(model).is_none()
    {
        draw_picture(pen, area, picture);
    }
}
