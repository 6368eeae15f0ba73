//! Slots on this machine: independent jobs in worker processes of their own, so many at a time.

use super::jobs::{self, Ending};
use super::journal::{Event, Follower};
use super::runs::Run;
use super::stage::Watch;
use super::worker;
use crate::base::{Exit, Failure, Result};
use std::collections::VecDeque;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

/// A job for a slot.
#[derive(Clone, Debug)]
pub struct Task {
    /// The job's name: its folder.
    pub job: String,
    /// What the worker is asked for, after its run folder.
    pub arguments: Vec<String>,
}

/// What a slot adds to its workers' environment: the pins, and which device is its own.
pub type Slot = Vec<(String, String)>;

struct Busy {
    slot: usize,
    job: String,
    child: Child,
    follower: Follower,
    first: u64,
    /// Lines of earlier attempts.
    before: usize,
}

/// Runs all tasks. One that fails or vanishes does not disturb those that are at work; after an error no further one is
/// started, after a kill they all are. The first error is given, or the first that vanished.
pub fn run(run: &Run, workspace: &Path, tasks: Vec<Task>, slots: &[Slot], watch: &mut dyn Watch) -> Result<()> {
    let taken = jobs::next(&run.lines()?);
    let mut waiting: VecDeque<Task> = tasks.into();
    let mut busy: Vec<Busy> = Vec::new();
    let mut failed: Option<Failure> = None;
    let mut told = false;
    loop {
        if watch.stop_asked() && !told {
            told = true;
            busy.iter().for_each(|b| worker::tell(&b.child));
        }
        let may_start = !told && failed.as_ref().is_none_or(|f| f.exit == Exit::Interrupted);
        while let Some(slot) = (0..slots.len()).find(|i| busy.iter().all(|b| b.slot != *i))
            && may_start
            && let Some(task) = waiting.pop_front()
        {
            let place = jobs::at(run, &task.job)?;
            let first = taken.get(&task.job).copied().unwrap_or(0);
            let before = jobs::lines(run, &task.job)?.0.len();
            let child = worker::spawn_job(run, &place, workspace, &task.arguments, &slots[slot])?;
            busy.push(Busy { slot, child, follower: Follower::new(&place.journal()), first, before, job: task.job });
        }
        if busy.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        let mut still = Vec::new();
        for mut one in busy {
            // Asked before the journal is read: then nothing can come after what is read.
            let exited = one.child.try_wait().map_err(|e| Failure::environment(format!("cannot wait for {}: {e}", one.job)))?;
            forward(&mut one, watch)?;
            match exited {
                None => still.push(one),
                Some(_) => {
                    let (lines, last) = jobs::lines(run, &one.job)?;
                    watch.event(Event::JobEnded { job: one.job.clone(), lines: lines.len() as u64, last: last.unwrap_or_default() });
                    if let Err(e) = verdict(&one.job, &jobs::ending(lines.get(one.before..).unwrap_or_default())) {
                        let worse = failed.as_ref().is_none_or(|f| f.exit == Exit::Interrupted && e.exit != Exit::Interrupted);
                        failed = if worse { Some(e) } else { failed };
                    }
                }
            }
        }
        busy = still;
    }
    match failed {
        Some(failure) => Err(failure),
        None if waiting.is_empty() => Ok(()),
        None => Err(Failure::interrupted("stopped on request").hint("run the same command again to go on")),
    }
}

fn forward(one: &mut Busy, watch: &mut dyn Watch) -> Result<()> {
    for line in one.follower.poll()?.iter().filter(|l| l.n >= one.first) {
        if let Some((event, from)) = jobs::repeated(&one.job, line) {
            watch.repeat(event, from);
        }
    }
    Ok(())
}

/// What a job's ending means for its run.
pub fn verdict(job: &str, ending: &Ending) -> Result<()> {
    match ending {
        Ending::Done => Ok(()),
        Ending::Stopped => Err(Failure::interrupted(format!("{job} was stopped before its end; what is finished is kept"))),
        Ending::Failed { what, exit } => Err(jobs::failure(what, *exit)),
        Ending::Open => {
            Err(Failure::interrupted(format!("the worker of {job} vanished (killed, or out of memory?); what is finished is kept")))
        }
        Ending::Never => Err(Failure::interrupted(format!("{job} never began; what is finished is kept"))),
    }
}
