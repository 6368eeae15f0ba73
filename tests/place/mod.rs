//! A workspace in a temporary folder, with one tiny protocol: for tests of the whole program.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A workspace in a git repository of its own, with one tiny protocol.
pub struct Place {
    root: PathBuf,
    // Removed with the value; none where the workspace lies in a folder that the test itself made.
    _dir: Option<tempfile::TempDir>,
}

/// What makes the demo small.
pub const TINY: &[(&str, &str)] = &[
    ("slides = [\"S1\", \"S2\", \"S3\"]", "slides = [\"S1\", \"S2\"]"),
    ("side = 16", "side = 7"),
    ("pitch = 64", "pitch = 24"),
    ("genes = 36", "genes = 6"),
    ("k = 36", "k = 6"),
    ("size = 64\nresize = 64", "size = 24\nresize = 16"),
    ("hidden = 64", "hidden = 8"),
    ("epochs = 40", "epochs = 3"),
    ("batch = 32", "batch = 8"),
    ("threads = 2\n", "threads = 1\n"),
];

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("tempdir");
        Self::at(dir.path().to_owned(), Some(dir), &[])
    }
    /// The same in a given folder, with further replacements in the protocol's text.
    pub fn at(root: PathBuf, dir: Option<tempfile::TempDir>, more: &[(&str, &str)]) -> Self {
        let mut demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
        for (from, to) in TINY.iter().chain(more) {
            assert!(demo.contains(from), "the demo no longer says {from}");
            demo = demo.replacen(from, to, 1);
        }
        std::fs::create_dir(root.join("protocols")).expect("mkdir");
        std::fs::write(root.join("protocols/demo.toml"), demo).expect("write");
        std::fs::write(root.join(".gitignore"), "/artifacts\n/reports\n/runs\n").expect("write");
        let place = Self { root, _dir: dir };
        place.git(&["init", "-q"]);
        place.commit();
        place
    }
    pub fn git(&self, args: &[&str]) {
        let done = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.path())
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .output()
            .expect("git runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    pub fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "protocol"]);
    }
    pub fn path(&self) -> &Path {
        &self.root
    }
    pub fn pinfold(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
            .args(args)
            .current_dir(self.path())
            .env_remove("PINFOLD_DATA")
            .output()
            .expect("pinfold runs")
    }
    /// Runs and expects this exit code; gives stdout and stderr together.
    pub fn expect(&self, code: i32, args: &[&str]) -> String {
        let out = self.pinfold(args);
        let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(code), "pinfold {}:\n{text}", args.join(" "));
        text
    }
    /// SHA-256 of every artifact file and figure, by path.
    pub fn digests(&self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let mut folders: Vec<PathBuf> = vec![self.path().join("artifacts"), self.path().join("reports")];
        folders.retain(|f| f.exists());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("list") {
                let path = entry.expect("entry").path();
                if path.ends_with(".work") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let digest = pinfold::base::Digest::of_file(&path).expect("digest").to_string();
                    out.push((path.strip_prefix(self.path()).expect("inside").display().to_string(), digest));
                }
            }
        }
        out.sort();
        out
    }
}

/// A run of a place's, seen from outside.
pub struct RunOf {
    pub dir: PathBuf,
}

impl Place {
    /// The newest run.
    pub fn newest_run(&self) -> RunOf {
        let mut dirs: Vec<PathBuf> = std::fs::read_dir(self.path().join("runs")).expect("runs").map(|e| e.expect("entry").path()).collect();
        dirs.sort();
        RunOf { dir: dirs.pop().expect("a run") }
    }
    /// Digests of the artifacts alone: a run with overrides has reports of another name.
    pub fn artifact_digests(&self) -> Vec<(String, String)> {
        self.digests().into_iter().filter(|(p, _)| p.starts_with("artifacts/")).collect()
    }
}

impl RunOf {
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.dir.join("journal.jsonl")).unwrap_or_default()
    }
    /// Waits until the journal holds this; false when it does not within a minute.
    pub fn wait_for(&self, what: &str) -> bool {
        self.wait(|j| j.contains(what))
    }
    /// Waits until the journal is so.
    pub fn wait(&self, so: impl Fn(&str) -> bool) -> bool {
        for _ in 0..3000 {
            if so(&self.journal()) {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        false
    }
    /// The process number of the last worker that took the run up.
    pub fn pid(&self) -> Option<u64> {
        let journal = self.journal();
        let line = journal.lines().rfind(|l| l.contains("\"event\":\"run_started\""))?;
        serde_json::from_str::<serde_json::Value>(line).ok()?["place"]["pid"].as_u64()
    }
    /// Sends a signal to the worker; false when it is not there any more.
    pub fn signal(&self, signal: &str) -> bool {
        let Some(pid) = self.pid() else { return false };
        Command::new("kill").args([signal, &pid.to_string()]).stderr(std::process::Stdio::null()).status().expect("kill runs").success()
    }
    /// Waits until the worker's process is gone.
    pub fn wait_gone(&self) {
        for _ in 0..3000 {
            let gone = self.pid().is_none_or(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/stat"))
                    .map_or(true, |s| s.rsplit_once(')').is_some_and(|(_, r)| r.trim_start().starts_with('Z')))
            });
            if gone {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the worker does not go away");
    }
}
