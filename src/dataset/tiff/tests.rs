//! Every layout as tifffile and OpenCV write it (`tests/golden/make_tiff.py`): plain, LZW and Deflate are equal to the
//! last bit; JPEG is within 3 grey levels of libjpeg-turbo, whose inverse transform and chroma upsampling round otherwise.
#![allow(clippy::unwrap_used)]

use super::*;

const W: usize = 61;
const H: usize = 47;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tiff")
}

type Blocks = fn(&Tiff, &(dyn Fn(Rect) -> bool + Sync), &mut dyn FnMut(Rect, &[u8]) -> Result<()>) -> Result<()>;

/// The whole image put together from its blocks; each pixel must come exactly once.
fn whole(tiff: &Tiff, blocks: Blocks) -> Result<Vec<u8>> {
    let mut out = vec![0u8; W * H * 3];
    let mut times = vec![0u8; W * H];
    blocks(tiff, &|_| true, &mut |r, pixels| {
        for row in 0..r.height as usize {
            for column in 0..r.width as usize {
                let (to, from) = ((r.y as usize + row) * W + r.x as usize + column, row * r.width as usize + column);
                out[3 * to..3 * to + 3].copy_from_slice(&pixels[3 * from..3 * from + 3]);
                times[to] += 1;
            }
        }
        Ok(())
    })?;
    assert!(times.iter().all(|t| *t == 1));
    Ok(out)
}

fn files(from: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|n| n.ends_with(".tif") && n.starts_with(from));
    names.sort();
    names
}

#[test]
fn lossless_layouts_are_equal_by_blocks_and_by_rows() {
    let due = std::fs::read(folder().join("expected.bin")).unwrap();
    let mut seen = 0;
    for name in ["strips", "tiles", "one_strip", "big", "opencv"].iter().flat_map(|p| files(p)) {
        let tiff = Tiff::open(&folder().join(&name), &name).unwrap();
        assert_eq!((tiff.width as usize, tiff.height as usize), (W, H), "{name}");
        assert!(whole(&tiff, Tiff::blocks).unwrap() == due, "{name}");
        assert!(whole(&tiff, blocks::chunks).unwrap() == due, "{name} by chunks");
        if !tiff.tiled {
            assert!(whole(&tiff, stream::rows).unwrap() == due, "{name} by rows");
        }
        seen += 1;
    }
    assert_eq!(seen, 19, "every layout was there");
}

#[test]
fn jpeg_layouts_are_within_three_levels() {
    let names = files("jpeg");
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let tiff = Tiff::open(&folder().join(&name), &name).unwrap();
        let due = std::fs::read(folder().join(name.replace(".tif", ".bin"))).unwrap();
        let found = whole(&tiff, Tiff::blocks).unwrap();
        let worst = found.iter().zip(&due).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Chroma at half resolution is upsampled linearly here and with a triangle filter there.
        let most = if name.contains("420") { 12 } else { 3 };
        assert!(worst <= most, "{name}: {worst}");
    }
}

#[test]
fn unwanted_blocks_are_not_given() {
    for name in ["tiles_lzw.tif", "strips_lzw.tif", "one_strip_none.tif"] {
        let tiff = Tiff::open(&folder().join(name), name).unwrap();
        let meets = |r: Rect| r.y < 20 && r.y + r.height > 17;
        let mut rows = Vec::new();
        tiff.blocks(&meets, &mut |r, _| {
            rows.push(r);
            Ok(())
        })
        .unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|r| meets(*r)), "{name}: {rows:?}");
    }
}

#[test]
fn what_would_change_pixels_is_refused_by_name() {
    for name in files("bad") {
        let code = name.split('_').nth(1).unwrap();
        let e = Tiff::open(&folder().join(&name), &name).unwrap_err();
        assert!(e.what.contains(code), "{name}: {e}");
    }
    assert_eq!(files("bad").len(), 6);
}

#[test]
fn cut_and_flipped_files_are_refused_or_read_but_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.tif");
    for name in ["strips_lzw.tif", "tiles_deflate_difference.tif", "one_strip_none.tif", "one_strip_lzw.tif", "jpeg_tiles_ycbcr.tif"] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Tiff::open(&path, name).and_then(|t| {
                if (t.width as usize, t.height as usize) == (W, H) {
                    t.blocks(&|_| true, &mut |_, _| Ok(()))?;
                    if !t.tiled && t.packing != Packing::Jpeg {
                        stream::rows(&t, &|_| true, &mut |_, _| Ok(()))?
                    }
                }
                Ok(())
            })
        };
        read(&bytes).unwrap();
        let step = bytes.len() / 40 + 1;
        // The last few bytes may be padding, or tables that come behind the data.
        assert!((8..bytes.len() * 3 / 4).step_by(step).all(|cut| read(&bytes[..cut]).is_err()), "{name}");
        for at in (0..bytes.len()).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x5a;
            let _: Result<()> = read(&flipped);
        }
    }
}
