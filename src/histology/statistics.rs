//! What the colours of a patch are, in a few numbers: what simple baselines predict from.

/// Numbers a patch: of each channel the mean, the deviation, and the quartiles.
pub const STATISTICS: usize = 15;

/// Mean, population deviation and lower quartile, median and upper quartile (the smallest value that reaches the share) of
/// red, green and blue; bytes as numbers.
pub fn colour_statistics(patch: &[u8]) -> [f64; STATISTICS] {
    let mut counts = [[0u32; 256]; 3];
    for pixel in patch.as_chunks::<3>().0 {
        pixel.iter().zip(&mut counts).for_each(|(&v, count)| count[usize::from(v)] += 1);
    }
    let mut out = [0.0; STATISTICS];
    for (counts, out) in counts.iter().zip(out.as_chunks_mut::<5>().0) {
        *out = of_channel(counts);
    }
    out
}

fn of_channel(counts: &[u32; 256]) -> [f64; 5] {
    let values = || counts.iter().zip(0u64..).map(|(&n, v)| (u64::from(n), v));
    let (n, sum) = values().fold((0u64, 0u64), |(n, sum), (count, v)| (n + count, sum + count * v));
    let squares: u64 = values().map(|(count, v)| count * v * v).sum();
    let total = n.max(1) as f64;
    let mean = sum as f64 / total;
    // From whole numbers, so that a patch of one colour has deviation 0 and not nearly 0.
    let spread = (n * squares - sum * sum) as f64 / (total * total);
    let quartile = |share: u64| {
        let (mut seen, mut last) = (0, 0);
        for (count, v) in values() {
            seen += count;
            last = v;
            if seen * 4 >= share * n && count > 0 {
                break;
            }
        }
        last as f64
    };
    [mean, spread.sqrt(), quartile(1), quartile(2), quartile(3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_small_patch() {
        let patch = [10, 0, 255, 20, 0, 255, 30, 0, 255, 40, 200, 255];
        let s = colour_statistics(&patch);
        assert_eq!(s[..5], [25.0, 125f64.sqrt(), 10.0, 20.0, 30.0]);
        assert_eq!(s[5..10], [50.0, 7500f64.sqrt(), 0.0, 0.0, 0.0]);
        assert_eq!(s[10..], [255.0, 0.0, 255.0, 255.0, 255.0]);
    }
}
