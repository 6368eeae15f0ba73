//! Slides from Space Ranger folders below the data root: `<folder>/<slide>/`.

use super::folder::{Layout, Matrix};
use super::join::{Order, Parts, slide};
use crate::base::{Digest, Failure, Result};
use crate::dataset::image;
use crate::dataset::model::{Finding, ImageRef, Slide, SourceFile, check_all};
use crate::dataset::table::load;
use crate::dataset::tenx::{self, FeatureMatrix};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a protocol says about Visium slides beyond their names.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Spec {
    /// Folder below the data root that has one folder a slide; empty for the data root itself.
    pub folder: String,
    /// The full-resolution image below a slide's folder, `{slide}` standing for the slide's name.
    pub image: Option<String>,
    /// Donors by slide.
    pub donors: BTreeMap<String, String>,
    /// The organ.
    pub organ: String,
}

/// The recorded paths (below the data root, with `/`) of all files that slides are read from.
pub fn files(root: &Path, spec: &Spec, slides: &[String]) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for name in slides {
        let below = below(spec, name)?;
        let layout = layout(root, spec, name)?;
        out.extend(layout.files().into_iter().map(|(_, path)| format!("{below}/{path}")));
    }
    Ok(out)
}

/// The file on this disk for a recorded path; refuses one that leaves the data root (G35).
pub fn path_of(root: &Path, rel_path: &str) -> Result<PathBuf> {
    let sound = !rel_path.starts_with('/') && rel_path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if sound { Ok(root.join(rel_path)) } else { Err(Failure::input(format!("'{rel_path}' is not a path inside the data root (G35)"))) }
}

fn below(spec: &Spec, name: &str) -> Result<String> {
    let path = if spec.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", spec.folder) };
    path_of(Path::new(""), &path).map(|_| path)
}

fn layout(root: &Path, spec: &Spec, name: &str) -> Result<Layout> {
    let below = below(spec, name)?;
    let folder = path_of(root, &below)?;
    if !folder.is_dir() {
        let near = std::fs::read_dir(folder.parent().unwrap_or(root)).into_iter().flatten().flatten().filter(|e| e.path().is_dir());
        let mut near: Vec<String> = near.filter_map(|e| e.file_name().into_string().ok()).collect();
        near.sort();
        return Err(Failure::input(format!("no folder for the slide '{name}' (G01, G39)"))
            .at(folder.display().to_string())
            .hint(crate::dataset::nearest::hint(name, near.iter().map(String::as_str))));
    }
    let image = spec.image.as_ref().map(|i| i.replace("{slide}", name));
    if let Some(image) = &image {
        path_of(root, image)?;
    }
    Layout::find(&folder, &below, image.as_deref())
}

/// Reads slides in the order given.
pub fn read(root: &Path, spec: &Spec, slides: &[String]) -> Result<Vec<Slide>> {
    // Errors come in the order of the slides, whichever thread was first.
    let read: Vec<Result<Slide>> = slides.par_iter().map(|name| read_slide(root, spec, name)).collect();
    let slides = read.into_iter().collect::<Result<Vec<_>>>()?;
    check_all(&slides)?;
    Ok(slides)
}

/// Reads one slide. Spots stand in the order of the matrix's barcodes.
pub fn read_slide(root: &Path, spec: &Spec, name: &str) -> Result<Slide> {
    let below = below(spec, name)?;
    let layout = layout(root, spec, name)?;
    let folder = path_of(root, &below)?;
    let mut files = Vec::new();
    let mut get = |role: &str, path: &str| -> Result<(Vec<u8>, String)> {
        let shown = format!("{below}/{path}");
        let file = load(&folder.join(path), &shown)?;
        files.push(SourceFile { path: shown.clone(), bytes: file.bytes.len() as u64, sha256: file.sha256, role: role.to_owned() });
        Ok((file.bytes, shown))
    };
    let mut findings = Vec::new();
    let mut positions = None;
    let mut positions_at = String::new();
    for path in &layout.positions {
        let (bytes, shown) = get("spots", path)?;
        let found = tenx::positions::parse(&bytes, &shown)?;
        if positions.as_ref().is_some_and(|before| *before != found) {
            return Err(Failure::input("both files of positions are there, and differ (V03)")
                .at(format!("{positions_at}, {shown}"))
                .hint("leave the one that belongs to this matrix"));
        }
        (positions, positions_at) = (Some(found), shown);
    }
    let positions = positions.unwrap_or_default();
    if !matches!(positions.len(), 4992 | 14_336) {
        let text = format!("{} positions; an untouched file has 4,992 or 14,336", positions.len());
        findings.push(Finding::warning("V04", text));
    }
    let factors = match &layout.scalefactors {
        Some(path) => {
            let (bytes, shown) = get("scale", path)?;
            Some(tenx::scalefactors::parse(&bytes, &shown)?)
        }
        None => None,
    };
    let (matrix, matrix_at) = match &layout.matrix {
        Matrix::H5(path) => {
            let (bytes, shown) = get("counts", path)?;
            (tenx::h5::read(bytes, &shown)?, shown)
        }
        Matrix::Mex([b, f, m]) => {
            let (barcodes, at) = get("barcodes", b)?;
            let barcodes = tenx::barcodes::parse(&barcodes, &at)?;
            let (features, at) = get("features", f)?;
            let features = tenx::features::parse(&features, &at)?;
            let (bytes, shown) = get("counts", m)?;
            let counts = tenx::mex::read(&bytes, features.len(), barcodes.len(), &shown)?;
            (FeatureMatrix { barcodes, features, counts }, shown)
        }
    };
    let image = layout.image.as_ref().map(|path| image_ref(&folder.join(path), &format!("{below}/{path}"))).transpose()?;
    if let Some((reference, bytes)) = &image {
        files.push(SourceFile { path: reference.rel_path.clone(), bytes: *bytes, sha256: reference.sha256, role: "image".into() });
    }
    if factors.is_some_and(|f| f.hires > 1.0) {
        findings.push(Finding::warning("V09", "the hires image is larger than the full-resolution one"));
    }
    let parts = Parts {
        id: name,
        donor: spec.donors.get(name).cloned(),
        organ: if spec.organ.is_empty() { "unknown" } else { &spec.organ },
        positions: &positions,
        shown: (&positions_at, &matrix_at),
        image: image.map(|(i, _)| i),
        stated_um: factors.map(|f| f.um_per_px()),
        order: Order::Barcodes,
        files,
        findings,
    };
    slide(parts, &matrix)
}

/// An image's digest and size, by one pass over the file and its header, and the file's size in bytes.
pub fn image_ref(path: &Path, shown: &str) -> Result<(ImageRef, u64)> {
    let (width, height) = image::size_of(path, shown)?;
    let (sha256, bytes) = Digest::of_file_sized(path)?;
    Ok((ImageRef { rel_path: shown.to_owned(), sha256, width, height, um_per_px: None, um_source: None }, bytes))
}
