//! `patches`: the image square round each spot, in one memory-mappable file.

use super::ingest::Ingest;
use crate::base::arrays::ByteRows;
use crate::base::{Digest, Failure, Result};
use crate::dataset::image;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::{self, Cutter, ImageView};
use crate::protocol::schema::{Border, Data, Dataset, Patch, Rounding};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Patches {
    patch: Patch,
    data: Data,
    root: PathBuf,
    ingest: Artifact,
}

impl Patches {
    /// Patches of the slides of an ingest artifact.
    pub fn new(patch: &Patch, data: &Data, root: &Path, ingest: &Artifact) -> Self {
        Self { patch: patch.clone(), data: data.clone(), root: root.to_owned(), ingest: ingest.clone() }
    }

    fn cutter(&self) -> Result<Cutter> {
        let rounding = match self.patch.rounding {
            Rounding::Floor => histology::Rounding::Floor,
            Rounding::Trunc => histology::Rounding::Trunc,
            Rounding::HalfEven => histology::Rounding::HalfEven,
            Rounding::HalfUp => histology::Rounding::HalfUp,
        };
        let border = match self.patch.border {
            Border::Refuse => histology::Border::Refuse,
            Border::White => histology::Border::White,
        };
        Cutter::new(self.patch.size, self.patch.resize, rounding, border)
    }
}

/// Where a slide's image lies: synthetic slides bring theirs in the ingest artifact.
pub fn image_path(dataset: Dataset, data_root: &Path, ingest: &Path, rel_path: &str) -> Result<PathBuf> {
    match dataset {
        Dataset::Synthetic => Ok(ingest.join(rel_path)),
        Dataset::Her2st => crate::dataset::her2st::path_of(data_root, rel_path),
    }
}

/// Decoders of different versions differ by a grey level; the version is part of the key.
const DECODER: &str = "image 0.25 (zune-jpeg)";

impl Stage for Patches {
    fn job(&self) -> Job {
        // The colour order is the network's business; pixels are stored as red, green, blue.
        let p = &self.patch;
        Job {
            stage: "patches",
            label: "patches".into(),
            version: 1,
            parameters: json!({"size": p.size, "resize": p.resize, "rounding": p.rounding, "border": p.border, "decoder": DECODER}),
            inputs: [("ingest".to_owned(), self.ingest.digest())].into(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        // Images outside the store are held against the digests of `ingest` when they are read.
        self.ingest.files().collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let slides = Ingest::load(&self.ingest.dir)?;
        let cutter = self.cutter()?;
        let total: usize = slides.iter().map(|s| s.spots.len()).sum();
        let side = self.patch.resize;
        let mut rows = ByteRows::create(&out.join("patches.safetensors"), "patches", total, &[side, side, 3])?;
        let (mut done, started) = (0u64, std::time::Instant::now());
        for slide in &slides {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let Some(reference) = &slide.image else {
                return Err(Failure::input(format!("slide {} has no image", slide.id)));
            };
            let path = image_path(self.data.dataset, &self.root, &self.ingest.dir, &reference.rel_path)?;
            if let Some(due) = slide.files.iter().find(|f| f.path == reference.rel_path) {
                let found = Digest::of_file(&path)?;
                if found != due.sha256 {
                    return Err(Failure::input(format!("the image of slide {} changed since it was ingested", slide.id))
                        .at(path.display().to_string())
                        .hint("bring the file back, or run again from the start if the new one is meant"));
                }
            }
            let picture = image::decode_rgb(&path)?;
            let view = ImageView::new(picture.width as usize, picture.height as usize, &picture.pixels)?;
            let centres: Vec<(f64, f64)> = slide.spots.iter().map(|s| (s.x, s.y)).collect();
            let cut = cutter.cut(&view, &centres).map_err(|e| e.at(format!("slide {}", slide.id)))?;
            for row in cut.chunks_exact(cutter.row_bytes()) {
                rows.push(row)?;
            }
            done += centres.len() as u64;
            let rate = done as f64 / started.elapsed().as_secs_f64().max(1e-9);
            watch.event(Event::Progress { label: "patches".into(), done, total: total as u64, unit: "patches".into(), rate });
        }
        rows.finish()
    }
}
