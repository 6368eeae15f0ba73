//! `pinfold worker`: does the work of a run. Its only interface is the run folder.

use super::Here;
use crate::base::{Exit, Failure, Result};
use crate::engine::journal::{Event, Journal, Origin};
use crate::engine::pool::{self, Task};
use crate::engine::pulse::{Pulse, Shared};
use crate::engine::runs::{Outcome, OutcomeRow};
use crate::engine::store::Artifact;
use crate::engine::{Run, Watch, Workspace, jobs};
use crate::plan::{Found, Graph, Part, execution, launch, pin};
use crate::protocol::{self, Protocol};
use crate::stage::split::fold_names;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Arguments of `worker`.
#[derive(clap::Args)]
pub struct Args {
    /// The run folder.
    run: PathBuf,
    /// One job of the run: prepare, fold:NUMBER from 0, or finish.
    #[arg(long)]
    job: Option<String>,
    /// The process to end with.
    #[arg(long, requires = "job")]
    parent: Option<u32>,
}

/// Leaves the terminal's session, then works.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    crate::engine::worker::detach();
    let (workspace, run) = (at.workspace()?, Run::open(&args.run)?);
    if args.parent.is_some_and(|p| !crate::engine::worker::end_with_parent(p)) {
        return Err(Failure::interrupted("the worker that started this one is gone"));
    }
    match args.job.as_deref() {
        None => work(&workspace, &run),
        Some(launch::FINISH) => session(&run, &run, PATIENCE, |watch| finish(&workspace, &run, watch)),
        Some(job) => {
            let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
            let (name, part) = part(&p, job)?;
            let place = jobs::at(&run, &name)?;
            session(&run, &place, PATIENCE, |watch| {
                let graph = Graph::new(&workspace, &p);
                watch.event(Event::Planned { labels: graph.labels_of(&|x| x == part) });
                graph.execute_parts(&workspace.store(), watch, &|x| x == part).map(|_| ())
            })
        }
    }
}

/// How long a job waits for an earlier attempt at it that is still saving its state.
const PATIENCE: Duration = Duration::from_secs(60);

fn part(p: &Protocol, job: &str) -> Result<(String, Part)> {
    if job == launch::PREPARE {
        return Ok((launch::PREPARE.to_owned(), Part::Prepare));
    }
    let fold = job.strip_prefix("fold:").and_then(|n| n.parse::<usize>().ok());
    fold.and_then(|i| fold_names(p).get(i).map(|name| (launch::fold_job(name), Part::Fold(i))))
        .ok_or_else(|| Failure::input(format!("no job '{job}'")).at("--job"))
}

/// Does the work of a run; the end of it, good or bad, is in the journal.
pub fn work(workspace: &Workspace, run: &Run) -> Result<()> {
    session(run, run, Duration::ZERO, |watch| all(workspace, run, watch))
}

/// Takes a journal, does the work, and writes the ending. `run` is whose control file is obeyed; `at` is the run itself
/// or one of its jobs.
fn session(run: &Run, at: &Run, patience: Duration, body: impl FnOnce(&mut Writing) -> Result<()>) -> Result<()> {
    let since = Instant::now();
    let _mine = loop {
        match at.take() {
            Err(_) if since.elapsed() < patience => std::thread::sleep(Duration::from_millis(100)),
            taken => break taken?,
        }
    };
    let mut journal = Journal::open(&at.journal())?;
    let started = Instant::now();
    if at.dir == run.dir {
        jobs::collect(run, &mut journal)?;
    }
    journal.take_up(&run.order.protocol)?;
    let journal = Shared::new(journal);
    // A hang-up is nothing to a worker, not even one that was started by hand.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::new(AtomicBool::new(false)));
    let stop = Arc::new(AtomicBool::new(false));
    // Ctrl-C reaches a worker only where the run is in this one process: the first asks for a stop, a second one ends it.
    let interrupt = signal_hook::consts::SIGINT;
    let _ = signal_hook::flag::register_conditional_shutdown(interrupt, Exit::Interrupted as i32, Arc::clone(&stop));
    let _ = signal_hook::flag::register(interrupt, Arc::clone(&stop));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGUSR1] {
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    let pulse = Pulse::start(run, &journal);
    let mut watch =
        Writing { run, journal: journal.clone(), stop, asked: false, last_progress: None, last_look: Instant::now(), trouble: None };
    let result = body(&mut watch);
    let (trouble, asked) = (watch.trouble.take(), watch.asked);
    let ending = match (&result, &trouble) {
        // A journal that could not be written stops the work like a request does; it is none.
        (_, Some(e)) => Event::RunFailed { what: e.to_string(), exit: e.exit as i32 },
        (Ok(()), None) => Event::RunDone { seconds: started.elapsed().as_secs_f64() },
        (Err(e), None) if e.exit == Exit::Interrupted && asked => Event::RunStopped,
        (Err(e), None) => Event::RunFailed { what: e.to_string(), exit: e.exit as i32 },
    };
    drop(pulse);
    journal.lock().append(ending)?;
    trouble.map_or(result, Err)
}

fn all(workspace: &Workspace, run: &Run, watch: &mut Writing) -> Result<()> {
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let (graph, store) = (Graph::new(workspace, &p), workspace.store());
    let execution = run.execution();
    let wanted = launch::wanted(&p, execution);
    watch.event(Event::Planned { labels: graph.labels_of(&wanted) });
    let folds = launch::folds(&p, execution);
    if execution.slots <= 1 || folds.len() <= 1 {
        let artifacts = graph.execute_parts(&store, watch, &wanted)?;
        return outcome(workspace, run, &p, artifacts, watch);
    }
    graph.execute_parts(&store, watch, &|part| part == Part::Prepare)?;
    // Folds that are there are checked here; a process of its own each would only cost time.
    let found = graph.look(&store)?;
    let mut tasks = Vec::new();
    for (fold, name) in folds {
        if found.iter().enumerate().all(|(i, f)| graph.part(i) != Part::Fold(fold) || matches!(f, Found::Done(_))) {
            graph.execute_parts(&store, watch, &|part| part == Part::Fold(fold))?;
        } else {
            tasks.push(Task { job: launch::fold_job(&name), arguments: vec!["--job".into(), format!("fold:{fold}")] });
        }
    }
    pool::run(run, workspace.root(), tasks, &execution::slots(&p, execution), watch)?;
    rest(workspace, run, &p, &graph, watch)
}

/// What follows when the folds are done: the last parts, where the whole graph is wanted, and the result.
fn rest(workspace: &Workspace, run: &Run, p: &Protocol, graph: &Graph, watch: &mut Writing) -> Result<()> {
    let store = workspace.store();
    let execution = run.execution();
    let mut artifacts = if execution.whole() { graph.execute_parts(&store, watch, &|part| part == Part::Finish)? } else { Vec::new() };
    if !execution.whole() {
        let wanted = launch::wanted(p, execution);
        let done = |(i, found)| match found {
            Found::Done(a) if wanted(graph.part(i)) => Some(*a),
            _ => None,
        };
        artifacts = graph.look(&store)?.into_iter().enumerate().map(done).collect();
    }
    outcome(workspace, run, p, artifacts, watch)
}

/// The last job under Slurm: takes the others' journals over, and goes on if they are done.
fn finish(workspace: &Workspace, run: &Run, watch: &mut Writing) -> Result<()> {
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let graph = Graph::new(workspace, &p);
    let found = graph.look(&workspace.store())?;
    let missing = |part: Part| found.iter().enumerate().any(|(i, f)| graph.part(i) == part && !matches!(f, Found::Done(_)));
    let expected = std::iter::once((launch::PREPARE.to_owned(), Part::Prepare))
        .chain(launch::folds(&p, run.execution()).into_iter().map(|(i, name)| (launch::fold_job(&name), Part::Fold(i))));
    // An error of a job says more than that others could not begin because of it.
    let mut worst: Option<Failure> = None;
    for (job, _) in expected.filter(|(_, part)| missing(*part)) {
        let verdict = match jobs::ending(&jobs::lines(run, &job)?.0) {
            // Done, it said; and its artifact is not there.
            jobs::Ending::Done => Err(Failure::environment(format!("{job} is done, and what it made is not in the store"))
                .hint("is the workspace on a file system that all nodes see?")),
            ending => pool::verdict(&job, &ending),
        };
        if let Err(e) = verdict {
            let worse = worst.as_ref().is_none_or(|w| w.exit == Exit::Interrupted && e.exit != Exit::Interrupted);
            worst = if worse { Some(e) } else { worst };
        }
    }
    match worst {
        // Who asked for the stop is told that it came about.
        Some(_) if watch.stop_asked() => Err(Failure::interrupted("stopped on request")),
        Some(failure) => Err(failure),
        None => rest(workspace, run, &p, &graph, watch),
    }
}

fn outcome(workspace: &Workspace, run: &Run, p: &Protocol, artifacts: Vec<Option<Artifact>>, watch: &mut Writing) -> Result<()> {
    let artifacts: Vec<Artifact> = artifacts.into_iter().flatten().collect();
    let rows = artifacts
        .iter()
        .map(|a| OutcomeRow { label: a.label.clone(), stage: a.manifest.stage.clone(), key: a.manifest.key, digest: a.digest() })
        .collect();
    if let Some(report) = artifacts.last().filter(|_| run.execution().whole()) {
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
    /// Whether the work was ever told to stop.
    asked: bool,
    last_progress: Option<Instant>,
    last_look: Instant,
    trouble: Option<Failure>,
}

impl Writing<'_> {
    fn write(&mut self, event: Event, from: Option<Origin>) {
        if let Err(e) = self.journal.lock().append_from(event, from) {
            self.trouble.get_or_insert(e);
        }
    }

    fn must_stop(&mut self) -> bool {
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

impl Watch for Writing<'_> {
    fn event(&mut self, event: Event) {
        if let Event::Progress { .. } = &event {
            // Two lines a second are enough for any screen, and keep an hour's journal small.
            if self.last_progress.is_some_and(|t| t.elapsed().as_millis() < 500) {
                return;
            }
            self.last_progress = Some(Instant::now());
        }
        self.write(event, None);
    }

    fn repeat(&mut self, event: Event, from: Origin) {
        // The job itself was sparing with progress already.
        self.write(event, Some(from));
    }

    fn stop_asked(&mut self) -> bool {
        self.asked |= self.must_stop();
        self.asked
    }
}
