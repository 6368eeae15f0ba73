//! HDF5, behind a small trait: the only file that names the crate which reads it, so that another can take its place.

use crate::base::{Failure, Result};
use hdf5_reader::{Dataset, Hdf5File, OpenOptions};

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
