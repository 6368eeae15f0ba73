//! A protocol with `[clusters]` on small slides in the published layout: run, lock, audit; threads and kills change no byte.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, missing_docs)]

mod place;
mod slides;

use pinfold::base::arrays::Arrays;
use place::Place;
use slides::Small;
use std::path::PathBuf;

const LITTLE: &str = r#"extends = "liver-cluster-id"
name = "little"
title = "The liver baseline with clusters on small slides"
unset = ["data.digests", "metrics.groups"]

[data]
slides = ["1", "2", "3"]

[split]
test_slides = ["3"]

[patch]
size = 16
resize = 16

[network]
name = "tiny_cnn"
weights = "random"
hidden = 8

[clusters]
network = "tiny_cnn"
weights = "random"
min_cluster_size = 5
min_samples = 2
selection_epsilon = 0.0

[quirks]
D13 = "corrected"

[train]
epochs = 2
batch = 8
best = "min-validation-loss"

[metrics.groups]
few = ["GENE0"]
"#;

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::at(dir.path().to_owned(), Some(dir), &[]);
    let protocols = place.path().join("protocols");
    for name in ["liver-effb0-8020", "liver-effb0-8020-validation", "liver-cluster-id"] {
        let shipped = format!("{}/protocols/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(shipped, protocols.join(format!("{name}.toml"))).unwrap();
    }
    std::fs::write(protocols.join("little.toml"), LITTLE).unwrap();
    std::fs::write(place.path().join(".gitignore"), "/artifacts\n/reports\n/runs\n/data\n").unwrap();
    let data = place.path().join("data");
    for (slide, chip) in [("1", "A1"), ("2", "B1"), ("3", "C1")] {
        Small::new(8, 9, 30, slide.parse().unwrap()).gse240429(&data, slide, chip);
    }
    place.commit();
    place
}

/// The one artifact of a stage.
fn artifact(place: &Place, stage: &str) -> PathBuf {
    let all: Vec<PathBuf> =
        std::fs::read_dir(place.path().join("artifacts").join(stage)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn made(place: &Place) -> Vec<(String, Vec<u8>)> {
    let files = [
        ("clusters", "clusters.safetensors"),
        ("clusters", "clusters.json"),
        ("train", "checkpoint.safetensors"),
        ("predict", "predictions.safetensors"),
    ];
    files.iter().map(|(stage, file)| (format!("{stage}/{file}"), std::fs::read(artifact(place, stage).join(file)).unwrap())).collect()
}

#[test]
fn clusters_run_lock_and_audit_and_nothing_moves_them() {
    let one = place();
    let text = one.expect(0, &["run", "little", "--set", "determinism.loader_threads=1"]);
    assert!(text.contains("finished"), "{text}");
    let arrays = Arrays::open(&artifact(&one, "clusters").join("clusters.safetensors")).unwrap();
    let labels = arrays.i64s("labels").unwrap();
    let clustered = arrays.u8s("clustered").unwrap();
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(artifact(&one, "clusters").join("clusters.json")).unwrap()).unwrap();
    let k = summary["clusters"].as_i64().unwrap();
    // Six rows of seven spots a slide; the third one does not train, and has no noise.
    assert_eq!((labels.len(), clustered.iter().filter(|c| **c == 1).count()), (126, 84));
    assert!(k >= 2 && labels.iter().all(|l| (-1..k).contains(l)), "{summary}");
    assert!(labels[84..].iter().all(|l| *l >= 0) && clustered[84..].iter().all(|c| *c == 0), "{labels:?}");
    // Expression is no input of theirs: the artifact with the slides is, and only their spots are read.
    let manifest = std::fs::read_to_string(artifact(&one, "clusters").join("manifest.json")).unwrap();
    assert!(!manifest.contains("preprocess"), "{manifest}");
    // The head takes 16 image features, a column a cluster, and one for noise.
    let checkpoint = Arrays::open(&artifact(&one, "train").join("checkpoint.safetensors")).unwrap();
    assert_eq!(checkpoint.entry("hidden.weight").unwrap().shape, [8, 16 + k as usize + 1]);

    // Another place, two loader threads, killed while it clusters and taken up again.
    let two = place();
    two.expect(0, &["run", "little", "--detach"]);
    let run = two.newest_run();
    assert!(run.wait(
        |j| j.contains("\"stage_started\",\"label\":\"clusters[holdout]\"") || j.contains("clusters[holdout]\",\"stage\":\"clusters\"")
    ));
    assert!(run.signal("-KILL"), "it was still at work");
    run.wait_gone();
    two.expect(0, &["resume"]);
    for ((name, a), (_, b)) in made(&one).into_iter().zip(made(&two)) {
        assert!(a == b, "{name} differs");
    }

    let report = std::fs::read_to_string(two.path().join("reports/little/report.md")).unwrap();
    assert!(
        report.contains("## Clusters") && report.contains("C2 (Columns are standardised") && report.contains("clusters.png"),
        "{report}"
    );
    two.expect(0, &["lock", "little"]);
    let lock = std::fs::read_to_string(two.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("clusters[holdout]"), "{lock}");
    assert!(two.expect(0, &["audit", "--level", "metrics"]).contains("passed"));
    let said = two.expect(0, &["audit", "--level", "retrain"]);
    assert!(said.contains("passed"), "{said}");
    // Another weighting is another work, and other settings of a network that is not told clusters are refused.
    two.expect(2, &["run", "little", "--set", "clusters.weighting=after-standardising"]);
    let refused = two.expect(2, &["run", "little", "--set", "clusters.embedding=umap"]);
    assert!(refused.contains("\"umap\" is not available") && refused.contains("use \"pca\" or \"none\""), "{refused}");
}

#[test]
fn what_came_of_it_is_changed_by_a_label() {
    let place = place();
    place.expect(0, &["run", "little"]);
    place.expect(0, &["lock", "little"]);
    // A label that is not as locked is seen.
    let file = artifact(&place, "clusters").join("clusters.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&file, permissions).unwrap();
    std::fs::write(&file, text.replace("\"noise\"", "\"Noise\"")).unwrap();
    assert!(place.expect(1, &["audit"]).contains("clusters.json"));
}
