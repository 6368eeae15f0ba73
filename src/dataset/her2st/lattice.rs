//! How spot centres lie in the image: checks of coordinates, and the fit of pixels to the printed lattice.

use super::spots::SpotRow;
use crate::base::{Failure, Result};
use crate::dataset::model::Finding;
use serde::Serialize;

/// The array's pitch, spot centre to spot centre.
const PITCH_UM: f64 = 200.0;
/// The image spans well (1, 1) to well (33, 35).
const SPAN: (f64, f64) = (32.0, 34.0);

/// A line `pixel = slope * adjusted + intercept`, by least squares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AxisFit {
    /// Pixels a well: the pitch along this axis.
    pub slope: f64,
    /// Pixels.
    pub intercept: f64,
    /// The largest distance of a spot from the line, in pixels.
    pub residual: f64,
}

/// The fit of both axes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatticeFit {
    /// Along the image's width.
    pub x: AxisFit,
    /// Along the image's height.
    pub y: AxisFit,
}

impl LatticeFit {
    /// Fits the spots of a section.
    pub(super) fn of(rows: &[SpotRow]) -> Self {
        let axis = |f: fn(&SpotRow) -> (f64, f64)| fit(&rows.iter().map(f).collect::<Vec<_>>());
        Self { x: axis(|r| (r.adjusted.0, r.pixel.0)), y: axis(|r| (r.adjusted.1, r.pixel.1)) }
    }
    /// Micrometres a pixel: the geometric mean of both axes, at 200 µm between wells.
    pub fn um_per_px(&self) -> f64 {
        PITCH_UM / (self.x.slope * self.y.slope).sqrt()
    }
}

fn fit(points: &[(f64, f64)]) -> AxisFit {
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (mu, mv) = (mean(|p| p.0), mean(|p| p.1));
    let uu: f64 = points.iter().map(|p| (p.0 - mu) * (p.0 - mu)).sum();
    let uv: f64 = points.iter().map(|p| (p.0 - mu) * (p.1 - mv)).sum();
    let slope = if uu > 0.0 { uv / uu } else { 0.0 };
    let intercept = mv - slope * mu;
    let residual = points.iter().map(|p| (slope * p.0 + intercept - p.1).abs()).fold(0.0, f64::max);
    AxisFit { slope, intercept, residual }
}

/// Refuses centres outside the image (G23, G24), equal or on one line (G25), or that are no pixels (G26).
pub(super) fn check_inside(rows: &[SpotRow], size: (u32, u32), shown: &str) -> Result<()> {
    let (w, h) = (f64::from(size.0), f64::from(size.1));
    let largest = rows.iter().map(|r| r.pixel.0.max(r.pixel.1)).fold(f64::MIN, f64::max);
    if largest <= 256.0 && w.max(h) > 2000.0 {
        return Err(Failure::input(format!(
            "the largest pixel coordinate is {largest} in an image of {w} x {h}: these are array indices, not pixels (G26)"
        ))
        .at(shown));
    }
    let constant = |f: fn(&SpotRow) -> f64| rows.len() > 2 && rows.iter().all(|r| f(r) == f(&rows[0]));
    for (name, flat) in [("pixel_x", constant(|r| r.pixel.0)), ("pixel_y", constant(|r| r.pixel.1))] {
        if flat {
            return Err(Failure::input(format!("all {} spots have the same {name} (G25)", rows.len()))
                .at(shown)
                .hint("the column was overwritten; fetch the file again"));
        }
    }
    let inside = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && x < w && y < h;
    let outside: Vec<&SpotRow> = rows.iter().filter(|r| !inside(r.pixel.0, r.pixel.1)).collect();
    let over = |r: &SpotRow| (-r.pixel.0).max(-r.pixel.1).max(r.pixel.0 - w).max(r.pixel.1 - h);
    let Some(worst) = outside.iter().copied().reduce(|a, b| if over(b) > over(a) { b } else { a }) else { return Ok(()) };
    let hint = if rows.iter().all(|r| inside(r.pixel.1, r.pixel.0)) {
        "swapping x and y would fit: the columns are mixed up".to_owned()
    } else {
        let corner = rows.iter().fold((1.0f64, 1.0f64), |a, r| (a.0.max(r.pixel.0), a.1.max(r.pixel.1)));
        let shrink = (w / corner.0).min(h / corner.1);
        match rows.iter().all(|r| r.pixel.0 >= 0.0 && r.pixel.1 >= 0.0) {
            // A smaller image leaves many spots outside, a slip of the pen one or two.
            _ if outside.len() * 10 <= rows.len() => "correct or remove this row, or fetch the spot file again".to_owned(),
            true => format!("a factor of {shrink:.3} would fit: is the image a smaller copy (L12)? Use the full-size one"),
            false => "some coordinates are negative; fetch the spot file again".to_owned(),
        }
    };
    let code = if outside.len() * 100 > rows.len() { "G24" } else { "G23" };
    let text = format!(
        "{} of {} spot centres lie outside the image of {w} x {h} pixels, worst '{}x{}' at ({}, {}) ({code})",
        outside.len(),
        rows.len(),
        worst.array.0,
        worst.array.1,
        worst.pixel.0,
        worst.pixel.1
    );
    Err(Failure::input(text).at(shown).hint(hint))
}

/// Checks the pixels against the lattice and, for the image, against the rule `pixel = (new - 1) * W / 32`.
/// Section A6 breaks the rule as published; that is a warning. Any other breach means that the image is not the one
/// on which the coordinates were measured (L09, L12), or that rows are mixed up (G44).
pub(super) fn check_lattice(rows: &[SpotRow], fit: &LatticeFit, size: (u32, u32), section: &str, shown: &str) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if rows.len() < 4 {
        findings.push(Finding::note("lattice-fit", format!("only {} spots: the lattice was not fitted", rows.len())));
    } else {
        let relative = (fit.x.residual / fit.x.slope.abs().max(1e-9)).max(fit.y.residual / fit.y.slope.abs().max(1e-9));
        if fit.x.slope <= 0.0 || fit.y.slope <= 0.0 || relative > 0.5 {
            return Err(Failure::input(format!(
                "pixels do not follow the array: pitch {:.2} x {:.2} px, largest residual {:.2} pitches (G44)",
                fit.x.slope, fit.y.slope, relative
            ))
            .at(shown)
            .hint("are rows or axes mixed up, or are these the annotation file's pixels (L17), whose y is reversed?"));
        }
        let text = format!(
            "pitch {:.2} x {:.2} px, largest residual {:.3} x {:.3} px, {:.4} x {:.4} µm/px",
            fit.x.slope,
            fit.y.slope,
            fit.x.residual,
            fit.y.residual,
            PITCH_UM / fit.x.slope,
            PITCH_UM / fit.y.slope
        );
        findings.push(if relative > 0.1 { Finding::warning("lattice-fit", text) } else { Finding::note("lattice-fit", text) });
    }
    let step = (f64::from(size.0) / SPAN.0, f64::from(size.1) / SPAN.1);
    let off = |r: &SpotRow| ((r.adjusted.0 - 1.0) * step.0 - r.pixel.0).abs().max(((r.adjusted.1 - 1.0) * step.1 - r.pixel.1).abs());
    let worst = rows.iter().map(off).fold(0.0, f64::max);
    if worst <= 1.0 {
        return Ok(findings);
    }
    let text = format!("pixels leave the rule (new - 1) * {} / 32, (new - 1) * {} / 34 by up to {worst:.2} px", size.0, size.1);
    if section == "A6" {
        findings.push(Finding::warning("A6-offset", format!("{text} (L09); this is so as published: another crop, or one well off")));
        return Ok(findings);
    }
    Err(Failure::input(format!("{text} (L09)")).at(shown).hint(
        "the image is not the one these coordinates were measured on (L12: a smaller or cropped copy?); take the published full-size image",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spots 2..6 x 3..6 on an image of this size, by the published rule.
    fn rows(size: (u32, u32)) -> Vec<SpotRow> {
        let place = |v: f64, side: u32, span: f64| (v - 1.0) * f64::from(side) / span;
        let row = |x: i32, y: i32| {
            let adjusted = (f64::from(x) + 0.1, f64::from(y) - 0.2);
            SpotRow { array: (x, y), adjusted, pixel: (place(adjusted.0, size.0, SPAN.0), place(adjusted.1, size.1, SPAN.1)) }
        };
        (2..6).flat_map(|x| (3..6).map(move |y| row(x, y))).collect()
    }

    fn inside(change: fn(&mut SpotRow), size: (u32, u32)) -> String {
        let mut all = rows((9274, 9911));
        all.iter_mut().for_each(change);
        check_inside(&all, size, "f").expect_err("refused").to_string()
    }

    #[test]
    fn strange_coordinates_are_explained() {
        let size = (9274, 9911);
        assert!(check_inside(&rows(size), size, "f").is_ok());
        assert!(inside(|r| r.pixel = r.adjusted, size).contains("G26"));
        assert!(inside(|r| r.pixel.0 = 700.0, size).contains("same pixel_x (G25)"));
        assert!(inside(|r| r.pixel = (r.pixel.0 + 8000.0, r.pixel.1 - 5000.0), size).contains("some coordinates are negative"));
        assert!(inside(|r| r.pixel = (r.pixel.1 + 8600.0, r.pixel.0), size).contains("swapping x and y would fit"));
        assert!(inside(|_| (), (900, 960)).contains("L12"));
        // One spot of 120 is below one per cent.
        let mut many: Vec<SpotRow> = rows(size).into_iter().cycle().take(120).collect();
        many[0].pixel.0 = -1.0;
        assert!(check_inside(&many, size, "f").expect_err("one").what.contains("1 of 120") && many.len() == 120);
        assert!(check_inside(&many, size, "f").expect_err("one").what.ends_with("(G23)"));
        assert!(check_inside(&many, size, "f").expect_err("one").to_string().contains("correct or remove this row"));
    }

    #[test]
    fn the_lattice_and_the_rule_are_checked() {
        let size = (9274, 9911);
        let check = |all: &[SpotRow], section: &str| check_lattice(all, &LatticeFit::of(all), size, section, "f");
        let good = rows(size);
        assert!((LatticeFit::of(&good).x.slope - 9274.0 / 32.0).abs() < 1e-9);
        assert_eq!(check(&good, "C2").expect("good").len(), 1);
        // Shifted by a pitch: refused, but for A6, which is published so.
        let mut shifted = good.clone();
        shifted.iter_mut().for_each(|r| r.pixel.0 += 216.0);
        assert!(check(&shifted, "C2").expect_err("shifted").what.contains("L09"));
        assert!(check(&shifted, "A6").expect("A6").iter().any(|f| f.code == "A6-offset"));
        // The annotation file's y runs the other way.
        let mut reversed = good.clone();
        reversed.iter_mut().for_each(|r| r.pixel.1 = 9911.0 - r.pixel.1);
        assert!(check(&reversed, "C2").expect_err("reversed").to_string().contains("L17"));
        let mut mixed = good;
        mixed.swap(0, 11);
        let places: Vec<(f64, f64)> = mixed.iter().rev().map(|r| r.pixel).collect();
        mixed.iter_mut().zip(places).take(6).for_each(|(r, p)| r.pixel = p);
        assert!(check(&mixed, "C2").expect_err("mixed").what.contains("G44"));
    }
}
