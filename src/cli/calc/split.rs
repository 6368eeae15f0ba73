//! `pinfold calc split`: scikit-learn's splits.

use crate::base::{Failure, Result};
use crate::cli::output::{self, Side};
use crate::split::kfold::kfold;
use crate::split::{Size, Split, train_test_split};
use serde_json::{Value, json};

/// Rows that people are shown of a side; `--json` has all.
const SHOWN: usize = 12;

/// Arguments of `calc split`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// `train_test_split(range(N), test_size=F, random_state=S)`; both sides in the permutation's order.
    Holdout {
        /// Number of items.
        #[arg(long, value_name = "N")]
        n: usize,
        /// What is held out: a share such as 0.2, or a number of items such as 20.
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        test_size: Size,
        /// Seed, as `random_state`: 0 to 4294967295.
        #[arg(long, value_name = "S")]
        seed: u64,
        /// Print JSON: {"train":[...],"test":[...]}.
        #[arg(long)]
        json: bool,
    },
    /// `KFold(K, shuffle=True, random_state=S)`; both sides ascending.
    Kfold {
        /// Number of items.
        #[arg(long, value_name = "N")]
        n: usize,
        /// Number of folds.
        #[arg(long, value_name = "K")]
        k: usize,
        /// Seed, as `random_state`: 0 to 4294967295.
        #[arg(long, value_name = "S")]
        seed: u64,
        /// Print JSON: {"folds":[{"train":[...],"test":[...]}]}.
        #[arg(long)]
        json: bool,
    },
}

/// More items than any data set has spots; a slip of the keyboard must not fill the memory.
const LIMIT: usize = 100_000_000;

/// Prints a split.
pub fn run(args: Args) -> Result<()> {
    match args.kind {
        Kind::Holdout { n, test_size, seed, json } => {
            let split = train_test_split(within(n)?, test_size, None, seed)?;
            if json { output::print(&format!("{}\n", value(&split))) } else { output::print(&tabled(&[("holdout".to_owned(), split)])) }
        }
        Kind::Kfold { n, k, seed, json } => {
            let folds = kfold(within(n)?, k, Some(seed))?;
            if json {
                let folds: Vec<Value> = folds.iter().map(value).collect();
                return output::print(&format!("{}\n", json!({ "folds": folds })));
            }
            let named: Vec<(String, Split)> = folds.into_iter().enumerate().map(|(i, s)| (format!("fold-{}", i + 1), s)).collect();
            output::print(&tabled(&named))
        }
    }
}

fn within(n: usize) -> Result<usize> {
    if n > LIMIT {
        return Err(Failure::input(format!("{n} items are more than the {LIMIT} that this command takes")));
    }
    Ok(n)
}

fn value(split: &Split) -> Value {
    json!({ "train": split.train, "test": split.test })
}

fn tabled(folds: &[(String, Split)]) -> String {
    let side = |name: &str, word: &str, rows: &[usize]| {
        let first: Vec<String> = rows.iter().take(SHOWN).map(usize::to_string).collect();
        let more = if rows.len() > SHOWN { " …" } else { "" };
        vec![name.to_owned(), word.to_owned(), rows.len().to_string(), format!("{}{more}", first.join(" "))]
    };
    let rows: Vec<Vec<String>> = folds.iter().flat_map(|(name, s)| [side(name, "train", &s.train), side(name, "test", &s.test)]).collect();
    output::table(&[("fold", Side::Left), ("side", Side::Left), ("items", Side::Right), ("indices", Side::Left)], &rows)
}
