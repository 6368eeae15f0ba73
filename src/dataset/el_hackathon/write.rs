//! A file in the competition's layout with slides made from a seed, to try protocols with and for tests. No data of the
//! competition are in it.
//!
//! Each slide is a round tissue whose haematoxylin varies from place to place, under a stain of its own; the abundance of a
//! cell type grows or falls with the haematoxylin round its spot, on top of a profile that all spots share. So a constant
//! profile ranks cell types well, and a network that sees the patch ranks them better.

use super::{CELL_TYPES, SLIDES, UNLABELLED};
use crate::base::exact::exp;
use crate::base::{Draw, Failure, Result, atomic};
use crate::dataset::synthetic::noise::Noise;
use std::path::Path;

/// Spots stand so far from their tissue as those of the competition's slides do, and in the same direction: what HEVisum
/// adds to x and y (spec/hevisum.md, section 1.2) brings them back.
const OFFSETS: [(i64, i64); 7] = [(-55, -60), (-90, -60), (-25, -25), (-15, -15), (-15, -15), (-30, -30), (0, 0)];

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// Height of every image, in pixels; some are narrower.
    pub side: usize,
    /// Distance of spots, in pixels.
    pub pitch: f64,
    /// The seed of everything.
    pub seed: u64,
}

/// Writes the file. The same numbers give the same bytes.
pub fn make(what: &Made, path: &Path) -> Result<()> {
    if !(400..=4000).contains(&what.side) || !(8.0..=100.0).contains(&what.pitch) {
        return Err(Failure::input(format!("slides of {} pixels with spots every {}", what.side, what.pitch))
            .hint("a side of 400 to 4000 pixels (windows of the stain's mosaic are 256), spots every 8 to 100"));
    }
    let mut file = Writer::new();
    let (mut images, mut spots) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for (i, name) in SLIDES.iter().enumerate() {
        let slide = Painted::new(what, i as u64);
        let test = usize::from(*name == UNLABELLED);
        let image = slide.image();
        let bytes: Vec<u8> = image.iter().flat_map(|v| v.to_le_bytes()).collect();
        let at = file.dataset(&[slide.height as u64, slide.width as u64, 3], &float(4), &bytes);
        images[test].push(((*name).to_owned(), at));
        spots[test].push(((*name).to_owned(), slide.table(&mut file, test == 1)));
    }
    let mut groups = Vec::new();
    for (name, [train, test]) in [("images", images), ("spots", spots)] {
        let (train, test) = (file.group(&train), file.group(&test));
        groups.push((name.to_owned(), file.group(&[("Train".to_owned(), train), ("Test".to_owned(), test)])));
    }
    let root = file.group(&groups);
    atomic::write(path, &file.finish(root))
}

/// One slide in the making.
struct Painted {
    width: usize,
    height: usize,
    pitch: f64,
    number: u64,
    seed: u64,
    haematoxylin: Noise,
    grain: Noise,
    edge: Noise,
}

impl Painted {
    fn new(what: &Made, number: u64) -> Self {
        let noise = |purpose| Noise::keyed(what.seed, purpose, number);
        Self {
            width: what.side - (number as usize % 3) * 6,
            height: what.side,
            pitch: what.pitch,
            number,
            seed: what.seed,
            haematoxylin: noise("el/haematoxylin"),
            grain: noise("el/grain"),
            edge: noise("el/edge"),
        }
    }

    /// Whether there is tissue: inside a circle with a wavy rim, nearer to the upper left.
    fn tissue(&self, x: f64, y: f64) -> bool {
        let (u, v) = (x / self.height as f64 - 0.41, y / self.height as f64 - 0.41);
        let rim = 0.345 + 0.02 * self.edge.at(x / 40.0, y / 40.0);
        u * u + v * v < rim * rim
    }

    /// Haematoxylin from 0 to 1, varying over about two pitches.
    fn level(&self, x: f64, y: f64) -> f64 {
        (0.5 + 0.6 * self.haematoxylin.octaves(x / (2.5 * self.pitch), y / (2.5 * self.pitch), 2)).clamp(0.0, 1.0)
    }

    /// [height, width, 3], whole grey levels over 255.
    fn image(&self) -> Vec<f32> {
        // The slides' stains differ in hue and strength; eosin takes some of every colour, so that all tissue is dense enough to fit.
        let shift = (self.number as f64 - 3.0) * 0.02;
        let strength = 0.8 + 0.07 * self.number as f64;
        let (h, e) = ([0.65 + shift, 0.70, 0.29 - shift], [0.26 + shift, 0.90 - shift, 0.32]);
        let mut out = Vec::with_capacity(self.width * self.height * 3);
        for y in 0..self.height {
            for x in 0..self.width {
                let (fx, fy) = (x as f64, y as f64);
                let grain = (0.5 + 0.5 * self.grain.at(fx / 2.5, fy / 2.5)).clamp(0.0, 1.0);
                let (a, b) = if self.tissue(fx, fy) {
                    let level = self.level(fx, fy);
                    // Nuclei: grains that are the more frequent the more haematoxylin there is.
                    let nucleus = if grain < 0.15 + 0.5 * level { 0.9 } else { 0.15 };
                    (nucleus * strength, (0.55 + 0.4 * (1.0 - level)) * strength)
                } else {
                    (0.01 + 0.02 * grain, 0.01)
                };
                for c in 0..3 {
                    let value = 245.0 * exp(-(a * h[c] + b * e[c]));
                    out.push((value.clamp(0.0, 255.0).floor() / 255.0) as f32);
                }
            }
        }
        out
    }

    /// Centres on a hexagonal lattice inside the tissue, and one beside it; in an order that tells nothing.
    fn centres(&self) -> Vec<(i64, i64)> {
        let mut out = Vec::new();
        let margin = 1.6 * self.pitch;
        let rows = ((self.height as f64 - 2.0 * margin) / (self.pitch * 0.866)).max(0.0) as usize;
        for r in 0..=rows {
            let y = margin + r as f64 * self.pitch * 0.866;
            let mut x = margin + if r % 2 == 1 { self.pitch / 2.0 } else { 0.0 };
            while x < self.width as f64 - margin {
                if self.tissue(x, y) {
                    out.push((x as i64, y as i64));
                }
                x += self.pitch;
            }
        }
        if self.number == 1 {
            // The one that the published preparation leaves out.
            out.push((20, 20));
        }
        Draw::keyed(self.seed, "el/order", &[self.number]).shuffle(&mut out);
        out
    }

    /// Abundances of the cell types at a place.
    fn abundances(&self, row: usize, x: f64, y: f64) -> Vec<f64> {
        let mut sum = 0.0;
        for (dx, dy) in [(0.0, 0.0), (-8.0, 0.0), (8.0, 0.0), (0.0, -8.0), (0.0, 8.0)] {
            sum += self.level(x + dx, y + dy);
        }
        let level = sum / 5.0 - 0.5;
        let mut noise = Draw::keyed(self.seed, "el/noise", &[self.number, row as u64]);
        (0..CELL_TYPES)
            .map(|c| {
                // A shared profile over some decades, and each type's own way with haematoxylin.
                let base = 7.0 * ((c * 11) % CELL_TYPES) as f64 / CELL_TYPES as f64 - 6.0;
                let slope = 14.0 * (((c * 17) % 7) as f64 / 3.0 - 1.0);
                exp(base + slope * level + noise.uniform(-0.6, 0.6))
            })
            .collect()
    }

    fn table(&self, file: &mut Writer, test: bool) -> u64 {
        let centres = self.centres();
        let mut fields: Vec<(String, Vec<u8>, usize)> = vec![("x".into(), integer(), 8), ("y".into(), integer(), 8)];
        if test {
            fields.push(("Test_Set".into(), integer(), 8));
        } else {
            fields.extend((1..=CELL_TYPES).map(|c| (format!("C{c}"), float(8), 8)));
        }
        let mut bytes = Vec::new();
        let (dx, dy) = OFFSETS[self.number as usize % OFFSETS.len()];
        for (row, &(x, y)) in centres.iter().enumerate() {
            bytes.extend((x - dx).to_le_bytes());
            bytes.extend((y - dy).to_le_bytes());
            if test {
                bytes.extend((1 + row as i64 % 2).to_le_bytes());
            } else {
                self.abundances(row, x as f64, y as f64).iter().for_each(|v| bytes.extend(v.to_le_bytes()));
            }
        }
        file.dataset(&[centres.len() as u64], &compound(&fields), &bytes)
    }
}

// What follows writes the few structures of HDF5 that such a file needs (HDF5 File Format Specification 3.0: superblock 2,
// object headers 2, contiguous arrays, links in the header), since the reader's crate does not write.

/// The undefined address.
const NOWHERE: [u8; 8] = [0xff; 8];

/// A file in the making: objects stand one behind the other, each written when it is whole.
struct Writer(Vec<u8>);

impl Writer {
    fn new() -> Self {
        Self(vec![0; 48])
    }

    fn put(&mut self, bytes: &[u8]) -> u64 {
        // Objects begin at multiples of eight.
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = self.0.len() as u64;
        self.0.extend_from_slice(bytes);
        at
    }

    /// An object header with these messages.
    fn object(&mut self, messages: &[(u8, Vec<u8>)]) -> u64 {
        let size: usize = messages.iter().map(|(_, m)| m.len() + 4).sum();
        let mut out = b"OHDR\x02\x02".to_vec();
        out.extend((size as u32).to_le_bytes());
        for (kind, message) in messages {
            out.push(*kind);
            out.extend((message.len() as u16).to_le_bytes());
            out.push(0);
            out.extend_from_slice(message);
        }
        out.extend(lookup3(&out).to_le_bytes());
        self.put(&out)
    }

    /// An array, its numbers beside it.
    fn dataset(&mut self, shape: &[u64], datatype: &[u8], bytes: &[u8]) -> u64 {
        let data = self.put(bytes);
        let mut space = vec![2, shape.len() as u8, 0, 1];
        shape.iter().for_each(|n| space.extend(n.to_le_bytes()));
        let mut layout = vec![3, 1];
        layout.extend(data.to_le_bytes());
        layout.extend((bytes.len() as u64).to_le_bytes());
        self.object(&[(1, space), (3, datatype.to_vec()), (5, vec![3, 0x0a]), (8, layout)])
    }

    /// A group of named objects.
    fn group(&mut self, members: &[(String, u64)]) -> u64 {
        let info = [&[0, 0][..], &NOWHERE, &NOWHERE].concat();
        let mut messages = vec![(2, info), (10, vec![0, 0])];
        for (name, at) in members {
            let mut link = vec![1, 0, name.len() as u8];
            link.extend_from_slice(name.as_bytes());
            link.extend(at.to_le_bytes());
            messages.push((6, link));
        }
        self.object(&messages)
    }

    fn finish(mut self, root: u64) -> Vec<u8> {
        let mut head = b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec();
        head.extend(0u64.to_le_bytes());
        head.extend(NOWHERE);
        head.extend((self.0.len() as u64).to_le_bytes());
        head.extend(root.to_le_bytes());
        head.extend(lookup3(&head).to_le_bytes());
        self.0[..48].copy_from_slice(&head);
        self.0
    }
}

/// A little-endian float of 4 or 8 bytes.
fn float(size: u32) -> Vec<u8> {
    let (sign, precision, exponent, mantissa, bias): (u8, u16, u8, u8, u32) =
        if size == 4 { (31, 32, 8, 23, 127) } else { (63, 64, 11, 52, 1023) };
    let mut out = vec![0x11, 0x20, sign, 0];
    out.extend(size.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out.extend(precision.to_le_bytes());
    out.extend([mantissa, exponent, 0, mantissa]);
    out.extend(bias.to_le_bytes());
    out
}

/// A little-endian signed integer of 8 bytes.
fn integer() -> Vec<u8> {
    let mut out = vec![0x10, 0x08, 0, 0];
    out.extend(8u32.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out.extend(64u16.to_le_bytes());
    out
}

/// A record: names, types, sizes of its fields.
fn compound(fields: &[(String, Vec<u8>, usize)]) -> Vec<u8> {
    let size: usize = fields.iter().map(|(_, _, n)| n).sum();
    let mut out = vec![0x36];
    out.extend((fields.len() as u16).to_le_bytes());
    out.push(0);
    out.extend((size as u32).to_le_bytes());
    let mut offset = 0usize;
    for (name, kind, n) in fields {
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        // Offsets take as few bytes as the record's size needs.
        let wide = (0..4).find(|k| size >> (8 * (k + 1)) == 0).unwrap_or(3) + 1;
        out.extend_from_slice(&(offset as u32).to_le_bytes()[..wide]);
        out.extend_from_slice(kind);
        offset += n;
    }
    out
}

/// Bob Jenkins's hash `lookup3` (hashlittle, initial value 0), by which HDF5 checks its headers.
fn lookup3(bytes: &[u8]) -> u32 {
    let mut s = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let word = |b: &[u8]| u32::from_le_bytes(std::array::from_fn(|i| b.get(i).copied().unwrap_or(0)));
    let mut rest = bytes;
    while rest.len() > 12 {
        (0..3).for_each(|i| s[i] = s[i].wrapping_add(word(&rest[4 * i..4 * i + 4])));
        for (i, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (a, b, c) = (i % 3, (i + 1) % 3, (i + 2) % 3);
            s[a] = s[a].wrapping_sub(s[c]) ^ s[c].rotate_left(turn);
            s[c] = s[c].wrapping_add(s[b]);
        }
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return s[2];
    }
    (0..3).for_each(|i| s[i] = s[i].wrapping_add(word(rest.get(4 * i..).unwrap_or_default())));
    for (to, from, turn) in [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)] {
        s[to] = (s[to] ^ s[from]).wrapping_sub(s[from].rotate_left(turn));
    }
    s[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the author's own test driver (lookup3.c, driver5).
    #[test]
    fn the_hash_is_jenkins() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
