//! From the competition's HDF5 file to slides and images.

use super::lattice::places;
use super::{CELL_TYPES, SLIDES, UNLABELLED, cell_types};
use crate::base::{Digest, Failure, Result};
use crate::dataset::hdf5::{self, Column, Hdf5Source, Numbers};
use crate::dataset::image::RgbImage;
use crate::dataset::model::{Counts, Finding, Given, Lattice, Slide, SourceFile, Spot};
use crate::dataset::nearest;
use std::path::{Path, PathBuf};

/// The file's name, which is its recorded path too.
pub const FILE: &str = "el-hackathon-2025/elucidata_ai_challenge_data.h5";
/// How a person gets it.
pub(super) const SOURCE: &str = "the data of the Kaggle competition 'EL Hackathon 2025' by Elucidata (its rules must be accepted there)";
/// Rows of an image that are read at once.
const SLAB: u64 = 256;

/// The file on this disk for the recorded path: in `el-hackathon-2025/` of the data root, or in the root itself.
pub fn path_of(root: &Path, rel_path: &str) -> Result<PathBuf> {
    if rel_path != FILE {
        return Err(Failure::input(format!("'{rel_path}' is not the competition's file (G35)")).hint(format!("the one file is {FILE}")));
    }
    let name = FILE.rsplit('/').next().unwrap_or(FILE);
    let found = [root.join(FILE), root.join(name)].into_iter().find(|p| p.is_file());
    found.ok_or_else(|| {
        Failure::input(format!("{name} is missing (G01)"))
            .at(root.display().to_string())
            .hint(format!("put it into el-hackathon-2025/ there; it is {SOURCE}; 'pinfold data make' writes a small one to try with"))
    })
}

/// The raw files that some slides are read from: one. A slide that the data set does not have is an error.
pub fn files(root: &Path, slides: &[String]) -> Result<Vec<String>> {
    for slide in slides {
        known(slide)?;
    }
    path_of(root, FILE).map(|_| vec![FILE.to_owned()])
}

fn known(slide: &str) -> Result<&'static str> {
    let found = SLIDES.iter().find(|s| **s == slide).copied();
    found.ok_or_else(|| Failure::input(format!("unknown slide '{slide}' (G39)")).hint(nearest::hint(slide, SLIDES)))
}

/// The side of the file that a slide stands on.
fn side(slide: &str) -> &'static str {
    if slide == UNLABELLED { "Test" } else { "Train" }
}

/// Reads a slide's spots and labels; its image is not read, and `image` of the slide is not set.
///
/// Abundances must be finite and not negative. Array places are found from the neighbours' distances, as the file has none.
pub fn read_slide(root: &Path, slide: &str) -> Result<Slide> {
    let slide = known(slide)?;
    let path = path_of(root, FILE)?;
    let source = hdf5::open_file(&path, FILE)?;
    let at = format!("spots/{}/{slide}", side(slide));
    let table = source.table(&at)?;
    let bad = |what: String| {
        Failure::input(what).at(format!("{FILE}: {at}")).hint("this is not the competition's file, or another version of it")
    };
    let labelled = slide != UNLABELLED;
    let mut due: Vec<String> = vec!["x".into(), "y".into()];
    due.extend(if labelled { cell_types() } else { vec!["Test_Set".into()] });
    let names: Vec<&str> = table.iter().map(|c| c.name.as_str()).collect();
    if names != due {
        return Err(bad(format!("the fields are {} where {} are due", names.join(" "), due.join(" "))));
    }
    let whole = |c: &Column| match &c.values {
        Numbers::Whole(v) => Ok(v.clone()),
        Numbers::Real(_) => Err(bad(format!("the field '{}' is not of whole numbers", c.name))),
    };
    let (x, y) = (whole(&table[0])?, whole(&table[1])?);
    let n = x.len();
    let mut given = Given { genes: cell_types(), values: None };
    if labelled {
        let mut values = vec![0f32; n * CELL_TYPES];
        for (g, column) in table[2..].iter().enumerate() {
            let Numbers::Real(found) = &column.values else { return Err(bad(format!("the field '{}' is not of floats", column.name))) };
            for (row, v) in found.iter().enumerate() {
                if !v.is_finite() || *v < 0.0 {
                    return Err(Failure::input(format!("abundance {v} of {} in row {row}", column.name)).at(format!("{FILE}: {at}")));
                }
                values[row * CELL_TYPES + g] = *v as f32;
            }
        }
        given.values = Some(values);
    }
    let mut findings = vec![Finding::note("el-lattice", "array places are inferred from the distances between spots")];
    let (places, strays) = places(&x.iter().zip(&y).map(|(x, y)| (*x as f64, *y as f64)).collect::<Vec<_>>());
    if strays > 0 {
        let what = format!(
            "{strays} of {n} spots do not fit the hexagonal lattice of the others; they stand apart from it and have no neighbours"
        );
        findings.push(Finding::warning("el-strays", what));
    }
    let spot = |i: usize| Spot {
        id: i.to_string(),
        array_col: places[i].0,
        array_row: places[i].1,
        x: x[i] as f64,
        y: y[i] as f64,
        source_row: i as u32,
    };
    let mut counts = Counts::new();
    (0..n).for_each(|_| counts.push_row([]));
    let (sha256, bytes) = Digest::of_file_sized(&path)?;
    Ok(Slide {
        id: slide.to_owned(),
        donor: None,
        organ: "not stated".into(),
        technology: "Visium-like spots, abundances of cell types".into(),
        lattice: Lattice::Hex,
        image: None,
        spots: (0..n).map(spot).collect(),
        genes: cell_types(),
        gene_ids: Vec::new(),
        counts,
        files: vec![SourceFile { path: FILE.into(), bytes, sha256, role: "spots, labels and images".into() }],
        findings,
        given: Some(given),
    })
}

/// A slide's image, in bytes by truncation of 255 v as the published preparation does it, and what was noticed.
pub fn image(root: &Path, slide: &str) -> Result<(RgbImage, Vec<Finding>)> {
    let slide = known(slide)?;
    let source = hdf5::open_file(&path_of(root, FILE)?, FILE)?;
    let at = format!("images/{}/{slide}", side(slide));
    let shape = source.shape(&at)?;
    let &[height, width, 3] = shape.as_slice() else {
        return Err(Failure::input(format!("an image of shape {shape:?} where [height, width, 3] is due")).at(format!("{FILE}: {at}")));
    };
    if height == 0 || width == 0 || height > 100_000 || width > 100_000 {
        return Err(Failure::input(format!("an image of {width} x {height} pixels")).at(format!("{FILE}: {at}")));
    }
    let mut pixels = Vec::with_capacity((height * width * 3) as usize);
    let (mut between, mut outside) = (0u64, 0u64);
    let mut first = 0;
    while first < height {
        let count = SLAB.min(height - first);
        for v in source.rows(&at, first, count)? {
            let scaled = v * 255.0;
            outside += u64::from(!(0.0..=255.0).contains(&scaled));
            between += u64::from(scaled.fract() != 0.0);
            pixels.push(scaled as u8);
        }
        first += count;
    }
    let total = height * width * 3;
    let mut findings = Vec::new();
    if outside > 0 {
        let what = format!("{outside} of {total} values of the image lie outside 0 to 1");
        return Err(Failure::input(what).at(format!("{FILE}: {at}")).hint("floats from 0 to 1 are due"));
    }
    if between > 0 {
        let what = format!("{between} of {total} values are no whole grey level (k/255): truncated, as published");
        findings.push(Finding::note("el-truncated", what));
    }
    if height.max(width) != 2000 {
        findings.push(Finding::note(
            "el-size",
            format!("the image is {width} x {height} pixels, and the longer side of the published ones is 2000"),
        ));
    }
    Ok((RgbImage { width: width as u32, height: height as u32, pixels }, findings))
}
