//! Figure: is the model better than saying the training mean everywhere?

use super::axis::{Panel, Range};
use super::canvas::{Anchor, Canvas};
use super::heading::{Heading, Key, Sample, legend};
use super::place::{Space, Wish};
use super::style::{BLUE, INK, LABEL, MARGIN, Mark, SOFT, VERMILLION, WIDTH, counted, mark, number};
use crate::base::Result;

/// Input of [`baseline`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// Words.
    pub heading: Heading,
    /// The genes, in any order.
    pub genes: Vec<BaselineGene>,
    /// Unit of the squared error, such as `(ln(1 + x))²`; may be empty.
    pub unit: String,
    /// How many genes get a name: those farthest from the line of equality, in ratio.
    pub names: usize,
}

/// One gene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BaselineGene {
    /// Symbol.
    pub gene: String,
    /// Mean squared error of the model.
    pub mse: f64,
    /// Mean squared error of the constant profile, over the same spots.
    pub mse_constant: f64,
}

impl Baseline {
    fn points(&self) -> Vec<(usize, f64, f64)> {
        let sound = |v: f64| super::axis::drawable(v) && v >= 0.0;
        self.genes
            .iter()
            .enumerate()
            .filter(|(_, g)| sound(g.mse) && sound(g.mse_constant))
            .map(|(i, g)| (i, g.mse_constant, g.mse))
            .collect()
    }

    /// What is to be seen, in one sentence.
    pub fn finding(&self) -> String {
        let points = self.points();
        if points.is_empty() {
            return "No gene has both errors.".to_owned();
        }
        let better = points.iter().filter(|p| p.2 < p.1).count();
        let left = self.genes.len() - points.len();
        let undefined = if left > 0 { format!(" {} undefined and not shown.", number(left)) } else { String::new() };
        format!(
            "The model has the smaller error for {} of {} ({:.0} %).{undefined}",
            number(better),
            counted(points.len(), "gene"),
            100.0 * better as f64 / points.len() as f64
        )
    }
}

/// Logarithm with base 10 as a plot needs it, from the four operations alone: the platform's own may differ in its last
/// bit from machine to machine, and a pixel with it. NaN of zero, of negative and of subnormal numbers.
///
/// With v = m 2^e and m in [√½, √2): ln m = 2 artanh((m − 1) / (m + 1)), whose series ends below 2^-53 after 12 terms.
pub(super) fn lg(v: f64) -> f64 {
    if !(v.is_normal() && v > 0.0) {
        return f64::NAN;
    }
    let mut exponent = ((v.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let mut m = f64::from_bits((v.to_bits() & ((1 << 52) - 1)) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    let t = (m - 1.0) / (m + 1.0);
    let mut sum = 0.0;
    for k in (0..12).rev() {
        sum = sum * t * t + 1.0 / f64::from(2 * k + 1);
    }
    f64::from(exponent) * std::f64::consts::LOG10_2 + 2.0 * t * sum * std::f64::consts::LOG10_E
}

/// Error of the model against error of the constant profile, one point a gene, with the line of equality.
pub fn baseline(input: &Baseline, text: &[(String, String)]) -> Result<Vec<u8>> {
    let mut canvas = Canvas::new(WIDTH, 1140);
    let top = input.heading.draw(&mut canvas, "Against the constant profile", &input.finding());
    let points = input.points();
    let better = points.iter().filter(|p| p.2 < p.1).count();
    let keys = [
        Key { sample: Sample::Point(Mark::Circle), colour: BLUE, text: format!("model better ({})", number(better)) },
        Key {
            sample: Sample::Point(Mark::Triangle),
            colour: VERMILLION,
            text: format!("model not better ({})", number(points.len() - better)),
        },
        Key { sample: Sample::Dashes, colour: INK, text: "equal".into() },
    ];
    let below = legend(&mut canvas, &keys, MARGIN, top + 18.0, WIDTH as f64 - MARGIN);

    // Logarithmic when the errors span more than a factor of 20: else the small ones lie on one heap.
    let all = || points.iter().flat_map(|p| [p.1, p.2]);
    let (smallest, largest) = all().fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(v), b.max(v)));
    let log = smallest.is_normal() && largest / smallest > 20.0 && largest < 1e100;
    let scale = |v: f64| if log { lg(v) } else { v };
    let mut range = Range::of(all().map(scale), 0.05);
    if !log {
        range = range.with(0.0);
    }
    let panel = Panel { left: 190.0, top: below + 36.0, right: WIDTH as f64 - MARGIN, bottom: 990.0, x: range, y: range };
    let ticks = if log { decades(&range) } else { range.ticks(7) };
    let unit = if input.unit.is_empty() { String::new() } else { format!(" [{}]", input.unit) };
    let kind = if log { ", log scale" } else { "" };
    panel.y_axis(&mut canvas, &ticks, &format!("MSE of the model{unit}{kind}"));
    panel.x_axis(&mut canvas, &ticks, &format!("MSE of the constant profile (mean of the training spots){unit}{kind}"), true);
    panel.spine(&mut canvas);
    canvas.dashed(panel.at(range.low, range.low), panel.at(range.high, range.high), INK, 2.0, 12.0, 8.0);
    if points.is_empty() {
        panel.empty(&mut canvas, "no gene has both errors");
        return canvas.png(text);
    }
    let size = match points.len() {
        0..=60 => 9.0,
        61..=400 => 7.0,
        401..=1500 => 5.0,
        _ => 4.0,
    };
    let mut space = Space::new(panel.left, panel.top, panel.right, panel.bottom);
    for step in 0..=400 {
        let at = panel.at(
            range.low + (range.high - range.low) * f64::from(step) / 400.0,
            range.low + (range.high - range.low) * f64::from(step) / 400.0,
        );
        space.take_point(at.0, at.1, 2.0);
    }
    for &(_, x, y) in &points {
        let at = panel.at(scale(x), scale(y));
        let (colour, shape) = if y < x { (BLUE, Mark::Circle) } else { (VERMILLION, Mark::Triangle) };
        mark(&mut canvas, shape, at.0, at.1, size, colour, if points.len() <= 1500 { 1.4 } else { 0.7 });
        space.take_point(at.0, at.1, size);
    }
    let corner = [
        ("model worse", panel.left + 20.0, panel.top + 34.0, Anchor::Start),
        ("model better", panel.right - 16.0, panel.bottom - 20.0, Anchor::End),
    ];
    for (words, x, y, anchor) in corner {
        let w = LABEL.width(words);
        let x0 = if anchor == Anchor::End { x - w } else { x };
        canvas.text(words, x, y, LABEL.anchored(anchor).coloured(SOFT));
        space.take(x0 - 6.0, y - 26.0, x0 + w + 6.0, y + 8.0);
    }
    let mut far: Vec<(f64, usize)> =
        points.iter().enumerate().filter(|(_, p)| p.1 > 0.0).map(|(at, p)| ((p.2 / p.1 - 1.0).abs(), at)).collect();
    far.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let wishes: Vec<Wish> = far
        .iter()
        .take(input.names.min(40))
        .map(|&(_, at)| {
            let (x, y) = panel.at(scale(points[at].1), scale(points[at].2));
            Wish { x, y, radius: size, name: input.genes[points[at].0].gene.clone() }
        })
        .collect();
    space.name(&mut canvas, &wishes, 240.0);
    canvas.png(text)
}

/// Ticks at 1, 2 and 5 times powers of ten, or at powers of ten alone where the range is long.
pub(super) fn decades(range: &Range) -> Vec<(f64, String)> {
    let (from, to) = (range.low.floor() as i32, range.high.ceil() as i32);
    let steps: &[f64] = if to - from <= 4 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = ((to - from) / 8).max(1);
    (from..=to)
        .filter(|p| p % every == 0)
        .flat_map(|power| steps.iter().map(move |s| s * ten(power)))
        .map(|v| (lg(v), super::style::significant(v, 1)))
        .filter(|(at, _)| *at >= range.low && *at <= range.high)
        .collect()
}

/// A power of ten, exactly rounded: parsing is, `powi` need not be.
fn ten(power: i32) -> f64 {
    format!("1e{power}").parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_one() {
        for v in [1.0, 10.0, 0.1, 2.0, 5.0, 1e-300, 1e99, 123.456, 0.999_999, 1.414, 1.4143, std::f64::consts::PI] {
            assert!((lg(v) - v.log10()).abs() <= 4e-16 * v.log10().abs().max(1.0), "{v}: {} {}", lg(v), v.log10());
        }
        assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|&v| lg(v).is_nan()));
    }

    #[test]
    fn decades_are_round() {
        let labels: Vec<String> = decades(&Range { low: -2.1, high: 0.4 }).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]);
    }
}
