//! A run's append-only log: JSON lines, each carrying the digest of the line before.

use crate::base::{Digest, Failure, IoContext, Result, clock, host::Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What happens in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A worker took the run up, for the first time or again.
    RunStarted {
        /// Protocol name.
        protocol: String,
        /// Where the worker runs.
        place: Place,
        /// The program's version.
        pinfold: String,
    },
    /// The plan: labels of all pieces of work, in order.
    Planned {
        /// Labels.
        labels: Vec<String>,
    },
    /// A piece of work was there already.
    StageCached {
        /// Label.
        label: String,
        /// Stage name.
        stage: String,
        /// Key.
        key: Digest,
    },
    /// A piece of work began.
    StageStarted {
        /// Label.
        label: String,
        /// Stage name.
        stage: String,
        /// Key.
        key: Digest,
    },
    /// A piece of work is done.
    StageDone {
        /// Label.
        label: String,
        /// Stage name.
        stage: String,
        /// Key.
        key: Digest,
        /// Digest of its outputs.
        digest: Digest,
        /// How long it took.
        seconds: f64,
    },
    /// A piece of work failed.
    StageFailed {
        /// Label.
        label: String,
        /// The whole message.
        what: String,
    },
    /// How far a piece of work is.
    Progress {
        /// Label.
        label: String,
        /// Done so far.
        done: u64,
        /// Of so many.
        total: u64,
        /// What is counted: `patches`, `images`.
        unit: String,
        /// So many a second.
        rate: f64,
    },
    /// One epoch's numbers.
    Epoch {
        /// Label.
        label: String,
        /// Epoch, from 1.
        epoch: u64,
        /// Of so many.
        epochs: u64,
        /// Numbers by name: `train_loss`, `validation_loss`, `validation_pcc`, `learning_rate`.
        values: BTreeMap<String, Option<f64>>,
        /// How long it took.
        seconds: f64,
    },
    /// Something a person should know.
    Note {
        /// `info` or `warning`.
        level: String,
        /// The text.
        text: String,
    },
    /// Jobs were handed to Slurm.
    Submitted {
        /// The run's jobs.
        jobs: Vec<Submission>,
    },
    /// A job of the run began: a worker process of its own, with a journal of its own.
    JobStarted {
        /// The job.
        job: String,
        /// Where it runs.
        place: Place,
    },
    /// A job's journal was taken over up to here: with its last digest it is pinned by this line.
    JobEnded {
        /// The job.
        job: String,
        /// Lines of its journal.
        lines: u64,
        /// Digest of its last line.
        last: String,
    },
    /// The worker lives.
    Heartbeat {
        /// Where it runs; older journals lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
    },
    /// All done.
    RunDone {
        /// Seconds since this worker took it up.
        seconds: f64,
    },
    /// Ended by an error.
    RunFailed {
        /// The whole message.
        what: String,
        /// The exit code.
        exit: i32,
    },
    /// Stopped on request; can be taken up again.
    RunStopped,
}

/// A job that was handed to Slurm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The job's name in the run: `fold-C2`.
    pub job: String,
    /// Slurm's number: `12`, or `12_3` in an array.
    pub id: String,
}

/// The line of a job's journal that a line repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The job.
    pub job: String,
    /// The line's number there.
    pub n: u64,
    /// When it happened, in seconds.
    pub t: f64,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Line number, from 0.
    pub n: u64,
    /// When, RFC 3339.
    pub at: String,
    /// When, in seconds: what durations are taken from.
    pub t: f64,
    /// SHA-256 of the line before, without its line end; 64 zeros for the first.
    pub prev: String,
    /// The line of a job's journal that this one repeats, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The writing end.
pub struct Journal {
    path: PathBuf,
    file: fs::File,
    next: u64,
    prev: String,
    /// Bytes of whole lines: where the next one begins.
    end: u64,
    kept: Option<PathBuf>,
}

impl Journal {
    /// Opens a journal for appending. A cut last line (a crash while writing) is removed first. When more than that is
    /// unsound (somebody edited a line, a disk lost a block), the file is first copied whole to
    /// `journal.damaged-N.jsonl` beside it: nothing is thrown away.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Failure::io(&e, "read the journal", path)),
        };
        let (lines, sound_bytes) = parse(&bytes);
        let kept = if bytes[sound_bytes as usize..].contains(&b'\n') { Some(keep_damaged(path, &bytes)?) } else { None };
        let mut file =
            fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).doing("write the journal", path)?;
        file.set_len(sound_bytes).doing("write the journal", path)?;
        file.seek(SeekFrom::Start(sound_bytes)).doing("write the journal", path)?;
        let prev = lines.last().map_or_else(|| FIRST.to_owned(), |(raw, _)| Digest::of(raw.as_bytes()).to_string());
        Ok(Self { path: path.to_owned(), file, next: lines.len() as u64, prev, end: sound_bytes, kept })
    }

    /// Where an unsound journal was kept when this one was opened, if it was.
    pub fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Appends one event: one write a line.
    pub fn append(&mut self, event: Event) -> Result<()> {
        self.append_from(event, None)
    }

    /// The same, for an event that stands in a job's journal too.
    pub fn append_from(&mut self, event: Event, from: Option<Origin>) -> Result<()> {
        let t = clock::now();
        let line = Line { n: self.next, at: clock::rfc3339(t), t, prev: self.prev.clone(), from, event };
        let mut text = serde_json::to_string(&line).map_err(|e| Failure::environment(format!("cannot write the journal: {e}")))?;
        let digest = Digest::of(text.as_bytes());
        text.push('\n');
        if let Err(e) = self.file.write_all(text.as_bytes()) {
            // A full disk may have taken half the line: without it the next line still joins the chain.
            let _ = self.file.set_len(self.end);
            let _ = self.file.seek(SeekFrom::Start(self.end));
            return Err(Failure::io(&e, "write the journal", &self.path));
        }
        self.end += text.len() as u64;
        if matches!(
            line.event,
            Event::StageDone { .. } | Event::Epoch { .. } | Event::RunDone { .. } | Event::RunFailed { .. } | Event::RunStopped
        ) {
            self.file.sync_data().doing("write the journal", &self.path)?;
        }
        self.next += 1;
        self.prev = digest.to_string();
        Ok(())
    }

    /// The first lines of a worker, or of whoever hands the run to a cluster: who takes it up, and what was found damaged.
    pub fn take_up(&mut self, protocol: &str) -> Result<()> {
        self.append(Event::RunStarted { protocol: protocol.to_owned(), place: Place::here(), pinfold: env!("CARGO_PKG_VERSION").into() })?;
        let Some(kept) = self.kept().map(|p| p.display().to_string()) else { return Ok(()) };
        let text = format!("the journal had been changed or damaged; as it was found it is kept in {kept}");
        self.append(Event::Note { level: "warning".into(), text })
    }

    /// How many lines it has.
    #[allow(clippy::len_without_is_empty, reason = "a journal in use has a first line")]
    pub fn len(&self) -> u64 {
        self.next
    }

    /// The digest of the last line.
    pub fn last(&self) -> &str {
        &self.prev
    }
}

fn keep_damaged(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let mut n = 1;
    loop {
        let kept = path.with_file_name(format!("journal.damaged-{n}.jsonl"));
        if !kept.exists() {
            crate::base::atomic::write(&kept, bytes)?;
            return Ok(kept);
        }
        n += 1;
    }
}

/// Whole, chained lines from the start, and how many bytes they take. Stops at the first cut or unchained line.
fn parse(bytes: &[u8]) -> (Vec<(String, Line)>, u64) {
    let mut out: Vec<(String, Line)> = Vec::new();
    let mut sound = 0u64;
    let mut prev = FIRST.to_owned();
    for raw in bytes.split_inclusive(|&b| b == b'\n') {
        let Some(text) = raw.strip_suffix(b"\n").and_then(|r| std::str::from_utf8(r).ok()) else { break };
        let Ok(line) = serde_json::from_str::<Line>(text) else { break };
        if line.prev != prev || line.n != out.len() as u64 {
            break;
        }
        prev = Digest::of(text.as_bytes()).to_string();
        sound += raw.len() as u64;
        out.push((text.to_owned(), line));
    }
    (out, sound)
}

/// Reads a journal; a cut last line is left out. The second value is the digest of the last whole line.
pub fn read(path: &Path) -> Result<(Vec<Line>, Option<String>)> {
    let bytes = fs::read(path).doing("read the journal", path)?;
    let (lines, _) = parse(&bytes);
    let last = lines.last().map(|(raw, _)| Digest::of(raw.as_bytes()).to_string());
    Ok((lines.into_iter().map(|(_, line)| line).collect(), last))
}

/// Follows a growing journal from where it last read.
pub struct Follower {
    path: PathBuf,
    offset: u64,
    rest: Vec<u8>,
}

impl Follower {
    /// A reader from the start.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, rest: Vec::new() }
    }

    /// The whole lines that have come since the last call. A journal that is not there yet has none.
    pub fn poll(&mut self) -> Result<Vec<Line>> {
        let mut file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Failure::io(&e, "read the journal", &self.path)),
        };
        let length = file.metadata().doing("read the journal", &self.path)?.len();
        if length < self.offset + self.rest.len() as u64 {
            // A restarted worker cut a torn last line off; what was whole stays whole.
            self.rest.clear();
            self.offset = self.offset.min(length);
        }
        file.seek(SeekFrom::Start(self.offset + self.rest.len() as u64)).doing("read the journal", &self.path)?;
        file.read_to_end(&mut self.rest).doing("read the journal", &self.path)?;
        let mut out = Vec::new();
        while let Some(end) = self.rest.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.offset += line.len() as u64;
            if let Ok(line) = serde_json::from_slice(&line) {
                out.push(line);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Event {
        Event::Note { level: "info".into(), text: text.into() }
    }

    #[test]
    fn every_cut_of_the_last_lines_is_survived() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).expect("open");
        (0..5).for_each(|i| journal.append(note(&format!("line {i} é"))).expect("append"));
        drop(journal);
        let whole = fs::read(&path).expect("read");
        let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
        for cut in ends[1]..whole.len() {
            fs::write(&path, &whole[..cut]).expect("write");
            let kept = ends.iter().filter(|&&e| e <= cut).count();
            assert_eq!(read(&path).expect("read").0.len(), kept, "cut at {cut}");
            let mut again = Journal::open(&path).expect("open");
            again.append(note("after")).expect("append");
            let (lines, _) = read(&path).expect("read");
            assert_eq!(lines.len(), kept + 1, "cut at {cut}");
        }
    }

    #[test]
    fn a_changed_line_breaks_the_chain() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).expect("open");
        (0..3).for_each(|i| journal.append(note(&format!("line {i}"))).expect("append"));
        let text = fs::read_to_string(&path).expect("read").replace("line 0", "line 9");
        fs::write(&path, text).expect("write");
        // "line 0" became "line 9": the first line is sound JSON, and the second no longer follows it.
        assert_eq!(read(&path).expect("read").0.len(), 1);
        let whole = fs::read(&path).expect("read");
        let mut again = Journal::open(&path).expect("open");
        assert_eq!(fs::read(again.kept().expect("kept")).expect("read"), whole, "the edited journal is kept as it was");
        again.append(note("after")).expect("append");
        assert_eq!(read(&path).expect("read").0.len(), 2);
    }

    #[test]
    fn a_follower_sees_each_line_once() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("journal.jsonl");
        let mut follower = Follower::new(&path);
        assert!(follower.poll().expect("poll").is_empty());
        let mut journal = Journal::open(&path).expect("open");
        journal.append(note("a")).expect("append");
        assert_eq!(follower.poll().expect("poll").len(), 1);
        assert!(follower.poll().expect("poll").is_empty());
        journal.append(note("b")).expect("append");
        assert_eq!(follower.poll().expect("poll")[0].event, note("b"));
    }
}
