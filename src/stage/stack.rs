//! `stack`: a model over the folds' predictions, trained on some spots and judged on others.

use super::files::Expression;
use super::level0::{FILE, stack_of};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::StackSplit;
use crate::split::{self, Fold};
use crate::stats::evaluate::FoldPredictions;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage, one a fold of the stack's own split.
pub struct Stacked {
    pub(super) protocol: Protocol,
    name: String,
    pub(super) fold: usize,
    pub(super) level0: Artifact,
    preprocess: Artifact,
}

/// The names of a stack's own folds; none without a stack.
pub fn fold_names(p: &Protocol) -> Vec<String> {
    match p.stack.as_ref().map(|s| s.split) {
        None => Vec::new(),
        Some(StackSplit::Random) => vec!["random".to_owned()],
        Some(StackSplit::Slides) => p.data.slides.clone(),
    }
}

/// A stack's folds over spots whose slides are given. `random`: the held-out spots choose the checkpoint too, as published.
/// `slides`: one slide is held out, and the next one chooses.
pub fn folds(p: &Protocol, slides: &[String]) -> Result<Vec<Fold>> {
    let stack = stack_of(p)?;
    match stack.split {
        StackSplit::Random => {
            let found = split::holdout(slides.len(), stack.test_size.unwrap_or(0.0), stack.seed)?;
            Ok(found.into_iter().map(|f| Fold { name: "random".into(), ..f }).collect())
        }
        StackSplit::Slides => {
            let all = &p.data.slides;
            let one = |(i, held): (usize, &String)| {
                let chooses = &all[(i + 1) % all.len()];
                let of = |wanted: &dyn Fn(&String) -> bool| (0..slides.len()).filter(|&r| wanted(&slides[r])).collect::<Vec<_>>();
                Fold {
                    name: held.clone(),
                    train: of(&|s| s != held && s != chooses),
                    validation: of(&|s| s == chooses),
                    test: of(&|s| s == held),
                }
            };
            Ok(all.iter().enumerate().map(one).collect())
        }
    }
}

impl Stacked {
    /// One fold of the stack.
    pub fn new(p: &Protocol, fold: usize, level0: &Artifact, preprocess: &Artifact) -> Self {
        let name = fold_names(p).get(fold).cloned().unwrap_or_default();
        Self { protocol: p.clone(), name, fold, level0: level0.clone(), preprocess: preprocess.clone() }
    }

    /// What people see.
    pub fn label(&self) -> String {
        format!("stack[{}]", self.name)
    }
}

/// What a stack's training depends on, besides its inputs.
pub(super) fn key(p: &Protocol) -> serde_json::Value {
    let d = &p.determinism;
    // The order of scales went into the inputs.
    let stack = p.stack.as_ref().map(|s| {
        let mut value = json!(s);
        value.as_object_mut().map(|o| o.remove("scales"));
        value
    });
    json!({
        "stack": stack, "seed": p.seed, "class": d.class, "threads": d.threads, "instruction_set": d.instruction_set, "device": d.device,
        "libtorch": super::LIBTORCH,
    })
}

impl Stage for Stacked {
    fn job(&self) -> Job {
        let mut parameters = key(&self.protocol);
        parameters["fold"] = json!(self.fold);
        parameters["name"] = json!(self.name);
        let inputs = [&self.level0, &self.preprocess].map(|a| (a.label.clone(), a.digest())).into();
        Job { stage: "stack", label: self.label(), version: 1, parameters, inputs }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        [&self.level0, &self.preprocess].into_iter().flat_map(Artifact::files).collect()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let expression = Expression::read(&self.preprocess.dir)?;
        let genes = expression.genes.len();
        let slides: Vec<String> = expression.spots.iter().map(|s| s.slide.clone()).collect();
        let fold = folds(&self.protocol, &slides)?.into_iter().nth(self.fold);
        let fold = fold.ok_or_else(|| Failure::input(format!("fold {} of the stack", self.fold + 1)))?;
        let arrays = Arrays::open(&self.level0.file(FILE))?;
        let width = arrays.entry("level0")?.shape.get(1).copied().unwrap_or(0);
        let inputs = arrays.f32s("level0")?;
        let prediction = super::learn::stack(self, &expression, &fold, (&inputs, width), out, watch)?;
        let pick =
            |rows: &[usize]| rows.iter().flat_map(|&r| expression.values[r * genes..(r + 1) * genes].iter().copied()).collect::<Vec<f32>>();
        FoldPredictions {
            name: self.name.clone(),
            genes: expression.genes.clone(),
            spots: fold.test.iter().map(|&r| expression.spots[r].clone()).collect(),
            truth: pick(&fold.test),
            prediction,
            constant: expression.mean_of(&fold.train),
            rows: fold.test.iter().map(|&r| r as i64).collect(),
        }
        .write(out)
    }
}
