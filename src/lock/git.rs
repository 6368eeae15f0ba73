//! The workspace's git repository, read through libgit2. Nothing here writes to it.
//!
//! A workspace counts as clean when it holds exactly what its commit holds, two things aside: files that git ignores
//! (`artifacts/`, `reports/`, `runs/`, `data/` …), and `pinfold.lock` itself, because locking a result must not make the
//! tree dirty for the next lock. In a workspace that is a subfolder of a larger repository, only that
//! subfolder is looked at.

use super::write::FILE_NAME;
use crate::base::{Failure, Result};
use git2::{DiffFormat, DiffOptions, ErrorCode, Oid, Repository, StatusOptions};
use std::path::{Path, PathBuf};

/// What [`describe`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// The commit and how the workspace differs from it.
    Commit(GitState),
    /// The repository is of a kind that libgit2 cannot read (reftable, SHA-256 objects, an unknown extension): no commit
    /// can be recorded, and a lock made here says so.
    Unrecorded {
        /// Why, as a sentence without its full stop.
        why: String,
    },
}

/// A commit and the workspace's difference from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitState {
    /// The id of HEAD's commit.
    pub commit: String,
    /// The id of that commit's tree.
    pub tree: String,
    /// Whether nothing differs.
    pub clean: bool,
    /// What differs, from the workspace's root, sorted: changed, staged, deleted, and new files that git does not ignore.
    pub dirty_paths: Vec<String>,
}

/// What a commit has at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtCommit {
    /// The file's bytes.
    File(Vec<u8>),
    /// The commit is there, and has no such file.
    NoFile,
    /// The repository has no such commit (a shallow clone, another repository, a commit that was never pushed).
    NoCommit,
}

/// Looks at the repository that the workspace is in.
///
/// Bad input (exit code 2): no repository, no commit yet, a bare repository. Environment (4): git's owner check.
pub fn describe(root: &Path) -> Result<Described> {
    let here = match Here::open(root)? {
        Opened::Here(here) => here,
        Opened::Unreadable(why) => return Ok(Described::Unrecorded { why }),
    };
    let commit = here.head()?;
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false).disable_pathspec_match(true);
    if let Some(prefix) = here.pathspec() {
        options.pathspec(prefix);
    }
    let statuses = here.repository.statuses(Some(&mut options)).map_err(|e| here.failure(&e, "read the state of the working tree"))?;
    let mut dirty_paths: Vec<String> =
        statuses.iter().filter_map(|s| here.below(s.path_bytes())).filter(|path| path != FILE_NAME).collect();
    dirty_paths.sort();
    dirty_paths.dedup();
    Ok(Described::Commit(GitState {
        commit: commit.id().to_string(),
        tree: commit.tree_id().to_string(),
        clean: dirty_paths.is_empty(),
        dirty_paths,
    }))
}

/// The patch that turns HEAD's commit into the workspace as it stands, new files included and binary files in
/// full, such that `git apply` accepts it at the repository's root; without `pinfold.lock` and ignored files. The user's
/// settings for prefixes, context and abbreviation do not change its bytes.
pub fn diff_patch(root: &Path) -> Result<Vec<u8>> {
    let here = match Here::open(root)? {
        Opened::Here(here) => here,
        Opened::Unreadable(why) => return Err(Failure::environment(format!("no patch can be made: {why}"))),
    };
    let tree = here.head()?.tree().map_err(|e| here.failure(&e, "read the commit's tree"))?;
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).show_untracked_content(true).show_binary(true);
    options.context_lines(3).interhunk_lines(0).id_abbrev(40).old_prefix("a/").new_prefix("b/").disable_pathspec_match(true);
    if let Some(prefix) = here.pathspec() {
        options.pathspec(prefix);
    }
    let diff = here
        .repository
        .diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options))
        .map_err(|e| here.failure(&e, "compare with the commit"))?;
    let mut out = Vec::new();
    diff.print(DiffFormat::Patch, |delta, _, line| {
        let path = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes());
        if path.and_then(|p| here.below(p)).is_none_or(|p| p == FILE_NAME) {
            return true;
        }
        if matches!(line.origin(), ' ' | '+' | '-') {
            out.push(line.origin() as u8);
        }
        out.extend_from_slice(line.content());
        true
    })
    .map_err(|e| here.failure(&e, "write the patch"))?;
    Ok(out)
}

/// What a commit has at a path below the workspace's root. The bytes are the stored ones: no line-end conversion.
pub fn file_at(root: &Path, commit: &str, path: &str) -> Result<AtCommit> {
    let here = Here::open(root)?.readable()?;
    let Some(commit) = here.find(commit)? else { return Ok(AtCommit::NoCommit) };
    let tree = commit.tree().map_err(|e| here.failure(&e, "read the commit's tree"))?;
    let entry = match tree.get_path(&here.prefix.join(path)) {
        Ok(entry) => entry,
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(AtCommit::NoFile),
        Err(e) => return Err(here.failure(&e, "read the commit's tree")),
    };
    match here.repository.find_blob(entry.id()) {
        Ok(blob) => Ok(AtCommit::File(blob.content().to_vec())),
        Err(e) if e.code() == ErrorCode::NotFound => Ok(AtCommit::NoFile),
        Err(e) => Err(here.failure(&e, "read the file at the commit")),
    }
}

/// The tree of a commit, or `None` when the repository has no such commit.
pub fn tree_of(root: &Path, commit: &str) -> Result<Option<String>> {
    let here = Here::open(root)?.readable()?;
    Ok(here.find(commit)?.map(|c| c.tree_id().to_string()))
}

/// The id of the commit that a revision means (`HEAD~2`, a branch, a tag, the beginning of an id), or `None` when the
/// repository knows no such revision, or it is of something that is no commit.
pub fn revision(root: &Path, text: &str) -> Result<Option<String>> {
    let here = Here::open(root)?.readable()?;
    let found = here.repository.revparse_single(text).and_then(|object| object.peel_to_commit());
    Ok(found.ok().map(|commit| commit.id().to_string()))
}

/// A repository with a work tree, and where the workspace is in it.
struct Here {
    repository: Repository,
    root: PathBuf,
    prefix: PathBuf,
}

enum Opened {
    Here(Here),
    Unreadable(String),
}

impl Opened {
    fn readable(self) -> Result<Here> {
        match self {
            Opened::Here(here) => Ok(here),
            Opened::Unreadable(why) => Err(Failure::environment(format!("the repository cannot be read: {why}"))),
        }
    }
}

impl Here {
    fn open(root: &Path) -> Result<Opened> {
        let shown = root.display().to_string();
        let repository = match Repository::discover(root) {
            Ok(repository) => repository,
            Err(e) if e.code() == ErrorCode::NotFound => {
                return Err(Failure::input("the workspace is not in a git repository")
                    .at(shown)
                    .hint("a lock names the commit that its number came from: `git init`, `git add .`, `git commit`, then lock"));
            }
            Err(e) if e.code() == ErrorCode::Owner => {
                let hint = format!("if you trust it: git config --global --add safe.directory '{shown}'");
                return Err(Failure::environment("the git repository belongs to another user, and git does not read it")
                    .at(shown)
                    .hint(hint));
            }
            Err(e) => return Ok(Opened::Unreadable(format!("libgit2 does not open it ({})", e.message()))),
        };
        let Some(work) = repository.workdir().map(Path::to_owned) else {
            return Err(Failure::input("the git repository is bare: it has no working tree to lock")
                .at(shown)
                .hint("clone it, and work in the clone"));
        };
        let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_owned());
        let inside = || Failure::input("the workspace is inside a repository's .git folder, not in its working tree").at(shown.clone());
        if real(root).starts_with(real(repository.path())) {
            return Err(inside());
        }
        let prefix = real(root).strip_prefix(real(&work)).map(Path::to_owned).map_err(|_| inside())?;
        Ok(Opened::Here(Here { repository, root: root.to_owned(), prefix }))
    }

    fn head(&self) -> Result<git2::Commit<'_>> {
        self.repository.head().and_then(|h| h.peel_to_commit()).map_err(|e| match e.code() {
            ErrorCode::UnbornBranch | ErrorCode::NotFound => Failure::input("the git repository has no commit yet")
                .at(self.root.display().to_string())
                .hint("`git add .` and `git commit`, then lock"),
            _ => self.failure(&e, "read HEAD"),
        })
    }

    /// The commit of this id, when it is there.
    fn find(&self, commit: &str) -> Result<Option<git2::Commit<'_>>> {
        let id = Oid::from_str(commit).map_err(|_| Failure::input(format!("'{commit}' is not a commit id that libgit2 reads")))?;
        match self.repository.find_commit(id) {
            Ok(commit) => Ok(Some(commit)),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(self.failure(&e, "read the commit")),
        }
    }

    fn pathspec(&self) -> Option<&Path> {
        (!self.prefix.as_os_str().is_empty()).then_some(self.prefix.as_path())
    }

    /// A repository path as seen from the workspace's root; `None` outside of it.
    fn below(&self, path: &[u8]) -> Option<String> {
        let path = String::from_utf8_lossy(path);
        let relative = Path::new(path.as_ref()).strip_prefix(&self.prefix).ok()?;
        Some(relative.to_string_lossy().into_owned())
    }

    fn failure(&self, error: &git2::Error, doing: &str) -> Failure {
        Failure::environment(format!("git cannot {doing}: {}", error.message())).at(self.root.display().to_string())
    }
}
