//! Times the stain normalisers on one picture and prints a line of JSON for each: `scripts/bench_stain.py` holds them against torchstain.
//!
//! Arguments: a file of raw RGB bytes, its width, its height, and the number of repetitions. Without them a small picture is made up.
#![allow(clippy::unwrap_used, missing_docs)]

use pinfold::base::Digest;
use pinfold::histology::ImageView;
use pinfold::histology::mask::{BackgroundMask, Threshold};
use pinfold::histology::stain::{Method, fit, normalise};
use std::time::Instant;

/// The most memory this process ever had, in MiB.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let (pixels, width, height, times) = match words.as_slice() {
        [file, w, h, n] => (std::fs::read(file).unwrap(), w.parse().unwrap(), h.parse().unwrap(), n.parse().unwrap()),
        _ => ((0..300 * 300 * 3u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 25) as u8 + 60).collect(), 300, 300, 1),
    };
    let image = ImageView::new(width, height, &pixels).unwrap();
    let report = |name: &str, work: &dyn Fn() -> Vec<u8>| {
        let mut seconds: Vec<f64> = Vec::new();
        let mut made = Vec::new();
        for _ in 0..times {
            let start = Instant::now();
            made = work();
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        println!(
            "{}",
            serde_json::json!({"what": name, "seconds": seconds[seconds.len() / 2], "peak_mib": peak(), "digest": Digest::of(&made)})
        );
    };
    for (name, method) in [("macenko", Method::Macenko), ("reinhard", Method::Reinhard), ("vahadane", Method::Vahadane)] {
        // As the peer: the picture's own fit, and the picture in the colours of a fit made before.
        let Ok(reference) = fit(method, &image) else { continue };
        report(name, &|| normalise(method, &image, &fit(method, &image).unwrap(), &reference).unwrap());
    }
    let rule = BackgroundMask { threshold: Threshold::Constant(0.9), closing: 2, holes: 5000 };
    report("mask", &|| rule.tissue(&image).0.pixels.iter().map(|m| u8::from(*m)).collect());
}
