//! In a real pseudo-terminal. Each test starts this very file again as a child that runs the screens on a fake
//! workspace; the parent presses keys, waits for text, and counts bytes.

mod tui_fake;

use pinfold::tui::facts::RunState;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tui_fake::FakeFacts;

/// Does nothing in an ordinary run of the tests; as a child it is the program.
#[test]
fn the_child_of_the_other_tests() {
    let facts = match std::env::var("PINFOLD_TUI_CHILD").as_deref() {
        Ok("empty") => FakeFacts::default(),
        Ok("done") => FakeFacts::with(|w| w.run = Some(RunState::Done)),
        Ok(_) => FakeFacts::with(|w| w.run = Some(RunState::Running)),
        Err(_) => return,
    };
    match pinfold::tui::run(Box::new(facts)) {
        Ok(()) => println!("LEFT IN ORDER"),
        Err(failure) => println!("FAILED: {failure}"),
    }
}

fn size_of(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).expect("not zero")
}

/// A terminal with the program in it.
struct Session {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<(vt100::Parser, Vec<u8>)>>,
}

/// How long to wait for a text; a slow machine may set it higher.
fn limit() -> Duration {
    Duration::from_secs(std::env::var("PINFOLD_TEST_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(30))
}

impl Session {
    fn start(mode: &str, term: &str) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("pty");
        let mut command = CommandBuilder::new(std::env::current_exe().expect("exe"));
        command.args(["--exact", "the_child_of_the_other_tests", "--nocapture", "--test-threads=1"]);
        command.env("PINFOLD_TUI_CHILD", mode);
        command.env("TERM", term);
        command.env("LC_ALL", "C.UTF-8");
        let unwanted = ["NO_COLOR", "PINFOLD_ASCII", "COLORTERM", "SSH_CONNECTION", "PINFOLD_GRAPHICS"];
        for name in unwanted.into_iter().chain(["TMUX", "STY", "TERM_PROGRAM", "LC_TERMINAL"]) {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).expect("spawn");
        drop(pair.slave);
        let seen = Arc::new(Mutex::new((vt100::Parser::new(size_of(24), size_of(80), 0), Vec::new())));
        let (mut reader, sink) = (pair.master.try_clone_reader().expect("reader"), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // An error is how a pseudo-terminal says that the other side is gone.
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                let mut seen = sink.lock().expect("lock");
                seen.0.process(&chunk[..n]);
                seen.1.extend_from_slice(&chunk[..n]);
            }
        });
        let keys = pair.master.take_writer().expect("writer");
        Self { master: pair.master, child, keys, seen }
    }
    fn press(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).expect("keys");
        self.keys.flush().expect("keys");
    }
    fn screen(&self) -> String {
        self.seen.lock().expect("lock").0.screen().contents()
    }
    fn raw(&self) -> Vec<u8> {
        self.seen.lock().expect("lock").1.clone()
    }
    fn wait(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }
    fn wait_until(&self, what: &str, good: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !good(&self.screen()) {
            assert!(start.elapsed() < limit(), "no {what:?} on the screen:\n{}", self.screen());
            std::thread::yield_now();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    fn wait_raw(&self, part: &[u8]) {
        let start = Instant::now();
        while !contains(&self.raw(), part) {
            assert!(start.elapsed() < limit(), "{part:?} was not sent");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    /// Waits for the end, and checks that the terminal was given back.
    fn ended(mut self) -> Vec<u8> {
        let start = Instant::now();
        while self.child.try_wait().expect("wait").is_none() {
            assert!(start.elapsed() < limit(), "still there:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
        let raw = self.raw();
        for given_back in [&b"\x1b[?1049l"[..], b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?7h"] {
            assert!(contains(&raw, given_back), "{given_back:?} is missing");
        }
        raw
    }
}

fn contains(raw: &[u8], part: &[u8]) -> bool {
    raw.windows(part.len()).any(|w| w == part)
}

#[test]
fn from_an_empty_folder_to_a_lock_in_a_real_terminal() {
    let mut session = Session::start("empty", "xterm-256color");
    session.wait("i makes a workspace here");
    session.press(b"i");
    session.wait("never run");
    session.press(b"\r");
    session.wait("Before it starts");
    session.press(b"r");
    session.wait("images/s");
    session.wait("the run is whole");
    session.press(b"\r");
    session.wait("FASN");
    session.press(b"l");
    session.wait("is in pinfold.lock");
    session.press(b"\x1b");
    session.wait_until("a closed drawer", |s| !s.contains("is in pinfold.lock"));
    // Up to here; the first picture is what it is asked for.
    let raw = session.raw();
    session.press(b"6");
    session.wait("training-curves");
    // This terminal does not answer.
    session.wait("character cells");
    session.press(b"q");
    session.ended();
    for question in
        [&b"\x1b[c"[..], b"\x1b[0c", b"\x1b[>", b"\x1b[6n", b"\x1b[5n", b"\x1b]10;?", b"\x1b]11;?", b"\x1b_G", b"\x1b[?u", b"\x1bP"]
    {
        assert!(!contains(&raw, question), "the terminal was asked {question:?}");
    }
}

#[test]
fn silence_while_nothing_changes() {
    let session = Session::start("done", "xterm-256color");
    session.wait("4 shows the numbers");
    // Long enough for three slow looks at the workspace.
    let quiet = |session: &Session| {
        let before = session.raw().len();
        std::thread::sleep(Duration::from_secs(6));
        session.raw().len() - before
    };
    // The first answers may still be on their way.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(quiet(&session), 0);
}

#[test]
fn a_storm_of_sizes_and_a_pasted_megabyte() {
    let mut session = Session::start("done", "xterm-256color");
    session.wait("4 shows the numbers");
    for i in 0..60u16 {
        let (rows, cols) = (1 + i * 7 % 50, 1 + i * 13 % 200);
        session.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).expect("resize");
    }
    session.seen.lock().expect("lock").0.screen_mut().set_size(size_of(30), size_of(100));
    session.master.resize(PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 }).expect("resize");
    session.wait_until("the last size", |s| s.lines().count() == 30 && s.lines().last().is_some_and(|l| l.contains("q quit")));
    let mut paste = b"\x1b[200~".to_vec();
    paste.extend(std::iter::repeat_n(b"q\x1b[A\r".iter().copied(), 200_000).flatten());
    paste.extend(b"\x1b[201~");
    session.press(&paste);
    session.press(b"?");
    session.wait("Help: Protocols");
    session.press(b"qq");
    session.ended();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        let session = Session::start("running", "xterm-256color");
        session.wait("3 watches the run");
        let pid = i32::try_from(session.child.process_id().expect("pid")).expect("pid");
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).expect("pid"), signal).expect("kill");
        let raw = session.ended();
        assert!(contains(&raw, b"LEFT IN ORDER"));
    }
}

#[test]
fn leaving_names_the_run_that_goes_on() {
    let mut session = Session::start("running", "xterm-256color");
    session.wait("3 watches the run");
    session.press(b"q");
    let raw = session.ended();
    assert!(contains(&raw, b"run 01JD4M7Q2X of demo goes on by itself"));
}

#[test]
fn a_dumb_terminal_gets_plain_words() {
    let mut session = Session::start("done", "dumb");
    session.wait("pinfold list");
    session.child.wait().expect("wait");
    assert!(session.screen().contains("TERM=dumb"), "{}", session.screen());
    assert!(!session.raw().contains(&0x1b), "not one escape sequence");
}

#[test]
fn a_terminal_with_graphics_is_asked_answers_and_loses_no_key() {
    let mut session = Session::start("done", "xterm-256color");
    session.wait("4 shows the numbers");
    session.press(b"6");
    session.wait("asking the terminal");
    session.wait_raw(b"\x1b[c");
    // A key just before the answer: the next figure.
    session.press(b"j\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b[6;20;10t\x1b[?62;52;c");
    session.wait("kitty graphics");
    session.wait("2 of 5");
    session.wait_raw(b"\x1b_Ga=T,f=100,");
    // Keys go on as before.
    session.press(b"\x1b[B");
    session.wait("3 of 5");
    session.press(b"q");
    let raw = session.ended();
    let last = |part: &[u8]| raw.windows(part.len()).rposition(|w| w == part);
    let (gone, left) = (last(b"\x1b_Ga=d,d=I"), last(b"\x1b[?1049l"));
    assert!(gone.is_some() && gone < left, "the picture is taken away before the screen is given back");
}
