//! What the test side of a split shares with the training side. Looked for before training; printed beside the
//! result and locked with it.

use super::files;
use crate::base::Result;
use crate::dataset::Slide;
use crate::protocol::Protocol;
use crate::protocol::schema::{
    Best, Dataset, Lattice, Level0, PanelFrom, PanelRule, PanelSet, Schedule, StackSplit, StainReference, Transform,
};
use crate::split::Fold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// One thing that was looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked for: `donor`, `slide`, `neighbour`, `overlap`, `panel`, `normalisation`, `checkpoint`, `stopping`;
    /// where there are a stain and a stack `stain`, `stack`, `stack-split`; from the stage `duplicates`: `duplicate`.
    pub check: String,
    /// Whether it was found.
    pub leaks: bool,
    /// A sentence with numbers.
    pub text: String,
}

/// One spot as leakage sees it.
struct At<'a> {
    slide: usize,
    donor: Option<&'a str>,
    col: i32,
    row: i32,
    x: f64,
    y: f64,
}

/// Looks at every fold. Training here means training and validation spots: both shape the checkpoint.
pub fn look(p: &Protocol, slides: &[Slide], folds: &[Fold]) -> Vec<Finding> {
    let at: Vec<At> = slides
        .iter()
        .enumerate()
        .flat_map(|(i, s)| {
            s.spots.iter().map(move |q| At { slide: i, donor: s.donor.as_deref(), col: q.array_col, row: q.array_row, x: q.x, y: q.y })
        })
        .collect();
    let always = [
        shared_slides(slides, folds, &at),
        shared_donors(slides, folds, &at),
        neighbours(p.metrics.lattice, folds, &at),
        overlaps(p.patch.size, folds, &at),
        panel(p, folds, &at),
        normalisation(p, folds, &at),
        checkpoint(p),
        stopping(p),
    ];
    always.into_iter().chain(stain(p, slides, folds, &at)).chain(stack(p)).collect()
}

/// All findings of a protocol: those that follow from the split, then those that need the pixels.
pub fn read(split: &Path, duplicates: &Path) -> Result<Vec<Finding>> {
    let mut all: Vec<Finding> = files::read_json(&split.join("leakage.json"))?;
    all.extend(files::read_json::<Vec<Finding>>(&duplicates.join("leakage.json"))?);
    Ok(all)
}

fn learning(fold: &Fold) -> impl Iterator<Item = usize> + '_ {
    fold.train.iter().chain(&fold.validation).copied()
}

fn finding(check: &str, leaks: bool, text: String) -> Finding {
    Finding { check: check.to_owned(), leaks, text }
}

fn shared_slides(slides: &[Slide], folds: &[Fold], at: &[At]) -> Finding {
    let shared: BTreeSet<usize> = folds
        .iter()
        .flat_map(|f| {
            let train: BTreeSet<usize> = learning(f).map(|i| at[i].slide).collect();
            f.test.iter().map(|&i| at[i].slide).filter(move |s| train.contains(s)).collect::<Vec<_>>()
        })
        .collect();
    if shared.is_empty() {
        return finding("slide", false, "no slide has spots on both sides of the split".into());
    }
    let names: Vec<&str> = shared.iter().map(|&i| slides[i].id.as_str()).collect();
    finding(
        "slide",
        true,
        format!("{} of {} slides have spots on both sides of the split ({})", shared.len(), slides.len(), names.join(", ")),
    )
}

fn shared_donors(slides: &[Slide], folds: &[Fold], at: &[At]) -> Finding {
    let unknown = slides.iter().filter(|s| s.donor.is_none()).count();
    let shared: BTreeSet<&str> = folds
        .iter()
        .flat_map(|f| {
            let train: BTreeSet<&str> = learning(f).filter_map(|i| at[i].donor).collect();
            f.test.iter().filter_map(|&i| at[i].donor).filter(move |d| train.contains(d)).collect::<Vec<_>>()
        })
        .collect();
    let note = if unknown > 0 { format!("; the donor of {unknown} slides is not known") } else { String::new() };
    if shared.is_empty() {
        return finding("donor", false, format!("no donor is known to be on both sides of the split{note}"));
    }
    let names: Vec<&str> = shared.into_iter().collect();
    finding(
        "donor",
        true,
        format!("the same donor is on both sides of the split ({}): the number says nothing about another patient{note}", names.join(", ")),
    )
}

fn neighbours(lattice: Lattice, folds: &[Fold], at: &[At]) -> Finding {
    // Of spots in rows that are shifted by half a step, neighbours in a row are two columns apart.
    let steps: &[(i32, i32)] = match lattice {
        Lattice::Square => &[(0, 1), (0, -1), (1, 0), (-1, 0)],
        Lattice::Hex => &[(2, 0), (-2, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)],
    };
    let (mut touched, mut tests, mut pairs) = (0usize, 0usize, 0usize);
    for fold in folds {
        let train: BTreeSet<(usize, i32, i32)> = learning(fold).map(|i| (at[i].slide, at[i].col, at[i].row)).collect();
        for &i in &fold.test {
            let spot = &at[i];
            let near = steps.iter().filter(|(c, r)| train.contains(&(spot.slide, spot.col + c, spot.row + r))).count();
            tests += 1;
            pairs += near;
            touched += usize::from(near > 0);
        }
    }
    let share = 100.0 * touched as f64 / tests.max(1) as f64;
    if touched == 0 {
        return finding("neighbour", false, "no test spot has a neighbour among the training spots".into());
    }
    let mean = pairs as f64 / tests.max(1) as f64;
    finding("neighbour", true, format!("{share:.0} % of the test spots have a neighbour among the training spots ({mean:.1} on average)"))
}

fn overlaps(size: usize, folds: &[Fold], at: &[At]) -> Finding {
    let mut overlapping = 0usize;
    let mut tests = 0usize;
    for fold in folds {
        // Bins of one patch side: an overlapping patch lies in the same bin or in one of the eight around it.
        let bin = |v: f64| (v / size as f64).floor() as i64;
        let mut bins: std::collections::BTreeMap<(usize, i64, i64), Vec<usize>> = std::collections::BTreeMap::new();
        learning(fold).for_each(|i| bins.entry((at[i].slide, bin(at[i].x), bin(at[i].y))).or_default().push(i));
        for &i in &fold.test {
            let (bx, by) = (bin(at[i].x), bin(at[i].y));
            let near = (-1..=1)
                .flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)))
                .filter_map(|(dx, dy)| bins.get(&(at[i].slide, bx + dx, by + dy)))
                .flatten();
            let limit = size as f64;
            tests += 1;
            overlapping += usize::from(near.into_iter().any(|&j| (at[i].x - at[j].x).abs() < limit && (at[i].y - at[j].y).abs() < limit));
        }
    }
    if overlapping == 0 {
        return finding("overlap", false, format!("no test patch shares pixels with a training patch (side {size} px)"));
    }
    let share = 100.0 * overlapping as f64 / tests.max(1) as f64;
    finding("overlap", true, format!("{share:.0} % of the test patches share pixels with a training patch (side {size} px)"))
}

fn panel(p: &Protocol, folds: &[Fold], at: &[At]) -> Finding {
    let by_test = match (&p.genes.rule, &p.genes.from) {
        (PanelRule::List, _) => return finding("panel", false, "the gene panel is a list in the protocol".into()),
        (_, PanelFrom::Named(PanelSet::Train)) => false,
        (_, PanelFrom::Slides(chosen)) => {
            folds.iter().any(|f| f.test.iter().any(|&i| p.data.slides.get(at[i].slide).is_some_and(|s| chosen.contains(s))))
        }
        _ => true,
    };
    if by_test {
        return finding("panel", true, format!("test spots take part in choosing the gene panel ({})", p.panel_id()));
    }
    finding("panel", false, format!("the gene panel is chosen without test spots ({})", p.panel_id()))
}

fn normalisation(p: &Protocol, folds: &[Fold], at: &[At]) -> Finding {
    let (leaks, text) = match (p.expression.transform, p.data.dataset) {
        (Transform::Log1pMedian, _) => {
            let mixed = folds.iter().any(|f| {
                let train: BTreeSet<usize> = learning(f).map(|i| at[i].slide).collect();
                f.test.iter().any(|&i| train.contains(&at[i].slide))
            });
            if mixed {
                (true, "targets are scaled to the median total of a slide's spots, test spots among them")
            } else {
                (false, "targets are scaled to the median total of their own slide, and no slide is on both sides of the split")
            }
        }
        (Transform::Given, Dataset::Gse240429) => (true, "Harmony made the targets from all slides together, test spots among them"),
        (Transform::Given, _) => (false, "targets come as the data set brings them; over which spots they were normalised is not known"),
        _ => (false, "targets are made spot by spot: no spot's value depends on another spot"),
    };
    finding("normalisation", leaks, text.to_owned())
}

fn checkpoint(p: &Protocol) -> Finding {
    match p.train.best {
        Best::MinTestLoss => finding("checkpoint", true, "the checkpoint is chosen by its loss on the test spots".into()),
        Best::MaxTestSpearman => {
            finding("checkpoint", true, "the checkpoint is chosen by the rank correlation on the very spots that are reported".into())
        }
        Best::MinValidationLoss | Best::MaxValidationSpearman if p.split.validation_slide.is_some() => {
            finding("checkpoint", false, "the checkpoint is chosen on a slide that neither trains nor tests".into())
        }
        Best::MinValidationLoss | Best::MaxValidationSpearman => {
            let place = if p.split.test_slides.is_empty() { "taken out of the training side" } else { "of the slides that train" };
            finding("checkpoint", false, format!("the checkpoint is chosen on validation spots {place}"))
        }
        Best::Last if p.train.schedule == Schedule::CosineOfLoss && p.split.validation == 0.0 && p.split.test_slides.is_empty() => {
            finding("checkpoint", true, "the loss on the test spots steers the learning rate; the checkpoint is the last epoch's".into())
        }
        Best::Last => finding("checkpoint", false, "the checkpoint is the last epoch's, whatever its loss".into()),
    }
}

fn stopping(p: &Protocol) -> Finding {
    match (p.train.patience, p.train.best) {
        (None, _) => finding("stopping", false, "the number of epochs is fixed beforehand".into()),
        (Some(_), Best::MinTestLoss) => finding("stopping", true, "the loss on the test spots says when training stops".into()),
        (Some(_), Best::MaxTestSpearman) => {
            finding("stopping", true, "the rank correlation on the test spots says when training stops".into())
        }
        (Some(_), Best::MaxValidationSpearman) => {
            finding("stopping", false, "the rank correlation on validation spots of the training side says when training stops".into())
        }
        (Some(_), _) => finding("stopping", false, "the loss on validation spots of the training side says when training stops".into()),
    }
}

/// Whether held-out slides shape the colours of the others.
fn stain(p: &Protocol, slides: &[Slide], folds: &[Fold], at: &[At]) -> Option<Finding> {
    let stain = p.stain.as_ref()?;
    let held_out = |name: &String| folds.iter().any(|f| f.test.iter().any(|&i| slides[at[i].slide].id == *name));
    Some(match &stain.reference {
        StainReference::MosaicAll => finding("stain", true, "colours are made like windows of all slides, held-out ones among them".into()),
        StainReference::MosaicTraining => {
            finding("stain", false, "colours are made like windows of the training slides of each fold".into())
        }
        StainReference::Slide(name) if held_out(name) => {
            finding("stain", true, format!("colours are made like slide {name}, which is held out in a fold"))
        }
        StainReference::Slide(name) => finding("stain", false, format!("colours are made like slide {name}, which is never held out")),
    })
}

/// Whether a stack learns from predictions for spots that their networks had seen, and is judged beside them.
fn stack(p: &Protocol) -> Vec<Finding> {
    let Some(stack) = &p.stack else { return Vec::new() };
    let inputs = match stack.inputs {
        Level0::InSample => finding("stack", true, "the stack learns from predictions of networks for their own training spots".into()),
        Level0::OutOfFold => finding("stack", false, "the stack learns from each spot's out-of-fold prediction alone".into()),
    };
    let judged = match stack.split {
        StackSplit::Random => finding(
            "stack-split",
            true,
            "the stack is judged, and its training stopped, on spots whose neighbours on the slide trained it".into(),
        ),
        StackSplit::Slides => finding("stack-split", false, "the stack is judged on slides that did not train it".into()),
    };
    vec![inputs, judged]
}
