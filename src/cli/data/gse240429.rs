//! `pinfold data check gse240429` and `visium` for a person.

use crate::base::Result;
use crate::base::text::{bytes, clean};
use crate::cli::output::{self, Side};
use crate::dataset::gse240429::{self, CheckReport};
use crate::dataset::her2st::FileState;
use crate::dataset::visium;
use std::path::Path;

/// Checks GSE240429: each file, and for each missing one where it is got, its size, its digest.
pub(super) fn check(root: &Path, slides: &[String], json: bool) -> Result<()> {
    let report = gse240429::check(root, slides)?;
    if json {
        output::json(&report)?;
    } else {
        output::print(&text(&report, &root.display().to_string()))?;
    }
    report.verdict()
}

fn text(report: &CheckReport, root: &str) -> String {
    let here = report.pieces.iter().filter(|p| p.state != FileState::Missing).count();
    let mut out = format!("gse240429 in {root}: {here} of {} files here\n\n", report.pieces.len());
    let word = |s: FileState| match s {
        FileState::AsPublished => "as published",
        FileState::Changed => "CHANGED: not the published bytes",
        FileState::Present => "there (no published digest known)",
        FileState::Missing => "MISSING",
    };
    let rows: Vec<Vec<String>> = report
        .pieces
        .iter()
        .map(|p| {
            vec![
                p.path.clone(),
                p.bytes.map_or_else(|| "-".to_owned(), bytes),
                p.sha256.map_or_else(|| "-".to_owned(), |d| d.short()),
                word(p.state).to_owned(),
            ]
        })
        .collect();
    out.push_str(&output::table(
        &[("file", Side::Left), ("size", Side::Right), ("sha256 (--json: whole)", Side::Left), ("", Side::Left)],
        &rows,
    ));
    let missing: Vec<_> = report.pieces.iter().filter(|p| p.state == FileState::Missing).collect();
    if !missing.is_empty() {
        out.push_str("\nto fetch:\n");
    }
    for p in missing {
        let digest = p.due_sha256.map_or_else(|| "not known; record it on first sight in [data.digests]".to_owned(), |d| d.to_string());
        out.push_str(&format!("  {}\n    from    {}\n    size    {}\n    sha256  {digest}\n", p.path, p.fetch, p.due_size));
    }
    format!("{}\n", crate::base::text::clean_lines(&out).trim_end())
}

/// Reads Visium slides below a folder and says what they are; by default every folder there is a slide.
pub(super) fn visium_check(root: &Path, folder: &str, slides: &[String], json: bool) -> Result<()> {
    let spec = visium::Spec { folder: folder.to_owned(), ..visium::Spec::default() };
    let mut names = slides.to_vec();
    if names.is_empty() {
        let at = visium::path_of(root, if folder.is_empty() { "x" } else { folder })?;
        let at = if folder.is_empty() { root.to_owned() } else { at };
        names = std::fs::read_dir(&at)
            .map_err(|e| crate::base::Failure::io(&e, "list", &at))?
            .flatten()
            .filter(|e| e.path().is_dir())
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
    }
    let read: Vec<(String, Result<crate::dataset::Slide>)> =
        names.into_iter().map(|n| (n.clone(), visium::read_slide(root, &spec, &n))).collect();
    if json {
        let all: Vec<_> = read
            .iter()
            .map(|(name, slide)| match slide {
                Ok(s) => serde_json::json!({"slide": name, "spots": s.spots.len(), "genes": s.genes.len(), "image": s.image, "files": s.files, "findings": s.findings}),
                Err(e) => serde_json::json!({"slide": name, "problem": e.to_string()}),
            })
            .collect();
        output::json(&serde_json::json!({"dataset": "visium", "slides": all}))?;
    } else {
        let mut out = String::new();
        for (name, slide) in &read {
            match slide {
                Ok(s) => {
                    let image = s.image.as_ref().map_or_else(|| "NO IMAGE".to_owned(), |i| format!("image {} x {}", i.width, i.height));
                    out.push_str(&format!("{name}: {} spots, {} genes, {image}\n", s.spots.len(), s.genes.len()));
                    s.findings.iter().for_each(|f| {
                        out.push_str(&format!(
                            "  {}: {} ({})\n",
                            if f.severity == crate::dataset::Severity::Warning { "warning" } else { "note" },
                            f.text,
                            f.code
                        ))
                    });
                }
                Err(e) => out.push_str(&format!("{}: refused: {}\n", clean(name), clean(&e.to_string()))),
            }
        }
        output::print(&format!("{}\n", crate::base::text::clean_lines(&out).trim_end()))?;
    }
    read.into_iter().find_map(|(_, r)| r.err()).map_or(Ok(()), Err)
}
