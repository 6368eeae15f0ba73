//! Jobs of a run: worker processes beside or instead of the run's one worker, on this machine or under Slurm.
//!
//! Each job has a folder `runs/<id>/jobs/<job>/` with a journal, a lock and a log of its own, in the formats of a run.
//! The run's own journal has one writer at a time: whoever holds the run's lock. That writer repeats the jobs' lines in
//! it, each with its origin, and pins a job's journal by its last digest. So one chain still tells the whole run.

use super::journal::{self, Event, Follower, Journal, Line, Origin};
use super::runs::Run;
use crate::base::{Exit, Failure, IoContext, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// How a job's journal ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// All done.
    Done,
    /// It saved its state and stopped: asked to, or before its time limit.
    Stopped,
    /// An error.
    Failed {
        /// The message.
        what: String,
        /// The exit code.
        exit: i32,
    },
    /// It began and said nothing more: killed, or still at work.
    Open,
    /// It never began.
    Never,
}

/// The folder of the jobs.
pub fn root(run: &Run) -> PathBuf {
    run.dir.join("jobs")
}

/// A job's folder, made if need be, as something that has a journal and a lock.
pub fn at(run: &Run, job: &str) -> Result<Run> {
    let dir = root(run).join(job);
    fs::create_dir_all(&dir).doing("make the folder", &dir)?;
    Ok(Run { id: format!("{} {job}", run.id), dir, order: run.order.clone() })
}

/// The jobs that have a folder, by name.
pub fn names(run: &Run) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root(run)) else { return Vec::new() };
    let mut out: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    out.sort();
    out
}

/// A job's journal; no lines before it begins.
pub fn lines(run: &Run, job: &str) -> Result<(Vec<Line>, Option<String>)> {
    let path = root(run).join(job).join("journal.jsonl");
    if path.exists() { journal::read(&path) } else { Ok((Vec::new(), None)) }
}

/// When anything was last heard of the jobs, in seconds; their heartbeats are in no other journal.
pub fn last_sign(run: &Run) -> Option<f64> {
    names(run).iter().filter_map(|job| lines(run, job).ok()?.0.last().map(|l| l.t)).reduce(f64::max)
}

/// How a job's last attempt ended.
pub fn ending(lines: &[Line]) -> Ending {
    for line in lines.iter().rev() {
        match &line.event {
            Event::RunDone { .. } => return Ending::Done,
            Event::RunStopped => return Ending::Stopped,
            Event::RunFailed { what, exit } => return Ending::Failed { what: what.clone(), exit: *exit },
            Event::RunStarted { .. } => return Ending::Open,
            _ => {}
        }
    }
    Ending::Never
}

/// The failure that a journal tells of, with its exit code.
pub fn failure(what: &str, exit: i32) -> Failure {
    const CHECK: i32 = Exit::CheckFailed as i32;
    const INTERRUPTED: i32 = Exit::Interrupted as i32;
    const ENVIRONMENT: i32 = Exit::Environment as i32;
    match exit {
        CHECK => Failure::check(what),
        INTERRUPTED => Failure::interrupted(what),
        ENVIRONMENT => Failure::environment(what),
        _ => Failure::input(what),
    }
}

/// What of a job's line belongs into the run's journal.
pub fn repeated(job: &str, line: &Line) -> Option<(Event, Origin)> {
    let event = match &line.event {
        Event::RunStarted { place, .. } => Event::JobStarted { job: job.to_owned(), place: place.clone() },
        Event::StageCached { .. }
        | Event::StageStarted { .. }
        | Event::StageDone { .. }
        | Event::StageFailed { .. }
        | Event::Progress { .. }
        | Event::Epoch { .. }
        | Event::Note { .. } => line.event.clone(),
        _ => return None,
    };
    Some((event, Origin { job: job.to_owned(), n: line.n, t: line.t }))
}

/// The first line of each job's journal that the run's journal has not taken over yet.
pub fn next(lines: &[Line]) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    for line in lines {
        let (job, upto) = match (&line.from, &line.event) {
            (Some(from), _) => (&from.job, from.n + 1),
            (None, Event::JobEnded { job, lines, .. }) => (job, *lines),
            _ => continue,
        };
        let known: &mut u64 = out.entry(job.clone()).or_default();
        *known = upto.max(*known);
    }
    out
}

/// Takes over what the jobs' journals have and the run's has not, in order of time, and pins each. For the holder of
/// the run's lock. Passing progress is left out.
pub fn collect(run: &Run, journal: &mut Journal) -> Result<()> {
    let next = next(&journal::read(&run.journal())?.0);
    let mut news = Vec::new();
    let mut ended = Vec::new();
    for job in names(run) {
        let (lines, last) = lines(run, &job)?;
        let first = next.get(&job).copied().unwrap_or(0);
        if lines.len() as u64 <= first {
            continue;
        }
        let fresh = lines.iter().filter(|l| l.n >= first && !matches!(l.event, Event::Progress { .. }));
        news.extend(fresh.filter_map(|l| repeated(&job, l)));
        ended.push(Event::JobEnded { job, lines: lines.len() as u64, last: last.unwrap_or_default() });
    }
    // Stable: the lines of one job stay in order even where a clock was set back.
    news.sort_by(|a, b| a.1.t.total_cmp(&b.1.t));
    news.into_iter().try_for_each(|(event, from)| journal.append_from(event, Some(from)))?;
    ended.into_iter().try_for_each(|event| journal.append(event))
}

/// A run's lines, and after them those of its jobs that nobody has taken over yet.
pub fn with_jobs(run: &Run, mut own: Vec<Line>) -> Result<Vec<Line>> {
    let next = next(&own);
    let mut news = Vec::new();
    for job in names(run) {
        let first = next.get(&job).copied().unwrap_or(0);
        for line in lines(run, &job)?.0.into_iter().filter(|l| l.n >= first) {
            if let Some((event, from)) = repeated(&job, &line) {
                news.push(Line { from: Some(from), event, ..line });
            }
        }
    }
    news.sort_by(|a, b| a.t.total_cmp(&b.t));
    own.extend(news);
    Ok(own)
}

/// Follows a run: its journal and, where nobody takes the jobs' lines over at once, the jobs' journals.
pub struct Feed {
    run: Run,
    own: Follower,
    jobs: BTreeMap<String, Follower>,
    next: BTreeMap<String, u64>,
}

impl Feed {
    /// From the start of the run.
    pub fn new(run: &Run) -> Self {
        Self { run: run.clone(), own: Follower::new(&run.journal()), jobs: BTreeMap::new(), next: BTreeMap::new() }
    }

    /// The lines that have come since the last call, each once.
    pub fn poll(&mut self) -> Result<Vec<Line>> {
        let mut out = self.own.poll()?;
        // What was taken over comes from the run's journal, unless it was shown already.
        let seen = self.next.clone();
        for (job, upto) in next(&out) {
            let known = self.next.entry(job).or_default();
            *known = upto.max(*known);
        }
        out.retain(|l| l.from.as_ref().is_none_or(|f| f.n >= seen.get(&f.job).copied().unwrap_or(0)));
        if self.run.execution().on_slurm() {
            let own = out.len();
            for job in names(&self.run) {
                let path = root(&self.run).join(&job).join("journal.jsonl");
                let follower = self.jobs.entry(job.clone()).or_insert_with(|| Follower::new(&path));
                let first = self.next.entry(job.clone()).or_default();
                for line in follower.poll()?.into_iter().filter(|l| l.n >= *first).collect::<Vec<_>>() {
                    *first = line.n + 1;
                    if let Some((event, from)) = repeated(&job, &line) {
                        out.push(Line { from: Some(from), event, ..line });
                    }
                }
            }
            out[own..].sort_by(|a, b| a.t.total_cmp(&b.t));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, host::Place};
    use crate::engine::execution::{Execution, Executor, Wishes};
    use crate::engine::runs::Order;

    fn run(dir: &std::path::Path) -> Run {
        let execution = Execution { executor: Executor::Slurm(Wishes::default()), slots: 0, only: Vec::new() };
        let order = Order {
            protocol: "p".into(),
            file: "p.toml".into(),
            file_sha256: Digest::of(b""),
            overrides: Vec::new(),
            resolved: serde_json::Value::Null,
            execution,
        };
        Run { id: "r".into(), dir: dir.to_owned(), order }
    }

    fn note(text: &str) -> Event {
        Event::Note { level: "info".into(), text: text.into() }
    }

    fn notes(lines: &[Line]) -> Vec<String> {
        lines.iter().filter_map(|l| if let Event::Note { text, .. } = &l.event { Some(text.clone()) } else { None }).collect()
    }

    #[test]
    fn lines_are_told_once_before_and_after_they_are_taken_over() {
        let dir = tempfile::tempdir().expect("tempdir");
        let run = run(dir.path());
        let started = || Event::RunStarted { protocol: "p".into(), place: Place::here(), pinfold: "0".into() };
        let mut own = Journal::open(&run.journal()).expect("open");
        own.append(started()).expect("append");
        let mut feed = Feed::new(&run);
        assert_eq!(feed.poll().expect("poll").len(), 1);
        let mut job = Journal::open(&at(&run, "fold-a").expect("folder").journal()).expect("open");
        job.append(started()).expect("append");
        job.append(note("one")).expect("append");
        assert_eq!(notes(&feed.poll().expect("poll")), ["one"]);
        job.append(note("two")).expect("append");
        assert_eq!(notes(&run.lines().expect("lines")), ["one", "two"], "seen before anybody took them over");
        collect(&run, &mut own).expect("collect");
        collect(&run, &mut own).expect("again");
        let lines = journal::read(&run.journal()).expect("read").0;
        assert_eq!(notes(&lines), ["one", "two"]);
        assert!(lines.iter().any(|l| matches!(&l.event, Event::JobEnded { lines: 3, last, .. } if last == job.last())));
        assert_eq!(notes(&run.lines().expect("lines")), ["one", "two"]);
        assert_eq!(notes(&feed.poll().expect("poll")), ["two"]);
        job.append(note("three")).expect("append");
        assert_eq!(notes(&feed.poll().expect("poll")), ["three"]);
        collect(&run, &mut own).expect("collect");
        assert!(notes(&feed.poll().expect("poll")).is_empty());
        // Who comes later, and after a second attempt, sees each line once too.
        own.append(Event::RunStopped).expect("append");
        own.append(started()).expect("append");
        own.append(note("four")).expect("append");
        assert_eq!(notes(&Feed::new(&run).poll().expect("poll")), ["one", "two", "three", "four"]);
        assert_eq!(ending(&run.lines().expect("lines")), Ending::Open);
    }
}
