//! What the engine runs: a stage, seen from below. It knows names, keys and folders, and nothing of genes.

use super::journal::{Event, Origin};
use super::store::{Artifact, Job, Store};
use crate::base::{Digest, Failure, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a stage tells what it does. Journals, screens and tests are three implementations.
pub trait Watch {
    /// Takes one event.
    fn event(&mut self, event: Event);
    /// Takes an event that stands in a job's journal too.
    fn repeat(&mut self, event: Event, _from: Origin) {
        self.event(event);
    }
    /// True when the run should stop at the next safe place.
    fn stop_asked(&mut self) -> bool;
}

/// A watch that tells nobody and never stops.
pub struct Silent;

impl Watch for Silent {
    fn event(&mut self, _: Event) {}
    fn stop_asked(&mut self) -> bool {
        false
    }
}

/// One step of a protocol: a pure function of its inputs and parameters.
pub trait Stage {
    /// What identifies the work.
    fn job(&self) -> Job;
    /// Every file that is read, artifacts of earlier stages included: hashed before and after.
    fn raw_inputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// True when left-overs of an interrupted attempt help; otherwise the folder is cleared first.
    fn resumes(&self) -> bool {
        false
    }
    /// Does the work, writing below `out`.
    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()>;
}

/// Runs a stage, or finds that it was run: the store's rule in one place. Inputs are hashed before and after.
pub fn run(store: &Store, stage: &dyn Stage, watch: &mut dyn Watch) -> Result<Artifact> {
    let job = stage.job();
    let key = job.key();
    if let Some(artifact) = store.find(&job)? {
        store.verify(&artifact)?;
        watch.event(Event::StageCached { label: job.label, stage: job.stage.into(), key });
        return Ok(artifact);
    }
    if watch.stop_asked() {
        return Err(Failure::interrupted("stopped on request").hint("run the same command again to go on"));
    }
    watch.event(Event::StageStarted { label: job.label.clone(), stage: job.stage.into(), key });
    let started = std::time::Instant::now();
    let work = store.begin(&job)?;
    if !stage.resumes() {
        for path in super::store::files_below(&work.dir)? {
            std::fs::remove_file(&path).map_err(|e| Failure::io(&e, "remove", &path))?;
        }
    }
    let before = frozen(&stage.raw_inputs())?;
    stage.run(&work.dir, watch).inspect_err(|e| {
        // A stop is no failure: the run says itself that it was stopped.
        if e.exit != crate::base::Exit::Interrupted {
            watch.event(Event::StageFailed { label: job.label.clone(), what: e.to_string() });
        }
    })?;
    let tainted = frozen(&stage.raw_inputs())? != before;
    if tainted {
        watch.event(Event::Note {
            level: "warning".into(),
            text: format!("an input of {} changed while it worked; its outputs cannot be locked", job.label),
        });
    }
    let artifact = store.finish(&job, work, tainted)?;
    watch.event(Event::StageDone {
        label: job.label,
        stage: job.stage.into(),
        key,
        digest: artifact.digest(),
        seconds: started.elapsed().as_secs_f64(),
    });
    Ok(artifact)
}

fn frozen(paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, Digest>> {
    paths.iter().map(|p| Ok((p.clone(), Digest::of_file(p)?))).collect()
}
