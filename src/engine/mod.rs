//! The engine runs any stage: it knows keys, folders, journals and processes, and nothing of genes.

pub mod execution;
pub mod jobs;
pub mod journal;
pub mod pause;
pub mod pool;
pub mod pulse;
pub mod runs;
pub mod slurm;
pub mod stage;
pub mod store;
pub mod worker;
pub mod workspace;

pub use journal::Event;
pub use runs::Run;
pub use stage::{Silent, Stage, Watch};
pub use store::{Artifact, Job, Store};
pub use workspace::Workspace;
