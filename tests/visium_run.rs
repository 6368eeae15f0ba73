//! Visium, GSE240429 and an imported table through the real program: run, export, import, run again.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, missing_docs)]

mod place;
mod slides;

use pinfold::base::Digest;
use pinfold::base::arrays::Arrays;
use place::Place;
use slides::{Small, harmony};
use std::path::{Path, PathBuf};

/// The demo's protocol on Visium slides below `data/liver`.
const VISIUM: &[(&str, &str)] = &[
    (
        "dataset = \"synthetic\"\nslides = [\"S1\", \"S2\"]",
        "dataset = \"visium\"\nslides = [\"A1\", \"B1\"]\n\n[data.visium]\nfolder = \"liver\"\nimage = \"full.tif\"\norgan = \"liver\"\n\n[data.visium.donors]\nA1 = \"d1\"\nB1 = \"d2\"",
    ),
    ("[data.synthetic]\nside = 7\npitch = 24\ngenes = 6\nseed = 7\n", ""),
    ("rule = \"top-mean\"\nk = 6", "rule = \"seurat\"\nk = 4"),
    ("transform = \"log1p-total\"\ntarget = 10000.0", "transform = \"log1p-median\"\nmedian = \"positive\""),
    ("border = \"refuse\"", "border = \"white\""),
    ("lattice = \"square\"", "lattice = \"hex\""),
];

/// Runs that much of a protocol, and gives the folder of one artifact.
fn artifact(place: &Place, stage: &str) -> PathBuf {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(place.path().join("artifacts").join(stage)).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|p| p.join("manifest.json").is_file());
    assert_eq!(found.len(), 1, "{stage}");
    found.remove(0)
}

fn place(change: &[(&str, &str)]) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::at(dir.path().to_owned(), Some(dir), change);
    std::fs::write(place.path().join(".gitignore"), "/artifacts\n/reports\n/runs\n/data\n/out\n").unwrap();
    place.commit();
    place
}

#[test]
fn a_small_visium_folder_runs_locks_and_audits() {
    let place = place(VISIUM);
    // Before there are data, the program says what is missing.
    let missing = place.expect(2, &["run", "demo"]);
    assert!(missing.contains("G01") && missing.contains("A1"), "{missing}");
    let (a, b) = (Small::new(8, 9, 30, 1), Small::new(8, 9, 30, 2));
    a.space_ranger(&place.path().join("data/liver/A1"), 1);
    b.space_ranger(&place.path().join("data/liver/B1"), 2);
    let check = place.expect(0, &["data", "check", "visium", "--folder", "liver"]);
    assert!(check.contains("A1: 42 spots, 12 genes, image"), "{check}");
    let text = place.expect(0, &["run", "demo"]);
    assert!(text.contains("finished"), "{text}");
    assert!(place.expect(0, &["lock", "demo"]).contains("class portable"));
    assert!(place.expect(0, &["audit"]).contains("passed"));
    let lock = std::fs::read_to_string(place.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("the median total of a slide's spots, test spots among them"), "{lock}");
    // The first patch is the image round the first spot.
    let arrays = Arrays::open(&artifact(&place, "patches").join("patches.safetensors")).unwrap();
    assert_eq!(arrays.entry("patches").unwrap().shape, [84, 16, 16, 3]);
    let genes = std::fs::read_to_string(artifact(&place, "preprocess").join("genes.txt")).unwrap();
    assert!(genes.lines().count() >= 4, "{genes}");
    // Another image under the same name stops the next run from passing for this one.
    let image = place.path().join("data/liver/A1/full.tif");
    b.write_tiff(&image);
    assert!(!place.expect(0, &["plan", "demo"]).contains("everything is done"));
}

const GSE: &[(&str, &str)] = &[
    ("dataset = \"synthetic\"\nslides = [\"S1\", \"S2\"]", "dataset = \"gse240429\"\nslides = [\"1\", \"3\"]"),
    ("[data.synthetic]\nside = 7\npitch = 24\ngenes = 6\nseed = 7\n", ""),
    ("rule = \"top-mean\"\nk = 6\nfrom = \"train\"", "rule = \"published\""),
    ("transform = \"log1p-total\"\ntarget = 10000.0", "transform = \"given\""),
    ("size = 24\nresize = 16", "size = 16\nresize = 16"),
    ("lattice = \"square\"", "lattice = \"hex\""),
];

const IMPORTED: &[(&str, &str)] = &[
    (
        "dataset = \"synthetic\"\nslides = [\"S1\", \"S2\"]",
        "dataset = \"imported\"\nslides = [\"1\", \"3\"]\n\n[data.imported]\nfolder = \"mine\"",
    ),
    ("[data.synthetic]\nside = 7\npitch = 24\ngenes = 6\nseed = 7\n", ""),
    ("rule = \"top-mean\"\nk = 6\nfrom = \"train\"", "rule = \"published\""),
    ("transform = \"log1p-total\"\ntarget = 10000.0", "transform = \"given\""),
    ("size = 24\nresize = 16", "size = 16\nresize = 16"),
    ("lattice = \"square\"", "lattice = \"hex\""),
];

#[test]
fn gse240429_goes_out_as_the_published_table_and_comes_back_the_same() {
    let first = place(GSE);
    let data = first.path().join("data");
    let (one, three) = (Small::new(8, 9, 30, 1), Small::new(7, 8, 30, 3));
    one.gse240429(&data, "1", "A1");
    three.gse240429(&data, "3", "C1");
    assert!(first.expect(0, &["run", "demo"]).contains("Harmony made the targets from all slides together"));
    let said = first.expect(0, &["data", "export", "demo", "--to", "out"]);
    assert!(said.contains("72 rows, 6 genes"), "{said}");
    let csv = std::fs::read_to_string(first.path().join("out/dataset.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(
        rows[0][..9],
        ["id", "path", "tissue_index", "array_row", "array_col", "pxl_row", "pxl_col", "GENE0", "GENE2|ENSG00000000002"]
    );
    // Slide 3's counter starts after the 4,727 spots that slides 1 and 2 have as published.
    let ids: Vec<&str> = rows[1..].iter().map(|r| r[0]).collect();
    let slide_three = rows.iter().position(|r| r[2] == "3").unwrap();
    assert_eq!(slide_three, 43);
    assert!(ids[..42].iter().all(|i| i.starts_with("TRAIN_00")) && ids[42..].iter().all(|i| i.starts_with("TRAIN_47")), "{ids:?}");
    let keys: Vec<(i32, i32, i32)> =
        rows[1..].iter().map(|r| (r[2].parse().unwrap(), r[3].parse().unwrap(), r[4].parse().unwrap())).collect();
    assert!(keys.windows(2).all(|w| w[0] < w[1]), "the published order");
    let line: usize = ids[0].trim_start_matches("TRAIN_").parse().unwrap();
    let read: Vec<f32> = rows[1][7..].iter().map(|v| v.parse::<f64>().unwrap() as f32).collect();
    let due: Vec<f32> = (0..6).map(|g| harmony(g, line)).collect();
    assert_eq!(read.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), due.iter().map(|v| v.to_bits()).collect::<Vec<_>>());

    // Imported elsewhere, the same values, patches and split give the same training, to the last bit.
    let second = place(IMPORTED);
    let table = first.path().join("out/dataset.csv");
    let said = second.expect(0, &["data", "import", table.to_str().unwrap(), "--to", "mine"]);
    assert!(said.contains("72 spots on 2 slides, 6 genes") && said.contains("folder = \"mine\""), "{said}");
    second.expect(2, &["data", "import", table.to_str().unwrap(), "--to", "mine"]);
    second.expect(0, &["run", "demo"]);
    let file = |place: &Place, stage: &str, name: &str| Digest::of_file(&artifact(place, stage).join(name)).unwrap();
    assert_eq!(file(&first, "patches", "patches.safetensors"), file(&second, "patches", "patches.safetensors"));
    let values = |place: &Place| -> Vec<u32> {
        let arrays = Arrays::open(&artifact(place, "preprocess").join("expression.safetensors")).unwrap();
        arrays.f32s("expression").unwrap().iter().map(|v| v.to_bits()).collect()
    };
    assert_eq!(values(&first), values(&second));
    assert_eq!(file(&first, "train", "checkpoint.safetensors"), file(&second, "train", "checkpoint.safetensors"));
    // And out again: the same table, byte for byte.
    second.expect(0, &["data", "export", "demo", "--to", "out"]);
    assert_eq!(std::fs::read_to_string(second.path().join("out/dataset.csv")).unwrap(), csv);
    same_folder(&first.path().join("out/train"), &second.path().join("out/train"));
}

fn same_folder(a: &Path, b: &Path) {
    let names = |p: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(p).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(a), names(b));
    for name in names(a) {
        assert_eq!(std::fs::read(a.join(&name)).unwrap(), std::fs::read(b.join(&name)).unwrap(), "{name:?}");
    }
}
