//! Optical density, concentrations of two stains, and the way back to bytes.

use super::Stains;
use crate::base::exact::{exp, ln};
use crate::histology::image::{CHANNELS, ImageView};
use rayon::prelude::*;
use std::sync::LazyLock;

/// The light that no stain takes away.
pub const LIGHT: f64 = 240.0;

/// Optical density of each byte: −ln((v + 1) / 240), in single precision as PyTorch has it.
pub static DENSITY: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|v| -ln((v as f64 + 1.0) / LIGHT) as f32));

/// How a percentile is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percentile {
    /// The value of a rank: number 1 + round(q (n − 1)), halves to even.
    NearestRank,
    /// Between the two ranks round it, as NumPy does.
    Linear,
}

impl Percentile {
    /// The ranks that the percentile `q` (0 to 100) of `n` values lies between, and where.
    fn place(self, n: usize, q: f64) -> (usize, usize, f64) {
        let last = n.saturating_sub(1);
        let at = 0.01 * q * last as f64;
        match self {
            Self::NearestRank => (at.round_ties_even() as usize, at.round_ties_even() as usize, 0.0),
            Self::Linear => (at.floor() as usize, (at.floor() as usize + 1).min(last), at.fract()),
        }
    }

    /// Percentiles of values that come in parts, `K` kinds side by side, each made anew in both passes over them. They are
    /// finite and lie in `range`, or else are taken for its ends; what is found does not depend on how they are parted.
    /// `wanted` is what to find of each kind (a hundred numbers at most); `read` turns a value of a rank into what is asked for, before two are averaged.
    /// 0 of no values.
    pub fn of<const K: usize, I: Iterator<Item = [f64; K]>>(
        self,
        parts: usize,
        values: impl Fn(usize) -> I + Sync,
        range: [(f64, f64); K],
        wanted: &[f64],
        read: impl Fn(f64) -> f64,
    ) -> [Vec<f64>; K] {
        let scale = range.map(|(low, high)| {
            let scale = (BINS - 1) as f64 / (high - low);
            if scale.is_finite() { scale } else { 0.0 }
        });
        // Rises with the value, so that all values of a bin come before those of the next.
        let bin = |v: f64, k: usize| (((v - range[k].0) * scale[k]) as usize).min(BINS - 1);
        let count = |mut counts: Box<[[u32; BINS]; K]>, p: usize| {
            values(p).for_each(|v| (0..K).for_each(|k| counts[k][bin(v[k], k)] += 1));
            counts
        };
        let add = |mut a: Box<[[u32; BINS]; K]>, b: Box<[[u32; BINS]; K]>| {
            a.as_flattened_mut().iter_mut().zip(b.as_flattened()).for_each(|(a, b)| *a += b);
            a
        };
        let zero = || Box::new([[0u32; BINS]; K]);
        let counts = (0..parts).into_par_iter().fold(zero, count).reduce(zero, add);
        let n = counts.first().map_or(0, |c| c.iter().map(|c| *c as usize).sum());
        if n == 0 {
            return std::array::from_fn(|_| vec![0.0; wanted.len()]);
        }
        let places: Vec<(usize, usize, f64)> = wanted.iter().map(|q| self.place(n, *q)).collect();
        // Kind, bin and number in the bin of every rank that is looked for.
        let mut sought: Vec<(usize, usize, usize)> = Vec::new();
        for (k, counts) in counts.iter().enumerate() {
            for rank in places.iter().flat_map(|p| [p.0, p.1]) {
                let (mut which, mut inside) = (0, rank);
                while inside >= counts[which] as usize {
                    inside -= counts[which] as usize;
                    which += 1;
                }
                sought.push((k, which, inside));
            }
        }
        let mut bins: Vec<(usize, usize)> = sought.iter().map(|s| (s.0, s.1)).collect();
        bins.sort_unstable();
        bins.dedup();
        // For each kind and bin, one more than its place among those that are kept; 0 for the others.
        let mut place = Box::new([[0u8; BINS]; K]);
        bins.iter().zip(1u8..).for_each(|((k, which), i)| place[*k][*which] = i);
        let keep = |p: usize| {
            let mut kept = vec![Vec::new(); bins.len()];
            values(p).for_each(|v| {
                for (k, v) in v.into_iter().enumerate() {
                    let at = usize::from(place[k][bin(v, k)]);
                    if at > 0 {
                        kept[at - 1].push(v);
                    }
                }
            });
            kept
        };
        let join = |mut a: Vec<Vec<f64>>, b: Vec<Vec<f64>>| {
            a.iter_mut().zip(b).for_each(|(a, b)| a.extend(b));
            a
        };
        let mut kept = (0..parts).into_par_iter().map(keep).reduce(|| vec![Vec::new(); bins.len()], join);
        let found: Vec<f64> = sought
            .iter()
            .map(|(k, which, inside)| {
                let values = &mut kept[bins.partition_point(|b| *b < (*k, *which))];
                read(*values.select_nth_unstable_by(*inside, f64::total_cmp).1)
            })
            .collect();
        let between = |k: usize| {
            let pairs = found[2 * k * places.len()..].as_chunks::<2>().0.iter().zip(&places);
            pairs.map(|([low, high], place)| low + (high - low) * place.2).collect()
        };
        std::array::from_fn(between)
    }
}

/// Bins in which values are counted before those of one bin are ordered.
const BINS: usize = 2048;

/// Least-squares concentrations: the two rows that the density of a pixel is multiplied with.
pub fn unmixing(h: [f64; 3], e: [f64; 3]) -> [[f64; 3]; 2] {
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (hh, he, ee) = (dot(h, h), dot(h, e), dot(e, e));
    let det = hh * ee - he * he;
    let row = |a: f64, b: f64| std::array::from_fn(|c| (a * h[c] + b * e[c]) / det);
    [row(ee, -he), row(-he, hh)]
}

/// Pixels that are looked at together.
pub const PART: usize = 1 << 14;

/// The 99th percentile of each stain's concentration over all pixels.
pub fn strengths(image: &ImageView, h: [f64; 3], e: [f64; 3], percentile: Percentile) -> [f64; 2] {
    let table = &tables(&unmixing(h, e));
    let pixels = image.pixels().as_chunks::<CHANNELS>().0;
    let part = |p: usize| {
        let part = &pixels[p * PART..((p + 1) * PART).min(pixels.len())];
        let of = |t: &[[f64; 256]; 3], p: &[u8; 3]| t[0][usize::from(p[0])] + t[1][usize::from(p[1])] + t[2][usize::from(p[2])];
        part.iter().map(move |p| [of(&table[0], p), of(&table[1], p)])
    };
    // No pixel lies outside what the bytes can add up to.
    let range = std::array::from_fn(|k| {
        table[k].iter().fold((0.0, 0.0), |(low, high), t: &[f64; 256]| {
            (low + t.iter().copied().fold(f64::INFINITY, f64::min), high + t.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        })
    });
    let [h, e] = percentile.of(pixels.len().div_ceil(PART), part, range, &[99.0], |v| v);
    [h[0], e[0]]
}

/// For each stain and channel what a byte adds to the concentration.
fn tables(rows: &[[f64; 3]; 2]) -> [[[f64; 256]; 3]; 2] {
    std::array::from_fn(|k| std::array::from_fn(|c| std::array::from_fn(|v| rows[k][c] * f64::from(DENSITY[v]))))
}

/// The image with the reference's stains in place of its own: I = min(255, 240 exp(−HE C)), truncated.
pub fn restained(image: &ImageView, own: &Stains, reference: &Stains) -> Vec<u8> {
    let rows = unmixing(own.haematoxylin, own.eosin);
    let scale: [f64; 2] = std::array::from_fn(|k| if own.most[k] == 0.0 { 0.0 } else { reference.most[k] / own.most[k] });
    // Unmixing, scaling and mixing again are one linear map of densities.
    let mix = [reference.haematoxylin, reference.eosin];
    let map: [[f64; 3]; 3] = std::array::from_fn(|out| std::array::from_fn(|c| (0..2).map(|k| mix[k][out] * scale[k] * rows[k][c]).sum()));
    let table: [[[f64; 256]; 3]; 3] =
        std::array::from_fn(|out| std::array::from_fn(|c| std::array::from_fn(|v| map[out][c] * f64::from(DENSITY[v]))));
    let lights = Lights::new();
    let mut pixels = vec![0u8; image.pixels().len()];
    pixels.par_chunks_mut(CHANNELS * 4096).zip(image.pixels().par_chunks(CHANNELS * 4096)).for_each(|(out, from)| {
        for (out, p) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(from.as_chunks::<CHANNELS>().0) {
            for (value, t) in out.iter_mut().zip(&table) {
                let density = t[0][usize::from(p[0])] + t[1][usize::from(p[1])] + t[2][usize::from(p[2])];
                *value = lights.byte(density);
            }
        }
    });
    pixels
}

/// For densities from −6 to 6, in steps of a 4096th, the byte of the step's begin; and for each byte the greatest density
/// that gives it or more, found by halving.
static STEPS: LazyLock<(Vec<u8>, [f64; 256])> = LazyLock::new(|| {
    let greatest = |byte: usize| {
        let (mut low, mut high) = (-6.0f64, 6.0f64);
        // Until no number lies between.
        loop {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                return low;
            }
            if usize::from(exactly(middle)) >= byte { low = middle } else { high = middle }
        }
    };
    let steps = (0..=12 * 4096).map(|i| exactly(f64::from(i) / 4096.0 - 6.0)).collect();
    (steps, std::array::from_fn(|byte| if byte == 0 { f64::INFINITY } else { greatest(byte) }))
});

/// The byte of a density: I = min(255, 240 exp(−density)), truncated.
fn exactly(density: f64) -> u8 {
    (LIGHT * exp(-density)).min(255.0) as u8
}

/// Bytes of densities, as [`exactly`] has them: a step is too short for more than one byte to end in it.
pub(super) struct Lights(&'static (Vec<u8>, [f64; 256]));

impl Lights {
    pub(super) fn new() -> Self {
        Self(&STEPS)
    }

    /// The byte of a density.
    #[inline]
    pub(super) fn byte(&self, density: f64) -> u8 {
        let at = ((density + 6.0) * 4096.0) as usize;
        let byte = self.0.0[at.min(12 * 4096)];
        byte - u8::from(density > self.0.1[usize::from(byte)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_and_back() {
        assert!((DENSITY[255] + 0.0645385).abs() < 1e-6 && DENSITY[239] == 0.0);
        for i in 0..20_000 {
            let density = f64::from(i) / 1667.0 - 6.0;
            assert_eq!(Lights::new().byte(density), exactly(density), "{density}");
        }
        for byte in 1..256 {
            let end = STEPS.1[byte];
            assert_eq!((usize::from(exactly(end)), usize::from(exactly(end.next_up()))), (byte, byte - 1));
            for density in [end, end.next_up(), end.next_down()] {
                assert_eq!(Lights::new().byte(density), exactly(density), "{density}");
            }
        }
        assert_eq!((Lights::new().byte(-100.0), Lights::new().byte(100.0)), (255, 0));
    }

    #[test]
    fn ranks_of_percentiles() {
        let of = |rule: Percentile, n: u32, q: f64| {
            // Two parts, the greater values first.
            let part = |p: usize| (1..=n).rev().map(|v| [f64::from(v)]).filter(move |v| (p == 0) == (v[0] > 600.0));
            let [found] = rule.of(2, part, [(1.0, f64::from(n))], &[q], |v| v);
            found[0]
        };
        assert_eq!((of(Percentile::NearestRank, 1024, 1.0), of(Percentile::NearestRank, 1024, 99.0)), (11.0, 1014.0));
        assert_eq!((of(Percentile::NearestRank, 100, 1.0), of(Percentile::NearestRank, 100, 99.0)), (2.0, 99.0));
        assert!((of(Percentile::Linear, 100, 1.0) - 1.99).abs() < 1e-12);
        assert_eq!((of(Percentile::Linear, 1, 99.0), of(Percentile::Linear, 0, 99.0)), (1.0, 0.0));
    }

    /// Against sorting, on values that crowd, repeat and stand far out.
    #[test]
    fn ranks_are_those_of_the_sorted_values() {
        let mut draw = crate::base::Draw::keyed(3, "ranks", &[]);
        for turn in 0..30 {
            let n = 1 + draw.below(3000) as usize;
            let mut all: Vec<f64> = (0..n)
                .map(|_| match turn % 3 {
                    0 => draw.normal(),
                    1 => (draw.normal() * 3.0).round(),
                    _ => crate::base::exact::exp(8.0 * draw.normal()),
                })
                .collect();
            let parts = all.len().div_ceil(100);
            let part = |p: usize| all[p * 100..((p + 1) * 100).min(n)].iter().map(|v| [*v, -v]);
            let wanted = [0.0, 1.0, 33.3, 50.0, 99.0, 100.0];
            let (low, high) = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            // The second kind's range is too narrow on purpose.
            let range = [(low, high), (-high / 2.0, -low / 2.0)];
            let [found, negative] = Percentile::NearestRank.of(parts, part, range, &wanted, |v| v);
            all.sort_by(f64::total_cmp);
            let at = |q: f64| (0.01 * q * (n as f64 - 1.0)).round_ties_even() as usize;
            for ((q, v), w) in wanted.iter().zip(found).zip(negative) {
                assert_eq!((v, w), (all[at(*q)], -all[n - 1 - at(*q)]), "{q} of {n}");
            }
        }
    }
}
