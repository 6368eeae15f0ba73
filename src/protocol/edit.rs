//! Writing single values into a protocol's file: everything else of the file stays as it is, comments and order included.

use super::parse::{self, excerpt, span_of};
use crate::base::{Failure, IoContext, Result, atomic, text};
use std::path::Path;
use toml_edit::{DocumentMut, Item, Table, Value};

/// One value that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The file, with its folder: `protocols/demo.toml`.
    pub file: String,
    /// The dotted key.
    pub key: String,
    /// What the file said before, as TOML; `None` where it said nothing (a default, or a value of what it extends).
    pub before: Option<String>,
    /// What it says now, as TOML.
    pub after: String,
}

impl Change {
    /// What happened, in a line.
    pub fn sentence(&self) -> String {
        let before = self.before.as_ref().map_or("said nothing of it".to_owned(), |b| format!("was {b}"));
        text::clean(&format!("{} now says {} = {} ({before})", self.file, self.key, self.after))
    }
}

/// Writes `key=value` assignments into a protocol's file. The values are read as `--set` reads them. The new text is checked as a
/// whole before the file is replaced; a wrong one leaves the file as it was.
pub fn write(path: &Path, assignments: &[String]) -> Result<Vec<Change>> {
    let loaded = parse::load(path, &[])?;
    // A parent's text is merged into `source`, so the file's own is read again.
    let source = std::fs::read_to_string(path).doing("read the protocol", path)?;
    let shown = path.display().to_string();
    let mut document: DocumentMut =
        source.parse().map_err(|e: toml_edit::TomlError| Failure::input(e.message().to_owned()).at(shown.clone()))?;
    let file = [path.parent().and_then(Path::file_name), path.file_name()].into_iter().flatten().collect::<std::path::PathBuf>();
    let file = file.display().to_string();
    let mut changes = Vec::new();
    for assignment in assignments {
        let Some((key, given)) = assignment.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
            return Err(Failure::input(format!("'{assignment}' is not KEY=VALUE")).hint("for example train.epochs=2"));
        };
        if matches!(key, "name" | "schema" | "extends" | "unset") || key.is_empty() {
            return Err(Failure::input(format!("'{key}' cannot be set in this way")).at(shown).hint("edit the file by hand"));
        }
        let parts: Vec<&str> = key.split('.').collect();
        let before = span_of(&source, key).and_then(|span| source.get(span)).map(str::to_owned);
        let value = value_of(given, before.as_deref());
        let after = value.to_string().trim().to_owned();
        put(document.as_table_mut(), &parts, value).map_err(|why| {
            let place = span_of(&source, key).map_or(shown.clone(), |span| excerpt(&shown, &source, span));
            Failure::input(why).at(place).hint("edit the file by hand")
        })?;
        changes.push(Change { file: file.clone(), key: key.to_owned(), before, after });
    }
    let new = document.to_string();
    if new == source {
        return Err(Failure::input("the file says that already").at(loaded.path.display().to_string()));
    }
    // Beside the real file, so that what it extends is found, under the name that it must have.
    let folder = path.parent().unwrap_or(Path::new("."));
    checked(folder, path, &new)?;
    atomic::write(path, new.as_bytes())?;
    Ok(changes)
}

/// Loads the new text in a folder of its own with everything that it may extend.
fn checked(folder: &Path, path: &Path, new: &str) -> Result<()> {
    let scratch = tempfile::tempdir().map_err(|e| Failure::environment(format!("cannot make a scratch folder: {e}")))?;
    let name = path.file_name().unwrap_or_default();
    let parents = super::extends::parents(path, new)?;
    for parent in parents {
        let to = scratch.path().join(parent.path.file_name().unwrap_or_default());
        std::fs::write(&to, &parent.source).doing("write", &to)?;
    }
    let to = scratch.path().join(name);
    std::fs::write(&to, new).doing("write", &to)?;
    parse::load(&to, &[]).map(|_| ()).map_err(|mut failure| {
        // The place is to name the file that the person knows.
        let scratch = scratch.path().display().to_string();
        failure.place = failure.place.map(|p| p.replace(&scratch, &folder.display().to_string()));
        failure
    })
}

/// The value as TOML, else as a string; a whole number for a decimal gets its point.
fn value_of(given: &str, before: Option<&str>) -> Value {
    let is_decimal = before.is_some_and(|b| matches!(b.parse::<Value>(), Ok(Value::Float(_))));
    match given.parse::<Value>() {
        Ok(Value::Integer(i)) if is_decimal => Value::from(*i.value() as f64),
        Ok(value) => value,
        Err(_) => Value::from(given),
    }
}

/// Puts a value at a key. What stood round the old value, a comment at the line's end for one, stays.
fn put(table: &mut Table, parts: &[&str], value: Value) -> std::result::Result<(), String> {
    let Some((first, rest)) = parts.split_first() else { return Err("no key".into()) };
    if !rest.is_empty() {
        let inner = table.entry(first).or_insert_with(|| {
            let mut new = Table::new();
            new.set_implicit(rest.len() > 1);
            Item::Table(new)
        });
        return match inner {
            Item::Table(inner) => put(inner, rest, value),
            Item::Value(Value::InlineTable(inner)) if rest.len() == 1 => {
                inner.insert(rest[0], value);
                Ok(())
            }
            _ => Err(format!("'{first}' is not a table")),
        };
    }
    match table.get_mut(first) {
        Some(Item::Value(old)) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
            Ok(())
        }
        None => {
            table.insert(first, Item::Value(value));
            Ok(())
        }
        Some(_) => Err(format!("'{first}' is a table, not a value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = include_str!("../../protocols/demo.toml");

    fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("demo.toml");
        std::fs::write(&path, DEMO).unwrap();
        (dir, path)
    }

    #[test]
    fn one_value_changes_and_nothing_else() {
        let (_dir, path) = folder();
        let changes = write(&path, &["train.epochs=3".into()]).unwrap();
        let now = std::fs::read_to_string(&path).unwrap();
        let differing: Vec<(&str, &str)> = DEMO.lines().zip(now.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(differing.len(), 1, "{differing:?}");
        assert!(differing[0].1.starts_with("epochs = 3"), "{differing:?}");
        assert_eq!(DEMO.matches('#').count(), now.matches('#').count());
        assert_eq!((changes[0].before.as_deref(), changes[0].after.as_str()), (Some("40"), "3"));
        assert!(changes[0].sentence().contains("train.epochs = 3 (was 40)"));
    }

    #[test]
    fn a_wrong_value_leaves_the_file_as_it_was() {
        let (_dir, path) = folder();
        for wrong in ["train.epochs=none", "train.epoch=3", "train=3", "name=x", "train.epochs", "nonsense.key=1", "train.epochs=40"] {
            let failure = write(&path, &[wrong.into()]).unwrap_err();
            assert!(!failure.what.is_empty());
            assert!(!failure.place.unwrap_or_default().contains("/tmp/.tmp-"), "{wrong}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), DEMO, "{wrong}");
        }
    }

    #[test]
    fn a_child_gets_a_line_of_its_own() {
        let (dir, _) = folder();
        let child = dir.path().join("little.toml");
        let source = "# Less.\nextends = \"demo\"\nname = \"little\" # its own\n";
        std::fs::write(&child, source).unwrap();
        let changes = write(&child, &["train.epochs=2".into(), "train.batch=8".into()]).unwrap();
        let now = std::fs::read_to_string(&child).unwrap();
        assert!(now.starts_with(source) && now.contains("[train]\nepochs = 2\nbatch = 8\n"), "{now}");
        assert_eq!(changes[0].before, None);
    }

    #[test]
    fn whole_numbers_for_decimals_and_bare_words_for_strings() {
        assert_eq!(value_of("1", Some("0.5")).to_string(), "1.0");
        assert_eq!(value_of("cosine", Some("\"step\"")).to_string(), "\"cosine\"");
        assert_eq!(value_of("[1, 2]", None).to_string(), "[1, 2]");
    }
}
