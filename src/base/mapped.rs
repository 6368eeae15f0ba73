//! The one place where a file is memory-mapped.

use super::fail::{Failure, IoContext, Result};
use std::path::Path;

/// A read-only mapping of a whole file.
///
/// Files of the store are never written again once they are there, which is what makes a mapping sound; a file
/// that somebody truncates while we read it ends the process, and the run resumes from its last checkpoint.
pub struct Mapped {
    map: Option<memmap2::Mmap>,
}

impl Mapped {
    /// Maps a file. An empty file gives empty bytes.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).doing("read", path)?;
        let meta = file.metadata().doing("read", path)?;
        if meta.is_dir() {
            return Err(Failure::input("a folder stands where a file is due").at(path.display().to_string()));
        }
        if meta.len() == 0 {
            return Ok(Self { map: None });
        }
        // SAFETY: the mapping is read-only and private; see the type's documentation for concurrent changes.
        #[expect(unsafe_code, reason = "mapping a file is unsafe by nature; this is the only place")]
        let map = unsafe { memmap2::Mmap::map(&file) }.doing("map", path)?;
        Ok(Self { map: Some(map) })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}
