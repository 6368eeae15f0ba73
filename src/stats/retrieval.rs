//! Prediction by retrieval, as BLEEP does it: the expression of the spots whose embeddings are most like the patch's
//! (spec/liver-single-patch.md, section 3.5).

/// How the expression of the nearest keys becomes a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Averaging {
    /// The most similar key's.
    Simple,
    /// The mean of the k most similar.
    Average,
    /// Their mean with the weights exp(−(d − d₁ + 1)), d the squared distance of the embeddings as they are, and d₁ that of
    /// the most similar.
    WeightedAverage,
}

/// Keys, each an embedding and an expression.
pub struct Keys<'a> {
    /// [N, width].
    embeddings: &'a [f32],
    /// [N, genes].
    expression: &'a [f32],
    width: usize,
    genes: usize,
    /// [N, width], of length 1.
    directions: Vec<f64>,
}

fn direction(embedding: &[f32]) -> Vec<f64> {
    let norm = embedding.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    // As torch's `normalize`: no division by nothing.
    embedding.iter().map(|&v| f64::from(v) / norm.max(1e-12)).collect()
}

impl<'a> Keys<'a> {
    /// Keys of embeddings [N, width] and expression [N, genes]; panics if the lengths do not fit.
    pub fn new(embeddings: &'a [f32], width: usize, expression: &'a [f32], genes: usize) -> Self {
        assert!(width > 0 && embeddings.len().is_multiple_of(width), "whole embeddings");
        assert_eq!(embeddings.len() / width * genes, expression.len(), "an expression a key");
        let directions = embeddings.chunks_exact(width).flat_map(direction).collect();
        Self { embeddings, expression, width, genes, directions }
    }

    /// The k keys with the largest cosine to a query, best first; the earlier one on a tie. All of them if there are fewer.
    pub fn nearest(&self, query: &[f32], k: usize) -> Vec<usize> {
        let q = direction(query);
        let cosine = |key: &[f64]| key.iter().zip(&q).map(|(a, b)| a * b).sum::<f64>();
        let cosines: Vec<f64> = self.directions.chunks_exact(self.width).map(cosine).collect();
        let mut order: Vec<usize> = (0..cosines.len()).collect();
        let by = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
        let k = k.min(order.len());
        if k < order.len() {
            order.select_nth_unstable_by(k, by);
            order.truncate(k);
        }
        order.sort_by(by);
        order
    }

    /// The unnormalised weights of some keys for a query, the first of them the most similar.
    pub fn weights(&self, query: &[f32], keys: &[usize]) -> Vec<f64> {
        let distance = |key: &usize| {
            let embedding = &self.embeddings[key * self.width..(key + 1) * self.width];
            embedding.iter().zip(query).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>()
        };
        let distances: Vec<f64> = keys.iter().map(distance).collect();
        let first = distances.first().copied().unwrap_or(0.0);
        distances.iter().map(|d| (-(d - first + 1.0)).exp()).collect()
    }

    /// The prediction (one value per gene) for a query; sums in f64 in order of similarity.
    pub fn predict(&self, query: &[f32], k: usize, how: Averaging) -> Vec<f32> {
        let keys = self.nearest(query, if how == Averaging::Simple { 1 } else { k });
        let weights = match how {
            Averaging::WeightedAverage => self.weights(query, &keys),
            Averaging::Simple | Averaging::Average => vec![1.0; keys.len()],
        };
        let total: f64 = weights.iter().sum();
        let mut out = vec![0f64; self.genes];
        for (&key, weight) in keys.iter().zip(&weights) {
            for (sum, &v) in out.iter_mut().zip(&self.expression[key * self.genes..(key + 1) * self.genes]) {
                *sum += weight * f64::from(v);
            }
        }
        out.into_iter().map(|v| (v / total) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case 8 of spec/liver-single-patch.md.
    #[test]
    fn published_modes() {
        let keys = Keys::new(&[1.0, 0.0, 0.8, 0.6, 0.0, 1.0, 0.6, 0.8], 2, &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0], 2);
        let query = [0.9, 0.2];
        let near = keys.nearest(&query, 3);
        assert_eq!(near, [0, 1, 3]);
        let close = |got: &[f64], due: &[f64]| {
            assert_eq!(got.len(), due.len());
            assert!(got.iter().zip(due).all(|(a, b)| (a - b).abs() < 2e-6), "{got:?} where {due:?} is due");
        };
        close(&keys.weights(&query, &near), &[0.36787944, 0.32627979, 0.24659696]);
        let wide = |how| keys.predict(&query, 3, how).into_iter().map(f64::from).collect::<Vec<_>>();
        close(&wide(Averaging::Simple), &[1.0, 10.0]);
        close(&wide(Averaging::Average), &[2.33333333, 23.33333333]);
        close(&wide(Averaging::WeightedAverage), &[2.13320612, 21.33206124]);
        assert_eq!(keys.nearest(&query, 9), [0, 1, 3, 2], "fewer keys than asked for");
    }

    #[test]
    fn the_earlier_key_wins_a_tie() {
        let keys = Keys::new(&[2.0, 0.0, 1.0, 0.0, 3.0, 0.0, 0.0, 1.0], 2, &[1.0, 2.0, 3.0, 4.0], 1);
        assert_eq!(keys.nearest(&[5.0, 0.0], 2), [0, 1]);
        assert_eq!(keys.predict(&[5.0, 0.0], 1, Averaging::Average), [1.0]);
        // A patch without any direction is like all of them.
        assert_eq!(keys.nearest(&[0.0, 0.0], 2), [0, 1]);
    }
}
