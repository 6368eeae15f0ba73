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
    assert_eq!(ids, ["D3", "D5", "D6", "D7", "D14", "T1", "T3", "T9", "A1", "R3"]);
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

/// What a liver protocol becomes on small slides: its own network, split, losses, quirks; small patches, one short epoch.
fn rehearsal(name: &str, text: &str) -> String {
    let network = if text.contains("[retrieval]") || name.starts_with("liver-bleep") || name.starts_with("liver-stnet") {
        ""
    } else {
        "hidden = 8\n"
    };
    // In CI each network once: with all of them this takes seven minutes (PINFOLD_LONG=1), most of them B7's.
    let once =
        ["liver-effb0-8020", "liver-backbones-resnet18", "liver-backbones-densenet121", "liver-backbones-mobilenet-v2", "liver-bleep"];
    let network_of_its_own = ["resnet", "densenet", "mobilenet", "efficientnet-b7", "bleep", "stnet", "m1"];
    let own = once.contains(&name) || (std::env::var_os("PINFOLD_LONG").is_some() && network_of_its_own.iter().any(|n| name.contains(n)));
    let network = if own { network.to_owned() } else { format!("name = \"tiny_cnn\"\n{network}") };
    format!(
        "extends = \"{name}\"\nname = \"little-{name}\"\ntitle = \"A rehearsal\"\nunset = [\"data.digests\", \"metrics.groups\"]\npublished = []\n\n\
         [patch]\nsize = 32\nresize = 32\n\n[network]\nweights = \"random\"\n{network}\n[train]\nepochs = 1\nbatch = 12\n\n\
         [metrics.groups]\nHEG = [\"GENE0\"]\nHVG = [\"GENE4\"]\nMG = [\"GENE0\", \"GENE4\"]\n"
    )
}

/// Every shipped liver protocol runs, is locked and audited on slides in the published layout; a search's settings are ranked.
#[test]
fn every_liver_protocol_runs_on_small_slides() {
    let place = place();
    let protocols = place.path().join("protocols");
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols");
    let mut names: Vec<String> = std::fs::read_dir(&shipped)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter_map(|n| n.strip_suffix(".toml").map(str::to_owned))
        .filter(|n| n.starts_with("liver-"))
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{names:?}");
    for name in &names {
        let text = std::fs::read_to_string(shipped.join(format!("{name}.toml"))).unwrap();
        std::fs::write(protocols.join(format!("{name}.toml")), &text).unwrap();
        // A cluster of seventy spots is a slide here.
        let mut little = rehearsal(name, &text);
        // BLEEP's groups are chosen by rule.
        if name.starts_with("liver-bleep") {
            little = little.split("HEG =").next().unwrap_or_default().to_owned() + "MG = [\"GENE0\", \"GENE4\"]\n";
        }
        if name.contains("cluster-id") {
            little.push_str("\n[clusters]\nnetwork = \"tiny_cnn\"\nweights = \"random\"\nmin_cluster_size = 4\nmin_samples = 2\nselection_epsilon = 0.0\n");
        }
        std::fs::write(protocols.join(format!("little-{name}.toml")), little).unwrap();
    }
    place.commit();
    for name in &names {
        let little = format!("little-{name}");
        let began = std::time::Instant::now();
        let text = place.expect(0, &["run", &little]);
        assert!(text.contains("finished"), "{name}: {text}");
        eprintln!("{name}: {:.1} s", began.elapsed().as_secs_f64());
        place.expect(0, &["lock", &little]);
    }
    assert!(place.expect(0, &["audit", "--level", "metrics"]).contains("passed"));
    // Script 23 reports the last epoch, not the best one (T6): the checkpoint is the last epoch's.
    let report = std::fs::read_to_string(place.path().join("reports/little-liver-augs/report.md")).unwrap();
    assert!(report.contains("T6"), "{report}");
    // BLEEP's groups are chosen by the evaluated truth, and the corrected ones by the training spots of each fold.
    let lock = std::fs::read_to_string(place.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("(the 6 of highest variance in the evaluated truth)"), "{lock}");
    assert!(lock.contains("(the 6 of highest mean in each fold's training spots)"), "{lock}");
    let settings = ["little-liver-freeze-hidden-cv5", "little-liver-freeze-hidden-cv5-h1024", "little-liver-freeze-hidden-cv5-h4096"];
    let ranked = json(&place.expect(0, &[&["rank", "--json"][..], &settings].concat()));
    let found = ranked["settings"].as_array().unwrap();
    let score = |at: usize, group: usize| found[at]["scores"][group]["value"].as_f64().unwrap();
    assert!(found.len() == 3 && score(0, 0) >= score(1, 0) && score(1, 0) >= score(2, 0), "{ranked}");
    assert_eq!(found[0]["scores"][0]["folds_id"].as_str().unwrap(), "pcc/gene/fold/zero/published@dataset+group:MG");
    assert!(found[0]["loss"].is_number() && found[0]["scores"][2]["mean_of_folds"].is_number(), "{ranked}");
    // Settings that are measured otherwise cannot be ranked together, and a group that the truth chose ranks nothing.
    let other = place.expect(2, &["rank", settings[0], "little-liver-augs-corrected"]);
    assert!(other.contains("not measured in the same way"), "{other}");
    let refused = place.expect(2, &["rank", settings[0], "little-liver-bleep"]);
    assert!(refused.contains("chosen by rule"), "{refused}");
}
