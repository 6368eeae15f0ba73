//! `KFold`: every item is held out once.

use super::shuffle::{Split, numpy_seed};
use crate::base::{Failure, Result};

/// `sklearn.model_selection.KFold(k, shuffle=seed given, random_state=seed)`: sizes of n / k, one more in the
/// first n mod k folds; shuffled indices are cut in order. Both sides ascend.
pub fn kfold(n: usize, k: usize, seed: Option<u64>) -> Result<Vec<Split>> {
    check(n, k, "items")?;
    let order = match seed {
        Some(seed) => numpy_seed(seed)?.permutation(n),
        None => (0..n).collect(),
    };
    let mut rest = order.as_slice();
    let fold = |f: usize| {
        let (part, after) = rest.split_at(n / k + usize::from(f < n % k));
        rest = after;
        held_out(n, part)
    };
    Ok((0..k).map(fold).collect())
}

/// The split that holds these items out; both sides ascend.
pub(super) fn held_out(n: usize, test: &[usize]) -> Split {
    let mut side = vec![false; n];
    test.iter().for_each(|&i| side[i] = true);
    let (test, train) = (0..n).partition(|&i| side[i]);
    Split { train, test }
}

pub(super) fn check(n: usize, k: usize, of: &str) -> Result<()> {
    if k < 2 {
        return Err(Failure::input(format!("{k} folds are not a cross-validation")).hint("ask for at least 2"));
    }
    if k > n {
        return Err(
            Failure::input(format!("{k} folds of {n} {of}: some folds would hold nothing out")).hint(format!("ask for at most {n} folds"))
        );
    }
    Ok(())
}
