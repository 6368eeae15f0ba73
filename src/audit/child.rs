//! The audit's worker process: started with a protocol's pins in its environment, listened to, stopped when asked.

use super::remake::{ORDER, OUTCOME, Order, Outcome};
use crate::base::{Failure, IoContext, Result, program, text};
use crate::engine::Event;
use crate::stage::files::{read_json, write_json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// The hidden command that does the work of a scratch folder.
pub const COMMAND: &str = "remake";

/// Has an order done in a scratch folder. Every event that the worker tells is passed on; `stop` ends it.
pub(super) fn run(folder: &Path, order: &Order, pins: &[(String, String)], tell: &dyn Fn(&Event), stop: &AtomicBool) -> Result<Outcome> {
    write_json(&folder.join(ORDER), order)?;
    let program = program::for_workers()?;
    let log_path = folder.join("log.txt");
    let log = std::fs::File::create(&log_path).doing("write the log", &log_path)?;
    let mut command = Command::new(program);
    command.arg(COMMAND).arg(folder).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    command.envs(pins.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let child = command.spawn().map_err(|e| Failure::environment(format!("cannot start the audit's worker: {e}")))?;
    let mut child = Guard(child);
    listen(&mut child.0, tell, stop)?;
    let status = child.0.wait().map_err(|e| Failure::environment(format!("cannot wait for the audit's worker: {e}")))?;
    if stop.load(Ordering::Relaxed) {
        return Err(stopped());
    }
    if !status.success() {
        let log = std::fs::read_to_string(&log_path).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(8).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        return Err(Failure::environment(format!("the audit's worker ended with {status}")).at(text::clean_lines(&tail)));
    }
    read_json(&folder.join(OUTCOME))
}

fn stopped() -> Failure {
    Failure::interrupted("the audit was stopped; nothing of it is kept")
}

/// Passes events on until the worker closes its end.
fn listen(child: &mut Child, tell: &dyn Fn(&Event), stop: &AtomicBool) -> Result<()> {
    let Some(pipe) = child.stdout.take() else { return Ok(()) };
    let (send, receive) = channel();
    // A thread of its own reads, so that a request to stop is seen while the worker is silent.
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(std::result::Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        match receive.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => {
                if let Ok(event) = serde_json::from_str(&line) {
                    tell(&event);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// A worker that does not outlive the audit.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
