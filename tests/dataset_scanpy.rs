//! scanpy 1.11.5's normalisation and variable genes: `tests/golden/scanpy.json`, the scanpy part of the project's
//! golden file (generator `make_squidpy.py`).
//!
//! Tolerances: one unit in the last place of f32 for scaled counts and logarithms (NumPy's `log1pf` is not rounded
//! correctly everywhere); 2e-6 relative for means and dispersions, which come from such values through `expm1` in f32.
//! Chosen genes are equal, without tolerance.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::dataset::Counts;
use pinfold::dataset::expression::scanpy::{Median, log1p, median_total, most_variable, scaled, variability};
use serde_json::Value;

fn golden() -> Value {
    let all: Value = serde_json::from_str(include_str!("golden/scanpy.json")).unwrap();
    all["scanpy"].clone()
}

fn counts(g: &Value) -> Counts {
    let mut out = Counts::new();
    for row in g["counts"].as_array().unwrap() {
        out.push_row(row.as_array().unwrap().iter().enumerate().map(|(i, c)| (i as u32, c.as_u64().unwrap() as u32)));
    }
    out
}

fn close(found: f32, due: &Value, what: &str) {
    let due = due.as_f64().unwrap() as f32;
    let apart = (i64::from(found.to_bits()) - i64::from(due.to_bits())).abs();
    assert!(apart <= 1, "{what}: {found} where {due} is due");
}

#[test]
fn scaled_counts_and_logarithms_are_scanpys() {
    let g = golden();
    let c = counts(&g);
    let (positive, all) = (median_total(&c, Median::Positive), median_total(&c, Median::All));
    assert_eq!((Some(positive), Some(all)), (g["median_of_positive_totals"].as_f64(), g["median_of_all_totals"].as_f64()));
    for (key, target) in [
        ("normalize_total_default_csr_rows_0_1_7", all),
        ("normalize_total_default_dense_rows_0_1_7", positive),
        ("normalize_total_1e4_rows_0_1_7", 1e4),
    ] {
        for (i, row) in [0usize, 1, 7].into_iter().enumerate() {
            for gene in 0..40u32 {
                close(scaled(c.get(row, gene), c.total(row), target), &g[key][i][gene as usize], key);
            }
        }
    }
    for (i, row) in [0usize, 1, 7].into_iter().enumerate() {
        for gene in 0..40u32 {
            let v = log1p(scaled(c.get(row, gene), c.total(row), 1e4));
            close(v, &g["norm1e4_log1p_rows_0_1_7"][i][gene as usize], "log1p");
        }
    }
}

fn columns(c: &Counts, target: Option<f64>) -> Vec<Vec<f32>> {
    let mut out = vec![Vec::new(); 40];
    for row in 0..c.rows() {
        let (genes, values) = c.row(row);
        for (&g, &v) in genes.iter().zip(values) {
            let v = target.map_or(v as f32, |t| scaled(v, c.total(row), t));
            out[g as usize].push(log1p(v));
        }
    }
    out
}

fn near(found: f64, due: &Value, what: &str) {
    match due.as_f64() {
        None => assert!(found.is_nan(), "{what}: {found} where NaN is due"),
        Some(due) => assert!((found - due).abs() <= 2e-6 * due.abs().max(1.0), "{what}: {found} where {due} is due"),
    }
}

#[test]
fn variable_genes_are_scanpys_ties_included() {
    let g = golden();
    let c = counts(&g);
    let names: Vec<&str> = g["genes"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    for (key, target) in [("seurat|n_top=8|norm1e4_log1p", Some(1e4)), ("seurat|n_top=8|log1p_only", None)] {
        let due = &g["hvg"][key];
        let v = variability(&columns(&c, target), c.rows());
        for gene in 0..40 {
            if due["means"].is_array() {
                near(v.means[gene], &due["means"][gene], &format!("{key}: mean of {gene}"));
                near(v.dispersions[gene], &due["dispersions"][gene], &format!("{key}: dispersion of {gene}"));
            }
            // A normalised dispersion divides by a spread that may be small, so it is held to 2e-5.
            match due["dispersions_norm"][gene].as_f64() {
                None => assert!(v.normalised[gene].is_nan()),
                Some(z) => assert!((f64::from(v.normalised[gene]) - z).abs() < 2e-5, "{key}: {gene}: {} for {z}", v.normalised[gene]),
            }
        }
        let chosen: Vec<&str> = most_variable(&v, 8).iter().zip(&names).filter(|(c, _)| **c).map(|(_, n)| *n).collect();
        let due: Vec<&str> = due["selected"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        assert_eq!(chosen, due, "{key}");
        assert!(chosen.len() > 8, "the golden case has ties");
    }
}
