//! Quirks of published code, by name: `quirks.toml` is the table, this says what it means for a protocol.
//!
//! A quirk that is a switch governs settings. A protocol that declares it (`[quirks] T1 = "as-published"`) gets
//! these settings filled in, and may not contradict them. Mending one (`--without T1`, which is
//! `--set quirks.T1=corrected`) first takes away what the file says of its settings.

use super::check::Problem;
use super::schema::{NetworkName, Profile, Protocol};
use crate::base::Result;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use toml::{Table, Value};

/// One quirk.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Quirk {
    /// Its id in the chapter: `T1`.
    pub id: String,
    /// The published system.
    pub system: String,
    /// What the code does that its text does not say, in a line.
    pub what: String,
    /// What `as-published` does.
    pub published: String,
    /// What `corrected` does.
    pub corrected: String,
    /// The stage in which it acts.
    pub place: String,
    /// The keys that it governs; none where it is no switch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// The networks with which it arises, where it is not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkName>,
    /// The table of the protocol without which it does not arise, where it takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Why it is no switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One key that a quirk governs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Dotted key.
    pub key: String,
    /// Values under `as-published`, the first one filled in; empty: the key is left out.
    #[serde(default)]
    pub published: Vec<Value>,
    /// Values under `corrected`, likewise.
    #[serde(default)]
    pub corrected: Vec<Value>,
    /// What the key means where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Another value is let stand.
    #[serde(default)]
    pub loose: bool,
}

/// How a protocol has a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As published.
    Kept,
    /// Mended.
    Mended,
    /// The settings are neither side's: the quirk does not arise in this protocol.
    Neither,
    /// It is no switch.
    Fixed,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Kept => "kept",
            State::Mended => "mended",
            State::Neither => "does not arise",
            State::Fixed => "no switch",
        }
    }
}

impl Quirk {
    /// Whether it can be switched.
    pub fn switchable(&self) -> bool {
        !self.settings.is_empty()
    }
}

impl Setting {
    fn values(&self, side: Profile) -> &[Value] {
        if side == Profile::AsPublished { &self.published } else { &self.corrected }
    }

    fn holds(&self, side: Profile, value: Option<&Value>) -> bool {
        let values = self.values(side);
        match value.or(self.default.as_ref()) {
            None => values.is_empty(),
            Some(v) => values.iter().any(|w| same(v, w)),
        }
    }
}

#[derive(Deserialize)]
struct File {
    quirk: Vec<Quirk>,
}

static ALL: LazyLock<Vec<Quirk>> =
    LazyLock::new(|| toml::from_str::<File>(include_str!("quirks.toml")).map(|f| f.quirk).unwrap_or_default());

/// All quirks, in the order of the table.
pub fn all() -> &'static [Quirk] {
    &ALL
}

/// The quirk with this id.
pub fn of(id: &str) -> Option<&'static Quirk> {
    all().iter().find(|q| q.id == id)
}

/// The quirks that concern a protocol, each with its state: those of its system whose table it has, and those that it
/// declares.
pub fn of_protocol(p: &Protocol) -> Vec<(&'static Quirk, State)> {
    let has = |table: &str| table == "clusters" && p.clusters.is_some();
    let concerns = |q: &&Quirk| q.system == p.system && q.table.as_deref().is_none_or(has);
    all().iter().filter(|q| concerns(q) || p.quirks.contains_key(&q.id)).map(|q| (q, state(q, p))).collect()
}

/// How a protocol has a quirk: what it declares, else what its settings say.
pub fn state(quirk: &Quirk, p: &Protocol) -> State {
    if !quirk.switchable() {
        return State::Fixed;
    }
    match p.quirks.get(&quirk.id) {
        Some(Profile::AsPublished) => return State::Kept,
        Some(_) => return State::Mended,
        None => {}
    }
    if !quirk.networks.is_empty() && !quirk.networks.contains(&p.network.name) {
        return State::Neither;
    }
    let Ok(table) = Table::try_from(p) else { return State::Neither };
    let side = |side| quirk.settings.iter().filter(|s| !s.loose).all(|s| s.holds(side, get(&table, &s.key)));
    if side(Profile::AsPublished) {
        State::Kept
    } else if side(Profile::Corrected) {
        State::Mended
    } else {
        State::Neither
    }
}

/// Fills in what the declared quirks of a protocol's text decide, and refuses what contradicts them.
pub(super) fn complete(table: &mut Table) -> std::result::Result<(), Problem> {
    let Some(Value::Table(declared)) = table.get("quirks").cloned() else { return Ok(()) };
    for (id, side) in declared {
        let key = format!("quirks.{id}");
        let quirk = switch(&id).map_err(|(what, hint)| Problem::new(&key, what).hint(hint))?;
        let side = match side.as_str() {
            Some("as-published") => Profile::AsPublished,
            Some("corrected") => Profile::Corrected,
            _ => return Err(Problem::new(&key, "a quirk is \"as-published\" or \"corrected\"")),
        };
        for setting in &quirk.settings {
            let now = get(table, &setting.key);
            if setting.holds(side, now) || (setting.loose && now.is_some()) {
                continue;
            }
            match (now, setting.values(side).first()) {
                (None, Some(value)) => put(table, &setting.key, value.clone()),
                (None, None) => {}
                (Some(found), wanted) => {
                    let word = if side == Profile::AsPublished { "kept as published" } else { "mended" };
                    let due = wanted.map_or_else(|| "is left out".to_owned(), |v| format!("is {v}"));
                    return Err(Problem::new(&setting.key, format!("{found}, where quirk {id} is {word} and it {due}"))
                        .hint(format!("leave the key to the quirk, or say quirks.{id} otherwise (--without {id} mends it)")));
                }
            }
        }
    }
    Ok(())
}

/// Takes away what a text says of a quirk's settings, so that the quirk decides them.
pub(super) fn release(table: &mut Table, id: &str) {
    for setting in of(id).map_or(&[][..], |q| &q.settings) {
        let (path, last) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
        if let Some(inner) = path.split('.').try_fold(&mut *table, |t, part| t.get_mut(part).and_then(Value::as_table_mut)) {
            inner.remove(last);
        }
    }
}

/// The switch with this id, or what is wrong and what to do.
fn switch(id: &str) -> std::result::Result<&'static Quirk, (String, String)> {
    match of(id) {
        Some(q) if q.switchable() => Ok(q),
        Some(q) => Err((format!("{id} cannot be switched: {}", q.why.as_deref().unwrap_or("")), "leave it out".to_owned())),
        None => {
            let known: Vec<&str> = all().iter().filter(|q| q.switchable()).map(|q| q.id.as_str()).collect();
            Err((format!("'{id}' is not a quirk that this version knows by name"), format!("switches are {}", known.join(" "))))
        }
    }
}

/// The overrides that mend these quirks, before the other overrides.
pub fn without(ids: &[String], overrides: &[String]) -> Result<Vec<String>> {
    let mend = |id: &String| {
        switch(id).map_err(|(what, hint)| crate::base::Failure::input(what).at(format!("--without {id}")).hint(hint))?;
        Ok(format!("quirks.{id}=corrected"))
    };
    let mut out = ids.iter().map(mend).collect::<Result<Vec<_>>>()?;
    out.extend(overrides.iter().cloned());
    Ok(out)
}

fn get<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((first, rest)) => table.get(first)?.as_table().and_then(|t| get(t, rest)),
    }
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            if let Value::Table(inner) = table.entry(first).or_insert_with(|| Value::Table(Table::new())) {
                put(inner, rest, value);
            }
        }
    }
}

/// Equal, whole numbers standing for decimals; any table like any other.
fn same(a: &Value, b: &Value) -> bool {
    let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|i| i as f64));
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x == y,
        // What stands in a table is the protocol's own affair: that it is there decides.
        _ => a == b || (a.is_table() && b.is_table()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        assert!(toml::from_str::<File>(include_str!("quirks.toml")).is_ok() && all().len() >= 45);
        for (i, q) in all().iter().enumerate() {
            assert!(all()[..i].iter().all(|other| other.id != q.id), "{} is there twice", q.id);
            assert_eq!(q.switchable(), q.why.is_none(), "{}: either settings or a reason", q.id);
            assert!(
                [
                    "ingest",
                    "spots",
                    "split",
                    "preprocess",
                    "stain",
                    "patches",
                    "clusters",
                    "train",
                    "predict",
                    "evaluate",
                    "stack",
                    "report"
                ]
                .contains(&q.place.as_str()),
                "{}",
                q.id
            );
            assert!(!q.what.is_empty() && !q.published.is_empty() && !q.corrected.is_empty());
            for s in &q.settings {
                assert!(s.loose || s.published != s.corrected, "{}: {} says nothing", q.id, s.key);
            }
        }
    }
}
