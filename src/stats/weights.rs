//! Spatial weights: who is whose neighbour, and how much.

/// What becomes of the weights of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As they are (1 for a plain neighbour list): `B` or `O` in PySAL.
    Keep,
    /// Each row sums to 1: `R` in PySAL. A row without neighbours stays empty.
    Rows,
}

/// A sparse n x n matrix by rows, without a diagonal: each row's neighbours ascending, with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    starts: Vec<usize>,
    neighbours: Vec<u32>,
    values: Vec<f64>,
}

/// The sums over a weights matrix that variances need (Cliff and Ord 1981).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Sum of all weights.
    pub s0: f64,
    /// Half the sum over all pairs of (w_ij + w_ji) squared.
    pub s1: f64,
    /// Sum over spots of (row sum + column sum) squared.
    pub s2: f64,
}

impl Weights {
    /// Weights of 1 from neighbour lists, one a spot. Lists are sorted, repetitions and the spot itself left
    /// out. Panics when a neighbour is out of range: that is our own mistake.
    pub fn binary(lists: Vec<Vec<usize>>) -> Self {
        Self::given(lists.into_iter().map(|list| list.into_iter().map(|j| (j, 1.0)).collect()).collect())
    }

    /// Given weights: for each spot its neighbours and their weights. As for [`Weights::binary`].
    pub fn given(lists: Vec<Vec<(usize, f64)>>) -> Self {
        let n = lists.len();
        let (mut starts, mut neighbours, mut values) = (vec![0], Vec::new(), Vec::new());
        for (i, mut list) in lists.into_iter().enumerate() {
            list.sort_by_key(|&(j, _)| j);
            list.dedup_by_key(|&mut (j, _)| j);
            for (j, w) in list.into_iter().filter(|&(j, _)| j != i) {
                assert!(j < n, "neighbour {j} of {n} spots");
                neighbours.push(j as u32);
                values.push(w);
            }
            starts.push(neighbours.len());
        }
        Self { starts, neighbours, values }
    }

    /// The same neighbours under a transform.
    pub fn transformed(mut self, transform: Transform) -> Self {
        if transform == Transform::Rows {
            for i in 0..self.len() {
                let row = &mut self.values[self.starts[i]..self.starts[i + 1]];
                let sum: f64 = row.iter().sum();
                if sum != 0.0 {
                    row.iter_mut().for_each(|w| *w /= sum);
                }
            }
        }
        self
    }

    /// Number of spots.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// True when there is no spot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of weights, each direction counted.
    pub fn edges(&self) -> usize {
        self.neighbours.len()
    }

    /// Spots without neighbours. They stay in n and in means, but add nothing to the sums of pairs.
    pub fn islands(&self) -> usize {
        self.starts.windows(2).filter(|w| w[0] == w[1]).count()
    }

    /// The neighbours of a spot, ascending, and their weights.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.neighbours[range.clone()], &self.values[range])
    }

    /// The weight from spot `i` to spot `j`, 0 when they are not neighbours.
    pub fn between(&self, i: usize, j: usize) -> f64 {
        let (neighbours, values) = self.row(i);
        neighbours.binary_search(&(j as u32)).map_or(0.0, |at| values[at])
    }

    /// S0, S1 and S2. Directed graphs need both triangles, which is why S1 looks every pair up twice.
    pub fn moments(&self) -> Moments {
        let (mut s0, mut s1) = (0.0, 0.0);
        let (mut out, mut into) = (vec![0.0; self.len()], vec![0.0; self.len()]);
        for (i, sum) in out.iter_mut().enumerate() {
            let (neighbours, values) = self.row(i);
            for (&j, &w) in neighbours.iter().zip(values) {
                let back = self.between(j as usize, i);
                s0 += w;
                // An edge without a way back stands for both ordered pairs, (i, j) and (j, i).
                s1 += if back == 0.0 { 2.0 * w * w } else { (w + back) * (w + back) };
                *sum += w;
                into[j as usize] += w;
            }
        }
        let s2 = out.iter().zip(&into).map(|(a, b)| (a + b) * (a + b)).sum();
        Moments { s0, s1: s1 / 2.0, s2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_directed_pair() {
        // 0 -> 1 -> 2 and back only from 1 to 0: pairs (0,1): 2, (1,2): 1, each counted twice and halved.
        let w = Weights::binary(vec![vec![1], vec![0, 2], vec![]]);
        assert_eq!(w.moments(), Moments { s0: 3.0, s1: 4.0 + 1.0, s2: 4.0 + 9.0 + 1.0 });
        assert_eq!((w.edges(), w.islands()), (3, 1));
        assert_eq!(w.clone().transformed(Transform::Rows).row(1), (&[0u32, 2][..], &[0.5, 0.5][..]));
    }

    #[test]
    fn lists_are_put_in_order() {
        let w = Weights::binary(vec![vec![2, 1, 2, 0], vec![], vec![]]);
        assert_eq!(w.row(0).0, [1, 2]);
    }
}
