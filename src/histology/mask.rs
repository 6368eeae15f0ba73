//! Which pixels of a slide are background, as scikit-image computes it (spec/hevisum.md, section 2.2;
//! spec/statistics-and-parity.md, section 9.6).

use super::image::{CHANNELS, ImageView};
use serde::{Deserialize, Serialize};

/// scikit-image's `rgb2gray` of values in 0..1, in f64.
pub fn grey(image: &ImageView) -> Vec<f64> {
    let unit = |v: u8| f64::from(v) / 255.0;
    image.pixels().as_chunks::<CHANNELS>().0.iter().map(|&[r, g, b]| 0.2125 * unit(r) + 0.7154 * unit(g) + 0.0721 * unit(b)).collect()
}

/// Otsu's threshold over 256 bins between the smallest and the largest value: the middle of the bin with the largest variance
/// between the classes. None when all values are equal.
pub fn otsu(values: &[f64]) -> Option<f64> {
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    if values.is_empty() || low >= high {
        return None;
    }
    let width = (high - low) / 256.0;
    let mut counts = [0u64; 256];
    for v in values {
        counts[(((v - low) / (high - low) * 256.0) as usize).min(255)] += 1;
    }
    let centre = |i: usize| low + width * (i as f64 + 0.5);
    let total: f64 = values.len() as f64;
    let all: f64 = counts.iter().enumerate().map(|(i, &n)| n as f64 * centre(i)).sum();
    let (mut below, mut sum, mut best) = (0.0, 0.0, (f64::NEG_INFINITY, 0));
    for (i, &n) in counts.iter().enumerate().take(255) {
        below += n as f64;
        sum += n as f64 * centre(i);
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum / below - (all - sum) / above;
            let between = below * above * apart * apart;
            if between > best.0 {
                best = (between, i);
            }
        }
    }
    Some(centre(best.1))
}

/// The offsets of a disk: dx² + dy² ≤ r².
pub fn disk(radius: usize) -> Vec<(i64, i64)> {
    let r = radius as i64;
    (-r..=r).flat_map(|dy| (-r..=r).map(move |dx| (dx, dy))).filter(|(dx, dy)| dx * dx + dy * dy <= r * r).collect()
}

/// A picture of yes and no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row after row.
    pub pixels: Vec<bool>,
}

impl Mask {
    fn at(&self, x: i64, y: i64) -> Option<bool> {
        let inside = x >= 0 && y >= 0 && x < self.width as i64 && y < self.height as i64;
        inside.then(|| self.pixels[y as usize * self.width + x as usize])
    }

    /// Whether a pixel of this kind lies under the element round each pixel; what lies beyond the image does not count.
    fn any(&self, element: &[(i64, i64)], kind: bool) -> Vec<bool> {
        let (w, h) = (self.width as i64, self.height as i64);
        (0..h)
            .flat_map(|y| (0..w).map(move |x| (x, y)))
            .map(|(x, y)| element.iter().any(|(dx, dy)| self.at(x + dx, y + dy) == Some(kind)))
            .collect()
    }

    /// Grown by an element.
    pub fn dilated(&self, element: &[(i64, i64)]) -> Self {
        Self { pixels: self.any(element, true), ..*self }
    }

    /// Shrunk by an element; the image's edge does not shrink it.
    pub fn eroded(&self, element: &[(i64, i64)]) -> Self {
        Self { pixels: self.any(element, false).into_iter().map(|v| !v).collect(), ..*self }
    }

    /// Grown, then shrunk.
    pub fn closed(&self, element: &[(i64, i64)]) -> Self {
        self.dilated(element).eroded(element)
    }

    /// Shrunk, then grown.
    pub fn opened(&self, element: &[(i64, i64)]) -> Self {
        self.eroded(element).dilated(element)
    }

    /// Connected parts of a kind, numbered from 1 in the order of their first pixels, 0 elsewhere; and the pixels of each.
    /// `eight`: parts that touch at a corner are one.
    pub fn labels(&self, kind: bool, eight: bool) -> (Vec<u32>, Vec<usize>) {
        let mut label = vec![0u32; self.pixels.len()];
        let mut areas = Vec::new();
        let mut stack = Vec::new();
        for start in 0..self.pixels.len() {
            if self.pixels[start] != kind || label[start] != 0 {
                continue;
            }
            areas.push(0);
            let name = areas.len() as u32;
            label[start] = name;
            stack.push(start);
            while let Some(i) = stack.pop() {
                areas[name as usize - 1] += 1;
                let (x, y) = ((i % self.width) as i64, (i / self.width) as i64);
                for (dx, dy) in
                    [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)].into_iter().take(if eight { 8 } else { 4 })
                {
                    if self.at(x + dx, y + dy) == Some(kind) {
                        let j = (y + dy) as usize * self.width + (x + dx) as usize;
                        if label[j] == 0 {
                            label[j] = name;
                            stack.push(j);
                        }
                    }
                }
            }
        }
        (label, areas)
    }

    /// Parts of a kind that are smaller than `size` pixels turned to the other kind; those at the image's edge too.
    fn without_small(&self, kind: bool, size: usize, eight: bool) -> Self {
        let (label, areas) = self.labels(kind, eight);
        let small = |l: u32| l > 0 && areas[l as usize - 1] < size;
        Self { pixels: self.pixels.iter().zip(label).map(|(&v, l)| if small(l) { !kind } else { v }).collect(), ..*self }
    }

    /// Holes of fewer than `size` pixels filled (scikit-image 0.24's `remove_small_holes`).
    pub fn filled(&self, size: usize, eight: bool) -> Self {
        self.without_small(false, size, eight)
    }

    /// Objects of fewer than `size` pixels taken away.
    pub fn cleared(&self, size: usize, eight: bool) -> Self {
        self.without_small(true, size, eight)
    }

    /// Share of the pixels that are yes.
    pub fn share(&self) -> f64 {
        self.pixels.iter().filter(|v| **v).count() as f64 / self.pixels.len().max(1) as f64
    }
}

/// How a mask's threshold is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Threshold {
    /// A grey from 0 to 1.
    Constant(f64),
    /// The slide's mean grey.
    Mean,
    /// Otsu's; the mean on a slide of one grey.
    Otsu,
}

/// How tissue is told from background: grey at or under a threshold, closed, holes filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackgroundMask {
    /// Grey at or under it is tissue.
    pub threshold: Threshold,
    /// Radius of the closing's disk; 0 for none.
    pub closing: usize,
    /// Holes of fewer pixels are filled, counted with corners; 0 for none.
    pub holes: usize,
}

impl BackgroundMask {
    /// The tissue of a slide, and the threshold that was used.
    pub fn tissue(&self, image: &ImageView) -> (Mask, f64) {
        let grey = grey(image);
        let mean = || grey.iter().sum::<f64>() / grey.len().max(1) as f64;
        let threshold = match self.threshold {
            Threshold::Constant(t) => t,
            Threshold::Mean => mean(),
            Threshold::Otsu => otsu(&grey).unwrap_or_else(mean),
        };
        let mut mask = Mask { width: image.width(), height: image.height(), pixels: grey.iter().map(|&v| v <= threshold).collect() };
        if self.closing > 0 {
            mask = mask.closed(&disk(self.closing));
        }
        if self.holes > 0 {
            mask = mask.filled(self.holes, true);
        }
        (mask, threshold)
    }
}

/// Makes background black, in place.
pub fn blank(pixels: &mut [u8], tissue: &Mask) {
    for (pixel, _) in pixels.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(&tissue.pixels).filter(|(_, t)| !**t) {
        *pixel = [0; CHANNELS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(width: usize, height: usize, holes: &[(usize, usize, usize, usize)]) -> Mask {
        let mut pixels = vec![true; width * height];
        for &(x, y, w, h) in holes {
            (y..y + h).for_each(|v| pixels[v * width + x..v * width + x + w].fill(false));
        }
        Mask { width, height, pixels }
    }

    fn count(m: &Mask) -> usize {
        m.pixels.iter().filter(|v| **v).count()
    }

    /// Acceptance case A8 of spec/hevisum.md.
    #[test]
    fn operations_of_a8() {
        let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        let grey = grey(&ImageView::new(4, 1, &pixels).expect("view"));
        assert!(grey.iter().zip([0.2125, 0.7154, 0.0721, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(disk(2).len(), 13);
        for k in 1..=5 {
            let hole = full(21, 21, &[(8, 8, k, k)]);
            let left = 441 - count(&hole.closed(&disk(2)));
            assert_eq!(left, if k == 5 { 13 } else { 0 }, "a hole of {k}");
        }
        let mut square = full(21, 21, &[(0, 0, 21, 21)]);
        (8..13).for_each(|v| square.pixels[v * 21 + 8..v * 21 + 13].fill(true));
        square.pixels[10 * 21 + 10] = false;
        assert_eq!(count(&square.closed(&disk(2))), 25);
        for (gap, gained) in [(1, 7), (2, 14), (3, 19), (4, 24), (5, 0)] {
            let mut bars = full(21, 21, &[(0, 0, 21, 21)]);
            for v in 6..15 {
                bars.pixels[v * 21 + 4..v * 21 + 8].fill(true);
                bars.pixels[v * 21 + 8 + gap..v * 21 + 12 + gap].fill(true);
            }
            assert_eq!(count(&bars.closed(&disk(2))) - count(&bars), gained, "a gap of {gap}");
        }
        for (w, h, filled) in [(70, 70, true), (49, 102, true), (50, 100, false)] {
            let m = full(160, 160, &[(20, 20, w, h)]);
            assert_eq!(count(&m.filled(5000, true)) == 160 * 160, filled, "{w} x {h}");
        }
        assert_eq!(count(&full(160, 160, &[(140, 0, 20, 20)]).filled(5000, true)), 160 * 160, "the image's corner is a hole too");
        let touching = full(160, 160, &[(10, 10, 54, 56), (64, 66, 54, 56)]);
        assert_eq!(count(&touching.filled(5000, true)), count(&touching), "one hole of 6048 pixels");
        assert_eq!(count(&touching.filled(5000, false)), 160 * 160);
        let nine = [230u8, 229, 230, 230, 230, 230];
        let mask = BackgroundMask { threshold: Threshold::Constant(grey_of(&nine[3..])), closing: 0, holes: 0 };
        assert_eq!(mask.tissue(&ImageView::new(2, 1, &nine).expect("view")).0.pixels, [true, true], "at the threshold is tissue");
    }

    fn grey_of(pixel: &[u8]) -> f64 {
        grey(&ImageView::new(1, 1, pixel).expect("view"))[0]
    }
}
