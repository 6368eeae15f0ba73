//! Figure: slides before and after their colours were made alike, with the outline of what counts as tissue.

use super::canvas::{Anchor, Canvas};
use super::heading::Heading;
use super::png::Rgb;
use super::style::{GRID, MARGIN, NOTE, PANEL, SOFT, TICK, VERMILLION, WIDTH, counted};
use crate::base::Result;

/// Input of [`stain_sheet`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StainSheet {
    /// Words.
    pub heading: Heading,
    /// The slides, in order; at most eight are drawn.
    pub slides: Vec<StainSlide>,
    /// A line about the reference: what the slides are made like.
    pub reference: String,
}

/// One slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StainSlide {
    /// Its name.
    pub name: String,
    /// Numbers about it, in a line.
    pub note: String,
    /// The slide as it was read, small.
    pub before: Option<Rgb>,
    /// The slide as patches are cut from it, of the same size.
    pub after: Option<Rgb>,
    /// Whether each pixel of `before` is tissue, where there is a mask.
    pub tissue: Option<Vec<bool>>,
}

/// At most so many slides are drawn.
const SLIDES: usize = 8;

impl StainSheet {
    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let masked = self.slides.iter().any(|s| s.tissue.is_some());
        let outline = if masked { "; the outline is what counts as tissue" } else { "" };
        let more = match self.slides.len().saturating_sub(SLIDES) {
            0 => String::new(),
            n => format!("; {} more not drawn", counted(n, "slide")),
        };
        format!("{} before and after{outline}{more}. {}", counted(self.slides.len(), "slide"), self.reference)
    }
}

/// Two pictures a slide, one beside the other; slides in two columns.
pub fn stain_sheet(input: &StainSheet, text: &[(String, String)]) -> Result<Vec<u8>> {
    let shown = &input.slides[..input.slides.len().min(SLIDES)];
    let (columns, gap, between) = (2usize, 60.0, 16.0);
    let cell = (WIDTH as f64 - 2.0 * MARGIN - gap) / columns as f64;
    let side = (cell - between) / 2.0;
    let tall = |s: &StainSlide| {
        let image = s.before.as_ref().or(s.after.as_ref());
        image.map_or(1.0, |i| i.height as f64 / i.width.max(1) as f64).min(2.0)
    };
    let rows: Vec<f64> = shown.chunks(columns).map(|row| row.iter().map(tall).fold(0.2, f64::max) * side).collect();
    let finding = input.finding();
    let body: f64 = rows.iter().map(|h| h + 96.0).sum();
    let mut canvas = Canvas::new(WIDTH, (170.0 + body + input.heading.extra(&finding)) as usize);
    let mut top = input.heading.draw(&mut canvas, "Stain and mask", &finding) + 56.0;
    for (row, height) in shown.chunks(columns).zip(rows) {
        for (i, slide) in row.iter().enumerate() {
            let left = MARGIN + i as f64 * (cell + gap);
            canvas.text(&PANEL.elide(&slide.name, 240.0), left, top, PANEL);
            canvas.text(&NOTE.elide(&slide.note, cell - 260.0), left + cell, top, NOTE.anchored(Anchor::End).coloured(SOFT));
            for (k, (image, word)) in [(&slide.before, "before"), (&slide.after, "after")].into_iter().enumerate() {
                let x = left + k as f64 * (side + between);
                let y = top + 16.0;
                let Some(image) = image else {
                    canvas.text("no image", x + side / 2.0, y + height / 2.0, TICK);
                    continue;
                };
                let scale = (side / image.width.max(1) as f64).min(height / image.height.max(1) as f64);
                let (w, h) = (image.width as f64 * scale, image.height as f64 * scale);
                canvas.image(image, (0.0, 0.0, image.width as f64, image.height as f64), (x, y, x + w, y + h), 0.0);
                canvas.frame(x, y, x + w, y + h, GRID, 1.0);
                if k == 0
                    && let Some(tissue) = &slide.tissue
                {
                    outline(&mut canvas, image, tissue, (x, y), scale);
                }
                canvas.text(word, x, y + h + 26.0, TICK.anchored(Anchor::Start));
            }
        }
        top += height + 96.0;
    }
    canvas.png(text)
}

/// A line wherever tissue and background meet.
fn outline(canvas: &mut Canvas, image: &Rgb, tissue: &[bool], (x, y): (f64, f64), scale: f64) {
    if tissue.len() != image.width * image.height {
        return;
    }
    let at = |u: usize, v: usize| tissue[v * image.width + u];
    for v in 0..image.height {
        for u in 0..image.width {
            let (left, top) = (x + u as f64 * scale, y + v as f64 * scale);
            if u > 0 && at(u, v) != at(u - 1, v) {
                canvas.rect(left - 1.0, top, left + 1.0, top + scale, VERMILLION, 1.0);
            }
            if v > 0 && at(u, v) != at(u, v - 1) {
                canvas.rect(left, top - 1.0, left + scale, top + 1.0, VERMILLION, 1.0);
            }
        }
    }
}
