//! `pinfold data check gse240429`: each file, whether it is there and as published, and where a missing one is got.

use super::known::{GENES, Known, SLIDES, known};
use super::root::{IMAGES, TABLES, data_folder, path_of, recorded, the_image};
use crate::base::text::bytes as in_bytes;
use crate::base::{Digest, Failure, Result};
use crate::dataset::her2st::FileState;
use crate::dataset::nearest;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One file of the data set.
#[derive(Clone, Debug, Serialize)]
pub struct Piece {
    /// The slide, or `all` for the file that all slides share.
    pub slide: String,
    /// `spots`, `barcodes`, `features`, `panel`, `counts`, `harmony` or `image`.
    pub role: String,
    /// Recorded path.
    pub path: String,
    /// How it stands.
    pub state: FileState,
    /// Its size here.
    pub bytes: Option<u64>,
    /// Its digest here.
    pub sha256: Option<Digest>,
    /// What is known of the published file's size.
    pub due_size: String,
    /// The published digest, where one is known.
    pub due_sha256: Option<Digest>,
    /// How to get it.
    pub fetch: String,
}

/// The state of GSE240429 in a data root.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// `gse240429`.
    pub dataset: String,
    /// Whether every file of the slides is there, and none differs from a known digest.
    pub complete: bool,
    /// All files, slide by slide.
    pub pieces: Vec<Piece>,
}

impl CheckReport {
    /// An error that names what is missing or changed; nothing when complete.
    pub fn verdict(&self) -> Result<()> {
        let named = |state: FileState| {
            let all: Vec<&str> = self.pieces.iter().filter(|p| p.state == state).map(|p| p.path.as_str()).collect();
            all.join(", ")
        };
        let (missing, changed) = (named(FileState::Missing), named(FileState::Changed));
        let parts: Vec<String> = [("missing", missing), ("not the published bytes", changed)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what}: {names}"))
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        Err(Failure::input(format!("gse240429 is not ready; {}", parts.join("; "))).hint(format!("tables: {TABLES}; images: {IMAGES}")))
    }
}

/// Checks slides, or all four. A folder without any of it is not an error here: then everything is missing.
pub fn check(root: &Path, slides: &[String]) -> Result<CheckReport> {
    let asked: Vec<&str> = if slides.is_empty() { SLIDES.to_vec() } else { slides.iter().map(String::as_str).collect() };
    let mut pieces = Vec::new();
    for (i, slide) in asked.iter().enumerate() {
        let facts = known(slide)
            .ok_or_else(|| Failure::input(format!("unknown slide '{slide}' in GSE240429 (G39)")).hint(nearest::hint(slide, SLIDES)))?;
        for role in ["panel", "spots", "barcodes", "features", "counts", "harmony", "image"] {
            if role != "panel" || i == 0 {
                pieces.push(piece(root, &facts, role)?);
            }
        }
    }
    let sound = |p: &Piece| matches!(p.state, FileState::AsPublished | FileState::Present);
    Ok(CheckReport { dataset: "gse240429".into(), complete: pieces.iter().all(sound), pieces })
}

fn piece(root: &Path, facts: &Known, role: &str) -> Result<Piece> {
    let published = facts.published(role);
    let (path, place) = locate(root, facts, role);
    let (n, genes) = (facts.spots as u64, GENES.1 as u64);
    let due_size = match (role, published) {
        (_, Some((_, bytes))) => format!("{bytes} bytes"),
        ("harmony", _) => format!(
            "{} as f32 or {} as f64 ({} genes x {n} spots), and 128 bytes",
            in_bytes(4 * n * genes),
            in_bytes(8 * n * genes),
            GENES.1
        ),
        ("image", _) => "about 2.4 GB".to_owned(),
        _ => format!("not known ({} genes x {n} spots)", GENES.0),
    };
    let fetch = match role {
        "image" => format!(
            "{}.gz: sample {} of {IMAGES}, or https://ftp.ncbi.nlm.nih.gov/geo/samples/GSM7697nnn/{}/suppl/; unpack it with gunzip",
            facts.images()[0],
            facts.sample,
            facts.sample
        ),
        _ => format!("{TABLES}/{}", path.trim_start_matches("gse240429/")),
    };
    let mut out = Piece {
        slide: if role == "panel" { "all".to_owned() } else { facts.slide.to_owned() },
        role: role.to_owned(),
        path,
        state: FileState::Missing,
        bytes: None,
        sha256: None,
        due_size,
        due_sha256: published.map(|p| p.0),
        fetch,
    };
    if let Some(place) = place.filter(|p| p.is_file()) {
        let (sha256, bytes) = Digest::of_file_sized(&place)?;
        out.state = match out.due_sha256 {
            Some(due) if due == sha256 => FileState::AsPublished,
            Some(_) => FileState::Changed,
            None => FileState::Present,
        };
        (out.bytes, out.sha256) = (Some(bytes), Some(sha256));
    }
    Ok(out)
}

fn locate(root: &Path, facts: &Known, role: &str) -> (String, Option<PathBuf>) {
    if role != "image" {
        let name = recorded(facts.slide, role);
        let place = path_of(root, &name).ok();
        return (name, place);
    }
    match data_folder(root).ok().and_then(|data| the_image(&data, facts)) {
        Some((name, place)) => (name, Some(place)),
        None => (format!("gse240429/image/{}", facts.images()[0]), None),
    }
}
