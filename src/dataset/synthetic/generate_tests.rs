//! The right answer is in the slides, and the slides are the same everywhere.

use super::super::genes::{Class, correlation, truth_class};
use super::*;
use crate::base::exact::ln;

fn tiny() -> Spec {
    Spec { slides: vec!["S1".into(), "S2".into()], side: 4, pitch_px: 16, genes: 10, seed: 7 }
}

#[test]
fn golden_digests_never_change() {
    let made = make(&tiny()).expect("slides");
    let seen: Vec<String> =
        made.iter().map(|(s, i)| format!("{} {} {}", s.spots.len(), Digest::of(&i.pixels).short(), s.digests().counts.short())).collect();
    assert_eq!(seen, ["16 d2a078d99407 054fabb8f666", "16 5086e3431aa0 02a4bed9490c"], "synthetic slides are part of every demo lock");
}

#[test]
fn same_seed_same_slides_other_seed_other_slides() {
    let first = make(&tiny()).expect("slides");
    assert_eq!(first, make(&tiny()).expect("again"));
    let other = make(&Spec { seed: 8, ..tiny() }).expect("other");
    assert!(first[0].1 != other[0].1 && first[0].0.counts != other[0].0.counts);
    assert!(first[0].1 != first[1].1);
    // A slide does not depend on how many there are.
    assert_eq!(make(&Spec { slides: vec!["S1".into()], ..tiny() }).expect("one")[0], first[0]);
}

#[test]
fn impossible_specifications_are_refused() {
    for bad in [
        Spec { slides: vec![], ..tiny() },
        Spec { side: 1, ..tiny() },
        Spec { pitch_px: 4, ..tiny() },
        Spec { slides: vec!["A".into(), "A".into()], ..tiny() },
        Spec { slides: vec!["../A".into()], ..tiny() },
        Spec { genes: 2, ..tiny() },
        Spec { side: 64, pitch_px: 512, ..tiny() },
    ] {
        assert!(make(&bad).is_err(), "{bad:?}");
    }
}

/// Signal genes follow what the pixels show; noise genes do not, gradient genes follow the place alone.
#[test]
fn the_right_answer_is_in_the_pixels() {
    let (slide, image) = make(&Spec { slides: vec!["S1".into()], side: 14, pitch_px: 32, genes: 30, seed: 3 }).expect("slides").remove(0);
    // Nuclei are what is dark in the red channel.
    let dark: Vec<f64> = slide
        .spots
        .iter()
        .map(|s| {
            let window = |c: f64| (c as u32 - 16)..(c as u32 + 16);
            let count = window(s.y).flat_map(|y| window(s.x).map(move |x| (x, y))).filter(|&(x, y)| image.at(x, y)[0] < 160).count();
            count as f64
        })
        .collect();
    let log_share = |gene: usize| -> Vec<f64> {
        (0..slide.spots.len()).map(|i| ln(1.0 + 1e4 * f64::from(slide.counts.get(i, gene as u32)) / slide.counts.total(i) as f64)).collect()
    };
    let mut noise = Vec::new();
    for (g, name) in slide.genes.iter().enumerate() {
        let r = correlation(&log_share(g), &dark);
        match (truth_class(name), g % 3, (g / 3) % 2) {
            (Some(Class::Signal), 0, 0) => assert!(r > 0.55, "{name} {r}"),
            (Some(Class::Signal), 0, 1) => assert!(r < -0.55, "{name} {r}"),
            (Some(Class::Noise), ..) => noise.push(r),
            (Some(Class::Gradient), ..) => {
                assert!(r.abs() < 0.45, "{name} {r}");
                let (x, y): (Vec<f64>, Vec<f64>) = slide.spots.iter().map(|s| (s.x, s.y)).unzip();
                let values = log_share(g);
                let (rx, ry) = (correlation(&values, &x), correlation(&values, &y));
                assert!((rx * rx + ry * ry).sqrt() > 0.6, "{name} {rx} {ry}");
            }
            _ => {}
        }
    }
    assert!(noise.iter().all(|r| r.abs() < 0.3), "{noise:?}");
    assert!((noise.iter().sum::<f64>() / noise.len() as f64).abs() < 0.1, "{noise:?}");
}
