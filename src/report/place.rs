//! Names beside points, so that no name covers another, a point, or a leader line.

use super::canvas::{Anchor, Canvas};
use super::style::{AXIS, Mark, NOTE, WHITE, number};

/// Side of a cell of the occupancy grid, pixels.
const CELL: f64 = 4.0;

/// The most steps of a leader that may lie on data.
const CROSSED: usize = 4;

/// Which parts of a panel are taken.
pub(super) struct Space {
    left: f64,
    top: f64,
    columns: usize,
    rows: usize,
    /// Data, names, leaders: no name may come here.
    taken: Vec<bool>,
    /// Names and leaders alone: no leader may come here either.
    written: Vec<bool>,
}

/// A point that would like a name.
pub(super) struct Wish {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    pub name: String,
}

/// Directions to look in, best first: right, upper right, upper left, lower right, ….
const WAYS: [(f64, f64); 12] = [
    (1.0, 0.0),
    (0.92, -0.38),
    (0.71, -0.71),
    (0.92, 0.38),
    (0.38, -0.92),
    (0.71, 0.71),
    (-0.71, -0.71),
    (-0.92, -0.38),
    (-1.0, 0.0),
    (-0.92, 0.38),
    (-0.71, 0.71),
    (0.0, 1.0),
];

/// Where a name could go: its cost, the area it takes, the tip of its leader.
type Found = (f64, (f64, f64, f64, f64), (f64, f64));

impl Space {
    /// A panel with nothing in it.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        let columns = ((right - left) / CELL).max(0.0) as usize;
        let rows = ((bottom - top) / CELL).max(0.0) as usize;
        Self { left, top, columns, rows, taken: vec![false; columns * rows], written: vec![false; columns * rows] }
    }

    fn cells(&self, x0: f64, y0: f64, x1: f64, y1: f64) -> impl Iterator<Item = usize> + use<> {
        let column = |x: f64| (((x - self.left) / CELL).floor().max(0.0) as usize).min(self.columns);
        let row = |y: f64| (((y - self.top) / CELL).floor().max(0.0) as usize).min(self.rows);
        let (a, b, c, d) = (column(x0), column(x1 + CELL), row(y0), row(y1 + CELL));
        let columns = self.columns;
        (c..d).flat_map(move |r| (a..b).map(move |k| r * columns + k))
    }

    /// Marks a rectangle as taken.
    pub fn take(&mut self, x0: f64, y0: f64, x1: f64, y1: f64) {
        for cell in self.cells(x0, y0, x1, y1).collect::<Vec<_>>() {
            self.taken[cell] = true;
        }
    }

    /// Marks a point as taken.
    pub fn take_point(&mut self, x: f64, y: f64, radius: f64) {
        if x.is_finite() && y.is_finite() {
            self.take(x - radius, y - radius, x + radius, y + radius);
        }
    }

    fn free(&self, x0: f64, y0: f64, x1: f64, y1: f64) -> bool {
        let (right, bottom) = (self.left + self.columns as f64 * CELL, self.top + self.rows as f64 * CELL);
        x0 >= self.left && y0 >= self.top && x1 <= right && y1 <= bottom && !self.cells(x0, y0, x1, y1).any(|c| self.taken[c])
    }

    /// Marks a rectangle as a name or a part of a leader.
    fn write(&mut self, x0: f64, y0: f64, x1: f64, y1: f64) {
        for cell in self.cells(x0, y0, x1, y1).collect::<Vec<_>>() {
            (self.taken[cell], self.written[cell]) = (true, true);
        }
    }

    /// How many steps of a line, after the first `skip` pixels, lie on data; `None` when one lies on a name or on
    /// another leader.
    fn crossed(&self, a: (f64, f64), b: (f64, f64), skip: f64) -> Option<usize> {
        if self.along(a, b, skip).any(|(x, y)| self.cells(x, y, x, y).any(|c| self.written[c])) {
            return None;
        }
        Some(self.along(a, b, skip).filter(|&(x, y)| !self.free(x, y, x, y)).count())
    }

    fn along(&self, a: (f64, f64), b: (f64, f64), skip: f64) -> impl Iterator<Item = (f64, f64)> + use<> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).sqrt();
        let steps = ((length - skip).max(0.0) / CELL) as usize;
        (0..steps).map(move |i| skip + i as f64 * CELL).map(move |t| (a.0 + dx * t / length, a.1 + dy * t / length))
    }

    /// Draws the names that find room, in the order given, each with a thin leader when it stands off; returns how
    /// many were drawn. No leader runs over another point that asks for a name, nor over much other data: in a crowd
    /// a point goes without its name rather than with a leader that could be another's.
    pub fn name(&mut self, canvas: &mut Canvas, wishes: &[Wish], limit: f64) -> usize {
        let mut drawn = 0;
        for w in wishes.iter().filter(|w| w.x.is_finite() && w.y.is_finite()) {
            let core = w.radius * 0.6;
            self.write(w.x - core, w.y - core, w.x + core, w.y + core);
        }
        for wish in wishes.iter().filter(|w| w.x.is_finite() && w.y.is_finite()) {
            let text = NOTE.elide(&wish.name, limit);
            let (w, h) = (NOTE.width(&text), 22.0);
            let mut best: Option<Found> = None;
            for (ring, &far) in [10.0, 24.0, 44.0, 70.0, 100.0, 135.0, 175.0].iter().enumerate() {
                for (turn, way) in WAYS.iter().enumerate() {
                    let reach = wish.radius + far;
                    let (tx, ty) = (wish.x + way.0 * reach, wish.y + way.1 * reach);
                    let x0 = match way.0 {
                        d if d > 0.3 => tx,
                        d if d < -0.3 => tx - w,
                        _ => tx - w / 2.0,
                    };
                    let area = (x0, ty - h / 2.0, x0 + w, ty + h / 2.0);
                    if !self.free(area.0 - 5.0, area.1 - 3.0, area.2 + 5.0, area.3 + 3.0) {
                        continue;
                    }
                    let crossed = if ring == 0 { Some(0) } else { self.crossed((wish.x, wish.y), (tx, ty), wish.radius + 3.0) };
                    let Some(crossed) = crossed else { continue };
                    if crossed > CROSSED {
                        continue;
                    }
                    let cost = far + 2.5 * turn as f64 + 30.0 * crossed as f64;
                    if best.as_ref().is_none_or(|b| cost < b.0) {
                        best = Some((cost, area, (tx, ty)));
                    }
                }
            }
            let Some((_, area, tip)) = best else { continue };
            let (dx, dy) = (tip.0 - wish.x, tip.1 - wish.y);
            let far = (dx * dx + dy * dy).sqrt();
            if far > wish.radius + 12.0 {
                let start = (wish.x + dx * (wish.radius + 1.0) / far, wish.y + dy * (wish.radius + 1.0) / far);
                let end = (tip.0 - dx / far * 2.0, tip.1 - dy / far * 2.0);
                canvas.line(start, end, AXIS, 1.4, 1.0);
                for (x, y) in self.along(start, end, 0.0).collect::<Vec<_>>() {
                    self.write(x, y, x, y);
                }
            }
            canvas.rect(area.0 - 2.0, area.1, area.2 + 2.0, area.3, WHITE, 0.75);
            canvas.text(&text, area.0, area.3 - 4.0, NOTE.anchored(Anchor::Start));
            self.write(area.0 - 5.0, area.1 - 3.0, area.2 + 5.0, area.3 + 3.0);
            drawn += 1;
        }
        drawn
    }
}

/// Classes that have an order of their own, so that each has the same colour in every figure.
const ORDERED: [&str; 3] = ["signal", "gradient", "noise"];

/// Classes, known ones first and others by name, and each item's place among them; items without a class have none.
pub(super) struct Classes {
    pub names: Vec<String>,
    pub of: Vec<Option<usize>>,
}

impl Classes {
    /// Sorts items into classes. What comes after the fifth class shares one, `other`.
    pub fn of<'a>(classes: impl Iterator<Item = Option<&'a str>>) -> Self {
        let all: Vec<Option<&str>> = classes.collect();
        let known = |name: &str| ORDERED.iter().position(|o| name.eq_ignore_ascii_case(o)).unwrap_or(ORDERED.len());
        let different: std::collections::BTreeSet<(usize, &str)> = all.iter().flatten().map(|n| (known(n), *n)).collect();
        let place: std::collections::BTreeMap<&str, usize> = different.iter().enumerate().map(|(i, n)| (n.1, i)).collect();
        let of = all.iter().map(|c| Some((*place.get((*c)?)?).min(super::style::MARKS.len() - 1))).collect();
        let mut names: Vec<String> = different.iter().map(|n| n.1.to_owned()).collect();
        if names.len() > super::style::MARKS.len() {
            names.truncate(super::style::MARKS.len() - 1);
            names.push("other".to_owned());
        }
        Self { names, of }
    }

    /// Colour and shape of an item.
    pub fn look(&self, item: usize) -> (super::canvas::Colour, Mark) {
        match self.of.get(item).copied().flatten() {
            Some(i) => (super::style::CYCLE[i], super::style::MARKS[i]),
            None if self.names.is_empty() => (super::style::BLUE, Mark::Circle),
            None => (super::style::GREY, Mark::Circle),
        }
    }

    /// Legend entries: each class with the number of its items that are shown.
    pub fn keys(&self, shown: impl Fn(usize) -> bool) -> Vec<super::heading::Key> {
        let count = |class: Option<usize>| (0..self.of.len()).filter(|&i| self.of[i] == class && shown(i)).count();
        let mut keys: Vec<_> = self
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| super::heading::Key {
                sample: super::heading::Sample::Point(super::style::MARKS[i]),
                colour: super::style::CYCLE[i],
                text: format!("{name} ({})", number(count(Some(i)))),
            })
            .collect();
        let none = count(None);
        if !keys.is_empty() && none > 0 {
            keys.push(super::heading::Key {
                sample: super::heading::Sample::Point(Mark::Circle),
                colour: super::style::GREY,
                text: format!("no class ({})", number(none)),
            });
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_leader_runs_through_a_name_or_another_leader() {
        let mut space = Space::new(0.0, 0.0, 400.0, 400.0);
        space.take_point(100.0, 100.0, 6.0);
        assert_eq!(space.crossed((10.0, 100.0), (90.0, 100.0), 0.0), Some(0));
        assert!(space.crossed((10.0, 100.0), (200.0, 100.0), 0.0).is_some_and(|n| n > 0), "data costs");
        space.write(150.0, 80.0, 160.0, 120.0);
        assert_eq!(space.crossed((10.0, 100.0), (200.0, 100.0), 0.0), None, "a name forbids");
    }

    #[test]
    fn names_in_a_crowd_never_cover_each_other() {
        let mut canvas = Canvas::new(600, 600);
        let mut space = Space::new(0.0, 0.0, 600.0, 600.0);
        let wishes: Vec<Wish> = (0..40)
            .map(|i| Wish { x: 300.0 + f64::from(i % 7) * 5.0, y: 300.0 + f64::from(i % 5) * 7.0, radius: 5.0, name: format!("GENE{i}") })
            .collect();
        wishes.iter().for_each(|w| space.take_point(w.x, w.y, w.radius));
        let before = space.taken.iter().filter(|t| **t).count();
        let drawn = space.name(&mut canvas, &wishes, 240.0);
        let written = space.written.iter().filter(|t| **t).count();
        let after = space.taken.iter().filter(|t| **t).count();
        assert!(drawn > 4 && written >= drawn * 60, "{drawn} names on {written} cells");
        assert!(after > before && after <= before + written);
    }

    #[test]
    fn a_class_has_one_colour_whatever_comes_first() {
        let a = Classes::of([Some("noise"), None, Some("Signal"), Some("gradient")].into_iter());
        assert_eq!(a.names, ["Signal", "gradient", "noise"]);
        assert_eq!(a.of, [Some(2), None, Some(0), Some(1)]);
        let texts: Vec<String> = a.keys(|i| i != 0).into_iter().map(|k| k.text).collect();
        assert_eq!(texts, ["Signal (1)", "gradient (1)", "noise (0)", "no class (1)"]);
        let many = Classes::of(["g", "f", "e", "d", "c", "b", "a"].map(Some).into_iter());
        assert_eq!((many.names[0].as_str(), many.names[4].as_str(), many.of[0]), ("a", "other", Some(4)));
    }
}
