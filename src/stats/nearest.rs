//! Neighbours by distance. Points are swept in order of x, so that only a strip round each is looked at.

use super::ranks::ascending;
use super::weights::Weights;

/// Binary, directed weights: the `k` nearest other points of each, equal distances by index. With fewer than
/// `k` other points, all of them. Coordinates must be finite.
pub fn knn(points: &[(f64, f64)], k: usize) -> Weights {
    let sweep = Sweep::over(points);
    let lists = (0..points.len()).map(|i| {
        let mut best: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
        sweep.around(i, |j, d| {
            if k == 0 {
                return 0.0;
            }
            let place = best.partition_point(|&(e, other)| (e, other) < (d, j));
            if place < k {
                best.insert(place, (d, j));
                best.truncate(k);
            }
            if best.len() < k { f64::INFINITY } else { best[k - 1].0 }
        });
        best.into_iter().map(|(_, j)| j).collect()
    });
    Weights::binary(lists.collect())
}

/// Binary, symmetric weights: every other point at a distance of at most `radius`. Coordinates must be finite.
pub fn band(points: &[(f64, f64)], radius: f64) -> Weights {
    let (sweep, limit) = (Sweep::over(points), radius * radius);
    let lists = (0..points.len()).map(|i| {
        let mut near = Vec::new();
        sweep.around(i, |j, d| {
            if d <= limit {
                near.push(j);
            }
            limit
        });
        near
    });
    Weights::binary(lists.collect())
}

struct Sweep<'a> {
    points: &'a [(f64, f64)],
    order: Vec<usize>,
    place: Vec<usize>,
}

impl<'a> Sweep<'a> {
    fn over(points: &'a [(f64, f64)]) -> Self {
        let order = ascending(&points.iter().map(|p| p.0).collect::<Vec<_>>());
        let mut place = vec![0; points.len()];
        order.iter().enumerate().for_each(|(at, &i)| place[i] = at);
        Self { points, order, place }
    }

    /// Shows `visit` the other points with their squared distances, outwards from point `i` to both sides, as
    /// long as the distance along x alone is within the squared limit that `visit` last answered.
    fn around(&self, i: usize, mut visit: impl FnMut(usize, f64) -> f64) {
        let (x, y) = self.points[i];
        let mut limit = f64::INFINITY;
        let (mut left, mut right) =
            (self.order[..self.place[i]].iter().rev().peekable(), self.order[self.place[i] + 1..].iter().peekable());
        loop {
            let gap = |next: Option<&&usize>| next.map_or(f64::INFINITY, |&&j| (self.points[j].0 - x).powi(2));
            let (a, b) = (gap(left.peek()), gap(right.peek()));
            let next = if a <= b { left.next() } else { right.next() };
            let Some(&j) = next else { return };
            if a.min(b) > limit {
                return;
            }
            let (dx, dy) = (self.points[j].0 - x, self.points[j].1 - y);
            limit = visit(j, dx * dx + dy * dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;

    fn all_pairs(points: &[(f64, f64)], i: usize) -> Vec<(f64, usize)> {
        let distance = |j: usize| (points[j].0 - points[i].0).powi(2) + (points[j].1 - points[i].1).powi(2);
        let mut all: Vec<(f64, usize)> = (0..points.len()).filter(|&j| j != i).map(|j| (distance(j), j)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
        all
    }

    #[test]
    fn equal_to_looking_at_every_pair() {
        let mut draw = Draw::keyed(1, "points", &[]);
        // A coarse grid, so that ties and repeated points are common.
        let points: Vec<(f64, f64)> = (0..150).map(|_| (draw.below(12) as f64, draw.below(9) as f64)).collect();
        let (near, within) = (knn(&points, 6), band(&points, 2.0));
        for i in 0..points.len() {
            let all = all_pairs(&points, i);
            let mut six: Vec<u32> = all[..6].iter().map(|&(_, j)| j as u32).collect();
            six.sort_unstable();
            assert_eq!(near.row(i).0, six, "point {i}");
            let mut inside: Vec<u32> = all.iter().filter(|&&(d, _)| d <= 4.0).map(|&(_, j)| j as u32).collect();
            inside.sort_unstable();
            assert_eq!(within.row(i).0, inside, "point {i}");
        }
    }

    #[test]
    fn few_points() {
        assert_eq!(knn(&[(0.0, 0.0), (1.0, 0.0)], 6).edges(), 2);
        assert_eq!(knn(&[(0.0, 0.0), (1.0, 0.0)], 0).edges(), 0);
        assert_eq!(band(&[], 1.0).len(), 0);
    }
}
