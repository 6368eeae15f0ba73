//! pinfold's side of `scripts/bench_peers.sh`: does the named work, as often as asked, and says how long each time took.
//!
//! It reads task names from standard input, one a line, and answers each with one JSON line: task, seconds, items, and a
//! check value where both sides must agree. Getting ready (reading files, building networks, one warm-up) is not timed. `PINFOLD_BENCH` names
//! the folder with the work, which the script makes. Without it (a plain `cargo bench`) there is nothing to do.

mod tasks;
#[cfg(feature = "train")]
mod training;

use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

/// What one repetition did.
pub struct Done {
    /// How many things of the task's kind.
    pub items: f64,
    /// A number that the peer must find too.
    pub check: Option<f64>,
    /// Seconds of it that went into saving the state.
    pub saving: Option<f64>,
}

/// A task that is ready to run again and again.
pub type Task = Box<dyn FnMut() -> Done>;

fn prepare(name: &str, folder: &std::path::Path) -> Result<Task, String> {
    #[cfg(feature = "train")]
    if let Some(which) = name.strip_prefix("train_") {
        return training::prepare(which);
    }
    #[cfg(feature = "train")]
    if name.starts_with("epoch_") {
        return training::whole(name, folder);
    }
    tasks::prepare(name, folder)
}

fn main() {
    let Some(folder) = std::env::var_os("PINFOLD_BENCH").map(PathBuf::from) else {
        eprintln!("skipped: PINFOLD_BENCH is not set; scripts/bench_peers.sh sets it");
        return;
    };
    let mut ready: BTreeMap<String, Task> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let Ok(name) = line else { break };
        let answer = match ready.entry(name.clone()) {
            std::collections::btree_map::Entry::Occupied(e) => Ok(e.into_mut()),
            std::collections::btree_map::Entry::Vacant(e) => prepare(&name, &folder).map(|mut task| {
                task();
                e.insert(task)
            }),
        };
        let line = match answer {
            Ok(task) => {
                let started = Instant::now();
                let done = task();
                json!({"task": name, "seconds": started.elapsed().as_secs_f64(), "items": done.items, "check": done.check, "saving": done.saving})
            }
            Err(why) => json!({"task": name, "error": why}),
        };
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
}
