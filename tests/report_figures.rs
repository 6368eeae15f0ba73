//! Figures: the same bytes every time, sound PNG files, and no input that breaks them.
//!
//! With `PINFOLD_FIGURES=/some/folder` the examples are written there, to be looked at.

#![allow(clippy::unwrap_used)]

mod report_examples;
use pinfold::report::*;
use report_examples as ex;

type Made = (&'static str, Vec<u8>);

fn all() -> Vec<Made> {
    let t = ex::text();
    vec![
        ("curves_5", training_curves(&ex::curves(5, 40, true), &t).unwrap()),
        ("curves_1_no_pcc", training_curves(&ex::curves(1, 20, false), &t).unwrap()),
        ("curves_36", training_curves(&ex::curves(36, 50, true), &t).unwrap()),
        ("genes_36", genes_ranked(&ex::ranked(36, true), &t).unwrap()),
        ("genes_250", genes_ranked(&ex::ranked(250, false), &t).unwrap()),
        ("genes_3000", genes_ranked(&ex::ranked(3000, true), &t).unwrap()),
        ("moran_36", moran_vs_pcc(&ex::moran(36, true), &t).unwrap()),
        ("moran_250", moran_vs_pcc(&ex::moran(250, false), &t).unwrap()),
        ("moran_3000", moran_vs_pcc(&ex::moran(3000, true), &t).unwrap()),
        ("baseline_36", baseline(&ex::base(36, false), &t).unwrap()),
        ("baseline_250", baseline(&ex::base(250, true), &t).unwrap()),
        ("baseline_3000", baseline(&ex::base(3000, true), &t).unwrap()),
        ("folds_8", fold_scores(&ex::folds(8), &t).unwrap()),
        ("folds_36", fold_scores(&ex::folds(36), &t).unwrap()),
        ("published", published_vs_reproduced(&ex::published(), &t).unwrap()),
        ("maps_180", truth_vs_prediction(&ex::maps(180, false, 3, true), &t).unwrap()),
        ("maps_256", truth_vs_prediction(&ex::maps(256, false, 2, false), &t).unwrap()),
        ("maps_2300", truth_vs_prediction(&ex::maps(2300, true, 3, true), &t).unwrap()),
    ]
}

#[test]
fn two_renders_are_the_same_bytes() {
    let (first, second) = (all(), all());
    for ((name, a), (_, b)) in first.iter().zip(&second) {
        assert!(a == b, "{name} differs between two renders");
        assert!(a.len() < 2_500_000, "{name} has {} bytes", a.len());
    }
    if let Some(folder) = std::env::var_os("PINFOLD_FIGURES") {
        for (name, bytes) in &first {
            std::fs::write(std::path::Path::new(&folder).join(format!("figures_{name}.png")), bytes).unwrap();
            println!("{name}: {} kB", bytes.len() / 1000);
        }
    }
}
