//! Properties of the statistics, on numbers that nobody chose.

use pinfold::base::Draw;
use pinfold::stats::correlation::{pearson, spearman};
use pinfold::stats::lattice::{QUEEN, ROOK, lattice};
use pinfold::stats::moran::Graph;
use pinfold::stats::permutation::moran_p;
use pinfold::stats::ranks::{Ties, ranks};
use pinfold::stats::summary;
use pinfold::stats::weights::{Transform, Weights};
use proptest::prelude::*;

fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 3..60)
}

fn unzip(pairs: &[(f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    pairs.iter().copied().unzip()
}

/// A square of spots with some missing.
fn grid(keep: &[bool]) -> Vec<(i32, i32)> {
    keep.iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| (i as i32 % 9, i as i32 / 9)).collect()
}

/// Moran's I straight from its definition, over all pairs.
fn plain_moran(w: &Weights, x: &[f64]) -> f64 {
    let n = x.len();
    let centre = x.iter().sum::<f64>() / n as f64;
    let (mut s0, mut cross) = (0.0, 0.0);
    for i in 0..n {
        for j in 0..n {
            s0 += w.between(i, j);
            cross += w.between(i, j) * (x[i] - centre) * (x[j] - centre);
        }
    }
    n as f64 / s0 * cross / x.iter().map(|v| (v - centre).powi(2)).sum::<f64>()
}

proptest! {
    #[test]
    fn pearson_is_bounded_symmetric_and_blind_to_scale(p in pairs(), a in 0.01..100.0f64, b in -1e3..1e3f64) {
        let (x, y) = unzip(&p);
        if let Some(r) = pearson(&x, &y) {
            prop_assert!((-1.0..=1.0).contains(&r));
            prop_assert_eq!(pearson(&y, &x), Some(r));
            let moved: Vec<f64> = x.iter().map(|v| a * v + b).collect();
            let turned: Vec<f64> = x.iter().map(|v| -a * v + b).collect();
            prop_assert!((pearson(&moved, &y).expect("defined") - r).abs() < 1e-8);
            prop_assert!((pearson(&turned, &y).expect("defined") + r).abs() < 1e-8);
            // A power of two scales without rounding.
            let doubled: Vec<f64> = x.iter().map(|v| v * 1024.0).collect();
            prop_assert_eq!(pearson(&doubled, &y), Some(r));
        }
    }

    #[test]
    fn spearman_sees_only_order(p in pairs()) {
        let (x, y) = unzip(&p);
        let bent: Vec<f64> = x.iter().map(|v| (v / 200.0).exp()).collect();
        prop_assert_eq!(spearman(&bent, &y), spearman(&x, &y));
    }

    #[test]
    fn ranks_count_what_is_below(x in prop::collection::vec(0u8..12, 1..50)) {
        let x: Vec<f64> = x.into_iter().map(f64::from).collect();
        let of = |ties| ranks(&x, ties).expect("numbers");
        let (average, min, max, dense, ordinal) = (of(Ties::Average), of(Ties::Min), of(Ties::Max), of(Ties::Dense), of(Ties::Ordinal));
        for i in 0..x.len() {
            let below = x.iter().filter(|&&v| v < x[i]).count() as f64;
            let equal = x.iter().filter(|&&v| v == x[i]).count() as f64;
            let before = x[..i].iter().filter(|&&v| v == x[i]).count() as f64;
            let mut kinds: Vec<f64> = x.iter().copied().filter(|&v| v < x[i]).collect();
            kinds.sort_by(f64::total_cmp);
            kinds.dedup();
            prop_assert_eq!(min[i], below + 1.0);
            prop_assert_eq!(max[i], below + equal);
            prop_assert_eq!(average[i], below + (equal + 1.0) / 2.0);
            prop_assert_eq!(ordinal[i], below + before + 1.0);
            prop_assert_eq!(dense[i], kinds.len() as f64 + 1.0);
        }
    }

    #[test]
    fn quantiles_are_ordered_and_inside(x in prop::collection::vec(-1e6..1e6f64, 1..40), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
        let at = |q| summary::quantile(&x, q).expect("values");
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(at(0.0) <= at(low) && at(low) <= at(high) && at(high) <= at(1.0));
        prop_assert!((at(0.5) - summary::median(&x).expect("values")).abs() <= 1e-9);
    }

    #[test]
    fn moran_is_its_definition_and_blind_to_scale(
        keep in prop::collection::vec(any::<bool>(), 54..=54),
        values in prop::collection::vec(-50.0..50.0f64, 54..=54),
        a in 0.1..10.0f64,
        rows in any::<bool>(),
    ) {
        let places = grid(&keep);
        let x: Vec<f64> = values[..places.len()].to_vec();
        let w = lattice(&places, &QUEEN).transformed(if rows { Transform::Rows } else { Transform::Keep });
        let graph = Graph::new(w.clone());
        if let Some(m) = graph.moran(&x) {
            prop_assert!((m.i - plain_moran(&w, &x)).abs() < 1e-9);
            let moved: Vec<f64> = x.iter().map(|v| 7.0 - a * v).collect();
            prop_assert!((graph.moran(&moved).expect("defined").i - m.i).abs() < 1e-9);
            // Naming the spots in another order changes nothing.
            let turned: Vec<(i32, i32)> = places.iter().rev().copied().collect();
            let back: Vec<f64> = x.iter().rev().copied().collect();
            let again = Graph::new(lattice(&turned, &QUEEN).transformed(if rows { Transform::Rows } else { Transform::Keep }));
            let other = again.moran(&back).expect("defined");
            prop_assert!((other.i - m.i).abs() < 1e-9);
            prop_assert!((other.z_norm().unwrap_or(0.0) - m.z_norm().unwrap_or(0.0)).abs() < 1e-6);
        }
    }

    #[test]
    fn many_genes_at_once_are_each_gene_alone(
        keep in prop::collection::vec(any::<bool>(), 54..=54),
        seed in any::<u32>(),
        genes in 1usize..20,
    ) {
        let places = grid(&keep);
        let graph = Graph::new(lattice(&places, &ROOK).transformed(Transform::Rows));
        let value = |spot: usize, gene: usize| if gene == 3 { 1.5 } else { f64::from((spot as u32 * 97 + gene as u32 * 31).wrapping_mul(seed | 1) >> 20) };
        for (gene, found) in graph.moran_all(genes, value).into_iter().enumerate() {
            let alone: Vec<f64> = (0..places.len()).map(|spot| value(spot, gene)).collect();
            prop_assert_eq!(found, graph.moran(&alone));
        }
    }
}

#[test]
fn permutation_p_knows_order_from_disorder() {
    let places: Vec<(i32, i32)> = (0..100).map(|i| (i % 10, i / 10)).collect();
    let graph = Graph::new(lattice(&places, &ROOK).transformed(Transform::Rows));
    // A gradient, a chequerboard, a constant, and 0/1 values whose statistic has many ties.
    let value = |spot: usize, gene: usize| {
        let (col, row) = places[spot];
        match gene {
            0 => f64::from(col),
            1 => f64::from((col + row) % 2),
            2 => 4.0,
            _ => f64::from(u8::from(spot == 0)),
        }
    };
    let p = moran_p(&graph, 4, value, 199, 1);
    assert_eq!((p[0], p[1], p[2]), (Some(1.0 / 200.0), Some(1.0), None));
    // One spot that stands out in a corner has the largest I there is, and the same in all four corners, but for
    // rounding: so the layouts that put it into a corner are those that count.
    let corners = (0..199u64).filter(|&m| {
        let layout = Draw::keyed(1, "moran permutation", &[m]).permutation(100);
        [0, 9, 90, 99].iter().any(|&place| layout[place] == 0)
    });
    assert_eq!(p[3], Some((corners.count() + 1) as f64 / 200.0));
    assert_eq!(p, moran_p(&graph, 4, value, 199, 1));
    // A gene's p does not depend on its company.
    assert_eq!(moran_p(&graph, 1, |s, _| value(s, 3), 199, 1), [p[3]]);
}

#[test]
fn graphs_that_say_nothing() {
    let alone = Graph::new(lattice(&[(0, 0), (5, 5), (9, 0)], &ROOK));
    assert_eq!((alone.moran(&[1.0, 2.0, 3.0]), alone.geary(&[1.0, 2.0, 3.0])), (None, None));
    assert_eq!(moran_p(&alone, 1, |s, _| s as f64, 9, 0), [None]);
    let none = Graph::new(lattice(&[], &ROOK));
    assert_eq!((none.moran(&[]), none.moran_all(3, |_, _| 0.0)), (None, vec![None; 3]));
    let three = Graph::new(lattice(&[(0, 0), (1, 0), (2, 0)], &ROOK));
    let m = three.moran(&[1.0, 2.0, 4.0]).expect("defined");
    assert_eq!((m.variance_rand, m.p_rand()), (None, None));
    assert_eq!(three.moran(&[1.0, f64::NAN, 4.0]), None);
}
