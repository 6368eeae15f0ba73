//! What an answer changes.

use super::moves::settle;
use super::turn::{ask, ask_protocols, ask_runs, ask_status, ask_walk};
use crate::base::Failure;
use crate::tui::action::Screen;
use crate::tui::facts::{Audited, RunState};
use crate::tui::message::{Answer, Effect, Request};
use crate::tui::model::{Model, Sheet, SheetBody};

/// Takes an answer.
pub fn take(model: &mut Model, effects: &mut Vec<Effect>, request: Request, answer: Answer) {
    match answer {
        Answer::Status(got) => status(model, effects, &request, got),
        Answer::Protocols(got) => {
            let chosen = model.chosen.clone();
            model.protocols.take(&request, got);
            // The list may have grown above the cursor; the cursor stays on its protocol.
            if let Some(at) = model.shown_protocols().iter().position(|c| Some(&c.name) == chosen.as_ref()) {
                model.protocol_cursor = at;
            }
        }
        Answer::InitDemo(got) => match got {
            Ok(words) => {
                model.notice = Some(words);
                ask_protocols(model, effects);
                ask_status(model, effects);
            }
            Err(failure) => fail(model, "The demo workspace was not made", failure, None),
        },
        Answer::Walk(got) => {
            model.walk.take(&request, got);
        }
        Answer::Start(got) => started(model, effects, &request, got),
        Answer::Stop(got) => match got {
            Ok(()) => model.notice = Some("it will stop at its next checkpoint; r goes on from there".into()),
            Err(failure) => fail(model, "The run was not stopped", failure, None),
        },
        Answer::Pause(got) => match got {
            Ok(()) => {
                let halted = matches!(request, Request::Pause(_, true));
                model.notice = Some(
                    if halted { "paused where it stood; p lets it go on, s stops it with its state saved" } else { "it goes on" }.into(),
                );
                if let Some(request) = model.run.asked.clone() {
                    ask(model, effects, request);
                }
                ask_runs(model, effects);
            }
            Err(failure) => fail(model, "The run was not paused", failure, None),
        },
        Answer::Runs(got) => {
            model.runs.take(&request, got);
            if model.screen.now == Screen::Run {
                show_newest_run(model, effects);
            }
        }
        Answer::Glances(got) => {
            model.glances.take(&request, got);
        }
        Answer::Run(got) => run(model, effects, &request, got),
        Answer::Lock(got) => {
            let dirty = model.status.value.as_ref().is_some_and(|s| s.dirty);
            match got {
                Ok(words) => {
                    let words = format!("{words}\n\na audits it: every digest is taken again and held against the lock.");
                    tell(model, &request, "done", SheetBody::Words(words));
                }
                Err(failure) => {
                    let way = (dirty && request_is_strict(&request))
                        .then_some("L locks all the same: the patch is stored and hashed beside the lock.");
                    tell(model, &request, "refused", SheetBody::Failure(failure, way));
                }
            }
            ask_protocols(model, effects);
            ask_status(model, effects);
        }
        Answer::Locked(got) => {
            model.locked.take(&request, got);
            beside(model);
        }
        Answer::Audit(got) => audited(model, effects, &request, got),
        Answer::AuditProgress(got) => {
            model.audit_progress.take(&request, got);
        }
        Answer::StopAudit(got) => {
            if let Err(failure) = got {
                fail(model, "The audit was not ended", failure, None);
            }
        }
        Answer::Edit(got) => match got {
            Ok(words) => {
                model.notice = Some(words);
                ask_walk(model, effects);
                ask_protocols(model, effects);
                ask_status(model, effects);
            }
            Err(failure) => fail(model, "The protocol's file was not changed", failure, None),
        },
        Answer::Results(got) => {
            if model.results.take(&request, got)
                && model.results.good().is_some()
                && let Request::Results(name) = request
            {
                let request = Request::Intervals(name);
                model.intervals.ask(&request);
                ask(model, effects, request);
            }
        }
        Answer::Intervals(got) => {
            model.intervals.take(&request, got);
        }
        Answer::Tissue(got) => {
            model.tissue.take(&request, got);
        }
        Answer::Compare(got) => {
            let body = got.map_or_else(|failure| SheetBody::Failure(failure, None), SheetBody::Words);
            tell(model, &request, "", body);
        }
        Answer::Map(got) => {
            model.map.take(&request, got);
        }
        Answer::Reports(got) => {
            model.reports.take(&request, got);
        }
        Answer::Image(got) => {
            if model.picture.take(&request, got) {
                model.picture_number += 1;
            }
        }
        Answer::Commands(got) => {
            model.commands.take(&request, got);
        }
        Answer::Command(got) => {
            match got {
                Ok(words) if words.trim().is_empty() => tell(model, &request, "", SheetBody::Words("It printed nothing.".into())),
                Ok(words) => tell(model, &request, "", SheetBody::Words(words)),
                Err(failure) => tell(model, &request, "", SheetBody::Failure(failure, None)),
            }
            // It may have changed anything.
            ask_protocols(model, effects);
            ask_runs(model, effects);
            ask_status(model, effects);
        }
    }
    settle(model, effects);
}

/// Why the protocol is stale stands in the tree of an audit too: the newest reading of the lock says it.
fn beside(model: &mut Model) {
    let Some(Request::Locked(name)) = &model.locked.answered else { return };
    let own = matches!(&model.audit.answered, Some(Request::Audit(audited, _)) if audited == name);
    let stale = model.locked.good().and_then(|l| l.kinds.first()).filter(|k| k.tally().changed > 0).cloned();
    if let (true, Some(audited)) = (own, &mut model.audit.value) {
        let was = audited.kinds.len();
        audited.kinds.retain(|k| k.tally().changed == 0);
        let news = was == audited.kinds.len() && stale.is_some();
        audited.kinds.splice(0..0, stale);
        if news {
            model.audit_row = 0;
            model.turned.clear();
        }
    }
}

/// The cursor goes to the first difference: that is what one wants to see.
fn audited(model: &mut Model, effects: &mut Vec<Effect>, request: &Request, got: crate::base::Result<Audited>) {
    model.audit_progress = Default::default();
    if model.audit.take(request, got) {
        beside(model);
        model.turned.clear();
        let bad = |r: &crate::tui::tree::Row<'_>| r.thing.is_some() && r.tally.bad() > 0;
        model.audit_row = model.audit_rows().iter().position(bad).unwrap_or(0);
        if model.screen.now != Screen::Audit
            && let Request::Audit(name, _) = request
        {
            model.notice = Some(match &model.audit.failure {
                None if model.audit.value.as_ref().is_some_and(|a| a.tally().bad() == 0) => {
                    format!("the audit of {name} passed; 5 shows it")
                }
                None => format!("the audit of {name} FAILED; 5 shows what differs"),
                Some(_) => format!("the audit of {name} was not finished; 5 says why"),
            });
        }
    }
    ask_protocols(model, effects);
}

fn request_is_strict(request: &Request) -> bool {
    matches!(request, Request::Lock(_, false))
}

/// Fills the drawer that waited for this answer; a closed drawer opens again, since the answer matters.
fn tell(model: &mut Model, request: &Request, title: &str, body: SheetBody) {
    let of = match request {
        Request::Lock(name, _) => format!("Lock of {name}: "),
        Request::Compare(name) => format!("Two runs of {name}"),
        Request::Command(words) => format!("pinfold {}", words.join(" ")),
        _ => String::new(),
    };
    model.sheet = Some(Sheet { title: format!("{of}{title}"), body, scroll: 0, waits_for: None });
}

fn fail(model: &mut Model, title: &str, failure: Failure, way: Option<&'static str>) {
    model.sheet = Some(Sheet { title: title.into(), body: SheetBody::Failure(failure, way), scroll: 0, waits_for: None });
}

/// A run that was at work and is no more is news, wherever one is.
fn status(model: &mut Model, effects: &mut Vec<Effect>, request: &Request, got: crate::base::Result<crate::tui::facts::StatusLine>) {
    let before = model.status.value.as_ref().map(|s| s.running.clone());
    model.status.take(request, got);
    let (Some(before), Some(now)) = (before, model.status.value.as_ref().map(|s| s.running.clone())) else { return };
    if before == now {
        return;
    }
    if let Some((_, protocol)) = before.iter().find(|r| !now.contains(r))
        && model.screen.now != Screen::Run
    {
        model.notice = Some(format!("the run of {protocol} has ended; 3 shows how"));
    }
    ask_protocols(model, effects);
    ask_runs(model, effects);
}

fn started(model: &mut Model, effects: &mut Vec<Effect>, request: &Request, got: crate::base::Result<crate::tui::facts::RunId>) {
    match got {
        Ok(id) => {
            let overridden = matches!(request, Request::Start(_, o) if !o.is_empty());
            model.notice = Some(if overridden {
                format!("run {} has overrides: it will not be locked under this name", id.0)
            } else {
                format!("run {} is a process of its own; leaving pinfold does not stop it", id.0)
            });
            if matches!(request, Request::Start(name, _) if Some(name) == model.chosen.as_ref()) {
                model.overrides_used = true;
                let watch = Request::Run(id);
                model.run.ask(&watch);
                model.log_back = 0;
                ask(model, effects, watch);
            }
            ask_runs(model, effects);
            ask_status(model, effects);
            ask_protocols(model, effects);
        }
        Err(failure) => fail(model, "The run did not start", failure, None),
    }
}

fn run(model: &mut Model, effects: &mut Vec<Effect>, request: &Request, got: crate::base::Result<crate::tui::facts::RunView>) {
    let was_live = model.run_is_live();
    model.run.take(request, got);
    if was_live && !model.run_is_live() {
        let news = match model.run.value.as_ref().map(|r| r.state) {
            Some(RunState::Done) => Some("the run is whole: Enter shows the numbers, l locks it"),
            Some(RunState::Stopped) => Some("the run has stopped; r goes on from its checkpoint"),
            Some(RunState::Failed | RunState::Lost) => Some("the run has failed; what was finished is kept"),
            _ => None,
        };
        model.notice = news.map(str::to_owned).or(model.notice.take());
        // Numbers and figures of the run before are no longer the newest.
        model.results = Default::default();
        model.reports = Default::default();
        model.picture = Default::default();
        model.map = Default::default();
        model.intervals = Default::default();
        model.tissue = Default::default();
        ask_status(model, effects);
        ask_protocols(model, effects);
        ask_runs(model, effects);
        if model.screen.now == Screen::Walk {
            ask_walk(model, effects);
        }
    }
}

/// Puts the newest run of the chosen protocol on the screen, when none is there.
pub fn show_newest_run(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.run_id().is_some() {
        return;
    }
    let Some(id) = model.shown_runs().first().map(|r| r.id.clone()) else { return };
    let request = Request::Run(id);
    model.run.ask(&request);
    ask(model, effects, request);
}
