//! One turn: a message comes in, the state changes, effects go out.

use super::{actions, answers, command};
use crate::tui::action::{Screen, action_of};
use crate::tui::field::Field;
use crate::tui::graphics::Knowledge;
use crate::tui::message::{Effect, Message, Request};
use crate::tui::model::{Model, Purpose};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is asked at the start.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    ask_status(model, &mut effects);
    ask_protocols(model, &mut effects);
    ask(model, &mut effects, Request::Runs);
    model.commands.ask(&Request::Commands);
    ask(model, &mut effects, Request::Commands);
    effects
}

/// Changes the state by one message and says what is to be done.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    match message {
        Message::Resize(columns, rows) => {
            model.size = (columns, rows);
            // A picture has the size of its pane.
            super::moves::settle(model, &mut effects);
        }
        Message::Terminal(graphics) => {
            model.graphics = Knowledge::Known(graphics);
            // A terminal that did not understand the question may have shown it.
            effects.push(Effect::Redraw);
            super::moves::settle(model, &mut effects);
        }
        Message::Tick => tick(model, &mut effects),
        Message::Wheel(notches) => super::moves::by(model, &mut effects, 3 * notches),
        Message::Click(column, 0) => {
            if let Some(screen) = crate::tui::view::tab_at(model, column) {
                actions::go(model, &mut effects, screen);
            }
        }
        Message::Click(..) => {}
        Message::Answer(request, answer) => {
            model.pending.remove(&request);
            answers::take(model, &mut effects, request, answer);
        }
        Message::Paste(text) => {
            if let Some((_, field)) = &mut model.field {
                field.insert(&text);
                follow_search(model, &mut effects);
            }
        }
        Message::Key(pressed) => key(model, &mut effects, pressed),
    }
    effects
}

fn key(model: &mut Model, effects: &mut Vec<Effect>, pressed: KeyEvent) {
    model.notice = None;
    if model.field.is_some() && !pressed.modifiers.contains(KeyModifiers::CONTROL) | is_edit(pressed) {
        return field_key(model, effects, pressed);
    }
    let armed = std::mem::take(&mut model.quit_armed);
    if let Some(action) = action_of(model.screen.now, pressed) {
        actions::act(model, effects, action, armed);
    }
}

/// Control keys that edit; the others keep their meaning while a field is open.
fn is_edit(pressed: KeyEvent) -> bool {
    matches!(pressed.code, KeyCode::Char('a' | 'e' | 'k' | 'u' | 'w'))
}

fn field_key(model: &mut Model, effects: &mut Vec<Effect>, pressed: KeyEvent) {
    let Some((purpose, mut field)) = model.field.take() else { return };
    match pressed.code {
        KeyCode::Enter => {
            let text = field.text();
            match purpose {
                Purpose::Override => set_override(model, effects, text.trim()),
                Purpose::Edit => edit(model, effects, text.trim()),
                Purpose::Command => command::give(model, effects, text.trim()),
                Purpose::ProtocolSearch | Purpose::GeneSearch | Purpose::LogSearch => {}
            }
        }
        KeyCode::Tab if purpose == Purpose::Command => {
            let text = command::complete(model, &field.text());
            model.field = Some((purpose, Field::with(&text)));
        }
        KeyCode::Up | KeyCode::Down if purpose == Purpose::Command => {
            let text = command::earlier(model, pressed.code == KeyCode::Up);
            model.field = Some((purpose, text.map_or(field, |t| Field::with(&t))));
        }
        KeyCode::Esc => match purpose {
            Purpose::ProtocolSearch => search(model, effects, purpose, String::new()),
            Purpose::GeneSearch | Purpose::LogSearch => search(model, effects, purpose, String::new()),
            Purpose::Override | Purpose::Edit | Purpose::Command => {}
        },
        // The list can be walked while one types.
        KeyCode::Up | KeyCode::Down if !matches!(purpose, Purpose::Override | Purpose::Edit) => {
            model.field = Some((purpose, field));
            super::moves::by(model, effects, if pressed.code == KeyCode::Up { -1 } else { 1 });
        }
        _ => {
            field.key(pressed);
            model.field = Some((purpose, field));
            follow_search(model, effects);
        }
    }
}

/// The list follows the search as it is typed.
fn follow_search(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some((purpose, field)) = &model.field else { return };
    let (purpose, text) = (*purpose, field.text());
    search(model, effects, purpose, text);
}

/// Narrows a list. The cursor goes to the first hit.
pub fn search(model: &mut Model, effects: &mut Vec<Effect>, purpose: Purpose, text: String) {
    match purpose {
        Purpose::ProtocolSearch if model.protocol_search != text => {
            model.protocol_search = text;
            model.protocol_cursor = 0;
            super::moves::settle(model, effects);
        }
        Purpose::LogSearch if model.log_search != text => {
            model.log_search = text;
            model.log_back = 0;
        }
        Purpose::GeneSearch if model.gene_search != text => {
            model.gene_search = text;
            model.gene = 0;
            super::moves::settle(model, effects);
        }
        _ => {}
    }
}

/// Takes `key=value` in place of an earlier override of the same key.
pub fn set_override(model: &mut Model, effects: &mut Vec<Effect>, text: &str) {
    let Some((key, value)) = text.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
        model.notice = Some("an override is written key=value, as in train.epochs=2".into());
        model.field = Some((Purpose::Override, Field::with(text)));
        return;
    };
    model.overrides_used = false;
    model.overrides.retain(|o| o.split_once('=').map(|(k, _)| k.trim()) != Some(key));
    if !value.is_empty() {
        model.overrides.push(format!("{key}={value}"));
    }
    ask_walk(model, effects);
}

/// Writes `key=value` into the chosen protocol's file.
fn edit(model: &mut Model, effects: &mut Vec<Effect>, text: &str) {
    let Some(name) = model.chosen.clone() else { return };
    if !text.contains('=') {
        model.notice = Some("a line of the file is written key=value, as in train.epochs=2".into());
        model.field = Some((Purpose::Edit, Field::with(text)));
        return;
    }
    ask(model, effects, Request::Edit(name, text.to_owned()));
}

/// Every half second: a live run on the screen is looked at each time, everything else every five seconds.
fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    model.ticks += 1;
    let slow = model.ticks.is_multiple_of(10);
    if model.screen.now == Screen::Run
        && (slow || model.run_is_live())
        && let Some(request) = model.run.asked.clone()
    {
        ask(model, effects, request);
    }
    let several = model.status.value.as_ref().is_some_and(|s| s.running.len() > 1);
    if model.screen.now == Screen::Run && several {
        model.glances.ask(&Request::Glances);
        ask(model, effects, Request::Glances);
    } else if !several {
        model.glances = Default::default();
    }
    if model.audit_at_work().is_some() {
        ask_audit_progress(model, effects);
    }
    if slow {
        ask_status(model, effects);
        match model.screen.now {
            Screen::Protocols => ask_protocols(model, effects),
            Screen::Run => ask_runs(model, effects),
            _ => {}
        }
    }
}

/// Asks, unless the same question is on its way.
pub fn ask(model: &mut Model, effects: &mut Vec<Effect>, request: Request) {
    if model.pending.insert(request.clone()) {
        effects.push(Effect::Ask(request));
    }
}

/// Asks for the bottom line.
pub fn ask_status(model: &mut Model, effects: &mut Vec<Effect>) {
    model.status.ask(&Request::Status);
    ask(model, effects, Request::Status);
}

/// Asks how far the audit is.
pub fn ask_audit_progress(model: &mut Model, effects: &mut Vec<Effect>) {
    model.audit_progress.ask(&Request::AuditProgress);
    ask(model, effects, Request::AuditProgress);
}

/// Asks for the protocols.
pub fn ask_protocols(model: &mut Model, effects: &mut Vec<Effect>) {
    model.protocols.ask(&Request::Protocols);
    ask(model, effects, Request::Protocols);
}

/// Asks for the runs.
pub fn ask_runs(model: &mut Model, effects: &mut Vec<Effect>) {
    model.runs.ask(&Request::Runs);
    ask(model, effects, Request::Runs);
}

/// Asks for the steps of the chosen protocol.
pub fn ask_walk(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(name) = model.chosen.clone() else { return };
    let request = Request::Walk(name, model.overrides.clone());
    model.walk.ask(&request);
    ask(model, effects, request);
}
