//! `pinfold data check her2st`: what is there, what is missing, and whether it is what was published.

use super::root::{SOURCE, check_name, counts_path, data_folder, image_folder, spots_path, the_image};
use super::{known, published_sections, read_section};
use crate::base::{Digest, Failure, Result};
use crate::dataset::model::Finding;
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// How a file stands to the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// The published bytes.
    AsPublished,
    /// Other bytes than published.
    Changed,
    /// There; no published digest is known.
    Present,
    /// Not there.
    Missing,
}

/// One file of a section.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// `counts`, `spots` or `image`.
    pub role: String,
    /// Path relative to the data root; for a missing image its folder.
    pub path: String,
    /// How it stands.
    pub state: FileState,
    /// Size, when it is there.
    pub bytes: Option<u64>,
    /// Digest, when it is there.
    pub sha256: Option<Digest>,
}

/// How a section stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionState {
    /// All three files are there and sound.
    Ready,
    /// Some files are there, some are not.
    Incomplete,
    /// All files are there, but the reader refuses them.
    Refused,
    /// None of its files is there.
    Absent,
}

/// One section.
#[derive(Clone, Debug, Serialize)]
pub struct SectionReport {
    /// Section, such as `C2`.
    pub section: String,
    /// How it stands.
    pub state: SectionState,
    /// Its three files.
    pub files: Vec<FileReport>,
    /// Why the reader refuses it.
    pub problem: Option<String>,
    /// Spots with counts and a place.
    pub spots: Option<usize>,
    /// Count rows dropped for want of a spot row, and spot rows dropped for want of counts, as the findings say.
    pub dropped: Vec<String>,
    /// Genes.
    pub genes: Option<usize>,
    /// Image width and height in pixels.
    pub image: Option<(u32, u32)>,
    /// Micrometres a pixel.
    pub um_per_px: Option<f64>,
    /// All that the reader noticed.
    pub findings: Vec<Finding>,
}

/// The state of her2st in a data root.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    /// `her2st`.
    pub dataset: String,
    /// Where the data may be got.
    pub source: String,
    /// Whether everything asked for is there and sound. Without named slides: at least one section is ready, and
    /// none is incomplete or refused.
    pub complete: bool,
    /// Sections in the order asked for, or all 36.
    pub sections: Vec<SectionReport>,
}

impl CheckReport {
    /// An error that names what is missing or refused, and says how to get it; nothing when complete.
    pub fn verdict(&self) -> Result<()> {
        if self.complete {
            return Ok(());
        }
        let named =
            |state: SectionState| -> Vec<&str> { self.sections.iter().filter(|s| s.state == state).map(|s| s.section.as_str()).collect() };
        let (absent, refused) = (named(SectionState::Absent), named(SectionState::Refused));
        let missing: Vec<&str> = self
            .sections
            .iter()
            .filter(|s| s.state == SectionState::Incomplete)
            .flat_map(|s| &s.files)
            .filter(|f| f.state == FileState::Missing)
            .map(|f| f.path.as_str())
            .collect();
        let mut what = Vec::new();
        if !missing.is_empty() {
            what.push(format!("missing files: {}", missing.join(", ")));
        }
        if !refused.is_empty() {
            what.push(format!("refused sections: {}", refused.join(", ")));
        }
        if !absent.is_empty() {
            what.push(format!("sections that are not there: {}", absent.join(", ")));
        }
        Err(Failure::input(format!("her2st is not ready; {}", what.join("; "))).hint(SOURCE))
    }
}

/// Checks sections, or all 36 when none is named. Fails only when there is no her2st at all, or a name is unknown.
pub fn check(root: &Path, sections: &[String]) -> Result<CheckReport> {
    let data = data_folder(root)?;
    sections.iter().try_for_each(|s| check_name(&data, s))?;
    let all: Vec<String> =
        if sections.is_empty() { published_sections().map(|k| k.section.to_owned()).collect() } else { sections.to_vec() };
    let reports: Vec<Result<SectionReport>> = all.par_iter().map(|s| one(root, &data, s)).collect();
    let reports = reports.into_iter().collect::<Result<Vec<_>>>()?;
    let bad = |s: &SectionReport| matches!(s.state, SectionState::Incomplete | SectionState::Refused);
    let ready = reports.iter().filter(|s| s.state == SectionState::Ready).count();
    let complete = if sections.is_empty() { ready > 0 && !reports.iter().any(bad) } else { ready == reports.len() };
    Ok(CheckReport { dataset: "her2st".into(), source: SOURCE.into(), complete, sections: reports })
}

fn one(root: &Path, data: &Path, section: &str) -> Result<SectionReport> {
    let below = |recorded: &str| data.join(recorded.trim_start_matches("her2st/data/"));
    let (counts_at, spots_at) = (counts_path(section), spots_path(section));
    let image = the_image(data, section);
    let image_trouble = image.as_ref().err().cloned();
    let (image_at, image_path) = image.map_or_else(|_| (image_folder(section), None), |(at, path)| (at, Some(path)));
    let files = vec![
        file(section, "counts", &counts_at, Some(&below(&counts_at)))?,
        file(section, "spots", &spots_at, Some(&below(&spots_at)))?,
        file(section, "image", &image_at, image_path.as_deref())?,
    ];
    let missing = files.iter().filter(|f| f.state == FileState::Missing).count();
    let mut report = SectionReport {
        section: section.to_owned(),
        state: SectionState::Absent,
        files,
        problem: None,
        spots: None,
        dropped: Vec::new(),
        genes: None,
        image: None,
        um_per_px: None,
        findings: Vec::new(),
    };
    if missing == 3 {
        return Ok(report);
    }
    if missing > 0 {
        report.state = SectionState::Incomplete;
        report.problem = image_trouble.map(|e| e.to_string());
        return Ok(report);
    }
    match read_section(root, section) {
        Err(e) => {
            report.state = SectionState::Refused;
            report.problem = Some(e.to_string());
        }
        Ok(slide) => {
            report.state = SectionState::Ready;
            report.spots = Some(slide.spots.len());
            report.genes = Some(slide.genes.len());
            report.image = slide.image.as_ref().map(|i| (i.width, i.height));
            report.um_per_px = slide.image.as_ref().and_then(|i| i.um_per_px);
            report.dropped = slide
                .findings
                .iter()
                .filter(|f| matches!(f.code.as_str(), "L07" | "L08" | "spots-without-counts"))
                .map(|f| f.text.clone())
                .collect();
            report.findings = slide.findings;
        }
    }
    Ok(report)
}

fn file(section: &str, role: &str, recorded: &str, path: Option<&Path>) -> Result<FileReport> {
    let mut report = FileReport { role: role.to_owned(), path: recorded.to_owned(), state: FileState::Missing, bytes: None, sha256: None };
    if let Some(path) = path.filter(|p| p.is_file()) {
        let (sha256, bytes) = Digest::of_file_sized(path)?;
        report.state = match known(section).and_then(|k| k.digest(role)) {
            Some(published) if published == sha256 => FileState::AsPublished,
            Some(_) => FileState::Changed,
            None => FileState::Present,
        };
        (report.bytes, report.sha256) = (Some(bytes), Some(sha256));
    }
    Ok(report)
}
