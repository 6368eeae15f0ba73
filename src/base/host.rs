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

/// Memory in use and temperature of the first GPU, in words, as NVIDIA's own tool gives them; asked at most every five seconds.
/// `None` without that tool.
pub fn gpu_soon() -> Option<String> {
    type Known = Option<(Instant, Option<String>)>;
    static KNOWN: Mutex<Known> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, words)) = known.as_ref()
        && at.elapsed() < Duration::from_secs(5)
    {
        return words.clone();
    }
    let query = ["--query-gpu=memory.used,memory.total,temperature.gpu", "--format=csv,noheader,nounits"];
    let answer = Command::new("timeout").args(["2", "nvidia-smi"]).args(query).stdin(Stdio::null()).output().ok();
    let words = answer.filter(|o| o.status.success()).and_then(|o| gpu_words(&String::from_utf8_lossy(&o.stdout)));
    *known = Some((Instant::now(), words.clone()));
    words
}

/// `GPU 1,204 of 81,559 MiB, 41 °C` of `1204, 81559, 41`.
fn gpu_words(answer: &str) -> Option<String> {
    let mut fields = answer.lines().next()?.split(',').map(|f| f.trim().parse::<u64>().ok());
    let (used, total, heat) = (fields.next()??, fields.next()??, fields.next().flatten());
    let heat = heat.map_or(String::new(), |h| format!(", {h} °C"));
    Some(format!("GPU {} of {} MiB{heat}", super::text::thousands(used), super::text::thousands(total)))
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
        assert_eq!(gpu_words("1204, 81559, 41\n").as_deref(), Some("GPU 1,204 of 81,559 MiB, 41 °C"));
        assert_eq!(gpu_words("1204, 81559, [N/A]\n").as_deref(), Some("GPU 1,204 of 81,559 MiB"));
        assert_eq!(gpu_words("No devices were found"), None);
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
