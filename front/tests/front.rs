//! The program that starts at once: in a real terminal it shows its first screen without libtorch, starts a run that the
//! engine beside it does, and shows what came out; a command that trains becomes the engine.
#![allow(clippy::unwrap_used, missing_docs)]

mod session;

use session::{PINFOLD, Session, engine, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn pinfold(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(PINFOLD).args(arguments).current_dir(folder).env_remove("PINFOLD_DATA").output().unwrap();
    (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

#[test]
fn the_workbench_opens_without_libtorch_and_the_engine_does_its_runs() {
    let dir = workspace(&[]);
    let mut session = Session::start(dir.path());
    let start = Instant::now();
    session.wait("never run");
    println!("the protocols stood on the screen {} ms after the start", start.elapsed().as_millis());
    let pid = session.child.process_id().unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    assert!(maps.contains("libc.so") && !maps.contains("torch") && !maps.contains("c10"), "libtorch was loaded:\n{maps}");
    // A megabyte pasted into the search is a search that finds nothing.
    session.press(b"/");
    session.press(&[b"\x1b[200~".as_slice(), &[b'x'; 1_000_000], b"\x1b[201~"].concat());
    session.wait("Nothing matches");
    session.escape();
    session.wait("never run");
    if !engine() {
        return;
    }
    session.press(b"\r");
    session.wait("Before it starts");
    session.press(b"r");
    session.wait("the run is whole");
    session.press(b"\r");
    session.wait("Genes");
    // Six seconds: every look at the workspace that the program takes by itself comes in them.
    session.settle();
    let before = session.bytes();
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(session.bytes(), before, "an idle screen is silent");
    session.press(b"q");
    let run = std::fs::read_dir(dir.path().join("runs")).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
    let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert!(journal.contains("\"train[holdout]\""), "{journal}");
}

#[test]
fn commands_that_train_become_the_engine_and_the_others_do_not() {
    let dir = workspace(&[]);
    let (code, text) = pinfold(dir.path(), &["list"]);
    assert!(code == Some(0) && text.contains("never run"), "{text}");
    if !engine() {
        let (code, text) = pinfold(dir.path(), &["run", "demo"]);
        assert!(code == Some(4) && text.contains("without libtorch"), "{text}");
        return;
    }
    let (code, text) = pinfold(dir.path(), &["run", "demo"]);
    assert!(code == Some(0) && text.contains("finished"), "{text}");
    // What the one locked the other finds in order, and the lock names one program.
    let (code, text) = pinfold(dir.path(), &["lock", "demo", "--allow-dirty"]);
    assert!(code == Some(0), "{text}");
    let engine: PathBuf = Path::new(PINFOLD).with_file_name("pinfold-engine");
    let out = Command::new(engine).args(["audit", "demo", "--level", "predictions"]).current_dir(dir.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    let lock = std::fs::read_to_string(dir.path().join("pinfold.lock")).unwrap();
    assert!(lock.contains("pinfold") && !lock.contains("pinfold-front"), "{lock}");
    let (code, text) = pinfold(dir.path(), &["-C", ".", "doctor"]);
    assert!(code == Some(0) && text.contains("with libtorch"), "{text}");
    let (code, text) = pinfold(dir.path(), &["calc", "forward"]);
    assert!(code == Some(2) && text.contains("--weights"), "{text}");
}
