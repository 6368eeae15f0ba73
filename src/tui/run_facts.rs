//! A run's journal, put into the Run screen's structs.

use super::facts::*;
use crate::base::{host, text};
use crate::engine::journal::{Event, Line};
use crate::engine::{Run, runs, slurm};

/// The screen's word for a run's state.
pub fn state(run: &Run, state: runs::State) -> RunState {
    match state {
        runs::State::Queued if run.stop_asked() => RunState::Stopping,
        runs::State::Starting | runs::State::Queued => RunState::Starting,
        runs::State::Running | runs::State::Paused | runs::State::Silent if run.stop_asked() => RunState::Stopping,
        runs::State::Running | runs::State::Silent => RunState::Running,
        runs::State::Paused => RunState::Paused,
        runs::State::Done => RunState::Done,
        runs::State::Failed => RunState::Failed,
        runs::State::Stopped => RunState::Stopped,
        runs::State::Lost => RunState::Lost,
    }
}

/// Everything that the screen shows of a run. The newest worker's planned board is filled from the top.
pub fn view(run: &Run, lines: &[Line]) -> RunView {
    let mut view = RunView {
        id: RunId(run.id.clone()),
        protocol: run.order.protocol.clone(),
        state: state(run, run.state(lines)),
        board: Vec::new(),
        progress: None,
        folds: Vec::new(),
        log: Vec::new(),
        failure: None,
        place: String::new(),
        jobs: Vec::new(),
    };
    lines.iter().for_each(|line| take(&mut view, line));
    if view.state.is_live() {
        view.place = place(run, lines);
        let words =
            |c: slurm::Card| JobRow { state: c.reason.map_or(c.state.clone(), |r| format!("{} ({r})", c.state)), job: c.job, id: c.id };
        view.jobs = slurm::cards(lines).into_iter().map(words).collect();
    }
    if !view.state.is_live() {
        view.progress = None;
        for row in view.board.iter_mut().filter(|r| r.state == StageState::Running) {
            row.state = if view.state == RunState::Failed { StageState::Failed } else { StageState::Queued };
        }
    }
    if view.state == RunState::Lost {
        view.failure = Some(format!("the worker is gone without a word; take it up again: pinfold resume {}", run.id));
    }
    let extra = view.log.len().saturating_sub(400);
    view.log.drain(..extra);
    view
}

/// The host, and where it is this one, the worker's memory and that of the GPU that it uses.
fn place(run: &Run, lines: &[Line]) -> String {
    let newest = lines.iter().rev().find_map(|l| if let Event::RunStarted { place, .. } = &l.event { Some(place) } else { None });
    let Some(place) = newest else { return String::new() };
    let mut words = vec![place.host.clone()];
    if place.alive() == Some(true) {
        // In steps, so that a line that is sent over SSH does not change twice a second.
        words.extend(host::resident(place.pid).map(|b| text::bytes(b / 10_000_000 * 10_000_000)));
        if run.order.resolved["determinism"]["device"] == "cuda" {
            words.extend(host::gpu_soon());
        }
    }
    words.join(", ")
}

/// A run at work in a line.
pub fn glance(run: &Run, lines: &[Line]) -> RunGlance {
    let mut view = view(run, lines);
    RunGlance { id: view.id, protocol: view.protocol, progress: view.progress.take() }
}

fn take(view: &mut RunView, line: &Line) {
    let log = |view: &mut RunView, level: Level, text: String| {
        let time = line.at.get(11..19).unwrap_or_default().to_owned();
        view.log.push(LogLine { level, time, text });
    };
    match &line.event {
        Event::RunStarted { place, .. } => {
            view.failure = None;
            log(view, Level::Info, format!("worker started on {} (process {})", place.host, place.pid));
        }
        Event::Planned { labels } => {
            view.board = labels.iter().map(|l| BoardRow { label: l.clone(), state: StageState::Queued, detail: String::new() }).collect();
        }
        Event::StageCached { label, key, .. } => set(view, label, StageState::Cached, format!("there already, {}", &key.short()[..7])),
        Event::StageStarted { label, .. } => {
            set(view, label, StageState::Running, String::new());
            view.progress = None;
            log(view, Level::Info, format!("{label} started"));
        }
        Event::StageDone { label, seconds, .. } => {
            set(view, label, StageState::Done, text::duration(*seconds));
            view.progress = None;
            log(view, Level::Info, format!("{label} done in {}", text::duration(*seconds)));
        }
        Event::StageFailed { label, what } => {
            set(view, label, StageState::Failed, String::new());
            view.failure = Some(what.clone());
            log(view, Level::Error, format!("{label}: {}", what.lines().next().unwrap_or_default()));
        }
        Event::Progress { label, done, total, unit, rate } => {
            let left = (*rate > 0.0).then(|| total.saturating_sub(*done) as f64 / rate + later_epochs(view, label));
            view.progress = Some(Progress {
                label: label.clone(),
                done: *done,
                total: *total,
                unit: unit.clone(),
                rate: Some(*rate),
                seconds_left: left,
            });
        }
        Event::Epoch { label, epoch, epochs, values, seconds } => {
            let get = |key: &str| values.get(key).copied().flatten();
            let name = fold_name(label).to_owned();
            let point = EpochPoint {
                epoch: *epoch as usize,
                train_loss: get("train_loss").unwrap_or(f64::NAN),
                validation_loss: get("validation_loss"),
                validation_pcc: get("validation_pcc"),
            };
            let at = view.folds.iter().position(|f| f.name == name).unwrap_or_else(|| {
                view.folds.push(FoldCurve { name, ..FoldCurve::default() });
                view.folds.len() - 1
            });
            let fold = &mut view.folds[at];
            fold.epochs.retain(|p| p.epoch < point.epoch);
            fold.epochs.push(point);
            fold.left = epochs.saturating_sub(epoch + 1) as f64 * seconds;
            set(view, label, StageState::Running, format!("epoch {epoch} of {epochs}"));
            log(
                view,
                Level::Info,
                format!("{label} epoch {epoch} of {epochs}, loss {:.4}, {}", point.train_loss, text::duration(*seconds)),
            );
        }
        Event::Note { level, text } => log(view, if level == "warning" { Level::Warning } else { Level::Info }, text.clone()),
        Event::Submitted { jobs } => {
            let shown: Vec<String> = jobs.iter().map(|j| format!("{} ({})", j.job, j.id)).collect();
            log(view, Level::Info, format!("handed to Slurm: {}", shown.join(", ")));
        }
        Event::JobStarted { job, place } => {
            log(
                view,
                Level::Info,
                format!("{job} began on {}", place.job.as_ref().map_or(place.host.clone(), |j| format!("{} (job {j})", place.host))),
            );
        }
        Event::Heartbeat { .. } | Event::JobEnded { .. } => {}
        Event::RunDone { seconds } => log(view, Level::Info, format!("finished in {}", text::duration(*seconds))),
        Event::RunFailed { what, .. } => {
            view.failure = Some(what.clone());
            log(view, Level::Error, what.lines().next().unwrap_or_default().to_owned());
        }
        Event::RunStopped => log(view, Level::Warning, "stopped on request; it can be taken up again".into()),
    }
}

/// `C2` of `train[C2]`.
fn fold_name(label: &str) -> &str {
    label.split_once('[').map_or(label, |(_, n)| n.trim_end_matches(']'))
}

/// Seconds that the epochs after the present one will take; nothing is known before the first has ended.
fn later_epochs(view: &RunView, label: &str) -> f64 {
    let fold = view.folds.iter().find(|f| label.starts_with("train") && f.name == fold_name(label));
    fold.map_or(0.0, |f| f.left)
}

fn set(view: &mut RunView, label: &str, state: StageState, detail: String) {
    match view.board.iter_mut().find(|r| r.label == label) {
        Some(row) => {
            row.state = state;
            row.detail = detail;
        }
        None => view.board.push(BoardRow { label: label.to_owned(), state, detail }),
    }
}
