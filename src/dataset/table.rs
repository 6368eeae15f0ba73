//! Text tables from outside: reading, decompressing, splitting into lines, and numbers in cells.

use super::sniff::{Format, lfs_size, sniff};
use crate::base::text::bytes as in_bytes;
use crate::base::{Digest, Failure, IoContext, Result};
use std::io::Read;
use std::path::Path;

/// More decompressed text than this is refused.
const TEXT_LIMIT: u64 = 1 << 30;

/// Reads a whole file. A folder, an empty file (G02) and a pointer in place of data (G09) are refused;
/// `shown` is the name used in messages.
pub fn read(path: &Path, shown: &str) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(Failure::input("a folder stands where a file is due (G05)").at(shown));
    }
    let bytes = std::fs::read(path).doing("read", path).map_err(|mut e| {
        e.place = Some(shown.to_owned());
        e
    })?;
    match sniff(&bytes) {
        Format::Empty => {
            Err(Failure::input("empty file: 0 bytes (G02)").at(shown).hint("fetch it again; a download that failed leaves such files"))
        }
        Format::LfsPointer => {
            let size = lfs_size(&bytes).map_or_else(String::new, |n| format!(" that promises {}", in_bytes(n)));
            Err(Failure::input(format!("a Git LFS pointer{size} stands where data are due (G09)"))
                .at(shown)
                .hint("run 'git lfs pull' in that repository, or download the file itself"))
        }
        Format::AnnexPointer => Err(Failure::input("a git-annex pointer stands where data are due (G09)")
            .at(shown)
            .hint("run 'git annex get' on it, or download the file itself")),
        _ => Ok(bytes),
    }
}

/// A file that was read, with what goes into the record of it.
pub struct Loaded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub sha256: Digest,
}

/// Reads a file once, so that what is parsed is what was hashed.
pub fn load(path: &Path, shown: &str) -> Result<Loaded> {
    let bytes = read(path, shown)?;
    Ok(Loaded { sha256: Digest::of(&bytes), bytes })
}

/// An error that says which format was found where another was due (G05).
pub fn wrong_format(found: Format, due: &str, shown: &str) -> Failure {
    Failure::input(format!("the file is {} where {due} is due (G05)", found.name()))
        .at(shown)
        .hint("fetch the file again and compare its size")
}

/// Decompresses gzip of one or more members.
pub fn gunzip(bytes: &[u8], shown: &str) -> Result<Vec<u8>> {
    match sniff(bytes) {
        Format::Gzip => {}
        other => return Err(wrong_format(other, "gzip", shown)),
    }
    let mut out = Vec::with_capacity(bytes.len() * 8);
    let result = flate2::bufread::MultiGzDecoder::new(bytes).take(TEXT_LIMIT + 1).read_to_end(&mut out);
    let (read, size) = (out.len(), bytes.len());
    let again = "fetch the file again; 'gzip -t' tells whether it is whole";
    result.map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Failure::input(format!("truncated gzip: the file ends at byte {size}, inside its data, after {read} bytes of text (G03)"))
                .at(shown)
                .hint(again)
        }
        _ => Failure::input(format!("damaged gzip after {read} bytes of text: {e} (G04)")).at(shown).hint(again),
    })?;
    if out.len() as u64 > TEXT_LIMIT {
        return Err(Failure::input(format!("more than {} after decompression", in_bytes(TEXT_LIMIT)))
            .at(shown)
            .hint("this is not a section's table"));
    }
    match sniff(&out) {
        Format::Text => Ok(out),
        other => Err(wrong_format(other, "a TAB-separated table inside gzip", shown)),
    }
}

/// UTF-8 text without its byte order mark (G06).
pub fn utf8<'a>(bytes: &'a [u8], shown: &str) -> Result<&'a str> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Failure::input(format!("not UTF-8 text: byte {} cannot be read (G06)", e.valid_up_to()))
            .at(shown)
            .hint("save the table as UTF-8, or fetch it again")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Lines, ended by LF, CRLF or a lone CR; an empty last line is none.
pub fn lines(text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = if !text.contains('\r') {
        text.split('\n').collect()
    } else if text.contains('\n') {
        text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect()
    } else {
        text.split('\r').collect()
    };
    while out.last().is_some_and(|l| l.is_empty()) {
        out.pop();
    }
    out
}

/// `file:line` and the column by name.
pub fn place(shown: &str, line: usize, column: &str) -> String {
    format!("{shown}:{line}, column '{column}'")
}

/// A finite number. The text must be a plain decimal: no `NA`, no comma, no blank (G12, G13).
pub fn number(cell: &str, at: impl Fn() -> String) -> Result<f64> {
    let plain = cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    match cell.parse::<f64>() {
        Ok(v) if v.is_finite() && plain => Ok(v),
        Ok(_) => {
            Err(Failure::input(format!("'{cell}' is not a finite number (G13)")).at(at()).hint("correct or remove this row in the source"))
        }
        Err(_) => Err(Failure::input(format!("'{cell}' stands where a number is due (G12)")).at(at()).hint(match cell {
            "" => "the cell is empty; is a column missing?",
            c if c.contains(',') => "write numbers with a decimal point and without separators",
            _ => "correct this cell in the source",
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(text).expect("write");
        e.finish().expect("finish")
    }

    #[test]
    fn every_cut_of_a_gzip_is_refused() {
        let whole = gz(b"\tA\tB\n1x1\t3\t4\n");
        assert_eq!(gunzip(&whole, "f").expect("whole"), b"\tA\tB\n1x1\t3\t4\n");
        for cut in 2..whole.len() {
            let e = gunzip(&whole[..cut], "f").expect_err("cut");
            assert!(e.what.contains("G03"), "cut at {cut}: {e}");
        }
        let mut two = whole.clone();
        two.extend(gz(b"1x2\t5\t6\n"));
        assert_eq!(gunzip(&two, "f").expect("members").len(), 13 + 8);
    }

    #[test]
    fn damage_and_disguise_are_named() {
        let mut bad = gz(b"\tA\n1x1\t3\n");
        let at = bad.len() - 6;
        bad[at] ^= 1;
        assert!(gunzip(&bad, "f").expect_err("crc").what.contains("G04"));
        assert!(gunzip(&gz(&gz(b"x")), "f").expect_err("double").what.contains("gzip where a TAB"));
        assert!(gunzip(b"<html>404</html>", "f").expect_err("html").what.contains("download error page"));
        assert!(gunzip(&[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "f").expect_err("7z").what.contains("README"));
    }

    #[test]
    fn lines_of_every_kind() {
        for text in ["a\tb\n1\t2\n", "a\tb\r\n1\t2\r\n", "a\tb\r1\t2\r", "a\tb\n1\t2"] {
            assert_eq!(lines(text), ["a\tb", "1\t2"]);
        }
        assert_eq!(utf8(b"\xef\xbb\xbfx\n", "f").expect("bom"), "x\n");
        assert!(utf8(b"ab\xff", "f").expect_err("bytes").what.contains("byte 2"));
    }

    #[test]
    fn numbers_are_strict() {
        let n = |c: &str| number(c, || "here".into());
        assert_eq!((n("2545.13").expect("n"), n("-1e3").expect("n")), (2545.13, -1000.0));
        for (cell, code) in
            [("NaN", "G13"), ("inf", "G13"), ("1e999", "G13"), ("", "G12"), ("NA", "G12"), ("1e", "G12"), ("1,5", "G12"), (" 1", "G12")]
        {
            assert!(n(cell).expect_err(cell).what.contains(code), "{cell}");
        }
    }
}
