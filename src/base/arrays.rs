//! Numeric files: the safetensors container, for every array that pinfold writes.
//!
//! Layout (<https://github.com/huggingface/safetensors>): eight bytes with the header's length, little-endian; a
//! JSON header; the data. We write names in sorted order, pad the header with spaces so that data starts at a
//! multiple of 64, and carry no metadata but what the caller gives: equal arrays, equal bytes.

use super::digest::Digest;
use super::fail::{Failure, IoContext, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A header longer than this is refused.
const HEADER_LIMIT: u64 = 100 << 20;

/// Element types that pinfold stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unsigned bytes: pixels.
    U8,
    /// Signed 32-bit integers.
    I32,
    /// Signed 64-bit integers.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Kind {
    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Kind::U8 => 1,
            Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
        }
    }
    fn name(self) -> &'static str {
        match self {
            Kind::U8 => "U8",
            Kind::I32 => "I32",
            Kind::I64 => "I64",
            Kind::F32 => "F32",
            Kind::F64 => "F64",
        }
    }
    fn parse(name: &str) -> Option<Self> {
        [Kind::U8, Kind::I32, Kind::I64, Kind::F32, Kind::F64].into_iter().find(|k| k.name() == name)
    }
}

/// Where one array stands in a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Element type.
    pub kind: Kind,
    /// Lengths, outermost first.
    pub shape: Vec<usize>,
    start: usize,
    end: usize,
}

impl Entry {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A numeric file, memory-mapped for reading.
pub struct Arrays {
    path: PathBuf,
    map: super::mapped::Mapped,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

impl Arrays {
    /// Opens and checks a file: header in bounds, shapes equal to their byte ranges, ranges without overlap.
    pub fn open(path: &Path) -> Result<Self> {
        let map = super::mapped::Mapped::open(path)?;
        let (entries, metadata) = parse_header(map.bytes()).map_err(|what| {
            Failure::input(format!("not a sound safetensors file: {what}"))
                .at(path.display().to_string())
                .hint("the file is damaged or of another format; make or fetch it again")
        })?;
        Ok(Self { path: path.to_owned(), map, entries, metadata })
    }

    /// The arrays' names and places, sorted by name.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// Free text that was stored with the arrays.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// One array's place, or an error that names the file and what it holds.
    pub fn entry(&self, name: &str) -> Result<&Entry> {
        self.entries.get(name).ok_or_else(|| {
            let have: Vec<_> = self.entries.keys().take(6).cloned().collect();
            Failure::input(format!("no array named '{name}' (it holds {} arrays: {} …)", self.entries.len(), have.join(", ")))
                .at(self.path.display().to_string())
        })
    }

    /// The raw little-endian bytes of an array, straight from the mapping.
    pub fn raw(&self, name: &str) -> Result<&[u8]> {
        let e = self.entry(name)?;
        Ok(&self.map.bytes()[e.start..e.end])
    }

    /// Bytes of an unsigned-byte array, not copied.
    pub fn u8s(&self, name: &str) -> Result<&[u8]> {
        self.expect(name, Kind::U8)?;
        self.raw(name)
    }

    /// A single-precision array, copied.
    pub fn f32s(&self, name: &str) -> Result<Vec<f32>> {
        self.expect(name, Kind::F32)?;
        Ok(chunks(self.raw(name)?).map(f32::from_le_bytes).collect())
    }

    /// A double-precision array, copied.
    pub fn f64s(&self, name: &str) -> Result<Vec<f64>> {
        self.expect(name, Kind::F64)?;
        Ok(chunks(self.raw(name)?).map(f64::from_le_bytes).collect())
    }

    /// A 64-bit integer array, copied.
    pub fn i64s(&self, name: &str) -> Result<Vec<i64>> {
        self.expect(name, Kind::I64)?;
        Ok(chunks(self.raw(name)?).map(i64::from_le_bytes).collect())
    }

    /// A 32-bit integer array, copied.
    pub fn i32s(&self, name: &str) -> Result<Vec<i32>> {
        self.expect(name, Kind::I32)?;
        Ok(chunks(self.raw(name)?).map(i32::from_le_bytes).collect())
    }

    fn expect(&self, name: &str, kind: Kind) -> Result<()> {
        let found = self.entry(name)?.kind;
        if found == kind {
            return Ok(());
        }
        Err(Failure::input(format!("array '{name}' holds {} where {} is due", found.name(), kind.name()))
            .at(self.path.display().to_string()))
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

type Header = (BTreeMap<String, Entry>, BTreeMap<String, String>);

fn parse_header(bytes: &[u8]) -> std::result::Result<Header, String> {
    let head: [u8; 8] = bytes.get(..8).and_then(|b| b.try_into().ok()).ok_or("shorter than eight bytes")?;
    let length = u64::from_le_bytes(head);
    if length > HEADER_LIMIT || length > bytes.len() as u64 - 8 {
        return Err(format!("header of {length} bytes in a file of {}", bytes.len()));
    }
    let data = 8 + length as usize;
    let value: Value = serde_json::from_slice(&bytes[8..data]).map_err(|e| format!("header is not JSON ({e})"))?;
    let Value::Object(map) = value else { return Err("header is not an object".into()) };
    let (mut entries, mut metadata) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in map {
        if name == "__metadata__" {
            for (k, v) in value.as_object().into_iter().flatten() {
                metadata.insert(k.clone(), v.as_str().unwrap_or_default().to_owned());
            }
            continue;
        }
        let kind = value["dtype"].as_str().unwrap_or_default();
        let kind = Kind::parse(kind).ok_or_else(|| format!("array '{name}' has the unsupported type '{kind}'"))?;
        let numbers = |key: &str| -> Option<Vec<usize>> { value[key].as_array()?.iter().map(|v| v.as_u64().map(|n| n as usize)).collect() };
        let shape = numbers("shape").ok_or_else(|| format!("array '{name}' has no shape"))?;
        let range = numbers("data_offsets").filter(|r| r.len() == 2).ok_or_else(|| format!("array '{name}' has no range"))?;
        let size = shape.iter().try_fold(kind.size(), |a, &b| a.checked_mul(b)).ok_or_else(|| format!("array '{name}' is too large"))?;
        if range[1] < range[0] || range[1] - range[0] != size || range[1] > bytes.len() - data {
            return Err(format!(
                "array '{name}' takes bytes {}..{} where its shape needs {size} of {}",
                range[0],
                range[1],
                bytes.len() - data
            ));
        }
        entries.insert(name, Entry { kind, shape, start: data + range[0], end: data + range[1] });
    }
    let mut ranges: Vec<(usize, usize)> = entries.values().map(|e| (e.start, e.end)).collect();
    ranges.sort_unstable();
    if ranges.windows(2).any(|w| w[1].0 < w[0].1) {
        return Err("arrays overlap".into());
    }
    Ok((entries, metadata))
}

/// A numeric file in the making: all arrays in memory.
#[derive(Default)]
pub struct ArraysWriter {
    arrays: BTreeMap<String, (Kind, Vec<usize>, Vec<u8>)>,
    metadata: BTreeMap<String, String>,
}

impl ArraysWriter {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds text that travels with the arrays.
    pub fn metadata(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }
    /// Adds raw little-endian bytes. Panics when the shape does not fit the bytes: that is our own mistake.
    pub fn raw(&mut self, name: &str, kind: Kind, shape: &[usize], bytes: Vec<u8>) -> &mut Self {
        assert_eq!(shape.iter().product::<usize>() * kind.size(), bytes.len(), "shape of '{name}'");
        self.arrays.insert(name.to_owned(), (kind, shape.to_vec(), bytes));
        self
    }
    /// Adds single-precision numbers.
    pub fn f32s(&mut self, name: &str, shape: &[usize], data: &[f32]) -> &mut Self {
        self.raw(name, Kind::F32, shape, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
    /// Adds double-precision numbers.
    pub fn f64s(&mut self, name: &str, shape: &[usize], data: &[f64]) -> &mut Self {
        self.raw(name, Kind::F64, shape, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
    /// Adds 64-bit integers.
    pub fn i64s(&mut self, name: &str, shape: &[usize], data: &[i64]) -> &mut Self {
        self.raw(name, Kind::I64, shape, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
    /// Adds 32-bit integers.
    pub fn i32s(&mut self, name: &str, shape: &[usize], data: &[i32]) -> &mut Self {
        self.raw(name, Kind::I32, shape, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }
    /// Adds bytes.
    pub fn u8s(&mut self, name: &str, shape: &[usize], data: Vec<u8>) -> &mut Self {
        self.raw(name, Kind::U8, shape, data)
    }
    /// The whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sizes = self.arrays.iter().map(|(n, (k, s, _))| (n.as_str(), *k, s.as_slice()));
        let mut out = header(sizes, &self.metadata);
        self.arrays.values().for_each(|(_, _, bytes)| out.extend_from_slice(bytes));
        out
    }
    /// Writes the file atomically and returns its digest.
    pub fn write(&self, path: &Path) -> Result<Digest> {
        let bytes = self.to_bytes();
        super::atomic::write(path, &bytes)?;
        Ok(Digest::of(&bytes))
    }
}

fn header<'a>(arrays: impl Iterator<Item = (&'a str, Kind, &'a [usize])>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut map = Map::new();
    if !metadata.is_empty() {
        map.insert("__metadata__".into(), json!(metadata));
    }
    let mut at = 0usize;
    for (name, kind, shape) in arrays {
        let end = at + shape.iter().product::<usize>() * kind.size();
        map.insert(name.to_owned(), json!({"dtype": kind.name(), "shape": shape, "data_offsets": [at, end]}));
        at = end;
    }
    let mut text = Value::Object(map).to_string().into_bytes();
    while !(8 + text.len()).is_multiple_of(64) {
        text.push(b' ');
    }
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text);
    out
}

/// A file with one byte array that is too large to hold in memory: rows are appended as they are made.
pub struct ByteRows {
    path: PathBuf,
    file: std::io::BufWriter<std::fs::File>,
    left: usize,
    row: usize,
    head: u64,
}

impl ByteRows {
    /// Starts a file whose only array, `name`, is `rows` x `row_shape` bytes.
    pub fn create(path: &Path, name: &str, rows: usize, row_shape: &[usize]) -> Result<Self> {
        let mut shape = vec![rows];
        shape.extend_from_slice(row_shape);
        let head = header(std::iter::once((name, Kind::U8, shape.as_slice())), &BTreeMap::new());
        let file = std::fs::File::create(path).doing("write", path)?;
        let mut file = std::io::BufWriter::with_capacity(1 << 20, file);
        file.write_all(&head).doing("write", path)?;
        Ok(Self { path: path.to_owned(), file, left: rows, row: row_shape.iter().product(), head: head.len() as u64 })
    }
    /// Appends one row.
    pub fn push(&mut self, row: &[u8]) -> Result<()> {
        assert!(row.len() == self.row && self.left > 0, "row of the declared size");
        self.left -= 1;
        self.file.write_all(row).doing("write", &self.path)
    }
    /// Writes one row at its place, for rows that come in any order. Each place is due once; not to be mixed with
    /// [`ByteRows::push`].
    pub fn put(&mut self, at: usize, row: &[u8]) -> Result<()> {
        use std::os::unix::fs::FileExt;
        assert!(row.len() == self.row && self.left > 0, "row of the declared size");
        self.left -= 1;
        self.file.flush().doing("write", &self.path)?;
        self.file.get_ref().write_all_at(row, self.head + (at * self.row) as u64).doing("write", &self.path)
    }
    /// Ends the file; every row must have come.
    pub fn finish(mut self) -> Result<()> {
        assert_eq!(self.left, 0, "all rows written");
        self.file.flush().doing("write", &self.path)?;
        self.file.get_ref().sync_all().doing("write", &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads_back() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("a.safetensors");
        let mut w = ArraysWriter::new();
        w.f32s("b", &[2, 2], &[1.0, -0.0, f32::NAN, 4.5]).i64s("a", &[3], &[1, -2, i64::MAX]).u8s("c", &[0], vec![]).metadata("k", "v");
        w.write(&path).expect("write");
        let r = Arrays::open(&path).expect("open");
        assert_eq!(r.i64s("a").expect("a"), [1, -2, i64::MAX]);
        assert_eq!(
            r.f32s("b").expect("b").iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            [1.0f32, -0.0, f32::NAN, 4.5].map(f32::to_bits)
        );
        assert_eq!(r.metadata()["k"], "v");
        assert!(r.f32s("a").is_err() && r.raw("zz").is_err());
        assert!(r.entry("c").expect("c").is_empty());
    }

    #[test]
    fn every_cut_is_refused_or_whole() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("a.safetensors");
        let mut w = ArraysWriter::new();
        w.f32s("x", &[4], &[1.0, 2.0, 3.0, 4.0]);
        let bytes = w.to_bytes();
        for cut in 1..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).expect("write");
            assert!(Arrays::open(&path).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn rows_make_the_same_file_as_memory() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("rows.safetensors");
        let mut rows = ByteRows::create(&path, "patches", 2, &[1, 3]).expect("create");
        rows.push(&[1, 2, 3]).expect("row");
        rows.push(&[4, 5, 6]).expect("row");
        rows.finish().expect("finish");
        let mut w = ArraysWriter::new();
        w.u8s("patches", &[2, 1, 3], vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(std::fs::read(&path).expect("read"), w.to_bytes());
        let mut rows = ByteRows::create(&path, "patches", 2, &[1, 3]).expect("create");
        rows.put(1, &[4, 5, 6]).expect("row");
        rows.put(0, &[1, 2, 3]).expect("row");
        rows.finish().expect("finish");
        assert_eq!(std::fs::read(&path).expect("read"), w.to_bytes());
    }
}
