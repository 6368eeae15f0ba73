//! NumPy's array files: masks and matrices of numbers. Pickled objects are refused, never unpickled.

use super::sniff::{Format, sniff};
use super::table::wrong_format;
use crate::base::{Failure, Result};
use npyz::{DType, NpyFile, Order, TypeChar};

/// A one-dimensional mask of `len` booleans (V25).
pub fn mask(bytes: &[u8], len: usize, shown: &str) -> Result<Vec<bool>> {
    let file = open(bytes, shown)?;
    if file.shape() != [len as u64] {
        return Err(Failure::input(format!("a mask of shape {:?} where {len} features are (V25)", file.shape())).at(shown));
    }
    match plain(&file, shown)? {
        (TypeChar::Bool, _) => file.into_vec::<bool>().map_err(|e| cut(&e, shown)),
        (kind, size) => Err(Failure::input(format!("a mask of {kind:?}, {size} bytes each, where booleans are due (V25)")).at(shown)),
    }
}

/// A matrix of f32 or f64 stored as genes x spots, given back as spots x genes in f32 (V25, G13). `f64` values are
/// rounded to the nearest f32, which is what training casts them to.
pub fn transposed(bytes: &[u8], genes: usize, spots: usize, shown: &str) -> Result<Vec<f32>> {
    let file = open(bytes, shown)?;
    let (shape, order) = (file.shape().to_vec(), file.order());
    if shape != [genes as u64, spots as u64] {
        let hint = if shape == [spots as u64, genes as u64] {
            "it is spots x genes; the published files are genes x spots"
        } else {
            "is it the matrix of another slide, or of another choice of genes?"
        };
        return Err(Failure::input(format!("a matrix of shape {shape:?} where [{genes}, {spots}] is due (V25)")).at(shown).hint(hint));
    }
    let values: Vec<f32> = match plain(&file, shown)? {
        (TypeChar::Float, 4) => file.into_vec::<f32>().map_err(|e| cut(&e, shown))?,
        (TypeChar::Float, 8) => file.into_vec::<f64>().map_err(|e| cut(&e, shown))?.into_iter().map(|v| v as f32).collect(),
        (kind, size) => {
            return Err(Failure::input(format!("values of {kind:?}, {size} bytes each, where f32 or f64 are due (V25)")).at(shown));
        }
    };
    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
        let (gene, spot) = if order == Order::C { (at / spots, at % spots) } else { (at % genes, at / genes) };
        return Err(Failure::input(format!("the value of gene {gene} and spot {spot} is not finite (G13)")).at(shown));
    }
    // Fortran's order of genes x spots is already spots x genes row by row.
    if order == Order::Fortran {
        return Ok(values);
    }
    let mut out = vec![0.0; values.len()];
    for (gene, row) in values.chunks_exact(spots).enumerate() {
        row.iter().enumerate().for_each(|(spot, v)| out[spot * genes + gene] = *v);
    }
    Ok(out)
}

fn open<'a>(bytes: &'a [u8], shown: &str) -> Result<NpyFile<&'a [u8]>> {
    match sniff(bytes) {
        Format::Npy => {}
        other => return Err(wrong_format(other, "a NumPy array", shown)),
    }
    let file = NpyFile::new(bytes).map_err(|e| Failure::input(format!("not a readable .npy header: {e} (V25)")).at(shown))?;
    let expected = file.header().dtype().num_bytes().and_then(|size| (file.len() as usize).checked_mul(size));
    let found = bytes.len() - (bytes.len().min(header_end(bytes)));
    match expected {
        Some(due) if found != due => Err(Failure::input(format!("{found} bytes of data where {due} are announced (G03)"))
            .at(shown)
            .hint("the file is cut off or has something behind its array; fetch it again")),
        _ => Ok(file),
    }
}

/// Where the data begin: after the magic, the version, the length and the header itself.
fn header_end(bytes: &[u8]) -> usize {
    let byte = |i: usize| usize::from(bytes.get(i).copied().unwrap_or(0));
    match byte(6) {
        1 => 10 + (byte(8) | byte(9) << 8),
        _ => 12 + (byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24),
    }
}

fn plain(file: &NpyFile<&[u8]>, shown: &str) -> Result<(TypeChar, usize)> {
    match file.dtype() {
        DType::Plain(t) if !file.header().dtype().uses_pickled_array() => Ok((t.type_char(), t.size_field() as usize)),
        DType::Plain(_) => Err(Failure::input("an array of pickled objects, which are never unpickled here (V25)")
            .at(shown)
            .hint("save it again as numbers: numpy.save(name, array.astype('float32'))")),
        _ => Err(Failure::input("an array of records where numbers are due (V25)").at(shown)),
    }
}

fn cut(e: &std::io::Error, shown: &str) -> Failure {
    Failure::input(format!("the array cannot be read: {e} (V25)")).at(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut head = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (10 + head.len() + 1) % 64 != 0 {
            head.push(' ');
        }
        head.push('\n');
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend_from_slice(&(head.len() as u16).to_le_bytes());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(data);
        out
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn both_orders_and_widths_give_spots_by_genes() {
        let due = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        let c = npy("<f4", "False", "(2, 3)", &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!(transposed(&c, 2, 3, "f").expect("c"), due);
        let f = npy("<f4", "True", "(2, 3)", &floats(&due));
        assert_eq!(transposed(&f, 2, 3, "f").expect("fortran"), due);
        let wide: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(transposed(&npy(">f8", "False", "(2, 3)", &wide), 2, 3, "f").expect("f64"), due);
        assert_eq!(mask(&npy("|b1", "False", "(3,)", &[1, 0, 1]), 3, "f").expect("mask"), [true, false, true]);
    }

    #[test]
    fn faults_are_named() {
        let good = npy("<f4", "False", "(2, 3)", &floats(&[1.0; 6]));
        assert!(transposed(&good, 3, 2, "f").expect_err("swapped").hint.is_some_and(|h| h.contains("spots x genes")));
        assert!(transposed(&good, 2, 4, "f").expect_err("shape").what.contains("V25"));
        for cut in 1..good.len() {
            assert!(transposed(&good[..cut], 2, 3, "f").is_err(), "cut at {cut}");
        }
        let nan = npy("<f4", "False", "(2, 3)", &floats(&[1.0, 1.0, f32::NAN, 1.0, 1.0, 1.0]));
        assert!(transposed(&nan, 2, 3, "f").expect_err("nan").what.contains("gene 0 and spot 2"));
        assert!(transposed(&npy("|O", "False", "(2, 3)", &[0; 9]), 2, 3, "f").expect_err("object").what.contains("V25"));
        assert!(mask(&npy("|b1", "False", "(3,)", &[1, 0, 1]), 4, "f").is_err());
        assert!(mask(&good, 6, "f").is_err() && mask(b"PK\x03\x04", 6, "f").expect_err("zip").what.contains("G05"));
    }
}
