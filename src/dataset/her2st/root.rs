//! Where her2st lies on this disk, and what its files are called.

use super::known;
use crate::base::{Failure, IoContext, Result};
use crate::dataset::nearest;
use std::path::{Path, PathBuf};

/// The prefix of every recorded path, wherever the data lie.
const PREFIX: &str = "her2st/data/";
/// How a person gets the data.
pub(super) const SOURCE: &str = "get it from the repository https://github.com/almaan/her2st (folder data), or from Zenodo record 3957257 (https://zenodo.org/records/3957257)";

/// The folder that holds `ST-cnts`: `root` may be a folder with `her2st/`, her2st itself, or its `data`.
pub fn data_folder(root: &Path) -> Result<PathBuf> {
    let candidates = [root.join("her2st/data"), root.join("data"), root.to_owned()];
    if let Some(found) = candidates.iter().find(|c| c.join("ST-cnts").is_dir()) {
        return Ok(found.clone());
    }
    let state = if root.is_dir() {
        "no her2st in this folder: none of her2st/data/ST-cnts, data/ST-cnts and ST-cnts is there"
    } else {
        "no such folder"
    };
    Err(Failure::input(format!("{state} (G01)"))
        .at(root.display().to_string())
        .hint(format!("set PINFOLD_DATA to the folder that contains her2st; {SOURCE}")))
}

/// The file on this disk for a recorded path such as `her2st/data/ST-cnts/C2.tsv.gz`.
pub fn path_of(root: &Path, rel_path: &str) -> Result<PathBuf> {
    let inner = rel_path.strip_prefix(PREFIX).filter(|p| p.split('/').all(|part| !matches!(part, "" | "." | "..")));
    let inner = inner.ok_or_else(|| Failure::input(format!("'{rel_path}' is not a path inside {PREFIX} (G35)")))?;
    Ok(data_folder(root)?.join(inner))
}

/// Recorded path of a section's counts.
pub(super) fn counts_path(section: &str) -> String {
    format!("{PREFIX}ST-cnts/{section}.tsv.gz")
}

/// Recorded path of a section's spot file.
pub(super) fn spots_path(section: &str) -> String {
    format!("{PREFIX}ST-spotfiles/{section}_selection.tsv")
}

/// Recorded path of the folder that holds a section's image.
pub(super) fn image_folder(section: &str) -> String {
    format!("{PREFIX}ST-imgs/{}/{section}", &section[..1])
}

/// Refuses a name that is no section (G39, and G37 for another letter case).
pub(super) fn check_name(data: &Path, section: &str) -> Result<()> {
    let mut shape = section.bytes();
    let plain = shape.next().is_some_and(|c| c.is_ascii_uppercase()) && shape.len() > 0 && shape.all(|c| c.is_ascii_digit());
    if plain && (known(section).is_some() || data.join(format!("ST-cnts/{section}.tsv.gz")).is_file()) {
        return Ok(());
    }
    let near = nearest::hint(section, super::published_sections().map(|k| k.section));
    Err(Failure::input(format!("unknown slide '{section}' in her2st (G39)"))
        .hint(format!("{near}; her2st has A1-A6, B1-B6, C1-C6, D1-D6, E1-E3, F1-F3, G1-G3 and H1-H3")))
}

/// The one image of a section: its recorded path and its place on this disk (G01, G33, L11).
pub(super) fn the_image(data: &Path, section: &str) -> Result<(String, PathBuf)> {
    let shown = image_folder(section);
    let folder = data.join(&shown[PREFIX.len()..]);
    if !folder.is_dir() {
        return Err(Failure::input(format!("the image folder of section {section} is missing (G01)")).at(shown).hint(SOURCE));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
        let name = entry.doing("list", &folder)?.file_name();
        let name = name.to_str().ok_or_else(|| Failure::input("a file name that is not UTF-8").at(shown.clone()))?.to_owned();
        let lower = name.to_ascii_lowercase();
        if !name.starts_with('.') && (lower.ends_with(".jpg") || lower.ends_with(".jpeg")) {
            names.push(name);
        }
    }
    names.sort();
    match names.as_slice() {
        [one] => Ok((format!("{shown}/{one}"), folder.join(one))),
        [] => Err(Failure::input(format!("no .jpg in the image folder of section {section} (L11)")).at(shown).hint(SOURCE)),
        several => Err(Failure::input(format!("{} images where one is due: {} (L11, G33)", several.len(), several.join(", ")))
            .at(shown)
            .hint("leave only the published image in this folder")),
    }
}

/// The place on this disk of a recorded path, its existence checked (G01).
pub(super) fn existing(data: &Path, recorded: &str, section: &str, what: &str) -> Result<PathBuf> {
    let path = data.join(recorded.strip_prefix(PREFIX).unwrap_or(recorded));
    if path.exists() {
        return Ok(path);
    }
    Err(Failure::input(format!("the {what} of section {section} are missing (G01)")).at(recorded).hint(SOURCE))
}
