//! What the lock sees of a git repository.

mod audit_world;

use audit_world::*;
use pinfold::base::Exit;
use pinfold::lock::{AtCommit, Described, GitState, describe, diff_patch, file_at, git};
use std::path::Path;

fn state(root: &Path) -> GitState {
    match describe(root).expect("describes") {
        Described::Commit(state) => state,
        Described::Unrecorded { why } => panic!("{why}"),
    }
}

#[test]
fn a_clean_workspace_stays_clean_when_it_is_locked() {
    let world = World::new();
    assert!(world.lockfile().exists());
    let clean = state(&world.root);
    assert!(clean.clean && clean.dirty_paths.is_empty(), "{clean:?}");
    assert_eq!((clean.commit.len(), clean.tree.len()), (40, 40));
    assert_eq!(git::tree_of(&world.root, &clean.commit).expect("reads"), Some(clean.tree));
    assert!(diff_patch(&world.root).expect("patch").is_empty());
}

#[test]
fn everything_that_differs_is_listed_in_order() {
    let world = World::unlocked();
    put(&world.root.join("kept.txt"), "one");
    put(&world.root.join("gone.txt"), "two");
    commit_all(&world.root, "more");
    put(&world.root.join("protocols/demo.toml"), "changed");
    std::fs::remove_file(world.root.join("gone.txt")).expect("remove");
    put(&world.root.join("new/deep/file ü.txt"), "new");
    put(&world.root.join("artifacts/ignored.bin"), "x");
    put(&world.lockfile(), "version = 1\n");
    put(&world.root.join("staged.txt"), "staged");
    let repository = git2::Repository::open(&world.root).expect("open");
    let mut index = repository.index().expect("index");
    index.add_path(Path::new("staged.txt")).expect("add");
    index.write().expect("write");
    let dirty = state(&world.root);
    assert!(!dirty.clean);
    assert_eq!(dirty.dirty_paths, ["gone.txt", "new/deep/file ü.txt", "protocols/demo.toml", "staged.txt"]);
}

#[test]
fn the_patch_makes_the_same_tree_again() {
    let world = World::unlocked();
    put(&world.root.join("gone.txt"), "two\n");
    put(&world.root.join("picture.bin"), [0u8, 1, 2, 255, 0, 10]);
    commit_all(&world.root, "more");
    let copy = world.dir.path().join("copy");
    git2::Repository::clone(world.root.to_str().expect("text"), &copy).expect("clones");
    put(&world.root.join("protocols/demo.toml"), format!("{PROTOCOL}# no line feed at the end"));
    std::fs::remove_file(world.root.join("gone.txt")).expect("remove");
    put(&world.root.join("new/file.txt"), "new\n");
    put(&world.root.join("picture.bin"), [9u8, 0, 2, 255, 0, 10, 11]);
    put(&world.lockfile(), "version = 1\n");
    let patch = diff_patch(&world.root).expect("patch");
    assert_eq!(patch, diff_patch(&world.root).expect("again"));
    let text = String::from_utf8_lossy(&patch);
    assert!(text.contains("new/file.txt") && text.contains("GIT binary patch") && !text.contains("pinfold.lock"), "{text}");
    let there = git2::Repository::open(&copy).expect("open");
    there.apply(&git2::Diff::from_buffer(&patch).expect("parses"), git2::ApplyLocation::WorkDir, None).expect("applies");
    std::fs::remove_file(world.lockfile()).expect("remove");
    let files = |root: &Path| files_below(root).into_iter().map(|f| (std::fs::read(root.join(&f)).expect("read"), f)).collect::<Vec<_>>();
    let made: Vec<_> = files(&world.root).into_iter().filter(|(_, f)| !f.starts_with("weights/")).collect();
    assert_eq!(made, files(&copy));
    // The user's own diff settings do not change its bytes.
    let mut config = git2::Repository::open(&world.root).expect("open").config().expect("config");
    config.set_bool("diff.noprefix", true).expect("set");
    config.set_i32("diff.context", 9).expect("set");
    config.set_i32("core.abbrev", 5).expect("set");
    assert_eq!(String::from_utf8_lossy(&diff_patch(&world.root).expect("patch")), text);
}

#[test]
fn a_workspace_below_the_repository_is_judged_by_itself() {
    let dir = tempfile::tempdir().expect("tempdir");
    git2::Repository::init(dir.path()).expect("init");
    let root = dir.path().join("study [1]");
    put(&root.join("protocols/demo.toml"), PROTOCOL);
    put(&dir.path().join("other/notes.txt"), "a");
    let commit = commit_all(dir.path(), "all");
    put(&dir.path().join("other/notes.txt"), "b");
    put(&dir.path().join("study 1/x"), "the brackets are no pattern");
    put(&root.join("pinfold.lock"), "version = 1\n");
    assert!(state(&root).clean, "{:?}", state(&root));
    put(&root.join("sub/pinfold.lock"), "another file of that name is no lock");
    assert_eq!(state(&root).dirty_paths, ["sub/pinfold.lock"]);
    assert_eq!(file_at(&root, &commit, "protocols/demo.toml").expect("reads"), AtCommit::File(PROTOCOL.into()));
}

#[test]
fn files_at_a_commit() {
    let world = World::unlocked();
    let first = state(&world.root).commit;
    put(&world.root.join("protocols/demo.toml"), "second");
    commit_all(&world.root, "second");
    let at = |commit: &str, path: &str| file_at(&world.root, commit, path).expect("reads");
    assert_eq!(at(&first, "protocols/demo.toml"), AtCommit::File(PROTOCOL.into()));
    assert_eq!(at(&state(&world.root).commit, "protocols/demo.toml"), AtCommit::File("second".into()));
    assert_eq!(at(&first, "nope.toml"), AtCommit::NoFile);
    assert_eq!(at(&first, "protocols"), AtCommit::NoFile);
    assert_eq!(at(&"0".repeat(40), "protocols/demo.toml"), AtCommit::NoCommit);
    assert!(file_at(&world.root, "HEAD", "x").is_err());
}

#[test]
fn repositories_that_have_no_commit_to_name() {
    let dir = tempfile::tempdir().expect("tempdir");
    let none = dir.path().join("none");
    std::fs::create_dir(&none).expect("folder");
    let failure = describe(&none).expect_err("no repository");
    assert!(failure.exit == Exit::BadInput && failure.what.contains("not in a git repository") && failure.hint.is_some(), "{failure}");

    let unborn = dir.path().join("unborn");
    git2::Repository::init(&unborn).expect("init");
    let failure = describe(&unborn).expect_err("no commit");
    assert!(failure.exit == Exit::BadInput && failure.what.contains("no commit yet"), "{failure}");

    let bare = dir.path().join("bare");
    git2::Repository::init_bare(&bare).expect("init");
    let failure = describe(&bare).expect_err("bare");
    assert!(failure.exit == Exit::BadInput && failure.what.contains("bare"), "{failure}");

    let world = World::unlocked();
    assert!(describe(&world.root.join(".git")).is_err());
}

#[test]
fn an_unknown_kind_of_repository_records_no_commit() {
    for (key, value) in [("extensions.refstorage", "reftable"), ("extensions.novelty", "true"), ("extensions.objectformat", "sha512")] {
        let world = World::unlocked();
        let mut config = git2::Config::open(&world.root.join(".git/config")).expect("config");
        config.set_i32("core.repositoryformatversion", 1).expect("set");
        config.set_str(key, value).expect("set");
        match describe(&world.root).expect("no error") {
            Described::Unrecorded { why } => assert!(why.starts_with("libgit2 does not open it"), "{why}"),
            Described::Commit(_) => panic!("{key} was not noticed"),
        }
        assert!(diff_patch(&world.root).is_err() && git::tree_of(&world.root, &"0".repeat(40)).is_err());
    }
}

#[test]
fn a_linked_work_tree_is_a_workspace_too() {
    let world = World::unlocked();
    let tree = world.dir.path().join("tree");
    git2::Repository::open(&world.root).expect("open").worktree("tree", &tree, None).expect("adds");
    let there = state(&tree);
    assert!(there.clean && there.commit == state(&world.root).commit);
    put(&tree.join("new.txt"), "new");
    assert_eq!(state(&tree).dirty_paths, ["new.txt"]);
    assert!(state(&world.root).clean);
}

#[test]
fn somebody_elses_repository_needs_the_users_word() {
    let world = World::unlocked();
    // Only root can give files away.
    let given = std::os::unix::fs::chown(world.root.join(".git"), Some(54_321), None)
        .and_then(|()| std::os::unix::fs::chown(&world.root, Some(54_321), None));
    if given.is_err() {
        return println!("skipped: only root can make a repository of another user");
    }
    match describe(&world.root) {
        Err(failure) => {
            assert_eq!(failure.exit, Exit::Environment, "{failure}");
            assert!(failure.hint.as_deref().is_some_and(|h| h.contains("safe.directory")), "{failure}");
        }
        Ok(_) => println!("skipped: this user's git settings trust every repository"),
    }
}
