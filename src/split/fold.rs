//! Folds: what a `split` stage writes and every later stage reads.

use super::groups;
use super::kfold;
use super::shuffle::{self, Size, Split, train_test_split};
use crate::base::{Failure, Result};
use serde::{Deserialize, Serialize};

/// One assignment of spots, by their rows in `spots.tsv`. The order of the rows is part of the fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// A name for people and folders: `holdout`, `fold-1`, or the group that is held out.
    pub name: String,
    /// Rows that train.
    pub train: Vec<usize>,
    /// Rows that choose the checkpoint; may be empty.
    #[serde(default)]
    pub validation: Vec<usize>,
    /// Rows that are held out for the evaluation.
    pub test: Vec<usize>,
}

impl Fold {
    fn new(name: impl Into<String>, split: Split) -> Self {
        Self { name: name.into(), train: split.train, validation: Vec::new(), test: split.test }
    }
}

/// One fold: a random share held out, as `train_test_split` does with shuffling.
pub fn holdout(n: usize, test_size: f64, seed: u64) -> Result<Vec<Fold>> {
    Ok(vec![Fold::new("holdout", train_test_split(n, Size::Fraction(test_size), None, seed)?)])
}

/// One fold: a random share held out, as PyTorch's `random_split` does with a generator of this seed. What trains comes
/// first; sizes are those of [`holdout`].
pub fn torch_holdout(n: usize, test_size: f64, seed: u64) -> Result<Vec<Fold>> {
    let (train, test) = shuffle::sizes(n, Size::Fraction(test_size), None)?;
    let mut parts = shuffle::torch_random_split(&[train, test], seed).into_iter();
    let (train, test) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    Ok(vec![Fold::new("holdout", Split { train, test })])
}

/// `k` folds, as `KFold` does with shuffling; named `fold-1` and so on.
pub fn kfold_shuffled(n: usize, k: usize, seed: u64) -> Result<Vec<Fold>> {
    let splits = kfold::kfold(n, k, Some(seed))?;
    Ok(splits.into_iter().enumerate().map(|(i, split)| Fold::new(format!("fold-{}", i + 1), split)).collect())
}

/// One fold for each group, given each row's group; named after the group, in sorted order of the names.
pub fn leave_one_group_out(of: &[String]) -> Result<Vec<Fold>> {
    Ok(groups::leave_one_group_out(of)?.into_iter().map(|(name, split)| Fold::new(name, split)).collect())
}

/// Takes a share of a fold's training rows out for validation, by the rule of `train_test_split` on their
/// positions. A fold that has validation rows already is refused.
pub fn carve_validation(fold: Fold, fraction: f64, seed: u64) -> Result<Fold> {
    let at = format!("fold '{}'", fold.name);
    if !fold.validation.is_empty() {
        return Err(Failure::input("it has validation rows already").at(at));
    }
    let split = train_test_split(fold.train.len(), Size::Fraction(fraction), None, seed).map_err(|e| e.at(format!("{at}, validation")))?;
    let rows = |chosen: Vec<usize>| chosen.into_iter().map(|i| fold.train[i]).collect();
    Ok(Fold { validation: rows(split.test), train: rows(split.train), name: fold.name, test: fold.test })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Folds {
    folds: Vec<Fold>,
}

/// The bytes of `folds.json`: one line a fold. Equal folds, equal bytes.
pub fn folds_to_json(folds: &[Fold]) -> Vec<u8> {
    let line = |fold: &Fold| serde_json::to_string(fold).unwrap_or_default();
    let lines: Vec<String> = folds.iter().map(line).collect();
    format!("{{\"folds\":[\n{}\n]}}\n", lines.join(",\n")).into_bytes()
}

/// Reads `folds.json` of a data set of `n` spots, and checks it as [`check`] does.
pub fn folds_from_json(bytes: &[u8], n: usize) -> Result<Vec<Fold>> {
    let parsed: Folds = serde_json::from_slice(bytes).map_err(|e| Failure::input(format!("not a list of folds: {e}")))?;
    check(&parsed.folds, n)?;
    Ok(parsed.folds)
}

/// Checks folds over `n` spots: there is one, names are different and fit for folders, training and test rows
/// are there, and no row is out of range, listed twice, or on two sides.
pub fn check(folds: &[Fold], n: usize) -> Result<()> {
    if folds.is_empty() {
        return Err(Failure::input("there is no fold"));
    }
    for (f, fold) in folds.iter().enumerate() {
        one(fold, n).map_err(|e| e.at(format!("fold '{}'", fold.name)))?;
        if folds[..f].iter().any(|other| other.name == fold.name) {
            return Err(Failure::input(format!("two folds are named '{}'", fold.name)));
        }
    }
    Ok(())
}

fn one(fold: &Fold, n: usize) -> Result<()> {
    let name = &fold.name;
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(Failure::input(format!("'{name}' does not do as a folder's name")).hint("name the slide or group differently"));
    }
    let mut side: Vec<Option<&str>> = vec![None; n];
    for (word, rows) in [("train", &fold.train), ("validation", &fold.validation), ("test", &fold.test)] {
        if rows.is_empty() && word != "validation" {
            return Err(Failure::input(format!("no row is on the {word} side")));
        }
        for &row in rows {
            match side.get_mut(row) {
                None => return Err(Failure::input(format!("row {row} of the {word} side, where there are {n} spots"))),
                Some(Some(other)) if *other == word => return Err(Failure::input(format!("row {row} stands twice on the {word} side"))),
                Some(Some(other)) => {
                    return Err(Failure::input(format!("row {row} is on the {other} and on the {word} side"))
                        .hint("a spot must not be on two sides of a fold"));
                }
                Some(place) => *place = Some(word),
            }
        }
    }
    Ok(())
}
