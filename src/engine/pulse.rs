//! What a worker does beside its work: a sign of life in the journal, and an ear for an abort.

use super::journal::{Event, Journal};
use super::runs::Run;
use crate::base::{Exit, host::Place};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A worker that has nothing to tell says every so often that it lives; `runs::State::Silent` needs three times this.
const BEAT: Duration = Duration::from_secs(30);

/// How often the control file is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A journal that a worker and its pulse both write to, a line at a time.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Journal>>);

impl Shared {
    /// Shares a journal.
    pub fn new(journal: Journal) -> Self {
        Self(Arc::new(Mutex::new(journal)))
    }
    /// The journal, for one line.
    pub fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beating thread; it ends when this is dropped.
pub struct Pulse {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Starts it. An abort asked for through the control file ends the whole process, as `kill -9` would, but with
    /// a last line in the journal.
    pub fn start(run: &Run, journal: &Shared) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, run, journal) = (Arc::clone(&over), run.clone(), journal.clone());
        let thread = std::thread::spawn(move || {
            let (mut lines, mut since) = (journal.lock().len(), Instant::now());
            while !ended.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                if run.abort_asked() && !ended.load(Ordering::Relaxed) {
                    let mut journal = journal.lock();
                    let _ = journal.append(Event::RunStopped);
                    // The guard is kept: nothing may follow that line.
                    std::process::exit(Exit::Interrupted as i32);
                }
                let now = journal.lock().len();
                if now != lines {
                    (lines, since) = (now, Instant::now());
                } else if since.elapsed() >= BEAT {
                    let _ = journal.lock().append(Event::Heartbeat { place: Some(Place::here()) });
                }
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
