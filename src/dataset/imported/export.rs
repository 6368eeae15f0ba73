//! Slides, values and patches, written as `dataset.csv` with a folder of PNGs.

use super::META;
use crate::base::{Failure, IoContext, Result, atomic};
use crate::dataset::gse240429;
use crate::dataset::image::{RgbImage, encode_png};
use crate::dataset::model::Slide;
use rayon::prelude::*;
use serde_json::json;
use std::io::Write;
use std::path::Path;

/// What is exported. Rows of `values` and of patches stand in the order of slides and their spots.
pub struct Export<'a> {
    /// The slides.
    pub slides: &'a [Slide],
    /// An id a spot, in the same order, see [`published_ids`].
    pub ids: Vec<String>,
    /// Gene names.
    pub genes: &'a [String],
    /// Values, spots x genes, row-major.
    pub values: &'a [f32],
    /// Patches, spots x side x side x 3, red, green, blue.
    pub patches: &'a [u8],
    /// Side of a patch.
    pub side: usize,
}

/// The published names: `TRAIN_` and a counter over slides 1 to 4 and the lines of their `barcodes.tsv`, four digits.
/// `counted_before` says how many spots were counted before a slide; by default those of the slides before it.
pub fn published_ids(slides: &[Slide], is_gse240429: bool) -> Vec<String> {
    let mut before = 0;
    let mut out = Vec::new();
    for slide in slides {
        let published = gse240429::SLIDES.iter().take_while(|s| **s != slide.id).filter_map(|s| gse240429::known(s)).map(|k| k.spots).sum();
        let first: usize = if is_gse240429 { published } else { before };
        out.extend(slide.spots.iter().map(|s| format!("TRAIN_{:04}", first + s.source_row as usize)));
        before += slide.spots.len();
    }
    out
}

/// Writes `dataset.csv`, `train/<id>.png` and `dataset_meta.json` into a folder that must not exist. Rows are sorted by
/// slide number, array row, array column, pixel row and pixel column; values are the shortest decimals that give the
/// same f32 back; the PNGs have their colours in the order that viewers expect.
pub fn export(what: &Export, out: &Path) -> Result<()> {
    let n: usize = what.slides.iter().map(|s| s.spots.len()).sum();
    let row_bytes = what.side * what.side * 3;
    if what.ids.len() != n || what.values.len() != n * what.genes.len() || what.patches.len() != n * row_bytes {
        let text = format!(
            "{n} spots, {} ids, {} values and {} bytes of patches do not fit",
            what.ids.len(),
            what.values.len(),
            what.patches.len()
        );
        return Err(Failure::input(text));
    }
    if out.exists() {
        return Err(Failure::input("the folder is already there")
            .at(out.display().to_string())
            .hint("choose another name, or remove it first"));
    }
    if let Some(gene) = what.genes.iter().find(|g| META.contains(&g.as_str()) || super::LEFT_OUT.contains(&g.as_str())) {
        return Err(Failure::input(format!("a gene is called '{gene}', like a column of the published table")));
    }
    let images = out.join("train");
    std::fs::create_dir_all(&images).doing("make", &images)?;
    let mut order: Vec<(i64, i32, i32, usize)> = Vec::with_capacity(n);
    let mut spots = Vec::with_capacity(n);
    for (s, slide) in what.slides.iter().enumerate() {
        // A slide whose name is a number keeps it.
        let index = slide.id.parse::<i64>().unwrap_or(s as i64 + 1);
        for spot in &slide.spots {
            order.push((index, spot.array_row, spot.array_col, spots.len()));
            spots.push(spot);
        }
    }
    order.sort_unstable();
    let path = out.join("dataset.csv");
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(&path).doing("write", &path)?);
    let mut line = META.join(",");
    what.genes.iter().for_each(|g| line.push_str(&format!(",{}", quoted(g))));
    for (index, array_row, array_col, at) in &order {
        line.push('\n');
        file.write_all(line.as_bytes()).doing("write", &path)?;
        let (id, spot) = (&what.ids[*at], spots[*at]);
        line = format!("{},./train/{id}.png,{index},{array_row},{array_col},{},{}", quoted(id), spot.y, spot.x);
        what.values[at * what.genes.len()..(at + 1) * what.genes.len()].iter().for_each(|v| line.push_str(&format!(",{v:?}")));
    }
    line.push('\n');
    file.write_all(line.as_bytes()).and_then(|()| file.flush()).doing("write", &path)?;
    let written: Vec<Result<()>> = what
        .ids
        .par_iter()
        .enumerate()
        .map(|(i, id)| {
            let pixels = what.patches[i * row_bytes..(i + 1) * row_bytes].to_vec();
            let png = encode_png(&RgbImage { width: what.side as u32, height: what.side as u32, pixels })?;
            let at = images.join(format!("{id}.png"));
            std::fs::write(&at, png).doing("write", &at)
        })
        .collect();
    written.into_iter().collect::<Result<()>>()?;
    let meta = json!({"data_root": "", "out_csv": "dataset.csv", "out_img_dir": "train", "num_rows": n, "num_genes": what.genes.len(), "patch_size": what.side});
    atomic::write(&out.join("dataset_meta.json"), format!("{meta:#}\n").as_bytes())
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}
