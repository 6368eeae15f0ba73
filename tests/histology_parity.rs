//! Pixel parity with OpenCV 4.12 and albumentations 2.0.8, on their own outputs.
#![allow(clippy::unwrap_used)]

use pinfold::base::Digest;
use pinfold::histology::augment::{Parameters, Warp};
use pinfold::histology::blur::{gaussian_blur, gaussian_kernel};
use pinfold::histology::colour::{HsvTables, Jitter, brightness, contrast, grey, hsv_to_rgb, hue, saturation};
use pinfold::histology::resize::{Resizer, resize_into};
use pinfold::histology::warp::{Affine, sin_cos_degrees, warp_affine};
use pinfold::histology::{ChannelOrder, Dihedral, ImageView, Layout, normalise_into};
use serde_json::Value;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn list<'a>(v: &'a Value, key: &str) -> &'a [Value] {
    v[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

fn number(v: &Value) -> f64 {
    v.as_f64().unwrap()
}

fn pair(v: &Value) -> (f64, f64) {
    (number(&v[0]), number(&v[1]))
}

/// Height, width and interleaved bytes; a grey picture becomes three equal channels.
fn picture(v: &Value) -> (usize, usize, Vec<u8>) {
    let shape: Vec<usize> = list(v, "shape").iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let hex = v["hex"].as_str().unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    let grey = shape.len() == 2;
    (shape[0], shape[1], if grey { bytes.iter().flat_map(|b| [*b; 3]).collect() } else { bytes })
}

fn matrix(v: &Value) -> Affine {
    Affine(std::array::from_fn(|i| std::array::from_fn(|j| number(&v[i][j]))))
}

fn warped(width: usize, height: usize, pixels: &[u8], affine: &Affine) -> Vec<u8> {
    let mut out = vec![9; pixels.len()];
    warp_affine(&ImageView::new(width, height, pixels).unwrap(), Dihedral::IDENTITY, affine, &mut out);
    out
}

fn resized(from: (usize, usize), to: (usize, usize), pixels: &[u8]) -> Vec<u8> {
    let mut out = vec![9; to.0 * to.1 * 3];
    resize_into(&Resizer::new(from, to), pixels, &mut out);
    out
}

/// The formula image of `make_opencv_digests.py`.
fn mixed(width: usize, height: usize) -> Vec<u8> {
    let mix = |i: u32| {
        let mut x = i.wrapping_add(0x9e37_79b9);
        x ^= x >> 16;
        x = x.wrapping_mul(0x85eb_ca6b);
        x ^= x >> 13;
        x = x.wrapping_mul(0xc2b2_ae35);
        (x ^ (x >> 16)) as u8
    };
    (0..(width * height * 3) as u32).map(mix).collect()
}

fn short(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()[..16].to_owned()
}

#[test]
fn opencv_warps_and_resizes() {
    let g = golden("opencv_4.json");
    let source = |case: &Value| picture(&g["images"][case["src"].as_str().unwrap()]);
    let mut cases = 0;
    for case in list(&g, "resize") {
        let (h, w, pixels) = source(case);
        let (due_h, due_w, due) = picture(&case["out"]);
        assert_eq!(resized((w, h), (due_w, due_h), &pixels), due, "{} to {due_w} x {due_h}", case["src"]);
        cases += 1;
    }
    for case in list(&g, "warp_affine") {
        let (h, w, pixels) = source(case);
        assert_eq!(warped(w, h, &pixels, &matrix(&case["M_forward"])), picture(&case["out"]).2, "{} {}", case["src"], case["name"]);
        cases += 1;
    }
    assert_eq!(cases, 6 + 12);
    let (h, w, pixels) = picture(&g["images"]["rgb"]);
    let tables = HsvTables::new();
    for case in list(&g, "cvt_color") {
        let due = picture(&case["out"]).2;
        let out: Vec<u8> = match case["code"].as_str().unwrap() {
            "RGB2GRAY" => pixels.as_chunks().0.iter().flat_map(|p| [grey(*p); 3]).collect(),
            "RGB2HSV" => pixels.as_chunks().0.iter().flat_map(|p| tables.from_rgb(*p)).collect(),
            _ => pixels.as_chunks().0.iter().flat_map(|p| hsv_to_rgb(tables.from_rgb(*p), false)).collect(),
        };
        assert_eq!(out, due, "{} of {w} x {h}", case["code"]);
    }
}

#[test]
fn albumentations_views_and_warps() {
    let g = golden("albumentations.json");
    for case in list(&g, "geometric") {
        let (h, w, pixels) = picture(&g["images"][case["src"].as_str().unwrap()]);
        let (due_h, due_w, due) = picture(&case["out"]);
        let op = case["op"].as_str().unwrap();
        if op.starts_with("Resize") {
            assert_eq!(resized((w, h), (due_w, due_h), &pixels), due, "{op}");
            continue;
        }
        let view = match op {
            "HorizontalFlip" => Dihedral::HORIZONTAL,
            "VerticalFlip" => Dihedral::VERTICAL,
            "Transpose" => Dihedral::TRANSPOSE,
            _ => Dihedral::turned(op.split(' ').nth(2).unwrap().parse().unwrap()),
        };
        // An identity warp through a view is the view, for oblong pictures too.
        let mut out = vec![9; pixels.len()];
        warp_affine(&ImageView::new(w, h, &pixels).unwrap(), view, &Affine([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), &mut out);
        assert_eq!(out, due, "{op} of {w} x {h} by warp");
        if w == h {
            view.copy(&pixels, &mut out, w);
            assert_eq!(out, due, "{op} by copy");
        }
    }
    for case in list(&g, "shift_scale_rotate") {
        let (h, w, pixels) = picture(&g["images"][case["src"].as_str().unwrap()]);
        let scale = case.get("scale_xy").map_or_else(|| (1.0 + number(&case["scale_delta"]), 1.0 + number(&case["scale_delta"])), pair);
        let shift = (case["translate_px_xy"][0].as_i64().unwrap(), case["translate_px_xy"][1].as_i64().unwrap());
        let affine = Affine::shift_scale_rotate((w, h), shift, scale, number(&case["rotate_deg"]));
        let due = matrix(&case["M_forward"]);
        for (ours, theirs) in affine.0.iter().flatten().zip(due.0.iter().flatten()) {
            assert!((ours - theirs).abs() < 4e-15, "{affine:?} against {due:?}");
        }
        assert_eq!(warped(w, h, &pixels, &affine), picture(&case["out"]).2, "{case:?}");
        assert_eq!(warped(w, h, &pixels, &due), picture(&case["out"]).2);
    }
}

#[test]
fn albumentations_colours_blur_and_normalise() {
    let g = golden("albumentations.json");
    let (_, side, pixels) = picture(&g["images"]["square"]);
    for case in list(&g, "pixel") {
        let mut out = pixels.clone();
        adjust(case["op"].as_str().unwrap(), number(&case["factor"]), &mut out, side);
        assert_eq!(out, picture(&case["out"]).2, "{} {}", case["op"], case["factor"]);
    }
    for case in list(&g, "gaussian_blur") {
        let (size, sigma) = (case["ksize"].as_u64().unwrap() as usize, number(&case["sigma"]));
        for (ours, theirs) in gaussian_kernel(size, sigma).iter().zip(list(case, "kernel_1d")) {
            assert!((ours - number(theirs)).abs() < 1e-15);
        }
        let mut out = vec![0; pixels.len()];
        gaussian_blur(&pixels, &mut out, side, size, sigma);
        assert_eq!(out, picture(&case["out"]).2, "blur {size} {sigma}");
    }
    let n = &g["normalize"];
    let three = |key: &str| -> [f64; 3] { std::array::from_fn(|c| number(&n[key][c])) };
    let mut out = vec![0f32; pixels.len()];
    normalise_into(&pixels, &mut out, ChannelOrder::Rgb, Layout::Hwc, three("mean"), three("std"));
    let due: Vec<u32> = list(&n["out_f32"], "data").iter().map(|v| (number(v) as f32).to_bits()).collect();
    assert_eq!(out.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), due, "bit for bit");
    // The other orders and layouts are rearrangements: of BGR bytes, the statistics stay in place.
    let swapped: Vec<u8> = pixels.as_chunks::<3>().0.iter().flat_map(|p| [p[2], p[1], p[0]]).collect();
    let mut other = vec![0f32; pixels.len()];
    normalise_into(&swapped, &mut other, ChannelOrder::Bgr, Layout::Hwc, three("mean"), three("std"));
    assert_eq!(other, out);
    for (bytes, order) in [(&pixels, ChannelOrder::Rgb), (&swapped, ChannelOrder::Bgr)] {
        normalise_into(bytes, &mut other, order, Layout::Chw, three("mean"), three("std"));
        let area = side * side;
        assert!((0..area).all(|i| (0..3).all(|c| other[c * area + i] == out[i * 3 + c])));
    }
}

fn adjust(op: &str, factor: f64, pixels: &mut [u8], width: usize) {
    match op {
        "brightness" => brightness(pixels, factor),
        "contrast" => contrast(pixels, factor, ChannelOrder::Rgb),
        "saturation" => saturation(pixels, factor, ChannelOrder::Rgb),
        "hue" => hue(pixels, width, factor, ChannelOrder::Rgb),
        _ => panic!("{op}"),
    }
}

#[test]
fn many_random_cases_by_digest() {
    let g = golden("opencv_digests.json");
    for case in list(&g, "warp") {
        let side = case["side"].as_u64().unwrap() as usize;
        let pixels = mixed(side, side);
        assert_eq!(short(&warped(side, side, &pixels, &matrix(&case["M"]))), case["out"], "{case}");
        // And from the parameters, through the whole of what training calls.
        let warp = Warp { shift: pair(&case["shift"]), scale: pair(&case["scale"]), degrees: number(&case["degrees"]), mirrored: false };
        let mut out = vec![7; pixels.len()];
        Parameters { warp: Some(warp), ..Parameters::default() }.apply(&pixels, &mut out, side, ChannelOrder::Rgb);
        assert_eq!(short(&out), case["out"], "{case}");
    }
    for case in list(&g, "resize") {
        let size = |key: &str| (case[key][0].as_u64().unwrap() as usize, case[key][1].as_u64().unwrap() as usize);
        let (from, to) = (size("from"), size("to"));
        assert_eq!(short(&resized(from, to, &mixed(from.0, from.1))), case["out"], "{case}");
    }
    for case in list(&g, "colour") {
        let mut pixels = mixed(89, 97);
        adjust(case["op"].as_str().unwrap(), number(&case["factor"]), &mut pixels, 89);
        assert_eq!(short(&pixels), case["out"], "{case}");
    }
    for case in list(&g, "blur") {
        let side = case["side"].as_u64().unwrap() as usize;
        let pixels = mixed(side, side);
        let mut out = vec![7; pixels.len()];
        gaussian_blur(&pixels, &mut out, side, case["ksize"].as_u64().unwrap() as usize, number(&case["sigma"]));
        assert_eq!(short(&out), case["out"], "{case}");
    }
    let third = || (0..=255u8).step_by(3);
    let cube: Vec<[u8; 3]> = third().flat_map(|r| third().flat_map(move |g| third().map(move |b| [r, g, b]))).collect();
    let tables = HsvTables::new();
    let hsv: Vec<[u8; 3]> = cube.iter().map(|p| tables.from_rgb(*p)).collect();
    assert_eq!(short(hsv.as_flattened()), g["cube"]["hsv"]);
    // One row of 86³ pixels: 86³ mod 32 = 24 of them are left over.
    let back: Vec<[u8; 3]> = hsv.iter().enumerate().map(|(i, p)| hsv_to_rgb(*p, i < cube.len() - 24)).collect();
    assert_eq!(short(back.as_flattened()), g["cube"]["back"]);
    assert_eq!(short(&cube.iter().map(|p| grey(*p)).collect::<Vec<_>>()), g["cube"]["grey"]);
}

/// Section 4.3 of the liver chapter.
#[test]
fn chapter_values() {
    let small: Vec<u8> =
        (0..8).flat_map(|y| (0..8).flat_map(move |x| (0..3).map(move |c| ((37 * y + 91 * x + 151 * c + y * x) % 256) as u8))).collect();
    assert_eq!(small.iter().map(|v| u32::from(*v)).sum::<u32>(), 24176);
    let red = |pixels: &[u8]| pixels.as_chunks::<3>().0.iter().map(|p| p[0]).collect::<Vec<u8>>();
    let turned = Affine::shift_scale_rotate((8, 8), (0, 0), (1.0, 1.0), 30.0);
    let due = [[0.866025404, 0.5, -1.281088913], [-0.5, 0.866025404, 2.218911087]];
    assert!(turned.0.iter().flatten().zip(due.iter().flatten()).all(|(a, b)| (a - b).abs() < 5e-10), "{turned:?}");
    assert_eq!(
        red(&warped(8, 8, &small, &turned)),
        [
            0, 6, 74, 191, 116, 138, 119, 0, 93, 88, 81, 174, 112, 128, 93, 1, 128, 203, 78, 170, 96, 119, 116, 30, 115, 91, 57, 159, 148,
            109, 211, 116, 101, 178, 60, 147, 74, 98, 180, 107, 81, 188, 166, 134, 177, 86, 189, 95, 32, 162, 54, 119, 63, 72, 175, 114, 0,
            116, 144, 104, 161, 34, 28, 0
        ]
    );
    let scaled = red(&warped(8, 8, &small, &Affine::shift_scale_rotate((8, 8), (0, 0), (0.9, 1.1), 0.0)));
    assert_eq!(scaled[..8], [7, 77, 180, 40, 127, 186, 73, 87]);
    assert_eq!(scaled[56..], [45, 84, 172, 38, 132, 199, 93, 102]);

    let large: Vec<u8> = (0..224)
        .flat_map(|y| (0..224).flat_map(move |x| (0..3).map(move |c| ((3 * y + 5 * x + 40 * c + y * x / 64) % 256) as u8)))
        .collect();
    let warp = Warp { shift: (0.05, -0.075), scale: (1.04, 0.93), degrees: 17.0, mirrored: false };
    let mut out = vec![1; large.len()];
    Parameters { warp: Some(warp), ..Parameters::default() }.apply(&large, &mut out, 224, ChannelOrder::Rgb);
    assert_eq!(out.iter().map(|v| u64::from(*v)).sum::<u64>(), 16_185_899);
    let pixel = |y: usize, x: usize| &out[(y * 224 + x) * 3..][..3];
    assert_eq!((pixel(50, 150), pixel(200, 30)), (&[115, 155, 195][..], &[0, 0, 0][..]));
    let black = out.as_chunks::<3>().0.iter().filter(|p| **p == [0; 3]).count();
    assert_eq!(format!("{:.3}", 100.0 * black as f64 / (224.0 * 224.0)), "15.268");

    for (sigma, size, due) in [(0.5, 3, [27, 99, 163, 53, 117, 181, 70, 115]), (1.0, 5, [88, 107, 122, 113, 129, 141, 124, 116])] {
        let mut out = vec![0; small.len()];
        gaussian_blur(&small, &mut out, 8, size, sigma);
        assert_eq!(red(&out)[..8], due, "blur {sigma}");
    }
    for (op, factor, due) in [
        ("brightness", 1.05, [0, 158, 48, 95, 254, 143, 191, 80, 239]),
        ("brightness", 0.93, [0, 140, 42, 84, 225, 127, 169, 71, 212]),
        ("contrast", 1.1, [0, 153, 38, 87, 253, 138, 187, 72, 238]),
        ("saturation", 0.9, [9, 145, 51, 100, 236, 142, 176, 82, 218]),
        ("hue", 0.02, [0, 151, 60, 91, 242, 151, 198, 77, 228]),
        ("hue", -0.02, [0, 151, 25, 91, 242, 116, 163, 77, 228]),
    ] {
        let mut out = small.clone();
        adjust(op, factor, &mut out, 8);
        assert_eq!(out[..9], due, "{op} {factor}");
    }
    // A jitter is its four operations in the given order.
    let jitter = Jitter { brightness: 1.05, contrast: 1.1, saturation: 0.9, hue: 0.02, order: [3, 1, 0, 2] };
    let (mut whole, mut steps) = (small.clone(), small.clone());
    jitter.apply(&mut whole, 8, ChannelOrder::Rgb);
    [("hue", 0.02), ("contrast", 1.1), ("brightness", 1.05), ("saturation", 0.9)].iter().for_each(|(op, f)| adjust(op, *f, &mut steps, 8));
    assert_eq!(whole, steps);
    // Blue taken for red: the same as swapping before and after.
    let swap = |p: &[u8]| p.as_chunks::<3>().0.iter().flat_map(|p| [p[2], p[1], p[0]]).collect::<Vec<u8>>();
    let mut as_bgr = small.clone();
    jitter.apply(&mut as_bgr, 8, ChannelOrder::Bgr);
    let mut swapped = swap(&small);
    jitter.apply(&mut swapped, 8, ChannelOrder::Rgb);
    assert_eq!(as_bgr, swap(&swapped));

    let mut numbers = [0f32; 6];
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    normalise_into(&[0, 0, 255, 255, 128, 128], &mut numbers, ChannelOrder::Rgb, Layout::Hwc, mean, std);
    assert_eq!(numbers.map(|v| format!("{v:.7}")), ["-2.1179039", "-2.0357141", "2.6399999", "2.2489083", "0.2051821", "0.4264924"]);
}

/// Flips folded into the warp's coordinates give what warping a flipped copy gives.
#[test]
fn views_fold_into_warps_exactly() {
    for side in [1usize, 2, 17, 64] {
        let pixels = mixed(side, side);
        for n in 0..16u64 {
            let view = Dihedral { transpose: n & 1 != 0, flip_x: n & 2 != 0, flip_y: n & 4 != 0 };
            let warp = Warp { shift: (0.07, -0.09), scale: (0.93, 1.08), degrees: if n < 8 { 23.0 } else { -11.5 }, mirrored: false };
            let mut folded = vec![3; pixels.len()];
            Parameters { view, warp: Some(warp), ..Parameters::default() }.apply(&pixels, &mut folded, side, ChannelOrder::Rgb);
            let mut copy = vec![0; pixels.len()];
            view.copy(&pixels, &mut copy, side);
            assert_eq!(folded, warped(side, side, &copy, &warp.affine(side)), "{view:?}, side {side}");
        }
    }
}

#[test]
fn wild_maps_stay_in_bounds() {
    let pixels = mixed(33, 20);
    for m in [
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [[1e-6, 0.0, 5.0], [0.0, 1e-6, 5.0]],
        [[1e6, 0.0, -1e9], [0.0, 1e6, 3.0]],
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]],
        [[0.0, 1.0, 0.0], [-1.0, 0.0, 19.0]],
        [[f64::NAN, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [[1.0, 0.0, f64::INFINITY], [0.0, 1.0, 0.0]],
        [[1.0, 0.0, 1e300], [0.0, 1.0, -1e300]],
    ] {
        warped(33, 20, &pixels, &Affine(m));
    }
}

#[test]
fn sines_are_right() {
    for i in -7200..=7200 {
        let degrees = f64::from(i) * 0.05;
        let (sin, cos) = sin_cos_degrees(degrees);
        let radians = degrees.to_radians();
        assert!((sin - radians.sin()).abs() < 2e-15 && (cos - radians.cos()).abs() < 2e-15, "{degrees}");
    }
    assert_eq!(sin_cos_degrees(90.0), (1.0, 0.0));
    assert_eq!(sin_cos_degrees(0.0), (0.0, 1.0));
}

/// `cv2.warpAffine(…, borderMode=BORDER_REFLECT_101)` of OpenCV 4.12 on the chapter's 8 x 8 image: turned by 30°, scaled by 0.95,
/// moved by (1, −2).
#[test]
fn a_mirrored_warp_is_opencvs() {
    let small: Vec<u8> = (0..8usize)
        .flat_map(|y| (0..8).flat_map(move |x| (0..3).map(move |c| ((37 * y + 91 * x + 151 * c + y * x) % 256) as u8)))
        .collect();
    let warp = Warp { shift: (0.125, -0.25), scale: (0.95, 0.95), degrees: 30.0, mirrored: true };
    let mut out = vec![0; small.len()];
    Parameters { warp: Some(warp), ..Parameters::default() }.apply(&small, &mut out, 8, ChannelOrder::Rgb);
    let red: Vec<u8> = out.iter().step_by(3).copied().collect();
    assert_eq!(red[..8], [26, 110, 214, 75, 170, 85, 128, 91]);
    assert_eq!(red[24..32], [120, 156, 173, 176, 129, 170, 93, 203]);
    assert_eq!(red[56..], [56, 93, 161, 95, 188, 39, 108, 171]);
    assert_eq!(out.iter().map(|v| u64::from(*v)).sum::<u64>(), 24_477);
}
