//! Which cluster each spot is of: image features and positional code fused, made smaller, clustered; spots of slides that
//! were not clustered take the nearest cluster.

use super::clusters::{Scores, scores};
use super::components::principal;
use super::density::{self, hdbscan};
use super::fusion::{Block, CODE, Weighting, fuse_by};
use crate::base::{Failure, Result};

/// How spots are clustered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct How {
    /// Weight of the image features.
    pub image: f64,
    /// Weight of the positional code.
    pub position: f64,
    /// When the two are weighted.
    pub weighting: Weighting,
    /// So many principal components are clustered; none for the fused columns themselves.
    pub components: Option<usize>,
    /// HDBSCAN's settings.
    pub density: density::Settings,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Identified {
    /// A label a spot, -1 for noise. Only spots that were clustered are ever noise.
    pub labels: Vec<i64>,
    /// Numbers a point that was clustered.
    pub dim: usize,
    /// The points that were clustered, [rows clustered, dim].
    pub points: Vec<f64>,
    /// Each component's share of the variance; empty without components.
    pub shares: Vec<f64>,
    /// How well the clusters part, in the space in which they were found.
    pub scores: Scores,
}

/// Clusters the rows `clustered` (in this order) of `image` ([N, width]) and `position` ([N, 64]); columns are standardised by
/// these rows. The others take the cluster whose centroid in the fused, standardised, weighted columns is nearest, the
/// first one of equally near ones; where there is no cluster they are noise.
pub fn identify(image: &[f64], width: usize, position: &[f64], clustered: &[usize], how: &How) -> Result<Identified> {
    let n = position.len() / CODE;
    if width == 0 || image.len() != n * width || clustered.iter().any(|&r| r >= n) {
        return Err(Failure::input(format!("{} image features of {width} a spot for {n} places", image.len())));
    }
    let blocks = [Block { width, values: image, weight: how.image }, Block { width: CODE, values: position, weight: how.position }];
    let fused = fuse_by(&blocks, how.weighting, clustered);
    let wide = width + CODE;
    let row = |r: usize| &fused[r * wide..(r + 1) * wide];
    let chosen: Vec<f64> = clustered.iter().flat_map(|&r| row(r)).copied().collect();
    let (points, dim, shares) = match how.components {
        None => (chosen, wide, Vec::new()),
        Some(k) => {
            let found = principal(&chosen, wide, k)?;
            (found.points, k, found.shares)
        }
    };
    let found = hdbscan(&points, dim, how.density)?;
    let scores = scores(&points, dim, &found);
    let centroids: Vec<Vec<f64>> = (0..scores.clusters as i64)
        .map(|label| {
            let members: Vec<&[f64]> = clustered.iter().zip(&found).filter(|(_, l)| **l == label).map(|(&r, _)| row(r)).collect();
            (0..wide).map(|d| members.iter().map(|m| m[d]).sum::<f64>() / members.len() as f64).collect()
        })
        .collect();
    let mut labels: Vec<Option<i64>> = vec![None; n];
    clustered.iter().zip(&found).for_each(|(&r, &label)| labels[r] = Some(label));
    let labels = labels.into_iter().enumerate().map(|(r, known)| known.unwrap_or_else(|| nearest(row(r), &centroids))).collect();
    Ok(Identified { labels, dim, points, shares, scores })
}

/// The nearest centroid's number; -1 where there is none.
fn nearest(point: &[f64], centroids: &[Vec<f64>]) -> i64 {
    let mut best = (-1, f64::INFINITY);
    for (i, centroid) in centroids.iter().enumerate() {
        let squared: f64 = point.iter().zip(centroid).map(|(a, b)| (a - b) * (a - b)).sum();
        if squared < best.1 {
            best = (i as i64, squared);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;
    use crate::stats::fusion::position;

    const HOW: How = How {
        image: 1.0,
        position: 0.0,
        weighting: Weighting::AfterStandardising,
        components: Some(2),
        density: density::Settings { min_cluster_size: 8, min_samples: 3, epsilon: 0.0 },
    };

    /// Two kinds of spots in two slides, told apart by the image; the second slide is held out.
    fn case() -> (Vec<f64>, Vec<f64>) {
        let mut draw = Draw::keyed(5, "test", &[]);
        let image = (0..80).flat_map(|i| {
            let side = if i % 2 == 0 { 1.0 } else { -1.0 };
            [side + draw.uniform(-0.1, 0.1), side * 2.0 + draw.uniform(-0.1, 0.1), 1.0 + draw.uniform(-0.1, 0.1)]
        });
        let image = image.collect();
        let places: Vec<(i32, i32)> = (0..40).map(|i| (i / 8, i % 8)).collect();
        (image, [position(&places), position(&places)].concat())
    }

    #[test]
    fn spots_of_other_slides_take_the_nearest_cluster() {
        let (image, places) = case();
        let rows: Vec<usize> = (0..40).collect();
        let found = identify(&image, 3, &places, &rows, &HOW).expect("clusters");
        assert_eq!(found.scores.clusters, 2);
        let of = |i: usize| found.labels[i];
        assert!((40..80).all(|i| of(i) == of(40 + i % 2)) && of(40) != of(41), "{:?}", found.labels);
        // Numbered by the first spot: the even ones are of cluster 0 on both slides.
        assert_eq!((of(40), of(41)), (0, 1));
        assert_eq!((found.points.len(), found.dim, found.shares.len()), (80, 2, 2));
        // The held-out slide moves nothing: neither columns nor clusters are fitted on it.
        let mut other = image.clone();
        other[120..].iter_mut().for_each(|v| *v *= 1.5);
        let again = identify(&other, 3, &places, &rows, &HOW).expect("clusters");
        assert_eq!((&again.labels[..40], &again.points), (&found.labels[..40], &found.points));
    }

    #[test]
    fn where_all_is_noise_the_others_are_too() {
        let (image, places) = case();
        let rows: Vec<usize> = (0..40).collect();
        let density = density::Settings { min_cluster_size: 39, ..HOW.density };
        let found = identify(&image, 3, &places, &rows, &How { density, ..HOW }).expect("no clusters");
        assert_eq!((found.scores.clusters, found.scores.silhouette), (0, -1.0));
        assert!(found.labels.iter().all(|l| *l == -1));
        assert!(identify(&image[3..], 3, &places, &rows, &HOW).is_err() && identify(&image, 3, &places, &[80], &HOW).is_err());
    }
}
