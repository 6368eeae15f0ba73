//! iTerm2's inline images: a file in one command, fitted to cells. Writing those cells takes it away.

use super::base64;

/// Shows a PNG file at the cursor, fitted to so many columns and rows, aspect kept.
pub fn put(png: &[u8], columns: u16, rows: u16) -> Vec<u8> {
    let (size, data) = (png.len(), base64(png));
    format!("\x1b]1337;File=inline=1;size={size};width={columns};height={rows};preserveAspectRatio=1;doNotMoveCursor=1:{data}\x07")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{from_base64, from_png, plot};
    use super::*;

    #[test]
    fn a_picture_arrives_whole() {
        let picture = plot(61, 43);
        let png = super::super::png(&picture).expect("PNG");
        let sent = String::from_utf8(put(&png, 12, 5)).expect("ASCII");
        let body = sent.strip_prefix("\x1b]1337;File=").and_then(|s| s.strip_suffix('\x07')).expect("OSC 1337");
        let (arguments, data) = body.split_once(':').expect("data");
        let arguments: Vec<&str> = arguments.split(';').collect();
        for wanted in ["inline=1", "width=12", "height=5", "preserveAspectRatio=1", &format!("size={}", png.len())] {
            assert!(arguments.contains(&wanted), "{wanted} in {arguments:?}");
        }
        assert_eq!(from_png(&from_base64(data)), picture);
    }
}
