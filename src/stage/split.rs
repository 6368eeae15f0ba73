//! `split`: which spots train, which choose the checkpoint, which are held out; and what leaks between them.

use super::{files, leakage};
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::{Best, Schedule, SplitKind};
use crate::split::{self, Fold};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// The stage.
pub struct Split {
    protocol: Protocol,
    ingest: Artifact,
}

impl Split {
    /// The split of a protocol over the spots of an ingest artifact.
    pub fn new(protocol: &Protocol, ingest: &Artifact) -> Self {
        Self { protocol: protocol.clone(), ingest: ingest.clone() }
    }
}

/// The names of a protocol's folds, known before any spot is.
pub fn fold_names(p: &Protocol) -> Vec<String> {
    match p.split.kind {
        SplitKind::Holdout | SplitKind::TorchRandom => vec!["holdout".to_owned()],
        SplitKind::Kfold => (1..=p.split.k.unwrap_or(0)).map(|i| format!("fold{i}")).collect(),
        SplitKind::LeaveOneSlideOut => p.data.slides.clone(),
    }
}

/// The folds of a protocol over spots whose slides are given, in global row order. `in_files` has each spot's row in its
/// slide's expression file, for the rule that counts by it.
pub fn make(p: &Protocol, slides: &[String], in_files: &[u32]) -> Result<Vec<Fold>> {
    let s = &p.split;
    let n = slides.len();
    if in_files.len() != n {
        return Err(Failure::input(format!("{} rows of files for {n} spots", in_files.len())).at("split"));
    }
    if !s.test_slides.is_empty() {
        return with_test_slides(p, slides, in_files);
    }
    let folds = match s.kind {
        SplitKind::Holdout => split::holdout(n, s.test_size.unwrap_or(0.0), s.seed)?,
        SplitKind::TorchRandom => {
            let order = in_file_order(slides, in_files, 0..n);
            let rows = |chosen: Vec<usize>| chosen.into_iter().map(|i| order[i]).collect::<Vec<_>>();
            let whole = |f: Fold| Fold { train: rows(f.train), test: rows(f.test), ..f };
            split::torch_holdout(n, s.test_size.unwrap_or(0.0), s.seed)?.into_iter().map(whole).collect()
        }
        SplitKind::Kfold => split::kfold(n, s.k.unwrap_or(0), s.seed)?,
        SplitKind::LeaveOneSlideOut => p
            .data
            .slides
            .iter()
            .map(|held| {
                let side = |keep: bool| (0..n).filter(|&i| (slides[i] == *held) == keep).collect::<Vec<_>>();
                Fold { name: held.clone(), train: side(false), validation: Vec::new(), test: side(true) }
            })
            .collect(),
    };
    let finish = |(fold, name): (Fold, String)| {
        let fold = Fold { name, ..fold };
        let fold = if s.validation_slide.is_some() { with_validation_slide(p, fold, slides) } else { fold };
        let fold = if s.validation > 0.0 { split::carve_validation(fold, s.validation, s.seed)? } else { fold };
        if fold.train.len() < 2 || fold.test.is_empty() {
            return Err(Failure::input(format!("fold {} has {} training and {} test spots", fold.name, fold.train.len(), fold.test.len()))
                .at("split"));
        }
        Ok(fold)
    };
    folds.into_iter().zip(fold_names(p)).map(finish).collect()
}

/// The slide after a fold's held-out one chooses its checkpoint.
pub fn validation_slide<'a>(p: &'a Protocol, held_out: &str) -> Option<&'a String> {
    let slides = &p.data.slides;
    p.split.validation_slide?;
    let at = slides.iter().position(|s| s == held_out)?;
    slides.get((at + 1) % slides.len())
}

fn with_validation_slide(p: &Protocol, fold: Fold, slides: &[String]) -> Fold {
    let chooses = validation_slide(p, &fold.name);
    let (validation, train) = fold.train.into_iter().partition(|&row| chooses == Some(&slides[row]));
    Fold { train, validation, ..fold }
}

/// Rows slide by slide as they stand, and in each slide as in its expression file (Visium: by barcode).
fn in_file_order(slides: &[String], in_files: &[u32], rows: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<usize> = rows.collect();
    let mut begins = BTreeMap::new();
    for (row, slide) in slides.iter().enumerate() {
        begins.entry(slide).or_insert(row);
    }
    order.sort_by_key(|&row| (begins.get(&slides[row]), in_files[row]));
    order
}

/// The rule divides the spots of the other slides, in their order; what it holds out chooses the checkpoint, and the test
/// slides are every fold's test side.
fn with_test_slides(p: &Protocol, slides: &[String], in_files: &[u32]) -> Result<Vec<Fold>> {
    let s = &p.split;
    let (test, mut others): (Vec<usize>, Vec<usize>) = (0..slides.len()).partition(|&i| s.test_slides.contains(&slides[i]));
    let folds = match s.kind {
        SplitKind::Kfold => split::kfold(others.len(), s.k.unwrap_or(0), s.seed)?,
        SplitKind::TorchRandom => {
            others = in_file_order(slides, in_files, others.into_iter());
            split::torch_holdout(others.len(), s.test_size.unwrap_or(0.0), s.seed)?
        }
        _ => split::holdout(others.len(), s.test_size.unwrap_or(0.0), s.seed)?,
    };
    let rows = |chosen: Vec<usize>| chosen.into_iter().map(|i| others[i]).collect::<Vec<_>>();
    let whole = |(fold, name): (Fold, String)| {
        let fold = Fold { name, train: rows(fold.train), validation: rows(fold.test), test: test.clone() };
        if fold.train.len() < 2 || fold.validation.is_empty() || fold.test.is_empty() {
            let (a, b, c) = (fold.train.len(), fold.validation.len(), fold.test.len());
            let what = format!("fold {} has {a} training, {b} validation and {c} test spots", fold.name);
            return Err(Failure::input(what).at("split"));
        }
        Ok(fold)
    };
    folds.into_iter().zip(fold_names(p)).map(whole).collect()
}

impl Stage for Split {
    fn job(&self) -> Job {
        let p = &self.protocol;
        let mut parameters = json!({"split": p.split, "slides": p.data.slides, "patch_size": p.patch.size, "panel": p.panel_id(), "genes_from": p.genes.from, "best": p.train.best, "patience": p.train.patience, "transform": p.expression.transform, "lattice": p.metrics.lattice});
        // Said by the findings only where the last epoch is kept.
        if p.train.best == Best::Last && p.train.schedule == Schedule::CosineOfLoss {
            parameters["schedule"] = json!(p.train.schedule);
        }
        if let Some(stain) = &p.stain {
            parameters["stain"] = json!(stain.reference);
        }
        if let Some(stack) = &p.stack {
            parameters["stack"] = json!([json!(stack.inputs), json!(stack.split)]);
        }
        Job { stage: "split", label: "split".into(), version: 2, parameters, inputs: [("ingest".to_owned(), self.ingest.digest())].into() }
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let slides = super::ingest::Ingest::load(&self.ingest.dir)?;
        let rows: Vec<String> = slides.iter().flat_map(|s| s.spots.iter().map(|_| s.id.clone())).collect();
        let in_files: Vec<u32> = slides.iter().flat_map(|s| s.spots.iter().map(|q| q.source_row)).collect();
        let folds = make(&self.protocol, &rows, &in_files)?;
        let findings = leakage::look(&self.protocol, &slides, &folds);
        for finding in findings.iter().filter(|f| f.leaks) {
            watch.event(Event::Note { level: "warning".into(), text: format!("leakage: {}", finding.text) });
        }
        crate::base::atomic::write(&out.join("folds.json"), &split::folds_to_json(&folds))?;
        files::write_json(&out.join("leakage.json"), &findings)
    }
}
