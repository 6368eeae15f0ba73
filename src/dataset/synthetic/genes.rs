//! Counts of which the right answer is known: genes that follow the morphology, a gradient, or nothing.
//!
//! The expected share of a spot's total that goes to signal genes together is the same in every spot, and so for
//! gradient genes and noise genes. Without that, dividing by the total would carry the morphology into noise genes.

use super::render::Morphology;
use crate::base::exact::{cos, exp, sin};
use crate::base::{Draw, Failure, Result};
use crate::dataset::model::Counts;

/// What a synthetic gene follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The morphology round the spot: a model that looks at the patch can predict it.
    Signal,
    /// The place on the slide, in a direction drawn anew for each slide: not to be predicted on another slide.
    Gradient,
    /// Nothing.
    Noise,
}

/// The class that a synthetic gene's name says; `None` for any other name.
pub fn truth_class(gene: &str) -> Option<Class> {
    [("SIG", Class::Signal), ("GRAD", Class::Gradient), ("NOISE", Class::Noise)]
        .into_iter()
        .find(|(prefix, _)| gene.strip_prefix(prefix).is_some_and(|n| n.len() >= 2 && n.bytes().all(|b| b.is_ascii_digit())))
        .map(|(_, class)| class)
}

/// The names of `n` genes: a third signal, a third gradient, the rest noise.
pub fn gene_names(n: usize) -> Result<Vec<String>> {
    if !(3..=10_000).contains(&n) {
        return Err(Failure::input(format!("{n} synthetic genes"))
            .hint("ask for 3 to 10,000: some follow the morphology, some a gradient, some nothing"));
    }
    let (signal, gradient) = ((n + 1) / 3, n / 3);
    let name = |prefix: &str, k: usize| (1..=k).map(|i| format!("{prefix}{i:02}")).collect::<Vec<_>>();
    Ok([name("SIG", signal), name("GRAD", gradient), name("NOISE", n - signal - gradient)].concat())
}

/// What the counts of a slide are made from.
pub(super) struct Ground<'a> {
    pub seed: u64,
    pub slide: u64,
    /// Morphology of each spot.
    pub morphology: &'a [Morphology],
    /// Place of each spot, -1 to 1 along both axes.
    pub place: &'a [(f64, f64)],
    /// Array number of each spot: the address of its draws.
    pub number: &'a [u64],
}

/// Draws the counts of a slide, for the genes of [`gene_names`].
pub(super) fn counts(names: &[String], ground: &Ground) -> Counts {
    let classes: Vec<Class> = names.iter().map(|n| truth_class(n).unwrap_or(Class::Noise)).collect();
    let base: Vec<f64> =
        (0..names.len()).map(|g| Draw::keyed(ground.seed, "synthetic abundance", &[g as u64]).uniform(-0.7, 1.1)).collect();
    let scores: Vec<[f64; 3]> = ground.morphology.iter().map(scores).collect();
    let directions: Vec<(f64, f64)> =
        (0..names.len()).map(|g| if classes[g] == Class::Gradient { direction(ground, &scores, g as u64) } else { (0.0, 0.0) }).collect();
    let slide_depth = 0.15 * bell(&mut Draw::keyed(ground.seed, "synthetic depth", &[ground.slide]));
    let mut out = Counts::new();
    for (spot, score) in scores.iter().enumerate() {
        let mut draw = Draw::keyed(ground.seed, "synthetic counts", &[ground.slide, ground.number[spot]]);
        let library = 36.0 * names.len() as f64 * exp(slide_depth + 0.28 * bell(&mut draw));
        let (px, py) = ground.place[spot];
        let effect = |g: usize| match classes[g] {
            Class::Signal => signal_effect(g, score),
            Class::Gradient => px * directions[g].0 + py * directions[g].1,
            Class::Noise => 0.0,
        };
        let weights: Vec<f64> = (0..names.len()).map(|g| exp(base[g] + effect(g))).collect();
        let rates = shares(&classes, &base, &weights);
        let row: Vec<u32> = rates.iter().map(|share| poisson(&mut draw, library * share)).collect();
        out.push_row(row.into_iter().enumerate().map(|(g, c)| (g as u32, c)));
    }
    out
}

/// Each class keeps the share of the total that its genes have without any effect; within a class, weights divide it.
fn shares(classes: &[Class], base: &[f64], weights: &[f64]) -> Vec<f64> {
    let sum = |class: Class, of: &[f64]| classes.iter().zip(of).filter(|(c, _)| **c == class).map(|(_, w)| *w).sum::<f64>();
    let plain: Vec<f64> = base.iter().map(|b| exp(*b)).collect();
    let all: f64 = plain.iter().sum();
    let factor = |class: Class| sum(class, &plain) / all / sum(class, weights).max(1e-300);
    let factors = [Class::Signal, Class::Gradient, Class::Noise].map(factor);
    classes.iter().zip(weights).map(|(c, w)| w * factors[*c as usize]).collect()
}

/// Nuclei, gland and collagen of a patch, each scaled to -1 to 1 over the range that patches have.
fn scores(m: &Morphology) -> [f64; 3] {
    let scaled = |v: f64, low: f64, high: f64| (2.0 * (v - low) / (high - low) - 1.0).clamp(-1.0, 1.0);
    [scaled(m.nuclei, 0.02, 0.36), scaled(m.gland, 0.0, 0.6), scaled(m.collagen, 0.05, 0.85)]
}

/// Signal gene `g` follows one of the three scores, up or down: its log rate changes by 2.2 over the range.
fn signal_effect(g: usize, score: &[f64; 3]) -> f64 {
    let sign = if (g / 3).is_multiple_of(2) { 1.0 } else { -1.0 };
    1.1 * sign * score[g % 3]
}

/// A direction for a gradient gene: of twelve drawn, the one that is least correlated with this slide's morphology.
fn direction(ground: &Ground, scores: &[[f64; 3]], gene: u64) -> (f64, f64) {
    let mut draw = Draw::keyed(ground.seed, "synthetic gradient", &[ground.slide, gene]);
    let mut best = (f64::INFINITY, (1.2, 0.0));
    for _ in 0..12 {
        let angle = draw.uniform(0.0, std::f64::consts::TAU);
        let d = (1.2 * cos(angle), 1.2 * sin(angle));
        let along: Vec<f64> = ground.place.iter().map(|p| p.0 * d.0 + p.1 * d.1).collect();
        let worst = (0..3).map(|f| correlation(&along, &scores.iter().map(|s| s[f]).collect::<Vec<_>>()).abs()).fold(0.0, f64::max);
        if worst < best.0 {
            best = (worst, d);
        }
    }
    best.1
}

/// Pearson's correlation; 0 when one side is constant.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// A bell-shaped draw of mean 0 and variance 1: twelve uniform draws added (no logarithm, no cosine).
fn bell(draw: &mut Draw) -> f64 {
    (0..12).map(|_| draw.unit()).sum::<f64>() - 6.0
}

/// A Poisson draw whose rate itself varies by a log-normal factor of spread 0.2, hence over-dispersed as real
/// counts are. Large rates are drawn in parts of at most 20, each by multiplying uniform draws (Knuth).
fn poisson(draw: &mut Draw, rate: f64) -> u32 {
    let mut left = rate * exp(0.2 * bell(draw) - 0.02);
    let mut count = 0;
    while left > 0.0 {
        let part = left.min(20.0);
        left -= part;
        let limit = exp(-part);
        let mut product = draw.unit();
        while product > limit {
            count += 1;
            product *= draw.unit();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_classes() {
        let names = gene_names(20).expect("names");
        assert_eq!((names.len(), names[0].as_str(), names[7].as_str(), names[13].as_str()), (20, "SIG01", "GRAD01", "NOISE01"));
        assert_eq!(names.iter().filter(|n| truth_class(n) == Some(Class::Noise)).count(), 7);
        assert_eq!(
            (truth_class("GNAS"), truth_class("SIGLEC1"), truth_class("SIG"), truth_class("GRAD104")),
            (None, None, None, Some(Class::Gradient))
        );
        assert!(gene_names(2).is_err() && gene_names(3).is_ok());
    }

    #[test]
    fn draws_have_the_right_moments() {
        let mut draw = Draw::keyed(9, "test", &[]);
        let bells: Vec<f64> = (0..20_000).map(|_| bell(&mut draw)).collect();
        let mean = bells.iter().sum::<f64>() / 2e4;
        assert!(mean.abs() < 0.03 && (bells.iter().map(|b| b * b).sum::<f64>() / 2e4 - 1.0).abs() < 0.04);
        for rate in [0.3, 8.0, 65.0] {
            let counts: Vec<f64> = (0..20_000).map(|_| f64::from(poisson(&mut draw, rate))).collect();
            let mean = counts.iter().sum::<f64>() / 2e4;
            let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / 2e4;
            assert!((mean / rate - 1.0).abs() < 0.03, "{rate} {mean}");
            let due = rate + rate * rate * 0.0408;
            assert!((variance / due - 1.0).abs() < 0.1, "{rate} {variance} {due}");
        }
    }

    #[test]
    fn classes_keep_their_share() {
        let classes = [Class::Signal, Class::Signal, Class::Noise, Class::Gradient];
        let base = [0.0, 0.5, 0.2, -0.1];
        for tilt in [-2.0, 0.0, 3.0] {
            let weights: Vec<f64> = base.iter().enumerate().map(|(g, b)| exp(b + if g == 0 { tilt } else { 0.0 })).collect();
            let s = shares(&classes, &base, &weights);
            assert!((s.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((s[2] - exp(0.2) / base.iter().map(|b| exp(*b)).sum::<f64>()).abs() < 1e-12);
        }
    }
}
