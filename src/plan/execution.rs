//! From a protocol's `executor` and `[slurm]` and a command's options to how a run is executed.

use crate::base::{Failure, Result};
use crate::engine::execution::{Execution, Executor, Wishes};
use crate::protocol::Protocol;
use crate::protocol::execution as schema;
use crate::protocol::schema::Device;
use crate::stage::split::fold_names;

/// What a command asks for beyond the protocol.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The executor, instead of the protocol's.
    pub executor: Option<schema::Executor>,
    /// Jobs at a time.
    pub jobs: Option<usize>,
    /// Folds by name, or by number from 1; all if empty.
    pub folds: Vec<String>,
}

/// How a run of the protocol is executed.
pub fn of(p: &Protocol, asked: &Asked) -> Result<Execution> {
    let names = fold_names(p);
    let only = asked.folds.iter().map(|wanted| fold(&names, wanted)).collect::<Result<Vec<_>>>()?;
    // In the protocol's order, and each once.
    let only: Vec<String> = names.iter().filter(|n| only.contains(n)).cloned().collect();
    if asked.jobs == Some(0) {
        return Err(Failure::input("no jobs at all").at("--jobs 0").hint("--jobs 1 is one after the other"));
    }
    match asked.executor.unwrap_or(p.executor) {
        schema::Executor::Slurm => Ok(Execution { executor: Executor::Slurm(wishes(p)), slots: asked.jobs.unwrap_or(0), only }),
        schema::Executor::Local => {
            let slots = asked.jobs.unwrap_or(1);
            let devices = devices();
            if p.determinism.device == Device::Cuda && slots > devices.len().max(1) {
                return Err(Failure::environment(format!("{slots} jobs at a time, and {} GPU to be seen", devices.len()))
                    .at("--jobs")
                    .hint("one job a GPU; CUDA_VISIBLE_DEVICES names the GPUs where pinfold does not find them"));
            }
            Ok(Execution { executor: Executor::Local, slots, only })
        }
    }
}

fn fold(names: &[String], wanted: &str) -> Result<String> {
    let by_number = || wanted.parse::<usize>().ok().and_then(|k| names.get(k.checked_sub(1)?));
    names.iter().find(|n| *n == wanted).or_else(by_number).cloned().ok_or_else(|| {
        Failure::input(format!("no fold '{wanted}'")).at("--fold").hint(format!("a name or a number from 1: {}", names.join(", ")))
    })
}

/// The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them.
fn devices() -> Vec<String> {
    if let Ok(named) = std::env::var("CUDA_VISIBLE_DEVICES") {
        return named.split(',').map(str::trim).filter(|d| !d.is_empty()).map(str::to_owned).collect();
    }
    let count = std::fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
    (0..count).map(|i| i.to_string()).collect()
}

/// What each slot on this machine adds to its workers' environment.
pub fn slots(p: &Protocol, execution: &Execution) -> Vec<Vec<(String, String)>> {
    let pins = super::order::pins(p);
    let devices = devices();
    let slot = |i: usize| {
        let mut out = pins.clone();
        if p.determinism.device == Device::Cuda
            && let Some(device) = devices.get(i)
        {
            out.push(("CUDA_VISIBLE_DEVICES".to_owned(), device.clone()));
        }
        out
    };
    (0..execution.slots.max(1)).map(slot).collect()
}

fn wishes(p: &Protocol) -> Wishes {
    let s = &p.slurm;
    let mut every: Vec<(String, Option<String>)> = Vec::new();
    for (name, value) in [("partition", &s.partition), ("account", &s.account), ("qos", &s.qos), ("time", &s.time), ("mem", &s.mem)] {
        if let Some(value) = value {
            every.push((name.to_owned(), Some(value.clone())));
        }
    }
    let cpus = s.cpus.map_or(p.determinism.threads, |n| n as usize);
    every.push(("cpus-per-task".to_owned(), Some(cpus.to_string())));
    for option in &s.extra {
        let option = option.trim_start_matches('-');
        every.push(option.split_once('=').map_or((option.to_owned(), None), |(n, v)| (n.to_owned(), Some(v.to_owned()))));
    }
    let array = s.gres.iter().map(|g| ("gres".to_owned(), Some(g.clone()))).collect();
    Wishes { every, array, signal: s.signal.unwrap_or(60), requeue: s.requeue.unwrap_or(0) }
}
