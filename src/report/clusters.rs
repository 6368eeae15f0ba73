//! Figure: the clusters of spots on the slides.

use super::axis::Range;
use super::canvas::{Anchor, Canvas, Colour};
use super::heading::Heading;
use super::maps::spacing;
use super::style::{LABEL, MARGIN, NOTE, PANEL, SOFT, TICK, WIDTH, counted, number};
use crate::base::{Failure, Result};

/// Input of [`cluster_map`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterMap {
    /// Words.
    pub heading: Heading,
    /// The slides, in order; at most six are drawn.
    pub slides: Vec<ClusterSlide>,
    /// How many clusters there are.
    pub clusters: usize,
}

/// One slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSlide {
    /// Its name.
    pub name: String,
    /// A word beside the name: how its spots came to their clusters.
    pub note: String,
    /// Spot centres, pixels from the left.
    pub x: Vec<f64>,
    /// Spot centres, pixels from the top.
    pub y: Vec<f64>,
    /// The cluster of each spot, -1 for noise.
    pub labels: Vec<i64>,
}

/// At most so many slides are drawn.
const SLIDES: usize = 6;
/// At most so many clusters stand in the legend.
const LEGEND: usize = 40;
/// Noise: lighter than every cluster.
const NOISE: Colour = (203, 206, 211);

/// Colours that are far apart: Okabe and Ito's and others between them, in three lightnesses. Clusters beyond them begin anew.
const COLOURS: [Colour; 24] = [
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 60, 60),
    (148, 103, 189),
    (86, 180, 233),
    (140, 86, 75),
    (227, 119, 194),
    (188, 189, 34),
    (20, 60, 110),
    (255, 127, 80),
    (110, 200, 120),
    (120, 0, 80),
    (64, 224, 208),
    (90, 90, 20),
    (255, 205, 90),
    (60, 20, 140),
    (200, 240, 120),
    (240, 130, 150),
    (0, 90, 60),
    (170, 130, 255),
    (150, 40, 10),
    (40, 150, 200),
    (70, 70, 80),
];

/// The colour of a cluster.
fn colour(label: i64) -> Colour {
    usize::try_from(label).map_or(NOISE, |l| COLOURS[l % COLOURS.len()])
}

impl ClusterMap {
    /// Spots of a cluster on the slides that are drawn or not.
    fn count(&self, label: i64) -> usize {
        self.slides.iter().flat_map(|s| &s.labels).filter(|l| **l == label).count()
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let spots: usize = self.slides.iter().map(|s| s.labels.len()).sum();
        let noise = self.count(-1);
        let largest = (0..self.clusters as i64).map(|l| self.count(l)).max().unwrap_or(0);
        let share = |n: usize| format!("{:.0} %", 100.0 * n as f64 / spots.max(1) as f64);
        let repeated = if self.clusters > COLOURS.len() { "; colours repeat" } else { "" };
        let more = match self.slides.len().saturating_sub(SLIDES) {
            0 => String::new(),
            n => format!("; {} more not drawn", counted(n, "slide")),
        };
        match self.clusters {
            0 => format!("No cluster was found: all of {} are noise.", counted(spots, "spot")),
            k => format!(
                "{} over {}; the largest holds {} of the spots, {} are noise (grey){repeated}{more}.",
                counted(k, "cluster"),
                counted(spots, "spot"),
                share(largest),
                share(noise)
            ),
        }
    }
}

/// One panel a slide, one colour a cluster, noise in grey behind; below, each cluster's colour, number and size.
pub fn cluster_map(input: &ClusterMap, text: &[(String, String)]) -> Result<Vec<u8>> {
    if let Some(s) = input.slides.iter().find(|s| s.x.len() != s.labels.len() || s.y.len() != s.labels.len()) {
        return Err(Failure::input(format!("{} labels for {} spots of slide '{}'", s.labels.len(), s.x.len(), s.name)));
    }
    let slides = &input.slides[..input.slides.len().min(SLIDES)];
    let across = if slides.len() == 4 { 2 } else { slides.len().clamp(1, 3) };
    let gap = 40.0;
    let column = (WIDTH as f64 - 2.0 * MARGIN - gap * (across as f64 - 1.0)) / across as f64;
    let frames: Vec<(Range, Range, f64)> = slides.iter().map(frame).collect();
    // One scale for all slides, so that a spot is as large on each.
    let tallest = if slides.len() <= 3 { 720.0 } else { 600.0 };
    let fit = |(xs, ys, _): &(Range, Range, f64)| (column / (xs.high - xs.low)).min(tallest / (ys.high - ys.low));
    let scale = frames.iter().map(fit).fold(f64::INFINITY, f64::min);
    let high = |(_, ys, _): &(Range, Range, f64)| (ys.high - ys.low) * scale;
    let rows: Vec<f64> = frames.chunks(across).map(|row| row.iter().map(high).fold(80.0, f64::max)).collect();
    let entries = entries(input);
    let (cell, lines) = cells(&entries);
    let finding = input.finding();
    let body: f64 = rows.iter().map(|h| h + 74.0).sum();
    let height = 190.0 + input.heading.extra(&finding) + body.max(120.0) + 34.0 * lines as f64 + 70.0;
    let mut canvas = Canvas::new(WIDTH, height as usize);
    let mut top = input.heading.draw(&mut canvas, "Clusters of spots", &finding) + 24.0;
    if slides.iter().all(|s| s.labels.is_empty()) {
        canvas.text("no spot to show", WIDTH as f64 / 2.0, top + 90.0, LABEL);
        return canvas.png(text);
    }
    for (row, tall) in rows.iter().enumerate() {
        for (i, (slide, (xs, ys, pitch))) in slides.iter().zip(&frames).skip(row * across).take(across).enumerate() {
            let x0 = MARGIN + i as f64 * (column + gap);
            let name = PANEL.elide(&format!("Slide {}", slide.name), column * 0.6);
            canvas.text(&name, x0, top + 20.0, PANEL);
            let room = column - PANEL.width(&name) - 18.0;
            canvas.text(
                &TICK.elide(&slide.note, room),
                x0 + PANEL.width(&name) + 18.0,
                top + 20.0,
                TICK.anchored(Anchor::Start).coloured(SOFT),
            );
            let (w, h) = ((xs.high - xs.low) * scale, (ys.high - ys.low) * scale);
            let (left, upper) = (x0 + (column - w) / 2.0, top + 34.0 + (tall - h) / 2.0);
            let radius = (pitch * scale * 0.47).clamp(1.5, 24.0);
            // Noise first, so that it hides no cluster.
            for wanted in [true, false] {
                for ((x, y), label) in slide.x.iter().zip(&slide.y).zip(&slide.labels).filter(|(_, l)| (**l < 0) == wanted) {
                    canvas.disc(left + xs.share(*x) * w, upper + ys.share(*y) * h, radius, colour(*label), 1.0);
                }
            }
        }
        top += tall + 74.0;
    }
    let columns = ((WIDTH as f64 - 2.0 * MARGIN) / cell).floor().max(1.0) as usize;
    for (i, (colour, words)) in entries.iter().enumerate() {
        let (x, y) = (MARGIN + (i % columns) as f64 * cell, top + 16.0 + 34.0 * (i / columns) as f64);
        if let Some(colour) = colour {
            canvas.disc(x + 11.0, y - 8.0, 11.0, *colour, 1.0);
        }
        canvas.text(words, x + 32.0, y, NOTE);
    }
    canvas.png(text)
}

/// The legend: number and size of each cluster, then of noise.
fn entries(input: &ClusterMap) -> Vec<(Option<Colour>, String)> {
    let mut out: Vec<(Option<Colour>, String)> =
        (0..input.clusters.min(LEGEND) as i64).map(|l| (Some(colour(l)), format!("{l}: {}", number(input.count(l))))).collect();
    if input.clusters > LEGEND {
        out.push((None, format!("and {} more", number(input.clusters - LEGEND))));
    }
    out.push((Some(NOISE), format!("noise: {}", number(input.count(-1)))));
    out
}

/// Width of a legend's cell, and how many lines it takes.
fn cells(entries: &[(Option<Colour>, String)]) -> (f64, usize) {
    let cell = entries.iter().map(|(_, words)| NOTE.width(words)).fold(60.0, f64::max) + 62.0;
    let columns = ((WIDTH as f64 - 2.0 * MARGIN) / cell).floor().max(1.0) as usize;
    (cell, entries.len().div_ceil(columns))
}

/// The ranges of a slide's spots with half a spot round them, and the spots' distance.
fn frame(slide: &ClusterSlide) -> (Range, Range, f64) {
    let sound: Vec<(f64, f64)> =
        slide.x.iter().copied().zip(slide.y.iter().copied()).filter(|p| p.0.abs() < 1e9 && p.1.abs() < 1e9).collect();
    let pitch = spacing(&sound);
    let around = |values: Vec<f64>| {
        let r = Range::of(values, 0.0);
        Range { low: r.low - pitch, high: r.high + pitch }
    };
    (around(sound.iter().map(|p| p.0).collect()), around(sound.iter().map(|p| p.1).collect()), pitch)
}

#[cfg(test)]
mod tests {
    use super::super::style::GREY;
    use super::*;

    /// A hexagonal slide with stripes of clusters and some noise.
    fn slide(name: &str, clusters: i64) -> ClusterSlide {
        let mut out = ClusterSlide { name: name.into(), note: "clustered".into(), ..ClusterSlide::default() };
        for i in 0..1200 {
            let (row, col) = (i / 40, i % 40);
            out.x.push(f64::from(col) * 100.0 + f64::from(row % 2) * 50.0);
            out.y.push(f64::from(row) * 87.0);
            let label = i64::from((row / 5) * 4 + col / 10) % clusters.max(1);
            out.labels.push(if clusters == 0 || i % 17 == 0 { -1 } else { label });
        }
        out
    }

    #[test]
    fn clusters_are_told_apart_and_noise_is_grey() {
        let input = |n: i64, slides: usize| ClusterMap {
            heading: Heading { source: Some("example".into()), ..Heading::default() },
            slides: (1..=slides).map(|i| slide(&i.to_string(), n)).collect(),
            clusters: n as usize,
        };
        for (name, map) in [("few", input(5, 3)), ("many", input(24, 4)), ("none", input(0, 1)), ("one", input(9, 1))] {
            let png = cluster_map(&map, &[]).expect("a figure");
            if let Some(folder) = std::env::var_os("PINFOLD_FIGURES") {
                std::fs::write(std::path::Path::new(&folder).join(format!("clusters-{name}.png")), &png).expect("write");
            }
            let pixels = super::super::png::decode(&png).expect("a PNG").0.pixels;
            let has = |c: Colour| pixels.as_chunks::<3>().0.contains(&[c.0, c.1, c.2]);
            assert!(has(NOISE) && (0..map.clusters as i64).all(|l| has(colour(l))), "{name}");
        }
        assert!(input(0, 1).finding().starts_with("No cluster was found"));
        assert!(input(5, 3).finding().starts_with("5 clusters over 3,600 spots"), "{}", input(5, 3).finding());
        let distance = |a: Colour, b: Colour| {
            let square = |x: u8, y: u8| (i32::from(x) - i32::from(y)).pow(2);
            square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
        };
        for (i, a) in COLOURS.iter().enumerate() {
            assert!(COLOURS[..i].iter().chain([&NOISE, &GREY]).all(|b| distance(*a, *b) > 2000), "colour {i} is near another");
        }
        let mut odd = input(2, 1);
        odd.slides[0].labels.pop();
        assert!(cluster_map(&odd, &[]).is_err());
    }
}
