//! Around a run: what would run and why, repetitions over seeds, freeing what nobody needs, a folder of several people.
#![cfg(feature = "train")]

mod place;

use place::Place;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn json(place: &Place, args: &[&str]) -> Value {
    let out = place.pinfold(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

#[test]
fn the_plan_says_what_would_run_why_and_how_long() {
    let place = Place::new();
    let states = |args: &[&str]| -> Vec<(String, String, String)> {
        let plan = json(&place, args);
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        plan["work"].as_array().expect("work").iter().map(|r| (text(&r["label"]), text(&r["standing"]), text(&r["why"]["key"]))).collect()
    };
    let before = states(&["plan", "demo", "--json"]);
    let due =
        ["ingest", "split", "preprocess", "patches", "duplicates", "baselines", "train[holdout]", "predict[holdout]", "evaluate", "report"];
    assert_eq!(before.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(), due);
    assert!(before.iter().all(|r| r.1 != "done"), "{before:?}");
    place.expect(0, &["run", "demo"]);
    assert!(states(&["plan", "demo", "--json"]).iter().all(|r| r.1 == "done"));
    assert!(place.expect(0, &["plan", "demo"]).contains("everything is done"));
    // Another number of epochs changes the training and what follows, and says so by the key.
    let changed = states(&["plan", "demo", "--set", "train.epochs=2", "--json"]);
    let of = |label: &str| changed.iter().find(|r| r.0 == label).expect("row").clone();
    assert_eq!(of("patches").1, "done");
    assert_eq!(of("train[holdout]").1, "stale");
    assert!(of("train[holdout]").2.ends_with("train.epochs"), "{:?}", of("train[holdout]"));
    assert_ne!(of("predict[holdout]").1, "done");
    let told = place.expect(0, &["plan", "demo", "--set", "train.epochs=2"]);
    assert!(told.contains("train.epochs: 3 -> 2") && told.contains("by earlier runs"), "{told}");
}

#[test]
fn a_value_is_written_into_the_protocols_file() {
    let place = Place::new();
    let path = place.path().join("protocols/demo.toml");
    let read = || std::fs::read_to_string(&path).expect("the protocol");
    let before = read();
    let told = place.expect(0, &["edit", "demo", "train.epochs=2", "train.batch=4"]);
    assert!(told.contains("now says train.epochs = 2 (was 3)"), "{told}");
    let after = read();
    assert_eq!(before.lines().zip(after.lines()).filter(|(a, b)| a != b).count(), 2, "two lines, and no comment, are touched");
    assert!(place.expect(0, &["plan", "demo"]).contains("train[holdout]"));
    // All or none: the second is wrong, so the first is not written.
    let refused = place.expect(2, &["edit", "demo", "train.epochs=1", "train.batch=0"]);
    assert!(refused.contains(&path.display().to_string()) && refused.contains("train.batch"), "{refused}");
    assert_eq!(read(), after);
    assert!(place.expect(2, &["edit", "demo", "train.epoch=1"]).contains("epoch"));
    let changes = json(&place, &["edit", "demo", "train.epochs=3", "--json"]);
    assert_eq!((&changes["changes"][0]["before"], &changes["changes"][0]["after"]), (&Value::from("2"), &Value::from("3")));
}

#[test]
fn seeds_are_repeated_and_their_spread_reported() {
    let place = Place::new();
    let path = place.path().join("protocols/demo.toml");
    let plain = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, plain.replace("seed = 42\n\n[data]", "seed = 42\nseeds = [42, 43, 44]\n\n[data]")).expect("write");
    let early = place.expect(2, &["seeds", "demo"]);
    assert!(early.contains("pinfold run demo --seeds 42"), "{early}");
    let told = place.expect(0, &["run", "demo"]);
    assert!(told.contains("seed 44 (3 of 3)") && told.contains("deviation"), "{told}");
    let found = json(&place, &["seeds", "demo", "--json"]);
    assert_eq!(found["seeds"], serde_json::json!([42, 43, 44]));
    let mse = found["metrics"].as_array().expect("metrics").iter().find(|m| m["id"].as_str().is_some_and(|i| i.starts_with("mse/")));
    let mse = mse.expect("a mean squared error");
    let values: Vec<f64> = mse["values"].as_array().expect("values").iter().map(|v| v.as_f64().expect("number")).collect();
    assert_eq!(values.len(), 3);
    assert!(values[0] != values[1] && values[1] != values[2], "another seed, another number: {values:?}");
    let mean = values.iter().sum::<f64>() / 3.0;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    assert!((mse["mean"].as_f64().expect("mean") - mean).abs() < 1e-12);
    assert!((mse["deviation"].as_f64().expect("deviation") - deviation).abs() < 1e-12);
    // The list is no part of the identity: the protocol without it finds the same work done.
    std::fs::write(&path, &plain).expect("write");
    assert!(place.expect(0, &["plan", "demo"]).contains("everything is done"));
    let one = json(&place, &["seeds", "demo", "--seeds", "43,42", "--json"]);
    let mine = one["metrics"].as_array().expect("metrics").iter().find(|m| m["id"] == mse["id"]).expect("metric");
    assert_eq!(mine["values"], serde_json::json!([values[1], values[0]]));
    for (bad, says) in [("7,7", "given twice"), ("9223372036854775808", "too large")] {
        let told = place.expect(2, &["run", "demo", "--seeds", bad]);
        assert!(told.contains(says), "{told}");
    }
    assert!(place.expect(2, &["seeds", "demo"]).contains("lists none"));
}

#[test]
fn models_are_compared_gene_by_gene() {
    let place = Place::new();
    place.expect(0, &["run", "demo"]);
    place.expect(0, &["run", "demo", "--set", "train.epochs=12"]);
    let runs: Value = json(&place, &["status", "--json"]);
    let trial = runs[1]["protocol"].as_str().expect("a name").to_owned();
    let alone = json(&place, &["compare", "demo", "--block", "2", "--json"]);
    let model = &alone["models"][0];
    let (low, high) = (model["over_spots"][0].as_f64().expect("low"), model["over_spots"][1].as_f64().expect("high"));
    assert!(low < high && model["blocks"].as_u64().is_some_and(|n| n > 8), "{alone}");
    let found = json(&place, &["compare", "demo", &trial, "--json"]);
    let c = &found["against"][0]["contrast"];
    assert_eq!((c["genes"].as_u64(), c["lost"].as_u64()), (Some(6), Some(0)));
    let moved = c["mean_b"].as_f64().expect("mean") - c["mean_a"].as_f64().expect("mean");
    assert!((c["test"]["mean"].as_f64().expect("mean") - moved).abs() < 1e-12 && moved != 0.0);
    assert_eq!(c["mean_a"], model["value"], "all six genes have a PCC in both");
    assert_eq!(found["against"][0]["q"], c["test"]["p"], "one comparison, one p");
    let told = place.expect(0, &["compare", "demo", &trial]);
    assert!(told.contains("rank-biserial") && told.contains("another donor"), "{told}");
    assert!(place.expect(2, &["compare", "demo", "nothing"]).contains("no finished run"));
    assert!(place.expect(2, &["compare", "demo", "--block", "0"]).contains("--block"));
}

fn folders(place: &Place) -> Vec<PathBuf> {
    let list = |path: &Path| std::fs::read_dir(path).expect("list").map(|e| e.expect("entry").path()).collect::<Vec<_>>();
    let stages = list(&place.path().join("artifacts"));
    let mut out: Vec<PathBuf> = stages.iter().filter(|s| s.is_dir() && !s.ends_with(".work")).flat_map(|s| list(s)).collect();
    out.sort();
    out
}

#[test]
fn gc_says_first_and_never_touches_what_a_lock_names() {
    let place = Place::new();
    place.expect(0, &["run", "demo"]);
    place.expect(0, &["lock", "demo"]);
    let locked = folders(&place);
    // The newest run of the same name is now of another protocol: of what the lock names, no newest run says anything.
    let path = place.path().join("protocols/demo.toml");
    let plain = std::fs::read_to_string(&path).expect("read");
    let other = |epochs: &str| std::fs::write(&path, plain.replace("epochs = 3", epochs)).expect("write");
    other("epochs = 2");
    place.expect(0, &["run", "demo"]);
    let second: Vec<PathBuf> = folders(&place).into_iter().filter(|f| !locked.contains(f)).collect();
    other("epochs = 1");
    place.expect(0, &["run", "demo"]);
    let all = folders(&place);
    // Train, predict, evaluate, report of the second run belong to nobody.
    let listed = json(&place, &["gc", "--json"]);
    let mut named: Vec<PathBuf> =
        listed["leftovers"].as_array().expect("list").iter().map(|l| place.path().join(l["path"].as_str().expect("path"))).collect();
    named.sort();
    assert_eq!(named, second);
    assert_eq!(second.len(), 4, "{second:?}");
    let said = place.expect(0, &["gc"]);
    assert!(said.contains("nothing was removed") && folders(&place) == all, "{said}");
    let said = place.expect(0, &["gc", "--yes"]);
    assert!(said.contains("removed 4 folders"), "{said}");
    assert_eq!(folders(&place), all.into_iter().filter(|f| !second.contains(f)).collect::<Vec<_>>());
    std::fs::write(&path, &plain).expect("write");
    assert!(place.expect(0, &["plan", "demo"]).contains("everything is done"), "what is locked is still there");
    // Run folders go when asked for, but for the newest ones and the one whose journal the lock names.
    let runs = || std::fs::read_dir(place.path().join("runs")).expect("runs").count();
    assert_eq!(runs(), 3);
    let told = place.expect(0, &["gc", "--runs"]);
    assert!(told.contains("--runs --yes") && told.contains("1 folder,"), "{told}");
    place.expect(0, &["gc", "--runs", "--yes"]);
    assert_eq!(runs(), 2, "the first is locked, the third is the newest");
    // A trial is kept like a protocol of its own, until it is said that trials may go.
    let kept = folders(&place);
    place.expect(0, &["run", "demo", "--set", "train.epochs=4"]);
    assert!(json(&place, &["gc", "--json"])["leftovers"].as_array().expect("list").is_empty());
    place.expect(0, &["gc", "--trials", "--yes"]);
    assert_eq!(folders(&place), kept);
    // The reports are the newest run's; with the locked protocol again, they are the locked ones.
    place.expect(0, &["run", "demo"]);
    place.expect(0, &["audit"]);
    // A lock that was edited by hand names nothing for sure.
    let lock = place.path().join("pinfold.lock");
    let text = std::fs::read_to_string(&lock).expect("lock");
    let edited = text.replacen("protocol = \"demo\"", "protocol = \"demi\"", 1);
    assert_ne!(text, edited);
    std::fs::write(&lock, edited).expect("write");
    place.expect(2, &["gc", "--yes"]);
}

/// Mode bits of everything below a folder.
fn modes(root: &Path) -> Vec<(PathBuf, u32, bool)> {
    let mut out = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).expect("list") {
            let path = entry.expect("entry").path();
            let mode = std::fs::metadata(&path).expect("look").permissions().mode();
            out.push((path.clone(), mode, path.is_dir()));
            if path.is_dir() {
                left.push(path);
            }
        }
    }
    out
}

#[test]
fn a_group_shares_a_folder_that_it_may_write() {
    let run = |mode: u32| {
        let place = Place::new();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).expect("chmod");
        let done = std::process::Command::new("sh")
            .args(["-c", "umask 077; exec \"$0\" run demo", env!("CARGO_BIN_EXE_pinfold-engine")])
            .current_dir(place.path())
            .env_remove("PINFOLD_DATA")
            .output()
            .expect("starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let made: Vec<_> = ["artifacts", "runs", "reports"].iter().flat_map(|f| modes(&place.path().join(f))).collect();
        assert!(made.len() > 40, "{} files and folders", made.len());
        made
    };
    for (path, mode, folder) in run(0o2770) {
        let due = if folder { 0o2070 } else { 0o060 };
        assert_eq!(mode & due, due, "{}: {mode:o}", path.display());
        assert_eq!(mode & 0o007, 0, "{}: {mode:o} lets everybody in", path.display());
    }
    // A folder of one person stays so.
    for (path, mode, _) in run(0o700) {
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}
