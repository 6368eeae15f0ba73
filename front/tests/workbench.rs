//! A life in a terminal without SSH: the window is closed in the middle of a training, a new one finds it, the run goes on from
//! where it was stopped, is locked, and a flipped byte of its checkpoint is found and named.
#![allow(clippy::unwrap_used, missing_docs)]

mod session;

use session::{Session, engine, workspace};
use std::path::{Path, PathBuf};

/// The only checkpoint of a workspace.
fn checkpoint(folder: &Path) -> PathBuf {
    let stage = folder.join("artifacts/train");
    let mut found: Vec<PathBuf> = std::fs::read_dir(stage).unwrap().map(|e| e.unwrap().path().join("checkpoint.safetensors")).collect();
    found.retain(|p| p.is_file());
    assert_eq!(found.len(), 1, "one checkpoint");
    found.remove(0)
}

#[test]
fn a_closed_window_loses_nothing_and_a_flipped_byte_is_found() {
    if !engine() {
        return;
    }
    let dir = workspace(&[("epochs = 2", "epochs = 600")]);
    let mut first = Session::start(dir.path());
    first.wait("never run");
    first.press(b"\rr");
    first.wait("images/s");
    // The window is closed: the program loses its terminal, the run does not notice.
    drop(first);
    let mut session = Session::start(dir.path());
    session.wait("running");
    session.press(b"3");
    session.wait("epoch ");
    session.press(b"s");
    session.wait("stopped");
    session.press(b"r");
    session.wait("the run is whole");
    session.press(b"l");
    session.wait("Lock of demo: done");
    let file = checkpoint(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    // Files of the store are read-only; whoever tampers takes that away first.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &bytes).unwrap();
    session.escape();
    session.press(b"a");
    session.wait("FAILED");
    session.settle();
    let screen = session.lines().join("\n");
    assert!(screen.contains("checkpoint.safetensors") && screen.contains("differs"), "{screen}");
    // Why it is stale, leaf by leaf, after a value is written into the file.
    session.press(b":edit demo train.epochs=3\r");
    session.wait("now says");
    session.escape();
    session.press(b"1");
    session.wait("stale");
    session.press(b"5");
    session.wait("why it is stale");
    session.wait("train.epochs");
    session.press(b"q");
}
