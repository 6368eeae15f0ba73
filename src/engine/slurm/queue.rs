//! Slurm's own commands: `sbatch`, `squeue`, `sacct`, `scancel`.

use crate::base::{Failure, Result, text};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How a job stands with Slurm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Slurm's number.
    pub id: String,
    /// Slurm's word: `PENDING`, `RUNNING`, `COMPLETED`, `TIMEOUT`.
    pub state: String,
    /// Why it waits or how it ended; `None` is Slurm's word for nothing to say.
    pub reason: String,
}

impl Seen {
    /// Whether it will still do something.
    pub fn active(&self) -> bool {
        !matches!(
            self.state.as_str(),
            "COMPLETED"
                | "FAILED"
                | "CANCELLED"
                | "TIMEOUT"
                | "NODE_FAIL"
                | "OUT_OF_MEMORY"
                | "BOOT_FAIL"
                | "DEADLINE"
                | "REVOKED"
                | "PREEMPTED"
        )
    }
    /// Whether it has not begun.
    pub fn waits(&self) -> bool {
        matches!(self.state.as_str(), "PENDING" | "REQUEUED" | "REQUEUE_HOLD")
    }
}

/// How long one of Slurm's commands may take: a controller that is down must not hang a screen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hands a script in and gives its number.
pub fn submit(script: &Path, dependency: Option<&str>) -> Result<String> {
    let mut command = Command::new("sbatch");
    command.arg("--parsable");
    if let Some(dependency) = dependency {
        command.arg(format!("--dependency={dependency}"));
    }
    // These would win over the script.
    for name in ["SBATCH_ARRAY_INX", "SBATCH_EXPORT", "SBATCH_NO_REQUEUE", "SBATCH_REQUEUE", "SBATCH_SIGNAL", "SBATCH_OPEN_MODE"] {
        command.env_remove(name);
    }
    command.arg(script);
    let answer = ask(&mut command).map_err(|e| {
        Failure::environment(format!("cannot hand a job to Slurm: {e}")).hint("run it where sbatch is, or with --executor local")
    })?;
    if !answer.success {
        let said = answer.err.trim().lines().map(|l| l.trim_start_matches("sbatch: ")).collect::<Vec<_>>().join("; ");
        return Err(Failure::environment(format!("Slurm refused a job: {}", text::clean(&said))).at(script.display().to_string()));
    }
    let id = answer.out.trim().split(';').next().unwrap_or_default().to_owned();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Failure::environment(format!("sbatch gave no job number but '{}'", text::clean(&answer.out))));
    }
    Ok(id)
}

/// How jobs stand: from `squeue`, and from `sacct` where jobs have left the queue and there is accounting. `None` where
/// Slurm does not answer. Jobs of which neither knows anything are left out.
pub fn look(ids: &[String]) -> Option<Vec<Seen>> {
    let whole: Vec<&str> = ids.iter().map(|id| id.split('_').next().unwrap_or_default()).collect();
    let list = whole.join(",");
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--array", "--states=all", "--format=%i|%T|%r", "--jobs", &list]);
    let answer = ask(&mut command).ok()?;
    if !answer.success && !answer.err.contains("Invalid job id") {
        return None;
    }
    let mut found: BTreeMap<String, Seen> = parse(&answer.out);
    if ids.iter().any(|id| !found.contains_key(id)) {
        let mut command = Command::new("sacct");
        command.args(["--noheader", "--parsable2", "--allocations", "--array", "--format=JobID,State,ExitCode", "--jobs", &list]);
        if let Some(answer) = ask(&mut command).ok().filter(|a| a.success) {
            for (id, seen) in parse(&answer.out) {
                found.entry(id).or_insert(seen);
            }
        }
    }
    Some(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The same, at most every few seconds: for screens.
pub fn look_soon(ids: &[String]) -> Option<Vec<Seen>> {
    type Known = BTreeMap<Vec<String>, (Instant, Option<Vec<Seen>>)>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    if let Some((at, seen)) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(ids)
        && at.elapsed() < Duration::from_secs(2)
    {
        return seen.clone();
    }
    let seen = look(ids);
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(ids.to_vec(), (Instant::now(), seen.clone()));
    seen
}

/// Takes jobs back: all of them, or only those that have not begun.
pub fn cancel(ids: &[String], only_waiting: bool) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("scancel");
    command.arg("--quiet");
    if only_waiting {
        command.arg("--state=PENDING");
    }
    let answer = ask(command.args(ids)).map_err(|e| Failure::environment(format!("cannot cancel the jobs: {e}")))?;
    // It fails without a word where a job has ended meanwhile, or is not in the state that was asked for.
    if answer.success || answer.err.trim().is_empty() {
        return Ok(());
    }
    Err(Failure::environment(format!("scancel failed: {}", text::clean(answer.err.trim()))))
}

/// Lines of `id|state|reason`. sacct adds who cancelled a job to its state.
fn parse(text: &str) -> BTreeMap<String, Seen> {
    let mut out = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.trim().splitn(3, '|');
        let (Some(id), Some(state)) = (fields.next(), fields.next()) else { continue };
        let state = state.split_whitespace().next().unwrap_or_default().to_owned();
        let seen = Seen { id: id.to_owned(), state, reason: fields.next().unwrap_or_default().to_owned() };
        out.insert(id.to_owned(), seen);
    }
    out
}

struct Answer {
    success: bool,
    out: String,
    err: String,
}

fn ask(command: &mut Command) -> std::result::Result<Answer, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| {
            if e.kind() == std::io::ErrorKind::NotFound { format!("there is no {name} here") } else { format!("{name}: {e}") }
        })?;
    let pid = child.id();
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    // Answers are read on this thread; the other one ends a command that does not answer.
    let watchdog = std::thread::spawn(move || {
        let late = matches!(waiting.recv_timeout(PATIENCE), Err(std::sync::mpsc::RecvTimeoutError::Timeout));
        if late && let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        late
    });
    let mut err = child.stderr.take();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = err.as_mut().map(|e| std::io::Read::read_to_string(e, &mut text));
        text
    });
    let mut out = String::new();
    let read = child.stdout.take().map_or(Ok(0), |mut o| std::io::Read::read_to_string(&mut o, &mut out));
    let err = errors.join().unwrap_or_default();
    // Still a child of ours until here, so its number cannot be another's.
    drop(done);
    let late = watchdog.join().unwrap_or(false);
    let status = child.wait().map_err(|e| format!("{name}: {e}"))?;
    if late {
        return Err(format!("{name} did not answer within {} seconds", PATIENCE.as_secs()));
    }
    read.map_err(|e| format!("{name}: {e}"))?;
    Ok(Answer { success: status.success(), out, err })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let squeue = parse("19_0|CANCELLED|DependencyNeverSatisfied\n20|COMPLETED|None\n21|PENDING|BeginTime\n");
        assert!(!squeue["19_0"].active() && !squeue["20"].active() && squeue["21"].active() && squeue["21"].waits());
        assert_eq!(squeue["19_0"].reason, "DependencyNeverSatisfied");
        let sacct = parse("7|CANCELLED by 1000|0:15\n8_1|RUNNING|0:0\n\n");
        assert_eq!(sacct["7"].state, "CANCELLED");
        assert!(sacct["8_1"].active() && !sacct["8_1"].waits());
    }
}
