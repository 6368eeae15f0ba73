//! Our statistics against SciPy, scikit-learn and esda: `golden/metrics.json`, `golden/spatial_autocorr.json`.

use pinfold::base::Mt19937;
use pinfold::stats::correlation::{mean, pearson, spearman};
use pinfold::stats::lattice::{HEX, QUEEN, ROOK, lattice};
use pinfold::stats::moran::Graph;
use pinfold::stats::ranks::{Ties, ascending, descending, ranks};
use pinfold::stats::weights::{Transform, Weights};
use pinfold::stats::{error, nearest, normal, summary};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

/// A number, or not-a-number where the file says so in words.
fn number(v: &Value) -> f64 {
    v.as_f64().unwrap_or(f64::NAN)
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().expect("a list").iter().map(number).collect()
}

fn indices(v: &Value) -> Vec<usize> {
    v.as_array().expect("a list").iter().map(|i| i.as_u64().expect("an index") as usize).collect()
}

/// The chapter's tolerance for statistics; both undefined is equal too.
fn close(what: &str, ours: Option<f64>, theirs: &Value) {
    let theirs = number(theirs);
    match ours {
        None => assert!(theirs.is_nan(), "{what}: undefined, reference {theirs}"),
        Some(a) => assert!((a - theirs).abs() <= 1e-12 + 1e-10 * theirs.abs(), "{what}: {a}, reference {theirs}"),
    }
}

/// The tolerance for p-values: relative, down to 1e-300.
fn close_p(what: &str, ours: Option<f64>, theirs: &Value) {
    let theirs = number(theirs);
    match ours {
        None => assert!(theirs.is_nan(), "{what}: undefined, reference {theirs}"),
        Some(a) => assert!((a - theirs).abs() <= 1e-9 * theirs.abs(), "{what}: {a:e}, reference {theirs:e}"),
    }
}

#[test]
fn correlations_and_errors() {
    let file = golden("metrics");
    let cases = file["correlation"].as_array().expect("cases");
    assert_eq!(cases.len(), 14);
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let (x, y) = (numbers(&case["x"]), numbers(&case["y"]));
        close(name, pearson(&x, &y), &case["pearson_two_pass"]);
        close(name, spearman(&x, &y), &case["scipy_spearmanr"]["rho"]);
        close(name, Some(error::mse(&x, &y)), &case["mse"]);
        close(name, Some(error::rmse(&x, &y)), &case["rmse"]);
        close(name, Some(error::mae(&x, &y)), &case["mae"]);
        // For a constant truth scikit-learn answers 0, 1 or any huge number; where squares underflow, 1.
        match error::r2(&x, &y) {
            Some(r2) => close(name, Some(r2), &case["r2_true_x_pred_y"]),
            None => assert!(["constant_x", "both_constant", "constant_with_inexact_mean", "tiny_values"].contains(&name), "{name}"),
        }
        let narrow = |v: &[f64]| v.iter().map(|&v| f64::from(v as f32)).collect::<Vec<f64>>();
        close(name, pearson(&narrow(&x), &narrow(&y)), &case["pearson_inputs_f32_accum_f64"]);
    }
    let gap = &file["correlation_with_nan"][0];
    assert_eq!(pearson(&numbers(&gap["x"]), &numbers(&gap["y"])), None);
}

#[test]
fn ranks_and_orders() {
    let file = golden("metrics");
    for case in file["ranks"].as_array().expect("cases") {
        let x = numbers(&case["x"]);
        for (key, ties) in
            [("average", Ties::Average), ("min", Ties::Min), ("max", Ties::Max), ("dense", Ties::Dense), ("ordinal", Ties::Ordinal)]
        {
            assert_eq!(ranks(&x, ties), Some(numbers(&case[key])), "{} {key}", case["name"]);
        }
    }
    for case in file["orderings"].as_array().expect("cases") {
        let x = numbers(&case["x"]);
        assert_eq!(ascending(&x), indices(&case["argsort_stable"]));
        assert_eq!(descending(&x), indices(&case["argsort_stable_descending_of_negated"]));
    }
    assert_eq!(ranks(&[1.0, f64::NAN], Ties::Average), None);
}

#[test]
fn summaries_over_genes() {
    let file = golden("metrics");
    let s = &file["gene_summary"];
    let rows = |key: &str| s[key].as_array().expect("rows").iter().map(numbers).collect::<Vec<_>>();
    let (truth, prediction) = (rows("truth"), rows("pred"));
    let column = |m: &[Vec<f64>], g: usize| m.iter().map(|row| row[g]).collect::<Vec<f64>>();
    let pcc: Vec<Option<f64>> = (0..12).map(|g| pearson(&column(&truth, g), &column(&prediction, g))).collect();
    for (g, r) in pcc.iter().enumerate() {
        close(&format!("gene {g}"), *r, &s["pcc"][g]);
        close("mse", Some(error::mse(&column(&truth, g), &column(&prediction, g))), &s["mse_per_gene"][g]);
        if let Some(r2) = error::r2(&column(&truth, g), &column(&prediction, g)) {
            close("r2", Some(r2), &s["r2_per_gene"][g]);
        }
    }
    let defined: Vec<f64> = pcc.iter().copied().flatten().collect();
    let zero: Vec<f64> = pcc.iter().map(|r| r.unwrap_or(0.0)).collect();
    assert_eq!(defined.len() as u64, s["n_defined"].as_u64().expect("count"));
    close("mean", summary::mean_of(&defined), &s["mean_defined"]);
    close("mean with zeros", summary::mean_of(&zero), &s["mean_nan_as_zero"]);
    close("median", summary::median(&defined), &s["median_defined"]);
    close("median with zeros", summary::median(&zero), &s["median_nan_as_zero"]);
    close("population", summary::deviation(&defined, 0), &s["std_population_defined"]);
    close("sample", summary::deviation(&defined, 1), &s["std_sample_defined"]);
    for (i, q) in [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().enumerate() {
        close("quantile", summary::quantile(&defined, q), &s["quantiles_linear_0_25_50_75_100"][i]);
    }
    for (t, n) in s["count_ge"].as_object().expect("counts") {
        assert_eq!(summary::count_over(&defined, t.parse().expect("threshold")) as u64, n.as_u64().expect("count"), "{t}");
    }
    close("top 5", summary::top_mean(&defined, 5), &s["top5_mean"]);
    close("flat", pearson(&truth.concat(), &prediction.concat()), &s["flattened_pcc"]);
    close("mse of all", Some(error::mse(&truth.concat(), &prediction.concat())), &s["mse_all"]);
    close("mae of all", Some(error::mae(&truth.concat(), &prediction.concat())), &s["mae_all"]);
}

fn graph(file: &Value, name: &str, transform: &str) -> Graph {
    let entry = &file["graphs"][name];
    let lists: Vec<Vec<usize>> = entry["neighbors"].as_array().expect("lists").iter().map(indices).collect();
    let weights = match entry.get("weights") {
        Some(w) => Weights::given(
            lists.into_iter().zip(w.as_array().expect("lists")).map(|(l, w)| l.into_iter().zip(numbers(w)).collect()).collect(),
        ),
        None => Weights::binary(lists),
    };
    Graph::new(weights.transformed(if transform == "R" { Transform::Rows } else { Transform::Keep }))
}

#[test]
fn all_84_results_of_esda() {
    let file = golden("spatial_autocorr");
    let results = file["results"].as_array().expect("results");
    assert_eq!(results.len(), 84);
    for r in results {
        let (name, values, t) =
            (r["graph"].as_str().expect("graph"), r["values"].as_str().expect("values"), r["transformation"].as_str().expect("t"));
        let what = format!("{name} {values} {t}");
        let graph = graph(&file, name, t);
        let x = numbers(&file["graphs"][name]["values"][values]);
        let (m, theirs) = (graph.moran(&x), &r["moran"]);
        close(&what, m.map(|m| m.i), &theirs["I"]);
        close(&what, m.and_then(|m| m.variance_rand), &theirs["VI_rand"]);
        close(&what, m.and_then(|m| m.z_norm()), &theirs["z_norm"]);
        close(&what, m.and_then(|m| m.z_rand()), &theirs["z_rand"]);
        close_p(&what, m.and_then(|m| m.p_norm()), &theirs["p_norm_two_sided"]);
        close_p(&what, m.and_then(|m| m.p_rand()), &theirs["p_rand_two_sided"]);
        close_p(&what, m.and_then(|m| m.z_norm()).map(normal::one_sided), &theirs["p_norm_one_sided"]);
        if let Some(m) = m {
            close(&what, Some(m.expected), &theirs["EI"]);
            close(&what, m.variance_norm, &theirs["VI_norm"]);
        }
        let (c, theirs) = (graph.geary(&x), &r["geary"]);
        close(&what, c.map(|c| c.c), &theirs["C"]);
        close(&what, c.and_then(|c| c.variance_rand), &theirs["VC_rand"]);
        close(&what, c.and_then(|c| c.z_norm()), &theirs["z_norm"]);
        close(&what, c.and_then(|c| c.z_rand()), &theirs["z_rand"]);
        close_p(&what, c.and_then(|c| c.p_norm()), &theirs["p_norm_one_sided"]);
        close_p(&what, c.and_then(|c| c.p_rand()), &theirs["p_rand_one_sided"]);
        if let Some(c) = c {
            close(&what, c.variance_norm, &theirs["VC_norm"]);
        }
    }
}

#[test]
fn graphs_from_coordinates_are_those_of_pysal() {
    let file = golden("spatial_autocorr");
    for (name, entry) in file["graphs"].as_object().expect("graphs") {
        let lists: Vec<Vec<usize>> = entry["neighbors"].as_array().expect("lists").iter().map(indices).collect();
        let coords: Vec<Vec<f64>> = entry["coords"].as_array().expect("pairs").iter().map(numbers).collect();
        // Lattices are given as row, column; ours take column, row.
        let places: Vec<(i32, i32)> = coords.iter().map(|c| (c[1] as i32, c[0] as i32)).collect();
        let points: Vec<(f64, f64)> = coords.iter().map(|c| (c[0], c[1])).collect();
        let ours = match name.as_str() {
            "hex_ring1" => lattice(&places, &HEX),
            "square_rook" => lattice(&places, &ROOK),
            "square_queen" => lattice(&places, &QUEEN),
            "points_knn6_directed" => nearest::knn(&points, 6),
            "points_band25" => nearest::band(&points, 25.0),
            _ => continue,
        };
        assert_eq!(ours, Weights::binary(lists), "{name}");
        assert_eq!(ours.islands(), entry["islands"].as_array().expect("list").len());
        for (key, transform) in [("R", Transform::Rows), ("B", Transform::Keep)] {
            let m = ours.clone().transformed(transform).moments();
            let theirs = &entry["moments"][key];
            close(name, Some(m.s0), &theirs["s0"]);
            close(name, Some(m.s1), &theirs["s1"]);
            close(name, Some(m.s2), &theirs["s2"]);
        }
    }
}

/// esda permutes with NumPy's global generator; with the same stream our statistic gives the same draws.
#[test]
fn permutations_of_esda_with_its_own_random_stream() {
    let file = golden("spatial_autocorr");
    let cases = file["permutation"].as_array().expect("cases");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let name = case["graph"].as_str().expect("graph");
        let graph = graph(&file, name, case["transformation"].as_str().expect("t"));
        let x = numbers(&file["graphs"][name]["values"][case["values"].as_str().expect("values")]);
        let mut stream = Mt19937::new(12345);
        let sims: Vec<f64> = (0..199)
            .map(|_| {
                let order = stream.permutation(x.len());
                graph.moran(&order.iter().map(|&i| x[i]).collect::<Vec<_>>()).expect("defined").i
            })
            .collect();
        let theirs = &case["moran"];
        for (i, v) in numbers(&theirs["sim_first8"]).into_iter().enumerate() {
            assert!((sims[i] - v).abs() < 1e-12, "{name} draw {i}: {} {v}", sims[i]);
        }
        close("mean of draws", Some(mean(&sims)), &theirs["EI_sim"]);
        let observed = graph.moran(&x).expect("defined").i;
        let larger = sims.iter().filter(|&&s| s >= observed - 1e-12).count();
        let p = (larger.min(199 - larger) + 1) as f64 / 200.0;
        close("p_sim", Some(p), &theirs["p_sim"]);
    }
}
