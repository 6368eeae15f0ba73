//! The liver protocol on small slides in the published layout: run, lock, audit, a mended quirk, a changed parent.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, missing_docs)]

mod place;
mod slides;

use place::Place;
use slides::Small;

const LITTLE: &str = r#"extends = "liver-effb0-8020"
name = "little"
title = "The liver baseline on small slides"
unset = ["data.digests", "metrics.groups"]

[patch]
size = 16
resize = 16

[network]
name = "tiny_cnn"
weights = "random"
hidden = 8

[train]
epochs = 2
batch = 8

[metrics.groups]
few = ["GENE0"]
"#;

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::at(dir.path().to_owned(), Some(dir), &[]);
    let protocols = place.path().join("protocols");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/protocols/liver-effb0-8020.toml");
    std::fs::copy(shipped, protocols.join("liver-effb0-8020.toml")).unwrap();
    std::fs::write(protocols.join("little.toml"), LITTLE).unwrap();
    std::fs::write(place.path().join(".gitignore"), "/artifacts\n/reports\n/runs\n/data\n").unwrap();
    let data = place.path().join("data");
    for (slide, chip) in [("1", "A1"), ("2", "B1"), ("3", "C1"), ("4", "D1")] {
        Small::new(8, 9, 30, slide.parse().unwrap()).gse240429(&data, slide, chip);
    }
    place.commit();
    place
}

fn json(text: &str) -> serde_json::Value {
    let start = text.find('{').unwrap();
    serde_json::from_str(&text[start..=text.rfind('}').unwrap()]).unwrap()
}

#[test]
fn the_liver_protocol_runs_locks_and_audits() {
    let place = place();
    let text = place.expect(0, &["run", "little"]);
    assert!(text.contains("finished"), "{text}");
    let report = std::fs::read_to_string(place.path().join("reports/little/report.md")).unwrap();
    assert!(report.contains("quirks kept") && report.contains("T1 (The cosine schedule is stepped"), "{report}");
    assert!(report.contains("chosen on validation spots of the slides that train"), "{report}");
    place.expect(0, &["lock", "little"]);
    let lock = std::fs::read_to_string(place.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("parents = [\n    { path = \"protocols/liver-effb0-8020.toml\""), "{lock}");
    assert!(place.expect(0, &["audit", "--level", "metrics"]).contains("passed"));

    // One quirk mended is another run, with a name of its own.
    let plan = place.expect(0, &["plan", "little", "--without", "T1", "--json"]);
    assert!(json(&plan)["protocol"].as_str().unwrap().starts_with("little+"), "{plan}");
    place.expect(0, &["run", "little", "--without", "T1"]);
    place.expect(0, &["lock", "little", "--without", "T1"]);
    assert!(place.expect(0, &["audit"]).contains("passed"));
    let listed = json(&place.expect(0, &["quirks", "little", "--without", "T1", "--json"]));
    let state = |id: &str| listed["quirks"].as_array().unwrap().iter().find(|q| q["id"] == id).unwrap()["state"].clone();
    assert_eq!([state("T1"), state("T9"), state("T2")], ["mended", "kept", "fixed"]);
    place.expect(2, &["run", "little", "--without", "T2"]);
    place.expect(2, &["run", "little", "--set", "train.schedule=cosine"]);

    // An audit notices a parent that changed, although the file itself did not.
    let parent = place.path().join("protocols/liver-effb0-8020.toml");
    let before = std::fs::read_to_string(&parent).unwrap();
    std::fs::write(&parent, before.replace("learning_rate = 0.0003", "learning_rate = 0.0004")).unwrap();
    let said = place.expect(1, &["audit", "little"]);
    assert!(said.contains("protocols/liver-effb0-8020.toml") && said.contains("drifted"), "{said}");
}

#[test]
fn a_quirk_study_says_what_each_is_worth() {
    let place = place();
    let set = ["--set", "train.epochs=1"];
    let found = json(&place.expect(0, &[&["quirks", "little", "--study", "--json"][..], &set].concat()));
    let ids: Vec<&str> = found["quirks"].as_array().unwrap().iter().map(|q| q.as_str().unwrap()).collect();
    assert_eq!(ids, ["D3", "D5", "D6", "D7", "T1", "T3", "T9", "A1", "R3"]);
    let headline = &found["metrics"][0];
    assert_eq!(headline["mended"].as_array().unwrap().len(), ids.len());
    let at = |id: &str| ids.iter().position(|i| *i == id).unwrap();
    // The slides have no spot at the border, and one epoch has no second learning rate: nothing changes there.
    assert_eq!(
        [headline["difference"][at("D7")].as_f64(), headline["difference"][at("T1")].as_f64()],
        [Some(0.0), Some(0.0)],
        "{headline}"
    );
    assert!(headline["difference"][at("D6")].as_f64().is_some_and(|d| d != 0.0), "{headline}");
    assert!(found["notes"].as_array().unwrap().iter().any(|n| n.as_str().unwrap().contains("without D3")), "{found}");
}
