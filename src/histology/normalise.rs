//! Bytes to the numbers a network takes: (v − 255·mean)·(1/(255·std)) in f32, as albumentations' Normalize.
//!
//! `(v/255 − mean)/std` differs in the last bit, and so do checkpoints. A byte has 256 values, so a table per
//! channel holds exactly the numbers that the formula gives.

use super::image::CHANNELS;

/// Which colour stands first in what the network sees. Statistics go by place, not by colour: several published
/// scripts read BGR and normalise with RGB statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue, as stored.
    Rgb,
    /// Blue, green, red, as OpenCV reads.
    Bgr,
}

/// Where the channels of a pixel stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Side by side: height x width x 3, which is channels-last.
    Hwc,
    /// In planes: 3 x height x width.
    Chw,
}

/// ImageNet's channel means, red first (torchvision).
pub const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
/// ImageNet's channel deviations, red first (torchvision).
pub const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

/// The tables of one normalisation.
#[derive(Clone)]
pub struct Normaliser {
    tables: Box<[[f32; 256]; CHANNELS]>,
    order: ChannelOrder,
    layout: Layout,
}

impl Normaliser {
    /// Tables for means and deviations of the output's first, second and third channel, on a scale of 0 to 1.
    pub fn new(order: ChannelOrder, layout: Layout, mean: [f64; 3], std: [f64; 3]) -> Self {
        let tables = std::array::from_fn(|c| {
            let shift = mean[c] as f32 * 255.0;
            let scale = 1.0 / (std[c] as f32 * 255.0);
            std::array::from_fn(|v| (v as f32 - shift) * scale)
        });
        Self { tables: Box::new(tables), order, layout }
    }

    /// Normalises height x width x 3 RGB bytes into as many numbers. Panics when the lengths differ.
    pub fn apply(&self, src: &[u8], dst: &mut [f32]) {
        assert!(src.len() == dst.len() && src.len().is_multiple_of(CHANNELS), "as many numbers as bytes, three a pixel");
        let [first, second, third] = &*self.tables;
        let pixels = src.as_chunks::<3>().0;
        let places = match self.order {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        match self.layout {
            Layout::Hwc if self.order == ChannelOrder::Rgb => {
                for (d, p) in dst.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *d = [first[p[0] as usize], second[p[1] as usize], third[p[2] as usize]];
                }
            }
            Layout::Hwc => {
                for (d, p) in dst.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                    *d = [first[p[2] as usize], second[p[1] as usize], third[p[0] as usize]];
                }
            }
            Layout::Chw => {
                let planes = dst.chunks_exact_mut((src.len() / CHANNELS).max(1));
                for ((plane, table), place) in planes.zip(self.tables.iter()).zip(places) {
                    plane.iter_mut().zip(pixels).for_each(|(d, p)| *d = table[p[place] as usize]);
                }
            }
        }
    }
}

/// Normalises one patch; see [`Normaliser`], which keeps its tables for the next patch.
pub fn normalise_into(src: &[u8], dst: &mut [f32], order: ChannelOrder, layout: Layout, mean: [f64; 3], std: [f64; 3]) {
    Normaliser::new(order, layout, mean, std).apply(src, dst);
}
