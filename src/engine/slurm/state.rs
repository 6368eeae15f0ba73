//! How a run stands whose work is Slurm's.

use super::queue::{self, Seen};
use crate::base::clock;
use crate::engine::jobs;
use crate::engine::journal::{Event, Line, Submission};
use crate::engine::runs::{self, Run, State};
use serde::Serialize;

/// A job of a run, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// The job's name in the run.
    pub job: String,
    /// Slurm's number.
    pub id: String,
    /// Slurm's word in small letters; `unknown` where Slurm does not answer or has forgotten it.
    pub state: String,
    /// Why it waits, where Slurm says.
    pub reason: Option<String>,
}

/// The jobs of the newest attempt.
pub fn submissions(lines: &[Line]) -> Vec<Submission> {
    let from = lines.iter().rposition(|l| matches!(l.event, Event::Planned { .. })).unwrap_or(0);
    let jobs = |l: &Line| if let Event::Submitted { jobs } = &l.event { jobs.clone() } else { Vec::new() };
    lines[from..].iter().flat_map(jobs).collect()
}

/// Whether the newest attempt has reached Slurm.
pub fn submitted(lines: &[Line]) -> bool {
    !submissions(lines).is_empty()
}

fn ids(jobs: &[Submission]) -> Vec<String> {
    jobs.iter().map(|j| j.id.clone()).collect()
}

/// How the run stands, given that its journal tells of no end.
pub fn state(run: &Run, lines: &[Line]) -> State {
    let Some(seen) = queue::look_soon(&ids(&submissions(lines))) else {
        // No Slurm here, or it does not answer: the journals' last sign of life counts.
        let last = lines.last().map(|l| l.t).into_iter().chain(jobs::last_sign(run)).reduce(f64::max);
        return if last.is_some_and(|t| clock::now() - t > runs::SILENCE) { State::Silent } else { State::Running };
    };
    let active: Vec<&Seen> = seen.iter().filter(|s| s.active()).collect();
    if active.iter().any(|s| !s.waits()) {
        State::Running
    } else if !active.is_empty() {
        State::Queued
    } else if run.stop_asked() {
        State::Stopped
    } else {
        State::Lost
    }
}

/// The jobs of the newest attempt, with how each stands.
pub fn cards(lines: &[Line]) -> Vec<Card> {
    let jobs = submissions(lines);
    if jobs.is_empty() {
        return Vec::new();
    }
    let seen = queue::look_soon(&ids(&jobs)).unwrap_or_default();
    let card = |j: Submission| {
        let found = seen.iter().find(|s| s.id == j.id);
        let state = found.map_or_else(|| "unknown".to_owned(), |s| s.state.to_lowercase());
        let reason = found.filter(|s| s.waits() && s.reason != "None").map(|s| s.reason.clone());
        Card { job: j.job, id: j.id, state, reason }
    };
    jobs.into_iter().map(card).collect()
}
