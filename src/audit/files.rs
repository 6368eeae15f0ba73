//! Looking at files: inside the workspace only, each one once, all cores at it.

use super::report::{Item, Kind, State};
use crate::base::{Digest, text};
use crate::lock::path_problem;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// How far the hashing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Files done.
    pub files: usize,
    /// Files in all.
    pub files_total: usize,
    /// Bytes of the files done, as locked.
    pub bytes: u64,
    /// Bytes in all, as locked (files whose size the lock does not hold count as 0).
    pub bytes_total: u64,
    /// The file that was just done.
    pub path: String,
}

/// From where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    /// The workspace's root; symbolic links may not lead out of it.
    Workspace,
    /// The data root. Data sets are often links to a shared disk, so links are followed there.
    Data,
}

/// A file the lock names.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub kind: Kind,
    pub label: String,
    pub base: Base,
    pub path: String,
    /// Its locked size, where the lock holds it.
    pub bytes: Option<u64>,
    pub sha256: Digest,
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Missing,
    /// It is there and is not looked at; why.
    Refused(String),
    File {
        bytes: u64,
        sha256: Digest,
    },
}

/// The two roots, resolved.
pub(super) struct Roots {
    pub workspace: PathBuf,
    pub data: Option<PathBuf>,
}

impl Roots {
    /// The real path of a file that the lock names, or what keeps it from being looked at.
    pub fn locate(&self, base: Base, path: &str) -> Result<PathBuf, Seen> {
        if let Some(problem) = path_problem(path) {
            return Err(Seen::Refused(format!("the path {problem}")));
        }
        let root = match base {
            Base::Workspace => &self.workspace,
            Base::Data => self.data.as_ref().ok_or(Seen::Missing)?,
        };
        let real = match root.join(path).canonicalize() {
            Ok(real) => real,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Err(Seen::Missing),
            Err(e) => return Err(Seen::Refused(format!("it cannot be reached ({e})"))),
        };
        if base == Base::Workspace && !real.starts_with(&self.workspace) {
            return Err(Seen::Refused("a symbolic link leads out of the workspace".to_owned()));
        }
        Ok(real)
    }

    fn look(&self, base: Base, path: &str) -> Seen {
        let real = match self.locate(base, path) {
            Ok(real) => real,
            Err(seen) => return seen,
        };
        // Reading a named pipe or a device would hang.
        if !real.is_file() {
            return Seen::Refused("it is not a plain file".to_owned());
        }
        match Digest::of_file_sized(&real) {
            Ok((sha256, bytes)) => Seen::File { bytes, sha256 },
            Err(e) => Seen::Refused(e.what),
        }
    }
}

/// Everything that was looked at, by base and path.
pub(super) struct Sight(BTreeMap<(Base, String), Seen>);

impl Sight {
    /// Looks at every target, each path once.
    pub fn of(roots: &Roots, targets: &[Target], observe: &(dyn Fn(&Progress) + Sync)) -> Self {
        let unique: BTreeMap<(Base, &str), u64> = targets.iter().map(|t| ((t.base, t.path.as_str()), t.bytes.unwrap_or(0))).collect();
        let unique: Vec<_> = unique.into_iter().collect();
        let total: u64 = unique.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let progress = Mutex::new(Progress { files: 0, files_total: unique.len(), bytes: 0, bytes_total: total, path: String::new() });
        let seen: Vec<_> = unique
            .par_iter()
            .map(|((base, path), bytes)| {
                let seen = roots.look(*base, path);
                // Told under the lock, so that the observer sees the counts rise.
                if let Ok(mut p) = progress.lock() {
                    p.files += 1;
                    p.bytes = p.bytes.saturating_add(*bytes);
                    p.path = (*path).to_owned();
                    observe(&p);
                }
                ((*base, (*path).to_owned()), seen)
            })
            .collect();
        Self(seen.into_iter().collect())
    }

    /// What stands at a target's path.
    pub fn at(&self, target: &Target) -> Seen {
        self.0.get(&(target.base, target.path.clone())).cloned().unwrap_or(Seen::Missing)
    }

    /// The verdict on a target.
    pub fn judge(&self, target: &Target) -> Item {
        let (kind, label, path) = (target.kind, target.label.as_str(), target.path.as_str());
        let expected = shown(target.bytes, target.sha256);
        match self.at(target) {
            Seen::Missing => Item::other(kind, label, path, State::Missing, "is locked, and is not there").between(expected, "nothing"),
            Seen::Refused(why) => {
                Item::other(kind, label, path, State::Failed, format!("is not looked at: {why}")).between(expected, "not looked at")
            }
            Seen::File { bytes, sha256 } if sha256 == target.sha256 && target.bytes.is_none_or(|b| b == bytes) => {
                Item::verified(kind, label, path, expected)
            }
            Seen::File { bytes, sha256 } => Item::other(kind, label, path, State::Failed, explain(target, bytes, sha256))
                .between(expected, shown(target.bytes.and(Some(bytes)), sha256)),
        }
    }
}

fn shown(bytes: Option<u64>, sha256: Digest) -> String {
    match bytes {
        Some(n) => format!("{n} bytes, sha256 {sha256}"),
        None => format!("sha256 {sha256}"),
    }
}

fn explain(target: &Target, bytes: u64, sha256: Digest) -> String {
    let digests = format!("sha256 {}… where {}… is locked", sha256.short(), target.sha256.short());
    match target.bytes {
        Some(due) if due != bytes => {
            format!("has {} bytes where {} are locked ({digests})", text::thousands(bytes), text::thousands(due))
        }
        Some(_) => format!("has its locked size of {} bytes, and other content ({digests})", text::thousands(bytes)),
        None => format!("has other content ({digests})"),
    }
}
