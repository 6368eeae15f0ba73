//! Slides of GSE240429, from its tables and images.

use super::known::{DONOR, Known, SLIDES, known};
use super::root::{IMAGES, TABLES, data_folder, path_of, recorded, the_image};
use crate::base::{Failure, Result};
use crate::dataset::model::{Counts, Finding, Given, Slide, SourceFile, check_all};
use crate::dataset::table::load;
use crate::dataset::tenx::{FeatureMatrix, barcodes, features, mex, positions};
use crate::dataset::visium::{self, Order, Parts};
use crate::dataset::{nearest, npy, visium::read_image};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A file: role, recorded path, path on this disk.
type Place = (&'static str, String, PathBuf);

/// The files of one slide that are there. Missing tables and images are errors; missing
/// counts or Harmony's matrix are not, unless both are missing.
fn here(root: &Path, slide: &str) -> Result<(Known, Vec<Place>)> {
    let data = data_folder(root)?;
    let facts = known(slide)
        .ok_or_else(|| Failure::input(format!("unknown slide '{slide}' in GSE240429 (G39)")).hint(nearest::hint(slide, SLIDES)))?;
    let mut out = Vec::new();
    for role in ["spots", "barcodes", "features", "panel", "counts", "harmony"] {
        let name = recorded(slide, role);
        let path = path_of(root, &name)?;
        let optional = matches!(role, "counts" | "harmony");
        if path.exists() {
            out.push((role, name, path));
        } else if !optional {
            return Err(Failure::input(format!("the {role} file of slide {slide} is missing (G01)")).at(name).hint(TABLES));
        }
    }
    if !out.iter().any(|f| matches!(f.0, "counts" | "harmony")) {
        let names = format!("{}, {}", recorded(slide, "counts"), recorded(slide, "harmony"));
        return Err(Failure::input(format!("slide {slide} has neither counts nor Harmony's matrix (G01)")).at(names).hint(TABLES));
    }
    let image = the_image(&data, &facts).ok_or_else(|| {
        Failure::input(format!("the image of slide {slide} is missing (G01)"))
            .at(format!("gse240429/image/{}", facts.images()[0]))
            .hint(format!("get {}.gz from {IMAGES} and unpack it", facts.images()[0]))
    })?;
    out.push(("image", image.0, image.1));
    Ok((facts, out))
}

/// The recorded paths of the files that slides are read from, each once.
pub fn files(root: &Path, slides: &[String]) -> Result<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for slide in slides {
        for (_, name, _) in here(root, slide)?.1 {
            if !out.contains(&name) {
                out.push(name);
            }
        }
    }
    Ok(out)
}

/// Reads slides in the order given.
pub fn read(root: &Path, slides: &[String]) -> Result<Vec<Slide>> {
    let read: Vec<Result<Slide>> = slides.par_iter().map(|s| read_slide(root, s)).collect();
    let slides = read.into_iter().collect::<Result<Vec<_>>>()?;
    check_all(&slides)?;
    Ok(slides)
}

/// Reads one slide.
pub fn read_slide(root: &Path, slide: &str) -> Result<Slide> {
    let (facts, here) = here(root, slide)?;
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    let mut get = |role: &str| -> Result<Option<(Vec<u8>, String)>> {
        let Some((role, name, path)) = here.iter().find(|f| f.0 == role) else { return Ok(None) };
        let file = load(path, name)?;
        if facts.published(role).is_some_and(|(due, _)| due != file.sha256) {
            let text = format!("{name} is not the published file: its SHA-256 is {}", file.sha256);
            findings.push(Finding::warning("changed-file", text));
        }
        files.push(SourceFile { path: name.clone(), bytes: file.bytes.len() as u64, sha256: file.sha256, role: (*role).to_owned() });
        Ok(Some((file.bytes, name.clone())))
    };
    let mut must = |role: &str| get(role)?.ok_or_else(|| Failure::input(format!("the {role} file is missing (G01)")));
    let (bytes, positions_at) = must("spots")?;
    let positions = positions::parse(&bytes, &positions_at)?;
    let (bytes, barcodes_at) = must("barcodes")?;
    let barcodes = barcodes::parse(&bytes, &barcodes_at)?;
    let (bytes, features_at) = must("features")?;
    let features = features::parse(&bytes, &features_at)?;
    let (bytes, panel_at) = must("panel")?;
    let mask = npy::mask(&bytes, features.len(), &panel_at)?;
    let n = barcodes.len();
    let panel: Vec<usize> = (0..features.len()).filter(|&i| mask[i]).collect();
    let all: Vec<usize> = (0..features.len()).collect();
    let names = features::names(&features, &all);
    let given_names: Vec<String> = panel.iter().map(|&i| names[i].clone()).collect();
    let values = match get("harmony")? {
        Some((bytes, at)) => Some(npy::transposed(&bytes, panel.len(), n, &at)?),
        None => None,
    };
    let counts = match get("counts")? {
        Some((bytes, at)) => mex::read(&bytes, features.len(), n, &at)?,
        None => {
            findings.push(Finding::warning("no-counts", "matrix.mtx is not there: only Harmony's values can be predicted"));
            Counts { indptr: vec![0; n + 1], ..Counts::default() }
        }
    };
    if values.is_none() {
        findings.push(Finding::warning("no-harmony", "harmony_matrix.npy is not there: the published target cannot be predicted"));
    }
    let Some((_, image_at, image_path)) = here.iter().find(|f| f.0 == "image") else {
        return Err(Failure::input("the image is missing (G01)"));
    };
    let (image, bytes) = read_image(image_path, image_at)?;
    files.push(SourceFile { path: image.rel_path.clone(), bytes, sha256: image.sha256, role: "image".into() });
    let parts = Parts {
        id: slide,
        donor: Some(DONOR.to_owned()),
        organ: "liver",
        positions: &positions,
        shown: (&positions_at, &barcodes_at),
        image: Some(image),
        stated_um: None,
        order: Order::Array,
        files,
        findings,
    };
    let mut slide = visium::slide(parts, &FeatureMatrix { barcodes, features, counts })?;
    let width = panel.len();
    let values = values.map(|v| slide.spots.iter().flat_map(|s| &v[s.source_row as usize * width..][..width]).copied().collect());
    slide.given = Some(Given { genes: given_names, values });
    slide.check()?;
    Ok(slide)
}
