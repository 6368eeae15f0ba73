//! Array places of spots that have none, from where they lie: a hexagonal lattice followed from neighbour to neighbour.
//!
//! Spots sit about a pitch p apart: beside each other at (±p, 0), above and below at (±p/2, ±0.87 p). Slides are a little
//! stretched, so no lattice is fitted to a whole slide; a place follows from the neighbour's.

use crate::stats::nearest::knn;
use std::collections::{BTreeMap, VecDeque};

/// A neighbour may lie so far from where the lattice has it, as a share of the pitch.
const SLACK: f64 = 0.3;

/// Column and row of every spot, unique, not negative, their sum even; and how many spots fit no lattice place. Those stand
/// in rows of their own, far below the others.
pub(super) fn places(points: &[(f64, f64)]) -> (Vec<(i32, i32)>, usize) {
    let n = points.len();
    let graph = knn(points, 6);
    let mut nearest: Vec<f64> =
        (0..n).filter_map(|i| graph.row(i).0.iter().map(|&j| distance(points[i], points[j as usize])).reduce(f64::min)).collect();
    nearest.sort_by(f64::total_cmp);
    let pitch = nearest.get(nearest.len() / 2).copied().unwrap_or(1.0).max(1e-9);
    let steps = [(2, 0), (-2, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
    let mut place: Vec<Option<(i32, i32)>> = vec![None; n];
    let mut taken: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    let mut base = 0;
    for start in 0..n {
        if place[start].is_some() {
            continue;
        }
        // A piece of tissue by itself: its places start where the others' end, two rows apart.
        let mut members = vec![start];
        let mut here: BTreeMap<(i32, i32), usize> = BTreeMap::from([((0, 0), start)]);
        let mut mine: BTreeMap<usize, (i32, i32)> = BTreeMap::from([(start, (0, 0))]);
        let mut queue = VecDeque::from([start]);
        while let Some(i) = queue.pop_front() {
            let (c, r) = mine[&i];
            for &j in graph.row(i).0 {
                let j = j as usize;
                if place[j].is_some() || mine.contains_key(&j) {
                    continue;
                }
                let (dx, dy) = ((points[j].0 - points[i].0) / pitch, (points[j].1 - points[i].1) / pitch);
                let fits = |&(dc, dr): &(i32, i32)| {
                    let (ex, ey) = (dx - f64::from(dc) / 2.0, dy - f64::from(dr) * 0.866_025_403_784_438_6);
                    ex * ex + ey * ey <= SLACK * SLACK
                };
                let Some((dc, dr)) = steps.iter().find(|s| fits(s)) else { continue };
                let at = (c + dc, r + dr);
                if here.contains_key(&at) {
                    continue;
                }
                here.insert(at, j);
                mine.insert(j, at);
                members.push(j);
                queue.push_back(j);
            }
        }
        let (left, top) = here.keys().fold((i32::MAX, i32::MAX), |(a, b), &(c, r)| (a.min(c), b.min(r)));
        // Shifted so that nothing is negative and the sum stays even.
        let down = base - top + i32::from((base - top - left) % 2 != 0);
        for &i in &members {
            let (c, r) = mine[&i];
            let at = (c - left, r + down);
            taken.insert(at, i);
            place[i] = Some(at);
        }
        base = taken.keys().map(|&(_, r)| r).max().unwrap_or(0) + 4;
    }
    let alone = (0..n).filter(|&i| {
        let Some((c, r)) = place[i] else { return true };
        !steps.iter().any(|(dc, dr)| taken.contains_key(&(c + dc, r + dr)))
    });
    let strays = alone.count();
    (place.into_iter().map(Option::unwrap_or_default).collect(), if n > 1 { strays } else { 0 })
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    ((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spots of a stretched, jittered lattice, in an order that tells nothing.
    #[expect(clippy::type_complexity, reason = "points, and where they belong")]
    fn lattice(cols: i32, rows: i32) -> (Vec<(f64, f64)>, Vec<(i32, i32)>) {
        let mut out = Vec::new();
        for r in 0..rows {
            for c in (r % 2..2 * cols).step_by(2) {
                let jitter = f64::from((c * 7 + r * 13) % 3 - 1);
                out.push(((100.0 + f64::from(c) * 12.9 + jitter, 80.0 + f64::from(r) * 22.6 - jitter), (c, r)));
            }
        }
        let order = |i: usize| (i * 7919) % out.len();
        (0..out.len()).map(|i| out[order(i)]).unzip()
    }

    #[test]
    fn places_are_the_lattices_but_for_a_shift() {
        let (points, due) = lattice(9, 11);
        let (found, strays) = places(&points);
        assert_eq!(strays, 0);
        let shift = (found[0].0 - due[0].0, found[0].1 - due[0].1);
        assert!(found.iter().zip(&due).all(|(f, d)| (f.0 - d.0, f.1 - d.1) == shift), "{found:?}");
        assert!(found.iter().all(|(c, r)| *c >= 0 && *r >= 0 && (c + r) % 2 == 0));
    }

    #[test]
    fn a_spot_far_away_stands_by_itself() {
        let (mut points, _) = lattice(4, 4);
        points.push((1000.0, 1000.0));
        let (found, strays) = places(&points);
        assert_eq!(strays, 1);
        let unique: std::collections::BTreeSet<_> = found.iter().collect();
        assert_eq!(unique.len(), found.len());
        assert_eq!(places(&[]), (vec![], 0));
    }
}
