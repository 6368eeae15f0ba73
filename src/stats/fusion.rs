//! The features that the liver study clusters spots by: a positional code, beside image features, each block weighted
//! (spec/liver-single-patch.md, section 7).

/// Frequencies of the positional code.
const FREQUENCIES: usize = 16;

/// Terms of the series of sine and cosine: on [0, 1] the twelfth is below 1e-22.
const TERMS: usize = 12;

/// Numbers a spot in the positional code: a sine and a cosine of each axis at each frequency.
pub const CODE: usize = 4 * FREQUENCIES;

/// The positional code of one slide's spots, [n, 64] row after row: array row and column scaled to [0, 1] over the slide, then
/// sin(xω), cos(xω), sin(yω), cos(yω) for ω_k = 10000^(-k/16). Where either axis has no extent, both count as 0, as in
/// the published code. Every row has the norm √32.
pub fn position(places: &[(i32, i32)]) -> Vec<f64> {
    let span = |of: fn(&(i32, i32)) -> i32| {
        let (low, high) = (places.iter().map(of).min().unwrap_or(0), places.iter().map(of).max().unwrap_or(0));
        (f64::from(low), f64::from(high) - f64::from(low))
    };
    let (rows, cols) = (span(|p| p.0), span(|p| p.1));
    let flat = rows.1 == 0.0 || cols.1 == 0.0;
    let scaled = |v: i32, (low, extent): (f64, f64)| if flat { 0.0 } else { (f64::from(v) - low) / extent };
    places.iter().flat_map(|&(row, col)| code(scaled(row, rows), scaled(col, cols))).collect()
}

/// The positional code of one place in the unit square. Sine, cosine and the powers of 10 are calculated by additions,
/// multiplications, divisions and square roots alone: the system's own differ in the last bit between processors.
pub fn code(x: f64, y: f64) -> [f64; CODE] {
    let mut out = [0.0; CODE];
    let root = 10f64.sqrt();
    let quarters = [1.0, root.sqrt(), root, root * root.sqrt()];
    let mut tens = 1.0;
    for k in 0..FREQUENCIES {
        // 10000^(k/16) is 10^(k/4).
        let period = tens * quarters[k % 4];
        let ((sin_x, cos_x), (sin_y, cos_y)) = (sine_cosine(x / period), sine_cosine(y / period));
        out[4 * k..4 * k + 4].copy_from_slice(&[sin_x, cos_x, sin_y, cos_y]);
        if k % 4 == 3 {
            tens *= 10.0;
        }
    }
    out
}

/// Sine and cosine on [0, 1] by their series, from the smallest term on.
fn sine_cosine(v: f64) -> (f64, f64) {
    let square = v * v;
    let (mut sine, mut cosine) = (1.0, 1.0);
    for i in (1..TERMS).rev() {
        let n = 2.0 * i as f64;
        sine = 1.0 - square / (n * (n + 1.0)) * sine;
        cosine = 1.0 - square / ((n - 1.0) * n) * cosine;
    }
    (v * sine, cosine)
}

/// A block of features: how many a spot, the values row after row, the weight.
pub struct Block<'a> {
    /// Numbers a spot.
    pub width: usize,
    /// The values.
    pub values: &'a [f64],
    /// Its weight.
    pub weight: f64,
}

/// When the blocks are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// Before columns are standardised, as published: standardising takes the weights out again (quirk C2).
    BeforeStandardising,
    /// After it, so that the weights count.
    AfterStandardising,
}

/// Each block's rows scaled to length 1, blocks weighted and set side by side, columns standardised (population deviation;
/// a constant column becomes 0). [n, sum of widths], row after row. Panics when blocks disagree on the number of spots.
pub fn fuse(blocks: &[Block], weighting: Weighting) -> Vec<f64> {
    let n = blocks.first().map_or(0, |b| b.values.len() / b.width.max(1));
    fuse_by(blocks, weighting, &(0..n).collect::<Vec<_>>())
}

/// The same, columns standardised by the means and deviations of the rows `of` alone. Panics also when such a row is not there.
pub fn fuse_by(blocks: &[Block], weighting: Weighting, of: &[usize]) -> Vec<f64> {
    let n = blocks.first().map_or(0, |b| b.values.len() / b.width.max(1));
    let wide: usize = blocks.iter().map(|b| b.width).sum();
    let mut out = vec![0.0; n * wide];
    let mut at = 0;
    for block in blocks {
        assert_eq!(block.values.len(), n * block.width, "all blocks have the same spots");
        for (i, row) in block.values.chunks_exact(block.width.max(1)).enumerate() {
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            // scikit-learn leaves a row of zeros as it is.
            let length = if length == 0.0 { 1.0 } else { length };
            let weight = if weighting == Weighting::BeforeStandardising { block.weight } else { 1.0 };
            for (to, v) in out[i * wide + at..].iter_mut().zip(row) {
                *to = v / length * weight;
            }
        }
        at += block.width;
    }
    for column in 0..wide {
        standardise(&mut out, wide, column, of);
    }
    if weighting == Weighting::AfterStandardising {
        let weights: Vec<f64> = blocks.iter().flat_map(|b| std::iter::repeat_n(b.weight, b.width)).collect();
        out.chunks_exact_mut(wide.max(1)).for_each(|row| row.iter_mut().zip(&weights).for_each(|(v, w)| *v *= w));
    }
    out
}

fn standardise(table: &mut [f64], wide: usize, column: usize, of: &[usize]) {
    let n = of.len();
    let values = || of.iter().map(|row| table[row * wide + column]);
    let mean = values().sum::<f64>() / n as f64;
    let deviation = (values().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64).sqrt();
    // A column that does not vary leaves rounding behind, which is no scale.
    let scale = if deviation <= 10.0 * f64::EPSILON * mean.abs() { 1.0 } else { deviation };
    table.iter_mut().skip(column).step_by(wide).for_each(|v| *v = (*v - mean) / scale);
}
