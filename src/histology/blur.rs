//! Gaussian blur as albumentations 2.0.8 does it: a kernel of its own through OpenCV's `sepFilter2D` on 8-bit pixels.
//!
//! The kernel's taps are not whole 256ths, so OpenCV sums in single precision with fused multiply-adds: across from left to right; down
//! the centre first, then pairs; the result is rounded half to even. The border is mirrored without repeating the edge (REFLECT_101).

use super::image::CHANNELS;

/// exp(−½(x/σ)²) for x = −⌊size/2⌋ … ⌊size/2⌋, divided by its sum. `size` is odd and σ > 0.
pub fn gaussian_kernel(size: usize, sigma: f64) -> Vec<f64> {
    let half = (size / 2) as i64;
    let raw: Vec<f64> = (-half..=half).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|v| v / total).collect()
}

/// Blurs rows of `width` RGB pixels of `src` into `dst`. `size` is odd. Panics when the buffers differ in length.
pub fn gaussian_blur(src: &[u8], dst: &mut [u8], width: usize, size: usize, sigma: f64) {
    assert_eq!(src.len(), dst.len(), "buffers of one size");
    let taps: Vec<f32> = gaussian_kernel(size, sigma).iter().map(|k| *k as f32).collect();
    let half = taps.len() / 2;
    let stride = width * CHANNELS;
    let height = src.len() / stride;
    // Across: every row with its mirrored margins, so that the inner loop has no cases.
    let mut across = vec![0f32; src.len()];
    let mut wide = vec![0u8; (width + 2 * half) * CHANNELS];
    for (row, out) in src.chunks_exact(stride).zip(across.chunks_exact_mut(stride)) {
        for (i, pixel) in wide.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let x = mirrored(i as i64 - half as i64, width);
            pixel.copy_from_slice(&row[x * CHANNELS..x * CHANNELS + CHANNELS]);
        }
        for (k, &tap) in taps.iter().enumerate() {
            let shifted = &wide[k * CHANNELS..k * CHANNELS + stride];
            out.iter_mut().zip(shifted).for_each(|(o, &v)| *o = fused(f32::from(v), tap, *o));
        }
    }
    let mut sums = vec![0f32; stride];
    for (y, out) in dst.chunks_exact_mut(stride).enumerate() {
        let line = |offset: i64| {
            let start = mirrored(y as i64 + offset, height) * stride;
            &across[start..start + stride]
        };
        sums.iter_mut().zip(line(0)).for_each(|(s, v)| *s = v * taps[half]);
        for k in 1..=half {
            let pairs = line(k as i64).iter().zip(line(-(k as i64)));
            sums.iter_mut().zip(pairs).for_each(|(s, (below, above))| *s = fused(below + above, taps[half + k], *s));
        }
        out.iter_mut().zip(&sums).for_each(|(o, s)| *o = s.round_ties_even() as u8);
    }
}

/// a·b + c, rounded to f32 at the end: the product is exact in f64. As a fused multiply-add, without asking the processor for one.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    (f64::from(a) * f64::from(b) + f64::from(c)) as f32
}

/// REFLECT_101: … 2 1 0 1 2 … n−2 n−1 n−2 …; a single pixel mirrors itself.
fn mirrored(i: i64, n: usize) -> usize {
    let period = 2 * (n as i64 - 1);
    if period == 0 {
        return 0;
    }
    let i = i.rem_euclid(period);
    i.min(period - i) as usize
}
