//! Batch scripts. Everything that goes into one is quoted, for Slurm's directives and for the shell.

use crate::engine::execution::Wishes;

/// One script, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name: `prepare`, `folds`, `finish`.
    pub name: String,
    /// The jobs that it runs: one, or one for each number of an array.
    pub jobs: Vec<(Option<usize>, String)>,
    /// The kind of dependency (`afterok`, `afterany`) and the scripts that it is on.
    pub after: Option<(&'static str, Vec<String>)>,
    /// The text.
    pub text: String,
}

/// What the scripts of a run have in common.
pub struct Plan<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The workspace, absolute.
    pub workspace: &'a str,
    /// The program.
    pub program: &'a str,
    /// The environment that the worker needs.
    pub environment: &'a [(String, String)],
    /// What Slurm is asked for.
    pub wishes: &'a Wishes,
    /// How many jobs of the array may run at a time; 0 for any number.
    pub slots: usize,
}

/// The text of a script. `argument` tells the worker which job it is; in an array, `{}` in it stands for the number.
pub fn render(plan: &Plan, name: &str, numbers: Option<&[usize]>, argument: &str) -> String {
    let mut out = String::from("#!/bin/bash\n");
    let mut option = |name: &str, value: Option<&str>| match value {
        Some(value) => out.push_str(&format!("#SBATCH --{name}={}\n", directive(value))),
        None => out.push_str(&format!("#SBATCH --{name}\n")),
    };
    let pattern = if numbers.is_some() { "%A_%a" } else { "%j" };
    option("job-name", Some(&format!("pinfold-{name}-{}", plan.run)));
    option("chdir", Some(plan.workspace));
    // A relative file would have the percent signs of the folder read as patterns.
    option("output", Some(&format!("{}/runs/{}/slurm/{name}-{pattern}.log", plan.workspace.replace('%', "%%"), plan.run)));
    option("open-mode", Some("append"));
    option("nodes", Some("1"));
    option("ntasks", Some("1"));
    if let Some(numbers) = numbers {
        let list: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let limit = if plan.slots > 0 { format!("%{}", plan.slots) } else { String::new() };
        option("array", Some(&format!("{}{limit}", list.join(","))));
        option("kill-on-invalid-dep", Some("yes"));
    }
    option("signal", Some(&format!("B:TERM@{}", plan.wishes.signal)));
    option(if plan.wishes.requeue > 0 { "requeue" } else { "no-requeue" }, None);
    let array = if numbers.is_some() { plan.wishes.array.as_slice() } else { &[] };
    for (name, value) in plan.wishes.every.iter().chain(array) {
        option(name, value.as_deref());
    }
    out.push_str("set -eu\n");
    for (name, value) in plan.environment {
        out.push_str(&format!("export {name}={}\n", shell(value)));
    }
    let which = match argument.split_once("{}") {
        Some((before, after)) => {
            format!("{}\"$SLURM_ARRAY_TASK_ID\"{}", shell(before), if after.is_empty() { String::new() } else { shell(after) })
        }
        None => shell(argument),
    };
    let run = format!("{}/runs/{}", plan.workspace, plan.run);
    let worker = format!("{} -C {} worker {} --job {which}", shell(plan.program), shell(plan.workspace), shell(&run));
    if plan.wishes.requeue == 0 {
        // The worker takes the shell's place, so that Slurm's signal reaches it.
        out.push_str(&format!("exec {worker}\n"));
    } else {
        out.push_str(&format!(
            "{worker} &\nworker=$!\ntrap 'kill -TERM \"$worker\" 2>/dev/null || true' TERM\ncode=0\n\
             # A signal ends a wait before the worker has ended.\n\
             while :; do code=0; wait \"$worker\" || code=$?; kill -0 \"$worker\" 2>/dev/null || break; done\n\
             # 3: saved and stopped. Back to the queue, unless somebody asked for the stop.\n\
             if [ \"$code\" -eq 3 ] && [ ! -e {} ] && [ \"${{SLURM_RESTART_COUNT:-0}}\" -lt {} ]; then\n\
             \x20 scontrol requeue \"$SLURM_JOB_ID\"\n  sleep 30\nfi\nexit \"$code\"\n",
            shell(&format!("{run}/control")),
            plan.wishes.requeue
        ));
    }
    out
}

/// A value for a `#SBATCH` line: plain, or in double quotes with `"` and `\` escaped, as sbatch reads it.
fn directive(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,@%+-[]".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let escaped: String =
        value.chars().filter(|c| !c.is_control()).flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

/// A word for the shell, in single quotes.
fn shell(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_slurm_and_for_the_shell() {
        assert_eq!(directive("a:b=1,2%3"), "a:b=1,2%3");
        assert_eq!(directive("a 'b' # c"), "\"a 'b' # c\"");
        assert_eq!(directive("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(shell("it's $x `y`"), r"'it'\''s $x `y`'");
        let wild = "/tmp/a 'b\" $(touch x) `y` \\ %j #c";
        for word in [wild, "", "-n", "*", "\n"] {
            let echoed = std::process::Command::new("bash").args(["-c", &format!("printf %s {}", shell(word))]).output().expect("bash");
            assert_eq!(String::from_utf8_lossy(&echoed.stdout), word);
        }
    }

    #[test]
    fn a_script_with_requeue_ends_as_its_worker_does() {
        let dir = tempfile::tempdir().expect("tempdir");
        let program = dir.path().join("it's a worker");
        let wishes = Wishes { requeue: 1, ..Wishes::default() };
        let environment = [("A_PIN".to_owned(), "it's".to_owned())];
        let workspace = dir.path().display().to_string();
        let run = |body: &str, term: bool| {
            std::fs::write(&program, format!("#!/bin/bash\n{body}\n")).expect("write");
            std::process::Command::new("chmod").arg("+x").arg(&program).status().expect("chmod");
            let shown = program.display().to_string();
            let plan = Plan { run: "r", workspace: &workspace, program: &shown, environment: &environment, wishes: &wishes, slots: 0 };
            let script = dir.path().join("script.sh");
            std::fs::write(&script, render(&plan, "finish", None, "finish")).expect("write");
            let mut child = std::process::Command::new("bash").arg(&script).env("SLURM_RESTART_COUNT", "9").spawn().expect("bash");
            if term {
                for _ in 0..500 {
                    if dir.path().join("up").exists() {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                std::process::Command::new("kill").arg(child.id().to_string()).status().expect("kill");
            }
            child.wait().expect("ended").code()
        };
        assert_eq!(run("[ \"$A_PIN\" = \"it's\" ] && [ \"$5\" = --job ] && [ \"$6\" = finish ]", false), Some(0));
        assert_eq!(run("exit 4", false), Some(4));
        let slow = format!("trap 'sleep 0.3; exit 3' TERM\ntouch '{workspace}/up'\nwhile :; do sleep 0.05; done");
        assert_eq!(run(&slow, true), Some(3));
    }
}
