//! A walk over the markers of a JPEG file, without decoding: size, components, and whether the file is whole.
//!
//! The decoder we use fills what is missing with grey and says nothing. A slide cut in half would then train a
//! network on grey patches. So before decoding we walk from marker to marker (ITU-T T.81, annex B): the scan's
//! data must be followed by the end marker, and when restart markers are in use, there must be as many as the
//! picture's size asks for.

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Number of colour components: 1 grey, 3 colour, 4 CMYK.
    pub components: u8,
    /// Bits a sample.
    pub bits: u8,
}

struct Sampling {
    frame: Frame,
    horizontal: u32,
    vertical: u32,
}

/// Walks the whole file. The error is a fragment such as "ends at byte 1995115, inside the picture data".
pub fn walk(bytes: &[u8]) -> Result<Frame, String> {
    let mut at = 2;
    let (mut frame, mut restart, mut scans): (Option<Sampling>, u32, u32) = (None, 0, 0);
    loop {
        let marker = next_marker(bytes, &mut at)?;
        match marker {
            0xd9 => {
                let found = frame.ok_or("ends before its frame header")?;
                return if scans > 0 { Ok(found.frame) } else { Err("has no picture data".into()) };
            }
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length = bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]]))).ok_or_else(|| cut(bytes, "a header"))?;
        let body = bytes.get(at + 2..at + length.max(2)).ok_or_else(|| cut(bytes, "a header"))?;
        at += length.max(2);
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => frame = Some(parse_frame(body).ok_or("has a damaged frame header")?),
            0xdd => restart = body.get(..2).map_or(0, |b| u32::from(u16::from_be_bytes([b[0], b[1]]))),
            0xda => {
                scans += 1;
                let restarts = skip_scan(bytes, &mut at)?;
                let sampling = frame.as_ref().ok_or("has picture data before its frame header")?;
                let interleaved = body.first() == Some(&sampling.frame.components);
                if let Some(due) = sampling.restarts_due(restart).filter(|&due| interleaved && due != restarts) {
                    return Err(format!(
                        "is damaged: {restarts} restart markers where its {} x {} pixels need {due}",
                        sampling.frame.width, sampling.frame.height
                    ));
                }
            }
            _ => {}
        }
    }
}

fn cut(bytes: &[u8], inside: &str) -> String {
    format!("ends at byte {}, inside {inside}", bytes.len())
}

fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8, String> {
    match bytes.get(*at) {
        None => return Err(format!("ends at byte {}, without its end marker", bytes.len())),
        Some(0xff) => {}
        Some(_) => return Err(format!("is damaged at byte {at}: no marker where one is due")),
    }
    while bytes.get(*at) == Some(&0xff) {
        *at += 1;
    }
    let marker = *bytes.get(*at).ok_or_else(|| cut(bytes, "a marker"))?;
    *at += 1;
    if marker == 0 { Err(format!("is damaged at byte {at}: no marker where one is due")) } else { Ok(marker) }
}

/// Moves `at` over entropy-coded data to the next marker that is no restart marker; counts those.
fn skip_scan(bytes: &[u8], at: &mut usize) -> Result<u32, String> {
    let mut restarts = 0;
    loop {
        let rest = bytes.get(*at..).unwrap_or_default();
        let step = rest.iter().position(|&b| b == 0xff).ok_or_else(|| cut(bytes, "the picture data"))?;
        *at += step;
        match bytes.get(*at + 1) {
            None => return Err(cut(bytes, "the picture data")),
            Some(0x00) => *at += 2,
            Some(0xff) => *at += 1,
            Some(0xd0..=0xd7) => {
                restarts += 1;
                *at += 2;
            }
            Some(_) => return Ok(restarts),
        }
    }
}

fn parse_frame(body: &[u8]) -> Option<Sampling> {
    let word = |i: usize| Some(u32::from(u16::from_be_bytes([*body.get(i)?, *body.get(i + 1)?])));
    let frame = Frame { bits: *body.first()?, height: word(1)?, width: word(3)?, components: *body.get(5)? };
    let factors: Option<Vec<u8>> = (0..usize::from(frame.components)).map(|i| body.get(7 + 3 * i).copied()).collect();
    let factors = factors?;
    let horizontal = factors.iter().map(|f| u32::from(f >> 4)).max()?;
    let vertical = factors.iter().map(|f| u32::from(f & 15)).max()?;
    let sound = frame.width > 0 && frame.height > 0 && (1..=4).contains(&horizontal) && (1..=4).contains(&vertical);
    sound.then_some(Sampling { frame, horizontal, vertical })
}

impl Sampling {
    /// Restart markers in an interleaved scan: one between any two intervals of `every` units.
    fn restarts_due(&self, every: u32) -> Option<u32> {
        let (h, v) = if self.frame.components == 1 { (1, 1) } else { (self.horizontal, self.vertical) };
        let units = self.frame.width.div_ceil(8 * h) * self.frame.height.div_ceil(8 * v);
        (every > 0).then(|| units.div_ceil(every) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<u8> {
        let pixels: Vec<u8> = (0..40 * 24 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let mut out = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 80)
            .encode(&pixels, 40, 24, image::ExtendedColorType::Rgb8)
            .expect("encode");
        out
    }

    #[test]
    fn every_cut_is_refused() {
        let whole = picture();
        assert_eq!(walk(&whole), Ok(Frame { width: 40, height: 24, components: 3, bits: 8 }));
        for cut in 3..whole.len() {
            assert!(walk(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_missing_restart_marker_is_seen() {
        // A grey frame of 16 x 8 pixels in two intervals of one unit, hence one restart marker.
        let frame =
            [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 8, 0, 16, 1, 1, 0x11, 0, 0xff, 0xdd, 0, 4, 0, 1, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0];
        let with = [&frame[..], &[1, 2, 0xff, 0xd0, 3, 0xff, 0xd9]].concat();
        let without = [&frame[..], &[1, 2, 3, 0xff, 0xd9]].concat();
        assert!(walk(&with).is_ok(), "{:?}", walk(&with));
        assert!(walk(&without).expect_err("missing").contains("0 restart markers"));
    }
}
