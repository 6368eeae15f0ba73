//! How a run is executed. Nothing here changes what comes out, so nothing here is in a key.

use serde::{Deserialize, Serialize};

/// Who runs the pieces of work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// Worker processes on this machine.
    #[default]
    Local,
    /// Slurm jobs.
    Slurm(Wishes),
}

/// What Slurm is asked for: long options without their dashes, in the order of the script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// For every job.
    pub every: Vec<(String, Option<String>)>,
    /// For the jobs of the array only.
    pub array: Vec<(String, Option<String>)>,
    /// Seconds before the time limit at which a job saves and ends.
    pub signal: u32,
    /// How often a job that met its time limit goes back to the queue by itself.
    pub requeue: u32,
}

/// How a run is executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// By whom.
    pub executor: Executor,
    /// How many independent pieces of work at a time; 0 for as many as the executor likes.
    pub slots: usize,
    /// The parallel parts that are wanted, by name; all, and what follows from them, if empty.
    pub only: Vec<String>,
}

impl Default for Execution {
    fn default() -> Self {
        Self { executor: Executor::Local, slots: 1, only: Vec::new() }
    }
}

impl Execution {
    /// One process on this machine that does everything.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
    /// Whether Slurm runs it.
    pub fn on_slurm(&self) -> bool {
        matches!(self.executor, Executor::Slurm(_))
    }
    /// Whether the whole graph is wanted.
    pub fn whole(&self) -> bool {
        self.only.is_empty()
    }
}
