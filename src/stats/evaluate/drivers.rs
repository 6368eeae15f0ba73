//! What goes with a gene's predictability: spatial organisation, abundance, dropout, variance.
//!
//! Source of the question: the abstract of the lightweight single-patch baseline (2026), which says that accuracy follows
//! spatial organisation, as Moran's I measures it, more than abundance. Its graph, layer and test are not published; the
//! definition here is `drivers/v1`: the PCC and Moran's I of each slide, averaged over slides by spots.

use super::types::{Driver, GeneScore};
use crate::base::Draw;
use crate::stats::bootstrap::{self, RESAMPLES, Resamples};
use crate::stats::correlation::{pearson, spearman};
use crate::stats::partial::{partial, slopes};
use crate::stats::ranks::{Ties, ranks};
use crate::stats::summary::{mean_of, quantile};
use rayon::prelude::*;

/// Genes below which nothing is said: four points make any line.
const FEWEST: usize = 8;
/// Layouts of gene labels for a p-value.
const LAYOUTS: u64 = 1999;
/// The seed of resamples and layouts: a constant, since a reader's wish is not part of the number.
const SEED: u32 = 0;

/// Every driver with its correlation with the PCC of each slide (`r`, one a gene); none with fewer than eight genes.
pub(super) fn drivers(genes: &[GeneScore], r: &[Option<f64>]) -> Vec<Driver> {
    type Of = fn(&GeneScore) -> Option<f64>;
    let moran: Of = |g| g.moran_truth;
    let abundance: Of = |g| Some(g.abundance);
    let all: [(&str, Of, &str, Of); 4] = [
        ("moran-truth", moran, "abundance", abundance),
        ("abundance", abundance, "moran-truth", moran),
        ("zeros", |g| Some(g.zeros), "moran-truth", moran),
        ("variance", |g| Some(g.variance), "moran-truth", moran),
    ];
    // The same genes for all, or the numbers would not compare.
    let mut used: Vec<(&GeneScore, f64)> = Vec::new();
    for (gene, r) in genes.iter().zip(r) {
        if let Some(r) = r.filter(|_| moran(gene).is_some()) {
            used.push((gene, r));
        }
    }
    if used.len() < FEWEST {
        return Vec::new();
    }
    let y: Vec<f64> = used.iter().map(|(_, r)| *r).collect();
    let column = |of: Of| used.iter().filter_map(|(g, _)| of(g)).collect::<Vec<f64>>();
    let resamples = Resamples::new(SEED, RESAMPLES, y.len());
    all.into_iter().map(|(name, of, held, other)| driver(name, &column(of), held, &column(other), &y, &resamples)).collect()
}

fn driver(name: &str, x: &[f64], held: &str, z: &[f64], y: &[f64], resamples: &Resamples) -> Driver {
    let rho = spearman(x, y);
    let plain = (pearson(x, y), pearson(z, y), pearson(x, z));
    let ranked = (rho, spearman(z, y), spearman(x, z));
    let rows: Vec<&[u32]> = resamples.rows().collect();
    let pick = |of: &[f64], row: &[u32]| row.iter().map(|&i| of[i as usize]).collect::<Vec<f64>>();
    let replicates: Vec<Option<f64>> = rows.par_iter().map(|row| spearman(&pick(x, row), &pick(y, row))).collect();
    let interval = rho.and_then(|_| bootstrap::percentile(&bootstrap::defined(&replicates)?, 0.95));
    Driver {
        name: name.to_owned(),
        genes: x.len(),
        spearman: rho,
        interval,
        p: rho.and_then(|rho| permutation_p(x, y, rho)),
        pearson: plain.0,
        held: held.to_owned(),
        partial: three(ranked).and_then(|(xy, zy, xz)| partial(xy, xz, zy)),
        slope: three(plain).and_then(|(xy, zy, xz)| slopes(xy, zy, xz)).map(|s| s.0),
        quartiles: quartiles(x, y),
    }
}

fn three(of: (Option<f64>, Option<f64>, Option<f64>)) -> Option<(f64, f64, f64)> {
    Some((of.0?, of.1?, of.2?))
}

/// Two-sided p of Spearman's rho: gene labels laid out anew, one added to both counts.
fn permutation_p(x: &[f64], y: &[f64], rho: f64) -> Option<f64> {
    let (x, y) = (ranks(x, Ties::Average)?, ranks(y, Ties::Average)?);
    // Ranks in another order give the same rho but for the last digits.
    let least = rho.abs() - 1e-12;
    let reached = (0..LAYOUTS)
        .into_par_iter()
        .filter(|&m| {
            let layout = Draw::keyed(u64::from(SEED), "drivers permutation", &[m]).permutation(x.len());
            let moved: Vec<f64> = layout.iter().map(|&i| x[i]).collect();
            pearson(&moved, &y).is_some_and(|r| r.abs() >= least)
        })
        .count() as u64;
    Some((reached + 1) as f64 / (LAYOUTS + 1) as f64)
}

/// Mean of y in each quarter of x; a value that equals a cut is in the lower one.
fn quartiles(x: &[f64], y: &[f64]) -> Vec<Option<f64>> {
    let cuts: Vec<f64> = [0.25, 0.5, 0.75].iter().filter_map(|q| quantile(x, *q)).collect();
    let quarter = |v: f64| cuts.iter().filter(|c| **c < v).count();
    (0..4).map(|q| mean_of(&x.iter().zip(y).filter(|(x, _)| quarter(**x) == q).map(|(_, y)| *y).collect::<Vec<_>>())).collect()
}
