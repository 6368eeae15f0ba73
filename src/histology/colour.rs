//! Colour operations as albumentations 2.0.8 runs them on 8-bit pixels through OpenCV 4.x: for given factors, the same bytes.

use super::image::CHANNELS;
use super::normalise::ChannelOrder;

/// OpenCV's fixed point of the HSV tables.
const HSV_SHIFT: i32 = 12;

/// Pixels that OpenCV's HSV conversion takes at once on a processor with AVX2.
const HSV_BLOCK: usize = 32;

/// What a colour jitter does: factors, and the order of its four operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    /// Factor of brightness.
    pub brightness: f64,
    /// Factor of contrast.
    pub contrast: f64,
    /// Factor of saturation.
    pub saturation: f64,
    /// Turn of the hue, in whole turns.
    pub hue: f64,
    /// A permutation of 0 brightness, 1 contrast, 2 saturation, 3 hue.
    pub order: [u8; 4],
}

impl Jitter {
    /// Applies the operations in their order to rows of `width` pixels. With [`ChannelOrder::Bgr`] the conversions to grey and HSV take blue for red, as
    /// in scripts that read with OpenCV and never convert.
    pub fn apply(&self, pixels: &mut [u8], width: usize, channels: ChannelOrder) {
        for operation in self.order {
            match operation {
                0 => brightness(pixels, self.brightness),
                1 => contrast(pixels, self.contrast, channels),
                2 => saturation(pixels, self.saturation, channels),
                _ => hue(pixels, width, self.hue, channels),
            }
        }
    }
}

/// v·f in f32, clipped to a byte and truncated.
pub fn brightness(pixels: &mut [u8], factor: f64) {
    if factor != 1.0 {
        let factor = factor as f32;
        look_up(pixels, |v| f32::from(v) * factor);
    }
}

/// f·v + (1 − f)·mean, clipped and truncated; the mean is that of the 8-bit grey image.
pub fn contrast(pixels: &mut [u8], factor: f64, channels: ChannelOrder) {
    if factor == 1.0 || pixels.is_empty() {
        return;
    }
    let total: u64 = pixels.as_chunks::<3>().0.iter().map(|p| u64::from(grey(in_order(*p, channels)))).sum();
    let mean = total as f64 / (pixels.len() / CHANNELS) as f64;
    if factor == 0.0 {
        return pixels.fill((mean + 0.5) as u8);
    }
    let shift = mean * (1.0 - factor);
    // The product is rounded to f32 and the sum is taken in f64: NumPy 2's types for a table of f32, a Python float and an f64 scalar.
    let factor = factor as f32;
    look_up(pixels, |v| f64::from(f32::from(v) * factor) + shift);
}

/// f·v + (1 − f)·grey, rounded half to even and clipped.
pub fn saturation(pixels: &mut [u8], factor: f64, channels: ChannelOrder) {
    if factor == 1.0 {
        return;
    }
    let (own, other) = (factor as f32, (1.0 - factor) as f32);
    for p in pixels.as_chunks_mut::<3>().0 {
        let base = f32::from(grey(in_order(*p, channels)));
        *p = p.map(|v| f32::from(v).mul_add(own, base * other).round_ties_even() as u8);
    }
}

/// Turns the hue of rows of `width` pixels by `turns` of a circle: H in 0..180, H' = trunc((H + 180·turns) mod 180).
///
/// OpenCV's way back from HSV truncates in its vector loop, 32 pixels at a time on a processor with AVX2, and rounds the
/// pixels that are left over at the end of a row. Both are kept.
pub fn hue(pixels: &mut [u8], width: usize, turns: f64, channels: ChannelOrder) {
    if turns == 0.0 || width == 0 {
        return;
    }
    let table: [u8; 256] = std::array::from_fn(|h| (h as f64 + 180.0 * turns).rem_euclid(180.0) as u8);
    let hsv = HsvTables::new();
    for row in pixels.chunks_exact_mut(width * CHANNELS) {
        for (x, p) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let [h, s, v] = hsv.from_rgb(in_order(*p, channels));
            *p = in_order(hsv_to_rgb([table[usize::from(h)], s, v], x < width - width % HSV_BLOCK), channels);
        }
    }
}

fn look_up<T: Into<f64>>(pixels: &mut [u8], value: impl Fn(u8) -> T) {
    // `as` truncates and clips, which is what the published conversion does.
    let table: [u8; 256] = std::array::from_fn(|v| value(v as u8).into() as u8);
    pixels.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
}

fn in_order(p: [u8; 3], channels: ChannelOrder) -> [u8; 3] {
    match channels {
        ChannelOrder::Rgb => p,
        ChannelOrder::Bgr => [p[2], p[1], p[0]],
    }
}

/// OpenCV's 8-bit grey: 15-bit fixed-point weights.
pub fn grey([r, g, b]: [u8; 3]) -> u8 {
    ((9_798 * u32::from(r) + 19_235 * u32::from(g) + 3_735 * u32::from(b) + (1 << 14)) >> 15) as u8
}

/// OpenCV's reciprocal tables for 8-bit HSV.
pub struct HsvTables {
    saturation: [i32; 256],
    hue: [i32; 256],
}

impl HsvTables {
    /// Makes the tables.
    pub fn new() -> Self {
        let table = |top: i32, times: f64| -> [i32; 256] {
            std::array::from_fn(|i| if i == 0 { 0 } else { (f64::from(top << HSV_SHIFT) / (times * i as f64)).round_ties_even() as i32 })
        };
        Self { saturation: table(255, 1.0), hue: table(180, 6.0) }
    }

    /// Hue in 0..180, saturation, value.
    pub fn from_rgb(&self, [r, g, b]: [u8; 3]) -> [u8; 3] {
        let (red, green, blue) = (i32::from(r), i32::from(g), i32::from(b));
        let value = red.max(green).max(blue);
        let range = value - red.min(green).min(blue);
        let half = 1 << (HSV_SHIFT - 1);
        let saturation = (range * self.saturation[value as usize] + half) >> HSV_SHIFT;
        let sector = if value == red {
            green - blue
        } else if value == green {
            blue - red + 2 * range
        } else {
            red - green + 4 * range
        };
        let hue = (sector * self.hue[range as usize] + half) >> HSV_SHIFT;
        let hue = if hue < 0 { hue + 180 } else { hue };
        [hue.clamp(0, 255) as u8, saturation as u8, value as u8]
    }
}

impl Default for HsvTables {
    fn default() -> Self {
        Self::new()
    }
}

/// 8-bit HSV, hue in 0..180, back to RGB in single precision: truncated as in OpenCV's vector loop, or rounded half to even as in its plain one.
pub fn hsv_to_rgb([h, s, v]: [u8; 3], truncated: bool) -> [u8; 3] {
    let h = f32::from(h) * (6.0f32 / 180.0);
    let (s, v) = (f32::from(s) * (1.0f32 / 255.0), f32::from(v) * (1.0f32 / 255.0));
    let floor = h.floor();
    let f = h - floor;
    // The reference fuses 1 − s·x. A product of two f32 is exact in f64, so this rounds alike for every hue and saturation there is.
    let share = |x: f32| v * (1.0 - f64::from(s) * f64::from(x)) as f32;
    let (low, falling, rising) = (v * (1.0 - s), share(f), share(1.0 - f));
    let rgb = match floor as i32 % 6 {
        0 => [v, rising, low],
        1 => [falling, v, low],
        2 => [low, v, rising],
        3 => [low, falling, v],
        4 => [rising, low, v],
        _ => [v, low, falling],
    };
    rgb.map(|c| if truncated { c * 255.0 } else { (c * 255.0).round_ties_even() } as u8)
}
