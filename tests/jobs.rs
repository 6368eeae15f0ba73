//! Some folds only, and folds side by side in worker processes: the same bytes, one chain, no job lost.
#![cfg(feature = "train")]

mod place;

use pinfold::engine::journal::{self, Event, Line};
use place::Place;
use std::path::Path;

const FOLDS: &[(&str, &str)] =
    &[("kind = \"holdout\"\ntest_size = 0.2", "kind = \"kfold\"\nk = 3"), ("from = \"train\"", "from = \"all\"")];

fn three_folds(more: &[(&str, &str)]) -> Place {
    let dir = tempfile::tempdir().expect("tempdir");
    Place::at(dir.path().to_owned(), Some(dir), &[FOLDS, more].concat())
}

/// The run's journal, checked to be one unbroken chain.
fn chain(run: &Path) -> Vec<Line> {
    let path = run.join("journal.jsonl");
    let (lines, _) = journal::read(&path).expect("a journal");
    let raw = std::fs::read_to_string(&path).expect("text");
    assert_eq!(lines.len(), raw.lines().count(), "the chain is whole");
    lines
}

fn count(lines: &[Line], so: impl Fn(&Event) -> bool) -> usize {
    lines.iter().filter(|l| so(&l.event)).count()
}

#[test]
fn one_two_and_three_jobs_give_the_same_bytes() {
    let places: Vec<Place> = ["1", "2", "3"]
        .iter()
        .map(|jobs| {
            let place = three_folds(&[]);
            let text = place.expect(0, &["run", "demo", "--jobs", jobs]);
            assert!(text.contains("finished") && text.contains("train[fold3]"), "{text}");
            place
        })
        .collect();
    let first = places[0].digests();
    assert!(first.len() > 25, "{first:?}");
    for place in &places[1..] {
        assert_eq!(place.digests(), first);
        let run = place.newest_run();
        let lines = chain(&run.dir);
        assert_eq!(count(&lines, |e| matches!(e, Event::JobStarted { .. })), 3);
        assert_eq!(count(&lines, |e| matches!(e, Event::Epoch { .. })), 9, "three epochs of three folds, each told once");
        // Each job's journal is pinned by its last line.
        for line in &lines {
            if let Event::JobEnded { job, lines, last } = &line.event {
                let (own, digest) = journal::read(&run.dir.join("jobs").join(job).join("journal.jsonl")).expect("the job's journal");
                assert_eq!((own.len() as u64, digest.as_ref()), (*lines, Some(last)), "{job}");
            }
        }
        assert_eq!(count(&lines, |e| matches!(e, Event::JobEnded { .. })), 3);
    }
    let two = chain(&places[1].newest_run().dir);
    // With two slots the third fold begins after one of the others has ended.
    let nth = |n: usize, so: fn(&Event) -> bool| two.iter().enumerate().filter(|(_, l)| so(&l.event)).nth(n).map(|(i, _)| i);
    assert!(nth(2, |e| matches!(e, Event::JobStarted { .. })) > nth(0, |e| matches!(e, Event::JobEnded { .. })));
}

#[test]
fn a_paused_run_waits_goes_on_and_gives_the_same_bytes() {
    let long = ("epochs = 3", "epochs = 300");
    let (plain, paused) = (three_folds(&[long]), three_folds(&[long]));
    assert!(paused.expect(2, &["pause"]).contains("no runs yet"));
    paused.expect(0, &["run", "demo", "--jobs", "2", "--detach"]);
    let lines = || {
        let run = paused.newest_run();
        let own = |p: std::path::PathBuf| std::fs::read_to_string(p).unwrap_or_default().lines().count();
        let jobs = std::fs::read_dir(run.dir.join("jobs")).into_iter().flatten().flatten().map(|e| e.path().join("journal.jsonl"));
        own(run.dir.join("journal.jsonl")) + jobs.map(own).sum::<usize>()
    };
    let since = std::time::Instant::now();
    while !paused.expect(0, &["status", "demo"]).contains("epoch") {
        assert!(since.elapsed().as_secs() < 120, "no epoch");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(paused.expect(0, &["pause"]).contains("is paused where it stood"));
    assert!(paused.expect(0, &["status"]).contains("paused"));
    assert!(paused.expect(0, &["pause", "demo"]).contains("paused already"));
    let before = lines();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(lines(), before, "nobody of it works");
    assert!(paused.expect(2, &["run", "demo"]).contains("running already"));
    assert!(paused.expect(0, &["continue"]).contains("goes on"));
    assert!(paused.expect(0, &["continue", "--json"]).contains("\"changed\": false"));
    // Stopped while it is paused: it wakes, saves and ends.
    paused.expect(0, &["pause"]);
    paused.expect(0, &["stop"]);
    let since = std::time::Instant::now();
    while !paused.expect(0, &["status"]).contains("stopped") {
        assert!(since.elapsed().as_secs() < 60, "{}", paused.expect(0, &["status"]));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(paused.expect(2, &["pause"]).contains("is stopped"));
    paused.expect(0, &["resume"]);
    plain.expect(0, &["run", "demo", "--jobs", "2"]);
    assert_eq!(plain.digests(), paused.digests());
}

#[test]
fn one_fold_is_trained_and_predicted_and_nothing_else() {
    let place = three_folds(&[]);
    assert!(place.expect(2, &["run", "demo", "--fold", "fold9"]).contains("fold1, fold2, fold3"));
    assert!(place.expect(2, &["run", "demo", "--fold", "0"]).contains("no fold '0'"));
    let text = place.expect(0, &["run", "demo", "--fold", "2"]);
    assert!(text.contains("predict[fold2]") && !text.contains("fold1") && !text.contains("evaluate"), "{text}");
    let stages = |p: &Place, stage: &str| {
        p.artifact_digests().iter().filter(|(f, _)| f.starts_with(&format!("artifacts/{stage}/")) && f.ends_with("manifest.json")).count()
    };
    assert_eq!([stages(&place, "train"), stages(&place, "predict"), stages(&place, "evaluate")], [1, 1, 0]);
    // It is no finished run of the protocol.
    assert!(place.expect(0, &["list"]).contains("never run"));
    assert!(place.expect(2, &["lock", "demo"]).contains("not finished"));
    let rest = place.expect(0, &["run", "demo", "--fold", "fold1", "--fold", "3", "--jobs", "2"]);
    assert!(rest.contains("fold3") && !rest.contains("fold2") && !rest.contains("report"), "{rest}");
    assert_eq!([stages(&place, "train"), stages(&place, "report")], [3, 0]);
    // What was done fold by fold is what a whole run does.
    let whole = place.expect(0, &["run", "demo"]);
    assert!(!whole.contains("epoch") && whole.contains("evaluate"), "{whole}");
    let other = three_folds(&[]);
    other.expect(0, &["run", "demo"]);
    assert_eq!(place.digests(), other.digests());
}

#[test]
fn a_killed_job_interrupts_the_run_and_the_others_end() {
    let long = [("epochs = 3", "epochs = 60")];
    let (whole, killed) = (three_folds(&long), three_folds(&long));
    whole.expect(0, &["run", "demo"]);
    killed.expect(0, &["run", "demo", "--jobs", "2", "--detach"]);
    let run = killed.newest_run();
    assert!(run.wait_for("\"event\":\"epoch\",\"label\":\"train[fold1]\""));
    let job = std::fs::read_to_string(run.dir.join("jobs/fold-fold1/journal.jsonl")).expect("the job's journal");
    let first: serde_json::Value = serde_json::from_str(job.lines().next().expect("a line")).expect("JSON");
    let pid = first["place"]["pid"].as_u64().expect("pid").to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().expect("kill runs").success());
    let text = killed.expect(3, &["attach"]);
    assert!(text.contains("fold-fold1 vanished") && text.contains("pinfold resume"), "{text}");
    let lines = chain(&run.dir);
    assert!(matches!(lines.last().map(|l| &l.event), Some(Event::RunFailed { exit: 3, .. })));
    assert_eq!(count(&lines, |e| matches!(e, Event::StageDone { stage, .. } if stage == "predict")), 2, "the others ended");
    let resumed = killed.expect(0, &["resume"]);
    assert!(resumed.contains("finished"), "{resumed}");
    assert_eq!(killed.artifact_digests(), whole.artifact_digests());
    chain(&run.dir);
}

#[test]
fn stopping_or_killing_the_parent_ends_its_jobs_and_a_resume_goes_on() {
    let long = [("epochs = 3", "epochs = 60")];
    let (whole, place) = (three_folds(&long), three_folds(&long));
    whole.expect(0, &["run", "demo", "--jobs", "2"]);
    place.expect(0, &["run", "demo", "--jobs", "3", "--detach"]);
    let run = place.newest_run();
    assert!(run.wait_for("\"event\":\"epoch\",\"label\":\"train[fold2]\""));
    place.expect(0, &["stop"]);
    let stopped = place.expect(3, &["attach"]);
    assert!(stopped.contains("stopped"), "{stopped}");
    run.wait_gone();
    place.expect(0, &["resume", "--detach"]);
    assert!(run.wait(|j| j.matches("\"event\":\"job_started\"").count() >= 5), "jobs were started again");
    assert!(run.signal("-9"));
    run.wait_gone();
    // At once: the jobs of the killed parent are still saving, and the new ones wait for them.
    let text = place.expect(0, &["resume"]);
    assert!(text.contains("finished"), "{text}");
    assert_eq!(place.artifact_digests(), whole.artifact_digests());
    chain(&run.dir);
}
