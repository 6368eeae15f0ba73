//! Malformed her2st input: each is refused with what was wrong, where, and what to do (exit code 2).
#![allow(clippy::unwrap_used, missing_docs)]

mod little_section;

use little_section::{Fixture, gz, jpeg};
use pinfold::base::{Exit, Failure};
use pinfold::dataset::her2st;
use std::path::Path;

impl Fixture {
    fn read(&self) -> Result<Vec<pinfold::dataset::Slide>, Failure> {
        her2st::read(self.root(), &["C2".to_owned()])
    }
    /// The failure, which must ask for exit code 2 and whose text must hold all `parts`.
    fn refuses(&self, parts: &[&str]) {
        said(self.read().expect_err("must be refused"), parts);
    }
    fn refuses_counts(&self, from: &str, to: &str, parts: &[&str]) {
        assert!(self.counts.contains(from), "the fixture has '{from}'");
        self.tables();
        self.write("ST-cnts/C2.tsv.gz", &gz(&self.counts.replacen(from, to, 1)));
        self.refuses(parts);
    }
    fn refuses_spots(&self, from: &str, to: &str, parts: &[&str]) {
        assert!(self.spots.contains(from), "the fixture has '{from}'");
        self.tables();
        self.write("ST-spotfiles/C2_selection.tsv", self.spots.replacen(from, to, 1).as_bytes());
        self.refuses(parts);
    }
}

fn said(failure: Failure, parts: &[&str]) {
    let text = failure.to_string();
    assert_eq!(failure.exit, Exit::BadInput, "{text}");
    assert!(failure.hint.is_some() || failure.place.is_some(), "{text}");
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
}

#[test]
fn the_fixture_itself_is_read() {
    let f = Fixture::new();
    f.tables();
    let slide = f.read().unwrap().remove(0);
    assert_eq!((slide.spots.len(), slide.genes.len(), slide.donor.as_deref()), (12, 3, Some("C")));
    assert_eq!((slide.counts.row(0), slide.spots[0].id.as_str(), slide.spots[0].x), ((&[0u32, 2][..], &[5u32, 6][..]), "2x3", 52.5));
    let image = slide.image.unwrap();
    assert_eq!((image.width, image.height, image.rel_path.as_str()), (1600, 1700, "her2st/data/ST-imgs/C/C2/one.jpg"));
    assert!((image.um_per_px.unwrap() - 4.0).abs() < 1e-9);
    // The same from her2st itself and from its data folder.
    for root in [f.root().join("her2st"), f.root().join("her2st/data")] {
        assert_eq!(her2st::read(&root, &["C2".to_owned()]).unwrap()[0].files, slide.files);
        assert!(her2st::path_of(&root, &image.rel_path).unwrap().is_file());
    }
    assert!(her2st::path_of(f.root(), "her2st/data/../x").is_err());
}

#[test]
fn truncated_gzip() {
    let f = Fixture::new();
    f.tables();
    let whole = gz(&f.counts);
    f.write("ST-cnts/C2.tsv.gz", &whole[..whole.len() / 2]);
    f.refuses(&["truncated gzip", "G03", "ST-cnts/C2.tsv.gz", "fetch the file again"]);
}

#[test]
fn missing_column_and_ragged_row() {
    let f = Fixture::new();
    f.refuses_spots("pixel_x\tpixel_y", "pixel_y", &["column pixel_x is missing", "C2_selection.tsv:1", "L05"]);
    f.refuses_spots("selected", "chosen", &["column selected is missing", "G10"]);
    f.refuses_spots("3\t2.05", "2.05", &["6 cells where 7", "C2_selection.tsv:2", "G11"]);
    f.refuses_counts("2x4\t6\t0\t8", "2x4\t6\t0", &["3 cells where 4 are due", "C2.tsv.gz:3", "G11"]);
    f.refuses_counts("2x4\t6\t0\t8", "2x4\t6\t0\t8\t9", &["5 cells where 4 are due", "G11"]);
    f.refuses_counts("\tAA", "gene\tAA", &["first header cell is 'gene'", "L03", "transposed"]);
    f.refuses_counts("\tAA\tBB\tCC", ",AA,BB,CC", &["G08", "TAB"]);
}

#[test]
fn doubled_names() {
    let f = Fixture::new();
    f.refuses_counts("2x4\t", "2x3\t", &["spot '2x3' comes twice, in lines 2 and 3", "G14"]);
    f.refuses_spots("2\t4\t2.05\t3.95", "2\t3\t2.05\t2.95", &["spot '2x3' comes twice", "G14"]);
    f.refuses_counts("BB", "AA", &["gene 'AA' has two columns", "G16"]);
    f.refuses_counts("BB", "", &["empty", "G07"]);
    f.refuses_counts("BB", "ENSG00000141736", &["1 of 3 columns are Ensembl", "L10"]);
    f.refuses_counts("2x4", "spot4", &["'spot4' is not of the form 10x21", "C2.tsv.gz:3", "L01"]);
    f.refuses_counts("2x4", "02x4", &["L01"]);
}

#[test]
fn counts_that_are_none() {
    let f = Fixture::new();
    let row = "2x4\t6\t0\t8";
    for (cell, parts) in [
        ("NaN", ["'NaN' is not a finite number", "G13"]),
        ("inf", ["not a finite number", "G13"]),
        ("-8", ["negative count, -8", "G17"]),
        ("3.5", ["fractional count, 3.5", "normalised"]),
        ("NA", ["'NA' stands where a number", "G12"]),
        ("", ["G12", "empty"]),
        ("5000000000", ["above 4294967295", "G19"]),
    ] {
        f.refuses_counts(row, &format!("2x4\t6\t0\t{cell}"), &[parts[0], parts[1], "C2.tsv.gz:3, column 'CC'"]);
    }
    // 3.0 is a count, with a remark.
    f.write("ST-cnts/C2.tsv.gz", &gz(&f.counts.replacen(row, "2x4\t6\t0\t8.0", 1)));
    let slide = f.read().unwrap().remove(0);
    assert!(slide.counts.get(1, 2) == 8 && slide.findings.iter().any(|f| f.code == "L15"));
}

#[test]
fn coordinates_that_do_not_fit() {
    let f = Fixture::new();
    f.refuses_spots(
        "52.50\t97.50",
        "9952.50\t97.50",
        &["1 of 12 spot centres lie outside the image of 1600 x 1700", "worst '2x3' at (9952.5, 97.5)", "G24"],
    );
    f.refuses_spots("52.50\t97.50", "52.50\tnan", &["G13", "column 'pixel_y'"]);
    f.refuses_spots("52.50\t97.50", "54.50\t97.50", &["by up to 2.00 px", "L09"]);
    f.refuses_spots("2\t3\t2.05", "2\t3\t3.05", &["do not round", "L06", "C2_selection.tsv:2"]);
    f.refuses_spots("97.50\t1\n", "97.50\t7\n", &["'7' in column 'selected'", "L07"]);
    // A smaller copy of the image.
    f.tables();
    f.write("ST-imgs/C/C2/one.jpg", &jpeg(160, 170));
    f.refuses(&["outside the image of 160 x 170", "L12", "factor"]);
}

#[test]
fn tables_that_do_not_join() {
    let f = Fixture::new();
    f.tables();
    let other: String = f.counts.replace('x', "1x1");
    f.write("ST-cnts/C2.tsv.gz", &gz(&other));
    f.refuses(&["12 count rows, 12 spot rows, 0 in both", "G20", "counts begin with 21x13"]);
    f.write("ST-cnts/C2.tsv.gz", &gz(&f.counts.replace("2x3", "9x9").replace("3x4", "9x8")));
    f.refuses(&["2 count rows without a spot row", "9x9", "L08"]);
    // Column and row swapped in the ids of spots that are not on the diagonal.
    let (mut counts, mut spots) = ("\tA\n".to_owned(), f.spots.lines().next().unwrap().to_owned() + "\n");
    for x in 10..14 {
        counts.push_str(&format!("2x{x}\t1\n"));
        spots.push_str(&format!("{x}\t2\t{x}.0\t2.0\t{}\t50\t1\n", (x - 1) * 50));
    }
    f.write("ST-cnts/C2.tsv.gz", &gz(&counts));
    f.write("ST-spotfiles/C2_selection.tsv", spots.as_bytes());
    f.refuses(&["swapping column and row", "L02"]);
}

#[test]
fn images_that_are_none() {
    let f = Fixture::new();
    f.tables();
    let whole = jpeg(1600, 1700);
    f.write("ST-imgs/C/C2/one.jpg", &whole[..whole.len() / 2]);
    f.refuses(&["truncated or damaged JPEG", "inside the picture data", "G03", "ST-imgs/C/C2/one.jpg"]);
    f.write("ST-imgs/C/C2/one.jpg", b"");
    f.refuses(&["empty file: 0 bytes", "G02", "one.jpg"]);
    f.write("ST-imgs/C/C2/one.jpg", b"<!DOCTYPE html><title>404</title>");
    f.refuses(&["download error page", "G05"]);
    f.write("ST-imgs/C/C2/one.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3990230\n");
    f.refuses(&["Git LFS pointer that promises 4.0 MB", "git lfs pull", "G09"]);
    f.write("ST-imgs/C/C2/one.jpg", &whole);
    f.write("ST-imgs/C/C2/two.jpg", &whole);
    f.refuses(&["2 images where one is due: one.jpg, two.jpg", "L11"]);
    std::fs::remove_dir_all(f.place("ST-imgs/C/C2")).unwrap();
    f.refuses(&["image folder of section C2 is missing", "almaan/her2st", "3957257"]);
}

#[test]
fn names_and_places() {
    let f = Fixture::new();
    f.tables();
    let read = |names: &[&str]| her2st::read(f.root(), &names.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).expect_err("refused");
    said(read(&["C9"]), &["unknown slide 'C9'", "nearest names are C1, C2, C3", "G39"]);
    said(read(&["c2"]), &["unknown slide 'c2'", "nearest names are C2"]);
    said(read(&["../C2"]), &["unknown slide"]);
    said(read(&["C2", "C2"]), &["listed twice", "G40"]);
    said(read(&["C3"]), &["counts of section C3 are missing", "G01", "ST-cnts/C3.tsv.gz", "almaan/her2st"]);
    said(her2st::read(Path::new("/nowhere/at/all"), &["C2".into()]).expect_err("none"), &["no such folder", "PINFOLD_DATA", "G01"]);
    said(her2st::read(&f.place("ST-cnts"), &["C2".into()]).expect_err("none"), &["no her2st in this folder", "G01"]);
    // One section's files under another's name.
    std::fs::create_dir_all(f.place("ST-imgs/C/C3")).unwrap();
    for (from, to) in [
        ("ST-cnts/C2.tsv.gz", "ST-cnts/C3.tsv.gz"),
        ("ST-spotfiles/C2_selection.tsv", "ST-spotfiles/C3_selection.tsv"),
        ("ST-imgs/C/C2/one.jpg", "ST-imgs/C/C3/x.jpg"),
    ] {
        std::fs::copy(f.place(from), f.place(to)).unwrap();
    }
    said(read(&["C2", "C3"]), &["slides C2 and C3 have the same counts file", "G34"]);
}

#[test]
fn pointers_and_empty_tables() {
    let f = Fixture::new();
    f.tables();
    f.write("ST-cnts/C2.tsv.gz", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 821408\n");
    f.refuses(&["Git LFS pointer that promises 821.4 kB", "G09", "ST-cnts/C2.tsv.gz"]);
    f.write("ST-cnts/C2.tsv.gz", b"");
    f.refuses(&["empty file", "G02"]);
    f.write("ST-cnts/C2.tsv.gz", f.counts.as_bytes());
    f.refuses(&["plain text where gzip is due", "G05"]);
    f.write("ST-cnts/C2.tsv.gz", &gz("\tAA\tBB\n"));
    f.refuses(&["zero spots", "G20"]);
}

#[test]
fn lone_carriage_returns_and_dropped_spots_are_read() {
    let f = Fixture::new();
    f.tables();
    let more = format!("{}9\t9\t9.00\t9.00\t400.00\t400.00\t1\n8\t8\t8.00\t8.00\t350.00\t350.00\t0\n", f.spots).replace('\n', "\r");
    f.write("ST-spotfiles/C2_selection.tsv", more.as_bytes());
    let slide = f.read().unwrap().remove(0);
    assert_eq!(slide.spots.len(), 12);
    let codes: Vec<&str> = slide.findings.iter().map(|f| f.code.as_str()).collect();
    assert!(codes.contains(&"spots-without-counts") && codes.contains(&"L07") && codes.contains(&"changed-file"), "{codes:?}");
}

#[test]
fn the_check_tells_states_apart() {
    let f = Fixture::new();
    f.tables();
    let all = her2st::check(f.root(), &[]).unwrap();
    assert_eq!(all.sections.len(), 36);
    assert!(all.complete && all.verdict().is_ok());
    let c2 = all.sections.iter().find(|s| s.section == "C2").unwrap();
    assert_eq!((c2.state, c2.files[0].state, c2.spots), (her2st::SectionState::Ready, her2st::FileState::Changed, Some(12)));
    said(her2st::check(f.root(), &["C3".into()]).unwrap().verdict().expect_err("absent"), &["not there: C3", "3957257"]);
    std::fs::remove_file(f.place("ST-spotfiles/C2_selection.tsv")).unwrap();
    said(
        her2st::check(f.root(), &[]).unwrap().verdict().expect_err("partial"),
        &["missing files: her2st/data/ST-spotfiles/C2_selection.tsv"],
    );
    f.tables();
    f.write("ST-cnts/C2.tsv.gz", &gz(&f.counts.replace("2x4\t6", "2x4\t-6")));
    let refused = her2st::check(f.root(), &["C2".into()]).unwrap();
    assert!(refused.sections[0].problem.as_deref().unwrap().contains("G17"));
    said(refused.verdict().expect_err("refused"), &["refused sections: C2"]);
}
