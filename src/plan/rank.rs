//! Finished settings of a search in the order of their scores: pooled over folds, and the mean of the folds beside it.

use super::overview::newest_run;
use crate::base::{Failure, Result};
use crate::engine::{Run, Workspace};
use crate::protocol;
use crate::stage::evaluate::Evaluate;
use crate::stage::files::read_json;
use crate::stats::evaluate::mean_of_folds;
use crate::stats::ranking;
use serde::{Deserialize, Serialize};

/// One group's score of a setting.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    /// The group.
    pub group: String,
    /// The metric that ranks.
    pub id: String,
    /// Its value.
    pub value: Option<f64>,
    /// The metric beside it.
    pub folds_id: String,
    /// The mean over folds of the group's mean in each fold, folds without one left out.
    pub mean_of_folds: Option<f64>,
}

/// One setting.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// The name under which it would be locked.
    pub name: String,
    /// Network, hidden layer and what learns, as the protocol says them.
    pub network: String,
    /// Scores, in the order in which they rank.
    pub scores: Vec<Score>,
    /// The mean over folds of the chosen epoch's validation loss; none where no loss was looked at.
    pub loss: Option<f64>,
}

/// What of a training's `history.json` counts here; without libtorch there is no other reader of it.
#[derive(Deserialize)]
struct Chosen {
    best_epoch: usize,
    epochs: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: usize,
    validation_loss: Option<f64>,
}

/// Ranks the newest finished runs of these protocols by the scores of these groups, the best first.
pub fn rank(workspace: &Workspace, names: &[String], by: &[String]) -> Result<Vec<Setting>> {
    let runs = Run::all(workspace)?;
    let mut settings = names.iter().map(|name| one(workspace, &runs, name, by)).collect::<Result<Vec<_>>>()?;
    if let Some(other) = settings.iter().find(|s| s.scores.iter().zip(&settings[0].scores).any(|(a, b)| a.id != b.id)) {
        let (a, b) = (&settings[0], other);
        return Err(Failure::input(format!("{} and {} are not measured in the same way", a.name, b.name))
            .hint(format!("'{}' and '{}' are different metrics", a.scores[0].id, b.scores[0].id)));
    }
    let scores: Vec<Vec<Option<f64>>> = settings.iter().map(|s| s.scores.iter().map(|s| s.value).collect()).collect();
    let mut slots: Vec<Option<Setting>> = settings.drain(..).map(Some).collect();
    Ok(ranking::descending(&scores).into_iter().filter_map(|at| slots[at].take()).collect())
}

fn one(workspace: &Workspace, runs: &[Run], name: &str, by: &[String]) -> Result<Setting> {
    let (run, outcome) = newest_run(name, runs)?;
    let p = protocol::parse::from_canonical(run.order.resolved.clone())?;
    let folder = |label: &str| outcome.artifacts.iter().find(|a| a.label == label).map(|a| workspace.store().folder(&a.stage, &a.key));
    let evaluation = folder("evaluate").ok_or_else(|| Failure::input(format!("the newest run of {name} made no evaluation")))?;
    let evaluation = Evaluate::load(&evaluation)?;
    let score = |group: &String| {
        let ending = format!("+group:{group}");
        let metric = evaluation.summary.iter().find(|m| m.id.ends_with(&ending)).ok_or_else(|| {
            let known: Vec<&str> = evaluation.summary.iter().filter_map(|m| Some(m.id.split_once("+group:")?.1)).collect();
            Failure::input(format!("{name} has no group of genes named '{group}'")).hint(if known.is_empty() {
                "metrics.groups names groups".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            })
        })?;
        let genes = p.metrics.groups.get(group).ok_or_else(|| {
            Failure::input(format!("the group '{group}' is chosen by rule, and ranks nothing")).hint("rank by a group of metrics.groups")
        })?;
        Ok(Score {
            group: group.clone(),
            id: metric.id.clone(),
            value: metric.value,
            folds_id: metric.id.replacen("/oof/", "/fold/", 1),
            mean_of_folds: mean_of_folds(&evaluation, genes, p.metrics.undefined),
        })
    };
    let scores = by.iter().map(score).collect::<Result<Vec<_>>>()?;
    let mut losses = Vec::new();
    for artifact in outcome.artifacts.iter().filter(|a| a.stage == "train") {
        let history: Chosen = read_json(&workspace.store().folder(&artifact.stage, &artifact.key).join("history.json"))?;
        losses.push(history.epochs.iter().find(|e| e.epoch == history.best_epoch).and_then(|e| e.validation_loss));
    }
    let defined: Vec<f64> = losses.iter().copied().flatten().collect();
    let loss = (!losses.is_empty() && defined.len() == losses.len()).then(|| defined.iter().sum::<f64>() / defined.len() as f64);
    let n = &p.network;
    let network = format!("{}, hidden {}, trainable {}, {}", word(n.name), n.hidden, word(n.trainable), word(p.augmentation.preset));
    Ok(Setting { name: name.to_owned(), network, scores, loss })
}

/// A value as the protocol file says it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).map(|v| v.to_string().replace('"', "")).unwrap_or_default()
}
