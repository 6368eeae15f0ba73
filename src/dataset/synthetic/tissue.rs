//! The plan of a slide: where tissue is, and of what kind. Places are in pixels; `unit` is a 64th of the pitch, so
//! that a slide looks the same at any pitch.

use super::noise::{Noise, step};
use crate::base::Draw;
use crate::base::exact::{cos, sin};

/// A gland: an ellipse with a pale lumen, a band of cells, and a thin wall.
pub(super) struct Gland {
    x: f64,
    y: f64,
    radius: f64,
    /// Unit vector of the long axis.
    axis: (f64, f64),
    /// Short axis over long axis.
    flatness: f64,
}

/// Kinds of tissue at a point, each 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Tissue rather than glass.
    pub tissue: f64,
    /// Nests of epithelium rather than stroma.
    pub epithelium: f64,
    /// Dense collagen rather than loose stroma.
    pub collagen: f64,
    /// Lymphocytes crowding the stroma.
    pub lymph: f64,
}

/// Where a point stands in the nearest gland: `q` is 0 in the middle and 1 on its wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct InGland {
    pub q: f64,
    /// Unit vector away from the middle.
    pub outward: (f64, f64),
}

/// The plan of one slide.
pub(super) struct Tissue {
    pub unit: f64,
    pub size: f64,
    outline: Noise,
    nests: Noise,
    collagen: Noise,
    lymph: Noise,
    wave: Noise,
    wobble: Noise,
    base: (f64, f64),
    glands: Vec<Gland>,
}

impl Tissue {
    pub(super) fn new(seed: u64, slide: u64, size: f64, unit: f64) -> Self {
        let field = |name: &str| Noise::keyed(seed, name, slide);
        let angle = Draw::keyed(seed, "synthetic fibre direction", &[slide]).uniform(0.0, std::f64::consts::PI);
        let mut tissue = Self {
            unit,
            size,
            outline: field("synthetic outline"),
            nests: field("synthetic nests"),
            collagen: field("synthetic collagen"),
            lymph: field("synthetic lymph"),
            wave: field("synthetic wave"),
            wobble: field("synthetic wobble"),
            base: (cos(angle), sin(angle)),
            glands: Vec::new(),
        };
        tissue.place_glands(seed, slide);
        tissue
    }

    /// Glands stand on a jittered grid where a field of their own is high, so that they come in groups.
    fn place_glands(&mut self, seed: u64, slide: u64) {
        let field = Noise::keyed(seed, "synthetic gland field", slide);
        let step_px = 118.0 * self.unit;
        let cells = (self.size / step_px).ceil() as u64;
        for cell in 0..cells * cells {
            let mut draw = Draw::keyed(seed, "synthetic gland", &[slide, cell]);
            let x = ((cell % cells) as f64 + draw.uniform(0.3, 0.7)) * step_px;
            let y = ((cell / cells) as f64 + draw.uniform(0.3, 0.7)) * step_px;
            let (radius, flatness, turn) =
                (draw.uniform(30.0, 54.0) * self.unit, draw.uniform(0.66, 0.98), draw.uniform(0.0, std::f64::consts::PI));
            let wanted = field.octaves(x / (330.0 * self.unit), y / (330.0 * self.unit), 2) > 0.0;
            if wanted && self.depth(x, y) > radius + 8.0 * self.unit {
                self.glands.push(Gland { x, y, radius, axis: (cos(turn), sin(turn)), flatness });
            }
        }
    }

    /// How deep in the tissue a point lies, about in pixels; negative on glass.
    fn depth(&self, x: f64, y: f64) -> f64 {
        let half = self.size / 2.0;
        let (dx, dy) = ((x - half) / half, (y - half) / half);
        let radius = 0.55 * (dx * dx + dy * dy).sqrt() + 0.45 * dx.abs().max(dy.abs());
        let u = self.unit;
        let wavy = 0.13 * self.outline.octaves(x / (420.0 * u), y / (420.0 * u), 3);
        let smooth = (0.955 + wavy - radius) * half;
        // The ragged edge is at most some pixels deep; far from it there is nothing to add.
        if smooth.abs() > 24.0 * u {
            return smooth;
        }
        let ragged = 2.0 * u * self.outline.at(x / (9.0 * u), y / (9.0 * u)) + 1.2 * u * self.wobble.at(x / (3.0 * u), y / (3.0 * u));
        smooth + ragged
    }

    pub(super) fn at(&self, x: f64, y: f64) -> Place {
        let u = self.unit;
        let depth = self.depth(x, y);
        if depth < -3.0 * u {
            return Place::default();
        }
        let nests = self.nests.octaves(x / (270.0 * u), y / (270.0 * u), 4);
        let collagen = self.collagen.octaves(x / (300.0 * u), y / (300.0 * u), 2);
        let lymph = self.lymph.octaves(x / (210.0 * u), y / (210.0 * u), 3);
        Place {
            tissue: step(-1.2 * u, 1.2 * u, depth),
            epithelium: step(0.09, 0.17, nests) * step(0.0, 16.0 * u, depth),
            collagen: step(-0.4, 0.4, collagen),
            lymph: step(0.32, 0.6, lymph),
        }
    }

    /// Coordinates along and across the collagen's fibres, in pixels: straight lines bent by a slow wave.
    pub(super) fn along_fibres(&self, x: f64, y: f64) -> (f64, f64) {
        let u = self.unit;
        let bend = 46.0 * u * self.wave.octaves(x / (190.0 * u), y / (190.0 * u), 2);
        (x * self.base.0 + y * self.base.1, y * self.base.0 - x * self.base.1 + bend)
    }

    /// Unit vector along the fibres at a point.
    pub(super) fn fibre_direction(&self, x: f64, y: f64) -> (f64, f64) {
        let h = self.unit;
        let across = |x: f64, y: f64| self.along_fibres(x, y).1;
        let (gx, gy) = (across(x + h, y) - across(x - h, y), across(x, y + h) - across(x, y - h));
        let length = (gx * gx + gy * gy).sqrt().max(1e-12);
        (gy / length, -gx / length)
    }

    /// The gland that a point lies in or beside, out to 1.3 radii.
    pub(super) fn gland_at(&self, x: f64, y: f64) -> Option<InGland> {
        let u = self.unit;
        let mut best: Option<InGland> = None;
        for g in &self.glands {
            let (dx, dy) = (x - g.x, y - g.y);
            let reach = 1.7 * g.radius;
            if dx.abs() > reach || dy.abs() > reach {
                continue;
            }
            let (long, short) = (dx * g.axis.0 + dy * g.axis.1, (dy * g.axis.0 - dx * g.axis.1) / g.flatness);
            let bent = 1.0 + 0.2 * self.wobble.at(x / (38.0 * u), y / (38.0 * u));
            let q = (long * long + short * short).sqrt() / g.radius * bent;
            if q < best.map_or(1.3, |b| b.q) {
                let length = (dx * dx + dy * dy).sqrt().max(1e-9);
                best = Some(InGland { q, outward: (dx / length, dy / length) });
            }
        }
        best
    }
}
