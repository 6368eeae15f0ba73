//! Slides that only test: the rule divides the others, and what it holds out chooses the checkpoint.

use pinfold::base::Digest;
use pinfold::protocol::{self, Protocol};
use pinfold::stage::split::make;
use std::path::{Path, PathBuf};

fn protocol(overrides: &[&str]) -> Result<Protocol, String> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    protocol::load(&demo, &overrides).map(|l| l.protocol).map_err(|e| e.to_string())
}

/// Slides of so many spots, one after another.
fn rows(sizes: &[(&str, usize)]) -> Vec<String> {
    sizes.iter().flat_map(|(name, n)| std::iter::repeat_n((*name).to_owned(), *n)).collect()
}

#[test]
fn a_test_slide_in_the_middle() {
    let p = protocol(&["split.test_slides=[\"S2\"]", "split.validation=0.0"]).expect("sound");
    let slides = rows(&[("S1", 5), ("S2", 3), ("S3", 5)]);
    let folds = make(&p, &slides, &[0; 13]).expect("folds");
    assert_eq!(folds.len(), 1);
    // Section 2.2, n = 10: test 8 1, train 5 0 7 2 9 4 3 6, of the rows 0..5 and 8..13.
    assert_eq!((folds[0].validation.as_slice(), folds[0].train.as_slice()), (&[11, 1][..], &[8, 0, 10, 2, 12, 4, 3, 9][..]));
    assert_eq!(folds[0].test, [5, 6, 7]);
}

const KFOLD: &str = "kind = \"kfold\"\nk = 5\nseed = 42\nvalidation = 0.0\ntest_slides = [\"S1\"]";

#[test]
fn folds_share_their_test_slide() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    let dir = tempfile::tempdir().expect("tempdir");
    let text = std::fs::read_to_string(demo)
        .expect("demo")
        .replace("from = \"train\"", "from = \"all\"")
        .replace("pooling = \"oof\"", "pooling = \"fold\"")
        .replace("kind = \"holdout\"\ntest_size = 0.2\nseed = 42\nvalidation = 0.1", KFOLD);
    std::fs::write(dir.path().join("demo.toml"), text).expect("write");
    let p = protocol::load(&dir.path().join("demo.toml"), &[]).expect("sound").protocol;
    let folds = make(&p, &rows(&[("S1", 4), ("S2", 10)]), &[0; 14]).expect("folds");
    let validation: Vec<Vec<usize>> = folds.iter().map(|f| f.validation.clone()).collect();
    // Section 2.3, n = 10, moved by the four test rows.
    assert_eq!(validation, [[5, 12], [4, 9], [6, 11], [8, 13], [7, 10]]);
    assert!(folds.iter().all(|f| f.test == [0, 1, 2, 3]));
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |keys: &[&str], words: &str| {
        let said = protocol(keys).expect_err("refused");
        assert!(said.contains(words), "{said}");
    };
    refused(&["split.test_slides=[\"S9\"]", "split.validation=0.0"], "not among data.slides");
    refused(&["split.test_slides=[\"S1\",\"S2\",\"S3\"]", "split.validation=0.0"], "no slide is left");
    refused(&["split.test_slides=[\"S1\"]"], "split.validation");
    refused(&["split.test_slides=[\"S1\",\"S1\"]", "split.validation=0.0"], "listed twice");
}

/// Acceptance case 2 on the real barcodes and positions.
#[test]
fn the_liver_split_is_the_published_one() {
    let Some(data) = std::env::var_os("PINFOLD_DATA").map(|d| PathBuf::from(d).join("gse240429")).filter(|d| d.is_dir()) else {
        eprintln!("skipped: PINFOLD_DATA is not set, or has no gse240429");
        return;
    };
    let mut ids = Vec::new();
    let (mut slides, mut in_files) = (Vec::new(), Vec::new());
    let mut counter = 0;
    for slide in 1..=4 {
        let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let places = read(data.join(format!("tissue_pos_matrices/tissue_positions_list_{slide}.csv")));
        let place: std::collections::BTreeMap<&str, (i64, i64)> = places
            .lines()
            .map(|l| l.split(',').collect::<Vec<_>>())
            .map(|c| (c[0], (c[2].parse().expect("row"), c[3].parse().expect("column"))))
            .collect();
        let barcodes = read(data.join(format!("filtered_expression_matrices/{slide}/barcodes.tsv")));
        let mut rows: Vec<((i64, i64), String)> =
            barcodes.lines().enumerate().map(|(i, b)| (place[b], format!("TRAIN_{:04}", counter + i))).collect();
        rows.sort();
        in_files.extend(rows.iter().map(|r| r.1[6..].parse::<u32>().expect("number") - counter as u32));
        counter += rows.len();
        slides.extend(std::iter::repeat_n(slide.to_string(), rows.len()));
        ids.extend(rows.into_iter().map(|r| r.1));
    }
    let liver = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/liver-effb0-8020.toml");
    let p = protocol::load(&liver, &[]).expect("sound").protocol;
    let fold = make(&p, &slides, &in_files).expect("folds").remove(0);
    let named = |rows: &[usize]| rows.iter().map(|&r| ids[r].as_str()).collect::<Vec<_>>();
    let (validation, train) = (named(&fold.validation), named(&fold.train));
    assert_eq!((validation.len(), train.len(), fold.test.len()), (1399, 5593, 2277));
    assert_eq!(validation[..5], ["TRAIN_3098", "TRAIN_2613", "TRAIN_7781", "TRAIN_0717", "TRAIN_4392"]);
    assert_eq!(validation[1397..], ["TRAIN_2455", "TRAIN_2332"]);
    assert_eq!(train[..5], ["TRAIN_3129", "TRAIN_8229", "TRAIN_8692", "TRAIN_2481", "TRAIN_8970"]);
    let prefix = |ids: &[&str]| Digest::of(ids.join("\n").as_bytes()).to_string()[..16].to_owned();
    assert_eq!((prefix(&validation).as_str(), prefix(&train).as_str()), ("93d4beb3187818cf", "68ad443122531b44"));
    let on = |slide: &str| fold.validation.iter().filter(|&&r| slides[r] == slide).count();
    assert_eq!([on("1"), on("2"), on("4")], [498, 455, 446]);
    assert!(fold.test.iter().all(|&r| slides[r] == "3"));
    assert_eq!((ids[0].as_str(), ids[4727].as_str()), ("TRAIN_1668", "TRAIN_6550"));

    // Acceptance case 3: BLEEP's split counts in the order of the barcode files, slide 3 left out.
    let bleep = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/liver-bleep.toml");
    let p = protocol::load(&bleep, &[]).expect("sound").protocol;
    let fold = make(&p, &slides, &in_files).expect("folds").remove(0);
    // Where a spot stands among slides 1, 2 and 4, barcode after barcode: the names count all four slides.
    let place = |row: usize| ids[row][6..].parse::<usize>().map(|i| if i >= 7004 { i - 2277 } else { i }).expect("number");
    let places = |rows: &[usize]| rows.iter().map(|&r| place(r)).collect::<Vec<_>>();
    let (train, validation) = (places(&fold.train), places(&fold.validation));
    assert_eq!((train.len(), validation.len()), (5593, 1399));
    assert_eq!(train[..8], [2086, 3317, 1488, 4403, 2806, 4006, 368, 5826]);
    assert_eq!(validation[..8], [3185, 1562, 2899, 6201, 3093, 4941, 4744, 4530]);
    assert_eq!(validation.iter().sum::<usize>(), 4_897_960);
}
