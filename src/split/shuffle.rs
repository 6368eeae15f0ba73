//! Random splits: `train_test_split`, `ShuffleSplit`, and PyTorch's `random_split`.

use crate::base::Mt19937;
use crate::base::{Failure, Result};

/// Indices on the two sides of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// For training.
    pub train: Vec<usize>,
    /// Held out.
    pub test: Vec<usize>,
}

/// How much to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// A share in (0, 1). Of a test set it is rounded up, of a training set down, both in double arithmetic:
    /// 0.07 of 100 is 8.
    Fraction(f64),
    /// A number of items.
    Count(usize),
}

impl std::str::FromStr for Size {
    type Err = String;

    /// `0.2` and `1e-1` are shares, `20` is a number of items: scikit-learn tells them apart by type.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let size = if text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().ok().map(Self::Count)
        } else {
            text.parse().ok().map(Self::Fraction)
        };
        size.ok_or_else(|| format!("'{text}' is neither a share such as 0.2 nor a number such as 20"))
    }
}

/// scikit-learn's sizes (train, test) for `n` items; without a training size, all that is left trains.
pub fn sizes(n: usize, test: Size, train: Option<Size>) -> Result<(usize, usize)> {
    let test = counted(n, test, "test size", f64::ceil)?;
    let train = match train {
        Some(size) => counted(n, size, "training size", f64::floor)?,
        None => n.saturating_sub(test),
    };
    enough(n, train, test)
}

/// scikit-learn's sizes (train, test) where only the training size is given.
pub fn sizes_by_train(n: usize, train: Size) -> Result<(usize, usize)> {
    let train = counted(n, train, "training size", f64::floor)?;
    enough(n, train, n.saturating_sub(train))
}

fn enough(n: usize, train: usize, test: usize) -> Result<(usize, usize)> {
    let sum = train.checked_add(test).filter(|&sum| sum <= n);
    match sum {
        None => Err(Failure::input(format!("{train} training and {test} test items are more than the {n} that there are"))),
        Some(_) if train == 0 || test == 0 => Err(Failure::input(format!("of {n} items, {train} would train and {test} be held out"))
            .hint("choose a test size that leaves something on both sides")),
        Some(_) => Ok((train, test)),
    }
}

fn counted(n: usize, size: Size, name: &str, round: fn(f64) -> f64) -> Result<usize> {
    match size {
        Size::Fraction(f) if f > 0.0 && f < 1.0 => Ok(round(f * n as f64) as usize),
        Size::Fraction(f) => {
            Err(Failure::input(format!("the {name} {f} is not a share between 0 and 1"))
                .hint("write 0.2 for a fifth, or 20 for twenty items"))
        }
        Size::Count(k) if k > 0 && k < n => Ok(k),
        Size::Count(k) => Err(Failure::input(format!("the {name} {k} is not between 1 and {}", n.saturating_sub(1)))
            .hint(format!("there are {n} items, and both sides need one"))),
    }
}

/// A seed that NumPy's `RandomState` takes.
pub(super) fn numpy_seed(seed: u64) -> Result<Mt19937> {
    let narrow = u32::try_from(seed).map_err(|_| {
        Failure::input(format!("the seed {seed} is over 4294967295")).hint("NumPy's RandomState, which these splits follow, takes 32 bits")
    })?;
    Ok(Mt19937::new(narrow))
}

/// `sklearn.model_selection.train_test_split(range(n), test_size, random_state=seed)`: the first part of a
/// permutation is held out, the next trains; both keep the permutation's order.
pub fn train_test_split(n: usize, test: Size, train: Option<Size>, seed: u64) -> Result<Split> {
    Ok(cut(&mut numpy_seed(seed)?, n, sizes(n, test, train)?))
}

/// The same without shuffling: the first part trains, the rest is held out.
pub fn in_order(n: usize, test: Size) -> Result<Split> {
    let (train, test) = sizes(n, test, None)?;
    Ok(Split { train: (0..train).collect(), test: (train..train + test).collect() })
}

/// `ShuffleSplit(count, test_size, random_state=seed)`: one generator through all splits.
pub fn shuffle_split(n: usize, count: usize, test: Size, seed: u64) -> Result<Vec<Split>> {
    let (mut stream, sizes) = (numpy_seed(seed)?, sizes(n, test, None)?);
    Ok((0..count).map(|_| cut(&mut stream, n, sizes)).collect())
}

/// Cuts (train, test) items out of a fresh permutation of `n`.
pub fn cut(stream: &mut Mt19937, n: usize, (train, test): (usize, usize)) -> Split {
    let order = stream.permutation(n);
    Split { train: order[test..test + train].to_vec(), test: order[..test].to_vec() }
}

/// `torch.utils.data.random_split(range(n), lengths, generator=manual_seed(seed))`: consecutive parts of
/// PyTorch's permutation.
pub fn torch_random_split(lengths: &[usize], seed: u64) -> Vec<Vec<usize>> {
    // PyTorch's generator takes the low half of a seed.
    let order = Mt19937::new(seed as u32).torch_randperm(lengths.iter().sum());
    let mut rest = order.as_slice();
    let take = |&length: &usize| {
        let (part, after) = rest.split_at(length);
        rest = after;
        part.to_vec()
    };
    lengths.iter().map(take).collect()
}
