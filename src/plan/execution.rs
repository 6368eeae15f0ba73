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
    /// Jobs that share a GPU; 1 if not said.
    pub per_gpu: Option<usize>,
    /// Folds by name, or by number from 1; all if empty.
    pub folds: Vec<String>,
}

/// How a run of the protocol is executed.
pub fn of(p: &Protocol, asked: &Asked) -> Result<Execution> {
    let names = fold_names(p);
    let only = asked.folds.iter().map(|wanted| fold(&names, wanted)).collect::<Result<Vec<_>>>()?;
    // In the protocol's order, and each once.
    let only: Vec<String> = names.iter().filter(|n| only.contains(n)).cloned().collect();
    if asked.per_gpu == Some(0) {
        return Err(Failure::input("no job on any GPU").at("--per-gpu 0").hint("--per-gpu 1 gives each job a GPU of its own"));
    }
    if asked.jobs == Some(0) {
        return Err(Failure::input("no jobs at all").at("--jobs 0").hint("--jobs 1 is one after the other"));
    }
    match asked.executor.unwrap_or(p.executor) {
        schema::Executor::Slurm => Ok(Execution { executor: Executor::Slurm(wishes(p)), slots: asked.jobs.unwrap_or(0), only }),
        schema::Executor::Local => {
            let slots = asked.jobs.unwrap_or(1);
            if p.determinism.device == Device::Cuda {
                enough(slots, asked.per_gpu.unwrap_or(1), devices().len())?;
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

/// Refuses more jobs at a time than the GPUs have slots. Without a GPU to be seen, one job is let through: it says itself
/// what is missing.
fn enough(slots: usize, per_gpu: usize, gpus: usize) -> Result<()> {
    if slots <= (gpus * per_gpu).max(1) {
        return Ok(());
    }
    let seen = if gpus == 1 { "1 GPU".to_owned() } else { format!("{gpus} GPUs") };
    Err(Failure::environment(format!("{slots} jobs at a time, and {seen} to be seen, with {per_gpu} at a time on each"))
        .at("--jobs")
        .hint("--per-gpu says how many share one; CUDA_VISIBLE_DEVICES names the GPUs where pinfold does not find them"))
}

/// What each slot on this machine adds to its workers' environment. Slots go round the GPUs, so that few jobs share none.
pub fn slots(p: &Protocol, execution: &Execution) -> Vec<Vec<(String, String)>> {
    slots_on(p, execution, &devices())
}

fn slots_on(p: &Protocol, execution: &Execution, devices: &[String]) -> Vec<Vec<(String, String)>> {
    let pins = super::order::pins(p);
    let slot = |i: usize| {
        let mut out = pins.clone();
        if p.determinism.device == Device::Cuda && !devices.is_empty() {
            out.push(("CUDA_VISIBLE_DEVICES".to_owned(), devices[i % devices.len()].clone()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_round_the_gpus() {
        let source = include_str!("../../protocols/demo.toml").replace("device = \"cpu\"", "device = \"cuda\"");
        let p = crate::protocol::parse::resolve(&source.replace("class = \"portable\"", "class = \"machine\""), &[]).expect("sound");
        let execution = Execution { slots: 5, ..Execution::default() };
        let devices = ["0".to_owned(), "3".to_owned()];
        let of = |slot: &Vec<(String, String)>| slot.iter().find(|(k, _)| k == "CUDA_VISIBLE_DEVICES").map(|(_, v)| v.clone());
        let given: Vec<Option<String>> = slots_on(&p, &execution, &devices).iter().map(of).collect();
        assert_eq!(given, ["0", "3", "0", "3", "0"].map(|d| Some(d.to_owned())));
        assert!(slots_on(&p, &execution, &[]).iter().all(|s| of(s).is_none()));
    }

    #[test]
    fn more_jobs_than_slots_are_refused() {
        assert!(enough(4, 2, 2).is_ok() && enough(1, 1, 0).is_ok());
        let said = enough(5, 2, 2).expect_err("five into four").to_string();
        assert!(said.contains("5 jobs at a time, and 2 GPUs to be seen, with 2"), "{said}");
        assert!(enough(2, 8, 0).is_err(), "no GPU has no slots");
    }
}
