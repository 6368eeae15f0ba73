//! Names of the first points of a falling row, fanned out over it.
//!
//! The names stand in one column to the right of the named points, each no lower than its own point and each under the
//! one before. The points fall, so nothing lies over them: a leader rises to its name without meeting a point, and two
//! leaders never cross, since the left one is the higher one at both of its ends.

use super::axis::Panel;
use super::canvas::Canvas;
use super::style::{AXIS, NOTE, WHITE};

/// From one name's middle to the next, pixels.
const PITCH: f64 = 27.0;

/// From the last named point to the column of names.
const REACH: f64 = 44.0;

/// The most space over the best point that names may ask for, pixels.
const MOST: f64 = 120.0;

/// Where the names stand.
pub(super) struct Fan {
    /// Left end of the names.
    pub x: f64,
    /// Middle of each name, the best first.
    pub y: Vec<f64>,
}

impl Fan {
    /// Places names for as many of the first points, at most `wanted`, as find room under `top`. Points go from left to
    /// right and downwards.
    pub fn of(points: &[(f64, f64)], size: f64, top: f64, wanted: usize) -> Self {
        for count in (1..=wanted.min(points.len())).rev() {
            let last = points[count - 1];
            let mut y = vec![0.0; count];
            let mut under = last.1 - size - 14.0 + PITCH;
            for (slot, point) in y.iter_mut().zip(points).rev() {
                *slot = (under - PITCH).min(point.1);
                under = *slot;
            }
            if y[0] - 13.0 >= top {
                return Self { x: last.0 + REACH, y };
            }
        }
        Self { x: 0.0, y: vec![] }
    }

    /// Draws the names with their leaders.
    pub fn draw<'a>(&self, canvas: &mut Canvas, points: &[(f64, f64)], name: impl Fn(usize) -> &'a str) {
        for (rank, (y, point)) in self.y.iter().zip(points).enumerate() {
            canvas.line(*point, (self.x - 6.0, *y), AXIS, 1.4, 1.0);
            let text = NOTE.elide(name(rank), 240.0);
            canvas.rect(self.x - 4.0, y - 12.0, self.x + NOTE.width(&text) + 4.0, y + 12.0, WHITE, 0.85);
            canvas.text(&text, self.x, y + 8.0, NOTE);
        }
    }
}

/// How much longer the vertical axis must be for the names: the least that names them all, or as many as [`MOST`] can.
pub(super) fn headroom(panel: &Panel, ranked: &[(usize, f64)], wanted: usize, size: f64) -> f64 {
    let first = &ranked[..wanted.min(ranked.len())];
    let height = panel.bottom - panel.top;
    let mut best = (0, 0.0);
    for step in 0..=(MOST / 10.0) as usize {
        // So many pixels over what the axis ends with now.
        let share = step as f64 * 10.0 / height;
        let more = (panel.y.high - panel.y.low) * share / (1.0 - share);
        let longer = Panel { y: super::axis::Range { high: panel.y.high + more, ..panel.y }, ..*panel };
        let points: Vec<(f64, f64)> = first.iter().enumerate().map(|(i, r)| longer.at(i as f64 + 1.0, r.1)).collect();
        let named = Fan::of(&points, size, panel.top, wanted).y.len();
        if named > best.0 {
            best = (named, more);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falling(n: usize, dx: f64, dy: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        let mut y = 300.0;
        (0..n)
            .map(|i| {
                y += dy(i);
                (100.0 + dx * i as f64, y)
            })
            .collect()
    }

    /// Twice the signed area of a triangle: its sign tells on which side of the line ab the point c lies.
    fn side(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
        (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
    }

    #[test]
    fn nothing_crosses_and_nothing_is_covered() {
        let rows = [
            falling(200, 5.0, |_| 1.3),
            falling(3000, 0.45, |i| 8.0 / (1.0 + i as f64)),
            falling(60, 22.0, |i| if i == 1 { 200.0 } else { 0.0 }),
            falling(60, 22.0, |_| 0.0),
        ];
        for points in &rows {
            let fan = Fan::of(points, 5.0, 0.0, 10);
            assert!(!fan.y.is_empty());
            let ends: Vec<((f64, f64), (f64, f64))> = fan.y.iter().zip(points).map(|(y, p)| (*p, (fan.x, *y))).collect();
            for pair in ends.windows(2) {
                assert!(pair[1].1.1 - pair[0].1.1 >= PITCH - 1e-9, "names lie apart");
                let (a, b) = (pair[0], pair[1]);
                assert!(side(a.0, a.1, b.0) >= -1e-9 && side(a.0, a.1, b.1) > 0.0, "the next leader lies under this one");
            }
            for (_, name) in &ends {
                let covered = points.iter().filter(|p| p.0 >= fan.x - 5.0 && p.1 - 5.0 < name.1 + 12.0 - 4.0).count();
                assert_eq!(covered, 0, "no point under a name");
            }
        }
        assert!(Fan::of(&rows[0], 5.0, 290.0, 10).y.is_empty(), "no room, no name");
        assert!(Fan::of(&[], 5.0, 0.0, 10).y.is_empty());
    }
}
