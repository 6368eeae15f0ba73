//! Eigenvalues and vectors of a symmetric 3 x 3 matrix, by Jacobi's rotations: additions, products and roots alone, so the
//! same bits everywhere.

/// Eigenvalues in ascending order, and their vectors of length 1, each vector by its value's place.
pub fn symmetric(matrix: [[f64; 3]; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
    let mut a = matrix;
    // Columns are the vectors.
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..64 {
        let off = a[0][1] * a[0][1] + a[0][2] * a[0][2] + a[1][2] * a[1][2];
        let size = a[0][0] * a[0][0] + a[1][1] * a[1][1] + a[2][2] * a[2][2];
        if off <= 1e-32 * size || off == 0.0 {
            break;
        }
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let c = 1.0 / (t * t + 1.0).sqrt();
            let s = t * c;
            for row in &mut a {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            let (up, low) = (a[p], a[q]);
            a[p] = std::array::from_fn(|k| c * up[k] - s * low[k]);
            a[q] = std::array::from_fn(|k| s * up[k] + c * low[k]);
            for row in &mut v {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| a[i][i].total_cmp(&a[j][j]));
    (order.map(|i| a[i][i]), order.map(|i| [v[0][i], v[1][i], v[2][i]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_what_they_should_be() {
        let m = [[2.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 3.0]];
        let (values, vectors) = symmetric(m);
        assert!(values[0] < values[1] && values[1] < values[2]);
        for (value, v) in values.iter().zip(vectors) {
            for (row, component) in m.iter().zip(v) {
                let product: f64 = row.iter().zip(v).map(|(a, b)| a * b).sum();
                assert!((product - value * component).abs() < 1e-12);
            }
            assert!((v.iter().map(|c| c * c).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_eq!(symmetric([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]).0, [1.0, 2.0, 3.0]);
    }
}
