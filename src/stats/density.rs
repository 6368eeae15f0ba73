//! HDBSCAN (Campello, Moulavi and Sander 2013) through the crate of that name.

use crate::base::{Failure, Result};
use hdbscan::{DistanceMetric, Hdbscan, HdbscanHyperParams};

/// HDBSCAN's settings.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Settings {
    /// Smaller groups are noise.
    pub min_cluster_size: usize,
    /// Neighbours that a point's core distance reaches to, the point itself counted.
    pub min_samples: usize,
    /// Clusters closer than this are not parted.
    pub epsilon: f64,
}

/// Clusters points of `dim` coordinates (row after row) by euclidean distance: a label a point, -1 for noise, clusters
/// numbered from 0 by their first point. Fails on too few points and on values that are not finite.
pub fn hdbscan(points: &[f64], dim: usize, settings: Settings) -> Result<Vec<i64>> {
    if let Some(at) = points.iter().position(|v| !v.is_finite()) {
        return Err(Failure::input(format!("point {} has a coordinate that is {}", at / dim.max(1) + 1, points[at])));
    }
    let rows: Vec<Vec<f64>> = points.chunks_exact(dim.max(1)).map(<[f64]>::to_vec).collect();
    if settings.min_cluster_size < 2 || settings.min_samples < 1 || rows.len() <= settings.min_samples {
        return Err(Failure::input(format!(
            "{} points are too few for clusters of {} with {} neighbours",
            rows.len(),
            settings.min_cluster_size,
            settings.min_samples
        )));
    }
    let wishes = HdbscanHyperParams::builder()
        .min_cluster_size(settings.min_cluster_size)
        .min_samples(settings.min_samples)
        .epsilon(settings.epsilon)
        .dist_metric(DistanceMetric::Euclidean)
        .build();
    let found = Hdbscan::new(&rows, wishes).cluster().map_err(|e| Failure::input(format!("the points cannot be clustered: {e}")))?;
    // The crate's numbers follow its tree; ours follow the points, so that they can be compared and repeated.
    let mut seen: Vec<i32> = Vec::new();
    let number = |label: i32| -> i64 {
        if label < 0 {
            return -1;
        }
        let at = seen.iter().position(|s| *s == label).unwrap_or_else(|| {
            seen.push(label);
            seen.len() - 1
        });
        at as i64
    };
    Ok(found.into_iter().map(number).collect())
}
