//! Where GSE240429 lies on this disk, and what its files are called. Recorded paths begin with `gse240429/`, whatever
//! the folder is called here.

use super::known::{Known, SLIDES};
use crate::base::{Failure, Result};
use std::path::{Path, PathBuf};

const PREFIX: &str = "gse240429/";
const MATRICES: &str = "filtered_expression_matrices";
/// How a person gets the tables.
pub(super) const TABLES: &str = "clone https://github.com/bowang-lab/BLEEP with Git LFS and take GSE240429_data/data";
/// How a person gets the images.
pub(super) const IMAGES: &str = "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE240429";

/// The folder that holds `filtered_expression_matrices`: `root` may contain `gse240429/` or `GSE240429_data/`, with or
/// without `data/` in between, or be one of these.
pub fn data_folder(root: &Path) -> Result<PathBuf> {
    let names = ["gse240429", "GSE240429_data/data", "GSE240429_data", "gse240429/data", "data", ""];
    let found = names.iter().map(|n| root.join(n)).find(|c| c.join(MATRICES).is_dir() || c.join("tissue_pos_matrices").is_dir());
    found.ok_or_else(|| {
        let state = if root.is_dir() {
            format!("no GSE240429 in this folder: neither of {}", names[..5].join(", "))
        } else {
            "no such folder".into()
        };
        Failure::input(format!("{state} holds {MATRICES} (G01)"))
            .at(root.display().to_string())
            .hint(format!("set PINFOLD_DATA to the folder that contains gse240429/; {TABLES}; images: {IMAGES}"))
    })
}

/// The recorded path of a slide's file in a role; the image's needs a look at the disk, see [`the_image`].
pub(super) fn recorded(slide: &str, role: &str) -> String {
    let name = match role {
        "spots" => return format!("{PREFIX}tissue_pos_matrices/tissue_positions_list_{slide}.csv"),
        "panel" => return format!("{PREFIX}{MATRICES}/hvg_union.npy"),
        "barcodes" => "barcodes.tsv",
        "features" => "features.tsv",
        "counts" => "matrix.mtx",
        _ => "harmony_matrix.npy",
    };
    format!("{PREFIX}{MATRICES}/{slide}/{name}")
}

/// Whether a recorded path is that of a table of any of the four slides. A protocol on some of them may pin the others' files too.
pub fn belongs(rel_path: &str) -> bool {
    let roles = ["spots", "panel", "barcodes", "features", "counts", "harmony"];
    SLIDES.iter().any(|slide| roles.iter().any(|role| recorded(slide, role) == rel_path))
}

/// The image of a slide on this disk, and its recorded path; the first of the names in use, in `image/` or `images/`
/// beside the tables or one folder above.
pub(super) fn the_image(data: &Path, known: &Known) -> Option<(String, PathBuf)> {
    known.images().into_iter().find_map(|name| {
        let path = image_path(data, &name)?;
        Some((format!("{PREFIX}image/{name}"), path))
    })
}

fn image_path(data: &Path, name: &str) -> Option<PathBuf> {
    let above = data.parent().unwrap_or(data);
    [data.join("image"), data.join("images"), above.join("image"), above.join("images")].iter().map(|f| f.join(name)).find(|p| p.is_file())
}

/// The file on this disk for a recorded path (G35 for one that leaves the data set, G01 for a missing image).
pub fn path_of(root: &Path, rel_path: &str) -> Result<PathBuf> {
    let inner = rel_path.strip_prefix(PREFIX).filter(|p| p.split('/').all(|part| !matches!(part, "" | "." | "..")));
    let inner = inner.ok_or_else(|| Failure::input(format!("'{rel_path}' is not a path inside {PREFIX} (G35)")))?;
    let data = data_folder(root)?;
    match inner.strip_prefix("image/") {
        Some(name) => image_path(&data, name)
            .ok_or_else(|| Failure::input("the image is missing (G01)").at(rel_path.to_owned()).hint(format!("get it from {IMAGES}"))),
        None => Ok(data.join(inner)),
    }
}
