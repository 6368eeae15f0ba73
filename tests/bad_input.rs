//! Bad input through the program itself: each says what, where and what to do, ends with exit code 2 (1 for a failed
//! audit), and nothing that was computed before is lost.

mod little_section;
#[cfg(feature = "train")]
mod place;

use little_section::{Fixture, gz, jpeg};
use std::path::Path;
use std::process::Command;

/// Runs the program in a folder; its exit code and what it says on stderr.
fn pinfold(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .args(args)
        .current_dir(folder)
        .env_remove("PINFOLD_DATA")
        .output()
        .expect("starts");
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

/// It must end with this exit code, say all `parts`, and say what is wrong and where or what to do, without a stack trace.
fn refused(folder: &Path, args: &[&str], code: i32, parts: &[&str]) {
    let (found, text) = pinfold(folder, args);
    assert_eq!(found, Some(code), "pinfold {}:\n{text}", args.join(" "));
    assert!(text.contains("pinfold: ") && !text.contains("panicked"), "{text}");
    for part in parts {
        assert!(text.contains(part), "pinfold {}: '{part}' is not in:\n{text}", args.join(" "));
    }
}

/// A fault of the data: its name, what does it, what must be said.
type Fault = (&'static str, fn(&Fixture), [&'static str; 3]);

fn change_counts(f: &Fixture, from: &str, to: &str) {
    assert!(f.counts.contains(from));
    f.write("ST-cnts/C2.tsv.gz", &gz(&f.counts.replacen(from, to, 1)));
}

fn change_spots(f: &Fixture, from: &str, to: &str) {
    assert!(f.spots.contains(from));
    f.write("ST-spotfiles/C2_selection.tsv", f.spots.replacen(from, to, 1).as_bytes());
}

const FAULTS: &[Fault] = &[
    (
        "truncated gzip",
        |f| f.write("ST-cnts/C2.tsv.gz", &gz(&f.counts)[..60]),
        ["truncated gzip", "at: her2st/data/ST-cnts/C2.tsv.gz", "do: fetch the file again"],
    ),
    (
        "missing column",
        |f| change_spots(f, "pixel_x\tpixel_y", "pixel_y"),
        ["column pixel_x is missing", "at: her2st/data/ST-spotfiles/C2_selection.tsv:1", "do: "],
    ),
    (
        "duplicate spot",
        |f| change_counts(f, "2x4\t", "2x3\t"),
        ["spot '2x3' comes twice", "at: her2st/data/ST-cnts/C2.tsv.gz:3", "do: remove one"],
    ),
    ("NaN", |f| change_counts(f, "2x4\t6", "2x4\tNaN"), ["'NaN' is not a finite number", "C2.tsv.gz:3, column 'AA'", "do: "]),
    ("negative", |f| change_counts(f, "2x4\t6", "2x4\t-6"), ["a negative count, -6", "C2.tsv.gz:3, column 'AA'", "do: "]),
    (
        "outside the image",
        |f| change_spots(f, "52.50\t97.50", "9952.50\t97.50"),
        ["1 of 12 spot centres lie outside", "C2_selection.tsv", "do: correct or remove this row"],
    ),
    (
        "half a JPEG",
        |f| {
            let whole = jpeg(1600, 1700);
            f.write("ST-imgs/C/C2/one.jpg", &whole[..whole.len() / 2]);
        },
        ["truncated or damaged JPEG", "at: her2st/data/ST-imgs/C/C2/one.jpg", "do: fetch the image again"],
    ),
    (
        "an empty image",
        |f| f.write("ST-imgs/C/C2/one.jpg", b""),
        ["empty file: 0 bytes", "at: her2st/data/ST-imgs/C/C2/one.jpg", "do: fetch it again"],
    ),
];

#[test]
fn a_check_of_the_data_names_the_file_and_the_line() {
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(dir.path().join("protocols")).expect("mkdir");
    let check = ["data", "check", "her2st", "--slides", "C2"];
    for (name, fault, parts) in FAULTS {
        let f = Fixture::at(dir.path().join("data"), None);
        f.tables();
        assert_eq!(pinfold(dir.path(), &check).0, Some(0), "the section is sound before: {name}");
        fault(&f);
        let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
            .args(check)
            .current_dir(dir.path())
            .env_remove("PINFOLD_DATA")
            .output()
            .expect("starts");
        let text = [out.stdout, out.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(out.status.code(), Some(2), "{name}: {text}");
        parts.iter().chain(&["refused sections: C2"]).for_each(|p| assert!(text.contains(p), "{name}: '{p}' is not in:\n{text}"));
    }
}

#[test]
fn a_mistake_in_a_protocol_is_shown_with_line_and_caret() {
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(dir.path().join("protocols")).expect("mkdir");
    let demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
    type Mistake<'a> = (&'a [(&'a str, &'a str)], [&'a str; 3]);
    let mistakes: &[Mistake] = &[
        (&[("epochs = 40", "epoks = 40")], ["unknown field `epoks`", "demo.toml:", "^^^^^"]),
        (&[("batch = 32", "batch = \"many\"")], ["invalid type: string \"many\"", "demo.toml:", "^^^^^^"]),
        (
            &[("from = \"train\"", "from = \"all\""), ("kind = \"holdout\"\ntest_size = 0.2", "kind = \"leave-one-slide-out\"\nk = 9")],
            ["9 folds asked for, and 3 slides", "demo.toml:", "^"],
        ),
        (&[("k = 36", "k = 0")], ["the gene panel is empty", "demo.toml:", "^"]),
        (
            &[("rule = \"top-mean\"\nk = 36\nfrom = \"train\"", "rule = \"list\"\nlist = []")],
            ["the gene panel is empty", "demo.toml:", "^"],
        ),
    ];
    for (changes, parts) in mistakes {
        let mut text = demo.clone();
        for (from, to) in *changes {
            assert!(text.contains(from), "the demo no longer says {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(dir.path().join("protocols/demo.toml"), text).expect("write");
        for command in ["plan", "run", "lock", "report"] {
            refused(dir.path(), &[command, "demo"], 2, parts);
        }
        assert!(!dir.path().join("runs").exists() && !dir.path().join("artifacts").exists(), "nothing was begun");
    }
}

#[cfg(feature = "train")]
#[test]
fn a_lock_edited_by_hand_and_a_flipped_bit_fail_the_audit_by_name() {
    let place = place::Place::new();
    place.expect(0, &["run", "demo"]);
    place.expect(0, &["lock", "demo"]);
    place.expect(0, &["audit"]);
    let audit = |code: i32, parts: &[&str]| refused(place.path(), &["audit"], code, parts);
    let lock = place.path().join("pinfold.lock");
    let sound = std::fs::read_to_string(&lock).expect("read");
    // A number made nicer.
    let digit = sound.rfind("value = \"0.").expect("a number") + "value = \"0.".len();
    let nicer = if &sound[digit..=digit] == "9" { "8" } else { "9" };
    std::fs::write(&lock, format!("{}{nicer}{}", &sound[..digit], &sound[digit + 1..])).expect("write");
    audit(1, &["the lock was edited", "at: pinfold.lock", "do: bring the lock back"]);
    // No TOML any more: the line is named, and `lock` does not write over it.
    let broken = sound.replacen("version = 1\n", "version = 1 1\n", 1);
    assert_ne!(broken, sound);
    std::fs::write(&lock, &broken).expect("write");
    audit(2, &["the lock is not in its form", "pinfold.lock:3", "do: "]);
    refused(place.path(), &["lock", "demo"], 2, &["the lock is not in its form", "pinfold.lock:3", "do: "]);
    assert_eq!(std::fs::read_to_string(&lock).expect("read"), broken, "left as it was");
    std::fs::write(&lock, &sound).expect("write");
    // One bit of a checkpoint.
    let name = place.digests().into_iter().map(|(p, _)| p).find(|p| p.ends_with("checkpoint.safetensors")).expect("checkpoint");
    let path = place.path().join(&name);
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).expect("write");
    audit(1, &["other content", &format!("at: {name}"), "do: bring its locked bytes back"]);
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).expect("write");
    // No repository: the commit cannot be looked at.
    std::fs::rename(place.path().join(".git"), place.path().join("away")).expect("move");
    audit(1, &["not in a git repository", "at: ", "do: "]);
    std::fs::rename(place.path().join("away"), place.path().join(".git")).expect("move");
    place.expect(0, &["audit"]);
}

#[cfg(feature = "train")]
#[test]
fn a_run_on_bad_data_is_refused_and_keeps_what_was_done() {
    let dir = tempfile::tempdir().expect("tempdir");
    let section = Fixture::at(dir.path().join("data"), None);
    section.tables();
    let place = place::Place::at(
        dir.path().to_owned(),
        Some(dir),
        &[
            ("dataset = \"synthetic\"\nslides = [\"S1\", \"S2\"]", "dataset = \"her2st\"\nslides = [\"C2\"]"),
            ("[data.synthetic]\nside = 7\npitch = 24\ngenes = 6\nseed = 7\n", ""),
            ("k = 6", "k = 2"),
        ],
    );
    place.expect(0, &["run", "demo"]);
    let done = place.digests();
    for (name, fault, parts) in FAULTS {
        fault(&section);
        refused(place.path(), &["run", "demo"], 2, parts);
        assert_eq!(place.digests(), done, "nothing is lost: {name}");
        section.tables();
        section.write("ST-imgs/C/C2/one.jpg", &jpeg(1600, 1700));
    }
    let again = place.expect(0, &["run", "demo"]);
    assert!(again.contains("there already") && !again.contains("epoch"), "{again}");
    assert_eq!(place.digests(), done);
}
