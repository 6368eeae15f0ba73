//! The files that 10x Genomics' pipelines write: spec/datasets.md, section 3. Each reader takes bytes and a name for
//! messages, so that what is parsed is what was hashed.

pub mod barcodes;
pub mod features;
pub mod h5;
pub mod mex;
pub mod positions;
pub mod scalefactors;

use super::model::Counts;
use super::sniff::{Format, sniff};
use super::table::{gunzip, utf8, wrong_format};
use crate::base::Result;
use std::borrow::Cow;

pub use features::Feature;
pub use positions::Position;
pub use scalefactors::Scalefactors;

/// A feature-barcode matrix as its file has it, rows being barcodes.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix {
    /// Barcodes in file order, unique.
    pub barcodes: Vec<String>,
    /// Features in file order.
    pub features: Vec<Feature>,
    /// Counts: barcodes x features.
    pub counts: Counts,
}

/// Text of a file that may be gzip, told by its content.
fn text<'a>(bytes: &'a [u8], shown: &str) -> Result<Cow<'a, str>> {
    match sniff(bytes) {
        Format::Gzip => {
            let unpacked = gunzip(bytes, shown)?;
            Ok(Cow::Owned(utf8(&unpacked, shown)?.to_owned()))
        }
        Format::Text => Ok(Cow::Borrowed(utf8(bytes, shown)?)),
        other => Err(wrong_format(other, "text", shown)),
    }
}
