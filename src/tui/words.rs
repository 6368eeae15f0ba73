//! The words and signs of every state. A colour never stands alone: its sign and word say the same.

use super::facts::{Level, Mark, Origin, ProtocolCard, ProtocolState, RunState, StageState};
use super::look::{Look, Role};

/// A sign, a word and a role.
pub type Sign = (&'static str, &'static str, Role);

/// A protocol's state; one that lacks files says so before anything else.
pub fn card(card: &ProtocolCard, look: Look) -> Sign {
    if card.state == ProtocolState::NeverRun && !card.missing.is_empty() {
        return (look.glyph("✗", "x"), "missing", Role::Warn);
    }
    protocol(card.state, look)
}

/// A protocol's state.
pub fn protocol(state: ProtocolState, look: Look) -> Sign {
    let g = |u, a| look.glyph(u, a);
    match state {
        ProtocolState::NeverRun => (g("○", "o"), "never run", Role::Quiet),
        ProtocolState::Running => (g("▸", ">"), "running", Role::Accent),
        ProtocolState::Stopped => (g("‖", "="), "stopped", Role::Warn),
        ProtocolState::Failed => (g("✗", "x"), "failed", Role::Bad),
        ProtocolState::Done => (g("●", "*"), "done", Role::Plain),
        ProtocolState::Locked => (g("■", "#"), "locked", Role::Good),
        ProtocolState::Stale => (g("≠", "~"), "stale", Role::Warn),
        ProtocolState::Drifted => ("!", "drifted", Role::Bad),
        ProtocolState::Tainted => (g("†", "t"), "tainted", Role::Bad),
    }
}

/// What to do next with a protocol.
pub fn next(card: &ProtocolCard) -> &'static str {
    match card.state {
        ProtocolState::NeverRun if !card.missing.is_empty() => "Enter shows how to get what is missing.",
        ProtocolState::NeverRun => "Enter walks through its steps; r runs it at once.",
        ProtocolState::Running => "3 watches the run.",
        ProtocolState::Stopped => "r goes on from the last checkpoint.",
        ProtocolState::Failed => "3 shows why; r runs it again, and what is finished is not done twice.",
        ProtocolState::Done => "4 shows the numbers; l locks them.",
        ProtocolState::Locked => "a audits the lock; 6 shows the figures.",
        ProtocolState::Stale => "The protocol was changed after the lock: 5 shows where; r runs it as it is now.",
        ProtocolState::Drifted => "A locked file has changed: a says which.",
        ProtocolState::Tainted => "An input changed during the run: r runs it again.",
    }
}

/// A run's state.
pub fn run(state: RunState, look: Look) -> Sign {
    let g = |u, a| look.glyph(u, a);
    match state {
        RunState::Starting => (g("▹", ">"), "starting", Role::Accent),
        RunState::Running => (g("▸", ">"), "running", Role::Accent),
        RunState::Paused => (g("‖", "="), "paused", Role::Warn),
        RunState::Stopping => (g("‖", "="), "stopping", Role::Warn),
        RunState::Stopped => (g("‖", "="), "stopped", Role::Warn),
        RunState::Failed => (g("✗", "x"), "failed", Role::Bad),
        RunState::Done => (g("●", "*"), "done", Role::Good),
        RunState::Lost => (g("✗", "x"), "lost: its process is gone", Role::Bad),
    }
}

/// A stage's state.
pub fn stage(state: StageState, look: Look) -> Sign {
    let g = |u, a| look.glyph(u, a);
    match state {
        StageState::Queued => (g("○", "o"), "queued", Role::Quiet),
        StageState::Cached => (g("◇", "="), "cached", Role::Good),
        StageState::Running => (g("▸", ">"), "running", Role::Accent),
        StageState::Done => (g("●", "*"), "done", Role::Good),
        StageState::Failed => (g("✗", "x"), "failed", Role::Bad),
    }
}

/// An audit's verdict.
pub fn mark(mark: Mark, look: Look) -> Sign {
    let g = |u, a| look.glyph(u, a);
    match mark {
        Mark::Verified => (g("✓", "+"), "verified", Role::Good),
        Mark::Failed => (g("✗", "x"), "differs", Role::Bad),
        Mark::Missing => (g("∅", "?"), "missing", Role::Bad),
        Mark::NotChecked => (g("○", "o"), "not checked", Role::Quiet),
        Mark::Changed => (g("≠", "~"), "changed", Role::Warn),
    }
}

/// A log line's level.
pub fn level(level: Level) -> (&'static str, Role) {
    match level {
        Level::Info => ("    ", Role::Plain),
        Level::Warning => ("warn", Role::Warn),
        Level::Error => ("fail", Role::Bad),
    }
}

/// Where a parameter comes from.
pub fn origin(origin: Origin) -> (&'static str, Role) {
    match origin {
        Origin::File => ("protocol", Role::Quiet),
        Origin::Override => ("override", Role::Warn),
        Origin::Default => ("default", Role::Quiet),
    }
}
