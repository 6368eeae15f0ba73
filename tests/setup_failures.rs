//! `make setup` where something is missing: one clear line, and a next try that finds nothing half-done. It drives
//! `scripts/setup.sh` with few tools in its PATH, a pip of ours and a cache of its own: no network, no libtorch.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What the script may use besides the tools that it asks for.
const PLAIN: &[&str] =
    &["bash", "sh", "cat", "cut", "awk", "grep", "sed", "tr", "xargs", "stat", "mkdir", "rm", "mv", "ln", "uname", "dirname", "make"];

/// In place of pip: says `PIP_SAYS` and fails, or brings a small wheel, cut short where `PIP_CUT` is set, after
/// `PIP_SLEEPS` seconds. Counts its calls.
const PIP: &str = r#"
import os, sys, time, zipfile
if "download" in sys.argv:
    with open(os.environ["PIP_CALLS"], "a") as f:
        f.write("x")
    if "PIP_SAYS" in os.environ:
        sys.exit(os.environ["PIP_SAYS"])
    time.sleep(float(os.environ.get("PIP_SLEEPS", 0)))
    wheel = sys.argv[sys.argv.index("--dest") + 1] + "/torch-2.11.0.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ["lib/libtorch_cpu.so", "lib/libc10.so", "include/torch/csrc/api/include/torch/torch.h", "version.py"]:
            z.writestr("torch/" + name, "x" * 300_000)
    if "PIP_CUT" in os.environ:
        os.truncate(wheel, os.path.getsize(wheel) // 2)
"#;

/// A fresh clone on a machine that has all that the set-up needs, until a test takes something away.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    /// None where this machine has no Python to fetch with.
    fn new() -> Option<Self> {
        let python =
            Command::new("python3").args(["-c", "import sys, zlib; print(sys.executable)"]).output().ok().filter(|o| o.status.success());
        let Some(python) = python.and_then(|o| String::from_utf8(o.stdout).ok()) else {
            println!("skipped: no python3 here");
            return None;
        };
        let m = Self { dir: tempfile::tempdir().expect("tempdir") };
        for folder in ["bin", "home", "clone/scripts", "python/pip"] {
            std::fs::create_dir_all(m.at(folder)).expect("mkdir");
        }
        for file in ["scripts/setup.sh", "Makefile"] {
            std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), m.at("clone").join(file)).expect("copy");
        }
        let path = std::env::var_os("PATH").expect("PATH");
        let found = |tool: &str| std::env::split_paths(&path).map(|p| p.join(tool)).find(|p| p.is_file());
        for tool in PLAIN {
            symlink(found(tool).unwrap_or_else(|| panic!("{tool} is here")), m.at("bin").join(tool)).expect("link");
        }
        if let Some(flock) = found("flock") {
            symlink(flock, m.at("bin/flock")).expect("link");
        }
        std::fs::write(m.at("python/pip/__init__.py"), "").expect("write");
        std::fs::write(m.at("python/pip/__main__.py"), PIP).expect("write");
        m.tool("python3", &format!("exec '{}' \"$@\"", python.trim()));
        m.tool("cargo", "echo 'cargo 1.90.0 (840b83a10 2025-07-30)'");
        m.tool("df", "echo head; echo \"disk 1 1 ${FREE:-99999} 1% /\"");
        for compiler in ["c++", "cc"] {
            m.tool(compiler, "exit 0");
        }
        Some(m)
    }
    fn at(&self, inner: &str) -> PathBuf {
        self.dir.path().join(inner)
    }
    /// Puts a script of this text into the PATH. A child writes it: a file that this process has open for writing cannot
    /// be executed while a child of another test, just forked, still holds it too.
    fn tool(&self, name: &str, text: &str) {
        let write = "rm -f \"$0\"; printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let done = Command::new("sh").args(["-c", write]).arg(self.at("bin").join(name)).arg(text).status().expect("sh runs");
        assert!(done.success());
    }
    fn without(&self, tool: &str) {
        std::fs::remove_file(self.at("bin").join(tool)).expect("remove");
    }
    fn command(&self, program: &str, env: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.at("bin").join(program));
        command.current_dir(self.at("clone")).env_clear().env("PATH", self.at("bin")).env("HOME", self.at("home"));
        command.env("PYTHONPATH", self.at("python")).env("PIP_CALLS", self.at("calls")).envs(env.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
    fn run(&self, env: &[(&str, &str)]) -> Output {
        self.command("bash", env).arg("scripts/setup.sh").output().expect("runs")
    }
    fn cache(&self) -> PathBuf {
        self.at("home/.cache/pinfold/libtorch-2.11.0")
    }
    fn pip_calls(&self) -> usize {
        std::fs::read(self.at("calls")).map_or(0, |b| b.len())
    }
    /// It fails with one line that says all `parts`, and leaves nothing that looks finished.
    fn refuses(&self, env: &[(&str, &str)], parts: &[&str]) {
        refused(&self.run(env), 4, parts);
        for left in ["clone/.libtorch", "clone/.libtorch.part"] {
            assert!(!self.at(left).exists(), "{left} was left behind");
        }
        for left in [".wheels", ".cpu-complete"] {
            assert!(!self.cache().join(left).exists(), "{left} was left behind");
        }
    }
    /// It ends well, and the build would find what it needs.
    fn works(&self, env: &[(&str, &str)]) -> String {
        let out = self.run(env);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(0), "{text}");
        for needed in ["lib/libtorch_cpu.so", "lib/libtorch.so", "lib/libc10.so", "include/torch/csrc/api/include/torch/torch.h"] {
            assert!(std::fs::metadata(self.at("clone/.libtorch").join(needed)).expect("linked").len() > 0, "{needed}");
        }
        text
    }
    /// A PyTorch of somebody's own, of this version.
    fn own(&self, name: &str, version: &str) -> String {
        let root = self.at(name);
        for file in ["lib/libtorch_cpu.so", "lib/libc10.so", "include/torch/csrc/api/include/torch/torch.h"] {
            std::fs::create_dir_all(root.join(file).parent().expect("folder")).expect("mkdir");
            std::fs::write(root.join(file), "x").expect("write");
        }
        std::fs::write(root.join("version.py"), format!("__version__ = '{version}'\n")).expect("write");
        root.display().to_string()
    }
}

/// One line that says all `parts`; before it at most the line that announces the fetching, after it at most make's own.
fn refused(out: &Output, code: i32, parts: &[&str]) {
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(code), "{text}");
    let ours: Vec<&str> = text.lines().filter(|l| !l.starts_with("setup: fetching") && !l.starts_with("make: ***")).collect();
    let [line] = ours[..] else { panic!("one line is due:\n{text}") };
    assert!(line.starts_with("setup: "), "{text}");
    for part in parts {
        assert!(line.contains(part), "'{part}' is not in: {line}");
    }
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    for (tool, parts) in [
        ("cargo", ["cargo was not found", "https://rustup.rs"]),
        ("c++", ["no C++ compiler", "apt-get install g++"]),
        ("cc", ["no C compiler", "apt-get install gcc"]),
        ("make", ["make was not found", "apt-get install make"]),
        ("python3", ["python3 was not found", "install Python 3.8 or newer"]),
    ] {
        let Some(m) = Machine::new() else { return };
        m.without(tool);
        m.refuses(&[], &parts);
        assert_eq!(m.pip_calls(), 0, "nothing is fetched before all is there");
    }
}

#[test]
fn a_tool_that_does_not_do_is_told() {
    let Some(m) = Machine::new() else { return };
    m.tool("c++", "echo '-: fatal error: string: No such file' >&2; exit 1");
    m.refuses_late(&["the C++ compiler (c++) does not work", "fatal error: string", "g++"]);
    m.tool("c++", "exit 0");
    m.works(&[]);
    m.tool("cargo", "printf 'error: no default is configured\\nhelp: run rustup\\n' >&2; exit 1");
    refused(&m.run(&[]), 4, &["cargo does not work (error: no default is configured help", "rustup default stable"]);
    m.tool("cargo", "echo 'cargo 1.89.0 (c24e10642 2025-06-23)'");
    refused(&m.run(&[]), 4, &["cargo 1.89.0", "too old", "1.90 or newer"]);
}

impl Machine {
    /// As `refuses`, where the libraries were fetched before it fails.
    fn refuses_late(&self, parts: &[&str]) {
        refused(&self.run(&[]), 4, parts);
        assert!(!self.at("clone/.libtorch").exists());
    }
}

#[test]
fn a_python_that_does_not_do_is_told() {
    let Some(m) = Machine::new() else { return };
    std::fs::rename(m.at("bin/python3"), m.at("sound")).expect("move");
    m.tool("python3", "[ \"$1\" = -V ] && echo 'Python 3.7.3' && exit 0; exit 8");
    m.refuses(&[], &["Python 3.7.3 is too old", "3.8 or newer"]);
    m.tool("python3", "printf 'pyenv: python3: command not found\\nThe command exists in:\\n  3.11\\n' >&2; exit 127");
    m.refuses(&[], &["python3 does not work (pyenv: python3: command not found", "install Python 3.8"]);
    m.tool("python3", "[ \"$1\" = -V ] && echo 'Python 3.11.2' && exit 0; [ \"$1\" = -m ] && exit 1; exit 0");
    m.refuses(&[], &["python3 has no pip", "apt-get install python3-pip"]);
    m.tool("python3", "[ \"$1\" = -V ] && echo 'Python 3.11.2' && exit 0; case \"$2\" in *zlib*) exit 1 ;; esac; exit 0");
    m.refuses(&[], &["lacks zlib", "install another Python"]);
    std::fs::rename(m.at("sound"), m.at("bin/python3")).expect("move");
    m.works(&[]);
}

#[test]
fn what_pip_says_becomes_one_line_that_says_what_to_do() {
    let Some(m) = Machine::new() else { return };
    let retrying = "WARNING: Retrying after connection broken by 'NewConnectionError(': /simple/torch/\n";
    let none = "ERROR: Could not find a version\nERROR: No matching distribution found for torch==2.11.0";
    for (says, parts) in [
        (format!("{retrying}{retrying}{none}"), ["cannot be reached", "is there a network?"]),
        (none.to_owned(), ["has no such wheel", "pip older than 20.3"]),
        ("ERROR: Could not install: [Errno 28] No space left on device".into(), ["the disk is full", "PINFOLD_CACHE"]),
        ("There was a problem: SSLError(CERTIFICATE_VERIFY_FAILED)".into(), ["not trusted", "PIP_CERT"]),
        ("no such option: --platform".into(), ["pip is too old", "pip install --upgrade pip"]),
        ("Looking\nERROR: something new\nwith two lines".into(), ["pip says: ERROR: something new", "could not fetch libtorch"]),
        ("killed".into(), ["pip says: killed", "could not fetch libtorch"]),
    ] {
        m.refuses(&[("PIP_SAYS", &says)], &parts);
    }
    m.works(&[]);
}

#[test]
fn a_full_disk_is_told_before_and_while_it_fills() {
    let Some(m) = Machine::new() else { return };
    m.refuses(&[("FREE", "12")], &["has 12 MiB free and 2600 MiB are needed", "PINFOLD_CACHE"]);
    assert_eq!(m.pip_calls(), 0);
    // No file may grow over 100 KiB: the wheel fits, what is in it does not.
    let limited = m.command("bash", &[]).args(["-c", "ulimit -f 100; exec bash scripts/setup.sh"]).output().expect("runs");
    refused(&limited, 4, &["could not unpack libtorch", "File too large", "free some space"]);
    assert!(!m.cache().join(".wheels").exists() && !m.cache().join(".cpu-complete").exists());
    m.works(&[]);
    // A cache that cannot be made.
    let Some(m) = Machine::new() else { return };
    std::fs::write(m.at("home/.cache"), "").expect("write");
    m.refuses(&[], &["cannot write to", "PINFOLD_CACHE"]);
    m.works(&[("PINFOLD_CACHE", &m.at("elsewhere").display().to_string())]);
}

#[test]
fn a_broken_download_is_fetched_again_and_a_whole_one_never() {
    let Some(m) = Machine::new() else { return };
    m.refuses(&[("PIP_CUT", "1")], &["a wheel arrived damaged", "try again"]);
    // What a killed set-up leaves: a scratch folder with half a wheel, and half of the files.
    std::fs::create_dir_all(m.cache().join(".wheels")).expect("mkdir");
    std::fs::write(m.cache().join(".wheels/torch-2.11.0.whl"), "half").expect("write");
    assert!(m.works(&[]).contains("ready"));
    let calls = m.pip_calls();
    assert_eq!(m.works(&[("PIP_SAYS", "no network")]), "", "nothing is left to do, and nothing is said");
    assert_eq!(m.pip_calls(), calls);
    // Somebody cleaned up in the cache; a file was cut short.
    let library = m.cache().join("torch/lib/libc10.so");
    let damages: [&dyn Fn(); 3] =
        [&|| std::fs::remove_file(&library).expect("remove"), &|| std::fs::write(&library, "short").expect("write"), &|| {
            std::fs::remove_dir_all(m.cache()).expect("remove")
        }];
    for (i, damage) in damages.iter().enumerate() {
        damage();
        assert_ne!(m.run(&[("PIP_SAYS", "x")]).status.code(), Some(0), "damage {i} is seen");
        m.works(&[]);
        assert_eq!(m.pip_calls(), calls + 2 * (i + 1));
        assert_eq!(std::fs::metadata(&library).expect("there").len(), 300_000);
    }
}

#[test]
fn two_set_ups_at_once_fetch_once() {
    let Some(m) = Machine::new() else { return };
    if !m.at("bin/flock").exists() {
        return println!("skipped: no flock here");
    }
    std::fs::create_dir_all(m.at("other/scripts")).expect("mkdir");
    std::fs::copy(m.at("clone/scripts/setup.sh"), m.at("other/scripts/setup.sh")).expect("copy");
    let both = ["clone", "other"].map(|clone| {
        m.command("bash", &[("PIP_SLEEPS", "0.5")])
            .arg(m.at(clone).join("scripts/setup.sh"))
            .current_dir(m.at(clone))
            .spawn()
            .expect("starts")
    });
    for child in both {
        let out = child.wait_with_output().expect("ends");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(m.pip_calls(), 1);
}

#[test]
fn a_torch_that_is_none_is_told_and_a_good_one_is_remembered() {
    let Some(m) = Machine::new() else { return };
    m.refuses(&[("TORCH", "/nowhere")], &["/nowhere/lib/libtorch_cpu.so does not exist", "TORCH must name"]);
    m.refuses(&[("LIBTORCH", "/nowhere")], &["LIBTORCH must name", "PyTorch 2.11.0"]);
    for (version, said) in [("2.10.0+cpu", "is PyTorch 2.10.0"), ("2.11.01", "is PyTorch 2.11.01"), ("", "is PyTorch of unknown version")] {
        m.refuses(&[("TORCH", &m.own("old", version))], &[said, "needs 2.11.0"]);
    }
    let good = m.own("good", "2.11.0+cu130");
    std::fs::remove_file(m.at("good/lib/libc10.so")).expect("remove");
    m.refuses(&[("TORCH", &good)], &["good/lib/libc10.so does not exist"]);
    m.own("good", "2.11.0+cu130");
    m.works(&[("TORCH", &good)]);
    // A later `make demo` names none: it stays, and nothing is fetched.
    assert_eq!(m.works(&[]), "");
    // The links of another clone stand for what they lead to.
    let other = Machine::new().expect("as above");
    other.works(&[("LIBTORCH", &m.at("clone/.libtorch").display().to_string())]);
    let real = std::fs::read_to_string(other.at("clone/.libtorch/real-lib")).expect("read");
    assert_eq!(Path::new(&real), m.at("good").canonicalize().expect("there").join("lib"));
    assert_eq!(m.pip_calls() + other.pip_calls(), 0);
    // When it is gone, the default takes its place.
    std::fs::remove_dir_all(m.at("good")).expect("remove");
    assert!(m.works(&[]).contains("fetching"));
}

#[test]
fn make_adds_no_noise_and_goes_no_further() {
    for goal in ["setup", "demo", "test"] {
        let Some(m) = Machine::new() else { return };
        m.without("c++");
        m.tool("cargo", "echo 'cargo 1.90.0'; [ \"$1\" = --version ] || echo \"cargo was called: $*\" >&2");
        let out = m.command("make", &[]).args(["--no-print-directory", goal]).output().expect("runs");
        refused(&out, 2, &["no C++ compiler"]);
        assert!(out.stdout.is_empty(), "{}", String::from_utf8_lossy(&out.stdout));
    }
}
