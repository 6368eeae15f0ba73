//! Run folders: `runs/<id>/` with `run.json`, `journal.jsonl`, `control`, `log.txt` and `result.json`.

use super::execution::Execution;
use super::journal::{self, Event, Line};
use super::workspace::Workspace;
use super::{jobs, slurm};
use crate::base::{Digest, Failure, IoContext, Result, atomic, clock};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// What was asked for: written once, before the worker starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The name under which results may be locked.
    pub protocol: String,
    /// The protocol file, relative to the workspace where it lies inside.
    pub file: String,
    /// SHA-256 of the protocol file when the run began.
    pub file_sha256: Digest,
    /// Overrides, `key=value`.
    pub overrides: Vec<String>,
    /// The resolved protocol, canonical.
    pub resolved: serde_json::Value,
    /// How it is executed.
    #[serde(default, skip_serializing_if = "Execution::is_plain")]
    pub execution: Execution,
}

/// What came out: labels of all pieces of work with their stage and key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// In plan order.
    pub artifacts: Vec<OutcomeRow>,
}

/// One artifact of a finished run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// Label.
    pub label: String,
    /// Stage.
    pub stage: String,
    /// Key.
    pub key: Digest,
    /// Digest of its outputs.
    pub digest: Digest,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Ordered, and no worker has taken it up yet.
    Starting,
    /// Handed to Slurm, and waiting there.
    Queued,
    /// A worker lives.
    Running,
    /// Its worker was halted on request where it stood; it can go on in a moment.
    Paused,
    /// All done.
    Done,
    /// Ended by an error.
    Failed,
    /// Stopped on request.
    Stopped,
    /// The worker vanished: killed, or the machine restarted. Can be taken up again.
    Lost,
    /// The worker is on another host and has been silent for a while.
    Silent,
}

impl State {
    /// The word people see.
    pub fn word(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Queued => "queued",
            State::Running => "running",
            State::Paused => "paused",
            State::Done => "done",
            State::Failed => "failed",
            State::Stopped => "stopped",
            State::Lost => "lost",
            State::Silent => "silent",
        }
    }
    /// True while somebody works on it.
    pub fn live(self) -> bool {
        matches!(self, State::Starting | State::Queued | State::Running | State::Paused | State::Silent)
    }
}

/// A run's folder.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder's name.
    pub id: String,
    /// The folder.
    pub dir: PathBuf,
    /// What was asked for.
    pub order: Order,
}

/// Seconds after which a worker on another host counts as silent.
pub(super) const SILENCE: f64 = 90.0;

impl Run {
    /// Makes the folder for a new run. Ids sort by time.
    pub fn create(workspace: &Workspace, order: Order) -> Result<Self> {
        let runs = workspace.runs();
        fs::create_dir_all(&runs).doing("make the folder", &runs)?;
        let stamp = clock::rfc3339(clock::now()).replace([':', '-'], "").replace('T', "-").replace('Z', "");
        for attempt in 0..1000 {
            let id = if attempt == 0 { format!("{stamp}-{}", order.protocol) } else { format!("{stamp}-{}-{attempt}", order.protocol) };
            let dir = runs.join(&id);
            match fs::create_dir(&dir) {
                Ok(()) => {
                    let text =
                        serde_json::to_string_pretty(&order).map_err(|e| Failure::environment(format!("cannot write the order: {e}")))?;
                    atomic::write(&dir.join("run.json"), text.as_bytes())?;
                    return Ok(Self { id, dir, order });
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Failure::io(&e, "make the run folder", &dir)),
            }
        }
        Err(Failure::environment("cannot find a free run name").at(runs.display().to_string()))
    }

    /// Opens a run folder.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("run.json");
        let bytes = fs::read(&path).doing("read the run", &path)?;
        let order =
            serde_json::from_slice(&bytes).map_err(|e| Failure::input(format!("damaged run file: {e}")).at(path.display().to_string()))?;
        let id = dir.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        Ok(Self { id, dir: dir.to_owned(), order })
    }

    /// All runs, oldest first. Damaged folders are left out.
    pub fn all(workspace: &Workspace) -> Result<Vec<Self>> {
        let runs = workspace.runs();
        let mut dirs: Vec<PathBuf> = match fs::read_dir(&runs) {
            Ok(entries) => entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_dir()).collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Failure::io(&e, "list", &runs)),
        };
        dirs.sort();
        Ok(dirs.iter().filter_map(|d| Self::open(d).ok()).collect())
    }

    /// The run that a person means: an id, the start or a part of one, a protocol's name (its newest run), or
    /// nothing (the newest run).
    pub fn choose(workspace: &Workspace, wanted: Option<&str>) -> Result<Self> {
        let mut all = Self::all(workspace)?;
        let found = match wanted {
            None => all.pop(),
            Some(text) => {
                let exact = all.iter().rposition(|r| r.id == text).or_else(|| all.iter().rposition(|r| r.order.protocol == text));
                exact.or_else(|| all.iter().rposition(|r| r.id.contains(text))).map(|i| all.swap_remove(i))
            }
        };
        found.ok_or_else(|| {
            let what = wanted.map_or_else(|| "there are no runs yet".to_owned(), |t| format!("no run matches '{t}'"));
            Failure::input(what)
                .at(workspace.runs().display().to_string())
                .hint("pinfold status lists the runs; pinfold run PROTOCOL starts one")
        })
    }

    /// How it is executed.
    pub fn execution(&self) -> &Execution {
        &self.order.execution
    }

    /// The journal's path.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// The journal's lines; none yet is no error.
    pub fn lines(&self) -> Result<Vec<Line>> {
        match journal::read(&self.journal()) {
            Ok((lines, _)) if self.execution().on_slurm() => jobs::with_jobs(self, lines),
            Ok((lines, _)) => Ok(lines),
            Err(_) if !self.journal().exists() => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// How the run stands, from its journal and from whether its worker lives.
    pub fn state(&self, lines: &[Line]) -> State {
        for line in lines.iter().rev() {
            match &line.event {
                Event::RunDone { .. } => return State::Done,
                Event::RunFailed { .. } => return State::Failed,
                Event::RunStopped => return State::Stopped,
                Event::RunStarted { .. } if self.execution().on_slurm() && slurm::submitted(lines) => return slurm::state(self, lines),
                Event::RunStarted { place, .. } => {
                    return match place.alive() {
                        Some(true) if place.halted() => State::Paused,
                        Some(true) => State::Running,
                        Some(false) => State::Lost,
                        None if lines.last().is_some_and(|l| clock::now() - l.t > SILENCE) => State::Silent,
                        None => State::Running,
                    };
                }
                _ => {}
            }
        }
        let fresh =
            fs::metadata(self.dir.join("run.json")).and_then(|m| m.modified()).is_ok_and(|t| t.elapsed().is_ok_and(|e| e.as_secs() < 30));
        if fresh { State::Starting } else { State::Lost }
    }

    /// Where the worker of a silent run was, and for how many seconds nothing was heard of it.
    pub fn silence(&self, lines: &[Line]) -> Option<(String, f64)> {
        if self.state(lines) != State::Silent {
            return None;
        }
        let host =
            lines.iter().rev().find_map(|l| if let Event::RunStarted { place, .. } = &l.event { Some(place.host.clone()) } else { None });
        Some((host?, clock::now() - lines.last()?.t))
    }

    /// Asks the worker to stop at the next safe place.
    pub fn ask_stop(&self) -> Result<()> {
        atomic::write(&self.dir.join("control"), b"stop\n")
    }

    /// Asks the worker to end at once, without saving: the last saved state is what a resume goes on from.
    pub fn ask_abort(&self) -> Result<()> {
        atomic::write(&self.dir.join("control"), b"abort\n")
    }

    /// Whether a stop was asked for; an abort is one too.
    pub fn stop_asked(&self) -> bool {
        self.control().is_some()
    }

    /// Whether an abort was asked for.
    pub fn abort_asked(&self) -> bool {
        self.control().as_deref() == Some("abort")
    }

    fn control(&self) -> Option<String> {
        let text = fs::read_to_string(self.dir.join("control")).ok()?;
        Some(text.trim().to_owned()).filter(|t| t == "stop" || t == "abort")
    }

    /// Takes the run for this process: two workers on one run would write two chains. Held until the file is closed.
    pub fn take(&self) -> Result<fs::File> {
        super::store::take(&self.dir.join("worker.lock"), &format!("run {}", self.id))
    }

    /// Forgets a stop, before a run is taken up again.
    pub fn clear_control(&self) {
        let _ = fs::remove_file(self.dir.join("control"));
    }

    /// Writes what came out.
    pub fn write_outcome(&self, outcome: &Outcome) -> Result<()> {
        let text = serde_json::to_string_pretty(outcome).map_err(|e| Failure::environment(format!("cannot write the result: {e}")))?;
        atomic::write(&self.dir.join("result.json"), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::Place;

    fn line(n: u64, t: f64, event: Event) -> Line {
        Line { n, at: clock::rfc3339(t), t, prev: String::new(), from: None, event }
    }

    fn started(host: &str) -> Event {
        let place = Place { host: host.into(), boot: "b".into(), ticks: None, job: None, pid: 1 };
        Event::RunStarted { protocol: "demo".into(), place, pinfold: "0".into() }
    }

    #[test]
    fn a_worker_elsewhere_is_running_while_it_beats_and_silent_after() {
        let dir = tempfile::tempdir().expect("tempdir");
        let order = Order {
            protocol: "demo".into(),
            file: "protocols/demo.toml".into(),
            file_sha256: Digest::of(b""),
            overrides: Vec::new(),
            resolved: serde_json::Value::Null,
            execution: Execution::default(),
        };
        let run = Run { id: "r".into(), dir: dir.path().to_owned(), order };
        let now = clock::now();
        let beating = [line(0, now - 1000.0, started("elsewhere")), line(1, now - 20.0, Event::Heartbeat { place: None })];
        assert_eq!(run.state(&beating), State::Running);
        assert_eq!(run.state(&beating[..1]), State::Silent, "nothing can be known of a process on another host");
        let (host, seconds) = run.silence(&beating[..1]).expect("silent");
        assert!(host == "elsewhere" && (1000.0..1100.0).contains(&seconds) && run.silence(&beating).is_none());
        // Its clock ahead of ours, or ours set back: that is no silence.
        assert_eq!(run.state(&[line(0, now + 9000.0, started("elsewhere"))]), State::Running);
        assert_eq!(run.state(&[line(0, now - 1000.0, started(&Place::here().host))]), State::Lost, "another boot of this host");
        let ended = [&beating[..], &[line(2, now, Event::RunStopped)]].concat();
        assert_eq!(run.state(&ended), State::Stopped);
        let again = [&ended[..], &[line(3, now, started("elsewhere"))]].concat();
        assert_eq!(run.state(&again), State::Running, "taken up again");
    }
}
