//! The commit and the protocol.

use super::files::{Seen, Sight, Target};
use super::report::{Item, Kind, State};
use super::run::Resolver;
use crate::base::{Digest, Failure};
use crate::lock::{AtCommit, Entry, GitPin, file_at, tree_of};
use crate::protocol::extends;
use std::path::Path;

/// The commit: it exists, and has the locked tree.
pub(super) fn commit(root: &Path, entry: &Entry) -> Item {
    let Some(git) = &entry.git else {
        return Item::other(Kind::Commit, "commit", "", State::Skipped, "no commit was recorded when this was locked");
    };
    match tree_of(root, &git.commit) {
        Ok(Some(tree)) if tree == git.tree => Item::verified(Kind::Commit, "commit", &git.commit, format!("tree {tree}")),
        Ok(Some(tree)) => Item::other(Kind::Commit, "commit", &git.commit, State::Failed, "has another tree than the locked one")
            .between(format!("tree {}", git.tree), format!("tree {tree}")),
        Ok(None) => Item::other(Kind::Commit, "commit", &git.commit, State::Missing, "this repository has no such commit")
            .hint("fetch it (`git fetch --unshallow` in a shallow clone); a commit that was never pushed is only where it was made"),
        Err(e) => unreadable(&git.commit, "commit", e),
    }
}

fn unreadable(path: &str, label: &str, error: Failure) -> Item {
    let kind = if label == "commit" { Kind::Commit } else { Kind::Protocol };
    let item = Item::other(kind, label, path, State::Missing, format!("could not be looked at: {}", error.what));
    error.hint.map_or(item.clone(), |hint| item.hint(hint))
}

/// A file of the protocol at the commit: the locked one. The bytes come along for [`resolved`].
pub(super) fn protocol_at_commit(root: &Path, entry: &Entry, file: &Target, patch: Option<&[u8]>) -> (Item, Option<Vec<u8>>) {
    const LABEL: &str = "at the commit";
    let path = file.path.as_str();
    let other = |state, words: &str| Item::other(Kind::Protocol, LABEL, path, state, words);
    let Some(git) = &entry.git else {
        return (other(State::Skipped, "no commit was recorded when this was locked"), None);
    };
    match file_at(root, &git.commit, path) {
        Ok(AtCommit::File(bytes)) if Digest::of(&bytes) == file.sha256 => {
            (Item::verified(Kind::Protocol, LABEL, path, format!("sha256 {}", file.sha256)), Some(bytes))
        }
        Ok(AtCommit::NoCommit) => (other(State::Missing, "cannot be compared: this repository has no such commit"), None),
        Ok(_) if in_patch(git, patch, path) => {
            (other(State::Skipped, "was changed after the commit when this was locked; the stored patch holds the change"), None)
        }
        Ok(AtCommit::File(bytes)) => {
            let found = Digest::of(&bytes);
            let item = other(State::Failed, &format!("commit {} has another protocol than the locked one", short(&git.commit)));
            (item.between(format!("sha256 {}", file.sha256), format!("sha256 {found}")), None)
        }
        Ok(AtCommit::NoFile) => (other(State::Failed, &format!("commit {} has no such file", short(&git.commit))), None),
        Err(e) => (unreadable(path, LABEL, e), None),
    }
}

/// Whether a dirty tree's stored patch touches this file.
fn in_patch(git: &GitPin, patch: Option<&[u8]>, path: &str) -> bool {
    let end = format!("/{path}");
    !git.clean
        && patch.is_some_and(|bytes| {
            bytes.split(|&b| b == b'\n').any(|line| line.starts_with(b"diff --git ") && String::from_utf8_lossy(line).ends_with(&end))
        })
}

/// The protocol file as it stands now. Whether it drifted comes along.
pub(super) fn protocol_now(sight: &Sight, target: &Target) -> (Item, bool) {
    let mut item = sight.judge(target);
    let drifted = matches!(sight.at(target), Seen::File { sha256, .. } if sha256 != target.sha256);
    if drifted {
        item.words = format!("drifted: it is no longer the protocol that was locked ({})", item.words);
        item.hint = "bring it back from the locked commit, or run and lock the changed protocol".to_owned();
    }
    (item, drifted)
}

/// The resolved protocol: its files merged, defaults filled in and overrides applied, it has the locked canonical digest.
pub(super) fn resolved(entry: &Entry, files: &[Vec<u8>], resolve: Resolver<'_>) -> Item {
    const LABEL: &str = "resolved";
    let failed = |words: String| Item::other(Kind::Protocol, LABEL, &entry.path, State::Failed, words);
    let text = match merged(entry, files) {
        Ok(text) => text,
        Err(words) => return failed(words),
    };
    match resolve(&text, &entry.overrides) {
        Ok(found) if found == entry.canonical => Item::verified(Kind::Protocol, LABEL, &entry.path, format!("canonical digest {found}")),
        Ok(found) => failed("gives other parameters than the locked ones once defaults and overrides are in".to_owned())
            .between(format!("canonical digest {}", entry.canonical), format!("canonical digest {found}"))
            .hint("this pinfold may have other defaults than the one that locked it"),
        Err(e) => failed(format!("can no longer be read: {}", e.what)),
    }
}

/// The text of a locked protocol, from the bytes of its file and of those that it extends, which must be the ones that it
/// names. The error says in words why it cannot be had.
pub(super) fn merged(entry: &Entry, files: &[Vec<u8>]) -> Result<String, String> {
    let names = std::iter::once(&entry.path).chain(entry.parents.iter().map(|p| &p.path));
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned());
    let texts = names.zip(files).map(|(name, bytes)| Ok((name.clone(), text(bytes)?))).collect::<Result<Vec<_>, String>>()?;
    if entry.parents.is_empty() {
        return Ok(texts.first().map_or_else(String::new, |t| t.1.to_owned()));
    }
    let gone = |e: Failure| format!("can no longer be read: {}", e.what);
    for (i, (name, source)) in texts.iter().enumerate() {
        let named = extends::parent_name(name, source).map_err(gone)?.map(|parent| format!("{parent}.toml"));
        let next = texts.get(i + 1).and_then(|t| t.0.rsplit('/').next());
        if named.as_deref() != next {
            return Err(format!("extends another protocol than the locked one ({name})"));
        }
    }
    extends::written_out(&texts).map_err(gone)
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
