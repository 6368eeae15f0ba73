//! The eight ways to turn and mirror a patch, as one change of coordinates.

use super::image::CHANNELS;

/// A view of a square patch. The output's pixel (y, x) is the source's pixel found by first swapping y and x
/// (`transpose`), then counting x from the right (`flip_x`) and y from the bottom (`flip_y`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dihedral {
    /// Rows become columns.
    pub transpose: bool,
    /// Source columns are counted from the right.
    pub flip_x: bool,
    /// Source rows are counted from the bottom.
    pub flip_y: bool,
}

impl Dihedral {
    /// The patch as it is.
    pub const IDENTITY: Self = Self { transpose: false, flip_x: false, flip_y: false };
    /// Left and right change places.
    pub const HORIZONTAL: Self = Self { transpose: false, flip_x: true, flip_y: false };
    /// Top and bottom change places.
    pub const VERTICAL: Self = Self { transpose: false, flip_x: false, flip_y: true };
    /// Rows become columns.
    pub const TRANSPOSE: Self = Self { transpose: true, flip_x: false, flip_y: false };

    /// All eight, the patch as it is first.
    pub const ALL: [Self; 8] = {
        let mut all = [Self::IDENTITY; 8];
        let mut i = 0;
        while i < 8 {
            all[i] = Self { transpose: i & 1 != 0, flip_x: i & 2 != 0, flip_y: i & 4 != 0 };
            i += 1;
        }
        all
    };

    /// `quarters` quarter turns counter-clockwise, as `numpy.rot90`.
    pub fn turned(quarters: u64) -> Self {
        let quarter = Self { transpose: true, flip_x: true, flip_y: false };
        (0..quarters % 4).fold(Self::IDENTITY, |view, _| view.then(quarter))
    }

    /// This view, and `later` applied to its result.
    pub fn then(self, later: Self) -> Self {
        // out(o) = source(self(later(o))): flips of `later` change axes when they pass our transpose.
        let (x, y) = if self.transpose { (later.flip_y, later.flip_x) } else { (later.flip_x, later.flip_y) };
        Self { transpose: self.transpose ^ later.transpose, flip_x: self.flip_x ^ x, flip_y: self.flip_y ^ y }
    }

    /// Copies a square RGB patch of `side` pixels through this view. Panics when a buffer has another size.
    pub fn copy(self, src: &[u8], dst: &mut [u8], side: usize) {
        let stride = side * CHANNELS;
        assert!(src.len() == side * stride && dst.len() == side * stride, "square patches of {side} pixels");
        if side == 0 {
            return;
        }
        if self.transpose {
            return self.copy_transposed(src, dst, side);
        }
        for (y, out) in dst.chunks_exact_mut(stride).enumerate() {
            let sy = if self.flip_y { side - 1 - y } else { y };
            let row = &src[sy * stride..(sy + 1) * stride];
            if self.flip_x {
                let pixels = row.as_chunks::<3>().0.iter().rev();
                out.as_chunks_mut::<3>().0.iter_mut().zip(pixels).for_each(|(o, p)| *o = *p);
            } else {
                out.copy_from_slice(row);
            }
        }
    }

    /// Output row y is a source column. Eight source rows at a time, so that each cache line that is read is used.
    fn copy_transposed(self, src: &[u8], dst: &mut [u8], side: usize) {
        const BLOCK: usize = 16;
        let pixels = src.as_chunks::<3>().0;
        let out = dst.as_chunks_mut::<3>().0;
        for x0 in (0..side).step_by(BLOCK) {
            let x1 = (x0 + BLOCK).min(side);
            for (y, row) in out.chunks_exact_mut(side).enumerate() {
                let column = if self.flip_x { side - 1 - y } else { y };
                for (x, o) in (x0..x1).zip(&mut row[x0..x1]) {
                    let line = if self.flip_y { side - 1 - x } else { x };
                    *o = pixels[line * side + column];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_is_the_composition_of_copies() {
        for side in [1, 5, 19] {
            let src: Vec<u8> = (0..side * side * 3).map(|i| (i * 37 % 251) as u8).collect();
            let copy = |view: Dihedral, src: &[u8]| {
                let mut out = vec![0; src.len()];
                view.copy(src, &mut out, side);
                out
            };
            for a in Dihedral::ALL {
                for b in Dihedral::ALL {
                    assert_eq!(copy(a.then(b), &src), copy(b, &copy(a, &src)), "{a:?} then {b:?}");
                }
            }
        }
    }

    #[test]
    fn four_quarter_turns_are_none() {
        assert_eq!(Dihedral::turned(4), Dihedral::IDENTITY);
        assert_eq!(Dihedral::turned(2), Dihedral::HORIZONTAL.then(Dihedral::VERTICAL));
        assert_eq!(Dihedral::turned(3).then(Dihedral::turned(1)), Dihedral::IDENTITY);
    }
}
