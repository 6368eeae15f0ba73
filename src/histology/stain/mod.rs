//! Stain normalisation: a slide's colours made like those of a reference (spec/hevisum.md, section 2.1;
//! spec/statistics-and-parity.md, section 10). Bytes in, bytes out; the same on every machine, since logarithms and
//! exponentials are tables or sums of our own and every sum has a fixed order.

pub mod density;
pub mod eigen;
pub mod macenko;
pub mod mosaic;
pub mod reinhard;
pub mod vahadane;

use super::image::ImageView;
use crate::base::Result;
use serde::{Deserialize, Serialize};

/// Methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Macenko et al. 2009, as torchstain 1.4.1 computes it with PyTorch: percentiles by nearest rank.
    Macenko,
    /// The same as torchstain computes it with NumPy: percentiles between ranks.
    MacenkoLinear,
    /// Reinhard et al. 2001 in CIE Lab, as torchstain computes it.
    Reinhard,
    /// torchstain's `modified` Reinhard.
    ReinhardModified,
    /// Vahadane et al. 2016: a sparse non-negative dictionary of two stains; ours is deterministic, and no reference was run.
    Vahadane,
}

/// What was found in an image: enough to normalise it, or to be a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fit {
    /// Stains and their strength.
    Stains(Stains),
    /// Means and deviations in Lab.
    Lab(reinhard::Lab),
}

/// Two stains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stains {
    /// Haematoxylin's optical density in red, green, blue; of length 1.
    pub haematoxylin: [f64; 3],
    /// Eosin's.
    pub eosin: [f64; 3],
    /// The 99th percentile of each one's concentration over all pixels.
    pub most: [f64; 2],
    /// Pixels dense enough to count.
    pub kept: usize,
}

/// Fits an image. An error where there is too little stain to fit.
pub fn fit(method: Method, image: &ImageView) -> Result<Fit> {
    match method {
        Method::Macenko => macenko::fit(image, density::Percentile::NearestRank).map(Fit::Stains),
        Method::MacenkoLinear => macenko::fit(image, density::Percentile::Linear).map(Fit::Stains),
        Method::Reinhard | Method::ReinhardModified => reinhard::fit(image).map(Fit::Lab),
        Method::Vahadane => vahadane::fit(image).map(Fit::Stains),
    }
}

/// The image with the reference's colours, [height, width, 3] bytes. Both fits must be of the method.
pub fn normalise(method: Method, image: &ImageView, own: &Fit, reference: &Fit) -> Result<Vec<u8>> {
    match (own, reference) {
        (Fit::Stains(own), Fit::Stains(reference)) if method == Method::Vahadane => Ok(vahadane::normalise(image, own, reference)),
        (Fit::Stains(own), Fit::Stains(reference)) => Ok(density::restained(image, own, reference)),
        (Fit::Lab(own), Fit::Lab(reference)) => reinhard::normalise(image, own, reference, method == Method::ReinhardModified),
        _ => Err(crate::base::Failure::input("a stain fitted by one method cannot be the reference of another")),
    }
}
