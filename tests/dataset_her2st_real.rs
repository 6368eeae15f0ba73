//! Acceptance on the real sections: golden values of `golden/her2st.json`, made with pandas and Pillow.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::base::Digest;
use pinfold::dataset::{her2st, image};
use serde_json::Value;
use std::path::PathBuf;

fn data() -> Option<PathBuf> {
    let root = std::env::var_os("PINFOLD_DATA").map(PathBuf::from);
    if root.is_none() {
        eprintln!("skipped: PINFOLD_DATA is not set");
    }
    root
}

fn golden() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("golden/her2st.json")).unwrap();
    all["sections"].as_array().unwrap().clone()
}

fn digest(v: &Value) -> Digest {
    Digest::parse(v.as_str().unwrap()).unwrap()
}

#[test]
fn sections_equal_the_golden_facts() {
    let Some(root) = data() else { return };
    let folder = her2st::data_folder(&root).unwrap();
    let here: Vec<Value> =
        golden().into_iter().filter(|g| folder.join(format!("ST-cnts/{}.tsv.gz", g["section"].as_str().unwrap())).is_file()).collect();
    let names: Vec<String> = here.iter().map(|g| g["section"].as_str().unwrap().to_owned()).collect();
    assert!(names.len() >= 5, "C2 to C6 are there: {names:?}");
    let start = std::time::Instant::now();
    let slides = her2st::read(&root, &names).unwrap();
    eprintln!("read {} sections in {:.2} s", slides.len(), start.elapsed().as_secs_f64());
    for (slide, g) in slides.iter().zip(&here) {
        let number = |key: &str| g[key].as_u64().unwrap() as usize;
        assert_eq!((slide.spots.len(), slide.genes.len()), (number("n_joined"), number("n_genes")), "{}", slide.id);
        assert_eq!(slide.files[0].sha256, digest(&g["sha256_counts_gz"]));
        assert_eq!(slide.files[1].sha256, digest(&g["sha256_spotfile"]));
        let content = slide.digests();
        assert_eq!(content.spots, digest(&g["sha256_joined_table"]), "{}", slide.id);
        assert_eq!(content.counts, digest(&g["sha256_counts_coo_u32"]), "{}", slide.id);
        assert_eq!(
            (slide.genes[0].as_str(), slide.genes.last().unwrap().as_str()),
            (g["first_gene"].as_str().unwrap(), g["last_gene"].as_str().unwrap())
        );
        let total: u64 = (0..slide.counts.rows()).map(|i| slide.counts.total(i)).sum();
        assert_eq!((total as usize, slide.counts.values.len()), (number("total_umi"), number("n_nonzero")));
        assert!(slide.findings.iter().all(|f| f.code != "changed-file"));
        let lost = g["spot_rows_without_counts"].as_array().unwrap();
        let told = slide.findings.iter().find(|f| f.code == "spots-without-counts");
        assert_eq!(told.is_some(), !lost.is_empty());
        assert!(lost.iter().all(|id| told.unwrap().text.contains(id.as_str().unwrap())));
        let found = slide.image.as_ref().unwrap();
        if g["image"].is_object() {
            assert_eq!(
                (u64::from(found.width), u64::from(found.height)),
                (g["image"]["width"].as_u64().unwrap(), g["image"]["height"].as_u64().unwrap())
            );
            assert_eq!(found.sha256, digest(&g["image"]["sha256"]));
        }
        let fit = |axis: &str| g[axis][0].as_f64().unwrap();
        let um = 200.0 / (fit("fit_pixel_x") * fit("fit_pixel_y")).sqrt();
        assert!((found.um_per_px.unwrap() / um - 1.0).abs() < 1e-9, "{:?} {um}", found.um_per_px);
    }
}

#[test]
fn c2_decodes_to_the_golden_patch_means() {
    let Some(root) = data() else { return };
    let g = golden().into_iter().find(|g| g["section"] == "C2").unwrap();
    let slide = her2st::read_section(&root, "C2").unwrap();
    let path = her2st::path_of(&root, &slide.image.unwrap().rel_path).unwrap();
    let start = std::time::Instant::now();
    let image = image::decode_rgb(&path).unwrap();
    eprintln!("decoded {} x {} in {:.2} s", image.width, image.height, start.elapsed().as_secs_f64());
    for patch in g["image"]["patches_224"].as_array().unwrap() {
        let centre = |i: usize| patch["centre_floor"][i].as_u64().unwrap() as u32;
        let mut sum = [0u64; 3];
        for y in centre(1) - 112..centre(1) + 112 {
            for x in centre(0) - 112..centre(0) + 112 {
                image.at(x, y).iter().zip(&mut sum).for_each(|(v, s)| *s += u64::from(*v));
            }
        }
        for (c, s) in sum.iter().enumerate() {
            let (mean, due) = (*s as f64 / (224.0 * 224.0), patch["mean_rgb"][c].as_f64().unwrap());
            assert!((mean - due).abs() < 1.0, "channel {c}: {mean} where {due} is due");
        }
    }
}

#[test]
fn a_real_image_cut_in_half_is_refused() {
    let Some(root) = data() else { return };
    let slide = her2st::read_section(&root, "C2").unwrap();
    let bytes = std::fs::read(her2st::path_of(&root, &slide.image.unwrap().rel_path).unwrap()).unwrap();
    for keep in [bytes.len() / 2, bytes.len() - 2, bytes.len() - 1, 1000] {
        assert!(image::dimensions(&bytes[..keep], "cut").expect_err("cut").what.contains("G03"), "{keep} bytes kept");
    }
    // Cut in half, and an end marker put behind: the restart markers give it away.
    let patched = [&bytes[..bytes.len() / 2], &[0xff, 0xd9]].concat();
    assert!(image::dimensions(&patched, "cut").expect_err("patched").what.contains("restart markers"));
}
