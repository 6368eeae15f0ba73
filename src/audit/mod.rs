//! The audit: the lockfile checked against the world. It never writes into the workspace.
//!
//! Level [`Level::Digests`] looks at every locked byte, the commit and the protocol; level [`Level::Metrics`] computes
//! the metrics again from the locked predictions; [`Level::Predictions`] makes the predictions again from the locked
//! checkpoints; [`Level::Retrain`] trains again. Each level includes the one before. The report names
//! every thing that was looked at, and explains the first difference in words. `docs/audit.md` says what each level proves.
//!
//! [`diff`] compares two locks, commits or runs.

mod again;
mod chain;
mod child;
mod commit;
mod compare;
pub mod diff;
mod digests;
mod files;
mod listing;
mod look;
mod metrics;
mod remake;
mod render;
pub mod report;
mod run;
pub mod sides;
mod stale;
mod text;

pub use again::{Deep, chosen_fold};
pub use child::COMMAND as REMAKE;
pub use compare::{RETRAINED_TOLERANCE, TOLERANCE};
pub use files::Progress;
pub use listing::{Listing, Staleness, listed};
pub use look::{look, look_deep};
pub use remake::remake;
pub use render::{render_items, render_text};
pub use report::{AuditReport, EntryReport, Item, Kind, Level, State};
pub use run::{Remaker, Request, Resolver, run};
pub use sides::compare;
pub use stale::{Difference, why_stale};
