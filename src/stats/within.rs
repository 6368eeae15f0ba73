//! Ranks within a spot, across its genes (HEVisum: cell types), and what is made of them (spec/hevisum.md, sections 2.5,
//! 4.1 and 4.2).

use super::correlation::spearman;
use super::ranks::{Ties, ranks};

/// The rank correlation of prediction and truth within each spot, over its genes, ties averaged; none where one of them is
/// constant. Also the mean over the spots that have one. Both are spots x `genes`, row after row.
pub fn within_spots(prediction: &[f32], truth: &[f32], genes: usize) -> (Vec<Option<f64>>, Option<f64>) {
    let wide = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let rows = prediction.chunks_exact(genes.max(1)).zip(truth.chunks_exact(genes.max(1)));
    let each: Vec<Option<f64>> = rows.map(|(p, t)| spearman(&wide(p), &wide(t))).collect();
    let defined: Vec<f64> = each.iter().copied().flatten().collect();
    let mean = super::summary::mean_of(&defined);
    (each, mean)
}

/// Ranks of a spot's values from 1 for the smallest; none when one is not a number.
pub fn ranked(row: &[f64], ordinal: bool) -> Option<Vec<f64>> {
    ranks(row, if ordinal { Ties::Ordinal } else { Ties::Average })
}

/// The rank ensemble: within each spot the rank, from 0, of each gene among a model's predictions (ties by the genes' order),
/// and of these the mean over the models. Each model has spots x `genes` predictions. None when one is not a number.
pub fn rank_ensemble(models: &[&[f32]], genes: usize) -> Option<Vec<f64>> {
    let mut sums = vec![0.0; models.first()?.len()];
    for model in models {
        for (sums, row) in sums.chunks_exact_mut(genes.max(1)).zip(model.chunks_exact(genes.max(1))) {
            let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            sums.iter_mut().zip(ranked(&row, true)?).for_each(|(sum, rank)| *sum += rank - 1.0);
        }
    }
    Some(sums.into_iter().map(|s| s / models.len() as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case A4 of spec/hevisum.md.
    #[test]
    fn ranks_of_a_row() {
        for (row, ordinal, average) in [
            (vec![0.3, 0.1, 0.1, 0.7], vec![3.0, 1.0, 2.0, 4.0], vec![3.0, 1.5, 1.5, 4.0]),
            (vec![0.0; 4], vec![1.0, 2.0, 3.0, 4.0], vec![2.5; 4]),
            (vec![2.0, 1.0, 2.0, 1.0, 2.0], vec![3.0, 1.0, 4.0, 2.0, 5.0], vec![4.0, 1.5, 4.0, 1.5, 4.0]),
            (
                vec![0.014401, 0.057499, 0.022033, 0.001704, 0.533992, 1.511707],
                vec![2.0, 4.0, 3.0, 1.0, 5.0, 6.0],
                vec![2.0, 4.0, 3.0, 1.0, 5.0, 6.0],
            ),
        ] {
            assert_eq!(ranked(&row, true), Some(ordinal));
            assert_eq!(ranked(&row, false), Some(average));
        }
        let row: Vec<f64> = (0..35).map(|i| f64::from((i * 11) % 35)).collect();
        let ranks = ranked(&row, true).expect("numbers");
        assert_eq!(ranks.iter().sum::<f64>(), 630.0);
        assert_eq!(ranks.iter().map(|r| (r - 18.0) * (r - 18.0)).sum::<f64>() / 35.0, 102.0);
    }

    /// Acceptance case A5.
    #[test]
    fn correlation_within_spots() {
        let close = |a: Option<f64>, b: f64| assert!((a.expect("defined") - b).abs() < 1e-7, "{a:?} where {b} is due");
        close(within_spots(&[10.0, 20.0, 40.0, 30.0], &[1.0, 2.0, 3.0, 4.0], 4).1, 0.8);
        close(within_spots(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0], 4).1, 0.9486833);
        let rows = [1.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0, 4.0, 3.0, 2.0, 1.0];
        let (each, mean) = within_spots(&rows, &[1.0, 2.0, 3.0, 4.0].repeat(3), 4);
        assert_eq!(each[1], None, "a constant has no correlation");
        close(mean, 0.0);
    }

    /// Acceptance case A6.
    #[test]
    fn an_ensemble_of_ranks() {
        assert_eq!(rank_ensemble(&[&[0.2, 0.9, 0.5], &[0.8, 0.1, 0.3]], 3), Some(vec![1.0, 1.0, 1.0]));
        assert_eq!(rank_ensemble(&[&[f32::NAN, 0.9, 0.5]], 3), None);
    }
}
