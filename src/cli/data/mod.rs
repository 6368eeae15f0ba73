//! `pinfold data`: what data are there, what is missing, and whether they are what was published.

mod el_hackathon;
mod exchange;
mod gse240429;

use super::Here;
use super::output::{self, Side};
use crate::base::text::{bytes, thousands};
use crate::base::{Failure, Result};
use crate::dataset::her2st::{self, CheckReport, FileReport, FileState, SectionReport, SectionState};
use crate::dataset::{Severity, nearest};
use std::path::PathBuf;

/// Names of data sets that pinfold will read one day, so that asking for them is answered well.
const LATER: [&str; 6] = ["hest", "he2020", "ji2020", "stimage", "nh2st", "triplex"];

/// Arguments of `data`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Tell what is there and what is missing, each file's digest, and spots joined and dropped per section.
    ///
    /// Files are looked for in PINFOLD_DATA, else in ./data. Exit code 2 when a piece that is needed is missing or
    /// refused: with --slides all of those slides are needed, without it at least one whole section.
    Check(CheckArgs),
    /// Write a small file in the layout of el-hackathon-2025, its slides made from a seed, to try its protocols with.
    Make(el_hackathon::MakeArgs),
    /// Bring in a published dataset.csv with its folder of PNG patches, so that protocols can use it.
    Import(exchange::ImportArgs),
    /// Write what a protocol made of its data as dataset.csv with a folder of PNG patches.
    Export(exchange::ExportArgs),
}

#[derive(clap::Args)]
struct CheckArgs {
    /// her2st, gse240429, el-hackathon-2025, visium, or synthetic.
    dataset: String,
    /// For visium: the folder below the data root that holds one Space Ranger folder a slide.
    #[arg(long, value_name = "FOLDER", default_value = "")]
    folder: String,
    /// Only these slides, such as C2,C3.
    #[arg(long, value_delimiter = ',', value_name = "SLIDES")]
    slides: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `pinfold data`.
pub fn run(at: &Here, args: Args) -> Result<()> {
    let args = match args.what {
        What::Check(args) => args,
        What::Make(args) => return el_hackathon::make(&args),
        What::Import(args) => return exchange::import(&args),
        What::Export(args) => return exchange::export(at, &args),
    };
    match args.dataset.as_str() {
        "her2st" => check_her2st(&args),
        "gse240429" => gse240429::check(&root(), &args.slides, args.json),
        "el-hackathon-2025" => el_hackathon::check(&root(), args.json),
        "visium" => gse240429::visium_check(&root(), &args.folder, &args.slides, args.json),
        "synthetic" if args.json => output::json(&serde_json::json!({"dataset": "synthetic", "complete": true, "sections": []})),
        "synthetic" => output::print("synthetic slides are made on the spot from their seed: nothing is needed, nothing is missing\n"),
        later if LATER.contains(&later) => Err(Failure::input(format!("the dataset '{later}' is not supported yet in this version"))
            .hint("this version reads her2st, gse240429, el-hackathon-2025 and visium, and makes synthetic slides")),
        other => Err(Failure::input(format!("unknown dataset '{other}'"))
            .hint(nearest::hint(other, ["her2st", "gse240429", "el-hackathon-2025", "visium", "synthetic"]))),
    }
}

/// The folder that holds the data sets.
fn root() -> PathBuf {
    std::env::var_os("PINFOLD_DATA").filter(|v| !v.is_empty()).map_or_else(|| PathBuf::from("data"), PathBuf::from)
}

fn check_her2st(args: &CheckArgs) -> Result<()> {
    let root = root();
    let report = her2st::check(&root, &args.slides)?;
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&text(&report, &root.display().to_string()))?;
    }
    report.verdict()
}

/// The report for a person: sections, files, remarks, and what is not there.
fn text(report: &CheckReport, root: &str) -> String {
    let here: Vec<&SectionReport> = report.sections.iter().filter(|s| s.state != SectionState::Absent).collect();
    let ready = here.iter().filter(|s| s.state == SectionState::Ready).count();
    let mut out = format!("her2st in {root}: {ready} of {} sections ready\n\n", report.sections.len());
    if !here.is_empty() {
        out.push_str(&sections(&here));
        out.push('\n');
        out.push_str(&files(&here));
    }
    let remarks = remarks(&here);
    if !remarks.is_empty() {
        out.push_str(&format!("\n{remarks}"));
    }
    let absent: Vec<&str> = report.sections.iter().filter(|s| s.state == SectionState::Absent).map(|s| s.section.as_str()).collect();
    if !absent.is_empty() {
        out.push_str(&format!("\nnot here: {}\n{}\n", absent.join(" "), report.source));
    }
    out
}

fn sections(here: &[&SectionReport]) -> String {
    let header = [
        ("section", Side::Left),
        ("state", Side::Left),
        ("spots", Side::Right),
        ("genes", Side::Right),
        ("image", Side::Right),
        ("um/px", Side::Right),
        ("dropped", Side::Left),
    ];
    let dash = || "-".to_owned();
    let rows: Vec<Vec<String>> = here
        .iter()
        .map(|s| {
            vec![
                s.section.clone(),
                match s.state {
                    SectionState::Ready => "ready",
                    SectionState::Incomplete => "incomplete",
                    SectionState::Refused => "refused",
                    SectionState::Absent => "not here",
                }
                .to_owned(),
                s.spots.map_or_else(dash, |n| thousands(n as u64)),
                s.genes.map_or_else(dash, |n| thousands(n as u64)),
                s.image.map_or_else(dash, |(w, h)| format!("{w} x {h}")),
                s.um_per_px.map_or_else(dash, |v| format!("{v:.4}")),
                if s.spots.is_none() {
                    dash()
                } else if s.dropped.is_empty() {
                    "none".to_owned()
                } else {
                    s.dropped.join("; ")
                },
            ]
        })
        .collect();
    output::table(&header, &rows)
}

fn files(here: &[&SectionReport]) -> String {
    let row = |f: &FileReport| {
        let state = match f.state {
            FileState::AsPublished => "as published",
            FileState::Changed => "CHANGED: not the published bytes",
            FileState::Present => "there (no published digest known)",
            FileState::Missing => "MISSING",
        };
        vec![
            f.path.clone(),
            f.bytes.map_or_else(|| "-".to_owned(), bytes),
            f.sha256.map_or_else(|| "-".to_owned(), |d| d.short()),
            state.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = here.iter().flat_map(|s| &s.files).map(row).collect();
    output::table(&[("file", Side::Left), ("size", Side::Right), ("sha256 (--json: whole)", Side::Left), ("", Side::Left)], &rows)
}

/// Warnings, and why sections are refused.
fn remarks(here: &[&SectionReport]) -> String {
    let mut out = String::new();
    for s in here {
        for f in s.findings.iter().filter(|f| f.severity == Severity::Warning) {
            out.push_str(&format!("warning: {}: {} ({})\n", s.section, f.text, f.code));
        }
        if let Some(problem) = &s.problem {
            out.push_str(&format!("{} is refused: {problem}\n", s.section));
        }
    }
    crate::base::text::clean_lines(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn run_line(words: &[&str]) -> Result<()> {
        run(&Here(None), Line::try_parse_from([&["data"], words].concat()).expect("parses").args)
    }

    #[test]
    fn other_datasets_are_answered() {
        assert!(run_line(&["check", "synthetic"]).is_ok());
        let later = run_line(&["check", "hest"]).expect_err("later");
        assert!(later.what.contains("not supported yet in this version"));
        let unknown = run_line(&["check", "her2"]).expect_err("unknown");
        assert!(unknown.hint.is_some_and(|h| h.contains("her2st")));
        assert!(Line::try_parse_from(["data", "check"]).is_err());
    }

    #[test]
    fn the_table_names_what_is_missing() {
        let file =
            |role: &str, state| FileReport { role: role.into(), path: format!("her2st/data/{role}"), state, bytes: None, sha256: None };
        let section = |name: &str, state| SectionReport {
            section: name.into(),
            state,
            files: vec![file("counts", FileState::Missing)],
            problem: None,
            spots: None,
            dropped: vec![],
            genes: None,
            image: None,
            um_per_px: None,
            findings: vec![],
        };
        let report = CheckReport {
            dataset: "her2st".into(),
            source: "get it there".into(),
            complete: false,
            sections: vec![section("C2", SectionState::Incomplete), section("C3", SectionState::Absent)],
        };
        let shown = text(&report, "somewhere");
        for part in ["0 of 2 sections ready", "C2       incomplete", "her2st/data/counts", "MISSING", "not here: C3\nget it there"] {
            assert!(shown.contains(part), "'{part}' is not in:\n{shown}");
        }
    }
}
