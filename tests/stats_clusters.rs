//! Cluster scores and fused features against scikit-learn (`golden/clusters.json`); the positional code against acceptance
//! cases 21 and 22 of the liver chapter.

use pinfold::dataset::gse240429;
use pinfold::stats::clusters::scores;
use pinfold::stats::density::{Settings, hdbscan};
use pinfold::stats::fusion::{Block, CODE, Weighting, code, fuse, position};
use serde_json::Value;
use std::path::PathBuf;

fn golden() -> Value {
    let path = format!("{}/tests/golden/clusters.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// Sums of a few dozen terms in another order.
fn close(what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0), "{what}: {ours}, reference {theirs}");
}

#[test]
fn scores_are_scikit_learns() {
    let file = golden();
    let labels: Vec<i64> = file["labels"].as_array().expect("labels").iter().map(|l| l.as_i64().expect("a label")).collect();
    let points = numbers(&file["points"]);
    let found = scores(&points, 2, &labels);
    assert_eq!((found.clusters, found.points, found.noise), (4, 32, 3));
    for (key, ours) in
        [("silhouette", found.silhouette), ("calinski_harabasz", found.calinski_harabasz), ("davies_bouldin", found.davies_bouldin)]
    {
        close(key, ours, file[key].as_f64().expect("a score"));
    }
    // Cases without a score: the published code's values.
    let none = scores(&points, 2, &vec![0; labels.len()]);
    assert_eq!((none.clusters, none.silhouette, none.calinski_harabasz), (1, -1.0, 0.0));
    assert!(none.davies_bouldin.is_infinite());
    assert_eq!(scores(&points, 2, &vec![-1; labels.len()]).noise, labels.len());
}

/// Which points are together, whatever the clusters' numbers.
fn renumbered(labels: &[i64]) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    let number = |l: &i64| {
        if *l < 0 {
            return -1;
        }
        let at = seen.iter().position(|s| s == l).unwrap_or_else(|| {
            seen.push(*l);
            seen.len() - 1
        });
        at as i64
    };
    labels.iter().map(number).collect()
}

#[test]
fn clusters_are_scikit_learns() {
    let file = golden();
    let cloud = numbers(&file["cloud"]);
    for (key, due) in file["hdbscan"].as_object().expect("settings") {
        let part: Vec<f64> = key.split('|').map(|v| v.parse().expect("a number")).collect();
        let settings = Settings { min_cluster_size: part[0] as usize, min_samples: part[1] as usize, epsilon: part[2] };
        let found = hdbscan(&cloud, 2, settings).expect("clusters");
        let due: Vec<i64> = due.as_array().expect("labels").iter().map(|l| l.as_i64().expect("a label")).collect();
        // Edges of equal reachability are taken in another order, which moves a point between clusters now and then.
        let due = renumbered(&due);
        let apart = (0..due.len()).filter(|&i| found[i] != due[i]).count();
        assert!(apart <= 1 && found.len() == due.len(), "{key}: {apart} of {} points differ", due.len());
        assert!((0..5).all(|_| hdbscan(&cloud, 2, settings).expect("clusters") == found), "{key}: the same every time");
    }
    let settings = Settings { min_cluster_size: 2, min_samples: 3, epsilon: 0.0 };
    assert!(hdbscan(&cloud[..6], 2, settings).is_err() && hdbscan(&[0.0, f64::NAN, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0], 2, settings).is_err());
}

#[test]
fn features_are_fused_as_published_and_so_that_weights_count() {
    let file = golden();
    let (image, place) = (numbers(&file["image"]), numbers(&file["place"]));
    let of = |weights: (f64, f64), weighting| {
        fuse(&[Block { width: 5, values: &image, weight: weights.0 }, Block { width: 4, values: &place, weight: weights.1 }], weighting)
    };
    let before = Weighting::BeforeStandardising;
    let found = of((2.0, 100.0), before);
    for (ours, due) in found.iter().zip(numbers(&file["fused"])) {
        close("fused", *ours, due);
    }
    // Case 22: standardising takes the weights out again (C2); powers of two to the last bit.
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&of((0.5, 50.0), before)), bits(&of((1.0, 100.0), before)));
    assert_eq!(bits(&of((1.0, 100.0), before)), bits(&found));
    let odd = of((1.0, 500.0), before);
    assert!(odd.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-6));
    let after = of((2.0, 100.0), Weighting::AfterStandardising);
    assert!(after.iter().zip(&found).enumerate().all(|(i, (a, b))| (a - b * if i % 9 < 5 { 2.0 } else { 100.0 }).abs() < 1e-9));
}

#[test]
fn the_positional_code() {
    // Case 21.
    let due = [0.247403959, 0.968912422, 0.841470985, 0.540302306, 0.140122695, 0.990134148, 0.53316844, 0.84600911];
    let found = code(0.25, 1.0);
    found.iter().zip(due).for_each(|(a, b)| assert!((a - b).abs() < 5e-10, "{a} {b}"));
    let norm = found.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((norm - 5.65685425).abs() < 1e-8);
    // The slowest frequency: sin(x ω) is x ω for so small an ω.
    assert!((code(1.0, 0.0)[60] - 1.7782794e-4).abs() < 1e-11);
    // A slide that is one row of spots: both axes count as 0.
    assert_eq!(position(&[(3, 1), (3, 5)]), [code(0.0, 0.0), code(0.0, 0.0)].concat());
    let Some(root) = std::env::var_os("PINFOLD_DATA").map(PathBuf::from).and_then(|r| gse240429::data_folder(&r).ok()) else {
        eprintln!("skipped: PINFOLD_DATA is not set, or has no gse240429");
        return;
    };
    let text = std::fs::read_to_string(root.join("tissue_pos_matrices/tissue_positions_list_1.csv")).expect("positions");
    let fields = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let inside: Vec<(i32, i32)> =
        text.lines().map(fields).filter(|f| f[1] == "1").map(|f| (f[2].parse().expect("a row"), f[3].parse().expect("a column"))).collect();
    assert_eq!(inside.len(), 2378);
    let table = position(&inside);
    let sum = |column: usize| table.iter().skip(column).step_by(CODE).sum::<f64>();
    for (column, due) in [998.513473, 2092.639822, 1177.883721, 1974.746015, 584.295982, 2285.625426].into_iter().enumerate() {
        assert!((sum(column) - due).abs() < 1e-6, "column {column}: {}", sum(column));
    }
    let first = inside.iter().position(|p| *p == (17, 71)).expect("the first spot");
    let row = &table[first * CODE..first * CODE + 6];
    row.iter().zip([0.0, 1.0, 0.527415386, 0.849607563, 0.0, 1.0]).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{a} {b}"));
}
