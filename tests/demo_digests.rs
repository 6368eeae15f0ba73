//! The headline: the shipped demo, in full, gives the published bytes on this machine too.
#![cfg(feature = "train")]

use pinfold::base::{Digest, host};
use std::path::Path;
use std::process::Command;

/// `sha256sum` of what training, prediction and evaluation give. They change only when the science changes, and then
/// README.md changes with them.
const DUE: &str = include_str!("golden/demo_digests.txt");

#[test]
fn the_demo_gives_the_published_checkpoint() {
    if !host::has_avx2() {
        println!("skipped: this processor has no AVX2, which the class 'portable' needs");
        return;
    }
    let dir = tempfile::tempdir().expect("tempdir");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    std::fs::create_dir(dir.path().join("protocols")).expect("mkdir");
    std::fs::copy(demo, dir.path().join("protocols/demo.toml")).expect("copy");
    let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .args(["run", "demo", "--json"])
        .current_dir(dir.path())
        .env_remove("PINFOLD_DATA")
        .output()
        .expect("runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let outcome: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let artifacts = outcome["result"]["artifacts"].as_array().expect("artifacts");
    let mut found = String::new();
    for line in DUE.lines() {
        let path = line.split_once("  ").expect("a listing").1;
        let (stage, file) = path.split_once('/').expect("stage/file");
        let row = artifacts.iter().find(|a| a["stage"] == stage).expect("the stage ran");
        let folder = dir.path().join("artifacts").join(stage).join(row["key"].as_str().expect("key"));
        found.push_str(&format!("{}  {path}\n", Digest::of_file(&folder.join(file)).expect("digest")));
    }
    assert_eq!(found, DUE);
    let readme = include_str!("../README.md");
    let checkpoint = DUE.lines().find(|l| l.ends_with("train/checkpoint.safetensors")).expect("named").split(' ').next().expect("digest");
    assert!(readme.contains(checkpoint), "README.md names another checkpoint");
}
