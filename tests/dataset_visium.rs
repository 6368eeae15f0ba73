//! Visium slides: Space Ranger's folders of both versions, GSE240429's layout, and what is wrong with either.
#![allow(clippy::unwrap_used, missing_docs)]

mod slides;

use pinfold::base::Digest;
use pinfold::dataset::her2st::FileState;
use pinfold::dataset::visium::{self, Spec};
use pinfold::dataset::{Lattice, Slide, gse240429, store, tenx};
use slides::{Small, harmony};
use std::path::{Path, PathBuf};

fn spec() -> Spec {
    Spec { donors: [("A1".to_owned(), "d1".to_owned())].into(), organ: "liver".into(), ..Spec::default() }
}

fn read(root: &Path, name: &str) -> pinfold::base::Result<Slide> {
    visium::read_slide(root, &spec(), name)
}

#[test]
fn both_versions_and_both_matrices_give_one_slide() {
    let dir = tempfile::tempdir().unwrap();
    let small = Small::new(6, 7, 40, 1);
    small.space_ranger(&dir.path().join("A1"), 1);
    small.space_ranger(&dir.path().join("B1"), 2);
    let (a, b) = (read(dir.path(), "A1").unwrap(), read(dir.path(), "B1").unwrap());
    assert_eq!(a.digests(), b.digests());
    assert_eq!((a.spots.len(), a.lattice, a.donor.as_deref(), b.donor.as_deref()), (20, Lattice::Hex, Some("d1"), None));
    assert_eq!(a.genes[2], "GENE2|ENSG00000000002");
    assert_eq!(a.genes[5], "GENE2|ENSG00000000005");
    for (i, (spot, due)) in a.spots.iter().zip(small.tissue()).enumerate() {
        assert_eq!(
            (&spot.id, spot.array_row, spot.array_col, spot.x as i64, spot.y as i64),
            (&due.barcode, due.row, due.col, due.x, due.y)
        );
        for g in 0..12 {
            assert_eq!(u64::from(a.counts.get(i, g as u32)), small.count(due, g));
        }
    }
    let um = a.image.as_ref().unwrap().um_per_px.unwrap();
    assert!((um - 100.0 / 40.0).abs() < 1e-12, "{um}");
    assert!(a.findings.iter().all(|f| f.code != "V10"), "{:?}", a.findings);
    let files = visium::files(dir.path(), &spec(), &["A1".into(), "B1".into()]).unwrap();
    assert_eq!(files.len(), 12);
    assert!(files.iter().all(|f| visium::path_of(dir.path(), f).unwrap().is_file()) && !files.iter().any(|f| f.contains("hires")));
    assert_eq!(a.files.iter().map(|f| f.path.clone()).collect::<Vec<_>>(), files[..6]);
    // An ingest artifact keeps all of it.
    let out = tempfile::tempdir().unwrap();
    store::save(std::slice::from_ref(&a), out.path()).unwrap();
    assert_eq!(store::load(out.path()).unwrap(), [a]);
}

/// Changes one file of a fresh folder and gives the error.
fn with(change: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    Small::new(6, 7, 40, 1).space_ranger(&dir.path().join("A1"), 1);
    change(&dir.path().join("A1"));
    read(dir.path(), "A1").unwrap_err().to_string()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn wrong_folders_are_refused_with_a_code_and_a_place() {
    let positions = |f: &Path| f.join("outs/spatial/tissue_positions_list.csv");
    let matrix = |f: &Path| f.join("outs/filtered_feature_bc_matrix");
    for (code, error) in [
        ("G01", with(|f| std::fs::remove_file(positions(f)).unwrap())),
        ("G01", with(|f| std::fs::remove_file(matrix(f).join("features.tsv")).unwrap())),
        (
            "V03",
            with(|f| {
                std::fs::write(f.join("outs/spatial/tissue_positions.csv"), Small::new(6, 7, 41, 1).positions(true)).unwrap();
            }),
        ),
        ("V17", with(|f| std::fs::write(matrix(f).join("barcodes.tsv"), Small::new(6, 7, 40, 2).barcodes()).unwrap())),
        ("V20", with(|f| edit(&matrix(f).join("features.tsv"), "ENSG00000000011\tGENE11\tGene Expression\n", ""))),
        ("V23", with(|f| std::fs::create_dir_all(f.join("binned_outputs")).unwrap())),
        ("G33", with(|f| std::fs::write(f.join("other.tif"), b"II*\0").unwrap())),
        ("G03", with(|f| std::fs::write(f.join("full.tif"), b"II*\0\0\0\0\0").unwrap())),
        ("G24", with(|f| Small::new(3, 3, 40, 1).write_tiff(&f.join("full.tif")))),
        ("G05", with(|f| std::fs::write(matrix(f).join("matrix.mtx"), "<!doctype html>").unwrap())),
    ] {
        assert!(error.contains(code) && error.contains("A1"), "{code} is due: {error}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(read(dir.path(), "A1").unwrap_err().what.contains("G01"));
    assert!(read(dir.path(), "../A1").unwrap_err().what.contains("G35"));
}

#[test]
fn swapped_pixel_columns_are_recognised() {
    let error = with(|f| {
        let mut small = Small::new(3, 30, 40, 1);
        small.places.iter_mut().for_each(|p| std::mem::swap(&mut p.x, &mut p.y));
        small.space_ranger(f, 1);
        Small::new(3, 30, 40, 1).write_tiff(&f.join("full.tif"));
    });
    assert!(error.contains("V07") && error.contains("swapped"), "{error}");
}

#[test]
fn gse240429_small_keeps_the_published_order_and_the_given_values() {
    let dir = tempfile::tempdir().unwrap();
    let small = Small::new(8, 9, 40, 3);
    small.gse240429(dir.path(), "3", "C1");
    let slides = gse240429::read(dir.path(), &["3".into()]).unwrap();
    let slide = &slides[0];
    let places: Vec<(i32, i32)> = slide.spots.iter().map(|s| (s.array_row, s.array_col)).collect();
    assert!(places.windows(2).all(|w| w[0] < w[1]));
    assert_eq!((slide.donor.as_deref(), slide.organ.as_str()), (Some("C73"), "liver"));
    let given = slide.given.as_ref().unwrap();
    assert_eq!(given.genes, ["GENE0", "GENE2|ENSG00000000002", "GENE4", "GENE6", "GENE8", "GENE10"]);
    let values = given.values.as_ref().unwrap();
    for (i, spot) in slide.spots.iter().enumerate() {
        let listed = small.tissue();
        assert_eq!(listed[spot.source_row as usize].barcode, spot.id);
        for g in 0..6 {
            assert_eq!(values[i * 6 + g].to_bits(), harmony(g, spot.source_row as usize).to_bits());
        }
    }
    assert_eq!(gse240429::files(dir.path(), &["3".into()]).unwrap().len(), 7);
    let out = tempfile::tempdir().unwrap();
    store::save(&slides, out.path()).unwrap();
    assert_eq!(store::load(out.path()).unwrap(), slides);
    // Without the matrix the given values remain; without both there is nothing to predict.
    let own = dir.path().join("gse240429/filtered_expression_matrices/3");
    std::fs::remove_file(own.join("matrix.mtx")).unwrap();
    let less = gse240429::read_slide(dir.path(), "3").unwrap();
    assert!(!less.has_counts() && less.findings.iter().any(|f| f.code == "no-counts"));
    std::fs::remove_file(own.join("harmony_matrix.npy")).unwrap();
    assert!(gse240429::read_slide(dir.path(), "3").unwrap_err().what.contains("neither counts nor Harmony"));
    std::fs::remove_file(own.join("features.tsv")).unwrap();
    let e = gse240429::read_slide(dir.path(), "3").unwrap_err();
    assert!(e.what.contains("features") && e.place.unwrap().ends_with("3/features.tsv"));
}

#[test]
fn the_check_says_what_to_fetch_from_where() {
    let dir = tempfile::tempdir().unwrap();
    let report = gse240429::check(dir.path(), &[]).unwrap();
    assert_eq!((report.pieces.len(), report.complete), (25, false));
    assert!(report.pieces.iter().all(|p| p.state == FileState::Missing && p.fetch.contains("https://")));
    let image = report.pieces.iter().find(|p| p.role == "image" && p.slide == "3").unwrap();
    assert!(image.fetch.contains("GSM7697870_GEX_C73_C1_Merged.tiff.gz") && image.due_size.contains("2.4 GB"));
    let barcodes = report.pieces.iter().find(|p| p.role == "barcodes" && p.slide == "2").unwrap();
    assert_eq!((barcodes.due_size.as_str(), barcodes.due_sha256.is_some()), ("44631 bytes", true));
    assert!(report.verdict().unwrap_err().what.contains("harmony_matrix.npy"));
    assert!(gse240429::check(dir.path(), &["5".into()]).is_err());
}

fn real() -> Option<PathBuf> {
    let root = std::env::var_os("PINFOLD_DATA").map(PathBuf::from).and_then(|r| gse240429::data_folder(&r).ok());
    if root.is_none() {
        eprintln!("skipped: PINFOLD_DATA is not set, or has no gse240429");
    }
    root
}

/// The acceptance cases 2 and 4 of spec/liver-single-patch.md, on the real positions, barcodes and genes.
#[test]
fn the_published_order_ids_and_genes_come_out() {
    let Some(data) = real() else { return };
    let at = |p: &str| std::fs::read(data.join(p)).unwrap();
    let mut ids = Vec::new();
    let mut counter = 0;
    for (slide, n) in [("1", 2378), ("2", 2349), ("3", 2277), ("4", 2265)] {
        let positions = tenx::positions::parse(&at(&format!("tissue_pos_matrices/tissue_positions_list_{slide}.csv")), "p").unwrap();
        let barcodes = tenx::barcodes::parse(&at(&format!("filtered_expression_matrices/{slide}/barcodes.tsv")), "b").unwrap();
        assert_eq!((positions.len(), barcodes.len()), (4992, n));
        let mut sorted = barcodes.clone();
        sorted.sort();
        let mut tissue: Vec<String> = positions.iter().filter(|p| p.in_tissue).map(|p| p.barcode.clone()).collect();
        tissue.sort();
        assert_eq!((&sorted, &tissue), (&barcodes, &sorted));
        let mut rows: Vec<(i32, i32, usize)> = barcodes
            .iter()
            .enumerate()
            .map(|(i, b)| positions.iter().find(|p| p.barcode == *b).map(|p| (p.array_row, p.array_col, i)).unwrap())
            .collect();
        rows.sort_unstable();
        ids.extend(rows.iter().map(|(_, _, i)| format!("TRAIN_{:04}", counter + i)));
        counter += n;
    }
    assert_eq!((ids.len(), ids[0].as_str(), ids[2377].as_str(), ids[2378].as_str()), (9269, "TRAIN_1668", "TRAIN_2043", "TRAIN_4717"));
    let joined = Digest::of(ids.join("\n").as_bytes()).to_string();
    assert_eq!(joined, "f5b7ba4eabb6e281419e6b8c106b0fef235a5e827436e77380b0ad20106737c7");
    let features = tenx::features::parse(&at("filtered_expression_matrices/1/features.tsv"), "f").unwrap();
    let mask = pinfold::dataset::npy::mask(&at("filtered_expression_matrices/hvg_union.npy"), features.len(), "m").unwrap();
    let symbols: Vec<&str> = features.iter().zip(&mask).filter(|(_, m)| **m).map(|(f, _)| f.symbol.as_str()).collect();
    assert_eq!((symbols.len(), symbols[0], symbols[3466]), (3467, "AL645608.7", "AL592183.1"));
    assert_eq!(Digest::of(symbols.join("\n").as_bytes()).to_string(), "dcceaac62cd8cd1e729b3575b8414e6eea29bdfc4873781cf0e6457634d1ca0a");
    let all: Vec<usize> = (0..features.len()).collect();
    let names = tenx::features::names(&features, &all);
    assert_eq!(names.iter().filter(|n| n.contains('|')).count(), 20, "ten symbols come twice");
}

/// Real positions with a synthetic image and counts: the whole reader, and what the check says of the real tables.
#[test]
fn real_positions_pass_through_the_whole_reader() {
    let Some(data) = real() else { return };
    let dir = tempfile::tempdir().unwrap();
    let small = Small::real(&data.join("tissue_pos_matrices/tissue_positions_list_3.csv"), 20, 4);
    small.gse240429(dir.path(), "3", "C1");
    let slide = gse240429::read_slide(dir.path(), "3").unwrap();
    assert_eq!(slide.spots.len(), 2277);
    let um = slide.image.as_ref().unwrap().um_per_px.unwrap();
    assert!((um / 20.0 - 0.3041).abs() < 0.01, "{um}: the pitch is 328.84 pixels before shrinking by 20");
    let changed = slide.findings.iter().filter(|f| f.code == "changed-file").count();
    assert_eq!(changed, 3, "positions were shrunk, features and union are small ones, barcodes are the published: {:?}", slide.findings);
    let report = gse240429::check(data.parent().unwrap(), &[]).unwrap();
    let state = |role: &str, slide: &str| report.pieces.iter().find(|p| p.role == role && p.slide == slide).unwrap().state;
    for slide in ["1", "2", "3", "4"] {
        assert_eq!((state("spots", slide), state("barcodes", slide)), (FileState::AsPublished, FileState::AsPublished));
        assert_eq!(state("image", slide), FileState::Missing);
    }
    assert_eq!((state("panel", "all"), state("features", "1")), (FileState::AsPublished, FileState::AsPublished));
}
