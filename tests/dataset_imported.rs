//! The published table: what import refuses, by code and place, and that values keep their bits.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::base::arrays::Arrays;
use pinfold::dataset::image::{RgbImage, encode_png};
use pinfold::dataset::imported::{self, Export};
use std::path::Path;

/// Shortest decimals as pandas prints f32, exponents included.
const TABLE: &str = "id,path,tissue_index,array_row,array_col,pxl_row,pxl_col,barcode,GENEA,GENEB\n\
TRAIN_0001,./train/TRAIN_0001.png,1,2,4,100,200,AAAC-1,0.1,-1.5\n\
TRAIN_0000,./train/TRAIN_0000.png,1,3,5,130,216,AAAG-1,1.1754944e-38,3.4028235e+38\n\
TRAIN_0002,train/TRAIN_0002.png,2,0,0,50,60,AAAT-1,0.0,16777216.0\n";

fn png(level: u8, side: u32) -> Vec<u8> {
    let pixels = (0..side * side * 3).map(|i| level.wrapping_add(i as u8)).collect();
    encode_png(&RgbImage { width: side, height: side, pixels }).unwrap()
}

fn folder(table: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("train")).unwrap();
    std::fs::write(dir.path().join("dataset.csv"), table).unwrap();
    for i in 0..3u8 {
        std::fs::write(dir.path().join(format!("train/TRAIN_000{i}.png")), png(40 * i, 8)).unwrap();
    }
    dir
}

fn import(dir: &Path) -> pinfold::base::Result<imported::Imported> {
    imported::import(&dir.join("dataset.csv"), &dir.join("out"), None)
}

#[test]
fn values_keep_their_bits_both_ways() {
    let dir = folder(TABLE);
    let found = import(dir.path()).unwrap();
    assert_eq!((found.slides, found.genes, found.side), (vec![("1".to_owned(), 2), ("2".to_owned(), 1)], 2, 8));
    assert!(found.findings.iter().any(|f| f.text.contains("barcode")));
    let all = imported::read(&dir.path().join("out"), &["2".into(), "1".into()]).unwrap();
    assert_eq!((all[0].1, all[1].1), (2, 0), "the first patches");
    let slides: Vec<_> = imported::read(&dir.path().join("out"), &["1".into(), "2".into()]).unwrap().into_iter().map(|s| s.0).collect();
    let values: Vec<f32> = slides.iter().flat_map(|s| s.given.as_ref().unwrap().values.clone().unwrap()).collect();
    assert_eq!(
        values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        [0.1f32, -1.5, f32::MIN_POSITIVE, f32::MAX, 0.0, 16_777_216.0].map(f32::to_bits)
    );
    assert_eq!((slides[0].spots[1].x, slides[0].spots[1].y, slides[0].spots[1].source_row), (216.0, 130.0, 1));
    let arrays = Arrays::open(&dir.path().join("out/patches.safetensors")).unwrap();
    assert_eq!(arrays.u8s("patches").unwrap()[..3], [40, 41, 42]);
    let genes = vec!["GENEA".to_owned(), "GENEB".to_owned()];
    let ids = slides.iter().flat_map(|s| s.spots.iter().map(|p| p.id.clone())).collect();
    let what = Export { slides: &slides, ids, genes: &genes, values: &values, patches: arrays.u8s("patches").unwrap(), side: 8 };
    imported::export(&what, &dir.path().join("again")).unwrap();
    let found = imported::import(&dir.path().join("again/dataset.csv"), &dir.path().join("out2"), None).unwrap();
    assert_eq!(found.side, 8);
    let back: Vec<_> =
        imported::read(&dir.path().join("out2"), &["1".into(), "2".into()]).unwrap().into_iter().map(|s| s.0.given).collect();
    assert_eq!(back, slides.iter().map(|s| s.given.clone()).collect::<Vec<_>>());
    assert_eq!(
        std::fs::read(dir.path().join("out/patches.safetensors")).unwrap(),
        std::fs::read(dir.path().join("out2/patches.safetensors")).unwrap()
    );
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_left() {
    for (from, to, code) in [
        ("array_row", "row", "G10"),
        ("GENEB", "GENEA", "G16"),
        ("-1.5", "NA", "G12"),
        ("-1.5", "inf", "G13"),
        ("-1.5", "3.5e38", "G13"),
        ("-1.5", "-1.5,7", "G11"),
        ("TRAIN_0000,", "TRAIN_0001,", "G14"),
        ("./train/TRAIN_0001.png", "../train/TRAIN_0001.png", "G35"),
        ("./train/TRAIN_0001.png", "/etc/passwd", "G35"),
        ("TRAIN_0001.png", "TRAIN_0009.png", "G01"),
        ("0001.png,1,2,4", "0001.png,1,2,5", "I5"),
        ("0000.png,1,3,5", "0000.png,2,3,5", "do not stand together"),
    ] {
        assert!(TABLE.contains(from));
        let mut table = TABLE.replacen(from, to, 1);
        if code == "do not stand together" {
            table = table.replacen("0002.png,2,", "0002.png,1,", 1);
        }
        let dir = folder(&table);
        let e = import(dir.path()).unwrap_err();
        assert!(e.to_string().contains(code), "{to}: {e}");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{to}: {left:?}");
    }
    let dir = folder(TABLE);
    std::fs::write(dir.path().join("train/TRAIN_0002.png"), png(1, 9)).unwrap();
    assert!(import(dir.path()).unwrap_err().what.contains("N07"));
    std::fs::write(dir.path().join("train/TRAIN_0002.png"), &png(1, 8)[..40]).unwrap();
    assert!(import(dir.path()).unwrap_err().what.contains("G03"));
}

/// Acceptance case 23: with the genes named, no other column passes for one (quirk D10), and none is missed.
#[test]
fn named_genes_are_the_only_columns() {
    let named = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let dir = folder(&TABLE.replace("GENEB", "n_counts"));
    let with = |genes: &[&str]| imported::import(&dir.path().join("dataset.csv"), &dir.path().join("out"), Some(&named(genes)));
    let extra = with(&["GENEA"]).unwrap_err().to_string();
    assert!(extra.contains("'n_counts'") && extra.contains("dataset.csv:1"), "{extra}");
    let missing = with(&["GENEA", "n_counts", "GENEC"]).unwrap_err().to_string();
    assert!(missing.contains("'GENEC'"), "{missing}");
    assert_eq!(with(&["n_counts", "GENEA"]).unwrap().genes, 2);
}
