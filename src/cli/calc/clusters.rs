//! `pinfold calc clusters`: HDBSCAN on given points, or given labels, and how well the clusters part.

use crate::base::{Failure, Result};
use crate::cli::output::{self, Side};
use crate::stats::clusters::scores;
use crate::stats::density::{Settings, hdbscan};
use crate::stats::table::Table;
use std::path::PathBuf;

/// Arguments of `calc clusters`. Defaults are the liver study's.
#[derive(clap::Args)]
pub struct Args {
    /// A table (comma-separated, or .tsv) with one row a point, such as a UMAP embedding made elsewhere.
    #[arg(long, value_name = "FILE")]
    points: PathBuf,
    /// The columns of the coordinates.
    #[arg(long, value_name = "COL,COL", value_delimiter = ',', required = true)]
    columns: Vec<String>,
    /// A column of labels (whole numbers, negative for noise): score these instead of clustering.
    #[arg(long, value_name = "COL")]
    labels: Option<String>,
    /// Smaller groups are noise.
    #[arg(long, default_value_t = 70)]
    min_cluster_size: usize,
    /// Neighbours that the density of a point is taken from, itself counted.
    #[arg(long, default_value_t = 3)]
    min_samples: usize,
    /// Clusters closer than this are not parted.
    #[arg(long, default_value_t = 0.05)]
    epsilon: f64,
    /// Print JSON, with every point's label.
    #[arg(long)]
    json: bool,
}

/// Prints the sizes and the scores.
pub fn run(args: Args) -> Result<()> {
    let table = Table::read(&args.points)?;
    let columns = args.columns.iter().map(|name| table.numbers(table.column(name)?)).collect::<Result<Vec<_>>>()?;
    let points: Vec<f64> = (0..table.len()).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    let labels = match &args.labels {
        None => {
            let settings = Settings { min_cluster_size: args.min_cluster_size, min_samples: args.min_samples, epsilon: args.epsilon };
            hdbscan(&points, columns.len(), settings).map_err(|e| e.at(table.path().to_owned()))?
        }
        Some(name) => table.numbers(table.column(name)?)?.into_iter().map(|v| whole(v, name, table.path())).collect::<Result<_>>()?,
    };
    let found = scores(&points, columns.len(), &labels);
    let mut sizes = std::collections::BTreeMap::<i64, usize>::new();
    labels.iter().for_each(|l| *sizes.entry((*l).max(-1)).or_default() += 1);
    if args.json {
        return output::json(&serde_json::json!({"scores": found, "labels": labels, "sizes": sizes}));
    }
    let name = |label: i64| if label < 0 { "noise".to_owned() } else { label.to_string() };
    let rows: Vec<Vec<String>> = sizes.iter().map(|(l, n)| vec![name(*l), n.to_string()]).collect();
    output::print(&output::table(&[("cluster", Side::Left), ("points", Side::Right)], &rows))?;
    output::print(&format!(
        "\n{} clusters of {} points, {} noise\nsilhouette {:.4}, Calinski-Harabasz {:.2}, Davies-Bouldin {:.4}\n",
        found.clusters, found.points, found.noise, found.silhouette, found.calinski_harabasz, found.davies_bouldin
    ))
}

fn whole(v: f64, column: &str, path: &str) -> Result<i64> {
    if v.fract() == 0.0 && v.abs() < 1e15 {
        Ok(v as i64)
    } else {
        Err(Failure::input(format!("label {v} in column '{column}' is no whole number")).at(path.to_owned()))
    }
}
