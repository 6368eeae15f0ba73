//! Level `digests`: every locked file of an entry.

use super::commit;
use super::files::{Base, Roots, Seen, Sight, Target};
use super::report::{Item, Kind, State};
use super::run::Resolver;
use crate::base::Digest;
use crate::lock::collect::{Manifest, Output};
use crate::lock::{Artifact, Entry, FilePin, artifact_folder, pixel_digest};
use std::collections::BTreeMap;
use std::path::Path;

/// The files an entry names, in the order in which they are reported.
pub(super) struct Targets {
    /// The protocol, then what it extends, the nearest first.
    protocol: Vec<Target>,
    patch: Option<Target>,
    data: Vec<Target>,
    weights: Vec<Target>,
    /// One list an artifact: its manifest, then its files.
    artifacts: Vec<Vec<Target>>,
    figures: Vec<Target>,
}

impl Targets {
    pub fn of(entry: &Entry) -> Self {
        let target = |kind, label: &str, path: &str, bytes, sha256| {
            let base = if kind == Kind::Data { Base::Data } else { Base::Workspace };
            Target { kind, label: label.to_owned(), base, path: path.to_owned(), bytes, sha256 }
        };
        let pinned = |kind, label: &str, pin: &FilePin| target(kind, label, &pin.path, Some(pin.bytes), pin.sha256);
        let artifact = |a: &Artifact| {
            let folder = artifact_folder(&a.stage, a.key);
            let manifest = target(Kind::Artifact, &a.label, &format!("{folder}/manifest.json"), None, a.manifest);
            let file = |f: &FilePin| target(Kind::Artifact, &a.label, &format!("{folder}/{}", f.path), Some(f.bytes), f.sha256);
            std::iter::once(manifest).chain(a.files.iter().map(file)).collect()
        };
        Self {
            protocol: std::iter::once(target(Kind::Protocol, "now", &entry.path, None, entry.sha256))
                .chain(entry.parents.iter().map(|p| pinned(Kind::Protocol, "now", p)))
                .collect(),
            patch: entry.git.as_ref().and_then(|g| g.patch.as_ref()).map(|p| pinned(Kind::Commit, "patch", p)),
            data: entry.data.iter().map(|f| target(Kind::Data, &f.role, &f.path, Some(f.bytes), f.sha256)).collect(),
            weights: entry.weights.iter().map(|f| pinned(Kind::Weights, "", f)).collect(),
            artifacts: entry.artifacts.iter().map(artifact).collect(),
            figures: entry.figures.iter().map(|f| target(Kind::Report, "", &f.path, Some(f.bytes), f.sha256)).collect(),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Target> {
        let one = self.protocol.iter().chain(&self.patch);
        one.chain(&self.data).chain(&self.weights).chain(self.artifacts.iter().flatten()).chain(&self.figures)
    }
}

/// Judges an entry. Whether its protocol drifted comes along.
pub(super) fn judge(
    roots: &Roots,
    entry: &Entry,
    targets: &Targets,
    sight: &Sight,
    require_data: bool,
    resolve: Option<Resolver<'_>>,
) -> (Vec<Item>, bool) {
    let root = &roots.workspace;
    let mut items = vec![commit::commit(root, entry)];
    let mut patch = None;
    if let Some(target) = &targets.patch {
        let item = sight.judge(target);
        if item.state == State::Verified {
            patch = roots.locate(target.base, &target.path).ok().and_then(|p| std::fs::read(p).ok());
        }
        items.push(item);
    }
    let (mut texts, mut drifted) = (Vec::new(), false);
    for target in &targets.protocol {
        let (item, at_commit) = commit::protocol_at_commit(root, entry, target, patch.as_deref());
        items.push(item);
        let (item, changed) = commit::protocol_now(sight, target);
        let now = || {
            roots.locate(Base::Workspace, &target.path).ok().filter(|_| item.state == State::Verified).and_then(|p| std::fs::read(p).ok())
        };
        texts.extend(at_commit.or_else(now));
        items.push(item);
        drifted |= changed;
    }
    if let Some(resolve) = resolve.filter(|_| texts.len() == targets.protocol.len()) {
        items.push(commit::resolved(entry, &texts, resolve));
    }
    data(roots, targets, sight, require_data, &mut items);
    items.extend(targets.weights.iter().map(|t| sight.judge(t)));
    for (artifact, targets) in entry.artifacts.iter().zip(&targets.artifacts) {
        for (i, target) in targets.iter().enumerate() {
            let item = sight.judge(target);
            items.push(if i == 0 && item.state == State::Verified { manifest(roots, artifact, target, item) } else { item });
        }
        items.extend(extras(roots, artifact));
    }
    items.extend(targets.figures.iter().zip(&entry.figures).map(|(t, f)| picture(roots, sight.judge(t), f.pixels)));
    (items, drifted)
}

/// Data files: often on another machine, so their absence as a whole is told and, unless asked for, no failure.
fn data(roots: &Roots, targets: &Targets, sight: &Sight, require: bool, items: &mut Vec<Item>) {
    let Some(first) = targets.data.first() else { return };
    let none = targets.data.iter().all(|t| matches!(sight.at(t), Seen::Missing));
    if !none || (require && roots.data.is_some()) {
        return items.extend(targets.data.iter().map(|t| sight.judge(t)));
    }
    let n = targets.data.len();
    let words = match &roots.data {
        None => format!("{n} data files were not checked: there is no data root here"),
        Some(_) => format!("{n} data files were not checked: none of them is below the data root"),
    };
    let path = if n == 1 { first.path.clone() } else { format!("{} … {}", first.path, targets.data[n - 1].path) };
    let state = if require { State::Missing } else { State::Skipped };
    items.push(
        Item::other(Kind::Data, "data", &path, state, words).hint("point PINFOLD_DATA at the folder with the data sets to check them too"),
    );
}

/// The manifest has its locked bytes; now it must say the same as the lock.
fn manifest(roots: &Roots, artifact: &Artifact, target: &Target, verified: Item) -> Item {
    let failed = |words: String| Item::other(Kind::Artifact, &artifact.label, &target.path, State::Failed, words);
    let Some(bytes) = roots.locate(target.base, &target.path).ok().and_then(|p| std::fs::read(p).ok()) else {
        return failed("could not be read a second time".to_owned());
    };
    let manifest = match Manifest::parse(&bytes, &target.path) {
        Ok(m) => m,
        Err(e) => return failed(e.what),
    };
    if manifest.tainted {
        return failed("is of a tainted artifact: one of its inputs changed while it was made".to_owned());
    }
    if manifest.stage != artifact.stage || manifest.key != artifact.key {
        return failed("belongs to another artifact".to_owned()).between(artifact.key, manifest.key);
    }
    if manifest.fingerprint() != manifest.key {
        return failed("has a key that does not follow from its stage, parameters and inputs".to_owned())
            .between(manifest.key, manifest.fingerprint());
    }
    let locked: BTreeMap<String, Output> =
        artifact.files.iter().map(|f| (f.path.clone(), Output { bytes: f.bytes, sha256: f.sha256 })).collect();
    if manifest.outputs == locked {
        return verified;
    }
    let names = manifest.outputs.keys().chain(locked.keys());
    let odd = names.filter(|n| manifest.outputs.get(*n) != locked.get(*n)).min().cloned().unwrap_or_default();
    failed(format!("does not say the same as the lock about '{odd}'"))
}

/// Files in an artifact's folder that the lock does not name: something there pretends to be part of it.
fn extras(roots: &Roots, artifact: &Artifact) -> Vec<Item> {
    let folder = artifact_folder(&artifact.stage, artifact.key);
    let Ok(real) = roots.locate(Base::Workspace, &folder) else { return Vec::new() };
    let mut found = Vec::new();
    list(&real, "", &mut found);
    found.retain(|path| path != "manifest.json" && !artifact.files.iter().any(|f| f.path == *path));
    found.sort();
    let words = "is in a locked artifact's folder, and the lock does not name it";
    found
        .iter()
        .map(|p| {
            Item::other(Kind::Artifact, &artifact.label, &format!("{folder}/{p}"), State::Failed, words)
                .between("nothing", "a file")
                .hint("nobody but the stage writes there: move the file away")
        })
        .collect()
}

/// Everything below a folder that is not a folder; links are listed, not followed.
fn list(folder: &Path, prefix: &str, out: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => list(&entry.path(), &path, out),
            _ => out.push(path),
        }
    }
}

/// Says of a picture whose bytes differ whether the picture does.
fn picture(roots: &Roots, mut item: Item, pixels: Option<Digest>) -> Item {
    let (State::Failed, Some(locked)) = (item.state, pixels) else { return item };
    let found = roots.locate(Base::Workspace, &item.path).ok().filter(|p| p.is_file()).and_then(|p| std::fs::read(p).ok());
    let Some(bytes) = found else { return item };
    item.words.push_str(match pixel_digest(&bytes) {
        Ok(found) if found == locked => "; the picture itself is the same, its text or compression is not",
        Ok(_) => "; the picture itself differs",
        Err(_) => "; it is no longer a sound PNG",
    });
    item
}
