//! `pinfold worker`: does the work of a run. Its only interface is the run folder.

use super::Here;
use crate::base::host::Place;
use crate::base::{Exit, Failure, Result};
use crate::engine::journal::{Event, Journal};
use crate::engine::pulse::{Pulse, Shared};
use crate::engine::runs::{Outcome, OutcomeRow};
use crate::engine::{Run, Watch, Workspace};
use crate::plan::{Graph, pin};
use crate::protocol;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Arguments of `worker`.
#[derive(clap::Args)]
pub struct Args {
    /// The run folder.
    run: PathBuf,
}

/// Leaves the terminal's session, then works.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    crate::engine::worker::detach();
    work(&at.workspace()?, &Run::open(&args.run)?)
}

/// Does the work of a run; the end of it, good or bad, is in the journal.
pub fn work(workspace: &Workspace, run: &Run) -> Result<()> {
    let _mine = run.take()?;
    let mut journal = Journal::open(&run.journal())?;
    let started = Instant::now();
    journal.append(Event::RunStarted {
        protocol: run.order.protocol.clone(),
        place: Place::here(),
        pinfold: env!("CARGO_PKG_VERSION").into(),
    })?;
    if let Some(kept) = journal.kept().map(|p| p.display().to_string()) {
        let text = format!("the journal had been changed or damaged; as it was found it is kept in {kept}");
        journal.append(Event::Note { level: "warning".into(), text })?;
    }
    let journal = Shared::new(journal);
    // A hang-up is nothing to a worker, not even one that was started by hand.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::new(AtomicBool::new(false)));
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1] {
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    let pulse = Pulse::start(run, &journal);
    let mut watch = Writing { run, journal: journal.clone(), stop, last_progress: None, last_look: Instant::now(), trouble: None };
    let result = all(workspace, run, &mut watch);
    let trouble = watch.trouble.take();
    let ending = match (&result, &trouble) {
        (Ok(()), None) => Event::RunDone { seconds: started.elapsed().as_secs_f64() },
        (Ok(()), Some(e)) => Event::RunFailed { what: e.to_string(), exit: e.exit as i32 },
        (Err(e), _) if e.exit == Exit::Interrupted => Event::RunStopped,
        (Err(e), _) => Event::RunFailed { what: e.to_string(), exit: e.exit as i32 },
    };
    drop(pulse);
    journal.lock().append(ending)?;
    trouble.map_or(result, Err)
}

fn all(workspace: &Workspace, run: &Run, watch: &mut Writing) -> Result<()> {
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let graph = Graph::new(workspace, &p);
    let artifacts = graph.execute(&workspace.store(), watch)?;
    let rows = artifacts
        .iter()
        .map(|a| OutcomeRow { label: a.label.clone(), stage: a.manifest.stage.clone(), key: a.manifest.key, digest: a.digest() })
        .collect();
    if let Some(report) = artifacts.last() {
        let folder = pin::publish(workspace, &p.name, report)?;
        let shown = folder.strip_prefix(workspace.root()).unwrap_or(&folder).display().to_string();
        watch.event(Event::Note { level: "info".into(), text: format!("report: {shown}/index.html") });
    }
    run.write_outcome(&Outcome { artifacts: rows })
}

/// A watch that writes the journal and obeys the control file and signals.
struct Writing<'a> {
    run: &'a Run,
    journal: Shared,
    stop: Arc<AtomicBool>,
    last_progress: Option<Instant>,
    last_look: Instant,
    trouble: Option<Failure>,
}

impl Watch for Writing<'_> {
    fn event(&mut self, event: Event) {
        if let Event::Progress { .. } = &event {
            // Two lines a second are enough for any screen, and keep an hour's journal small.
            if self.last_progress.is_some_and(|t| t.elapsed().as_millis() < 500) {
                return;
            }
            self.last_progress = Some(Instant::now());
        }
        if let Err(e) = self.journal.lock().append(event) {
            self.trouble.get_or_insert(e);
        }
    }

    fn stop_asked(&mut self) -> bool {
        if self.stop.load(Ordering::Relaxed) || self.trouble.is_some() {
            return true;
        }
        if self.last_look.elapsed().as_millis() < 200 {
            return false;
        }
        self.last_look = Instant::now();
        self.run.stop_asked()
    }
}
