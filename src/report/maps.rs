//! Figure: measured and predicted expression on the tissue.

use super::axis::{Range, drawable};
use super::canvas::{Anchor, Canvas, Colour};
use super::heading::Heading;
use super::png::Rgb;
use super::style::{AXIS, INK, LABEL, MARGIN, NOTE, PANEL, TICK, WIDTH, counted, fixed};
use crate::base::{Failure, Result};

/// Input of [`truth_vs_prediction`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TruthVsPrediction {
    /// Words.
    pub heading: Heading,
    /// The slide's name.
    pub slide: String,
    /// A small image of the slide; maps lie on light grey without one.
    pub thumbnail: Option<Thumbnail>,
    /// Spot centres, full-resolution pixels from the left.
    pub x: Vec<f64>,
    /// Spot centres, full-resolution pixels from the top; as many as `x`.
    pub y: Vec<f64>,
    /// Micrometres a full-resolution pixel is wide: a scale bar is drawn if known.
    pub microns_per_pixel: Option<f64>,
    /// What the numbers are, with their unit: `ln(1 + x)`.
    pub unit: String,
    /// Two or three genes (at most four are drawn).
    pub genes: Vec<GeneMap>,
}

/// A small image and its scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail {
    /// The image.
    pub image: Rgb,
    /// Its pixels for one full-resolution pixel: 0.05 for an image shrunk twenty times.
    pub scale: f64,
}

/// One gene on the slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneMap {
    /// Symbol.
    pub gene: String,
    /// PCC on this slide.
    pub pcc: Option<f64>,
    /// Measured expression, one value a spot.
    pub truth: Vec<f64>,
    /// Predicted expression, one value a spot.
    pub prediction: Vec<f64>,
}

/// Maps of at most so many genes are drawn.
const ROWS: usize = 4;

/// A spot without a number.
const NOTHING: Colour = (178, 181, 187);

impl TruthVsPrediction {
    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let defined: Vec<f64> = self.genes.iter().take(ROWS).filter_map(|g| g.pcc).filter(|v| v.is_finite()).collect();
        let range = match (defined.iter().copied().reduce(f64::min), defined.iter().copied().reduce(f64::max)) {
            (Some(a), Some(b)) if defined.len() > 1 => format!("PCC on this slide from {} to {}", fixed(Some(a), 2), fixed(Some(b), 2)),
            (Some(a), _) => format!("PCC on this slide {}", fixed(Some(a), 2)),
            _ => "no PCC is defined on this slide".to_owned(),
        };
        let drawn = || self.genes.iter().take(ROWS);
        let missing = drawn().flat_map(|g| g.truth.iter().chain(&g.prediction)).any(|v| !drawable(*v));
        format!(
            "Held-out spots of slide {} ({}): {range}. Both maps of a gene share one colour scale{}{}.",
            super::font::elide(&self.slide, 26.0, super::font::Weight::Regular, 300.0),
            counted(self.x.len(), "spot"),
            if drawn().any(|g| cut(2 * g.truth.len()) > 0) { ", cut at the 1st and the 99th percentile" } else { "" },
            if missing { "; grey spots have no value" } else { "" }
        )
    }

    fn check(&self) -> Result<()> {
        if self.x.len() != self.y.len() {
            return Err(Failure::input(format!("{} columns and {} rows of spots for slide '{}'", self.x.len(), self.y.len(), self.slide)));
        }
        for g in &self.genes {
            if g.truth.len() != self.x.len() || g.prediction.len() != self.x.len() {
                return Err(Failure::input(format!(
                    "gene '{}' has {} measured and {} predicted values for {} spots",
                    g.gene,
                    g.truth.len(),
                    g.prediction.len(),
                    self.x.len()
                )));
            }
        }
        Ok(())
    }
}

/// Where full-resolution pixels come to lie.
#[derive(Clone, Copy)]
struct View {
    left: f64,
    top: f64,
    side_x: f64,
    side_y: f64,
}

/// One row a gene: the tissue, the truth, the prediction, and the colour scale of both.
pub fn truth_vs_prediction(input: &TruthVsPrediction, text: &[(String, String)]) -> Result<Vec<u8>> {
    input.check()?;
    let genes = &input.genes[..input.genes.len().min(ROWS)];
    let places: Vec<(f64, f64)> = input.x.iter().copied().zip(input.y.iter().copied()).collect();
    let sound: Vec<(f64, f64)> = places.iter().copied().filter(|p| p.0.abs() < 1e9 && p.1.abs() < 1e9).collect();
    let pitch = spacing(&sound);
    let around = |values: Vec<f64>| {
        let r = Range::of(values, 0.0);
        Range { low: r.low - pitch, high: r.high + pitch }
    };
    let (xs, ys) = (around(sound.iter().map(|p| p.0).collect()), around(sound.iter().map(|p| p.1).collect()));
    let (wide, high) = (xs.high - xs.low, ys.high - ys.low);

    // Three maps side by side, as large as the width allows and no higher than a page bears.
    let gap = 26.0;
    let column = (WIDTH as f64 - 2.0 * MARGIN - 150.0 - 3.0 * gap) / 3.0;
    let tallest = if genes.len() <= 2 { 520.0 } else { 420.0 };
    let scale = (column / wide).min(tallest / high);
    let (w, h) = ((wide * scale).max(40.0).round(), (high * scale).max(40.0).round());
    let step = h + 62.0;
    let head = 216.0;
    let mut canvas = Canvas::new(WIDTH, (head + step * genes.len().max(1) as f64 + 80.0) as usize);
    let top = input.heading.draw(&mut canvas, "Measured and predicted expression", &input.finding());
    let top = top.max(head - 72.0) + 16.0;
    let columns = [0.0, 1.0, 2.0].map(|i| MARGIN + i * (column + gap) + ((column - w) / 2.0).round());
    for (x, words) in columns.iter().zip(["Tissue", "Measured", "Predicted"]) {
        canvas.text(words, x + w / 2.0, top + 12.0, LABEL);
    }
    if genes.is_empty() || sound.is_empty() {
        canvas.text("no gene or no spot to show", WIDTH as f64 / 2.0, top + 120.0, LABEL);
        return canvas.png(text);
    }
    let radius = (pitch * scale * 0.47).clamp(1.5, 26.0);
    let view = |x: f64, y: f64| View { left: x, top: y, side_x: w, side_y: h };
    for (i, gene) in genes.iter().enumerate() {
        let y0 = top + 74.0 + step * i as f64;
        let pcc = format!("PCC {}", fixed(gene.pcc, 2));
        let name = PANEL.elide(&gene.gene, WIDTH as f64 - 2.0 * MARGIN - 260.0);
        canvas.text(&name, MARGIN, y0 - 14.0, PANEL);
        canvas.text(&pcc, MARGIN + PANEL.width(&name) + 22.0, y0 - 14.0, NOTE.coloured(INK));
        let scale_of = colours(gene);
        for (k, x0) in columns.iter().enumerate() {
            let v = view(*x0, y0);
            ground(&mut canvas, input, &xs, &ys, v, if k == 0 { 0.0 } else { 0.72 });
            let values = match k {
                1 => &gene.truth,
                2 => &gene.prediction,
                _ => continue,
            };
            for (place, value) in places.iter().zip(values) {
                let (x, y) = (v.left + xs.share(place.0) * v.side_x, v.top + ys.share(place.1) * v.side_y);
                canvas.disc(x, y, radius, colour(&scale_of, *value), 1.0);
            }
        }
        if i == 0 {
            scale_bar(&mut canvas, input, wide, view(columns[0], y0));
        }
        let bar = columns[2] + w + gap + 8.0;
        colour_bar(&mut canvas, &scale_of, bar, y0, h, &input.unit);
    }
    canvas.png(text)
}

/// The tissue, faded or not, or light grey where there is no image.
fn ground(canvas: &mut Canvas, input: &TruthVsPrediction, xs: &Range, ys: &Range, v: View, fade: f64) {
    let area = (v.left, v.top, v.left + v.side_x, v.top + v.side_y);
    canvas.rect(area.0, area.1, area.2, area.3, (242, 243, 245), 1.0);
    match input.thumbnail.as_ref().filter(|t| t.scale.is_finite() && t.scale > 0.0) {
        Some(t) => {
            let crop = (xs.low * t.scale, ys.low * t.scale, (xs.high - xs.low) * t.scale, (ys.high - ys.low) * t.scale);
            canvas.image(&t.image, crop, area, fade);
        }
        None if fade == 0.0 => {
            let words = LABEL.elide("no image", v.side_x - 10.0);
            canvas.text(&words, v.left + v.side_x / 2.0, v.top + v.side_y / 2.0, LABEL.coloured(AXIS));
        }
        None => {}
    }
}

/// How many of this many sorted values are left out of the colour scale at each end.
fn cut(values: usize) -> usize {
    if values >= 100 { values / 100 } else { 0 }
}

/// The shared scale: from the 1st to the 99th percentile of truth and prediction, so that one outlier does not
/// flatten the map; the whole range when there are few values.
fn colours(gene: &GeneMap) -> Range {
    let mut all: Vec<f64> = gene.truth.iter().chain(&gene.prediction).copied().filter(|v| drawable(*v)).collect();
    all.sort_by(f64::total_cmp);
    let cut = cut(all.len());
    let kept = all.get(cut..all.len() - cut).unwrap_or(&all);
    Range::of(kept.iter().copied(), 0.0)
}

fn colour(scale: &Range, value: f64) -> Colour {
    let share = scale.share(value);
    if !share.is_finite() {
        return NOTHING;
    }
    let c = colorous::VIRIDIS.eval_continuous(share.clamp(0.0, 1.0));
    (c.r, c.g, c.b)
}

fn colour_bar(canvas: &mut Canvas, scale: &Range, x: f64, y: f64, h: f64, unit: &str) {
    let (width, steps) = (24.0, 128);
    for i in 0..steps {
        let (a, b) = (f64::from(i) / f64::from(steps), f64::from(i + 1) / f64::from(steps));
        let c = colour(&Range { low: 0.0, high: 1.0 }, (a + b) / 2.0);
        canvas.rect(x, y + h * (1.0 - b), x + width, y + h * (1.0 - a), c, 1.0);
    }
    let mut widest = 0.0f64;
    for (v, label) in scale.ticks((h / 80.0) as usize) {
        let at = (y + h * (1.0 - scale.share(v))).round();
        canvas.line((x + width, at), (x + width + 6.0, at), AXIS, 1.0, 1.0);
        canvas.text(&label, x + width + 12.0, at + 8.0, TICK.anchored(Anchor::Start));
        widest = widest.max(TICK.width(&label));
    }
    let right = (x + width + 12.0 + widest + 34.0).min(WIDTH as f64 - 14.0);
    canvas.text_up(&TICK.elide(unit, h), right, y + h / 2.0, TICK);
}

/// Half of the map's width at most, in a round number of micrometres.
fn scale_bar(canvas: &mut Canvas, input: &TruthVsPrediction, wide: f64, v: View) {
    let Some(size) = input.microns_per_pixel.filter(|m| m.is_finite() && *m > 0.0) else { return };
    let whole = wide * size;
    let Some(length) = [5000.0, 2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0].into_iter().find(|l| *l <= whole * 0.4) else {
        return;
    };
    let words = if length >= 1000.0 { format!("{} mm", length / 1000.0) } else { format!("{length} µm") };
    let pixels = length / whole * v.side_x;
    let box_width = pixels.max(TICK.width(&words)) + 20.0;
    let (x, y) = (v.left + 10.0, v.top + v.side_y - 10.0);
    canvas.rect(x, y - 44.0, x + box_width, y, super::style::WHITE, 0.85);
    canvas.rect(x + 10.0, y - 12.0, x + 10.0 + pixels, y - 7.0, INK, 1.0);
    canvas.text(&words, x + 10.0, y - 20.0, TICK.anchored(Anchor::Start).coloured(INK));
}

/// The median distance of a spot to its nearest neighbour. Cells of a coarse grid keep this near-linear.
pub(super) fn spacing(places: &[(f64, f64)]) -> f64 {
    let xs = Range::of(places.iter().map(|p| p.0), 0.0);
    let ys = Range::of(places.iter().map(|p| p.1), 0.0);
    let (wide, high) = (xs.high - xs.low, ys.high - ys.low);
    let whole = wide.max(high);
    if places.len() < 2 {
        return whole / 4.0;
    }
    // About one spot a cell.
    let cell = (wide * high / places.len() as f64).sqrt().max(whole / 200.0);
    let of = |p: &(f64, f64)| (((p.0 - xs.low) / cell) as i64, ((p.1 - ys.low) / cell) as i64);
    let mut cells: std::collections::BTreeMap<(i64, i64), Vec<usize>> = std::collections::BTreeMap::new();
    places.iter().enumerate().for_each(|(i, p)| cells.entry(of(p)).or_default().push(i));
    let nearest = |i: usize| {
        let (cx, cy) = of(&places[i]);
        let around = (-2..=2).flat_map(|dx| (-2..=2).map(move |dy| (cx + dx, cy + dy)));
        let near = around.filter_map(|c| cells.get(&c)).flatten().take(4000).filter(|&&j| j != i);
        let squared = |v: f64| v * v;
        near.map(|&j| squared(places[i].0 - places[j].0) + squared(places[i].1 - places[j].1))
            .filter(|d| *d > 0.0)
            .fold(f64::INFINITY, f64::min)
    };
    let found: Vec<f64> = (0..places.len().min(5000)).map(nearest).filter(|d| d.is_finite()).map(f64::sqrt).collect();
    let pitch = super::curves::middle(found);
    if pitch.is_finite() && pitch > 0.0 { pitch.min(whole) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_scale_is_said_to_be_one() {
        let input = |spots: usize| {
            let values: Vec<f64> = (0..spots).map(|i| if i == 0 { 1e6 } else { i as f64 / spots as f64 }).collect();
            let gene = GeneMap { gene: "G".into(), pcc: Some(0.5), truth: values.clone(), prediction: values.clone() };
            TruthVsPrediction { slide: "S".into(), x: values.clone(), y: values, genes: vec![gene], ..TruthVsPrediction::default() }
        };
        let (many, few) = (input(100), input(40));
        assert!(many.finding().contains("cut at the 1st and the 99th percentile"), "{}", many.finding());
        assert!(colours(&many.genes[0]).high <= 1.0, "the outlier is cut off");
        assert!(!few.finding().contains("percentile"), "{}", few.finding());
        assert!(colours(&few.genes[0]).high >= 1e6, "few values are all shown");
    }
}
