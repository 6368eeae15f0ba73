//! The encoder.
//!
//! # Version policy
//!
//! - The number after `version` is the form of the whole file. This program writes [`VERSION`] and reads
//!   [`VERSION`]. A file of a newer version is refused, for reading and for merging, before anything else in it
//!   is looked at: what we do not know we neither judge nor overwrite.
//! - Keys are never added silently: an unknown key is an error. A new key, a changed meaning or a changed order
//!   raises the version, and the reader then keeps reading the older versions, each by its own rules.
//! - One key is younger than its version: `parents`, the files that a protocol extends. It stands only in such an
//!   entry, which programs from before it refuse as a whole; every other entry has the bytes that it always had.
//! - Within a version the bytes are fixed: the same entry always gives the same text, whoever writes it. The
//!   reader relies on that to find edits.
//!
//! # Form
//!
//! One `[[entry]]` a protocol, sorted by name, one `[[entry.artifact]]` block a stage instance, every digest inside
//! its own block, one file a line: two branches that lock different protocols merge without a conflict. No time
//! stamps, no absolute paths, no host or user names (`check` refuses them). Metrics are strings,
//! because a TOML float may be printed in several ways and a lock is compared digit by digit.
//!
//! The `integrity` line is the SHA-256 of the entry's text without that line, from `[[entry]]` to the line feed
//! after its last line. Anyone can recompute it with `sed` and `sha256sum`.

use super::check;
use super::model::{Entry, FilePin, LockFile};
use crate::base::{Digest, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the lockfile, at the workspace's root.
pub const FILE_NAME: &str = "pinfold.lock";

/// The schema version this program writes.
pub const VERSION: i64 = 1;

/// What stands before the first entry.
pub(super) fn header() -> String {
    format!(
        "# Written by `pinfold lock`, checked by `pinfold audit`. Not for editing: each entry carries its own digest,\n\
         # and an audit fails when a byte of this file changed.\n\
         version = {VERSION}\n"
    )
}

/// The whole file's text. Refuses an entry that may not be locked.
pub fn encode(lock: &LockFile) -> Result<String> {
    let mut entries: Vec<&Entry> = lock.entries.iter().collect();
    entries.sort_by(|a, b| a.protocol.cmp(&b.protocol));
    let mut out = header();
    for entry in entries {
        out.push('\n');
        out.push_str(&encode_entry(entry)?);
    }
    Ok(out)
}

/// One entry's text with its integrity line. Refuses an entry that may not be locked.
pub(super) fn encode_entry(entry: &Entry) -> Result<String> {
    let mut entry = entry.clone();
    entry.normalise();
    entry.integrity = None;
    if let Some(problem) = check::entry(&entry) {
        return Err(problem.failure(&entry.protocol));
    }
    Ok(text(&entry, Some(integrity(&entry))))
}

/// What the integrity line of this entry has to be.
pub fn integrity(entry: &Entry) -> Digest {
    Digest::of(text(entry, None).as_bytes())
}

/// The entry's text, with the given integrity line or with none. The order of everything is decided here.
pub(super) fn text(e: &Entry, integrity: Option<Digest>) -> String {
    let mut w = Writer(String::new());
    w.block("[[entry]]");
    w.string("protocol", &e.protocol);
    w.digest_if("integrity", integrity);
    w.string("path", &e.path);
    w.digest("sha256", e.sha256);
    if !e.parents.is_empty() {
        w.files("parents", &e.parents);
    }
    w.digest("canonical", e.canonical);
    w.strings("overrides", &e.overrides);
    w.digest_if("journal", e.journal);
    w.block("\n[entry.program]");
    w.string("name", &e.program.name);
    w.string("version", &e.program.version);
    if let Some(git) = &e.git {
        w.block("\n[entry.git]");
        w.string("commit", &git.commit);
        w.string("tree", &git.tree);
        w.plain("clean", git.clean);
        if let Some(patch) = &git.patch {
            w.block("\n[entry.git.patch]");
            w.pin(patch);
        }
    }
    w.block("\n[entry.seeds]");
    e.seeds.iter().for_each(|(name, seed)| w.plain(&key(name), seed));
    w.block("\n[entry.determinism]");
    w.string("asked", &e.determinism.asked);
    w.string("reached", &e.determinism.reached);
    w.map("\n[entry.determinism.switches]", &e.determinism.switches);
    for file in &e.data {
        w.block("\n[[entry.data]]");
        w.string("path", &file.path);
        w.plain("bytes", file.bytes);
        w.digest("sha256", file.sha256);
        w.string("role", &file.role);
    }
    for file in &e.weights {
        w.block("\n[[entry.weights]]");
        w.pin(file);
    }
    outcome(&mut w, e);
    w.0
}

/// The second half of an entry: what came out.
fn outcome(w: &mut Writer, e: &Entry) {
    for artifact in &e.artifacts {
        w.block("\n[[entry.artifact]]");
        w.string("label", &artifact.label);
        w.string("stage", &artifact.stage);
        w.digest("key", artifact.key);
        w.digest("digest", artifact.digest);
        w.digest("manifest", artifact.manifest);
        w.files("files", &artifact.files);
    }
    for metric in &e.metrics {
        w.block("\n[[entry.metric]]");
        w.string("id", &metric.id);
        w.string("title", &metric.title);
        w.plain("n", metric.n);
        w.string("value", &metric.value);
        if let Some(published) = &metric.published {
            w.block("\n[entry.metric.published]");
            w.string("value", &published.value);
            w.string("source", &published.source);
            w.string("status", &published.status);
        }
    }
    for figure in &e.figures {
        w.block("\n[[entry.report]]");
        w.string("path", &figure.path);
        w.plain("bytes", figure.bytes);
        w.digest("sha256", figure.sha256);
        w.digest_if("pixels", figure.pixels);
    }
    for finding in &e.leakage {
        w.block("\n[[entry.leakage]]");
        w.string("check", &finding.check);
        w.string("verdict", &finding.verdict);
        w.string("text", &finding.text);
    }
}

struct Writer(String);

impl Writer {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }
    fn block(&mut self, head: &str) {
        self.line(format_args!("{head}"));
    }
    fn string(&mut self, key: &str, value: &str) {
        self.line(format_args!("{key} = {}", quoted(value)));
    }
    fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        self.line(format_args!("{key} = {value}"));
    }
    fn digest(&mut self, key: &str, value: Digest) {
        self.line(format_args!("{key} = \"{value}\""));
    }
    fn digest_if(&mut self, key: &str, value: Option<Digest>) {
        if let Some(value) = value {
            self.digest(key, value);
        }
    }
    fn pin(&mut self, file: &FilePin) {
        self.string("path", &file.path);
        self.plain("bytes", file.bytes);
        self.digest("sha256", file.sha256);
    }
    fn strings(&mut self, key: &str, values: &[String]) {
        if values.is_empty() {
            return self.line(format_args!("{key} = []"));
        }
        self.line(format_args!("{key} = ["));
        values.iter().for_each(|v| self.line(format_args!("    {},", quoted(v))));
        self.line(format_args!("]"));
    }
    fn files(&mut self, key: &str, files: &[FilePin]) {
        if files.is_empty() {
            return self.line(format_args!("{key} = []"));
        }
        self.line(format_args!("{key} = ["));
        for f in files {
            self.line(format_args!("    {{ path = {}, bytes = {}, sha256 = \"{}\" }},", quoted(&f.path), f.bytes, f.sha256));
        }
        self.line(format_args!("]"));
    }
    fn map(&mut self, head: &str, map: &BTreeMap<String, String>) {
        self.block(head);
        map.iter().for_each(|(k, v)| self.string(&key(k), v));
    }
}

/// A TOML key: bare where it may be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A TOML basic string. Control characters never come here (`check` refuses them), backslashes neither.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
