//! The published intermediate form of the liver baseline: `dataset.csv`, a row a spot, beside a folder of PNG patches
//! (spec/liver-single-patch.md, section 1.3). Import turns it into slides and one patch file; export is the way back.
//!
//! The folder that import writes holds the files of [`super::store`], `patches.safetensors` (`patches`: spots x side x
//! side x 3, red, green, blue, in the order of slides and spots) and `imported.json` (digests of what it came from).

mod export;
mod import;

pub use export::{Export, export, published_ids};
pub use import::{Imported, import};

use super::model::Slide;
use super::store;
use crate::base::{Failure, IoContext, Result};
use std::path::Path;

/// Columns that are no genes.
pub(crate) const META: [&str; 7] = ["id", "path", "tissue_index", "array_row", "array_col", "pxl_row", "pxl_col"];
/// Columns that published scripts leave out too: remnants, and the barcode of the later rewrite.
pub(crate) const LEFT_OUT: [&str; 3] = ["barcode", "cluster", "fold"];
/// The patch file.
pub const PATCHES: &str = "patches.safetensors";

/// Names of all files in an imported folder, sorted.
pub fn files(folder: &Path) -> Result<Vec<String>> {
    if !folder.join("slides.json").is_file() || !folder.join(PATCHES).is_file() {
        return Err(Failure::input("no imported table in this folder (G01)")
            .at(folder.display().to_string())
            .hint("bring one in first: pinfold data import dataset.csv --to NAME"));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).doing("list", folder)? {
        let name = entry.doing("list", folder)?.file_name().into_string();
        names.push(name.map_err(|_| Failure::input("a file name that is not UTF-8").at(folder.display().to_string()))?);
    }
    names.sort();
    Ok(names)
}

/// The named slides of an imported folder, in the order asked for, each with the number of its first patch.
pub fn read(folder: &Path, names: &[String]) -> Result<Vec<(Slide, usize)>> {
    let slides = store::load(folder)?;
    let mut first = 0;
    let mut all: Vec<(Slide, usize)> = Vec::new();
    for slide in slides {
        let n = slide.spots.len();
        all.push((slide, first));
        first += n;
    }
    let take = |name: &String| {
        all.iter().find(|(s, _)| s.id == *name).cloned().ok_or_else(|| {
            Failure::input(format!("unknown slide '{name}' in the imported table (G39)"))
                .at(folder.display().to_string())
                .hint(super::nearest::hint(name, all.iter().map(|(s, _)| s.id.as_str())))
        })
    };
    names.iter().map(take).collect()
}
