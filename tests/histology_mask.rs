//! The background mask and its operations, pixel for pixel as scikit-image 0.26 has them (tests/golden/mask_stain.json).
//! (Its grey closing is not here: masks are closed as yes and no.)

use pinfold::histology::ImageView;
use pinfold::histology::mask::{BackgroundMask, Mask, Threshold, blank, disk, grey, otsu};
use serde_json::Value;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mask_stain.json");
    serde_json::from_slice(&std::fs::read(path).expect("golden")).expect("JSON")
}

fn bytes(v: &Value) -> Vec<u8> {
    let hex = v["hex"].as_str().expect("hex");
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

fn mask(v: &Value) -> Mask {
    let side = |i: usize| v["shape"][i].as_u64().expect("shape") as usize;
    Mask { width: side(1), height: side(0), pixels: bytes(v).iter().map(|b| *b != 0).collect() }
}

fn list(v: &Value) -> &Vec<Value> {
    v.as_array().expect("list")
}

#[test]
fn grey_threshold_and_mask() {
    let g = golden();
    let pixels = bytes(&g["images"]["he"]);
    let view = ImageView::new(30, 28, &pixels).expect("view");
    let found = grey(&view);
    for (a, b) in found.iter().zip(list(&g["rgb2gray"]["out_f64"]["data"])) {
        // The golden numbers have fifteen decimals.
        assert!((a - b.as_f64().expect("number")).abs() < 2e-15);
    }
    let threshold = otsu(&found).expect("two greys");
    assert!((threshold - g["otsu_threshold"].as_f64().expect("number")).abs() < 1e-13, "{threshold}");
    assert_eq!(otsu(&[0.25; 9]), None);
    let below = |t: f64| found.iter().map(|v| *v < t).collect::<Vec<_>>();
    assert_eq!(below(0.8), mask(&g["mask_lt_0p8"]).pixels);
    assert_eq!(below(threshold), mask(&g["mask_lt_otsu"]).pixels);
    let rule = BackgroundMask { threshold: Threshold::Otsu, closing: 0, holes: 0 };
    let (tissue, used) = rule.tissue(&view);
    assert_eq!((tissue.pixels, used), (mask(&g["mask_lt_otsu"]).pixels, threshold));
    let mean = BackgroundMask { threshold: Threshold::Mean, closing: 2, holes: 40 };
    let (tissue, used) = mean.tissue(&view);
    assert!((used - found.iter().sum::<f64>() / found.len() as f64).abs() < 1e-12);
    let mut blanked = pixels.clone();
    blank(&mut blanked, &tissue);
    for ((now, then), t) in blanked.chunks(3).zip(pixels.chunks(3)).zip(&tissue.pixels) {
        assert_eq!(now, if *t { then } else { &[0, 0, 0] });
    }
}

fn operation(name: &str, of: &Mask, radius: usize) -> Option<Mask> {
    let element = disk(radius);
    match name {
        "dilation" => Some(of.dilated(&element)),
        "erosion" => Some(of.eroded(&element)),
        "closing" => Some(of.closed(&element)),
        "opening" => Some(of.opened(&element)),
        _ => None,
    }
}

#[test]
fn disks_and_morphology() {
    let g = golden();
    for r in 1..=5usize {
        let due = mask(&g["disk"][r.to_string()]);
        let mut drawn = vec![false; due.pixels.len()];
        disk(r).iter().for_each(|(x, y)| drawn[(y + r as i64) as usize * due.width + (x + r as i64) as usize] = true);
        assert_eq!(drawn, due.pixels, "disk {r}");
    }
    let synthetic = &g["synthetic_mask"];
    let mut seen = 0;
    for (of, cases) in [(&g["mask_lt_0p8"], &g["morphology"]), (&synthetic["mask"], &synthetic["morphology"])] {
        for case in list(cases) {
            let (name, radius) = (case["op"].as_str().expect("op"), case["disk"].as_u64().expect("disk") as usize);
            let Some(found) = operation(name, &mask(of), radius) else { continue };
            assert_eq!(found.pixels, mask(&case["out"]).pixels, "{name} {radius}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn holes_objects_and_labels() {
    let g = golden();
    let synthetic = &g["synthetic_mask"];
    let of = mask(&synthetic["mask"]);
    for case in list(&synthetic["size_filters"]) {
        let eight = case["connectivity"] == 2;
        // 0.26 takes parts of that size or smaller, ours those that are smaller.
        let size = case["max_size"].as_u64().expect("size") as usize + 1;
        assert_eq!(of.filled(size, eight).pixels, mask(&case["fill_holes"]).pixels, "holes {size} {eight}");
        assert_eq!(of.cleared(size, eight).pixels, mask(&case["drop_objects"]).pixels, "objects {size} {eight}");
    }
    for case in list(&synthetic["label"]) {
        let (labels, areas) = of.labels(true, case["connectivity"] == 2);
        assert_eq!(areas.len() as u64, case["n"].as_u64().expect("n"));
        assert_eq!(labels.iter().map(|l| *l as u8).collect::<Vec<_>>(), bytes(&case["labels"]));
    }
}
