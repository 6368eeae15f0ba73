//! Which executable does what.
//!
//! `pinfold` is built without libtorch, so that the workbench and the quick commands start at once; `pinfold-engine`, the same
//! sources with libtorch, lies beside it and does what trains or predicts. Each alone works too: the engine has every
//! command, and `pinfold` without an engine audits, reports and browses.

use super::{Failure, Result};
use std::path::PathBuf;

/// The name of the executable with libtorch.
pub const ENGINE: &str = "pinfold-engine";

/// Whether this program is the one with libtorch.
pub const HAS_LIBTORCH: bool = cfg!(feature = "train");

/// This program's own file.
pub fn own() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| Failure::environment(format!("cannot find the program's own file: {e}")))
}

/// The engine beside this program; none where this program is the engine, or has none.
pub fn sibling() -> Option<PathBuf> {
    if HAS_LIBTORCH {
        return None;
    }
    let path = own().ok()?.with_file_name(ENGINE);
    path.is_file().then_some(path)
}

/// Whether a network can be trained or asked: here, or by the engine.
pub fn trains() -> bool {
    HAS_LIBTORCH || sibling().is_some()
}

/// The executable that workers are started from: the engine where there is one, else this program.
pub fn for_workers() -> Result<PathBuf> {
    sibling().map_or_else(own, Ok)
}
