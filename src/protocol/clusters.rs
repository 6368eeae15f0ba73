//! Keys of `[clusters]`: how spots are grouped by image and place, so that the network is told each spot's cluster.
//!
//! No published code trains with cluster identifiers; how they enter here is our own (docs/protocol.md).

use super::check::{Problem, source_digits};
use super::network::NetworkName;
use super::schema::Protocol;
use crate::base::Digest;
pub use crate::stats::fusion::Weighting;
use serde::{Deserialize, Serialize};

/// How spots are clustered, by image features and place alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// The network that gives image features.
    pub network: NetworkName,
    /// Its weights: `"random"`, or a safetensors file below `weights/`.
    pub weights: String,
    /// SHA-256 of that file, under the rule of `network.weights_sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<Digest>,
    /// Weight of the image features, each spot's scaled to length 1 before.
    pub image_weight: f64,
    /// Weight of the positional code, likewise.
    pub position_weight: f64,
    /// When the blocks are weighted (quirk C2).
    pub weighting: Weighting,
    /// What is clustered: the fused columns, or few numbers made of them.
    pub embedding: Embedding,
    /// How many principal components; 2 where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    /// HDBSCAN: smaller groups are noise.
    pub min_cluster_size: usize,
    /// HDBSCAN: neighbours that a core distance reaches to, the spot itself counted.
    pub min_samples: usize,
    /// HDBSCAN: clusters closer than this are not parted.
    pub selection_epsilon: f64,
}

/// What is clustered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedding {
    /// The fused columns themselves.
    None,
    /// Their first principal components.
    Pca,
    /// What the published scripts use. Known by name so that it can be refused by name.
    Umap,
}

impl Clusters {
    /// How many principal components are clustered; none for the fused columns themselves.
    pub fn principal(&self) -> Option<usize> {
        (self.embedding == Embedding::Pca).then(|| self.components.unwrap_or(2))
    }
}

/// What must hold of these keys together.
pub(super) fn check(p: &Protocol) -> std::result::Result<(), Problem> {
    let Some(c) = &p.clusters else { return Ok(()) };
    if c.embedding == Embedding::Umap {
        let what = "\"umap\" is not available: its layout depends on machine, threads and version, and no kept crate gives it reproducibly";
        return Err(Problem::new("clusters.embedding", what)
            .hint("use \"pca\" or \"none\"; 'pinfold calc clusters' clusters and scores a UMAP embedding that was made elsewhere"));
    }
    let weight = |v: f64| v.is_finite() && v >= 0.0;
    let inside = |w: &str| w.ends_with(".safetensors") && !w.starts_with('/') && !w.split('/').any(|part| part == ".." || part.is_empty());
    let file = c.weights != "random";
    let wrong = [
        (p.retrieval.is_some(), "clusters", "with [retrieval] there is no head that could be told a cluster"),
        (p.patch.resize < c.network.smallest_patch(), "clusters.network", "this network needs larger patches: see patch.resize"),
        (file && !inside(&c.weights), "clusters.weights", "\"random\", or a .safetensors file below weights/"),
        (
            file && c.weights_sha256.is_none() && source_digits(&c.weights).is_none(),
            "clusters.weights",
            "a weight file needs weights_sha256 beside it, or the name of a published file with its digits",
        ),
        (!file && c.weights_sha256.is_some(), "clusters.weights_sha256", "only a weight file has one"),
        (!weight(c.image_weight), "clusters.image_weight", "0 or a positive number"),
        (!weight(c.position_weight), "clusters.position_weight", "0 or a positive number"),
        (c.image_weight == 0.0 && c.position_weight == 0.0, "clusters.position_weight", "one of the two weights must be positive"),
        (c.components.is_some() && c.embedding != Embedding::Pca, "clusters.components", "only \"pca\" has components"),
        (c.components.is_some_and(|k| !(1..=64).contains(&k)), "clusters.components", "between 1 and 64"),
        (!(2..=1_000_000).contains(&c.min_cluster_size), "clusters.min_cluster_size", "between 2 and 1000000"),
        (!(1..=1_000_000).contains(&c.min_samples), "clusters.min_samples", "between 1 and 1000000"),
        (!weight(c.selection_epsilon), "clusters.selection_epsilon", "0 or a positive number"),
    ];
    match wrong.iter().find(|(holds, _, _)| *holds) {
        Some((_, key, what)) => Err(Problem::new(key, *what)),
        None => Ok(()),
    }
}
