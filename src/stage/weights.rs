//! A weight file below `weights/`, and what a protocol pins of it.

use crate::base::arrays::Arrays;
use crate::base::{Digest, Failure, Result};
use crate::protocol::check;
use std::path::{Path, PathBuf};

/// Where the named weights lie; nothing for `"random"`.
pub(super) fn path(folder: &Path, name: &str) -> Option<PathBuf> {
    (name != "random").then(|| folder.join(name))
}

/// A weight file and what the protocol says of it.
pub(super) struct Pinned<'a> {
    /// The file; none for drawn weights.
    pub path: Option<&'a Path>,
    /// Its name in the protocol.
    pub name: &'a str,
    /// The digest that the protocol pins.
    pub sha256: Option<Digest>,
}

impl Pinned<'_> {
    /// The digest that belongs into a key: the pinned one, else the file's own, so that the key names what really worked.
    pub fn digest(&self) -> Option<Digest> {
        let path = self.path?;
        self.sha256.or_else(|| Digest::of_file(path).ok())
    }

    /// A weight file must be the one that the protocol pins.
    pub fn check(&self) -> Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        let found =
            Digest::of_file(path).map_err(|e| e.hint("pinned weights are looked for below weights/; docs/protocol.md says more"))?;
        if let (None, Some(digits)) = (self.sha256, check::source_digits(self.name)) {
            let arrays = Arrays::open(path)?;
            if !arrays.metadata().get("source_sha256").is_some_and(|made_from| made_from.starts_with(digits)) {
                let what = format!("the weight file was not imported from the published file whose SHA-256 begins with {digits}");
                return Err(Failure::input(what).at(path.display().to_string()).hint("pinfold weights import FILE.pth makes it"));
            }
        }
        match self.sha256 {
            Some(due) if due != found => Err(Failure::input(format!(
                "the weight file is not the one that the protocol pins: digest {} where {} is due",
                found.short(),
                due.short()
            ))
            .at(path.display().to_string())),
            _ => Ok(()),
        }
    }
}
