//! Panels: ranges that survive hostile numbers, round ticks, grids and axis titles.

use super::canvas::{Anchor, Canvas};
use super::style::{AXIS, GRID, INK, LABEL, PANEL, TICK, minus};

/// Numbers of this size and more count as not finite: they are damage, not data, and differences of them overflow.
const HUGE: f64 = 1e100;

/// Whether a number can be drawn.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() < HUGE
}

/// A closed interval of finite numbers with low < high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// The range of the finite values, with `pad` of its length added at both ends; 0..1 when there are none, and a
    /// little room around a single value. What is not [`drawable`] is left out.
    pub fn of(values: impl IntoIterator<Item = f64>, pad: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| drawable(*v)) {
            (low, high) = (low.min(v), high.max(v));
        }
        if low > high {
            return Self { low: 0.0, high: 1.0 };
        }
        if high - low <= 1e-9 * high.abs().max(low.abs()).max(1e-6) {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            return Self { low: low - room, high: high + room };
        }
        let room = (high - low) * pad;
        Self { low: low - room, high: high + room }
    }

    /// The same range, at least as wide as to hold a value.
    pub fn with(self, value: f64) -> Self {
        if !drawable(value) {
            return self;
        }
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one; NaN for what is not [`drawable`].
    pub fn share(&self, value: f64) -> f64 {
        if drawable(value) { (value - self.low) / (self.high - self.low) } else { f64::NAN }
    }

    /// Round ticks inside the range, 1, 2 or 5 times a power of ten apart, with labels: of these steps the one whose
    /// number of ticks is nearest to `about`, in ratio.
    pub fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / about.max(1) as f64;
        let mut step = 1.0f64;
        let mut decimals = 0i32;
        while step > raw {
            step /= 10.0;
            decimals += 1;
        }
        while step * 10.0 <= raw {
            step *= 10.0;
            decimals -= 1;
        }
        // `step` is at most `raw`, and ten times it is more.
        let off = |times: f64| (step * times / raw).max(raw / (step * times));
        let mut best = 1.0;
        for times in [2.0, 5.0, 10.0] {
            if off(times) < off(best) {
                best = times;
            }
        }
        if best == 10.0 {
            decimals -= 1;
        }
        step *= best;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        let places = decimals.clamp(0, 12) as usize;
        let wide = self.high.abs().max(self.low.abs()) >= 1e6 || decimals > 6;
        (first..=last.min(first.saturating_add(40)))
            .map(|i| {
                let v = i as f64 * step;
                let text = if wide { format!("{v:.1e}") } else { format!("{:.places$}", if i == 0 { 0.0 } else { v }) };
                (v, minus(&text))
            })
            .collect()
    }

    /// Ticks at whole numbers only.
    pub fn whole_ticks(&self, about: usize) -> Vec<(f64, String)> {
        self.ticks(about).into_iter().filter(|(v, _)| *v == v.round()).map(|(v, _)| (v, minus(&format!("{v:.0}")))).collect()
    }
}

/// A rectangle for data with its two ranges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub x: Range,
    pub y: Range,
}

impl Panel {
    /// A value's column.
    pub fn px(&self, x: f64) -> f64 {
        self.left + self.x.share(x) * (self.right - self.left)
    }

    /// A value's row.
    pub fn py(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y) * (self.bottom - self.top)
    }

    /// A point's place.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.px(x), self.py(y))
    }

    /// Grid and labels for ticks of the vertical axis.
    pub fn y_axis(&self, canvas: &mut Canvas, ticks: &[(f64, String)], title: &str) {
        let mut widest = 0.0f64;
        for (v, text) in ticks {
            let y = self.py(*v).round();
            canvas.line((self.left, y), (self.right, y), GRID, 1.0, 1.0);
            canvas.text(text, self.left - 12.0, y + 8.0, TICK.anchored(Anchor::End));
            widest = widest.max(TICK.width(text));
        }
        if !title.is_empty() {
            let text = LABEL.elide(title, self.bottom - self.top + 60.0);
            canvas.text_up(&text, self.left - 12.0 - widest - 20.0, (self.top + self.bottom) / 2.0, LABEL);
        }
    }

    /// Labels for ticks of the horizontal axis, with a grid if wished.
    pub fn x_axis(&self, canvas: &mut Canvas, ticks: &[(f64, String)], title: &str, grid: bool) {
        let labelled = self.labelled(ticks);
        for ((v, text), shown) in ticks.iter().zip(labelled) {
            let x = self.px(*v).round();
            if grid {
                canvas.line((x, self.top), (x, self.bottom), GRID, 1.0, 1.0);
            }
            canvas.line((x, self.bottom), (x, self.bottom + 7.0), AXIS, 1.0, 1.0);
            if shown {
                canvas.text(text, x, self.bottom + 34.0, TICK);
            }
        }
        if !title.is_empty() {
            let text = LABEL.elide(title, self.right - self.left + 80.0);
            canvas.text(&text, (self.left + self.right) / 2.0, self.bottom + 74.0, LABEL);
        }
    }

    /// Which ticks of the horizontal axis get a label. Evenly spaced ticks are labelled evenly: all, every second,
    /// every fifth, …, always with zero; ticks of a logarithmic axis as they find room from the left.
    fn labelled(&self, ticks: &[(f64, String)]) -> Vec<bool> {
        let clear =
            |a: &(f64, String), b: &(f64, String)| self.px(b.0) - self.px(a.0) >= (TICK.width(&a.1) + TICK.width(&b.1)) / 2.0 + 14.0;
        let step = ticks.windows(2).map(|w| w[1].0 - w[0].0).fold(f64::INFINITY, f64::min);
        let even = ticks.windows(2).all(|w| (w[1].0 - w[0].0 - step).abs() < step * 1e-3);
        if even && step.is_finite() {
            for every in [1, 2, 5, 10, 20, 50] {
                let kept = |t: &(f64, String)| ((t.0 / step).round() as i64) % every == 0;
                let rest: Vec<&(f64, String)> = ticks.iter().filter(|t| kept(t)).collect();
                if rest.windows(2).all(|w| clear(w[0], w[1])) {
                    return ticks.iter().map(kept).collect();
                }
            }
        }
        let mut last: Option<&(f64, String)> = None;
        let mut fits = |t| {
            let yes = last.is_none_or(|l| clear(l, t));
            if yes {
                last = Some(t);
            }
            yes
        };
        ticks.iter().map(&mut fits).collect()
    }

    /// The lines at the left and below.
    pub fn spine(&self, canvas: &mut Canvas) {
        canvas.line((self.left, self.top), (self.left, self.bottom), AXIS, 2.0, 1.0);
        canvas.line((self.left, self.bottom), (self.right, self.bottom), AXIS, 2.0, 1.0);
    }

    /// A title above the panel.
    pub fn title(&self, canvas: &mut Canvas, text: &str) {
        canvas.text(&PANEL.elide(text, self.right - self.left), self.left, self.top - 18.0, PANEL);
    }

    /// What stands in a panel that has nothing to show.
    pub fn empty(&self, canvas: &mut Canvas, text: &str) {
        let text = LABEL.elide(text, self.right - self.left - 40.0);
        canvas.text(&text, (self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0, LABEL.coloured(INK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_survive_anything() {
        for values in
            [vec![], vec![f64::NAN], vec![f64::INFINITY, f64::NEG_INFINITY], vec![0.0], vec![5.0, 5.0], vec![1e-300], vec![1e308, -1e308]]
        {
            let r = Range::of(values.clone(), 0.05);
            assert!(r.low < r.high && (r.high - r.low).is_finite(), "{values:?} {r:?}");
            assert!(r.ticks(6).len() < 60, "{values:?}");
            let wider = r.with(1e308).with(-1e308).with(f64::NAN);
            assert_eq!(wider, r, "what cannot be drawn widens nothing");
            assert!(r.share(1e200).is_nan() && r.share(f64::INFINITY).is_nan());
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let labels: Vec<String> = Range { low: -0.13, high: 0.52 }.ticks(6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["−0.1", "0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        let labels: Vec<String> = Range { low: 0.0, high: 3000.0 }.ticks(6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0", "500", "1000", "1500", "2000", "2500", "3000"]);
        let labels: Vec<String> = Range { low: 0.0, high: 0.98 }.ticks(1).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0"], "a step of ten times a power of ten has that power's decimals");
        assert!(Range { low: 0.5, high: 3.5 }.whole_ticks(10).iter().all(|(v, _)| v.fract() == 0.0));
    }

    #[test]
    fn labels_that_do_not_fit_are_left_out_evenly() {
        let panel = |width: f64, low: f64, high: f64| Panel {
            left: 0.0,
            top: 0.0,
            right: width,
            bottom: 100.0,
            x: Range { low, high },
            y: Range { low: 0.0, high: 1.0 },
        };
        let ticks: Vec<(f64, String)> = (0..10).map(|i| (f64::from(i) * 0.05, format!("{:.2}", f64::from(i) * 0.05))).collect();
        let shown = |width: f64| -> Vec<String> {
            let p = panel(width, 0.0, 0.45);
            ticks.iter().zip(p.labelled(&ticks)).filter(|t| t.1).map(|t| t.0.1.clone()).collect()
        };
        assert_eq!(shown(1400.0).len(), 10);
        assert_eq!(shown(500.0), ["0.00", "0.10", "0.20", "0.30", "0.40"]);
        assert_eq!(shown(10.0), ["0.00"]);
        let decades = [(0.0, "1".to_owned()), (0.301, "2".to_owned()), (0.699, "5".to_owned()), (1.0, "10".to_owned())];
        assert_eq!(panel(900.0, 0.0, 1.0).labelled(&decades), [true; 4]);
    }
}
