//! Paired tests, adjusted p-values and bootstrap intervals against SciPy and NumPy: `golden/multitest.json`.

use pinfold::stats::adjust::{benjamini_hochberg, holm};
use pinfold::stats::bootstrap::{self, Resamples, picked_mean};
use pinfold::stats::correlation::mean;
use pinfold::stats::summary::{deviation, median};
use pinfold::stats::wilcoxon::{Method, signed_rank};
use proptest::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    let path = format!("{}/tests/golden/multitest.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().expect("a list").iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn some(v: &[f64]) -> Vec<Option<f64>> {
    v.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect()
}

/// Sums of a few dozen products in another order: 1e-12 of the value.
fn close(what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-15 + 1e-12 * theirs.abs(), "{what}: {ours:e}, reference {theirs:e}");
}

#[test]
fn adjusted_p_values() {
    let file = golden();
    let cases = file["multiple_testing"].as_array().expect("cases");
    assert!(cases.len() >= 6);
    for case in cases {
        let p = some(&numbers(&case["p"]));
        for (name, ours) in [("bh", benjamini_hochberg(&p)), ("holm", holm(&p))] {
            for (a, b) in ours.iter().zip(numbers(&case[name])) {
                close(&format!("{} {name}", case["name"]), a.expect("defined"), b);
            }
        }
    }
    let gaps = &file["multiple_testing_nan"];
    let ours = benjamini_hochberg(&some(&numbers(&gaps["p"])));
    for (a, b) in ours.iter().zip(numbers(&gaps["bh_nan_excluded"])) {
        assert_eq!(a.is_none(), b.is_nan(), "what is undefined is no part of the family");
        close("with gaps", a.unwrap_or(0.0), if b.is_nan() { 0.0 } else { b });
    }
    assert!(benjamini_hochberg(&[]).is_empty());
}

#[test]
fn signed_ranks() {
    let mut exact = 0;
    for case in golden()["paired"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("name");
        let d: Vec<f64> = numbers(&case["x"]).iter().zip(numbers(&case["y"])).map(|(x, y)| x - y).collect();
        let found = signed_rank(&d).expect("differences");
        let due = |key: &str| case[key].as_f64();
        assert_eq!((found.n + found.zeros) as f64, due("n").expect("n"), "{name}");
        assert_eq!(found.zeros as f64, due("n_zero").expect("zeros"), "{name}");
        assert_eq!((Some(found.w_plus), Some(found.w_minus)), (due("w_plus"), due("w_minus")), "{name}");
        close(name, found.mean, due("mean_diff").expect("mean"));
        close(name, found.median, due("median_diff").expect("median"));
        close(name, found.hodges_lehmann, due("hodges_lehmann").expect("shift"));
        if let Some(due) = due("matched_rank_biserial") {
            close(name, found.rank_biserial.expect("an effect"), due);
        }
        let kind = if found.method == Method::Exact { "exact" } else { "asymptotic" };
        exact += usize::from(found.method == Method::Exact);
        match case["scipy_wilcoxon"][format!("wilcox|two-sided|nocc|{kind}")]["p"].as_f64() {
            Some(p) if found.n > 0 => close(name, found.p.expect("a p"), p),
            _ => assert_eq!(found.p, None, "{name}: nothing differs"),
        }
    }
    assert!(exact >= 3, "both ways are tested");
    assert!(signed_rank(&[]).is_none() && signed_rank(&[1.0, f64::NAN]).is_none());
}

#[test]
fn intervals() {
    let file = golden();
    let case = &file["bootstrap"];
    let values = numbers(&case["values"]);
    let resamples = Resamples::new(7, 2000, values.len());
    let first: Vec<f64> = resamples.rows().next().expect("a row").iter().map(|i| f64::from(*i)).collect();
    assert_eq!(first, numbers(&case["first_row_indices"]), "NumPy's indices");
    let replicates = bootstrap::defined(&resamples.of(|pick| Some(picked_mean(&values, pick)))).expect("defined");
    close("mean of means", mean(&replicates), case["boot_mean_of_means"].as_f64().expect("number"));
    close("standard error", deviation(&replicates, 1).expect("several"), case["boot_se_ddof1"].as_f64().expect("number"));
    let theta = mean(&values);
    let interval = |what: &str, found: Option<(f64, f64)>, due: &Value| {
        let ((low, high), due) = (found.expect("an interval"), numbers(due));
        close(what, low, due[0]);
        close(what, high, due[1]);
    };
    interval("percentile", bootstrap::percentile(&replicates, 0.95), &case["percentile_95"]);
    interval("basic", bootstrap::basic(theta, &replicates, 0.95), &case["basic_95"]);
    let without = |i: usize| values.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| *v).collect::<Vec<_>>();
    let left_out: Vec<f64> = (0..values.len()).map(|i| mean(&without(i))).collect();
    let (low, high) = bootstrap::accelerated(theta, &replicates, &left_out, 0.95).expect("an interval");
    let due = numbers(&case["bca"]["interval_95"]);
    // The acceleration is a sum of cubes that nearly cancel.
    assert!((low - due[0]).abs() < 1e-9 && (high - due[1]).abs() < 1e-9, "{low} {high} {due:?}");
    let medians = bootstrap::defined(&resamples.of(|pick| median(&pick.iter().map(|&i| values[i as usize]).collect::<Vec<_>>())));
    interval("median", bootstrap::percentile(&medians.expect("defined"), 0.95), &case["median"]["percentile_95"]);
    let paired = &case["paired_difference"];
    let d = numbers(&paired["d"]);
    let replicates = bootstrap::defined(&resamples.of(|pick| Some(picked_mean(&d, pick)))).expect("defined");
    interval("paired", bootstrap::percentile(&replicates, 0.95), &paired["percentile_95"]);
    close("paired p", bootstrap::two_sided_p(&replicates), paired["two_sided_p_percentile_plus1"].as_f64().expect("number"));
    assert!(bootstrap::defined(&[Some(1.0), None]).is_none(), "half undefined: no interval");
}

proptest! {
    /// The exact p by all sign patterns.
    #[test]
    fn exact_p_is_the_share_of_sign_patterns(d in prop::collection::vec(-1000i32..1000, 1..11)) {
        let d: Vec<f64> = d.into_iter().map(f64::from).collect();
        let found = signed_rank(&d).expect("differences");
        if found.method == Method::Exact && found.n > 0 {
            let observed = found.w_plus.min(found.w_minus);
            let patterns = 1u32 << found.n;
            let sum = |signs: u32| (0..found.n).filter(|i| signs >> i & 1 == 1).map(|i| (i + 1) as f64).sum::<f64>();
            let at_most = (0..patterns).filter(|&s| sum(s) <= observed).count();
            let due = (2.0 * at_most as f64 / f64::from(patterns)).min(1.0);
            prop_assert!((found.p.expect("a p") - due).abs() < 1e-12);
        }
    }

    /// Adjusting keeps the order, never makes a p smaller, and Holm is never below Benjamini and Hochberg.
    #[test]
    fn adjusting_keeps_the_order(p in prop::collection::vec(0.0f64..=1.0, 1..40)) {
        let (q, h) = (benjamini_hochberg(&some(&p)), holm(&some(&p)));
        for i in 0..p.len() {
            let (qi, hi) = (q[i].expect("q"), h[i].expect("h"));
            prop_assert!(qi >= p[i] - 1e-15 && hi >= qi - 1e-12 && hi <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (qi <= q[j].expect("q") && hi <= h[j].expect("h")));
            }
        }
    }
}
