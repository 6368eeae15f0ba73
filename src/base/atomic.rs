//! Files that are there whole or not at all.

use super::fail::{Failure, IoContext, Result};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes `bytes` to `path`: a temporary file in the same folder, synced, renamed over the target. A file that
/// already holds these bytes is left alone. The mode follows the umask (a temporary file alone would be 0600,
/// and a group on a shared disk could not read it).
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = parent(path)?;
    fs::create_dir_all(folder).doing("make the folder", folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".pinfold-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666 & !umask()))
        .tempfile_in(folder)
        .doing("write", path)?;
    file.write_all(bytes).doing("write", path)?;
    file.as_file().sync_all().doing("write", path)?;
    file.persist(path).map_err(|e| Failure::io(&e.error, "write", path))?;
    sync_folder(folder)
}

/// Makes a rename inside `folder` durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder).and_then(|f| f.sync_all()).doing("sync the folder", folder)
}

fn parent(path: &Path) -> Result<&Path> {
    match path.parent() {
        Some(p) if p.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(p) => Ok(p),
        None => Err(Failure::input("not a file path").at(path.display().to_string())),
    }
}

/// The process's umask, read from `/proc` (setting it to read it would race with other threads).
fn umask() -> u32 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|s| s.lines().find_map(|l| l.strip_prefix("Umask:").map(|v| v.trim().to_owned())))
        .and_then(|v| u32::from_str_radix(&v, 8).ok())
        .unwrap_or(0o022)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_no_scraps() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("sub/x.txt");
        write(&path, b"one").expect("write");
        write(&path, b"two").expect("write");
        assert_eq!(fs::read(&path).expect("read"), b"two");
        assert_eq!(fs::read_dir(path.parent().expect("parent")).expect("list").count(), 1);
    }
}
