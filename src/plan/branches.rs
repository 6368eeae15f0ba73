//! Branches of the graph that only some protocols have: prepared images, stacks, answers for unlabelled slides.

use super::Graph;
use crate::base::Result;
use crate::engine::Stage;
use crate::engine::store::Artifact;
use crate::protocol::Protocol;
use crate::stage::{answers, evaluate, level0, patches, stack, stain};
use std::path::Path;

/// Where patches come from.
pub(super) struct Source<'a> {
    pub p: &'a Protocol,
    pub root: &'a Path,
    pub ingest: usize,
    pub spots: Option<usize>,
    pub unlabelled: Option<usize>,
}

impl Source<'_> {
    /// Whether images are changed before patches are cut.
    pub fn prepared(&self) -> bool {
        self.p.stain.is_some() || self.p.mask.is_some()
    }

    /// Whether every fold has images of its own.
    pub fn by_fold(&self) -> bool {
        self.p.stain.as_ref().is_some_and(crate::protocol::schema::Stain::by_fold)
    }
}

/// Places of the folds' nodes, one a fold where there are any.
#[derive(Default)]
pub(super) struct Folds {
    pub stained: Vec<usize>,
    pub clustered: Vec<usize>,
    pub trained: Vec<usize>,
    pub predicted: Vec<usize>,
    /// What a stack learns from.
    pub level0: Vec<usize>,
    pub answered: Vec<usize>,
}

/// Places of a stack's nodes.
pub(super) struct StackNodes {
    pub level0: usize,
    pub trained: Vec<usize>,
    pub evaluate: usize,
}

impl Graph {
    /// The images of all slides, prepared; for a fold those that its training slides shape.
    pub(super) fn stain(&mut self, from: &Source, fold: Option<&str>) -> usize {
        let (q, root, name) = (from.p.clone(), from.root.to_owned(), fold.map(str::to_owned));
        let label = fold.map_or_else(|| "stain".to_owned(), |fold| format!("stain[{fold}]"));
        let needs = [from.ingest].into_iter().chain(from.unlabelled).collect();
        self.add("stain", label, needs, move |a| Ok(Box::new(stain::Stained::new(&q, &root, name.as_deref(), a[0], a.get(1).copied())?)))
    }

    /// The patches, from prepared images where there are any.
    pub(super) fn patches(&mut self, from: &Source, images: Option<usize>, fold: Option<&str>) -> usize {
        let (q, root, name) = (from.p.clone(), from.root.to_owned(), fold.map(str::to_owned));
        let label = fold.map_or_else(|| "patches".to_owned(), |fold| format!("patches[{fold}]"));
        let has = [from.spots.is_some(), from.unlabelled.is_some(), images.is_some()];
        let needs = [from.ingest].into_iter().chain(from.spots).chain(from.unlabelled).chain(images).collect();
        self.add("patches", label, needs, move |a| {
            let mut rest = a[1..].iter().copied();
            let [spots, unlabelled, images] = has.map(|has| has.then(|| rest.next()).flatten());
            Ok(Box::new(patches::Patches::new(&q.patch, &q.data, &root, a[0]).of(spots, unlabelled, images, name.as_deref())))
        })
    }

    /// A fold's network for every labelled spot; needs its training, the targets and the patches.
    pub(super) fn every_spot(&mut self, p: &Protocol, name: &str, needs: Vec<usize>) -> usize {
        let (q, fold) = (p.clone(), name.to_owned());
        self.add("level0-fold", format!("level0[{name}]"), needs, move |a| {
            Ok(Box::new(level0::EverySpot::new(&q, &fold, a[0], a[1], a[2])))
        })
    }

    /// A fold's network for the spots of unlabelled slides; needs the same.
    pub(super) fn answer(&mut self, p: &Protocol, name: &str, needs: Vec<usize>) -> usize {
        let (q, fold) = (p.clone(), name.to_owned());
        self.add("answer", format!("answer[{name}]"), needs, move |a| Ok(Box::new(answers::Answer::new(&q, &fold, a[0], a[1], a[2]))))
    }

    /// The level-0 matrix, the stack's trainings, and their evaluation.
    pub(super) fn stack(&mut self, p: &Protocol, preprocess: usize, split: usize, parts: &[usize]) -> StackNodes {
        let (q, names) = (p.clone(), crate::stage::split::fold_names(p));
        let needs = [preprocess, split].into_iter().chain(parts.iter().copied()).collect();
        let level0 =
            self.add("level0", "level0".into(), needs, move |a| Ok(Box::new(level0::Level0::new(&q, &names, a[0], a[1], &a[2..])?)));
        let mut trained = Vec::new();
        for (fold, name) in stack::fold_names(p).into_iter().enumerate() {
            let q = p.clone();
            let make = move |a: &[&Artifact]| -> Result<Box<dyn Stage>> { Ok(Box::new(stack::Stacked::new(&q, fold, a[0], a[1]))) };
            trained.push(self.add("stack", format!("stack[{name}]"), vec![level0, preprocess], make));
        }
        let q = p.clone();
        let needs = [preprocess].into_iter().chain(trained.iter().copied()).collect();
        let evaluate = self.add(evaluate::STACK_EVALUATE, evaluate::STACK_EVALUATE.into(), needs, move |a| {
            Ok(Box::new(evaluate::Evaluate::of_stack(&q, a[0], &a[1..])))
        });
        StackNodes { level0, trained, evaluate }
    }

    /// The tables of unlabelled slides.
    pub(super) fn answers(&mut self, p: &Protocol, first: [usize; 2], parts: &[usize], stacks: &[usize]) -> usize {
        let (q, names, folds) = (p.clone(), crate::stage::split::fold_names(p), parts.len());
        let needs = first.into_iter().chain(parts.iter().copied()).chain(stacks.iter().copied()).collect();
        self.add("answers", "answers".into(), needs, move |a| {
            Ok(Box::new(answers::Answers::new(&q, &names, a[0], a[1], &a[2..2 + folds], &a[2 + folds..])))
        })
    }
}
