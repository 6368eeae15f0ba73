//! The strict reader: it understands only what the encoder writes, and says where a file differs from that.
//!
//! Two kinds of damage are told apart. A file that is not in its form (cut short, an unknown key, a wrong type) is bad
//! input: file, line and caret, exit code 2. A file that is well formed but not what the encoder wrote is an
//! *edit*: it is read, the edits are listed in [`LockFile::edits`], and an audit of it fails with exit code 1.

use super::model::{Entry, LockFile};
use super::write::{self, VERSION};
use super::{check, source};
use crate::base::{Failure, IoContext, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

const MEND: &str = "a lock is written by `pinfold lock`, not by hand: bring it back with `git checkout -- pinfold.lock`, or lock again";

/// A place where a well-formed lock is not what the encoder wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The line, from 1.
    pub line: usize,
    /// The entry, where it is inside one.
    pub entry: Option<String>,
    /// What is the matter, in a sentence.
    pub what: String,
}

#[derive(Deserialize)]
struct Head {
    version: toml::Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default, rename = "entry")]
    entries: Vec<Entry>,
}

/// Reads a lock. A missing file is bad input, with the hint to lock first.
pub fn read(path: &Path) -> Result<LockFile> {
    let bytes = std::fs::read(path).doing("read the lock", path).map_err(|e| match e.hint {
        None => e.hint("run a protocol and lock it: `pinfold run NAME`, then `pinfold lock NAME`"),
        Some(_) => e,
    })?;
    parse(&bytes, &path.display().to_string())
}

/// Reads a lock's bytes; `shown` is the file's name in messages.
pub fn parse(bytes: &[u8], shown: &str) -> Result<LockFile> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            return Err(Failure::input("the lock is not UTF-8 text").at(format!("{shown}:{line}")).hint(MEND));
        }
    };
    let bad = |what: String, span: Range<usize>| Failure::input(what).at(source::excerpt(shown, text, span));
    let head: Head = toml::from_str(text).map_err(|e| malformed(text, &e, &bad))?;
    let version = *head.version.get_ref();
    if version > VERSION {
        return Err(bad(format!("the lock has version {version}, and this pinfold knows {VERSION}"), head.version.span())
            .hint("it was written by a newer pinfold: use that one; this one leaves the file as it is"));
    }
    if version < VERSION {
        return Err(bad(format!("there is no version {version} of the lock"), head.version.span()).hint(MEND));
    }
    let body: Body = toml::from_str(text).map_err(|e| malformed(text, &e, &bad))?;
    let starts = source::entry_starts(text);
    for (i, entry) in body.entries.iter().enumerate() {
        let region = starts.get(i).copied().unwrap_or(0)..starts.get(i + 1).copied().unwrap_or(text.len());
        if body.entries[..i].iter().any(|other| other.protocol == entry.protocol) {
            return Err(bad(format!("the lock has two entries '{}'", entry.protocol), find(text, region, &entry.protocol)).hint(MEND));
        }
        if let Some(problem) = check::entry(entry) {
            let what = format!("{}: '{}' {}", problem.key, problem.value, problem.what);
            return Err(bad(what, find(text, region, &problem.value)).hint(MEND));
        }
        if entry.integrity.is_none() {
            return Err(bad(format!("the entry '{}' has no integrity line", entry.protocol), region.start..region.start + 1).hint(MEND));
        }
    }
    let edits = edits(text, &body.entries, &starts);
    Ok(LockFile { entries: body.entries, edits })
}

/// Where an offending string stands in the text, for the caret; the entry's first line when it is not found.
fn find(text: &str, region: Range<usize>, value: &str) -> Range<usize> {
    let area = text.get(region.clone()).unwrap_or_default();
    if let Some(at) = area.find(&write::quoted(value)).or_else(|| area.find(value)) {
        return region.start + at..region.start + at + value.len().max(1);
    }
    // It was written with escapes: the line that reads as this value is the one.
    let mut at = region.start;
    for line in area.split_inclusive('\n') {
        let table: Option<toml::Table> = toml::from_str(line).ok();
        if table.is_some_and(|t| t.values().any(|v| v.as_str() == Some(value))) {
            let from = line.find('=').map_or(0, |i| i + 2);
            return at + from..at + line.trim_end().len();
        }
        at += line.len();
    }
    region.start..region.start + 1
}

fn malformed(text: &str, error: &toml::de::Error, bad: &dyn Fn(String, Range<usize>) -> Failure) -> Failure {
    let span = error.span().unwrap_or(text.len()..text.len());
    let conflict = text.lines().any(|l| l.starts_with("<<<<<<< "));
    bad(format!("the lock is not in its form: {}", error.message().trim().replace('\n', "; ")), span).hint(if conflict {
        "a merge left its marks: keep both entries whole where they are of different protocols; lock again where both sides changed one"
    } else {
        MEND
    })
}

/// Compares the text with what the encoder makes of the entries read from it. Because the encoder's bytes are
/// fixed, any byte that differs shows here, or in an integrity line that no longer fits.
fn edits(text: &str, entries: &[Entry], starts: &[usize]) -> Vec<Edit> {
    let mut out = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let mut plain = entry.clone();
        plain.normalise();
        if entry.integrity != Some(write::integrity(&plain)) {
            let line = starts.get(i).map_or(1, |&at| source::line_column(text, at).0);
            let what = format!(
                "the entry '{}' does not follow its integrity line: something in it was changed after it was locked",
                entry.protocol
            );
            out.push(Edit { line, entry: Some(entry.protocol.clone()), what });
        }
    }
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.protocol.cmp(&b.protocol));
    let mut expected = write::header();
    for entry in sorted {
        let mut plain = entry.clone();
        plain.normalise();
        expected.push('\n');
        expected.push_str(&write::text(&plain, entry.integrity));
    }
    if text != expected {
        let same = text.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
        let line = source::line_column(text, same).0;
        let entry = starts.iter().rposition(|&at| at <= same).and_then(|i| entries.get(i)).map(|e| e.protocol.clone());
        let lines = |t: &str| t.split('\n').nth(line - 1).unwrap_or_default().to_owned();
        let what = format!("the lock's writing was changed: '{}' stands where the encoder writes '{}'", lines(text), lines(&expected));
        out.push(Edit { line, entry, what });
    }
    out
}
