//! Folds: what comes out for bad requests, and what `folds.json` may hold.

use pinfold::split::{
    Fold, Size, carve_validation, fold, folds_from_json, folds_to_json, groups, holdout, kfold, leave_one_group_out, train_test_split,
};
use proptest::prelude::*;

#[test]
fn requests_that_make_no_sense_are_refused() {
    let refused = |r: pinfold::base::Result<Vec<Fold>>, words: &str| {
        let failure = r.expect_err(words);
        assert!(failure.what.contains(words), "{failure}");
        assert_eq!(failure.exit, pinfold::base::Exit::BadInput);
    };
    refused(kfold(5, 6, 0), "6 folds of 5 items");
    refused(kfold(5, 1, 0), "1 folds are not");
    refused(kfold(0, 2, 0), "2 folds of 0 items");
    refused(kfold(5, 2, 1 << 32), "seed 4294967296");
    refused(holdout(0, 0.2, 0), "of 0 items");
    refused(holdout(1, 0.2, 0), "of 1 items, 0 would train");
    refused(holdout(10, 0.0, 0), "test size 0");
    refused(holdout(10, 1.0, 0), "test size 1");
    refused(holdout(10, f64::NAN, 0), "test size NaN");
    refused(holdout(10, -0.5, 0), "test size -0.5");
    refused(leave_one_group_out(&[]), "there is 0");
    refused(leave_one_group_out(&["C1".to_owned(), "C1".to_owned()]), "there is 1");
    assert!(train_test_split(10, Size::Count(10), None, 0).is_err());
    assert!(train_test_split(10, Size::Count(6), Some(Size::Count(5)), 0).is_err());
    assert!(train_test_split(10, Size::Count(usize::MAX), Some(Size::Count(9)), 0).is_err());
    assert!(groups::group_kfold(&[1, 1, 2], 3).is_err());
    assert_eq!("0.2".parse(), Ok(Size::Fraction(0.2)));
    assert_eq!("20".parse(), Ok(Size::Count(20)));
    assert!("a fifth".parse::<Size>().is_err() && "".parse::<Size>().is_err());
}

#[test]
fn groups_sort_by_code_point() {
    let of: Vec<String> = ["A2", "A10", "A2", "B1"].map(str::to_owned).to_vec();
    let folds = leave_one_group_out(&of).expect("folds");
    assert_eq!(
        folds.iter().map(|f| (f.name.as_str(), f.test.clone())).collect::<Vec<_>>(),
        [("A10", vec![1]), ("A2", vec![0, 2]), ("B1", vec![3])]
    );
    assert_eq!(folds[0].train, [0, 2, 3]);
}

#[test]
fn validation_comes_out_of_training() {
    let before = kfold(50, 5, 42).expect("folds").remove(1);
    let after = carve_validation(before.clone(), 0.1, 7).expect("carved");
    assert_eq!((after.train.len(), after.validation.len(), &after.test), (36, 4, &before.test));
    let positions = train_test_split(40, Size::Fraction(0.1), None, 7).expect("split");
    assert_eq!(after.validation, positions.test.iter().map(|&i| before.train[i]).collect::<Vec<_>>());
    assert!(carve_validation(after, 0.1, 7).is_err());
    assert!(carve_validation(Fold { train: vec![1], ..before }, 0.5, 7).is_err());
}

#[test]
fn files_read_back_and_are_checked() {
    let folds = kfold(7, 3, 1).expect("folds");
    let bytes = folds_to_json(&folds);
    assert_eq!(folds_from_json(&bytes, 7).expect("read"), folds);
    assert!(folds_from_json(&bytes[..bytes.len() - 3], 7).is_err());
    assert!(folds_from_json(br#"{"folds":[]}"#, 7).is_err());
    let bad = |text: &str, words: &str| {
        let failure = folds_from_json(text.as_bytes(), 4).expect_err(words);
        assert!(failure.to_string().contains(words), "{failure}");
    };
    bad(r#"{"folds":[{"name":"a","train":[0,1],"validation":[],"test":[1]}]}"#, "row 1 is on the train and on the test side");
    bad(r#"{"folds":[{"name":"a","train":[0,0],"validation":[],"test":[1]}]}"#, "row 0 stands twice");
    bad(r#"{"folds":[{"name":"a","train":[0],"validation":[],"test":[4]}]}"#, "row 4 of the test side, where there are 4 spots");
    bad(r#"{"folds":[{"name":"a","train":[],"validation":[],"test":[1]}]}"#, "no row is on the train side");
    bad(r#"{"folds":[{"name":"a/b","train":[0],"validation":[],"test":[1]}]}"#, "folder's name");
    bad(r#"{"folds":[{"name":"a","train":[0],"test":[1]},{"name":"a","train":[1],"test":[0]}]}"#, "two folds are named 'a'");
    bad(r#"{"folds":[{"name":"a","train":[0],"test":[1],"tset":[2]}]}"#, "tset");
    bad(r#"{"folds":[{"name":"a","train":[-1],"test":[1]}]}"#, "-1");
}

proptest! {
    #[test]
    fn every_row_is_held_out_once(n in 2usize..300, k in 2usize..20, seed in any::<u32>()) {
        prop_assume!(k <= n);
        let folds = kfold(n, k, u64::from(seed)).expect("folds");
        fold::check(&folds, n).expect("sound");
        let mut all: Vec<usize> = folds.iter().flat_map(|f| f.test.clone()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        prop_assert!(folds.iter().all(|f| f.train.len() + f.test.len() == n));
        let sizes: Vec<usize> = folds.iter().map(|f| f.test.len()).collect();
        prop_assert!(sizes.windows(2).all(|w| w[0] == w[1] || w[0] == w[1] + 1));
    }

    #[test]
    fn groups_stay_whole(of in prop::collection::vec(0u8..6, 2..80)) {
        let names: Vec<String> = of.iter().map(|g| format!("g{g}")).collect();
        if let Ok(folds) = leave_one_group_out(&names) {
            fold::check(&folds, of.len()).expect("sound");
            for f in &folds {
                prop_assert!(f.test.iter().all(|&i| names[i] == f.name) && f.train.iter().all(|&i| names[i] != f.name));
            }
        }
    }
}
