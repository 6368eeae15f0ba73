//! Seeds as an axis: what a number does when nothing but the seed changes.

use super::Graph;
use crate::base::{Failure, Result};
use crate::engine::Workspace;
use crate::protocol::schema::PublishedStatus;
use crate::protocol::{self, Loaded};
use crate::stage::evaluate::Evaluate;
use crate::stats::evaluate::Metric;
use crate::stats::{student, summary};
use serde::Serialize;
use std::path::Path;

/// How sure the interval is.
pub const CONFIDENCE: f64 = 0.95;

/// One metric over the seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// Metric id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Its value for each seed, in the order of the seeds.
    pub values: Vec<Option<f64>>,
    /// Mean over the seeds; none when a value is undefined.
    pub mean: Option<f64>,
    /// Sample standard deviation (divided by n − 1); none for one seed.
    pub deviation: Option<f64>,
    /// Where one more run with another seed would lie with a probability of 95 %: mean ± t·s·√(1 + 1/n), Student's t
    /// with n − 1 degrees of freedom. A published number is one run, so this is what it is held against.
    pub interval: Option<(f64, f64)>,
    /// The published figure, where there is one.
    pub published: Option<PublishedBeside>,
}

/// A published figure beside an interval.
#[derive(Clone, Debug, Serialize)]
pub struct PublishedBeside {
    /// The value.
    pub value: f64,
    /// Where it stands.
    pub source: String,
    /// How sure we are of it.
    pub status: PublishedStatus,
    /// Whether it lies inside the interval; none without one.
    pub inside: Option<bool>,
}

/// A protocol repeated over seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Seeds {
    /// The protocol.
    pub protocol: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// One a metric.
    pub metrics: Vec<Spread>,
}

/// The protocol with a seed: an override, unless it is the protocol's own. The split keeps its own seed.
pub fn with_seed(path: &Path, overrides: &[String], seed: u64) -> Result<Loaded> {
    let plain = protocol::load(path, overrides)?;
    if plain.protocol.seed == seed {
        return Ok(plain);
    }
    let mut more = overrides.to_vec();
    more.push(format!("seed={seed}"));
    protocol::load(path, &more)
}

/// Refuses a list of seeds that cannot be run.
pub fn check(seeds: &[u64]) -> Result<()> {
    for (i, seed) in seeds.iter().enumerate() {
        if *seed > i64::MAX as u64 {
            return Err(Failure::input(format!("seed {seed} is too large")).at("--seeds").hint("at most 9223372036854775807"));
        }
        if seeds[..i].contains(seed) {
            return Err(Failure::input(format!("seed {seed} is given twice")).at("--seeds"));
        }
    }
    Ok(())
}

/// Gathers the finished runs of all these seeds; an error names the first seed that is not finished.
pub fn gather(workspace: &Workspace, path: &Path, overrides: &[String], seeds: &[u64]) -> Result<Seeds> {
    check(seeds)?;
    let base = protocol::load(path, overrides)?;
    let mut evaluations = Vec::new();
    for &seed in seeds {
        let loaded = with_seed(path, overrides, seed)?;
        let graph = Graph::new(workspace, &loaded.protocol);
        let artifacts = graph.finished(&workspace.store(), &loaded).map_err(|e| e.hint(format!("{} --seeds {seed}", base.command())))?;
        let folder = artifacts.iter().find(|a| a.manifest.stage == "evaluate").map(|a| a.dir.clone());
        let folder = folder.ok_or_else(|| Failure::input(format!("seed {seed} made no evaluation")))?;
        evaluations.push(Evaluate::load(&folder)?.summary);
    }
    let first: &[Metric] = evaluations.first().map_or(&[], Vec::as_slice);
    let metrics = first.iter().map(|m| {
        let values = evaluations.iter().map(|e| e.iter().find(|x| x.id == m.id).and_then(|x| x.value)).collect();
        let published = base.protocol.published.iter().find(|x| x.metric == m.id).map(|x| (x.value, x.source.clone(), x.status));
        spread(&m.id, &m.title, values, published)
    });
    Ok(Seeds { protocol: base.name().to_owned(), seeds: seeds.to_vec(), metrics: metrics.collect() })
}

fn spread(id: &str, title: &str, values: Vec<Option<f64>>, published: Option<(f64, String, PublishedStatus)>) -> Spread {
    let known: Option<Vec<f64>> = values.iter().copied().collect();
    let mean = known.as_deref().and_then(summary::mean_of);
    let deviation = known.as_deref().filter(|v| v.len() > 1).and_then(|v| summary::deviation(v, 1));
    let interval = mean.zip(deviation).map(|(m, s)| {
        let n = values.len();
        let half = student::two_sided_quantile(CONFIDENCE, n - 1) * s * (1.0 + 1.0 / n as f64).sqrt();
        (m - half, m + half)
    });
    let published = published.map(|(value, source, status)| PublishedBeside {
        value,
        source,
        status,
        inside: interval.map(|(low, high)| (low..=high).contains(&value)),
    });
    Spread { id: id.to_owned(), title: title.to_owned(), values, mean, deviation, interval, published }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_run_is_held_against_the_spread() {
        let values = [0.310, 0.304, 0.322].map(Some).to_vec();
        let s = spread("pcc", "PCC", values, Some((0.33, "Table 1".into(), PublishedStatus::Unverified)));
        // By hand: mean 0.312, s = 0.00916515, t(0.975, 2) = 4.30265, √(4/3) = 1.154701.
        let (low, high) = s.interval.expect("three values");
        assert!((s.mean.expect("mean") - 0.312).abs() < 1e-12 && (s.deviation.expect("deviation") - 0.009165151389911681).abs() < 1e-12);
        assert!((high - 0.312 - 0.04553500).abs() < 1e-7 && (0.312 - low - 0.04553500).abs() < 1e-7, "{low} {high}");
        assert_eq!(s.published.expect("published").inside, Some(true));
        let one = spread("pcc", "PCC", vec![Some(0.3)], Some((0.3, "x".into(), PublishedStatus::Unverified)));
        assert!(one.deviation.is_none() && one.published.expect("published").inside.is_none(), "one run says nothing of a spread");
        assert!(spread("pcc", "PCC", vec![Some(0.3), None], None).mean.is_none());
    }
}
