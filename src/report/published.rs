//! Figure: what was published beside what came out here.

use super::axis::{Panel, Range};
use super::canvas::{Anchor, Canvas, Colour};
use super::heading::{Heading, Key, Sample, legend};
use super::style::{AXIS, BAND, BLUE, GREY, LABEL, MARGIN, NOTE, SOFT, TICK, WIDTH, counted, significant};
use crate::base::Result;

/// Input of [`published_vs_reproduced`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishedVsReproduced {
    /// Words.
    pub heading: Heading,
    /// The numbers, headline first.
    pub rows: Vec<PublishedRow>,
}

/// One number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishedRow {
    /// What it is: `Mean PCC`.
    pub label: String,
    /// A second line under it, such as the metric's id; may be empty.
    pub detail: String,
    /// The published value.
    pub published: Option<f64>,
    /// How sure we are of the published value.
    pub status: Status,
    /// How far the reproduced value may lie from it and still count.
    pub tolerance: Option<f64>,
    /// The value that came out here.
    pub reproduced: Option<f64>,
}

/// How sure we are of a published number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Read in the publication itself.
    Read,
    /// Read in another public source.
    Secondary,
    /// Not verified: it never yields "reproduced".
    #[default]
    Unverified,
}

impl Status {
    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Status::Read => "read in the publication",
            Status::Secondary => "secondary source",
            Status::Unverified => "unverified",
        }
    }
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Within the tolerance.
    Reproduced,
    /// Outside the tolerance.
    Differs,
    /// The published value is not verified, or a value or the tolerance is missing.
    Open,
}

impl PublishedRow {
    /// Whether the number was reproduced. An unverified one never is.
    pub fn outcome(&self) -> Outcome {
        match (self.published, self.reproduced, self.tolerance) {
            (Some(p), Some(r), Some(t)) if self.status != Status::Unverified && p.is_finite() && r.is_finite() && t >= 0.0 => {
                if (r - p).abs() <= t { Outcome::Reproduced } else { Outcome::Differs }
            }
            _ => Outcome::Open,
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let band = self.published.zip(self.tolerance).map(|(p, t)| [p - t, p + t]);
        [self.published, self.reproduced].into_iter().flatten().chain(band.into_iter().flatten()).filter(|v| v.abs() < 1e100)
    }
}

impl PublishedVsReproduced {
    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let count = |o: Outcome| self.rows.iter().filter(|r| r.outcome() == o).count();
        let compared = count(Outcome::Reproduced) + count(Outcome::Differs);
        if self.rows.is_empty() {
            return "No published number was given for this protocol.".to_owned();
        }
        if compared == 0 {
            return "No published number is verified, so none counts as reproduced or not.".to_owned();
        }
        let open = count(Outcome::Open);
        let rest = if open > 0 { format!("; {open} cannot be judged") } else { String::new() };
        format!("{} of {} within the tolerance{rest}.", count(Outcome::Reproduced), counted(compared, "verified number"))
    }
}

/// One row a number: the published bar (hatched when unverified), the reproduced one, and the tolerance.
pub fn published_vs_reproduced(input: &PublishedVsReproduced, text: &[(String, String)]) -> Result<Vec<u8>> {
    let rows = &input.rows[..input.rows.len().min(12)];
    let row = 128.0;
    let mut canvas = Canvas::new(WIDTH, (356.0 + row * rows.len().max(2) as f64) as usize);
    let top = input.heading.draw(&mut canvas, "Published and reproduced", &input.finding());
    let keys = [
        Key { sample: Sample::Box, colour: GREY, text: "published".into() },
        Key { sample: Sample::Hatched, colour: GREY, text: "published, unverified".into() },
        Key { sample: Sample::Box, colour: BLUE, text: "reproduced here".into() },
        Key { sample: Sample::Box, colour: (246, 217, 150), text: "tolerance".into() },
    ];
    let below = legend(&mut canvas, &keys, MARGIN, top + 18.0, WIDTH as f64 - MARGIN) + 34.0;
    let names = 430.0;
    let (left, right) = (MARGIN + names + 30.0, WIDTH as f64 - MARGIN - 330.0);
    let bottom = below + row * rows.len().max(2) as f64;

    // One axis for all rows if they are of one size; else each row has its own and the axis has no numbers.
    let sizes: Vec<f64> = rows.iter().filter_map(|r| r.values().map(f64::abs).reduce(f64::max)).filter(|v| *v > 0.0).collect();
    let ratio = sizes.iter().copied().fold(0.0, f64::max) / sizes.iter().copied().fold(f64::INFINITY, f64::min);
    let shared = sizes.len() <= 1 || ratio <= 20.0;
    let range = |values: &mut dyn Iterator<Item = f64>| Range::of(values.chain([0.0]), 0.0);
    // Room for the numbers at the bars' ends.
    let stretch =
        |r: Range| Range { low: if r.low < 0.0 { r.low - (r.high - r.low) * 0.08 } else { 0.0 }, high: r.high + (r.high - r.low) * 0.2 };
    let whole = stretch(range(&mut rows.iter().flat_map(PublishedRow::values)));
    let frame = Panel { left, top: below, right, bottom, x: whole, y: Range { low: 0.0, high: 1.0 } };
    if shared && !sizes.is_empty() {
        frame.x_axis(&mut canvas, &whole.ticks(6), "value of the metric", true);
    }
    for (i, r) in rows.iter().enumerate() {
        let y = below + row * i as f64;
        if i > 0 {
            canvas.line((MARGIN, y), (WIDTH as f64 - MARGIN, y), BAND, 1.0, 1.0);
        }
        let panel = Panel { top: y, bottom: y + row, x: if shared { whole } else { stretch(range(&mut r.values())) }, ..frame };
        canvas.text(
            &LABEL.elide(&r.label, names),
            MARGIN,
            y + row / 2.0 - 8.0 + if r.detail.is_empty() { 16.0 } else { 0.0 },
            LABEL.anchored(Anchor::Start),
        );
        canvas.text(&TICK.elide(&r.detail, names), MARGIN, y + row / 2.0 + 24.0, TICK.anchored(Anchor::Start));
        bars(&mut canvas, &panel, r);
        canvas.line((panel.px(0.0).round(), y), (panel.px(0.0).round(), y + row), AXIS, 2.0, 1.0);
        let (words, colour): (&str, Colour) = match r.outcome() {
            Outcome::Reproduced => ("within the tolerance", (0, 110, 80)),
            Outcome::Differs => ("outside the tolerance", (168, 72, 0)),
            Outcome::Open if r.published.is_none() => ("nothing published", SOFT),
            Outcome::Open if r.status == Status::Unverified => ("not judged: unverified", SOFT),
            Outcome::Open => ("not judged", SOFT),
        };
        canvas.text(words, WIDTH as f64 - MARGIN, y + row / 2.0 - 6.0, NOTE.anchored(Anchor::End).coloured(colour));
        if let (Some(p), Some(v)) = (r.published.filter(|v| v.is_finite()), r.reproduced.filter(|v| v.is_finite())) {
            let sign = if v - p > 0.0 { "+" } else { "" };
            canvas.text(
                &format!("difference {sign}{}", significant(v - p, 2)),
                WIDTH as f64 - MARGIN,
                y + row / 2.0 + 24.0,
                TICK.anchored(Anchor::End),
            );
        }
    }
    if rows.is_empty() {
        frame.empty(&mut canvas, "no published number");
    }
    if input.rows.len() > rows.len() {
        let more = format!("and {} more in the table", input.rows.len() - rows.len());
        canvas.text(&more, MARGIN, bottom + 34.0, TICK.anchored(Anchor::Start));
    }
    canvas.png(text)
}

fn bars(canvas: &mut Canvas, panel: &Panel, r: &PublishedRow) {
    let (y, height) = (panel.top, panel.bottom - panel.top);
    let zero = panel.px(0.0).round();
    let band = r.published.zip(r.tolerance.filter(|t| *t > 0.0)).map_or(zero, |(p, t)| panel.px(p + t).max(zero));
    if let (Some(p), Some(t)) = (r.published, r.tolerance.filter(|t| *t > 0.0)) {
        canvas.rect(panel.px(p - t).max(panel.left), y + 10.0, panel.px(p + t), y + height - 10.0, (246, 217, 150), 1.0);
    }
    let bar = |canvas: &mut Canvas, value: Option<f64>, y0: f64, y1: f64, colour: Colour, hatched: bool, name: &str| {
        let middle = ((y0 + y1) / 2.0).round() + 8.0;
        let Some(v) = value.filter(|v| v.abs() < 1e100) else {
            let words = format!("{name}: none");
            return canvas.text(&words, zero + 10.0, middle, TICK.anchored(Anchor::Start));
        };
        let (a, b) = (zero.min(panel.px(v)).round(), zero.max(panel.px(v)).round());
        if hatched {
            canvas.rect(a, y0, b, y1, super::style::WHITE, 1.0);
            canvas.hatch((a, y0, b, y1), colour, 2.0, 9.0);
            canvas.frame(a, y0, b, y1, colour, 2.0);
        } else {
            canvas.rect(a, y0, b, y1, colour, 1.0);
        }
        let words = significant(v, 4);
        let w = NOTE.width(&words);
        // Right of the bar and of the tolerance when there is room, else inside on white.
        let from = b.max(band) + 10.0;
        if from + w <= panel.right + 24.0 {
            canvas.rect(from - 4.0, middle - 20.0, from + 4.0 + w, middle + 5.0, super::style::WHITE, 1.0);
            canvas.text(&words, from, middle, NOTE);
        } else {
            canvas.rect(b - w - 22.0, y0 + 3.0, b - 6.0, y1 - 3.0, super::style::WHITE, 0.9);
            canvas.text(&words, b - 14.0, middle, NOTE.anchored(Anchor::End));
        }
    };
    bar(canvas, r.published, y + 22.0, y + height / 2.0 - 3.0, GREY, r.status == Status::Unverified, "published");
    bar(canvas, r.reproduced, y + height / 2.0 + 3.0, y + height - 22.0, BLUE, false, "reproduced");
}
