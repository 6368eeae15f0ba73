//! Keys of `[spots]`, `[stain]` and `[mask]`: what is done to spots and images before patches are cut.

use super::check::Problem;
use super::schema::Protocol;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How spots are moved and which are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spots {
    /// Pixels added to x and y of every spot of a slide.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub offsets: BTreeMap<String, [i64; 2]>,
    /// Spots without tissue in a window of this side, in pixels, are left out; absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
}

/// How the slides' colours are made alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stain {
    /// The method.
    pub method: StainMethod,
    /// What the slides are made like.
    pub reference: StainReference,
    /// Seed of the windows that are drawn for a mosaic.
    pub seed: u64,
    /// Side of a window, in pixels.
    #[serde(default = "window", skip_serializing_if = "is_window")]
    pub window: usize,
    /// Windows from each slide.
    #[serde(default = "windows", skip_serializing_if = "is_windows")]
    pub windows: usize,
}

fn window() -> usize {
    256
}

fn is_window(n: &usize) -> bool {
    *n == window()
}

fn windows() -> usize {
    5
}

fn is_windows(n: &usize) -> bool {
    *n == windows()
}

/// Methods of stain normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StainMethod {
    /// Macenko's, as torchstain computes it with PyTorch.
    Macenko,
    /// Reinhard's, as torchstain computes it.
    Reinhard,
    /// torchstain's `modified` Reinhard.
    ReinhardModified,
    /// Vahadane's, with a deterministic dictionary of our own.
    Vahadane,
}

/// What the slides are made like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StainReference {
    /// Windows of all slides, held-out and unlabelled ones too: a published quirk (Q4).
    MosaicAll,
    /// Windows of the slides that train; with several folds each has its own.
    MosaicTraining,
    /// One slide.
    #[serde(untagged)]
    Slide(String),
}

/// What of a slide's image is background.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// Grey above it is background: of each slide, or by a rule.
    pub threshold: MaskThreshold,
    /// Radius of the disk that closes the mask; 0 for none.
    pub closing: usize,
    /// Holes of fewer pixels are filled; 0 for none.
    pub holes: usize,
}

/// How a mask's threshold is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"mean\", \"otsu\", or a table with a number for each slide")]
pub enum MaskThreshold {
    /// By a rule.
    Named(NamedThreshold),
    /// Constants, from 0 to 1; the mean for slides without one.
    Slides(BTreeMap<String, f64>),
}

/// Rules for a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedThreshold {
    /// The slide's mean grey.
    Mean,
    /// Otsu's.
    Otsu,
}

impl Stain {
    /// Whether every fold has a reference, and so images, of its own.
    pub fn by_fold(&self) -> bool {
        self.reference == StainReference::MosaicTraining
    }
}

/// What must hold of these keys.
pub(super) fn check(p: &Protocol) -> std::result::Result<(), Problem> {
    let known = |slide: &String| p.data.slides.contains(slide) || p.data.unlabelled.contains(slide);
    let stranger = |key: &str, slide: &String| Err(Problem::new(key, format!("slide '{slide}' is not among data.slides")));
    if let Some(spots) = &p.spots {
        if let Some(slide) = spots.offsets.keys().find(|s| !known(s)) {
            return stranger("spots.offsets", slide);
        }
        if spots.offsets.values().flatten().any(|v| v.abs() > 100_000) {
            return Err(Problem::new("spots.offsets", "at most 100000 pixels"));
        }
        if spots.window.is_some_and(|w| !(2..=4096).contains(&w) || w % 2 != 0) {
            return Err(Problem::new("spots.window", "an even number from 2 to 4096"));
        }
    }
    if let Some(stain) = &p.stain {
        if let StainReference::Slide(slide) = &stain.reference
            && !known(slide)
        {
            return stranger("stain.reference", slide);
        }
        if stain.seed > u64::from(u32::MAX) {
            return Err(Problem::new("stain.seed", "NumPy's generator takes seeds below 2^32"));
        }
        if !(16..=4096).contains(&stain.window) || !(1..=1000).contains(&stain.windows) {
            return Err(Problem::new("stain.window", "windows of 16 to 4096 pixels, 1 to 1000 of them a slide"));
        }
    }
    if let Some(mask) = &p.mask {
        if let MaskThreshold::Slides(of) = &mask.threshold {
            if let Some(slide) = of.keys().find(|s| !known(s)) {
                return stranger("mask.threshold", slide);
            }
            if of.values().any(|t| !(0.0..=1.0).contains(t)) {
                return Err(Problem::new("mask.threshold", "a grey from 0 to 1"));
            }
        }
        if mask.closing > 64 || mask.holes > 100_000_000 {
            return Err(Problem::new("mask.closing", "a radius of at most 64 pixels, and holes of at most 100000000"));
        }
    }
    Ok(())
}
