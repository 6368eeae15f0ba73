//! SHA-256 digests of bytes, files and folders.

use super::fail::{Failure, IoContext, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::fmt;
use std::io::Read;
use std::path::Path;

/// A SHA-256 digest; shown and stored as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of a file, read in pieces of 1 MiB.
    pub fn of_file(path: &Path) -> Result<Self> {
        Self::of_file_sized(path).map(|(digest, _)| digest)
    }

    /// The digest of a file and the number of bytes that went into it.
    pub fn of_file_sized(path: &Path) -> Result<(Self, u64)> {
        let mut file = std::fs::File::open(path).doing("read", path)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0u8; 1 << 20];
        let mut size = 0u64;
        loop {
            let n = file.read(&mut buffer).doing("read", path)?;
            if n == 0 {
                return Ok((hasher.finish(), size));
            }
            hasher.update(&buffer[..n]);
            size += n as u64;
        }
    }

    /// The digest of a set of files, known by their relative paths: SHA-256 of the sorted `sha256sum` listing
    /// (`<hex>  <path>\n`, sorted by path bytes), so that `find`, `sort` and `sha256sum` give the same.
    pub fn of_listing<'a>(files: impl IntoIterator<Item = (&'a str, Digest)>) -> Self {
        let mut rows: Vec<_> = files.into_iter().collect();
        rows.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let listing: String = rows.iter().map(|(path, digest)| format!("{digest}  {path}\n")).collect();
        Self::of(listing.as_bytes())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || Failure::input(format!("'{text}' is not a SHA-256 digest (64 hexadecimal digits)"));
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut out = [0u8; 32];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(out))
    }

    /// The raw 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first twelve digits, for people; never for comparing.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(|e| serde::de::Error::custom(e.what))
    }
}

/// A digest in the making.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    /// Ends it.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value_round_trips() {
        let d = Digest::of(b"abc");
        assert_eq!(d.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(Digest::parse(&d.to_string()).expect("hex"), d);
        assert!(Digest::parse("xyz").is_err());
        assert!(Digest::parse(&"é".repeat(32)).is_err());
        assert!(Digest::parse(&"+a".repeat(32)).is_err(), "a sign is no digit");
    }

    #[test]
    fn listing_is_what_sha256sum_would_print() {
        let (a, b) = (Digest::of(b"1"), Digest::of(b"2"));
        let expected = Digest::of(format!("{a}  a/x\n{b}  b\n").as_bytes());
        assert_eq!(Digest::of_listing([("b", b), ("a/x", a)]), expected);
    }
}
