//! What lies where in a Space Ranger folder. GEO deposits put the sample's name in front of every file and compress
//! them, so files are found by how their names end.

use crate::base::{Failure, IoContext, Result};
use std::path::Path;

/// Where the counts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// `*filtered_feature_bc_matrix.h5`.
    H5(String),
    /// The MEX triple: barcodes, features, matrix.
    Mex([String; 3]),
}

/// The files of one slide, as paths with `/` below the slide's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Positions; both versions when both are there.
    pub positions: Vec<String>,
    /// `scalefactors_json.json`, when there is one.
    pub scalefactors: Option<String>,
    /// The counts.
    pub matrix: Matrix,
    /// The full-resolution image, when one is found or named.
    pub image: Option<String>,
}

/// Endings of full-resolution images, in lower case.
const IMAGES: [&str; 6] = [".tif", ".tiff", ".btf", ".jpg", ".jpeg", ".png"];
/// Space Ranger's own small images, which are never the full-resolution one.
const SMALL: [&str; 6] =
    ["tissue_hires_image", "tissue_lowres_image", "aligned_fiducials", "detected_tissue_image", "cytassist_image", "aligned_tissue_image"];

impl Layout {
    /// Looks at a slide's folder, `outs/` in it included. `image` names the full-resolution image below the folder; by
    /// default it is the only image that is none of Space Ranger's own. Codes: G01, G33, V23, V24.
    pub fn find(folder: &Path, shown: &str, image: Option<&str>) -> Result<Self> {
        let mut names = Vec::new();
        for below in ["", "outs", "spatial", "outs/spatial", "filtered_feature_bc_matrix", "outs/filtered_feature_bc_matrix"] {
            list(&folder.join(below), below, &mut names)?;
        }
        if folder.join("binned_outputs").is_dir() || folder.join("outs/binned_outputs").is_dir() {
            return Err(Failure::input("this is a Visium HD folder, which this version does not read (V23)").at(shown));
        }
        let ending = |ends: &[&str], what: &str| -> Result<Option<String>> {
            let mut found = names.iter().filter(|n| ends.iter().any(|e| n.ends_with(e) || n.ends_with(&format!("{e}.gz"))));
            let first = found.next();
            match found.next() {
                Some(second) => Err(Failure::input(format!("two files for the {what}: {} and {second} (G33)", first.map_or("", |f| f)))
                    .at(shown)
                    .hint("leave one of them in this slide's folder")),
                None => Ok(first.cloned()),
            }
        };
        let missing = |what: &str| {
            Failure::input(format!("{what} is missing (G01)"))
                .at(shown)
                .hint("copy Space Ranger's outs/ folder here as it is, spatial/ included")
        };
        let old = ending(&["tissue_positions_list.csv"], "positions")?;
        let new = ending(&["tissue_positions.csv"], "positions")?;
        let positions: Vec<String> = old.into_iter().chain(new).collect();
        if positions.is_empty() {
            if names.iter().any(|n| n.ends_with("tissue_positions.parquet")) {
                return Err(Failure::input("positions in Parquet, as Visium HD has them, are not read by this version (V24)").at(shown));
            }
            return Err(missing("spatial/tissue_positions.csv (or tissue_positions_list.csv)"));
        }
        let matrix = match ending(&["filtered_feature_bc_matrix.h5"], "matrix")? {
            Some(h5) => Matrix::H5(h5),
            None => {
                let triple = [
                    ending(&["barcodes.tsv"], "barcodes")?,
                    ending(&["features.tsv", "genes.tsv"], "features")?,
                    ending(&["matrix.mtx"], "matrix")?,
                ];
                match triple {
                    [Some(b), Some(f), Some(m)] => Matrix::Mex([b, f, m]),
                    _ => {
                        return Err(missing(
                            "filtered_feature_bc_matrix.h5, or the folder filtered_feature_bc_matrix/ with its three files,",
                        ));
                    }
                }
            }
        };
        let image = match image {
            Some(name) if folder.join(name).is_file() => Some(name.to_owned()),
            Some(name) => return Err(missing(&format!("the image {name}"))),
            None => the_image(&names, shown)?,
        };
        Ok(Self { positions, scalefactors: ending(&["scalefactors_json.json"], "scale factors")?, matrix, image })
    }

    /// All files in a fixed order, with their roles.
    pub fn files(&self) -> Vec<(&'static str, &str)> {
        let mut out: Vec<(&'static str, &str)> = self.positions.iter().map(|p| ("spots", p.as_str())).collect();
        out.extend(self.scalefactors.iter().map(|s| ("scale", s.as_str())));
        match &self.matrix {
            Matrix::H5(path) => out.push(("counts", path)),
            Matrix::Mex([b, f, m]) => out.extend([("barcodes", b.as_str()), ("features", f), ("counts", m)]),
        }
        out.extend(self.image.iter().map(|i| ("image", i.as_str())));
        out
    }
}

fn list(folder: &Path, below: &str, names: &mut Vec<String>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut here = Vec::new();
    for entry in std::fs::read_dir(folder).doing("list", folder)? {
        let entry = entry.doing("list", folder)?;
        if entry.path().is_file() {
            let name = entry.file_name().into_string().map_err(|_| Failure::input("a file name that is not UTF-8").at(below.to_owned()))?;
            here.push(if below.is_empty() { name } else { format!("{below}/{name}") });
        }
    }
    here.retain(|n| !n.rsplit('/').next().unwrap_or(n).starts_with('.'));
    here.sort();
    names.extend(here);
    Ok(())
}

fn the_image(names: &[String], shown: &str) -> Result<Option<String>> {
    let full = |n: &&String| {
        let lower = n.to_lowercase();
        IMAGES.iter().any(|e| lower.ends_with(e)) && !SMALL.iter().any(|s| lower.contains(s))
    };
    let found: Vec<&String> = names.iter().filter(full).collect();
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => {
            let all: Vec<&str> = found.iter().map(|n| n.as_str()).collect();
            Err(Failure::input(format!("{} images where one is due: {} (G33)", all.len(), all.join(", ")))
                .at(shown)
                .hint("name the full-resolution one with data.visium.image"))
        }
    }
}
