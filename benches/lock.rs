//! Times what the Audit screen does with a large lock: reading it, putting it into a tree, and drawing a frame of it.
//!
//!     cargo bench --bench lock [-- ARTIFACTS]
//!
//! Writes a lock of 5,000 artifacts of three files each (none of which exist) into a scratch workspace. Prints medians.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::audit;
use pinfold::base::Digest;
use pinfold::engine::Workspace;
use pinfold::lock::model::{Artifact, Determinism, Entry, FilePin, LockFile, Program};
use pinfold::tui::action::Screen;
use pinfold::tui::facts::{AuditKind, AuditPart, AuditThing, Audited, Mark};
use pinfold::tui::look::Colours;
use pinfold::tui::message::Request;
use pinfold::tui::model::Load;
use pinfold::tui::{Look, Model, draw};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Instant;

fn entry(artifacts: usize) -> Entry {
    let digest = |n: usize| Digest::of(&n.to_le_bytes());
    let file = |i: usize, name: &str| FilePin { path: name.into(), bytes: 1_000 + i as u64, sha256: digest(7 * i) };
    Entry {
        protocol: "demo".into(),
        integrity: None,
        path: "protocols/demo.toml".into(),
        sha256: digest(1),
        parents: Vec::new(),
        canonical: digest(2),
        overrides: Vec::new(),
        journal: None,
        program: Program::this(),
        git: None,
        seeds: Default::default(),
        determinism: Determinism { asked: "portable".into(), reached: "portable".into(), switches: Default::default() },
        data: Vec::new(),
        weights: Vec::new(),
        artifacts: (0..artifacts)
            .map(|i| Artifact {
                label: format!("train[f{i}]"),
                stage: "train".into(),
                key: digest(3 * i),
                digest: digest(5 * i),
                manifest: digest(11 * i),
                files: ["checkpoint.safetensors", "epochs.csv"].map(|n| file(i, n)).to_vec(),
            })
            .collect(),
        metrics: Vec::new(),
        figures: Vec::new(),
        leakage: Vec::new(),
    }
}

/// The median of nine, in milliseconds.
fn median<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            1_000.0 * start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name}: median {:.1} ms, worst {:.1} ms of 9", times[4], times[8]);
}

fn main() {
    let artifacts = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(5_000);
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("protocols")).unwrap();
    let lock = LockFile { entries: vec![entry(artifacts)], edits: Vec::new() };
    let text = pinfold::lock::encode(&lock).unwrap();
    std::fs::write(dir.path().join("pinfold.lock"), &text).unwrap();
    let workspace = Workspace::at(dir.path());
    println!("a lock of {artifacts} artifacts, {} kB", text.len() / 1_000);
    median("opened and listed", || audit::listed(&workspace, "demo", 6).unwrap().items.len());
    let thing = |name: &str| AuditThing {
        mark: Mark::NotChecked,
        name: name.into(),
        path: name.into(),
        locked: "3f2a".repeat(16),
        found: String::new(),
        words: String::new(),
        hint: String::new(),
    };
    let part = |i: usize| AuditPart {
        name: format!("train[f{i}]"),
        things: ["manifest.json", "checkpoint.safetensors", "epochs.csv"].map(thing).to_vec(),
    };
    let audited =
        Audited { kinds: vec![AuditKind { name: "artifacts".into(), parts: (0..artifacts).map(part).collect() }], ..Audited::default() };
    let request = Request::Locked("demo".into());
    let mut model = Model { size: (80, 24), chosen: Some("demo".into()), ..Model::default() };
    model.screen.now = Screen::Audit;
    model.locked = Load { asked: Some(request.clone()), answered: Some(request), value: Some(audited), failure: None };
    // Open, so that every artifact has a line.
    model.turned.insert((0, None));
    model.audit_row = artifacts / 2;
    let look = Look { colours: Colours::Cube, ascii: false, blocks: false };
    median("a frame of it, every artifact in a line", || {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        draw(&model, look, &mut buffer);
        buffer
    });
}
