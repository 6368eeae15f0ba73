//! Panels: ranges that survive hostile numbers, round ticks, grids and axis titles.

use super::canvas::{Anchor, Canvas};
use super::style::{AXIS, GRID, INK, LABEL, PANEL, TICK, minus};

/// A closed interval of finite numbers with low < high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// The range of the finite values, with `pad` of its length added at both ends; 0..1 when there are none, and a
    /// little room around a single value. Values beyond ±1e100 count as not finite: they are damage, not data.
    pub fn of(values: impl IntoIterator<Item = f64>, pad: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| v.abs() < 1e100) {
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
        if !value.is_finite() {
            return self;
        }
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one; NaN for what is not finite.
    pub fn share(&self, value: f64) -> f64 {
        if value.is_finite() { (value - self.low) / (self.high - self.low) } else { f64::NAN }
    }

    /// Round ticks inside the range, about `about` of them (1, 2 or 5 times a power of ten apart), with labels.
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
        for times in [5.0, 2.0] {
            if step * times <= raw * 1.2 {
                step *= times;
                break;
            }
        }
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
        let mut free = f64::NEG_INFINITY;
        for (v, text) in ticks {
            let x = self.px(*v).round();
            if grid {
                canvas.line((x, self.top), (x, self.bottom), GRID, 1.0, 1.0);
            }
            canvas.line((x, self.bottom), (x, self.bottom + 7.0), AXIS, 1.0, 1.0);
            let half = TICK.width(text) / 2.0;
            if x - half >= free {
                canvas.text(text, x, self.bottom + 34.0, TICK);
                free = x + half + 14.0;
            }
        }
        if !title.is_empty() {
            let text = LABEL.elide(title, self.right - self.left + 80.0);
            canvas.text(&text, (self.left + self.right) / 2.0, self.bottom + 74.0, LABEL);
        }
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
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let labels: Vec<String> = Range { low: -0.13, high: 0.52 }.ticks(6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["−0.1", "0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        let labels: Vec<String> = Range { low: 0.0, high: 3000.0 }.ticks(6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["0", "500", "1000", "1500", "2000", "2500", "3000"]);
        assert!(Range { low: 0.5, high: 3.5 }.whole_ticks(10).iter().all(|(v, _)| v.fract() == 0.0));
    }
}
