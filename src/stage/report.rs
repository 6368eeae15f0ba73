//! `report`: figures, `report.md` and `index.html` from everything before.

use super::clusters::Found;
use super::evaluate::Evaluate;
use super::figures::{self, Drawn, Material};
use super::files::{self, Expression};
use super::ingest::Ingest;
use super::leakage::{self, Finding};
use super::report_extras as extras;
pub use super::report_needs::{Needs, StackNeeds};
use crate::base::arrays::Arrays;
use crate::base::{Digest, Failure, Result, text};
use crate::dataset::Slide;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::quirks::{self, State};
use crate::protocol::schema::{Dataset, PublishedStatus};
use crate::report::page::{self, Page, PageFigure, Table};
use crate::stats::evaluate::{Evaluation, FoldPredictions, Metric};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Report {
    protocol: Protocol,
    data_root: PathBuf,
    from: Needs<Artifact>,
}

impl Report {
    /// A report of a protocol's artifacts, which come in the order of `needs.all()`.
    pub fn new(p: &Protocol, data_root: &Path, needs: &Needs<usize>, artifacts: &[&Artifact]) -> Result<Self> {
        let due = needs.all().len();
        if artifacts.len() != due {
            return Err(Failure::environment(format!("a report was given {} artifacts where it needs {due}", artifacts.len())));
        }
        let mut given = artifacts.iter();
        // There are as many as are asked for, so the first one never stands in for another.
        let from = needs.map(|_| (*given.next().unwrap_or(&artifacts[0])).clone());
        Ok(Self { protocol: p.clone(), data_root: data_root.to_owned(), from })
    }

    /// Each artifact once.
    fn inputs(&self) -> Vec<Artifact> {
        let mut out: Vec<Artifact> = Vec::new();
        for artifact in self.from.all() {
            if !out.iter().any(|a| a.label == artifact.label) {
                out.push(artifact);
            }
        }
        out
    }
}

impl Stage for Report {
    fn job(&self) -> Job {
        // What a person reads is part of the page, so the whole protocol is a parameter.
        Job {
            stage: "report",
            label: "report".into(),
            version: 7,
            parameters: json!({"protocol": self.protocol.canonical()}),
            inputs: self.inputs().into_iter().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn run(&self, out: &Path, _watch: &mut dyn Watch) -> Result<()> {
        let (p, from) = (&self.protocol, &self.from);
        let slides = Ingest::load(&from.slides.dir)?;
        let evaluation = Evaluate::load(&from.evaluate.dir)?;
        let expression = Expression::read(&from.preprocess.dir)?;
        let predictions = from.predict.iter().map(|a| FoldPredictions::read(&a.dir)).collect::<Result<Vec<_>>>()?;
        let name = |label: &str| label.split_once('[').map_or(label, |(_, n)| n.trim_end_matches(']')).to_owned();
        let histories = from
            .train
            .iter()
            .map(|a| Ok((name(&a.label), files::read_json(&a.file("history.json"))?)))
            .collect::<Result<Vec<(String, serde_json::Value)>>>()?;
        let clusters = from
            .clusters
            .iter()
            .map(|a| Ok((name(&a.label), Found::read(&a.dir, expression.spots.len())?)))
            .collect::<Result<Vec<(String, Found)>>>()?;
        let findings = leakage::read(&from.split.dir, &from.duplicates.dir)?;
        let material = Material {
            protocol: p,
            slides: &slides,
            expression: &expression,
            evaluation: &evaluation,
            histories: &histories,
            clusters: &clusters,
            predictions: &predictions,
            data_root: &self.data_root,
            ingest: &from.ingest.dir,
        };
        let inputs = self.inputs();
        let drawn_from = Digest::of_listing(inputs.iter().map(|a| (a.label.as_str(), a.digest())));
        let provenance = |figure: &str| -> Vec<(String, String)> {
            [
                ("Software", format!("pinfold {}", env!("CARGO_PKG_VERSION"))),
                ("Protocol", p.name.clone()),
                ("Protocol digest", p.digest().to_string()),
                ("Figure", figure.to_owned()),
                ("Drawn from", drawn_from.to_string()),
                ("Metrics", from.evaluate.digest().to_string()),
            ]
            .map(|(k, v)| (k.to_owned(), v))
            .into()
        };
        let mut drawn = figures::draw(&material, &provenance)?;
        drawn.extend(extras::draw(&material, from, &provenance)?);
        let captions: Vec<(String, String)> = drawn.iter().map(|d| (d.file.clone(), d.caption.clone())).collect();
        for figure in &drawn {
            crate::base::atomic::write(&out.join(&figure.file), &figure.png)?;
        }
        files::write_json(&out.join("figures.json"), &captions)?;
        let parameters = from.train.first().zip(histories.first()).map(|(a, (_, history))| sizes(a, history)).transpose()?;
        // Published figures may be of the stack.
        let stacked = from.stack.as_ref().map(|s| Evaluate::load(&s.evaluate.dir)).transpose()?;
        let measured: Vec<&Metric> = evaluation.summary.iter().chain(stacked.iter().flat_map(|e| &e.summary)).collect();
        let mut page = self.page(&slides, &evaluation, findings, drawn, parameters);
        page.verdicts = verdicts(p, &evaluation, &measured);
        let at = page.tables.len().min(1);
        let more = super::clusters::table(&clusters).into_iter().chain(extras::tables(p, &evaluation, &histories, from)?);
        page.tables.splice(at..at, more);
        page.verdicts.extend(extras::verdicts(p, &evaluation, &histories, from)?);
        crate::base::atomic::write(&out.join("report.md"), page::markdown(&page).as_bytes())?;
        crate::base::atomic::write(&out.join("index.html"), page::html(&page).as_bytes())
    }
}

impl Report {
    fn page(
        &self,
        slides: &[Slide],
        evaluation: &Evaluation,
        findings: Vec<Finding>,
        drawn: Vec<Drawn>,
        parameters: Option<String>,
    ) -> Page {
        let p = &self.protocol;
        let (leaks, sound): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(|f| f.leaks);
        let texts = |all: Vec<Finding>| all.into_iter().map(|f| f.text).collect();
        Page {
            title: p.title.clone(),
            protocol: p.name.clone(),
            headline: evaluation.summary.first().map(|m| (m.title.clone(), value_of(m), m.id.clone())),
            verdicts: Vec::new(),
            leaks: texts(leaks),
            sound: texts(sound),
            facts: self.facts(slides, evaluation, parameters),
            tables: tables(p, evaluation, slides, self.inputs().iter()),
            figures: drawn.into_iter().map(|d| PageFigure { file: d.file, title: d.title, caption: d.caption, png: d.png }).collect(),
        }
    }

    fn facts(&self, slides: &[Slide], evaluation: &Evaluation, sizes: Option<String>) -> Vec<(String, String)> {
        let p = &self.protocol;
        let word = |v: &dyn Fn() -> serde_json::Value| v().as_str().map_or_else(String::new, str::to_owned);
        let spots: usize = slides.iter().map(|s| s.spots.len()).sum();
        let parameters: Vec<String> = [
            format!("{} epochs", p.train.epochs),
            format!("batch {}", p.train.batch),
            format!("learning rate {}", p.train.learning_rate),
            word(&|| json!(p.train.schedule)),
            format!("checkpoint: {}", word(&|| json!(p.train.best))),
        ]
        .into();
        [
            ("protocol", format!("{} ({})", p.name, p.digest())),
            ("system, profile", format!("{}, {}", p.system, word(&|| json!(p.profile)))),
            ("slides", slides.iter().map(|s| format!("{} ({} spots)", s.id, s.spots.len())).collect::<Vec<_>>().join(", ")),
            ("spots", format!("{} in all, {} evaluated", text::thousands(spots as u64), text::thousands(evaluation.spots as u64))),
            ("genes", format!("{} ({})", evaluation.genes.len(), p.panel_id())),
            ("target", p.expression_label()),
            ("patch", format!("{} px, seen by the network at {} px, {}", p.patch.size, p.patch.resize, word(&|| json!(p.patch.colour)))),
            (
                "network",
                format!(
                    "{}, weights {}, hidden layer {}, dropout {}",
                    word(&|| json!(p.network.name)),
                    p.network.weights,
                    p.network.hidden,
                    p.network.dropout
                ),
            ),
            ("parameters", sizes.unwrap_or_default()),
            ("augmentation", word(&|| json!(p.augmentation.preset))),
            ("training", parameters.join(", ")),
            ("seeds", format!("protocol {}, split {}", p.seed, p.split.seed)),
            (
                "determinism asked for",
                format!(
                    "{}, {} threads, {}",
                    word(&|| json!(p.determinism.class)),
                    p.determinism.threads,
                    word(&|| json!(p.determinism.device))
                ),
            ),
            ("program", format!("pinfold {}, libtorch {}", env!("CARGO_PKG_VERSION"), super::LIBTORCH)),
        ]
        .map(|(k, v)| (k.to_owned(), v))
        .into_iter()
        .chain(quirk_facts(p))
        .collect()
    }
}

/// The size of the deployed network (an ImageNet classifier that is not in it does not count: quirk M6), and how much of
/// it learned.
fn sizes(train: &Artifact, history: &serde_json::Value) -> Result<String> {
    let file = Arrays::open(&train.file("checkpoint.safetensors"))?;
    let statistics = |name: &str| name.ends_with(".running_mean") || name.ends_with(".running_var");
    let numbers = file.entries().iter().filter(|(name, _)| !statistics(name)).map(|(_, e)| e.shape.iter().product::<usize>() as u64).sum();
    let learned = match history["learning"].as_u64() {
        Some(n) => format!("of which {} learned", text::thousands(n)),
        None => "all of which learned".to_owned(),
    };
    Ok(format!("{} in the deployed network, {learned}", text::thousands(numbers)))
}

/// The declared quirks, kept and mended, in a row each; nothing where a protocol declares none.
fn quirk_facts(p: &Protocol) -> Vec<(String, String)> {
    if p.quirks.is_empty() {
        return Vec::new();
    }
    let list = |state: State| {
        let all = quirks::of_protocol(p).into_iter().filter(|(_, s)| *s == state);
        let texts: Vec<String> = all.map(|(q, _)| format!("{} ({})", q.id, q.what)).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join("; ") }
    };
    vec![("quirks kept".to_owned(), list(State::Kept)), ("quirks mended".to_owned(), list(State::Mended))]
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.4}"))
}

/// A metric's value as its kind is written: numbers of genes are whole, whatever they are.
fn value_of(m: &Metric) -> String {
    let counts = ["pcc-defined/", "pcc-over-"].iter().any(|word| m.id.starts_with(word));
    match m.value {
        Some(v) if counts && v.fract() == 0.0 => text::thousands(v as u64),
        value => number(value),
    }
}

/// How it came out, in sentences: against published values, the training mean, and the known answer of synthetic slides.
fn verdicts(p: &Protocol, e: &Evaluation, measured: &[&Metric]) -> Vec<String> {
    let mut out = Vec::new();
    for x in &p.published {
        let Some(m) = measured.iter().find(|m| m.id == x.metric) else {
            out.push(format!("published {} ({}) is of a metric that this protocol does not measure: {}", x.value, x.source, x.metric));
            continue;
        };
        let within = m.value.is_some_and(|v| (v - x.value).abs() <= x.tolerance);
        out.push(match (x.status, within) {
            (PublishedStatus::Unverified, _) => {
                format!("published {} ({}), unverified: no verdict; here {}", x.value, x.source, value_of(m))
            }
            (_, true) => format!("reproduced: published {} ({}), here {}, within {}", x.value, x.source, value_of(m), x.tolerance),
            (_, false) => {
                format!("not reproduced: published {} ({}), here {}, farther than {}", x.value, x.source, value_of(m), x.tolerance)
            }
        });
    }
    let mean = |f: &dyn Fn(&crate::stats::evaluate::GeneScore) -> f64| e.genes.iter().map(f).sum::<f64>() / e.genes.len().max(1) as f64;
    let (mse, constant) = (mean(&|g| g.mse), mean(&|g| g.mse_constant));
    let better = e.genes.iter().filter(|g| g.mse < g.mse_constant).count();
    let verb = if mse < constant { "beats" } else { "does not beat" };
    out.push(format!(
        "the model {verb} the constant profile (training mean): mean squared error {mse:.4} against {constant:.4}; better for {better} of {} genes",
        e.genes.len()
    ));
    if p.data.dataset == Dataset::Synthetic {
        out.push(known_answer(p, e));
    }
    out
}

/// The demo's right answer: signal genes predictable, gradient and noise genes not.
fn known_answer(p: &Protocol, e: &Evaluation) -> String {
    let Some(floor) = figures::noise_floor(e.spots) else { return "too few spots to compare with the known answer".into() };
    let count = |class: &str| {
        let of: Vec<_> = e.genes.iter().filter(|g| figures::class(p, &g.gene).as_deref() == Some(class)).collect();
        (of.iter().filter(|g| g.pcc.is_some_and(|r| r > floor)).count(), of.len())
    };
    let ((signal, signals), (gradient, gradients), (noise, noises)) = (count("signal"), count("gradient"), count("noise"));
    // Without any signal one gene in forty lies above the floor by chance (one side of 95 %); three times that is allowed.
    let spurious = gradient + noise;
    let allowed = (3.0 * (gradients + noises) as f64 / 40.0).ceil() as usize;
    let found = signals > 0 && signal * 10 >= signals * 8 && spurious <= allowed;
    let verdict = if found { "the known answer was found" } else { "the known answer was NOT found" };
    format!(
        "{verdict}: above the noise floor (|r| = {floor:.3}) are {signal} of {signals} signal genes, {gradient} of {gradients} gradient genes and {noise} of {noises} noise genes"
    )
}

fn tables<'a>(p: &Protocol, e: &Evaluation, slides: &[Slide], inputs: impl Iterator<Item = &'a Artifact>) -> Vec<Table> {
    let strings = |s: &[&str]| s.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    let metrics = Table {
        title: "Metrics".into(),
        note: format!(
            "An id fixes what a number means: statistic, axis, pooling, what an undefined gene counts as, and which data chose the panel. {}",
            figures::MORAN
        ),
        head: strings(&["metric", "#value", "#genes", "id"]),
        rows: e.summary.iter().map(|m| vec![m.title.clone(), value_of(m), m.n.to_string(), m.id.clone()]).collect(),
    };
    let mut out = vec![metrics];
    if e.by_fold.len() > 1 {
        out.push(Table {
            title: "Folds".into(),
            note: String::new(),
            head: strings(&["fold", "#spots", "#mean PCC", "#MSE", "#MSE of the training mean"]),
            rows: e
                .by_fold
                .iter()
                .map(|f| {
                    vec![f.name.clone(), f.spots.to_string(), number(f.mean_pcc), format!("{:.4}", f.mse), format!("{:.4}", f.mse_constant)]
                })
                .collect(),
        });
    }
    out.extend(by_slide(p, e));
    out.extend(drivers(e));
    let mut genes: Vec<_> = e.genes.iter().collect();
    genes.sort_by(|a, b| b.pcc.unwrap_or(-2.0).total_cmp(&a.pcc.unwrap_or(-2.0)).then(a.gene.cmp(&b.gene)));
    let row = |g: &&crate::stats::evaluate::GeneScore| {
        let v = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
        let class = figures::class(p, &g.gene).unwrap_or_default();
        vec![
            g.gene.clone(),
            class,
            v(g.pcc),
            v(g.spearman),
            format!("{:.4}", g.mse),
            format!("{:.4}", g.mse_constant),
            v(g.moran_truth),
            v(g.moran_prediction),
            format!("{:.2}", g.abundance),
        ]
    };
    let whole = genes.len() <= 40;
    let mut note = vec![figures::MORAN.to_owned()];
    if !whole {
        note.insert(0, format!("The first 25 and the last 5 of {}; all of them in genes.tsv of the evaluate artifact.", genes.len()));
    }
    if p.data.dataset == Dataset::Synthetic {
        note.push(figures::SYNTHETIC.to_owned());
    }
    let rows = if whole {
        genes.iter().map(row).collect()
    } else {
        genes.iter().take(25).chain(genes.iter().skip(genes.len() - 5)).map(row).collect()
    };
    out.push(Table {
        title: "Genes by correlation".into(),
        note: note.join(" "),
        head: strings(&["gene", "class", "#PCC", "#Spearman", "#MSE", "#MSE of mean", "#Moran's I", "#of prediction", "#abundance"]),
        rows,
    });
    let files: Vec<Vec<String>> =
        slides.iter().flat_map(|s| s.files.iter().map(|f| vec![f.path.clone(), f.bytes.to_string(), f.sha256.to_string()])).collect();
    if !files.is_empty() {
        out.push(Table { title: "Data files".into(), note: String::new(), head: strings(&["file", "#bytes", "SHA-256"]), rows: files });
    }
    out.push(Table {
        title: "Artifacts".into(),
        note: "The digest of an artifact is the SHA-256 of its sorted sha256sum listing.".into(),
        head: strings(&["work", "key", "digest"]),
        rows: inputs.map(|a| vec![a.label.clone(), a.manifest.key.to_string(), a.digest().to_string()]).collect(),
    });
    out
}

/// Each slide by itself, beside what is pooled.
fn by_slide(p: &Protocol, e: &Evaluation) -> Option<Table> {
    let groups: Vec<&String> = e.by_slide.first()?.groups.keys().collect();
    let mut head =
        vec!["slide".to_owned(), "#spots".to_owned(), "#mean PCC".to_owned(), format!("#genes at {:.2} or more", p.metrics.threshold)];
    head.extend(groups.iter().map(|g| format!("#{g}")));
    let row = |s: &crate::stats::evaluate::SlideScore| {
        let mut row = vec![s.name.clone(), s.spots.to_string(), number(s.mean_pcc), s.over.to_string()];
        row.extend(s.groups.values().map(|v| number(*v)));
        row
    };
    let note = "Correlations over the held-out spots of one slide alone; the metrics above are pooled as their ids say.".to_owned();
    Some(Table { title: "Slides".into(), note, head, rows: e.by_slide.iter().map(row).collect() })
}

/// What goes with predictability, where there are genes enough.
fn drivers(e: &Evaluation) -> Option<Table> {
    let first = e.drivers.first()?;
    let title = |name: &str| match name {
        "moran-truth" => "Moran's I of the truth",
        "zeros" => "share of spots with target 0",
        "variance" => "variance of the target",
        _ => "abundance",
    };
    let v = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.3}"));
    let row = |d: &crate::stats::evaluate::Driver| {
        vec![
            title(&d.name).to_owned(),
            v(d.spearman),
            d.interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{low:.3} to {high:.3}")),
            v(d.p),
            v(d.pearson),
            title(&d.held).to_owned(),
            v(d.partial),
            v(d.slope),
            d.quartiles.iter().map(|q| v(*q)).collect::<Vec<_>>().join(" "),
        ]
    };
    let head = ["property", "#Spearman", "95 % over genes", "#p", "#Pearson", "held", "#partial", "#slope", "mean PCC by quarter"];
    Some(Table {
        title: "What goes with predictability".into(),
        note: format!(
            "Over {} genes, each property against the PCC of each slide averaged over slides by spots (drivers/v1). Partial: Spearman with the held \
             property taken out; slope: standardised, beside the held one. Interval and p take genes as independent, which they are not, and hold \
             for these slides alone. Abundance itself raises both Moran's I and PCC, since noise of counts shrinks: read the partial correlations.",
            text::thousands(first.genes as u64)
        ),
        head: head.map(str::to_owned).into(),
        rows: e.drivers.iter().map(row).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_genes_are_whole_and_others_are_not() {
        let metric = |id: &str, value| Metric { id: id.to_owned(), title: String::new(), value, n: 36 };
        for (id, value, written) in [
            ("pcc-over-0.50/gene/oof/skip/top-mean-36@train", Some(0.0), "0"),
            ("pcc-over-0.30/gene/oof/skip/top-mean-36@train", Some(1.0), "1"),
            ("pcc-defined/gene/oof/skip/top-mean-36@train", Some(3467.0), "3,467"),
            ("pcc/gene/oof/skip/top-mean-36@train", Some(0.0), "0.0000"),
            ("mse/gene/pooled/skip/top-mean-36@train", Some(2.0), "2.0000"),
            ("pcc/gene/oof/skip/top-mean-36@train", None, "undefined"),
        ] {
            assert_eq!(value_of(&metric(id, value)), written, "{id}");
        }
    }
}
