//! HDF5, behind a small trait: the only file that names the crate which reads it, so that another can take its place.

use crate::base::{Failure, Result};
use hdf5_reader::{ByteOrder, CompoundField, Dataset, Datatype, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem};

/// More bytes of one array than this are refused.
const ARRAY_LIMIT: usize = 8 << 30;

/// What pinfold asks of an HDF5 file.
pub trait Hdf5Source {
    /// Names of the groups and of the arrays directly below a group (`/` for the root), each sorted.
    fn members(&self, group: &str) -> Result<(Vec<String>, Vec<String>)>;
    /// The shape of an array.
    fn shape(&self, path: &str) -> Result<Vec<u64>>;
    /// A whole array of integers of any width, or of floats that are whole numbers (G18 for others, G19 beyond 2^53).
    fn integers(&self, path: &str) -> Result<Vec<i64>>;
    /// A whole array of fixed or variable strings, trailing NULs stripped.
    fn strings(&self, path: &str) -> Result<Vec<String>>;
    /// A table of records: its fields in the file's order, each with its numbers, whatever whole or floating type they have.
    fn table(&self, path: &str) -> Result<Vec<Column>>;
    /// Some rows (first axis) of an array of floats, in f32; bytes count as they are.
    fn rows(&self, path: &str, first: u64, count: u64) -> Result<Vec<f32>>;
}

/// One field of a table of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its numbers.
    pub values: Numbers,
}

/// Numbers of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Whole ones.
    Whole(Vec<i64>),
    /// Others.
    Real(Vec<f64>),
}

/// Opens a file in place: only what is asked for is read. As [`open`] otherwise.
pub fn open_file(path: &std::path::Path, shown: &str) -> Result<impl Hdf5Source + use<>> {
    let found = std::fs::metadata(path).map_err(|e| Failure::io(&e, "read", path))?.len();
    let options = OpenOptions::default().with_max_read_bytes(ARRAY_LIMIT);
    let file = Hdf5File::open_with_options(path, options).map_err(|e| damaged(&e, shown))?;
    let due = file.superblock().eof_address;
    if found < due {
        return Err(Failure::input(format!("truncated HDF5: {found} bytes where its head announces {due} (G03)"))
            .at(shown)
            .hint("fetch the file again and compare its size"));
    }
    Ok(File { file, shown: shown.to_owned() })
}

/// Opens the bytes of a file; `shown` names it in messages. Damaged files are refused (G03, G28).
pub fn open(bytes: Vec<u8>, shown: &str) -> Result<impl Hdf5Source> {
    let options = OpenOptions::default().with_max_read_bytes(ARRAY_LIMIT);
    let found = bytes.len() as u64;
    let file = Hdf5File::from_vec_with_options(bytes, options).map_err(|e| damaged(&e, shown))?;
    let due = file.superblock().eof_address;
    if found < due {
        return Err(Failure::input(format!("truncated HDF5: {found} bytes where its head announces {due} (G03)"))
            .at(shown)
            .hint("fetch the file again and compare its size"));
    }
    Ok(File { file, shown: shown.to_owned() })
}

struct File {
    file: Hdf5File,
    shown: String,
}

fn damaged(e: &hdf5_reader::error::Error, at: &str) -> Failure {
    Failure::input(format!("the HDF5 file cannot be read: {} (G03, G28)", crate::base::text::clean(&e.to_string())))
        .at(at)
        .hint("fetch the file again; 'h5dump -H' tells whether its structure is whole")
}

impl File {
    fn at(&self, path: &str) -> String {
        format!("{}: {path}", self.shown)
    }

    fn dataset(&self, path: &str) -> Result<Dataset> {
        self.file.dataset(path).map_err(|e| damaged(&e, &self.at(path)))
    }
}

impl Hdf5Source for File {
    fn members(&self, group: &str) -> Result<(Vec<String>, Vec<String>)> {
        let found = if group == "/" { self.file.root_group() } else { self.file.group(group) };
        let mut names = found.and_then(|g| g.member_names()).map_err(|e| damaged(&e, &self.at(group)))?;
        names.0.sort();
        names.1.sort();
        Ok(names)
    }

    fn shape(&self, path: &str) -> Result<Vec<u64>> {
        Ok(self.dataset(path)?.shape().to_vec())
    }

    fn integers(&self, path: &str) -> Result<Vec<i64>> {
        use hdf5_reader::Datatype::{FixedPoint, FloatingPoint};
        let d = self.dataset(path)?;
        macro_rules! widen {
            ($t:ty) => {
                d.read_array::<$t>().map(|a| a.iter().map(|&v| i64::from(v)).collect())
            };
        }
        let read = match *d.dtype() {
            FixedPoint { size: 1, signed: true, .. } => widen!(i8),
            FixedPoint { size: 1, .. } => widen!(u8),
            FixedPoint { size: 2, signed: true, .. } => widen!(i16),
            FixedPoint { size: 2, .. } => widen!(u16),
            FixedPoint { size: 4, signed: true, .. } => widen!(i32),
            FixedPoint { size: 4, .. } => widen!(u32),
            FixedPoint { size: 8, signed: true, .. } => widen!(i64),
            FixedPoint { size: 8, .. } => {
                let values = d.read_array::<u64>().map_err(|e| damaged(&e, &self.at(path)))?;
                return values.iter().map(|&v| i64::try_from(v).map_err(|_| self.too_large(v as f64, path))).collect();
            }
            FloatingPoint { size: 4, .. } => return self.whole(d.read_array::<f32>().map(|a| a.mapv(f64::from)), path),
            FloatingPoint { size: 8, .. } => return self.whole(d.read_array::<f64>(), path),
            ref other => {
                let text = format!("an array of {} where integers are due", crate::base::text::clean(&format!("{other:?}")));
                return Err(Failure::input(text).at(self.at(path)));
            }
        };
        read.map_err(|e| damaged(&e, &self.at(path)))
    }

    fn strings(&self, path: &str) -> Result<Vec<String>> {
        let read = self.dataset(path)?.read_strings().map_err(|e| damaged(&e, &self.at(path)))?;
        Ok(read.into_iter().map(|s| s.trim_end_matches('\0').to_owned()).collect())
    }

    fn table(&self, path: &str) -> Result<Vec<Column>> {
        let d = self.dataset(path)?;
        let Datatype::Compound { size, fields } = d.dtype() else {
            return Err(Failure::input("an array where a table of records is due").at(self.at(path)));
        };
        let size = *size as usize;
        let bytes = d.read_raw_bytes().map_err(|e| damaged(&e, &self.at(path)))?;
        if size == 0 || !bytes.len().is_multiple_of(size) {
            return Err(Failure::input(format!("{} bytes are no whole number of records of {size}", bytes.len())).at(self.at(path)));
        }
        let one = |field: &CompoundField| {
            let name = crate::base::text::clean(&field.name);
            let values = numbers(&bytes, size, field.byte_offset as usize, &field.datatype)
                .ok_or_else(|| Failure::input(format!("the field '{name}' holds no numbers that can be read")).at(self.at(path)))?;
            Ok(Column { name, values })
        };
        fields.iter().map(one).collect()
    }

    fn rows(&self, path: &str, first: u64, count: u64) -> Result<Vec<f32>> {
        let d = self.dataset(path)?;
        let part = |(axis, &length): (usize, &u64)| match axis {
            0 => SliceInfoElem::Slice { start: first, end: first + count, step: 1 },
            _ => SliceInfoElem::Slice { start: 0, end: length, step: 1 },
        };
        let wanted = SliceInfo { selections: d.shape().iter().enumerate().map(part).collect() };
        let read = match d.dtype() {
            Datatype::FloatingPoint { size: 4, .. } => d.read_slice::<f32>(&wanted).map(|a| a.into_iter().collect()),
            Datatype::FloatingPoint { size: 8, .. } => d.read_slice::<f64>(&wanted).map(|a| a.into_iter().map(|v| v as f32).collect()),
            Datatype::FixedPoint { size: 1, signed: false, .. } => {
                d.read_slice::<u8>(&wanted).map(|a| a.into_iter().map(f32::from).collect())
            }
            other => {
                let text = format!("an image of {} where floats or bytes are due", crate::base::text::clean(&format!("{other:?}")));
                return Err(Failure::input(text).at(self.at(path)));
            }
        };
        read.map_err(|e| damaged(&e, &self.at(path)))
    }
}

/// A field's numbers out of records of `size` bytes; none for a type that is no number, or a field beyond its record.
fn numbers(bytes: &[u8], size: usize, offset: usize, kind: &Datatype) -> Option<Numbers> {
    let width = match kind {
        Datatype::FixedPoint { size, .. } | Datatype::FloatingPoint { size, .. } => usize::from(*size),
        _ => return None,
    };
    if offset + width > size || !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let order = match kind {
        Datatype::FixedPoint { byte_order, .. } | Datatype::FloatingPoint { byte_order, .. } => byte_order,
        _ => return None,
    };
    // The bytes of one number, the lowest first, in eight.
    let eight = |record: &[u8]| {
        let mut out = [0u8; 8];
        out[..width].copy_from_slice(&record[offset..offset + width]);
        if *order == ByteOrder::BigEndian {
            out[..width].reverse();
        }
        out
    };
    let records = || bytes.chunks_exact(size).map(eight);
    match kind {
        Datatype::FixedPoint { signed, .. } => {
            // Moved to the top and back, so that the sign goes along.
            let shift = 64 - 8 * width as u32;
            let whole = |b: [u8; 8]| {
                if *signed { Some(i64::from_le_bytes(b) << shift >> shift) } else { i64::try_from(u64::from_le_bytes(b)).ok() }
            };
            records().map(whole).collect::<Option<Vec<i64>>>().map(Numbers::Whole)
        }
        Datatype::FloatingPoint { size: 4, .. } => {
            Some(Numbers::Real(records().map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect()))
        }
        Datatype::FloatingPoint { size: 8, .. } => Some(Numbers::Real(records().map(f64::from_le_bytes).collect())),
        _ => None,
    }
}

impl File {
    fn too_large(&self, value: f64, path: &str) -> Failure {
        Failure::input(format!("{value} is too large for a count (G19)")).at(self.at(path))
    }

    fn whole<A>(&self, read: hdf5_reader::error::Result<A>, path: &str) -> Result<Vec<i64>>
    where
        A: IntoIterator<Item = f64>,
    {
        let values = read.map_err(|e| damaged(&e, &self.at(path)))?;
        let one = |v: f64| {
            if v.fract() != 0.0 || !v.is_finite() {
                return Err(Failure::input(format!("{v} where a whole number is due (G18)"))
                    .at(self.at(path))
                    .hint("raw counts are due; is this matrix normalised?"));
            }
            if v.abs() > 9_007_199_254_740_992.0 { Err(self.too_large(v, path)) } else { Ok(v as i64) }
        };
        values.into_iter().map(one).collect()
    }
}
