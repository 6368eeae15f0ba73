//! `cv2.warpAffine` for 8-bit RGB, bilinear, black outside: OpenCV 4.x, bit for bit.
//!
//! The forward matrix M (source to destination) is inverted in f64. Per row y: X0 = rint((m01·y + b0)·1024) + 16; per
//! column x: X = (X0 + rint(m00·x·1024)) ≫ 5, a place on a grid of 1/32 pixel, and likewise Y; rint is half to even. Weights are
//! products of 32nds, and taps outside the image count as 0. OpenCV sums 32·w·v and takes (Σ + 2¹⁴) ≫ 15; dividing all by 32 first,
//! (Σ w·v + 2⁹) ≫ 10, is the same number. OpenCV 5 does something else; published baselines used 4.x.
//!
//! A mirrored or transposed source needs no copy of its own: the grid is symmetric, so mirroring is X → 32·(w − 1) − X and
//! transposing swaps X and Y, exactly.

use super::dihedral::Dihedral;
use super::image::{CHANNELS, ImageView};

/// An affine map from source to destination: x' = m\[0\]\[0\]·x + m\[0\]\[1\]·y + m\[0\]\[2\], y' likewise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub [[f64; 3]; 2]);

impl Affine {
    /// albumentations' ShiftScaleRotate about the image's centre ((w − 1)/2, (h − 1)/2): M = C·T·R·S·C⁻¹. `shift` in whole
    /// pixels (x, y), `scale` along x and y, `degrees` counter-clockwise on the screen.
    pub fn shift_scale_rotate(size: (usize, usize), shift: (i64, i64), scale: (f64, f64), degrees: f64) -> Self {
        let (sin, cos) = sin_cos_degrees(degrees);
        let (cx, cy) = (size.0 as f64 / 2.0 - 0.5, size.1 as f64 / 2.0 - 0.5);
        let linear = [[cos * scale.0, sin * scale.1], [-sin * scale.0, cos * scale.1]];
        let moved = |row: [f64; 2], centre: f64, shift: i64| [row[0], row[1], (centre + shift as f64) - (row[0] * cx + row[1] * cy)];
        Self([moved(linear[0], cx, shift.0), moved(linear[1], cy, shift.1)])
    }

    /// Destination to source, in OpenCV's order of operations: \[m00, m01, b0, m10, m11, b1\]. A singular map becomes all
    /// zeros, as there.
    pub fn inverse(&self) -> [f64; 6] {
        let [[a, b, tx], [c, d, ty]] = self.0;
        let determinant = a * d - b * c;
        let scale = if determinant == 0.0 { 0.0 } else { 1.0 / determinant };
        let (m00, m01, m10, m11) = (d * scale, -b * scale, -c * scale, a * scale);
        [m00, m01, -m00 * tx - m01 * ty, m10, m11, -m10 * tx - m11 * ty]
    }
}

/// Sine and cosine of an angle in degrees, by reduction to ±45° and power series: additions and products only, so the
/// result does not depend on the C library of the machine. Within 2⁻⁵² of the true values.
pub fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    let turns = (degrees / 90.0).round_ties_even();
    let x = (degrees - 90.0 * turns) * (std::f64::consts::PI / 180.0);
    let square = x * x;
    // Horner from the 20th power: |x| ≤ 0.786, so what is left out is below 1e-20.
    let (mut sin, mut cos) = (1.0, 1.0);
    for k in (1..=10).rev() {
        let k = f64::from(k);
        sin = 1.0 - square / (2.0 * k * (2.0 * k + 1.0)) * sin;
        cos = 1.0 - square / (2.0 * k * (2.0 * k - 1.0)) * cos;
    }
    sin *= x;
    match (turns as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Places along one source axis, in 32nds of a pixel, for one destination row.
struct Axis<'a> {
    base: i64,
    steps: &'a [i64],
    /// 0, or −1 when the axis is mirrored: (v ^ mirror) − mirror is v or −v.
    mirror: i64,
    offset: i64,
    /// Columns per unit of 1/1024 pixel, for guessing where the axis reaches a place; any value is safe.
    inverse_slope: f64,
}

impl Axis<'_> {
    #[inline(always)]
    fn place(&self, step: i64) -> i64 {
        (((self.base + step) >> 5) ^ self.mirror) - self.mirror + self.offset
    }

    /// The columns whose place p has low ≤ p < high. Places are monotone along a row, so they are one interval.
    fn between(&self, low: i64, high: i64) -> (usize, usize) {
        let n = self.steps.len();
        let rising = self.place(self.steps[n - 1]) >= self.place(self.steps[0]);
        if rising {
            (self.first(low, |p| p >= low), self.first(high, |p| p >= high))
        } else {
            (self.first(high, |p| p < high), self.first(low, |p| p < low))
        }
    }

    /// The first column whose place satisfies a condition that, once true, stays true; found from a guess.
    fn first(&self, target: i64, holds: impl Fn(i64) -> bool) -> usize {
        let n = self.steps.len();
        let step = ((((target - self.offset) ^ self.mirror) - self.mirror) << 5) - self.base;
        let mut x = ((step as f64 * self.inverse_slope) as usize).min(n);
        while x > 0 && holds(self.place(self.steps[x - 1])) {
            x -= 1;
        }
        while x < n && !holds(self.place(self.steps[x])) {
            x += 1;
        }
        x
    }
}

/// Warps `src`, seen through `view`, into `dst`, which has the size of the viewed source: for a transposing view
/// that is `src.height()` pixels wide. Outside the source is black. Panics when `dst` has another size, or a side has 2²⁰ pixels or more.
pub fn warp_affine(src: &ImageView, view: Dihedral, forward: &Affine, dst: &mut [u8]) {
    let (sw, sh) = (src.width(), src.height());
    let (width, height) = if view.transpose { (sh, sw) } else { (sw, sh) };
    assert_eq!(dst.len(), width * height * CHANNELS, "a destination of the source's size");
    assert!(sw < 1 << 20 && sh < 1 << 20, "sides whose places fit 32 bits");
    let [m00, m01, b0, m10, m11, b1] = forward.inverse();
    // Far beyond any image, and far from overflow: only a senseless map gets there.
    let fixed = |v: f64| (v * 1024.0).round_ties_even().clamp(-1e15, 1e15) as i64;
    let steps_x: Vec<i64> = (0..width).map(|x| fixed(m00 * x as f64)).collect();
    let steps_y: Vec<i64> = (0..width).map(|x| fixed(m10 * x as f64)).collect();
    let guess = |slope: f64| if slope == 0.0 { 0.0 } else { 1.0 / (slope * 1024.0) };
    for (y, out) in dst.chunks_exact_mut(width * CHANNELS).enumerate() {
        let y = y as f64;
        let along_x = (fixed(m01 * y + b0) + 16, steps_x.as_slice(), guess(m00));
        let along_y = (fixed(m11 * y + b1) + 16, steps_y.as_slice(), guess(m10));
        let (first, second) = if view.transpose { (along_y, along_x) } else { (along_x, along_y) };
        let axis = |(base, steps, inverse_slope): (i64, _, f64), flip: bool, side: usize| Axis {
            base,
            steps,
            mirror: -i64::from(flip),
            offset: if flip { 32 * (side as i64 - 1) } else { 0 },
            inverse_slope,
        };
        warp_row(src, &axis(first, view.flip_x, sw), &axis(second, view.flip_y, sh), out);
    }
}

/// The same recipe for a square RGB patch of `side` pixels with a border that mirrors without repeating the edge
/// (`BORDER_REFLECT_101`). Plain arithmetic, pixel by pixel. Panics when a buffer has another size.
pub fn warp_mirrored(src: &[u8], side: usize, forward: &Affine, dst: &mut [u8]) {
    assert!(src.len() == side * side * CHANNELS && dst.len() == src.len() && side < 1 << 20, "square RGB patches of {side} pixels");
    let [m00, m01, b0, m10, m11, b1] = forward.inverse();
    let fixed = |v: f64| (v * 1024.0).round_ties_even().clamp(-1e15, 1e15) as i64;
    let period = 2 * (side as i64 - 1);
    let inside = |v: i64| if period == 0 { 0 } else { (side as i64 - 1) - (v.rem_euclid(period) - (side as i64 - 1)).abs() };
    for (y, out) in dst.chunks_exact_mut(side * CHANNELS).enumerate() {
        let (start_x, start_y) = (fixed(m01 * y as f64 + b0) + 16, fixed(m11 * y as f64 + b1) + 16);
        for (x, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (px, py) = ((start_x + fixed(m00 * x as f64)) >> 5, (start_y + fixed(m10 * x as f64)) >> 5);
            let (fx, fy) = (px & 31, py & 31);
            let tap = |dx: i64, dy: i64| (inside((py >> 5) + dy) as usize * side + inside((px >> 5) + dx) as usize) * CHANNELS;
            let [a, b, c, d] = [tap(0, 0), tap(1, 0), tap(0, 1), tap(1, 1)];
            *out = std::array::from_fn(|k| {
                let v = |at: usize| i64::from(src[at + k]);
                let (top, bottom) = (v(a) * (32 - fx) + v(b) * fx, v(c) * (32 - fx) + v(d) * fx);
                ((top * (32 - fy) + bottom * fy + 512) >> 10) as u8
            });
        }
    }
}

/// One destination row: black, edge, inner, edge, black.
fn warp_row(src: &ImageView, ax: &Axis, ay: &Axis, out: &mut [u8]) {
    let n = ax.steps.len();
    let (sw, sh) = (src.width() as i64, src.height() as i64);
    let both = |a: (usize, usize), b: (usize, usize)| {
        let (start, end) = (a.0.max(b.0).min(n), a.1.min(b.1));
        (start, end.max(start))
    };
    let touched = both(ax.between(-31, 32 * sw), ay.between(-31, 32 * sh));
    let inner = both(ax.between(0, 32 * (sw - 1)), ay.between(0, 32 * (sh - 1)));
    let inner = if inner.0 == inner.1 { (touched.1, touched.1) } else { inner };
    let out = out.as_chunks_mut::<3>().0;
    out[..touched.0].fill([0; 3]);
    for x in (touched.0..inner.0).chain(inner.1..touched.1) {
        out[x] = edge_pixel(src, ax.place(ax.steps[x]), ay.place(ay.steps[x]));
    }
    out[touched.1..].fill([0; 3]);
    let inside = inner.0..inner.1;
    inner_pixels(src, [ax, ay], [&ax.steps[inside.clone()], &ay.steps[inside.clone()]], &mut out[inside]);
}

/// Pixels whose four taps all lie in the image. Places are worked out for a block of columns first, in a loop without branches or
/// memory in it, which the compiler turns into vector instructions.
fn inner_pixels(src: &ImageView, [ax, ay]: [&Axis; 2], [steps_x, steps_y]: [&[i64]; 2], out: &mut [[u8; 3]]) {
    const BLOCK: usize = 32;
    let (pixels, stride) = (src.pixels(), src.width() * CHANNELS);
    // In the image, a place in 1/1024 pixel fits 32 bits, and wrapping sums are right modulo 2³², so all can be done in 32.
    let narrow = |axis: &Axis| (axis.base as i32, axis.mirror as i32, axis.offset as i32);
    let ((bx, mx, ox), (by, my, oy)) = (narrow(ax), narrow(ay));
    let (mut xs, mut ys) = ([0i32; BLOCK], [0i32; BLOCK]);
    for ((o, sx), sy) in out.chunks_mut(BLOCK).zip(steps_x.chunks(BLOCK)).zip(steps_y.chunks(BLOCK)) {
        let place = |base: i32, mirror: i32, offset: i32, step: i64| (((base.wrapping_add(step as i32)) >> 5) ^ mirror) - mirror + offset;
        xs.iter_mut().zip(sx).for_each(|(v, s)| *v = place(bx, mx, ox, *s));
        ys.iter_mut().zip(sy).for_each(|(v, s)| *v = place(by, my, oy, *s));
        for ((o, &x), &y) in o.iter_mut().zip(&xs).zip(&ys) {
            let at = (y >> 5) as usize * stride + (x >> 5) as usize * CHANNELS;
            // Eight bytes hold both pixels of a row; only the image's last pixels have fewer behind them.
            *o = match pixels.get(at..).and_then(|rest| rest.get(..stride + 8)) {
                Some(window) => blend(eight(window), eight(&window[stride..]), (x & 31) as u64, (y & 31) as u64),
                None => edge_pixel(src, i64::from(x), i64::from(y)),
            };
        }
    }
}

#[inline(always)]
fn eight(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

/// A pixel with taps that may lie outside, in plain arithmetic.
fn edge_pixel(src: &ImageView, x: i64, y: i64) -> [u8; 3] {
    let (ix, iy, fx, fy) = (x >> 5, y >> 5, x & 31, y & 31);
    let tap = |x: i64, y: i64, c: usize| {
        let inside = x >= 0 && y >= 0 && x < src.width() as i64 && y < src.height() as i64;
        if inside { i64::from(src.pixels()[(y as usize * src.width() + x as usize) * CHANNELS + c]) } else { 0 }
    };
    std::array::from_fn(|c| {
        let top = tap(ix, iy, c) * (32 - fx) + tap(ix + 1, iy, c) * fx;
        let bottom = tap(ix, iy + 1, c) * (32 - fx) + tap(ix + 1, iy + 1, c) * fx;
        ((top * (32 - fy) + bottom * fy + 512) >> 10) as u8
    })
}

/// Mixes two rows of two neighbouring pixels, each row in the low six bytes of a word, in 16- and 32-bit lanes of plain
/// integers. Every lane's final value is positive and fits, so differences may wrap on the way.
#[inline(always)]
fn blend(top: u64, bottom: u64, fx: u64, fy: u64) -> [u8; 3] {
    const BYTES: u64 = 0x00ff_00ff_00ff_00ff;
    const LOW: u64 = 0xffff;
    // Down: at most 255·32, in 16 bits. Even bytes are r, b, g'; odd ones g, r', b' (a prime marks the right pixel).
    let down = |a: u64, b: u64| (a << 5).wrapping_add(b.wrapping_sub(a).wrapping_mul(fy));
    let even = down(top & BYTES, bottom & BYTES);
    let odd = down((top >> 8) & BYTES, (bottom >> 8) & BYTES);
    // Across: at most 255·1024, in 32 bits; red and green share a word.
    let across = |a: u64, b: u64, half: u64| (a << 5).wrapping_add(b.wrapping_sub(a).wrapping_mul(fx)).wrapping_add(half);
    let left = (even & LOW) | ((odd & LOW) << 32);
    let right = ((odd >> 16) & LOW) | (even & (LOW << 32));
    let red_green = across(left, right, (512 << 32) | 512);
    let blue = across((even >> 16) & LOW, (odd >> 32) & LOW, 512);
    [(red_green >> 10) as u8, (red_green >> 42) as u8, (blue >> 10) as u8]
}
