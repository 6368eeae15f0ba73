//! Facts about this machine: for journals, `doctor`, and telling whether a run's process is still alive.

use serde::{Deserialize, Serialize};

/// Where a process runs. Two processes are comparable only on the same host and boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Host name.
    pub host: String,
    /// Kernel boot id: a restart makes process numbers meaningless.
    pub boot: String,
    /// Process number.
    pub pid: u32,
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
            job: std::env::var("SLURM_JOB_ID").ok(),
        }
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
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        // The state follows the last ')' of the command name; a zombie no longer works.
        Some(stat.is_ok_and(|s| s.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))))
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

/// Processor cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
