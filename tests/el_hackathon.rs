//! The competition's file, as `data make` writes it: read whole, and refused in words (exit code 2) where it is spoilt.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::base::{Draw, Exit, Failure};
use pinfold::dataset::el_hackathon::{self as el, Made};
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The bytes of a small file, made once.
fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made.h5");
        el::make(&Made { side: 400, pitch: 60.0, seed: 7 }, &path).unwrap();
        std::fs::read(path).unwrap()
    })
}

/// A data root with such a file.
fn root(bytes: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(el::FILE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    dir
}

fn refused(failure: Failure, parts: &[&str]) {
    let text = failure.to_string();
    assert_eq!(failure.exit, Exit::BadInput, "{text}");
    assert!(failure.hint.is_some() || failure.place.is_some(), "what, but neither where nor what to do: {text}");
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
}

/// Everything that a protocol reads of a slide.
fn read(dir: &TempDir, slide: &str) -> Result<(), Failure> {
    el::read_slide(dir.path(), slide)?;
    el::image(dir.path(), slide).map(|_| ())
}

/// Where these bytes first stand.
fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).expect("in the file")
}

/// The file with a few bytes replaced.
fn with(at: usize, new: &[u8]) -> TempDir {
    let mut bytes = sound().to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    root(&bytes)
}

#[test]
fn every_slide_is_read_and_the_last_has_no_labels() {
    let dir = root(sound());
    for name in el::SLIDES {
        let slide = el::read_slide(dir.path(), name).unwrap();
        let given = slide.given.unwrap();
        assert_eq!(given.genes, el::cell_types());
        assert_eq!(given.values.is_none(), name == el::UNLABELLED, "{name}");
        if let Some(values) = given.values {
            assert_eq!(values.len(), slide.spots.len() * el::CELL_TYPES);
            assert!(values.iter().all(|v| v.is_finite() && *v > 0.0));
        }
        let (image, findings) = el::image(dir.path(), name).unwrap();
        assert_eq!(image.pixels.len(), (image.width * image.height * 3) as usize);
        assert!(findings.iter().all(|f| !f.text.contains("truncated")), "whole grey levels");
    }
    assert!(el::check(dir.path()).unwrap().complete);
}

#[test]
fn unknown_slides_and_a_missing_file_are_refused() {
    let dir = root(sound());
    refused(el::read_slide(dir.path(), "S_8").unwrap_err(), &["unknown slide 'S_8'", "S_"]);
    let empty = tempfile::tempdir().unwrap();
    refused(el::read_slide(empty.path(), "S_1").unwrap_err(), &["missing", "Kaggle"]);
    refused(el::image(empty.path(), "S_1").unwrap_err(), &["missing"]);
    let report = el::check(empty.path()).unwrap();
    assert!(!report.complete);
    refused(report.verdict().unwrap_err(), &["missing", "Kaggle"]);
    refused(el::path_of(dir.path(), "../elucidata_ai_challenge_data.h5").unwrap_err(), &["not the competition's file"]);
}

#[test]
fn abundances_that_are_none_are_refused_with_their_row() {
    let slide = el::read_slide(root(sound()).path(), "S_1").unwrap();
    // A record of S_1: x, y, and the abundances; the third record's C4.
    let (x, y) = (slide.spots[2].x as i64, slide.spots[2].y as i64);
    let at = find(sound(), &[x.to_le_bytes(), y.to_le_bytes()].concat()) + 16 + 3 * 8;
    for (value, said) in [(-0.5f64, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let dir = with(at, &value.to_le_bytes());
        refused(el::read_slide(dir.path(), "S_1").unwrap_err(), &[said, "C4 in row 2", "S_1"]);
        read(&dir, "S_2").unwrap();
        let report = el::check(dir.path()).unwrap();
        refused(report.verdict().unwrap_err(), &["cannot be read: S_1"]);
    }
}

#[test]
fn pixels_outside_their_range_are_refused_and_uneven_ones_told() {
    // The first pixels of the first slide are background: the first float of the file's first array.
    let (image, _) = el::image(root(sound()).path(), "S_1").unwrap();
    let first = (f32::from(image.pixels[0]) / 255.0).to_le_bytes();
    let at = find(sound(), &first);
    for value in [1.5f32, -0.1, f32::NAN] {
        refused(el::image(with(at, &value.to_le_bytes()).path(), "S_1").unwrap_err(), &["1 of", "outside 0 to 1", "S_1"]);
    }
    let (same, findings) = el::image(with(at, &((f32::from(image.pixels[0]) + 0.5) / 255.0).to_le_bytes()).path(), "S_1").unwrap();
    assert_eq!(same.pixels, image.pixels, "truncated, not rounded");
    assert!(findings.iter().any(|f| f.text.contains("1 of") && f.text.contains("truncated")));
}

#[test]
fn other_fields_are_refused() {
    let at = find(sound(), b"C4\0");
    let failure = el::read_slide(with(at, b"D4\0").path(), "S_1").unwrap_err();
    refused(failure, &["S_1"]);
}

/// A file cut anywhere, and a file with any byte changed: an error in words or data of the same shape, never a panic.
#[test]
fn cut_and_spoilt_files_never_panic() {
    let all = sound();
    let mut draw = Draw::keyed(11, "el/spoil", &[]);
    for part in (0..40).map(|k| all.len() * k / 40).chain([all.len() - 1]) {
        let failure = read(&root(&all[..part]), "S_7").and_then(|()| read(&root(&all[..part]), "S_1")).expect_err("a cut file");
        refused(failure, &[]);
    }
    // Headers, links and types stand together at the end and before each array: change bytes there rather than in pixels.
    let headers: Vec<usize> = all.windows(4).enumerate().filter(|(_, w)| *w == b"OHDR").map(|(i, _)| i).collect();
    assert!(headers.len() >= 7 * 2 + 7, "a header an array and a group");
    let (mut refusals, turns) = (0, 120);
    for _ in 0..turns {
        let at = headers[draw.below(headers.len() as u64) as usize] + draw.below(120) as usize;
        let Some(old) = all.get(at) else { continue };
        let dir = with(at, &[old ^ (1 << draw.below(8))]);
        for slide in ["S_1", "S_7"] {
            if let Err(failure) = read(&dir, slide) {
                refusals += 1;
                refused(failure, &[]);
            }
        }
    }
    assert!(refusals > turns / 10, "changed headers must be noticed: {refusals} of {turns}");
}

#[test]
fn impossible_slides_are_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("made.h5");
    for (side, pitch) in [(100, 25.0), (5000, 25.0), (420, 1.0), (420, f64::NAN)] {
        refused(el::make(&Made { side, pitch, seed: 1 }, &path).unwrap_err(), &["slides of"]);
    }
    assert!(!path.exists());
}
