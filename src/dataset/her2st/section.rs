//! One section: its files read, parsed, joined and checked.

use super::counts::{self, CountTable};
use super::known;
use super::lattice::{LatticeFit, check_inside, check_lattice};
use super::root::{check_name, counts_path, data_folder, existing, spots_path, the_image};
use super::spots::{self, SpotRow};
use crate::base::{Failure, Result};
use crate::dataset::image::dimensions;
use crate::dataset::model::{Counts, Finding, ImageRef, Lattice, Slide, SourceFile, Spot, UmSource, check_all};
use crate::dataset::table::{Loaded, gunzip, load, utf8};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads sections in the order given. `root` is a folder that holds `her2st/`, her2st itself, or its `data`.
pub fn read(root: &Path, sections: &[String]) -> Result<Vec<Slide>> {
    let data = data_folder(root)?;
    if sections.is_empty() {
        return Err(Failure::input("no slides are named").hint("name at least one section, such as C2"));
    }
    for (i, section) in sections.iter().enumerate() {
        check_name(&data, section)?;
        if sections[..i].contains(section) {
            return Err(Failure::input(format!("slide '{section}' is listed twice (G40)")).hint("name each slide once"));
        }
    }
    // Errors come in the order of the slides, whichever thread was first.
    let read: Vec<Result<Slide>> = sections.par_iter().map(|s| read_section(root, s)).collect();
    let slides = read.into_iter().collect::<Result<Vec<_>>>()?;
    check_all(&slides)?;
    refuse_same_files(&slides)?;
    Ok(slides)
}

/// The recorded paths of the files that sections are read from: counts, spots and image of each, in that order.
pub fn files(root: &Path, sections: &[String]) -> Result<Vec<String>> {
    let data = data_folder(root)?;
    let mut out = Vec::with_capacity(3 * sections.len());
    for section in sections {
        check_name(&data, section)?;
        for (path, what) in [(counts_path(section), "counts"), (spots_path(section), "spot coordinates")] {
            existing(&data, &path, section, what)?;
            out.push(path);
        }
        out.push(the_image(&data, section)?.0);
    }
    Ok(out)
}

/// Reads one section.
pub fn read_section(root: &Path, section: &str) -> Result<Slide> {
    let data = data_folder(root)?;
    check_name(&data, section)?;
    let (counts_at, spots_at) = (counts_path(section), spots_path(section));
    let counts_file = load(&existing(&data, &counts_at, section, "counts")?, &counts_at)?;
    let spots_file = load(&existing(&data, &spots_at, section, "spot coordinates")?, &spots_at)?;
    let (image_at, image_path) = the_image(&data, section)?;
    let image_file = load(&image_path, &image_at)?;

    let text = gunzip(&counts_file.bytes, &counts_at)?;
    let table = counts::parse(utf8(&text, &counts_at)?, &counts_at)?;
    let (rows, mut findings) = spots::parse(spot_text(&spots_file, &spots_at)?, &spots_at)?;
    findings.extend(table.findings.iter().cloned());
    let joined = join(&table, &rows, &counts_at, &spots_at, &mut findings)?;

    let size = dimensions(&image_file.bytes, &image_at)?;
    let placed: Vec<SpotRow> = joined.iter().map(|j| j.row).collect();
    check_inside(&placed, size, &spots_at)?;
    let fit = LatticeFit::of(&placed);
    findings.extend(check_lattice(&placed, &fit, size, section, &spots_at)?);
    let um = if placed.len() < 4 { None } else { Some(fit.um_per_px()) };
    if let Some(um) = um.filter(|um| !(0.1..=5.0).contains(um)) {
        return Err(Failure::input(format!("{um:.3} µm a pixel, from the pitch of 200 µm, is impossible for a slide image")).at(spots_at));
    }
    let files = [("counts", counts_at, &counts_file), ("spots", spots_at, &spots_file), ("image", image_at.clone(), &image_file)];
    let files: Vec<SourceFile> = files
        .into_iter()
        .map(|(role, path, f)| SourceFile { path, bytes: f.bytes.len() as u64, sha256: f.sha256, role: role.to_owned() })
        .collect();
    findings.extend(changed_files(section, &files));
    let image = ImageRef {
        rel_path: image_at,
        sha256: image_file.sha256,
        width: size.0,
        height: size.1,
        um_per_px: um,
        um_source: um.map(|_| UmSource::Lattice),
    };
    let slide = assemble(section, table, joined, image, files, findings);
    slide.check()?;
    Ok(slide)
}

fn spot_text<'a>(file: &'a Loaded, shown: &str) -> Result<&'a str> {
    use crate::dataset::sniff::{Format, sniff};
    match sniff(&file.bytes) {
        Format::Text => utf8(&file.bytes, shown),
        other => Err(crate::dataset::table::wrong_format(other, "TAB-separated text", shown)),
    }
}

struct Joined {
    count_row: usize,
    row: SpotRow,
}

/// Count rows that have a spot row, in count-file order (G20, G21, L02, L08).
fn join(table: &CountTable, rows: &[SpotRow], counts_at: &str, spots_at: &str, findings: &mut Vec<Finding>) -> Result<Vec<Joined>> {
    let by_place: BTreeMap<(i32, i32), &SpotRow> = rows.iter().map(|r| (r.array, r)).collect();
    let joined: Vec<Joined> =
        table.places.iter().enumerate().filter_map(|(i, p)| by_place.get(p).map(|r| Joined { count_row: i, row: **r })).collect();
    let swapped = table.places.iter().filter(|p| by_place.contains_key(&(p.1, p.0))).count();
    let smaller = table.ids.len().min(rows.len());
    let both = format!("{} count rows, {} spot rows, {} in both", table.ids.len(), rows.len(), joined.len());
    if joined.len() * 2 < smaller {
        let hint = if swapped * 2 >= smaller {
            "swapping column and row in the ids would join them (L02): one of the files names spots row x column".to_owned()
        } else {
            format!(
                "the files seem to belong to different sections: counts begin with {}; spots begin with {}",
                table.ids.iter().take(3).cloned().collect::<Vec<_>>().join(", "),
                rows.iter().take(3).map(|r| format!("{}x{}", r.array.0, r.array.1)).collect::<Vec<_>>().join(", ")
            )
        };
        let code = if joined.is_empty() { "G20" } else { "G21" };
        return Err(Failure::input(format!("counts and spots hardly join: {both} ({code})"))
            .at(format!("{counts_at}, {spots_at}"))
            .hint(hint));
    }
    let lost = table.ids.len() - joined.len();
    if lost > 0 {
        let names: Vec<&str> =
            table.ids.iter().zip(&table.places).filter(|(_, p)| !by_place.contains_key(p)).map(|(id, _)| id.as_str()).take(5).collect();
        let text = format!("{lost} count rows without a spot row: {}", names.join(", "));
        if lost * 20 > table.ids.len() {
            return Err(Failure::input(format!("{text}; that is more than 5 % ({both}) (L08)"))
                .at(spots_at)
                .hint("the spot file is not this section's, or lost rows; fetch it again"));
        }
        findings.push(Finding::warning("L08", format!("{text}; dropped")));
    }
    if rows.len() > joined.len() {
        let have: std::collections::BTreeSet<_> = table.places.iter().collect();
        let names: Vec<String> = rows.iter().filter(|r| !have.contains(&r.array)).map(|r| format!("{}x{}", r.array.0, r.array.1)).collect();
        findings.push(Finding::note(
            "spots-without-counts",
            format!("{} spot rows without counts, dropped: {}", names.len(), names[..names.len().min(5)].join(", ")),
        ));
    }
    Ok(joined)
}

fn assemble(
    section: &str,
    table: CountTable,
    joined: Vec<Joined>,
    image: ImageRef,
    files: Vec<SourceFile>,
    mut findings: Vec<Finding>,
) -> Slide {
    let mut counts = Counts::new();
    let mut seen = vec![false; table.genes.len()];
    let mut empty = Vec::new();
    let mut spots = Vec::with_capacity(joined.len());
    for j in joined {
        let (genes, values) = table.counts.row(j.count_row);
        counts.push_row(genes.iter().copied().zip(values.iter().copied()));
        genes.iter().for_each(|&g| seen[g as usize] = true);
        let id = table.ids[j.count_row].clone();
        if genes.is_empty() {
            empty.push(id.clone());
        }
        let (array_col, array_row) = j.row.array;
        spots.push(Spot { id, array_col, array_row, x: j.row.pixel.0, y: j.row.pixel.1, source_row: j.count_row as u32 });
    }
    let silent = seen.iter().filter(|s| !**s).count();
    if !empty.is_empty() {
        findings.push(Finding::warning(
            "empty-spots",
            format!("{} spots without a single count: {}", empty.len(), empty[..empty.len().min(5)].join(", ")),
        ));
    }
    if silent > 0 {
        findings.push(Finding::note("empty-genes", format!("{silent} of {} genes are zero in every spot", table.genes.len())));
    }
    Slide {
        id: section.to_owned(),
        donor: Some(section[..1].to_owned()),
        organ: "breast".to_owned(),
        technology: "Spatial Transcriptomics".to_owned(),
        lattice: Lattice::Square,
        image: Some(image),
        spots,
        genes: table.genes,
        counts,
        files,
        findings,
        gene_ids: Vec::new(),
        given: None,
    }
}

/// A warning for each file whose bytes are not the published ones.
fn changed_files(section: &str, files: &[SourceFile]) -> Vec<Finding> {
    let Some(known) = known(section) else { return Vec::new() };
    let changed = files.iter().filter(|f| known.digest(&f.role).is_some_and(|d| d != f.sha256));
    changed
        .map(|f| Finding::warning("changed-file", format!("{} is not the published file: its SHA-256 is {}", f.path, f.sha256)))
        .collect()
}

/// One slide's file under another slide's name (G34).
fn refuse_same_files(slides: &[Slide]) -> Result<()> {
    for (i, slide) in slides.iter().enumerate() {
        for other in &slides[..i] {
            if let Some((a, b)) = slide.files.iter().zip(&other.files).find(|(a, b)| a.sha256 == b.sha256) {
                return Err(Failure::input(format!("slides {} and {} have the same {} file (G34)", other.id, slide.id, a.role))
                    .at(format!("{}, {}", b.path, a.path))
                    .hint("one of them was copied over the other; fetch both again"));
            }
        }
    }
    Ok(())
}
