//! What each quirk is worth: a protocol, and the same with each of its kept quirks mended, one at a time.

use super::Graph;
use crate::base::{Failure, Result};
use crate::engine::Workspace;
use crate::protocol::quirks::{self, State};
use crate::protocol::{self, Loaded};
use crate::stage::evaluate::Evaluate;
use crate::stats::evaluate::Metric;
use serde::Serialize;
use std::path::Path;

/// One metric of the study.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Metric id, as the protocol itself has it.
    pub id: String,
    /// Title.
    pub title: String,
    /// With the quirks as the protocol has them.
    pub base: Option<f64>,
    /// With each quirk mended, in the study's order; none where the mended run has no counterpart. A quirk may change what a
    /// metric means (pooling, undefined genes): headline stands against headline then, and a note says so.
    pub mended: Vec<Option<f64>>,
    /// Mended minus base: what the quirk adds is the negative of it.
    pub difference: Vec<Option<f64>>,
}

/// A quirk study.
#[derive(Clone, Debug, Serialize)]
pub struct Study {
    /// The protocol.
    pub protocol: String,
    /// The quirks that were mended one at a time.
    pub quirks: Vec<String>,
    /// The run of each, by the protocol's name with overrides.
    pub runs: Vec<String>,
    /// One a metric.
    pub metrics: Vec<Row>,
    /// What mending changes besides the number: headline ids that are others than the protocol's own.
    pub notes: Vec<String>,
}

/// The quirks of a protocol that a study mends: switches that are kept.
pub fn kept(loaded: &Loaded) -> Vec<String> {
    quirks::of_protocol(&loaded.protocol).into_iter().filter(|(_, s)| *s == State::Kept).map(|(q, _)| q.id.clone()).collect()
}

/// The protocol with one quirk mended.
pub fn mended(path: &Path, overrides: &[String], id: &str) -> Result<Loaded> {
    protocol::load(path, &quirks::without(&[id.to_owned()], overrides)?)
}

/// The runs of a study: the protocol, then with each kept quirk mended that can be mended by itself. Those that cannot are
/// given with the reason.
pub fn runs(path: &Path, overrides: &[String]) -> Result<(Vec<Loaded>, Vec<String>, Vec<String>)> {
    let base = protocol::load(path, overrides)?;
    let (mut all, mut ids, mut notes) = (vec![base.clone()], Vec::new(), Vec::new());
    for id in kept(&base) {
        match mended(path, overrides, &id) {
            Ok(loaded) => {
                all.push(loaded);
                ids.push(id);
            }
            Err(e) => notes.push(format!("{id} was not mended by itself: {}", e.what)),
        }
    }
    if ids.is_empty() {
        return Err(Failure::input(format!("{} keeps no quirk that can be mended by itself", base.name()))
            .at(path.display().to_string())
            .hint(format!("pinfold quirks {} lists them", base.base_name())));
    }
    Ok((all, ids, notes))
}

/// Gathers the finished runs of a study.
pub fn gather(workspace: &Workspace, path: &Path, overrides: &[String]) -> Result<Study> {
    let (all, ids, mut notes) = runs(path, overrides)?;
    let mut found: Vec<Vec<Metric>> = Vec::new();
    for loaded in &all {
        let artifacts = Graph::new(workspace, &loaded.protocol).finished(&workspace.store(), loaded)?;
        let folder = artifacts.iter().find(|a| a.manifest.stage == "evaluate").map(|a| a.dir.clone());
        let folder = folder.ok_or_else(|| Failure::input(format!("{} made no evaluation", loaded.name())))?;
        found.push(Evaluate::load(&folder)?.summary);
    }
    let (base, others) = found.split_first().map_or((&[][..], &[][..]), |(b, o)| (b.as_slice(), o));
    for (id, other) in ids.iter().zip(others) {
        if let (Some(a), Some(b)) = (base.first(), other.first())
            && a.id != b.id
        {
            notes.push(format!("without {id} the headline is another metric: {} in place of {}", b.id, a.id));
        }
    }
    let row = |(i, m): (usize, &Metric)| {
        let mended: Vec<Option<f64>> = others.iter().map(|o| counterpart(i, m, o).and_then(|x| x.value)).collect();
        let difference = mended.iter().map(|v| v.zip(m.value).map(|(v, b)| v - b)).collect();
        Row { id: m.id.clone(), title: m.title.clone(), base: m.value, mended, difference }
    };
    Ok(Study {
        protocol: all.first().map_or_else(String::new, |l| l.name().to_owned()),
        runs: all.iter().skip(1).map(|l| l.name().to_owned()).collect(),
        metrics: base.iter().enumerate().map(row).collect(),
        quirks: ids,
        notes,
    })
}

/// The metric of a mended run that stands against the `i`-th of the base: headline against headline, then the same id, then
/// the same statistic and group under another definition.
fn counterpart<'a>(i: usize, m: &Metric, other: &'a [Metric]) -> Option<&'a Metric> {
    if i == 0 {
        return other.first();
    }
    let key = |id: &str| (id.split('/').next().unwrap_or_default().to_owned(), id.split_once('+').map(|(_, g)| g.to_owned()));
    other.iter().find(|x| x.id == m.id).or_else(|| other.iter().find(|x| key(&x.id) == key(&m.id)))
}
