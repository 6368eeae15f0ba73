//! What is locked of a protocol and what an audit says of it, as the Audit screen shows it. Part of [`super::facts`].

/// How deep an audit looks; each level includes the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Files, commit and protocol.
    Digests,
    /// And the metrics.
    #[default]
    Metrics,
    /// And the predictions.
    Predictions,
    /// And a training.
    Retrain,
}

impl Depth {
    /// All of them, the shallowest first.
    pub const ALL: [Self; 4] = [Self::Digests, Self::Metrics, Self::Predictions, Self::Retrain];

    /// The word that `--level` takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Digests => "digests",
            Self::Metrics => "metrics",
            Self::Predictions => "predictions",
            Self::Retrain => "retrain",
        }
    }

    /// What it proves beyond the level before it, in a sentence.
    pub fn proves(self) -> &'static str {
        match self {
            Self::Digests => "Every locked file has its locked bytes; commit and protocol are the locked ones.",
            Self::Metrics => "And the locked numbers follow from the locked predictions, to the last digit.",
            Self::Predictions => "And the locked predictions follow from the locked checkpoints.",
            Self::Retrain => "And a fold that the lock itself chooses, trained again, gives the locked checkpoint.",
        }
    }

    /// The level so many steps deeper, at most the deepest.
    pub fn moved(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|d| *d == self).unwrap_or(0);
        Self::ALL[at.saturating_add_signed(by).min(Self::ALL.len() - 1)]
    }
}

/// A lock, looked at or not, as a tree: kinds, in them parts, in them things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// How deep it was looked; `None` when only the lock was read.
    pub depth: Option<Depth>,
    /// The outcome in a sentence, with the first difference.
    pub verdict: String,
    /// What each level would cost, in words, in the order of [`Depth::ALL`]; empty after an audit.
    pub costs: Vec<String>,
    /// The tree.
    pub kinds: Vec<AuditKind>,
}

/// Things of one kind: artifacts, data, metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditKind {
    /// Its word.
    pub name: String,
    /// In the order of the lock.
    pub parts: Vec<AuditPart>,
}

/// Things that belong together: the files of one artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPart {
    /// Its name, such as `train[C2]`; may be empty.
    pub name: String,
    /// In the order of the lock.
    pub things: Vec<AuditThing>,
}

/// One locked thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditThing {
    /// What is said of it.
    pub mark: Mark,
    /// Its short name: the file's.
    pub name: String,
    /// Its whole path, or the metric's id.
    pub path: String,
    /// What the lock says.
    pub locked: String,
    /// What is there; empty before it was looked at.
    pub found: String,
    /// The difference in words; empty where there is none.
    pub words: String,
    /// What to do; empty where nothing is to be done.
    pub hint: String,
}

/// The verdict on one locked thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Equal to the lock.
    Verified,
    /// Different from the lock.
    Failed,
    /// Locked, and not there.
    Missing,
    /// Left out at this level, or not looked at yet.
    NotChecked,
    /// A parameter that the protocol has changed since it was locked.
    Changed,
}

/// How many things have which mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Equal.
    pub verified: usize,
    /// Different.
    pub failed: usize,
    /// Not there.
    pub missing: usize,
    /// Not looked at.
    pub unchecked: usize,
    /// Changed parameters.
    pub changed: usize,
}

impl Tally {
    /// Counts things.
    pub fn of<'a>(things: impl Iterator<Item = &'a AuditThing>) -> Self {
        let mut tally = Self::default();
        for thing in things {
            match thing.mark {
                Mark::Verified => tally.verified += 1,
                Mark::Failed => tally.failed += 1,
                Mark::Missing => tally.missing += 1,
                Mark::NotChecked => tally.unchecked += 1,
                Mark::Changed => tally.changed += 1,
            }
        }
        tally
    }

    /// All of them.
    pub fn total(self) -> usize {
        self.verified + self.failed + self.missing + self.unchecked + self.changed
    }

    /// Those for which the audit fails.
    pub fn bad(self) -> usize {
        self.failed + self.missing
    }

    /// The mark that matters most.
    pub fn worst(self) -> Mark {
        if self.failed > 0 {
            Mark::Failed
        } else if self.missing > 0 {
            Mark::Missing
        } else if self.changed > 0 {
            Mark::Changed
        } else if self.unchecked > 0 {
            Mark::NotChecked
        } else {
            Mark::Verified
        }
    }
}

impl AuditKind {
    /// How its things stand.
    pub fn tally(&self) -> Tally {
        Tally::of(self.parts.iter().flat_map(|p| &p.things))
    }
}

impl Audited {
    /// How all things stand.
    pub fn tally(&self) -> Tally {
        Tally::of(self.kinds.iter().flat_map(|k| &k.parts).flat_map(|p| &p.things))
    }
}

/// How far an audit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditProgress {
    /// What it is doing now, in words.
    pub doing: String,
    /// Files hashed.
    pub files: usize,
    /// Files in all; 0 before that is known.
    pub files_total: usize,
    /// Bytes hashed.
    pub bytes: u64,
    /// Bytes in all.
    pub bytes_total: u64,
}
