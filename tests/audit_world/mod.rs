//! A small workspace with a repository, artifacts, a report, data files and a lock, made by the tests themselves.
#![allow(dead_code, reason = "each test file uses its part")]

use pinfold::base::arrays::ArraysWriter;
use pinfold::base::{Digest, canon};
use pinfold::lock::{self, *};
use pinfold::stats::evaluate::{Evaluation, FoldPredictions, Lattice, Pooling, Spec, SpotAt, Undefined, evaluate};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const PROTOCOL: &str = "schema = 1\nname = \"demo\"\n";

pub struct World {
    pub dir: tempfile::TempDir,
    pub root: PathBuf,
    pub data: PathBuf,
}

/// Git with a fixed identity and without the settings of whoever runs the tests.
pub fn commit_all(root: &Path, message: &str) -> String {
    let repository = git2::Repository::open(root).expect("repository");
    let mut index = repository.index().expect("index");
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).expect("add");
    index.update_all(["*"], None).expect("update");
    index.write().expect("write the index");
    let tree = repository.find_tree(index.write_tree().expect("tree")).expect("tree");
    let who = git2::Signature::new("Nobody", "nobody@example.org", &git2::Time::new(0, 0)).expect("signature");
    let parent = repository.head().ok().and_then(|h| h.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).expect("commit").to_string()
}

pub fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, bytes).expect("write");
}

/// A PNG of 4 x 4 grey pixels, with a text chunk.
pub fn png(shade: u8, comment: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 4, 4);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.add_text_chunk("Comment".to_owned(), comment.to_owned()).expect("text");
    encoder.write_header().expect("header").write_image_data(&[shade; 16]).expect("pixels");
    out
}

pub fn fold(name: &str, slide: &str, first_row: i64) -> FoldPredictions {
    let genes: Vec<String> = ["GNAS", "FASN", "ERBB2"].map(str::to_owned).to_vec();
    let n = 9usize;
    let spot = |i: usize| SpotAt {
        slide: slide.to_owned(),
        id: format!("{}x{}", i % 3, i / 3),
        array_col: (i % 3) as i32,
        array_row: (i / 3) as i32,
        x: 100.0 * (i % 3) as f64,
        y: 100.0 * (i / 3) as f64,
    };
    let truth: Vec<f32> = (0..n * 3).map(|k| ((k * 7 + first_row as usize) % 11) as f32 / 3.0).collect();
    let prediction = truth.iter().enumerate().map(|(k, t)| t * 0.7 + (k % 5) as f32 * 0.3).collect();
    FoldPredictions {
        name: name.to_owned(),
        genes,
        spots: (0..n).map(spot).collect(),
        truth,
        prediction,
        constant: vec![1.0, 1.5, 2.0],
        rows: (first_row..first_row + n as i64).collect(),
    }
}

pub fn spec() -> Spec {
    Spec {
        pooling: Pooling::Oof,
        undefined: Undefined::Skip,
        threshold: 0.3,
        lattice: Lattice::Square,
        groups: vec![("markers".to_owned(), vec!["GNAS".to_owned(), "ERBB2".to_owned()])],
        ranked: Vec::new(),
        slides: false,
        headline: pinfold::stats::evaluate::Headline::Pcc,
        panel: "list-3@list".to_owned(),
    }
}

/// Makes an artifact as the engine does: writes files, then the manifest, under the key that follows from all.
pub fn artifact(root: &Path, label: &str, parameters: Value, inputs: &[(&str, Digest)], write: impl FnOnce(&Path)) -> Artifact {
    let stage = label.split('[').next().expect("stage");
    let inputs: BTreeMap<String, String> = inputs.iter().map(|(n, d)| ((*n).to_owned(), d.to_string())).collect();
    let key = canon::digest(&json!({"stage": stage, "version": 1, "parameters": parameters, "inputs": inputs}));
    let folder = root.join(artifact_folder(stage, key));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("folder");
    write(&folder);
    let mut outputs = BTreeMap::new();
    let mut open = vec![folder.clone()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let (sha256, bytes) = Digest::of_file_sized(&path).expect("digest");
            let name = path.strip_prefix(&folder).expect("below").to_str().expect("text").to_owned();
            outputs.insert(name, json!({"bytes": bytes, "sha256": sha256}));
        }
    }
    let manifest =
        json!({"stage": stage, "key": key, "version": 1, "parameters": parameters, "inputs": inputs, "outputs": outputs, "tainted": false});
    put(&folder.join("manifest.json"), format!("{manifest:#}\n"));
    lock::artifact(root, label, stage, key).expect("pins")
}

impl World {
    /// The workspace, committed, run and locked under `demo`.
    pub fn new() -> Self {
        let world = Self::unlocked();
        let entry = world.entry();
        merge_entry(&world.lockfile(), &entry).expect("locks");
        world
    }

    /// The workspace, committed and not locked.
    pub fn unlocked() -> Self {
        let dir = tempfile::tempdir().expect("tempdir");
        let (root, data) = (dir.path().join("work"), dir.path().join("data"));
        std::fs::create_dir_all(&root).expect("folder");
        git2::Repository::init(&root).expect("init");
        put(&root.join(".gitignore"), "/artifacts/\n/reports/\n/weights/\n");
        put(&root.join("protocols/demo.toml"), PROTOCOL);
        commit_all(&root, "all");
        put(&data.join("her2st/ST-cnts/A1.tsv.gz"), [31, 139, 8, 0, 1, 2, 3]);
        put(&data.join("her2st/A1.jpg"), b"not really a picture");
        put(&root.join("weights/b0.safetensors"), b"weights");
        Self { dir, root, data }
    }

    pub fn lockfile(&self) -> PathBuf {
        self.root.join(FILE_NAME)
    }

    pub fn read(&self) -> LockFile {
        lock::read(&self.lockfile()).expect("reads")
    }

    /// Makes the artifacts and pins everything.
    pub fn entry(&self) -> Entry {
        let root = &self.root;
        let preprocess = artifact(root, "preprocess", json!({"target": 1e4}), &[], |dir| {
            let mut arrays = ArraysWriter::new();
            arrays.f32s("expression", &[1, 3], &[1.0, 2.0, 3.0]).f64s("abundance", &[3], &[0.5, 0.25, 0.125]);
            arrays.write(&dir.join("expression.safetensors")).expect("write");
            put(&dir.join("genes.txt"), "GNAS\nFASN\nERBB2\n");
        });
        let folds = [fold("C1", "C1", 0), fold("C2", "C2", 9)];
        let mut artifacts = vec![preprocess.clone()];
        let mut inputs = vec![("preprocess".to_owned(), preprocess.digest)];
        for fold in &folds {
            let name = &fold.name;
            let train = artifact(
                root,
                &format!("train[{name}]"),
                json!({"fold": name, "epochs": 2}),
                &[("preprocess", preprocess.digest)],
                |dir| {
                    let mut arrays = ArraysWriter::new();
                    arrays.f32s("head.weight", &[4], &[0.1, 0.2, 0.3, fold.rows[0] as f32]);
                    arrays.write(&dir.join("checkpoint.safetensors")).expect("write");
                    put(&dir.join("notes/history.json"), "{}");
                },
            );
            let predict = artifact(root, &format!("predict[{name}]"), json!({"fold": name}), &[("train", train.digest)], |dir| {
                fold.write(dir).expect("write")
            });
            inputs.push((format!("predict[{name}]"), predict.digest));
            artifacts.extend([train, predict]);
        }
        let evaluation = evaluate(&folds, &[0.5, 0.25, 0.125], &[], &spec()).expect("evaluates");
        let inputs: Vec<(&str, Digest)> = inputs.iter().map(|(n, d)| (n.as_str(), *d)).collect();
        artifacts.push(artifact(root, "evaluate", json!({"spec": spec()}), &inputs, |dir| {
            put(&dir.join("metrics.json"), serde_json::to_string_pretty(&evaluation).expect("json"));
        }));
        put(&root.join("reports/demo/genes.png"), png(7, "by pinfold"));
        put(&root.join("reports/demo/report.md"), "# demo\n");
        self.pin(artifacts, &evaluation)
    }

    fn pin(&self, artifacts: Vec<Artifact>, evaluation: &Evaluation) -> Entry {
        let root = &self.root;
        let Described::Commit(git) = describe(root).expect("describes") else { panic!("a plain repository") };
        let data = |path: &str, role: &str| {
            let pin = file_pin(&self.data, path).expect("pins");
            DataFile { path: pin.path, bytes: pin.bytes, sha256: pin.sha256, role: role.to_owned() }
        };
        let mut metrics: Vec<LockedMetric> = evaluation.summary.iter().map(|m| LockedMetric::new(&m.id, &m.title, m.value, m.n)).collect();
        metrics[0].published = Some(Published { value: "0.310".into(), source: "Table 2".into(), status: "read".into() });
        Entry {
            protocol: "demo".into(),
            integrity: None,
            path: "protocols/demo.toml".into(),
            sha256: Digest::of(PROTOCOL.as_bytes()),
            parents: Vec::new(),
            canonical: Digest::of(b"resolved"),
            overrides: vec![],
            journal: Some(Digest::of(b"last line")),
            program: Program::this(),
            git: Some(GitPin { commit: git.commit, tree: git.tree, clean: git.clean, patch: None }),
            seeds: BTreeMap::from([("protocol".into(), 42), ("weights init".into(), i64::MAX as u64)]),
            determinism: Determinism {
                asked: "portable".into(),
                reached: "portable".into(),
                switches: BTreeMap::from([("ATEN_CPU_CAPABILITY".into(), "avx2".into()), ("OMP_NUM_THREADS".into(), "2".into())]),
            },
            data: vec![data("her2st/A1.jpg", "image"), data("her2st/ST-cnts/A1.tsv.gz", "counts")],
            weights: vec![file_pin(root, "weights/b0.safetensors").expect("pins")],
            artifacts,
            metrics,
            figures: vec![figure(root, "reports/demo/genes.png").expect("pins"), figure(root, "reports/demo/report.md").expect("pins")],
            leakage: vec![LeakageFinding { check: "same slide".into(), verdict: "none".into(), text: "no slide is on both sides".into() }],
        }
    }
}

/// Every file below a folder, from it, sorted, without the repository's own.
pub fn files_below(root: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() && path.file_name().is_some_and(|n| n != ".git") {
                open.push(path);
            } else if path.is_file() {
                out.push(path.strip_prefix(root).expect("below").to_str().expect("text").to_owned());
            }
        }
    }
    out.sort();
    out
}
