//! What may never get into a lock: absolute paths, ways out of the workspace, control characters, doubles.

use super::model::Entry;
use crate::base::{Digest, Failure, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// Why a path may not stand in a lock, or `None`: it must be relative, with plain components separated by `/`.
pub fn path_problem(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if let Some(problem) = character_problem(path) {
        return Some(problem);
    }
    if path.starts_with('/') || path.starts_with('~') || has_drive(path) {
        return Some("is an absolute path");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("has an empty component"),
        "." | ".." => Some("has a '.' or '..' component"),
        _ => None,
    })
}

fn has_drive(path: &str) -> bool {
    let b = path.as_bytes();
    b.len() >= 2 && b[0].is_ascii_alphabetic() && b[1] == b':' && (b.len() == 2 || b[2] == b'/')
}

fn character_problem(s: &str) -> Option<&'static str> {
    if s.contains('\\') {
        Some("has a backslash")
    } else if text::clean(s) != s {
        Some("has a control character or one that hides or reorders text")
    } else {
        None
    }
}

/// Why free text (titles, overrides, switches, findings) may not stand in a lock: the same characters, and any
/// word in it that is an absolute path or climbs out of a folder. Metric ids and web addresses pass.
fn text_problem(s: &str) -> Option<&'static str> {
    if let Some(problem) = character_problem(s) {
        return Some(problem);
    }
    let separator = |c: char| c.is_whitespace() || "\"'`=,;()[]{}<>|".contains(c);
    for word in s.split(separator) {
        let rooted = word.len() > 1 && word.starts_with('/');
        let remote = word.find(":/").is_some_and(|at| !word[at..].starts_with("://"));
        let file_url = word.get(..5).is_some_and(|w| w.eq_ignore_ascii_case("file:"));
        if rooted || remote || file_url || word.starts_with("~/") {
            return Some("holds an absolute path");
        }
        if word.contains('/') && word.split('/').any(|part| part == "..") {
            return Some("holds a path with '..'");
        }
    }
    None
}

/// What is wrong with an entry: the key, the offending text, and what is the matter with it.
pub(super) struct Problem {
    /// Dotted key below the entry.
    pub key: String,
    /// The text at fault.
    pub value: String,
    /// What is the matter, after "it".
    pub what: String,
}

impl Problem {
    /// As an error of whoever asked to write this entry.
    pub fn failure(&self, protocol: &str) -> Failure {
        Failure::input(format!("'{}' {} and cannot be locked", self.value, self.what))
            .at(format!("the entry '{protocol}', {}", self.key))
            .hint("a lock holds only paths relative to the workspace or the data root, and plain text")
    }
}

/// Looks at every string, path, number and name of an entry.
pub(super) fn entry(e: &Entry) -> Option<Problem> {
    let problem = |key: &str, value: &str, what: String| Some(Problem { key: key.to_owned(), value: value.to_owned(), what });
    // Every string is reached through the serialised form, so that a field added later is looked at too.
    let value = match serde_json::to_value(e) {
        Ok(v) => v,
        Err(error) => return problem("", "the entry", format!("cannot be serialised ({error})")),
    };
    if let Some(found) = walk("", "", &value) {
        return Some(found);
    }
    if e.protocol.is_empty() || e.protocol.contains('/') {
        return problem("protocol", &e.protocol, "is empty or has a '/'".to_owned());
    }
    if !e.overrides.is_empty() && own_name(e) {
        return problem("protocol", &e.protocol, "is the protocol's own name, which a run with overrides may not take".to_owned());
    }
    for class in [&e.determinism.asked, &e.determinism.reached] {
        if !["portable", "machine", "statistical"].contains(&class.as_str()) {
            return problem("determinism", class, "is none of portable, machine, statistical".to_owned());
        }
    }
    if let Some(git) = &e.git {
        for id in [&git.commit, &git.tree] {
            if !matches!(id.len(), 40 | 64) || !id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                return problem("git", id, "is not a git object id".to_owned());
            }
        }
        if git.clean && git.patch.is_some() {
            return problem("git.clean", "true", "contradicts the stored patch".to_owned());
        }
    }
    for metric in &e.metrics {
        let again = metric.value.parse().ok().map_or_else(|| "undefined".to_owned(), |v| super::model::decimal(Some(v)));
        if metric.value != again {
            return problem("metric.value", &metric.value, format!("is not in the shortest form that reads back ({again})"));
        }
    }
    for artifact in &e.artifacts {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if artifact.stage.is_empty() || !artifact.stage.chars().all(plain) {
            return problem("artifact.stage", &artifact.stage, "is not a stage's name".to_owned());
        }
        if artifact.files.iter().any(|f| f.path == "manifest.json") {
            return problem("artifact.files.path", "manifest.json", "is locked apart, not among the files".to_owned());
        }
        if artifact.digest != Digest::of_listing(artifact.files.iter().map(|f| (f.path.as_str(), f.sha256))) {
            return problem(
                "artifact.digest",
                &artifact.digest.to_string(),
                format!("is not the digest of the files listed for {}", artifact.label),
            );
        }
    }
    twice(e)
}

/// Whether the entry's name is that of the protocol file.
fn own_name(e: &Entry) -> bool {
    let name = e.path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".toml").unwrap_or(name) == e.protocol
}

fn twice(e: &Entry) -> Option<Problem> {
    let lists: [(&str, Vec<&str>); 6] = [
        ("parents.path", e.parents.iter().map(|f| f.path.as_str()).collect()),
        ("data.path", e.data.iter().map(|f| f.path.as_str()).collect()),
        ("weights.path", e.weights.iter().map(|f| f.path.as_str()).collect()),
        ("artifact.label", e.artifacts.iter().map(|a| a.label.as_str()).collect()),
        ("metric.id", e.metrics.iter().map(|m| m.id.as_str()).collect()),
        ("report.path", e.figures.iter().map(|f| f.path.as_str()).collect()),
    ];
    let inner = e.artifacts.iter().map(|a| ("artifact.files.path", a.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>()));
    lists.into_iter().chain(inner).find_map(|(key, values)| {
        let mut seen = BTreeSet::new();
        let double = values.into_iter().find(|v| !seen.insert(*v))?;
        Some(Problem { key: key.to_owned(), value: double.to_owned(), what: "is there twice".to_owned() })
    })
}

fn walk(key: &str, name: &str, value: &Value) -> Option<Problem> {
    match value {
        Value::Object(map) => map.iter().find_map(|(inner, v)| {
            let full = if key.is_empty() { inner.clone() } else { format!("{key}.{inner}") };
            let bad = text_problem(inner).map(|what| Problem { key: full.clone(), value: inner.clone(), what: what.to_owned() });
            bad.or_else(|| walk(&full, inner, v))
        }),
        Value::Array(items) => items.iter().find_map(|v| walk(key, name, v)),
        Value::String(s) => {
            let what = if name == "path" { path_problem(s) } else { text_problem(s) };
            what.map(|what| Problem { key: key.to_owned(), value: s.clone(), what: what.to_owned() })
        }
        Value::Number(n) if n.as_i64().is_none() => {
            Some(Problem { key: key.to_owned(), value: n.to_string(), what: "is beyond 2^63 - 1, TOML's largest integer,".to_owned() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_refused() {
        for good in ["a", "protocols/demo.toml", "a b/ü.tsv", "..a/b..", "ST-cnts/A1.tsv.gz"] {
            assert_eq!(path_problem(good), None, "{good}");
        }
        for bad in ["", "/etc/passwd", "~/x", "a/../b", "..", "./a", "a//b", "a/", "a\\b", "a\nb", "a\u{202e}b", "C:/x", "a\u{7f}"] {
            assert!(path_problem(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn text_may_not_smuggle_a_path() {
        for good in [
            "pcc/gene/oof/skip/top-mean-50@train",
            "https://doi.org/10.1/x",
            "mean / median",
            "0..1",
            "train.epochs=4",
            "a/b (see c/d)",
            "avx2",
            "train[C2]",
        ] {
            assert_eq!(text_problem(good), None, "{good}");
        }
        for bad in [
            "data.root=/home/alice/data",
            "see ~/x",
            "file:///x",
            "alice@host:/scratch",
            "a=../b",
            "('/tmp/x')",
            "x\\y",
            "tab\there",
            "C:/x",
        ] {
            assert!(text_problem(bad).is_some(), "{bad:?}");
        }
    }
}
