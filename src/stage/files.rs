//! The files that pass from stage to stage, read back.

use crate::base::arrays::Arrays;
use crate::base::{Failure, IoContext, Result};
use crate::split::Fold;
use crate::stats::evaluate::{self, SpotAt};
use std::path::Path;

/// What `preprocess` made: targets for all spots.
pub struct Expression {
    /// The panel, G genes.
    pub genes: Vec<String>,
    /// All spots, S of them, slides in protocol order.
    pub spots: Vec<SpotAt>,
    /// Targets, S x G, row after row.
    pub values: Vec<f32>,
    /// Mean over spots of ln(1 + 10,000 count/total), G.
    pub abundance: Vec<f64>,
}

impl Expression {
    /// Reads a `preprocess` artifact.
    pub fn read(dir: &Path) -> Result<Self> {
        let arrays = Arrays::open(&dir.join("expression.safetensors"))?;
        let genes = evaluate::read_genes(&dir.join("genes.txt"))?;
        let spots = evaluate::read_spots(&dir.join("spots.tsv"))?;
        let values = arrays.f32s("expression")?;
        if values.len() != genes.len() * spots.len() {
            return Err(Failure::input(format!("{} values for {} spots and {} genes", values.len(), spots.len(), genes.len()))
                .at(dir.display().to_string()));
        }
        Ok(Self { genes, spots, values, abundance: arrays.f64s("abundance")? })
    }

    /// The mean of these rows, per gene: the constant profile. f64 sums in row order, stored as f32.
    pub fn mean_of(&self, rows: &[usize]) -> Vec<f32> {
        let g = self.genes.len();
        let mut sums = vec![0f64; g];
        for &row in rows {
            for (sum, &value) in sums.iter_mut().zip(&self.values[row * g..(row + 1) * g]) {
                *sum += f64::from(value);
            }
        }
        sums.into_iter().map(|s| (s / rows.len().max(1) as f64) as f32).collect()
    }
}

/// Reads the folds of a `split` artifact; rows are checked against the number of spots.
pub fn folds(dir: &Path, spots: usize) -> Result<Vec<Fold>> {
    let path = dir.join("folds.json");
    let bytes = std::fs::read(&path).doing("read", &path)?;
    crate::split::folds_from_json(&bytes, spots).map_err(|e| e.at(path.display().to_string()))
}

/// One fold by its place in the split.
pub fn fold(dir: &Path, index: usize, spots: usize) -> Result<Fold> {
    let mut all = folds(dir, spots)?;
    if index >= all.len() {
        return Err(Failure::input(format!("fold {} of {}", index + 1, all.len())).at(dir.display().to_string()));
    }
    Ok(all.swap_remove(index))
}

/// Writes pretty JSON with a final line end.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::environment(format!("cannot write {}: {e}", path.display())))?;
    text.push('\n');
    crate::base::atomic::write(path, text.as_bytes())
}

/// Reads JSON.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).doing("read", path)?;
    serde_json::from_slice(&bytes).map_err(|e| Failure::input(format!("not the JSON that is due here: {e}")).at(path.display().to_string()))
}
