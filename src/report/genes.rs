//! Figure: all genes by their correlation.

use super::axis::{Panel, Range, drawable};
use super::canvas::{Anchor, Canvas};
use super::fan::{Fan, headroom};
use super::heading::{Heading, Key, Sample, legend};
use super::place::Classes;
use super::style::{AXIS, BAND, CYCLE, MARGIN, NOTE, TICK, VERMILLION, WHITE, WIDTH, counted, fixed, mark, number};
use crate::base::Result;

/// Input of [`genes_ranked`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenesRanked {
    /// Words.
    pub heading: Heading,
    /// The genes, in any order.
    pub genes: Vec<RankedGene>,
    /// |PCC| that chance alone reaches: drawn as a band around zero.
    pub noise_floor: Option<f64>,
    /// What the noise floor is: `95 % of shuffled genes`.
    pub noise_label: String,
    /// Genes at or over this PCC are counted.
    pub threshold: Option<f64>,
    /// How many of the best genes get a name when not all do; fewer where there is no room for so many.
    pub names: usize,
}

/// One gene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RankedGene {
    /// Symbol.
    pub gene: String,
    /// Pearson's r of truth and prediction; `None` when undefined.
    pub pcc: Option<f64>,
    /// A class such as `signal` or `noise`.
    pub class: Option<String>,
}

/// Up to so many genes every one gets its name on the axis.
const ALL_NAMED: usize = 48;

/// From so many genes on, dots cover each other, and each class gets a strip of its own under the panel.
const STRIPS: usize = 150;

/// Height of a strip with the space over it, pixels.
const STRIP: f64 = 28.0;

impl GenesRanked {
    /// Genes with a PCC, best first; ties by name.
    fn ranked(&self) -> Vec<(usize, f64)> {
        let mut order: Vec<(usize, f64)> =
            self.genes.iter().enumerate().filter_map(|(i, g)| g.pcc.filter(|v| drawable(*v)).map(|v| (i, v))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| self.genes[a.0].gene.cmp(&self.genes[b.0].gene)));
        order
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let ranked = self.ranked();
        let Some(best) = ranked.first() else { return format!("No PCC is defined for any of {}.", counted(self.genes.len(), "gene")) };
        let mean = ranked.iter().map(|r| r.1).sum::<f64>() / ranked.len() as f64;
        let over = self.noise_floor.filter(|f| drawable(*f)).map(|floor| {
            let above = ranked.iter().filter(|r| r.1 > floor).count();
            format!(", {} of them above the noise floor", number(above))
        });
        let undefined = self.genes.len() - ranked.len();
        let left = if undefined > 0 { format!("; {} undefined and not shown", number(undefined)) } else { String::new() };
        format!(
            "Mean PCC {} over {}{}; best is {} with {}{left}.",
            fixed(Some(mean), 3),
            counted(ranked.len(), "gene"),
            over.unwrap_or_default(),
            super::font::elide(&self.genes[best.0].gene, 26.0, super::font::Weight::Regular, 260.0),
            fixed(Some(best.1), 3)
        )
    }
}

/// All genes from the best to the worst, with the noise floor, zero and the threshold.
pub fn genes_ranked(input: &GenesRanked, text: &[(String, String)]) -> Result<Vec<u8>> {
    let ranked = input.ranked();
    let all_named = ranked.len() <= ALL_NAMED;
    let mut canvas = Canvas::new(WIDTH, if all_named { 1040 } else { 1000 });
    let top = input.heading.draw(&mut canvas, "Every gene, by how well it is predicted", &input.finding());
    let classes = Classes::of(input.genes.iter().map(|g| g.class.as_deref()));
    let floor = input.noise_floor.filter(|f| drawable(*f)).map(f64::abs);
    let threshold = input.threshold.filter(|t| drawable(*t));
    let drawn: std::collections::BTreeSet<usize> = ranked.iter().map(|r| r.0).collect();
    let mut keys = classes.keys(|i| drawn.contains(&i));
    if let Some(floor) = floor {
        let label = if input.noise_label.is_empty() { "noise floor" } else { &input.noise_label };
        keys.push(Key { sample: Sample::Box, colour: (212, 215, 221), text: format!("{label}: ±{}", fixed(Some(floor), 3)) });
    }
    let below = if keys.is_empty() { top } else { legend(&mut canvas, &keys, MARGIN, top + 18.0, WIDTH as f64 - MARGIN) };

    let mut y = Range::of(ranked.iter().map(|r| r.1), 0.0).with(0.0);
    if let Some(f) = floor {
        y = y.with(f).with(-f);
    }
    if let Some(t) = threshold {
        y = y.with(t);
    }
    let room = (y.high - y.low) * 0.06;
    let strips = if ranked.len() > STRIPS { classes.names.len() as f64 * STRIP } else { 0.0 };
    let size = match ranked.len() {
        0..=60 => 9.0,
        61..=400 => 6.0,
        401..=1500 => 4.5,
        _ => 3.5,
    };
    let mut panel = Panel {
        left: 170.0,
        top: below + 36.0,
        right: WIDTH as f64 - MARGIN,
        bottom: 850.0 - strips,
        x: Range { low: 0.2 - ranked.len() as f64 * 0.012, high: ranked.len().max(1) as f64 * 1.012 + 0.8 },
        y: Range { low: y.low - room, high: y.high + room },
    };
    let names = if all_named { 0 } else { input.names.min(30) };
    // Names of the best stand over the falling dots, where nothing else is: the axis goes on for as long as they need.
    panel.y.high += headroom(&panel, &ranked, names, size);
    if let Some(f) = floor {
        canvas.rect(panel.left, panel.py(f), panel.right, panel.py(-f), BAND, 1.0);
    }
    // No correlation is over 1: what the axis has beyond is room for names.
    let ticks: Vec<(f64, String)> = panel.y.ticks(7).into_iter().filter(|t| t.0 <= y.high.max(1.0)).collect();
    panel.y_axis(&mut canvas, &ticks, "PCC of truth and prediction");
    canvas.line((panel.left, panel.py(0.0).round()), (panel.right, panel.py(0.0).round()), AXIS, 2.0, 1.0);
    panel.spine(&mut canvas);

    let places: Vec<(f64, f64)> = ranked.iter().enumerate().map(|(rank, r)| panel.at(rank as f64 + 1.0, r.1)).collect();
    if let Some(t) = threshold {
        let line = panel.py(t).round();
        canvas.dashed((panel.left, line), (panel.right, line), VERMILLION, 2.5, 12.0, 7.0);
        let count = ranked.iter().filter(|r| r.1 >= t).count();
        let note = format!("{count} of {} with PCC ≥ {}", counted(ranked.len(), "gene"), fixed(Some(t), 2));
        let w = NOTE.width(&note);
        // Above the line at its right end, where the falling dots are not, unless every gene is that good.
        let crowded = places.iter().any(|p| p.0 > panel.right - w - 30.0 && (p.1 - line + 16.0).abs() < 30.0);
        let base = if crowded { line + 32.0 } else { line - 10.0 };
        canvas.rect(panel.right - w - 14.0, base - 22.0, panel.right, base + 6.0, WHITE, 0.8);
        canvas.text(&note, panel.right - 6.0, base, NOTE.anchored(Anchor::End).coloured((168, 72, 0)));
    }
    // The worst first, so that the best lie on top.
    for (rank, p) in places.iter().enumerate().rev() {
        let (colour, shape) = classes.look(ranked[rank].0);
        mark(&mut canvas, shape, p.0, p.1, size, colour, if ranked.len() <= 400 { 1.4 } else { 0.0 });
    }
    if ranked.is_empty() {
        panel.empty(&mut canvas, "no gene has a defined PCC");
    } else if all_named {
        for (rank, p) in places.iter().enumerate() {
            let name = NOTE.elide(&input.genes[ranked[rank].0].gene, 130.0);
            canvas.line((p.0.round(), panel.bottom), (p.0.round(), panel.bottom + 7.0), AXIS, 1.0, 1.0);
            canvas.text_up(&name, p.0 + 8.0, panel.bottom + 14.0, NOTE.anchored(Anchor::End));
        }
    } else {
        let under = Panel { bottom: panel.bottom + strips, ..panel };
        under.x_axis(
            &mut canvas,
            &panel.x.whole_ticks(8).into_iter().filter(|t| t.0 >= 1.0).collect::<Vec<_>>(),
            "rank of the gene",
            false,
        );
        if strips > 0.0 {
            draw_strips(&mut canvas, &panel, &classes, &ranked);
        }
        let fan = Fan::of(&places, size, panel.top, names);
        fan.draw(&mut canvas, &places, |rank| &input.genes[ranked[rank].0].gene);
    }
    canvas.png(text)
}

/// For each class a row of thin lines at the ranks of its genes.
fn draw_strips(canvas: &mut Canvas, panel: &Panel, classes: &Classes, ranked: &[(usize, f64)]) {
    for (class, name) in classes.names.iter().enumerate() {
        let top = panel.bottom + STRIP * class as f64 + 8.0;
        let bottom = top + STRIP - 8.0;
        canvas.rect(panel.left, top, panel.right, bottom, BAND, 0.5);
        for (rank, gene) in ranked.iter().enumerate().filter(|(_, r)| classes.of[r.0] == Some(class)) {
            let (x, _) = (panel.px(rank as f64 + 1.0), gene);
            canvas.rect(x - 0.7, top, x + 0.7, bottom, CYCLE[class], 0.8);
        }
        let label = TICK.elide(name, panel.left - 32.0);
        canvas.text(&label, panel.left - 12.0, bottom - 2.0, TICK.anchored(Anchor::End));
    }
}
