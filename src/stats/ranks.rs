//! Ranks with ties, and orders that do not depend on a sorting routine.

/// What tied values get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The mean of the ranks they span: what Spearman needs.
    Average,
    /// The smallest of them.
    Min,
    /// The largest of them.
    Max,
    /// Ranks without gaps.
    Dense,
    /// First come, first served.
    Ordinal,
}

/// Ranks from 1, in the order of the input. Minus zero ties with zero. `None` when a value is not a number,
/// since no rank would be right.
pub fn ranks(x: &[f64], ties: Ties) -> Option<Vec<f64>> {
    if x.iter().any(|v| v.is_nan()) {
        return None;
    }
    let order = ascending(x);
    let mut out = vec![0.0; x.len()];
    let (mut start, mut group) = (0, 0);
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && x[order[end]] == x[order[start]] {
            end += 1;
        }
        group += 1;
        for (offset, &i) in order[start..end].iter().enumerate() {
            out[i] = match ties {
                Ties::Average => (start + 1 + end) as f64 / 2.0,
                Ties::Min => (start + 1) as f64,
                Ties::Max => end as f64,
                Ties::Dense => group as f64,
                Ties::Ordinal => (start + 1 + offset) as f64,
            };
        }
        start = end;
    }
    Some(out)
}

/// Indices from the smallest value to the largest; equal values in index order. Not-a-numbers come last.
pub fn ascending(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    // A stable sort with a total order in which -0 and 0 are equal and NaN is largest.
    order.sort_by(|&a, &b| x[a].partial_cmp(&x[b]).unwrap_or_else(|| x[a].is_nan().cmp(&x[b].is_nan())));
    order
}

/// Indices from the largest value to the smallest; equal values in index order (the rule of record for every
/// "top k"). Not-a-numbers come last.
pub fn descending(x: &[f64]) -> Vec<usize> {
    let negated: Vec<f64> = x.iter().map(|v| -v).collect();
    ascending(&negated)
}
