//! What a run came to, read from its artifacts: the part of the facts that the Results screen asks for.

use super::facts::*;
use super::workspace_facts::WorkspaceFacts;
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use crate::dataset::synthetic;
use crate::engine::Run;
use crate::plan::{self, compare};
use crate::protocol::Protocol;
use crate::protocol::schema::PublishedStatus;
use crate::stage::evaluate::{EVALUATE, Evaluate, STACK_EVALUATE};
use crate::stage::leakage;
use crate::stats::evaluate::{Evaluation, Metric, Undefined, read_spots};
use crate::stats::summary;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Width of a block of neighbouring spots in the interval over spots: what `pinfold compare` takes unless told otherwise.
const BLOCK: i32 = 5;

/// What took long to make, by the artifact it was made from. An artifact's folder is named after its content, so nothing
/// here can be out of date.
#[derive(Default)]
pub(super) struct Made {
    intervals: Mutex<HashMap<PathBuf, Vec<Interval>>>,
    tissues: Mutex<HashMap<(PathBuf, String), Tissue>>,
}

/// What was made before, or what is made now. Two threads may make the same at once, which costs time and nothing else.
fn once<K: std::hash::Hash + Eq, V: Clone>(made: &Mutex<HashMap<K, V>>, key: K, make: impl FnOnce() -> Result<V>) -> Result<V> {
    let kept = made.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let value = make()?;
    made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value.clone());
    Ok(value)
}

impl WorkspaceFacts {
    pub(super) fn read_results(&self, protocol: &str) -> Result<Results> {
        let overrides = self.shown(protocol)?.1;
        let loaded = self.load(protocol, &overrides)?;
        let p = &loaded.protocol;
        let evaluation = Evaluate::load(&self.artifact(protocol, EVALUATE)?)?;
        // A published figure may be of the stack; only then its number stands here.
        let stacked = p.stack.as_ref().map(|_| Evaluate::load(&self.artifact(protocol, STACK_EVALUATE)?)).transpose()?;
        let stacked = stacked.into_iter().flat_map(|e| e.summary).filter(|m| p.published.iter().any(|x| x.metric == m.id));
        let measured: Vec<Metric> = evaluation.summary.iter().cloned().chain(stacked).collect();
        let class = |gene: &str| match synthetic::truth_class(gene) {
            Some(synthetic::Class::Signal) => "signal".to_owned(),
            Some(synthetic::Class::Gradient) => "gradient".to_owned(),
            Some(synthetic::Class::Noise) => "noise".to_owned(),
            None => {
                let with = p.metrics.groups.iter().filter(|(_, genes)| genes.iter().any(|g| g == gene));
                with.map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(" ")
            }
        };
        // Where nothing was counted, every abundance is 0.
        let counted = evaluation.genes.iter().any(|g| g.abundance != 0.0);
        let findings = leakage::read(&self.artifact(protocol, "split")?, &self.artifact(protocol, "duplicates")?)?;
        let mut slides: Vec<String> = Vec::new();
        for fold in self.predictions(protocol)? {
            for spot in fold.spots {
                if !slides.contains(&spot.slide) {
                    slides.push(spot.slide);
                }
            }
        }
        slides.sort();
        Ok(Results {
            metrics: measured.iter().map(|m| row(p, m)).collect(),
            genes: evaluation
                .genes
                .iter()
                .map(|g| GeneRow {
                    name: g.gene.clone(),
                    pcc: g.pcc,
                    spearman: g.spearman,
                    moran: g.moran_truth,
                    abundance: counted.then_some(g.abundance),
                    class: class(&g.gene),
                })
                .collect(),
            slides,
            notes: (!overrides.is_empty())
                .then(|| format!("of a run with overrides ({}), which is not locked under the protocol's name", overrides.join(", ")))
                .into_iter()
                .chain(findings.into_iter().filter(|f| f.leaks).map(|f| f.text))
                .collect(),
            apart: p
                .published
                .iter()
                .filter(|x| measured.iter().all(|m| m.id != x.metric))
                .map(|x| format!("published {} ({}) is of a metric not measured here: {}", x.value, x.source, x.metric))
                .collect(),
            folds: folds(&evaluation),
        })
    }

    /// The intervals of `pinfold compare`, beside the metrics that they are of.
    pub(super) fn resample(&self, protocol: &str) -> Result<Vec<Interval>> {
        let folder = self.artifact(protocol, EVALUATE)?;
        let (name, overrides) = self.shown(protocol)?;
        once(&self.made.intervals, folder.clone(), || {
            let undefined = self.load(protocol, &overrides)?.protocol.metrics.undefined;
            let compared = compare::compare(&self.workspace, &[name], BLOCK)?;
            let evaluation = Evaluate::load(&folder)?;
            Ok(compared.models.first().map(|model| intervals(model, &evaluation, undefined)).unwrap_or_default())
        })
    }

    pub(super) fn read_map(&self, protocol: &str, slide: &str, gene: &str) -> Result<SpotMap> {
        let mut out = SpotMap::default();
        for fold in self.predictions(protocol)? {
            let Some(column) = fold.genes.iter().position(|g| g == gene) else {
                return Err(Failure::input(format!("no gene '{gene}' in the panel")));
            };
            let width = fold.genes.len();
            for (row, spot) in fold.spots.iter().enumerate().filter(|(_, s)| s.slide == slide) {
                out.at.push((spot.array_col, spot.array_row));
                out.truth.push(fold.truth[row * width + column]);
                out.prediction.push(fold.prediction[row * width + column]);
            }
        }
        Ok(out)
    }

    /// The mean colour of each spot's patch: what the network saw, without a look for the slide's image, which may be gone
    /// or of gigabytes.
    pub(super) fn read_tissue(&self, protocol: &str, slide: &str) -> Result<Tissue> {
        let (name, overrides) = self.shown(protocol)?;
        let p = self.load(protocol, &overrides)?.protocol;
        let runs = Run::all(&self.workspace)?;
        let folder = |label: &str| plan::newest_artifact(&self.workspace, &name, &runs, label);
        let by_fold = p.stain.as_ref().is_some_and(crate::protocol::schema::Stain::by_fold);
        let first = plan::fold_labels(&p, "patches").into_iter().next().filter(|_| by_fold);
        let state = match &first {
            Some(label) => format!("as prepared for {}", label.trim_start_matches("patches[").trim_end_matches(']')),
            None if p.stain.is_some() || p.mask.is_some() => "as prepared".to_owned(),
            None => String::new(),
        };
        let patches = folder(first.as_deref().unwrap_or("patches"))?;
        let spots = folder("preprocess")?.join("spots.tsv");
        once(&self.made.tissues, (patches.clone(), slide.to_owned()), || {
            let file = patches.join("patches.safetensors");
            let arrays = Arrays::open(&file)?;
            let (bytes, row) = (arrays.u8s("patches")?, arrays.entry("patches")?.shape.iter().skip(1).product::<usize>());
            let mut out = Tissue { state, ..Tissue::default() };
            for (i, spot) in read_spots(&spots)?.into_iter().enumerate().filter(|(_, s)| s.slide == slide) {
                let patch = bytes.get(i * row..(i + 1) * row).ok_or_else(|| {
                    Failure::input("there are fewer patches than spots").at(file.display().to_string()).hint("run the protocol again")
                })?;
                out.at.push((spot.array_col, spot.array_row));
                out.colours.push(mean_colour(patch));
            }
            Ok(out)
        })
    }
}

/// A metric beside what was published of it.
fn row(p: &Protocol, metric: &Metric) -> MetricRow {
    let published = p.published.iter().find(|x| x.metric == metric.id).map(|x| Published {
        value: x.value,
        source: x.source.clone(),
        verdict: match x.status {
            PublishedStatus::Unverified => Verdict::Unverified,
            _ if metric.value.is_some_and(|v| (v - x.value).abs() <= x.tolerance) => Verdict::Within(x.tolerance),
            _ => Verdict::Outside(x.tolerance),
        },
    });
    MetricRow { id: metric.id.clone(), title: metric.title.clone(), value: metric.value, published }
}

/// The headline fold by fold.
fn folds(evaluation: &Evaluation) -> Folds {
    let by_spots = evaluation.by_fold.iter().any(|f| f.within_spots.is_some());
    let values: Vec<(String, Option<f64>)> =
        evaluation.by_fold.iter().map(|f| (f.name.clone(), if by_spots { f.within_spots } else { f.mean_pcc })).collect();
    let known: Vec<f64> = values.iter().filter_map(|(_, v)| *v).collect();
    let of = if by_spots { "Spearman within spots" } else { "mean PCC" };
    Folds { of: of.to_owned(), values, deviation: summary::deviation(&known, 1) }
}

/// Which metric each interval is of. Genes are drawn among those that have a PCC, spots under the protocol's rule for the
/// others; where every gene has one, the two rules are one.
fn intervals(model: &compare::Model, evaluation: &Evaluation, undefined: Undefined) -> Vec<Interval> {
    let id = |policy: Undefined| {
        let of = |id: &str| id.starts_with("pcc/gene/") && id.split('/').nth(3) == Some(policy.word());
        evaluation.summary.iter().map(|m| &m.id).find(|id| of(id))
    };
    let whole = evaluation.genes.iter().all(|g| g.pcc.is_some());
    let genes = (id(if whole { undefined } else { Undefined::Skip }), model.over_genes, "genes".to_owned());
    let spots = (id(undefined), model.over_spots, format!("{} blocks of spots", model.blocks));
    let made = [genes, spots].into_iter().filter_map(|(id, ends, over)| Some((id?.clone(), ends?, over)));
    made.map(|(metric, (low, high), over)| Interval { metric, over, low, high }).collect()
}

/// The mean of the pixels: red, green, blue. Black where there is none.
fn mean_colour(patch: &[u8]) -> [u8; 3] {
    let mut sums = [0u64; 3];
    for pixel in patch.chunks_exact(3) {
        sums.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u64::from(*v));
    }
    let n = (patch.len() / 3).max(1) as u64;
    sums.map(|sum| (sum / n) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::base::arrays::ByteRows;
    use crate::engine::Workspace;
    use crate::engine::execution::Execution;
    use crate::engine::runs::{Order, Outcome, OutcomeRow};
    use crate::stage::files::write_json;
    use crate::stats::evaluate::{FoldPredictions, SpotAt, evaluate, write_spots};
    use std::cell::Cell;
    use std::path::Path;

    const SIDE: usize = 10;
    const GENES: [&str; 4] = ["A", "B", "C", "FLAT"];

    /// A workspace whose demo has been run, so many times, as far as a reader can tell: artifacts without a training.
    fn ran(root: &Path, times: u8) -> WorkspaceFacts {
        let facts = WorkspaceFacts::new(Workspace::at(root), Vec::new());
        let path = facts.workspace.protocols().join("demo.toml");
        let demo = include_str!("../../protocols/demo.toml");
        crate::base::atomic::write(&path, demo.as_bytes()).expect("protocol");
        let panel = facts.load("demo", &[]).expect("protocol").protocol.panel_id();
        let published = |id: &str, status: &str| {
            format!(
                "[[published]]\nmetric = \"{id}/{panel}\"\nvalue = 0.9\nsource = \"Table 2\"\nstatus = \"{status}\"\ntolerance = 0.05\n"
            )
        };
        let more = [("pcc/gene/oof/skip", "read"), ("pcc/gene/oof/zero", "unverified"), ("else/gene/oof/zero", "read")];
        let text = more.iter().fold(demo.to_owned(), |text, (id, status)| text + "\n" + &published(id, status));
        crate::base::atomic::write(&path, text.as_bytes()).expect("protocol");
        (0..times).for_each(|i| run(&facts, i));
        facts
    }

    fn run(facts: &WorkspaceFacts, noise: u8) {
        let p = facts.load("demo", &[]).expect("protocol").protocol;
        let order = Order {
            protocol: "demo".into(),
            file: "protocols/demo.toml".into(),
            file_sha256: Digest::of(b""),
            overrides: Vec::new(),
            resolved: p.canonical(),
            execution: Execution::default(),
        };
        let run = Run::create(&facts.workspace, order).expect("run");
        let mut rows = Vec::new();
        let mut artifact = |stage: &str, label: &str| {
            let key = Digest::of(&[label.as_bytes(), &[noise]].concat());
            rows.push(OutcomeRow { label: label.into(), stage: stage.into(), key, digest: key });
            let folder = facts.workspace.store().folder(stage, &key);
            std::fs::create_dir_all(&folder).expect("folder");
            folder
        };
        let spots: Vec<SpotAt> = (0..SIDE * SIDE)
            .map(|i| SpotAt {
                slide: if i < 2 { "S2" } else { "S1" }.into(),
                id: format!("s{i}"),
                array_col: (i % SIDE) as i32,
                array_row: (i / SIDE) as i32,
                x: 0.0,
                y: 0.0,
            })
            .collect();
        let preprocess = artifact("preprocess", "preprocess");
        write_spots(&preprocess.join("spots.tsv"), &spots).expect("spots");
        let mut patches = ByteRows::create(&artifact("patches", "patches").join("patches.safetensors"), "patches", spots.len(), &[2, 1, 3])
            .expect("patches");
        (0..spots.len() as u8).for_each(|i| patches.push(&[i, 0, 9, i, 2, 9]).expect("patch"));
        patches.finish().expect("patches");
        let wave = |i: usize, gene: usize| if gene == 3 { 0.0 } else { ((i * (gene + 2)) as f32 * 0.37).sin() };
        let values =
            |shift: f32| (0..SIDE * SIDE).flat_map(|i| (0..GENES.len()).map(move |g| wave(i, g) + shift * wave(i * 7 + 3, g))).collect();
        let label = plan::fold_labels(&p, "predict").remove(0);
        let fold = FoldPredictions {
            name: "holdout".into(),
            genes: GENES.map(str::to_owned).into(),
            rows: (0..(SIDE * SIDE) as i64).collect(),
            spots,
            truth: values(0.0),
            prediction: values(0.2 + f32::from(noise)),
            constant: vec![0.0; GENES.len()],
        };
        fold.write(&artifact("predict", &label)).expect("predictions");
        let evaluation = evaluate(&[fold], &[0.0; 4], &[], &crate::stage::evaluate::spec(&p)).expect("evaluation");
        write_json(&artifact("evaluate", "evaluate").join("metrics.json"), &evaluation).expect("metrics");
        for stage in ["split", "duplicates"] {
            write_json(&artifact(stage, stage).join("leakage.json"), &Vec::<u8>::new()).expect("findings");
        }
        write_json(&run.dir.join("result.json"), &Outcome { artifacts: rows }).expect("result");
    }

    #[test]
    fn a_run_is_read_back_with_its_verdicts_intervals_and_tissue() {
        let folder = tempfile::tempdir().expect("folder");
        let facts = ran(folder.path(), 1);
        let results = facts.results("demo").expect("results");
        let headline = &results.metrics[0];
        assert!(headline.value.is_some_and(|v| v > 0.9), "{headline:?}");
        let within = headline.value.is_some_and(|v| (v - 0.9).abs() <= 0.05);
        let due = if within { Verdict::Within(0.05) } else { Verdict::Outside(0.05) };
        assert_eq!(headline.published.as_ref().map(|p| p.verdict), Some(due));
        let other = results.metrics.iter().find(|m| m.id.starts_with("pcc/gene/oof/zero")).expect("policy");
        assert_eq!(other.published.as_ref().map(|p| p.verdict), Some(Verdict::Unverified));
        assert!(results.apart.len() == 1 && results.apart[0].contains("not measured here"), "{:?}", results.apart);
        assert_eq!((results.folds.values.len(), results.folds.deviation), (1, None));
        assert!(results.genes.iter().all(|g| g.abundance.is_none()), "nothing was counted");
        // A gene without a PCC: both intervals are of the mean over those that have one, which is the headline.
        let intervals = facts.intervals("demo").expect("intervals");
        assert_eq!(intervals.len(), 2, "{intervals:?}");
        for i in &intervals {
            assert!(i.metric == headline.id && Some(i.low) <= headline.value && headline.value <= Some(i.high), "{i:?}");
        }
        let tissue = facts.tissue("demo", "S1").expect("tissue");
        assert_eq!((tissue.at.len(), tissue.at[0], tissue.colours[0], tissue.state.as_str()), (98, (2, 0), [2, 1, 9], ""));
        assert_eq!(facts.map("demo", "S1", "B").expect("map").at, tissue.at, "the same spots lie in the same places");
        assert!(facts.compare("demo").expect("words").starts_with("Nothing to compare with"));
    }

    #[test]
    fn the_newest_run_is_held_against_the_one_before() {
        let folder = tempfile::tempdir().expect("folder");
        let words = ran(folder.path(), 2).compare("demo").expect("words");
        assert!(words.contains("The artifacts part at preprocess") && words.contains("moved by -"), "{words}");
        assert!(words.contains("Nothing was pinned differently"), "{words}");
    }

    #[test]
    fn a_patch_has_one_colour() {
        assert_eq!(mean_colour(&[10, 20, 30, 20, 40, 90]), [15, 30, 60]);
        assert_eq!(mean_colour(&[]), [0; 3]);
    }

    #[test]
    fn what_was_made_is_not_made_again_and_a_failure_is_not_kept() {
        let (made, times) = (Mutex::new(HashMap::new()), Cell::new(0));
        let ask = |key: u8, good: bool| {
            once(&made, key, || {
                times.set(times.get() + 1);
                if good { Ok(key) } else { Err(Failure::input("no")) }
            })
        };
        assert!(ask(1, false).is_err() && ask(1, true).is_ok() && ask(1, false).is_ok() && ask(2, true).is_ok());
        assert_eq!(times.get(), 3);
    }
}
