//! HEVisum's protocols end to end on a small file in the competition's layout: six slides and one without labels, made by
//! `pinfold data make`; stain to stack, killed and taken up again, locked, audited, reported.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, missing_docs)]

mod place;

use pinfold::base::arrays::Arrays;
use place::Place;
use std::path::PathBuf;

/// The shipped protocols and a small file; `few` spots a slide where the whole network is trained.
fn place(pitch: &str, little: &[(&str, &str)]) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::at(dir.path().to_owned(), Some(dir), &[]);
    let protocols = place.path().join("protocols");
    for name in ["hevisum-loo", "hevisum-loo-corrected", "hevisum-stack", "hevisum-stack-corrected"] {
        let shipped = format!("{}/protocols/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(shipped, protocols.join(format!("{name}.toml"))).unwrap();
    }
    for (name, text) in little {
        std::fs::write(protocols.join(format!("{name}.toml")), text).unwrap();
    }
    std::fs::write(place.path().join(".gitignore"), "/artifacts\n/reports\n/runs\n/data\n").unwrap();
    let missing = place.expect(2, &["data", "check", "el-hackathon-2025"]);
    assert!(missing.contains("MISSING") && missing.contains("Kaggle") && missing.contains("CC BY-NC"), "{missing}");
    place.expect(0, &["data", "make", "--pitch", pitch]);
    assert!(place.expect(2, &["data", "make"]).contains("not replaced"));
    let here = place.expect(0, &["data", "check", "el-hackathon-2025"]);
    assert!(here.contains("S_7") && here.contains("420 x 420"), "{here}");
    place.commit();
    place
}

/// The artifacts of a stage.
fn artifacts(place: &Place, stage: &str) -> Vec<PathBuf> {
    let folder = place.path().join("artifacts").join(stage);
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    all.sort();
    all
}

const SMALL_STACK: &str = r#"
[stack]
seed = 42
learning_rate = 0.01
epochs = 4
batch = 8
patience = 3
"#;

/// The corrected stack with the tiny network: everything but HEVisum's own layers.
fn corrected() -> String {
    format!(
        "extends = \"hevisum-stack-corrected\"\nname = \"little\"\ntitle = \"A small corrected stack\"\n\n[network]\nname = \"tiny_cnn\"\nhidden = 8\n\n[train]\nepochs = 3\nbatch = 8\n{SMALL_STACK}"
    )
}

#[test]
fn the_corrected_stack_runs_survives_a_kill_locks_and_audits() {
    let one = place("48", &[("little", &corrected())]);
    let text = one.expect(0, &["run", "little", "--set", "determinism.loader_threads=1"]);
    assert!(text.contains("finished"), "{text}");
    // Every fold has a reference, images and patches of its own; the shared patches are cut from images as they are.
    assert_eq!((artifacts(&one, "stain").len(), artifacts(&one, "patches").len(), artifacts(&one, "stack").len()), (6, 7, 6));
    // One spot of S_2 lies on no tissue.
    let removed = std::fs::read_to_string(artifacts(&one, "spots")[0].join("removed.tsv")).unwrap();
    assert_eq!(removed.lines().count(), 2, "{removed}");
    assert!(removed.contains("S_2") && removed.contains("no tissue"), "{removed}");
    // Level 0: a row a spot, a column a cell type, each from the network that never saw its slide.
    let level0 = &artifacts(&one, "level0")[0];
    let shape = Arrays::open(&level0.join("level0.safetensors")).unwrap().entry("level0").unwrap().shape.clone();
    assert_eq!(shape[1], 35);
    let sources = std::fs::read_to_string(level0.join("sources.tsv")).unwrap();
    assert_eq!(sources.lines().count(), 7, "{sources}");
    assert!(!sources.contains("\tyes\n"), "{sources}");
    // The slide without labels: one table a network, the ensemble, the stack; a row a spot.
    let answers = &artifacts(&one, "answers")[0];
    let ensemble = std::fs::read_to_string(answers.join("S_7-rank-ensemble.csv")).unwrap();
    assert!(ensemble.starts_with("ID,C1,C2,") && answers.join("S_7-stack.csv").exists() && answers.join("S_7-fold-S_1.csv").exists());
    let row: f64 = ensemble.lines().nth(1).unwrap().split(',').skip(1).map(|v| v.parse::<f64>().unwrap()).sum();
    assert!((row - 595.0).abs() < 1e-9, "ranks from 0 sum to 595: {row}");

    // Another place, two loader threads, killed in the midst of it and taken up again.
    let two = place("48", &[("little", &corrected())]);
    two.expect(0, &["run", "little", "--detach"]);
    let run = two.newest_run();
    assert!(run.wait(|j| j.contains("\"stage_started\",\"label\":\"train[S_4]\"") || j.contains("train[S_4]\",\"stage\":\"train\"")));
    assert!(run.signal("-KILL"), "it was still at work");
    run.wait_gone();
    two.expect(0, &["resume"]);
    let made = |p: &Place| {
        let kept = ["stain/", "patches/", "train/", "predict/", "level0/", "stack/", "answers/", "evaluate"];
        let of =
            |(path, _): &(String, String)| kept.iter().any(|k| path.starts_with(&format!("artifacts/{k}"))) && !path.contains("manifest");
        p.digests().into_iter().filter(of).collect::<Vec<_>>()
    };
    assert_eq!(made(&one), made(&two), "killed or not, with one loader thread or two");

    two.expect(0, &["lock", "little"]);
    let lock = std::fs::read_to_string(two.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("stack[S_3]") && lock.contains("stain[S_1]") && lock.contains("+stack"), "{lock}");
    let said = two.expect(0, &["audit", "--level", "retrain"]);
    assert!(said.contains("passed") && said.contains("making stack[S_5] again"), "{said}");
    let report = std::fs::read_to_string(two.path().join("reports/little/report.md")).unwrap();
    for what in [
        "## Beside simple methods",
        "## Folds, best and last epoch",
        "## Spots moved and left out",
        "## The stack",
        "stain.png",
        "stack.png",
    ] {
        assert!(report.contains(what), "{what}");
    }
    assert!(!report.contains("LEAKING"), "{report}");
}

#[test]
fn the_published_stack_leaks_and_says_so_everywhere() {
    let little = format!(
        "extends = \"hevisum-stack\"\nname = \"little\"\ntitle = \"A small published stack\"\npublished = []\n\n[train]\nepochs = 1\nbatch = 16\n{SMALL_STACK}"
    );
    let place = place("90", &[("little", &little)]);
    let text = place.expect(0, &["run", "little"]);
    assert!(text.contains("leakage: the stack learns from predictions of networks for their own training spots"), "{text}");
    assert_eq!((artifacts(&place, "stain").len(), artifacts(&place, "patches").len(), artifacts(&place, "stack").len()), (1, 1, 1));
    let level0 = &artifacts(&place, "level0")[0];
    let shape = Arrays::open(&level0.join("level0.safetensors")).unwrap().entry("level0").unwrap().shape.clone();
    assert_eq!(shape[1], 210, "six networks by 35");
    let sources = std::fs::read_to_string(level0.join("sources.tsv")).unwrap();
    assert_eq!((sources.lines().count(), sources.matches("\tyes\n").count()), (37, 30), "five of six networks had seen each slide");
    // Swapped scales (Q1): level 0 is not what the networks themselves predict.
    let folds = artifacts(&place, "answer");
    let arrays = Arrays::open(&folds[0].join("answers.safetensors")).unwrap();
    assert_ne!(arrays.f32s("prediction").unwrap(), arrays.f32s("level0").unwrap());
    place.expect(0, &["lock", "little"]);
    let lock = std::fs::read_to_string(place.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("the stack learns from predictions of networks for their own training spots"), "{lock}");
    assert!(place.expect(0, &["audit"]).contains("passed"));
    let report = std::fs::read_to_string(place.path().join("reports/little/report.md")).unwrap();
    assert!(report.contains("LEAKING") && report.contains("FLAG"), "{report}");
    let listed = place.expect(0, &["quirks", "little"]);
    assert!(listed.contains("Q12") && listed.contains("Q25"), "{listed}");
    // S_7 has no labels: it can be no slide of the split.
    let refused = place.expect(2, &["run", "little", "--set", "data.slides=[\"S_1\",\"S_2\",\"S_7\"]", "--set", "data.unlabelled=[]"]);
    assert!(refused.contains("S_7"), "{refused}");
}
