//! HEVisum's multi-scale network `VisionMLP_MultiTask` (spec/hevisum.md, section 3): a tile, its nine subtiles and the
//! middle one, each through an encoder of its own, joined and decoded. 6,679,843 parameters with 35 outputs.
//!
//! The published class takes tile and subtiles as two inputs; here the subtiles are cut out of the tile, as its data
//! preparation does it, so that no pixel is stored twice. Adaptive pools divide these maps evenly, so plain average pools
//! give the same numbers.

use super::Torch;
use super::backbone::Network;
use super::layers::{BatchNorm, Conv, ConvSpec, Linear, spatial_mean};
use super::store::Store;
use tch::Tensor;

/// Side of a tile, in pixels.
pub const TILE: i64 = 78;
/// Side of a subtile; nine of them make a tile.
pub const SUBTILE: i64 = 26;
/// Length of one encoder's output.
pub const SCALE: i64 = 128;
/// Length of the joined features: tile, subtiles, middle subtile.
pub const FEATURES: i64 = 3 * SCALE;
/// Dropout inside the encoders, as published.
const DROPOUT: f64 = 0.1;

/// Convolution, normalisation, SiLU, twice, and then a sum with the input; nothing after the sum (quirk Q18).
struct Residual {
    first: (Conv, BatchNorm),
    second: (Conv, BatchNorm),
    shortcut: Option<(Conv, BatchNorm)>,
}

/// A convolution with bias and its normalisation.
fn pair(store: &mut Store, conv: &str, norm: &str, input: i64, output: i64, kernel: i64) -> Torch<(Conv, BatchNorm)> {
    let conv = Conv::new(store, conv, ConvSpec { bias: true, ..ConvSpec::dense(input, output, kernel, 1) })?;
    Ok((conv, BatchNorm::new(store, norm, output)?))
}

impl Residual {
    fn new(store: &mut Store, input: i64, output: i64) -> Torch<Self> {
        Ok(Self {
            first: pair(store, "conv1", "bn1", input, output, 3)?,
            second: pair(store, "conv2", "bn2", output, output, 3)?,
            shortcut: if input == output { None } else { Some(pair(store, "shortcut.0", "shortcut.1", input, output, 1)?) },
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let through = |(conv, norm): &(Conv, BatchNorm), x: &Tensor| norm.forward(&conv.forward(x)?, train);
        let y = through(&self.first, x)?.f_silu()?;
        let y = through(&self.second, &y)?.f_silu()?;
        match &self.shortcut {
            Some(shortcut) => y.f_add(&through(shortcut, x)?),
            None => y.f_add(x),
        }
    }
}

/// What distinguishes the encoders.
struct Plan {
    /// Channels of the stem and of each stage.
    widths: &'static [i64],
    /// Sides of the pooled maps.
    pools: &'static [i64],
    /// Widths of the linear layers, the pooled features first.
    linear: &'static [i64],
}

const TILE_PLAN: Plan = Plan { widths: &[32, 64, 128, 256], pools: &[1, 3], linear: &[2560, 512, 256, SCALE] };
const SUBTILE_PLAN: Plan = Plan { widths: &[32, 64, 128], pools: &[1, 2, 3], linear: &[1792, 256, SCALE] };

/// One scale's encoder: a stem, stages of two residual blocks, pools, and linear layers.
struct Encoder {
    stem: (Conv, BatchNorm),
    stages: Vec<[Residual; 2]>,
    pools: &'static [i64],
    linear: Vec<Linear>,
}

impl Encoder {
    fn new(store: &mut Store, plan: &Plan) -> Torch<Self> {
        let stem = pair(store, "layer0.0", "layer0.1", 3, plan.widths[0], 3)?;
        let mut stages = Vec::new();
        for (i, w) in plan.widths.windows(2).enumerate() {
            let first = store.under(&format!("layer{}.0.", i + 1), |s| Residual::new(s, w[0], w[1]))?;
            let second = store.under(&format!("layer{}.1.", i + 1), |s| Residual::new(s, w[1], w[1]))?;
            stages.push([first, second]);
        }
        let mut linear = Vec::new();
        for (i, w) in plan.linear.windows(2).enumerate() {
            linear.push(Linear::new(store, &format!("fc.{}", 3 * i + 2), w[0], w[1])?);
        }
        Ok(Self { stem, stages, pools: plan.pools, linear })
    }

    /// [N, 3, P, P] to pooled features [N, F].
    fn pooled(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let halved = |x: &Tensor| x.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        let mut y = halved(&self.stem.1.forward(&self.stem.0.forward(x)?, train)?.f_silu()?)?;
        for (i, [first, second]) in self.stages.iter().enumerate() {
            y = second.forward(&first.forward(&y, train)?, train)?;
            if i + 1 < self.stages.len() {
                y = halved(&y)?;
            }
        }
        let (_, _, side, _) = y.size4()?;
        let pool = |&n: &i64| -> Torch<Tensor> {
            if n == 1 {
                return spatial_mean(&y)?.f_flatten(1, 3);
            }
            let k = side / n;
            y.f_avg_pool2d([k, k], [k, k], [0, 0], false, true, None::<i64>)?.f_flatten(1, 3)
        };
        let parts = self.pools.iter().map(pool).collect::<Torch<Vec<_>>>()?;
        Tensor::f_cat(&parts, 1)
    }

    /// Pooled features to [N, 128].
    fn encoded(&self, pooled: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = pooled.shallow_clone();
        for layer in &self.linear {
            y = layer.forward(&y.f_dropout(DROPOUT, train)?)?.f_leaky_relu()?;
        }
        Ok(y)
    }
}

/// The three encoders. Names: `encoder_tile.*`, `encoder_subtile.*`, `encoder_center.*`.
pub struct VisionMlp {
    tile: Encoder,
    subtile: Encoder,
    centre: Encoder,
}

impl VisionMlp {
    /// Registers the encoders in the published order, with PyTorch's constructor draws.
    pub fn new(store: &mut Store) -> Torch<Self> {
        Ok(Self {
            tile: store.under("encoder_tile.", |s| Encoder::new(s, &TILE_PLAN))?,
            subtile: store.under("encoder_subtile.", |s| Encoder::new(s, &SUBTILE_PLAN))?,
            centre: store.under("encoder_center.", |s| Encoder::new(s, &SUBTILE_PLAN))?,
        })
    }
}

/// Subtile `k` (row-major) of tiles [N, 3, 78, 78].
fn subtile(x: &Tensor, k: i64) -> Torch<Tensor> {
    x.f_narrow(2, k / 3 * SUBTILE, SUBTILE)?.f_narrow(3, k % 3 * SUBTILE, SUBTILE)
}

impl Network for VisionMlp {
    /// Tiles [N, 3, 78, 78] to [N, 384]: the tile's features, the subtiles' mean, the middle one's.
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let tile = self.tile.encoded(&self.tile.pooled(x, train)?, train)?;
        let subtiles = (0..9).map(|k| subtile(x, k)).collect::<Torch<Vec<_>>>()?;
        // Subtile by subtile rather than spot by spot: the normalisation is over all of them either way.
        let each = self.subtile.pooled(&Tensor::f_cat(&subtiles, 0)?, train)?;
        let (rows, width) = each.size2()?;
        let mean = each.f_view([9, rows / 9, width])?.f_sum_dim_intlist([0i64].as_slice(), false, None::<tch::Kind>)?.f_div_scalar(9.0)?;
        let subtiles = self.subtile.encoded(&mean, train)?;
        let middle = super::store::channels_last(&subtile(x, 4)?)?;
        let centre = self.centre.encoded(&self.centre.pooled(&middle, train)?, train)?;
        Tensor::f_cat(&[tile, subtiles, centre], 1)
    }
}

/// Widths of the decoder's layers but for the last.
const DECODER: [i64; 4] = [FEATURES, 256, 128, 64];

/// Joined features to answers: four linear layers, LeakyReLU and dropout between them. Names: `decoder.{0,3,6,9}.*`.
pub struct Decoder {
    layers: Vec<Linear>,
    dropout: f64,
}

impl Decoder {
    /// Registers it, for so many outputs.
    pub fn new(store: &mut Store, outputs: i64, dropout: f64) -> Torch<Self> {
        let widths: Vec<i64> = DECODER.into_iter().chain([outputs]).collect();
        let layers = widths.windows(2).enumerate().map(|(i, w)| Linear::new(store, &format!("decoder.{}", 3 * i), w[0], w[1]));
        Ok(Self { layers: layers.collect::<Torch<_>>()?, dropout })
    }

    /// [N, 384] to [N, outputs].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let mut y = x.shallow_clone();
        for (i, layer) in self.layers.iter().enumerate() {
            y = layer.forward(&y)?;
            if i + 1 < self.layers.len() {
                y = y.f_leaky_relu()?.f_dropout(self.dropout, train)?;
            }
        }
        Ok(y)
    }
}

/// The same features in the order centre, subtiles, tile, in which the published stacking hands them to the decoder that
/// was trained on the other one (quirk Q1).
pub fn swapped(features: &Tensor) -> Torch<Tensor> {
    let parts = [2, 1, 0].map(|i| features.f_narrow(1, i * SCALE, SCALE));
    Tensor::f_cat(&parts.into_iter().collect::<Torch<Vec<_>>>()?, 1)
}
