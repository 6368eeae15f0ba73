//! Sixels: strips of six rows, colour by colour, with at most 256 colours.
//!
//! Figures are plots on white. Nothing is dithered, and a colour that stands for others keeps its
//! own value where it is the most frequent of them, so flat areas stay flat and text stays sharp.

use crate::tui::facts::Picture;
use std::collections::HashMap;

/// Registers that every terminal with sixels has.
const COLOURS: usize = 256;

/// The picture as one device control string. `None` where it is none.
pub fn encode(picture: &Picture) -> Option<Vec<u8>> {
    let (width, height) = (picture.width, picture.height);
    if picture.pixels.len() != width * height || picture.pixels.is_empty() {
        return None;
    }
    let (palette, index) = palette(&picture.pixels);
    // Aspect 1:1, so that a pixel is a pixel; P2 = 1 leaves what is not painted, and everything is painted.
    let mut out = format!("\x1bP0;1;0q\"1;1;{width};{height}").into_bytes();
    for (i, colour) in palette.iter().enumerate() {
        let [r, g, b] = colour.map(|v| (u32::from(v) * 100 + 127) / 255);
        out.extend_from_slice(format!("#{i};2;{r};{g};{b}").as_bytes());
    }
    let mut last = (picture.pixels[0], index.get(&picture.pixels[0]).copied().unwrap_or(0));
    let numbers: Vec<u8> = picture
        .pixels
        .iter()
        .map(|p| {
            // Neighbours are mostly equal.
            if *p != last.0 {
                last = (*p, index.get(p).copied().unwrap_or(0));
            }
            last.1
        })
        .collect();
    for (i, strip) in numbers.chunks(width * 6).enumerate() {
        if i > 0 {
            out.push(b'-');
        }
        paint(&mut out, strip, width);
    }
    out.extend_from_slice(b"\x1b\\");
    Some(out)
}

/// One strip of up to six rows: each colour in it from its first column to its last.
fn paint(out: &mut Vec<u8>, strip: &[u8], width: usize) {
    let mut reach: Vec<Option<(usize, usize)>> = vec![None; COLOURS];
    for (i, number) in strip.iter().enumerate() {
        let x = i % width;
        let span = reach[usize::from(*number)].get_or_insert((x, x));
        *span = (span.0.min(x), span.1.max(x));
    }
    let mut first = true;
    for (number, span) in reach.iter().enumerate() {
        let Some((from, to)) = *span else { continue };
        if !first {
            out.push(b'$');
        }
        first = false;
        out.extend_from_slice(format!("#{number}").as_bytes());
        run(out, from, b'?');
        let (mut length, mut before) = (0, 0);
        for x in from..=to {
            let mask =
                strip.iter().skip(x).step_by(width).enumerate().fold(0u8, |m, (row, n)| m | u8::from(usize::from(*n) == number) << row);
            let sign = b'?' + mask;
            if sign != before {
                run(out, length, before);
                (length, before) = (0, sign);
            }
            length += 1;
        }
        run(out, length, before);
    }
}

/// The same sign several times.
fn run(out: &mut Vec<u8>, length: usize, sign: u8) {
    if length > 3 {
        out.extend_from_slice(format!("!{length}").as_bytes());
        out.push(sign);
    } else {
        out.extend(std::iter::repeat_n(sign, length));
    }
}

/// A colour and how many pixels have it.
type Count = ([u8; 3], u32);

/// At most 256 colours for these pixels, and the number of each pixel's colour: the colours themselves where they are
/// few, otherwise those of boxes cut at the median.
fn palette(pixels: &[[u8; 3]]) -> (Vec<[u8; 3]>, HashMap<[u8; 3], u8>) {
    let mut sorted = pixels.to_vec();
    sorted.sort_unstable();
    let mut counts: Vec<Count> = Vec::new();
    for pixel in sorted {
        match counts.last_mut() {
            Some((colour, n)) if *colour == pixel => *n += 1,
            _ => counts.push((pixel, 1)),
        }
    }
    let mut boxes: Vec<Vec<Count>> = if counts.len() <= COLOURS { counts.into_iter().map(|c| vec![c]).collect() } else { vec![counts] };
    while boxes.len() < COLOURS {
        // The box with the widest spread is cut, larger ones first among equals.
        let widest = boxes.iter().enumerate().map(|(i, b)| (spread(b).0, b.len(), i)).max().filter(|(s, _, _)| *s > 0);
        let Some((_, _, i)) = widest else { break };
        let rest = cut(&mut boxes[i]);
        boxes.push(rest);
    }
    let index = boxes.iter().enumerate().flat_map(|(i, b)| b.iter().map(move |(c, _)| (*c, i as u8))).collect();
    (boxes.iter().map(|b| middle(b)).collect(), index)
}

/// The widest range of a channel in a box, and that channel.
fn spread(colours: &[Count]) -> (u8, usize) {
    let range = |channel: usize| {
        let values = || colours.iter().map(|(c, _)| c[channel]);
        values().max().unwrap_or(0) - values().min().unwrap_or(0)
    };
    (0..3).map(|channel| (range(channel), channel)).max().unwrap_or((0, 0))
}

/// Cuts a box in two at the middle of its widest channel's range, and returns the upper part. Both have colours, since
/// the range is not empty.
fn cut(colours: &mut Vec<Count>) -> Vec<Count> {
    let channel = spread(colours).1;
    colours.sort_unstable_by_key(|(c, _)| c[channel]);
    let ends = colours.first().zip(colours.last()).map_or((0, 0), |(a, b)| (u16::from(a.0[channel]), u16::from(b.0[channel])));
    let at = colours.partition_point(|(c, _)| u16::from(c[channel]) * 2 <= ends.0 + ends.1);
    colours.split_off(at)
}

/// What stands for a box: the colour that half its pixels have, or the mean.
fn middle(colours: &[Count]) -> [u8; 3] {
    let all: u64 = colours.iter().map(|(_, n)| u64::from(*n)).sum();
    if let Some((colour, n)) = colours.iter().max_by_key(|(_, n)| *n)
        && u64::from(*n) * 2 >= all
    {
        return *colour;
    }
    [0, 1, 2].map(|channel| (colours.iter().map(|(c, n)| u64::from(c[channel]) * u64::from(*n)).sum::<u64>() / all.max(1)) as u8)
}

#[cfg(test)]
mod tests {
    use super::super::tests::plot;
    use super::*;

    /// A terminal's part: what the string paints, unpainted pixels in magenta.
    fn decode(bytes: &[u8]) -> Picture {
        let text = std::str::from_utf8(bytes).expect("ASCII");
        let body = text.strip_prefix("\x1bP0;1;0q").and_then(|t| t.strip_suffix("\x1b\\")).expect("DCS");
        let number = |at: &mut usize| {
            let start = *at;
            while body.as_bytes().get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            body[start..*at].parse::<usize>().expect("a number")
        };
        let numbers = |at: &mut usize| {
            let mut out = vec![number(at)];
            while body.as_bytes().get(*at) == Some(&b';') {
                *at += 1;
                out.push(number(at));
            }
            out
        };
        let (mut at, mut picture, mut colours) = (0, Picture::default(), vec![[0u8; 3]; 256]);
        let (mut x, mut y, mut colour, mut times) = (0, 0, [0u8; 3], 1);
        while let Some(sign) = body.as_bytes().get(at) {
            at += 1;
            match sign {
                b'"' => {
                    let raster = numbers(&mut at);
                    assert_eq!(raster[..2], [1, 1]);
                    (picture.width, picture.height) = (raster[2], raster[3]);
                    picture.pixels = vec![[255, 0, 255]; raster[2] * raster[3]];
                }
                b'#' => match numbers(&mut at)[..] {
                    [i, 2, r, g, b] => colours[i] = [r, g, b].map(|v| ((v * 255 + 50) / 100) as u8),
                    [i] => colour = colours[i],
                    ref other => panic!("{other:?}"),
                },
                b'!' => times = number(&mut at),
                b'$' => x = 0,
                b'-' => (x, y) = (0, y + 6),
                b'?'..=b'~' => {
                    for _ in 0..std::mem::replace(&mut times, 1) {
                        for bit in (0..6).filter(|bit| (sign - b'?') >> bit & 1 == 1) {
                            picture.pixels[(y + bit) * picture.width + x] = colour;
                        }
                        x += 1;
                    }
                }
                other => panic!("{other}"),
            }
        }
        picture
    }

    fn worst(a: &Picture, b: &Picture) -> u8 {
        assert_eq!((a.width, a.height), (b.width, b.height));
        a.pixels.as_flattened().iter().zip(b.pixels.as_flattened()).map(|(x, y)| x.abs_diff(*y)).max().unwrap_or(0)
    }

    #[test]
    fn few_colours_arrive_as_they_are() {
        // Sixel colours are percents: half a percent is what a channel may lose. Odd sizes, so the last strip is not full.
        for (width, height) in [(90, 70), (1, 1), (7, 6), (5, 13)] {
            let picture = plot(width, height);
            let found = decode(&encode(&picture).expect("sixels"));
            assert!(worst(&picture, &found) <= 2);
            assert!(picture.pixels.iter().zip(&found.pixels).all(|(p, f)| *p != [255; 3] || *f == [255; 3]), "white is white");
        }
    }

    #[test]
    fn many_colours_are_near_and_white_stays_white() {
        let (width, height) = (160, 120);
        let mut picture = plot(width, height);
        for y in 60..100 {
            for x in 40..150 {
                picture.pixels[y * width + x] = [(x * 2 % 256) as u8, (y * 5 % 256) as u8, ((x * y) % 256) as u8];
            }
        }
        let found = decode(&encode(&picture).expect("sixels"));
        // Eight cuts over three channels leave a quarter of a channel's range; on the whole it is far less.
        assert!(worst(&picture, &found) <= 66, "{}", worst(&picture, &found));
        let pairs = || picture.pixels.as_flattened().iter().zip(found.pixels.as_flattened());
        let mean = pairs().map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / pairs().count() as f64;
        assert!(mean < 5.0, "{mean}");
        assert!(picture.pixels.iter().zip(&found.pixels).all(|(p, f)| (*p == [255; 3]) <= (*f == [255; 3])), "white is white");
    }

    #[test]
    fn a_plot_takes_few_bytes() {
        let bytes = encode(&plot(800, 500)).expect("sixels").len();
        assert!(bytes < 40_000, "{bytes}");
    }
}
