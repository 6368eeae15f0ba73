//! `dataset.csv` and its patches, read into slides and one patch file.

use super::{LEFT_OUT, META, PATCHES};
use crate::base::arrays::ByteRows;
use crate::base::{Digest, Failure, IoContext, Result, atomic};
use crate::dataset::image::decode_rgb;
use crate::dataset::model::{Counts, Finding, Given, Lattice, Slide, SourceFile, Spot, check_all, fit_name, repeated};
use crate::dataset::store;
use crate::dataset::table::number;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// What an import found.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Slides with their spots.
    pub slides: Vec<(String, usize)>,
    /// Genes.
    pub genes: usize,
    /// Side of the patches in pixels.
    pub side: usize,
    /// Digest of the table.
    pub table: Digest,
    /// Digest of the sorted listing of all patch files.
    pub patches: Digest,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

struct Row {
    slide: String,
    spot: Spot,
    patch: PathBuf,
    patch_name: String,
}

/// Reads `table` and the patches that its `path` column names (relative to the table's folder), and writes the folder
/// `out`, which must not exist. Nothing is left there after an error.
///
/// Refused are missing columns (G10), ragged rows (G11), cells that are no finite number (G12, G13) or do not fit f32,
/// repeated spots and genes (G14, G16), rows of one slide that do not stand together, paths that leave the folder (G35),
/// and patches that are missing, undecodable or of different sizes (G01, G28, N07).
///
/// Without `genes` every column that is no known metadata is a gene, as in the published scripts (quirk D10); with them, the
/// columns must be exactly these, in any order.
pub fn import(table: &Path, out: &Path, genes: Option<&[String]>) -> Result<Imported> {
    if out.exists() {
        return Err(Failure::input("the folder is already there")
            .at(out.display().to_string())
            .hint("choose another name, or remove it first"));
    }
    let parent = out.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).doing("make", parent)?;
    let aside = tempfile::tempdir_in(parent).doing("make a folder in", parent)?;
    let found = write(table, aside.path(), genes)?;
    let aside = aside.keep();
    std::fs::rename(&aside, out).doing("rename to", out)?;
    Ok(found)
}

fn write(table: &Path, out: &Path, due: Option<&[String]>) -> Result<Imported> {
    let shown = table.display().to_string();
    let (digest, bytes) = Digest::of_file_sized(table)?;
    let (rows, genes, values, mut findings) = read(table, &shown, due)?;
    let (patches, side) = patches(&rows, &out.join(PATCHES))?;
    let file = SourceFile { path: "dataset.csv".into(), bytes, sha256: digest, role: "table".into() };
    if side % 2 != 0 {
        findings.push(Finding::warning("odd-patches", format!("patches of {side} pixels have no pixel at their centre")));
    }
    let mut slides: Vec<Slide> = Vec::new();
    for (i, row) in rows.into_iter().enumerate() {
        if slides.last().is_none_or(|s| s.id != row.slide) {
            if slides.iter().any(|s| s.id == row.slide) {
                return Err(Failure::input(format!("the rows of slide {} do not stand together", row.slide))
                    .at(format!("{shown}:{}", i + 2))
                    .hint("sort the rows by tissue_index, array_row and array_col, as the published table is"));
            }
            slides.push(Slide {
                id: row.slide.clone(),
                donor: None,
                organ: "unknown".into(),
                technology: "Visium".into(),
                lattice: Lattice::Hex,
                image: None,
                spots: Vec::new(),
                genes: genes.clone(),
                gene_ids: Vec::new(),
                counts: Counts::new(),
                files: vec![file.clone()],
                findings: findings.clone(),
                given: Some(Given { genes: genes.clone(), values: Some(Vec::new()) }),
            });
        }
        let Some(slide) = slides.last_mut() else { continue };
        slide.spots.push(row.spot);
        slide.counts.push_row([]);
        if let Some(v) = slide.given.as_mut().and_then(|g| g.values.as_mut()) {
            v.extend_from_slice(&values[i * genes.len()..(i + 1) * genes.len()]);
        }
    }
    check_all(&slides)?;
    store::save(&slides, out)?;
    let about = json!({"table": {"sha256": digest, "bytes": bytes}, "patches": {"sha256_of_listing": patches, "side": side}});
    atomic::write(&out.join("imported.json"), format!("{about:#}\n").as_bytes())?;
    let counted = slides.iter().map(|s| (s.id.clone(), s.spots.len())).collect();
    Ok(Imported { slides: counted, genes: genes.len(), side, table: digest, patches, findings })
}

/// The columns must be the genes that were named.
fn agree(columns: &[String], due: &[String]) -> Result<()> {
    let known: BTreeSet<&String> = due.iter().collect();
    let there: BTreeSet<&String> = columns.iter().collect();
    if let Some(extra) = columns.iter().find(|c| !known.contains(c)) {
        let what = format!("the column '{}' is none of the {} genes that were named", crate::base::text::clean(extra), due.len());
        return Err(Failure::input(what).hint("take the column out of the table, or name it among the genes"));
    }
    match due.iter().find(|g| !there.contains(g)) {
        Some(missing) => Err(Failure::input(format!("the gene '{}' has no column", crate::base::text::clean(missing)))),
        None => Ok(()),
    }
}

type Table = (Vec<Row>, Vec<String>, Vec<f32>, Vec<Finding>);

fn read(table: &Path, shown: &str, due: Option<&[String]>) -> Result<Table> {
    let bad = |e: csv::Error| {
        let line = e.position().map_or(0, csv::Position::line);
        Failure::input(format!("the table cannot be read: {e} (G11)")).at(format!("{shown}:{line}"))
    };
    let file = std::fs::File::open(table).doing("read", table)?;
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 20).from_reader(file);
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(|h| h.trim_start_matches('\u{feff}').to_owned()).collect();
    let mut meta = [0usize; META.len()];
    for (slot, name) in meta.iter_mut().zip(META) {
        *slot = header.iter().position(|h| h == name).ok_or_else(|| {
            Failure::input(format!("the column '{name}' is missing (G10)"))
                .at(format!("{shown}:1"))
                .hint(format!("due are {}", META.join(", ")))
        })?;
    }
    let is_gene = |name: &str| !META.contains(&name) && !LEFT_OUT.contains(&name);
    let columns: Vec<usize> = (0..header.len()).filter(|&i| is_gene(&header[i])).collect();
    let genes: Vec<String> = columns.iter().map(|&i| header[i].clone()).collect();
    if let Some(name) = repeated(&header) {
        return Err(Failure::input(format!("two columns are called '{}' (G16)", crate::base::text::clean(name))).at(format!("{shown}:1")));
    }
    if let Some(name) = genes.iter().find(|g| !fit_name(g)) {
        return Err(Failure::input(format!("gene name '{}' is empty, too long or unprintable (G07)", name.escape_default()))
            .at(format!("{shown}:1")));
    }
    if let Some(due) = due {
        agree(&genes, due).map_err(|e| e.at(format!("{shown}:1")))?;
    }
    let left: Vec<&str> = LEFT_OUT.into_iter().filter(|n| header.iter().any(|h| h == n)).collect();
    let mut findings = Vec::new();
    if !left.is_empty() {
        findings.push(Finding::note("columns-left-out", format!("columns that are no genes were left out: {}", left.join(", "))));
    }
    let folder = table.parent().unwrap_or(Path::new("."));
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(bad)? {
        let line = rows.len() + 2;
        let at = |column: usize| format!("{shown}:{line}, column '{}'", header[column]);
        let cell = |i: usize| record.get(meta[i]).unwrap_or("");
        let whole = |i: usize| -> Result<i32> {
            let v = number(cell(i), || at(meta[i]))?;
            if v.fract() == 0.0 && v.abs() < 1e9 {
                Ok(v as i32)
            } else {
                Err(Failure::input(format!("{v} where a whole number is due (G12)")).at(at(meta[i])))
            }
        };
        let name = cell(1).to_owned();
        let relative = Path::new(name.strip_prefix("./").unwrap_or(&name));
        if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
            return Err(Failure::input(format!("the patch '{}' lies outside the table's folder (G35)", crate::base::text::clean(&name)))
                .at(at(meta[1])));
        }
        let spot = Spot {
            id: cell(0).to_owned(),
            array_row: whole(3)?,
            array_col: whole(4)?,
            y: number(cell(5), || at(meta[5]))?,
            x: number(cell(6), || at(meta[6]))?,
            source_row: rows.len() as u32,
        };
        for &i in &columns {
            let value = number(record.get(i).unwrap_or(""), || at(i))? as f32;
            if !value.is_finite() {
                return Err(Failure::input("a value beyond f32 (G13)").at(at(i)));
            }
            values.push(value);
        }
        rows.push(Row { slide: whole(2)?.to_string(), spot, patch: folder.join(relative), patch_name: name });
    }
    if rows.is_empty() || genes.is_empty() {
        return Err(Failure::input(format!("{} rows and {} genes (G20)", rows.len(), genes.len())).at(shown));
    }
    let ids: Vec<String> = rows.iter().map(|r| r.spot.id.clone()).collect();
    match repeated(&ids) {
        Some(id) => Err(Failure::input(format!("the id '{}' comes twice (G14)", crate::base::text::clean(id))).at(shown)),
        None => Ok((rows, genes, values, findings)),
    }
}

/// Decodes all patches into one file; gives the digest of their listing and their side.
fn patches(rows: &[Row], out: &Path) -> Result<(Digest, usize)> {
    let mut target: Option<(ByteRows, usize)> = None;
    let mut listing = Vec::with_capacity(rows.len());
    for row in rows {
        if !row.patch.is_file() {
            return Err(Failure::input(format!("the patch of spot {} is missing (G01)", row.spot.id)).at(row.patch.display().to_string()));
        }
        let image = decode_rgb(&row.patch)?;
        listing.push((row.patch_name.clone(), Digest::of_file(&row.patch)?));
        let (w, h) = (image.width as usize, image.height as usize);
        let (file, side) = match &mut target {
            Some((file, side)) => (file, *side),
            None => {
                let file = ByteRows::create(out, "patches", rows.len(), &[w, w, 3])?;
                let (file, side) = target.insert((file, w));
                (file, *side)
            }
        };
        if (w, h) != (side, side) {
            return Err(Failure::input(format!("a patch of {w} x {h} pixels where {side} x {side} are due (N07)"))
                .at(row.patch.display().to_string())
                .hint("patches cut at the image's edge may be smaller; cut them again with a border"));
        }
        file.push(&image.pixels)?;
    }
    listing.sort();
    let side = match target {
        Some((file, side)) => {
            file.finish()?;
            side
        }
        None => 0,
    };
    Ok((Digest::of_listing(listing.iter().map(|(n, d)| (n.as_str(), *d))), side))
}
