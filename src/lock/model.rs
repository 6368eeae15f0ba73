//! What a lock holds.

use super::read::Edit;
use crate::base::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole `pinfold.lock`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LockFile {
    /// One entry a protocol, sorted by name.
    pub entries: Vec<Entry>,
    /// What the reader found changed by another hand than ours; empty in a sound lock. The audit fails on any.
    pub edits: Vec<Edit>,
}

impl LockFile {
    /// The entry of a protocol.
    pub fn entry(&self, protocol: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.protocol == protocol)
    }
}

/// What was pinned and what came out, for one protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name it is locked under. A run with overrides never has the protocol's own name here.
    pub protocol: String,
    /// The integrity line as the file has it; `None` in an entry that was not read from a file. The writer
    /// computes it anew, so what stands here is never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Digest>,
    /// The protocol file, from the workspace's root.
    pub path: String,
    /// SHA-256 of the protocol file's bytes.
    pub sha256: Digest,
    /// The protocol files that it extends, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<FilePin>,
    /// Canonical digest of the resolved protocol: defaults filled in, overrides applied.
    pub canonical: Digest,
    /// `key=value` overrides, in the order in which they were applied.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Hash of the run's last journal line, which through the chain names every line before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Digest>,
    /// What made it.
    pub program: Program,
    /// The commit; `None` where git could not be read ("no commit recorded").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitPin>,
    /// Seeds by name, at most 2^63 - 1 (TOML's and libtorch's largest integer).
    #[serde(default)]
    pub seeds: BTreeMap<String, u64>,
    /// How far the bytes may be expected again.
    pub determinism: Determinism,
    /// Raw data files, below the data root, sorted by path.
    #[serde(default)]
    pub data: Vec<DataFile>,
    /// Weight files, from the workspace's root, sorted by path.
    #[serde(default)]
    pub weights: Vec<FilePin>,
    /// One a stage instance, in the order of the plan (folds in their order).
    #[serde(default, rename = "artifact")]
    pub artifacts: Vec<Artifact>,
    /// Headline metrics, the first one first.
    #[serde(default, rename = "metric")]
    pub metrics: Vec<LockedMetric>,
    /// Figures and pages under `reports/`, sorted by path.
    #[serde(default, rename = "report")]
    pub figures: Vec<Figure>,
    /// What the search for leakage found.
    #[serde(default)]
    pub leakage: Vec<LeakageFinding>,
}

impl Entry {
    /// Puts the lists that have no order of their own into path order.
    pub fn normalise(&mut self) {
        self.data.sort_by(|a, b| a.path.cmp(&b.path));
        self.weights.sort_by(|a, b| a.path.cmp(&b.path));
        self.figures.sort_by(|a, b| a.path.cmp(&b.path));
        for artifact in &mut self.artifacts {
            artifact.files.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }
}

/// The program that made an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Program {
    /// This program.
    pub fn this() -> Self {
        Self { name: "pinfold".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// The state of the workspace's repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitPin {
    /// The commit's id.
    pub commit: String,
    /// Its tree's id.
    pub tree: String,
    /// Whether the workspace held exactly that commit (this lockfile and ignored files aside).
    pub clean: bool,
    /// The stored patch from the commit to what really ran; only where a dirty tree was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<FilePin>,
}

/// How far the same bytes may be expected again (design, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Determinism {
    /// `portable`, `machine` or `statistical`, as the protocol asks.
    pub asked: String,
    /// The class the run reached.
    pub reached: String,
    /// The switches that were really on, by name.
    #[serde(default)]
    pub switches: BTreeMap<String, String>,
}

/// A file, its size and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePin {
    /// Where it is; what the path starts from, the list that holds it says.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// A raw data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Its path below the data root.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What it is to the dataset: `counts`, `image`, `spots` …
    pub role: String,
}

/// The outputs of one stage instance: the folder `artifacts/<stage>/<key>/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// What the plan calls it, `train[C2]`.
    pub label: String,
    /// Its stage.
    pub stage: String,
    /// Its key.
    pub key: Digest,
    /// SHA-256 of the sorted `sha256sum` listing of its files (`manifest.json` is not among them).
    pub digest: Digest,
    /// SHA-256 of its `manifest.json`.
    pub manifest: Digest,
    /// Its files, with paths inside the folder, sorted.
    pub files: Vec<FilePin>,
}

/// A metric in full precision, beside the published one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedMetric {
    /// Its identity (`pcc/gene/oof/skip/top-mean-50@train`).
    pub id: String,
    /// Its title, for people.
    pub title: String,
    /// How many genes or spots went into it.
    pub n: u64,
    /// The value as [`decimal`] prints it, or `undefined`.
    pub value: String,
    /// What was published, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
}

impl LockedMetric {
    /// A metric that nothing published stands beside.
    pub fn new(id: impl Into<String>, title: impl Into<String>, value: Option<f64>, n: usize) -> Self {
        Self { id: id.into(), title: title.into(), n: n as u64, value: decimal(value), published: None }
    }
    /// The same, with the published figure beside it.
    pub fn beside(mut self, published: Published) -> Self {
        self.published = Some(published);
        self
    }
}

/// A published figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The digits as they were printed.
    pub value: String,
    /// Where: paper, table, page.
    pub source: String,
    /// How sure it is, in the protocol's word: `read`, `secondary`, `unverified`.
    pub status: String,
}

/// A figure or a page of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its path from the workspace's root, `reports/<protocol>/<name>`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// SHA-256 of the pixels alone ([`super::pixel_digest`]), for pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Digest>,
}

/// One thing that was looked for on both sides of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakageFinding {
    /// What was looked for (`same slide`, `same donor`, `overlapping patches` …).
    pub check: String,
    /// `none`, `found`, or `accepted` where the protocol says that the published split leaks.
    pub verdict: String,
    /// What was found, in a sentence.
    pub text: String,
}

/// A number as locks print it: the shortest decimal that reads back to the same bits (`0.1`, `1.0`, `1e-7`), or
/// `undefined` for none. Values that are not finite are none as well: no metric of ours is.
pub fn decimal(value: Option<f64>) -> String {
    match value {
        Some(v) if v.is_finite() => format!("{v:?}"),
        _ => "undefined".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_read_back_to_the_same_bits() {
        for v in [0.1, 1.0, -0.0, 1e-7, 1e300, f64::MIN_POSITIVE, 0.310_123_456_789_012_3, 1.0 / 3.0] {
            let text = decimal(Some(v));
            assert_eq!(text.parse::<f64>().expect("number").to_bits(), v.to_bits(), "{text}");
            assert!(text.len() < 26, "{text}");
        }
        assert_eq!(decimal(None), "undefined");
        assert_eq!(decimal(Some(f64::NAN)), "undefined");
    }
}
