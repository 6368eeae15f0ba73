//! Figure: a stack beside the networks that it was made of, and where its first layer looks.

use super::axis::{Panel, Range, drawable};
use super::canvas::{Anchor, Canvas};
use super::heading::Heading;
use super::style::{BLUE, GREY, GRID, INK, MARGIN, Mark, NOTE, PANEL, TICK, VERMILLION, WHITE, WIDTH, counted, fixed, mark};
use crate::base::Result;

/// Input of [`stack_figure`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackFigure {
    /// Words.
    pub heading: Heading,
    /// What is compared: `mean Spearman within spots`.
    pub metric: String,
    /// The kinds of answers, each with its value over all and fold by fold.
    pub bars: Vec<StackBar>,
    /// Whether the stack's inputs are not out-of-fold.
    pub leaking: bool,
    /// Names of the blocks of inputs, in order: folds, or genes.
    pub blocks: Vec<String>,
    /// Each training of the stack: its name, and the mean size of its first layer's weights on each block.
    pub weights: Vec<(String, Vec<f64>)>,
}

/// One kind of answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackBar {
    /// Whose: `networks, held-out slides`.
    pub name: String,
    /// Over all folds.
    pub value: Option<f64>,
    /// Fold by fold.
    pub folds: Vec<f64>,
    /// Whether it leaks.
    pub leaks: bool,
}

impl StackFigure {
    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let value = |i: usize| self.bars.get(i).and_then(|b| b.value).filter(|v| drawable(*v));
        match (value(0), value(1)) {
            (Some(a), Some(b)) if self.leaking => format!(
                "The stack seems to gain {} in {}: its inputs are not out-of-fold, so this is what the leak is worth.",
                fixed(Some(b - a), 3),
                self.metric
            ),
            (Some(a), Some(b)) => {
                format!("The stack reaches {} in {}, the networks by themselves {}.", fixed(Some(b), 3), self.metric, fixed(Some(a), 3))
            }
            _ => format!("{} of answers.", counted(self.bars.len(), "kind")),
        }
    }
}

/// Left: the metric of each kind of answers, fold by fold in small. Right: sizes of the stack's first weights, block by block.
pub fn stack_figure(input: &StackFigure, text: &[(String, String)]) -> Result<Vec<u8>> {
    let (row, cell) = (96.0, 44.0);
    let body = (row * input.bars.len().max(2) as f64).max(cell * input.weights.len().max(2) as f64 + 40.0);
    let finding = input.finding();
    let mut canvas = Canvas::new(WIDTH, (400.0 + body + input.heading.extra(&finding)) as usize);
    let top = input.heading.draw(&mut canvas, "The stack", &finding) + 76.0;
    let values = input.bars.iter().flat_map(|b| b.value.into_iter().chain(b.folds.iter().copied()));
    let names = input.bars.iter().map(|b| NOTE.width(&b.name)).fold(120.0, f64::max).min(330.0);
    let left = MARGIN + names + 24.0;
    let rows = Range { low: 0.0, high: input.bars.len().max(1) as f64 };
    let panel = Panel {
        left,
        top,
        right: WIDTH as f64 * 0.56,
        bottom: top + row * input.bars.len().max(1) as f64,
        x: Range::of(values, 0.1),
        y: rows,
    };
    for (i, bar) in input.bars.iter().enumerate() {
        let y = (top + row * (i as f64 + 0.5)).round();
        canvas.line((panel.left, y), (panel.right, y), GRID, 1.0, 1.0);
        canvas.text(&NOTE.elide(&bar.name, names), left - 14.0, y + 8.0, NOTE.anchored(Anchor::End));
        for &fold in bar.folds.iter().filter(|v| drawable(**v)) {
            canvas.disc(panel.px(fold), y, 5.0, GREY, 0.7);
        }
        let Some(value) = bar.value.filter(|v| drawable(*v)) else {
            canvas.text("n/a", panel.left + 12.0, y + 8.0, TICK.anchored(Anchor::Start));
            continue;
        };
        let (colour, shape) = if bar.leaks { (VERMILLION, Mark::Triangle) } else { (BLUE, Mark::Circle) };
        mark(&mut canvas, shape, panel.px(value), y, 11.0, colour, 2.0);
        let words = if bar.leaks { format!("{} leaks", fixed(Some(value), 3)) } else { fixed(Some(value), 3) };
        canvas.text(&words, panel.px(value), y - 22.0, TICK.coloured(INK));
    }
    canvas.text(&PANEL.elide("What the stack is worth", panel.right - panel.left), panel.left, panel.top - 20.0, PANEL);
    panel.x_axis(&mut canvas, &panel.x.ticks(5), &input.metric, false);
    panel.spine(&mut canvas);
    weights(&mut canvas, input, top, cell);
    canvas.png(text)
}

/// The first layer's weights: a row a training, a square a block, its size the block's share.
fn weights(canvas: &mut Canvas, input: &StackFigure, top: f64, cell: f64) {
    let right = WIDTH as f64 - MARGIN;
    let names = input.weights.iter().map(|(name, _)| NOTE.width(name)).fold(60.0, f64::max).min(150.0);
    let left = WIDTH as f64 * 0.56 + 70.0 + names;
    canvas.text(&PANEL.elide("First weights, mean size", right - left + names), left - names, top - 20.0, PANEL);
    let n = input.blocks.len().max(1) as f64;
    let wide = ((right - left) / n).min(80.0);
    let most = input.weights.iter().flat_map(|(_, w)| w).copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    for (r, (name, values)) in input.weights.iter().enumerate() {
        let y = top + cell * (r as f64 + 0.5);
        canvas.text(&NOTE.elide(name, names), left - 12.0, y + 8.0, NOTE.anchored(Anchor::End));
        for (c, &value) in values.iter().enumerate() {
            let x = left + wide * (c as f64 + 0.5);
            let half = (wide.min(cell) / 2.0 - 1.0) * (value / most.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0).sqrt();
            canvas.rect(x - half, y - half, x + half, y + half, BLUE, 1.0);
        }
    }
    let bottom = top + cell * input.weights.len().max(1) as f64;
    // Upright, and only as many as do not touch.
    let every = (24.0 / wide).ceil().max(1.0) as usize;
    for (c, name) in input.blocks.iter().enumerate().filter(|(c, _)| c % every == 0) {
        let x = left + wide * (c as f64 + 0.5);
        canvas.text_up(&TICK.elide(name, 150.0), x + 8.0, bottom + 12.0, TICK.anchored(Anchor::End));
    }
    if most > 0.0 {
        let words = format!("largest: {}", fixed(Some(most), 4));
        let w = NOTE.width(&words);
        canvas.rect(right - w - 4.0, top - 60.0, right, top - 34.0, WHITE, 1.0);
        canvas.text(&words, right, top - 20.0, TICK.anchored(Anchor::End));
    }
}
