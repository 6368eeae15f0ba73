//! A listing that `sha256sum -c` accepts, for those who trust nobody's program but coreutils.

use super::collect::artifact_folder;
use super::model::Entry;
use crate::base::Digest;
use std::path::Path;

/// What [`sha256sum`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `<hex>  <path>` lines, sorted by path; for standard output. Run `sha256sum -c` at the workspace's root.
    pub text: String,
    /// Locked files that the listing cannot name, a sentence each; for standard error.
    pub left_out: Vec<String>,
}

/// Every locked file of an entry as `sha256sum` would list it from the workspace's root: the protocol and what it extends, the stored
/// patch, weights, artifacts with their manifests, and the report.
///
/// Data files are locked by their path below the data root. They are listed under the path by which the workspace reaches
/// them when the data root lies inside the workspace (`data/…`, as it stands there: symbolic links are not followed, so
/// a `data` that links elsewhere counts as inside); otherwise they are left out, since a lock has no absolute paths
/// and neither has its listing.
pub fn sha256sum(entry: &Entry, root: &Path, data_root: Option<&Path>) -> Listing {
    let mut rows: Vec<(String, Digest)> = vec![(entry.path.clone(), entry.sha256)];
    rows.extend(entry.parents.iter().map(|f| (f.path.clone(), f.sha256)));
    let mut left_out = Vec::new();
    if let Some(patch) = entry.git.as_ref().and_then(|g| g.patch.as_ref()) {
        rows.push((patch.path.clone(), patch.sha256));
    }
    rows.extend(entry.weights.iter().map(|f| (f.path.clone(), f.sha256)));
    for artifact in &entry.artifacts {
        let folder = artifact_folder(&artifact.stage, artifact.key);
        rows.push((format!("{folder}/manifest.json"), artifact.manifest));
        rows.extend(artifact.files.iter().map(|f| (format!("{folder}/{}", f.path), f.sha256)));
    }
    rows.extend(entry.figures.iter().map(|f| (f.path.clone(), f.sha256)));
    match data_root.and_then(|data| prefix(root, data)) {
        Some(prefix) => rows.extend(entry.data.iter().map(|f| (join(&prefix, &f.path), f.sha256))),
        None if entry.data.is_empty() => {}
        None => left_out.push(format!(
            "{} data files of '{}' are not listed: the data root is not inside the workspace (`pinfold audit` checks them)",
            entry.data.len(),
            entry.protocol
        )),
    }
    rows.sort();
    rows.dedup();
    Listing { text: rows.iter().map(|(path, digest)| format!("{digest}  {path}\n")).collect(), left_out }
}

/// The data root as seen from the workspace's root, when it is below it.
fn prefix(root: &Path, data: &Path) -> Option<String> {
    let absolute = |p: &Path| std::path::absolute(p).ok();
    let (root_abs, data_abs) = (absolute(root)?, absolute(data)?);
    let relative = data_abs.strip_prefix(&root_abs).map(Path::to_owned).or_else(|_| {
        let (root, data) = (root.canonicalize().unwrap_or(root_abs), data.canonicalize().unwrap_or(data_abs));
        data.strip_prefix(&root).map(Path::to_owned)
    });
    let prefix = relative.ok()?.to_str()?.to_owned();
    (prefix.is_empty() || super::check::path_problem(&prefix).is_none()).then_some(prefix)
}

fn join(prefix: &str, path: &str) -> String {
    if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") }
}
