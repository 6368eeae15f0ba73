//! `patches`: the image square round each spot, in one memory-mappable file.

use super::ingest::Ingest;
use super::source;
use crate::base::arrays::{Arrays, ByteRows};
use crate::base::{Digest, Failure, Result};
use crate::dataset::tiff::Tiff;
use crate::dataset::{Slide, image};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::{self, Cutter, Gatherer, ImageView};
use crate::protocol::schema::{Border, Data, Dataset, Patch, Rounding};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Patches {
    patch: Patch,
    data: Data,
    root: PathBuf,
    ingest: Artifact,
    /// The slides whose spots were moved or left out, in place of `ingest`'s.
    spots: Option<Artifact>,
    /// Unlabelled slides, whose patches stand behind all others.
    unlabelled: Option<Artifact>,
    /// Images in place of the slides' own.
    images: Option<Artifact>,
    label: String,
}

impl Patches {
    /// Patches of the slides of an ingest artifact.
    pub fn new(patch: &Patch, data: &Data, root: &Path, ingest: &Artifact) -> Self {
        Self {
            patch: patch.clone(),
            data: data.clone(),
            root: root.to_owned(),
            ingest: ingest.clone(),
            spots: None,
            unlabelled: None,
            images: None,
            label: "patches".into(),
        }
    }

    /// The same for the spots that are left, with those of unlabelled slides behind them, from prepared images; each where
    /// there is one. A fold that has images of its own gives its name.
    pub fn of(self, spots: Option<&Artifact>, unlabelled: Option<&Artifact>, images: Option<&Artifact>, fold: Option<&str>) -> Self {
        let label = fold.map_or_else(|| "patches".to_owned(), |fold| format!("patches[{fold}]"));
        Self { spots: spots.cloned(), unlabelled: unlabelled.cloned(), images: images.cloned(), label, ..self }
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        std::iter::once(&self.ingest).chain(&self.spots).chain(&self.unlabelled).chain(&self.images)
    }

    fn decoder(&self) -> &'static str {
        match self.data.dataset {
            Dataset::Visium | Dataset::Gse240429 => TIFF_DECODER,
            Dataset::Synthetic | Dataset::Her2st | Dataset::Imported | Dataset::ElHackathon2025 => DECODER,
        }
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
            Border::Edge => histology::Border::Edge,
        };
        Cutter::new(self.patch.size, self.patch.resize, rounding, border)
    }
}

/// Where a slide's image lies: synthetic slides bring theirs in the ingest artifact.
pub fn image_path(data: &Data, data_root: &Path, ingest: &Path, rel_path: &str) -> Result<PathBuf> {
    if data.dataset.brings_images() { Ok(ingest.join(rel_path)) } else { source::path_of(data, data_root, rel_path) }
}

/// The same, checked against the digest that was taken when the slide was ingested.
pub fn sound_image(data: &Data, data_root: &Path, ingest: &Path, slide: &Slide) -> Result<PathBuf> {
    let reference = slide.image.as_ref().ok_or_else(|| Failure::input("the slide has no image").at(slide.id.clone()))?;
    let path = image_path(data, data_root, ingest, &reference.rel_path)?;
    if let Some(due) = slide.files.iter().find(|f| f.path == reference.rel_path) {
        let found = Digest::of_file(&path)?;
        if found != due.sha256 {
            return Err(Failure::input("the image changed since it was ingested")
                .at(path.display().to_string())
                .hint("bring the file back, or run again from the start if the new one is meant"));
        }
    }
    Ok(path)
}

/// Decoders of different versions differ by a grey level; the version is part of the key.
const DECODER: &str = "image 0.25 (zune-jpeg)";
/// The same for TIFF, whose JPEG blocks go through zune-jpeg too.
const TIFF_DECODER: &str = "tiff 0.11 (zune-jpeg)";

impl Stage for Patches {
    fn job(&self) -> Job {
        // The colour order is the network's business; pixels are stored as red, green, blue.
        let p = &self.patch;
        Job {
            stage: "patches",
            label: self.label.clone(),
            version: 1,
            parameters: json!({"size": p.size, "resize": p.resize, "rounding": p.rounding, "border": p.border, "decoder": self.decoder()}),
            inputs: self.artifacts().map(|a| (super::plain(&a.label).to_owned(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        // Images outside the store are held against the digests of `ingest` when they are read.
        self.artifacts().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let mut slides: Vec<(Slide, &Artifact)> =
            Ingest::load(&self.spots.as_ref().unwrap_or(&self.ingest).dir)?.into_iter().map(|s| (s, &self.ingest)).collect();
        if let Some(unlabelled) = &self.unlabelled {
            slides.extend(Ingest::load(&unlabelled.dir)?.into_iter().map(|s| (s, unlabelled)));
        }
        let cutter = self.cutter()?;
        let total: usize = slides.iter().map(|(s, _)| s.spots.len()).sum();
        let side = self.patch.resize;
        let mut rows = ByteRows::create(&out.join("patches.safetensors"), "patches", total, &[side, side, 3])?;
        let ready = source::patches(&self.data, &self.root)?;
        let (mut done, started) = (0usize, std::time::Instant::now());
        for (i, (slide, from)) in slides.iter().enumerate() {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            match &ready {
                Some((file, firsts)) => self.copy(slide, file, firsts[i], &cutter, done, &mut rows)?,
                None => self
                    .cut(slide, from, &cutter, done, &mut rows, &mut || watch.stop_asked())
                    .map_err(|e| e.at(format!("slide {}", slide.id)))?,
            }
            done += slide.spots.len();
            let rate = done as f64 / started.elapsed().as_secs_f64().max(1e-9);
            watch.event(Event::Progress {
                label: self.label.clone(),
                done: done as u64,
                total: total as u64,
                unit: "patches".into(),
                rate,
            });
        }
        rows.finish()
    }
}

impl Patches {
    /// Cuts the patches of one slide into the rows from `first` on. A TIFF is read block by block, once.
    fn cut(
        &self,
        slide: &Slide,
        from: &Artifact,
        cutter: &Cutter,
        first: usize,
        rows: &mut ByteRows,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<()> {
        let reference = slide.image.as_ref().ok_or_else(|| Failure::input("the slide has no image"))?;
        let path = match &self.images {
            Some(images) => super::stain::image(&images.dir, &slide.id),
            None => sound_image(&self.data, &self.root, &from.dir, slide)?,
        };
        let centres: Vec<(f64, f64)> = slide.spots.iter().map(|s| (s.x, s.y)).collect();
        if image::is_tiff(&path)? {
            return from_tiff(&path, &reference.rel_path, cutter, &centres, &mut |spot, patch| rows.put(first + spot, patch), stop);
        }
        let picture = image::decode_rgb(&path)?;
        let view = ImageView::new(picture.width as usize, picture.height as usize, &picture.pixels)?;
        let cut = cutter.cut(&view, &centres)?;
        cut.chunks_exact(cutter.row_bytes()).enumerate().try_for_each(|(i, row)| rows.put(first + i, row))
    }

    /// Takes ready patches of an imported table.
    fn copy(&self, slide: &Slide, file: &Path, from: usize, cutter: &Cutter, first: usize, rows: &mut ByteRows) -> Result<()> {
        let arrays = Arrays::open(file)?;
        let shape = arrays.entry("patches")?.shape.clone();
        let side = self.patch.size;
        if shape.len() != 4 || shape[1..] != [side, side, 3] {
            return Err(Failure::input(format!("the imported patches are {shape:?}, and the protocol asks for {side} pixels"))
                .at("patch.size")
                .hint("set patch.size to the side of the imported patches; patch.resize may differ"));
        }
        let (bytes, row) = (arrays.u8s("patches")?, side * side * 3);
        for i in 0..slide.spots.len() {
            let window = bytes
                .get((from + i) * row..(from + i + 1) * row)
                .ok_or_else(|| Failure::input("patches are missing").at(file.display().to_string()))?;
            rows.put(first + i, &cutter.resized(window.to_vec()))?;
        }
        Ok(())
    }
}

/// Cuts squares of `size` pixels round `centres` from an image file into `out`, white beyond the image; gives the digest
/// of the file made.
pub fn cut_file(path: &Path, centres: &[(f64, f64)], size: usize, out: &Path) -> Result<Digest> {
    let cutter = Cutter::new(size, size, histology::Rounding::Floor, histology::Border::White)?;
    let mut rows = ByteRows::create(out, "patches", centres.len(), &[size, size, 3])?;
    let shown = path.display().to_string();
    if image::is_tiff(path)? {
        from_tiff(path, &shown, &cutter, centres, &mut |spot, patch| rows.put(spot, patch), &mut || false)?;
    } else {
        let picture = image::decode_rgb(path)?;
        let view = ImageView::new(picture.width as usize, picture.height as usize, &picture.pixels)?;
        for (i, row) in cutter.cut(&view, centres)?.chunks_exact(cutter.row_bytes()).enumerate() {
            rows.put(i, row)?;
        }
    }
    rows.finish()?;
    Digest::of_file(out)
}

/// Cuts all patches of a TIFF in one pass over the file; each goes to `done` with its spot's number.
pub fn from_tiff(
    path: &Path,
    shown: &str,
    cutter: &Cutter,
    centres: &[(f64, f64)],
    done: &mut dyn FnMut(usize, &[u8]) -> Result<()>,
    stop: &mut dyn FnMut() -> bool,
) -> Result<()> {
    let tiff = Tiff::open(path, shown)?;
    let mut gatherer = Gatherer::new(cutter, tiff.width as usize, tiff.height as usize, centres)?;
    // Which blocks are wanted depends on the windows alone, so a second set of them answers while the first is filled.
    let asked = Gatherer::new(cutter, tiff.width as usize, tiff.height as usize, centres)?;
    tiff.blocks(&|r| asked.wants(r.x, r.y, r.width, r.height), &mut |r, pixels| {
        if stop() {
            return Err(Failure::interrupted("stopped on request"));
        }
        gatherer.take((r.x, r.y, r.width, r.height), pixels, done)
    })?;
    gatherer.finish(done)
}
