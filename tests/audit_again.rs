//! The deep audit levels and `pinfold diff` through the real program, in a workspace of its own, with a tiny network.

#[cfg(not(feature = "train"))]
#[test]
fn without_libtorch_the_deep_levels_say_so_plainly() {
    use pinfold::audit::{Level, look};
    let dir = tempfile::tempdir().expect("tempdir");
    for level in [Level::Predictions, Level::Retrain] {
        let workspace = pinfold::engine::Workspace::at(dir.path());
        let failure = look(&workspace, &[], level, false, &|_| {}).expect_err("refused");
        assert_eq!(failure.exit, pinfold::base::Exit::Environment);
        assert!(failure.what.contains("built without libtorch") && failure.what.contains(level.word()), "{failure}");
    }
}

#[cfg(feature = "train")]
mod place;

#[cfg(feature = "train")]
mod with_libtorch {
    use crate::place::TINY;
    use pinfold::audit::chosen_fold;
    use pinfold::base::arrays::{Arrays, ArraysWriter};
    use pinfold::base::{Digest, canon};
    use pinfold::lock;
    use serde_json::{Value, json};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const FOLDS: &[(&str, &str)] =
        &[("kind = \"holdout\"\ntest_size = 0.2", "kind = \"kfold\"\nk = 3"), ("from = \"train\"", "from = \"all\"")];
    const STATISTICAL: &[(&str, &str)] = &[("class = \"portable\"", "class = \"statistical\"")];

    /// A workspace in a git repository of its own, and a folder for temporary files beside it.
    struct Place {
        root: tempfile::TempDir,
        scratch: tempfile::TempDir,
    }

    impl Place {
        fn new(changes: &[(&str, &str)]) -> Self {
            let demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
            let place = Self { root: tempfile::tempdir().expect("tempdir"), scratch: tempfile::tempdir().expect("tempdir") };
            std::fs::create_dir(place.path().join("protocols")).expect("mkdir");
            std::fs::write(place.path().join("protocols/demo.toml"), demo).expect("write");
            place.change(TINY);
            place.change(changes);
            std::fs::write(place.path().join(".gitignore"), "/artifacts\n/reports\n/runs\n").expect("write");
            place.git(&["init", "-q"]);
            place.commit();
            place
        }
        /// A new workspace whose protocol ran and is locked.
        fn locked(changes: &[(&str, &str)]) -> Self {
            let place = Self::new(changes);
            place.expect(0, &["run", "demo"]);
            place.expect(0, &["lock", "demo"]);
            place
        }
        fn change(&self, changes: &[(&str, &str)]) {
            let path = self.path().join("protocols/demo.toml");
            let mut text = std::fs::read_to_string(&path).expect("read");
            for (from, to) in changes {
                assert!(text.contains(from), "the demo no longer says {from}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(path, text).expect("write");
        }
        fn git(&self, args: &[&str]) {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"];
            let done = Command::new("git").args(who).args(args).current_dir(self.path()).output().expect("git runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        fn commit(&self) {
            self.git(&["add", "-A"]);
            self.git(&["commit", "-q", "-m", "state"]);
        }
        fn path(&self) -> &Path {
            self.root.path()
        }
        fn pinfold(&self, args: &[&str]) -> Output {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold-engine"));
            command.args(args).current_dir(self.path()).env_remove("PINFOLD_DATA").env("TMPDIR", self.scratch.path());
            command.output().expect("pinfold runs")
        }
        /// Runs and expects this exit code; gives stdout and stderr together. Nothing is left in the scratch folder.
        fn expect(&self, code: i32, args: &[&str]) -> String {
            let out = self.pinfold(args);
            let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
            assert_eq!(out.status.code(), Some(code), "pinfold {}:\n{text}", args.join(" "));
            assert_eq!(std::fs::read_dir(self.scratch.path()).expect("list").count(), 0, "left in the scratch folder");
            text
        }
        fn json(&self, code: i32, args: &[&str]) -> Value {
            let out = self.pinfold(args);
            assert_eq!(out.status.code(), Some(code), "pinfold {}:\n{}", args.join(" "), String::from_utf8_lossy(&out.stderr));
            serde_json::from_slice(&out.stdout).expect("JSON on stdout")
        }
        /// Runs the protocol and gives the folder of an artifact.
        fn artifact(&self, args: &[&str], label: &str) -> PathBuf {
            let result = self.json(0, &[&["run", "demo", "--json"][..], args].concat());
            let rows = result["result"]["artifacts"].as_array().expect("artifacts").clone();
            let row = rows.iter().find(|r| r["label"] == label).unwrap_or_else(|| panic!("no {label}"));
            let text = |key: &str| row[key].as_str().expect("text").to_owned();
            self.path().join("artifacts").join(text("stage")).join(text("key"))
        }
        fn entry(&self) -> lock::Entry {
            lock::read(&self.path().join("pinfold.lock")).expect("lock").entry("demo").expect("entry").clone()
        }
        /// Path and digest of every file of the workspace.
        fn files(&self) -> Vec<(PathBuf, Digest)> {
            let all = pinfold::engine::store::files_below(self.path()).expect("list");
            all.into_iter().map(|f| (f.clone(), Digest::of_file(&f).expect("digest"))).collect()
        }
    }

    /// Puts other bytes into an artifact, with a manifest that agrees.
    fn forge(dir: &Path, file: &str, bytes: &[u8]) {
        std::fs::write(dir.join(file), bytes).expect("write");
        let path = dir.join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        manifest["outputs"][file] = json!({"bytes": bytes.len(), "sha256": Digest::of(bytes).to_string()});
        std::fs::write(&path, serde_json::to_string_pretty(&manifest).expect("JSON")).expect("write");
    }

    fn failed(report: &Value) -> Vec<&Value> {
        let items = report["entries"][0]["items"].as_array().expect("items");
        items.iter().filter(|i| i["state"] == "failed" || i["state"] == "missing").collect()
    }

    #[test]
    fn a_sound_lock_passes_and_the_audit_writes_nothing() {
        let place = Place::locked(FOLDS);
        let before = place.files();
        let text = place.expect(0, &["audit", "--level", "predictions"]);
        assert!(text.contains("passed   level predictions") && text.contains("made again verified"), "{text}");
        assert!(text.contains("predicting predict[fold3] again"), "{text}");
        // Retrain: the chosen fold, and no other.
        let chosen = format!("train[fold{}]", chosen_fold(&place.entry(), 3) + 1);
        let report = place.json(0, &["audit", "demo", "--level", "retrain", "--json"]);
        assert_eq!((report["passed"].as_bool(), report["level"].as_str()), (Some(true), Some("retrain")));
        let items = report["entries"][0]["items"].as_array().expect("items").clone();
        let trained: Vec<&str> = items.iter().filter_map(|i| i["label"].as_str()).filter(|l| l.ends_with(", trained again")).collect();
        assert_eq!(trained, vec![format!("{chosen}, trained again"); 3], "checkpoint, grade, history of one fold");
        assert!(items.iter().any(|i| i["words"].as_str().is_some_and(|w| w.starts_with(&format!("the fold trained again is {chosen}")))));
        let all = place.expect(0, &["audit", "--level", "retrain", "--all-folds", "--from-data"]);
        for label in ["training train[fold1]", "training train[fold2]", "training train[fold3]", "making ingest", "making patches"] {
            assert!(all.contains(&format!("{label} again")), "{all}");
        }
        assert_eq!(before, place.files(), "the audit wrote into the workspace");
        assert!(place.expect(2, &["audit", "--all-folds"]).contains("--level retrain"));
        // Without an input, the audit says which.
        let patches = place.entry().artifacts.iter().find(|a| a.label == "patches").expect("patches").key;
        std::fs::remove_dir_all(place.path().join("artifacts/patches").join(patches.to_string())).expect("remove");
        let text = place.expect(1, &["audit", "--level", "predictions"]);
        assert!(text.contains("was not made again: patches is not as locked (artifacts/patches/"), "{text}");
    }

    #[test]
    fn a_forged_checkpoint_fails_at_retrain_and_forged_predictions_at_predictions() {
        let place = Place::new(&[]);
        let train = place.artifact(&[], "train[holdout]");
        let honest = place.artifact(&[], "predict[holdout]");
        let other = place.artifact(&["--set", "train.learning_rate=0.05"], "train[holdout]");
        assert_ne!(train, other);
        // A checkpoint that was trained with another learning rate, under the protocol's own key; everything after it
        // is made from it, so that every digest, metric and prediction follows.
        forge(&train, "checkpoint.safetensors", &std::fs::read(other.join("checkpoint.safetensors")).expect("read"));
        let predict = place.artifact(&[], "predict[holdout]");
        assert_ne!(predict, honest, "the predictions were made anew");
        place.expect(0, &["lock", "demo"]);
        place.expect(0, &["audit", "--level", "predictions"]);
        let report = place.json(1, &["audit", "--level", "retrain", "--json"]);
        let first = report["first_difference"].as_str().expect("said");
        assert!(first.contains("/checkpoint.safetensors (train[holdout], trained again)"), "{first}");
        assert!(first.contains("largest absolute difference") && first.contains("'portable' promises equal bytes"), "{first}");

        // Predictions that do not follow from the checkpoint: those of the honest one, locked beside the forged one.
        forge(&predict, "predictions.safetensors", &std::fs::read(honest.join("predictions.safetensors")).expect("read"));
        place.expect(0, &["run", "demo"]);
        place.expect(0, &["lock", "demo"]);
        place.expect(0, &["audit", "--level", "metrics"]);
        let report = place.json(1, &["audit", "--level", "predictions", "--json"]);
        let failed = failed(&report);
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(failed[0]["path"].as_str().is_some_and(|p| p.starts_with("artifacts/predict/") && p.ends_with("/predictions.safetensors")));
        assert!(failed[0]["words"].as_str().is_some_and(|w| w.contains("in 'prediction'")), "{}", failed[0]["words"]);
    }

    #[test]
    fn an_artifact_of_other_parameters_breaks_the_chain() {
        let place = Place::locked(&[]);
        let other = place.artifact(&["--set", "train.learning_rate=0.05"], "train[holdout]");
        let key = Digest::parse(other.file_name().and_then(|n| n.to_str()).expect("name")).expect("key");
        let mut entry = place.entry();
        let train = entry.artifacts.iter_mut().find(|a| a.stage == "train").expect("train");
        *train = lock::artifact(&place.path().canonicalize().expect("root"), &train.label, "train", key).expect("pins");
        lock::merge_entry(&place.path().join("pinfold.lock"), &entry).expect("locks");
        place.expect(0, &["audit", "--level", "metrics"]);
        let text = place.expect(1, &["audit", "--level", "predictions"]);
        assert!(text.contains("parameters.train.learning_rate is 0.05 in its manifest, where the lock gives 0.01"), "{text}");
    }

    #[test]
    fn a_class_without_equal_bytes_is_held_to_a_tolerance() {
        // What asks for nothing and is pinned to its threads reaches the class 'machine'.
        let place = Place::locked(STATISTICAL);
        for (by, code) in [(1e-5f32, 0), (0.5, 1)] {
            let dir = place.artifact(&[], "predict[holdout]");
            let path = dir.join("predictions.safetensors");
            let sound = Arrays::open(&path).expect("open");
            let mut out = ArraysWriter::new();
            for (name, entry) in sound.entries() {
                match name.as_str() {
                    "prediction" => {
                        let moved: Vec<f32> = sound.f32s(name).expect("f32").iter().map(|v| v + by).collect();
                        out.f32s(name, &entry.shape, &moved);
                    }
                    _ => {
                        out.raw(name, entry.kind, &entry.shape, sound.raw(name).expect("raw").to_vec());
                    }
                }
            }
            forge(&dir, "predictions.safetensors", &out.to_bytes());
            place.expect(0, &["run", "demo"]);
            place.expect(0, &["lock", "demo"]);
            let text = place.expect(code, &["audit", "--level", "retrain"]);
            let said = if code == 0 { "equal within the tolerance of the class 'machine'" } else { "beyond the tolerance" };
            assert!(text.contains(said), "{text}");
            assert!(text.contains("the fold's mean PCC over genes is"), "{text}");
        }
    }

    #[test]
    fn diff_names_the_changed_key_and_the_moved_number() {
        let place = Place::locked(&[]);
        place.commit();
        place.change(&[("learning_rate = 0.01", "learning_rate = 0.05")]);
        place.commit();
        let run = place.json(0, &["run", "demo", "--json"])["run"].as_str().expect("id").to_owned();
        place.expect(0, &["lock", "demo"]);
        place.commit();
        let d = place.json(1, &["diff", "HEAD~2", "HEAD", "--json"]);
        let one = &d["results"][0];
        let rate = json!({"kind": "protocol", "key": "train.learning_rate", "a": "0.01", "b": "0.05"});
        assert!(one["pinned"].as_array().expect("pinned").contains(&rate), "{one}");
        let kinds: Vec<&str> = one["pinned"].as_array().expect("pinned").iter().filter_map(|p| p["kind"].as_str()).collect();
        assert_eq!(kinds, ["protocol", "commit"]);
        assert_eq!(one["artifacts"][0]["label"], "train[holdout]", "they part where the training does");
        let moved = &one["metrics"][0];
        assert!(moved["id"].as_str().is_some_and(|id| id.starts_with("pcc/")) && moved["change"].as_f64().is_some_and(|c| c != 0.0));
        assert!(one["spread"].is_null() && moved["in_deviations"].is_null());
        let text = place.expect(1, &["diff", "HEAD~2:demo", "demo"]);
        assert!(text.contains("train.learning_rate  0.01") && text.contains("there is no spread over seeds"), "{text}");

        // With two more seeds of B's protocol there is a measure.
        for seed in ["seed=43", "seed=44"] {
            place.expect(0, &["run", "demo", "--set", seed]);
        }
        let one = place.json(1, &["diff", "HEAD~2", "HEAD", "--json"])["results"][0].clone();
        assert_eq!(one["spread"]["of"], "b");
        assert_eq!(one["spread"]["seeds"].as_array().map(Vec::len), Some(3));
        let moved = &one["metrics"][0];
        let [change, deviation, units] = ["change", "deviation", "in_deviations"].map(|k| moved[k].as_f64().expect(k));
        assert!(deviation > 0.0 && (units - change / deviation).abs() < 1e-12, "{moved}");

        // Equal: the same lock by other names, and the run that was locked.
        let copy = place.scratch.path().join("copy.lock");
        std::fs::copy(place.path().join("pinfold.lock"), &copy).expect("copy");
        for [a, b] in [["demo", "HEAD"], ["HEAD:demo", run.as_str()], [copy.to_str().expect("path"), "pinfold.lock"]] {
            let d = place.json(0, &["diff", a, b, "--json"]);
            let one = &d["results"][0];
            assert_eq!(d["equal"], true);
            assert!(["pinned", "artifacts", "metrics"].iter().all(|k| one[k].as_array().is_some_and(Vec::is_empty)), "{one}");
        }
        std::fs::remove_file(&copy).expect("remove");
        assert!(place.expect(2, &["diff", "nope", "HEAD"]).contains("'nope' is no lockfile"));
        assert!(place.expect(2, &["diff", "HEAD~3", "HEAD"]).contains("holds no pinfold.lock"));
        assert!(place.expect(2, &["diff", "HEAD:nope", "HEAD"]).contains("it has: demo"));
        // The canonical digest in the lock is that of the document that was compared.
        assert_eq!(place.entry().canonical, canon::digest(&order(&place, &run)));
    }

    fn order(place: &Place, run: &str) -> Value {
        let bytes = std::fs::read(place.path().join("runs").join(run).join("run.json")).expect("read");
        serde_json::from_slice::<Value>(&bytes).expect("JSON")["resolved"].clone()
    }

    #[test]
    fn the_choice_of_the_fold_follows_from_the_entry_alone() {
        let place = Place::locked(&[]);
        let entry = place.entry();
        let n = 1_000_003;
        assert_eq!(chosen_fold(&entry, n), chosen_fold(&lock::Entry { integrity: None, ..entry.clone() }, n));
        let mut other = entry.clone();
        other.metrics[0].value = "0.5".to_owned();
        assert_ne!(chosen_fold(&entry, n), chosen_fold(&other, n));
        assert_eq!(chosen_fold(&entry, 1), 0);
        // As docs/audit.md says it.
        let head = Digest::of(format!("pinfold retrain\n{}\n", entry.integrity.expect("read from a file")).as_bytes());
        let head = u64::from_str_radix(&head.to_string()[..16], 16).expect("hex");
        assert_eq!(chosen_fold(&entry, n) as u64, head % n as u64);
    }
}
