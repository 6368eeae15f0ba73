//! Protocol files: every shipped one is sound, every mistake is shown with its place.

use pinfold::protocol::{self, parse};
use std::path::{Path, PathBuf};

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols");
    let mut out: Vec<PathBuf> = std::fs::read_dir(folder).expect("protocols").map(|e| e.expect("entry").path()).collect();
    out.sort();
    out
}

/// The demo with one replacement, in a file of its own.
fn changed(from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
    assert!(demo.contains(from), "{from}");
    let path = dir.path().join("demo.toml");
    std::fs::write(&path, demo.replacen(from, to, 1)).expect("write");
    (dir, path)
}

fn refusal(from: &str, to: &str) -> String {
    let (_dir, path) = changed(from, to);
    let failure = protocol::load(&path, &[]).expect_err("refused");
    assert_eq!(failure.exit as i32, 2);
    failure.to_string()
}

#[test]
fn shipped_protocols_are_sound_and_round_trip() {
    let all = shipped();
    assert!(all.len() >= 3);
    for path in all {
        let loaded = protocol::load(&path, &[]).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let again = parse::from_canonical(loaded.protocol.canonical()).expect("canonical form reads back");
        assert_eq!(again, loaded.protocol, "{}", path.display());
        assert_eq!(parse::digest_of(&loaded.source, &[]).expect("digest"), loaded.protocol.digest());
    }
}

#[test]
fn mistakes_are_shown_with_file_line_and_caret() {
    let unknown = refusal("epochs = ", "epoks = 3\nepochs = ");
    assert!(unknown.contains("epoks") && unknown.contains("demo.toml:") && unknown.contains("^^^^^"), "{unknown}");
    let kind = refusal("batch = 32", "batch = \"many\"");
    assert!(kind.contains("demo.toml:") && kind.contains("batch = \"many\"") && kind.contains('^'), "{kind}");
    let empty = refusal("rule = \"top-mean\"\nk = 36", "rule = \"top-mean\"\nk = 0");
    assert!(empty.contains("gene panel is empty") && empty.contains("k = 0"), "{empty}");
    let list = refusal("rule = \"top-mean\"\nk = 36\nfrom = \"train\"", "rule = \"list\"\nlist = []");
    assert!(list.contains("gene panel is empty"), "{list}");
    let newer = refusal("schema = 1", "schema = 2");
    assert!(newer.contains("schema 2"), "{newer}");
    let name = refusal("name = \"demo\"", "name = \"other\"");
    assert!(name.contains("differs from the file's"), "{name}");
    let broken = refusal("[data]", "[data");
    assert!(broken.contains("demo.toml:"), "{broken}");
}

#[test]
fn more_folds_than_slides_are_refused() {
    let text = refusal("kind = \"holdout\"\ntest_size = 0.2", "kind = \"leave-one-slide-out\"\nk = 9");
    // The panel rule "train" is refused for folds first; a list has no such rule.
    assert!(text.contains("genes.from") || text.contains("9 folds"), "{text}");
    let (_dir, path) = changed("from = \"train\"", "from = \"all\"");
    let source = std::fs::read_to_string(&path)
        .expect("read")
        .replace("kind = \"holdout\"\ntest_size = 0.2", "kind = \"leave-one-slide-out\"\nk = 9");
    std::fs::write(&path, source).expect("write");
    let failure = protocol::load(&path, &[]).expect_err("refused").to_string();
    assert!(failure.contains("9 folds asked for, and 3 slides"), "{failure}");
}

#[test]
fn overrides_work_for_any_key_and_change_the_name() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    let set = |text: &str| protocol::load(&demo, &[text.to_owned()]);
    let two = set("train.epochs=2").expect("sound");
    assert_eq!(two.protocol.train.epochs, 2);
    assert!(two.name().starts_with("demo+") && two.base_name() == "demo", "{}", two.name());
    assert_eq!(set("train.learning_rate=1").expect("sound").protocol.train.learning_rate, 1.0);
    assert_eq!(set("network.name=tiny_cnn").expect("sound").protocol.network.name, protocol::schema::NetworkName::TinyCnn);
    assert_eq!(set("title=Other words").expect("sound").protocol.title, "Other words");
    assert_eq!(set("data.slides=[\"S1\",\"S2\"]").expect("sound").protocol.data.slides, ["S1", "S2"]);
    assert_ne!(set("train.epochs=3").expect("sound").name(), two.name());
    for bad in ["train.epoks=2", "train.epochs=many", "epochs", "train.epochs.x=1", "name=x", "train.epochs=0"] {
        let failure = set(bad).err().unwrap_or_else(|| panic!("{bad} was accepted"));
        assert!(failure.to_string().contains("--set"), "{failure}");
    }
}

#[test]
fn a_list_of_genes_needs_no_from_and_reads_back() {
    let (_dir, path) = changed("rule = \"top-mean\"\nk = 36\nfrom = \"train\"", "rule = \"list\"\nlist = [\"S00\"]");
    let loaded = protocol::load(&path, &[]).expect("sound");
    assert_eq!(loaded.protocol.panel_id(), "list-1@list");
    assert_eq!(parse::from_canonical(loaded.protocol.canonical()).expect("reads back"), loaded.protocol);
}

#[test]
fn the_manual_names_every_key() {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md")).expect("docs/protocol.md");
    fn keys(prefix: &str, value: &serde_json::Value, out: &mut Vec<String>) {
        if let serde_json::Value::Object(map) = value {
            for (k, v) in map {
                out.push(k.clone());
                if !matches!(k.as_str(), "digests" | "groups" | "ranked" | "quirks" | "offsets" | "threshold") {
                    keys(&format!("{prefix}{k}."), v, out);
                }
            }
        }
    }
    for path in shipped() {
        let loaded = protocol::load(&path, &[]).expect("sound");
        let mut all = Vec::new();
        keys("", &loaded.protocol.canonical(), &mut all);
        for key in all {
            assert!(
                manual.contains(&format!("`{key}`")) || manual.contains(&format!("`[{key}]`")) || manual.contains(&format!(".{key}]`")),
                "docs/protocol.md does not name '{key}'"
            );
        }
    }
}

#[test]
fn how_it_is_executed_is_no_part_of_the_identity() {
    let (_plain, plain) = changed("seed = 42", "seed = 42");
    let (_dir, path) = changed("seed = 42", "seed = 42\nexecutor = \"slurm\"");
    let mut source = std::fs::read_to_string(&path).expect("read");
    source.push_str("\n[slurm]\npartition = \"gpu\"\ntime = \"1-00\"\ngres = \"gpu:1\"\nextra = [\"--exclusive\"]\n");
    std::fs::write(&path, source).expect("write");
    let (with, without) = (protocol::load(&path, &[]).expect("sound"), protocol::load(&plain, &[]).expect("sound"));
    assert_eq!(with.protocol.slurm.partition.as_deref(), Some("gpu"));
    assert_eq!(with.protocol.digest(), without.protocol.digest());
    assert_eq!(parse::digest_of(&with.source, &["slurm.mem=2G".into()]).expect("digest"), without.protocol.digest());
    let set = protocol::load(&plain, &["executor=slurm".into(), "slurm.mem=2G".into()]).expect("sound");
    assert_eq!((set.name(), set.overrides.len(), set.protocol.slurm.mem.as_deref()), ("demo", 0, Some("2G")));
    let both = protocol::load(&plain, &["slurm.mem=2G".into(), "train.epochs=2".into()]).expect("sound");
    assert_eq!(both.name(), protocol::load(&plain, &["train.epochs=2".into()]).expect("sound").name());
    let bad = refusal("[figures]", "[slurm]\npartition = \"a\\n#SBATCH --wrap=x\"\n\n[figures]");
    assert!(bad.contains("slurm.partition") && bad.contains("demo.toml:"), "{bad}");
    // The canonical form has none of these keys, so the test above does not see them.
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md")).expect("docs/protocol.md");
    for key in ["executor", "partition", "account", "qos", "time", "mem", "cpus", "gres", "extra", "signal", "requeue"] {
        assert!(manual.contains(&format!("| `{key}` |")), "docs/protocol.md does not name '{key}'");
    }
}
