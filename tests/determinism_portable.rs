//! The class `portable`, proved: the same work natively and on emulated processors of Intel and AMD gives the same bytes.
//!
//! The emulator is `qemu-x86_64` (Debian: `qemu-user`). Without it the native half still runs: what this machine
//! calculates is held against docs/determinism-operations.tsv, which other processors filled.
//! `PINFOLD_BLESS=1` rewrites that table.
#![cfg(feature = "train")]

mod determinism_work;

use determinism_work::{Row, cases, trainings};
use pinfold::base::Digest;
use pinfold::engine::worker::pins;
use pinfold::nn::{BackboneKind, operations};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const QEMU: &str = "qemu-x86_64";
const PROCESSORS: [&str; 3] = ["Haswell-noTSX", "Skylake-Client-noTSX-IBRS", "EPYC-Rome"];
const TABLE: &str = "docs/determinism-operations.tsv";
const RESULT: &str = "PINFOLD_DETERMINISM_RESULT";
const EMULATED: &str = "PINFOLD_DETERMINISM_EMULATED";

/// Whether the emulator is there; says so if not.
fn emulator() -> bool {
    let there = Command::new(QEMU).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("skipped: qemu-x86_64 is not installed (apt-get install qemu-user)");
    }
    there
}

/// A command on this machine's processor (`None`) or an emulated one, with the pins of the class `portable`.
fn on(processor: Option<&str>, program: &Path) -> Command {
    let mut command = match processor {
        None => Command::new(program),
        Some(cpu) => {
            let mut c = Command::new(QEMU);
            c.args(["-cpu", cpu]).arg(program);
            c
        }
    };
    command.envs(pins(true, true, trainings::THREADS)).env_remove("PINFOLD_DATA");
    command
}

fn name(processor: Option<&str>) -> &str {
    processor.unwrap_or("this machine")
}

/// Runs something natively and on some emulated processors, two at a time; results in that order.
fn everywhere<T: Send>(processors: &[&'static str], work: impl Fn(Option<&'static str>) -> T + Sync) -> Vec<(Option<&'static str>, T)> {
    let all: Vec<Option<&str>> =
        std::iter::once(None).chain(processors.iter().copied().map(Some)).filter(|p| p.is_none() || emulator()).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(&processor) = all.get(i) else { break };
                    let started = Instant::now();
                    let result = work(processor);
                    println!("{}: {:.1} s", name(processor), started.elapsed().as_secs_f64());
                    done.lock().expect("lock").insert(i, (processor, result));
                }
            });
        }
    });
    done.into_inner().expect("lock").into_values().collect()
}

/// Starts this test program again on a processor, for the one test that then does the work and writes its rows.
fn rows_on(processor: Option<&str>) -> Vec<Row> {
    let dir = tempfile::tempdir().expect("tempdir");
    let result = dir.path().join("rows.json");
    let out = on(processor, &std::env::current_exe().expect("this program"))
        .args(["--exact", THE_WORK, "--nocapture", "--test-threads=1"])
        .env(RESULT, &result)
        .envs(processor.map(|p| (EMULATED, p)))
        .output()
        .expect("starts");
    assert!(out.status.success(), "{}: {}", name(processor), String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&std::fs::read(result).expect("result")).expect("JSON")
}

/// Whether every training is emulated on every processor, which takes half an hour.
fn everything() -> bool {
    std::env::var_os("PINFOLD_LONG").is_some()
}

/// Networks that are emulated only when everything is: they take most of the time, and each
/// operation that they use is emulated by itself.
const LARGE: [BackboneKind; 3] = [BackboneKind::EfficientNetB7, BackboneKind::Densenet121, BackboneKind::Resnet50];

/// Whether a piece of work is done on a processor: on this machine's all of it; emulated all that is small, and of the rest, which
/// an emulator takes minutes for, each on one of the three in turn, but for the large networks.
fn done_on(processor: Option<&str>, turn: Option<usize>, name: &str) -> bool {
    let (Some(processor), Some(turn), false) = (processor, turn, everything()) else { return true };
    PROCESSORS.get(turn % PROCESSORS.len()) == Some(&processor) && !LARGE.iter().any(|l| l.name() == name)
}

/// A result and whether it was the same everywhere.
struct Compared<'a> {
    row: &'a Row,
    /// Processors that gave other bytes than this machine.
    others: Vec<&'static str>,
}

fn compare<'a>(found: &'a [(Option<&'static str>, Vec<Row>)]) -> Vec<Compared<'a>> {
    let (native, emulated) = found.split_first().expect("this machine");
    for (processor, rows) in emulated {
        let theirs: Vec<_> = rows.iter().map(|r| (&r.work, &r.result)).collect();
        let due = |r: &&Row| done_on(*processor, r.turn, r.work.trim_start_matches("training of "));
        let mine: Vec<_> = native.1.iter().filter(due).map(|r| (&r.work, &r.result)).collect();
        assert_eq!(theirs, mine, "{} did other work", name(*processor));
    }
    let row = |row: &'a Row| {
        let differs = |other: &Row| (&other.work, &other.result) == (&row.work, &row.result) && other.digest != row.digest;
        let others = emulated.iter().filter(|(_, rows)| rows.iter().any(differs)).map(|(p, _)| p.expect("emulated")).collect();
        Compared { row, others }
    };
    native.1.iter().map(row).collect()
}

fn table(compared: &[Compared]) -> String {
    let mut out = String::from("work\tresult\tprocessors\tsha256\n");
    for Compared { row, others } in compared {
        let (verdict, digest) = if others.is_empty() { ("equal", row.digest.as_str()) } else { ("differ", "-") };
        out += &format!("{}\t{}\t{verdict}\t{digest}\n", row.work, row.result);
    }
    out
}

const THE_WORK: &str = "operations_and_trainings_give_the_same_bytes_on_every_processor";

/// The one test of the table: every operation and every training, everywhere; the committed table; the allow-list.
#[test]
fn operations_and_trainings_give_the_same_bytes_on_every_processor() {
    if let Some(path) = std::env::var_os(RESULT) {
        // Started by `rows_on`, natively or in the emulator.
        let emulated = std::env::var(EMULATED).ok();
        let rows = determinism_work::all(&|turn, name| done_on(emulated.as_deref(), turn, name));
        std::fs::write(path, serde_json::to_vec(&rows).expect("JSON")).expect("write");
        return;
    }
    let found = everywhere(&PROCESSORS, rows_on);
    let compared = compare(&found);
    for c in compared.iter().filter(|c| !c.others.is_empty()) {
        println!("{}, {}: other bytes on {}", c.row.work, c.row.result, c.others.join(", "));
    }
    let emulated = found.len() > 1;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    if std::env::var_os("PINFOLD_BLESS").is_some() && emulated {
        std::fs::write(&path, table(&compared)).expect("write the table");
    }
    let committed = std::fs::read_to_string(&path).expect(TABLE);
    let fresh = table(&compared);
    let due: Vec<&str> = committed.lines().collect();
    let got: Vec<&str> = fresh.lines().collect();
    assert_eq!(due.len(), got.len(), "{TABLE} has other rows than the test; PINFOLD_BLESS=1 rewrites it");
    for (due, got) in due.iter().zip(&got) {
        // Without the emulator this machine cannot tell that an operation differs elsewhere.
        let differs = due.ends_with("\tdiffer\t-") && !emulated;
        assert!(differs || due == got, "{TABLE} says\n{due}\nand this run\n{got}\nPINFOLD_BLESS=1 rewrites the table");
    }
    if emulated {
        the_lists_are_true(&compared);
    }
}

/// The lists of `nn::operations` against what was recorded while the rows were made. What trainings use is proven by the
/// test of whole protocols.
fn the_lists_are_true(compared: &[Compared]) {
    let calculations =
        |row: &Row| -> BTreeSet<String> { row.operations.iter().filter(|o| !operations::MOVES.contains(&o.as_str())).cloned().collect() };
    let portable: BTreeSet<String> = operations::PORTABLE.iter().map(|s| (*s).to_owned()).collect();
    let mut proven = BTreeSet::new();
    for c in compared.iter().filter(|c| c.others.is_empty()) {
        proven.extend(calculations(c.row));
    }
    let mut suspect = BTreeSet::new();
    for c in compared.iter().filter(|c| !c.others.is_empty()) {
        // A backward pass may differ only because it starts from what the forward pass gave.
        let whole = compared.iter().filter(|o| o.row.work == c.row.work).flat_map(|o| calculations(o.row));
        let unlisted: BTreeSet<String> = whole.filter(|o| !portable.contains(o)).collect();
        let image = c.row.work.starts_with(cases::IMAGE_GRADIENT);
        assert!(image || !unlisted.is_empty(), "{} differs, and all its operations are on the list", c.row.work);
        suspect.extend(unlisted);
    }
    let due: BTreeSet<String> = proven.difference(&suspect).cloned().collect();
    assert_eq!(portable, due, "operations::PORTABLE (left) must be what was seen equal (right)");
    let mut wrong = Vec::new();
    let networks = trainings::configs().into_iter().map(|(name, config, _)| (name, config.operations().map(str::to_owned).collect()));
    let stack: BTreeSet<String> = pinfold::train::Stacking::operations().map(str::to_owned).collect();
    for (name, declared) in networks.chain([(trainings::STACK.to_owned(), stack)]) {
        let declared: BTreeSet<String> = declared;
        let work = format!("training of {name}");
        let used = calculations(compared.iter().find(|c| c.row.work == work).expect("a training").row);
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>().join(" ");
        if declared != used {
            wrong.push(format!("{name}: declared alone [{}], recorded alone [{}]", only(&declared, &used), only(&used, &declared)));
        }
        assert!(operations::unproven(used.iter().map(String::as_str)).is_empty(), "{name}");
    }
    assert!(wrong.is_empty(), "the networks' lists must be what was recorded:\n{}", wrong.join("\n"));
}

/// The networks of whole protocols, and the processors they run on in CI: the small one on all; EfficientNet-B0, of which each
/// emulated run takes minutes, on the one that is another maker's.
const WHOLE: [(BackboneKind, &[&str]); 2] = [(BackboneKind::TinyCnn, &PROCESSORS), (BackboneKind::EfficientNetB0, &["EPYC-Rome"])];

/// A workspace with a shrunken demo, for a network.
fn workspace(network: BackboneKind) -> tempfile::TempDir {
    const LESS: &[(&str, &str)] = &[
        ("slides = [\"S1\", \"S2\", \"S3\"]", "slides = [\"S1\"]"),
        ("side = 16", "side = 4"),
        ("pitch = 64", "pitch = 24"),
        ("genes = 36", "genes = 4"),
        ("k = 36", "k = 4"),
        ("size = 64\nresize = 64", "size = 24\nresize = 32"),
        ("hidden = 64", "hidden = 8"),
        ("epochs = 40", "epochs = 2"),
        ("batch = 32", "batch = 6"),
    ];
    let dir = tempfile::tempdir().expect("tempdir");
    let mut demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
    let name = format!("name = \"{}\"", network.name());
    for (from, to) in LESS.iter().chain(&[("name = \"tiny_cnn\"", name.as_str())]) {
        assert!(demo.contains(from), "the demo no longer says {from}");
        demo = demo.replacen(from, to, 1);
    }
    std::fs::create_dir(dir.path().join("protocols")).expect("mkdir");
    std::fs::write(dir.path().join("protocols/demo.toml"), demo).expect("write");
    dir
}

const PINFOLD: &str = env!("CARGO_BIN_EXE_pinfold-engine");

/// SHA-256 of the files of a stage, by name.
fn digests(workspace: &Path, stage: &str, files: &[&str]) -> Vec<(String, String)> {
    let folders: Vec<PathBuf> = std::fs::read_dir(workspace.join("artifacts").join(stage))
        .expect(stage)
        .map(|e| e.expect("entry").path())
        .filter(|p| p.join("manifest.json").exists())
        .collect();
    assert_eq!(folders.len(), 1, "one {stage}");
    files.iter().map(|f| ((*f).to_owned(), Digest::of_file(&folders[0].join(f)).expect(f).to_string())).collect()
}

fn run_protocol(processor: Option<&str>, network: BackboneKind, arguments: &[&str]) -> Vec<(String, String)> {
    let dir = workspace(network);
    let out = on(processor, Path::new(PINFOLD)).args(["run", "demo", "--in-process"]).args(arguments).current_dir(dir.path()).output();
    let out = out.expect("starts");
    assert!(out.status.success(), "{}: {}", name(processor), String::from_utf8_lossy(&out.stderr));
    let stages: [(&str, &[&str]); 4] = [
        ("patches", &["patches.safetensors"]),
        ("train", &["checkpoint.safetensors", "history.json", "grade.json"]),
        ("predict", &["predictions.safetensors"]),
        ("evaluate", &["metrics.json", "genes.tsv"]),
    ];
    stages.iter().flat_map(|(stage, files)| digests(dir.path(), stage, files)).collect()
}

/// A whole protocol through the real program, on every processor and with 1, 2 and 4 loader threads.
#[test]
fn protocols_give_the_same_bytes_on_every_processor_and_with_any_loader_threads() {
    for (network, processors) in WHOLE {
        let processors = if everything() { &PROCESSORS } else { processors };
        let found = everywhere(processors, |p| run_protocol(p, network, &[]));
        let native = &found[0].1;
        for (file, digest) in native {
            println!("{}: {file} {digest}", network.name());
        }
        for (processor, digests) in &found {
            assert_eq!(digests, native, "{} on {}", network.name(), name(*processor));
        }
        for threads in ["1", "2", "4"] {
            let set = format!("determinism.loader_threads={threads}");
            assert_eq!(&run_protocol(None, network, &["--set", &set]), native, "{threads} loader threads");
        }
    }
}

/// Without its pins a `portable` protocol stops before any work, and every pin that is missing is named.
#[test]
fn missing_pins_are_named_and_stop_the_run() {
    let dir = workspace(BackboneKind::TinyCnn);
    let all = pins(true, true, trainings::THREADS);
    let run = |without: &dyn Fn(&str) -> bool| {
        let mut command = on(None, Path::new(PINFOLD));
        for (k, _) in all.iter().filter(|(k, _)| without(k)) {
            command.env_remove(k);
        }
        let out = command.args(["run", "demo", "--in-process"]).current_dir(dir.path()).output().expect("starts");
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(4), "{text}");
        assert!(!dir.path().join("artifacts/train").exists(), "nothing was trained");
        text
    };
    for (missing, _) in &all {
        let text = run(&|k| k == missing);
        for (k, v) in &all {
            assert_eq!(text.contains(&format!("{k}={v}")), k == missing, "{missing} is missing: {text}");
        }
    }
    let text = run(&|_| true);
    assert!(all.iter().all(|(k, v)| text.contains(&format!("{k}={v}"))), "{text}");
}

/// A processor without AVX2 cannot have the class, whatever the environment says.
#[test]
fn a_processor_without_avx2_is_refused() {
    if !emulator() {
        return;
    }
    let dir = workspace(BackboneKind::TinyCnn);
    let out = on(Some("Nehalem"), Path::new(PINFOLD)).args(["run", "demo", "--in-process"]).current_dir(dir.path()).output();
    let out = out.expect("starts");
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(4), "{text}");
    assert!(text.contains("this processor has no AVX2"), "{text}");
    assert!(!dir.path().join("artifacts/train").exists(), "nothing was trained");
}
