//! `ingest`: raw files, or nothing but a seed, become slides.

use super::source;
use crate::base::{Digest, Failure, Result};
use crate::dataset::{self, Slide, gse240429};
use crate::engine::store::Job;
use crate::engine::{Event, Stage, Watch};
use crate::protocol::schema::{Data, Dataset};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Ingest {
    data: Data,
    root: PathBuf,
    inputs: BTreeMap<String, Digest>,
    /// Of the slides without labels, in place of the others.
    unlabelled: bool,
}

impl Ingest {
    /// The same of the slides without labels.
    pub fn unlabelled(data: &Data, root: &Path) -> Result<Self> {
        let slides = data.unlabelled.clone();
        let made = Self::new(&Data { slides, unlabelled: Vec::new(), ..data.clone() }, root)?;
        Ok(Self { unlabelled: true, ..made })
    }

    /// Finds and hashes the raw files. A missing file, or one whose digest differs from the protocol's, is an error.
    pub fn new(data: &Data, root: &Path) -> Result<Self> {
        let mut inputs = BTreeMap::new();
        if data.dataset != Dataset::Synthetic {
            for file in source::files(data, root)? {
                let found = Digest::of_file(&source::path_of(data, root, &file)?)?;
                if let Some(due) = data.digests.get(&file).filter(|due| **due != found) {
                    return Err(Failure::input(format!(
                        "the file is not the one that the protocol pins: digest {} where {} is due",
                        found.short(),
                        due.short()
                    ))
                    .at(file.clone())
                    .hint("fetch it again; or, if you mean this file, pin its digest in the protocol's [data.digests]"));
                }
                inputs.insert(file, found);
            }
            // Pins come with an extended protocol, which may have more slides.
            let elsewhere = |k: &str| data.dataset == Dataset::Gse240429 && gse240429::belongs(k);
            if let Some(absent) = data.digests.keys().find(|k| !inputs.contains_key(*k) && !elsewhere(k)) {
                return Err(Failure::input(format!("the protocol pins '{absent}', which none of its slides reads")).at("data.digests"));
            }
        }
        Ok(Self { data: data.clone(), root: root.to_owned(), inputs, unlabelled: false })
    }

    /// Keys of data sets that came later stand only where they are used, so that earlier artifacts keep their keys.
    fn parameters(&self) -> serde_json::Value {
        let d = &self.data;
        let mut out = json!({"dataset": d.dataset, "slides": d.slides, "synthetic": d.synthetic});
        if let Some(visium) = &d.visium {
            out["visium"] = json!(visium);
        }
        if let Some(imported) = &d.imported {
            out["imported"] = json!(imported);
        }
        out
    }

    /// The competition's slides, each image written and let go before the next one is read.
    fn competition(&self, out: &Path, watch: &mut dyn Watch) -> Result<Vec<Slide>> {
        let mut slides = Vec::new();
        for name in &self.data.slides {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let mut slide = dataset::el_hackathon::read_slide(&self.root, name)?;
            let (image, findings) = dataset::el_hackathon::image(&self.root, name)?;
            let rel_path = format!("images/{name}.png");
            let png = dataset::image::encode_png(&image)?;
            crate::base::atomic::write(&out.join(&rel_path), &png)?;
            slide.image = Some(dataset::ImageRef {
                rel_path,
                sha256: Digest::of(&png),
                width: image.width,
                height: image.height,
                um_per_px: None,
                um_source: None,
            });
            slide.findings.extend(findings);
            slides.push(slide);
        }
        Ok(slides)
    }

    /// Reads an ingest artifact.
    pub fn load(dir: &Path) -> Result<Vec<Slide>> {
        dataset::store::load(dir)
    }
}

impl Stage for Ingest {
    fn job(&self) -> Job {
        let (stage, label) = if self.unlabelled { ("ingest-unlabelled", "ingest[unlabelled]") } else { ("ingest", "ingest") };
        Job { stage, label: label.into(), version: 1, parameters: self.parameters(), inputs: self.inputs.clone() }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.inputs.keys().filter_map(|name| source::path_of(&self.data, &self.root, name).ok()).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let slides = match self.data.dataset {
            Dataset::Her2st | Dataset::Visium | Dataset::Gse240429 | Dataset::Imported => source::read(&self.data, &self.root)?,
            Dataset::ElHackathon2025 => self.competition(out, watch)?,
            Dataset::Synthetic => {
                let s = self.data.synthetic.as_ref().ok_or_else(|| Failure::input("no [data.synthetic] table"))?;
                let spec = dataset::synthetic::Spec {
                    slides: self.data.slides.clone(),
                    side: s.side,
                    pitch_px: s.pitch,
                    genes: s.genes,
                    seed: s.seed,
                };
                let made = dataset::synthetic::make(&spec)?;
                dataset::store::save_images(&made, out)?;
                made.into_iter().map(|(slide, _)| slide).collect()
            }
        };
        for slide in &slides {
            for finding in slide.findings.iter().filter(|f| f.severity == dataset::Severity::Warning) {
                watch.event(Event::Note {
                    level: "warning".into(),
                    text: format!("slide {}: {} ({})", slide.id, finding.text, finding.code),
                });
            }
        }
        dataset::store::save(&slides, out)
    }
}
