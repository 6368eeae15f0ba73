//! A lock and its audit, put into the Audit screen's structs.

use super::facts::*;
use crate::audit::{self, Deep, Item, Level, Listing, State};
use crate::base::{Result, text};
use crate::engine::journal::Event;
use crate::engine::{Run, Workspace};
use crate::plan;
use crate::protocol::Loaded;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The audit at work, as other threads see it.
#[derive(Default)]
pub struct AtWork {
    progress: Mutex<Option<AuditProgress>>,
    stop: AtomicBool,
}

impl AtWork {
    /// How far it is.
    pub fn progress(&self) -> Option<AuditProgress> {
        self.progress.lock().ok().and_then(|p| p.clone())
    }
    /// Ends it.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
    fn say(&self, change: impl FnOnce(&mut AuditProgress)) {
        if let Ok(mut progress) = self.progress.lock() {
            change(progress.get_or_insert_with(AuditProgress::default));
        }
    }
}

/// Audits an entry; how far it is can be asked meanwhile.
pub fn audit(workspace: &Workspace, protocol: &str, depth: Depth, at_work: &AtWork) -> Result<Audited> {
    at_work.stop.store(false, Ordering::Relaxed);
    at_work.say(|p| *p = AuditProgress { doing: "reading the lock".into(), ..AuditProgress::default() });
    let observe = |seen: &audit::Progress| {
        at_work.say(|p| {
            p.doing = format!("hashing {}", seen.path);
            (p.files, p.files_total, p.bytes, p.bytes_total) = (seen.files, seen.files_total, seen.bytes, seen.bytes_total);
        });
    };
    let tell = |event: &Event| {
        let doing = match event {
            Event::StageStarted { label, stage, .. } if stage == "train" => format!("training {label} again"),
            Event::StageStarted { label, .. } => format!("making {label} again"),
            Event::Epoch { label, epoch, epochs, .. } => format!("{label} again: epoch {epoch} of {epochs}"),
            Event::Progress { label, done, total, unit, .. } => {
                format!("{label} again: {} of {} {unit}", text::thousands(*done), text::thousands(*total))
            }
            _ => return,
        };
        at_work.say(|p| p.doing = doing);
    };
    let deep = Deep { all_folds: false, from_data: false, tell: &tell, stop: &at_work.stop };
    let report = audit::look_deep(workspace, &[protocol.to_owned()], level(depth), false, &observe, &deep);
    if let Ok(mut progress) = at_work.progress.lock() {
        *progress = None;
    }
    let report = report?;
    let verdict = match &report.first_difference {
        None => match report.count(State::Skipped) {
            0 => format!("passed: {}, all as locked", things(report.count(State::Verified), "thing")),
            n => format!("passed: {} as locked, {n} could not be checked", things(report.count(State::Verified), "thing")),
        },
        Some(first) => format!("FAILED. The first difference: {first}"),
    };
    let mut items: Vec<&Item> = report.items().collect();
    items.sort_by_key(|i| i.kind);
    Ok(Audited { depth: Some(depth), verdict, costs: Vec::new(), kinds: tree(&items) })
}

fn level(depth: Depth) -> Level {
    match depth {
        Depth::Digests => Level::Digests,
        Depth::Metrics => Level::Metrics,
        Depth::Predictions => Level::Predictions,
        Depth::Retrain => Level::Retrain,
    }
}

/// The lock of a protocol as it stands in the file.
pub fn locked(workspace: &Workspace, loaded: &Loaded) -> Result<Audited> {
    let folds = plan::fold_labels(&loaded.protocol, "train");
    let listing = audit::listed(workspace, loaded.base_name(), folds.len())?;
    let items: Vec<&Item> = listing.items.iter().collect();
    let mut kinds: Vec<AuditKind> = stale(&listing).into_iter().collect();
    let verdict = match kinds.first() {
        Some(changed) => {
            format!("stale: the protocol has changed since it was locked ({})", things(changed.tally().total() - 1, "parameter"))
        }
        None => "locked; nothing was checked yet. a audits it at the level below.".into(),
    };
    kinds.extend(tree(&items));
    let fold = folds.get(listing.retrained).map(String::as_str).unwrap_or("train");
    Ok(Audited { depth: None, verdict, costs: costs(workspace, loaded, &listing, fold), kinds })
}

/// So many of something, in words.
fn things(n: usize, what: &str) -> String {
    format!("{} {what}{}", text::thousands(n as u64), if n == 1 { "" } else { "s" })
}

/// Both fingerprints, and every parameter that makes them differ.
fn stale(listing: &Listing) -> Option<AuditKind> {
    let stale = listing.stale.as_ref()?;
    let changed = |name: &str, locked: String, found: String, words: &str| AuditThing {
        mark: Mark::Changed,
        name: name.to_owned(),
        path: name.to_owned(),
        locked,
        found,
        words: words.to_owned(),
        hint: String::new(),
    };
    let mut fingerprint = changed("fingerprint", stale.locked.to_string(), stale.current.to_string(), &stale.unknown);
    fingerprint.hint = "r runs it as it is now, l then locks that; or bring the locked file back from its commit".into();
    let leaves = stale.leaves.iter().map(|d| changed(&d.key, d.locked.clone(), d.current.clone(), ""));
    let all: Vec<AuditThing> = std::iter::once(fingerprint).chain(leaves).collect();
    Some(AuditKind { name: "why it is stale".into(), parts: vec![AuditPart { name: String::new(), things: all }] })
}

/// What each level would cost, by the size of the files and by the newest whole run here.
fn costs(workspace: &Workspace, loaded: &Loaded, listing: &Listing, fold: &str) -> Vec<String> {
    let seconds = spent(workspace, loaded.base_name());
    let of = |what: &str| -> Option<f64> {
        let sum: f64 = seconds.iter().filter(|(label, _)| label == what || label.starts_with(&format!("{what}["))).map(|(_, s)| s).sum();
        (sum > 0.0).then_some(sum)
    };
    let about = |seconds: Option<f64>| {
        seconds.map_or("time unknown: no run here to go by".to_owned(), |s| format!("about {}", text::duration(s.max(1.0))))
    };
    let read = format!("reads {}, {}", things(listing.files, "file"), text::bytes(listing.bytes));
    vec![
        read.clone(),
        format!("{read}, and computes the metrics again"),
        format!("and predicts every fold again: {}", about(of("predict"))),
        format!("and trains {fold} again: {}", about(of(fold))),
    ]
}

/// How long each stage took in the newest run of this protocol that did it.
fn spent(workspace: &Workspace, name: &str) -> Vec<(String, f64)> {
    let mut out: Vec<(String, f64)> = Vec::new();
    for run in Run::all(workspace).unwrap_or_default().iter().rev().filter(|r| r.order.protocol == name).take(20) {
        for line in run.lines().unwrap_or_default() {
            if let Event::StageDone { label, seconds, .. } = line.event
                && !out.iter().any(|(l, _)| *l == label)
            {
                out.push((label, seconds));
            }
        }
    }
    out
}

/// Items of an audit, sorted by kind, as a tree. Neighbours with one label belong together.
fn tree(items: &[&Item]) -> Vec<AuditKind> {
    let mut kinds: Vec<AuditKind> = Vec::new();
    for item in items {
        if kinds.last().is_none_or(|k| k.name != item.kind.word()) {
            kinds.push(AuditKind { name: item.kind.word().to_owned(), parts: Vec::new() });
        }
        let Some(kind) = kinds.last_mut() else { continue };
        if kind.parts.last().is_none_or(|p| p.name != item.label) {
            kind.parts.push(AuditPart { name: item.label.clone(), things: Vec::new() });
        }
        if let Some(part) = kind.parts.last_mut() {
            part.things.push(thing(item));
        }
    }
    kinds
}

fn thing(item: &Item) -> AuditThing {
    AuditThing {
        mark: match item.state {
            State::Verified => Mark::Verified,
            State::Failed => Mark::Failed,
            State::Missing => Mark::Missing,
            State::Skipped => Mark::NotChecked,
        },
        // A metric's id has slashes of its own.
        name: match item.kind {
            audit::Kind::Metric => item.expected.clone(),
            _ => item.path.rsplit('/').next().unwrap_or(&item.path).to_owned(),
        },
        path: item.path.clone(),
        locked: item.expected.clone(),
        found: item.found.clone(),
        words: item.words.clone(),
        hint: item.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: audit::Kind, label: &str, path: &str) -> Item {
        Item {
            kind,
            label: label.into(),
            path: path.into(),
            expected: "a".into(),
            found: "b".into(),
            state: State::Failed,
            words: "differs".into(),
            hint: String::new(),
        }
    }

    #[test]
    fn files_of_one_artifact_stand_together() {
        let items = [
            item(audit::Kind::Commit, "commit", "3f2a"),
            item(audit::Kind::Artifact, "train[a]", "artifacts/train/1/manifest.json"),
            item(audit::Kind::Artifact, "train[a]", "artifacts/train/1/checkpoint.safetensors"),
            item(audit::Kind::Artifact, "train[b]", "artifacts/train/2/manifest.json"),
        ];
        let kinds = tree(&items.iter().collect::<Vec<_>>());
        let shape: Vec<(&str, Vec<usize>)> =
            kinds.iter().map(|k| (k.name.as_str(), k.parts.iter().map(|p| p.things.len()).collect())).collect();
        assert_eq!(shape, [("commit", vec![1]), ("artifacts", vec![2, 1])]);
        assert_eq!(kinds[1].parts[0].things[1].name, "checkpoint.safetensors");
        assert_eq!((kinds[1].tally().failed, kinds[1].tally().worst()), (3, Mark::Failed));
    }
}
