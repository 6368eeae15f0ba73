//! The audit on a small workspace: what it accepts, what it finds, and how it says so.

mod audit_world;

use audit_world::*;
use pinfold::audit::{AuditReport, Level, Request, State, render_items, render_text, run};
use pinfold::base::{Digest, Exit};
use pinfold::lock::{self, Described, GitPin, LockFile, describe, file_pin, merge_entry, parse};
use std::sync::Mutex;

fn audit_lock(world: &World, lock: &LockFile, level: Level) -> AuditReport {
    run(&world.root, Some(&world.data), lock, &Request::all(level), &|_| {}).expect("runs")
}

fn audit(world: &World, level: Level) -> AuditReport {
    audit_lock(world, &world.read(), level)
}

/// The audit fails and its first difference names this file.
fn names(report: &AuditReport, file: &str) {
    assert!(!report.passed, "passed, where {file} is wrong");
    assert!(report.items().any(|i| i.state.fails() && i.path == file), "{file} is not named:\n{}", render_text(report));
    assert_eq!(report.failure().expect("fails").exit, Exit::CheckFailed);
}

#[test]
fn a_sound_workspace_passes_both_levels_and_nothing_is_written() {
    let world = World::new();
    let before: Vec<_> =
        files_below(&world.root).into_iter().map(|f| (Digest::of_file(&world.root.join(&f)).expect("digest"), f)).collect();
    let seen = Mutex::new(Vec::new());
    let report =
        run(&world.root, Some(&world.data), &world.read(), &Request::all(Level::Metrics), &|p| seen.lock().expect("lock").push(p.clone()))
            .expect("runs");
    assert!(report.passed, "{}", render_text(&report));
    assert_eq!(report.count(State::Skipped), 0, "{}", render_items(&report));
    assert!(report.failure().is_none() && report.first_difference.is_none());
    let after: Vec<_> = files_below(&world.root).into_iter().map(|f| (Digest::of_file(&world.root.join(&f)).expect("digest"), f)).collect();
    assert_eq!(before, after);
    let seen = seen.into_inner().expect("lock");
    let last = seen.last().expect("progress");
    assert_eq!((last.files, last.bytes), (last.files_total, last.bytes_total));
    assert!(seen.windows(2).all(|w| w[0].files < w[1].files));
    let json = serde_json::to_value(&report).expect("json");
    assert_eq!(
        (json["passed"].as_bool(), json["level"].as_str(), json["entries"][0]["items"][0]["state"].as_str()),
        (Some(true), Some("metrics"), Some("verified"))
    );
}

#[test]
fn every_locked_file_is_guarded_byte_by_byte() {
    let world = World::new();
    let lock = world.read();
    let mut files: Vec<(std::path::PathBuf, String)> = files_below(&world.root)
        .into_iter()
        .filter(|f| f != lock::FILE_NAME && f != ".gitignore")
        .map(|f| (world.root.join(&f), f))
        .collect();
    files.extend(files_below(&world.data).into_iter().map(|f| (world.data.join(&f), f)));
    assert!(files.len() > 15);
    for (path, name) in files {
        let sound = std::fs::read(&path).expect("read");
        // Every byte of small files, and spread ones of larger files, another bit each time.
        let step = sound.len().div_ceil(12).max(1);
        for at in (0..sound.len()).step_by(step).chain([sound.len() - 1]) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&path, bytes).expect("write");
            names(&audit_lock(&world, &lock, Level::Digests), &name);
        }
        for cut in [&sound[..sound.len() - 1], &[], &[sound.as_slice(), b"\0"].concat()] {
            std::fs::write(&path, cut).expect("write");
            names(&audit_lock(&world, &lock, Level::Digests), &name);
        }
        std::fs::remove_file(&path).expect("remove");
        let gone = audit_lock(&world, &lock, Level::Digests);
        names(&gone, &name);
        assert_eq!(gone.count(State::Missing), 1, "{name}");
        std::fs::write(&path, &sound).expect("write");
    }
    assert!(audit(&world, Level::Digests).passed);
}

#[test]
fn every_byte_of_the_lock_is_guarded() {
    let world = World::new();
    let sound = std::fs::read(world.lockfile()).expect("read");
    let (mut edited, mut refused) = (0, 0);
    for at in 0..sound.len() {
        // The lowest bit keeps most bytes printable, at every place; now and then 0x20, which changes the case of
        // letters, and the highest, which breaks UTF-8.
        let masks: &[u8] = if at % 7 == 0 { &[0x01, 0x20, 0x80] } else { &[0x01] };
        for &mask in masks {
            let mut bytes = sound.clone();
            bytes[at] ^= mask;
            match parse(&bytes, "pinfold.lock") {
                Err(e) => {
                    refused += 1;
                    assert_eq!(e.exit, Exit::BadInput);
                    assert!(e.place.as_deref().is_some_and(|p| p.starts_with("pinfold.lock:")), "byte {at}: {e}");
                }
                Ok(lock) => {
                    edited += 1;
                    assert!(
                        !lock.edits.is_empty(),
                        "byte {at} ^ {mask:#x} went unseen: {:?}",
                        String::from_utf8_lossy(&bytes[at.saturating_sub(30)..(at + 30).min(bytes.len())])
                    );
                    if at % 97 == 0 {
                        let report = audit_lock(&world, &lock, Level::Digests);
                        names(&report, "pinfold.lock");
                        assert!(report.first_difference.expect("said").contains("the lock was edited"));
                    }
                }
            }
        }
    }
    assert!(edited > 1000 && refused > 1000, "{edited} edited, {refused} refused");
    // Cut short anywhere: refused, or edited, or (cut right before the only entry) an empty lock, which no audit accepts.
    for end in 0..sound.len() {
        let unseen = parse(&sound[..end], "pinfold.lock").is_ok_and(|lock| lock.edits.is_empty() && !lock.entries.is_empty());
        assert!(!unseen, "cut at {end}");
    }
}

#[test]
fn an_unlocked_file_in_an_artifact_folder_is_found() {
    let world = World::new();
    let lock = world.read();
    let folder = lock::artifact_folder("evaluate", lock.entries[0].artifacts.last().expect("evaluate").key);
    put(&world.root.join(&folder).join("sub/metrics.json"), "{}");
    names(&audit(&world, Level::Digests), &format!("{folder}/sub/metrics.json"));
}

#[test]
fn links_that_lead_out_of_the_workspace_are_not_followed() {
    let world = World::new();
    let inside = world.root.join("weights/b0.safetensors");
    let outside = world.dir.path().join("elsewhere");
    std::fs::rename(&inside, &outside).expect("move");
    std::os::unix::fs::symlink(&outside, &inside).expect("link");
    let report = audit(&world, Level::Digests);
    names(&report, "weights/b0.safetensors");
    assert!(render_text(&report).contains("leads out of the workspace"));
    std::fs::remove_file(&inside).expect("remove");
    std::fs::rename(world.root.join("weights"), world.root.join("heavy")).expect("move");
    std::fs::rename(&outside, world.root.join("heavy/b0.safetensors")).expect("move");
    std::os::unix::fs::symlink("heavy", world.root.join("weights")).expect("link");
    assert!(audit(&world, Level::Digests).passed, "a link inside the workspace is fine");
    std::fs::remove_file(world.root.join("heavy/b0.safetensors")).expect("remove");
    rustix_fifo(&world.root.join("heavy/b0.safetensors"));
    names(&audit(&world, Level::Digests), "weights/b0.safetensors");
}

fn rustix_fifo(path: &std::path::Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).expect("fifo");
}

#[test]
fn missing_data_is_told_and_fails_only_when_asked_for() {
    let world = World::new();
    let lock = world.read();
    for data in [None, Some(world.dir.path().join("nowhere")), Some(world.root.clone())] {
        let report = run(&world.root, data.as_deref(), &lock, &Request::all(Level::Metrics), &|_| {}).expect("runs");
        assert!(report.passed, "{}", render_text(&report));
        assert_eq!(report.count(State::Skipped), 1);
        assert!(render_text(&report).contains("2 data files were not checked"));
        let strict = Request { require_data: true, ..Request::all(Level::Digests) };
        assert!(!run(&world.root, data.as_deref(), &lock, &strict, &|_| {}).expect("runs").passed);
    }
    std::fs::remove_file(world.data.join("her2st/A1.jpg")).expect("remove");
    names(&audit(&world, Level::Digests), "her2st/A1.jpg");
}

#[test]
fn a_figure_with_another_text_chunk_is_told_from_another_picture() {
    let world = World::new();
    put(&world.root.join("reports/demo/genes.png"), png(7, "by somebody"));
    let text = audit(&world, Level::Digests).first_difference.expect("differs");
    assert!(text.contains("the picture itself is the same"), "{text}");
    put(&world.root.join("reports/demo/genes.png"), png(8, "by pinfold"));
    let text = audit(&world, Level::Digests).first_difference.expect("differs");
    assert!(text.contains("the picture itself differs"), "{text}");
}

#[test]
fn a_drifted_protocol_is_said_to_have_drifted() {
    let world = World::new();
    put(&world.root.join("protocols/demo.toml"), format!("{PROTOCOL}# more\n"));
    let report = audit(&world, Level::Metrics);
    names(&report, "protocols/demo.toml");
    assert!(report.entries[0].drifted);
    assert!(render_text(&report).contains("drifted: it is no longer the protocol that was locked"));
    // At the commit it still is.
    assert_eq!(report.items().filter(|i| i.state.fails()).count(), 1);
}

#[test]
fn the_commit_must_exist_and_hold_the_protocol() {
    let world = World::new();
    let mut entry = world.read().entries.remove(0);
    entry.git.as_mut().expect("git").commit = "0123456789012345678901234567890123456789".to_owned();
    merge_entry(&world.lockfile(), &entry).expect("locks");
    let report = audit(&world, Level::Digests);
    assert!(!report.passed && render_text(&report).contains("this repository has no such commit"));

    let world = World::new();
    put(&world.root.join("protocols/demo.toml"), "name = \"other\"\n");
    let commit = commit_all(&world.root, "another protocol");
    let mut entry = world.read().entries.remove(0);
    let Described::Commit(state) = describe(&world.root).expect("describes") else { panic!("plain") };
    assert_eq!(state.commit, commit);
    entry.git = Some(GitPin { commit, tree: state.tree, clean: true, patch: None });
    merge_entry(&world.lockfile(), &entry).expect("locks");
    put(&world.root.join("protocols/demo.toml"), PROTOCOL);
    let report = audit(&world, Level::Digests);
    names(&report, "protocols/demo.toml");
    assert!(render_text(&report).contains("has another protocol than the locked one"), "{}", render_text(&report));

    std::fs::remove_dir_all(world.root.join(".git")).expect("remove");
    let report = audit(&world, Level::Digests);
    assert!(!report.passed && render_text(&report).contains("not in a git repository"), "{}", render_text(&report));
}

#[test]
fn a_dirty_tree_is_audited_with_its_stored_patch() {
    let world = World::unlocked();
    let changed = format!("{PROTOCOL}# tried\n");
    put(&world.root.join("protocols/demo.toml"), &changed);
    put(&world.root.join("artifacts/patches/demo.patch"), lock::diff_patch(&world.root).expect("patch"));
    let mut entry = world.entry();
    entry.sha256 = Digest::of(changed.as_bytes());
    let git = entry.git.as_mut().expect("git");
    assert!(!git.clean);
    git.patch = Some(file_pin(&world.root, "artifacts/patches/demo.patch").expect("pins"));
    merge_entry(&world.lockfile(), &entry).expect("locks");
    let report = audit(&world, Level::Metrics);
    assert!(report.passed, "{}", render_text(&report));
    assert!(render_text(&report).contains("the stored patch holds the change"));
    put(&world.root.join("artifacts/patches/demo.patch"), "nothing");
    names(&audit(&world, Level::Digests), "artifacts/patches/demo.patch");
}

#[test]
fn numbers_that_do_not_follow_from_the_predictions_are_named() {
    // A locked number with another last digit, in a lock whose integrity line is right.
    let world = World::new();
    let mut entry = world.read().entries.remove(0);
    let sound = entry.metrics[0].value.clone();
    let last = sound.chars().last().expect("digit");
    entry.metrics[0].value = format!("{}{}", &sound[..sound.len() - 1], if last == '3' { '4' } else { '3' });
    let id = entry.metrics[0].id.clone();
    merge_entry(&world.lockfile(), &entry).expect("locks");
    assert!(audit(&world, Level::Digests).passed);
    let report = audit(&world, Level::Metrics);
    names(&report, &id);
    assert!(report.first_difference.expect("said").contains(&format!("computed again it is {sound}")));

    // A metrics.json that was made up and locked: every digest is right, the numbers are not.
    let world = World::unlocked();
    let mut entry = world.entry();
    let evaluate = entry.artifacts.last_mut().expect("evaluate");
    let folder = world.root.join(lock::artifact_folder("evaluate", evaluate.key));
    let text = std::fs::read_to_string(folder.join("metrics.json")).expect("read");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("json");
    value["genes"][1]["pcc"] = serde_json::json!(0.99);
    let forged = serde_json::to_string_pretty(&value).expect("json");
    put(&folder.join("metrics.json"), &forged);
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("read");
    let manifest = manifest.replace(&Digest::of(text.as_bytes()).to_string(), &Digest::of(forged.as_bytes()).to_string());
    put(&folder.join("manifest.json"), manifest.replace(&format!("\"bytes\": {}", text.len()), &format!("\"bytes\": {}", forged.len())));
    *evaluate = lock::artifact(&world.root, "evaluate", "evaluate", evaluate.key).expect("pins");
    merge_entry(&world.lockfile(), &entry).expect("locks");
    assert!(audit(&world, Level::Digests).passed);
    let report = audit(&world, Level::Metrics);
    let first = report.first_difference.expect("differs");
    assert!(first.contains("genes.FASN.pcc is 0.99"), "{first}");

    // Damaged predictions are not computed with; the damage is what is reported.
    let world = World::new();
    let predict = world.read().entries[0].artifacts.iter().find(|a| a.label == "predict[C2]").expect("there").key;
    let file = format!("{}/predictions.safetensors", lock::artifact_folder("predict", predict));
    let mut bytes = std::fs::read(world.root.join(&file)).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    put(&world.root.join(&file), bytes);
    let report = audit(&world, Level::Metrics);
    names(&report, &file);
    assert!(render_text(&report).contains("was not computed again"));
    assert_eq!(report.count(State::Failed), 1);
}

#[test]
fn the_resolved_protocol_is_compared_when_somebody_can_resolve_it() {
    let world = World::new();
    let good = |text: &str, overrides: &[String]| {
        assert_eq!((text, overrides.len()), (PROTOCOL, 0));
        Ok(Digest::of(b"resolved"))
    };
    let request = Request { resolve: Some(&good), ..Request::all(Level::Digests) };
    assert!(run(&world.root, None, &world.read(), &request, &|_| {}).expect("runs").passed);
    let other = |_: &str, _: &[String]| Ok(Digest::of(b"other defaults"));
    let request = Request { resolve: Some(&other), ..Request::all(Level::Digests) };
    names(&run(&world.root, None, &world.read(), &request, &|_| {}).expect("runs"), "protocols/demo.toml");
}

#[test]
fn unknown_entries_and_an_empty_lock_are_wrong_use() {
    let world = World::new();
    let request = Request { entries: vec!["nope".to_owned()], ..Request::all(Level::Digests) };
    let failure = run(&world.root, None, &world.read(), &request, &|_| {}).expect_err("unknown");
    assert_eq!(failure.exit, Exit::BadInput);
    assert!(failure.to_string().contains("it has: demo"), "{failure}");
    assert!(run(&world.root, None, &LockFile::default(), &Request::all(Level::Digests), &|_| {}).is_err());
}

#[test]
fn a_manifest_must_say_what_the_lock_says() {
    let world = World::unlocked();
    let mut entry = world.entry();
    let train = entry.artifacts.iter_mut().find(|a| a.label == "train[C1]").expect("there");
    let place = format!("{}/manifest.json", lock::artifact_folder("train", train.key));
    let sound = std::fs::read_to_string(world.root.join(&place)).expect("read");
    for (from, to, said) in [
        ("\"tainted\": false", "\"tainted\": true", "tainted"),
        ("\"epochs\": 2", "\"epochs\": 9", "does not follow from its stage, parameters and inputs"),
        ("\"notes/history.json\"", "\"notes/history.jsom\"", "does not say the same as the lock about 'notes/history.jso"),
        ("\"stage\": \"train\"", "\"stage\": \"drain\"", "belongs to another artifact"),
    ] {
        let text = sound.replace(from, to);
        assert_ne!(text, sound);
        put(&world.root.join(&place), &text);
        entry.artifacts.iter_mut().find(|a| a.label == "train[C1]").expect("there").manifest = Digest::of(text.as_bytes());
        merge_entry(&world.lockfile(), &entry).expect("locks");
        let report = audit(&world, Level::Digests);
        names(&report, &place);
        assert!(report.first_difference.as_deref().is_some_and(|d| d.contains(said)), "{:?}", report.first_difference);
    }
}

#[test]
fn the_text_is_plain_and_aligned() {
    let world = World::new();
    let text = render_text(&audit(&world, Level::Metrics));
    assert!(text.starts_with("audit: passed   level metrics"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\t'));
    assert!(text.contains("  artifacts  verified     "), "{text}");
    let protocol = world.root.join("protocols/demo.toml");
    std::fs::remove_file(protocol).expect("remove");
    let text = render_text(&audit(&world, Level::Digests));
    assert!(text.contains("FAILED: ") && text.contains("1 missing") && text.contains("first difference: protocols/demo.toml"), "{text}");
}
