//! The lockfile `pinfold.lock`: what was pinned and what came out, digest by digest, tied to a git commit.
//!
//! [`model`] is what an entry holds, [`mod@write`] the one encoder (with the version policy), [`mod@read`] the strict
//! reader that finds every edit, [`merge`] puts one entry into a file without touching the others, [`collect`]
//! pins files and artifacts as they stand on the disk, [`sums`] prints what `sha256sum -c` accepts, and
//! [`git`] is the only place that knows libgit2.
//!
//! The integrity line of an entry is a checksum, not a signature: it finds damage and careless edits. Whoever
//! wants to know that nobody *meant* to change a lock looks at the history of the commit that holds it.

mod check;
pub mod collect;
pub mod git;
pub mod merge;
pub mod model;
pub mod read;
mod source;
pub mod sums;
pub mod write;

pub use check::path_problem;
pub use collect::{artifact, artifact_folder, figure, file_pin, pixel_digest};
pub use git::{AtCommit, Described, GitState, describe, diff_patch, file_at, revision, tree_of};
pub use merge::merge_entry;
pub use model::{
    Artifact, DataFile, Determinism, Entry, Figure, FilePin, GitPin, LeakageFinding, LockFile, LockedMetric, Program, Published, decimal,
};
pub use read::{Edit, parse, read};
pub use sums::{Listing, sha256sum};
pub use write::{FILE_NAME, VERSION, encode, integrity};
