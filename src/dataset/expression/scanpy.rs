//! scanpy's pipeline for one slide: scale to the median total, logarithm, variable genes of flavour "seurat".
//!
//! Formulas: spec/statistics-and-parity.md, sections 3.1 to 3.4. scanpy works on f32 there, so the same roundings are
//! made here: factor and scaled count are f32, the logarithm is taken of an f32; means and variances are f64.

use super::space::GeneSpace;
use crate::base::exact::{exp, ln};
use crate::base::{Failure, Result};
use crate::dataset::model::{Counts, Slide};
use serde::{Deserialize, Serialize};

/// Which spots' totals give the median that a spot is scaled to. scanpy 1.11 takes the first for dense and the second
/// for sparse input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Median {
    /// Spots with at least one count.
    Positive,
    /// All spots, empty ones too.
    All,
}

/// The median of the totals of a slide's spots over all its genes; 0 when no spot has counts.
pub fn median_total(counts: &Counts, median: Median) -> f64 {
    let mut totals: Vec<u64> = (0..counts.rows()).map(|i| counts.total(i)).filter(|t| median == Median::All || *t > 0).collect();
    totals.sort_unstable();
    let n = totals.len();
    match n {
        0 => 0.0,
        _ if n % 2 == 1 => totals[n / 2] as f64,
        _ => (totals[n / 2 - 1] + totals[n / 2]) as f64 / 2.0,
    }
}

/// `count / (total / target)` with scanpy's roundings to f32; 0 for a spot without counts.
pub fn scaled(count: u32, total: u64, target: f64) -> f32 {
    if total == 0 {
        return 0.0;
    }
    let factor = (total as f64 / target) as f32;
    count as f32 / factor
}

/// `ln(1 + v)` of an f32, rounded once.
pub fn log1p(v: f32) -> f32 {
    let v = f64::from(v);
    // Below this, the sum would lose digits that an f32 can hold; the series is exact there.
    if v.abs() < 1e-5 { (v - v * v / 2.0) as f32 } else { ln(1.0 + v) as f32 }
}

/// How variable the genes of a slide are.
#[derive(Clone, Debug, PartialEq)]
pub struct Variability {
    /// `ln(1 + mean)` of the values before the logarithm, for each gene.
    pub means: Vec<f64>,
    /// Logarithm of variance over mean; NaN for a gene without counts.
    pub dispersions: Vec<f64>,
    /// The dispersion against the genes of the same bin of mean expression; NaN for a gene without counts.
    pub normalised: Vec<f32>,
}

/// Bins of equal width over the means.
const BINS: usize = 20;

/// The variability of each gene from logarithmic values by column: `spots` values a gene, of which `columns` gives those
/// that are not 0.
pub fn variability(columns: &[Vec<f32>], spots: usize) -> Variability {
    let n = spots as f64;
    let (mut means, mut dispersions) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
    for column in columns {
        let linear: Vec<f64> = column.iter().map(|&v| f64::from((exp(f64::from(v)) - 1.0) as f32)).collect();
        let mean = linear.iter().sum::<f64>() / n;
        let squares = linear.iter().map(|v| v * v).sum::<f64>() / n;
        let variance = (squares - mean * mean) * n / (n - 1.0);
        let mean = if mean == 0.0 { 1e-12 } else { mean };
        let dispersion = variance / mean;
        dispersions.push(if dispersion == 0.0 { f64::NAN } else { ln(dispersion) });
        means.push(ln(1.0 + mean));
    }
    let bins = bins(&means);
    let mut normalised = vec![f32::NAN; columns.len()];
    for bin in 0..BINS {
        let members: Vec<usize> = (0..bins.len()).filter(|&g| bins[g] == bin && !dispersions[g].is_nan()).collect();
        let k = members.len() as f64;
        let mean = members.iter().map(|&g| dispersions[g]).sum::<f64>() / k;
        let spread = (members.iter().map(|&g| (dispersions[g] - mean).powi(2)).sum::<f64>() / (k - 1.0)).sqrt();
        // A bin with one gene has no spread: its gene counts as one standard deviation above a mean of 0.
        let (mean, spread) = if members.len() == 1 { (0.0, mean) } else { (mean, spread) };
        for &g in &members {
            normalised[g] = ((dispersions[g] - mean) / spread) as f32;
        }
    }
    Variability { means, dispersions, normalised }
}

/// The bin of each mean: `BINS` intervals of equal width, closed on the right, the lowest edge lowered by a thousandth
/// of the range, as pandas' `cut` makes them.
fn bins(means: &[f64]) -> Vec<usize> {
    let (low, high) = means.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), m| (l.min(*m), h.max(*m)));
    let step = (high - low) / BINS as f64;
    // NumPy's linspace: start + i * step, and the end exactly.
    let edge = |i: usize| if i == BINS { high } else { i as f64 * step + low };
    let place = |m: f64| (1..=BINS).find(|&i| m <= edge(i)).unwrap_or(BINS) - 1;
    means.iter().map(|&m| place(m)).collect()
}

/// The `k` most variable genes, and those that tie with the last of them: scanpy keeps all at or above the cut-off.
/// Genes without counts count as 0 there, as they do in scanpy.
pub fn most_variable(v: &Variability, k: usize) -> Vec<bool> {
    let mut defined: Vec<f32> = v.normalised.iter().copied().filter(|z| !z.is_nan()).collect();
    defined.sort_by(|a, b| b.total_cmp(a));
    let Some(cut) = defined.get(k.min(defined.len()).wrapping_sub(1)).copied() else { return vec![false; v.normalised.len()] };
    v.normalised.iter().map(|z| if z.is_nan() { 0.0 >= cut } else { *z >= cut }).collect()
}

/// Genes of a space that are among the `k` most variable of any slide, chosen on the given rows of each slide, in the
/// order of the space. A slide without rows chooses nothing; one with a single row cannot, and is refused.
pub fn union(slides: &[Slide], space: &GeneSpace, k: usize, median: Median, rows: &[Vec<usize>]) -> Result<GeneSpace> {
    let mut chosen = vec![false; space.genes.len()];
    for (s, slide) in slides.iter().enumerate() {
        if rows[s].is_empty() {
            continue;
        }
        if rows[s].len() < 2 || !slide.has_counts() {
            return Err(Failure::input(format!("slide {} has {} spots with counts to choose genes by", slide.id, rows[s].len()))
                .hint("variable genes need counts of two spots at least"));
        }
        let target = median_total(&slide.counts, median);
        let mut columns = vec![Vec::new(); slide.genes.len()];
        for &row in &rows[s] {
            let total = slide.counts.total(row);
            let (genes, counts) = slide.counts.row(row);
            genes.iter().zip(counts).for_each(|(&g, &c)| columns[g as usize].push(log1p(scaled(c, total, target))));
        }
        let picked = most_variable(&variability(&columns, rows[s].len()), k);
        for (i, column) in space.columns[s].iter().enumerate() {
            chosen[i] |= column.is_some_and(|c| picked[c as usize]);
        }
    }
    let positions: Vec<usize> = (0..chosen.len()).filter(|&i| chosen[i]).collect();
    if positions.is_empty() {
        return Err(Failure::input("no gene is variable in these slides").hint("are there counts at all?"));
    }
    Ok(space.pick(&positions))
}
