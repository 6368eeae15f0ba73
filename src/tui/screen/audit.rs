//! Audit: everything that is locked as a tree, what an audit says of it, and why a protocol is stale.

use crate::base::text::{bytes, thousands};
use crate::tui::chart::bar;
use crate::tui::facts::{AuditProgress, Audited, Depth, Mark, Tally};
use crate::tui::look::{Look, Role};
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, wrap};
use crate::tui::tree::Row;
use crate::tui::view::{ready, split_left, split_top};
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws the verdict and the levels above, the tree below them, and what there is to know of the line under the cursor.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let name = model.chosen.as_deref().unwrap_or("no protocol");
    let Some(audited) = model.shown_audit() else {
        let inner = pen.section(area, &format!("Audit of {name}"), "");
        let failed = model.audit.failure.is_some();
        ready(pen, inner, if failed { &model.audit } else { &model.locked }, "Choose a protocol on the first screen: 1");
        return;
    };
    let inner = pen.section(area, &format!("Audit of {name}"), &tally(audited.tally()));
    let used = heading(pen, inner, audited, model);
    let rest = split_top(inner, used).1;
    let rows = model.audit_rows();
    let row = rows.get(model.audit_row);
    if area.width >= 120 {
        let (left, right) = split_left(rest, area.width * 11 / 20);
        tree(pen, left, &rows, model.audit_row);
        about(pen, Rect { x: right.x + 2, width: right.width - 2, ..right }, row);
    } else {
        let detail = if rest.height >= 10 { (rest.height / 2).min(7) } else { 0 };
        let (top, bottom) = split_top(rest, rest.height - detail);
        tree(pen, top, &rows, model.audit_row);
        about(pen, bottom, row);
    }
}

/// `72 verified, 1 differs`: how things stand, in words.
fn tally(t: Tally) -> String {
    let parts = [
        (t.failed, if t.failed == 1 { "differs" } else { "differ" }),
        (t.missing, "missing"),
        (t.changed, "changed"),
        (t.verified, "verified"),
        (t.unchecked, "not checked"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, w)| format!("{} {w}", thousands(*n as u64))).collect();
    parts.join(", ")
}

/// The outcome, or how far the audit is; the levels, and what the chosen one proves and costs. Returns the rows used.
fn heading(pen: &mut Pen<'_>, area: Rect, audited: &Audited, model: &Model) -> u16 {
    let mut y = 0;
    let failed = audited.tally().bad() > 0;
    // Of a level that was just looked at, the outcome is what matters, and no longer what it costs.
    let looked = audited.depth == Some(model.depth);
    let most = if area.height < 16 {
        1
    } else if looked {
        4
    } else {
        2
    };
    if let Some((name, depth)) = model.audit_at_work() {
        let progress = model.audit_progress.value.clone().flatten().unwrap_or_default();
        let other = if Some(name) == model.chosen.as_deref() { String::new() } else { format!(" of {name}") };
        working(pen, Rect { height: 1.min(area.height), ..area }, &format!("auditing{other}, {}", depth.word()), &progress);
        y += 1;
    } else if let Some(failure) = &model.audit.failure {
        y += pen.failure(Rect { height: area.height.min(3), ..area }, failure);
    } else {
        let (role, sign) = match (audited.depth, failed) {
            (_, true) => (Role::Bad, pen.look.glyph("✗ ", "x ")),
            (Some(_), false) => (Role::Good, pen.look.glyph("✓ ", "+ ")),
            (None, false) if audited.tally().changed > 0 => (Role::Warn, pen.look.glyph("≠ ", "~ ")),
            (None, false) => (Role::Plain, pen.look.glyph("■ ", "# ")),
        };
        let depth = audited.depth.map_or(String::new(), |d| format!("level {}: ", d.word()));
        pen.text(area.x, area.y, area.width, sign, role);
        let lines = wrap(&format!("{depth}{}", audited.verdict), usize::from(area.width.saturating_sub(2)));
        for line in lines.iter().take(most) {
            pen.text(area.x + 2.min(area.width), area.y + y, area.width.saturating_sub(2), line, role);
            y += 1;
        }
    }
    if area.height < y + 4 {
        return y;
    }
    levels(pen, Rect { y: area.y + y, height: 1, ..area }, model.depth);
    y += 1;
    if looked {
        return y;
    }
    let cost = model.locked.good().and_then(|l| l.costs.get(Depth::ALL.iter().position(|d| *d == model.depth)?));
    let words = format!("{} {}", model.depth.proves(), cost.map(|c| format!("It {c}.").replace("It and ", "It also ")).unwrap_or_default());
    for line in wrap(&words, usize::from(area.width)).iter().take(most) {
        pen.text(area.x, area.y + y, area.width, line, Role::Quiet);
        y += 1;
    }
    y
}

/// `level  digests  ‹metrics›  predictions  retrain`.
fn levels(pen: &mut Pen<'_>, line: Rect, chosen: Depth) {
    let mut x = line.x + pen.text(line.x, line.y, line.width, "level ", Role::Quiet);
    for depth in Depth::ALL {
        let (word, role) = match (depth == chosen, pen.look.ascii) {
            (true, false) => (format!("‹{}›", depth.word()), Role::Accent),
            (true, true) => (format!("<{}>", depth.word()), Role::Accent),
            (false, _) => (format!(" {} ", depth.word()), Role::Quiet),
        };
        x += pen.text(x, line.y, line.right().saturating_sub(x), &word, role);
    }
}

fn working(pen: &mut Pen<'_>, line: Rect, label: &str, progress: &AuditProgress) {
    let used = pen.text(line.x, line.y, line.width, label, Role::Accent) + 2;
    let mut x = line.x + used.min(line.width);
    // The bar is of the hashing; what the deeper levels do says its own numbers.
    let hashing = progress.files < progress.files_total;
    if hashing && line.width > 60 {
        let share = progress.bytes as f64 / (progress.bytes_total.max(1)) as f64;
        bar(pen, x, line.y, 16, share, Role::Accent);
        let files = progress.files_total as u64;
        let count = format!("{}/{} files, {}  ", thousands(progress.files as u64), thousands(files), bytes(progress.bytes));
        x += 18;
        x += pen.text(x, line.y, line.right().saturating_sub(x), &count, Role::Plain);
    }
    pen.text(x, line.y, line.right().saturating_sub(x), &progress.doing, Role::Quiet);
}

/// How a line stands: sign, words, role.
fn standing(row: &Row<'_>, look: Look) -> (&'static str, String, Role) {
    let (sign, word, role) = words::mark(row.tally.worst(), look);
    let total = row.tally.total();
    let words = match row.tally.worst() {
        _ if row.thing.is_some() => word.to_owned(),
        Mark::Failed | Mark::Missing => format!("{} of {} not as locked", row.tally.bad(), total),
        Mark::NotChecked if row.tally.unchecked < total => format!("{} of {total} not checked", row.tally.unchecked),
        // Both fingerprints are one of the things.
        _ => format!("{} {word}", thousands(total as u64)),
    };
    (sign, words, role)
}

fn tree(pen: &mut Pen<'_>, area: Rect, rows: &[Row<'_>], cursor: usize) {
    let inner = pen.section(area, "Locked", if rows.len() > usize::from(area.height) { "Enter opens and closes" } else { "" });
    let first = first_line(cursor, usize::from(inner.height), rows.len());
    let said = if inner.width >= 56 { 26 } else { 14.min(inner.width / 2) };
    let name_width = inner.width.saturating_sub(said);
    for (y, (i, row)) in (inner.y..inner.bottom()).zip(rows.iter().enumerate().skip(first)) {
        let arrow = match row.open {
            Some(true) => pen.look.glyph("▾ ", "- "),
            Some(false) => pen.look.glyph("▹ ", "+ "),
            None => "  ",
        };
        let (sign, words, role) = standing(row, pen.look);
        let x = inner.x + (2 * row.depth) as u16;
        let room = name_width.saturating_sub((2 * row.depth) as u16);
        let name_role = if row.thing.is_none() { Role::Strong } else { Role::Plain };
        pen.pieces(x, y, room.saturating_sub(1), &[(arrow, Role::Quiet), (&row.name, name_role)]);
        pen.pieces(inner.x + name_width, y, said, &[(sign, role), (" ", role), (&words, role)]);
        if i == cursor {
            pen.cursor_line(inner, y);
        }
    }
}

/// What the lock says of the thing under the cursor and what is there, one above the other so that they can be compared.
fn about(pen: &mut Pen<'_>, area: Rect, row: Option<&Row<'_>>) {
    let Some(row) = row else { return };
    let Some(thing) = row.thing else {
        let inner = pen.section(area, &row.name, "");
        let words = match row.open {
            Some(true) => "Enter closes it.",
            _ => "Enter shows what is in it.",
        };
        pen.wrapped(inner, 0, &format!("{}. {words}", tally(row.tally)), Role::Quiet);
        return;
    };
    let (sign, word, role) = words::mark(thing.mark, pen.look);
    let inner = pen.section(area, &row.name, &format!("{sign} {word}"));
    let mut rest = inner;
    let mut say = |pen: &mut Pen<'_>, label: &str, text: &str, role: Role| {
        if rest.height == 0 || rest.width < 12 || text.is_empty() {
            return;
        }
        pen.text(rest.x, rest.y, 7, label, Role::Quiet);
        let field = Rect { x: rest.x + 8, width: rest.width - 8, ..rest };
        let used = pen.wrapped(field, 0, text, role).max(1);
        rest = Rect { y: rest.y + used, height: rest.height.saturating_sub(used), ..rest };
    };
    say(pen, sign, &thing.words, role);
    let now = if thing.mark == Mark::Changed { "now" } else { "found" };
    say(pen, "locked", &thing.locked, Role::Plain);
    say(pen, now, &thing.found, if thing.found == thing.locked { Role::Plain } else { role });
    if thing.path != thing.name {
        say(pen, "where", &thing.path, Role::Quiet);
    }
    say(pen, "do", &thing.hint, Role::Plain);
}
