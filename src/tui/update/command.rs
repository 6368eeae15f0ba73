//! The command line: the program's own words. What a screen shows, the screen shows; the rest is run as a shell would run it, and
//! its output stands in a drawer.

use super::actions::{act, arrive, go, on_chosen, run};
use super::turn::{ask, set_override};
use crate::tui::action::{Action, Screen};
use crate::tui::message::{Effect, Request};
use crate::tui::model::{Model, Sheet, SheetBody};

/// Words that only the workbench knows.
const OWN: [&str; 3] = ["quit", "set", "walk"];
/// Earlier commands that are kept.
const KEPT: usize = 100;

/// Splits a line into words; quotes hold words together. An open quote ends with the line.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            None => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Does what a line says.
pub fn give(model: &mut Model, effects: &mut Vec<Effect>, text: &str) {
    let mut words = split(text);
    if words.first().is_some_and(|w| w == "pinfold") {
        words.remove(0);
    }
    if words.is_empty() {
        return;
    }
    model.said.retain(|s| s != text);
    model.said.push(text.to_owned());
    let surplus = model.said.len().saturating_sub(KEPT);
    model.said.drain(..surplus);
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        ["q" | "quit" | "exit"] => act(model, effects, Action::Quit, false),
        ["help"] => act(model, effects, Action::Help, false),
        ["set", pair] => set_override(model, effects, pair),
        ["list"] => go(model, effects, Screen::Protocols),
        ["status" | "runs" | "attach"] => go(model, effects, Screen::Run),
        ["stop"] => act(model, effects, Action::Stop, false),
        [word @ ("walk" | "run" | "lock" | "audit" | "report"), rest @ ..] if rest.len() < 2 => {
            if let Some(name) = rest.first()
                && !choose(model, effects, name)
            {
                model.notice = Some(format!("no protocol '{name}' here; Tab completes names"));
                return;
            }
            match *word {
                "walk" => go(model, effects, Screen::Walk),
                "run" => run(model, effects),
                "lock" => on_chosen(model, effects, "Lock of", |name| Request::Lock(name, false)),
                "audit" => on_chosen(model, effects, "Audit of", Request::Audit),
                _ => go(model, effects, Screen::Reports),
            }
        }
        [word, ..] if known(model).iter().any(|k| k == word) => {
            // A run is a process of its own here too.
            if matches!(*word, "run" | "resume")
                && !plain.contains(&"--detach")
                && !plain.contains(&"--dry-run")
                && !plain.contains(&"--help")
            {
                words.push("--detach".into());
            }
            let request = Request::Command(words);
            let title = format!("pinfold {text}");
            let waits = "At work. Esc closes this; the answer opens it again.".to_owned();
            model.sheet = Some(Sheet { title, body: SheetBody::Words(waits), scroll: 0, waits_for: Some(request.clone()) });
            ask(model, effects, request);
        }
        [word, ..] => model.notice = Some(format!("no command '{word}'; :help lists the keys, Tab completes commands")),
        [] => {}
    }
}

/// Puts the cursor on a protocol. False where there is none of that name.
fn choose(model: &mut Model, effects: &mut Vec<Effect>, name: &str) -> bool {
    if !model.protocols.good().is_some_and(|all| all.iter().any(|c| c.name == name)) {
        return false;
    }
    if model.chosen.as_deref() != Some(name) {
        model.protocol_search.clear();
        model.protocol_cursor = model.shown_protocols().iter().position(|c| c.name == name).unwrap_or(0);
        super::moves::choose(model, Some(name.to_owned()));
        // What is on the screen must not be the other protocol's.
        arrive(model, effects, true);
    }
    true
}

fn known(model: &Model) -> Vec<String> {
    let commands = model.commands.good().map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<String> = commands.iter().map(|(name, _)| name.clone()).chain(OWN.map(str::to_owned)).collect();
    all.sort();
    all.dedup();
    all
}

/// What the last word of a line may become: commands first, then the names of protocols.
pub fn candidates(model: &Model, text: &str) -> Vec<String> {
    let words = split(text);
    let fresh = text.is_empty() || text.ends_with(char::is_whitespace);
    let (place, start) = if fresh { (words.len(), "") } else { (words.len().saturating_sub(1), words.last().map_or("", String::as_str)) };
    let all = if place == 0 {
        known(model)
    } else {
        model.protocols.good().map(|p| p.iter().map(|c| c.name.clone()).collect()).unwrap_or_default()
    };
    all.into_iter().filter(|w| w.starts_with(start)).collect()
}

/// The line with its last word completed as far as all candidates agree.
pub fn complete(model: &Model, text: &str) -> String {
    let found = candidates(model, text);
    let Some(first) = found.first() else { return text.to_owned() };
    let agreed = found.iter().skip(1).fold(first.as_str(), |agreed, word| {
        let same =
            agreed.char_indices().zip(word.chars()).find(|((_, a), b)| a != b).map_or(agreed.len().min(word.len()), |((at, _), _)| at);
        &agreed[..same]
    });
    let kept = text.rfind(char::is_whitespace).map_or("", |at| &text[..=at]);
    // A single candidate is a whole word.
    format!("{kept}{agreed}{}", if found.len() == 1 { " " } else { "" })
}

/// An earlier command, or a later one; the empty line after the last.
pub fn earlier(model: &mut Model, back: bool) -> Option<String> {
    let to = if back { model.said_back + 1 } else { model.said_back.saturating_sub(1) };
    if to > model.said.len() {
        return None;
    }
    model.said_back = to;
    Some(if to == 0 { String::new() } else { model.said[model.said.len() - to].clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::model::Load;

    #[test]
    fn words_and_quotes() {
        assert_eq!(split("run demo  --set 'a = 1'"), ["run", "demo", "--set", "a = 1"]);
        assert_eq!(split("a \"\" \"open quote"), ["a", "", "open quote"]);
        assert!(split("  ").is_empty());
    }

    #[test]
    fn completion_goes_as_far_as_all_agree() {
        let commands = ["run", "resume", "report", "lock"].map(|w| (w.to_owned(), String::new())).to_vec();
        let model = Model { commands: Load { value: Some(commands), ..Load::default() }, ..Model::default() };
        assert_eq!(complete(&model, "re"), "re");
        assert_eq!(candidates(&model, "re"), ["report", "resume"]);
        assert_eq!(complete(&model, "l"), "lock ");
        assert_eq!(complete(&model, "nothing"), "nothing");
        assert_eq!(complete(&model, "run x"), "run x");
    }

    #[test]
    fn earlier_commands_come_back() {
        let mut model = Model { said: vec!["a".into(), "b".into()], ..Model::default() };
        let mut up = |back| earlier(&mut model, back);
        assert_eq!([up(true), up(true), up(true)], [Some("b".into()), Some("a".into()), None]);
        assert_eq!([up(false), up(false), up(false)], [Some("b".into()), Some(String::new()), Some(String::new())]);
    }
}
