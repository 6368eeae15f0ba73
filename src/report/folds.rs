//! Figure: how the folds differ.

use super::axis::{Panel, Range, drawable};
use super::canvas::{Anchor, Canvas, Colour};
use super::heading::Heading;
use super::style::{BLUE, GREEN, GRID, INK, MARGIN, Mark, NOTE, PANEL, TICK, VERMILLION, WIDTH, counted, fixed, mark};
use crate::base::Result;

/// Input of [`fold_scores`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldScores {
    /// Words.
    pub heading: Heading,
    /// The folds, in order.
    pub folds: Vec<FoldPoint>,
}

/// One fold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldPoint {
    /// Its name.
    pub name: String,
    /// Mean PCC over genes.
    pub mean_pcc: Option<f64>,
    /// Mean squared error of the model.
    pub mse: Option<f64>,
    /// Mean squared error of the constant profile.
    pub mse_constant: Option<f64>,
}

impl FoldPoint {
    fn pcc(&self) -> f64 {
        self.mean_pcc.filter(|v| drawable(*v)).unwrap_or(f64::NAN)
    }

    /// Error of the model over error of the constant profile; NaN when undefined.
    fn ratio(&self) -> f64 {
        match (self.mse, self.mse_constant) {
            (Some(a), Some(b)) if drawable(a) && b > 0.0 && drawable(a / b) => a / b,
            _ => f64::NAN,
        }
    }
}

/// Mean of the finite values; `None` of none.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.filter(|v| v.is_finite()).fold((0.0, 0usize), |(s, n), v| (s + v, n + 1));
    (n > 0).then(|| sum / n as f64)
}

impl FoldScores {
    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        if self.folds.is_empty() {
            return "There is no fold.".to_owned();
        }
        let defined: Vec<f64> = self.folds.iter().map(FoldPoint::pcc).filter(|v| v.is_finite()).collect();
        let ratios: Vec<f64> = self.folds.iter().map(FoldPoint::ratio).filter(|v| v.is_finite()).collect();
        let spread = match (defined.iter().copied().reduce(f64::min), defined.iter().copied().reduce(f64::max)) {
            (Some(a), Some(b)) if defined.len() > 1 => {
                format!("Mean PCC runs from {} to {} over {}", fixed(Some(a), 3), fixed(Some(b), 3), counted(defined.len(), "fold"))
            }
            (Some(a), _) => format!("Mean PCC is {} in the only fold that has one", fixed(Some(a), 3)),
            _ => "No fold has a defined PCC".to_owned(),
        };
        let better = ratios.iter().filter(|r| **r < 1.0).count();
        let beats = if ratios.is_empty() {
            String::new()
        } else {
            format!("; the model’s error is below the constant profile’s in {better} of {}", ratios.len())
        };
        format!("{spread}{beats}.")
    }
}

/// Mean PCC of every fold, and the model's error relative to the constant profile's.
pub fn fold_scores(input: &FoldScores, text: &[(String, String)]) -> Result<Vec<u8>> {
    let n = input.folds.len();
    // Room for every name up to 36 folds; after that rows come closer and only some are named.
    let row = if n <= 10 {
        52.0
    } else if n <= 40 {
        34.0
    } else {
        (1360.0 / n as f64).max(3.0)
    };
    let body = (row * n.max(4) as f64).min(1500.0);
    let mut canvas = Canvas::new(WIDTH, (390.0 + body) as usize);
    let top = input.heading.draw(&mut canvas, "Fold by fold", &input.finding()) + 92.0;
    let widest = input.folds.iter().map(|f| NOTE.width(&f.name)).fold(0.0, f64::max).clamp(60.0, 330.0);
    let left = MARGIN + widest + 24.0;
    let half = (WIDTH as f64 - MARGIN - left - 70.0) / 2.0;
    let rows = Range { low: 0.0, high: n.max(1) as f64 };
    let pcc = input.folds.iter().map(FoldPoint::pcc);
    let ratio = input.folds.iter().map(FoldPoint::ratio);
    let roomy = |r: Range| Range { low: r.low, high: r.high + (r.high - r.low) * 0.14 };
    let first = Panel { left, top, right: left + half, bottom: top + body, x: roomy(Range::of(pcc.clone().chain([0.0]), 0.04)), y: rows };
    let second =
        Panel { left: first.right + 70.0, right: WIDTH as f64 - MARGIN, x: roomy(Range::of(ratio.clone().chain([1.0]), 0.08)), ..first };

    let every = ((26.0 / row).ceil() as usize).max(1);
    for (i, fold) in input.folds.iter().enumerate() {
        let y = (top + body * (i as f64 + 0.5) / n as f64).round();
        for panel in [&first, &second] {
            canvas.line((panel.left, y), (panel.right, y), GRID, 1.0, 1.0);
        }
        if i % every == 0 {
            canvas.text(&NOTE.elide(&fold.name, widest), left - 14.0, y + 8.0, NOTE.anchored(Anchor::End));
        }
    }
    // Under the dots and their numbers, with names above the panels where no data are.
    let average = mean(pcc.clone()).filter(|_| n > 1);
    guide(&mut canvas, &first, average, |v| format!("mean {}", fixed(Some(v), 3)));
    guide(&mut canvas, &second, Some(1.0), |_| "equal".to_owned());
    let numbers = |line: Option<f64>| (every == 1).then_some(line);
    draw(&mut canvas, &first, &pcc.collect::<Vec<_>>(), numbers(average), &|_| (BLUE, Mark::Circle));
    draw(&mut canvas, &second, &ratio.clone().collect::<Vec<_>>(), numbers(Some(1.0)), &|v| {
        if v < 1.0 { (GREEN, Mark::Circle) } else { (VERMILLION, Mark::Triangle) }
    });
    for (panel, title, axis) in [
        (&first, "Mean PCC over genes", "mean PCC"),
        (&second, "Error relative to the constant profile", "MSE of the model / MSE of the constant profile"),
    ] {
        canvas.text(&PANEL.elide(title, panel.right - panel.left), panel.left, panel.top - 52.0, PANEL);
        panel.x_axis(&mut canvas, &panel.x.ticks(6), axis, false);
        panel.spine(&mut canvas);
    }
    if n == 0 {
        first.empty(&mut canvas, "no folds");
        second.empty(&mut canvas, "no folds");
    }
    canvas.png(text)
}

/// A broken upright line with its name above the panel.
fn guide(canvas: &mut Canvas, panel: &Panel, at: Option<f64>, name: impl Fn(f64) -> String) {
    let Some(value) = at else { return };
    let x = panel.px(value).round();
    canvas.dashed((x, panel.top), (x, panel.bottom), INK, 2.0, 9.0, 7.0);
    let text = name(value);
    let half = TICK.width(&text) / 2.0;
    canvas.text(&text, x.min(panel.right - half).max(panel.left + half), panel.top - 12.0, TICK.coloured(INK));
}

/// The dots of a panel. With `numbers` each has its number beside it, on the side where the broken line, if there is
/// one, does not run through it.
fn draw(canvas: &mut Canvas, panel: &Panel, values: &[f64], numbers: Option<Option<f64>>, look: &dyn Fn(f64) -> (Colour, Mark)) {
    let line = numbers.flatten().map(|v| panel.px(v).round());
    let numbers = numbers.is_some();
    let height = (panel.bottom - panel.top) / values.len().max(1) as f64;
    for (i, &value) in values.iter().enumerate() {
        let y = (panel.top + height * (i as f64 + 0.5)).round();
        if !value.is_finite() {
            if numbers {
                canvas.text("n/a", panel.left + 12.0, y + 8.0, TICK.anchored(Anchor::Start));
            }
            continue;
        }
        let (colour, shape) = look(value);
        let x = panel.px(value);
        mark(canvas, shape, x, y, (height * 0.3).clamp(3.0, 10.0), colour, 2.0);
        if numbers {
            let words = fixed(Some(value), 3);
            let w = NOTE.width(&words);
            let (right, left) = (x + 20.0, x - 20.0 - w);
            let runs = |from: f64| line.is_some_and(|l| l > from - 6.0 && l < from + w + 6.0);
            let from = if runs(right) && !runs(left) && left > panel.left + 6.0 { left } else { right };
            canvas.rect(from - 4.0, y - 11.0, from + w + 4.0, y + 12.0, super::style::WHITE, 1.0);
            canvas.text(&words, from, y + 8.0, NOTE);
        }
    }
}
