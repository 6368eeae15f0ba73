//! The order of settings in a search: by several scores, one after another, as the liver study's script 22 ranks its grid
//! (spec/liver-single-patch.md, section 6.4).

use std::cmp::Ordering;

/// Places of the settings, the best first: descending by the first score, then by the second, and so on; settings that tie in
/// all keep their order. A score that is not defined is lower than any other: the published script compares NaN, which
/// leaves the order as it is where all are NaN, and so does this.
pub fn descending(scores: &[Vec<Option<f64>>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let one = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    let all = |a: &[Option<f64>], b: &[Option<f64>]| a.iter().zip(b).map(|(a, b)| one(a, b)).find(|o| o.is_ne());
    order.sort_by(|&a, &b| all(&scores[a], &scores[b]).unwrap_or(Ordering::Equal));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case 18 of spec/liver-single-patch.md.
    #[test]
    fn the_published_order() {
        let scores = [[0.2, 0.1, 0.3], [0.2, 0.15, 0.0], [0.1, 0.9, 0.9]].map(|s| s.map(Some).to_vec());
        assert_eq!(descending(&scores), [1, 0, 2]);
        assert_eq!(descending(&vec![vec![None; 3]; 3]), [0, 1, 2], "placeholders keep the grid's order");
        assert_eq!(descending(&[vec![None, Some(1.0)], vec![Some(-0.5), None]]), [1, 0]);
    }
}
