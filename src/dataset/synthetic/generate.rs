//! Synthetic slides, whole.

use super::genes::{Ground, counts, gene_names};
use super::render::{Morphology, render};
use super::tissue::Tissue;
use crate::base::{Digest, Failure, Result};
use crate::dataset::image::{RgbImage, encode_png};
use crate::dataset::model::{Finding, ImageRef, Lattice, Slide, Spot, UmSource};
use rayon::prelude::*;

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Names of the slides, each of a donor of its own. A slide depends on its name, not on the others.
    pub slides: Vec<String>,
    /// Places of the square lattice along a side; spots are those of them that have tissue.
    pub side: usize,
    /// Distance of neighbouring spots in pixels; images are `(side + 1) * pitch_px` wide and high.
    pub pitch_px: usize,
    /// Number of genes.
    pub genes: usize,
    /// The seed of everything.
    pub seed: u64,
}

impl Spec {
    fn check(&self) -> Result<()> {
        let fits = |name: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Failure::input(format!("synthetic {name} = {value} where {low} to {high} is due")))
        };
        if self.slides.is_empty() {
            return Err(Failure::input("no synthetic slides are named").hint("name at least one, such as S1"));
        }
        for (i, name) in self.slides.iter().enumerate() {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !plain || name.is_empty() || name.len() > 40 {
                return Err(
                    Failure::input(format!("'{name}' cannot name a synthetic slide")).hint("use up to 40 letters, digits, '-' and '_'")
                );
            }
            if self.slides[..i].contains(name) {
                return Err(Failure::input(format!("slide '{name}' is listed twice (G40)")).hint("name each slide once"));
            }
        }
        fits("side", self.side, 2, 64)?;
        fits("pitch_px", self.pitch_px, 8, 512)?;
        fits("image width in pixels, (side + 1) * pitch_px,", (self.side + 1) * self.pitch_px, 24, 16_384)
    }
}

/// A lattice place has a spot when at least this share of its window is tissue.
const LEAST_TISSUE: f64 = 0.5;
/// Micrometres between neighbouring places; a synthetic pixel is a 64th of it at the usual pitch.
const PITCH_UM: f64 = 64.0;

/// Makes the slides with their images. Spots lie at `(column + 1, row + 1) * pitch_px`, sorted by row and column.
pub fn make(spec: &Spec) -> Result<Vec<(Slide, RgbImage)>> {
    spec.check()?;
    let names = gene_names(spec.genes)?;
    let made: Vec<Result<(Slide, RgbImage)>> = spec.slides.par_iter().map(|id| one(spec, &names, id)).collect();
    made.into_iter().collect()
}

fn one(spec: &Spec, names: &[String], id: &str) -> Result<(Slide, RgbImage)> {
    // The address of the slide's draws: the first eight bytes of its name's digest.
    let index = Digest::of(id.as_bytes()).bytes()[..8].iter().fold(0u64, |a, b| a << 8 | u64::from(*b));
    let width = (spec.side + 1) * spec.pitch_px;
    let pitch = spec.pitch_px as f64;
    let tissue = Tissue::new(spec.seed, index, width as f64, pitch / 64.0);
    let rendered = render(spec.seed, index, &tissue, width);
    let (mut spots, mut morphology, mut number) = (Vec::<Spot>::new(), Vec::<Morphology>::new(), Vec::<u64>::new());
    let mut place: Vec<(f64, f64)> = Vec::new();
    for at in 0..spec.side * spec.side {
        let (col, row) = (at % spec.side, at / spec.side);
        let (x, y) = ((col + 1) as f64 * pitch, (row + 1) as f64 * pitch);
        let seen = rendered.morphology(x, y, pitch);
        if seen.tissue < LEAST_TISSUE {
            continue;
        }
        let source_row = spots.len() as u32;
        spots.push(Spot { id: format!("{}x{}", col + 1, row + 1), array_col: col as i32 + 1, array_row: row as i32 + 1, x, y, source_row });
        let centred = |c: f64| 2.0 * c / width as f64 - 1.0;
        place.push((centred(x), centred(y)));
        morphology.push(seen);
        number.push(at as u64);
    }
    if spots.len() < 2 {
        return Err(Failure::input(format!("synthetic slide '{id}' has {} spots on tissue", spots.len()))
            .hint("ask for a larger side, or another seed"));
    }
    let ground = Ground { seed: spec.seed, slide: index, morphology: &morphology, place: &place, number: &number };
    let counts = counts(names, &ground);
    let png = encode_png(&rendered.image)?;
    let image = ImageRef {
        rel_path: format!("images/{id}.png"),
        sha256: Digest::of(&png),
        width: width as u32,
        height: width as u32,
        um_per_px: Some(PITCH_UM / pitch),
        um_source: Some(UmSource::Stated),
    };
    let off = spec.side * spec.side - spots.len();
    let slide = Slide {
        donor: Some(format!("donor-{id}")),
        organ: "none".to_owned(),
        technology: "synthetic".to_owned(),
        lattice: Lattice::Square,
        image: Some(image),
        spots,
        genes: names.to_vec(),
        counts,
        files: Vec::new(),
        findings: vec![Finding::note(
            "off-tissue",
            format!("{off} of {} lattice places have no tissue and no spot", spec.side * spec.side),
        )],
        id: id.to_owned(),
        gene_ids: Vec::new(),
        given: None,
    };
    slide.check()?;
    Ok((slide, rendered.image))
}

#[cfg(test)]
#[path = "generate_tests.rs"]
mod tests;
