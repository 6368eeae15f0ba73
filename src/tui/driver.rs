//! The loop: waits for keys, answers and time; takes all that is there; draws at most once, and not too often.

use super::facts::Facts;
use super::graphics::ask::{Listener, Surroundings};
use super::graphics::{Form, Graphics, at_start};
use super::lanes::Lanes;
use super::look::Look;
use super::message::{Effect, Message};
use super::model::Model;
use super::output::Output;
use super::pace::Pace;
use super::terminal::{self, Guard, Screen};
use super::update::{begin, update};
use crate::base::{Failure, Result};
use ratatui::crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Half a second: how often a live run is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Runs the screens until the person leaves. Says on the terminal, after that, which runs go on.
pub fn run(facts: Box<dyn Facts + Send>) -> Result<()> {
    terminal::check()?;
    let (sender, inbox) = channel();
    let asked_to_end = signals()?;
    let lanes = Lanes::start(Arc::from(facts), &sender);
    let words = {
        let guard = Guard::enter()?;
        let keys = Keys::listen(sender, &asked_to_end);
        let left = Loop { model: Model::default(), lanes, inbox, asked_to_end }.turn(&guard, &keys);
        keys.stop();
        left?
    };
    if let Some(words) = words {
        // A terminal that is gone takes no words.
        let _ = writeln!(io::stdout(), "{}", crate::base::text::clean_lines(&words));
    }
    Ok(())
}

/// SIGTERM and a lost line end the program in order; runs go on.
fn signals() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))
            .map_err(|e| Failure::environment(format!("cannot listen for signals: {e}")))?;
    }
    Ok(flag)
}

struct Loop {
    model: Model,
    lanes: Lanes,
    inbox: Receiver<Message>,
    asked_to_end: Arc<AtomicBool>,
}

impl Loop {
    fn turn(mut self, guard: &Guard, keys: &Keys) -> Result<Option<String>> {
        let lost = |e: io::Error| {
            Failure::environment(format!("the terminal is gone: {e}")).hint("runs go on by themselves; look again with: pinfold")
        };
        let look = Look::from_environment();
        let mut output = Output::new(Screen::default(), look);
        let mut pace = Pace::new(std::env::var_os("SSH_CONNECTION").is_some());
        self.model.size = terminal::size();
        self.model.graphics = at_start(look, |name| std::env::var(name).ok(), terminal::cell_size());
        let mut effects = begin(&mut self.model);
        let mut next_tick = Instant::now() + TICK;
        let (mut wanted, mut for_key) = (true, false);
        loop {
            for effect in effects.drain(..) {
                match effect {
                    Effect::Ask(request) => self.lanes.ask(request),
                    Effect::AskTerminal => keys.ask_terminal(),
                    Effect::Redraw => output.forget(),
                    Effect::Copy(text) => output.copy(&text).map_err(lost)?,
                    Effect::Suspend => {
                        output.take_back().map_err(lost)?;
                        guard.suspend()?;
                        self.model.size = terminal::size();
                        output.forget();
                    }
                    Effect::Quit(words) => return Ok(words),
                }
            }
            if self.asked_to_end.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let now = Instant::now();
            let frame_at = pace.next(now, for_key);
            if wanted && now >= frame_at {
                // What changed nothing on the screen costs nobody a frame.
                let bytes = output.draw(&self.model).map_err(lost)?;
                if bytes > 0 {
                    pace.sent(now, bytes);
                }
                (wanted, for_key) = (false, false);
            }
            let until = if wanted { frame_at.min(next_tick) } else { next_tick };
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    for_key |= matches!(message, Message::Key(_));
                    effects.extend(update(&mut self.model, message));
                    while let Ok(message) = self.inbox.try_recv() {
                        for_key |= matches!(message, Message::Key(_));
                        effects.extend(update(&mut self.model, message));
                    }
                    wanted = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::environment("the keyboard is gone")),
            }
            if Instant::now() >= next_tick {
                next_tick = Instant::now() + TICK;
                effects.extend(update(&mut self.model, Message::Tick));
            }
        }
    }
}

/// The thread that listens to the keyboard, and to the terminal's answers, which come the same way.
struct Keys {
    stop: Arc<AtomicBool>,
    ask: Arc<AtomicBool>,
}

/// How long the thread waits for a key before it looks whether something else is wanted of it; and how long just after
/// a key, when the terminal is most likely to be asked.
const LONG: Duration = Duration::from_millis(500);
const SHORT: Duration = Duration::from_millis(40);

/// After this the terminal counts as one without graphics; and until then a late answer is still taken.
const ANSWERED: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(5);

impl Keys {
    fn listen(sender: Sender<Message>, lost: &Arc<AtomicBool>) -> Self {
        let lost = Arc::clone(lost);
        let keys = Self { stop: Arc::default(), ask: Arc::default() };
        let (stop, ask) = (Arc::clone(&keys.stop), Arc::clone(&keys.ask));
        std::thread::spawn(move || {
            let mut last_key: Option<Instant> = None;
            while !stop.load(Ordering::Relaxed) {
                if ask.swap(false, Ordering::Relaxed) && converse(&sender, &stop).is_err() {
                    return lost.store(true, Ordering::Relaxed);
                }
                let wait = if last_key.is_some_and(|t| t.elapsed() < 2 * LONG) { SHORT } else { LONG };
                match event::poll(wait) {
                    Ok(false) => continue,
                    Ok(true) => {}
                    Err(_) => return lost.store(true, Ordering::Relaxed),
                }
                last_key = Some(Instant::now());
                let message = match event::read() {
                    Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Message::Key(key),
                    Ok(Event::Paste(text)) => Message::Paste(text),
                    Ok(Event::Resize(columns, rows)) => Message::Resize(columns, rows),
                    Ok(Event::Mouse(mouse)) => match mouse.kind {
                        MouseEventKind::ScrollDown => Message::Wheel(1),
                        MouseEventKind::ScrollUp => Message::Wheel(-1),
                        MouseEventKind::Down(MouseButton::Left) => Message::Click(mouse.column, mouse.row),
                        _ => continue,
                    },
                    Ok(_) => continue,
                    Err(_) => return lost.store(true, Ordering::Relaxed),
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        keys
    }

    /// Has the terminal asked which pictures it shows, between two keys.
    fn ask_terminal(&self) {
        self.ask.store(true, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Asks the terminal which pictures it shows, and sends what it answers. Keys that come meanwhile go their way at once.
fn converse(sender: &Sender<Message>, stop: &AtomicBool) -> io::Result<()> {
    let around = Surroundings::from_variables(|name| std::env::var(name).ok(), terminal::cell_size());
    let mut listener = Listener::default();
    // A loop that has ended needs no message.
    let send = |message| drop(sender.send(message));
    terminal::say(around.question())?;
    let start = Instant::now();
    let (mut told, mut quiet) = (false, 0);
    while !stop.load(Ordering::Relaxed) && start.elapsed() < LATE {
        let bytes = terminal::hear(SHORT)?;
        quiet = if bytes.is_empty() { quiet + 1 } else { 0 };
        // An answer that a line cuts after its first byte must not become an Esc and a row of letters.
        let alone = if quiet == 4 { listener.pause() } else { None };
        let keys = listener.feed(&bytes).into_iter().chain(alone);
        keys.for_each(|key| send(Message::Key(key)));
        let graphics = around.judge(&listener.answers);
        if listener.answers.done {
            if !told || graphics.form != Form::Cells {
                send(Message::Terminal(graphics));
            }
            return Ok(());
        }
        if !told && start.elapsed() >= ANSWERED {
            send(Message::Terminal(Graphics::CELLS));
            told = true;
        }
    }
    Ok(())
}
