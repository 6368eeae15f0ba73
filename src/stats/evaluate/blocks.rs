//! How far the headline would move with other spots of the same slides: a bootstrap of blocks of neighbouring spots.
//!
//! Spots of a slide are not independent, so single spots must not be drawn; blocks as wide as expression stays alike are.
//! Blocks are drawn within their slide. The interval says nothing of another donor.

use super::compute::mean_with;
use super::types::{FoldPredictions, Lattice, Pooling, Spec};
use crate::base::Mt19937;
use crate::stats::bootstrap;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Sums over some spots, for one gene: t, p, t², p², t·p of centred values.
type Sums = [f64; 5];

/// A slide's spots by block, each with its fold and its row there.
type Members = BTreeMap<(i32, i32), Vec<(usize, usize)>>;

/// Blocks of spots of one slide.
struct Stratum {
    blocks: Vec<Block>,
}

struct Block {
    /// For each part that the block's spots belong to: the part, its spots, the sums of each gene. A part is what a
    /// correlation is taken over: everything (0), a slide or a fold.
    parts: Vec<(usize, f64, Vec<Sums>)>,
}

/// The 95 % percentile interval of the mean PCC over `count` resamples of blocks that are `side` spots wide, and how many
/// blocks there are. None where more than one resample in a hundred is undefined.
///
/// Each resample draws, slide after slide in order of first appearance, as many blocks as the slide has, with NumPy's
/// `RandomState(seed).randint`. Panics on folds that [`super::evaluate`] would refuse, and on a side of 0.
pub fn interval(folds: &[FoldPredictions], spec: &Spec, side: i32, count: usize, seed: u32) -> (Option<(f64, f64)>, usize) {
    assert!(side > 0, "a block has a side");
    let genes = folds.first().map_or(0, |f| f.genes.len());
    let strata = strata(folds, spec, side, genes);
    let blocks = strata.iter().map(|s| s.blocks.len()).sum();
    let mut generator = Mt19937::new(seed);
    let draws: Vec<Vec<Vec<f64>>> = (0..count)
        .map(|_| {
            let mut times: Vec<Vec<f64>> = strata.iter().map(|s| vec![0.0; s.blocks.len()]).collect();
            for of in &mut times {
                let n = of.len() as u64;
                (0..n).for_each(|_| of[generator.below(n) as usize] += 1.0);
            }
            times
        })
        .collect();
    let replicates: Vec<Option<f64>> = draws.par_iter().map(|times| replicate(&strata, times, genes, spec)).collect();
    (bootstrap::defined(&replicates).and_then(|r| bootstrap::percentile(&r, 0.95)), blocks)
}

fn strata(folds: &[FoldPredictions], spec: &Spec, side: i32, genes: usize) -> Vec<Stratum> {
    let mut slides: Vec<&str> = Vec::new();
    let mut members: Vec<Members> = Vec::new();
    // On a staggered array two columns make one step.
    let wide = if spec.lattice == Lattice::Hex { 2 * side } else { side };
    for (f, fold) in folds.iter().enumerate() {
        for (row, spot) in fold.spots.iter().enumerate() {
            let slide = slides.iter().position(|s| *s == spot.slide).unwrap_or_else(|| {
                slides.push(&spot.slide);
                members.push(BTreeMap::new());
                slides.len() - 1
            });
            let block = (spot.array_row.div_euclid(side), spot.array_col.div_euclid(wide));
            members[slide].entry(block).or_default().push((f, row));
        }
    }
    let centre = centres(folds, genes);
    let part = |slide: usize, fold: usize| match spec.pooling {
        Pooling::Oof => 0,
        Pooling::Slide => slide,
        Pooling::Fold => fold,
    };
    let block = |slide: usize, spots: &[(usize, usize)]| {
        let mut parts: BTreeMap<usize, (f64, Vec<Sums>)> = BTreeMap::new();
        for &(f, row) in spots {
            let (n, sums) = parts.entry(part(slide, f)).or_insert_with(|| (0.0, vec![[0.0; 5]; genes]));
            *n += 1.0;
            for (g, sum) in sums.iter_mut().enumerate() {
                let t = f64::from(folds[f].truth[row * genes + g]) - centre[g].0;
                let p = f64::from(folds[f].prediction[row * genes + g]) - centre[g].1;
                for (s, v) in sum.iter_mut().zip([t, p, t * t, p * p, t * p]) {
                    *s += v;
                }
            }
        }
        Block { parts: parts.into_iter().map(|(part, (n, sums))| (part, n, sums)).collect() }
    };
    let stratum = |(slide, of): (usize, &Members)| Stratum { blocks: of.values().map(|spots| block(slide, spots)).collect() };
    members.iter().enumerate().map(stratum).collect()
}

/// The mean truth and prediction of each gene over all spots, so that the sums of squares lose nothing.
fn centres(folds: &[FoldPredictions], genes: usize) -> Vec<(f64, f64)> {
    let n: usize = folds.iter().map(|f| f.spots.len()).sum();
    let mean = |of: fn(&FoldPredictions) -> &[f32], g: usize| {
        folds.iter().flat_map(|f| of(f).iter().skip(g).step_by(genes)).map(|v| f64::from(*v)).sum::<f64>() / n as f64
    };
    (0..genes).map(|g| (mean(|f| &f.truth, g), mean(|f| &f.prediction, g))).collect()
}

/// The mean PCC of one resample.
fn replicate(strata: &[Stratum], times: &[Vec<f64>], genes: usize, spec: &Spec) -> Option<f64> {
    let mut parts: BTreeMap<usize, (f64, Vec<Sums>)> = BTreeMap::new();
    for (stratum, times) in strata.iter().zip(times) {
        for (block, &times) in stratum.blocks.iter().zip(times).filter(|(_, t)| **t > 0.0) {
            for (part, n, sums) in &block.parts {
                let (total, into) = parts.entry(*part).or_insert_with(|| (0.0, vec![[0.0; 5]; genes]));
                *total += times * n;
                for (into, sums) in into.iter_mut().zip(sums) {
                    into.iter_mut().zip(sums).for_each(|(a, b)| *a += times * b);
                }
            }
        }
    }
    let r = |n: f64, [t, p, tt, pp, tp]: Sums| {
        let (vt, vp) = (tt - t * t / n, pp - p * p / n);
        // What is left of a constant column is rounding.
        let constant = vt <= 1e-12 * tt || vp <= 1e-12 * pp;
        (!constant).then(|| ((tp - t * p / n) / (vt * vp).sqrt()).clamp(-1.0, 1.0))
    };
    let gene = |g: usize| {
        let each: Vec<Option<f64>> = parts.values().map(|(n, sums)| r(*n, sums[g])).collect();
        each.iter().any(Option::is_some).then(|| mean_with(each.into_iter(), spec.undefined)).flatten()
    };
    mean_with((0..genes).map(gene), spec.undefined)
}
