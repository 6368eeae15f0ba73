//! Runs under a real Slurm, where there is one: scripts/slurm_for_tests.sh starts it on one machine.
#![cfg(feature = "train")]

mod place;

use pinfold::engine::journal;
use place::Place;
use std::process::Command;
use std::time::{Duration, Instant};

const FOLDS: &[(&str, &str)] =
    &[("kind = \"holdout\"\ntest_size = 0.2", "kind = \"kfold\"\nk = 3"), ("from = \"train\"", "from = \"all\"")];

/// Whether Slurm answers; says so when it does not.
fn slurm() -> bool {
    let answers =
        Command::new("timeout").args(["10", "sinfo", "--noheader"]).output().is_ok_and(|o| o.status.success() && !o.stdout.is_empty());
    if !answers {
        println!("skipped: no Slurm here (scripts/slurm_for_tests.sh start)");
    }
    answers
}

/// A workspace whose folder has everything in its name that a script could trip over.
fn place(more: &[(&str, &str)]) -> Place {
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path().join("it's a \"place\" %j #1 $HOME");
    std::fs::create_dir(&root).expect("mkdir");
    Place::at(root, Some(dir), &[FOLDS, more].concat())
}

const TABLE: (&str, &str) = ("[figures]", "[figures]\n\n[slurm]\ntime = \"5\"\nmem = \"500M\"\n");

/// Waits until this holds.
fn until(what: &str, so: impl Fn() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(180), "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn whole_chain(place: &Place) -> Vec<journal::Line> {
    let run = place.newest_run();
    let (lines, _) = journal::read(&run.dir.join("journal.jsonl")).expect("a journal");
    assert_eq!(lines.len(), run.journal().lines().count(), "the chain is whole");
    lines
}

/// Slurm's numbers of the run's jobs, the newest attempt last.
fn numbers(place: &Place) -> Vec<(String, String)> {
    let submitted = |l: journal::Line| if let journal::Event::Submitted { jobs } = l.event { jobs } else { Vec::new() };
    whole_chain(place).into_iter().flat_map(submitted).map(|j| (j.job, j.id)).collect()
}

/// How many attempts at the second fold have begun to train.
fn begun(place: &Place) -> usize {
    let journal = place.newest_run().dir.join("jobs/fold-fold2/journal.jsonl");
    std::fs::read_to_string(journal).unwrap_or_default().matches("\"event\":\"stage_started\"").count()
}

#[test]
fn under_slurm_the_bytes_are_the_same() {
    if !slurm() {
        return;
    }
    let (local, remote) = (place(&[TABLE]), place(&[TABLE]));
    local.expect(0, &["run", "demo"]);
    let text = remote.expect(0, &["run", "demo", "--executor", "slurm"]);
    assert!(text.contains("handed in") && text.contains("train[fold3]") && text.contains("finished"), "{text}");
    assert_eq!(text.matches("predict[fold2]").count(), 1, "each line once:\n{text}");
    assert_eq!(local.digests(), remote.digests());
    let lines = whole_chain(&remote);
    let ended = lines.iter().filter(|l| matches!(l.event, journal::Event::JobEnded { .. })).count();
    assert_eq!(ended, 4, "prepare and three folds are pinned by the run's chain");
    assert_eq!(numbers(&remote).len(), 5);
    assert!(remote.expect(0, &["status"]).contains("done"));
    // Nothing left to do: only the last job is handed in.
    let again = remote.expect(0, &["run", "demo", "--executor", "slurm"]);
    assert!(!again.contains("epoch") && again.contains("finished"), "{again}");
    assert_eq!(numbers(&remote).len(), 1);
    // The [slurm] table is no part of the protocol's identity.
    let without = place(&[]);
    without.expect(0, &["run", "demo", "--fold", "1"]);
    let of = |p: &Place| p.artifact_digests().into_iter().filter(|(f, _)| f.contains("/train/")).map(|(f, _)| f).collect::<Vec<_>>();
    assert!(of(&without).iter().all(|f| of(&remote).contains(f)));
    remote.expect(0, &["lock", "demo"]);
    remote.expect(0, &["audit"]);
}

#[test]
fn a_job_stopped_before_its_time_limit_goes_on_with_a_resume() {
    if !slurm() {
        return;
    }
    // Some four times as long as the time that Slurm gives it, so that it is stopped on a quick machine too.
    let long = ("epochs = 3", "epochs = 8000");
    let limit = ("[figures]", "[figures]\n\n[slurm]\ntime = \"1\"\nsignal = 55\n");
    let (local, remote) = (place(&[long, TABLE]), place(&[long, limit]));
    // Slurm sends the signal some five seconds after the start, long before the end.
    let text = remote.expect(3, &["run", "demo", "--executor", "slurm", "--fold", "1"]);
    assert!(text.contains("was stopped before its end") && text.contains("pinfold resume"), "{text}");
    let epochs = text.matches(" epoch ").count();
    assert!(epochs > 0 && epochs < 8000, "{epochs}");
    assert!(remote.expect(0, &["status"]).contains("failed"));
    // Each resume gets a little further; the table may be changed in between, and this run keeps its own.
    let mut attempts = 0;
    loop {
        attempts += 1;
        let out = remote.pinfold(&["resume"]);
        match out.status.code() {
            Some(0) => break,
            Some(3) if attempts < 60 => {}
            code => panic!("{code:?}: {}", String::from_utf8_lossy(&out.stderr)),
        }
    }
    println!("{attempts} resumes");
    local.expect(0, &["run", "demo", "--fold", "1"]);
    assert_eq!(local.artifact_digests(), remote.artifact_digests());
    let folds = numbers(&remote).iter().filter(|(job, _)| job == "fold-fold1").count();
    // A fold that ended just as it was told to stop is done: the resume after it hands in none.
    assert!((2..=attempts + 1).contains(&folds), "{folds} jobs of the fold, {attempts} resumes");
}

#[test]
fn stop_takes_back_what_waits_and_saves_what_runs() {
    if !slurm() {
        return;
    }
    let long = ("epochs = 3", "epochs = 1500");
    let (local, remote) = (place(&[long]), place(&[long]));
    // One job of the array at a time, so that two of them wait.
    let text = remote.expect(0, &["run", "demo", "--executor", "slurm", "--jobs", "1", "--detach"]);
    assert!(text.contains("pinfold attach"), "{text}");
    until("a fold at work", || remote.expect(0, &["status", "demo"]).contains("epoch"));
    let status = remote.expect(0, &["status", "demo"]);
    let numbers_now = numbers(&remote);
    let (_, first) = numbers_now.iter().find(|(job, _)| job == "fold-fold1").expect("submitted");
    assert!(status.contains(&format!("job {first} running")), "{status}");
    assert!(status.contains("pending (JobArrayTaskLimit)") && status.contains("pending (Dependency)"), "{status}");
    assert!(remote.expect(2, &["run", "demo"]).contains("running already"));
    let json: serde_json::Value = serde_json::from_str(&remote.expect(0, &["status", "demo", "--json"])).expect("JSON");
    assert_eq!(json["jobs"].as_array().map(Vec::len), Some(5), "{json}");
    let stopped = remote.expect(0, &["stop"]);
    assert!(stopped.contains("has ended"), "{stopped}");
    let ids: Vec<String> = numbers_now.iter().map(|(_, id)| id.clone()).collect();
    let queue = Command::new("squeue").args(["--noheader", "--jobs", &ids.join(",")]).output().expect("squeue");
    assert!(queue.stdout.is_empty(), "{}", String::from_utf8_lossy(&queue.stdout));
    assert!(remote.expect(0, &["status"]).contains("stopped"));
    assert!(matches!(whole_chain(&remote).last().map(|l| &l.event), Some(journal::Event::RunStopped)));
    remote.expect(0, &["resume"]);
    local.expect(0, &["run", "demo", "--jobs", "2"]);
    assert_eq!(local.digests(), remote.digests());
}

#[test]
fn cancelled_jobs_and_refused_jobs_are_told() {
    if !slurm() {
        return;
    }
    // Slurm refuses: nothing stays in the queue, and the run says why.
    let refused = place(&[("[figures]", "[figures]\n\n[slurm]\npartition = \"nowhere\"\n")]);
    let text = refused.expect(4, &["run", "demo", "--executor", "slurm"]);
    assert!(text.contains("Slurm refused a job") && text.contains("partition"), "{text}");
    assert!(refused.expect(0, &["status"]).contains("failed"));
    // The array refused after the first job was taken: that one is taken back.
    let half = place(&[("[figures]", "[figures]\n\n[slurm]\ngres = \"gpu:9\"\n")]);
    half.expect(4, &["run", "demo", "--executor", "slurm"]);
    let prepare = numbers(&half);
    assert_eq!(prepare.len(), 1);
    let queue = || Command::new("squeue").args(["--noheader", "--jobs", &prepare[0].1]).output().expect("squeue");
    until("the first job to be taken back", || queue().stdout.is_empty());
    // Killed by hand in the middle: the last job still tells, and a resume goes on.
    let long = ("epochs = 3", "epochs = 1500");
    let (killed, local) = (place(&[long]), place(&[long]));
    killed.expect(0, &["run", "demo", "--executor", "slurm", "--fold", "2", "--detach"]);
    until("a fold at work", || killed.expect(0, &["status", "demo"]).contains("epoch"));
    let job = std::fs::read_to_string(killed.newest_run().dir.join("jobs/fold-fold2/journal.jsonl")).expect("the job's journal");
    let first: serde_json::Value = serde_json::from_str(job.lines().next().expect("a line")).expect("JSON");
    let pid = first["place"]["pid"].as_u64().expect("pid").to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill runs").success());
    let text = killed.expect(3, &["attach"]);
    assert!(text.contains("fold-fold2 vanished"), "{text}");
    // scancel lets a job save its state first.
    killed.expect(0, &["resume", "--detach"]);
    until("the fold at work again", || {
        killed.newest_run().journal().matches("\"job\":\"fold-fold2\",\"id\"").count() == 2 && begun(&killed) == 2
    });
    let (_, id) = numbers(&killed).into_iter().rfind(|(job, _)| job == "fold-fold2").expect("submitted");
    assert!(Command::new("scancel").arg(&id).status().expect("scancel").success());
    let text = killed.expect(3, &["attach"]);
    assert!(text.contains("fold-fold2 was stopped before its end"), "{text}");
    killed.expect(0, &["resume"]);
    local.expect(0, &["run", "demo", "--fold", "2"]);
    assert_eq!(killed.artifact_digests(), local.artifact_digests());
}

#[test]
fn a_dry_run_prints_the_scripts_and_hands_nothing_in() {
    let table = "[figures]\n\n[slurm]\npartition = \"cpu\"\naccount = \"lab\"\nqos = \"long\"\ntime = \"1-12\"\nmem = \"16G\"\ncpus = 4\ngres = \"gpu:1\"\nextra = [\"--constraint=a&b c\", \"--exclusive\"]\nsignal = 120\n";
    let place = place(&[("[figures]", table)]);
    let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .args(["run", "demo", "--executor", "slurm", "--dry-run", "--jobs", "2"])
        .current_dir(place.path())
        .env("PINFOLD_DATA", "/data/it's here")
        .output()
        .expect("pinfold runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!place.path().join("runs").exists(), "nothing was made");
    let tempdir = place.path().parent().expect("a parent").display().to_string();
    let shown = text.replace(&tempdir, "TEMPDIR").replace(env!("CARGO_BIN_EXE_pinfold-engine"), "PINFOLD");
    insta::assert_snapshot!(shown);
    assert!(place.expect(2, &["run", "demo", "--dry-run"]).contains("--executor slurm"));
    assert!(
        place.expect(2, &["run", "demo", "--executor", "slurm", "--set", "slurm.partition=a b", "--dry-run"]).contains("slurm.partition")
    );
    // A table of its own for one run changes no name.
    let set = place.expect(0, &["run", "demo", "--executor", "slurm", "--set", "slurm.requeue=2", "--dry-run"]);
    assert!(set.contains("scontrol requeue") && set.contains("RUN-demo") && !set.contains("demo+"), "{set}");
}
