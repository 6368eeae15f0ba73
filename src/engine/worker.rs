//! Starting workers: a child of the same program, in its own session, with its pins in the environment.

use super::runs::Run;
use crate::base::{Failure, IoContext, Result, clock, host, program};
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Starts the worker of a run. It reads nothing, writes to the run's `log.txt`, and outlives the terminal: in a process group
/// of its own from its first moment, since loading libtorch takes a while and a hang-up may come meanwhile; in a session of
/// its own once it runs ([`detach`]).
pub fn spawn(run: &Run, workspace: &Path, pins: &[(String, String)]) -> Result<Child> {
    let program = program::for_workers()?;
    let log_path = run.dir.join("log.txt");
    let log = open_log(&log_path)?;
    let log_too = log.try_clone().doing("write the log", &log_path)?;
    let mut command = Command::new(program);
    command.arg("worker").arg(&run.dir).current_dir(workspace).stdin(Stdio::null()).stdout(log).stderr(log_too);
    command.envs(pins.iter().map(|(k, v)| (k.as_str(), v.as_str()))).process_group(0);
    command.spawn().map_err(|e| Failure::environment(format!("cannot start the worker: {e}")))
}

/// What a log's part of one start begins with.
pub const LOG_MARK: &str = "== worker started ";

/// Opens a log at its end and marks the start, so that nobody takes an earlier attempt's last words for this one's.
fn open_log(path: &Path) -> Result<fs::File> {
    let mut log = fs::OpenOptions::new().create(true).append(true).open(path).doing("write the log", path)?;
    // A disk too full for this line will be told by the work itself.
    let _ = writeln!(log, "{LOG_MARK}{}", clock::rfc3339(clock::now()));
    Ok(log)
}

/// Starts the worker of one of a run's jobs. It ends when this process does: it is told to stop, and saves its state.
pub fn spawn_job(run: &Run, job: &Run, workspace: &Path, arguments: &[String], environment: &[(String, String)]) -> Result<Child> {
    let program = program::for_workers()?;
    let log_path = job.dir.join("log.txt");
    let log = open_log(&log_path)?;
    let log_too = log.try_clone().doing("write the log", &log_path)?;
    let mut command = Command::new(program);
    command.arg("worker").arg(&run.dir).args(arguments).args(["--parent", &std::process::id().to_string()]);
    command.current_dir(workspace).stdin(Stdio::null()).stdout(log).stderr(log_too);
    command.envs(environment.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    command.spawn().map_err(|e| Failure::environment(format!("cannot start a worker: {e}")))
}

/// Asks a worker to save its state and end.
pub fn tell(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

/// Has this process told to stop when its parent ends. False when the parent is gone already.
pub fn end_with_parent(parent: u32) -> bool {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    rustix::process::getppid().is_some_and(|p| u32::try_from(p.as_raw_nonzero().get()) == Ok(parent))
}

/// Leaves the terminal's session, so that a hang-up does not reach this process. Called by the worker itself.
pub fn detach() {
    // A hang-up is nothing to a worker, from before it changes its group.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::new(AtomicBool::new(false)));
    if rustix::process::setsid().is_err() {
        // It leads a group, as `spawn` made it do: who leads one must leave it first, for its parent's. Where that cannot be (the
        // parent is gone, or in another process namespace), it stays in its old session, in a group that no hang-up reaches.
        let parent = rustix::process::getppid().and_then(|p| host::process_group(p.as_raw_nonzero().get()));
        if let Some(group) = parent.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::setpgid(None, Some(group));
            if rustix::process::setsid().is_err() {
                let _ = rustix::process::setpgid(None, None);
            }
        }
    }
}

/// The variables that pin libtorch's arithmetic. They must stand in the environment before libtorch is loaded.
///
/// Measured for the design: with these, training gives the same bytes on AMD and Intel processors; with
/// `MKL_CBWR=AVX2,STRICT` it does not.
pub fn pins(portable: bool, avx2: bool, threads: usize) -> Vec<(String, String)> {
    let mut out = vec![
        ("OMP_NUM_THREADS".to_owned(), threads.to_string()),
        ("MKL_NUM_THREADS".to_owned(), threads.to_string()),
        ("OMP_DYNAMIC".to_owned(), "FALSE".to_owned()),
        ("MKL_DYNAMIC".to_owned(), "FALSE".to_owned()),
        // Threads that wait sleep, and leave the core to the loader threads; it changes no bit.
        ("OMP_WAIT_POLICY".to_owned(), "PASSIVE".to_owned()),
        ("CUBLAS_WORKSPACE_CONFIG".to_owned(), ":4096:8".to_owned()),
    ];
    if avx2 {
        out.push(("ATEN_CPU_CAPABILITY".to_owned(), "avx2".to_owned()));
        out.push(("ONEDNN_MAX_CPU_ISA".to_owned(), "AVX2".to_owned()));
    }
    if portable {
        out.push(("MKL_CBWR".to_owned(), "COMPATIBLE".to_owned()));
    }
    out
}

/// The pins that this process lacks.
pub fn missing_pins(pins: &[(String, String)]) -> Vec<String> {
    pins.iter().filter(|(k, v)| std::env::var(k).ok().as_deref() != Some(v)).map(|(k, v)| format!("{k}={v}")).collect()
}
