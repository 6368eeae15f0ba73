//! `stats::evaluate`: the golden summaries, the association of Moran's I with r, pooling, and bad input.

use pinfold::stats::evaluate::{Evaluation, FoldPredictions, Lattice, Pooling, Spec, SpotAt, Undefined, contrast, evaluate, interval};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn matrix(v: &Value) -> Vec<f64> {
    v.as_array().expect("rows").iter().flat_map(|row| row.as_array().expect("row").iter().map(|v| v.as_f64().expect("number"))).collect()
}

fn narrow(v: &[f64]) -> Vec<f32> {
    v.iter().map(|&v| v as f32).collect()
}

fn spec(pooling: Pooling, lattice: Lattice) -> Spec {
    Spec {
        pooling,
        undefined: Undefined::Skip,
        threshold: 0.3,
        lattice,
        groups: Vec::new(),
        ranked: Vec::new(),
        slides: false,
        headline: pinfold::stats::evaluate::Headline::Pcc,
        panel: "list@list".into(),
    }
}

fn spot(slide: &str, col: i32, row: i32) -> SpotAt {
    SpotAt { slide: slide.into(), id: format!("{col}x{row}"), array_col: col, array_row: row, x: f64::from(col), y: f64::from(row) }
}

fn value(e: &Evaluation, id: &str) -> Option<f64> {
    e.summary.iter().find(|m| m.id == id).unwrap_or_else(|| panic!("no metric {id}")).value
}

fn near(a: Option<f64>, b: f64, tolerance: f64) {
    assert!((a.expect("defined") - b).abs() < tolerance, "{a:?} {b}");
}

/// A fold of `g` genes on a row of spots; values by (spot, gene).
fn fold(
    name: &str,
    slide: &str,
    first_row: i64,
    n: usize,
    g: usize,
    truth: impl Fn(usize, usize) -> f32,
    guess: impl Fn(usize, usize) -> f32,
) -> FoldPredictions {
    let fill = |of: &dyn Fn(usize, usize) -> f32| (0..n * g).map(|i| of(i / g, i % g)).collect();
    FoldPredictions {
        name: name.into(),
        genes: (0..g).map(|i| format!("GENE{i}")).collect(),
        spots: (0..n).map(|i| spot(slide, i as i32, 0)).collect(),
        truth: fill(&truth),
        prediction: fill(&guess),
        constant: vec![0.5; g],
        rows: (first_row..first_row + n as i64).collect(),
    }
}

#[test]
fn the_golden_summary() {
    let file = golden("metrics");
    let s = &file["gene_summary"];
    let spots: Vec<SpotAt> = (0..30).map(|i| spot("s", i % 6, i / 6)).collect();
    let one = FoldPredictions {
        name: "all".into(),
        genes: (0..12).map(|g| format!("g{g}")).collect(),
        truth: narrow(&matrix(&s["truth"])),
        prediction: narrow(&matrix(&s["pred"])),
        constant: vec![0.0; 12],
        rows: (0..30).collect(),
        spots,
    };
    let mut spec = spec(Pooling::Oof, Lattice::Square);
    spec.groups = vec![("first".into(), vec!["g1".into(), "g2".into(), "elsewhere".into()])];
    let e = evaluate(std::slice::from_ref(&one), &[0.0; 12], &[], &spec).expect("evaluation");
    let due = |key: &str| s[key].as_f64().expect("number");
    assert_eq!(e.summary[0].id, "pcc/gene/oof/skip/list@list");
    near(e.summary[0].value, due("mean_defined"), 1e-6);
    assert_eq!((e.summary[0].n, e.spots, e.genes.len()), (9, 30, 12));
    near(value(&e, "pcc/gene/oof/zero/list@list"), due("mean_nan_as_zero"), 1e-6);
    near(value(&e, "pcc-median/gene/oof/skip/list@list"), due("median_defined"), 1e-6);
    near(value(&e, "pcc-sd/gene/oof/skip/list@list"), due("std_sample_defined"), 1e-6);
    near(value(&e, "mse/gene/pooled/skip/list@list"), due("mse_all"), 1e-6);
    assert_eq!(value(&e, "pcc-over-0.30/gene/oof/skip/list@list"), Some(4.0));
    assert_eq!(value(&e, "pcc-over-0.50/gene/oof/skip/list@list"), Some(2.0));
    let r: Vec<f64> = (1..3).map(|g| s["pcc"][g].as_f64().expect("number")).collect();
    near(value(&e, "pcc/gene/oof/skip/list@list+group:first"), (r[0] + r[1]) / 2.0, 1e-6);
    // Gene 3 is constant: undefined, and null in JSON, which reads back equal.
    assert_eq!((e.genes[3].pcc, e.genes[3].moran_truth), (None, None));
    let text = serde_json::to_string(&e).expect("JSON");
    assert!(text.contains(r#""gene":"g3","pcc":null,"spearman":null"#), "{text}");
    assert_eq!(serde_json::from_str::<Evaluation>(&text).expect("reads back"), e);
    // No two metrics share an id.
    let mut ids: Vec<&str> = e.summary.iter().map(|m| m.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), e.summary.len());
    spec.undefined = Undefined::Zero;
    let zero = evaluate(std::slice::from_ref(&one), &[0.0; 12], &[], &spec).expect("evaluation");
    assert_eq!((zero.summary[0].id.as_str(), zero.summary[0].n), ("pcc/gene/oof/zero/list@list", 12));
    assert_eq!(zero.summary[0].value, value(&e, "pcc/gene/oof/zero/list@list"));
    assert_eq!(value(&zero, "pcc/gene/oof/skip/list@list"), e.summary[0].value);
    spec.threshold = 0.301;
    let odd = evaluate(std::slice::from_ref(&one), &[0.0; 12], &[], &spec).expect("evaluation");
    assert_eq!(value(&odd, "pcc-over-0.301/gene/oof/skip/list@list"), Some(4.0));
    spec.groups = vec![("none".into(), vec!["elsewhere".into()])];
    assert!(evaluate(&[one], &[0.0; 12], &[], &spec).expect_err("empty group").what.contains("'none'"));
}

/// `golden/moran_pcc.json`: two hexagonal slides, 24 genes, made with SciPy and esda in double precision. Our
/// input is single precision, so numbers agree to some 1e-6; ranks, and so Spearman, agree fully.
#[test]
fn the_golden_association() {
    let file = golden("moran_pcc");
    let slides = file["slides"].as_array().expect("slides");
    let mut folds = Vec::new();
    let mut row = 0;
    for (i, s) in slides.iter().enumerate() {
        let counts = matrix(&s["counts"]);
        let expression: Vec<f64> = counts
            .chunks(24)
            .flat_map(|c| {
                let total: f64 = c.iter().sum();
                c.iter().map(move |v| (v * 1e4 / if total > 0.0 { total } else { 1.0 }).ln_1p())
            })
            .collect();
        let places = matrix(&s["array_row_col"]);
        let spots: Vec<SpotAt> = places.chunks(2).map(|p| spot(&format!("s{i}"), p[1] as i32, p[0] as i32)).collect();
        let n = spots.len() as i64;
        folds.push(FoldPredictions {
            name: format!("fold {i}"),
            genes: (0..24).map(|g| format!("g{g}")).collect(),
            spots,
            truth: narrow(&expression),
            prediction: narrow(&matrix(&s["pred"])),
            constant: vec![0.0; 24],
            rows: (row..row + n).collect(),
        });
        row += n;
    }
    let e = evaluate(&folds, &[0.0; 24], &[], &spec(Pooling::Oof, Lattice::Hex)).expect("evaluation");
    let combined = &file["combined"];
    let a = e.moran_vs_pcc.as_ref().expect("association");
    assert_eq!(a.genes as u64, combined["n_genes_defined"].as_u64().expect("count"));
    near(a.spearman, combined["spearman_I_pcc"]["rho"].as_f64().expect("rho"), 1e-12);
    near(a.pearson, combined["pearson_I_pcc"]["r"].as_f64().expect("r"), 1e-6);
    // The same with the genes' mean log expression as their abundance, against SciPy.
    let number = |key: &str| combined[key].as_f64().expect("a number");
    let mean: Vec<f64> = combined["mean_log"].as_array().expect("means").iter().map(|v| v.as_f64().unwrap_or(0.0)).collect();
    let with = evaluate(&folds, &mean, &[], &spec(Pooling::Oof, Lattice::Hex)).expect("evaluation");
    assert_eq!(with.drivers.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["moran-truth", "abundance", "zeros", "variance"]);
    let (i, abundance) = (&with.drivers[0], &with.drivers[1]);
    assert_eq!((i.genes, abundance.genes), (23, 23));
    near(i.spearman, combined["spearman_I_pcc"]["rho"].as_f64().expect("rho"), 1e-12);
    near(abundance.spearman, number("spearman_mean_pcc"), 1e-12);
    near(i.partial, number("partial_spearman_I_pcc_given_mean"), 1e-12);
    near(abundance.partial, number("partial_spearman_mean_pcc_given_I"), 1e-12);
    near(i.slope, combined["standardised_ols_pcc_on_I_mean"]["I"].as_f64().expect("slope"), 1e-6);
    near(abundance.slope, combined["standardised_ols_pcc_on_I_mean"]["mean_log"].as_f64().expect("slope"), 1e-6);
    for (ours, due) in i.quartiles.iter().zip(combined["mean_pcc_by_quartile"].as_array().expect("quarters")) {
        near(*ours, due.as_f64().expect("mean"), 1e-6);
    }
    let (low, high) = i.interval.expect("an interval");
    assert!(low < i.spearman.expect("rho") && i.spearman.expect("rho") < high, "{low} {high}");
    // SciPy's p by the t approximation is 0.065; 1,999 layouts scatter by some 0.006 around the exact one.
    assert!((i.p.expect("a p") - 0.065).abs() < 0.02, "{:?}", i.p);
    // A slide that is one block comes back whole in every resample; narrower blocks give the number room.
    for pooling in [Pooling::Oof, Pooling::Slide, Pooling::Fold] {
        let spec = spec(pooling, Lattice::Hex);
        let due = evaluate(&folds, &mean, &[], &spec).expect("evaluation").summary[0].value.expect("a mean");
        let (whole, blocks) = interval(&folds, &spec, 1000, 50, 3);
        assert_eq!(blocks, 2);
        let (low, high) = whole.expect("an interval");
        assert!((low - due).abs() < 1e-9 && (high - due).abs() < 1e-9, "{pooling:?}: {low} {due} {high}");
        let (narrow, blocks) = interval(&folds, &spec, 3, 500, 3);
        let (low, high) = narrow.expect("an interval");
        assert!(blocks > 10 && low < due && due < high && high - low < 0.5, "{pooling:?}: {low} {due} {high}, {blocks} blocks");
        assert_eq!(interval(&folds, &spec, 3, 500, 3).0, narrow, "the same seed, the same interval");
        assert_ne!(interval(&folds, &spec, 3, 500, 4).0, narrow);
    }
    // A model against itself, and against one that is better by 0.1 everywhere.
    let same = contrast(&e, &e).expect("genes");
    assert_eq!((same.genes, same.lost, same.test.p, same.interval), (23, 0, None, Some((0.0, 0.0))));
    let mut better = e.clone();
    better.genes.iter_mut().for_each(|g| g.pcc = g.pcc.map(|r| r + 0.1));
    better.genes[0].pcc = None;
    let found = contrast(&e, &better).expect("genes");
    assert_eq!((found.genes, found.lost, found.test.w_minus, found.test.rank_biserial), (22, 1, 0.0, Some(1.0)));
    assert!((found.test.mean - 0.1).abs() < 1e-12 && found.test.p.expect("a p") < 1e-3);
    for (g, gene) in e.genes.iter().enumerate() {
        match combined["I"][g].as_f64() {
            Some(due) => near(gene.moran_truth, due, 1e-6),
            None => assert_eq!(gene.moran_truth, None),
        }
        match combined["pcc_pooled"][g].as_f64() {
            Some(due) => near(gene.pcc, due, 1e-6),
            None => assert_eq!(gene.pcc, None),
        }
        for (f, part) in file["per_slide"].as_array().expect("slides").iter().enumerate() {
            if let Some(due) = part["pcc"][g].as_f64() {
                near(gene.pcc_by_fold[f], due, 1e-6);
            }
        }
        // Weighted by hand from the two slides.
        let parts: Vec<Option<f64>> = file["per_slide"].as_array().expect("slides").iter().map(|p| p["I_pred_row"][g].as_f64()).collect();
        let n: Vec<f64> = folds.iter().map(|f| f.spots.len() as f64).collect();
        if let (Some(i), Some(j)) = (parts[0], parts[1]) {
            near(gene.moran_prediction, (i * n[0] + j * n[1]) / (n[0] + n[1]), 1e-6);
        }
    }
}

#[test]
fn pooling_decides_the_number() {
    // In each fold the prediction follows the truth exactly, but the second fold is far off the first, the other
    // way round: pooled, the correlation is negative.
    let a = fold("a", "s1", 0, 6, 1, |i, _| i as f32, |i, _| i as f32);
    let b = fold("b", "s2", 6, 4, 1, |i, _| 100.0 + i as f32, |i, _| i as f32 - 100.0);
    let folds = [a, b];
    let of = |pooling| evaluate(&folds, &[1.0], &[], &spec(pooling, Lattice::Square)).expect("evaluation");
    let (oof, slide, by_fold) = (of(Pooling::Oof), of(Pooling::Slide), of(Pooling::Fold));
    assert!(oof.genes[0].pcc.expect("defined") < -0.9);
    assert_eq!((slide.genes[0].pcc, by_fold.genes[0].pcc), (Some(1.0), Some(1.0)));
    assert_eq!(oof.genes[0].pcc_by_fold, [Some(1.0), Some(1.0)]);
    assert_eq!(oof.by_fold[1].mean_pcc, Some(1.0));
    assert_eq!((oof.by_fold[1].spots, oof.by_fold[1].mse), (4, 40_000.0));
    // Errors by hand: six rows without any, four of 200 squared; of the constant 0.5, by the folds' own.
    assert_eq!(oof.genes[0].mse, 4.0 * 40_000.0 / 10.0);
    let constant: f64 = (0..6).map(|i| (f64::from(i) - 0.5).powi(2)).chain((0..4).map(|i| (f64::from(i) + 99.5).powi(2))).sum();
    near(Some(oof.genes[0].mse_constant), constant / 10.0, 1e-9);
    // One gene is too few for an association.
    assert_eq!(oof.moran_vs_pcc, None);
}

#[test]
fn bad_predictions_are_refused_in_words() {
    let good = || fold("a", "s1", 0, 4, 2, |i, g| (i + g) as f32, |i, _| i as f32);
    let spec = spec(Pooling::Oof, Lattice::Square);
    let refused = |folds: &[FoldPredictions], words: &str| {
        let failure = evaluate(folds, &[0.0; 2], &[], &spec).expect_err(words);
        assert!(failure.to_string().contains(words), "{failure}");
    };
    refused(&[], "no fold");
    refused(&[good(), good()], "held out more than once");
    refused(&[FoldPredictions { genes: vec![], truth: vec![], prediction: vec![], constant: vec![], ..good() }], "no gene");
    refused(&[FoldPredictions { spots: vec![], rows: vec![], truth: vec![], prediction: vec![], ..good() }], "no spot");
    refused(&[FoldPredictions { truth: vec![0.0; 7], ..good() }], "'truth' has 7 numbers");
    let mut nan = good();
    nan.prediction[5] = f32::NAN;
    refused(&[nan], "the prediction of gene GENE1 in row 2 is NaN");
    let other = FoldPredictions { name: "b".into(), genes: vec!["GENE0".into(), "X".into()], rows: vec![4, 5, 6, 7], ..good() };
    refused(&[good(), other], "fold 'b'");
    assert!(evaluate(&[good()], &[0.0; 3], &[], &spec).is_err());
    // Overlapping folds are fine when pooled per fold; the spots of both are counted, their places once.
    let by_fold = Spec { pooling: Pooling::Fold, ..spec };
    assert_eq!(evaluate(&[good(), good()], &[0.0; 2], &[], &by_fold).expect("evaluation").spots, 8);
}

#[test]
fn threads_do_not_change_a_bit() {
    let n = 60;
    let noise = |i: usize, g: usize| ((i * 7919 + g * 104_729) % 1013) as f32 / 1013.0;
    let folds = [fold("a", "s", 0, n, 21, noise, |i, g| noise(i + 3, g))];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| {
            serde_json::to_string(&evaluate(&folds, &[0.0; 21], &[], &spec(Pooling::Oof, Lattice::Square)).expect("evaluation"))
                .expect("JSON")
        })
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn predictions_read_back_and_are_checked() {
    let dir = tempfile::tempdir().expect("folder");
    let made = fold("left-out-C1", "C1", 10, 5, 3, |i, g| i as f32 + 0.1 * g as f32, |i, _| -(i as f32));
    made.write(dir.path()).expect("written");
    assert_eq!(FoldPredictions::read(dir.path()).expect("read"), made);
    let spots = std::fs::read_to_string(dir.path().join("spots.tsv")).expect("spots");
    assert!(spots.starts_with("slide\tid\tarray_col\tarray_row\tx\ty\nC1\t0x0\t0\t0\t0\t0\n"), "{spots}");
    let refused = |file: &str, text: &str, words: &str| {
        let path = dir.path().join(file);
        let before = std::fs::read(&path).expect("file");
        std::fs::write(&path, text).expect("written");
        let failure = FoldPredictions::read(dir.path()).expect_err(words);
        assert!(failure.to_string().contains(words), "{failure}");
        std::fs::write(&path, before).expect("written");
    };
    refused("genes.txt", "A\nB\n", "shape");
    refused("genes.txt", "A\n\nB\n", "genes.txt:2");
    refused("spots.tsv", "slide id\n", "spots.tsv:1");
    refused("spots.tsv", &spots.replace("2x0\t2", "2x0\ttwo"), "spots.tsv:4");
    refused("spots.tsv", &spots.replace("2x0\t2\t", "2x0\t"), "5 fields where 6 are due");
}
