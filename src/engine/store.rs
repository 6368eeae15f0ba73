//! The stage store: `artifacts/<stage>/<key>/`, complete or absent, never written again.
//!
//! A key is the SHA-256 of a stage's canonical parameters, its code version and the digests of its inputs. A
//! stage works in `artifacts/.work/<stage>-<key>/`; when it is done, the files are hashed, the manifest is
//! written and the folder is renamed into place.

use crate::base::host::Place;
use crate::base::{Digest, Failure, IoContext, Result, atomic, canon};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The manifest's file name in an artifact folder.
pub const MANIFEST: &str = "manifest.json";

/// Files whose names start with this are a stage's own notes for resuming; they do not become outputs.
pub const SCRATCH: &str = "state";

/// What identifies one piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The stage's name: `train`.
    pub stage: &'static str,
    /// What people see: `train[C2]`.
    pub label: String,
    /// Raised whenever the stage's code changes what comes out.
    pub version: u32,
    /// Everything that can change what comes out.
    pub parameters: Value,
    /// Digests of the inputs, by name.
    pub inputs: BTreeMap<String, Digest>,
}

impl Job {
    /// What the key is made of.
    pub fn fingerprint(&self) -> Value {
        json!({"stage": self.stage, "version": self.version, "parameters": self.parameters, "inputs": self.inputs})
    }
    /// The key.
    pub fn key(&self) -> Digest {
        canon::digest(&self.fingerprint())
    }
}

/// One output file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Size.
    pub bytes: u64,
    /// Digest.
    pub sha256: Digest,
}

/// What stands in an artifact folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The stage's name.
    pub stage: String,
    /// The key, which is also the folder's name.
    pub key: Digest,
    /// The stage's code version.
    pub version: u32,
    /// The stage's parameters.
    pub parameters: Value,
    /// Digests of the inputs.
    pub inputs: BTreeMap<String, Digest>,
    /// The files, by path inside the folder.
    pub outputs: BTreeMap<String, Output>,
    /// True when an input moved while the stage worked: such an artifact cannot be locked.
    pub tainted: bool,
}

/// A finished piece of work.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// What people see.
    pub label: String,
    /// Its folder.
    pub dir: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

impl Artifact {
    /// The digest of all outputs (a sorted `sha256sum` listing): what downstream keys take in.
    pub fn digest(&self) -> Digest {
        Digest::of_listing(self.manifest.outputs.iter().map(|(path, o)| (path.as_str(), o.sha256)))
    }
    /// Paths of all outputs, for a stage that reads this artifact to name as its raw inputs.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.manifest.outputs.keys().map(|name| self.dir.join(name))
    }
    /// Path of an output.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The store of a workspace.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A stage's working folder; holds the lock that keeps a second worker out.
pub struct Work {
    /// Where the stage writes.
    pub dir: PathBuf,
    _lock: fs::File,
}

impl Store {
    /// The store under this `artifacts/` folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The `artifacts/` folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder a job's artifact has or will have.
    pub fn folder(&self, stage: &str, key: &Digest) -> PathBuf {
        self.root.join(stage).join(key.to_string())
    }

    /// The artifact of a job, if it is there. Only the manifest is read.
    pub fn find(&self, job: &Job) -> Result<Option<Artifact>> {
        let dir = self.folder(job.stage, &job.key());
        Ok(self.open(&dir)?.map(|manifest| Artifact { label: job.label.clone(), dir, manifest }))
    }

    /// Reads an artifact folder's manifest; `None` when there is none.
    pub fn open(&self, dir: &Path) -> Result<Option<Manifest>> {
        let path = dir.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Failure::io(&e, "read", &path)),
        };
        let damaged = |e: serde_json::Error| {
            Failure::input(format!("damaged manifest: {e}"))
                .at(path.display().to_string())
                .hint(format!("remove the folder {} and run again", dir.display()))
        };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
    }

    /// Checks every output of an artifact against its manifest, before it is used again.
    pub fn verify(&self, artifact: &Artifact) -> Result<()> {
        for (name, output) in &artifact.manifest.outputs {
            let path = artifact.dir.join(name);
            let (found, bytes) = Digest::of_file_sized(&path).map_err(|e| e.at(format!("artifact {}", artifact.label)))?;
            if found != output.sha256 {
                return Err(Failure::input(format!(
                    "an artifact is damaged: {bytes} bytes with digest {} where the manifest says {} bytes with {}",
                    found.short(),
                    output.bytes,
                    output.sha256.short()
                ))
                .at(path.display().to_string())
                .hint(format!("remove the folder {} and run again; it will be made anew", artifact.dir.display())));
            }
        }
        Ok(())
    }

    /// Opens a job's working folder, left-overs of an earlier attempt included (a stage that can resume uses
    /// them, others clear them). Refused while another process works there.
    pub fn begin(&self, job: &Job) -> Result<Work> {
        let work = self.root.join(".work");
        let name = format!("{}-{}", job.stage, job.key());
        fs::create_dir_all(&work).doing("make the folder", &work)?;
        let lock_path = work.join(format!("{name}.lock"));
        let lock = take(&lock_path, &job.label)?;
        let dir = work.join(&name);
        fs::create_dir_all(&dir).doing("make the folder", &dir)?;
        Ok(Work { dir, _lock: lock })
    }

    /// Hashes what a stage wrote, adds the manifest and moves the folder into place.
    pub fn finish(&self, job: &Job, work: Work, tainted: bool) -> Result<Artifact> {
        let mut outputs = BTreeMap::new();
        for path in files_below(&work.dir)? {
            let relative = relative_name(&work.dir, &path)?;
            let scratch = relative.starts_with(SCRATCH) || relative == MANIFEST || relative.starts_with(".pinfold-");
            if scratch {
                fs::remove_file(&path).doing("remove", &path)?;
                continue;
            }
            let (sha256, bytes) = Digest::of_file_sized(&path)?;
            outputs.insert(relative, Output { bytes, sha256 });
        }
        let key = job.key();
        let manifest = Manifest {
            stage: job.stage.to_owned(),
            key,
            version: job.version,
            parameters: job.parameters.clone(),
            inputs: job.inputs.clone(),
            outputs,
            tainted,
        };
        let mut text =
            serde_json::to_string_pretty(&manifest).map_err(|e| Failure::environment(format!("cannot write a manifest: {e}")))?;
        text.push('\n');
        atomic::write(&work.dir.join(MANIFEST), text.as_bytes())?;
        let dir = self.folder(job.stage, &key);
        let parent = self.root.join(job.stage);
        fs::create_dir_all(&parent).doing("make the folder", &parent)?;
        if let Err(e) = fs::rename(&work.dir, &dir) {
            return self.made_meanwhile(job, &manifest, &work.dir, dir, &e);
        }
        atomic::sync_folder(&parent)?;
        Ok(Artifact { label: job.label.clone(), dir, manifest })
    }

    /// The artifact could not be moved into place: fine if a process elsewhere (whose lock this file system does not
    /// show) put the same bytes there meanwhile.
    fn made_meanwhile(&self, job: &Job, ours: &Manifest, work: &Path, dir: PathBuf, e: &std::io::Error) -> Result<Artifact> {
        let Ok(Some(theirs)) = self.open(&dir) else {
            return Err(Failure::io(e, "move the artifact into place", &dir));
        };
        if theirs.outputs != ours.outputs {
            return Err(Failure::check(format!("{} was made twice, and the two differ", job.label))
                .at(format!("{} and {}", work.display(), dir.display()))
                .hint("compare the two folders: something that changes the result is not pinned"));
        }
        fs::remove_dir_all(work).doing("remove", work)?;
        Ok(Artifact { label: job.label.clone(), dir, manifest: theirs })
    }
}

/// Takes a lock file for this process and writes into it who holds it; refused, naming the holder, while another does.
/// Held until the file is closed.
pub(super) fn take(path: &Path, what: &str) -> Result<fs::File> {
    let mut file = fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).doing("open the lock", path)?;
    match file.try_lock() {
        // `gc` may have removed the file between the opening and the taking: then it is nobody's name any more.
        Ok(()) if !same_file(&file, path) => take(path, what),
        Ok(()) => {
            let text = serde_json::to_string(&Place::here()).unwrap_or_default();
            // Only for the message below: a disk that is too full for it does not matter here.
            let _ = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
            Ok(file)
        }
        Err(fs::TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(path).ok().and_then(|t| serde_json::from_str::<Place>(&t).ok());
            let who = holder.map_or_else(|| "another pinfold".to_owned(), |p| format!("another pinfold (process {} on {})", p.pid, p.host));
            Err(Failure::environment(format!("{what} is being made by {who}"))
                .at(path.display().to_string())
                .hint("wait for it (pinfold status), or stop it (pinfold stop)"))
        }
        Err(fs::TryLockError::Error(e)) => Err(Failure::io(&e, "lock", path)),
    }
}

/// Whether a path still names this open file.
fn same_file(file: &fs::File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |m: fs::Metadata| (m.dev(), m.ino());
    matches!((file.metadata().map(id), fs::metadata(path).map(id)), (Ok(a), Ok(b)) if a == b)
}

/// Every file below a folder, sorted by path bytes. Links are refused: an artifact holds its own bytes.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).doing("list", &folder)? {
            let entry = entry.doing("list", &folder)?;
            let kind = entry.file_type().doing("list", &entry.path())?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                out.push(entry.path());
            } else {
                return Err(Failure::input("not a plain file").at(entry.path().display().to_string()));
            }
        }
    }
    out.sort();
    Ok(out)
}

fn relative_name(dir: &Path, path: &Path) -> Result<String> {
    path.strip_prefix(dir)
        .ok()
        .and_then(|p| p.to_str())
        .map(str::to_owned)
        .ok_or_else(|| Failure::input("a file name that is not UTF-8").at(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(n: u32) -> Job {
        Job { stage: "demo", label: "demo".into(), version: 1, parameters: json!({"n": n}), inputs: BTreeMap::new() }
    }

    #[test]
    fn an_artifact_appears_whole_and_keeps_no_scratch() {
        let dir = tempfile::tempdir().expect("tempdir");
        let store = Store::new(dir.path());
        assert!(store.find(&job(1)).expect("find").is_none());
        let work = store.begin(&job(1)).expect("begin");
        fs::create_dir(work.dir.join("sub")).expect("mkdir");
        fs::write(work.dir.join("sub/a.txt"), "a").expect("write");
        fs::write(work.dir.join("state.bin"), "scratch").expect("write");
        let made = store.finish(&job(1), work, false).expect("finish");
        assert_eq!(made.manifest.outputs.keys().collect::<Vec<_>>(), ["sub/a.txt"]);
        let found = store.find(&job(1)).expect("find").expect("there");
        assert_eq!(found.digest(), made.digest());
        store.verify(&found).expect("sound");
        fs::write(found.file("sub/a.txt"), "b").expect("write");
        let failure = store.verify(&found).expect_err("damaged");
        assert!(failure.to_string().contains("sub/a.txt"), "{failure}");
        assert!(store.find(&job(2)).expect("find").is_none());
    }

    #[test]
    fn a_second_worker_is_told() {
        let dir = tempfile::tempdir().expect("tempdir");
        let store = Store::new(dir.path());
        let _first = store.begin(&job(1)).expect("begin");
        let second = store.begin(&job(1)).err().expect("refused");
        let me = format!("another pinfold (process {} on ", std::process::id());
        assert!(second.what.contains(&me), "{second}");
    }

    #[test]
    fn one_made_elsewhere_meanwhile_is_taken_if_it_is_the_same() {
        let dir = tempfile::tempdir().expect("tempdir");
        let store = Store::new(dir.path());
        for (bytes, same) in [("a", true), ("b", false)] {
            let work = store.begin(&job(1)).expect("begin");
            fs::write(work.dir.join("a.txt"), bytes).expect("write");
            let made = store.finish(&job(1), work, false);
            assert_eq!(made.is_ok(), same, "{bytes}");
            if same {
                let again = store.begin(&job(1)).expect("begin");
                fs::write(again.dir.join("a.txt"), bytes).expect("write");
                store.finish(&job(1), again, false).expect("the same again");
            }
        }
        let kept = dir.path().join(".work").join(format!("demo-{}", job(1).key()));
        assert_eq!(fs::read_to_string(kept.join("a.txt")).expect("kept"), "b", "what differs is kept");
    }
}
