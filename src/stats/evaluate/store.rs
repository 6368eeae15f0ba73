//! The files of a `predict` stage.

use super::types::{FoldPredictions, SpotAt};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, IoContext, Result, atomic};
use std::path::Path;

const HEADER: &str = "slide\tid\tarray_col\tarray_row\tx\ty";
const ARRAYS: &str = "predictions.safetensors";

impl FoldPredictions {
    /// Reads the output folder of a `predict` stage and checks that its parts fit each other.
    pub fn read(predict_dir: &Path) -> Result<Self> {
        let path = predict_dir.join(ARRAYS);
        let arrays = Arrays::open(&path)?;
        let folder = || predict_dir.file_name().map_or_else(|| "fold".to_owned(), |n| n.to_string_lossy().into_owned());
        let out = Self {
            name: arrays.metadata().get("fold").cloned().unwrap_or_else(folder),
            genes: read_genes(&predict_dir.join("genes.txt"))?,
            spots: read_spots(&predict_dir.join("spots.tsv"))?,
            truth: arrays.f32s("truth")?,
            prediction: arrays.f32s("prediction")?,
            constant: arrays.f32s("constant")?,
            rows: arrays.i64s("row")?,
        };
        let (n, g) = (out.spots.len(), out.genes.len());
        for (name, shape) in [("truth", vec![n, g]), ("prediction", vec![n, g]), ("constant", vec![g]), ("row", vec![n])] {
            let found = &arrays.entry(name)?.shape;
            if *found != shape {
                return Err(Failure::input(format!(
                    "array '{name}' has the shape {found:?}, where {n} spots and {g} genes need {shape:?}"
                ))
                .at(path.display().to_string())
                .hint("the files of this folder do not belong together; run the predict stage again"));
            }
        }
        Ok(out)
    }

    /// Writes the three files of a `predict` stage into `dir`, each one atomically. Equal predictions give equal
    /// bytes. Panics when the parts do not fit each other: that is our own mistake.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let (n, g) = (self.spots.len(), self.genes.len());
        let mut arrays = ArraysWriter::new();
        arrays.metadata("fold", self.name.clone());
        arrays.f32s("truth", &[n, g], &self.truth).f32s("prediction", &[n, g], &self.prediction);
        arrays.f32s("constant", &[g], &self.constant).i64s("row", &[n], &self.rows);
        arrays.write(&dir.join(ARRAYS))?;
        write_spots(&dir.join("spots.tsv"), &self.spots)?;
        let genes: String = self.genes.iter().map(|gene| format!("{gene}\n")).collect();
        atomic::write(&dir.join("genes.txt"), genes.as_bytes())
    }
}

/// Reads `genes.txt`: one symbol a line.
pub fn read_genes(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).doing("read", path)?;
    let genes: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some(line) = genes.iter().position(|g| g.trim().is_empty()) {
        return Err(Failure::input("an empty gene name").at(format!("{}:{}", path.display(), line + 1)));
    }
    Ok(genes)
}

/// Writes `spots.tsv`: a header, then one spot a line; coordinates in the shortest form that reads back equal.
pub fn write_spots(path: &Path, spots: &[SpotAt]) -> Result<()> {
    let mut text = format!("{HEADER}\n");
    for s in spots {
        text.push_str(&format!("{}\t{}\t{}\t{}\t{}\t{}\n", s.slide, s.id, s.array_col, s.array_row, s.x, s.y));
    }
    atomic::write(path, text.as_bytes())
}

/// Reads `spots.tsv`.
pub fn read_spots(path: &Path) -> Result<Vec<SpotAt>> {
    let text = std::fs::read_to_string(path).doing("read", path)?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        let due = HEADER.replace('\t', " ");
        return Err(Failure::input(format!("the header is not '{due}' (separated by tabs)")).at(format!("{}:1", path.display())));
    }
    lines.enumerate().map(|(i, line)| spot(line).map_err(|what| Failure::input(what).at(format!("{}:{}", path.display(), i + 2)))).collect()
}

fn spot(line: &str) -> std::result::Result<SpotAt, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [slide, id, array_col, array_row, x, y] = fields[..] else {
        return Err(format!("{} fields where 6 are due", fields.len()));
    };
    let whole = |name: &str, v: &str| v.parse::<i32>().map_err(|_| format!("{name} is '{v}', not a whole number"));
    let real =
        |name: &str, v: &str| v.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| format!("{name} is '{v}', not a number"));
    Ok(SpotAt {
        slide: slide.to_owned(),
        id: id.to_owned(),
        array_col: whole("array_col", array_col)?,
        array_row: whole("array_row", array_row)?,
        x: real("x", x)?,
        y: real("y", y)?,
    })
}
