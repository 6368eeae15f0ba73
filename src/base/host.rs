//! Facts about this machine: for journals, `doctor`, and telling whether a run's process is still alive.

use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where a process runs. Two processes are comparable only on the same host and boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Host name.
    pub host: String,
    /// Kernel boot id: a restart makes process numbers meaningless.
    pub boot: String,
    /// Process number.
    pub pid: u32,
    /// When the process started, in clock ticks since the boot: tells it from a later one with the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks: Option<u64>,
    /// Slurm job, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl Place {
    /// This process.
    pub fn here() -> Self {
        Self {
            host: trimmed("/proc/sys/kernel/hostname"),
            boot: trimmed("/proc/sys/kernel/random/boot_id"),
            pid: std::process::id(),
            ticks: Stat::of(std::process::id()).and_then(|s| s.ticks),
            job: std::env::var("SLURM_JOB_ID").ok(),
        }
    }

    /// Whether that process is halted (SIGSTOP), on this machine.
    pub fn halted(&self) -> bool {
        self.alive() == Some(true) && Stat::of(self.pid).is_some_and(|s| matches!(s.state, 'T' | 't'))
    }

    /// Whether that process still runs: `None` when it is on another host, or before a restart of this one.
    pub fn alive(&self) -> Option<bool> {
        let here = Self::here();
        if self.host != here.host {
            return None;
        }
        if self.boot != here.boot {
            return Some(false);
        }
        let alive = |s: Stat| !matches!(s.state, 'Z' | 'X') && (self.ticks.is_none() || s.ticks == self.ticks);
        Some(Stat::of(self.pid).is_some_and(alive))
    }
}

/// The process group of a process; `None` when there is no such process, or the group is not of this process namespace.
pub fn process_group(pid: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok().filter(|group| *group > 0)
}

/// The memory that a process of this machine holds, in bytes.
pub fn resident(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|l| l.starts_with("VmRSS:"))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Memory in use and temperature of the GPU that a process works on, in words, as NVIDIA's own tool gives them; asked at most
/// every five seconds. Of several GPUs it is the one on which the tool sees that process; where it sees it on none (in a
/// container it cannot), their number and the one that holds most. `None` without that tool.
pub fn gpu_soon(pid: u32) -> Option<String> {
    type Known = Option<(Instant, u32, Option<String>)>;
    static KNOWN: Mutex<Known> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, of, words)) = known.as_ref()
        && (*of, at.elapsed() < Duration::from_secs(5)) == (pid, true)
    {
        return words.clone();
    }
    let ask = |query: &str| {
        let words = ["2", "nvidia-smi", query, "--format=csv,noheader,nounits"];
        let answer = Command::new("timeout").args(words).stdin(Stdio::null()).output().ok();
        answer.filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
    };
    let words = ask("--query-gpu=uuid,memory.used,memory.total,temperature.gpu").and_then(|gpus| {
        let users = if gpus.lines().count() > 1 { ask("--query-compute-apps=gpu_uuid,pid") } else { None };
        gpu_words(&gpus, &users.unwrap_or_default(), pid)
    });
    *known = Some((Instant::now(), pid, words.clone()));
    words
}

/// `GPU 1,204 of 81,559 MiB, 41 °C` of `GPU-5f, 1204, 81559, 41`, with the processes on each GPU (`GPU-5f, 4711`).
fn gpu_words(gpus: &str, users: &str, pid: u32) -> Option<String> {
    let fields = |line: &str| line.split(',').map(|f| f.trim().to_owned()).collect::<Vec<_>>();
    let number = |f: Option<&String>| f.and_then(|f| f.parse::<u64>().ok());
    let gpus: Vec<_> = gpus.lines().map(fields).filter(|f| number(f.get(1)).is_some() && number(f.get(2)).is_some()).collect();
    let of: Vec<String> =
        users.lines().map(fields).filter(|f| number(f.get(1)) == Some(pid.into())).map(|mut f| f.swap_remove(0)).collect();
    let own = gpus.iter().position(|g| of.contains(&g[0]));
    let fullest = (0..gpus.len()).rev().max_by_key(|i| number(gpus[*i].get(1)));
    let at = own.or(fullest)?;
    let gpu = &gpus[at];
    let heat = number(gpu.get(3)).map_or(String::new(), |h| format!(", {h} °C"));
    let which = match (gpus.len(), own) {
        (1, _) => "GPU".to_owned(),
        (_, Some(at)) => format!("GPU {at}:"),
        (n, None) => format!("fullest of {n} GPUs:"),
    };
    let mib = |i: usize| super::text::thousands(number(gpu.get(i)).unwrap_or(0));
    Some(format!("{which} {} of {} MiB{heat}", mib(1), mib(2)))
}

/// The processes that a process of this machine started, and those that they started; parents before children.
pub fn descendants(pid: u32) -> Vec<u32> {
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<(u32, u32)> =
        numbers.filter_map(|e| e.file_name().to_str()?.parse().ok()).filter_map(|p| Some((p, Stat::of(p)?.parent))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        let mut children: Vec<u32> = all.iter().filter(|(p, of)| *of == parent && !found.contains(p)).map(|(p, _)| *p).collect();
        children.sort_unstable();
        found.extend(children);
        at += 1;
    }
    found.remove(0);
    found
}

/// What `/proc/<pid>/stat` says.
struct Stat {
    parent: u32,
    state: char,
    ticks: Option<u64>,
}

impl Stat {
    /// `None` when there is no such process.
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name, in brackets, may hold anything; the state is the field after it, the start the 20th after that.
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let parent = fields.next()?.parse().ok()?;
        Some(Self { parent, state, ticks: fields.nth(17).and_then(|t| t.parse().ok()) })
    }
}

fn trimmed(path: &str) -> String {
    std::fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |s| s.trim().to_owned())
}

/// The processor's name, as the kernel gives it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines()
        .find_map(|l| l.strip_prefix("model name"))
        .and_then(|l| l.split_once(':'))
        .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, n)| n.trim().to_owned())
}

/// Whether the processor has AVX2, which the `portable` class needs.
pub fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// In a folder that its group may write, what this process (and any that it starts) makes may be written by the group
/// too, whatever the person's umask: one member of a group must be able to go on with what another began.
pub fn share_with_group(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    const GROUP: u32 = 0o070;
    if std::fs::metadata(folder).is_ok_and(|m| m.permissions().mode() & 0o020 != 0) {
        let own = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        rustix::process::umask(own.difference(rustix::fs::Mode::from_raw_mode(GROUP)));
    }
}

/// Processor cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nvidias_tool_answers() {
        let one = |answer: &str| gpu_words(answer, "", 7);
        assert_eq!(one("GPU-5f, 1204, 81559, 41\n").as_deref(), Some("GPU 1,204 of 81,559 MiB, 41 °C"));
        assert_eq!(one("GPU-5f, 1204, 81559, [N/A]\n").as_deref(), Some("GPU 1,204 of 81,559 MiB"));
        assert_eq!(one("No devices were found"), None);
        let two = "GPU-5f, 1204, 81559, 41\nGPU-60, 9, 81559, 30\n";
        assert_eq!(gpu_words(two, "GPU-5f, 6\nGPU-60, 7\n", 7).as_deref(), Some("GPU 1: 9 of 81,559 MiB, 30 °C"));
        assert_eq!(gpu_words(two, "GPU-5f, [N/A]\n", 7).as_deref(), Some("fullest of 2 GPUs: 1,204 of 81,559 MiB, 41 °C"));
        assert!(resident(std::process::id()).is_some_and(|b| b > 100_000));
    }

    #[test]
    fn a_process_is_known_by_host_boot_number_and_start() {
        let here = Place::here();
        assert!(here.ticks.is_some_and(|t| t > 0));
        assert_eq!(here.alive(), Some(true));
        assert_eq!(Place { ticks: here.ticks.map(|t| t + 1), ..here.clone() }.alive(), Some(false), "another process with this number");
        assert_eq!(Place { ticks: None, ..here.clone() }.alive(), Some(true), "an old journal does not say when");
        assert_eq!(Place { boot: "before".into(), ..here.clone() }.alive(), Some(false));
        assert_eq!(Place { host: "elsewhere".into(), ..here.clone() }.alive(), None);
        assert_eq!(Place { pid: u32::MAX, ..here }.alive(), Some(false));
    }
}
