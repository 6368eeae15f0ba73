//! 10x's matrices in HDF5, as h5py writes them: `tests/golden/make_tenx_h5.py`. Counts and names are equal, without tolerance.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::dataset::tenx::{self, features, h5};
use serde_json::Value;
use std::path::PathBuf;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tenx").join(name)).unwrap()
}

fn expected() -> Value {
    serde_json::from_slice(&file("expected.json")).unwrap()
}

fn texts(v: &Value) -> Vec<String> {
    v.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_writing_gives_the_same_matrix() {
    let due = expected();
    for name in ["space_ranger.h5", "reexport.h5", "unsorted.h5"] {
        let m = h5::read(file(name), name).unwrap();
        assert_eq!(m.barcodes, texts(&due["barcodes"]), "{name}");
        assert_eq!(m.features.iter().map(|f| f.id.clone()).collect::<Vec<_>>(), texts(&due["ids"]), "{name}");
        assert_eq!(m.features.iter().map(|f| f.symbol.clone()).collect::<Vec<_>>(), texts(&due["symbols"]), "{name}");
        assert!(m.features.iter().all(|f| f.genome.as_deref() == Some("GRCh38")));
        for (spot, row) in due["counts"].as_array().unwrap().iter().enumerate() {
            for (gene, count) in row.as_array().unwrap().iter().enumerate() {
                assert_eq!(u64::from(m.counts.get(spot, gene as u32)), count.as_u64().unwrap(), "{name}: spot {spot}, gene {gene}");
            }
        }
        let kept = features::expression_only(&m.features, name, &mut Vec::new()).unwrap();
        assert_eq!(features::names(&m.features, &kept)[1..4], ["TBCE|ENSG00000000001", "GGT1", "TBCE|ENSG00000000003"]);
        assert!(!kept.contains(&7), "an antibody is no gene");
    }
}

#[test]
fn each_fault_has_its_code_and_place() {
    for code in ["V12", "G18", "G17", "V14", "V15", "V13", "V16"] {
        let e = h5::read(file(&format!("bad_{code}.h5")), "m.h5").unwrap_err();
        assert!(e.what.contains(code) && e.place.as_deref().is_some_and(|p| p.contains("m.h5: /matrix/")), "{code}: {e}");
    }
    let old = h5::read(file("bad_V11_cellranger2.h5"), "m.h5").unwrap_err();
    assert!(old.what.contains("Cell Ranger 2") && old.what.contains("V11"), "{old}");
    assert!(h5::read(file("bad_V11_molecules.h5"), "m.h5").unwrap_err().what.contains("molecule_info"));
    assert!(h5::read(b"<!doctype html>".to_vec(), "m.h5").unwrap_err().what.contains("G05"));
}

#[test]
fn a_cut_file_is_refused_and_nothing_panics() {
    let whole = file("space_ranger.h5");
    for cut in (1..whole.len()).step_by(97) {
        assert!(h5::read(whole[..cut].to_vec(), "m.h5").is_err(), "cut at {cut}");
    }
    // A flipped byte may fall into padding or a name; a panic is the only wrong answer.
    for at in (0..whole.len()).step_by(13) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x5a;
        let _: Result<tenx::FeatureMatrix, _> = h5::read(flipped, "m.h5");
    }
}
