//! The threads that ask the workspace. Four lanes, so that an audit of gigabytes holds up neither the keys nor
//! the look at a run, and resampling or reading images not the walk through the genes.

use super::facts::Facts;
use super::message::{Answer, Message, Request};
use crate::base::Failure;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

/// Where questions go.
pub struct Lanes {
    lanes: [Sender<Request>; 4],
}

impl Lanes {
    /// Starts the threads; answers go to `replies`.
    pub fn start(facts: Arc<dyn Facts + Send>, replies: &Sender<Message>) -> Self {
        let lane = || {
            let (sender, questions) = channel::<Request>();
            let (facts, replies) = (Arc::clone(&facts), replies.clone());
            std::thread::spawn(move || {
                for request in questions {
                    let answer = answer(facts.as_ref(), &request);
                    if replies.send(Message::Answer(request, answer)).is_err() {
                        return;
                    }
                }
            });
            sender
        };
        Self { lanes: [lane(), lane(), lane(), lane()] }
    }

    /// Sends a question on its lane. The threads live as long as this does, so it arrives.
    pub fn ask(&self, request: Request) {
        let lane = match request {
            Request::Status
            | Request::Runs
            | Request::Run(_)
            | Request::Start(..)
            | Request::Stop(_)
            | Request::Pause(..)
            | Request::Glances
            | Request::AuditProgress
            | Request::StopAudit => 0,
            Request::Lock(..) | Request::Audit(..) | Request::Command(_) => 2,
            Request::Intervals(_) | Request::Tissue(..) | Request::Compare(_) => 3,
            _ => 1,
        };
        let _ = self.lanes[lane].send(request);
    }
}

/// Asks the workspace. A panic behind the trait becomes a failure in place, so that one bad file does not take
/// the screens down.
pub fn answer(facts: &(dyn Facts + Send), request: &Request) -> Answer {
    macro_rules! call {
        ($kind:ident, $call:expr) => {
            Answer::$kind(catch_unwind(AssertUnwindSafe(|| $call)).unwrap_or_else(|fault| Err(broken(fault.as_ref()))))
        };
    }
    match request {
        Request::Status => call!(Status, facts.status()),
        Request::Protocols => call!(Protocols, facts.protocols()),
        Request::InitDemo => call!(InitDemo, facts.init_demo()),
        Request::Walk(name, overrides) => call!(Walk, facts.walk(name, overrides)),
        Request::Start(name, overrides) => call!(Start, facts.start(name, overrides)),
        Request::Stop(run) => call!(Stop, facts.stop(run)),
        Request::Pause(run, halt) => call!(Pause, facts.pause(run, *halt)),
        Request::Runs => call!(Runs, facts.runs()),
        Request::Run(run) => call!(Run, facts.run(run)),
        Request::Glances => call!(Glances, facts.glances()),
        Request::Lock(name, dirty) => call!(Lock, facts.lock(name, *dirty)),
        Request::Locked(name) => call!(Locked, facts.locked(name)),
        Request::Audit(name, depth) => call!(Audit, facts.audit(name, *depth)),
        Request::AuditProgress => call!(AuditProgress, facts.audit_progress()),
        Request::StopAudit => call!(StopAudit, facts.stop_audit()),
        Request::Edit(name, assignment) => call!(Edit, facts.edit(name, assignment)),
        Request::Results(name) => call!(Results, facts.results(name)),
        Request::Intervals(name) => call!(Intervals, facts.intervals(name)),
        Request::Tissue(name, slide) => call!(Tissue, facts.tissue(name, slide)),
        Request::Compare(name) => call!(Compare, facts.compare(name)),
        Request::Map(name, slide, gene) => call!(Map, facts.map(name, slide, gene)),
        Request::Reports(name) => call!(Reports, facts.reports(name)),
        Request::Commands => call!(Commands, facts.commands()),
        Request::Command(words) => call!(Command, facts.command(words)),
        Request::Image(path, most) => call!(Image, facts.image(path, most.0, most.1)),
    }
}

/// What a panic says, as a failure.
fn broken(fault: &(dyn std::any::Any + Send)) -> Failure {
    let words = fault.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| fault.downcast_ref::<String>().cloned());
    Failure::environment("a fault in pinfold itself").at(words.unwrap_or_default()).hint("please report it; the other screens still work")
}
