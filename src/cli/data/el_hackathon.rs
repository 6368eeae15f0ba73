//! `pinfold data check el-hackathon-2025`, and `pinfold data make`.

use crate::base::text::{bytes, clean, thousands};
use crate::base::{Digest, Failure, Result};
use crate::cli::output::{self, Side};
use crate::dataset::el_hackathon::{self, CheckReport, Made};
use std::path::{Path, PathBuf};

/// Arguments of `data make`.
#[derive(clap::Args)]
pub struct MakeArgs {
    /// Where the file goes: the data root's el-hackathon-2025/elucidata_ai_challenge_data.h5 if it is not said.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Height of the images, in pixels.
    #[arg(long, default_value_t = 420)]
    side: usize,
    /// Distance of spots, in pixels.
    #[arg(long, default_value_t = 25.0)]
    pitch: f64,
    /// The seed of everything.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

/// Writes a file; one that is there is not replaced.
pub(super) fn make(args: &MakeArgs) -> Result<()> {
    let path = args.output.clone().unwrap_or_else(|| super::root().join(el_hackathon::FILE));
    if path.exists() {
        return Err(Failure::input("there is a file already, and it is not replaced").at(path.display().to_string()).hint("--output FILE"));
    }
    el_hackathon::make(&Made { side: args.side, pitch: args.pitch, seed: args.seed }, &path)?;
    let (sha256, size) = Digest::of_file_sized(&path)?;
    output::say(&format!(
        "wrote {} ({}, SHA-256 {sha256}): made from seed {}, no data of the competition",
        path.display(),
        bytes(size),
        args.seed
    ));
    Ok(())
}

/// Says what is there, and how the file is got.
pub(super) fn check(root: &Path, json: bool) -> Result<()> {
    let report = el_hackathon::check(root)?;
    if json {
        output::json(&report)?;
    } else {
        output::print(&text(&report, &root.display().to_string()))?;
    }
    report.verdict()
}

fn text(report: &CheckReport, root: &str) -> String {
    let Some(size) = report.bytes else {
        return format!("el-hackathon-2025 in {root}: {} is MISSING\n\nto fetch: {}\n", report.path, report.fetch);
    };
    let digest = report.sha256.map_or_else(String::new, |d| d.to_string());
    let mut out = format!("el-hackathon-2025 in {root}: {}, {}, SHA-256 {digest}\n\n", report.path, bytes(size));
    let rows: Vec<Vec<String>> = report
        .slides
        .iter()
        .map(|s| {
            let image = s.image.map_or_else(|| "-".to_owned(), |(h, w)| format!("{w} x {h}"));
            let spots = s.spots.map_or_else(|| "-".to_owned(), |n| thousands(n as u64));
            vec![s.slide.clone(), spots, image, clean(&s.remarks.join("; "))]
        })
        .collect();
    out.push_str(&output::table(&[("slide", Side::Left), ("spots", Side::Right), ("image", Side::Right), ("remarks", Side::Left)], &rows));
    out
}
