//! The whole way through the real program: run, lock, audit, report, in a workspace of its own, with a tiny network.
#![cfg(feature = "train")]

mod place;

use place::Place;
use std::process::Command;

#[test]
fn from_nothing_to_an_audited_number_and_the_same_bytes_twice() {
    let place = Place::new();
    let text = place.expect(0, &["run", "demo"]);
    assert!(text.contains("train[holdout]") && text.contains("finished"), "{text}");
    assert!(place.expect(0, &["lock", "demo"]).contains("class portable"));
    let audit = place.expect(0, &["audit"]);
    assert!(audit.contains("passed"), "{audit}");
    let report = place.expect(0, &["report", "demo", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert!(report["metrics"][0]["id"].as_str().is_some_and(|id| id.starts_with("pcc/gene/oof/skip/")));
    let pngs = report["files"].as_array().expect("files").iter().filter(|f| f.as_str().is_some_and(|f| f.ends_with(".png"))).count();
    assert!(pngs >= 5, "{report}");
    // A second run has nothing to do and changes nothing.
    let before = place.digests();
    let again = place.expect(0, &["run", "demo"]);
    assert!(again.contains("there already") && !again.contains("epoch"), "{again}");
    assert_eq!(place.digests(), before);
    // Locking again leaves the lock's bytes alone, since nothing timed is in it but the journal's last line.
    assert!(place.expect(0, &["list"]).contains("locked"));
    // Another clone, other loader threads: the same bytes, checkpoint and PNGs included.
    let other = Place::new();
    other.expect(0, &["run", "demo", "--json"]);
    let (a, b) = (place.digests(), other.digests());
    assert!(a.len() > 20);
    assert_eq!(a, b);
}

#[test]
fn a_run_killed_and_taken_up_again_ends_in_the_same_bytes() {
    let (whole, killed) = (Place::new(), Place::new());
    let arguments = ["--set", "train.epochs=40", "--set", "determinism.loader_threads=1"];
    whole.expect(0, &[&["run", "demo"][..], &arguments].concat());
    killed.expect(0, &[&["run", "demo", "--detach"][..], &arguments].concat());
    // Wait for the training to be under way, then kill the worker without a warning.
    let run = std::fs::read_dir(killed.path().join("runs")).expect("runs").next().expect("one").expect("entry").path();
    let journal = || std::fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    for _ in 0..600 {
        if journal().contains("\"event\":\"epoch\"") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let first: serde_json::Value = serde_json::from_str(journal().lines().next().expect("a line")).expect("JSON");
    let pid = first["place"]["pid"].as_u64().expect("pid");
    let done = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs").success();
    assert!(done, "the worker was still there");
    assert!(!journal().contains("run_done"), "killed in the middle");
    let status = killed.expect(0, &["status"]);
    assert!(status.contains("lost"), "{status}");
    killed.expect(0, &["resume"]);
    let only = |place: &Place| place.digests().into_iter().filter(|(p, _)| p.starts_with("artifacts/")).collect::<Vec<_>>();
    assert_eq!(only(&whole), only(&killed));
}

#[test]
fn bad_states_are_told_and_nothing_is_lost() {
    let place = Place::new();
    assert!(place.expect(2, &["run", "dem"]).contains("no protocol named 'dem'"));
    assert!(place.expect(2, &["lock", "demo"]).contains("pinfold run demo"));
    assert!(place.expect(2, &["audit"]).contains("no pinfold.lock"));
    place.expect(0, &["run", "demo"]);
    // A dirty tree is refused, and allowed with the difference stored.
    std::fs::write(place.path().join("notes.txt"), "x").expect("write");
    let dirty = place.expect(2, &["lock", "demo"]);
    assert!(dirty.contains("notes.txt") && dirty.contains("--allow-dirty"), "{dirty}");
    place.expect(0, &["lock", "demo", "--allow-dirty"]);
    place.expect(0, &["audit", "demo"]);
    // One flipped bit in a checkpoint: the audit names the file; so does a run that would use it.
    let checkpoint = place.digests().into_iter().map(|(p, _)| p).find(|p| p.ends_with("checkpoint.safetensors")).expect("checkpoint");
    let path = place.path().join(&checkpoint);
    let mut bytes = std::fs::read(&path).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).expect("write");
    assert!(place.expect(1, &["audit", "demo"]).contains(&checkpoint));
    assert!(place.expect(2, &["run", "demo"]).contains("damaged"));
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).expect("write");
    place.expect(0, &["audit", "demo"]);
    // An overridden run never locks under the protocol's own name.
    let named = place.expect(0, &["run", "demo", "--set", "train.epochs=2"]);
    assert!(named.contains("demo+"), "{named}");
    place.expect(0, &["lock", "demo", "--set", "train.epochs=2", "--allow-dirty"]);
    let lock = std::fs::read_to_string(place.path().join("pinfold.lock")).expect("lock");
    assert_eq!(lock.matches("protocol = \"demo\"").count(), 1, "{lock}");
    // No git repository.
    std::fs::remove_dir_all(place.path().join(".git")).expect("remove");
    let none = place.expect(2, &["lock", "demo"]);
    assert!(none.contains("git"), "{none}");
}

#[test]
fn the_portable_class_is_refused_where_it_cannot_be_had() {
    let place = Place::new();
    let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .args(["run", "demo", "--in-process"])
        .current_dir(place.path())
        .env_remove("MKL_CBWR")
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(4), "{text}");
    assert!(text.contains("MKL_CBWR=COMPATIBLE"), "{text}");
}
