//! Augmentation presets of published baselines, with keyed draws.
//!
//! The operations are albumentations 2.0.8's, exact for given parameters. The parameters are not: that library ignores seeds, so
//! published augmentation cannot be replayed. Here every transform of every sample draws from its own stream under
//! (seed, "augment", fold, epoch, sample, transform index), and neither threads nor a resume can change a pixel.

use super::blur::gaussian_blur;
use super::colour::Jitter;
use super::dihedral::Dihedral;
use super::image::ImageView;
use super::normalise::ChannelOrder;
use super::warp::{Affine, warp_affine, warp_mirrored};
use crate::base::{Draw, Failure, Result};

/// A named list of random transforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The patch as it is.
    None,
    /// Horizontal flip, vertical flip, transpose, shift-scale-rotate (±0.1, 0.9–1.1 on each axis, ±30°, black border), each with probability ½.
    Mpa,
    /// Horizontal flip, vertical flip, transpose, each with probability ½: the eight views, evenly.
    Dihedral,
    /// Quarter turns ½, flips ½, colour jitter (0.1, 0.1, 0.1, 0.02) ½, Gaussian blur 3–5 with 0.2. Not what ST-Net did; named after scripts that say so.
    StnetStyle,
    /// Horizontal flip, vertical flip, one quarter turn, each with probability ½: what ST-Net did.
    Stnet,
}

impl Preset {
    /// All presets, in the order of their names' listing.
    pub const ALL: [Self; 5] = [Self::None, Self::Mpa, Self::Dihedral, Self::StnetStyle, Self::Stnet];

    /// The preset's name in a protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mpa => "mpa",
            Self::Dihedral => "dihedral",
            Self::StnetStyle => "stnet-style",
            Self::Stnet => "stnet",
        }
    }

    /// The preset of a protocol's key.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| Failure::input(format!("unknown augmentation '{name}'")).hint("use none, mpa, dihedral, stnet-style or stnet"))
    }
}

/// What happens to one sample: pure values, drawn or given.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Parameters {
    /// Flips, transpose and quarter turns together, first.
    pub view: Dihedral,
    /// Then a warp.
    pub warp: Option<Warp>,
    /// Then colours.
    pub jitter: Option<Jitter>,
    /// Then a blur.
    pub blur: Option<Blur>,
}

/// Parameters of a shift-scale-rotate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// Shift as fractions of width and height; whole pixels after truncation.
    pub shift: (f64, f64),
    /// Scale along x and along y.
    pub scale: (f64, f64),
    /// Counter-clockwise degrees.
    pub degrees: f64,
    /// Mirrored outside the patch (REFLECT_101) in place of black.
    pub mirrored: bool,
}

impl Warp {
    /// The affine map for a patch of `side` pixels.
    pub fn affine(&self, side: usize) -> Affine {
        let pixels = |fraction: f64| (fraction * side as f64) as i64;
        Affine::shift_scale_rotate((side, side), (pixels(self.shift.0), pixels(self.shift.1)), self.scale, self.degrees)
    }
}

/// Parameters of a Gaussian blur.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blur {
    /// Odd size of the kernel.
    pub size: usize,
    /// Deviation, in pixels.
    pub sigma: f64,
}

impl Parameters {
    /// Applies them to a square RGB patch: `src` and `dst` are side x side x 3 bytes. `order` says which colour the
    /// published script took for red in its colour jitter. Panics when a buffer has another size.
    pub fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, order: ChannelOrder) {
        assert!(src.len() == side * side * 3 && dst.len() == src.len(), "square RGB patches of {side} pixels");
        match (&self.warp, ImageView::new(side, side, src)) {
            (Some(warp), Ok(_)) if warp.mirrored => {
                let mut viewed = vec![0u8; src.len()];
                self.view.copy(src, &mut viewed, side);
                warp_mirrored(&viewed, side, &warp.affine(side), dst);
            }
            (Some(warp), Ok(image)) => warp_affine(&image, self.view, &warp.affine(side), dst),
            _ => self.view.copy(src, dst, side),
        }
        if let Some(jitter) = &self.jitter {
            jitter.apply(dst, side, order);
        }
        if let Some(blur) = &self.blur {
            let sharp = dst.to_vec();
            gaussian_blur(&sharp, dst, side, blur.size, blur.sigma);
        }
    }
}

/// Draws and applies a preset's transforms for the samples of one fold.
#[derive(Clone, Copy, Debug)]
pub struct Augmenter {
    preset: Preset,
    seed: u64,
    fold: u64,
    order: ChannelOrder,
    mirrored: bool,
}

/// Which parameter set place `at` of an epoch's order gets where `workers` loader processes repeat one stream (chapter on the
/// liver baselines, section 4.4): place j of batch b gets set batch·⌊b/workers⌋ + j, in every epoch.
pub fn replayed(at: usize, batch: usize, workers: usize) -> u64 {
    let (batch, workers) = (batch.max(1), workers.max(1));
    (batch * (at / batch / workers) + at % batch) as u64
}

impl Augmenter {
    /// An augmenter for a protocol's seed and one fold's number.
    pub fn new(preset: Preset, seed: u64, fold: u64) -> Self {
        Self { preset, seed, fold, order: ChannelOrder::Rgb, mirrored: false }
    }

    /// The same, for a script whose colour jitter sees blue first.
    pub fn with_order(self, order: ChannelOrder) -> Self {
        Self { order, ..self }
    }

    /// The same, with warps that mirror at the border and scale both axes alike.
    pub fn mirroring(self) -> Self {
        Self { mirrored: true, ..self }
    }

    /// What happens to a sample in an epoch: a function of the key alone. `sample` is the sample's row, not its place in a batch.
    pub fn parameters(&self, epoch: u64, sample: u64) -> Parameters {
        let stream = |transform: u64| Draw::keyed(self.seed, "augment", &[self.fold, epoch, sample, transform]);
        let flip = |transform: u64, view: Dihedral| if stream(transform).chance(0.5) { view } else { Dihedral::IDENTITY };
        let views = || flip(0, Dihedral::HORIZONTAL).then(flip(1, Dihedral::VERTICAL)).then(flip(2, Dihedral::TRANSPOSE));
        match self.preset {
            Preset::None => Parameters::default(),
            Preset::Dihedral => Parameters { view: views(), ..Parameters::default() },
            Preset::Mpa => Parameters { view: views(), warp: draw_warp(&mut stream(3), self.mirrored), ..Parameters::default() },
            Preset::Stnet => {
                let turn = if stream(2).chance(0.5) { Dihedral::turned(1) } else { Dihedral::IDENTITY };
                Parameters { view: flip(0, Dihedral::HORIZONTAL).then(flip(1, Dihedral::VERTICAL)).then(turn), ..Parameters::default() }
            }
            Preset::StnetStyle => {
                let mut turn = stream(0);
                let turn = if turn.chance(0.5) { Dihedral::turned(turn.below(4)) } else { Dihedral::IDENTITY };
                Parameters {
                    view: turn.then(flip(1, Dihedral::HORIZONTAL)).then(flip(2, Dihedral::VERTICAL)),
                    warp: None,
                    jitter: draw_jitter(&mut stream(3)),
                    blur: draw_blur(&mut stream(4)),
                }
            }
        }
    }

    /// Augments a square RGB patch of `side` pixels into `dst`. Panics when a buffer has another size.
    pub fn apply(&self, src: &[u8], dst: &mut [u8], side: usize, epoch: u64, sample: u64) {
        self.parameters(epoch, sample).apply(src, dst, side, self.order);
    }
}

fn draw_warp(draw: &mut Draw, mirrored: bool) -> Option<Warp> {
    draw.chance(0.5).then(|| {
        let shift = (draw.uniform(-0.1, 0.1), draw.uniform(-0.1, 0.1));
        // The second scale is drawn either way, so that the two variants differ in nothing else.
        let (x, y) = (draw.uniform(0.9, 1.1), draw.uniform(0.9, 1.1));
        Warp { shift, scale: (x, if mirrored { x } else { y }), degrees: draw.uniform(-30.0, 30.0), mirrored }
    })
}

fn draw_jitter(draw: &mut Draw) -> Option<Jitter> {
    draw.chance(0.5).then(|| {
        let mut factor = || draw.uniform(0.9, 1.1);
        let (brightness, contrast, saturation) = (factor(), factor(), factor());
        let hue = draw.uniform(-0.02, 0.02);
        let mut order = [0, 1, 2, 3];
        draw.shuffle(&mut order);
        Jitter { brightness, contrast, saturation, hue, order }
    })
}

fn draw_blur(draw: &mut Draw) -> Option<Blur> {
    draw.chance(0.2).then(|| {
        let sigma = draw.uniform(0.5, 3.0);
        // The published draw takes 3, 4 or 5 and raises 4 to 5.
        Blur { size: if draw.below(3) == 0 { 3 } else { 5 }, sigma }
    })
}
