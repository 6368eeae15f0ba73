//! Pinning things as they stand on the disk: files, artifacts, pictures.

use super::check;
use super::model::{Artifact, Figure, FilePin};
use crate::base::digest::Hasher;
use crate::base::{Digest, Failure, IoContext, Result, canon};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// What the lock and the audit need of an artifact's `manifest.json`; other keys are the engine's.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The stage that made the artifact.
    pub stage: String,
    /// The artifact's key.
    pub key: Digest,
    /// The stage's code version.
    pub version: u32,
    /// The stage's parameters.
    #[serde(default)]
    pub parameters: serde_json::Value,
    /// Names and digests of what it was made from, in the order of the file.
    #[serde(default)]
    pub inputs: serde_json::Map<String, serde_json::Value>,
    /// The files of the artifact.
    pub outputs: BTreeMap<String, Output>,
    /// True when an input moved while the stage ran: such an artifact is never locked.
    #[serde(default)]
    pub tainted: bool,
}

/// Size and digest of one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: Digest,
}

impl Manifest {
    /// Reads a manifest's bytes; `place` is the file's name in messages.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|e| {
            Failure::input(format!("not a sound manifest: {e}"))
                .at(place.to_owned())
                .hint("remove that artifact's folder and run the protocol again")
        })
    }

    /// The key that stage, version, parameters and inputs give: what [`Manifest::key`] has to be.
    pub fn fingerprint(&self) -> Digest {
        canon::digest(&json!({"stage": self.stage, "version": self.version, "parameters": self.parameters, "inputs": self.inputs}))
    }

    /// The digests among the inputs (a value that is not a digest is not an artifact).
    pub fn input_digests(&self) -> Vec<Digest> {
        self.inputs.values().filter_map(|v| Digest::parse(v.as_str()?).ok()).collect()
    }
}

/// Where an artifact lives, from the workspace's root: `artifacts/<stage>/<key>`.
pub fn artifact_folder(stage: &str, key: Digest) -> String {
    format!("artifacts/{stage}/{key}")
}

/// Pins a file below `root` (the workspace's, or the data root).
pub fn file_pin(root: &Path, path: &str) -> Result<FilePin> {
    if let Some(what) = check::path_problem(path) {
        return Err(Failure::input(format!("'{path}' {what} and cannot be locked"))
            .hint("a lock holds only paths relative to the workspace or the data root"));
    }
    let (sha256, bytes) = Digest::of_file_sized(&root.join(path))?;
    Ok(FilePin { path: path.to_owned(), bytes, sha256 })
}

/// Pins an artifact: reads its manifest, refuses a tainted one, and hashes every file again, so that a lock never
/// holds what is not on the disk. A file that is not what the manifest says is bad input that names it.
pub fn artifact(root: &Path, label: &str, stage: &str, key: Digest) -> Result<Artifact> {
    let folder = artifact_folder(stage, key);
    let place = format!("{folder}/manifest.json");
    let path = root.join(&place);
    let bytes = std::fs::read(&path).doing("read the manifest", &path)?;
    let manifest = Manifest::parse(&bytes, &place)?;
    if manifest.stage != stage || manifest.key != key {
        return Err(Failure::input("the manifest belongs to another artifact")
            .at(place)
            .hint("remove that folder and run the protocol again"));
    }
    if manifest.tainted {
        return Err(Failure::input(format!("{label} is tainted: one of its inputs changed while it was made, so it cannot be locked"))
            .at(folder)
            .hint("remove that folder and run the protocol again"));
    }
    let mut files = Vec::with_capacity(manifest.outputs.len());
    for (name, output) in &manifest.outputs {
        let place = format!("{folder}/{name}");
        let pin = file_pin(root, &place)?;
        if (pin.bytes, pin.sha256) != (output.bytes, output.sha256) {
            return Err(Failure::input(format!("{label} is damaged: a file is not the one its manifest names"))
                .at(place)
                .hint("remove that artifact's folder and run the protocol again"));
        }
        files.push(FilePin { path: name.clone(), ..pin });
    }
    let digest = Digest::of_listing(files.iter().map(|f| (f.path.as_str(), f.sha256)));
    Ok(Artifact { label: label.to_owned(), stage: stage.to_owned(), key, digest, manifest: Digest::of(&bytes), files })
}

/// Pins a figure or page below the workspace's root; pictures get the digest of their pixels too.
pub fn figure(root: &Path, path: &str) -> Result<Figure> {
    let pin = file_pin(root, path)?;
    let file = root.join(path);
    let pixels = if path.ends_with(".png") {
        Some(pixel_digest(&std::fs::read(&file).doing("read", &file)?).map_err(|e| e.at(path))?)
    } else {
        None
    };
    Ok(Figure { path: pin.path, bytes: pin.bytes, sha256: pin.sha256, pixels })
}

/// The digest of a PNG's picture alone: SHA-256 over `<width> <height> <bytes a row>\n` and the decoded rows. Two files
/// with the same picture and other text chunks have it in common.
pub fn pixel_digest(png: &[u8]) -> Result<Digest> {
    let bad = |e: png::DecodingError| Failure::input(format!("not a sound PNG: {e}"));
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().map_err(bad)?;
    let size = reader.output_buffer_size().ok_or_else(|| Failure::input("the PNG's picture is too large"))?;
    let mut rows = vec![0u8; size];
    let info = reader.next_frame(&mut rows).map_err(bad)?;
    let mut hasher = Hasher::default();
    hasher.update(format!("{} {} {}\n", info.width, info.height, info.line_size).as_bytes());
    hasher.update(&rows[..info.buffer_size()]);
    Ok(hasher.finish())
}
