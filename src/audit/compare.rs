//! What was made again, beside what is locked: equal bytes, or by how much not, and what the locked class allows.

use super::report::{Item, Kind, State};
use crate::base::arrays::{Arrays, Kind as Number};
use crate::base::{Digest, Result, text};
use crate::lock::FilePin;
use crate::stats::correlation::pearson;
use crate::stats::evaluate::FoldPredictions;
use std::path::Path;

/// Predictions of one checkpoint on another machine, in a class that does not promise equal bytes, may differ by this
/// much: |locked - made again| <= TOLERANCE * (1 + |locked|). Convolutions summed in another order differ by some 1e-6,
/// and GPU kernels in TF32 by up to some 1e-3.
pub const TOLERANCE: f64 = 1e-3;

/// The mean correlation over a fold's genes, after training again in a class that does not promise equal bytes, may
/// differ by this much. Rounding grows in training, so neither weights nor single predictions can be compared there.
pub const RETRAINED_TOLERANCE: f64 = 0.02;

/// What is asked of a file that was made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The same bytes.
    Equal,
    /// The same bytes, but for the values named `prediction`, which may differ by [`TOLERANCE`].
    Close,
    /// Nothing: a difference is told, and not judged.
    Told,
}

/// One file of a locked artifact beside the one that was made again.
pub(super) struct Pair<'a> {
    /// The item's label.
    pub label: &'a str,
    /// The locked file's path, from the workspace's root.
    pub path: &'a str,
    /// What is locked.
    pub pin: &'a FilePin,
    /// The locked file, which was verified.
    pub locked: &'a Path,
    /// The file that was made again.
    pub made: &'a Path,
}

/// Judges a pair; `class` is the determinism class that the lock claims.
pub(super) fn file(pair: &Pair, rule: Rule, class: &str) -> Item {
    let other = |state, words: String| Item::other(Kind::Remade, pair.label, pair.path, state, words);
    let shown = |bytes: u64, sha256: Digest| format!("{bytes} bytes, sha256 {sha256}");
    let expected = shown(pair.pin.bytes, pair.pin.sha256);
    if !pair.made.is_file() {
        return other(State::Failed, "is locked, and making it again gives no such file".to_owned()).between(expected, "nothing");
    }
    let (sha256, bytes) = match Digest::of_file_sized(pair.made) {
        Ok(found) => found,
        Err(e) => return other(State::Failed, format!("was made again and cannot be read: {}", e.what)),
    };
    if (sha256, bytes) == (pair.pin.sha256, pair.pin.bytes) {
        return Item::verified(Kind::Remade, pair.label, pair.path, expected);
    }
    let found = shown(bytes, sha256);
    let difference = difference(pair.locked, pair.made);
    let how = difference.words();
    match rule {
        Rule::Equal => other(State::Failed, format!("does not come out again: {how}{}", promise(class))).between(expected, found),
        Rule::Told => {
            let words = format!("comes out otherwise, which the class '{class}' allows: {how}");
            other(State::Skipped, words).between(expected, found)
        }
        Rule::Close if difference.close() => {
            let words = format!("equal within the tolerance of the class '{class}', {TOLERANCE:?}·(1 + |locked|): {how}");
            Item::verified(Kind::Remade, pair.label, pair.path, "").saying(words).between(expected, found)
        }
        Rule::Close => {
            let words =
                format!("does not come out again, beyond the tolerance of the class '{class}', {TOLERANCE:?}·(1 + |locked|): {how}");
            other(State::Failed, words).between(expected, found)
        }
    }
}

fn promise(class: &str) -> &'static str {
    if class == "portable" { "; the locked class 'portable' promises equal bytes on any machine" } else { "" }
}

/// How two files of one name differ.
enum Difference {
    /// Both hold arrays of the same names and shapes.
    Arrays(Vec<Apart>),
    /// Anything else, in words.
    Words(String),
}

/// How far two arrays of one name are apart.
struct Apart {
    name: String,
    /// Values that differ, and all values.
    differing: usize,
    total: usize,
    /// The largest absolute difference; infinite where only one of two values is a number.
    largest: f64,
    /// Whether every value is within [`TOLERANCE`].
    close: bool,
}

impl Difference {
    fn words(&self) -> String {
        match self {
            Difference::Words(words) => words.clone(),
            Difference::Arrays(list) => {
                let Some(worst) = list.iter().max_by(|a, b| a.largest.total_cmp(&b.largest)) else {
                    return "the values are equal, the writing is not".to_owned();
                };
                let n = |v: usize| text::thousands(v as u64);
                let more = if list.len() > 1 { format!("; {} arrays differ", list.len()) } else { String::new() };
                format!(
                    "the largest absolute difference is {:.3e}, in '{}' ({} of {} values differ{more})",
                    worst.largest,
                    worst.name,
                    n(worst.differing),
                    n(worst.total)
                )
            }
        }
    }

    fn close(&self) -> bool {
        matches!(self, Difference::Arrays(list) if list.iter().all(|a| a.name == "prediction" && a.close))
    }
}

fn difference(locked: &Path, made: &Path) -> Difference {
    if locked.extension().is_some_and(|e| e == "safetensors") {
        return arrays(locked, made).unwrap_or_else(|e| Difference::Words(format!("the arrays cannot be compared: {}", e.what)));
    }
    match (std::fs::read(locked), std::fs::read(made)) {
        (Ok(a), Ok(b)) => {
            let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
            let line = a[..same].iter().filter(|&&c| c == b'\n').count() + 1;
            Difference::Words(format!("the files differ from byte {same} on (line {line})"))
        }
        _ => Difference::Words("the files cannot be read".to_owned()),
    }
}

fn arrays(locked: &Path, made: &Path) -> Result<Difference> {
    let (a, b) = (Arrays::open(locked)?, Arrays::open(made)?);
    let odd = a.entries().keys().chain(b.entries().keys()).find(|name| {
        let of = |x: &Arrays| x.entries().get(*name).map(|e| (e.kind, e.shape.clone()));
        of(&a) != of(&b)
    });
    if let Some(name) = odd {
        return Ok(Difference::Words(format!("the array '{name}' has another shape or type, or is only in one of them")));
    }
    let mut out = Vec::new();
    for (name, entry) in a.entries() {
        if a.raw(name)? == b.raw(name)? {
            continue;
        }
        let values = |x: &Arrays| -> Result<Vec<f64>> {
            Ok(match entry.kind {
                Number::F32 => x.f32s(name)?.into_iter().map(f64::from).collect(),
                Number::F64 => x.f64s(name)?,
                Number::I64 => x.i64s(name)?.into_iter().map(|v| v as f64).collect(),
                Number::I32 => x.i32s(name)?.into_iter().map(f64::from).collect(),
                Number::U8 => x.u8s(name)?.iter().map(|&v| f64::from(v)).collect(),
            })
        };
        out.push(apart(name, &values(&a)?, &values(&b)?));
    }
    Ok(Difference::Arrays(out))
}

fn apart(name: &str, locked: &[f64], made: &[f64]) -> Apart {
    let mut out = Apart { name: name.to_owned(), differing: 0, total: locked.len(), largest: 0.0, close: true };
    for (&a, &b) in locked.iter().zip(made) {
        if a.to_bits() == b.to_bits() {
            continue;
        }
        out.differing += 1;
        let far = match (a.is_finite(), b.is_finite()) {
            (true, true) => (a - b).abs(),
            _ => f64::INFINITY,
        };
        out.largest = out.largest.max(far);
        out.close &= far <= TOLERANCE * (1.0 + a.abs());
    }
    out
}

/// A fold that was trained again in a class without equal bytes: the mean correlation over genes is compared.
pub(super) fn fold(label: &str, path: &str, locked: &Path, made: &Path, class: &str) -> Item {
    let other = |state, words: String| Item::other(Kind::Remade, label, path, state, words);
    let mean = |dir: &Path| FoldPredictions::read(dir).map(|f| mean_pcc(&f));
    match (mean(locked), mean(made)) {
        (Ok(Some(a)), Ok(Some(b))) => {
            let (expected, found) = (format!("mean PCC {a:?}"), format!("mean PCC {b:?}"));
            let moved = (a - b).abs();
            let words = format!(
                "the fold's mean PCC over genes is {b:.4} when trained again and {a:.4} as locked; the class '{class}' is held to a difference of {RETRAINED_TOLERANCE:?}"
            );
            if moved <= RETRAINED_TOLERANCE {
                Item::verified(Kind::Remade, label, path, "").saying(words).between(expected, found)
            } else {
                other(State::Failed, words).between(expected, found)
            }
        }
        (Ok(None), Ok(None)) => other(State::Skipped, "the fold has no defined correlation, locked or made again".to_owned()),
        (Err(e), _) | (_, Err(e)) => other(State::Failed, format!("cannot be compared: {}", e.what)),
        _ => other(State::Failed, "a correlation is defined only on one side, locked or made again".to_owned()),
    }
}

/// The mean over genes of the correlation of prediction and truth; genes without one are left out.
fn mean_pcc(f: &FoldPredictions) -> Option<f64> {
    let g = f.genes.len();
    let column = |of: &[f32], gene: usize| of.iter().skip(gene).step_by(g.max(1)).map(|&v| f64::from(v)).collect::<Vec<_>>();
    let all: Vec<f64> = (0..g).filter_map(|i| pearson(&column(&f.truth, i), &column(&f.prediction, i))).collect();
    crate::stats::summary::mean_of(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::arrays::ArraysWriter;

    fn judged(edit: impl Fn(&mut Vec<f32>, &mut Vec<i64>), rule: Rule, class: &str) -> Item {
        let dir = tempfile::tempdir().expect("tempdir");
        let (locked, made) = (dir.path().join("a.safetensors"), dir.path().join("b.safetensors"));
        let (mut prediction, mut row) = (vec![0.5f32, 1.5, 2.5], vec![1i64, 2, 3]);
        let write = |path: &Path, p: &[f32], r: &[i64]| {
            ArraysWriter::new().f32s("prediction", &[3], p).i64s("row", &[3], r).write(path).expect("write");
        };
        write(&locked, &prediction, &row);
        edit(&mut prediction, &mut row);
        write(&made, &prediction, &row);
        let (sha256, bytes) = Digest::of_file_sized(&locked).expect("digest");
        let pin = FilePin { path: "a.safetensors".to_owned(), bytes, sha256 };
        file(&Pair { label: "predict[x]", path: "artifacts/p", pin: &pin, locked: &locked, made: &made }, rule, class)
    }

    #[test]
    fn equal_bytes_are_verified_and_others_by_the_class() {
        assert_eq!(judged(|_, _| {}, Rule::Equal, "portable").state, State::Verified);
        let item = judged(|p, _| p[1] += 1e-4, Rule::Equal, "portable");
        assert_eq!(item.state, State::Failed);
        assert!(
            item.words.contains("1.000e-4, in 'prediction' (1 of 3 values differ)") && item.words.contains("promises"),
            "{}",
            item.words
        );
        let item = judged(|p, _| p[1] += 1e-4, Rule::Close, "statistical");
        assert!(item.state == State::Verified && item.words.contains("within the tolerance"), "{item:?}");
        assert_eq!(judged(|p, _| p[1] += 1e-2, Rule::Close, "statistical").state, State::Failed);
        assert_eq!(judged(|p, _| p[1] += 1e-2, Rule::Told, "machine").state, State::Skipped);
    }

    #[test]
    fn what_no_class_may_change_fails_and_so_does_what_is_no_number() {
        assert_eq!(judged(|_, r| r[0] = 7, Rule::Close, "statistical").state, State::Failed);
        let item = judged(|p, _| p[0] = f32::NAN, Rule::Close, "statistical");
        assert!(item.state == State::Failed && item.words.contains("inf"), "{item:?}");
        assert_eq!(judged(|p, _| p.swap(0, 2), Rule::Close, "statistical").state, State::Failed);
    }
}
