//! `extends = "other-protocol"`: a protocol file that says only what differs from another one in its folder.
//!
//! Tables are merged key by key; everything else, arrays included, is replaced; `unset = ["split.test_size"]` takes keys
//! of the parent away. What comes out is one text, as if it had been written out in full: the canonical form and the
//! digest are of that.

use super::parse::{excerpt, span_of, syntax};
use crate::base::{Digest, Failure, IoContext, Result};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Files from a protocol to its farthest ancestor, at most.
pub const DEEPEST: usize = 6;

/// A protocol file that another one extends.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its path, beside the file that extends it.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// Which protocol this text extends; the text may be any TOML. Errors show the place.
pub fn parent_name(shown: &str, source: &str) -> Result<Option<String>> {
    let table: Table = toml::from_str(source).map_err(|e| syntax(shown, source, &e))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match table.get("extends") {
        None if table.contains_key("unset") => Err(at_key(shown, source, "unset", "unset: there is nothing to take keys from")
            .hint("'unset' takes away keys of the protocol that 'extends' names")),
        None => Ok(None),
        Some(Value::String(name)) if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) => {
            if table.contains_key("name") {
                return Ok(Some(name.clone()));
            }
            Err(at_key(shown, source, "extends", "extends: a protocol that extends another still needs a name of its own")
                .hint("add name = \"…\", equal to the file's"))
        }
        Some(_) => Err(at_key(shown, source, "extends", "extends: not the name of a protocol in the same folder")
            .hint("lowercase letters, digits and hyphens, without '.toml'")),
    }
}

/// The ancestors of a protocol file, the nearest first. Refuses missing ones, cycles, and chains of more than
/// [`DEEPEST`] files.
pub fn parents(path: &Path, source: &str) -> Result<Vec<Parent>> {
    let mut out: Vec<Parent> = Vec::new();
    let (mut at, mut text) = (path.to_owned(), source.to_owned());
    while let Some(name) = parent_name(&at.display().to_string(), &text)? {
        let shown = at.display().to_string();
        let file = at.with_file_name(format!("{name}.toml"));
        let known = std::iter::once(path).chain(out.iter().map(|p| p.path.as_path()));
        if known.into_iter().any(|p| p.file_name() == file.file_name()) {
            return Err(at_key(&shown, &text, "extends", &format!("extends: '{name}' extends this one in turn"))
                .hint("one of them must be written out in full"));
        }
        if out.len() + 2 > DEEPEST {
            return Err(at_key(&shown, &text, "extends", &format!("extends: a chain of more than {DEEPEST} files"))
                .hint("extend a protocol nearer to the first one"));
        }
        if !file.is_file() {
            return Err(at_key(&shown, &text, "extends", &format!("extends: there is no protocol '{name}' in this folder"))
                .hint(format!("it is looked for in {}", file.display())));
        }
        let bytes = std::fs::read(&file).doing("read the protocol", &file)?;
        let digest = Digest::of(&bytes);
        text = String::from_utf8(bytes).map_err(|_| Failure::input("not UTF-8 text").at(file.display().to_string()))?;
        at = file;
        out.push(Parent { path: at.clone(), source: text.clone(), digest });
    }
    Ok(out)
}

/// One text of a protocol and its ancestors, the nearest first, each with the name it is shown by. One text alone is
/// given back as it is.
pub fn written_out(texts: &[(String, &str)]) -> Result<String> {
    let [(_, only)] = texts else {
        let mut merged = Table::new();
        for (shown, source) in texts.iter().rev() {
            let mut own: Table = toml::from_str(source).map_err(|e| syntax(shown, source, &e))?;
            own.remove("extends");
            if let Some(gone) = own.remove("unset") {
                for key in keys(&gone).ok_or_else(|| at_key(shown, source, "unset", "unset: not a list of keys"))? {
                    if !take(&mut merged, &key) {
                        return Err(at_key(shown, source, "unset", &format!("unset: what is extended has no key '{key}'")));
                    }
                }
            }
            lay_over(&mut merged, own);
        }
        return toml::to_string(&merged).map_err(|e| Failure::input(format!("the merged protocol cannot be written: {e}")));
    };
    Ok((*only).to_owned())
}

/// The file among these, the protocol first, in which a dotted key stands, and where; else the longest part of the key
/// that stands anywhere.
pub(super) fn place(texts: &[(String, &str)], key: &str) -> String {
    let mut part = key;
    loop {
        if let Some(found) = texts.iter().find_map(|(shown, source)| Some(excerpt(shown, source, span_of(source, part)?))) {
            return found;
        }
        match part.rsplit_once('.') {
            Some((outer, _)) => part = outer,
            None => return format!("{}, key {key}", texts.first().map_or("", |t| t.0.as_str())),
        }
    }
}

/// The dotted key that stands at a byte of a text.
pub(super) fn key_at(source: &str, byte: usize) -> Option<String> {
    let document = toml_edit::Document::parse(source).ok()?;
    find(document.as_table(), byte)
}

fn find(table: &dyn toml_edit::TableLike, byte: usize) -> Option<String> {
    let within = |span: Option<std::ops::Range<usize>>| span.is_some_and(|s| s.contains(&byte));
    table.iter().find_map(|(name, item)| {
        if let Some(inner) = item.as_table_like().and_then(|t| find(t, byte)) {
            return Some(format!("{name}.{inner}"));
        }
        let key = table.get_key_value(name).and_then(|(k, _)| k.span());
        (within(item.span()) || within(key)).then(|| name.to_owned())
    })
}

fn keys(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|v| v.as_str().map(str::to_owned)).collect()
}

fn take(table: &mut Table, key: &str) -> bool {
    match key.split_once('.') {
        None => table.remove(key).is_some(),
        Some((first, rest)) => table.get_mut(first).and_then(Value::as_table_mut).is_some_and(|inner| take(inner, rest)),
    }
}

fn lay_over(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => lay_over(inner, more),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

fn at_key(shown: &str, source: &str, key: &str, what: &str) -> Failure {
    let failure = Failure::input(what);
    match span_of(source, key) {
        Some(span) => failure.at(excerpt(shown, source, span)),
        None => failure.at(shown.to_owned()),
    }
}
