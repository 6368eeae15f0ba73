//! The graph: what needs what, what is there, what would run.

use super::branches::{Folds, Source};
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Store};
use crate::engine::{Stage, Workspace};
use crate::protocol::schema::{Level0, PanelFrom, PanelSet};
use crate::protocol::{Loaded, Protocol};
use crate::stage::{baselines, clusters, duplicates, evaluate, ingest, preprocess, report, split, spots};

/// Makes a node's stage from the artifacts that it needs, in the order of `needs`.
pub(super) type Make = Box<dyn Fn(&[&Artifact]) -> Result<Box<dyn Stage>>>;

/// One piece of work.
pub struct Node {
    /// What people see: `train[C2]`.
    pub label: String,
    /// The stage's name.
    pub stage: &'static str,
    /// Places of the nodes it needs; all of them stand before it.
    pub needs: Vec<usize>,
    /// The fold that it belongs to, by number.
    pub fold: Option<usize>,
    pub(super) make: Make,
}

/// What the store knows of a node.
pub enum Found {
    /// It is done.
    Done(Box<Artifact>),
    /// It would run; the fingerprint of what would run, for saying why.
    Absent(Box<crate::engine::Job>),
    /// Not known before the nodes it needs are done.
    Pending,
}

/// A protocol's graph, in an order in which it can run.
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// Labels of the nodes of one stage, one a fold.
pub fn fold_labels(p: &Protocol, stage: &str) -> Vec<String> {
    split::fold_names(p).into_iter().map(|name| format!("{stage}[{name}]")).collect()
}

impl Graph {
    /// The graph of a protocol in a workspace.
    pub fn new(workspace: &Workspace, p: &Protocol) -> Self {
        let mut graph = Self { nodes: Vec::new() };
        let root = workspace.data_root();
        let (data, at) = (p.data.clone(), root.clone());
        let ingest = graph.add("ingest", "ingest".into(), vec![], move |_| Ok(Box::new(ingest::Ingest::new(&data, &at)?)));
        let unlabelled = (!p.data.unlabelled.is_empty()).then(|| {
            let (data, at) = (p.data.clone(), root.clone());
            let make = move |_: &[&Artifact]| -> Result<Box<dyn Stage>> { Ok(Box::new(ingest::Ingest::unlabelled(&data, &at)?)) };
            graph.add("ingest-unlabelled", "ingest[unlabelled]".into(), vec![], make)
        });
        let spots = p.spots.is_some().then(|| {
            let (q, at) = (p.clone(), root.clone());
            graph.add("spots", "spots".into(), vec![ingest], move |a| Ok(Box::new(spots::Spots::new(&q, &at, a[0])?)))
        });
        let slides = spots.unwrap_or(ingest);
        let q = p.clone();
        let split = graph.add("split", "split".into(), vec![slides], move |a| Ok(Box::new(split::Split::new(&q, a[0]))));
        let q = p.clone();
        // A panel chosen on training spots needs to know them.
        let needs = if p.genes.from == PanelFrom::Named(PanelSet::Train) { vec![slides, split] } else { vec![slides] };
        let preprocess = graph
            .add("preprocess", "preprocess".into(), needs, move |a| Ok(Box::new(preprocess::Preprocess::new(&q, a[0], a.get(1).copied()))));
        let source = Source { p, root: &root, ingest, spots, unlabelled };
        let shared = source.prepared() && !source.by_fold();
        let stain = shared.then(|| graph.stain(&source, None));
        let patches = graph.patches(&source, stain, None);
        // No training reads it; it stands before them, so that a leak is told before hours are spent.
        let duplicates = graph.add("duplicates", "duplicates".into(), vec![slides, split, patches], move |a| {
            Ok(Box::new(duplicates::Duplicates::new(a[0], a[1], a[2])))
        });
        let baselines = graph.add("baselines", "baselines".into(), vec![preprocess, patches, split], move |a| {
            Ok(Box::new(baselines::Baselines::new(a[0], a[1], a[2])))
        });
        let mut folds = Folds::default();
        for (fold, name) in split::fold_names(p).into_iter().enumerate() {
            let first = graph.nodes.len();
            let (stained, patches) = if source.by_fold() {
                let stained = graph.stain(&source, Some(&name));
                (Some(stained), graph.patches(&source, Some(stained), Some(&name)))
            } else {
                (None, patches)
            };
            folds.stained.extend(stained);
            let clusters = p.clusters.as_ref().map(|_| {
                let (q, fold_name, weights) = (p.clone(), name.clone(), workspace.weights());
                graph.add("clusters", format!("clusters[{name}]"), vec![slides, patches, split], move |a| {
                    Ok(Box::new(clusters::Clusters::new(&q, &fold_name, fold, &weights, a[0], a[1], a[2])?))
                })
            });
            folds.clustered.extend(clusters);
            let q = p.clone();
            let weights = workspace.weights();
            let (label, fold_name) = (format!("train[{name}]"), name.clone());
            let needs = [preprocess, patches, split].into_iter().chain(clusters).collect();
            let train = graph.add("train", label, needs, move |a| train_stage(&q, &fold_name, fold, &weights, a));
            folds.trained.push(train);
            let (q, fold_name) = (p.clone(), name.clone());
            let needs = [train, preprocess, patches, split].into_iter().chain(clusters).collect();
            let predict = graph.add("predict", format!("predict[{name}]"), needs, move |a| predict_stage(&q, &fold_name, fold, a));
            folds.predicted.push(predict);
            folds.level0.push(match p.stack.as_ref().map(|s| s.inputs) {
                Some(Level0::InSample) => graph.every_spot(p, &name, vec![train, preprocess, patches]),
                _ => predict,
            });
            if unlabelled.is_some() {
                folds.answered.push(graph.answer(p, &name, vec![train, preprocess, patches]));
            }
            (first..graph.nodes.len()).for_each(|node| graph.nodes[node].fold = Some(fold));
        }
        let q = p.clone();
        let needs: Vec<usize> = [preprocess, split, baselines].into_iter().chain(folds.predicted.iter().copied()).collect();
        let evaluate = graph.add("evaluate", "evaluate".into(), needs, move |a| {
            Ok(Box::new(evaluate::Evaluate::new(&q, a[0], a[1], &a[3..]).beside(a[2])))
        });
        let stack = p.stack.as_ref().map(|_| graph.stack(p, preprocess, split, &folds.level0));
        let answers = unlabelled.map(|unlabelled| {
            let stacks = stack.as_ref().map(|s| s.trained.clone()).unwrap_or_default();
            graph.answers(p, [preprocess, unlabelled], &folds.answered, &stacks)
        });
        let needs = report::Needs {
            evaluate,
            ingest,
            slides,
            split,
            preprocess,
            duplicates,
            train: folds.trained,
            predict: folds.predicted,
            clusters: folds.clustered,
            stain: stain.into_iter().chain(folds.stained).collect(),
            spots,
            stack: stack.map(|s| report::StackNeeds { level0: s.level0, trained: s.trained, evaluate: s.evaluate }),
            answers,
        };
        let (q, at, all) = (p.clone(), root, needs.all());
        graph.add("report", "report".into(), all, move |a| Ok(Box::new(report::Report::new(&q, &at, &needs, a)?)));
        graph
    }

    pub(super) fn add(
        &mut self,
        stage: &'static str,
        label: String,
        needs: Vec<usize>,
        make: impl Fn(&[&Artifact]) -> Result<Box<dyn Stage>> + 'static,
    ) -> usize {
        self.nodes.push(Node { label, stage, needs, fold: None, make: Box::new(make) });
        self.nodes.len() - 1
    }

    /// All labels, in order.
    pub fn labels(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.label.clone()).collect()
    }

    /// The place of a node.
    pub fn position(&self, label: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.label == label)
    }

    /// The stage of a node, made from the artifacts that it needs, in the order of [`Node::needs`].
    pub fn stage(&self, at: usize, needs: &[&Artifact]) -> Result<Box<dyn Stage>> {
        (self.nodes[at].make)(needs)
    }

    /// What the store knows of each node. Raw inputs are hashed; outputs are not.
    pub fn look(&self, store: &Store) -> Result<Vec<Found>> {
        let mut out: Vec<Found> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let artifacts: Option<Vec<&Artifact>> =
                node.needs.iter().map(|&i| if let Found::Done(a) = &out[i] { Some(&**a) } else { None }).collect();
            let found = match artifacts {
                None => Found::Pending,
                Some(artifacts) => {
                    let job = (node.make)(&artifacts)?.job();
                    match store.find(&job)? {
                        Some(artifact) => Found::Done(Box::new(artifact)),
                        None => Found::Absent(Box::new(job)),
                    }
                }
            };
            out.push(found);
        }
        Ok(out)
    }

    /// All artifacts of a finished protocol; an error names the first piece of work that is not done.
    pub fn finished(&self, store: &Store, loaded: &Loaded) -> Result<Vec<Artifact>> {
        self.look(store)?
            .into_iter()
            .zip(&self.nodes)
            .map(|(found, node)| match found {
                Found::Done(artifact) => Ok(*artifact),
                _ => Err(Failure::input(format!(
                    "{} is not finished: {} has not been done with the present protocol and data",
                    loaded.name(),
                    node.label
                ))
                .hint(loaded.command())),
            })
            .collect()
    }
}

fn train_stage(p: &Protocol, name: &str, fold: usize, weights: &std::path::Path, a: &[&Artifact]) -> Result<Box<dyn Stage>> {
    Ok(Box::new(crate::stage::train::Train::new(p, name, fold, weights, a[0], a[1], a[2]).told(a.get(3).copied())))
}

fn predict_stage(p: &Protocol, name: &str, fold: usize, a: &[&Artifact]) -> Result<Box<dyn Stage>> {
    Ok(Box::new(crate::stage::predict::Predict::new(p, name, fold, a[0], a[1], a[2], a[3]).told(a.get(4).copied())))
}
