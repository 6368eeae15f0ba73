//! What an audit says.

use crate::base::{Failure, text};
use serde::Serialize;

/// How deep an audit looks; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Files are what the lock says, the commit exists, the protocol at that commit is the locked one.
    Digests,
    /// Metrics, computed again from the locked predictions, are equal to the last digit.
    Metrics,
    /// Predictions, made again from the locked checkpoints, are the locked ones.
    Predictions,
    /// A fold that the lock's own hash chooses, or all folds, trained again, give the locked checkpoint and predictions.
    Retrain,
}

impl Level {
    /// The word for it, as on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Level::Digests => "digests",
            Level::Metrics => "metrics",
            Level::Predictions => "predictions",
            Level::Retrain => "retrain",
        }
    }
}

/// What came of looking at one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is what the lock says.
    Verified,
    /// It is something else. The audit fails.
    Failed,
    /// It is not there. The audit fails.
    Missing,
    /// It could not be looked at, for a reason that is no fault of what was locked. The audit says so and does not fail.
    Skipped,
}

impl State {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Verified => "verified",
            State::Failed => "FAILED",
            State::Missing => "MISSING",
            State::Skipped => "not checked",
        }
    }
    /// Whether the audit fails for it.
    pub fn fails(self) -> bool {
        matches!(self, State::Failed | State::Missing)
    }
}

/// What kind of thing an item is; reports list them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The lockfile itself.
    Lock,
    /// The commit, its tree, the stored patch.
    Commit,
    /// The protocol: at the commit, now, and resolved.
    Protocol,
    /// A raw data file.
    Data,
    /// A weight file.
    Weights,
    /// A file of an artifact.
    Artifact,
    /// A figure or page of the report.
    Report,
    /// A number.
    Metric,
    /// Something that was made again: predictions, a checkpoint.
    Remade,
}

impl Kind {
    /// What can be done about one that is not as locked, where nothing closer is known.
    fn remedy(self) -> &'static str {
        match self {
            Kind::Lock => "bring the lock back from its commit, or lock again",
            Kind::Commit => "bring the locked commit back, or run and lock again",
            Kind::Protocol => "bring it back from the locked commit, or run and lock the changed protocol",
            Kind::Data | Kind::Weights => "bring back the file that was locked, or run and lock with another",
            Kind::Artifact => "bring its locked bytes back; or remove its folder, run the protocol again and audit again",
            Kind::Report => "run the protocol again, which writes its report again",
            Kind::Metric => "the locked number does not follow from the locked files: run and lock again",
            Kind::Remade => "the locked result does not follow from its locked inputs: docs/audit.md says what that can mean",
        }
    }
    /// The word for several of them.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Lock => "lock",
            Kind::Commit => "commit",
            Kind::Protocol => "protocol",
            Kind::Data => "data",
            Kind::Weights => "weights",
            Kind::Artifact => "artifacts",
            Kind::Report => "report",
            Kind::Metric => "metrics",
            Kind::Remade => "made again",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What kind of thing.
    pub kind: Kind,
    /// Which one: `train[C2]`, `commit`, a metric's title.
    pub label: String,
    /// The file (from the workspace's root, or below the data root for [`Kind::Data`]), or the metric's id.
    pub path: String,
    /// What the lock says.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The outcome.
    pub state: State,
    /// The outcome in a sentence; empty where there is nothing to add to its being as it should be.
    pub words: String,
    /// What to do about it; empty where nothing is to be done.
    pub hint: String,
}

impl Item {
    /// A verified thing.
    pub(super) fn verified(kind: Kind, label: &str, path: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        Self {
            kind,
            label: label.to_owned(),
            path: path.to_owned(),
            expected: value.clone(),
            found: value,
            state: State::Verified,
            words: String::new(),
            hint: String::new(),
        }
    }
    /// A thing with another outcome.
    pub(super) fn other(kind: Kind, label: &str, path: &str, state: State, words: impl Into<String>) -> Self {
        Self { state, words: words.into(), ..Self::verified(kind, label, path, "") }
    }
    /// Adds what the lock says and what is there.
    pub(super) fn between(mut self, expected: impl ToString, found: impl ToString) -> Self {
        self.expected = expected.to_string();
        self.found = found.to_string();
        self
    }
    /// Adds a sentence.
    pub(super) fn saying(mut self, words: impl Into<String>) -> Self {
        self.words = words.into();
        self
    }
    /// Adds what to do.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
    /// The difference in one line: the file first, then what is the matter with it.
    pub fn sentence(&self) -> String {
        let label = if self.label.is_empty() || self.label == self.path { String::new() } else { format!(" ({})", self.label) };
        text::clean(&format!("{}{label}: {}", self.path, self.words))
    }
}

/// What an audit says of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryReport {
    /// The entry's name.
    pub protocol: String,
    /// The protocol file.
    pub path: String,
    /// The program and version that locked it.
    pub program: String,
    /// Whether everything that was looked at is as locked.
    pub passed: bool,
    /// Whether the protocol file is no longer the locked one ("drifted").
    pub drifted: bool,
    /// Everything that was looked at, in the lock's order.
    pub items: Vec<Item>,
}

/// What an audit says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Version of this report's form.
    pub version: u32,
    /// The program and version that audited.
    pub program: String,
    /// How deep it looked.
    pub level: Level,
    /// Whether everything that was looked at is as locked.
    pub passed: bool,
    /// The first difference, in words.
    pub first_difference: Option<String>,
    /// The lockfile itself: one verified item, or one for each edit.
    pub lock: Vec<Item>,
    /// One a locked protocol.
    pub entries: Vec<EntryReport>,
}

impl AuditReport {
    /// Every item, the lock's own first.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.lock.iter().chain(self.entries.iter().flat_map(|e| &e.items))
    }
    /// How many items have this outcome.
    pub fn count(&self, state: State) -> usize {
        self.items().filter(|i| i.state == state).count()
    }
    /// The failed check as an error (exit code 1) that names the first file that differs; `None` when it passed.
    pub fn failure(&self) -> Option<Failure> {
        let item = self.items().find(|i| i.state.fails())?;
        let hint = if item.hint.is_empty() { item.kind.remedy() } else { &item.hint };
        Some(Failure::check(format!("the audit failed: {}", item.words)).at(item.path.clone()).hint(hint))
    }
}
