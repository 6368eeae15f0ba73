//! Nuclei: where they lie, how they are turned, how dark they are. Small shaded ellipses.

use super::noise::{Noise, step};
use super::tissue::Tissue;
use crate::base::Draw;
use crate::base::exact::{cos, sin};

/// One nucleus. Lengths in pixels.
struct Nucleus {
    x: f64,
    y: f64,
    long: f64,
    short: f64,
    axis: (f64, f64),
    /// Haematoxylin at its middle.
    dark: f64,
    /// 0: even; 1: pale inside with a dark rim.
    vesicular: f64,
}

/// Haematoxylin and coverage of nuclei, for each pixel.
pub(super) struct Layer {
    pub width: usize,
    /// Stain concentration.
    pub stain: Vec<f32>,
    /// 0 to 1: how much of the pixel is nucleus.
    pub cover: Vec<f32>,
}

/// Draws the nuclei of a slide of `width` x `width` pixels.
pub(super) fn layer(seed: u64, slide: u64, tissue: &Tissue, width: usize) -> Layer {
    let mut layer = Layer { width, stain: vec![0.0; width * width], cover: vec![0.0; width * width] };
    let chromatin = Noise::keyed(seed, "synthetic chromatin", slide);
    for nucleus in place(seed, slide, tissue) {
        splat(&mut layer, &nucleus, &chromatin, tissue.unit);
    }
    layer
}

/// One candidate for each cell of a fine grid, kept by the local density, unless it would overlap an earlier one.
fn place(seed: u64, slide: u64, tissue: &Tissue) -> Vec<Nucleus> {
    let cell_px = 7.4 * tissue.unit;
    let cells = (tissue.size / cell_px).ceil() as usize;
    let mut at: Vec<Option<u32>> = vec![None; cells * cells];
    let mut kept: Vec<Nucleus> = Vec::new();
    for cell in 0..cells * cells {
        let mut draw = Draw::keyed(seed, "synthetic nucleus", &[slide, cell as u64]);
        let (col, row) = (cell % cells, cell / cells);
        let x = (col as f64 + draw.unit()) * cell_px;
        let y = (row as f64 + draw.unit()) * cell_px;
        let Some(nucleus) = candidate(&mut draw, tissue, x, y) else { continue };
        let radius = (nucleus.long * nucleus.short).sqrt();
        let crowded = (row.saturating_sub(2)..(row + 3).min(cells)).any(|r| {
            (col.saturating_sub(2)..(col + 3).min(cells)).any(|c| {
                at[r * cells + c].is_some_and(|i| {
                    let other = &kept[i as usize];
                    let (dx, dy) = (other.x - x, other.y - y);
                    let apart = 0.92 * (radius + (other.long * other.short).sqrt());
                    dx * dx + dy * dy < apart * apart
                })
            })
        });
        if !crowded {
            at[cell] = Some(kept.len() as u32);
            kept.push(nucleus);
        }
    }
    kept
}

/// The nucleus that a cell of this tissue would have, if there is one.
fn candidate(draw: &mut Draw, tissue: &Tissue, x: f64, y: f64) -> Option<Nucleus> {
    let u = tissue.unit;
    let place = tissue.at(x, y);
    let (chance, size, turn, dark) = (draw.unit(), draw.unit(), draw.unit(), draw.unit());
    if place.tissue < 0.9 {
        return None;
    }
    let free = (cos(std::f64::consts::PI * turn), sin(std::f64::consts::PI * turn));
    let build = |long: f64, flat: f64, axis: (f64, f64), dark: f64, vesicular: f64| {
        Some(Nucleus { x, y, long: long * u, short: long * flat * u, axis, dark, vesicular })
    };
    if let Some(g) = tissue.gland_at(x, y).filter(|g| g.q < 1.04) {
        // Basal nuclei, upright on the wall.
        let ring = step(0.58, 0.66, g.q) * (1.0 - step(0.93, 0.98, g.q));
        return if chance < ring { build(5.0 + 1.2 * size, 0.62 + 0.15 * turn, g.outward, 1.15 + 0.35 * dark, 0.25) } else { None };
    }
    if place.epithelium > 0.5 {
        let density = 0.75 * place.epithelium;
        return if chance < density {
            build(4.0 + 2.8 * size, 0.66 + 0.34 * turn, free, 1.0 + 0.55 * dark, 0.15 + 0.6 * size)
        } else {
            None
        };
    }
    if chance < 0.8 * place.lymph {
        return build(3.1 + 0.6 * size, 0.86 + 0.14 * turn, free, 1.5 + 0.4 * dark, 0.0);
    }
    if chance < 0.8 * place.lymph + 0.06 {
        let (fx, fy) = tissue.fibre_direction(x, y);
        let tilt = 0.5 * (turn - 0.5);
        let axis = (fx * cos(tilt) - fy * sin(tilt), fx * sin(tilt) + fy * cos(tilt));
        return build(5.5 + 3.2 * size, 0.24 + 0.14 * dark, axis, 1.15 + 0.45 * dark, 0.1);
    }
    None
}

fn splat(layer: &mut Layer, n: &Nucleus, chromatin: &Noise, unit: f64) {
    let reach = 1.3 * n.long + 1.0;
    let edge = (0.75 / n.short).clamp(0.08, 0.45);
    let range = |c: f64| (c - reach).floor().max(0.0) as usize..((c + reach).ceil().max(0.0) as usize).min(layer.width);
    for py in range(n.y) {
        for px in range(n.x) {
            let (dx, dy) = (px as f64 + 0.5 - n.x, py as f64 + 0.5 - n.y);
            let (a, b) = ((dx * n.axis.0 + dy * n.axis.1) / n.long, (dy * n.axis.0 - dx * n.axis.1) / n.short);
            let r = (a * a + b * b).sqrt();
            let alpha = 1.0 - step(1.0 - edge, 1.0 + edge, r);
            if alpha <= 0.0 {
                continue;
            }
            let speckle = chromatin.at(px as f64 / (2.1 * unit), py as f64 / (2.1 * unit));
            let rim = n.vesicular * (0.45 * step(0.45, 0.85, r) - 0.32 * (1.0 - step(0.2, 0.7, r)));
            let stain = n.dark * (1.0 + rim + 0.22 * speckle) * alpha;
            let i = py * layer.width + px;
            layer.stain[i] = layer.stain[i].max(stain as f32);
            layer.cover[i] = layer.cover[i].max(alpha as f32);
        }
    }
}
