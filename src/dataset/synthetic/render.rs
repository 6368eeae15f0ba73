//! Stain concentrations to colours, and the morphology that stands round each spot.

use super::noise::{Noise, step};
use super::nuclei::{self, Layer};
use super::tissue::Tissue;
use crate::base::Draw;
use crate::base::exact::exp;
use crate::dataset::image::RgbImage;
use rayon::prelude::*;

/// Optical density of one unit of haematoxylin and of eosin in red, green and blue: the reference colours that
/// Macenko's method for stain normalisation is commonly used with.
const HAEMATOXYLIN: [f64; 3] = [0.5626, 0.7201, 0.4062];
const EOSIN: [f64; 3] = [0.2159, 0.8012, 0.5581];
/// The glass.
const WHITE: [f64; 3] = [244.0, 242.0, 245.0];

/// What a patch round a spot shows, each 0 to 1, as shares of its tissue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Morphology {
    /// Share of the window that is tissue.
    pub tissue: f64,
    /// Share of the tissue covered by nuclei.
    pub nuclei: f64,
    /// Share of the tissue inside glands.
    pub gland: f64,
    /// Share of the tissue that is dense collagen.
    pub collagen: f64,
}

/// A slide's picture and what it is made of.
pub(super) struct Rendered {
    pub image: RgbImage,
    width: usize,
    cover: Vec<f32>,
    tissue: Vec<f32>,
    gland: Vec<f32>,
    collagen: Vec<f32>,
}

/// A slide's staining: strength and colour of both stains.
struct Stain {
    haematoxylin: [f64; 3],
    eosin: [f64; 3],
}

impl Stain {
    fn of(seed: u64, slide: u64) -> Self {
        let mut draw = Draw::keyed(seed, "synthetic stain", &[slide]);
        let mut vary = |base: [f64; 3], strength: f64| {
            let scale = draw.uniform(1.0 - strength, 1.0 + strength);
            base.map(|v| v * scale * draw.uniform(0.92, 1.08))
        };
        Self { haematoxylin: vary(HAEMATOXYLIN, 0.16), eosin: vary(EOSIN, 0.2) }
    }
}

/// One pixel before staining.
#[derive(Clone, Copy, Default)]
struct Pixel {
    haematoxylin: f64,
    eosin: f64,
    tissue: f32,
    gland: f32,
    collagen: f32,
}

/// Draws a slide of `width` x `width` pixels.
pub(super) fn render(seed: u64, slide: u64, tissue: &Tissue, width: usize) -> Rendered {
    let nuclei = nuclei::layer(seed, slide, tissue, width);
    let textures = Textures {
        fibre: Noise::keyed(seed, "synthetic fibre", slide),
        cleft: Noise::keyed(seed, "synthetic cleft", slide),
        grain: Noise::keyed(seed, "synthetic cytoplasm", slide),
    };
    let stain = Stain::of(seed, slide);
    let mut pixels = vec![Pixel::default(); width * width];
    pixels.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, out) in row.iter_mut().enumerate() {
            *out = pixel(tissue, &textures, &nuclei, x, y);
        }
    });
    let colours: Vec<[f64; 3]> = pixels
        .par_iter()
        .map(|p| {
            let mut rgb = [0.0; 3];
            for (c, v) in rgb.iter_mut().enumerate() {
                *v = WHITE[c] * exp(-(p.haematoxylin * stain.haematoxylin[c] + p.eosin * stain.eosin[c]));
            }
            rgb
        })
        .collect();
    let image = RgbImage { width: width as u32, height: width as u32, pixels: develop(seed, slide, &colours, width) };
    let plane = |f: fn(&Pixel) -> f32| pixels.iter().map(f).collect();
    Rendered { image, width, cover: nuclei.cover, tissue: plane(|p| p.tissue), gland: plane(|p| p.gland), collagen: plane(|p| p.collagen) }
}

struct Textures {
    fibre: Noise,
    cleft: Noise,
    grain: Noise,
}

fn pixel(tissue: &Tissue, textures: &Textures, nuclei: &Layer, px: usize, py: usize) -> Pixel {
    let (x, y, u) = (px as f64 + 0.5, py as f64 + 0.5, tissue.unit);
    let place = tissue.at(x, y);
    if place.tissue <= 0.0 {
        return Pixel::default();
    }
    let (along, across) = tissue.along_fibres(x, y);
    let fine = textures.fibre.at(along / (44.0 * u), across / (4.6 * u));
    let coarse = textures.fibre.at(along / (95.0 * u) + 31.0, across / (11.0 * u) + 7.0);
    let grain = textures.grain.octaves(x / (7.0 * u), y / (7.0 * u), 2);
    let slit = step(0.36, 0.62, textures.cleft.at(along / (64.0 * u), across / (13.0 * u)));
    let loose = 1.0 - place.collagen;
    // Stroma: pink fibres, with white slits where it is loose.
    let fibre = 0.55 * fine + 0.45 * coarse;
    let stroma = ((0.24 + 0.4 * place.collagen) * (1.0 + 0.42 * fibre) + 0.03 * grain).max(0.02) * (1.0 - slit * (0.2 + 0.62 * loose));
    let mut eosin = stroma * (1.0 - place.epithelium) + (0.33 + 0.05 * grain) * place.epithelium;
    let mut haematoxylin = 0.025 + (0.13 + 0.05 * grain) * place.epithelium + 0.06 * place.lymph;
    let (mut gland, mut collagen) = (0.0, place.collagen * (1.0 - place.epithelium));
    if let Some(g) = tissue.gland_at(x, y) {
        let inside = 1.0 - step(0.99, 1.01, g.q);
        let lumen = 1.0 - step(0.4, 0.46, g.q);
        let wall = step(0.98, 1.02, g.q) * (1.0 - step(1.06, 1.12, g.q));
        let cytoplasm = 0.36 + 0.06 * grain + 0.12 * step(0.6, 0.46, g.q);
        eosin = eosin * (1.0 - inside) + inside * (cytoplasm * (1.0 - lumen) + 0.035 * lumen) + 0.22 * wall;
        haematoxylin = haematoxylin * (1.0 - inside) + inside * (0.12 + 0.04 * grain) * (1.0 - lumen);
        gland = inside;
        collagen *= 1.0 - inside;
    }
    let i = py * nuclei.width + px;
    let cover = f64::from(nuclei.cover[i]);
    eosin *= 1.0 - 0.55 * cover;
    haematoxylin = haematoxylin * (1.0 - cover) + f64::from(nuclei.stain[i]);
    let t = place.tissue;
    Pixel { haematoxylin: haematoxylin * t, eosin: eosin * t, tissue: t as f32, gland: (gland * t) as f32, collagen: (collagen * t) as f32 }
}

/// A lens and a sensor: a blur by (1 2 1)/4 both ways, noise of about one level, rounding to bytes.
fn develop(seed: u64, slide: u64, colours: &[[f64; 3]], width: usize) -> Vec<u8> {
    let mut out = vec![0u8; 3 * width * width];
    out.par_chunks_mut(3 * width).enumerate().for_each(|(y, row)| {
        let mut draw = Draw::keyed(seed, "synthetic sensor", &[slide, y as u64]);
        for (x, bytes) in row.chunks_mut(3).enumerate() {
            let noise = draw.u64();
            for (c, byte) in bytes.iter_mut().enumerate() {
                let mut sum = 0.0;
                for (dy, wy) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
                    let line = (y + dy).saturating_sub(1).min(width - 1) * width;
                    for (dx, wx) in [(0, 1.0), (1, 2.0), (2, 1.0)] {
                        sum += wy * wx * colours[line + (x + dx).saturating_sub(1).min(width - 1)][c];
                    }
                }
                let bits = (noise >> (16 * c)) & 0xffff;
                let shake = (bits & 0xff) as f64 / 255.0 + (bits >> 8) as f64 / 255.0 - 1.0;
                *byte = (sum / 16.0 + 2.4 * shake + 0.5).floor().clamp(0.0, 255.0) as u8;
            }
        }
    });
    out
}

impl Rendered {
    /// What the window of `side` pixels round (x, y) shows.
    pub(super) fn morphology(&self, x: f64, y: f64, side: f64) -> Morphology {
        let range = |c: f64| (c - side / 2.0).max(0.0) as usize..((c + side / 2.0) as usize).min(self.width);
        let (mut n, mut sums) = (0.0, [0.0f64; 4]);
        for py in range(y) {
            for px in range(x) {
                let i = py * self.width + px;
                n += 1.0;
                for (sum, plane) in sums.iter_mut().zip([&self.tissue, &self.cover, &self.gland, &self.collagen]) {
                    *sum += f64::from(plane[i]);
                }
            }
        }
        let tissue = sums[0].max(1e-9);
        Morphology { tissue: sums[0] / f64::max(n, 1.0), nuclei: sums[1] / tissue, gland: sums[2] / tissue, collagen: sums[3] / tissue }
    }
}
