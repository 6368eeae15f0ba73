//! The audit: the lockfile checked against the world. It never writes.
//!
//! Level [`Level::Digests`] looks at every locked byte, the commit and the protocol; level [`Level::Metrics`] computes
//! the metrics again from the locked predictions. Each level includes the one before. The report names
//! every thing that was looked at, and explains the first difference in words.

mod commit;
mod digests;
mod files;
mod look;
mod metrics;
mod render;
pub mod report;
mod run;
mod stale;

pub use files::Progress;
pub use look::look;
pub use render::{render_items, render_text};
pub use report::{AuditReport, EntryReport, Item, Kind, Level, State};
pub use run::{Request, Resolver, run};
pub use stale::{Difference, why_stale};
