//! From a slide's image to what a network sees: patches cut at spots, resized, augmented and normalised.
//!
//! Everything here is integer or element-wise arithmetic in a fixed order, so it gives the same bytes on every
//! machine and with any number of threads. Parity is with OpenCV 4.x and albumentations 2.0.8, pixel for pixel.

pub mod alike;
pub mod augment;
pub mod blur;
pub mod colour;
pub mod crop;
pub mod dihedral;
pub mod gather;
pub mod image;
pub mod mask;
pub mod normalise;
pub mod resize;
pub mod stain;
pub mod statistics;
pub mod validity;
pub mod warp;

pub use alike::Fingerprint;
pub use augment::{Augmenter, Preset};
pub use crop::{Border, Cutter, Rounding};
pub use dihedral::Dihedral;
pub use gather::Gatherer;
pub use image::ImageView;
pub use normalise::{ChannelOrder, Layout, Normaliser, normalise_into};
