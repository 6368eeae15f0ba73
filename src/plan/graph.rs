//! The graph: what needs what, what is there, what would run.

use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Store};
use crate::engine::{Stage, Workspace};
use crate::protocol::schema::{PanelFrom, PanelSet};
use crate::protocol::{Loaded, Protocol};
use crate::stage::{clusters, duplicates, evaluate, ingest, patches, preprocess, report, split};

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
        let q = p.clone();
        let split = graph.add("split", "split".into(), vec![ingest], move |a| Ok(Box::new(split::Split::new(&q, a[0]))));
        let q = p.clone();
        // A panel chosen on training spots needs to know them.
        let needs = if p.genes.from == PanelFrom::Named(PanelSet::Train) { vec![ingest, split] } else { vec![ingest] };
        let preprocess = graph
            .add("preprocess", "preprocess".into(), needs, move |a| Ok(Box::new(preprocess::Preprocess::new(&q, a[0], a.get(1).copied()))));
        let (q, at) = (p.clone(), root.clone());
        let patches = graph
            .add("patches", "patches".into(), vec![ingest], move |a| Ok(Box::new(patches::Patches::new(&q.patch, &q.data, &at, a[0]))));
        // No training reads it; it stands before them, so that a leak is told before hours are spent.
        let duplicates = graph.add("duplicates", "duplicates".into(), vec![ingest, split, patches], move |a| {
            Ok(Box::new(duplicates::Duplicates::new(a[0], a[1], a[2])))
        });
        let mut clustered = Vec::new();
        let mut trained = Vec::new();
        let mut predicted = Vec::new();
        for (fold, name) in split::fold_names(p).into_iter().enumerate() {
            let clusters = p.clusters.as_ref().map(|_| {
                let (q, fold_name, weights) = (p.clone(), name.clone(), workspace.weights());
                graph.add("clusters", format!("clusters[{name}]"), vec![ingest, patches, split], move |a| {
                    Ok(Box::new(clusters::Clusters::new(&q, &fold_name, fold, &weights, a[0], a[1], a[2])?))
                })
            });
            clustered.extend(clusters);
            let q = p.clone();
            let weights = workspace.weights();
            let (label, fold_name) = (format!("train[{name}]"), name.clone());
            let needs = [preprocess, patches, split].into_iter().chain(clusters).collect();
            let train = graph.add("train", label, needs, move |a| train_stage(&q, &fold_name, fold, &weights, a));
            trained.push(train);
            let (q, fold_name) = (p.clone(), name.clone());
            let needs = [train, preprocess, patches, split].into_iter().chain(clusters).collect();
            let predict = graph.add("predict", format!("predict[{name}]"), needs, move |a| predict_stage(&q, &fold_name, fold, a));
            predicted.push(predict);
            clusters.into_iter().chain([train, predict]).for_each(|node| graph.nodes[node].fold = Some(fold));
        }
        let q = p.clone();
        let needs: Vec<usize> = [preprocess, split].into_iter().chain(predicted.iter().copied()).collect();
        let evaluate =
            graph.add("evaluate", "evaluate".into(), needs, move |a| Ok(Box::new(evaluate::Evaluate::new(&q, a[0], a[1], &a[2..]))));
        let (q, at) = (p.clone(), root);
        let folds = trained.len();
        let needs: Vec<usize> =
            [evaluate, ingest, split, preprocess, duplicates].into_iter().chain(trained).chain(predicted).chain(clustered).collect();
        graph.add("report", "report".into(), needs, move |a| {
            Ok(Box::new(report::Report::new(
                &q,
                &at,
                report::Parts {
                    evaluate: a[0],
                    ingest: a[1],
                    split: a[2],
                    preprocess: a[3],
                    duplicates: a[4],
                    train: &a[5..5 + folds],
                    predict: &a[5 + folds..5 + 2 * folds],
                    clusters: &a[5 + 2 * folds..],
                },
            )))
        });
        graph
    }

    fn add(
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
