//! Permutation p of Moran's I: the values laid out anew over the spots, many times.

use super::moran::{Centred, Graph, cross};
use crate::base::Draw;
use rayon::prelude::*;

const LANES: usize = 8;
/// Layouts that are drawn before the genes go over them; bounds the memory.
const BATCH: usize = 64;
/// Statistics closer than this, on the scale of I's numerator over Σ z², count as equal: values with many ties
/// give the same I in another order of summation, and must not differ by rounding.
const TIE: f64 = 1e-12;

/// One-sided p for positive autocorrelation of each gene, (number of layouts with I at least as large + 1) /
/// (`count` + 1); `None` where I is undefined. Layout number `m` is the same for all genes, drawn under the key
/// (`seed`, "moran permutation", m), so a gene's p does not depend on what other genes are in the table.
pub fn moran_p(graph: &Graph, genes: usize, value: impl Fn(usize, usize) -> f64 + Sync, count: usize, seed: u64) -> Vec<Option<f64>> {
    let spots = graph.weights().len();
    let mut blocks: Vec<Block> = (0..genes)
        .step_by(LANES)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|first| {
            let values = Centred::<LANES>::load(spots, first, genes, &value);
            let observed = cross(graph.weights(), &values.z);
            Block { values, observed, reached: [0; LANES] }
        })
        .collect();
    for from in (0..count).step_by(BATCH) {
        let layouts: Vec<Vec<usize>> =
            (from..count.min(from + BATCH)).map(|m| Draw::keyed(seed, "moran permutation", &[m as u64]).permutation(spots)).collect();
        blocks.par_iter_mut().for_each(|block| block.count(graph, &layouts));
    }
    let p = |block: &Block, lane: usize| block.values.varies[lane].then(|| (block.reached[lane] + 1) as f64 / (count + 1) as f64);
    let defined = graph.moments().s0 != 0.0;
    blocks.iter().flat_map(|b| (0..b.values.used).map(|lane| p(b, lane).filter(|_| defined))).collect()
}

struct Block {
    values: Centred<LANES>,
    observed: [f64; LANES],
    reached: [usize; LANES],
}

impl Block {
    fn count(&mut self, graph: &Graph, layouts: &[Vec<usize>]) {
        let mut moved = vec![[0.0; LANES]; self.values.z.len()];
        for layout in layouts {
            moved.iter_mut().zip(layout).for_each(|(to, &from)| *to = self.values.z[from]);
            let again = cross(graph.weights(), &moved);
            for (lane, again) in again.into_iter().enumerate() {
                let slack = TIE * self.values.squares[lane];
                self.reached[lane] += usize::from(again >= self.observed[lane] - slack);
            }
        }
    }
}
