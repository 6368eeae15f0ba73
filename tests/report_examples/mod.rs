//! Made-up data of realistic sizes for the figures' tests.
#![allow(dead_code)]

use pinfold::base::Draw;
use pinfold::report::png::Rgb;
use pinfold::report::*;

pub const SYMBOLS: [&str; 36] = [
    "GNAS", "FASN", "ERBB2", "MYL12B", "SCD", "HSP90AB1", "CLDN3", "SPARC", "COL1A1", "COL3A1", "IGKC", "IGHG3", "ACTG1", "ACTB", "TMSB10",
    "PFN1", "KRT19", "KRT8", "KRT18", "TAGLN2", "APOE", "FN1", "VIM", "CD74", "HLA-DRA", "B2M", "SSR4", "XBP1", "PABPC1", "EEF2", "FTH1",
    "FTL", "UBA52", "RPLP1", "MT-CO2", "AEBP1",
];

/// A draw of mean 0 and deviation 1 by sums alone: `Draw::normal` asks the platform for ln and cos, and golden pixels
/// must not depend on those.
fn normal(d: &mut Draw) -> f64 {
    (0..12).map(|_| d.uniform(0.0, 1.0)).sum::<f64>() - 6.0
}

/// A triangle wave of period 2π from −1 to 1, with the platform's cosine out of the way.
fn wave(t: f64) -> f64 {
    let turns = t / std::f64::consts::TAU;
    4.0 * (turns - turns.floor() - 0.5).abs() - 1.0
}

pub fn text() -> Vec<(String, String)> {
    [("pinfold", "0.1.0"), ("protocol", "her2st-densenet"), ("lock", "0f3c"), ("commit", "b68fcdc")]
        .map(|(k, v)| (k.into(), v.into()))
        .to_vec()
}

pub fn gene(i: usize) -> String {
    SYMBOLS.get(i).map_or_else(|| format!("GENE{i}"), |s| (*s).to_owned())
}

pub fn source() -> Heading {
    Heading { source: Some("pinfold · her2st-densenet · protocol 3f1c90ab77de".into()), ..Heading::default() }
}

pub fn ranked(n: usize, classes: bool) -> GenesRanked {
    let mut d = Draw::keyed(1, "genes", &[n as u64]);
    let genes = (0..n)
        .map(|i| {
            let class = d.below(10);
            let (class, mean) = if class < 3 {
                ("signal", 0.45)
            } else if class < 6 {
                ("gradient", 0.2)
            } else {
                ("noise", 0.0)
            };
            let pcc = (mean + 0.09 * normal(&mut d)).clamp(-1.0, 1.0);
            RankedGene { gene: gene(i), pcc: (i % 71 != 70).then_some(pcc), class: classes.then(|| class.to_owned()) }
        })
        .collect();
    GenesRanked {
        heading: source(),
        genes,
        noise_floor: Some(0.062),
        noise_label: "noise floor (95 % of shuffles)".into(),
        threshold: Some(0.3),
        names: 12,
    }
}

pub fn moran(n: usize, classes: bool) -> MoranVsPcc {
    let mut d = Draw::keyed(2, "moran", &[n as u64]);
    let genes = ranked(n, true)
        .genes
        .into_iter()
        .map(|g| MoranGene {
            moran: Some(0.05 + 0.6 * g.pcc.unwrap_or(0.0).max(0.0) + 0.06 * normal(&mut d)),
            gene: g.gene,
            pcc: g.pcc,
            class: g.class.filter(|_| classes),
        })
        .collect();
    MoranVsPcc { heading: source(), genes, names: 14 }
}

pub fn base(n: usize, wide: bool) -> Baseline {
    let mut d = Draw::keyed(3, "base", &[n as u64]);
    let genes = (0..n)
        .map(|i| {
            let constant =
                if wide { [0.003, 0.01, 0.03, 0.1, 0.3, 1.0][d.below(6) as usize] * d.uniform(1.0, 3.2) } else { d.uniform(0.3, 1.6) };
            BaselineGene { gene: gene(i), mse: constant * d.uniform(0.62, 1.12), mse_constant: constant }
        })
        .collect();
    Baseline { heading: source(), genes, unit: "(ln(1 + x))²".into(), names: 10 }
}

pub fn curves(folds: usize, epochs: usize, pcc: bool) -> TrainingCurves {
    let folds = (0..folds)
        .map(|f| {
            let mut d = Draw::keyed(4, "curves", &[f as u64]);
            let level = d.uniform(0.5, 0.6);
            let epochs: Vec<EpochPoint> = (1..=epochs)
                .map(|e| {
                    let t = e as f64 / epochs as f64;
                    let train = level * (0.5 + 0.9 / (1.0 + 8.0 * t)) + 0.004 * normal(&mut d);
                    let validation = level * (0.72 + 0.7 / (1.0 + 10.0 * t) + 0.16 * t * t) + 0.012 * normal(&mut d);
                    let r = 0.36 - 0.3 / (1.0 + 9.0 * t) - 0.05 * t * t + 0.01 * normal(&mut d);
                    EpochPoint { epoch: e, train_loss: train, validation_loss: Some(validation), validation_pcc: pcc.then_some(r) }
                })
                .collect();
            let best =
                epochs.iter().min_by(|a, b| a.validation_loss.unwrap_or(9.0).total_cmp(&b.validation_loss.unwrap_or(9.0))).map(|e| e.epoch);
            FoldCurve { name: format!("fold {}", f + 1), best_epoch: best, epochs }
        })
        .collect();
    TrainingCurves { heading: source(), loss: "mean squared error of ln(1 + x)".into(), folds }
}

pub fn folds(n: usize) -> FoldScores {
    let mut d = Draw::keyed(5, "folds", &[n as u64]);
    let folds = (0..n)
        .map(|i| FoldPoint {
            name: format!("patient {}", (b'A' + (i % 26) as u8) as char),
            mean_pcc: (i != 5).then(|| d.uniform(0.08, 0.42)),
            mse: Some(d.uniform(0.5, 0.75)),
            mse_constant: Some(0.68),
        })
        .collect();
    FoldScores { heading: source(), folds }
}

pub fn published() -> PublishedVsReproduced {
    let row = |label: &str, detail: &str, published, status, tolerance, reproduced| PublishedRow {
        label: label.into(),
        detail: detail.into(),
        published,
        status,
        tolerance,
        reproduced,
    };
    PublishedVsReproduced {
        heading: source(),
        rows: vec![
            row("Mean PCC", "pcc/gene/oof/skip/top-mean-250@all", Some(0.239), Status::Read, Some(0.02), Some(0.2471)),
            row("Median PCC", "pcc-median/gene/oof/skip/top-mean-250@all", Some(0.31), Status::Secondary, Some(0.03), Some(0.2619)),
            row(
                "Mean PCC, slide by slide",
                "pcc/gene/slide/skip/top-mean-250@all",
                Some(0.41),
                Status::Unverified,
                Some(0.05),
                Some(0.2244),
            ),
            row("Mean squared error", "mse/gene/oof/skip/top-mean-250@all", None, Status::Unverified, None, Some(0.5123)),
        ],
    }
}

/// A roundish tissue with a lattice of about `n` spots, hexagonal or square, and an image of it.
pub fn maps(n: usize, hex: bool, genes: usize, image: bool) -> TruthVsPrediction {
    let mut d = Draw::keyed(6, "maps", &[n as u64]);
    let side = (n as f64 * 1.45).sqrt().ceil() as i32;
    let pitch = 270.0;
    let size = pitch * f64::from(side + 1);
    let (mut x, mut y) = (vec![], vec![]);
    for r in 0..side {
        for c in 0..side {
            let (px, py) = (pitch * (f64::from(c) + 1.0 + if hex && r % 2 == 1 { 0.5 } else { 0.0 }), pitch * (f64::from(r) + 1.0));
            let (u, v) = (px / size - 0.5, py / size - 0.5);
            if u * u / 0.22 + v * v / 0.17 + 0.25 * u * v < 1.0 {
                x.push(px + 6.0 * normal(&mut d));
                y.push(py + 6.0 * normal(&mut d));
            }
        }
    }
    let field = |k: usize, u: f64, v: f64| match k {
        0 => 2.2 / (1.0 + 30.0 * ((u - 0.15) * (u - 0.15) + (v + 0.1) * (v + 0.1))),
        1 => 1.0 + 1.6 * u + 0.6 * v,
        _ => 0.6 + 0.5 * if wave(u * 14.0) * wave(v * 11.0) > 0.2 { 1.0 } else { 0.0 },
    };
    let genes = (0..genes)
        .map(|k| {
            let at: Vec<(f64, f64)> = x.iter().zip(&y).map(|(px, py)| (px / size - 0.5, py / size - 0.5)).collect();
            let truth = at.iter().map(|(u, v)| (field(k, *u, *v) + 0.25 * normal(&mut d)).max(0.0)).collect();
            let prediction = at.iter().map(|(u, v)| 0.5 + 0.6 * field(k, *u, *v) + 0.08 * normal(&mut d)).collect();
            GeneMap { gene: SYMBOLS[k].into(), pcc: Some([0.81, 0.55, 0.12, -0.04][k % 4]), truth, prediction }
        })
        .collect();
    let thumbnail = image.then(|| {
        let (w, h) = (900usize, 900usize);
        let scale = w as f64 / size;
        let mut pixels = Vec::with_capacity(w * h * 3);
        for py in 0..h {
            for px in 0..w {
                let (u, v) = (px as f64 / w as f64 - 0.5, py as f64 / h as f64 - 0.5);
                let grain = 12.0 * (wave(u * 190.0) * wave(v * 170.0));
                let inside = u * u / 0.23 + v * v / 0.18 + 0.25 * u * v < 1.0;
                let base = if inside { [206.0 + 0.5 * grain, 140.0 + grain, 190.0 + 0.4 * grain] } else { [243.0, 241.0, 244.0] };
                pixels.extend(base.map(|c| c as u8));
            }
        }
        Thumbnail { image: Rgb { width: w, height: h, pixels }, scale }
    });
    TruthVsPrediction {
        heading: source(),
        slide: "B1".into(),
        thumbnail,
        x,
        y,
        microns_per_pixel: Some(0.74),
        unit: "ln(1 + x), library size 10,000".into(),
        genes,
    }
}
