//! The files of an ingest artifact: slides written so that equal slides give equal bytes.
//!
//! `slides.json` (what each slide is, its files, findings and content digests), `<slide>.spots.tsv` (`id`,
//! `array_col`, `array_row`, `x`, `y`), `<slide>.genes.txt` (a name a line; `<slide>.gene_ids.txt` and `<slide>.given.txt`
//! beside it where the slide has ids and given genes), `counts.safetensors`
//! (`<slide>/indptr` i64, `/indices` i32, `/values` i32, `/source_row` i32, `/given` f32), and for synthetic slides `images/<slide>.png`.

use super::image::{RgbImage, encode_png};
use super::model::{ContentDigests, Counts, Finding, Given, ImageRef, Lattice, Slide, SourceFile, Spot, check_all};
use super::table::{lines, number, place, utf8};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, IoContext, Result, atomic};
use serde::{Deserialize, Serialize};
use std::path::Path;

const HEADER: &str = "id\tarray_col\tarray_row\tx\ty";

#[derive(Serialize, Deserialize)]
struct Listing {
    version: u32,
    slides: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    donor: Option<String>,
    organ: String,
    technology: String,
    lattice: Lattice,
    image: Option<ImageRef>,
    spots: usize,
    genes: usize,
    content: ContentDigests,
    files: Vec<SourceFile>,
    findings: Vec<Finding>,
}

/// Writes slides into a folder, which is made.
pub fn save(slides: &[Slide], dir: &Path) -> Result<()> {
    check_all(slides)?;
    let mut arrays = ArraysWriter::new();
    let mut entries = Vec::with_capacity(slides.len());
    for slide in slides {
        file_name(&slide.id)?;
        let mut table = format!("{HEADER}\n");
        for s in &slide.spots {
            table.push_str(&format!("{}\t{}\t{}\t{:?}\t{:?}\n", s.id, s.array_col, s.array_row, s.x, s.y));
        }
        atomic::write(&dir.join(format!("{}.spots.tsv", slide.id)), table.as_bytes())?;
        let given = slide.given.as_ref();
        for (name, list) in [("genes", Some(&slide.genes)), ("gene_ids", Some(&slide.gene_ids)), ("given", given.map(|g| &g.genes))] {
            let text: String = list.into_iter().flatten().map(|g| format!("{g}\n")).collect();
            if name == "genes" || !text.is_empty() {
                atomic::write(&dir.join(format!("{}.{name}.txt", slide.id)), text.as_bytes())?;
            }
        }
        let c = &slide.counts;
        let indptr: Vec<i64> = c.indptr.iter().map(|&v| v as i64).collect();
        let signed = |values: &[u32]| -> Result<Vec<i32>> {
            values.iter().map(|&v| i32::try_from(v).map_err(|_| too_large(&slide.id, v))).collect()
        };
        let rows: Vec<u32> = slide.spots.iter().map(|s| s.source_row).collect();
        arrays.i64s(&format!("{}/indptr", slide.id), &[indptr.len()], &indptr);
        arrays.i32s(&format!("{}/indices", slide.id), &[c.indices.len()], &signed(&c.indices)?);
        arrays.i32s(&format!("{}/values", slide.id), &[c.values.len()], &signed(&c.values)?);
        arrays.i32s(&format!("{}/source_row", slide.id), &[rows.len()], &signed(&rows)?);
        if let Some((given, values)) = given.and_then(|g| g.values.as_ref().map(|v| (g, v))) {
            arrays.f32s(&format!("{}/given", slide.id), &[slide.spots.len(), given.genes.len()], values);
        }
        entries.push(Entry {
            id: slide.id.clone(),
            donor: slide.donor.clone(),
            organ: slide.organ.clone(),
            technology: slide.technology.clone(),
            lattice: slide.lattice,
            image: slide.image.clone(),
            spots: slide.spots.len(),
            genes: slide.genes.len(),
            content: slide.digests(),
            files: slide.files.clone(),
            findings: slide.findings.clone(),
        });
    }
    arrays.write(&dir.join("counts.safetensors"))?;
    let listing = serde_json::to_string_pretty(&Listing { version: 1, slides: entries });
    let mut listing = listing.map_err(|e| Failure::input(format!("cannot write the slides as JSON: {e}")))?;
    listing.push('\n');
    atomic::write(&dir.join("slides.json"), listing.as_bytes())
}

/// Writes the images of synthetic slides to `images/<slide>.png`, where their `ImageRef` says they are.
pub fn save_images(slides: &[(Slide, RgbImage)], dir: &Path) -> Result<()> {
    slides.iter().try_for_each(|(slide, image)| {
        let name = slide.image.as_ref().map_or_else(|| format!("images/{}.png", slide.id), |i| i.rel_path.clone());
        atomic::write(&dir.join(name), &encode_png(image)?)
    })
}

/// Reads the slides of a folder back, and checks that their content is what the listing says.
pub fn load(dir: &Path) -> Result<Vec<Slide>> {
    let listing_at = dir.join("slides.json");
    let text = std::fs::read(&listing_at).doing("read", &listing_at)?;
    let listing: Listing = serde_json::from_slice(&text).map_err(|e| damaged(&listing_at, format!("{e}")))?;
    if listing.version != 1 {
        return Err(damaged(&listing_at, format!("version {} where 1 is due", listing.version)));
    }
    let arrays = Arrays::open(&dir.join("counts.safetensors"))?;
    let mut slides = Vec::with_capacity(listing.slides.len());
    for entry in listing.slides {
        file_name(&entry.id)?;
        let content = entry.content;
        let slide = load_one(entry, &arrays, dir)?;
        slide.check()?;
        if slide.digests() != content {
            return Err(damaged(&listing_at, format!("slide '{}' is not what the listing's digests say", slide.id)));
        }
        slides.push(slide);
    }
    check_all(&slides)?;
    Ok(slides)
}

fn load_one(entry: Entry, arrays: &Arrays, dir: &Path) -> Result<Slide> {
    let array = |part: &str| arrays.i32s(&format!("{}/{part}", entry.id));
    let unsigned = |values: Vec<i32>, part: &str| -> Result<Vec<u32>> {
        values
            .into_iter()
            .map(|v| u32::try_from(v).map_err(|_| damaged(&dir.join("counts.safetensors"), format!("{v} in {}/{part}", entry.id))))
            .collect()
    };
    let indptr = arrays.i64s(&format!("{}/indptr", entry.id))?.into_iter().map(|v| v.max(0) as u64).collect();
    let counts = Counts { indptr, indices: unsigned(array("indices")?, "indices")?, values: unsigned(array("values")?, "values")? };
    let rows = unsigned(array("source_row")?, "source_row")?;
    let list = |name: &str| -> Result<Vec<String>> {
        let at = dir.join(format!("{}.{name}.txt", entry.id));
        if name != "genes" && !at.exists() {
            return Ok(Vec::new());
        }
        let bytes = std::fs::read(&at).doing("read", &at)?;
        Ok(lines(utf8(&bytes, &at.display().to_string())?).into_iter().map(str::to_owned).collect())
    };
    let (genes, gene_ids) = (list("genes")?, list("gene_ids")?);
    let given = match entry.content.given {
        None => None,
        Some(_) => {
            let name = format!("{}/given", entry.id);
            let values = arrays.entries().contains_key(&name).then(|| arrays.f32s(&name)).transpose()?;
            Some(Given { genes: list("given")?, values })
        }
    };
    let spots = load_spots(&dir.join(format!("{}.spots.tsv", entry.id)), &rows)?;
    if (spots.len(), genes.len()) != (entry.spots, entry.genes) {
        return Err(damaged(
            dir,
            format!(
                "slide '{}' has {} spots and {} genes where the listing says {} and {}",
                entry.id,
                spots.len(),
                genes.len(),
                entry.spots,
                entry.genes
            ),
        ));
    }
    Ok(Slide {
        id: entry.id,
        donor: entry.donor,
        organ: entry.organ,
        technology: entry.technology,
        lattice: entry.lattice,
        image: entry.image,
        spots,
        genes,
        counts,
        files: entry.files,
        findings: entry.findings,
        gene_ids,
        given,
    })
}

fn load_spots(path: &Path, rows: &[u32]) -> Result<Vec<Spot>> {
    let shown = path.display().to_string();
    let bytes = std::fs::read(path).doing("read", path)?;
    let all = lines(utf8(&bytes, &shown)?);
    if all.first() != Some(&HEADER) || all.len() != rows.len() + 1 {
        return Err(damaged(path, format!("{} lines where a header and {} spots are due", all.len(), rows.len())));
    }
    let mut spots = Vec::with_capacity(rows.len());
    for (i, (line, &source_row)) in all[1..].iter().zip(rows).enumerate() {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, col, row, x, y] = cells[..] else {
            return Err(damaged(path, format!("line {} has {} cells where 5 are due", i + 2, cells.len())));
        };
        let value = |cell: &str, column: &str| number(cell, || place(&shown, i + 2, column));
        let whole = |cell: &str| cell.parse::<i32>().map_err(|_| damaged(path, format!("line {}: '{cell}' is no array coordinate", i + 2)));
        spots.push(Spot {
            id: id.to_owned(),
            array_col: whole(col)?,
            array_row: whole(row)?,
            x: value(x, "x")?,
            y: value(y, "y")?,
            source_row,
        });
    }
    Ok(spots)
}

/// Slide ids are file names here: letters, digits, `-`, `_` and `.`, not beginning with a dot.
fn file_name(id: &str) -> Result<()> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if plain && !id.is_empty() && !id.starts_with('.') && id.len() <= 100 {
        return Ok(());
    }
    Err(Failure::input(format!("slide id '{id}' cannot be a file name")).hint("use letters, digits, '-', '_' and '.'"))
}

fn damaged(path: &Path, what: String) -> Failure {
    Failure::input(format!("stored slides are damaged: {what}"))
        .at(path.display().to_string())
        .hint("remove this artifact's folder and run the protocol again")
}

fn too_large(slide: &str, value: u32) -> Failure {
    Failure::input(format!("slide '{slide}' has the count {value}, above 2147483647, which the store cannot hold"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::synthetic::{Spec, make};

    #[test]
    fn round_trip_is_exact_and_bytes_are_equal() {
        let made = make(&Spec { slides: vec!["S1".into(), "S2".into()], side: 4, pitch_px: 16, genes: 10, seed: 1 }).expect("slides");
        let slides: Vec<Slide> = made.iter().map(|(s, _)| s.clone()).collect();
        let (a, b) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
        save(&slides, a.path()).expect("save");
        save_images(&made, a.path()).expect("images");
        let back = load(a.path()).expect("load");
        assert_eq!(back, slides);
        save(&back, b.path()).expect("save again");
        for file in ["slides.json", "counts.safetensors", "S1.spots.tsv", "S2.genes.txt"] {
            assert_eq!(std::fs::read(a.path().join(file)).expect("a"), std::fs::read(b.path().join(file)).expect("b"), "{file}");
        }
        let image = slides[0].image.as_ref().expect("image");
        let png = std::fs::read(a.path().join(&image.rel_path)).expect("png");
        assert_eq!(crate::base::Digest::of(&png), image.sha256);
    }

    #[test]
    fn changed_files_are_refused() {
        let made = make(&Spec { slides: vec!["S1".into()], side: 4, pitch_px: 16, genes: 10, seed: 1 }).expect("slides");
        let slides: Vec<Slide> = made.into_iter().map(|(s, _)| s).collect();
        let dir = tempfile::tempdir().expect("dir");
        save(&slides, dir.path()).expect("save");
        for (file, from, to) in
            [("S1.genes.txt", "SIG01", "SIG91"), ("S1.spots.tsv", ".0\n", ".5\n"), ("slides.json", "\"version\": 1", "\"version\": 2")]
        {
            let path = dir.path().join(file);
            let text = std::fs::read_to_string(&path).expect("read");
            std::fs::write(&path, text.replacen(from, to, 1)).expect("write");
            assert!(load(dir.path()).is_err(), "{file}");
            std::fs::write(&path, text).expect("restore");
        }
        assert!(load(dir.path()).is_ok());
        assert!(file_name("../x").is_err() && file_name("a/b").is_err() && file_name("C2").is_ok());
    }
}
