//! The workbench as people use it: through a real `sshd` on this machine, the line cut in the middle of a training, and a new
//! connection that looks at the same run; in tmux and without.
#![allow(clippy::unwrap_used, missing_docs)]

mod session;

use portable_pty::CommandBuilder;
use session::{PINFOLD, Session, engine, workspace};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SSHD: &str = "/usr/sbin/sshd";

/// A server on a port of its own, with keys of its own; gone with the value.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn there(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().is_ok_and(|s| s.success())
}

impl Server {
    /// None, and a word about it, where there is no sshd.
    fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() || !there("ssh") || !there("ssh-keygen") {
            println!("skipped: no {SSHD} or no ssh here (Debian: openssh-server, openssh-client)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(name)).status().unwrap();
            assert!(made.success());
        }
        std::fs::copy(path("user.pub"), path("authorized")).unwrap();
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\n",
            path("host").display(),
            path("authorized").display(),
            path("pid").display()
        );
        std::fs::write(path("config"), config).unwrap();
        // Where sshd, as root, locks its unprivileged half in.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = std::fs::File::create(path("log")).unwrap();
        let child = Command::new(SSHD).args(["-D", "-e", "-f"]).arg(path("config")).stderr(log).stdin(Stdio::null()).spawn().unwrap();
        let server = Self { child, folder, port };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > Duration::from_secs(10) {
                println!(
                    "skipped: sshd does not listen: {}",
                    std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default()
                );
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// A client in a terminal of its own, with a command on the other side.
    fn connect(&self, line: &str) -> Session {
        let key = self.folder.path().join("user");
        let mut command = CommandBuilder::new("ssh");
        command.args(["-tt", "-q", "-p", &self.port.to_string(), "-i"]);
        command.arg(&key);
        for option in ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "BatchMode=yes"] {
            command.args(["-o", option]);
        }
        command.args(["127.0.0.1", line]);
        Session::of(command)
    }
}

fn only_run(folder: &Path) -> PathBuf {
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(folder.join("runs")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    assert_eq!(runs.len(), 1, "one run");
    runs.remove(0)
}

/// A training long enough to be interrupted.
const LONG: &[(&str, &str)] = &[("epochs = 2", "epochs = 3000")];

#[test]
fn a_cut_line_costs_nothing() {
    let Some(server) = Server::start() else { return };
    if !engine() {
        return;
    }
    let dir = workspace(LONG);
    let line = format!("cd {} && exec env TERM=xterm-256color LC_ALL=C.UTF-8 {PINFOLD}", dir.path().display());
    let mut first = server.connect(&line);
    first.wait("never run");
    first.press(b"\r");
    first.wait("Before it starts");
    first.press(b"r");
    first.wait("images/s");
    // The line is cut: the client dies without a word.
    first.child.kill().unwrap();
    drop(first);
    let run = only_run(dir.path());
    let lines = |run: &Path| std::fs::read_to_string(run.join("journal.jsonl")).unwrap().lines().count();
    let before = lines(&run);
    let start = Instant::now();
    while lines(&run) <= before {
        assert!(start.elapsed() < Duration::from_secs(60), "the run wrote nothing after the line was cut");
        std::thread::sleep(Duration::from_millis(20));
    }
    // A new connection finds it at work, asks it to stop, and lets it go.
    let mut second = server.connect(&line);
    second.wait("running");
    second.press(b"3");
    second.wait("images/s");
    second.press(b"s");
    second.wait("stopped");
    second.press(b"q");
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"run_started\"").count(), 1, "one worker from first to last");
    assert!(journal.contains("\"run_stopped\""), "{journal}");
}

#[test]
fn inside_tmux_the_same_screen_comes_back() {
    let Some(server) = Server::start() else { return };
    if !there("tmux") {
        println!("skipped: no tmux here");
        return;
    }
    let dir = workspace(&[]);
    let socket = dir.path().join("tmux");
    let line = format!(
        "cd {} && LC_ALL=C.UTF-8 exec tmux -S {} -f /dev/null new-session -A -s work {PINFOLD}",
        dir.path().display(),
        socket.display()
    );
    let mut first = server.connect(&line);
    first.wait("never run");
    first.press(b"\r");
    first.wait("Before it starts");
    first.child.kill().unwrap();
    drop(first);
    let second = server.connect(&line);
    second.wait("Before it starts");
    let _ = Command::new("tmux").arg("-S").arg(&socket).arg("kill-server").status();
}
