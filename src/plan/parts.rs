//! Parts of the graph that can run by themselves: what comes before the folds, each fold, what comes after.

use super::Graph;
use crate::base::{Failure, Result};
use crate::engine::store::{Artifact, Store};
use crate::engine::{Event, Stage, Watch, stage as engine_stage};

/// A part of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What every fold needs.
    Prepare,
    /// One fold, by number.
    Fold(usize),
    /// What needs the folds.
    Finish,
}

impl Graph {
    /// The part that a node belongs to.
    pub fn part(&self, node: usize) -> Part {
        match self.nodes[node].fold {
            Some(fold) => Part::Fold(fold),
            None if self.nodes[node].needs.iter().any(|&n| self.part(n) != Part::Prepare) => Part::Finish,
            None => Part::Prepare,
        }
    }

    /// Labels of the nodes of these parts, in order.
    pub fn labels_of(&self, wanted: &dyn Fn(Part) -> bool) -> Vec<String> {
        (0..self.nodes.len()).filter(|&i| wanted(self.part(i))).map(|i| self.nodes[i].label.clone()).collect()
    }

    /// Runs what is not there, in order.
    pub fn execute(&self, store: &Store, watch: &mut dyn Watch) -> Result<Vec<Artifact>> {
        watch.event(Event::Planned { labels: self.labels() });
        Ok(self.execute_parts(store, watch, &|_| true)?.into_iter().flatten().collect())
    }

    /// Runs what is not there of these parts. What they need of other parts must be there, and sound. Gives the
    /// artifacts of the parts and of what they need, at their nodes' places.
    pub fn execute_parts(&self, store: &Store, watch: &mut dyn Watch, wanted: &dyn Fn(Part) -> bool) -> Result<Vec<Option<Artifact>>> {
        let wanted: Vec<bool> = (0..self.nodes.len()).map(|i| wanted(self.part(i))).collect();
        // From the end: whatever a needed node needs is needed.
        let mut needed = wanted.clone();
        for i in (0..self.nodes.len()).rev().filter(|&i| needed[i]).collect::<Vec<_>>() {
            self.need(i, &mut needed);
        }
        let mut out: Vec<Option<Artifact>> = Vec::with_capacity(self.nodes.len());
        for (i, node) in self.nodes.iter().enumerate() {
            if !needed[i] {
                out.push(None);
                continue;
            }
            let stage = self.stage_from(i, &out)?;
            out.push(Some(if wanted[i] {
                engine_stage::run(store, &*stage, watch)?
            } else {
                let job = stage.job();
                let artifact = store
                    .find(&job)?
                    .ok_or_else(|| Failure::input(format!("{} has not been done", node.label)).hint("run the whole protocol"))?;
                // Read by what runs here, perhaps on another node than it was made on.
                if self.nodes.iter().enumerate().any(|(j, n)| wanted[j] && n.needs.contains(&i)) {
                    store.verify(&artifact)?;
                }
                artifact
            }));
        }
        Ok(out)
    }

    fn need(&self, node: usize, needed: &mut [bool]) {
        for &n in &self.nodes[node].needs {
            if !std::mem::replace(&mut needed[n], true) {
                self.need(n, needed);
            }
        }
    }

    fn stage_from(&self, node: usize, made: &[Option<Artifact>]) -> Result<Box<dyn Stage>> {
        let inputs: Option<Vec<&Artifact>> = self.nodes[node].needs.iter().map(|&n| made[n].as_ref()).collect();
        let inputs = inputs.ok_or_else(|| Failure::input(format!("what {} needs is not there", self.nodes[node].label)))?;
        (self.nodes[node].make)(&inputs)
    }
}
