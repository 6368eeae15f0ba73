//! Our splits against scikit-learn, NumPy and PyTorch, bit for bit: `golden/splits.json`, `golden/rng.json`, and
//! the tables of the liver chapter.

use pinfold::base::digest::Digest;
use pinfold::split::groups::{group_kfold, group_kfold_shuffled, group_shuffle_split, leave_one_group_out};
use pinfold::split::kfold::kfold;
use pinfold::split::shuffle::{Size, Split, in_order, shuffle_split, sizes_by_train, torch_random_split};
use pinfold::split::{Mt19937, train_test_split};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn list(v: &Value) -> &Vec<Value> {
    v.as_array().expect("a list")
}

fn whole(v: &Value) -> u64 {
    v.as_u64().expect("a whole number")
}

fn indices(v: &Value) -> Vec<usize> {
    list(v).iter().map(|i| whole(i) as usize).collect()
}

fn digest(rows: &[usize]) -> String {
    let bytes: Vec<u8> = rows.iter().flat_map(|&r| (r as i64).to_le_bytes()).collect();
    Digest::of(&bytes).to_string()
}

/// A list in full, or its length, ends and digest.
fn same(what: &str, ours: &[usize], theirs: &Value) {
    assert_eq!(ours.len() as u64, whole(&theirs["n"]), "{what}: length");
    match theirs.get("values") {
        Some(values) => assert_eq!(ours, indices(values), "{what}"),
        None => {
            assert_eq!(ours[..12], indices(&theirs["head"]), "{what}: head");
            assert_eq!(ours[ours.len() - 12..], indices(&theirs["tail"]), "{what}: tail");
        }
    }
    assert_eq!(digest(ours), theirs["sha256_le_i64"].as_str().expect("digest"), "{what}: digest");
}

fn same_split(what: &str, ours: &Split, theirs: &Value) {
    same(&format!("{what}, train"), &ours.train, &theirs["train"]);
    same(&format!("{what}, test"), &ours.test, &theirs["test"]);
}

fn same_splits(what: &str, ours: &[Split], theirs: &Value) {
    assert_eq!(ours.len(), list(theirs).len(), "{what}: number");
    ours.iter().zip(list(theirs)).enumerate().for_each(|(i, (a, b))| same_split(&format!("{what}, split {i}"), a, b));
}

fn size(v: &Value) -> Size {
    v.as_u64().map_or_else(|| Size::Fraction(v.as_f64().expect("a share")), |k| Size::Count(k as usize))
}

#[test]
fn train_test_splits() {
    let file = golden("splits");
    assert_eq!(list(&file["train_test_split"]).len(), 102);
    for case in list(&file["train_test_split"]) {
        let split = train_test_split(whole(&case["n"]) as usize, size(&case["test_size"]), None, whole(&case["seed"])).expect("split");
        same_split(&format!("n {} size {} seed {}", case["n"], case["test_size"], case["seed"]), &split, case);
    }
    for case in list(&file["train_test_split_more"]) {
        let (n, args) = (whole(&case["n"]) as usize, &case["args"]);
        let split = match (args.get("test_size"), args.get("train_size"), case["seed"].as_u64()) {
            (Some(test), None, None) => in_order(n, size(test)),
            (Some(test), train, Some(seed)) => train_test_split(n, size(test), train.map(size), seed),
            (None, Some(train), Some(seed)) => sizes_by_train(n, size(train))
                .and_then(|(train, test)| train_test_split(n, Size::Count(test), Some(Size::Count(train)), seed)),
            _ => panic!("a case of another kind: {case}"),
        };
        same_split(&args.to_string(), &split.expect("split"), case);
    }
}

#[test]
fn folds() {
    let file = golden("splits");
    assert_eq!(list(&file["kfold"]).len(), 12);
    for case in list(&file["kfold"]) {
        let ours = kfold(whole(&case["n"]) as usize, whole(&case["k"]) as usize, case["seed"].as_u64()).expect("folds");
        same_splits(&format!("n {} k {} seed {}", case["n"], case["k"], case["seed"]), &ours, &case["splits"]);
    }
    let patients = &file["kfold_23_patients"];
    let names = list(&patients["patients"]);
    for (fold, theirs) in kfold(23, 8, Some(2021)).expect("folds").iter().zip(list(&patients["test_patients"])) {
        assert_eq!(&fold.test.iter().map(|&i| names[i].clone()).collect::<Vec<_>>(), list(theirs));
    }
    for case in list(&file["shuffle_split"]) {
        let ours =
            shuffle_split(whole(&case["n"]) as usize, whole(&case["n_splits"]) as usize, size(&case["test_size"]), whole(&case["seed"]));
        same_splits(&format!("ShuffleSplit of {}", case["n"]), &ours.expect("splits"), &case["splits"]);
    }
}

#[test]
fn groups() {
    let file = golden("splits");
    // Numbers are padded, so that their order as text is their order.
    let of = |case: &Value| -> Vec<String> {
        let name = case["groups"].as_str().expect("name");
        list(&file["groups"][name]).iter().map(|g| g.as_str().map_or_else(|| format!("{:09}", whole(g)), str::to_owned)).collect()
    };
    for case in list(&file["group_kfold"]) {
        let ours = group_kfold(&of(case), whole(&case["k"]) as usize).expect("folds");
        same_splits(&format!("GroupKFold {} {}", case["groups"], case["k"]), &ours, &case["splits"]);
    }
    for case in list(&file["group_kfold_shuffle"]) {
        let ours = group_kfold_shuffled(&of(case), whole(&case["k"]) as usize, whole(&case["seed"])).expect("folds");
        same_splits("GroupKFold shuffled", &ours, &case["splits"]);
    }
    for case in list(&file["group_shuffle_split"]) {
        let ours = group_shuffle_split(&of(case), whole(&case["n_splits"]) as usize, size(&case["test_size"]), whole(&case["seed"]));
        same_splits("GroupShuffleSplit", &ours.expect("splits"), &case["splits"]);
    }
    for case in list(&file["leave_one_group_out"]) {
        let ours: Vec<Split> = leave_one_group_out(&of(case)).expect("splits").into_iter().map(|(_, split)| split).collect();
        same_splits("LeaveOneGroupOut", &ours, &case["splits"]);
    }
}

#[test]
fn torch_splits() {
    let file = golden("splits");
    assert_eq!(list(&file["torch_random_split"]).len(), 6);
    for case in list(&file["torch_random_split"]) {
        let parts = torch_random_split(&indices(&case["lengths"]), whole(&case["seed"]));
        same("first", &parts[0], &case["first"]);
        same("second", &parts[1], &case["second"]);
    }
    // The chapter's checks of the generator itself.
    assert_eq!(Mt19937::new(42).torch_i64(), 6_909_045_637_428_952_499);
    assert_eq!(Mt19937::new(42).torch_randperm(10), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]);
    assert_eq!(Mt19937::new(0).torch_randperm(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
}

#[test]
fn numpy_streams() {
    let file = golden("rng");
    assert_eq!(list(&file["numpy"]).len(), 10);
    for case in list(&file["numpy"]) {
        let stream = || Mt19937::new(u32::try_from(whole(&case["seed"])).expect("32 bits"));
        let u32s = |v: &Value| list(v).iter().map(|n| whole(n) as u32).collect::<Vec<u32>>();
        let mut s = stream();
        let first: Vec<u32> = (0..628).map(|_| s.u32()).collect();
        assert_eq!(first[..8], u32s(&case["u32"]));
        assert_eq!(first[624..], u32s(&case["u32_at_624"]));
        let mut s = stream();
        list(&case["random_sample"]).iter().for_each(|v| assert_eq!(Some(s.unit()), v.as_f64()));
        for (key, n) in
            [("randint_0_10_i64", 10), ("randint_0_2p32_i64", 1 << 32), ("randint_0_2p40_i64", 1 << 40), ("choice_20_5_replace", 20)]
        {
            let mut s = stream();
            list(&case[key]).iter().for_each(|v| assert_eq!(s.below(n), whole(v), "{key}"));
        }
        for (n, order) in case["permutation"].as_object().expect("cases") {
            assert_eq!(stream().permutation(n.parse().expect("length")), indices(order), "permutation of {n}");
        }
        same("permutation", &stream().permutation(9269), &case["permutation_9269"]);
        assert_eq!(stream().permutation(20)[..5], indices(&case["choice_20_5_noreplace"]));
        let mut s = stream();
        let (mut numbers, mut letters): (Vec<usize>, Vec<char>) = ((0..10).collect(), ('a'..='j').collect());
        s.shuffle(&mut numbers);
        s.shuffle(&mut letters);
        assert_eq!(numbers, indices(&case["shuffle_arange10"]));
        assert_eq!(letters.into_iter().collect::<String>(), case["then_shuffle_list_a_to_j"].as_str().expect("letters"));
    }
    for case in list(&file["numpy_array_seed"]) {
        let key: Vec<u32> = list(&case["key"]).iter().map(|n| whole(n) as u32).collect();
        let mut s = Mt19937::from_key(&key);
        list(&case["u32"]).iter().for_each(|v| assert_eq!(u64::from(s.u32()), whole(v), "key {key:?}"));
    }
    // CPython seeds by array too: random() and getrandbits(32) of the same stream.
    for case in list(&file["python"]) {
        let seed = case["seed"].as_i64().expect("seed").unsigned_abs();
        let key: Vec<u32> = if seed >> 32 == 0 { vec![seed as u32] } else { vec![seed as u32, (seed >> 32) as u32] };
        let mut s = Mt19937::from_key(&key);
        list(&case["random"]).iter().for_each(|v| assert_eq!(Some(s.unit()), v.as_f64(), "seed {seed}"));
        let mut s = Mt19937::from_key(&key);
        list(&case["getrandbits32"]).iter().for_each(|v| assert_eq!(u64::from(s.u32()), whole(v), "seed {seed}"));
    }
}

/// The tables of `liver-single-patch.md`, sections 2.1 to 2.3.
mod liver {
    use super::*;

    /// n; the first eight of test and train; their last four; their lengths and the sum of test.
    type Row = (usize, [[usize; 8]; 2], [[usize; 4]; 2], [usize; 3]);

    fn sum(rows: &[usize]) -> usize {
        rows.iter().sum()
    }

    #[test]
    fn first_outputs_of_seed_42() {
        let mut s = Mt19937::new(42);
        assert_eq!([s.u32(), s.u32(), s.u32(), s.u32()], [1_608_637_542, 3_421_126_067, 4_083_286_876, 787_846_414]);
    }

    #[test]
    fn holdout_of_a_fifth() {
        let split = |n| train_test_split(n, Size::Fraction(0.2), None, 42).expect("split");
        assert_eq!(Mt19937::new(42).permutation(10), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        let ten = split(10);
        assert_eq!((ten.test.as_slice(), ten.train.as_slice()), (&[8, 1][..], &[5, 0, 7, 2, 9, 4, 3, 6][..]));
        let p = [8, 16, 0, 23, 11, 9, 13, 1, 22, 5, 2, 12, 15, 3, 4, 20, 17, 21, 18, 24, 7, 10, 14, 19, 6];
        assert_eq!(Mt19937::new(42).permutation(25), p);
        assert_eq!((split(25).test.as_slice(), split(25).train.as_slice(), sum(&split(25).test)), (&p[..5], &p[5..], 58));
        let rows: [Row; 3] = [
            (
                1000,
                [[521, 737, 740, 660, 411, 678, 626, 513], [29, 535, 695, 557, 836, 596, 165, 918]],
                [[332, 208, 613, 78], [270, 860, 435, 102]],
                [200, 800, 101_565],
            ),
            (
                6992,
                [[4498, 3936, 5059, 1379, 3870, 2118, 1079, 1561], [4487, 5984, 5590, 3151, 6575, 6418, 1010, 1536]],
                [[3978, 387, 4173, 1032], [5191, 5226, 5390, 860]],
                [1399, 5593, 4_804_088],
            ),
            (
                9269,
                [[7475, 2729, 2453, 8722, 5026, 447, 9115, 3639], [1957, 79, 6207, 7443, 5513, 5395, 6516, 6017]],
                [[6175, 6153, 982, 1261], [5191, 5390, 860, 7270]],
                [1854, 7415, 8_497_208],
            ),
        ];
        for (n, heads, tails, [tests, trains, total]) in rows {
            let Split { train, test } = split(n);
            assert_eq!((test.len(), train.len(), sum(&test)), (tests, trains, total), "n {n}");
            assert_eq!((&test[..8], &train[..8]), (&heads[0][..], &heads[1][..]), "n {n}");
            assert_eq!((&test[tests - 4..], &train[trains - 4..]), (&tails[0][..], &tails[1][..]), "n {n}");
        }
    }

    #[test]
    fn a_share_of_one_fifth_is_the_ceiling_for_all_sizes() {
        for n in 2..=20_000usize {
            let (train, test) = pinfold::split::shuffle::sizes(n, Size::Fraction(0.2), None).expect("sizes");
            assert_eq!((test, train), (n.div_ceil(5), n - n.div_ceil(5)));
        }
    }

    #[test]
    fn five_folds() {
        let tests = |n| kfold(n, 5, Some(42)).expect("folds").into_iter().map(|s| s.test).collect::<Vec<_>>();
        assert_eq!(tests(10), [[1, 8], [0, 5], [2, 7], [4, 9], [3, 6]]);
        assert_eq!(tests(25), [[0, 8, 11, 16, 23], [1, 5, 9, 13, 22], [2, 3, 4, 12, 15], [17, 18, 20, 21, 24], [6, 7, 10, 14, 19]]);
        let sums = |n| tests(n).iter().map(|t| sum(t)).collect::<Vec<_>>();
        assert_eq!(sums(10), [9, 5, 9, 13, 9]);
        assert_eq!(sums(25), [58, 50, 36, 100, 56]);
        assert_eq!(sums(1000), [101_565, 93_297, 95_411, 111_107, 98_120]);
        assert_eq!(sums(6992), [4_804_088, 4_825_012, 4_973_549, 4_846_812, 4_991_075]);
        assert_eq!(sums(9269), [8_497_208, 8_390_487, 8_782_178, 8_790_856, 8_491_817]);
        let sizes = |n| tests(n).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(6992), [1399, 1399, 1398, 1398, 1398]);
        assert_eq!(sizes(9269), [1854, 1854, 1854, 1854, 1853]);
        let ends = |t: &[usize]| [t[0], t[1], t[2], t[t.len() - 3], t[t.len() - 2], t[t.len() - 1]];
        assert_eq!(ends(&tests(1000)[0]), [10, 23, 25, 989, 995, 998]);
        assert_eq!(ends(&tests(1000)[4]), [1, 4, 13, 982, 992, 996]);
        assert_eq!(ends(&tests(6992)[0]), [8, 14, 15, 6983, 6985, 6986]);
        assert_eq!(ends(&tests(9269)[0]), [0, 3, 8, 9262, 9265, 9267]);
    }

    #[test]
    fn the_first_fold_is_the_holdout_as_a_set() {
        for n in [10, 1000, 6992, 9269] {
            let mut test = train_test_split(n, Size::Fraction(0.2), None, 42).expect("split").test;
            test.sort_unstable();
            assert_eq!(kfold(n, 5, Some(42)).expect("folds")[0].test, test);
        }
    }
}
