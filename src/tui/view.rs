//! The whole frame, drawn from the state alone.
//!
//! ```text
//!  1 Protocols  2 Walk  3 Run  4 Results  5 Audit  6 Reports     demo  ● done
//! ── Protocols ───────────────────────────────────────────────────────────────
//!  the screen
//!
//! ── Locked: demo ────────────────────────────────────── Esc closes ──────────   a drawer, when there is one
//!  what it says
//!  workspace  3f2a91c dirty  cpu avx2  1 running                                 or one line of news
//!  Enter open  r run  l lock  a audit  / search          ? help  q quit
//! ```

use super::action::{Action, BINDINGS, Screen, works_on};
use super::facts::{ProtocolState, RunState};
use super::look::{Look, Role};
use super::model::{Load, Model, Purpose, SheetBody};
use super::paint::{Pen, fit};
use super::{screen, words};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Draws everything into an empty buffer of any size.
pub fn draw(model: &Model, look: Look, buffer: &mut Buffer) {
    let area = buffer.area;
    let mut pen = Pen { buffer, look };
    if area.width == 0 || area.height == 0 {
        return;
    }
    tabs(&mut pen, Rect { height: 1, ..area }, model);
    let foot = foot(area);
    let body = body(area);
    if let Some(scroll) = model.help {
        screen::help::draw(&mut pen, body, model, scroll);
    } else if let Some(sheet) = &model.sheet {
        let drawer = screen::sheet::height(sheet, body);
        let (above, below) = split_top(body, body.height - drawer);
        body_of(&mut pen, above, model);
        screen::sheet::draw(&mut pen, below, sheet);
    } else {
        body_of(&mut pen, body, model);
    }
    if foot == 2 {
        status(&mut pen, inset(Rect { y: area.bottom() - 2, height: 1, ..area }), model);
    }
    if foot >= 1 {
        hints(&mut pen, inset(Rect { y: area.bottom() - 1, height: 1, ..area }), model);
    }
}

/// Rows at the bottom: with fewer than six rows the line of facts gives way, with fewer than three the hints too.
fn foot(area: Rect) -> u16 {
    if area.height >= 6 { 2 } else { u16::from(area.height >= 3) }
}

/// What the screens have of the whole area: all between the tabs and the lines at the bottom.
pub fn body(area: Rect) -> Rect {
    inset(Rect { y: area.y + u16::from(area.height > 0), height: area.height.saturating_sub(1 + foot(area)), ..area })
}

/// One column free on either side, where there is room for that.
fn inset(area: Rect) -> Rect {
    if area.width < 40 { area } else { Rect { x: area.x + 1, width: area.width - 2, ..area } }
}

/// Cuts an area after `height` rows.
pub fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// Cuts an area after `width` columns.
pub fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}

fn body_of(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    match model.screen.now {
        Screen::Protocols => screen::protocols::draw(pen, area, model),
        Screen::Walk => screen::walk::draw(pen, area, model),
        Screen::Run => screen::run::draw(pen, area, model),
        Screen::Results => screen::results::draw(pen, area, model),
        Screen::Audit => screen::audit::draw(pen, area, model),
        Screen::Reports => screen::reports::draw(pen, area, model),
    }
}

/// A tab's words. Narrow screens name the open tab only.
fn tab_label(i: usize, tab: Screen, model: &Model, width: u16) -> String {
    if tab == model.screen.now || width >= 60 { format!(" {} {} ", i + 1, tab.name()) } else { format!(" {} ", i + 1) }
}

/// The tab that stands at a column of the first row.
pub fn tab_at(model: &Model, column: u16) -> Option<Screen> {
    let mut end = 0;
    Screen::ALL.iter().enumerate().find_map(|(i, tab)| {
        end += tab_label(i, *tab, model, model.size.0).width() as u16;
        (column < end).then_some(*tab)
    })
}

fn tabs(pen: &mut Pen<'_>, line: Rect, model: &Model) {
    let mut x = line.x;
    for (i, tab) in Screen::ALL.iter().enumerate() {
        let label = tab_label(i, *tab, model, line.width);
        let role = if *tab == model.screen.now { Role::Cursor } else { Role::Quiet };
        x += pen.text(x, line.y, line.right().saturating_sub(x), &label, role);
    }
    let Some(name) = &model.chosen else { return };
    let room = usize::from(line.right().saturating_sub(x + 2));
    let sign = model.card().map(|c| words::card(c, pen.look));
    let state = sign.map(|(glyph, word, _)| format!("  {glyph} {word}")).unwrap_or_default();
    if room < state.width() + 5 {
        return;
    }
    let name = fit(name, room - state.width() - 1, pen.look);
    let start = line.right() - 1 - (name.width() + state.width()) as u16;
    let used = pen.text(start, line.y, line.right() - start, &name, Role::Strong);
    pen.text(start + used, line.y, line.right() - start - used, &state, sign.map_or(Role::Quiet, |s| s.2));
}

fn status(pen: &mut Pen<'_>, line: Rect, model: &Model) {
    if let Some((purpose, field)) = &model.field {
        let label = match purpose {
            Purpose::ProtocolSearch | Purpose::GeneSearch | Purpose::LogSearch => "search ",
            Purpose::Override => "for the next run: ",
            Purpose::Edit => "into the file: ",
            Purpose::Command => ":",
        };
        let (before, after) = field.halves();
        let mut x = line.x + pen.text(line.x, line.y, line.width, label, Role::Accent);
        // The cursor's side of a long text stays in sight.
        let room = usize::from(line.right().saturating_sub(x + 2));
        let skip = before.width().saturating_sub(room);
        let seen: String = before.chars().skip(skip).collect();
        x += pen.text(x, line.y, line.right().saturating_sub(x), &seen, Role::Strong);
        let under = after.chars().next().map_or(" ".to_owned(), |c| c.to_string());
        x += pen.text(x, line.y, line.right().saturating_sub(x), &under, Role::Cursor);
        let rest: String = after.chars().skip(1).collect();
        x += pen.text(x, line.y, line.right().saturating_sub(x), &rest, Role::Strong);
        if *purpose == Purpose::Command {
            let candidates = super::update::candidates(model, &field.text());
            pen.text(x + 2, line.y, line.right().saturating_sub(x + 2), &candidates.join("  "), Role::Quiet);
        }
        return;
    }
    if let Some(notice) = &model.notice {
        let sign = pen.look.glyph("▸ ", "> ");
        pen.pieces(line.x, line.y, line.width, &[(sign, Role::Accent), (notice, Role::Plain)]);
        return;
    }
    if let Some(failure) = &model.status.failure {
        pen.pieces(line.x, line.y, line.width, &[(pen.look.glyph("✗ ", "x "), Role::Bad), (&failure.what, Role::Bad)]);
        return;
    }
    let Some(facts) = &model.status.value else { return };
    let gap = pen.look.glyph("  ·  ", "  |  ");
    let running = match facts.running.len() {
        0 => "nothing running".to_owned(),
        1 => format!("{} 1 running", pen.look.glyph("▸", ">")),
        n => format!("{} {n} running", pen.look.glyph("▸", ">")),
    };
    let busy = if facts.running.is_empty() { Role::Quiet } else { Role::Accent };
    let commit = facts.commit.as_deref().unwrap_or("no git commit");
    let (tree, role) = if facts.dirty { (" dirty", Role::Warn) } else { (" clean", Role::Quiet) };
    let tree = if facts.commit.is_some() { tree } else { "" };
    let pieces = [
        (facts.workspace.as_str(), Role::Quiet),
        (gap, Role::Rule),
        (commit, if facts.commit.is_some() { Role::Quiet } else { Role::Warn }),
        (tree, role),
        (gap, Role::Rule),
        (facts.device.as_str(), Role::Quiet),
        (gap, Role::Rule),
        (running.as_str(), busy),
    ];
    pen.pieces(line.x, line.y, line.width, &pieces);
}

/// The keys that matter now: those of the screen by rank as long as there is room; help and quit always.
fn hints(pen: &mut Pen<'_>, line: Rect, model: &Model) {
    let fixed: &[(&str, &str)] = if let Some((purpose, _)) = &model.field {
        match purpose {
            Purpose::Override => &[("Enter", "take"), ("Esc", "leave as it was")],
            Purpose::Edit => &[("Enter", "write into the protocol's file"), ("Esc", "leave as it was")],
            Purpose::Command => &[("Enter", "do it"), ("Tab", "complete"), ("Esc", "leave")],
            Purpose::ProtocolSearch | Purpose::GeneSearch | Purpose::LogSearch => &[("Enter", "keep"), ("Esc", "all again")],
        }
    } else if model.help.is_some() {
        &[("jk", "scroll"), ("Esc", "close")]
    } else {
        &[]
    };
    let ascii = pen.look.ascii;
    let mut shown: Vec<(&str, &str)> = fixed.to_vec();
    let last: &[(&str, &str)] = if fixed.is_empty() { &[("?", "help"), ("q", "quit")] } else { &[] };
    let width_of = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, w)| k.width() + w.width() + 3).sum::<usize>();
    if fixed.is_empty() {
        let mut wanted: Vec<_> = BINDINGS
            .iter()
            .filter(|b| !b.hint.is_empty() && b.rank > 2 && works_on(b, model.screen.now) && matters(b.action, model))
            .collect();
        wanted.sort_by_key(|b| b.rank);
        for binding in wanted {
            let pair = (if ascii { binding.shown.1 } else { binding.shown.0 }, hint_of(binding.action, binding.hint, model));
            if width_of(&shown) + width_of(&[pair]) + width_of(last) <= usize::from(line.width) + 2 {
                shown.push(pair);
            }
        }
    }
    let mut x = line.x;
    for (key, word) in &shown {
        x += pen.pieces(
            x,
            line.y,
            line.right().saturating_sub(x),
            &[(key, Role::Accent), (" ", Role::Plain), (word, Role::Quiet), ("  ", Role::Plain)],
        );
    }
    let tail = width_of(last).saturating_sub(2) as u16;
    let mut x = line.right().saturating_sub(tail).max(x.min(line.right()));
    for (key, word) in last {
        x += pen.pieces(
            x,
            line.y,
            line.right().saturating_sub(x),
            &[(key, Role::Accent), (" ", Role::Plain), (word, Role::Quiet), ("  ", Role::Plain)],
        );
    }
}

/// Whether an action would do something now; the hint bar names only those that would.
fn matters(action: Action, model: &Model) -> bool {
    if model.sheet.is_some() {
        let refused = matches!(model.sheet.as_ref().map(|s| &s.body), Some(SheetBody::Failure(_, Some(_))));
        return match action {
            Action::Back | Action::Up => true,
            Action::LockDirty => refused,
            Action::Audit | Action::Lock => !refused && fits_state(action, model),
            _ => false,
        };
    }
    // On a whole screen of maps the keys of the maps come first.
    if model.large
        && model.screen.now == Screen::Results
        && matches!(action, Action::Lock | Action::Audit | Action::Search | Action::Sort | Action::Deeper)
    {
        return false;
    }
    let empty = model.protocols.good().is_some_and(Vec::is_empty);
    match action {
        Action::InitDemo => empty,
        Action::Pause => matches!(model.run.good().map(|r| r.state), Some(RunState::Running | RunState::Paused)),
        Action::Stop | Action::Detach => model.run_is_live(),
        Action::Run | Action::Lock | Action::Audit => fits_state(action, model),
        Action::LockDirty => false,
        Action::StopAudit => model.audit_at_work().is_some(),
        Action::Override | Action::Edit => model.walk.good().is_some(),
        Action::DropOverrides => !model.overrides.is_empty(),
        Action::Next => match model.screen.now {
            Screen::Run => model.shown_runs().len() > 1,
            Screen::Results => model.results.good().is_some_and(|r| r.slides.len() > 1),
            Screen::Audit => model.shown_audit().is_some(),
            _ => model.walk.good().is_some(),
        },
        Action::Sort | Action::Scale | Action::Panes | Action::Nearer | Action::Compare => model.results.good().is_some(),
        Action::Whole | Action::Pan(..) => model.zoom.times > 1,
        Action::Large => model.screen.now == Screen::Results && model.results.good().is_some(),
        Action::Back => !model.screen.trail.is_empty() || model.large,
        Action::Deeper => model.chosen.is_some() && (model.screen.now < Screen::Results || something(model)),
        Action::Up | Action::Search => something(model),
        _ => true,
    }
}

/// Whether the list of the present screen has a line.
fn something(model: &Model) -> bool {
    match model.screen.now {
        Screen::Protocols => model.protocols.good().is_some_and(|p| !p.is_empty()),
        Screen::Walk => model.walk.good().is_some(),
        Screen::Run => model.run.good().is_some_and(|r| !r.log.is_empty()),
        Screen::Results => model.results.good().is_some_and(|r| !r.genes.is_empty()),
        Screen::Audit => model.shown_audit().is_some(),
        Screen::Reports => model.reports.good().is_some_and(|f| !f.is_empty()),
    }
}

/// Whether where the protocol stands asks for an action.
fn fits_state(action: Action, model: &Model) -> bool {
    use ProtocolState::{Done, Drifted, Locked, Running, Stale};
    let Some(card) = model.card() else { return false };
    match action {
        Action::Run if model.screen.now >= Screen::Results => !something(model) && card.missing.is_empty() && card.state != Running,
        Action::Run => card.state != Running && !model.run_is_live() && card.missing.is_empty(),
        Action::Lock => matches!(card.state, Done | Stale | Drifted),
        Action::Audit => matches!(card.state, Locked | Stale | Drifted) && model.audit_at_work().is_none(),
        _ => false,
    }
}

/// Some keys deserve a word of their own on a screen.
fn hint_of(action: Action, usual: &'static str, model: &Model) -> &'static str {
    match (action, model.screen.now) {
        (Action::Deeper, Screen::Protocols) => "walk",
        (Action::Deeper, Screen::Walk) => "its run",
        (Action::Deeper, Screen::Run) => "results",
        (Action::Deeper, Screen::Results) => "figures",
        (Action::Deeper, Screen::Audit) => "open, close",
        (Action::Deeper, Screen::Reports) => "enlarge",
        (Action::Up, _) if model.sheet.is_some() => "scroll",
        (Action::Back, _) if model.sheet.is_some() => "close",
        (Action::Pause, _) if model.run.good().is_some_and(|r| r.state == RunState::Paused) => "go on",
        (Action::Up, Screen::Run) => "log",
        (Action::Up, Screen::Results) => "gene",
        (Action::Large, Screen::Results) if model.large => "smaller",
        (Action::Panes, _) if model.panes != super::panes::Panes::Together || model.large => "one map",
        (Action::Up, Screen::Walk) => "step",
        (Action::Up, Screen::Reports) => "figure",
        (Action::Audit, Screen::Audit) => "audit at this level",
        (Action::Run, _) if model.card().is_some_and(|c| c.state == ProtocolState::Stopped) => "go on",
        _ => usual,
    }
}

/// What a pane says while it has nothing to show. Returns whether there is something.
pub fn ready<'a, T>(pen: &mut Pen<'_>, area: Rect, load: &'a Load<T>, none: &str) -> Option<&'a T> {
    if let Some(failure) = &load.failure {
        pen.failure(area, failure);
        return None;
    }
    if load.value.is_none() {
        let words = if load.asked.is_some() { "reading" } else { none };
        pen.wrapped(area, 0, words, Role::Quiet);
    }
    load.value.as_ref()
}
