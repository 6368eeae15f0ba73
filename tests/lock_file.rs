//! The lockfile: its bytes, its reader's patience, merging, and the listing for `sha256sum`.

mod audit_world;

use audit_world::*;
use pinfold::base::{Digest, Exit};
use pinfold::lock::{self, Entry, FILE_NAME, LockFile, encode, merge_entry, parse, sha256sum};
use std::os::unix::fs::MetadataExt;

fn read_text(world: &World) -> String {
    std::fs::read_to_string(world.lockfile()).expect("read")
}

fn named(entry: &Entry, name: &str) -> Entry {
    let mut other = entry.clone();
    other.protocol = name.to_owned();
    other.overrides = vec![];
    other
}

fn plain(mut lock: LockFile) -> LockFile {
    lock.entries.iter_mut().for_each(|e| e.integrity = None);
    lock
}

#[test]
fn what_is_written_is_read_back_and_written_the_same() {
    let world = World::new();
    let entry = {
        let mut e = world.entry();
        e.normalise();
        e
    };
    let lock = world.read();
    assert!(lock.edits.is_empty());
    assert_eq!(plain(lock.clone()).entries, std::slice::from_ref(&entry));
    assert_eq!(encode(&lock).expect("encodes"), read_text(&world));
    // The order in which lists come does not matter where they have none of their own.
    let mut shuffled = entry;
    shuffled.data.reverse();
    shuffled.figures.reverse();
    shuffled.artifacts.iter_mut().for_each(|a| a.files.reverse());
    assert_eq!(encode(&LockFile { entries: vec![shuffled], edits: vec![] }).expect("encodes"), read_text(&world));
}

#[test]
fn a_sparse_entry_makes_the_round_trip_too() {
    let world = World::unlocked();
    let mut e = world.entry();
    (e.git, e.journal) = (None, None);
    (e.data, e.weights, e.artifacts, e.metrics, e.figures, e.leakage) = (vec![], vec![], vec![], vec![], vec![], vec![]);
    e.seeds.clear();
    e.determinism.switches.clear();
    e.protocol = "demo+0123abcd".to_owned();
    e.overrides = vec!["train.epochs=4".to_owned(), "note=\"a 'quoted' word\"".to_owned()];
    merge_entry(&world.lockfile(), &e).expect("locks");
    let lock = world.read();
    assert!(lock.edits.is_empty(), "{:?}", lock.edits);
    assert_eq!(plain(lock).entries, [e]);
}

#[test]
fn the_integrity_line_is_what_coreutils_would_say() {
    let world = World::new();
    let text = read_text(&world);
    let entry = &text[text.find("[[entry]]").expect("entry")..];
    let stated = entry.lines().find_map(|l| l.strip_prefix("integrity = ")).expect("line").trim_matches('"').to_owned();
    let without: String = entry.split_inclusive('\n').filter(|l| !l.starts_with("integrity = ")).collect();
    assert_eq!(Digest::of(without.as_bytes()).to_string(), stated);
}

#[test]
fn nothing_of_this_machine_gets_in() {
    let world = World::new();
    let text = read_text(&world);
    let host = pinfold::base::host::Place::here().host;
    for secret in [world.root.to_str().expect("text"), "/tmp", "/home", &host] {
        // A short host name may well be part of a word.
        assert!(secret.len() < 4 || (secret == host && host.len() < 9) || !text.contains(secret), "{secret}");
    }
}

#[test]
fn merging_keeps_the_bytes_of_the_others_and_an_unchanged_file() {
    let world = World::new();
    let entry = world.entry();
    merge_entry(&world.lockfile(), &named(&entry, "zebra")).expect("locks");
    merge_entry(&world.lockfile(), &named(&entry, "alpha")).expect("locks");
    let sound = read_text(&world);
    assert_eq!(world.read().entries.iter().map(|e| e.protocol.as_str()).collect::<Vec<_>>(), ["alpha", "demo", "zebra"]);
    assert_eq!(encode(&world.read()).expect("encodes"), sound);
    // Unchanged: the very same file stays.
    let before = std::fs::metadata(world.lockfile()).expect("meta").ino();
    merge_entry(&world.lockfile(), &entry).expect("locks");
    assert_eq!(std::fs::metadata(world.lockfile()).expect("meta").ino(), before);
    // Somebody edits 'alpha' by hand; locking 'demo' again leaves that edit to be found.
    put(&world.lockfile(), sound.replacen("reached = \"portable\"", "reached = \"machine\"", 1));
    let mut changed = entry;
    changed.seeds.insert("protocol".to_owned(), 43);
    merge_entry(&world.lockfile(), &changed).expect("locks");
    let lock = world.read();
    assert_eq!(lock.edits.iter().map(|e| e.entry.as_deref()).collect::<Vec<_>>(), [Some("alpha")]);
    assert_eq!(lock.entry("demo").expect("there").seeds["protocol"], 43);
    let expected = sound.replacen("reached = \"portable\"", "reached = \"machine\"", 1);
    let section = |text: &str, name: &str| {
        let start = text.find(&format!("[[entry]]\nprotocol = \"{name}\"")).expect("section");
        let end = text[start + 1..].find("[[entry]]").map_or(text.len(), |i| start + 1 + i);
        text[start..end].to_owned()
    };
    for name in ["alpha", "zebra"] {
        assert_eq!(section(&read_text(&world), name), section(&expected, name));
    }
    let folder: Vec<_> = std::fs::read_dir(&world.root).expect("list").map(|e| e.expect("entry").file_name()).collect();
    assert!(!folder.iter().any(|n| n.to_string_lossy().starts_with(".pinfold-")), "{folder:?}");
}

#[test]
fn two_branches_that_lock_different_protocols_merge_as_text() {
    let world = World::new();
    let entry = world.entry();
    let base = read_text(&world);
    merge_entry(&world.lockfile(), &named(&entry, "alpha")).expect("locks");
    let alpha = read_text(&world);
    // Each side only adds lines, in another place.
    let at = alpha.find("[[entry]]\nprotocol = \"demo\"").expect("demo");
    assert_eq!(alpha[at..], base[base.find("[[entry]]").expect("demo")..]);
}

#[test]
fn hand_edits_that_break_the_form_show_line_and_caret() {
    let world = World::new();
    let sound = read_text(&world);
    let cases = [
        ("clean = true", "clean = maybe", "clean = maybe"),
        ("clean = true", "clean = true\ncolour = 1", "colour"),
        ("n = 3", "n = \"three\"", "\"three\""),
        ("path = \"protocols/demo.toml\"", "path = \"/etc/passwd\"", "\"/etc/passwd\""),
        ("path = \"protocols/demo.toml\"", "path = \"../demo.toml\"", "\"../demo.toml\""),
        ("title = ", "title = \"x\\u001b[31m\" # ", "[31m"),
        ("reached = \"portable\"", "reached = \"perfect\"", "\"perfect\""),
        ("role = \"image\"", "role = 'see /home/alice'", "see /home/alice"),
        ("bytes = 7", "bytes = -7", "-7"),
    ];
    for (from, to, at) in cases {
        let text = sound.replacen(from, to, 1);
        assert_ne!(text, sound, "{from}");
        let failure = parse(text.as_bytes(), FILE_NAME).expect_err(to);
        assert_eq!(failure.exit, Exit::BadInput, "{to}");
        let shown = failure.to_string();
        let line = text[..text.find(at.trim_matches('"')).unwrap_or(0)].matches('\n').count() + 1;
        assert!(shown.contains(&format!("pinfold.lock:{line}:")), "{to}: {shown}");
        assert!(shown.contains("^") && shown.contains("do: "), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        // Nothing is overwritten that cannot be read.
        put(&world.lockfile(), &text);
        assert!(merge_entry(&world.lockfile(), &world.entry()).is_err());
        assert_eq!(read_text(&world), text);
    }
    let twice = format!("{sound}\n{}", &sound[sound.find("[[entry]]").expect("entry")..]);
    assert!(parse(twice.as_bytes(), FILE_NAME).expect_err("twice").what.contains("two entries 'demo'"));
    let marks = sound.replacen("clean = true", "<<<<<<< ours\nclean = true\n=======\nclean = false\n>>>>>>> theirs", 1);
    assert!(parse(marks.as_bytes(), FILE_NAME).expect_err("marks").to_string().contains("a merge left its marks"));
}

#[test]
fn edits_that_keep_the_form_are_listed_with_their_line() {
    let world = World::new();
    let sound = read_text(&world);
    for (from, to) in [
        ("clean = true", "clean = false"),
        ("clean = true", "clean  = true"),
        ("clean = true", "clean = true # checked by me"),
        ("# Written", "# written"),
        ("\n[entry.seeds]", "\n\n[entry.seeds]"),
        ("value = ", "value = \"undefined\" # "),
    ] {
        let text = sound.replacen(from, to, 1);
        let lock = parse(text.as_bytes(), FILE_NAME).expect("still a lock");
        assert!(!lock.edits.is_empty(), "{to}");
        if !to.contains("false") && !to.contains("undefined") {
            let line = text.lines().zip(sound.lines()).position(|(a, b)| a != b).expect("differs") + 1;
            assert_eq!(lock.edits[0].line, line, "{to}");
        }
    }
    assert!(!parse(sound.replace('\n', "\r\n").as_bytes(), FILE_NAME).expect("reads").edits.is_empty());
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let world = World::new();
    let newer = read_text(&world).replace("version = 1\n", "version = 2\nnew_idea = true\n");
    put(&world.lockfile(), &newer);
    let failure = lock::read(&world.lockfile()).expect_err("newer");
    assert_eq!(failure.exit, Exit::BadInput);
    assert!(failure.to_string().contains("the lock has version 2, and this pinfold knows 1"), "{failure}");
    assert!(failure.to_string().contains(":3:"), "{failure}");
    assert!(merge_entry(&world.lockfile(), &world.entry()).is_err());
    assert_eq!(read_text(&world), newer);
    for version in ["0", "-1", "\"1\"", "1.0"] {
        assert!(parse(format!("version = {version}\n").as_bytes(), FILE_NAME).is_err(), "{version}");
    }
    assert!(parse(b"", FILE_NAME).is_err());
    assert!(parse(b"version = 1\n\xff", FILE_NAME).expect_err("bytes").to_string().contains("not UTF-8"));
    std::fs::remove_file(world.lockfile()).expect("remove");
    let failure = lock::read(&world.lockfile()).expect_err("gone");
    assert!(failure.exit == Exit::BadInput && failure.hint.is_some());
}

#[test]
fn what_may_not_be_locked_is_refused_before_a_byte_is_written() {
    let world = World::unlocked();
    let sound = world.entry();
    type Edit = fn(&mut Entry);
    let cases: [(&str, Edit); 16] = [
        ("absolute path", |e| e.path = "/home/alice/demo.toml".into()),
        ("climbing path", |e| e.data[0].path = "../x".into()),
        ("backslash", |e| e.weights[0].path = "weights\\b0".into()),
        ("control character", |e| e.metrics[0].title = "mean\nPCC".into()),
        ("hidden text", |e| e.leakage[0].text = "none\u{202e}".into()),
        ("path in an override", |e| (e.protocol, e.overrides) = ("demo+1".into(), vec!["weights=/scratch/b0".into()])),
        ("path in a switch", |e| _ = e.determinism.switches.insert("HOME".into(), "/root".into())),
        ("path as a key", |e| _ = e.seeds.insert("/root/x".into(), 1)),
        ("its own name under overrides", |e| e.overrides = vec!["train.epochs=2".into()]),
        ("seed of 64 bits", |e| _ = e.seeds.insert("big".into(), 1 << 63)),
        ("unknown class", |e| e.determinism.reached = "perfect".into()),
        ("not a commit", |e| e.git.as_mut().expect("git").commit = "HEAD".into()),
        ("padded number", |e| e.metrics[0].value = "0.10".into()),
        ("file twice", |e| e.data[1] = e.data[0].clone()),
        ("label twice", |e| e.artifacts[1].label = e.artifacts[0].label.clone()),
        ("digest that does not follow", |e| e.artifacts[1].files[0].sha256 = Digest::of(b"other")),
    ];
    for (what, edit) in cases {
        let mut entry = sound.clone();
        edit(&mut entry);
        let failure = merge_entry(&world.lockfile(), &entry).expect_err(what);
        assert_eq!(failure.exit, Exit::BadInput, "{what}");
        assert!(!failure.to_string().contains('\u{1b}') && !world.lockfile().exists(), "{what}");
    }
    merge_entry(&world.lockfile(), &sound).expect("the sound one");
}

#[test]
fn a_tainted_or_damaged_artifact_is_not_pinned() {
    let world = World::new();
    let train = world.read().entries[0].artifacts[1].clone();
    let folder = world.root.join(lock::artifact_folder(&train.stage, train.key));
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("read");
    let pin = || lock::artifact(&world.root, &train.label, &train.stage, train.key);
    assert_eq!(pin().expect("sound"), train);
    put(&folder.join("manifest.json"), manifest.replace("\"tainted\": false", "\"tainted\": true"));
    assert!(pin().expect_err("tainted").what.contains("tainted"));
    put(&folder.join("manifest.json"), &manifest[..40]);
    assert!(pin().expect_err("cut").what.contains("not a sound manifest"));
    put(&folder.join("manifest.json"), &manifest);
    put(&folder.join("checkpoint.safetensors"), "short");
    let failure = pin().expect_err("damaged");
    assert!(failure.to_string().contains("checkpoint.safetensors"), "{failure}");
}

#[test]
fn the_listing_is_accepted_by_sha256sum() {
    let world = World::new();
    let entry = world.read().entries.remove(0);
    let outside = sha256sum(&entry, &world.root, Some(&world.data));
    assert!(outside.left_out.len() == 1 && outside.left_out[0].contains("2 data files of 'demo' are not listed"), "{outside:?}");
    assert!(!outside.text.contains("her2st"));
    // Moved below the workspace, the data files are listed by the path that reaches them.
    std::fs::rename(&world.data, world.root.join("data")).expect("move");
    let inside = sha256sum(&entry, &world.root, Some(&world.root.join("data")));
    assert!(inside.left_out.is_empty() && inside.text.contains("  data/her2st/ST-cnts/A1.tsv.gz\n"));
    let files = files_below(&world.root).into_iter().filter(|f| f != FILE_NAME && f != ".gitignore").count();
    assert_eq!(inside.text.lines().count(), files);
    let check = |text: &str| {
        put(&world.dir.path().join("sums"), text);
        let out = std::process::Command::new("sha256sum").args(["--strict", "-c", "../sums"]).current_dir(&world.root).output();
        match out {
            Ok(out) => out.status.success(),
            Err(_) => panic!("this test needs sha256sum (coreutils)"),
        }
    };
    assert!(check(&inside.text) && check(&outside.text));
    put(&world.root.join("reports/demo/report.md"), "# other\n");
    assert!(!check(&inside.text));
}

#[test]
fn paths_with_odd_but_fair_names_survive() {
    let world = World::unlocked();
    let mut entry = world.entry();
    for name in ["a b.txt", "ü \"q\" 'x'.txt", "*star", "#hash", "[x]=y.toml"] {
        put(&world.root.join("weights").join(name), name);
        entry.weights.push(lock::file_pin(&world.root, &format!("weights/{name}")).expect("pins"));
    }
    merge_entry(&world.lockfile(), &entry).expect("locks");
    entry.normalise();
    assert_eq!(plain(world.read()).entries[0], entry);
    assert!(lock::file_pin(&world.root, "../x").is_err() && lock::file_pin(&world.root, "/etc/hostname").is_err());
}
