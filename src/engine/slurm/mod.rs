//! Slurm: scripts for a run's jobs, handing them in, asking how they stand, cancelling them.
//!
//! The run's journal is written by whoever hands the jobs in, and afterwards by the last job, which waits for all others
//! and takes their journals over. In between nobody writes to it; readers look into the jobs' journals themselves.

mod queue;
mod script;
mod state;

pub use queue::{Seen, cancel, look, look_soon, submit};
pub use script::{Plan, Script, render};
pub use state::{Card, cards, state, submissions, submitted};
