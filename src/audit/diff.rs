//! What was pinned differently, which artifacts differ, which numbers moved: the pure comparison of two results.

use crate::base::{Digest, canon};
use crate::stats::summary;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One result: a lock's entry, or a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pinned {
    /// The entry's or the run's protocol name.
    pub name: String,
    /// Digest of the canonical protocol.
    pub canonical: Option<Digest>,
    /// The canonical protocol itself, where its text is to be had.
    #[serde(skip)]
    pub protocol: Option<Value>,
    /// What else was pinned, by kind and name: `commit`, `program`, `seed`, `data`, `weights`, `switch`, `determinism`.
    #[serde(skip)]
    pub pins: BTreeMap<(&'static str, String), String>,
    /// Artifacts in the plan's order: label, stage, digest of the outputs.
    #[serde(skip)]
    pub artifacts: Vec<(String, Digest)>,
    /// Metrics, the headline first.
    #[serde(skip)]
    pub metrics: Vec<Number>,
    /// What could not be read of it, in sentences.
    pub notes: Vec<String>,
}

/// A metric's value.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The metric's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its value.
    pub value: Option<f64>,
    /// Over how many genes or spots.
    pub n: u64,
}

/// Something that was pinned differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PinDiffers {
    /// `protocol`, `commit`, `program`, `seed`, `data`, `weights`, `switch` or `determinism`.
    pub kind: String,
    /// The protocol's key, the file, the switch.
    pub key: String,
    /// As A has it; `null` (a protocol key) or none where A has none.
    pub a: Option<String>,
    /// As B has it.
    pub b: Option<String>,
}

/// An artifact that differs, or that only one side has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArtifactDiffers {
    /// The plan's label.
    pub label: String,
    /// Digest of A's outputs.
    pub a: Option<Digest>,
    /// Digest of B's outputs.
    pub b: Option<Digest>,
}

/// A number that moved, or that only one side has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// The metric's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// A's value; none where it is undefined, or where A does not measure it.
    pub a: Option<f64>,
    /// B's value, likewise.
    pub b: Option<f64>,
    /// Which side does not measure it at all: `a` or `b`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<&'static str>,
    /// B - A.
    pub change: Option<f64>,
    /// The sample standard deviation over seeds.
    pub deviation: Option<f64>,
    /// The change in units of it; none where there is no spread, or it is 0.
    pub in_deviations: Option<f64>,
}

/// The results that one protocol gave with several seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Whose protocol it is: `a` or `b`.
    pub of: String,
    /// The seeds, as `seed 42, split 42`.
    pub seeds: Vec<String>,
}

/// How two results differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// A.
    pub a: Pinned,
    /// B.
    pub b: Pinned,
    /// What was pinned differently.
    pub pinned: Vec<PinDiffers>,
    /// Which artifacts differ, in the plan's order: the first one is where the results part.
    pub artifacts: Vec<ArtifactDiffers>,
    /// Which numbers moved.
    pub metrics: Vec<Moved>,
    /// The spread over seeds that the moves are measured with; none where no protocol of the two ran with several seeds.
    pub spread: Option<Spread>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn equal(&self) -> bool {
        self.pinned.is_empty() && self.artifacts.is_empty() && self.metrics.is_empty()
    }
}

/// Compares two results. `known` are all results at hand: those that differ from A's protocol (else B's) in nothing but
/// seeds give the spread that the moves are measured with.
pub fn diff(a: Pinned, b: Pinned, known: &[Pinned]) -> Comparison {
    let family = [("a", &a, &b), ("b", &b, &a)].into_iter().find_map(|(of, side, other)| Some((of, family(side, other, known)?)));
    let metrics = metrics(&a, &b, family.as_ref().map(|(_, members)| members.as_slice()));
    let spread = family.map(|(of, members)| Spread { of: of.to_owned(), seeds: members.iter().map(|m| seeds(m)).collect() });
    Comparison { pinned: pinned(&a, &b), artifacts: artifacts(&a, &b), metrics, spread, a, b }
}

fn pinned(a: &Pinned, b: &Pinned) -> Vec<PinDiffers> {
    let mut out = Vec::new();
    match (&a.protocol, &b.protocol) {
        (Some(x), Some(y)) => out.extend(canon::differences(x, y).into_iter().map(|(key, a, b)| PinDiffers {
            kind: "protocol".to_owned(),
            key,
            a: Some(a),
            b: Some(b),
        })),
        _ if a.canonical != b.canonical => out.push(PinDiffers {
            kind: "protocol".to_owned(),
            key: "canonical digest".to_owned(),
            a: a.canonical.map(|d| d.to_string()),
            b: b.canonical.map(|d| d.to_string()),
        }),
        _ => {}
    }
    let keys: std::collections::BTreeSet<_> = a.pins.keys().chain(b.pins.keys()).collect();
    for key in keys {
        let (x, y) = (a.pins.get(key), b.pins.get(key));
        // A run records no commit: that is no difference between the two results.
        let unrecorded = matches!(key.0, "commit" | "program") && (x.is_none() || y.is_none());
        if x != y && !unrecorded {
            out.push(PinDiffers { kind: key.0.to_owned(), key: key.1.clone(), a: x.cloned(), b: y.cloned() });
        }
    }
    out
}

fn artifacts(a: &Pinned, b: &Pinned) -> Vec<ArtifactDiffers> {
    let of = |side: &Pinned, label: &str| side.artifacts.iter().find(|(l, _)| l == label).map(|(_, d)| *d);
    let only_b = b.artifacts.iter().filter(|(label, _)| of(a, label).is_none());
    let labels = a.artifacts.iter().chain(only_b).map(|(label, _)| label);
    labels.map(|label| ArtifactDiffers { label: label.clone(), a: of(a, label), b: of(b, label) }).filter(|x| x.a != x.b).collect()
}

fn metrics(a: &Pinned, b: &Pinned, family: Option<&[&Pinned]>) -> Vec<Moved> {
    let of = |side: &Pinned, id: &str| side.metrics.iter().find(|m| m.id == id).map(|m| (m.value, m.n));
    let only_b = b.metrics.iter().filter(|m| of(a, &m.id).is_none());
    let mut out = Vec::new();
    for metric in a.metrics.iter().chain(only_b) {
        let (x, y) = (of(a, &metric.id), of(b, &metric.id));
        if x.map(|(v, n)| (v.map(f64::to_bits), n)) == y.map(|(v, n)| (v.map(f64::to_bits), n)) {
            continue;
        }
        let absent = if x.is_none() { Some("a") } else { y.is_none().then_some("b") };
        let (x, y) = (x.and_then(|x| x.0), y.and_then(|y| y.0));
        let change = x.zip(y).map(|(x, y)| y - x);
        let values: Vec<f64> = family.unwrap_or_default().iter().filter_map(|m| of(m, &metric.id)?.0).collect();
        // With fewer than two values there is none.
        let deviation = summary::deviation(&values, 1);
        let in_deviations = change.zip(deviation.filter(|d| *d > 0.0)).map(|(c, d)| c / d);
        out.push(Moved { id: metric.id.clone(), title: metric.title.clone(), a: x, b: y, absent, change, deviation, in_deviations });
    }
    out
}

/// The protocol without its seeds and its name (overrides of a seed give another name). The seed of synthetic slides stays:
/// it makes other data.
fn without_seeds(protocol: &Value) -> Value {
    let mut value = protocol.clone();
    if let Some(map) = value.as_object_mut() {
        for key in ["seed", "seeds", "name"] {
            map.remove(key);
        }
        if let Some(split) = map.get_mut("split").and_then(Value::as_object_mut) {
            split.remove("seed");
        }
    }
    value
}

fn seeds(p: &Pinned) -> String {
    let at = |pointer: &str| p.protocol.as_ref().and_then(|v| v.pointer(pointer)).map_or_else(|| "?".to_owned(), Value::to_string);
    format!("seed {}, split {}", at("/seed"), at("/split/seed"))
}

/// The results of one's own protocol with other seeds, itself included, one a seed; `None` when there are fewer than two,
/// or when they are the two that are compared: two numbers always lie √2 of their own deviations apart.
fn family<'a>(of: &'a Pinned, other: &Pinned, known: &'a [Pinned]) -> Option<Vec<&'a Pinned>> {
    let base = canon::bytes(&without_seeds(of.protocol.as_ref()?));
    let kin = |one: &Pinned| one.protocol.as_ref().is_some_and(|p| canon::bytes(&without_seeds(p)) == base);
    let mut members: BTreeMap<String, &Pinned> = BTreeMap::new();
    for one in std::iter::once(of).chain(known) {
        if kin(one) && !one.metrics.is_empty() {
            members.entry(seeds(one)).or_insert(one);
        }
    }
    let least = if kin(other) { 3 } else { 2 };
    (members.len() >= least).then(|| members.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(seed: u64, rate: f64, pcc: f64) -> Pinned {
        let protocol =
            json!({"name": format!("p{seed}"), "seed": seed, "split": {"seed": 1, "kind": "holdout"}, "train": {"learning_rate": rate}});
        Pinned {
            name: "p".to_owned(),
            canonical: Some(canon::digest(&protocol)),
            protocol: Some(protocol),
            pins: BTreeMap::from([(("seed", "protocol".to_owned()), seed.to_string())]),
            artifacts: vec![("ingest".to_owned(), Digest::of(b"i")), ("train[x]".to_owned(), Digest::of(&pcc.to_le_bytes()))],
            metrics: vec![
                Number { id: "pcc".to_owned(), title: "PCC".to_owned(), value: Some(pcc), n: 5 },
                Number { id: "mse".to_owned(), title: "MSE".to_owned(), value: None, n: 5 },
            ],
            notes: Vec::new(),
        }
    }

    #[test]
    fn equal_results_have_no_difference() {
        assert!(diff(result(1, 0.1, 0.3), result(1, 0.1, 0.3), &[]).equal());
    }

    #[test]
    fn the_changed_key_the_first_artifact_and_the_moved_number_are_named() {
        let c = diff(result(1, 0.1, 0.3), result(1, 0.2, 0.4), &[]);
        assert!(!c.equal() && c.spread.is_none());
        assert_eq!((c.pinned.len(), c.pinned[0].key.as_str(), c.pinned[0].a.as_deref()), (1, "train.learning_rate", Some("0.1")));
        assert_eq!((c.artifacts.len(), c.artifacts[0].label.as_str()), (1, "train[x]"));
        assert_eq!((c.metrics.len(), c.metrics[0].id.as_str(), c.metrics[0].in_deviations), (1, "pcc", None));
        assert!((c.metrics[0].change.expect("both") - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_spread_over_seeds_is_the_measure() {
        // Seeds 1, 2, 3 of A's protocol give 0.30, 0.31, 0.32: deviation 0.01. Another learning rate is no kin.
        let known = [result(2, 0.1, 0.31), result(3, 0.1, 0.32), result(1, 0.1, 9.0), result(4, 0.3, 0.9)];
        let c = diff(result(1, 0.1, 0.30), result(1, 0.2, 0.33), &known);
        assert_eq!(c.spread.as_ref().expect("spread").seeds, ["seed 1, split 1", "seed 2, split 1", "seed 3, split 1"]);
        assert!((c.metrics[0].in_deviations.expect("units") - 3.0).abs() < 1e-9, "{:?}", c.metrics);
        // B's family stands in when A's protocol ran with one seed only.
        let c = diff(result(1, 0.2, 0.33), result(1, 0.1, 0.30), &known);
        assert_eq!(c.spread.expect("spread").of, "b");
    }

    #[test]
    fn two_seeds_are_no_measure_of_each_other() {
        let pair = [result(1, 0.1, 0.30), result(2, 0.1, 0.31)];
        assert!(diff(pair[0].clone(), pair[1].clone(), &pair).spread.is_none());
        let three = [&pair[..], &[result(3, 0.1, 0.32)]].concat();
        assert_eq!(diff(pair[0].clone(), pair[1].clone(), &three).spread.expect("three").seeds.len(), 3);
        // Of another protocol, two are one.
        assert_eq!(diff(result(1, 0.2, 0.4), pair[0].clone(), &pair).spread.expect("two").seeds.len(), 2);
    }

    #[test]
    fn without_a_text_the_digests_are_compared() {
        let bare = |rate| Pinned { protocol: None, ..result(1, rate, 0.3) };
        assert!(diff(bare(0.1), bare(0.1), &[]).equal());
        assert_eq!(diff(bare(0.1), bare(0.2), &[]).pinned[0].key, "canonical digest");
    }
}
