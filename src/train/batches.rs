//! Bytes of patches to normalised batches.

use super::config::{Augment, Clusters, Config, Data};
use crate::nn::Torch;
use crate::protocol::schema::Colour;
use tch::{Device, Tensor};

/// The rows of an epoch in the order in which they train, keyed by ("train/order", fold, epoch).
pub fn order(seed: u64, fold: u64, epoch: usize, rows: &[usize]) -> Vec<usize> {
    crate::base::Draw::keyed(seed, "train/order", &[fold, epoch as u64]).permutation(rows.len()).into_iter().map(|i| rows[i]).collect()
}

/// Normalised values for every byte and channel position.
///
/// (v − 255·mean)·(1/(255·std)), all in single precision, as albumentations 2.0.8 computes it.
pub struct Normaliser([[f32; 256]; 3]);

impl Normaliser {
    /// For channel means and deviations of values in 0..1. Mean 0 and deviation 1 is a division by 255, as torchvision's
    /// `ToTensor` does it.
    pub fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        if mean == [0.0; 3] && std == [1.0; 3] {
            let plain: [f32; 256] = std::array::from_fn(|v| v as f32 / 255.0);
            return Self([plain; 3]);
        }
        let table = |c: usize| std::array::from_fn(|v| (v as f32 - 255.0 * mean[c]) * (1.0 / (255.0 * std[c])));
        Self([table(0), table(1), table(2)])
    }

    /// Appends the normalised values of interleaved RGB pixels; blue first if `swap`, and then under the first statistics.
    pub fn extend(&self, pixels: &[u8], swap: bool, out: &mut Vec<f32>) {
        let [first, second, third] = &self.0;
        let normal = |a: u8, b: u8, c: u8| [first[usize::from(a)], second[usize::from(b)], third[usize::from(c)]];
        let (pixels, _) = pixels.as_chunks::<3>();
        if swap {
            out.extend(pixels.iter().flat_map(|&[r, g, b]| normal(b, g, r)));
        } else {
            out.extend(pixels.iter().flat_map(|&[r, g, b]| normal(r, g, b)));
        }
    }
}

/// A prepared batch.
pub struct Batch {
    /// Patches in it.
    pub rows: usize,
    /// [rows, P, P, 3], normalised.
    pixels: Vec<f32>,
    /// [rows, G].
    targets: Vec<f32>,
    /// [rows, columns]; nothing where the network is told no cluster.
    clusters: Vec<f32>,
    side: usize,
    genes: usize,
}

impl Batch {
    /// [rows, 3, P, P] on a device, channels-last in memory.
    pub fn images(&self, device: Device) -> Torch<Tensor> {
        let (n, p) = (self.rows as i64, self.side as i64);
        moved(&Tensor::f_from_slice(&self.pixels)?.f_reshape([n, p, p, 3])?, device)?.f_permute([0, 3, 1, 2])
    }

    /// [rows, G] on a device.
    pub fn truth(&self, device: Device) -> Torch<Tensor> {
        moved(&Tensor::f_from_slice(&self.targets)?.f_reshape([self.rows as i64, self.genes as i64])?, device)
    }
}

impl Batch {
    /// One-hot clusters [rows, columns] on a device, where the network is told them.
    pub fn clusters(&self, device: Device) -> Torch<Option<Tensor>> {
        if self.clusters.is_empty() {
            return Ok(None);
        }
        moved(&Tensor::f_from_slice(&self.clusters)?.f_reshape([self.rows as i64, -1])?, device).map(Some)
    }
}

/// On a device. To a GPU from pinned memory, which lets the copy go on while the processor prepares the step.
fn moved(tensor: &Tensor, device: Device) -> Torch<Tensor> {
    if !device.is_cuda() {
        return tensor.f_to_device(device);
    }
    let pinned = tensor.f_pin_memory(device)?;
    pinned.f_to_device_(device, tensor.kind(), true, false)
}

/// Makes batches of some patches.
pub struct Maker<'a> {
    patches: &'a [u8],
    side: usize,
    targets: &'a [f32],
    genes: usize,
    swap: bool,
    normaliser: Normaliser,
    clusters: Option<&'a Clusters>,
}

impl<'a> Maker<'a> {
    /// For a training's data.
    pub fn new(config: &'a Config, data: &Data<'a>) -> Self {
        let plain = Self::of(data.patches, data.side, data.targets, data.genes, config.colour, config.mean, config.std);
        plain.told(config.clusters.as_ref())
    }

    /// The same with the cluster of every row.
    pub fn told(self, clusters: Option<&'a Clusters>) -> Self {
        Self { clusters, ..self }
    }

    /// For patches [N, P, P, 3] and targets [N, G]; without targets give an empty slice and 0 genes.
    pub fn of(patches: &'a [u8], side: usize, targets: &'a [f32], genes: usize, colour: Colour, mean: [f32; 3], std: [f32; 3]) -> Self {
        Self { patches, side, targets, genes, swap: colour == Colour::Bgr, normaliser: Normaliser::new(mean, std), clusters: None }
    }

    /// The batch of these rows; in training, with this augmentation and epoch.
    pub fn make(&self, rows: &[usize], augment: Option<(&dyn Augment, usize)>) -> Batch {
        let one = self.side * self.side * 3;
        let mut pixels = Vec::with_capacity(rows.len() * one);
        let mut targets = Vec::with_capacity(rows.len() * self.genes);
        let mut changed = vec![0u8; one];
        for &row in rows {
            let mut patch = &self.patches[row * one..(row + 1) * one];
            if let Some((augment, epoch)) = augment {
                augment.apply(patch, &mut changed, self.side, epoch, row);
                patch = &changed;
            }
            self.normaliser.extend(patch, self.swap, &mut pixels);
            targets.extend_from_slice(&self.targets[row * self.genes..(row + 1) * self.genes]);
        }
        let one_hot = |c: &'a Clusters| rows.iter().flat_map(move |&row| (0..c.columns).map(move |k| f32::from(u8::from(c.of[row] == k))));
        let clusters = self.clusters.map(|c| one_hot(c).collect()).unwrap_or_default();
        Batch { rows: rows.len(), pixels, targets, clusters, side: self.side, genes: self.genes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{IMAGENET_MEAN, IMAGENET_STD, Unchanged};
    use super::*;

    /// Golden values of section 4.3 of spec/liver-single-patch.md.
    #[test]
    fn normalises_as_albumentations() {
        let n = Normaliser::new(IMAGENET_MEAN, IMAGENET_STD);
        let mut out = Vec::new();
        n.extend(&[0, 0, 255, 255, 128, 128], false, &mut out);
        let due = [-2.1179, -2.035714, 2.64, 2.248908, 0.205182, 0.426492f32];
        for (a, b) in out.iter().zip(due) {
            assert!((a - b).abs() < 5e-6, "{a} where {b} is due");
        }
    }

    #[test]
    fn clusters_are_one_hot_and_noise_has_a_column_of_its_own() {
        let patches = vec![0u8; 4 * 12];
        let clusters = Clusters::new(&[1, -1, 0, 1], 2);
        assert_eq!((clusters.columns, &clusters.of[..]), (3, &[1, 2, 0, 1][..]));
        assert!(clusters.check(4).is_ok() && clusters.check(5).is_err());
        assert!(Clusters { columns: 1, of: vec![0, 1] }.check(2).is_err());
        let maker = || Maker::of(&patches, 2, &[], 0, Colour::Rgb, [0.0; 3], [1.0; 3]);
        let batch = maker().told(Some(&clusters)).make(&[3, 1, 2], None);
        assert_eq!(batch.clusters, [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert!(maker().make(&[0], None).clusters.is_empty());
    }

    /// Quirk B1: mean 0 and deviation 1/255 leave a byte's value as it is, exactly.
    #[test]
    fn raw_bytes_stay_what_they_are() {
        let bytes: Vec<u8> = (0..=255).chain(0..2).collect();
        let mut out = Vec::new();
        Normaliser::new([0.0; 3], [1.0 / 255.0; 3]).extend(&bytes, false, &mut out);
        assert!(bytes.iter().zip(&out).all(|(byte, v)| f32::from(*byte) == *v));
    }

    #[test]
    fn bgr_swaps_pixels_but_not_statistics() {
        let patches: Vec<u8> = (0..24).collect();
        let make = |colour| {
            let maker = Maker::of(&patches, 2, &[], 0, colour, [0.0, 0.5, 1.0], [1.0; 3]);
            maker.make(&[1], Some((&Unchanged, 1))).pixels
        };
        let (rgb, bgr) = (make(Colour::Rgb), make(Colour::Bgr));
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} where {b} is due");
        near(rgb[0], 12.0 / 255.0);
        near(bgr[0], 14.0 / 255.0);
        near(bgr[1], 13.0 / 255.0 - 0.5);
        near(bgr[2], 12.0 / 255.0 - 1.0);
    }
}
