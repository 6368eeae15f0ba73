//! How a protocol is executed: `executor` and the `[slurm]` table. None of it changes the number, so none of it is in
//! the canonical form: digests, keys, names of runs and locks are the same with and without it.

use super::check::Problem;
use serde::{Deserialize, Serialize};

/// Who runs the pieces of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// This machine.
    #[default]
    Local,
    /// Slurm, through `sbatch`.
    Slurm,
}

/// What Slurm is asked for. What is left out is the cluster's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Slurm {
    /// Partition.
    pub partition: Option<String>,
    /// Account.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Time limit of each job, as sbatch takes it: `30`, `4:00:00`, `1-12`.
    pub time: Option<String>,
    /// Memory of each job: `16G`.
    pub mem: Option<String>,
    /// Cores of each job; `determinism.threads` if left out.
    pub cpus: Option<u32>,
    /// Generic resources of the jobs that train: `gpu:1`.
    pub gres: Option<String>,
    /// Further options, each `--name` or `--name=value`.
    pub extra: Vec<String>,
    /// Seconds before the time limit at which a job saves its state and ends; 60 if left out.
    pub signal: Option<u32>,
    /// How often a job that met its time limit goes back to the queue by itself; 0 if left out.
    pub requeue: Option<u32>,
}

/// Options that pinfold sets itself.
const OWN: &[&str] = &[
    "array",
    "chdir",
    "dependency",
    "error",
    "export",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "nodes",
    "no-requeue",
    "ntasks",
    "open-mode",
    "output",
    "parsable",
    "requeue",
    "signal",
    "test-only",
    "wait",
    "wrap",
];

impl Slurm {
    /// Checks every value: one line each, of a shape that Slurm can mean.
    pub fn check(&self) -> Result<(), Problem> {
        let word = |c: char| c.is_ascii_alphanumeric() || "_.:,@/=+-".contains(c);
        type Sound = fn(&str) -> bool;
        let texts: [(&str, &Option<String>, Sound, &str); 6] = [
            ("partition", &self.partition, |_| true, "partition names"),
            ("account", &self.account, |_| true, "an account"),
            ("qos", &self.qos, |_| true, "a quality of service"),
            ("time", &self.time, is_time, "minutes, hours:minutes:seconds or days-hours"),
            ("mem", &self.mem, is_memory, "a whole number with K, M, G or T"),
            ("gres", &self.gres, |_| true, "resources such as gpu:1"),
        ];
        for (key, value, sound, what) in texts {
            if let Some(value) = value
                && (value.is_empty() || value.starts_with('-') || !value.chars().all(word) || !sound(value))
            {
                return Err(Problem::new(&format!("slurm.{key}"), format!("{value:?} is not {what}")));
            }
        }
        if self.cpus.is_some_and(|n| !(1..=1024).contains(&n)) {
            return Err(Problem::new("slurm.cpus", "between 1 and 1024"));
        }
        if self.signal.is_some_and(|n| !(10..=65_535).contains(&n)) {
            return Err(Problem::new("slurm.signal", "between 10 and 65535 seconds"));
        }
        if self.requeue.is_some_and(|n| n > 1000) {
            return Err(Problem::new("slurm.requeue", "at most 1000"));
        }
        for option in &self.extra {
            let name = option.strip_prefix("--").map(|o| o.split('=').next().unwrap_or_default());
            let plain = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !name.is_some_and(plain) || option.chars().any(char::is_control) {
                return Err(Problem::new("slurm.extra", format!("{option:?} is not --name or --name=value on one line")));
            }
            if let Some(own) = OWN.iter().find(|o| Some(**o) == name) {
                return Err(Problem::new("slurm.extra", format!("--{own} is set by pinfold itself")));
            }
        }
        Ok(())
    }
}

fn is_time(text: &str) -> bool {
    let (days, rest) = text.split_once('-').map_or((None, text), |(d, r)| (Some(d), r));
    let number = |t: &str| !t.is_empty() && t.len() <= 6 && t.bytes().all(|b| b.is_ascii_digit());
    days.is_none_or(number) && rest.split(':').count() <= 3 && rest.split(':').all(number)
}

fn is_memory(text: &str) -> bool {
    let digits = text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether an override's key says only how a protocol is executed.
pub fn is_execution_key(key: &str) -> bool {
    matches!(key, "executor" | "slurm" | "seeds") || key.starts_with("slurm.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_could_become_more_than_a_value_are_refused() {
        let table = |text: &str| toml::from_str::<Slurm>(text).expect("TOML").check();
        for sound in [
            "partition = \"cpu,long\"\naccount = \"lab_1\"\nqos = \"normal\"\ntime = \"1-12:30:00\"\nmem = \"16G\"\ncpus = 4\ngres = \"gpu:a100:1\"",
            "time = \"30\"\nextra = [\"--constraint=avx2&ib\", \"--exclusive\", \"--comment=a b\"]\nsignal = 120\nrequeue = 3",
            "",
        ] {
            table(sound).unwrap_or_else(|p| panic!("{sound}: {p:?}"));
        }
        for bad in [
            "partition = \"a\\n#SBATCH --wrap=x\"",
            "partition = \"\"",
            "account = \"a b\"",
            "account = \"$(id)\"",
            "qos = \"--uid=0\"",
            "time = \"soon\"",
            "time = \"1:2:3:4\"",
            "mem = \"a lot\"",
            "cpus = 0",
            "signal = 1",
            "extra = [\"constraint=x\"]",
            "extra = [\"--comment=a\\nrm\"]",
            "extra = [\"--output=x\"]",
            "extra = [\"--array=1-9\"]",
            "extra = [\"-p x\"]",
        ] {
            assert!(table(bad).is_err(), "{bad}");
        }
        assert!(toml::from_str::<Slurm>("nodes = 3").is_err());
    }
}
