//! Neighbours on an array, from array coordinates alone: exact, and free of the image.

use super::weights::Weights;

/// Visium's staggered array, as (column, row) steps: two columns along a row, or one column and one row.
pub const HEX: [(i32, i32); 6] = [(-2, 0), (2, 0), (-1, -1), (1, -1), (-1, 1), (1, 1)];
/// The four neighbours that share a side.
pub const ROOK: [(i32, i32); 4] = [(0, -1), (-1, 0), (1, 0), (0, 1)];
/// The eight neighbours that share a side or a corner.
pub const QUEEN: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Binary weights of spots at (column, row), one step apart. Two spots at one place (which legacy arrays have
/// after rounding) are both neighbours of those around them, and not of each other.
pub fn lattice(places: &[(i32, i32)], steps: &[(i32, i32)]) -> Weights {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| (places[i], i));
    let neighbours = |&(col, row): &(i32, i32)| {
        steps
            .iter()
            .flat_map(move |&(dc, dr)| col.checked_add(dc).zip(row.checked_add(dr)))
            .flat_map(|place| at(places, &order, place))
            .collect()
    };
    Weights::binary(places.iter().map(neighbours).collect())
}

/// The spots at a place. `order` has all spots sorted by place.
fn at<'a>(places: &'a [(i32, i32)], order: &'a [usize], place: (i32, i32)) -> impl Iterator<Item = usize> + 'a {
    let first = order.partition_point(|&i| places[i] < place);
    order[first..].iter().copied().take_while(move |&i| places[i] == place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_square() {
        let places = [(0, 0), (1, 0), (0, 1), (1, 1)];
        let (rook, queen) = (lattice(&places, &ROOK), lattice(&places, &QUEEN));
        assert_eq!(rook.row(0).0, [1, 2]);
        assert_eq!(queen.row(0).0, [1, 2, 3]);
    }

    #[test]
    fn extremes_and_doubles() {
        let places = [(i32::MAX, i32::MIN), (i32::MAX - 1, i32::MIN), (i32::MAX - 1, i32::MIN)];
        let w = lattice(&places, &ROOK);
        assert_eq!((w.row(0).0, w.row(1).0, w.row(2).0), (&[1u32, 2][..], &[0u32][..], &[0u32][..]));
    }
}
