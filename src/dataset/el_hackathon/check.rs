//! `pinfold data check el-hackathon-2025`: whether the file is there and has what the chapter says.

use super::read::{FILE, SOURCE, path_of};
use super::{SLIDES, read_slide};
use crate::base::{Digest, Failure, Result};
use crate::dataset::hdf5::{self, Hdf5Source};
use serde::Serialize;
use std::path::Path;

/// The state of the competition's file in a data root.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// `el-hackathon-2025`.
    pub dataset: String,
    /// Whether the file is here and every slide of it can be read.
    pub complete: bool,
    /// The recorded path.
    pub path: String,
    /// Its size here; none when it is missing.
    pub bytes: Option<u64>,
    /// Its digest here.
    pub sha256: Option<Digest>,
    /// How to get it.
    pub fetch: String,
    /// The slides, in order.
    pub slides: Vec<SlideReport>,
}

/// One slide of it.
#[derive(Clone, Debug, Serialize)]
pub struct SlideReport {
    /// Its name.
    pub slide: String,
    /// Spots; none when it cannot be read.
    pub spots: Option<usize>,
    /// Height and width of its image.
    pub image: Option<(u64, u64)>,
    /// What was noticed, or why it cannot be read.
    pub remarks: Vec<String>,
}

impl CheckReport {
    /// An error that says what is missing or wrong; nothing when complete.
    pub fn verdict(&self) -> Result<()> {
        if self.complete {
            return Ok(());
        }
        let wrong: Vec<String> = self.slides.iter().filter(|s| s.spots.is_none()).map(|s| s.slide.clone()).collect();
        let what = if self.bytes.is_none() { format!("{FILE} is missing") } else { format!("cannot be read: {}", wrong.join(", ")) };
        Err(Failure::input(format!("el-hackathon-2025 is not ready; {what}")).hint(self.fetch.clone()))
    }
}

/// Looks at the file, and reads every slide's spots; images are not read, only their sizes.
pub fn check(root: &Path) -> Result<CheckReport> {
    let fetch = format!(
        "{SOURCE}; its size and digest are not published, so pin what you get in [data.digests]; HEVisum's code and weights are CC BY-NC 4.0"
    );
    let mut out = CheckReport {
        dataset: "el-hackathon-2025".into(),
        complete: false,
        path: FILE.into(),
        bytes: None,
        sha256: None,
        fetch,
        slides: Vec::new(),
    };
    let Ok(path) = path_of(root, FILE) else { return Ok(out) };
    let (sha256, bytes) = Digest::of_file_sized(&path)?;
    (out.sha256, out.bytes) = (Some(sha256), Some(bytes));
    let source = hdf5::open_file(&path, FILE)?;
    for slide in SLIDES {
        let mut report = SlideReport { slide: slide.into(), spots: None, image: None, remarks: Vec::new() };
        match read_slide(root, slide) {
            Ok(read) => {
                report.spots = Some(read.spots.len());
                report.remarks = read.findings.into_iter().map(|f| f.text).collect();
            }
            Err(e) => report.remarks.push(e.to_string()),
        }
        let side = if slide == super::UNLABELLED { "Test" } else { "Train" };
        match source.shape(&format!("images/{side}/{slide}")).as_deref() {
            Ok(&[height, width, 3]) => report.image = Some((height, width)),
            Ok(other) => report.remarks.push(format!("an image of shape {other:?} where [height, width, 3] is due")),
            Err(e) => report.remarks.push(e.to_string()),
        }
        out.slides.push(report);
    }
    out.complete = out.slides.iter().all(|s| s.spots.is_some() && s.image.is_some());
    Ok(out)
}
