//! The text of a locked protocol, wherever it still stands.

use crate::base::Digest;
use crate::lock::{AtCommit, Entry, file_at};
use crate::protocol::{self, Protocol};
use std::path::Path;

/// The locked text: at the entry's commit, else at another revision (the one that the lock was read from), else in the
/// workspace; always with the locked digest.
pub(super) fn source(root: &Path, entry: &Entry, revision: Option<&str>) -> Option<String> {
    let commits = entry.git.as_ref().map(|g| g.commit.as_str()).into_iter().chain(revision);
    let mut stored = commits.filter_map(|commit| match file_at(root, commit, &entry.path) {
        Ok(AtCommit::File(bytes)) => Some(bytes),
        _ => None,
    });
    let bytes = stored
        .find(|bytes| Digest::of(bytes) == entry.sha256)
        .or_else(|| std::fs::read(root.join(&entry.path)).ok().filter(|bytes| Digest::of(bytes) == entry.sha256))?;
    String::from_utf8(bytes).ok()
}

/// The locked protocol: its text with the locked overrides, checked against the canonical digest. The error says in words
/// why it cannot be had.
pub(super) fn protocol(root: &Path, entry: &Entry, revision: Option<&str>) -> Result<Protocol, String> {
    let text = source(root, entry, revision)
        .ok_or_else(|| format!("the locked text of {} stands neither at the locked commit nor in the workspace", entry.path))?;
    let p =
        protocol::parse::resolve(&text, &entry.overrides).map_err(|e| format!("the locked protocol can no longer be read: {}", e.what))?;
    if p.digest() != entry.canonical {
        return Err("the locked text gives other parameters than the locked ones".to_owned());
    }
    Ok(p)
}
