//! Inheritance of protocol files: what is merged, what is refused, and where the fault is shown.

use pinfold::protocol::{self, Loaded, parse};
use std::path::{Path, PathBuf};

/// A folder with the demo and these files beside it.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    std::fs::copy(demo, dir.path().join("demo.toml")).expect("copy");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("write");
    }
    let path = dir.path().to_owned();
    (dir, path)
}

fn refused(files: &[(&str, &str)]) -> String {
    let (_dir, path) = folder(files);
    let failure = protocol::load(&path.join(files[0].0), &[]).expect_err("refused");
    assert_eq!(failure.exit as i32, 2);
    failure.to_string()
}

fn short(path: &Path) -> Loaded {
    protocol::load(&path.join("short.toml"), &[]).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_short_file_is_the_file_written_out() {
    let text = "extends = \"demo\"\nname = \"short\"\nunset = [\"split.test_size\"]\n[split]\nkind = \"kfold\"\nk = 4\n[genes]\nfrom = \"all\"\n\
                [data]\nslides = [\"S2\"]\n[train]\nlearning_rate = 3e-4\n[metrics.groups]\nfew = [\"S00\"]\n";
    let (_dir, path) = folder(&[("short.toml", text)]);
    let loaded = short(&path);
    let p = &loaded.protocol;
    assert_eq!((p.name.as_str(), p.split.k, p.split.test_size, p.split.seed), ("short", Some(4), None, 42));
    assert_eq!((p.data.slides.as_slice(), p.train.learning_rate, p.train.epochs), (["S2".to_owned()].as_slice(), 3e-4, 40));
    let demo = std::fs::read_to_string(path.join("demo.toml")).expect("read");
    let full = demo
        .replace("name = \"demo\"", "name = \"short\"")
        .replace("kind = \"holdout\"\ntest_size = 0.2", "kind = \"kfold\"\nk = 4")
        .replace("from = \"train\"", "from = \"all\"")
        .replace("[\"S1\", \"S2\", \"S3\"]", "[\"S2\"]")
        .replace("learning_rate = 0.01", "learning_rate = 0.0003")
        .replace("[figures]", "[metrics.groups]\nfew = [\"S00\"]\n[figures]");
    let other = tempfile::tempdir().expect("tempdir");
    std::fs::write(other.path().join("short.toml"), full).expect("write");
    let whole = short(other.path());
    assert_eq!(whole.protocol, loaded.protocol);
    assert_eq!(whole.protocol.digest(), loaded.protocol.digest());
    assert!(whole.parents.is_empty());
    assert_eq!(loaded.parents.iter().map(|p| p.digest).collect::<Vec<_>>(), [pinfold::base::Digest::of(demo.as_bytes())]);
    assert_eq!(parse::digest_of(&loaded.source, &[]).expect("merged text"), loaded.protocol.digest());
}

#[test]
fn overrides_lie_over_the_merged_protocol() {
    let (_dir, path) = folder(&[("short.toml", "extends = \"demo\"\nname = \"short\"\n[train]\nepochs = 3\n")]);
    let set = protocol::load(&path.join("short.toml"), &["train.batch=8".into()]).expect("sound");
    assert_eq!((set.protocol.train.epochs, set.protocol.train.batch, set.base_name()), (3, 8, "short"));
    assert_eq!(parse::digest_of(&set.source, &set.overrides).expect("digest"), set.protocol.digest());
}

#[test]
fn a_grandparent_counts_too_and_a_changed_one_changes_the_digest() {
    let files = [
        ("short.toml", "extends = \"middle\"\nname = \"short\"\n[train]\nepochs = 3\n"),
        ("middle.toml", "extends = \"demo\"\nname = \"middle\"\n[train]\nepochs = 5\nbatch = 9\n"),
    ];
    let (_dir, path) = folder(&files);
    let before = short(&path);
    assert_eq!((before.protocol.train.epochs, before.protocol.train.batch, before.parents.len()), (3, 9, 2));
    let demo = std::fs::read_to_string(path.join("demo.toml")).expect("read");
    std::fs::write(path.join("demo.toml"), demo.replace("side = 16", "side = 15")).expect("write");
    assert_ne!(short(&path).protocol.digest(), before.protocol.digest());
}

#[test]
fn faults_are_shown_in_the_file_that_has_them() {
    let missing = refused(&[("short.toml", "extends = \"nothing\"\nname = \"short\"\n")]);
    assert!(missing.contains("no protocol 'nothing'") && missing.contains("short.toml:1:11"), "{missing}");
    let cycle =
        refused(&[("short.toml", "extends = \"middle\"\nname = \"short\"\n"), ("middle.toml", "extends = \"short\"\nname = \"middle\"\n")]);
    assert!(cycle.contains("'short' extends this one in turn") && cycle.contains("middle.toml:1"), "{cycle}");
    let itself = refused(&[("short.toml", "extends = \"short\"\nname = \"short\"\n")]);
    assert!(itself.contains("in turn"), "{itself}");
    let outside = refused(&[("short.toml", "extends = \"../demo\"\nname = \"short\"\n")]);
    assert!(outside.contains("same folder"), "{outside}");
    let nameless = refused(&[("short.toml", "extends = \"demo\"\n[train]\nepochs = 2\n")]);
    assert!(nameless.contains("name of its own"), "{nameless}");
    let own = refused(&[("short.toml", "extends = \"demo\"\nname = \"short\"\n[train]\nepoks = 2\n")]);
    assert!(own.contains("epoks") && own.contains("short.toml:4"), "{own}");
    let kind = refused(&[("short.toml", "extends = \"demo\"\nname = \"short\"\n[train]\nbatch = \"many\"\n")]);
    assert!(kind.contains("short.toml:4") && kind.contains("batch = \"many\""), "{kind}");
    let semantic = refused(&[("short.toml", "extends = \"demo\"\nname = \"short\"\n[train]\nepochs = 0\n")]);
    assert!(semantic.contains("train.epochs") && semantic.contains("short.toml:4"), "{semantic}");
    let above = refused(&[
        ("short.toml", "extends = \"middle\"\nname = \"short\"\n"),
        ("middle.toml", "extends = \"demo\"\nname = \"middle\"\n\n[train]\nepochs = 0\n"),
    ]);
    assert!(above.contains("middle.toml:5"), "{above}");
    let broken = refused(&[("short.toml", "extends = \"middle\"\nname = \"short\"\n"), ("middle.toml", "name = \"middle\"\n[data")]);
    assert!(broken.contains("middle.toml:2"), "{broken}");
    let unset = refused(&[("short.toml", "extends = \"demo\"\nname = \"short\"\nunset = [\"split.k\"]\n")]);
    assert!(unset.contains("no key 'split.k'") && unset.contains("short.toml:3"), "{unset}");
    let alone = refused(&[("short.toml", "unset = [\"split.k\"]\nname = \"short\"\n")]);
    assert!(alone.contains("nothing to take keys from"), "{alone}");
    let name = refused(&[("short.toml", "extends = \"demo\"\nname = \"other\"\n")]);
    assert!(name.contains("differs from the file's") && name.contains("short.toml:2"), "{name}");
}

#[test]
fn a_chain_ends_somewhere() {
    let files: Vec<(String, String)> = (0..7)
        .map(|i| {
            (
                format!("p{i}.toml"),
                format!("extends = \"{}\"\nname = \"p{i}\"\n", if i < 6 { format!("p{}", i + 1) } else { "demo".into() }),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let text = refused(&borrowed);
    assert!(text.contains("more than 6 files") && text.contains("p5.toml"), "{text}");
    let (_dir, path) = folder(&borrowed);
    assert_eq!(protocol::load(&path.join("p2.toml"), &[]).expect("six files").parents.len(), 5);
}
