//! Data: readers, the neutral model that every format becomes, synthetic slides, and expression.
//!
//! | file | what |
//! |---|---|
//! | [`model`] | slides, spots, counts; their invariants and content digests |
//! | [`her2st`] | the reader of her2st as published, and the check of a data folder |
//! | [`tenx`] | 10x's own files: positions, scale factors, barcodes, features, matrices in HDF5 and MEX |
//! | [`visium`] | Space Ranger's folders, versions 1 and 2 |
//! | [`gse240429`] | human liver as its users lay it out, and the check of what is missing |
//! | [`el_hackathon`] | the competition file of HEVisum: cell types in place of genes, images inside; a writer of small ones |
//! | [`imported`] | the published `dataset.csv` with its patches: import, reading, export |
//! | [`synthetic`] | slides made from a seed, with a known right answer |
//! | [`store`] | the files of an ingest artifact |
//! | [`expression`] | transforms, gene spaces, panels, abundance |
//! | [`image`] | decoding with refusals; [`jpeg`] walks the markers, [`sniff`] tells formats by content |
//! | [`tiff`] | TIFF and BigTIFF of any size, block by block |
//! | [`hdf5`], [`npy`] | containers, each behind a few functions of our own |

pub mod el_hackathon;
pub mod expression;
pub mod gse240429;
pub mod hdf5;
pub mod her2st;
pub mod image;
pub mod imported;
pub mod jpeg;
pub mod model;
pub mod nearest;
pub mod npy;
pub mod sniff;
pub mod store;
pub mod synthetic;
pub mod table;
pub mod tenx;
pub mod tiff;
pub mod visium;

pub use self::image::RgbImage;
pub use model::{Counts, Finding, Given, ImageRef, Lattice, Severity, Slide, SourceFile, Spot, UmSource};
