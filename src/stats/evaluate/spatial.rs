//! Moran's I per slide, and how it goes with predictability.

use super::types::{Association, Lattice, SpotAt};
use crate::stats::correlation::{pearson, spearman};
use crate::stats::lattice::{HEX, ROOK, lattice};
use crate::stats::moran::Graph;
use crate::stats::weights::Transform;

/// One slide's evaluated spots.
pub(super) struct Slide {
    /// Positions in the concatenated folds, in their order.
    pub spots: Vec<usize>,
    /// Row-standardised weights of the lattice; `None` when no two of these spots touch.
    graph: Option<Graph>,
}

/// Groups the spots by slide, slides in order of first appearance.
pub(super) fn slides(spots: &[&SpotAt], kind: Lattice) -> Vec<Slide> {
    let mut names: Vec<&str> = Vec::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (i, spot) in spots.iter().enumerate() {
        match names.iter().position(|n| *n == spot.slide) {
            Some(at) => members[at].push(i),
            None => {
                names.push(&spot.slide);
                members.push(vec![i]);
            }
        }
    }
    let steps: &[(i32, i32)] = match kind {
        Lattice::Square => &ROOK,
        Lattice::Hex => &HEX,
    };
    let slide = |members: Vec<usize>| {
        let places: Vec<(i32, i32)> = members.iter().map(|&i| (spots[i].array_col, spots[i].array_row)).collect();
        let weights = lattice(&places, steps).transformed(Transform::Rows);
        let graph = (weights.edges() > 0).then(|| Graph::new(weights));
        Slide { spots: members, graph }
    };
    members.into_iter().map(slide).collect()
}

/// Moran's I of each gene: per slide, then over slides weighted by their spots. A gene that is undefined on one
/// slide (constant there) is undefined; a slide without any two spots that touch says nothing and is left out.
pub(super) fn moran(slides: &[Slide], genes: usize, value: impl Fn(usize, usize) -> f64 + Sync) -> Vec<Option<f64>> {
    let mut parts: Vec<Vec<(usize, Option<f64>)>> = vec![Vec::new(); genes];
    for slide in slides {
        let Some(graph) = &slide.graph else { continue };
        let found = graph.moran_all(genes, |spot, gene| value(slide.spots[spot], gene));
        for (part, moran) in parts.iter_mut().zip(found) {
            part.push((slide.spots.len(), moran.map(|m| m.i)));
        }
    }
    parts.iter().map(|part| weighted(part)).collect()
}

/// Mean of numbers weighted by counts; `None` when one of them is undefined, or there are none.
pub(super) fn weighted(parts: &[(usize, Option<f64>)]) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for &(n, value) in parts {
        sum += n as f64 * value?;
        total += n as f64;
    }
    (total > 0.0).then(|| sum / total)
}

/// The correlation over genes of I with r, over those that have both; `None` with fewer than three.
pub(super) fn association(moran: &[Option<f64>], r: &[Option<f64>]) -> Option<Association> {
    let (i, r): (Vec<f64>, Vec<f64>) = moran.iter().zip(r).filter_map(|(i, r)| i.zip(*r)).unzip();
    (i.len() >= 3).then(|| Association { spearman: spearman(&i, &r), pearson: pearson(&i, &r), genes: i.len() })
}
