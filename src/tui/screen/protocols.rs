//! Protocols: every one of them, where it stands, and its headline beside the published one.

use crate::tui::facts::ProtocolCard;
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, number};
use crate::tui::view::{ready, split_top};
use crate::tui::words;
use ratatui::layout::Rect;

/// A line of the table: the heading of a group, or a protocol with its place among those shown.
enum Line<'a> {
    Blank,
    Group(&'a str),
    Card(usize, &'a ProtocolCard),
}

/// Draws the table, and below it the protocol under the cursor.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let shown = model.shown_protocols();
    let all = model.protocols.good().map_or(0, Vec::len);
    let note = match (all, model.protocol_search.is_empty()) {
        (0, _) => String::new(),
        (n, true) => format!("{n} in this workspace"),
        (n, false) => format!("{} of {n} match \"{}\"", shown.len(), model.protocol_search),
    };
    let detail = if area.height >= 14 { (area.height / 3).clamp(6, 12) } else { 0 };
    let (top, bottom) = split_top(area, area.height - detail);
    let inner = pen.section(top, "Protocols", &note);
    let Some(cards) = ready(pen, inner, &model.protocols, "") else { return };
    if cards.is_empty() {
        return welcome(pen, inner);
    }
    if shown.is_empty() {
        pen.wrapped(inner, 0, "Nothing matches. Esc shows all again.", Role::Quiet);
        return;
    }
    table(pen, inner, &shown, model.protocol_cursor);
    if let Some(card) = shown.get(model.protocol_cursor) {
        below(pen, bottom, card);
    }
}

fn welcome(pen: &mut Pen<'_>, area: Rect) {
    let words = "There is no protocol in this folder yet.\n\n\
        i makes a workspace here with the demo: small synthetic slides, made on the spot from a seed, with a known answer. \
        It trains a network, and in about three minutes on two cores there is a number to lock and to audit.\n\n\
        Or leave with q, and start pinfold in a folder that has protocols/*.toml.";
    pen.wrapped(area, 0, words, Role::Plain);
}

/// Where the columns stand in a table of some width.
struct Columns {
    name: u16,
    title: Option<(u16, u16)>,
    state: u16,
    last: Option<u16>,
    reproduced: Option<u16>,
    published: Option<u16>,
}

fn columns(width: u16) -> Columns {
    let (state, number) = (13, 12);
    let mut right = width;
    let published = (width >= 64).then(|| {
        right -= number;
        right
    });
    let reproduced = (width >= 50).then(|| {
        right -= number;
        right
    });
    let last = (width >= 120).then(|| {
        right -= 20;
        right + 2
    });
    right = right.saturating_sub(state + 1);
    let name = if width >= 120 { 34 } else { right.saturating_sub(3) };
    let title = (width >= 120).then(|| (name + 4, right.saturating_sub(name + 6)));
    Columns { name, title, state: right, last, reproduced, published }
}

fn table(pen: &mut Pen<'_>, area: Rect, cards: &[&ProtocolCard], cursor: usize) {
    // On a wide terminal the columns stay near each other.
    let area = Rect { width: area.width.min(160), ..area };
    let at = columns(area.width);
    let (head, rows) = split_top(area, u16::from(area.height > 4));
    if head.height > 0 {
        pen.text(head.x + 2, head.y, 20, "protocol", Role::Quiet);
        pen.text(head.x + at.state, head.y, 12, "state", Role::Quiet);
        if let Some(x) = at.last {
            pen.text(head.x + x, head.y, 16, "last run (UTC)", Role::Quiet);
        }
        for (x, word) in [(at.reproduced, "reproduced"), (at.published, "published")] {
            if let Some(x) = x {
                pen.right(head.x + x, head.y, 12, word, Role::Quiet);
            }
        }
    }
    // Where there is room, the groups stand apart.
    let airy = usize::from(rows.height) >= 3 * cards.len();
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut group = None;
    for (i, card) in cards.iter().enumerate() {
        if group != Some(&card.system) {
            if airy && group.is_some() {
                lines.push(Line::Blank);
            }
            lines.push(Line::Group(&card.system));
            group = Some(&card.system);
        }
        lines.push(Line::Card(i, card));
    }
    let here = lines.iter().position(|l| matches!(l, Line::Card(i, _) if *i == cursor)).unwrap_or(0);
    let first = first_line(here, usize::from(rows.height), lines.len());
    for (y, line) in (rows.y..rows.bottom()).zip(lines.iter().skip(first)) {
        match line {
            Line::Blank => {}
            Line::Group(name) => {
                pen.text(rows.x, y, rows.width, name, Role::Quiet);
            }
            Line::Card(i, card) => {
                let under = *i == cursor;
                if under {
                    pen.text(rows.x, y, 1, pen.look.glyph("▸", ">"), Role::Accent);
                }
                let (glyph, word, role) = words::card(card, pen.look);
                pen.text(rows.x + 2, y, at.name, &card.name, if under { Role::Strong } else { Role::Plain });
                if let Some((x, width)) = at.title {
                    pen.text(rows.x + x, y, width, &card.title, Role::Quiet);
                }
                pen.pieces(rows.x + at.state, y, 14, &[(glyph, role), (" ", role), (word, role)]);
                if let (Some(x), Some((when, _))) = (at.last, &card.last) {
                    pen.text(rows.x + x, y, 16, when, Role::Quiet);
                }
                if let Some(x) = at.reproduced {
                    pen.right(rows.x + x, y, 12, &number(card.reproduced, 3), Role::Plain);
                }
                if let Some(x) = at.published {
                    pen.right(rows.x + x, y, 12, &number(card.published.as_ref().map(|p| p.0), 3), Role::Plain);
                }
                if under {
                    pen.cursor_line(rows, y);
                }
            }
        }
    }
}

/// What there is to know of one protocol, and what to do next.
fn below(pen: &mut Pen<'_>, area: Rect, card: &ProtocolCard) {
    let mut rest = pen.section(area, &card.name, if card.system == card.name { "" } else { &card.system });
    let mut line = |pen: &mut Pen<'_>, label: &str, text: &str, role: Role| {
        if rest.height == 0 || rest.width < 14 {
            return;
        }
        pen.text(rest.x, rest.y, 10, label, Role::Quiet);
        let field = Rect { x: rest.x + 11, width: rest.width - 11, ..rest };
        let used = pen.wrapped(field, 0, text, role).max(1);
        rest = Rect { y: rest.y + used, height: rest.height.saturating_sub(used), ..rest };
    };
    line(pen, "what", &card.title, Role::Plain);
    for missing in &card.missing {
        line(pen, "missing", missing, Role::Warn);
    }
    line(pen, "next", words::next(card), Role::Accent);
    let published = match &card.published {
        Some((value, status)) => format!("published {} ({status})", number(Some(*value), 3)),
        None => "nothing comparable published".to_owned(),
    };
    let headline = match card.reproduced {
        Some(_) if !card.headline.is_empty() => format!("{}: reproduced {}, {published}", card.headline, number(card.reproduced, 3)),
        _ => format!("no number yet, {published}"),
    };
    line(pen, "headline", &headline, Role::Plain);
    if let Some((when, device)) = &card.last {
        line(pen, "last run", &format!("{when} UTC, {device}"), Role::Quiet);
    }
    if let Some(note) = &card.note {
        line(pen, "note", note, Role::Warn);
    }
}
