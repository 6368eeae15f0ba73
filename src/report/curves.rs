//! Figure: how training went, fold by fold.

use super::axis::{Panel, Range, drawable};
use super::baseline::{decades, lg};
use super::canvas::{Canvas, Colour};
use super::heading::{Heading, Key, Sample, legend};
use super::style::{BLUE, CYCLE, GREY, INK, MARGIN, Mark, NOTE, WHITE, WIDTH, counted, fixed, mark, significant};
use crate::base::Result;

/// Input of [`training_curves`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingCurves {
    /// Words.
    pub heading: Heading,
    /// What the loss is, with its unit: `mean squared error of ln(1 + x)`.
    pub loss: String,
    /// The folds.
    pub folds: Vec<FoldCurve>,
}

/// One fold's training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldCurve {
    /// The fold's name.
    pub name: String,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// The epochs, in order.
    pub epochs: Vec<EpochPoint>,
}

/// One epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochPoint {
    /// Its number.
    pub epoch: usize,
    /// Loss over the training spots.
    pub train_loss: f64,
    /// Loss over the validation spots.
    pub validation_loss: Option<f64>,
    /// Mean PCC over the validation spots.
    pub validation_pcc: Option<f64>,
}

impl EpochPoint {
    fn of(&self, what: Curve) -> f64 {
        match what {
            Curve::Train => self.train_loss,
            Curve::Validation => self.validation_loss.unwrap_or(f64::NAN),
            Curve::Pcc => self.validation_pcc.unwrap_or(f64::NAN),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Curve {
    Train,
    Validation,
    Pcc,
}

impl TrainingCurves {
    fn has(&self, what: Curve) -> bool {
        self.folds.iter().flat_map(|f| &f.epochs).any(|e| drawable(e.of(what)))
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let trained = self.folds.iter().filter(|f| !f.epochs.is_empty()).count();
        let diverged = |e: &EpochPoint| !drawable(e.train_loss) || e.validation_loss.is_some_and(|v| !drawable(v));
        let wild = self.folds.iter().flat_map(|f| &f.epochs).filter(|e| diverged(e)).count();
        let diverged =
            if wild > 0 { format!(" The loss of {} is not finite and not shown.", counted(wild, "epoch")) } else { String::new() };
        let best: Vec<usize> = self.folds.iter().filter_map(|f| f.best_epoch).collect();
        let longest = self.folds.iter().flat_map(|f| f.epochs.iter().map(|e| e.epoch)).max();
        let Some(longest) = longest else { return "No epoch was recorded.".to_owned() };
        let kept = match (best.iter().min(), best.iter().max()) {
            (Some(a), Some(b)) if a == b => format!("the weights of epoch {a} were kept"),
            (Some(a), Some(b)) => format!("the weights kept are those of epochs {a} to {b}"),
            _ => "no best epoch was recorded".to_owned(),
        };
        format!("{} trained up to epoch {longest}; {kept}.{diverged}", counted(trained, "fold"))
    }
}

/// Training and validation loss, and the validation PCC where it was measured, with the kept epoch marked.
pub fn training_curves(input: &TrainingCurves, text: &[(String, String)]) -> Result<Vec<u8>> {
    let mut canvas = Canvas::new(WIDTH, 1000);
    let top = input.heading.draw(&mut canvas, "Training", &input.finding());
    let many = input.folds.len() > CYCLE.len();
    let (train, validation, pcc) = (input.has(Curve::Train), input.has(Curve::Validation), input.has(Curve::Pcc));

    let ink = if input.folds.len() == 1 { BLUE } else { INK };
    let mut keys: Vec<Key> = vec![];
    if train {
        keys.push(Key { sample: Sample::Dashes, colour: ink, text: "training".into() });
    }
    if validation {
        keys.push(Key { sample: Sample::Line, colour: ink, text: "validation".into() });
    }
    if input.folds.iter().any(|f| f.best_epoch.is_some()) {
        keys.push(Key { sample: Sample::Point(Mark::Circle), colour: if many { GREY } else { ink }, text: "epoch kept".into() });
    }
    if many {
        keys.push(Key { sample: Sample::Line, colour: GREY, text: format!("each of {} folds", input.folds.len()) });
        keys.push(Key { sample: Sample::Line, colour: BLUE, text: "median of the folds".into() });
    } else if input.folds.len() > 1 {
        keys.extend(input.folds.iter().enumerate().map(|(i, f)| Key { sample: Sample::Line, colour: CYCLE[i], text: f.name.clone() }));
    }
    let below = legend(&mut canvas, &keys, MARGIN, top + 18.0, WIDTH as f64 - MARGIN);

    let epochs = Range::of(input.folds.iter().flat_map(|f| f.epochs.iter().map(|e| e.epoch as f64)), 0.0);
    let losses = |what: Curve| input.folds.iter().flat_map(move |f| f.epochs.iter().map(move |e| e.of(what)));
    // Logarithmic when the losses span more than a factor of 50: a wild first epoch would flatten the rest.
    let (smallest, largest) = losses(Curve::Train)
        .chain(losses(Curve::Validation))
        .filter(|v| drawable(*v))
        .fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
    let log = smallest > 0.0 && smallest.is_normal() && largest / smallest > 50.0;
    let scale = |v: f64| if log { lg(v) } else { v };
    let loss = Panel {
        left: 170.0,
        top: below + 70.0,
        right: if pcc { 780.0 } else { WIDTH as f64 - MARGIN },
        bottom: 840.0,
        x: epochs,
        y: Range::of(losses(Curve::Train).chain(losses(Curve::Validation)).map(scale), 0.06),
    };
    let title = if log { "Loss, log scale" } else { "Loss" };
    draw(&mut canvas, input, &loss, &[Curve::Train, Curve::Validation], many, &input.loss, (title, log));
    if pcc {
        let panel = Panel { left: 960.0, right: WIDTH as f64 - MARGIN, y: Range::of(losses(Curve::Pcc), 0.06), ..loss };
        draw(&mut canvas, input, &panel, &[Curve::Pcc], many, "mean PCC over genes", ("Validation PCC", false));
    }
    canvas.png(text)
}

fn draw(canvas: &mut Canvas, input: &TrainingCurves, panel: &Panel, curves: &[Curve], many: bool, axis: &str, (title, log): (&str, bool)) {
    let scale = |v: f64| if log { lg(v) } else { v };
    panel.title(canvas, title);
    panel.y_axis(canvas, &if log { decades(&panel.y) } else { panel.y.ticks(6) }, axis);
    panel.x_axis(canvas, &panel.x.whole_ticks(8), "epoch", false);
    panel.spine(canvas);
    if !curves.iter().any(|&c| input.has(c)) {
        return panel.empty(canvas, "nothing was recorded");
    }
    for &curve in curves {
        for (i, fold) in input.folds.iter().enumerate() {
            let colour = if many { (198, 202, 208) } else { CYCLE[i % CYCLE.len()] };
            let points: Vec<(f64, f64)> = fold.epochs.iter().map(|e| panel.at(e.epoch as f64, scale(e.of(curve)))).collect();
            stroke(canvas, &points, colour, if many { 1.6 } else { 3.0 }, curve == Curve::Train);
        }
    }
    // The kept epoch, on the curve that decides most: PCC or validation loss, else training loss.
    let mut noted = None;
    for (i, fold) in input.folds.iter().enumerate() {
        let Some(best) = fold.best_epoch.and_then(|b| fold.epochs.iter().find(|e| e.epoch == b)) else { continue };
        let Some(&curve) = curves.iter().rev().find(|&&c| drawable(best.of(c))) else { continue };
        let (x, y) = panel.at(best.epoch as f64, scale(best.of(curve)));
        let colour = if many { GREY } else { CYCLE[i % CYCLE.len()] };
        mark(canvas, Mark::Circle, x, y, if many { 5.0 } else { 9.0 }, colour, 2.5);
        noted = Some((x, y, best.of(curve), curve));
    }
    // Over the marks, which are many then.
    for &curve in curves.iter().filter(|_| many) {
        let middle: Vec<(f64, f64)> = median(input, curve).into_iter().map(|(e, v)| panel.at(e, scale(v))).collect();
        stroke(canvas, &middle, BLUE, 4.0, curve == Curve::Train);
    }
    if let (Some((x, y, value, curve)), 1) = (noted, input.folds.len()) {
        let text = if curve == Curve::Pcc { fixed(Some(value), 3) } else { significant(value, 3) };
        let w = NOTE.width(&text);
        let tx = (x - w / 2.0).min(panel.right - w).max(panel.left + 8.0);
        // A kept loss lies in a valley, a kept PCC on a hill: the number stands where the curve is not.
        let (above, below) = (y - 44.0 > panel.top, y + 50.0 < panel.bottom);
        let ty = if above && (curve == Curve::Pcc || !below) { y - 22.0 } else { y + 38.0 };
        canvas.rect(tx - 4.0, ty - 22.0, tx + w + 4.0, ty + 6.0, WHITE, 0.8);
        canvas.text(&text, tx, ty, NOTE);
    }
}

fn stroke(canvas: &mut Canvas, points: &[(f64, f64)], colour: Colour, width: f64, broken: bool) {
    if points.iter().filter(|p| p.1.is_finite()).count() == 1 {
        return points.iter().filter(|p| p.1.is_finite()).for_each(|p| canvas.disc(p.0, p.1, width + 2.0, colour, 1.0));
    }
    if !broken {
        return canvas.path(points, colour, width);
    }
    // Dashes go on across the corners, else a curve of many short pieces would look unbroken.
    let (on, off) = (11.0, 7.0);
    let mut gone = 0.0f64;
    for pair in points.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let length = (dx * dx + dy * dy).sqrt();
        if !length.is_finite() || length <= 0.0 {
            continue;
        }
        let mut at = 0.0;
        while at < length {
            let phase = (gone + at) % (on + off);
            let piece = if phase < on { on - phase } else { on + off - phase }.max(0.5);
            let end = (at + piece).min(length);
            if phase < on {
                let point = |t: f64| (pair[0].0 + dx * t / length, pair[0].1 + dy * t / length);
                canvas.line(point(at), point(end), colour, (width * 0.8).max(1.4), 1.0);
            }
            at = end;
        }
        gone += length;
    }
}

/// The median over folds at every epoch that at least one fold has.
fn median(input: &TrainingCurves, curve: Curve) -> Vec<(f64, f64)> {
    let mut by_epoch: std::collections::BTreeMap<usize, Vec<f64>> = std::collections::BTreeMap::new();
    for e in input.folds.iter().flat_map(|f| &f.epochs).filter(|e| drawable(e.of(curve))) {
        by_epoch.entry(e.epoch).or_default().push(e.of(curve));
    }
    by_epoch.into_iter().map(|(epoch, values)| (epoch as f64, middle(values))).collect()
}

/// The median; NaN of nothing.
pub(super) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}
