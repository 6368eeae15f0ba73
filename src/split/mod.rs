//! Floor: split. Which spots train, which stop the training, which are held out.
//!
//! The splitters ([`shuffle`], [`kfold`](mod@kfold), [`groups`]) are plain functions on indices, equal to
//! scikit-learn 1.7 bit for bit over NumPy's generator ([`Mt19937`]); [`Fold`] is what the rest of the program
//! knows of them.

pub mod fold;
pub mod groups;
pub mod kfold;
pub mod shuffle;

pub use crate::base::Mt19937;
pub use fold::kfold_shuffled as kfold;
pub use fold::{Fold, carve_validation, folds_from_json, folds_to_json, holdout, leave_one_group_out, torch_holdout};
pub use shuffle::{Size, Split, train_test_split};
