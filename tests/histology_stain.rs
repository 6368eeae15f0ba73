//! Stain normalisation against torchstain 1.4.1 (tests/golden/mask_stain.json, made with it) and against the chapter's
//! acceptance cases A1 and A7.

use pinfold::base::mt19937::Mt19937;
use pinfold::histology::ImageView;
use pinfold::histology::stain::density::restained;
use pinfold::histology::stain::mosaic::Windows;
use pinfold::histology::stain::{Fit, Method, Stains, fit, normalise};
use serde_json::Value;

fn golden() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mask_stain.json");
    serde_json::from_slice(&std::fs::read(path).expect("golden")).expect("JSON")
}

fn bytes(of: &Value) -> (usize, usize, Vec<u8>) {
    let hex = of["hex"].as_str().expect("hex");
    let pixels = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")).collect();
    let side = |i: usize| of["shape"][i].as_u64().expect("shape") as usize;
    (side(0), side(1), pixels)
}

fn floats(of: &Value) -> Vec<f64> {
    of.as_array().expect("list").iter().map(|v| v.as_f64().expect("number")).collect()
}

fn stains(of: Fit) -> Stains {
    match of {
        Fit::Stains(s) => s,
        Fit::Lab(_) => panic!("stains are due"),
    }
}

/// The columns of a 3 x 2 matrix.
fn columns(of: &Value) -> [[f64; 3]; 2] {
    let rows: Vec<Vec<f64>> = of.as_array().expect("rows").iter().map(floats).collect();
    [0, 1].map(|k| [rows[0][k], rows[1][k], rows[2][k]])
}

fn near(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= tolerance, "{what}: {a:?} where {b:?} is due");
    }
}

/// How many bytes differ, and by how much at most.
fn apart(a: &[u8], b: &[u8]) -> (usize, u8) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold((0, 0), |(n, most), (x, y)| (n + usize::from(x != y), most.max(x.abs_diff(*y))))
}

/// torchstain's own reference.
fn default_reference(m: &Value) -> Fit {
    let [haematoxylin, eosin] = columns(&m["HERef_default"]);
    let most = floats(&m["maxCRef_default"]);
    Fit::Stains(Stains { haematoxylin, eosin, most: [most[0], most[1]], kept: 0 })
}

/// Fits in double precision, as torchstain's NumPy backend: to 1e-9, since percentiles and eigenvectors are exact operations.
#[test]
fn macenko_with_percentiles_between_ranks() {
    let g = golden();
    let m = &g["macenko"];
    for (name, steps) in [("he", "source_steps"), ("target", "target_steps")] {
        let (h, w, pixels) = bytes(&g["images"][name]);
        let found = stains(fit(Method::MacenkoLinear, &ImageView::new(w, h, &pixels).expect("view")).expect("fit"));
        let due = &m[steps];
        assert_eq!(found.kept as u64, due["n_kept"].as_u64().expect("kept"), "{name}");
        let [he, eo] = columns(&due["HE"]);
        // Densities are single precision here and double there: seven digits.
        near(&found.haematoxylin, &he, 2e-6, name);
        near(&found.eosin, &eo, 2e-6, name);
        near(&found.most, &floats(&due["maxC"]), 1e-5, name);
    }
    let (h, w, pixels) = bytes(&g["images"]["he"]);
    let view = ImageView::new(w, h, &pixels).expect("view");
    let own = fit(Method::MacenkoLinear, &view).expect("fit");
    let (_, _, due) = bytes(&m["normalized_to_default"]);
    let made = normalise(Method::MacenkoLinear, &view, &own, &default_reference(m)).expect("normalise");
    let (n, most) = apart(&made, &due);
    assert!(most <= 1 && n <= 4, "{n} of {} bytes differ, by {most} at most", due.len());
    let (th, tw, target) = bytes(&g["images"]["target"]);
    let reference = fit(Method::MacenkoLinear, &ImageView::new(tw, th, &target).expect("view")).expect("fit");
    let (_, _, due) = bytes(&m["fit_target"]["normalized"]);
    let (n, most) = apart(&normalise(Method::MacenkoLinear, &view, &own, &reference).expect("normalise"), &due);
    assert!(most <= 1 && n <= 4, "{n} bytes differ, by {most} at most");
}

/// The PyTorch backend, in single precision and with percentiles by rank: bytes to 1, which truncation turns a rounding into.
#[test]
fn macenko_with_percentiles_by_rank() {
    let g = golden();
    let (h, w, pixels) = bytes(&g["images"]["he"]);
    let view = ImageView::new(w, h, &pixels).expect("view");
    let own = fit(Method::Macenko, &view).expect("fit");
    let (_, _, due) = bytes(&g["macenko"]["torch_backend_normalized_to_default"]);
    let made = normalise(Method::Macenko, &view, &own, &default_reference(&g["macenko"])).expect("normalise");
    let (n, most) = apart(&made, &due);
    assert!(most <= 1 && n <= 12, "{n} of {} bytes differ, by {most} at most", due.len());
}

/// Reinhard's, single precision there and double here: bytes to 1.
#[test]
fn reinhard() {
    let g = golden();
    let (h, w, pixels) = bytes(&g["images"]["he"]);
    let (th, tw, target) = bytes(&g["images"]["target"]);
    let (view, other) = (ImageView::new(w, h, &pixels).expect("view"), ImageView::new(tw, th, &target).expect("view"));
    for (name, method) in [("None", Method::Reinhard), ("modified", Method::ReinhardModified)] {
        let due = &g["reinhard"][name];
        let (own, reference) = (fit(method, &view).expect("fit"), fit(method, &other).expect("fit"));
        let Fit::Lab(lab) = reference.clone() else { panic!("Lab is due") };
        near(&lab.means, &floats(&due["target_means"]), 1e-4, name);
        near(&lab.deviations, &floats(&due["target_stds"]), 1e-4, name);
        let (_, _, pixels) = bytes(&due["normalized"]);
        let (n, most) = apart(&normalise(method, &view, &own, &reference).expect("normalise"), &pixels);
        assert!(most <= 1 && n <= pixels.len() / 50, "{name}: {n} of {} bytes differ, by {most} at most", pixels.len());
    }
}

/// A1: NumPy's legacy generator, alternating bounds; and the windows that it gives on a slide of tissue.
#[test]
fn windows_of_the_mosaic() {
    let mut draw = Mt19937::new(46);
    let pairs: Vec<(u64, u64)> = (0..6).map(|_| (draw.below(1744), draw.below(1718))).collect();
    assert_eq!(pairs, [(1213, 837), (1576, 1396), (442, 403), (658, 1340), (411, 976), (747, 642)]);
    let tissue = vec![100u8; 300 * 300 * 3];
    let view = ImageView::new(300, 300, &tissue).expect("view");
    let mut pixels = Vec::new();
    let windows = Windows { side: 256, count: 4, seed: 46 };
    let taken = windows.take("S_1", &view, &mut pixels).expect("windows");
    assert_eq!(taken.corners, [(5, 40), (19, 18), (11, 29), (27, 16)]);
    assert_eq!(pixels.len(), 4 * 256 * 256 * 3);
    let white = vec![255u8; 300 * 300 * 3];
    let e = windows.take("S_1", &ImageView::new(300, 300, &white).expect("view"), &mut pixels).expect_err("no tissue");
    assert!(e.to_string().contains("0 windows") && e.to_string().contains("S_1"), "{e}");
}

fn h(i: u64, t: u64) -> f64 {
    let mut x = ((i as u32).wrapping_add(1).wrapping_mul(2_654_435_761)) ^ ((t as u32).wrapping_add(1).wrapping_mul(2_246_822_519));
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^= x >> 13;
    f64::from(x) / 4_294_967_296.0 - 0.5
}

/// A7's image of 32 x 32 pixels.
fn made(s: u64, ca: f64, cb: f64, u: [f64; 3], w: [f64; 3]) -> Vec<u8> {
    (0..1024u64)
        .flat_map(|p| {
            let (a, b) = ((h(p, s) + 0.5) * ca, (h(p, s + 1) + 0.5) * cb);
            [0, 1, 2].map(|c| (240.0 * (-(a * u[c] + b * w[c])).exp() - 1.0).round_ties_even().clamp(0.0, 255.0) as u8)
        })
        .collect()
}

/// A7, with the chapter's tolerances.
#[test]
fn two_made_slides() {
    let reference = made(10, 1.5, 1.0, [0.65, 0.70, 0.29], [0.07, 0.99, 0.11]);
    let source = made(20, 1.0, 1.4, [0.55, 0.76, 0.35], [0.20, 0.90, 0.30]);
    let sum = |p: &[u8]| p.iter().map(|&v| u64::from(v)).sum::<u64>();
    assert_eq!((&reference[..9], sum(&reference)), (&[96, 55, 153, 168, 91, 194, 150, 103, 189][..], 429_853));
    assert_eq!((&source[..9], sum(&source)), (&[196, 120, 188, 157, 104, 171, 211, 187, 216][..], 429_608));
    let view = |p| ImageView::new(32, 32, p).expect("view");
    let (r, s) =
        (stains(fit(Method::Macenko, &view(&reference)).expect("fit")), stains(fit(Method::Macenko, &view(&source)).expect("fit")));
    assert_eq!((r.kept, s.kept), (807, 926));
    near(&r.haematoxylin, &[0.642844, 0.709782, 0.288029], 1e-3, "reference H");
    near(&r.eosin, &[0.194566, 0.969029, 0.152075], 1e-3, "reference E");
    near(&r.most, &[1.426251, 1.178989], 1e-3, "reference maxC");
    near(&s.haematoxylin, &[0.536251, 0.768566, 0.348915], 1e-3, "source H");
    near(&s.eosin, &[0.212346, 0.926580, 0.310417], 1e-3, "source E");
    near(&s.most, &[1.020847, 1.344986], 1e-3, "source maxC");
    let out = restained(&view(&source), &s, &r);
    let due = [194u8, 124, 210, 127, 93, 177, 198, 181, 219];
    assert!(out.iter().zip(due).all(|(a, b)| a.abs_diff(b) <= 1), "{:?}", &out[..9]);
    assert!(out[1023 * 3..].iter().zip([157u8, 98, 191]).all(|(a, b)| a.abs_diff(b) <= 1), "{:?}", &out[1023 * 3..]);
    assert!(sum(&out).abs_diff(422_372) <= 300, "{}", sum(&out));
    let (_, most) = apart(&restained(&view(&reference), &r, &r), &reference);
    assert!(most <= 1, "a slide made like itself differs by truncation alone: {most}");
}

/// Vahadane's has no reference; what must hold: stains of length 1, none negative, the true ones nearly found, haematoxylin first.
#[test]
fn vahadane_finds_the_stains_that_were_put_in() {
    let (u, w) = ([0.65, 0.70, 0.29], [0.07, 0.99, 0.11]);
    let pixels = made(10, 1.5, 1.0, u, w);
    let view = ImageView::new(32, 32, &pixels).expect("view");
    let found = stains(fit(Method::Vahadane, &view).expect("fit"));
    let angle = |a: [f64; 3], b: [f64; 3]| {
        let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).acos().to_degrees()
    };
    for (stain, due) in [(found.haematoxylin, u), (found.eosin, w)] {
        assert!(stain.iter().all(|v| *v >= 0.0) && (stain.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(angle(stain, due) < 12.0, "{stain:?} is {:.1} degrees from {due:?}", angle(stain, due));
    }
    let own = Fit::Stains(found.clone());
    let again = normalise(Method::Vahadane, &view, &own, &own).expect("normalise");
    // Sparse codes are a little short of the densities, so colours come back a little lighter.
    let mean: f64 = again.iter().zip(&pixels).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / pixels.len() as f64;
    assert!(mean < 6.0, "{mean}");
}
