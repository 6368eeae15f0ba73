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
    let epochs = run.order.resolved["train"]["epochs"].as_u64().unwrap_or(1);
    lines.iter().for_each(|line| take(&mut view, line, epochs));
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
            words.extend(host::gpu_soon(place.pid));
        }
    }
    words.join(", ")
}

/// A run at work in a line.
pub fn glance(run: &Run, lines: &[Line]) -> RunGlance {
    let mut view = view(run, lines);
    RunGlance { id: view.id, protocol: view.protocol, progress: view.progress.take() }
}

/// Puts one event in; `epochs` is how many the protocol trains, for the time before the first has ended.
fn take(view: &mut RunView, line: &Line, epochs: u64) {
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
            if label.starts_with("train") && !view.folds.iter().any(|f| f.name == fold_name(label)) {
                view.folds.push(FoldCurve { name: fold_name(label).to_owned(), rest: epochs.saturating_sub(1), ..FoldCurve::default() });
            }
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
            let left =
                seconds_left(view.folds.iter().find(|f| label.starts_with("train") && f.name == fold_name(label)), *done, *total, *rate);
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
            fold.rest = epochs.saturating_sub(epoch + 1);
            fold.pace = if fold.pace > 0.0 { (fold.pace + seconds) / 2.0 } else { *seconds };
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

/// Seconds until a piece of work is over. Within an epoch the pace of those before it gives way to what is measured in it, so
/// that the first batches, which are slow, do not make the number jump; before a first epoch has ended nothing is known of the
/// others, and they are taken to be like it.
fn seconds_left(fold: Option<&FoldCurve>, done: u64, total: u64, rate: f64) -> Option<f64> {
    let measured = (rate > 0.0).then(|| total.saturating_sub(done) as f64 / rate);
    let Some(fold) = fold else { return measured };
    if fold.pace <= 0.0 {
        return if fold.rest == 0 { measured } else { Some(measured? + fold.rest as f64 * total as f64 / rate) };
    }
    let share = if total > 0 { (done as f64 / total as f64).min(1.0) } else { 0.0 };
    let by_pace = fold.pace * (1.0 - share);
    Some(by_pace * (1.0 - share) + measured.unwrap_or(by_pace) * share + fold.rest as f64 * fold.pace)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_settles() {
        let fold = FoldCurve { rest: 3, pace: 100.0, ..FoldCurve::default() };
        // A first batch at a tenth of the pace says ten times the time; it has a hundredth of the word.
        let first = seconds_left(Some(&fold), 10, 1_000, 1.0).expect("known");
        assert!((390.0..420.0).contains(&first), "{first}");
        assert_eq!(seconds_left(Some(&fold), 0, 1_000, 0.0), Some(400.0));
        assert_eq!(seconds_left(Some(&fold), 1_000, 1_000, 10.0), Some(300.0));
        // In an epoch at the old pace it goes down evenly.
        for done in 0..=1_000 {
            let left = seconds_left(Some(&fold), done, 1_000, 10.0).expect("known");
            assert!((left - (400.0 - done as f64 / 10.0)).abs() < 1e-9, "{done}: {left}");
        }
        let new = FoldCurve { rest: 3, ..FoldCurve::default() };
        assert_eq!(seconds_left(Some(&new), 500, 1_000, 10.0), Some(350.0));
        assert_eq!(seconds_left(Some(&new), 0, 1_000, 0.0), None);
        assert_eq!(seconds_left(None, 500, 1_000, 10.0), Some(50.0));
    }
}
