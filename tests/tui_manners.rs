//! Manners: any keys at any size, silence when idle, few bytes when not.

mod tui_fake;

use pinfold::base::Draw;
use pinfold::tui::action::{BINDINGS, Screen};
use pinfold::tui::facts::RunState;
use pinfold::tui::graphics::{Form, Graphics, Knowledge, place};
use pinfold::tui::model::Purpose;
use pinfold::tui::output::Output;
use pinfold::tui::{Look, Message, Model};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tui_fake::{Desk, FakeFacts, PLAIN};

/// A writer that keeps what it is given where the test can see it.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Wire {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().expect("lock"))
    }
}

#[test]
fn a_hundred_thousand_random_keys() {
    let sizes = [(80, 24), (200, 50), (60, 20), (20, 5), (33, 9), (1, 1), (0, 0), (5, 40), (300, 3)];
    let looks = [PLAIN, Look { colours: pinfold::tui::look::Colours::None, ascii: true, blocks: false }];
    let characters: Vec<char> = "123456jkgG/?irlLaexsdoOczqy:[]wfp \u{e9}=.".chars().collect();
    let special = [KeyCode::Enter, KeyCode::Esc, KeyCode::Up, KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::Tab, KeyCode::BackTab];
    let more = [
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(3),
        KeyCode::Insert,
    ];
    // Every key that means something somewhere, Ctrl-Z's kind too.
    let bound: Vec<(KeyCode, KeyModifiers)> = BINDINGS.iter().flat_map(|b| b.keys.iter().copied()).collect();
    let mut draw = Draw::keyed(20_261_122, "random keys", &[]);
    let mut pick = |n: usize| (draw.u32() as usize) % n;
    let starts = [None, Some(RunState::Running), Some(RunState::Done), Some(RunState::Failed), Some(RunState::Stopped)];
    let mut pressed = 0;
    for round in 0..200 {
        let start = starts[pick(starts.len())];
        let facts = FakeFacts::with(|w| (w.run, w.initialised, w.broken) = (start, round % 7 != 0, round % 11 == 10));
        let mut desk = Desk::open(facts, looks[round % 2], sizes[round % sizes.len()]);
        for _ in 0..500 {
            pressed += 1;
            let code = match pick(10) {
                0..6 => KeyCode::Char(characters[pick(characters.len())]),
                6 | 7 => special[pick(special.len())],
                _ => more[pick(more.len())],
            };
            let modifiers = if pick(12) == 0 { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            match pick(40) {
                0 => desk.send(Message::Resize(sizes[pick(sizes.len())].0, sizes[pick(sizes.len())].1)),
                1 => desk.send(Message::Paste("paste \u{1b}[31m\n of text".into())),
                2 => desk.ticks(3),
                3 => {
                    let broken = pick(2) == 0;
                    desk.facts.0.lock().expect("lock").broken = broken;
                }
                4..20 => {
                    let (code, modifiers) = bound[pick(bound.len())];
                    desk.send(Message::Key(KeyEvent::new(code, modifiers)));
                }
                _ => desk.send(Message::Key(KeyEvent::new(code, modifiers))),
            }
            let buffer = desk.buffer();
            assert_eq!((buffer.area.width, buffer.area.height), desk.model.size);
            assert!(desk.model.pending.is_empty(), "every question was answered");
            if let Some((purpose, _)) = &desk.model.field {
                let home = match purpose {
                    Purpose::ProtocolSearch => Screen::Protocols,
                    Purpose::Override | Purpose::Edit => Screen::Walk,
                    Purpose::LogSearch => Screen::Run,
                    Purpose::GeneSearch => Screen::Results,
                    Purpose::Command => desk.model.screen.now,
                };
                assert_eq!(desk.model.screen.now, home, "a field stays on the screen that opened it");
            }
        }
    }
    assert_eq!(pressed, 100_000);
}

fn with_run(state: RunState) -> Desk {
    Desk::open(FakeFacts::with(|w| w.run = Some(state)), PLAIN, (80, 24))
}

#[test]
fn an_idle_screen_sends_no_bytes() {
    for keys in ["", "\n", "3", "4", "5", "6", "l", "a", "?"] {
        let mut desk = with_run(RunState::Done);
        desk.keys(keys);
        // The news of the last key goes with the next; an idle screen is one where nobody presses any.
        let wire = Wire::default();
        let mut output = Output::new(wire.clone(), PLAIN);
        output.draw(&desk.model).expect("draw");
        assert!(!wire.take().is_empty());
        // A minute of looking.
        for _ in 0..120 {
            desk.ticks(1);
            assert_eq!(output.draw(&desk.model).expect("draw"), 0, "{}", desk.text());
        }
        assert_eq!(wire.take().len(), 0, "after keys {keys:?}");
    }
}

#[test]
fn a_frame_is_one_synchronized_update_of_what_changed() {
    let mut desk = with_run(RunState::Done);
    let wire = Wire::default();
    let mut output = Output::new(wire.clone(), PLAIN);
    output.draw(&desk.model).expect("draw");
    let first = wire.take();
    assert!(first.starts_with(b"\x1b[?2026h") && first.ends_with(b"\x1b[?2026l"));
    // The terminal is asked nothing: no device attributes, no cursor place, no colours.
    for question in [&b"\x1b[c"[..], b"\x1b[6n", b"\x1b]11;?", b"\x1b]10;?", b"\x1b[>c", b"\x1b_G"] {
        assert!(!first.windows(question.len()).any(|w| w == question));
    }
    desk.keys("4");
    output.draw(&desk.model).expect("draw");
    wire.take();
    desk.keys("o");
    output.draw(&desk.model).expect("draw");
    let turned = wire.take();
    assert!(turned.len() < first.len() && turned.starts_with(b"\x1b[?2026h") && turned.ends_with(b"\x1b[?2026l"), "{}", turned.len());
}

#[test]
fn an_hour_of_training_costs_little() {
    // At SSH rate a frame is drawn at most when a look at the run (twice a second) brought something new.
    let mut desk = Desk::open(FakeFacts::with(|_| {}), PLAIN, (80, 24));
    desk.keys("r");
    let wire = Wire::default();
    let mut output = Output::new(wire.clone(), PLAIN);
    output.draw(&desk.model).expect("draw");
    wire.take();
    let mut view = desk.model.run.value.clone().expect("run");
    for second in 0..7_200u64 {
        if let Some(progress) = &mut view.progress {
            (progress.done, progress.rate, progress.seconds_left) =
                (second % 2_000, Some(200.0 + (second % 17) as f64), Some(3_600.0 - second as f64 / 2.0));
        }
        desk.model.run.value = Some(view.clone());
        output.draw(&desk.model).expect("draw");
    }
    let bytes = wire.take().len();
    assert!(bytes < 2_000_000, "{bytes} bytes for an hour");
}

#[test]
fn resizing_draws_everything_anew_and_never_too_much() {
    let wire = Wire::default();
    let mut output = Output::new(wire.clone(), PLAIN);
    let mut model = Model { size: (u16::MAX, u16::MAX), ..Model::default() };
    output.draw(&model).expect("a terminal of 65,535 x 65,535 is not drawn in full");
    model.size = (0, 0);
    output.draw(&model).expect("draw");
    model.size = (80, 24);
    wire.take();
    output.draw(&model).expect("draw");
    assert!(wire.take().windows(4).any(|w| w == b"\x1b[2J"));
}

#[test]
fn a_storm_of_sizes_on_every_screen() {
    let mut draw = Draw::keyed(20_261_124, "random sizes", &[]);
    let mut pick = |n: u32| (draw.u32() % n) as u16;
    let states = [None, Some(RunState::Running), Some(RunState::Done), Some(RunState::Failed)];
    let screens = ["", "?", "/x", "\n", "\njjjje", "3", "3/x", "4", "4t", "4z++D", "4v", "5", "5jj\n", "a", "l", "6", "6\n", ":ru", "y"];
    for state in states {
        for keys in screens {
            let facts = FakeFacts::with(|w| (w.run, w.locked, w.slurm, w.several) = (state, keys.len() > 1, keys == "3/x", keys == "3"));
            let mut desk = Desk::open(facts, PLAIN, (80, 24));
            desk.keys(keys);
            let before = desk.text();
            for i in 0..60 {
                // Mostly such as people have; one in four anything, down to nothing.
                let size = if i % 4 == 0 { (pick(320), pick(120)) } else { (40 + pick(180), 8 + pick(60)) };
                desk.send(Message::Resize(size.0, size.1));
                let area = desk.buffer().area;
                assert_eq!((area.width, area.height), size);
            }
            desk.send(Message::Resize(80, 24));
            let keep = |text: &str| text.lines().next().map(str::to_owned);
            assert_eq!(keep(&desk.text()), keep(&before), "the same screen as before the storm, after {keys:?}");
        }
    }
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|w| *w == part).count()
}

const REMOVE: &[u8] = b"\x1b_Ga=d,d=I";

#[test]
fn a_picture_is_sent_once_and_taken_away_when_it_is_no_longer_shown() {
    let forms = [(Form::Kitty, &b"\x1b_Ga=T,f=100,"[..]), (Form::Sixel, b"\x1bP0;1;0q"), (Form::Iterm, b"\x1b]1337;File=inline=1")];
    for (form, start) in forms {
        let mut desk = with_run(RunState::Done);
        desk.model.graphics = Knowledge::Open;
        desk.terminal = Graphics { form, cell: Some((8, 16)) };
        let wire = Wire::default();
        let mut output = Output::new(wire.clone(), PLAIN);
        // What one frame sends: whether a picture, whether it takes one away.
        let mut frame = |desk: &Desk, forget: bool| {
            if forget {
                output.forget();
            }
            output.draw(&desk.model).expect("draw");
            let bytes = wire.take();
            assert!(bytes.is_empty() || bytes.starts_with(b"\x1b[?2026h") && bytes.ends_with(b"\x1b[?2026l"), "{form:?}");
            (count(&bytes, start), count(&bytes, REMOVE), bytes)
        };
        let kitty = usize::from(form == Form::Kitty);
        assert_eq!(frame(&desk, false).0, 0);
        desk.keys("6");
        let (sent, removed, bytes) = frame(&desk, false);
        let at = place::place(&desk.model).expect("place");
        assert_eq!((sent, removed), (1, 0), "{form:?}");
        // It begins at its place, after the cells.
        let position = format!("\x1b[{};{}H", at.y + 1, at.x + 1);
        let begin = bytes.windows(start.len()).position(|w| w == start).expect("start");
        assert!(bytes[..begin].ends_with(position.as_bytes()), "{form:?}");
        // A minute of looking.
        for _ in 0..120 {
            desk.ticks(1);
            assert_eq!(frame(&desk, false).2.len(), 0, "{form:?}");
        }
        // News in the bottom line does not send the picture again.
        desk.model.notice = Some("news".into());
        let (sent, removed, bytes) = frame(&desk, false);
        assert!((sent, removed) == (0, 0) && bytes.len() < 500, "{form:?}");
        // The next figure takes its place.
        desk.keys("j");
        assert_eq!((frame(&desk, false).0, frame(&desk, false).2.len()), (1, 0), "{form:?}");
        // The help lies over it; afterwards it is back.
        desk.keys("?");
        let (sent, removed, _) = frame(&desk, false);
        assert_eq!((sent, removed), (0, kitty), "{form:?}");
        desk.keys("?");
        assert_eq!(frame(&desk, false).0, 1, "{form:?}");
        // Ctrl-L and a return to the foreground draw it anew.
        let (sent, removed, _) = frame(&desk, true);
        assert_eq!((sent, removed), (1, kitty), "{form:?}");
        desk.keys("z");
        let (sent, removed, _) = frame(&desk, false);
        assert_eq!((sent, removed), (1, kitty), "{form:?}");
        // Without the picture its cells are written anew, all of them, where that is what takes it away.
        let covered = place::place(&desk.model).expect("place").area();
        desk.model.picture.value = None;
        let (sent, removed, bytes) = frame(&desk, false);
        assert_eq!((sent, removed), (0, kitty), "{form:?}");
        assert!(form == Form::Kitty || count(&bytes, b" ") >= covered as usize - 10, "{form:?}: {} of {covered}", count(&bytes, b" "));
        // At the end, and when the terminal is given back in between, nothing of it stays.
        desk.keys("zj");
        assert_eq!(frame(&desk, false).0, 1, "{form:?}");
        desk.keys("1");
        assert_eq!(frame(&desk, false).1, kitty, "{form:?}");
        desk.keys("6");
        assert_eq!(frame(&desk, false).0, 1, "{form:?}");
        output.take_back().expect("take back");
        output.take_back().expect("take back");
        assert_eq!(count(&wire.take(), REMOVE), kitty, "{form:?}");
        output.forget();
        output.draw(&desk.model).expect("draw");
        assert_eq!(count(&wire.take(), start), 1, "{form:?}");
        drop(output);
        assert_eq!(count(&wire.take(), REMOVE), kitty, "{form:?}");
    }
}
