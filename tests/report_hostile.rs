//! Figures of damaged numbers and names: every one ends, is a sound picture, and shows something.

#![allow(clippy::unwrap_used)]

mod report_examples;
use pinfold::base::Result;
use pinfold::report::*;
use report_examples as ex;
use std::sync::mpsc;
use std::time::Duration;

/// Numbers that come out of damaged files and diverged trainings.
const EVIL: [f64; 16] =
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 1e200, 1e99, -1e99, 1e40, 0.0, -0.0, 5e-324, 1e-300, 0.5, 1.0, -1.0];

/// Names that come out of somebody else's file.
fn names() -> Vec<String> {
    ["", " ", "漢字🧬", "a\u{202e}b\u{7}\n\u{1b}[31mc", "<script>alert(1)</script>", "ΔΨ-β₂ µ²"]
        .map(str::to_owned)
        .into_iter()
        .chain(["X".repeat(50_000), "word ".repeat(20_000)])
        .collect()
}

fn evil(i: usize) -> f64 {
    EVIL[i % EVIL.len()]
}

fn maybe(i: usize) -> Option<f64> {
    (i % 5 != 4).then(|| evil(i))
}

/// Runs with a limit, so that an endless loop fails the test and does not stop the suite.
fn ends(what: &str, draw: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> Result<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(draw()));
    receive.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|e| panic!("{what}: {e} (a panic, or no end within two minutes)"))
}

/// Draws, and checks that a sound picture with something on it came out.
fn sound(what: &str, draw: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> png::Rgb {
    let bytes = ends(what, draw).unwrap_or_else(|e| panic!("{what}: {e}"));
    if let Some(folder) = std::env::var_os("PINFOLD_FIGURES") {
        std::fs::write(std::path::Path::new(&folder).join(format!("hostile_{}.png", what.replace(' ', "_"))), &bytes).unwrap();
    }
    let (image, _) = png::decode(&bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(image.width == 1600 && (300..4000).contains(&image.height), "{what}: {} x {}", image.width, image.height);
    assert!(image.pixels.iter().any(|&p| p < 128), "{what}: an empty page");
    image
}

fn heading(i: usize) -> Heading {
    let all = names();
    let name = |k: usize| Some(all[k % all.len()].clone());
    Heading { title: name(i), finding: None, source: name(i + 3) }
}

#[test]
fn nothing_at_all() {
    sound("no curves", || training_curves(&TrainingCurves::default(), &[]));
    sound("no ranked genes", || genes_ranked(&GenesRanked::default(), &[]));
    sound("no moran", || moran_vs_pcc(&MoranVsPcc::default(), &[]));
    sound("no baseline", || baseline(&Baseline::default(), &[]));
    sound("no folds", || fold_scores(&FoldScores::default(), &[]));
    sound("no published", || published_vs_reproduced(&PublishedVsReproduced::default(), &[]));
    sound("no maps", || truth_vs_prediction(&TruthVsPrediction::default(), &[]));
}

#[test]
fn one_of_everything() {
    sound("one gene", || genes_ranked(&GenesRanked { names: 5, ..ex::ranked(1, true) }, &[]));
    sound("one moran", || moran_vs_pcc(&ex::moran(1, true), &[]));
    sound("one baseline", || baseline(&ex::base(1, false), &[]));
    sound("one fold", || fold_scores(&ex::folds(1), &[]));
    sound("one epoch", || training_curves(&ex::curves(1, 1, true), &[]));
    let mut one = ex::maps(4, false, 1, true);
    let genes: Vec<GeneMap> =
        one.genes.iter().map(|g| GeneMap { truth: g.truth[..1].to_vec(), prediction: g.prediction[..1].to_vec(), ..g.clone() }).collect();
    one.x.truncate(1);
    one.y.truncate(1);
    one.genes = genes;
    sound("one spot", move || truth_vs_prediction(&one, &[]));
}

#[test]
fn evil_numbers_in_genes() {
    let all = names();
    for (k, n) in [16usize, 400].into_iter().enumerate() {
        let gene = |i: usize| all[i % all.len()].clone();
        let class = |i: usize| (i % 3 != 0).then(|| all[(i / 3) % all.len()].clone());
        let ranked = GenesRanked {
            heading: heading(k),
            genes: (0..n).map(|i| RankedGene { gene: gene(i), pcc: maybe(i), class: class(i) }).collect(),
            noise_floor: Some(0.1),
            noise_label: all[6].clone(),
            threshold: Some(0.3),
            names: 30,
        };
        sound(&format!("evil ranked {n}"), move || genes_ranked(&ranked, &[]));
        let moran = MoranVsPcc {
            heading: heading(k + 1),
            genes: (0..n).map(|i| MoranGene { gene: gene(i), moran: maybe(i / 2), pcc: maybe(i), class: class(i) }).collect(),
            names: 40,
        };
        sound(&format!("evil moran {n}"), move || moran_vs_pcc(&moran, &[]));
        let base = Baseline {
            heading: heading(k + 2),
            genes: (0..n).map(|i| BaselineGene { gene: gene(i), mse: evil(i), mse_constant: evil(i / 3) }).collect(),
            unit: all[7].clone(),
            names: 40,
        };
        sound(&format!("evil baseline {n}"), move || baseline(&base, &[]));
    }
}

#[test]
fn evil_lines_and_bands_do_not_hang_a_figure_of_good_genes() {
    for (i, &v) in EVIL.iter().enumerate() {
        if v.abs() > 1e30 || !v.is_finite() {
            let ranked = GenesRanked { noise_floor: Some(v), threshold: Some(evil(i + 3)), ..ex::ranked(60, false) };
            sound(&format!("evil band {i}"), move || genes_ranked(&ranked, &[]));
        }
    }
}

#[test]
fn evil_numbers_in_trainings_and_folds() {
    let all = names();
    let point = |i: usize| EpochPoint {
        epoch: if i % 7 == 6 { usize::MAX } else { i },
        train_loss: evil(i),
        validation_loss: maybe(i + 1),
        validation_pcc: maybe(i + 2),
    };
    let curves = |folds: usize| TrainingCurves {
        heading: heading(folds),
        loss: all[6].clone(),
        folds: (0..folds)
            .map(|f| FoldCurve {
                name: all[f % all.len()].clone(),
                best_epoch: (f % 2 == 0).then_some(f),
                epochs: if f % 4 == 3 { vec![] } else { (0..24).map(|e| point(e + f)).collect() },
            })
            .collect(),
    };
    for folds in [1, 5, 40] {
        let input = curves(folds);
        sound(&format!("evil curves {folds}"), move || training_curves(&input, &[]));
    }
    for (what, wild) in [("diverged", 1e200), ("diverged less", 1e38), ("infinite", f64::INFINITY)] {
        let mut input = ex::curves(2, 12, true);
        input.folds[0].epochs[3].train_loss = wild;
        input.folds[1].epochs[5].validation_loss = Some(wild);
        sound(what, move || training_curves(&input, &[]));
    }
    for n in [3usize, 16, 3000] {
        let folds = (0..n)
            .map(|i| FoldPoint { name: all[i % all.len()].clone(), mean_pcc: maybe(i), mse: maybe(i + 2), mse_constant: maybe(i / 2) })
            .collect();
        let input = FoldScores { heading: heading(n), folds };
        sound(&format!("evil folds {n}"), move || fold_scores(&input, &[]));
    }
    let huge = FoldScores {
        heading: heading(0),
        folds: (0..3)
            .map(|i| FoldPoint { name: format!("f{i}"), mean_pcc: Some(9e98 + f64::from(i)), mse: Some(1.0), mse_constant: None })
            .collect(),
    };
    sound("huge folds", move || fold_scores(&huge, &[]));
}

#[test]
fn evil_numbers_beside_the_published_ones() {
    let all = names();
    let status = [Status::Read, Status::Secondary, Status::Unverified];
    let rows = |n: usize| -> Vec<PublishedRow> {
        (0..n)
            .map(|i| PublishedRow {
                label: all[i % all.len()].clone(),
                detail: all[(i + 4) % all.len()].clone(),
                published: maybe(i),
                status: status[i % 3],
                tolerance: maybe(i + 3),
                reproduced: maybe(i + 2),
            })
            .collect()
    };
    for n in [1, 6, 40] {
        let input = PublishedVsReproduced { heading: heading(n), rows: rows(n) };
        sound(&format!("evil published {n}"), move || published_vs_reproduced(&input, &[]));
    }
}

#[test]
fn evil_places_and_values_on_slides() {
    let all = names();
    let good = ex::maps(180, false, 2, true);
    let n = good.x.len();
    let cases: Vec<(&str, Vec<f64>, Vec<f64>)> = vec![
        ("evil places", (0..n).map(evil).collect(), (0..n).map(|i| evil(i + 1)).collect()),
        ("one place", vec![5.0; n], vec![7.0; n]),
        ("level line", (0..n).map(|i| i as f64).collect(), vec![3.0; n]),
        ("upright line", vec![3.0; n], (0..n).map(|i| i as f64).collect()),
        ("far outlier", (0..n).map(|i| if i == 0 { 9e8 } else { good.x[i] }).collect(), good.y.clone()),
        ("evil values", good.x.clone(), good.y.clone()),
        ("constant values", good.x.clone(), good.y.clone()),
    ];
    for (k, (what, x, y)) in cases.into_iter().enumerate() {
        let mut input = TruthVsPrediction { x, y, heading: heading(k), slide: all[(k + 5) % all.len()].clone(), ..good.clone() };
        input.unit = all[6].clone();
        for (i, g) in input.genes.iter_mut().enumerate() {
            g.gene = all[(k + i) % all.len()].clone();
            match what {
                "evil values" => {
                    g.truth = (0..n).map(evil).collect();
                    g.prediction = vec![f64::NAN; n];
                    g.pcc = Some(1e308);
                }
                "constant values" => {
                    g.truth = vec![2.5; n];
                    g.prediction = vec![2.5; n];
                    g.pcc = None;
                }
                _ => {}
            }
        }
        sound(what, move || truth_vs_prediction(&input, &[]));
    }
    for (i, scale) in [0.0, -1.0, f64::NAN, 1e300, 1e-300].into_iter().enumerate() {
        let mut input = good.clone();
        input.microns_per_pixel = Some([f64::NAN, -1.0, 0.0, 1e308, 1e-308][i]);
        input.thumbnail = input.thumbnail.map(|t| Thumbnail { scale, ..t });
        sound(&format!("thumbnail scale {i}"), move || truth_vs_prediction(&input, &[]));
    }
    let mut damaged = good.clone();
    damaged.thumbnail = Some(Thumbnail { image: png::Rgb { width: 10, height: 10, pixels: vec![0; 7] }, scale: 0.1 });
    sound("damaged thumbnail", move || truth_vs_prediction(&damaged, &[]));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let mut short = ex::maps(180, false, 2, false);
    short.y.pop();
    assert!(truth_vs_prediction(&short, &[]).is_err());
    let mut short = ex::maps(180, false, 2, false);
    short.genes[1].prediction.pop();
    let error = truth_vs_prediction(&short, &[]).unwrap_err();
    assert!(error.what.contains("FASN"), "{error}");
}
