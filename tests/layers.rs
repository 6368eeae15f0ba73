//! The house has floors: a module imports only from floors below its own, and each heavy crate lives in one place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules, and the modules that each may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("stats", &["base"]),
    ("protocol", &["base", "stats"]),
    ("dataset", &["base", "stats"]),
    ("histology", &["base", "stats"]),
    ("split", &["base", "stats"]),
    ("weights", &["base"]),
    ("nn", &["base"]),
    ("report", &["base", "stats", "protocol"]),
    ("engine", &["base"]),
    ("lock", &["base", "protocol"]),
    ("train", &["base", "stats", "protocol", "histology", "nn"]),
    ("stage", &["base", "stats", "protocol", "dataset", "histology", "split", "nn", "report", "engine", "train"]),
    ("plan", &["base", "stats", "protocol", "dataset", "engine", "lock", "stage"]),
    ("audit", &["base", "stats", "protocol", "engine", "lock", "stage", "plan"]),
    ("tui", &["base", "stats", "protocol", "dataset", "report", "engine", "lock", "stage", "plan", "audit", "train"]),
    (
        "cli",
        &[
            "base", "stats", "protocol", "dataset", "split", "nn", "report", "engine", "lock", "stage", "plan", "audit", "tui", "train",
            "weights",
        ],
    ),
];

/// Heavy crates, and the modules that may name them.
const CRATES: &[(&str, &[&str])] = &[
    ("tch", &["nn", "train"]),
    ("git2", &["lock"]),
    ("plotters", &["report"]),
    ("ratatui", &["tui"]),
    ("image", &["dataset", "tui"]),
    ("hdf5_reader", &["dataset"]),
    ("hdbscan", &["stats"]),
    ("zip", &["weights"]),
    ("npyz", &["cli", "dataset"]),
    ("memmap2", &["base"]),
    ("clap", &["cli"]),
];

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("src can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&root).expect("below src");
                let module = relative.iter().next().expect("a name").to_string_lossy().replace(".rs", "");
                let text = std::fs::read_to_string(&path).expect("source is text");
                out.push((module, relative.to_owned(), text));
            }
        }
    }
    out.sort();
    out
}

/// Lines of code with comments, strings' contents aside, roughly: enough for paths.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")).map(|(i, l)| (i + 1, l))
}

/// Names that follow `crate::`, also inside `use crate::{a, b::c}` on one line.
fn imported(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                out.push(name);
            }
        }
    }
    out
}

#[test]
fn modules_import_only_from_floors_below() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut crossings = Vec::new();
    for (module, path, text) in sources() {
        let Some(below) = allowed.get(module.as_str()) else {
            assert!(
                matches!(module.as_str(), "lib" | "main"),
                "module '{module}' stands on no floor: add it to ALLOWED and to ARCHITECTURE.md"
            );
            continue;
        };
        for (line, source) in code(&text) {
            for name in imported(source) {
                if name != module && allowed.contains_key(name.as_str()) && !below.contains(&name.as_str()) {
                    crossings.push(format!("{}:{line}: {module} imports {name}", path.display()));
                }
            }
        }
    }
    assert!(crossings.is_empty(), "layers are crossed:\n{}", crossings.join("\n"));
}

#[test]
fn heavy_crates_live_in_one_place() {
    let mut strays = Vec::new();
    for (module, path, text) in sources() {
        for (line, source) in code(&text) {
            for (name, homes) in CRATES {
                // A module of ours may have a crate's name; then only a `use` tells them apart.
                let ours =
                    text.contains(&format!("mod {name};")) || code(&text).any(|(_, l)| l.contains("use crate::") && l.contains(name));
                let used = if ours { source.trim_start().starts_with(&format!("use {name}::")) } else { false };
                let used = used
                    || !ours
                        && source
                            .match_indices(&format!("{name}::"))
                            .any(|(at, _)| !source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
                if used && !homes.contains(&module.as_str()) {
                    strays.push(format!("{}:{line}: {module} names the crate {name}", path.display()));
                }
            }
        }
    }
    assert!(strays.is_empty(), "crates away from home:\n{}", strays.join("\n"));
}

#[test]
fn unsafe_code_stays_where_it_is_named() {
    for (_, path, text) in sources() {
        let unsafe_here = code(&text).any(|(_, l)| l.contains("unsafe {") || l.contains("unsafe extern") || l.contains("unsafe fn"));
        let named = ["base/mapped.rs", "nn/shim.rs"].iter().any(|n| path.ends_with(n));
        assert!(!unsafe_here || named, "{} has unsafe code", path.display());
    }
}

#[test]
fn the_checker_sees_crossings() {
    assert_eq!(imported("use crate::{base::Digest, lock};"), ["base", "lock"]);
    assert_eq!(imported("    crate::stage::files::read_json(&p)"), ["stage"]);
    assert!(imported("use supercrate::x;").is_empty());
}
