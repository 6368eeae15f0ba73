//! Resizing as OpenCV 4.x does it: INTER_LINEAR on 8-bit pixels, bit for bit.
//!
//! The model: along an axis, destination d reads the source at f = f32((d + ½)·scale − ½), with scale = source/destination
//! in f64, i = ⌊f⌋ and a = f − i. Coefficients are a·2048 and (1 − a)·2048, rounded half to even. Columns
//! are clamped with a = 0; rows are clamped but keep a. Rows sum in i32, S = v0·c0 + v1·c1; then
//! ((b0·(S0 ≫ 4)) ≫ 16 + (b1·(S1 ≫ 4)) ≫ 16 + 2) ≫ 2. An exact 2:1 is the mean of four, (Σ + 2) ≫ 2.
//! Shrinking aliases, since nothing is averaged: that is what the published scripts got.

use super::image::CHANNELS;

/// One destination place along an axis: two source places and their weights (of 2048).
#[derive(Clone, Copy, Debug)]
struct Tap {
    near: usize,
    far: usize,
    near_weight: i32,
    far_weight: i32,
}

/// The tables of one resize, made once and used for every patch.
#[derive(Clone, Debug)]
pub struct Resizer {
    from: (usize, usize),
    to: (usize, usize),
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

impl Resizer {
    /// Tables for (width, height) to (width, height). No side may be 0.
    pub fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        assert!(from.0 > 0 && from.1 > 0 && to.0 > 0 && to.1 > 0, "an image has pixels");
        Self { from, to, columns: taps(from.0, to.0, true), rows: taps(from.1, to.1, false) }
    }
}

fn taps(source: usize, destination: usize, column: bool) -> Vec<Tap> {
    let scale = source as f64 / destination as f64;
    let last = source as i64 - 1;
    (0..destination)
        .map(|d| {
            let f = ((d as f64 + 0.5) * scale - 0.5) as f32;
            let floor = f.floor();
            let (mut i, mut a) = (floor as i64, f - floor);
            if column && (i < 0 || i >= last) {
                (i, a) = (i.clamp(0, last), 0.0);
            }
            let weight = |w: f32| (w * 2048.0).round_ties_even() as i32;
            let at = |i: i64| i.clamp(0, last) as usize;
            Tap { near: at(i), far: at(i + 1), near_weight: weight(1.0 - a), far_weight: weight(a) }
        })
        .collect()
}

/// Resizes interleaved RGB bytes by the tables. Panics when a buffer does not fit them.
pub fn resize_into(tables: &Resizer, src: &[u8], dst: &mut [u8]) {
    assert_eq!(src.len(), tables.from.0 * tables.from.1 * CHANNELS, "source of the tables' size");
    assert_eq!(dst.len(), tables.to.0 * tables.to.1 * CHANNELS, "destination of the tables' size");
    if tables.from == tables.to {
        dst.copy_from_slice(src);
    } else if tables.from.0 == 2 * tables.to.0 && tables.from.1 == 2 * tables.to.1 {
        halve(src, dst, tables.to.0);
    } else {
        bilinear(tables, src, dst);
    }
}

fn halve(src: &[u8], dst: &mut [u8], width: usize) {
    let row = width * CHANNELS;
    for (pair, out) in src.chunks_exact(4 * row).zip(dst.chunks_exact_mut(row)) {
        let (top, bottom) = pair.split_at(2 * row);
        let blocks = top.as_chunks::<6>().0.iter().zip(bottom.as_chunks::<6>().0);
        for (o, (t, b)) in out.as_chunks_mut::<3>().0.iter_mut().zip(blocks) {
            *o = std::array::from_fn(|c| ((u16::from(t[c]) + u16::from(t[c + 3]) + u16::from(b[c]) + u16::from(b[c + 3]) + 2) >> 2) as u8);
        }
    }
}

fn bilinear(tables: &Resizer, src: &[u8], dst: &mut [u8]) {
    let (from, to) = (tables.from.0 * CHANNELS, tables.to.0 * CHANNELS);
    // Two source rows, already resized across and shifted down by 4, and which rows they are.
    let mut lines = [vec![0i32; to], vec![0i32; to]];
    let mut held = [usize::MAX; 2];
    for (tap, out) in tables.rows.iter().zip(dst.chunks_exact_mut(to)) {
        if held[1] == tap.near {
            lines.swap(0, 1);
            held.swap(0, 1);
        }
        for (slot, row) in [(0, tap.near), (1, tap.far)] {
            if held[slot] != row {
                across(&tables.columns, &src[row * from..(row + 1) * from], &mut lines[slot]);
                held[slot] = row;
            }
        }
        let [near, far] = &lines;
        for ((o, s0), s1) in out.iter_mut().zip(near).zip(far) {
            let sum = ((tap.near_weight * s0) >> 16) + ((tap.far_weight * s1) >> 16);
            *o = ((sum + 2) >> 2).clamp(0, 255) as u8;
        }
    }
}

fn across(columns: &[Tap], row: &[u8], line: &mut [i32]) {
    let pixels = row.as_chunks::<3>().0;
    for (tap, out) in columns.iter().zip(line.as_chunks_mut::<3>().0) {
        let (near, far) = (pixels[tap.near], pixels[tap.far]);
        *out = std::array::from_fn(|c| (i32::from(near[c]) * tap.near_weight + i32::from(far[c]) * tap.far_weight) >> 4);
    }
}
