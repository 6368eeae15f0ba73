//! Putting one entry into a lock.

use super::model::Entry;
use super::{read, source, write};
use crate::base::{Failure, IoContext, Result, atomic};
use std::path::Path;

/// Puts an entry into the lock at `path`, in the place of the one of the same name or where its name sorts. The
/// bytes of all other entries stay as they are, edited or not: an audit still finds what somebody did to
/// them. The file is replaced as a whole or not at all, and left alone when nothing changed; one that is not there is made.
///
/// Two pinfolds that lock at the same time wait for each other (an advisory lock on the folder, where the
/// file system has such locks). A newer or malformed lock is refused and stays.
pub fn merge_entry(path: &Path, entry: &Entry) -> Result<()> {
    let fresh = write::encode_entry(entry)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let guard = std::fs::File::open(folder).doing("open the folder", folder)?;
    // A file system without locks must not keep anybody from locking a result; the replacement is atomic anyway.
    let _ = rustix::fs::flock(&guard, rustix::fs::FlockOperation::LockExclusive);
    let old = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return atomic::write(path, (write::header() + "\n" + &fresh).as_bytes()),
        Err(e) => return Err(Failure::io(&e, "read the lock", path)),
    };
    let shown = path.display().to_string();
    let lock = read::parse(&old, &shown)?;
    // parse() has seen that it is UTF-8.
    let text = String::from_utf8_lossy(&old);
    let starts = source::entry_starts(&text);
    if starts.len() != lock.entries.len() {
        return Err(Failure::input("the lock's entries are not where they seem to be, so one cannot be replaced")
            .at(shown)
            .hint("it was edited by hand; bring it back with `git checkout -- pinfold.lock`, or move it away and lock again"));
    }
    let mut sections: Vec<(&str, &str)> = Vec::with_capacity(starts.len() + 1);
    for (i, (&start, old)) in starts.iter().zip(&lock.entries).enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(text.len());
        sections.push((&old.protocol, text[start..end].trim_end_matches('\n')));
    }
    let fresh = fresh.trim_end_matches('\n');
    match sections.iter().position(|(name, _)| *name == entry.protocol) {
        Some(at) => sections[at].1 = fresh,
        None => {
            let at = sections.iter().position(|(name, _)| *name > entry.protocol.as_str()).unwrap_or(sections.len());
            sections.insert(at, (&entry.protocol, fresh));
        }
    }
    let head = text[..starts.first().copied().unwrap_or(text.len())].trim_end_matches('\n');
    let mut out = head.to_owned();
    for (_, section) in sections {
        out.push_str("\n\n");
        out.push_str(section);
    }
    out.push('\n');
    atomic::write(path, out.as_bytes())
}
