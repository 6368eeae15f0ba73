//! Splits that keep groups (slides, donors) whole. Items are known by their group's name; all sides ascend.

use super::kfold::{check, held_out};
use super::shuffle::{Size, Split, cut, numpy_seed, sizes};
use crate::base::{Failure, Result};

/// Groups by number, in sorted order of their names.
struct Groups<T> {
    names: Vec<T>,
    of: Vec<usize>,
}

impl<T: Ord + Clone> Groups<T> {
    fn new(items: &[T]) -> Self {
        let mut names = items.to_vec();
        names.sort();
        names.dedup();
        let of = items.iter().map(|item| names.partition_point(|name| name < item)).collect();
        Self { names, of }
    }

    /// The split that holds the chosen groups out.
    fn hold_out(&self, chosen: impl Fn(usize) -> bool) -> Split {
        let test: Vec<usize> = (0..self.of.len()).filter(|&i| chosen(self.of[i])).collect();
        held_out(self.of.len(), &test)
    }
}

/// `LeaveOneGroupOut`: one split for each group, in sorted order of the names (strings by code point, so A10
/// comes before A2), with the name.
pub fn leave_one_group_out<T: Ord + Clone>(items: &[T]) -> Result<Vec<(T, Split)>> {
    let groups = Groups::new(items);
    if groups.names.len() < 2 {
        return Err(Failure::input(format!("leaving one group out needs two groups, and there is {}", groups.names.len())));
    }
    Ok(groups.names.iter().cloned().enumerate().map(|(g, name)| (name, groups.hold_out(|other| other == g))).collect())
}

/// `GroupKFold(k)`: groups from the largest to the smallest (equal sizes in descending order of their names),
/// each into the fold that is lightest so far.
pub fn group_kfold<T: Ord + Clone>(items: &[T], k: usize) -> Result<Vec<Split>> {
    let groups = Groups::new(items);
    check(groups.names.len(), k, "groups")?;
    let mut counts = vec![0usize; groups.names.len()];
    groups.of.iter().for_each(|&g| counts[g] += 1);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&g| counts[g]);
    let (mut fold_of, mut load) = (vec![0usize; counts.len()], vec![0usize; k]);
    for &g in order.iter().rev() {
        // The first of the lightest: `min_by_key` answers the first minimum.
        let lightest = (0..k).min_by_key(|&f| load[f]).unwrap_or(0);
        load[lightest] += counts[g];
        fold_of[g] = lightest;
    }
    Ok((0..k).map(|f| groups.hold_out(|g| fold_of[g] == f)).collect())
}

/// `GroupKFold(k, shuffle=True, random_state=seed)`: a permutation of the groups, cut into parts of even
/// length, the first ones one longer.
pub fn group_kfold_shuffled<T: Ord + Clone>(items: &[T], k: usize, seed: u64) -> Result<Vec<Split>> {
    let groups = Groups::new(items);
    let n = groups.names.len();
    check(n, k, "groups")?;
    let order = numpy_seed(seed)?.permutation(n);
    let start = |f: usize| f * (n / k) + f.min(n % k);
    Ok((0..k).map(|f| groups.hold_out(|g| order[start(f)..start(f + 1)].contains(&g))).collect())
}

/// `GroupShuffleSplit(count, test_size, random_state=seed)`: sizes count groups, not items.
pub fn group_shuffle_split<T: Ord + Clone>(items: &[T], count: usize, test: Size, seed: u64) -> Result<Vec<Split>> {
    let groups = Groups::new(items);
    let n = groups.names.len();
    let (mut stream, sizes) = (numpy_seed(seed)?, sizes(n, test, None)?);
    let split = |_| {
        let chosen = cut(&mut stream, n, sizes);
        groups.hold_out(|g| chosen.test.contains(&g))
    };
    Ok((0..count).map(split).collect())
}
