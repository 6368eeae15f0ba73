//! Which reader a protocol's data need: the one place that knows all of them.

use crate::base::{Failure, Result};
use crate::dataset::{self, Slide, visium};
use crate::protocol::schema::{Data, Dataset};
use std::path::{Path, PathBuf};

fn visium_spec(data: &Data) -> visium::Spec {
    let keys = data.visium.clone().unwrap_or_default();
    visium::Spec { folder: keys.folder, image: keys.image, donors: keys.donors, organ: keys.organ }
}

fn imported_folder(data: &Data) -> Result<&str> {
    data.imported.as_ref().map(|i| i.folder.as_str()).ok_or_else(|| Failure::input("no [data.imported] table"))
}

/// The recorded paths of the raw files that a protocol reads; none for synthetic slides. A missing file is an error.
pub fn files(data: &Data, root: &Path) -> Result<Vec<String>> {
    match data.dataset {
        Dataset::Synthetic => Ok(Vec::new()),
        Dataset::Her2st => dataset::her2st::files(root, &data.slides),
        Dataset::Visium => visium::files(root, &visium_spec(data), &data.slides),
        Dataset::Gse240429 => dataset::gse240429::files(root, &data.slides),
        Dataset::ElHackathon2025 => dataset::el_hackathon::files(root, &data.slides),
        Dataset::Imported => {
            let folder = imported_folder(data)?;
            let names = dataset::imported::files(&root.join(folder))?;
            Ok(names.into_iter().map(|n| format!("{folder}/{n}")).collect())
        }
    }
}

/// The file on this disk for a recorded path.
pub fn path_of(data: &Data, root: &Path, rel_path: &str) -> Result<PathBuf> {
    match data.dataset {
        Dataset::Her2st => dataset::her2st::path_of(root, rel_path),
        Dataset::Gse240429 => dataset::gse240429::path_of(root, rel_path),
        Dataset::ElHackathon2025 => dataset::el_hackathon::path_of(root, rel_path),
        Dataset::Visium | Dataset::Imported | Dataset::Synthetic => visium::path_of(root, rel_path),
    }
}

/// The slides from raw files; not for synthetic ones, which have none.
pub fn read(data: &Data, root: &Path) -> Result<Vec<Slide>> {
    match data.dataset {
        Dataset::Her2st => dataset::her2st::read(root, &data.slides),
        Dataset::Visium => visium::read(root, &visium_spec(data), &data.slides),
        Dataset::Gse240429 => dataset::gse240429::read(root, &data.slides),
        Dataset::Imported => {
            let found = dataset::imported::read(&root.join(imported_folder(data)?), &data.slides)?;
            Ok(found.into_iter().map(|(slide, _)| slide).collect())
        }
        Dataset::Synthetic | Dataset::ElHackathon2025 => Err(Failure::input("these slides come with their images, one by one")),
    }
}

/// The file with the patches of an imported table, and each slide's first row in it; none for other data.
pub fn patches(data: &Data, root: &Path) -> Result<Option<(PathBuf, Vec<usize>)>> {
    if data.dataset != Dataset::Imported {
        return Ok(None);
    }
    let folder = root.join(imported_folder(data)?);
    let found = dataset::imported::read(&folder, &data.slides)?;
    Ok(Some((folder.join(dataset::imported::PATCHES), found.into_iter().map(|(_, first)| first).collect())))
}

/// The command that says what of a data set is here, for messages.
pub fn check_command(data: &Data) -> String {
    match data.dataset {
        Dataset::Her2st => "data her2st (pinfold data check her2st)".to_owned(),
        Dataset::Gse240429 => "data gse240429 (pinfold data check gse240429)".to_owned(),
        Dataset::ElHackathon2025 => "data el-hackathon-2025 (pinfold data check el-hackathon-2025)".to_owned(),
        Dataset::Visium => format!("Visium slides (pinfold data check visium --folder {})", visium_spec(data).folder),
        Dataset::Imported => format!("the imported table {} (pinfold data import)", imported_folder(data).unwrap_or("")),
        Dataset::Synthetic => String::new(),
    }
}
