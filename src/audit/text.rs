//! The text of a locked protocol, wherever it still stands.

use crate::base::Digest;
use crate::lock::{AtCommit, Entry, file_at};
use crate::protocol::{self, Protocol};
use std::path::Path;

/// A locked file's bytes: at the entry's commit, else at another revision (the one that the lock was read from), else in
/// the workspace; always with the locked digest.
fn bytes(root: &Path, entry: &Entry, path: &str, sha256: Digest, revision: Option<&str>) -> Option<Vec<u8>> {
    let commits = entry.git.as_ref().map(|g| g.commit.as_str()).into_iter().chain(revision);
    let mut stored = commits.filter_map(|commit| match file_at(root, commit, path) {
        Ok(AtCommit::File(bytes)) => Some(bytes),
        _ => None,
    });
    let now = || std::fs::read(root.join(path)).ok().filter(|bytes| Digest::of(bytes) == sha256);
    stored.find(|bytes| Digest::of(bytes) == sha256).or_else(now)
}

/// The locked protocol: its text, with what it extends and the locked overrides, checked against the canonical digest. The
/// error says in words why it cannot be had.
pub(super) fn protocol(root: &Path, entry: &Entry, revision: Option<&str>) -> Result<Protocol, String> {
    let pins = std::iter::once((&entry.path, entry.sha256)).chain(entry.parents.iter().map(|p| (&p.path, p.sha256)));
    let file = |(path, sha256): (&String, Digest)| {
        bytes(root, entry, path, sha256, revision)
            .ok_or_else(|| format!("the locked text of {path} stands neither at the locked commit nor in the workspace"))
    };
    let files = pins.map(file).collect::<Result<Vec<_>, String>>()?;
    let text = super::commit::merged(entry, &files).map_err(|why| format!("the locked protocol {why}"))?;
    let p =
        protocol::parse::resolve(&text, &entry.overrides).map_err(|e| format!("the locked protocol can no longer be read: {}", e.what))?;
    if p.digest() != entry.canonical {
        return Err("the locked text gives other parameters than the locked ones".to_owned());
    }
    Ok(p)
}
