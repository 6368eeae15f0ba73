//! From a TOML file and overrides to a checked protocol; errors show file, line and a caret.

use super::extends::{self, Parent};
use super::schema::Protocol;
use super::{check, execution, quirks};
use crate::base::{Digest, Failure, IoContext, Result};
use std::path::{Path, PathBuf};

/// A protocol that was read from its file, with the overrides that were laid over it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The resolved, checked protocol. Overrides give it another name.
    pub protocol: Protocol,
    /// Path of the file, as given.
    pub path: PathBuf,
    /// The file's text; of one that extends others, all of them merged into one text.
    pub source: String,
    /// SHA-256 of the file.
    pub file_digest: Digest,
    /// The files that it extends, the nearest first.
    pub parents: Vec<Parent>,
    /// `key=value`, in the order given; those that only say how it is executed are left out.
    pub overrides: Vec<String>,
}

impl Loaded {
    /// The name under which results may be locked: the protocol's own, or with overrides that name, `+` and eight
    /// digits of their digest.
    pub fn name(&self) -> &str {
        &self.protocol.name
    }
    /// The command that runs it, overrides included.
    pub fn command(&self) -> String {
        let set: String = self.overrides.iter().map(|o| format!(" --set {}", quoted(o))).collect();
        format!("pinfold run {}{set}", self.base_name())
    }
    /// The name in the file.
    pub fn base_name(&self) -> &str {
        self.protocol.name.split('+').next().unwrap_or_default()
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=._-+:/,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Reads a protocol file and lays overrides over it.
pub fn load(path: &Path, overrides: &[String]) -> Result<Loaded> {
    let bytes = std::fs::read(path).doing("read the protocol", path)?;
    let source = String::from_utf8(bytes)
        .map_err(|e| Failure::input(format!("not UTF-8 text (byte {})", e.utf8_error().valid_up_to())).at(path.display().to_string()))?;
    let shown = path.display().to_string();
    let file_digest = Digest::of(source.as_bytes());
    let parents = extends::parents(path, &source)?;
    let mut texts = vec![(shown.clone(), source.as_str())];
    texts.extend(parents.iter().map(|p| (p.path.display().to_string(), p.source.as_str())));
    let merged = extends::written_out(&texts)?;
    let full = completed(&merged).map_err(|wrong| match wrong {
        Wrong::Syntax(e) => syntax(&shown, &merged, &e),
        Wrong::Problem(e) => semantic(&texts, e),
    })?;
    let mut protocol: Protocol = toml::from_str(full.as_deref().unwrap_or(&merged)).map_err(|e| match (&full, texts.len()) {
        (None, 1) => syntax(&shown, &merged, &e),
        (full, _) => misplaced(&texts, full.as_deref().unwrap_or(&merged), &e),
    })?;
    check::check(&protocol).map_err(|e| semantic(&texts, e))?;
    if path.file_stem().and_then(|s| s.to_str()) != Some(protocol.name.as_str()) {
        let problem = check::Problem::new("name", format!("the name '{}' differs from the file's", protocol.name));
        return Err(semantic(&texts, problem.hint("a protocol is found by its file name; make the two equal")));
    }
    if !overrides.is_empty() {
        protocol = overridden(&shown, &merged, overrides)?;
    }
    let overrides = overrides.iter().filter(|o| changes_the_number(o)).cloned().collect();
    Ok(Loaded { protocol, path: path.to_owned(), file_digest, source: merged, overrides, parents })
}

enum Wrong {
    Syntax(Box<toml::de::Error>),
    Problem(check::Problem),
}

/// The text with what its quirks decide filled in; nothing where it declares none.
fn completed(source: &str) -> std::result::Result<Option<String>, Wrong> {
    let mut table: toml::Table = toml::from_str(source).map_err(|e| Wrong::Syntax(Box::new(e)))?;
    if !table.contains_key("quirks") {
        return Ok(None);
    }
    quirks::complete(&mut table).map_err(Wrong::Problem)?;
    let failed = |e: toml::ser::Error| Wrong::Problem(check::Problem::new("quirks", e.to_string()));
    toml::to_string(&table).map(Some).map_err(failed)
}

/// An error in the merged text, shown in the file that says the key.
fn misplaced(texts: &[(String, &str)], merged: &str, error: &toml::de::Error) -> Failure {
    let key = error.span().and_then(|span| extends::key_at(merged, span.start));
    let names: Vec<&str> = texts.iter().map(|t| t.0.as_str()).collect();
    let place = key.map_or_else(|| names.join(", "), |key| extends::place(texts, &key));
    Failure::input(error.message().trim().replace('\n', "; ")).at(place).hint("docs/protocol.md explains every key")
}

/// The digest of a protocol's text (parents merged) with overrides laid over it, resolved: what the audit compares with a lock.
pub fn digest_of(source: &str, overrides: &[String]) -> Result<Digest> {
    resolve(source, overrides).map(|p| p.digest())
}

/// A protocol's text with overrides laid over it, resolved and checked. With overrides it has a name of its own.
pub fn resolve(source: &str, overrides: &[String]) -> Result<Protocol> {
    if !overrides.is_empty() {
        return overridden("the protocol", source, overrides);
    }
    let texts = [("the protocol".to_owned(), source)];
    let full = completed(source).map_err(|wrong| match wrong {
        Wrong::Syntax(e) => syntax("the protocol", source, &e),
        Wrong::Problem(e) => semantic(&texts, e),
    })?;
    let full = full.as_deref().unwrap_or(source);
    let protocol: Protocol = toml::from_str(full).map_err(|e| syntax("the protocol", full, &e))?;
    check::check(&protocol).map_err(|e| semantic(&texts, e))?;
    Ok(protocol)
}

/// Reads a protocol that was stored resolved, as JSON, in a run folder.
pub fn from_canonical(value: serde_json::Value) -> Result<Protocol> {
    serde_json::from_value(value).map_err(|e| Failure::input(format!("the stored protocol cannot be read: {e}")))
}

fn overridden(shown: &str, source: &str, overrides: &[String]) -> Result<Protocol> {
    let mut table: toml::Table = toml::from_str(source).map_err(|e| syntax(shown, source, &e))?;
    for text in overrides {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::input(format!("'{text}' is not KEY=VALUE")).at("--set").hint("for example --set train.epochs=2"))?;
        let parsed: toml::Value = match toml::from_str::<toml::Table>(&format!("value = {value}")) {
            Ok(mut t) => t.remove("value").unwrap_or(toml::Value::Boolean(false)),
            Err(_) => toml::Value::String(value.to_owned()),
        };
        if matches!(key.trim(), "name" | "schema") {
            return Err(Failure::input(format!("'{}' cannot be overridden", key.trim())).at(format!("--set {text}")));
        }
        if let Some(id) = key.trim().strip_prefix("quirks.") {
            quirks::release(&mut table, id);
        }
        set(&mut table, key.trim(), parsed).map_err(|e| e.at(format!("--set {text}")))?;
    }
    let naming: Vec<&str> = overrides.iter().map(String::as_str).filter(|o| changes_the_number(o)).collect();
    let digest = Digest::of(naming.join("\n").as_bytes());
    let at_set = |what: String| Failure::input(what).at(format!("{shown} with --set {}", overrides.join(" --set ")));
    let refused = |p: check::Problem| {
        let failure = at_set(format!("{}: {}", p.key, p.what));
        match p.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    };
    quirks::complete(&mut table).map_err(refused)?;
    let mut protocol: Protocol = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| at_set(e.message().to_owned()))?;
    check::check(&protocol).map_err(refused)?;
    if !naming.is_empty() {
        protocol.name = format!("{}+{}", protocol.name, &digest.to_string()[..8]);
    }
    Ok(protocol)
}

/// Where it is executed is no part of a protocol's identity.
fn changes_the_number(text: &str) -> bool {
    !text.split_once('=').is_some_and(|(key, _)| execution::is_execution_key(key.trim()))
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) -> Result<()> {
    match key.split_once('.') {
        None => {
            // Whole numbers stand for decimals where the file has decimals.
            let value = match (table.get(key), value) {
                (Some(toml::Value::Float(_)), toml::Value::Integer(i)) => toml::Value::Float(i as f64),
                (_, value) => value,
            };
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((first, rest)) => match table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new())) {
            toml::Value::Table(inner) => set(inner, rest, value),
            _ => Err(Failure::input(format!("'{first}' is not a table"))),
        },
    }
}

pub(super) fn syntax(shown: &str, source: &str, error: &toml::de::Error) -> Failure {
    let failure = Failure::input(error.message().trim().replace('\n', "; "));
    match error.span() {
        Some(span) => failure.at(excerpt(shown, source, span)),
        None => failure.at(shown.to_owned()),
    }
    .hint("docs/protocol.md explains every key")
}

fn semantic(texts: &[(String, &str)], problem: check::Problem) -> Failure {
    let failure = Failure::input(format!("{}: {}", problem.key, problem.what)).at(extends::place(texts, &problem.key));
    match problem.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Where a dotted key's value stands in the source.
pub(super) fn span_of(source: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let document = toml_edit::Document::parse(source).ok()?;
    let mut item = document.as_item();
    for part in key.split('.') {
        item = item.get(part)?;
    }
    item.span()
}

/// `file:line:column`, the line, and a caret under the place.
pub fn excerpt(shown: &str, source: &str, span: std::ops::Range<usize>) -> String {
    let start = span.start.min(source.len());
    let before = &source.as_bytes()[..start];
    let line_number = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = source[line_start..].lines().next().unwrap_or_default();
    let column = source[line_start..start].chars().count();
    let room = line.chars().count().saturating_sub(column).max(1);
    let width = source.get(span.start..span.end).map_or(1, |s| s.chars().count()).clamp(1, room);
    let gutter = line_number.to_string().len();
    format!(
        "  {shown}:{line_number}:{}\n  {:gutter$} |\n  {line_number} | {line}\n  {:gutter$} | {}{}",
        column + 1,
        "",
        "",
        " ".repeat(column),
        "^".repeat(width)
    )
}
