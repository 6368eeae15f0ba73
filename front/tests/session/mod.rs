//! The real program in a pseudo-terminal, on a small workspace.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The program that starts at once.
pub const PINFOLD: &str = env!("CARGO_BIN_EXE_pinfold");

/// Whether the engine was built too; without it (`cargo test -p pinfold-front` alone) what needs it is not tested.
pub fn engine() -> bool {
    let there = Path::new(PINFOLD).with_file_name("pinfold-engine").is_file();
    if !there {
        println!("skipped: no pinfold-engine beside {PINFOLD}; `cargo build` makes both");
    }
    there
}

/// The demo, made small.
const LITTLE: &[(&str, &str)] = &[
    ("slides = [\"S1\", \"S2\", \"S3\"]", "slides = [\"S1\"]"),
    ("side = 16", "side = 5"),
    ("pitch = 64", "pitch = 24"),
    ("genes = 36", "genes = 4"),
    ("k = 36", "k = 4"),
    ("size = 64\nresize = 64", "size = 24\nresize = 16"),
    ("hidden = 64", "hidden = 8"),
    ("epochs = 40", "epochs = 2"),
    ("batch = 32", "batch = 8"),
    ("threads = 2\n", "threads = 1\n"),
];

/// A workspace with that demo in a repository of its own; `more` is changed in it too.
pub fn workspace(more: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    workspace_in(dir.path(), more);
    dir
}

/// The same in a folder that is there.
pub fn workspace_in(root: &Path, more: &[(&str, &str)]) {
    let mut demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocols/demo.toml")).unwrap();
    for (from, to) in LITTLE.iter().chain(more) {
        assert!(demo.contains(from), "the demo no longer says {from}");
        demo = demo.replacen(from, to, 1);
    }
    std::fs::create_dir(root.join("protocols")).unwrap();
    std::fs::write(root.join("protocols/demo.toml"), demo).unwrap();
    std::fs::write(root.join(".gitignore"), "/artifacts\n/reports\n/runs\n").unwrap();
    for words in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "protocol"]] {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
        assert!(Command::new("git").args(who).args(words).current_dir(root).status().unwrap().success());
    }
}

/// A terminal with the program in it.
pub struct Session {
    _master: Box<dyn MasterPty + Send>,
    pub child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<AtomicU64>,
}

impl Session {
    /// The program in a folder.
    pub fn start(folder: &Path) -> Self {
        let mut command = CommandBuilder::new(PINFOLD);
        command.cwd(folder);
        Self::of(command)
    }
    /// Any command.
    pub fn of(mut command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
        for name in ["PINFOLD_DATA", "PINFOLD_ASCII", "PINFOLD_GLYPHS", "PINFOLD_GRAPHICS", "PINFOLD_MOUSE"] {
            if command.get_env(name).is_none_or(|v| std::env::var_os(name).as_deref() == Some(v)) {
                command.env_remove(name);
            }
        }
        for name in ["SSH_CONNECTION", "NO_COLOR", "COLORTERM", "TMUX", "STY"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let of = |n| std::num::NonZero::new(n).unwrap();
        let seen = Arc::new(Mutex::new(vt100::Parser::new(of(24), of(80), 0)));
        let bytes = Arc::new(AtomicU64::new(0));
        let (mut reader, sink, count) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&seen), Arc::clone(&bytes));
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                sink.lock().unwrap().process(&chunk[..n]);
                count.fetch_add(n as u64, Ordering::Relaxed);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { _master: pair.master, child, keys, seen, bytes }
    }
    pub fn press(&mut self, bytes: &[u8]) {
        self.keys.write_all(bytes).unwrap();
        self.keys.flush().unwrap();
    }
    /// Bytes that the program has sent.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
    /// The screen's lines.
    pub fn lines(&self) -> Vec<String> {
        let parser = self.seen.lock().unwrap();
        let (_, columns) = parser.screen().size();
        parser.screen().rows(0, columns.get()).map(|r| r.trim_end().to_owned()).collect()
    }
    /// Presses Esc and waits, since Esc and a key that follow at once are one key with Alt.
    pub fn escape(&mut self) {
        self.press(b"\x1b");
        self.settle();
    }
    /// Waits until the screen has stayed the same for most of a second.
    pub fn settle(&self) {
        let mut before = self.lines();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_millis(900) {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.lines();
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
    }
    /// Waits until a text stands on the screen.
    pub fn wait(&self, text: &str) {
        let limit = std::env::var("PINFOLD_TEST_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
        let start = Instant::now();
        loop {
            let screen = self.seen.lock().unwrap().screen().contents();
            if screen.contains(text) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(limit), "no {text:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
