//! The work that the benches share: pictures, patches and expression made by formulas, so that every run is the same.
#![allow(dead_code)]

use pinfold::base::Draw;
use pinfold::dataset::RgbImage;

/// Spots, genes and neighbours of the Moran bench: a large slide and a usual panel.
pub const MORAN: (usize, usize, usize) = (2_000, 800, 6);

/// A picture with the grain of tissue: soft waves of stain and sharp dark dots.
pub fn tissue(width: u32, height: u32) -> RgbImage {
    let mut draw = Draw::keyed(1, "bench tissue", &[]);
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let (fx, fy) = (f64::from(x), f64::from(y));
            let stain = 30.0 * (fx / 37.0).sin() * (fy / 53.0).cos() + 18.0 * ((fx + fy) / 11.0).sin();
            let dot = if (x % 23).abs_diff(11).pow(2) + (y % 19).abs_diff(9).pow(2) < 20 { -70.0 } else { 0.0 };
            let grain = f64::from(draw.u32() % 17) - 8.0;
            pixels.extend(
                [225.0 + stain * 0.4 + dot + grain, 170.0 + stain + dot + grain, 205.0 + stain * 0.6 + dot * 0.6 + grain]
                    .map(|v| v.clamp(0.0, 255.0) as u8),
            );
        }
    }
    RgbImage { width, height, pixels }
}

/// Spot centres on a grid that keeps `margin` from the edges.
pub fn centres(width: u32, height: u32, margin: u32, pitch: u32) -> Vec<(f64, f64)> {
    let along = |n: u32| (margin..n - margin).step_by(pitch as usize);
    along(height).flat_map(|y| along(width).map(move |x| (f64::from(x) + 0.3, f64::from(y) + 0.7))).collect()
}

/// Points and expression of the Moran bench: `values[spot * genes + gene]`, part gradient, part noise.
pub fn expression() -> (Vec<(f64, f64)>, Vec<f64>) {
    let (spots, genes, _) = MORAN;
    let mut draw = Draw::keyed(1, "bench expression", &[]);
    let points: Vec<(f64, f64)> = (0..spots).map(|_| (draw.uniform(0.0, 100.0), draw.uniform(0.0, 100.0))).collect();
    let values =
        points.iter().flat_map(|p| (0..genes).map(|g| p.0 * (g % 7) as f64 * 0.01 + draw.normal()).collect::<Vec<f64>>()).collect();
    (points, values)
}
