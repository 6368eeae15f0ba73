//! Figure: what was published beside what came out here.

use super::axis::{Panel, Range, drawable};
use super::canvas::{Anchor, Canvas, Colour};
use super::heading::{Heading, Key, Sample, legend};
use super::style::{AXIS, BAND, BLUE, GREY, LABEL, MARGIN, NOTE, SOFT, TICK, WIDTH, counted, significant};
use crate::base::Result;

/// The band of the tolerance.
const TOLERANCE: Colour = (246, 217, 150);

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
        [self.published, self.reproduced].into_iter().flatten().chain(band.into_iter().flatten()).filter(|v| drawable(*v))
    }

    fn unverified(&self) -> bool {
        self.published.is_some() && self.status == Status::Unverified
    }

    /// The ends of the tolerance round the published value, when it can be drawn.
    fn band(&self) -> Option<(f64, f64)> {
        let (p, t) = self.published.zip(self.tolerance.filter(|t| *t > 0.0))?;
        Some((p - t, p + t)).filter(|b| drawable(b.0) && drawable(b.1))
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
        let unverified = self.rows.iter().filter(|r| r.unverified()).count();
        let open = count(Outcome::Open) - unverified;
        let mut parts = vec![];
        if compared > 0 {
            parts.push(format!("{} of {} within the tolerance", count(Outcome::Reproduced), counted(compared, "verified number")));
        }
        match unverified {
            0 => {}
            1 => parts.push("1 published number is unverified and not judged".to_owned()),
            n => parts.push(format!("{n} published numbers are unverified and not judged")),
        }
        match open {
            0 => {}
            n => parts.push(format!("{n} cannot be judged")),
        }
        format!("{}.", parts.join("; "))
    }
}

/// One row a number: the published bar (hatched when unverified), the reproduced one, and the tolerance.
pub fn published_vs_reproduced(input: &PublishedVsReproduced, text: &[(String, String)]) -> Result<Vec<u8>> {
    let rows = &input.rows[..input.rows.len().min(12)];
    let row = 128.0;
    let mut canvas = Canvas::new(WIDTH, (356.0 + row * rows.len().max(2) as f64) as usize);
    let top = input.heading.draw(&mut canvas, "Published and reproduced", &input.finding());
    let below = legend(&mut canvas, &keys(rows), MARGIN, top + 18.0, WIDTH as f64 - MARGIN) + 34.0;
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

/// The legend: only what occurs in the rows.
fn keys(rows: &[PublishedRow]) -> Vec<Key> {
    let some = |of: &dyn Fn(&PublishedRow) -> bool| rows.iter().any(of);
    let key = |sample, colour, text: &str| Key { sample, colour, text: text.to_owned() };
    [
        (some(&|r| r.published.is_some() && !r.unverified()), key(Sample::Box, GREY, "published")),
        (some(&|r| r.unverified()), key(Sample::Hatched, GREY, "published, unverified")),
        (some(&|r| r.reproduced.is_some()), key(Sample::Box, BLUE, "reproduced here")),
        (some(&|r| !r.unverified() && r.band().is_some()), key(Sample::Box, TOLERANCE, "tolerance")),
        (some(&|r| r.unverified() && r.band().is_some()), key(Sample::Dashes, SOFT, "tolerance round an unverified number: no verdict")),
    ]
    .into_iter()
    .filter_map(|(occurs, key)| occurs.then_some(key))
    .collect()
}

fn bars(canvas: &mut Canvas, panel: &Panel, r: &PublishedRow) {
    let (y, height) = (panel.top, panel.bottom - panel.top);
    let zero = panel.px(0.0).round();
    // Left and right end of the tolerance; nothing else reaches so far when there is none.
    let mut band = (f64::INFINITY, zero);
    if let Some((low, high)) = r.band() {
        band = (panel.px(low).max(panel.left).round(), panel.px(high).round());
        let (top, bottom) = (y + 10.0, y + height - 10.0);
        if r.unverified() {
            // An outline alone: a filled band would look like the tolerance of a verdict.
            for (a, b) in [((band.0, top), (band.0, bottom)), ((band.1, top), (band.1, bottom))] {
                canvas.dashed(a, b, SOFT, 2.0, 7.0, 5.0);
            }
            for at in [top, bottom] {
                canvas.dashed((band.0, at), (band.1, at), SOFT, 2.0, 7.0, 5.0);
            }
        } else {
            canvas.rect(band.0, top, band.1, bottom, TOLERANCE, 1.0);
        }
    }
    let bar = |canvas: &mut Canvas, value: Option<f64>, y0: f64, y1: f64, colour: Colour, hatched: bool, name: &str| {
        let middle = ((y0 + y1) / 2.0).round() + 8.0;
        let Some(v) = value.filter(|v| drawable(*v)) else {
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
        // Right of the bar when the tolerance leaves room, else right of that too, else inside on white.
        let from = if b + 16.0 + w < band.0 { b + 10.0 } else { b.max(band.1) + 10.0 };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(published: Option<f64>, status: Status, tolerance: Option<f64>, reproduced: Option<f64>) -> PublishedRow {
        PublishedRow { label: "Mean PCC".into(), detail: String::new(), published, status, tolerance, reproduced }
    }

    #[test]
    fn an_unverified_number_is_said_and_drawn_to_be_one() {
        let all = |status| PublishedVsReproduced {
            heading: Heading::default(),
            rows: vec![row(Some(0.25), status, Some(0.05), Some(0.26)), row(Some(0.3), status, Some(0.05), Some(0.26))],
        };
        let (read, open) = (all(Status::Read), all(Status::Unverified));
        assert_eq!(read.finding(), "2 of 2 verified numbers within the tolerance.");
        assert_eq!(open.finding(), "2 published numbers are unverified and not judged.");
        let texts = |input: &PublishedVsReproduced| keys(&input.rows).into_iter().map(|k| k.text).collect::<Vec<_>>();
        assert_eq!(texts(&read), ["published", "reproduced here", "tolerance"]);
        assert_eq!(texts(&open), ["published, unverified", "reproduced here", "tolerance round an unverified number: no verdict"]);
        // No pixel of the filled band, which stands for a verdict.
        let filled = |input: &PublishedVsReproduced| {
            let bytes = published_vs_reproduced(input, &[]).unwrap_or_default();
            let image = super::super::png::decode(&bytes).map(|d| d.0.pixels).unwrap_or_default();
            image.as_chunks::<3>().0.iter().filter(|p| **p == [TOLERANCE.0, TOLERANCE.1, TOLERANCE.2]).count()
        };
        assert!(filled(&read) > 2000 && filled(&open) == 0, "{} {}", filled(&read), filled(&open));
    }

    #[test]
    fn a_tolerance_as_wide_as_numbers_go_is_left_out() {
        for tolerance in [1e308, f64::MAX, f64::INFINITY, f64::NAN, -1.0, 1e99, 0.0, 5e-324] {
            let input = PublishedVsReproduced {
                heading: Heading::default(),
                rows: vec![
                    row(Some(0.25), Status::Read, Some(tolerance), Some(0.26)),
                    row(Some(1e308), Status::Read, Some(tolerance), None),
                ],
            };
            assert!(published_vs_reproduced(&input, &[]).is_ok(), "{tolerance}");
        }
    }
}
