//! kitty's graphics protocol: a PNG file in pieces, put at the cursor, known by a number, taken away by it.

use super::base64;

/// Our number for the picture; any, but unlikely to be another program's.
const ID: u32 = 1_885_760_612;

/// Takes the picture away and frees its memory in the terminal, which says nothing to it.
pub const REMOVE: &[u8] = b"\x1b_Ga=d,d=I,i=1885760612,q=2\x1b\\";

/// The most base 64 in one piece.
const PIECE: usize = 4096;

/// Sends a PNG file and shows it at the cursor, which stays. With `cells` it is fitted to so many columns and rows,
/// otherwise it has its own size. The terminal answers nothing.
pub fn put(png: &[u8], cells: Option<(u16, u16)>) -> Vec<u8> {
    let text = base64(png);
    let fit = cells.map(|(columns, rows)| format!(",c={columns},r={rows}")).unwrap_or_default();
    let pieces = text.len().div_ceil(PIECE);
    let mut out = Vec::with_capacity(text.len() + pieces * 16 + 64);
    for (i, piece) in text.as_bytes().chunks(PIECE).enumerate() {
        let more = u8::from(i + 1 < pieces);
        let head = if i == 0 { format!("\x1b_Ga=T,f=100,i={ID},q=2,C=1{fit},m={more};") } else { format!("\x1b_Gq=2,m={more};") };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\x1b\\");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::{from_base64, from_png, plot};
    use super::*;

    /// What a terminal would take from it: the first control data, and the file.
    fn taken(bytes: &[u8]) -> (String, Vec<u8>, usize) {
        let text = std::str::from_utf8(bytes).expect("ASCII");
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|p| !p.is_empty()).map(|p| p.strip_prefix("\x1b_G").expect("APC")).collect();
        let (mut all, mut first) = (String::new(), String::new());
        for (i, piece) in pieces.iter().enumerate() {
            let (control, data) = piece.split_once(';').expect("data");
            assert!(data.len() <= 4096 && (i + 1 == pieces.len() || data.len() % 4 == 0));
            assert_eq!(control.ends_with("m=1"), i + 1 < pieces.len(), "{control}");
            assert!(control.contains("q=2"));
            if i == 0 {
                first = control.to_owned();
            }
            all.push_str(data);
        }
        (first, from_base64(&all), pieces.len())
    }

    #[test]
    fn a_picture_arrives_whole() {
        let picture = plot(90, 70);
        let png = super::super::png(&picture).expect("PNG");
        let (control, file, pieces) = taken(&put(&png, None));
        assert_eq!((from_png(&file), pieces), (picture, 1));
        assert_eq!(control, format!("a=T,f=100,i={ID},q=2,C=1,m=0"));
        // A file of many pieces.
        let noise: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let (control, file, pieces) = taken(&put(&noise, Some((40, 12))));
        assert_eq!((file, pieces), (noise, 7));
        assert!(control.contains(",c=40,r=12,"), "{control}");
    }

    #[test]
    fn the_number_is_the_same_for_taking_away() {
        assert_eq!(REMOVE, format!("\x1b_Ga=d,d=I,i={ID},q=2\x1b\\").as_bytes());
    }
}
