//! What a file is, told by its content and never by its name.

/// Formats that turn up where data are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// gzip, also bgzip.
    Gzip,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// TIFF or BigTIFF.
    Tiff,
    /// HDF5.
    Hdf5,
    /// A zip archive.
    Zip,
    /// A 7z archive.
    SevenZip,
    /// Parquet.
    Parquet,
    /// NumPy's array file.
    Npy,
    /// A web page, most often an error page saved under the data's name.
    Html,
    /// JSON, most often a server's error message.
    Json,
    /// A Git LFS pointer.
    LfsPointer,
    /// A git-annex pointer.
    AnnexPointer,
    /// UTF-8 text of no known kind.
    Text,
    /// Anything else.
    Unknown,
}

impl Format {
    /// A name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::Empty => "an empty file",
            Format::Gzip => "gzip",
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Tiff => "TIFF",
            Format::Hdf5 => "HDF5",
            Format::Zip => "a zip archive",
            Format::SevenZip => {
                "a 7z archive (the Zenodo copy of her2st is encrypted 7z: unpack it with the key in the repository's README)"
            }
            Format::Parquet => "Parquet",
            Format::Npy => "a NumPy array",
            Format::Html => "a web page (it looks like a download error page)",
            Format::Json => "JSON (it looks like a server's error message)",
            Format::LfsPointer => "a Git LFS pointer",
            Format::AnnexPointer => "a git-annex pointer",
            Format::Text => "plain text",
            Format::Unknown => "of an unknown format",
        }
    }
}

/// Tells a format by the first bytes.
pub fn sniff(bytes: &[u8]) -> Format {
    const MAGIC: [(&[u8], Format); 13] = [
        (&[0x1f, 0x8b], Format::Gzip),
        (&[0xff, 0xd8, 0xff], Format::Jpeg),
        (&[0x89, b'P', b'N', b'G'], Format::Png),
        (&[0x49, 0x49, 0x2a, 0x00], Format::Tiff),
        (&[0x4d, 0x4d, 0x00, 0x2a], Format::Tiff),
        (&[0x49, 0x49, 0x2b, 0x00], Format::Tiff),
        (&[0x4d, 0x4d, 0x00, 0x2b], Format::Tiff),
        (&[0x89, b'H', b'D', b'F', 0x0d, 0x0a, 0x1a, 0x0a], Format::Hdf5),
        (&[0x50, 0x4b, 0x03, 0x04], Format::Zip),
        (&[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], Format::SevenZip),
        (b"PAR1", Format::Parquet),
        (b"\x93NUMPY", Format::Npy),
        (b"version https://git-lfs", Format::LfsPointer),
    ];
    if bytes.is_empty() {
        return Format::Empty;
    }
    if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return *format;
    }
    let head = &bytes[..bytes.len().min(512)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character cut by the 512-byte window is still text.
        Err(e) if e.valid_up_to() + 4 > head.len() && bytes.len() > head.len() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return Format::Unknown,
    };
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let lower = start.get(..start.len().min(15)).unwrap_or(start).to_ascii_lowercase();
    if lower.starts_with("<!doctype") || lower.starts_with("<html") {
        Format::Html
    } else if text.contains("/annex/objects/") {
        Format::AnnexPointer
    } else if start.starts_with(['{', '[']) {
        Format::Json
    } else if text.contains('\0') {
        Format::Unknown
    } else {
        Format::Text
    }
}

/// The size that a Git LFS pointer promises.
pub fn lfs_size(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.lines().find_map(|l| l.strip_prefix("size "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_formats_apart() {
        let cases: [(&[u8], Format); 9] = [
            (b"", Format::Empty),
            (b"\x1f\x8b\x08", Format::Gzip),
            (b"\xff\xd8\xff\xe0", Format::Jpeg),
            (b"\n <!DOCTYPE html>", Format::Html),
            (b"{\"error\":1}", Format::Json),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 821408\n", Format::LfsPointer),
            (b"../.git/annex/objects/a/b", Format::AnnexPointer),
            (b"\tA\tB\n", Format::Text),
            (b"\xfe\xfe\x00", Format::Unknown),
        ];
        for (bytes, format) in cases {
            assert_eq!(sniff(bytes), format);
        }
        assert_eq!(lfs_size(cases[5].0), Some(821_408));
        let long = format!("{}é tail", "a".repeat(511));
        assert_eq!(sniff(long.as_bytes()), Format::Text);
    }
}
