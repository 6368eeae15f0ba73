//! The terminal is borrowed and given back: at the end, at a suspension, at a panic, and when a value is dropped.

use crate::base::{Failure, Result};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use ratatui::crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, terminal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether the terminal is ours now; the panic hook asks this.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The borrowed terminal.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw keys, the alternate screen, no cursor, pastes marked as such. Asks it nothing.
    pub fn enter() -> Result<Self> {
        hook();
        take().map_err(|e| {
            Failure::environment(format!("cannot set up the terminal: {e}")).hint("every screen has a plain command: pinfold --help")
        })?;
        Ok(Self(()))
    }

    /// Gives the terminal back, stops this job, and takes the terminal again when the shell goes on with it.
    pub fn suspend(&self) -> Result<()> {
        give_back();
        // The whole group, as the terminal driver itself would do. It fails only for an orphaned group, where
        // a stopped process could never be continued: then nothing happens, which is right.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        take().map_err(|e| Failure::environment(format!("cannot take the terminal again: {e}")))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, DisableLineWrap, Hide)?;
    if mouse() { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Whether the mouse is wanted. It is not unless somebody says so: with it, a terminal no longer selects text by itself.
fn mouse() -> bool {
    std::env::var("PINFOLD_MOUSE").is_ok_and(|v| v == "1")
}

fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone cannot be restored; nothing useful can be done about an error here.
    let _ = io::stdout().write_all(b"\x1b[?2026l");
    if mouse() {
        let _ = execute!(io::stdout(), DisableMouseCapture);
    }
    let _ = execute!(io::stdout(), EnableLineWrap, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// A panic of the thread that draws gives the terminal back before its message is printed. One of a background
/// thread is shown on the screen as a failure instead, so nothing is printed across it.
fn hook() {
    static HOOKED: Once = Once::new();
    let drawing = std::thread::current().id();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == drawing {
                give_back();
            }
            if !TAKEN.load(Ordering::SeqCst) {
                before(info);
            }
        }));
    });
}

/// Columns and rows, from the kernel.
pub fn size() -> (u16, u16) {
    terminal::size().unwrap_or((80, 24))
}

/// Width and height of a cell in pixels, from the kernel, where the terminal has told it.
pub fn cell_size() -> Option<(u16, u16)> {
    let window = terminal::window_size().ok()?;
    Some((window.width.checked_div(window.columns)?, window.height.checked_div(window.rows)?)).filter(|c| c.0 > 0 && c.1 > 0)
}

/// Writes through [`io::stdout`] in one go at each flush, so that two threads' words do not mix.
#[derive(Debug, Default)]
pub struct Screen(Vec<u8>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.0);
        say(&bytes)
    }
}

/// Writes to the terminal at once.
pub fn say(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// What the terminal sends within a limit, raw: nothing where it sends nothing. Only for the thread that listens to the
/// keys, between two of its polls, since these bytes never reach crossterm.
pub fn hear(limit: Duration) -> io::Result<Vec<u8>> {
    let stdin = io::stdin();
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(1), tv_nsec: limit.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Ok(_) => {}
        Err(e) => return Err(e.into()),
    }
    let mut bytes = vec![0; 1024];
    let length = match rustix::io::read(&stdin, &mut bytes) {
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Ok(Vec::new()),
        other => other?,
    };
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Whether there is a terminal that can show screens. If not, why, and what to use instead.
pub fn check() -> Result<()> {
    let plain = "use the plain commands: pinfold list, pinfold run PROTOCOL, pinfold status, pinfold lock PROTOCOL, pinfold audit, pinfold report PROTOCOL";
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::input("the screens need a terminal, and this is none").hint(plain));
    }
    if std::env::var("TERM").is_ok_and(|t| t == "dumb") {
        return Err(Failure::input("this terminal cannot show screens").at("TERM=dumb").hint(plain));
    }
    Ok(())
}
