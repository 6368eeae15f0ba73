//! Run: the board of stages, how far the present one is, the curves of every fold, and the end of the log.

use crate::base::text::{duration, thousands};
use crate::tui::chart::{Curve, bar, curves};
use crate::tui::facts::{JobRow, Level, Progress, RunGlance, RunView, StageState};
use crate::tui::look::Role;
use crate::tui::model::Model;
use crate::tui::paint::{Pen, first_line, number};
use crate::tui::view::{ready, split_left, split_top};
use crate::tui::words;
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

/// Draws one run.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    if model.run.good().is_none() {
        let inner = pen.section(area, "Run", "");
        let starting = model.pending.iter().any(|r| matches!(r, crate::tui::message::Request::Start(..)));
        let none = match &model.chosen {
            _ if starting => "The worker is starting.".to_owned(),
            Some(name) => format!("{name} has no run yet. r starts one; it is a process of its own and outlives this terminal."),
            None => "Choose a protocol on the first screen: 1".to_owned(),
        };
        ready(pen, inner, &model.run, &none);
        return;
    }
    let Some(run) = model.run.good() else { return };
    let log_height = if area.height >= 16 { (area.height / 4).max(4) } else { area.height / 4 };
    let (head, rest) = split_top(area, 3.min(area.height));
    let several: Vec<&RunGlance> = model.glances.good().into_iter().flatten().filter(|g| g.id != run.id).collect();
    let strip = if several.is_empty() || rest.height < 12 { 0 } else { (several.len() as u16 + 1).min(rest.height / 4) };
    let (rest, strip) = split_top(rest, rest.height - strip);
    if strip.height > 0 {
        others(pen, strip, &several);
    }
    let (middle, log_area) = split_top(rest, rest.height - log_height.min(rest.height));
    heading(pen, head, run, model);
    let (left, right) = split_left(middle, if area.width >= 60 { board_width(area.width) } else { area.width });
    if run.jobs.is_empty() {
        board(pen, left, run);
    } else {
        let rows = (run.jobs.len() as u16 + 1).min(left.height / 2);
        let (upper, lower) = split_top(left, left.height - rows);
        board(pen, upper, run);
        jobs(pen, lower, &run.jobs);
    }
    if right.width > 2 {
        let gap = Rect { x: right.x + 2, width: right.width - 2, ..right };
        charts(pen, gap, run);
    }
    log(pen, log_area, run, model);
}

fn board_width(width: u16) -> u16 {
    if width >= 120 { 52 } else { 36 }
}

fn heading(pen: &mut Pen<'_>, area: Rect, run: &RunView, model: &Model) {
    let runs = model.shown_runs();
    let note = match runs.iter().position(|r| r.id == run.id) {
        Some(at) if runs.len() > 1 => format!("run {} of {}", at + 1, runs.len()),
        _ => String::new(),
    };
    let inner = pen.section(area, &format!("Run {}", run.id.0), &note);
    let (glyph, word, role) = words::run(run.state, pen.look);
    let mut x = inner.x;
    if inner.height > 0 {
        x += pen.pieces(x, inner.y, inner.width, &[(glyph, role), (" ", role), (word, role), ("  ", Role::Plain)]);
    }
    let room = inner.right().saturating_sub(x);
    if let Some(failure) = run.failure.as_ref().filter(|_| !run.state.is_live()) {
        let rest = Rect { x, y: inner.y, width: room, height: inner.height };
        pen.wrapped(rest, 0, failure, Role::Bad);
        return;
    }
    let done = run.board.iter().filter(|r| matches!(r.state, StageState::Done | StageState::Cached)).count();
    if inner.height > 0 {
        let overrides = runs.iter().find(|r| r.id == run.id).map(|r| r.overrides.join(", ")).unwrap_or_default();
        let protocol = if Some(&run.protocol) == model.chosen.as_ref() { String::new() } else { format!("  of {}", run.protocol) };
        let place = if run.place.is_empty() || !run.state.is_live() { String::new() } else { format!("  on {}", run.place) };
        let overridden = if overrides.is_empty() { String::new() } else { format!("  with {overrides}") };
        pen.pieces(
            x,
            inner.y,
            room,
            &[
                (&format!("{done} of {} stages", run.board.len()), Role::Plain),
                (&protocol, Role::Accent),
                (&overridden, Role::Warn),
                (&place, Role::Quiet),
            ],
        );
    }
    if let (Some(progress), true) = (&run.progress, inner.height > 1) {
        gauge(pen, Rect { y: inner.y + 1, height: 1, ..inner }, progress);
    }
}

/// `train A1, epoch 3 of 8  ████████····  62 %  1,240/2,000 images  210 images/s  3 s left`; what does not fit is left out, the label last.
fn gauge(pen: &mut Pen<'_>, line: Rect, progress: &Progress) {
    let share = if progress.total > 0 { progress.done as f64 / progress.total as f64 } else { 0.0 };
    let mut parts = Vec::new();
    if progress.total > 0 {
        parts.push(format!("{:>3} %", (share * 100.0).floor() as u64));
    }
    if let Some(left) = progress.seconds_left.filter(|s| s.is_finite()) {
        parts.push(format!("{} left", duration(left)));
    }
    if let Some(rate) = progress.rate.filter(|r| r.is_finite()) {
        let rate = if rate >= 10.0 { thousands(rate.round() as u64) } else { number(Some(rate), 1) };
        parts.push(format!("{rate} {}/s", progress.unit));
    }
    if progress.total > 0 {
        parts.push(format!("{}/{} {}", thousands(progress.done), thousands(progress.total), progress.unit));
    } else {
        parts.push(format!("{} {}", thousands(progress.done), progress.unit));
    }
    let label = progress.label.width().min(usize::from(line.width) / 3);
    let least_bar = 8;
    let mut tail = String::new();
    for part in parts {
        if label + least_bar + tail.width() + part.width() + 4 > usize::from(line.width) {
            break;
        }
        tail.push_str("  ");
        tail.push_str(&part);
    }
    let used = pen.text(line.x, line.y, label as u16, &progress.label, Role::Accent);
    let x = line.x + used + 1;
    let width = line.right().saturating_sub(x + tail.width() as u16).min(48);
    bar(pen, x, line.y, width, share, Role::Accent);
    pen.text(x + width, line.y, line.right().saturating_sub(x + width), &tail, Role::Plain);
}

fn board(pen: &mut Pen<'_>, area: Rect, run: &RunView) {
    let inner = pen.section(area, "Stages", "");
    let now = run.board.iter().position(|r| matches!(r.state, StageState::Running | StageState::Failed));
    let now = now.unwrap_or_else(|| run.board.iter().rposition(|r| r.state != StageState::Queued).unwrap_or(0));
    let first = first_line(now, usize::from(inner.height), run.board.len());
    let label = run.board.iter().map(|r| r.label.width()).max().unwrap_or(0).max(8).min(usize::from(inner.width) / 2) as u16;
    for (y, row) in (inner.y..inner.bottom()).zip(run.board.iter().skip(first)) {
        let (glyph, word, role) = words::stage(row.state, pen.look);
        pen.text(inner.x, y, 1, glyph, role);
        pen.text(inner.x + 2, y, label, &row.label, if row.state == StageState::Queued { Role::Quiet } else { Role::Plain });
        pen.text(inner.x + label + 3, y, 7, word, role);
        let x = inner.x + label + 11;
        pen.text(x, y, inner.right().saturating_sub(x), &row.detail, Role::Quiet);
    }
}

fn charts(pen: &mut Pen<'_>, area: Rect, run: &RunView) {
    let wide = area.width >= 90;
    let (first, second) = if wide { split_left(area, area.width / 2) } else { split_top(area, area.height.div_ceil(2)) };
    let second = if wide { Rect { x: second.x + 2, width: second.width - 2, ..second } } else { second };
    let several = run.folds.iter().filter(|f| !f.epochs.is_empty()).count() > 1;
    let letter = |i: usize| char::from(b'a' + (i % 26) as u8);
    let mut loss = Vec::new();
    let mut pcc = Vec::new();
    for (i, fold) in run.folds.iter().enumerate() {
        let train: Vec<_> = fold.epochs.iter().map(|e| (e.epoch as f64, e.train_loss)).collect();
        let validation: Vec<_> = fold.epochs.iter().filter_map(|e| Some((e.epoch as f64, e.validation_loss?))).collect();
        // With one fold both losses are drawn; with several, the validation loss where there is one.
        if several {
            let points = if validation.is_empty() { train } else { validation };
            loss.push(Curve { points, role: Role::Series(i), letter: letter(i) });
        } else {
            loss.push(Curve { points: train, role: Role::Series(0), letter: 't' });
            loss.push(Curve { points: validation, role: Role::Series(2), letter: 'v' });
        }
        let points = fold.epochs.iter().filter_map(|e| Some((e.epoch as f64, e.validation_pcc?))).collect();
        pcc.push(Curve { points, role: Role::Series(if several { i } else { 3 }), letter: letter(i) });
    }
    let newest = run.folds.iter().rev().find_map(|f| f.epochs.last());
    let loss_note = match newest {
        Some(e) if !several => match e.validation_loss {
            Some(v) => format!("t train {}  v val {}", number(Some(e.train_loss), 3), number(Some(v), 3)),
            None => format!("t train {}", number(Some(e.train_loss), 3)),
        },
        Some(_) => run.folds.iter().enumerate().map(|(i, f)| format!("{} {}", letter(i), f.name)).collect::<Vec<_>>().join("  "),
        None => String::new(),
    };
    let inner = pen.section(first, "Loss", &loss_note);
    curves(pen, inner, &loss, 3, "The first epoch is not finished.");
    let best = pcc
        .iter()
        .flat_map(|c| &c.points)
        .map(|p| p.1)
        .filter(|v| v.is_finite())
        .fold(None, |b: Option<f64>, v| Some(b.map_or(v, |b| b.max(v))));
    let note = best.map(|b| format!("best so far {}", number(Some(b), 3))).unwrap_or_default();
    let inner = pen.section(second, "Validation PCC", &note);
    curves(
        pen,
        inner,
        &pcc,
        3,
        if newest.is_some() { "This protocol has no validation spots." } else { "The first epoch is not finished." },
    );
}

fn log(pen: &mut Pen<'_>, area: Rect, run: &RunView, model: &Model) {
    let shown = model.shown_log();
    let back = model.log_back.min(shown.len().saturating_sub(1));
    let mut note = match model.log_level {
        Level::Info => String::new(),
        Level::Warning => "warnings and errors".to_owned(),
        Level::Error => "errors alone".to_owned(),
    };
    if !model.log_search.is_empty() {
        note = format!("{note}{}\"{}\"", if note.is_empty() { "" } else { ", " }, model.log_search);
    }
    if !note.is_empty() {
        note = format!("{} of {} lines: {note}", shown.len(), run.log.len());
    }
    if back > 0 {
        note = format!("{note}{}{back} newer lines below", if note.is_empty() { "" } else { "; " });
    }
    let inner = pen.section(area, "Log", &note);
    if shown.is_empty() && !run.log.is_empty() {
        pen.wrapped(inner, 0, "No line of the log is like that. Esc drops the search, w shows every level.", Role::Quiet);
        return;
    }
    let end = shown.len() - back;
    let start = end.saturating_sub(usize::from(inner.height));
    for (y, line) in (inner.y..inner.bottom()).zip(&shown[start..end]) {
        let (word, role) = words::level(line.level);
        let word = word.trim_end();
        let gap = if word.is_empty() { "" } else { " " };
        pen.pieces(
            inner.x,
            y,
            inner.width,
            &[(&line.time, Role::Quiet), ("  ", Role::Plain), (word, role), (gap, role), (&line.text, role)],
        );
    }
}

/// The other runs at work, a line each: what, how far, how long still.
fn others(pen: &mut Pen<'_>, area: Rect, glances: &[&RunGlance]) {
    let inner = pen.section(area, "Also at work", "[ ] turns to them");
    let name = glances.iter().map(|g| g.protocol.width()).max().unwrap_or(0).min(usize::from(inner.width) / 3) as u16;
    for (y, glance) in (inner.y..inner.bottom()).zip(glances) {
        pen.text(inner.x, y, name, &glance.protocol, Role::Plain);
        let rest = Rect { x: inner.x + name + 2, y, width: inner.width.saturating_sub(name + 2), height: 1 };
        match &glance.progress {
            Some(progress) => gauge(pen, rest, progress),
            None => {
                pen.text(rest.x, y, rest.width, &glance.id.0, Role::Quiet);
            }
        }
    }
}

/// Slurm's jobs of this run: those that are not over first, and in the title how many stand how, since 60 seldom fit.
fn jobs(pen: &mut Pen<'_>, area: Rect, jobs: &[JobRow]) {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for job in jobs {
        *states.entry(job.state.split(" (").next().unwrap_or_default()).or_default() += 1;
    }
    let counts: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let inner = pen.section(area, "Slurm", &counts.join(", "));
    let over = |j: &&JobRow| j.state.starts_with("completed");
    let order: Vec<&JobRow> = jobs.iter().filter(|j| !over(j)).chain(jobs.iter().filter(over)).collect();
    let width = jobs.iter().map(|j| j.job.width()).max().unwrap_or(0).min(usize::from(inner.width) / 2) as u16;
    for (y, job) in (inner.y..inner.bottom()).zip(order) {
        pen.text(inner.x, y, width, &job.job, Role::Plain);
        let x = inner.x + width + 1;
        pen.pieces(x, y, inner.right().saturating_sub(x), &[(&job.id, Role::Quiet), (" ", Role::Plain), (&job.state, Role::Plain)]);
    }
}
