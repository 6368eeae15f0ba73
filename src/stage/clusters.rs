//! `clusters`: the cluster of every spot, from its patch and its place alone, for a network that is told it.
//!
//! Expression is no input, so nothing of the answer can come in. What is clustered are the spots of the slides that train,
//! the held-out spots on them included; the spots of other slides take the nearest cluster.

use super::files;
use super::ingest::Ingest;
use super::weights::{self, Pinned};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema;
use crate::report::page::Table;
use crate::stats::density::Settings;
use crate::stats::fusion::{CODE, position};
use crate::stats::identify::{How, identify};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Clusters {
    pub(super) protocol: Protocol,
    pub(super) how: schema::Clusters,
    name: String,
    fold: usize,
    pub(super) weights: Option<PathBuf>,
    ingest: Artifact,
    pub(super) patches: Artifact,
    split: Artifact,
}

/// What `clusters.json` says of a fold's clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Clusters, noise not counted.
    pub clusters: usize,
    /// Spots that were clustered: those of the slides that train.
    pub clustered: usize,
    /// Of these, spots of no cluster.
    pub noise: usize,
    /// Spots of each cluster among those that were clustered.
    pub sizes: Vec<usize>,
    /// Spots of other slides, which took the nearest cluster.
    pub nearest: usize,
    /// Those of each cluster.
    pub nearest_sizes: Vec<usize>,
    /// Numbers a spot that was clustered.
    pub dimensions: usize,
    /// Each principal component's share of the variance; empty without components.
    pub shares: Vec<f64>,
    /// Mean silhouette; -1 where it is not defined.
    pub silhouette: f64,
    /// Calinski and Harabasz' ratio; 0 where it is not defined.
    pub calinski_harabasz: f64,
    /// Davies and Bouldin's mean; none where it is not defined.
    pub davies_bouldin: Option<f64>,
}

/// A fold's clusters, read back.
#[derive(Clone, Debug)]
pub struct Found {
    /// The summary.
    pub summary: Summary,
    /// A label a spot in global row order, -1 for noise.
    pub labels: Vec<i64>,
    /// Whether a spot was clustered; the others took the nearest cluster.
    pub clustered: Vec<bool>,
}

impl Found {
    /// Reads a `clusters` artifact of so many spots.
    pub fn read(dir: &Path, spots: usize) -> Result<Self> {
        let summary: Summary = files::read_json(&dir.join("clusters.json"))?;
        let path = dir.join("clusters.safetensors");
        let arrays = Arrays::open(&path)?;
        let labels = arrays.i64s("labels")?;
        let clustered: Vec<bool> = arrays.u8s("clustered")?.iter().map(|c| *c == 1).collect();
        let sound = labels.len() == spots && clustered.len() == spots && labels.iter().all(|&l| l >= -1 && l < summary.clusters as i64);
        if !sound {
            let what = format!("{} labels of {} clusters, which do not fit {spots} spots", labels.len(), summary.clusters);
            return Err(Failure::input(what).at(path.display().to_string()));
        }
        Ok(Self { summary, labels, clustered })
    }
}

impl Clusters {
    /// Clusters of one fold; an error where the protocol has none.
    pub fn new(
        p: &Protocol,
        name: &str,
        fold: usize,
        folder: &Path,
        ingest: &Artifact,
        patches: &Artifact,
        split: &Artifact,
    ) -> Result<Self> {
        let how = p.clusters.clone().ok_or_else(|| Failure::input("the protocol has no [clusters]"))?;
        Ok(Self {
            protocol: p.clone(),
            weights: weights::path(folder, &how.weights),
            how,
            name: name.to_owned(),
            fold,
            ingest: ingest.clone(),
            patches: patches.clone(),
            split: split.clone(),
        })
    }

    /// What people see.
    pub fn label(&self) -> String {
        format!("clusters[{}]", self.name)
    }

    fn pinned(&self) -> Pinned<'_> {
        Pinned { path: self.weights.as_deref(), name: &self.how.weights, sha256: self.how.weights_sha256 }
    }
}

impl Stage for Clusters {
    fn job(&self) -> Job {
        let d = &self.protocol.determinism;
        let mut parameters = json!({
            "fold": self.fold,
            "clusters": self.how,
            "side": self.protocol.patch.resize,
            "class": d.class,
            "threads": d.threads,
            "instruction_set": d.instruction_set,
            "libtorch": super::LIBTORCH,
        });
        // Read from a file, a network has nothing of the seed.
        if self.weights.is_none() {
            parameters["seed"] = json!(self.protocol.seed);
        }
        let mut inputs: std::collections::BTreeMap<_, _> =
            [&self.ingest, &self.patches, &self.split].into_iter().map(|a| (a.label.clone(), a.digest())).collect();
        if let Some(digest) = self.pinned().digest() {
            inputs.insert("weights".into(), digest);
        }
        Job { stage: "clusters", label: self.label(), version: 1, parameters, inputs }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        let artifacts = [&self.ingest, &self.patches, &self.split];
        self.weights.iter().cloned().chain(artifacts.into_iter().flat_map(Artifact::files)).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        self.pinned().check()?;
        let slides = Ingest::load(&self.ingest.dir)?;
        let spots: usize = slides.iter().map(|s| s.spots.len()).sum();
        let fold = files::fold(&self.split.dir, self.fold, spots)?;
        let (image, width) = super::learn::features(self, watch)?;
        let image: Vec<f64> = image.into_iter().map(f64::from).collect();
        let (mut places, mut rows, mut first) = (Vec::with_capacity(spots * CODE), Vec::new(), 0);
        for slide in &slides {
            let own = first..first + slide.spots.len();
            places.extend(position(&slide.spots.iter().map(|s| (s.array_row, s.array_col)).collect::<Vec<_>>()));
            if fold.train.iter().any(|r| own.contains(r)) {
                rows.extend(own.clone());
            }
            first = own.end;
        }
        let how = How {
            image: self.how.image_weight,
            position: self.how.position_weight,
            weighting: self.how.weighting,
            components: self.how.principal(),
            density: Settings {
                min_cluster_size: self.how.min_cluster_size,
                min_samples: self.how.min_samples,
                epsilon: self.how.selection_epsilon,
            },
        };
        let found = identify(&image, width, &places, &rows, &how).map_err(|e| e.at(self.label()))?;
        let mut known = vec![false; spots];
        rows.iter().for_each(|&r| known[r] = true);
        let k = found.scores.clusters;
        let sizes = |clustered: bool| {
            let mut sizes = vec![0; k];
            let of = found.labels.iter().zip(&known).filter(|(_, c)| **c == clustered);
            of.filter_map(|(l, _)| usize::try_from(*l).ok()).for_each(|l| sizes[l] += 1);
            sizes
        };
        let summary = Summary {
            clusters: k,
            clustered: rows.len(),
            noise: found.scores.noise,
            sizes: sizes(true),
            nearest: spots - rows.len(),
            nearest_sizes: sizes(false),
            dimensions: found.dim,
            shares: found.shares,
            silhouette: found.scores.silhouette,
            calinski_harabasz: found.scores.calinski_harabasz,
            davies_bouldin: Some(found.scores.davies_bouldin).filter(|v| v.is_finite()),
        };
        let mut arrays = ArraysWriter::new();
        arrays.i64s("labels", &[spots], &found.labels);
        arrays.u8s("clustered", &[spots], known.into_iter().map(u8::from).collect());
        // The fused columns are as wide as the features and follow from them; a few components are worth keeping.
        if self.how.principal().is_some() {
            arrays.f64s("points", &[rows.len(), found.dim], &found.points);
        }
        arrays.write(&out.join("clusters.safetensors"))?;
        files::write_json(&out.join("clusters.json"), &summary)
    }
}

/// The report's table of clusters, a row a fold; nothing where there are none.
pub fn table(folds: &[(String, Found)]) -> Option<Table> {
    let wide = folds.first()?.1.summary.dimensions;
    let row = |(name, found): &(String, Found)| {
        let s = &found.summary;
        let sizes: Vec<String> = s.sizes.iter().map(usize::to_string).collect();
        vec![
            name.clone(),
            s.clusters.to_string(),
            s.clustered.to_string(),
            s.noise.to_string(),
            s.nearest.to_string(),
            format!("{:.4}", s.silhouette),
            format!("{:.2}", s.calinski_harabasz),
            s.davies_bouldin.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}")),
            sizes.join(" "),
        ]
    };
    let head = [
        "fold",
        "#clusters",
        "#spots clustered",
        "#noise",
        "#nearest cluster",
        "#silhouette",
        "#Calinski-Harabasz",
        "#Davies-Bouldin",
        "sizes",
    ];
    Some(Table {
        title: "Clusters".into(),
        note: format!(
            "Our own variant: no published code trains with cluster identifiers, so no published number stands beside it. Spots of the slides \
             that train, the held-out ones on them included, are clustered by image and place, without expression; spots of other slides take \
             the nearest cluster. Scores are of the {wide} numbers a spot that were clustered, without noise; a silhouette of -1 is undefined."
        ),
        head: head.map(str::to_owned).into(),
        rows: folds.iter().map(row).collect(),
    })
}
