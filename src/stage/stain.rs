//! `stain`: every slide's image with the reference's colours, its background blanked; patches are then cut from these.
//!
//! `stain.json` has what was fitted to each slide and to the reference, which windows the reference was made of, and each
//! slide's threshold; `images/<slide>.png` the images, `masks/<slide>.png` the tissue.

use super::figures::{Drawn, Material};
use super::ingest::Ingest;
use super::patches::sound_image;
use crate::base::{Failure, Result, atomic};
use crate::dataset::Slide;
use crate::dataset::image::{RgbImage, decode_rgb, encode_png};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::ImageView;
use crate::histology::mask::{self, BackgroundMask, Threshold};
use crate::histology::stain::mosaic::{Taken, Windows};
use crate::histology::stain::{Fit, Method, fit, normalise};
use crate::protocol::Protocol;
use crate::protocol::schema::{Mask, MaskThreshold, NamedThreshold, SplitKind, Stain, StainMethod, StainReference};
use crate::report::page::Table;
use crate::report::png::Rgb;
use crate::report::{self, Heading, StainSheet, StainSlide};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Stained {
    protocol: Protocol,
    root: PathBuf,
    fold: Option<String>,
    ingest: Artifact,
    unlabelled: Option<Artifact>,
}

/// What `stain.json` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The reference's fit; none where colours stay as they are.
    pub reference: Option<Fit>,
    /// Where a mosaic's windows were taken from.
    pub windows: Vec<Taken>,
    /// The slides, in order.
    pub slides: Vec<FoundSlide>,
}

/// One slide of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundSlide {
    /// Its name.
    pub slide: String,
    /// What was fitted to it.
    pub fit: Option<Fit>,
    /// Grey above it is background; none without a mask.
    pub threshold: Option<f64>,
    /// Share of the slide that is tissue.
    pub tissue: Option<f64>,
}

/// Where a prepared image lies.
pub fn image(dir: &Path, slide: &str) -> PathBuf {
    dir.join(format!("images/{slide}.png"))
}

fn mask_image(dir: &Path, slide: &str) -> PathBuf {
    dir.join(format!("masks/{slide}.png"))
}

impl Stained {
    /// The images of all slides; for a fold those that its training slides shape.
    pub fn new(p: &Protocol, root: &Path, fold: Option<&str>, ingest: &Artifact, unlabelled: Option<&Artifact>) -> Result<Self> {
        Ok(Self {
            protocol: p.clone(),
            root: root.to_owned(),
            fold: fold.map(str::to_owned),
            ingest: ingest.clone(),
            unlabelled: unlabelled.cloned(),
        })
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        std::iter::once(&self.ingest).chain(&self.unlabelled)
    }

    /// The slides whose windows make the reference.
    fn reference(&self) -> Vec<String> {
        let p = &self.protocol;
        let held_out = |s: &String| match (&self.fold, p.split.kind) {
            (Some(fold), SplitKind::LeaveOneSlideOut) => s == fold || super::split::validation_slide(p, fold) == Some(s),
            _ => p.split.test_slides.contains(s),
        };
        match p.stain.as_ref().map(|s| &s.reference) {
            None => Vec::new(),
            Some(StainReference::MosaicAll) => p.data.slides.iter().chain(&p.data.unlabelled).cloned().collect(),
            Some(StainReference::MosaicTraining) => p.data.slides.iter().filter(|s| !held_out(s)).cloned().collect(),
            Some(StainReference::Slide(one)) => vec![one.clone()],
        }
    }

    fn read(&self, slide: &Slide, from: &Artifact) -> Result<RgbImage> {
        decode_rgb(&sound_image(&self.protocol.data, &self.root, &from.dir, slide)?)
    }
}

fn method(of: StainMethod) -> Method {
    match of {
        StainMethod::Macenko => Method::Macenko,
        StainMethod::Reinhard => Method::Reinhard,
        StainMethod::ReinhardModified => Method::ReinhardModified,
        StainMethod::Vahadane => Method::Vahadane,
    }
}

fn view(image: &RgbImage) -> Result<ImageView<'_>> {
    ImageView::new(image.width as usize, image.height as usize, &image.pixels)
}

/// The mask of a slide by the protocol's rule.
fn background(mask: &Mask, slide: &str) -> BackgroundMask {
    let threshold = match &mask.threshold {
        MaskThreshold::Named(NamedThreshold::Mean) => Threshold::Mean,
        MaskThreshold::Named(NamedThreshold::Otsu) => Threshold::Otsu,
        MaskThreshold::Slides(of) => of.get(slide).map_or(Threshold::Mean, |t| Threshold::Constant(*t)),
    };
    BackgroundMask { threshold, closing: mask.closing, holes: mask.holes }
}

impl Stage for Stained {
    fn job(&self) -> Job {
        let p = &self.protocol;
        let stain = p.stain.as_ref().map(|s| json!({"method": s.method, "seed": s.seed, "window": s.window, "windows": s.windows}));
        Job {
            stage: "stain",
            label: self.fold.as_ref().map_or_else(|| "stain".to_owned(), |fold| format!("stain[{fold}]")),
            version: 1,
            // Folds with the same reference have the same images.
            parameters: json!({"stain": stain, "mask": p.mask, "reference": self.reference()}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let mut slides: Vec<(Slide, &Artifact)> = Ingest::load(&self.ingest.dir)?.into_iter().map(|s| (s, &self.ingest)).collect();
        if let Some(artifact) = &self.unlabelled {
            slides.extend(Ingest::load(&artifact.dir)?.into_iter().map(|s| (s, artifact)));
        }
        let stain = self.protocol.stain.as_ref();
        let mut found = Found { reference: None, windows: Vec::new(), slides: Vec::new() };
        if let Some(stain) = stain {
            (found.reference, found.windows) = self.fit_reference(stain, &slides)?;
        }
        let started = std::time::Instant::now();
        for (i, (slide, from)) in slides.iter().enumerate() {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let at = |e: Failure| e.at(format!("slide {}", slide.id));
            let mut picture = self.read(slide, from)?;
            let mut own = None;
            if let (Some(stain), Some(reference)) = (stain, &found.reference) {
                let mine = fit(method(stain.method), &view(&picture)?).map_err(at)?;
                picture.pixels = normalise(method(stain.method), &view(&picture)?, &mine, reference).map_err(at)?;
                own = Some(mine);
            }
            let mut what = FoundSlide { slide: slide.id.clone(), fit: own, threshold: None, tissue: None };
            if let Some(mask) = &self.protocol.mask {
                let (tissue, threshold) = background(mask, &slide.id).tissue(&view(&picture)?);
                mask::blank(&mut picture.pixels, &tissue);
                (what.threshold, what.tissue) = (Some(threshold), Some(tissue.share()));
                let grey = tissue.pixels.iter().flat_map(|&t| [if t { 255u8 } else { 0 }; 3]).collect();
                let picture = RgbImage { width: picture.width, height: picture.height, pixels: grey };
                atomic::write(&mask_image(out, &slide.id), &encode_png(&picture)?)?;
            }
            atomic::write(&image(out, &slide.id), &encode_png(&picture)?)?;
            found.slides.push(what);
            let rate = (i + 1) as f64 / started.elapsed().as_secs_f64().max(1e-9);
            let (done, total) = (i as u64 + 1, slides.len() as u64);
            watch.event(Event::Progress { label: self.job().label, done, total, unit: "slides".into(), rate });
        }
        super::files::write_json(&out.join("stain.json"), &found)
    }
}

impl Stained {
    /// The reference: windows of slides set side by side, or one slide whole.
    fn fit_reference(&self, stain: &Stain, slides: &[(Slide, &Artifact)]) -> Result<(Option<Fit>, Vec<Taken>)> {
        let names = self.reference();
        let find = |name: &String| slides.iter().find(|(s, _)| s.id == *name);
        if let StainReference::Slide(name) = &stain.reference {
            let (slide, from) = find(name).ok_or_else(|| Failure::input(format!("there is no slide {name}")).at("stain.reference"))?;
            return Ok((Some(fit(method(stain.method), &view(&self.read(slide, from)?)?)?), Vec::new()));
        }
        let windows = Windows { side: stain.window, count: stain.windows, seed: stain.seed as u32 };
        let (mut pixels, mut taken) = (Vec::new(), Vec::new());
        for name in &names {
            let Some((slide, from)) = find(name) else { continue };
            let picture = self.read(slide, from)?;
            taken.push(windows.take(name, &view(&picture)?, &mut pixels)?);
        }
        // Windows one below the other hold the same pixels as the published mosaic; no statistic looks at their places.
        let height = pixels.len() / (3 * stain.window);
        Ok((Some(fit(method(stain.method), &ImageView::new(stain.window, height, &pixels)?)?), taken))
    }
}

/// The reports' table of fits.
pub(super) fn tables(p: &Protocol, stained: &[Artifact]) -> Result<Vec<Table>> {
    let mut out = Vec::new();
    for artifact in stained.iter().take(1) {
        let found: Found = super::files::read_json(&artifact.file("stain.json"))?;
        let list = |v: &[f64]| v.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(" ");
        let row = |name: &str, fit: &Option<Fit>, threshold: Option<f64>, tissue: Option<f64>| {
            let (first, second, third) = match fit {
                Some(Fit::Stains(s)) => (list(&s.haematoxylin), list(&s.eosin), list(&s.most)),
                Some(Fit::Lab(l)) => (list(&l.means), list(&l.deviations), "-".into()),
                None => ("-".into(), "-".into(), "-".into()),
            };
            let number = |v: Option<f64>, d: usize| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.d$}"));
            vec![name.to_owned(), first, second, third, number(threshold, 4), number(tissue.map(|t| 100.0 * t), 1)]
        };
        let mut rows = vec![row("reference", &found.reference, None, None)];
        rows.extend(found.slides.iter().map(|s| row(&s.slide, &s.fit, s.threshold, s.tissue)));
        let lab = matches!(found.reference, Some(Fit::Lab(_)));
        let words = if lab { ["mean of L, a, b", "deviation"] } else { ["haematoxylin, R G B", "eosin, R G B"] };
        let which = if stained.len() > 1 {
            format!(" Of {}; the other folds have references of their own.", artifact.label)
        } else {
            String::new()
        };
        let from = found.windows.iter().map(|t| t.slide.as_str()).collect::<Vec<_>>().join(", ");
        let reference = match p.stain.as_ref().map(|s| &s.reference) {
            None => "Colours stay as they are.".to_owned(),
            Some(StainReference::Slide(s)) => format!("The reference is slide {s}."),
            Some(_) => format!("The reference is a mosaic of windows of {from}."),
        };
        out.push(Table {
            title: "Stain and mask".into(),
            note: format!("{reference} Densities are of length 1; concentrations are 99th percentiles.{which}"),
            head: ["slide", words[0], words[1], "concentrations", "#threshold", "#tissue, %"].map(str::to_owned).into(),
            rows,
        });
    }
    Ok(out)
}

/// The sheet of slides before and after.
pub(super) fn draw(m: &Material, stained: &[Artifact], provenance: &dyn Fn(&str) -> Vec<(String, String)>) -> Result<Vec<Drawn>> {
    let Some(artifact) = stained.first() else { return Ok(Vec::new()) };
    let found: Found = super::files::read_json(&artifact.file("stain.json"))?;
    let mut slides = Vec::new();
    for slide in m.slides {
        let Some(what) = found.slides.iter().find(|s| s.slide == slide.id) else { continue };
        let before = super::figures::thumbnail(&sound_image(&m.protocol.data, m.data_root, m.ingest, slide)?)?.image;
        let after = super::figures::thumbnail(&image(&artifact.dir, &slide.id))?.image;
        let at = mask_image(&artifact.dir, &slide.id);
        let tissue = if at.exists() { Some(yes(&super::figures::thumbnail(&at)?.image)) } else { None };
        let threshold = what.threshold.map(|t| format!("threshold {t:.3}, "));
        let share = what.tissue.map_or_else(String::new, |t| format!("{:.0} % tissue", 100.0 * t));
        let note = format!("{}{share}", threshold.unwrap_or_default());
        slides.push(StainSlide { name: slide.id.clone(), note, before: Some(before), after: Some(after), tissue });
    }
    let which = if stained.len() > 1 { format!(" Fold {}.", artifact.label.trim_start_matches("stain")) } else { String::new() };
    let reference = match m.protocol.stain.as_ref() {
        None => "Colours stay as they are.".to_owned(),
        Some(_) => format!("{} slides make the reference.{which}", found.windows.len().max(1)),
    };
    let sheet = StainSheet {
        heading: Heading { title: Some("Stain and mask".into()), finding: None, source: Some(m.protocol.name.clone()) },
        slides,
        reference,
    };
    let caption = format!("{} Patches are cut from what stands right.", sheet.finding());
    let png = report::stain_sheet(&sheet, &provenance("stain"))?;
    Ok(vec![Drawn { file: "stain.png".into(), title: "Stain and mask".into(), caption, png }])
}

/// Which pixels of a shrunken mask are more yes than no.
fn yes(image: &Rgb) -> Vec<bool> {
    image.pixels.as_chunks::<3>().0.iter().map(|p| p[0] >= 128).collect()
}
