//! Where things stand on disk: the folder with `protocols/`, `artifacts/`, `reports/`, `runs/` and `pinfold.lock`.

use super::store::Store;
use crate::base::{Failure, IoContext, Result};
use std::path::{Path, PathBuf};

/// A workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace at or above a folder: the nearest one with a `protocols/` folder.
    pub fn find(from: &Path) -> Result<Self> {
        let start = from.canonicalize().doing("open the folder", from)?;
        start.ancestors().find(|p| p.join("protocols").is_dir()).map(|root| Self { root: root.to_owned() }).ok_or_else(|| {
            Failure::input("no workspace here: neither this folder nor one above it has a 'protocols' folder")
                .at(start.display().to_string())
                .hint("go to a clone of the project, or make a folder 'protocols' and put a protocol file into it")
        })
    }

    /// A workspace at exactly this folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// `protocols/`.
    pub fn protocols(&self) -> PathBuf {
        self.root.join("protocols")
    }
    /// `reports/`.
    pub fn reports(&self) -> PathBuf {
        self.root.join("reports")
    }
    /// `runs/`.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }
    /// `weights/`.
    pub fn weights(&self) -> PathBuf {
        self.root.join("weights")
    }
    /// `pinfold.lock`.
    pub fn lockfile(&self) -> PathBuf {
        self.root.join("pinfold.lock")
    }
    /// The stage store.
    pub fn store(&self) -> Store {
        Store::new(self.root.join("artifacts"))
    }

    /// Where data files are: `PINFOLD_DATA`, or `data/` in the workspace.
    pub fn data_root(&self) -> PathBuf {
        match std::env::var_os("PINFOLD_DATA") {
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ => self.root.join("data"),
        }
    }

    /// Names of the protocols, sorted.
    pub fn protocol_names(&self) -> Result<Vec<String>> {
        let folder = self.protocols();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let name = entry.doing("list", &folder)?.file_name();
            if let Some(stem) = name.to_str().and_then(|n| n.strip_suffix(".toml")) {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The file of a protocol given by name or by path. An unknown name lists the known ones.
    pub fn protocol_path(&self, name: &str) -> Result<PathBuf> {
        let by_name = self.protocols().join(format!("{name}.toml"));
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) && !name.contains("..");
        if plain && by_name.is_file() {
            return Ok(by_name);
        }
        let by_path = PathBuf::from(name);
        if name.ends_with(".toml") && by_path.is_file() {
            return Ok(by_path);
        }
        Err(Failure::input(format!("no protocol named '{name}'"))
            .at(self.protocols().display().to_string())
            .hint(format!("the protocols here are: {}", self.protocol_names()?.join(", "))))
    }
}
