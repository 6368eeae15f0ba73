//! `duplicates`: test patches that show nearly the same picture as a patch that is learned from.
//!
//! One finding of the leakage audit, in a stage of its own because it needs the pixels. No training reads it: it stands
//! before them in the graph, so that whoever watches a run is told first.

use super::leakage::Finding;
use super::{files, ingest::Ingest};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::{Fingerprint, alike};
use crate::split::Fold;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Duplicates {
    ingest: Artifact,
    split: Artifact,
    patches: Artifact,
}

/// A test patch and the patch of the training side that is most like it.
struct Pair {
    fold: String,
    test: usize,
    train: usize,
    bits: u32,
    correlation: f64,
}

impl Duplicates {
    /// Over the patches of a split.
    pub fn new(ingest: &Artifact, split: &Artifact, patches: &Artifact) -> Self {
        Self { ingest: ingest.clone(), split: split.clone(), patches: patches.clone() }
    }
}

impl Stage for Duplicates {
    fn job(&self) -> Job {
        Job {
            stage: "duplicates",
            label: "duplicates".into(),
            version: 1,
            parameters: json!({"bits": alike::BITS, "correlation": alike::CORRELATION, "contrast": alike::CONTRAST}),
            inputs: [&self.ingest, &self.split, &self.patches].into_iter().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        [&self.ingest, &self.split, &self.patches].into_iter().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let slides = Ingest::load(&self.ingest.dir)?;
        let arrays = Arrays::open(&self.patches.file("patches.safetensors"))?;
        let (rows, side) = match arrays.entry("patches")?.shape.as_slice() {
            [n, h, w, 3] if h == w => (*n, *h),
            other => return Err(Failure::input(format!("patches of shape {other:?} where [N, P, P, 3] is due"))),
        };
        let spots: usize = slides.iter().map(|s| s.spots.len()).sum();
        // Those of unlabelled slides stand behind them.
        if rows < spots {
            return Err(Failure::input(format!("{rows} patches for {spots} spots")));
        }
        let folds = files::folds(&self.split.dir, spots)?;
        let pixels = arrays.u8s("patches")?;
        let prints: Vec<Fingerprint> = pixels.chunks_exact(side * side * 3).take(spots).map(|p| Fingerprint::of(p, side)).collect();
        let pairs = pairs(&prints, &folds, watch)?;
        let places: Places = slides.iter().flat_map(|s| s.spots.iter().map(|q| (s.id.as_str(), q.id.as_str()))).collect();
        let finding = finding(&places, &folds, &prints, &pairs);
        if finding.leaks {
            watch.event(Event::Note { level: "warning".into(), text: format!("leakage: {}", finding.text) });
        }
        crate::base::atomic::write(&out.join("pairs.tsv"), table(&places, &pairs).as_bytes())?;
        files::write_json(&out.join("leakage.json"), &[finding])
    }
}

/// For every test patch of every fold its likest partner on the learning side, where it has one.
fn pairs(prints: &[Fingerprint], folds: &[Fold], watch: &mut dyn Watch) -> Result<Vec<Pair>> {
    let blank: Vec<bool> = prints.iter().map(Fingerprint::blank).collect();
    let mut out = Vec::new();
    for fold in folds {
        let learning: Vec<usize> = fold.train.iter().chain(&fold.validation).copied().filter(|&i| !blank[i]).collect();
        for &test in fold.test.iter().filter(|&&i| !blank[i]) {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let mut best: Option<(f64, usize)> = None;
            for &train in &learning {
                if let Some(r) = prints[test].like(&prints[train]) {
                    best = best.filter(|(b, _)| *b >= r).or(Some((r, train)));
                }
            }
            if let Some((correlation, train)) = best {
                out.push(Pair { fold: fold.name.clone(), test, train, bits: prints[test].distance(&prints[train]), correlation });
            }
        }
    }
    Ok(out)
}

/// Slide and spot of every row.
type Places<'a> = Vec<(&'a str, &'a str)>;

fn finding(places: &Places, folds: &[Fold], prints: &[Fingerprint], pairs: &[Pair]) -> Finding {
    let tested: BTreeSet<usize> = folds.iter().flat_map(|f| &f.test).copied().collect();
    let blank = tested.iter().filter(|&&i| prints[i].blank()).count();
    let note = if blank > 0 { format!("; {blank} blank test patches were left out") } else { String::new() };
    let alike: BTreeSet<usize> = pairs.iter().map(|p| p.test).collect();
    let (leaks, text) = match pairs.iter().max_by(|a, b| a.correlation.total_cmp(&b.correlation).then(b.test.cmp(&a.test))) {
        None => (false, format!("no test patch looks nearly like a training patch (perceptual hash){note}")),
        Some(worst) => {
            let ((slide, spot), (other, its)) = (places[worst.test], places[worst.train]);
            let elsewhere = pairs.iter().filter(|p| places[p.test].0 != places[p.train].0).count();
            let text = format!(
                "{} of {} test patches look nearly like a training patch (perceptual hash), {elsewhere} of them like one of another slide; most of all {slide} {spot} and {other} {its}{note}",
                alike.len(),
                tested.len(),
            );
            (true, text)
        }
    };
    Finding { check: "duplicate".into(), leaks, text }
}

fn table(places: &Places, pairs: &[Pair]) -> String {
    let mut out = String::from("fold\ttest_slide\ttest_spot\ttrain_slide\ttrain_spot\tbits\tcorrelation\n");
    for p in pairs {
        let ((slide, spot), (other, its)) = (places[p.test], places[p.train]);
        out += &format!("{}\t{slide}\t{spot}\t{other}\t{its}\t{}\t{:.4}\n", p.fold, p.bits, p.correlation);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Draw;
    use crate::engine::stage::Silent;

    const SIDE: usize = 48;

    /// Rectangles at random places, or nothing at all.
    fn picture(seed: u64) -> Vec<u8> {
        let mut out = vec![225u8; SIDE * SIDE * 3];
        let mut draw = Draw::keyed(seed, "duplicates", &[]);
        for _ in 0..if seed == 0 { 0 } else { 12 } {
            let (left, top) = (draw.below(40) as usize, draw.below(40) as usize);
            let (width, height, level) = (4 + draw.below(20) as usize, 4 + draw.below(20) as usize, draw.below(200) as u8);
            for y in top..(top + height).min(SIDE) {
                for x in left..(left + width).min(SIDE) {
                    out[(y * SIDE + x) * 3..][..3].fill(level);
                }
            }
        }
        out
    }

    fn fold(train: &[usize], validation: &[usize], test: &[usize]) -> Fold {
        Fold { name: "fold".into(), train: train.into(), validation: validation.into(), test: test.into() }
    }

    #[test]
    fn a_copy_across_the_split_is_found_wherever_it_lies() {
        let duller: Vec<u8> = picture(3).iter().map(|v| v / 2 + 50).collect();
        let pictures = [picture(1), picture(2), picture(3), picture(0), duller, picture(5), picture(0)];
        let prints: Vec<Fingerprint> = pictures.iter().map(|p| Fingerprint::of(p, SIDE)).collect();
        let places: Places = vec![("A", "1"), ("A", "2"), ("A", "3"), ("A", "4"), ("B", "1"), ("B", "2"), ("B", "3")];
        let look = |folds: &[Fold]| {
            let pairs = pairs(&prints, folds, &mut Silent).expect("pairs");
            (finding(&places, folds, &prints, &pairs), table(&places, &pairs))
        };
        // Row 4 is a duller copy of row 2; rows 3 and 6 are blank and alike, which says nothing.
        for folds in [[fold(&[0, 1, 2, 3], &[], &[4, 5, 6])], [fold(&[0, 1], &[2, 3], &[4, 5, 6])]] {
            let (found, listed) = look(&folds);
            assert!(found.leaks, "{}", found.text);
            assert!(
                found.text.starts_with("1 of 3 test patches look nearly like a training patch (perceptual hash), 1 of them"),
                "{}",
                found.text
            );
            assert!(found.text.contains("B 1 and A 3; 1 blank"), "{}", found.text);
            assert_eq!(listed.lines().count(), 2);
            assert!(listed.contains("\nfold\tB\t1\tA\t3\t0\t"), "{listed}");
        }
        // On one side of the split it is no leak.
        let (found, listed) = look(&[fold(&[0, 1, 2, 3, 4], &[], &[5, 6])]);
        assert!(!found.leaks && listed.lines().count() == 1, "{}", found.text);
    }
}
