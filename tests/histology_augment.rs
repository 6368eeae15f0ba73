//! The random side of augmentation: frequencies, keys, and independence of threads and order.
#![allow(clippy::unwrap_used)]

use pinfold::histology::augment::{Parameters, replayed};
use pinfold::histology::{Augmenter, ChannelOrder, Dihedral, Preset};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashSet};

fn frequencies(preset: Preset) -> BTreeMap<Dihedral, usize> {
    let augmenter = Augmenter::new(preset, 42, 0);
    let mut counts = BTreeMap::new();
    (0..80_000).for_each(|sample| *counts.entry(augmenter.parameters(0, sample).view).or_insert(0) += 1);
    counts
}

/// Acceptance case 10 of the liver chapter.
#[test]
fn views_are_as_frequent_as_published() {
    for preset in [Preset::Mpa, Preset::Dihedral] {
        let counts = frequencies(preset);
        assert_eq!(counts.len(), 8);
        assert!(counts.values().all(|n| (9_600..=10_400).contains(n)), "12.5 % ± 0.5 %: {counts:?}");
    }
    assert_eq!(frequencies(Preset::Stnet).len(), 8);
    assert!(frequencies(Preset::Stnet).values().all(|n| (9_600..=10_400).contains(n)), "flips and a quarter turn, each ½: 12.5 %");
    let counts = frequencies(Preset::StnetStyle);
    assert_eq!(counts.len(), 8);
    for (view, n) in counts {
        let due = if view.transpose { 0.0625 } else { 0.1875 };
        assert!((n as f64 / 80_000.0 - due).abs() < 0.005, "{view:?}: {n}");
    }
    assert_eq!(frequencies(Preset::None).into_keys().collect::<Vec<_>>(), [Dihedral::IDENTITY]);
}

#[test]
fn parameters_keep_to_their_ranges_and_rates() {
    let mpa = Augmenter::new(Preset::Mpa, 1, 2);
    let warps: Vec<_> = (0..20_000).filter_map(|s| mpa.parameters(3, s).warp).collect();
    assert!((9_700..10_300).contains(&warps.len()), "{}", warps.len());
    let range = |values: Vec<f64>, low: f64, high: f64| {
        let (min, max) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let margin = 0.01 * (high - low);
        assert!(min >= low && max < high && min < low + margin && max > high - margin, "{min}..{max} fills {low}..{high}");
    };
    range(warps.iter().flat_map(|w| [w.shift.0, w.shift.1]).collect(), -0.1, 0.1);
    range(warps.iter().flat_map(|w| [w.scale.0, w.scale.1]).collect(), 0.9, 1.1);
    range(warps.iter().map(|w| w.degrees).collect(), -30.0, 30.0);
    assert!(warps.iter().all(|w| w.scale.0 != w.scale.1), "the axes are drawn apart");

    let stnet = Augmenter::new(Preset::StnetStyle, 1, 2);
    let drawn: Vec<Parameters> = (0..50_000).map(|s| stnet.parameters(0, s)).collect();
    let blurs: Vec<_> = drawn.iter().filter_map(|p| p.blur).collect();
    assert!((9_600..10_400).contains(&blurs.len()), "{}", blurs.len());
    let fives = blurs.iter().filter(|b| b.size == 5).count() as f64 / blurs.len() as f64;
    assert!((fives - 2.0 / 3.0).abs() < 0.02, "{fives}");
    range(blurs.iter().map(|b| b.sigma).collect(), 0.5, 3.0);
    let jitters: Vec<_> = drawn.iter().filter_map(|p| p.jitter).collect();
    range(jitters.iter().flat_map(|j| [j.brightness, j.contrast, j.saturation]).collect(), 0.9, 1.1);
    range(jitters.iter().map(|j| j.hue).collect(), -0.02, 0.02);
    assert_eq!(jitters.iter().map(|j| j.order).collect::<HashSet<_>>().len(), 24, "every order of four");
}

/// Acceptance case 11, corrected: no two (epoch, sample) pairs share a stream, and no two transforms do.
#[test]
fn no_two_keys_share_a_stream() {
    let augmenter = |seed, fold| Augmenter::new(Preset::Mpa, seed, fold);
    let mut seen = HashSet::new();
    let mut warped = 0;
    for (seed, fold) in [(1, 0), (1, 1), (2, 0)] {
        for epoch in 0..10 {
            for sample in 0..200 {
                if let Some(w) = augmenter(seed, fold).parameters(epoch, sample).warp {
                    warped += 1;
                    seen.insert([w.shift.0, w.shift.1, w.scale.0, w.scale.1, w.degrees].map(f64::to_bits));
                }
            }
        }
    }
    assert_eq!(seen.len(), warped);
    // The flips of one sample agree half of the time; under one shared stream they always would.
    let both = (0..20_000).map(|s| augmenter(5, 0).parameters(0, s).view).filter(|v| v.flip_x == v.flip_y).count();
    assert!((9_700..10_300).contains(&both), "{both}");
}

/// Acceptance case 11, as published: 22 samples, batch 2, 4 workers.
#[test]
fn replayed_streams_repeat_as_unseeded_workers_do() {
    let sets: Vec<u64> = (0..22).map(|at| replayed(at, 2, 4)).collect();
    for (b, pair) in sets.chunks(2).enumerate() {
        let first = b - b % 4;
        // Batch b has the parameters that its worker's stream had for batch b − (b mod 4) of worker 0.
        assert_eq!(pair, &sets[2 * first..2 * first + 2], "batch {b}");
    }
    assert_eq!(sets.iter().collect::<HashSet<_>>().len(), 6);
    // The chapter's run: 5,593 spots in batches of 32 use 44 · 32 sets.
    assert_eq!((0..5593).map(|at| replayed(at, 32, 4)).collect::<HashSet<_>>().len(), 1408);
}

#[test]
fn mirrored_warps_scale_both_axes_alike_and_show_no_black() {
    let (plain, mirrored) = (Augmenter::new(Preset::Mpa, 3, 0), Augmenter::new(Preset::Mpa, 3, 0).mirroring());
    let side = 16;
    let src = vec![200u8; side * side * 3];
    for sample in 0..200 {
        let (a, b) = (plain.parameters(1, sample), mirrored.parameters(1, sample));
        assert_eq!((a.view, a.warp.map(|w| (w.shift, w.degrees, w.scale.0))), (b.view, b.warp.map(|w| (w.shift, w.degrees, w.scale.0))));
        assert!(b.warp.is_none_or(|w| w.scale.0 == w.scale.1));
        let mut out = vec![0u8; src.len()];
        mirrored.apply(&src, &mut out, side, 1, sample);
        assert_eq!(out, src);
    }
}

/// Every applied pixel comes from the key alone: the order of samples and the number of threads change nothing.
#[test]
fn threads_and_order_change_nothing() {
    let side = 24;
    let src: Vec<u8> = (0..side * side * 3).map(|i| (i * i % 253) as u8).collect();
    for preset in Preset::ALL {
        let augmenter = Augmenter::new(preset, 9, 1).with_order(ChannelOrder::Bgr);
        let apply = |sample: u64| {
            let mut out = vec![0u8; src.len()];
            augmenter.apply(&src, &mut out, side, 4, sample);
            out
        };
        let forward: Vec<Vec<u8>> = (0..64).map(apply).collect();
        let parallel: Vec<Vec<u8>> = (0..64u64).into_par_iter().map(apply).collect();
        let mut backward: Vec<Vec<u8>> = (0..64).rev().map(apply).collect();
        backward.reverse();
        assert!(forward == parallel && forward == backward, "{}", preset.name());
        assert_eq!(forward.iter().all(|p| *p == src), preset == Preset::None);
    }
}

#[test]
fn presets_are_known_by_name() {
    for preset in Preset::ALL {
        assert_eq!(Preset::parse(preset.name()), Ok(preset));
    }
    let e = Preset::parse("MPA").unwrap_err();
    assert!(e.to_string().contains("'MPA'") && e.hint.is_some());
}

/// The draws are part of every checkpoint's identity.
#[test]
fn golden_parameters_never_change() {
    let p = Augmenter::new(Preset::Mpa, 42, 0).parameters(1, 3);
    assert_eq!(p.view, Dihedral { transpose: true, flip_x: false, flip_y: true });
    let w = p.warp.unwrap();
    assert_eq!(w.shift, (0.049633567574163096, 0.013148837015099876));
    assert_eq!((w.scale, w.degrees), ((1.0562143176955137, 1.0866124483225603), 4.88068794488936));
    let stnet = Augmenter::new(Preset::StnetStyle, 42, 0);
    let p = (0..).map(|s| stnet.parameters(1, s)).find(|p| p.jitter.is_some() && p.blur.is_some()).unwrap();
    let j = p.jitter.unwrap();
    assert_eq!((j.brightness, j.contrast, j.saturation), (1.013754531821581, 0.9595079308052733, 0.9348676365072257));
    assert_eq!((j.hue, j.order), (-0.013311775589755187, [0, 2, 3, 1]));
    let b = p.blur.unwrap();
    assert_eq!((b.size, b.sigma), (3, 2.5003417024040364));
}
