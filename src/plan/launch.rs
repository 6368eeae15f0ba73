//! Starting a run where it is to be executed, and stopping it there.

use super::{Found, Graph, Part, order};
use crate::base::{Failure, IoContext, Result, atomic, program};
use crate::engine::execution::{Execution, Executor};
use crate::engine::journal::{Event, Journal, Submission};
use crate::engine::runs::State;
use crate::engine::slurm::{self, Plan, Script};
use crate::engine::{Run, Workspace, jobs, pause, worker};
use crate::protocol::{self, Protocol};
use crate::stage::split::fold_names;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// The job before the folds.
pub const PREPARE: &str = "prepare";
/// The job after the folds; the last one, which writes the run's journal.
pub const FINISH: &str = "finish";

/// The name of a fold's job.
pub fn fold_job(name: &str) -> String {
    format!("fold-{name}")
}

/// The folds that a run is about, by number and name.
pub fn folds(p: &Protocol, execution: &Execution) -> Vec<(usize, String)> {
    fold_names(p).into_iter().enumerate().filter(|(_, n)| execution.whole() || execution.only.contains(n)).collect()
}

/// Whether a run is about this part of the graph.
pub fn wanted(p: &Protocol, execution: &Execution) -> impl Fn(Part) -> bool + use<> {
    let (folds, whole) = (folds(p, execution), execution.whole());
    move |part| match part {
        Part::Prepare => true,
        Part::Fold(fold) => folds.iter().any(|(i, _)| *i == fold),
        Part::Finish => whole,
    }
}

/// Starts an ordered run, or one that is taken up again. Local: a worker, which is given. Slurm: jobs.
pub fn start(workspace: &Workspace, run: &Run) -> Result<Option<Child>> {
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    match &run.execution().executor {
        Executor::Local => worker::spawn(run, workspace.root(), &order::pins(&p)).map(Some),
        Executor::Slurm(_) => hand_in(workspace, run, &p).map(|()| None),
    }
}

/// What is left to do of a run, by job: whether to prepare, and which folds.
fn left(workspace: &Workspace, p: &Protocol, execution: &Execution) -> Result<(bool, Vec<(usize, String)>)> {
    let graph = Graph::new(workspace, p);
    let found = graph.look(&workspace.store())?;
    let done = |part: Part| found.iter().enumerate().filter(|(i, _)| graph.part(*i) == part).all(|(_, f)| matches!(f, Found::Done(_)));
    let folds = folds(p, execution).into_iter().filter(|(i, _)| !done(Part::Fold(*i))).collect();
    Ok((!done(Part::Prepare), folds))
}

/// The scripts of a run that is left to do, in the order in which they are handed in.
pub fn scripts(workspace: &Workspace, id: &str, p: &Protocol, execution: &Execution) -> Result<Vec<Script>> {
    let Executor::Slurm(wishes) = &execution.executor else {
        return Err(Failure::input("only a run on Slurm has scripts").at("--dry-run").hint("add --executor slurm"));
    };
    let text = |path: &Path| {
        path.to_str()
            .filter(|t| !t.chars().any(char::is_control))
            .map(str::to_owned)
            .ok_or_else(|| Failure::input("a folder whose name cannot be written into a script").at(path.display().to_string()))
    };
    let root = text(workspace.root())?;
    let program = program::for_workers()?;
    let program = text(&program)?;
    let mut environment = order::pins(p);
    if let Ok(data) = std::env::var("PINFOLD_DATA")
        && !data.is_empty()
    {
        environment.push(("PINFOLD_DATA".into(), data));
    }
    let plan = Plan { run: id, workspace: &root, program: &program, environment: &environment, wishes, slots: execution.slots };
    let (prepare, folds) = left(workspace, p, execution)?;
    let mut out: Vec<Script> = Vec::new();
    if prepare {
        let text = slurm::render(&plan, PREPARE, None, PREPARE);
        out.push(Script { name: PREPARE.into(), jobs: vec![(None, PREPARE.into())], after: None, text });
    }
    if !folds.is_empty() {
        let numbers: Vec<usize> = folds.iter().map(|f| f.0).collect();
        let jobs = folds.iter().map(|(i, name)| (Some(*i), fold_job(name))).collect();
        let after = prepare.then(|| ("afterok", vec![PREPARE.to_owned()]));
        out.push(Script { name: "folds".into(), jobs, after, text: slurm::render(&plan, "folds", Some(&numbers), "fold:{}") });
    }
    let before: Vec<String> = out.iter().map(|s| s.name.clone()).collect();
    let after = (!before.is_empty()).then_some(("afterany", before));
    out.push(Script { name: FINISH.into(), jobs: vec![(None, FINISH.into())], after, text: slurm::render(&plan, FINISH, None, FINISH) });
    Ok(out)
}

/// Hands the jobs of a run in. When Slurm refuses one, those that it took are taken back.
fn hand_in(workspace: &Workspace, run: &Run, p: &Protocol) -> Result<()> {
    let scripts = scripts(workspace, &run.id, p, run.execution())?;
    let _mine = run.take()?;
    let mut journal = Journal::open(&run.journal())?;
    jobs::collect(run, &mut journal)?;
    journal.take_up(&run.order.protocol)?;
    journal.append(Event::Planned { labels: Graph::new(workspace, p).labels_of(&wanted(p, run.execution())) })?;
    let folder = run.dir.join("slurm");
    std::fs::create_dir_all(&folder).doing("make the folder", &folder)?;
    let mut known: Vec<(String, String)> = Vec::new();
    for script in &scripts {
        let path = folder.join(format!("{}.sh", script.name));
        atomic::write(&path, script.text.as_bytes())?;
        let on =
            |names: &[String]| known.iter().filter(|(n, _)| names.contains(n)).map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(":");
        let dependency = script.after.as_ref().map(|(kind, names)| format!("{kind}:{}", on(names)));
        let id = match slurm::submit(&path, dependency.as_deref()) {
            Ok(id) => id,
            Err(e) => {
                let taken: Vec<String> = known.into_iter().map(|(_, id)| id).collect();
                let _ = slurm::cancel(&taken, false);
                journal.append(Event::RunFailed { what: e.to_string(), exit: e.exit as i32 })?;
                return Err(e);
            }
        };
        let number = |n: &Option<usize>| n.map_or_else(|| id.clone(), |n| format!("{id}_{n}"));
        let jobs = script.jobs.iter().map(|(n, job)| Submission { job: job.clone(), id: number(n) }).collect();
        known.push((script.name.clone(), id.clone()));
        journal.append(Event::Submitted { jobs })?;
    }
    Ok(())
}

/// Asks a run to stop, or to end at once. Under Slurm, jobs that have not begun are taken back, and the others are
/// waited for so long; true when the run has ended.
pub fn stop(run: &Run, abort: bool, patience: Duration) -> Result<bool> {
    if abort {
        run.ask_abort()?
    } else {
        run.ask_stop()?
    };
    if !run.execution().on_slurm() {
        // One that is paused has to go on to hear of it.
        if run.state(&run.lines()?) == State::Paused {
            pause::set(run, false)?;
        }
        return Ok(false);
    }
    let jobs = slurm::submissions(&run.lines()?);
    let mut ids: Vec<String> = jobs.iter().map(|j| j.id.split('_').next().unwrap_or_default().to_owned()).collect();
    ids.dedup();
    slurm::cancel(&ids, !abort)?;
    let all: Vec<String> = jobs.into_iter().map(|j| j.id).collect();
    let since = Instant::now();
    loop {
        let seen = slurm::look(&all);
        if seen.is_some_and(|s| s.iter().all(|s| !s.active())) {
            break;
        }
        if since.elapsed() >= patience {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    // Nobody is left who would write it.
    let _mine = run.take()?;
    let mut journal = Journal::open(&run.journal())?;
    jobs::collect(run, &mut journal)?;
    if jobs::ending(&run.lines()?) == jobs::Ending::Open {
        journal.append(Event::RunStopped)?;
    }
    Ok(true)
}
