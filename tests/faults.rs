//! Faults that a run must survive: killed, hung up, out of space, cut journals, lost folders. After each, the same
//! bytes as a run that nothing happened to. `docs/reliability.md` is the table of these.
#![cfg(feature = "train")]

mod place;

use pinfold::base::{Digest, draw::Draw};
use place::{Place, RunOf};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A few dozen epochs, so that there is a training to disturb.
const LONGER: &[(&str, &str)] = &[("epochs = 3", "epochs = 80"), ("loader_threads = 2", "loader_threads = 1")];

fn longer() -> Place {
    let dir = tempfile::tempdir().expect("tempdir");
    Place::at(dir.path().to_owned(), Some(dir), LONGER)
}

/// What a run that nothing happened to ends in, reports included.
fn untouched() -> Vec<(String, String)> {
    let place = longer();
    place.expect(0, &["run", "demo"]);
    place.digests()
}

/// Starts the run and waits until its training is under way.
fn in_training(place: &Place) -> RunOf {
    place.expect(0, &["run", "demo", "--detach"]);
    let run = place.newest_run();
    assert!(run.wait_for("\"event\":\"epoch\""), "{}", run.journal());
    run
}

/// `kill -9` at random moments of every stage, while files are being written too. `PINFOLD_KILLS` sets how many (CI: 10).
#[test]
fn killed_at_random_moments() {
    let kills: u64 = std::env::var("PINFOLD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let started = std::time::Instant::now();
    let due = untouched();
    let mut whole = started.elapsed().as_millis() as u64;
    let (mut done, mut finished, mut tries) = (0, 0, 0);
    let mut stages = std::collections::BTreeMap::<String, u32>::new();
    while done < kills {
        let place = longer();
        place.expect(0, &["run", "demo", "--detach"]);
        let run = place.newest_run();
        assert!(run.wait(|j| !j.is_empty()), "the worker starts");
        // Twice a run: somewhere in the whole of it, then somewhere in what is left.
        for half in [whole, whole / 2] {
            tries += 1;
            std::thread::sleep(Duration::from_millis(Draw::keyed(1, "faults/kill", &[tries]).u64() % half));
            let journal = run.journal();
            if journal.contains("\"event\":\"run_done\"") || !run.signal("-9") {
                // Too late: the machine is faster than it was when the whole was measured.
                whole = (whole * 3 / 4).max(200);
                break;
            }
            run.wait_gone();
            done += 1;
            let at = run.journal();
            let open = at.lines().rfind(|l| l.contains("stage_started")).unwrap_or_default();
            let label = open.split("\"label\":\"").nth(1).and_then(|l| l.split('"').next()).unwrap_or("start");
            *stages.entry(label.to_owned()).or_default() += 1;
            place.expect(0, &["resume", "--detach"]);
        }
        assert!(run.wait_for("\"event\":\"run_done\""), "{}", run.journal());
        run.wait_gone();
        finished += 1;
        assert_eq!(place.digests(), due, "after {done} kills");
    }
    println!("{done} kills over {finished} runs, last stage begun before each: {stages:?}");
}

#[test]
fn a_polite_signal_saves_and_a_hang_up_is_nothing() {
    let due = untouched();
    let place = longer();
    let run = in_training(&place);
    assert!(run.signal("-HUP"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(run.signal("-TERM"), "a hang-up did not end it");
    run.wait_gone();
    assert!(run.journal().trim_end().ends_with("\"event\":\"run_stopped\"}"), "{}", run.journal());
    let again = place.expect(0, &["resume"]);
    assert!(again.contains("epoch") && !again.contains("epoch 1/80"), "it goes on where it was: {again}");
    assert_eq!(place.digests(), due);
}

/// A closed terminal reaches its whole process group: the worker must not be in it, not even while it is being loaded.
#[test]
fn a_hang_up_right_after_the_start_is_nothing() {
    use std::os::unix::process::CommandExt;
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"));
    command.args(["run", "demo"]).current_dir(place.path()).env_remove("PINFOLD_DATA").stderr(Stdio::null()).process_group(0);
    let mut process = command.spawn().expect("pinfold runs");
    let started = || {
        let mut runs = std::fs::read_dir(place.path().join("runs")).ok()?;
        runs.next()?.ok().map(|e| e.path().join("log.txt")).filter(|log| log.metadata().is_ok_and(|m| m.len() > 0))
    };
    for _ in 0..4000 {
        if started().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-HUP", "--", &format!("-{}", process.id())]).status().expect("kill runs").success());
    // Under nohup the tests, and so whoever watches, have hang-ups ignored from the start.
    let signals = std::fs::read_to_string("/proc/self/status").expect("status");
    let ignored = signals.lines().find_map(|l| l.strip_prefix("SigIgn:")).expect("SigIgn").trim();
    let nohup = u64::from_str_radix(ignored, 16).expect("a mask") & 1 == 1;
    let ended = process.wait().expect("ends");
    assert!(nohup || ended.code().is_none(), "who watched is gone");
    let run = place.newest_run();
    assert!(run.wait_for("\"event\":\"run_done\""), "{}", run.journal());
}

#[test]
fn an_abort_ends_at_once_and_a_resume_goes_on() {
    let due = untouched();
    let place = longer();
    let run = in_training(&place);
    place.expect(0, &["stop", "--abort"]);
    run.wait_gone();
    assert!(place.expect(0, &["status"]).contains("stopped"));
    place.expect(0, &["resume"]);
    assert_eq!(place.digests(), due);
}

/// A worker on a host that nobody hears of any more: nothing is done behind its back, and there is a way on.
#[test]
fn a_run_of_a_silent_host_is_taken_over_when_asked() {
    let due = untouched();
    let place = longer();
    let run = in_training(&place);
    assert!(run.signal("-9"));
    run.wait_gone();
    // As that host left it an hour ago: the first line alone, which begins the chain.
    let first = run.journal().lines().next().expect("a line").to_owned();
    let mut line: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    line["place"]["host"] = "gone-node".into();
    line["t"] = (line["t"].as_f64().expect("a time") - 3600.0).into();
    std::fs::write(run.dir.join("journal.jsonl"), format!("{line}\n")).expect("write");
    assert!(place.expect(0, &["status"]).contains("silent"));
    for args in [&["resume"][..], &["resume", "--detach"], &["run", "demo"], &["gc"]] {
        let told = place.expect(2, args);
        assert!(told.contains("gone-node") && told.contains("--take-over"), "{args:?}: {told}");
    }
    let told = place.expect(0, &["stop"]);
    assert!(told.contains("gone-node for 1 h") && told.contains("--take-over"), "{told}");
    place.expect(0, &["resume", "--take-over"]);
    assert_eq!(place.digests(), due);
}

#[test]
fn a_second_worker_is_told_who_works() {
    let place = longer();
    place.expect(0, &["run", "demo", "--detach"]);
    let run = place.newest_run();
    assert!(run.wait_for("\"event\":\"run_started\""));
    let refused = place.expect(2, &["run", "demo"]);
    assert!(refused.contains("is running already") && refused.contains("pinfold attach"), "{refused}");
    // A worker on the same run folder.
    let name = run.dir.strip_prefix(place.path()).expect("inside").display().to_string();
    let second = place.expect(4, &["worker", &name]);
    assert!(second.contains(&format!("process {} on", run.pid().expect("pid"))), "{second}");
    assert!(run.wait_for("\"event\":\"run_done\""));
}

#[test]
fn two_runs_that_need_one_fold_make_it_once() {
    let due = untouched();
    let place = longer();
    let first = in_training(&place);
    // Another threshold is another protocol, but its training is the very same piece of work.
    let refused = place.expect(4, &["run", "demo", "--set", "metrics.threshold=0.2"]);
    assert!(refused.contains("train[holdout] is being made by another pinfold"), "{refused}");
    assert!(refused.contains(&format!("process {} on", first.pid().expect("pid"))), "{refused}");
    assert!(first.wait_for("\"event\":\"run_done\""));
    assert_eq!(place.digests(), due, "the first was not disturbed");
    let told = place.expect(0, &["resume", "demo+"]);
    assert!(!told.contains("epoch "), "nothing was trained again: {told}");
}

#[test]
fn an_interrupt_of_a_run_without_a_worker_saves_and_a_resume_goes_on() {
    let due = untouched();
    let place = longer();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"));
    command.args(["run", "demo", "--in-process"]).current_dir(place.path()).env_remove("PINFOLD_DATA").stderr(Stdio::null());
    let mut process = command.envs(pinfold::engine::worker::pins(true, true, 1)).spawn().expect("pinfold runs");
    let begun = || std::fs::read_dir(place.path().join("runs")).is_ok_and(|d| d.count() == 1);
    for _ in 0..1000 {
        if begun() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = place.newest_run();
    assert!(run.wait_for("\"event\":\"epoch\""), "{}", run.journal());
    assert!(run.signal("-INT"));
    assert_eq!(process.wait().expect("ends").code(), Some(3));
    assert!(place.expect(0, &["status"]).contains("stopped"));
    let told: serde_json::Value = {
        let out = place.pinfold(&["resume", "--json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("JSON")
    };
    assert_eq!((told["state"].as_str(), told["protocol"].as_str()), (Some("done"), Some("demo")));
    assert!(told["result"]["artifacts"].as_array().is_some_and(|a| a.len() == 10), "{told}");
    assert_eq!(place.digests(), due);
}

#[test]
fn a_journal_cut_anywhere_in_its_last_lines_is_taken_up() {
    let place = longer();
    place.expect(0, &["run", "demo"]);
    let due = place.digests();
    let run = place.newest_run();
    let journal = std::fs::read(run.dir.join("journal.jsonl")).expect("journal");
    let ends: Vec<usize> = journal.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    let from = ends[ends.len() - 4];
    // Every byte is a unit test's work (engine::journal); here the whole program at some of them.
    for cut in (from..journal.len()).step_by(97) {
        std::fs::write(run.dir.join("journal.jsonl"), &journal[..cut]).expect("cut");
        place.expect(0, &["resume"]);
        assert_eq!(place.digests(), due, "cut at byte {cut}");
    }
    // A changed line in the middle: the journal as it was is kept beside the new one.
    let changed = String::from_utf8(journal).expect("text").replacen("\"event\":\"planned\"", "\"event\":\"planneD\"", 1);
    std::fs::write(run.dir.join("journal.jsonl"), &changed).expect("write");
    place.expect(0, &["resume"]);
    assert_eq!(std::fs::read_to_string(run.dir.join("journal.damaged-1.jsonl")).expect("kept"), changed);
    assert_eq!(place.digests(), due);
}

#[test]
fn the_store_deleted_between_stages_is_made_again() {
    let due = untouched();
    let place = longer();
    let run = in_training(&place);
    place.expect(0, &["stop"]);
    run.wait_gone();
    std::fs::remove_dir_all(place.path().join("artifacts")).expect("remove");
    place.expect(0, &["resume"]);
    assert_eq!(place.digests(), due);
}

#[test]
fn an_input_changed_during_a_training_taints_it() {
    let first = longer();
    first.expect(0, &["run", "demo"]);
    let checkpoint = first.digests().into_iter().map(|(p, _)| p).find(|p| p.ends_with("checkpoint.safetensors")).expect("checkpoint");
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(dir.path().join("weights")).expect("mkdir");
    let weights = dir.path().join("weights/mine.safetensors");
    std::fs::copy(first.path().join(checkpoint), &weights).expect("copy");
    let pinned = format!("weights = \"mine.safetensors\"\nweights_sha256 = \"{}\"", Digest::of_file(&weights).expect("digest"));
    let replace = [LONGER, &[("weights = \"random\"", pinned.as_str())]].concat();
    let place = Place::at(dir.path().to_owned(), Some(dir), &replace);
    let run = in_training(&place);
    let mut bytes = std::fs::read(&weights).expect("read");
    *bytes.last_mut().expect("bytes") ^= 1;
    std::fs::write(&weights, bytes).expect("write");
    run.wait_gone();
    assert!(run.journal().contains("changed while it worked"), "{}", run.journal());
    // Nothing is thrown away, and nothing of it can be locked.
    assert!(place.digests().iter().any(|(p, _)| p.ends_with("checkpoint.safetensors")));
    place.expect(2, &["lock", "demo", "--allow-dirty"]);
}

#[test]
fn a_clock_set_back_changes_nothing() {
    let library = Path::new("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1");
    if !library.exists() {
        println!("skipped: libfaketime is not installed (apt-get install faketime)");
        return;
    }
    let due = untouched();
    let place = longer();
    let run = in_training(&place);
    place.expect(0, &["stop"]);
    run.wait_gone();
    // Three days earlier: the journal's next lines are older than its first.
    let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .args(["resume"])
        .current_dir(place.path())
        .env("LD_PRELOAD", library)
        .env("FAKETIME", "-3d")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .output()
        .expect("runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(place.digests(), due);
    assert!(place.expect(0, &["status"]).contains("done"));
}

/// A small file system of its own; none where this process may not mount.
struct Small(PathBuf);

impl Small {
    fn new(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("tempdir").keep();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&dir).stderr(Stdio::null()).status();
        if mount.is_ok_and(|s| s.success()) {
            return Some(Self(dir));
        }
        let _ = std::fs::remove_dir(&dir);
        println!("skipped: this process may not mount a tmpfs (it takes root)");
        None
    }
    /// Fills it up but for so many bytes.
    fn fill(&self, leave: u64) {
        let stat = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.0).output().expect("stat");
        let text = String::from_utf8_lossy(&stat.stdout).into_owned();
        let free: u64 = text.split_whitespace().map(|n| n.parse::<u64>().expect("number")).product();
        // What is being written meanwhile may take the last of it: full is what this is for.
        let _ = std::fs::write(self.0.join("filler"), vec![0u8; free.saturating_sub(leave) as usize]);
    }
    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("remove");
    }
    fn remount(&self, how: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status().expect("mount");
        assert!(done.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_full_disk_stops_and_loses_nothing() {
    let Some(small) = Small::new(48) else { return };
    let many: &[(&str, &str)] = &[("epochs = 3", "epochs = 200"), ("loader_threads = 2", "loader_threads = 1")];
    let dir = tempfile::tempdir().expect("tempdir");
    let other = Place::at(dir.path().to_owned(), Some(dir), many);
    other.expect(0, &["run", "demo"]);
    let due = other.digests();
    std::fs::create_dir(small.0.join("w")).expect("mkdir");
    let place = Place::at(small.0.join("w"), None, many);
    // Room for less and less: a checkpoint does not fit, a journal line does not fit.
    for leave in [60_000, 8_192, 0] {
        if leave == 60_000 {
            place.expect(0, &["run", "demo", "--detach"]);
        } else {
            place.expect(0, &["resume", "--detach"]);
        }
        let run = place.newest_run();
        let before = run.journal().matches("\"event\":\"epoch\"").count();
        assert!(run.wait(|j| j.matches("\"event\":\"epoch\"").count() > before || j.contains("run_done")), "{}", run.journal());
        assert!(!run.journal().contains("run_done"), "it was done before the disk was full");
        small.fill(leave);
        run.wait_gone();
        let log = std::fs::read_to_string(run.dir.join("log.txt")).unwrap_or_default();
        let told = format!("{}{log}", run.journal());
        assert!(!run.journal().contains("run_done"), "{told}");
        small.empty();
        let status = place.expect(0, &["status"]);
        // Nobody asked for a stop, so it must not say so.
        assert!(["failed", "lost"].iter().any(|s| status.contains(s)) && !status.contains("stopped"), "{status}");
    }
    place.expect(0, &["resume"]);
    assert_eq!(place.digests(), due);
    // The lock: an old one stays whole when the new one does not fit.
    place.expect(0, &["lock", "demo"]);
    let lock = std::fs::read(place.path().join("pinfold.lock")).expect("lock");
    place.expect(0, &["run", "demo", "--set", "train.epochs=1"]);
    small.fill(0);
    let refused = place.expect(4, &["lock", "demo", "--set", "train.epochs=1"]);
    assert!(refused.contains("no space left"), "{refused}");
    assert_eq!(std::fs::read(place.path().join("pinfold.lock")).expect("lock"), lock);
    small.empty();
    place.expect(0, &["lock", "demo", "--set", "train.epochs=1"]);
    place.expect(0, &["audit"]);
}

#[test]
fn a_read_only_folder_is_told() {
    let Some(small) = Small::new(32) else { return };
    let place = longer();
    std::fs::remove_dir_all(place.path().join("artifacts")).ok();
    std::os::unix::fs::symlink(&small.0, place.path().join("artifacts")).expect("link");
    small.remount("ro");
    let refused = place.expect(4, &["run", "demo"]);
    assert!(refused.contains("Read-only") && refused.contains("artifacts"), "{refused}");
    small.remount("rw");
    place.expect(0, &["resume"]);
    assert_eq!(place.expect(0, &["status"]).matches("done").count(), 1);
}
