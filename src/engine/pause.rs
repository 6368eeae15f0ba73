//! Halts the worker of a run on this machine where it stands, and lets it go on.
//!
//! Every process of the run is stopped by the kernel (SIGSTOP), in the middle of a batch, and keeps its memory. Nothing that is
//! computed looks at a clock, so what comes out is the same; only when a state is saved may differ.

use super::journal::Event;
use super::runs::{Run, State};
use crate::base::{Failure, Result, host};
use rustix::process::{Pid, Signal, kill_process};

/// Halts a run at work, or lets a halted one go on. False where it was so already.
pub fn set(run: &Run, halt: bool) -> Result<bool> {
    let lines = run.lines()?;
    let state = run.state(&lines);
    let refused = |what: &str| Failure::input(format!("{} {what}", run.id)).at(run.dir.display().to_string());
    if run.execution().on_slurm() {
        return Err(refused("is Slurm's to pause")
            .hint("scontrol suspend JOB, where the cluster allows it; or pinfold stop, which saves its state"));
    }
    match (state, halt) {
        (State::Paused, true) => return Ok(false),
        (State::Paused, false) | (State::Running, true) => {}
        (State::Running, false) => return Ok(false),
        (State::Silent, _) => {
            return Err(refused("has its worker on another machine")
                .hint("pause it there; or pinfold stop, which reaches it through the run's folder"));
        }
        (other, _) => {
            return Err(refused(&format!("is {}", other.word())).hint(if other.live() {
                "wait until its worker is at work"
            } else {
                "pinfold resume takes it up again"
            }));
        }
    }
    let place = lines.iter().rev().find_map(|l| if let Event::RunStarted { place, .. } = &l.event { Some(place) } else { None });
    // Only a worker that lives here, by number, start and boot, is running or paused in this machine's eyes.
    let Some(place) = place.filter(|p| p.alive() == Some(true)) else {
        return Err(refused("has its worker on another machine").hint("pause it there"));
    };
    let mut all = vec![place.pid];
    all.extend(host::descendants(place.pid));
    if !halt {
        // The workers of the folds first: the one that waits for them must not take them for gone.
        all.reverse();
    }
    for pid in all {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { continue };
        // One that has just ended is no matter.
        let _ = kill_process(pid, if halt { Signal::STOP } else { Signal::CONT });
    }
    Ok(true)
}
