//! What each action does on each screen.

use super::answers::show_newest_run;
use super::moves::{by, settle};
use super::turn::{ask, ask_protocols, ask_runs, ask_status, ask_walk, search};
use crate::tui::action::{Action, Screen};
use crate::tui::facts::RunId;
use crate::tui::field::Field;
use crate::tui::message::{Effect, Request};
use crate::tui::model::{Model, Purpose, Sheet, SheetBody};

const FAR: isize = 1_000_000;

/// Does what a key asks for. `armed` says that `q` was pressed just before, where something would be lost.
pub fn act(model: &mut Model, effects: &mut Vec<Effect>, action: Action, armed: bool) {
    // What lies over the screen takes the keys that close and scroll it.
    match action {
        Action::Back | Action::Quit | Action::Help | Action::Deeper if model.help.is_some() => model.help = None,
        Action::Back | Action::Quit | Action::Deeper if model.sheet.is_some() => model.sheet = None,
        Action::Up => by(model, effects, -1),
        Action::Down => by(model, effects, 1),
        Action::PageUp => by(model, effects, -page(model)),
        Action::PageDown => by(model, effects, page(model)),
        Action::First => by(model, effects, -FAR),
        Action::Last => by(model, effects, FAR),
        Action::Help => model.help = Some(0),
        Action::Redraw => {
            effects.push(Effect::Redraw);
            ask_status(model, effects);
            ask_protocols(model, effects);
            arrive(model, effects, true);
        }
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Quit => quit(model, effects, armed),
        Action::Go(screen) => go(model, effects, screen),
        Action::NextScreen => turn(model, effects, 1),
        Action::PreviousScreen => turn(model, effects, Screen::ALL.len() - 1),
        Action::Deeper => deeper(model, effects),
        Action::Back => back(model, effects),
        Action::Forward => {
            if let Some(screen) = model.screen.ahead.pop() {
                let ahead = std::mem::take(&mut model.screen.ahead);
                go(model, effects, screen);
                model.screen.ahead = ahead;
            }
        }
        Action::Search => {
            let (purpose, text) = match model.screen.now {
                Screen::Protocols => (Purpose::ProtocolSearch, model.protocol_search.clone()),
                Screen::Run => (Purpose::LogSearch, model.log_search.clone()),
                _ => (Purpose::GeneSearch, model.gene_search.clone()),
            };
            model.sheet = None;
            model.field = Some((purpose, Field::with(&text)));
        }
        Action::Command => {
            model.sheet = None;
            model.help = None;
            model.said_back = 0;
            model.field = Some((Purpose::Command, Field::default()));
        }
        Action::LogLevel => {
            use crate::tui::facts::Level;
            model.log_level = match model.log_level {
                Level::Info => Level::Warning,
                Level::Warning => Level::Error,
                Level::Error => Level::Info,
            };
            model.log_back = 0;
        }
        Action::Copy => copy(model, effects),
        Action::InitDemo => ask(model, effects, Request::InitDemo),
        Action::Run => run(model, effects),
        Action::Stop => stop(model, effects),
        Action::Pause => pause(model, effects),
        Action::Detach => detach(model, effects),
        Action::Lock => on_chosen(model, effects, "Lock of", |name| Request::Lock(name, false)),
        Action::LockDirty => {
            // Only where a refusal was just read; elsewhere a slipped Shift must not lock a dirty tree.
            let refused = model.sheet.as_ref().is_some_and(|s| matches!(s.body, SheetBody::Failure(_, Some(_))));
            on_chosen(model, effects, "Lock of", |name| Request::Lock(name, refused));
        }
        Action::Audit => audit(model, effects),
        Action::StopAudit => {
            if model.audit_at_work().is_some() {
                model.notice = Some("asking the audit to end".into());
                ask(model, effects, Request::StopAudit);
            } else {
                model.notice = Some("no audit is at work".into());
            }
        }
        Action::Override => {
            let step = model.walk.good().and_then(|w| w.steps.get(model.step));
            let text = step.and_then(|s| s.parameters.get(model.parameter)).map(|p| format!("{}={}", p.key, p.value));
            model.field = Some((Purpose::Override, Field::with(&text.unwrap_or_default())));
        }
        Action::Edit => {
            let step = model.walk.good().and_then(|w| w.steps.get(model.step));
            if let Some(p) = step.and_then(|s| s.parameters.get(model.parameter)) {
                model.field = Some((Purpose::Edit, Field::with(&format!("{}={}", p.key, p.value))));
            } else {
                model.notice = Some("this step has no parameter to write".into());
            }
        }
        Action::DropOverrides => {
            model.overrides.clear();
            model.notice = Some("no overrides: every value is the protocol's own".into());
            ask_walk(model, effects);
        }
        Action::Next => side(model, effects, 1),
        Action::Previous => side(model, effects, -1),
        Action::Sort => {
            model.sort = model.sort.next();
            model.gene = 0;
            settle(model, effects);
        }
        Action::Reverse => {
            model.reversed = !model.reversed;
            model.gene = 0;
            settle(model, effects);
        }
        Action::Scale => model.own_scales = !model.own_scales,
        Action::Large => enlarge(model, effects),
        Action::Panes => {
            model.panes = model.panes.next();
            settle(model, effects);
        }
        Action::Nearer => model.zoom = model.zoom.nearer(),
        Action::Farther => model.zoom = model.zoom.farther(),
        Action::Whole => model.zoom = Default::default(),
        Action::Pan(right, down) => model.zoom = model.zoom.moved(right, down),
        Action::Compare => {
            on_chosen(model, effects, "Two runs of", Request::Compare);
            if let Some(sheet) = model.sheet.as_mut().filter(|s| matches!(s.waits_for, Some(Request::Compare(_)))) {
                sheet.body = SheetBody::Words("The newest run is held against the one before it. Esc closes this.".into());
            }
        }
    }
}

/// Gives the clipboard what the screen is about: a path, a name, or the command that says the same.
fn copy(model: &mut Model, effects: &mut Vec<Effect>) {
    let figure = model.reports.good().and_then(|f| f.get(model.figure)).map(|f| f.path.display().to_string());
    let text = match model.screen.now {
        Screen::Reports if figure.is_some() => figure,
        Screen::Run if model.run_id().is_some() => model.run_id().map(|r| r.0.clone()),
        screen => model.chosen.as_ref().map(|name| screen.command().replace("PROTOCOL", name)),
    };
    let Some(text) = text else { return };
    model.notice = Some(format!("given to the clipboard, where the terminal allows it: {text}"));
    effects.push(Effect::Copy(text));
}

/// Gives the picture the whole body, or takes it back. A picture by graphics is made for its pane, so another is asked.
fn enlarge(model: &mut Model, effects: &mut Vec<Effect>) {
    model.large = !model.large;
    settle(model, effects);
}

fn page(model: &Model) -> isize {
    (model.body_height() / 2).max(1).cast_signed()
}

pub(super) fn go(model: &mut Model, effects: &mut Vec<Effect>, screen: Screen) {
    model.help = None;
    model.sheet = None;
    if model.screen.now == screen {
        return;
    }
    let from = model.screen.now;
    model.screen.trail.retain(|s| *s != screen && *s != from);
    model.screen.trail.push(from);
    model.screen.ahead.clear();
    model.screen.now = screen;
    model.large = false;
    arrive(model, effects, false);
}

fn turn(model: &mut Model, effects: &mut Vec<Effect>, by: usize) {
    let at = Screen::ALL.iter().position(|s| *s == model.screen.now).unwrap_or(0);
    go(model, effects, Screen::ALL[(at + by) % Screen::ALL.len()]);
}

/// Asks for what the present screen shows.
pub(super) fn arrive(model: &mut Model, effects: &mut Vec<Effect>, anew: bool) {
    match (model.screen.now, model.chosen.clone()) {
        (Screen::Protocols, _) => {
            ask_protocols(model, effects);
            let chosen = model.chosen.clone();
            if let Some(at) = model.shown_protocols().iter().position(|c| Some(&c.name) == chosen.as_ref()) {
                model.protocol_cursor = at;
            }
        }
        (Screen::Walk, _) => ask_walk(model, effects),
        (Screen::Run, _) => {
            ask_runs(model, effects);
            if let Some(request) = model.run.asked.clone() {
                ask(model, effects, request);
            }
            show_newest_run(model, effects);
        }
        (Screen::Results, Some(name)) => {
            let request = Request::Results(name);
            if anew {
                model.map = Default::default();
                model.tissue = Default::default();
            }
            model.results.ask(&request);
            ask(model, effects, request);
        }
        (Screen::Audit, Some(name)) => {
            let request = Request::Locked(name);
            if model.locked.asked.as_ref() != Some(&request) {
                model.audit_row = 0;
                model.turned.clear();
            }
            model.locked.ask(&request);
            ask(model, effects, request);
        }
        (Screen::Reports, Some(name)) => {
            let request = Request::Reports(name);
            if anew {
                model.picture = Default::default();
            }
            model.reports.ask(&request);
            ask(model, effects, request);
        }
        _ => {}
    }
    settle(model, effects);
}

fn deeper(model: &mut Model, effects: &mut Vec<Effect>) {
    match model.screen.now {
        Screen::Protocols if model.chosen.is_some() => go(model, effects, Screen::Walk),
        Screen::Walk => go(model, effects, Screen::Run),
        Screen::Run => go(model, effects, Screen::Results),
        Screen::Results => go(model, effects, Screen::Reports),
        Screen::Audit => turn_node(model),
        Screen::Reports => enlarge(model, effects),
        Screen::Protocols => {}
    }
}

fn back(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.large {
        enlarge(model, effects);
    } else if model.screen.now == Screen::Protocols && !model.protocol_search.is_empty() {
        search(model, effects, Purpose::ProtocolSearch, String::new());
    } else if model.screen.now == Screen::Results && !model.gene_search.is_empty() {
        search(model, effects, Purpose::GeneSearch, String::new());
    } else if model.screen.now == Screen::Run && !model.log_search.is_empty() {
        search(model, effects, Purpose::LogSearch, String::new());
    } else if let Some(screen) = model.screen.trail.pop() {
        model.screen.ahead.retain(|s| *s != model.screen.now);
        model.screen.ahead.push(model.screen.now);
        model.screen.now = screen;
        arrive(model, effects, false);
    }
}

fn side(model: &mut Model, effects: &mut Vec<Effect>, by: isize) {
    match model.screen.now {
        Screen::Walk => {
            model.parameter = model.parameter.saturating_add_signed(by);
            settle(model, effects);
        }
        Screen::Results => {
            let slides = model.results.good().map_or(0, |r| r.slides.len());
            if slides > 0 {
                let to = (model.slide + slides).saturating_add_signed(by) % slides;
                if to != model.slide {
                    model.zoom = Default::default();
                }
                model.slide = to;
                settle(model, effects);
            }
        }
        Screen::Run => {
            let ids: Vec<RunId> = model.shown_runs().iter().map(|r| r.id.clone()).collect();
            let at = ids.iter().position(|id| Some(id) == model.run_id()).unwrap_or(0);
            let to = at.saturating_add_signed(by).min(ids.len().saturating_sub(1));
            if let Some(id) = ids.get(to).filter(|id| Some(*id) != model.run_id()) {
                // A run at work of another protocol brings that protocol along: the keys mean what is on the screen.
                let protocol = model.shown_runs().get(to).map(|r| crate::tui::model::base(&r.protocol).to_owned());
                super::moves::choose(model, protocol);
                let request = Request::Run(id.clone());
                model.run.ask(&request);
                model.log_back = 0;
                ask(model, effects, request);
            }
        }
        Screen::Audit => model.depth = model.depth.moved(by),
        Screen::Protocols | Screen::Reports => {}
    }
}

pub(super) fn run(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(name) = model.chosen.clone() else { return };
    if model.chosen_is_running() || model.run_is_live() {
        model.notice = Some(format!("{name} is at work already"));
    } else {
        let request = Request::Start(name, model.overrides.clone());
        ask(model, effects, request);
        model.notice = Some("starting the run".into());
    }
    go(model, effects, Screen::Run);
}

pub(super) fn stop(model: &mut Model, effects: &mut Vec<Effect>) {
    match model.run_id().cloned() {
        Some(id) if model.run_is_live() => {
            model.notice = Some("asking the run to stop".into());
            ask(model, effects, Request::Stop(id));
        }
        _ => model.notice = Some("no run is at work here".into()),
    }
}

fn pause(model: &mut Model, effects: &mut Vec<Effect>) {
    use crate::tui::facts::RunState;
    match (model.run_id().cloned(), model.run.value.as_ref().map(|r| r.state)) {
        (Some(id), Some(RunState::Paused)) => ask(model, effects, Request::Pause(id, false)),
        (Some(id), Some(RunState::Running)) => ask(model, effects, Request::Pause(id, true)),
        _ => model.notice = Some("no run is at work here".into()),
    }
}

fn detach(model: &mut Model, effects: &mut Vec<Effect>) {
    let live = model.run_is_live();
    go(model, effects, Screen::Protocols);
    if live {
        model.notice = Some("the run goes on by itself; 3 looks at it again".into());
    }
}

/// Audits the chosen protocol, on the Audit screen at the level chosen there; elsewhere at no more than the usual level, since
/// the deeper ones take their time.
pub(super) fn audit(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(name) = model.chosen.clone() else {
        model.notice = Some("choose a protocol first".into());
        return;
    };
    if model.screen.now != Screen::Audit {
        model.depth = Default::default();
        go(model, effects, Screen::Audit);
    }
    model.sheet = None;
    if let Some((other, _)) = model.audit_at_work() {
        model.notice = Some(format!("an audit of {other} is at work; s ends it"));
        return;
    }
    let request = Request::Audit(name, model.depth);
    model.audit.asked = Some(request.clone());
    model.audit.failure = None;
    model.audit_progress = Default::default();
    ask(model, effects, request);
    super::turn::ask_audit_progress(model, effects);
}

/// Opens or closes the node under the cursor; from a thing, the node that it lies in.
fn turn_node(model: &mut Model) {
    let rows = model.audit_rows();
    let Some(row) = rows.get(model.audit_row) else { return };
    let (node, to) = match row.open {
        Some(_) => (row.node, model.audit_row),
        None => {
            let above = rows[..model.audit_row].iter().rposition(|r| r.open.is_some()).unwrap_or(0);
            (rows[above].node, above)
        }
    };
    if !model.turned.remove(&node) {
        model.turned.insert(node);
    }
    model.audit_row = to;
}

/// Opens a drawer that says what is being done, and asks.
pub(super) fn on_chosen(model: &mut Model, effects: &mut Vec<Effect>, doing: &str, request: impl FnOnce(String) -> Request) {
    let Some(name) = model.chosen.clone() else {
        model.notice = Some("choose a protocol first".into());
        return;
    };
    let title = format!("{doing} {name}");
    let request = request(name);
    let words = "Files are being read and hashed. Esc closes this; the answer opens it again.".to_owned();
    model.sheet = Some(Sheet { title, body: SheetBody::Words(words), scroll: 0, waits_for: Some(request.clone()) });
    ask(model, effects, request);
}

/// Ends. Asks only when overrides were given that no run has used.
pub(super) fn quit(model: &mut Model, effects: &mut Vec<Effect>, armed: bool) {
    if !model.overrides.is_empty() && !model.overrides_used && !armed {
        model.quit_armed = true;
        model.notice = Some("the overrides are not saved anywhere; q again leaves without them".into());
        return;
    }
    let running = model.status.value.as_ref().map(|s| s.running.as_slice()).unwrap_or_default();
    let words = running.iter().map(|(id, protocol)| {
        format!("pinfold: run {} of {protocol} goes on by itself; look again with: pinfold, or pinfold status", id.0)
    });
    let words: Vec<String> = words.collect();
    effects.push(Effect::Quit(if words.is_empty() { None } else { Some(words.join("\n")) }));
}
