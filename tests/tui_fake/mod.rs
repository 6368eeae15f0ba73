//! A workspace that exists only in memory, for the tests of the terminal interface.
#![allow(dead_code, reason = "each test file uses a part of it")]

use pinfold::base::{Failure, Result};
use pinfold::tui::facts::*;
use pinfold::tui::graphics::Graphics;
use pinfold::tui::{Effect, Facts, Look, Message, Model, begin, lanes, update};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;

/// What has happened in the workspace so far.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub initialised: bool,
    /// Looks at the run so far; the run is whole after `looks_needed`.
    pub looks: usize,
    pub run: Option<RunState>,
    pub overrides: Vec<String>,
    pub locked: bool,
    pub drifted: bool,
    pub dirty: bool,
    /// Folds of the finished run.
    pub folds: usize,
    /// The data set has no counts.
    /// Slurm does the run.
    pub slurm: bool,
    /// Another protocol is at work too.
    pub several: bool,
    pub uncounted: bool,
    /// Every name from outside is this.
    pub hostile: Option<String>,
    /// Every call fails.
    pub broken: bool,
    /// Every call that was made, by name.
    pub calls: Vec<String>,
}

pub const LOOKS_NEEDED: usize = 4;

#[derive(Clone, Default)]
pub struct FakeFacts(pub Arc<Mutex<World>>);

impl FakeFacts {
    pub fn with(change: impl FnOnce(&mut World)) -> Self {
        let fake = Self::default();
        {
            let mut world = fake.0.lock().expect("lock");
            world.initialised = true;
            world.folds = 4;
            change(&mut world);
        }
        fake
    }
    fn call(&self, name: &str) -> Result<std::sync::MutexGuard<'_, World>> {
        let mut world = self.0.lock().expect("lock");
        world.calls.push(name.to_owned());
        if world.broken {
            let name = world.hostile.clone().unwrap_or_else(|| "protocols/demo.toml:14".into());
            return Err(Failure::input("unknown key `epoch`")
                .at(format!("{name}\n14 | epoch = 3\n   | ^^^^^"))
                .hint("did you mean `epochs`?"));
        }
        Ok(world)
    }
    pub fn calls(&self) -> Vec<String> {
        self.0.lock().expect("lock").calls.clone()
    }
}

/// A round slide.
fn spots() -> Vec<(i32, i32)> {
    let all = (0..24i32).flat_map(|r| (0..20i32).map(move |c| (c, r)));
    all.filter(|(c, r): &(i32, i32)| (c - 10).pow(2) + (r - 12).pow(2) < 130).collect()
}

fn outside(world: &World, name: &str) -> String {
    world.hostile.as_ref().map_or_else(|| name.to_owned(), |h| format!("{h}{name}"))
}

const GENES: [(&str, f64, &str); 12] = [
    ("FASN", 0.612, "signal"),
    ("ERBB2", 0.587, "signal"),
    ("GNAS", 0.544, "signal"),
    ("COL1A1", 0.431, "gradient"),
    ("ACTG1", 0.402, "signal"),
    ("TMSB10", 0.377, "gradient"),
    ("PFN1", 0.321, "signal"),
    ("HLA-DRA", 0.164, "gradient"),
    ("DDX5", 0.051, "noise"),
    ("XBP1", 0.012, "noise"),
    ("MYL12B", -0.034, "noise"),
    ("IGKC", -0.077, "noise"),
];

impl Facts for FakeFacts {
    fn status(&self) -> Result<StatusLine> {
        let world = self.call("status")?;
        let live = world.run.is_some_and(RunState::is_live);
        Ok(StatusLine {
            workspace: outside(&world, "baselines"),
            commit: world.initialised.then(|| "3f2a91c".into()),
            dirty: world.dirty,
            device: "cpu avx2, 2 threads".into(),
            running: match (live, world.several) {
                (false, _) => vec![],
                (true, false) => vec![(RunId("01JD4M7Q2X".into()), "demo".into())],
                (true, true) => vec![(RunId("01JD4M7Q2X".into()), "demo".into()), (RunId("01JD4M9R5Z".into()), "her2st-c-loo".into())],
            },
        })
    }

    fn protocols(&self) -> Result<Vec<ProtocolCard>> {
        let world = self.call("protocols")?;
        if !world.initialised {
            return Ok(vec![]);
        }
        let state = match world.run {
            None => ProtocolState::NeverRun,
            Some(s) if s.is_live() => ProtocolState::Running,
            Some(RunState::Stopped) => ProtocolState::Stopped,
            Some(RunState::Failed | RunState::Lost) => ProtocolState::Failed,
            Some(_) if world.drifted => ProtocolState::Drifted,
            Some(_) if world.locked => ProtocolState::Locked,
            Some(_) => ProtocolState::Done,
        };
        let reproduced = matches!(state, ProtocolState::Done | ProtocolState::Locked | ProtocolState::Drifted).then_some(0.4127);
        let card = |name: &str, title: &str, system: &str| ProtocolCard {
            name: outside(&world, name),
            title: outside(&world, title),
            system: outside(&world, system),
            state: ProtocolState::NeverRun,
            headline: "mean PCC over 50 genes".into(),
            reproduced: None,
            published: None,
            missing: vec![],
            note: None,
            last: None,
        };
        let demo = ProtocolCard {
            state,
            reproduced,
            last: world.run.map(|_| ("2026-11-22 20:31".into(), outside(&world, "cpu of lab-7"))),
            headline: "mean PCC over 12 genes".into(),
            note: world.drifted.then(|| outside(&world, "artifacts/train/9c1f differs from the lock")),
            ..card("demo", "Synthetic slides with a known answer: which genes follow the morphology, and is that found?", "demo")
        };
        let holdout = ProtocolCard {
            published: Some((0.310, "paper, other split".into())),
            missing: vec![outside(&world, "her2st: 6 sections of donor C; set PINFOLD_DATA, or pinfold data check her2st says more")],
            ..card("her2st-c-holdout", "Breast cancer sections of donor C, 80/20 hold-out with seed 42.", "her2st")
        };
        let loo = ProtocolCard {
            state: ProtocolState::Stale,
            reproduced: Some(0.2214),
            ..card("her2st-c-loo", "Breast cancer sections of donor C, leave one section out.", "her2st")
        };
        Ok(vec![demo, holdout, loo])
    }

    fn commands(&self) -> Result<Vec<(String, String)>> {
        drop(self.call("commands")?);
        let names = ["audit", "data", "gc", "list", "lock", "plan", "report", "resume", "run", "status", "stop"];
        Ok(names.map(|n| (n.to_owned(), format!("what {n} does"))).to_vec())
    }

    fn command(&self, words: &[String]) -> Result<String> {
        let world = self.call(&format!("command {}", words.join(" ")))?;
        Ok(outside(&world, "2 things would go, 41 MB"))
    }

    fn init_demo(&self) -> Result<String> {
        let mut world = self.call("init_demo")?;
        world.initialised = true;
        Ok("made protocols/demo.toml and a git repository".into())
    }

    fn walk(&self, protocol: &str, overrides: &[String]) -> Result<Walk> {
        let world = self.call("walk")?;
        if let Some(wrong) = overrides.iter().find(|o| !o.starts_with("train.")) {
            return Err(Failure::input(format!("unknown key in the override {wrong}")).hint("pinfold run demo --dry-run lists every key"));
        }
        let epochs = overrides.iter().find_map(|o| o.strip_prefix("train.epochs="));
        let parameter = |key: &str, value: &str, origin| Parameter { key: key.into(), value: outside(&world, value), origin };
        let step = |stage: &str, title: &str, why: &str, found: Found, parameters: Vec<Parameter>| Step {
            stage: stage.into(),
            title: title.into(),
            why: why.into(),
            needs: vec![],
            found,
            parameters,
            quirks: vec![],
        };
        let missing = protocol.ends_with("holdout");
        let data = if missing {
            Found::Missing("6 sections of her2st; download them as docs/data.md says, then set PINFOLD_DATA".into())
        } else {
            Found::Found("made from the seed".into())
        };
        let train = Step {
            needs: vec!["patches".into(), "expression".into(), "folds".into()],
            quirks: vec![Quirk {
                name: "test_fold_stops".into(),
                as_published: true,
                text: "the test fold also chooses the best epoch".into(),
            }],
            ..step(
                "train",
                "Train EfficientNet-B0",
                "Learns expression from the patches, fold by fold. The checkpoint with the best validation PCC is kept.",
                Found::Pending,
                vec![
                    parameter("train.epochs", epochs.unwrap_or("8"), if epochs.is_some() { Origin::Override } else { Origin::File }),
                    parameter("train.batch", "32", Origin::File),
                    parameter("train.optimizer", "\"adam\"", Origin::File),
                    parameter("train.learning_rate", "0.0003", Origin::File),
                    parameter("train.schedule", "\"cosine\"", Origin::Default),
                    parameter("train.weight_decay", "0.0", Origin::Default),
                ],
            )
        };
        Ok(Walk {
            steps: vec![
                step(
                    "ingest",
                    "Read the slides",
                    "Counts, spot places and images, each file with its digest.",
                    data,
                    vec![parameter("data.seed", "7", Origin::File), parameter("data.slides", "3", Origin::File)],
                ),
                step(
                    "preprocess",
                    "Normalise expression",
                    "ln(1 + 10,000 x share), genes chosen on the training spots alone.",
                    Found::Found("made before, key 51c0ffe".into()),
                    vec![parameter("panel.top", "12", Origin::File)],
                ),
                step(
                    "patches",
                    "Cut patches",
                    "A square of tissue round every spot.",
                    Found::Found("made before, key 88ab01d".into()),
                    vec![parameter("patches.size", "64", Origin::File)],
                ),
                step(
                    "split",
                    "Assign spots to sides",
                    "The same rows as scikit-learn 1.7 with this seed.",
                    Found::Found("ready".into()),
                    vec![parameter("split.seed", "42", Origin::File)],
                ),
                train,
                step("predict", "Predict the test spots", "With the chosen checkpoint.", Found::Pending, vec![]),
                step("evaluate", "Score", "PCC, Spearman, Moran's I, per gene.", Found::Pending, vec![]),
                step("report", "Draw the figures", "Five PNGs, a page, and their provenance.", Found::Pending, vec![]),
            ],
            leakage: vec![Finding {
                serious: true,
                text: "slide S1 is on both sides of the split: neighbouring spots see the same tissue".into(),
            }],
            estimate: "about 3 min on 2 cores, 41 MB of artifacts".into(),
        })
    }

    fn start(&self, _protocol: &str, overrides: &[String]) -> Result<RunId> {
        let mut world = self.call("start")?;
        world.run = Some(RunState::Running);
        world.overrides = overrides.to_vec();
        world.looks = 0;
        world.locked = false;
        Ok(RunId("01JD4M7Q2X".into()))
    }

    fn stop(&self, _run: &RunId) -> Result<()> {
        let mut world = self.call("stop")?;
        world.run = Some(RunState::Stopped);
        Ok(())
    }

    fn pause(&self, _run: &RunId, halt: bool) -> Result<()> {
        let mut world = self.call(if halt { "pause" } else { "continue" })?;
        world.run = Some(if halt { RunState::Paused } else { RunState::Running });
        Ok(())
    }

    fn runs(&self) -> Result<Vec<RunCard>> {
        let world = self.call("runs")?;
        Ok(world
            .run
            .map(|state| RunCard {
                id: RunId("01JD4M7Q2X".into()),
                protocol: outside(&world, "demo"),
                state,
                started: "2026-11-22 20:31".into(),
                overrides: world.overrides.clone(),
            })
            .into_iter()
            .chain(world.several.then(|| RunCard {
                id: RunId("01JD4M9R5Z".into()),
                protocol: outside(&world, "her2st-c-loo"),
                state: RunState::Running,
                started: "2026-11-22 20:35".into(),
                overrides: vec![],
            }))
            .collect())
    }

    fn run(&self, run: &RunId) -> Result<RunView> {
        let mut world = self.call("run")?;
        if world.run == Some(RunState::Running) {
            world.looks += 1;
            if world.looks >= LOOKS_NEEDED {
                world.run = Some(RunState::Done);
            }
        }
        let state = world.run.unwrap_or(RunState::Done);
        let done = !state.is_live();
        let row = |label: &str, state, detail: &str| BoardRow { label: outside(&world, label), state, detail: outside(&world, detail) };
        let (now, later) = if done { (StageState::Done, StageState::Done) } else { (StageState::Running, StageState::Queued) };
        let epochs = |shift: f64| {
            (1..=if done { 8 } else { 5 })
                .map(|e| {
                    let t = e as f64;
                    EpochPoint {
                        epoch: e,
                        train_loss: 0.9 / t.sqrt() + 0.2 + shift,
                        validation_loss: Some(0.8 / t.sqrt() + 0.3 + 0.02 * (t * 1.7).sin() + shift),
                        validation_pcc: Some(0.45 * (1.0 - (-t / 3.0).exp()) + 0.02 * (t * 2.3).cos() - shift),
                    }
                })
                .collect()
        };
        let log = (0..12)
            .map(|i| LogLine {
                level: if i == 7 { Level::Warning } else { Level::Info },
                time: format!("20:31:{:02}", 14 + i),
                text: outside(
                    &world,
                    &if i == 7 {
                        "slide S1 is on both sides of the split".to_owned()
                    } else {
                        format!("epoch {i}: loss {:.3}", 0.9 / f64::from(i + 1))
                    },
                ),
            })
            .collect();
        Ok(RunView {
            id: run.clone(),
            protocol: outside(&world, "demo"),
            state,
            board: vec![
                row("ingest", StageState::Cached, "made before"),
                row("preprocess", StageState::Cached, "made before"),
                row("patches", StageState::Done, "1.2 s"),
                row("split", StageState::Done, "0.0 s"),
                row("train f1", now, if done { "1 min 20 s" } else { "epoch 6/8" }),
                row("predict f1", later, ""),
                row("evaluate", later, ""),
                row("report", later, ""),
            ],
            progress: (!done).then(|| Progress {
                label: "train f1, epoch 6 of 8".into(),
                done: 1_240,
                total: 2_000,
                unit: "images".into(),
                rate: Some(213.4),
                seconds_left: Some(41.0),
            }),
            folds: vec![FoldCurve { name: "f1".into(), epochs: epochs(0.0), ..FoldCurve::default() }],
            log,
            failure: matches!(state, RunState::Failed | RunState::Lost)
                .then(|| "the checkpoint of fold f1 differs from its manifest: artifacts/train/9c1f/checkpoint.safetensors".into()),
            place: outside(&world, "lab-7, 820 MB"),
            jobs: if world.slurm { jobs(&world) } else { vec![] },
        })
    }

    fn glances(&self) -> Result<Vec<RunGlance>> {
        let world = self.call("glances")?;
        let glance = |id: &str, protocol: &str, done| RunGlance {
            id: RunId(id.into()),
            protocol: outside(&world, protocol),
            progress: Some(Progress {
                label: outside(&world, "train[C2]"),
                done,
                total: 2_000,
                unit: "images".into(),
                rate: Some(13.4),
                seconds_left: Some(3_700.0),
            }),
        };
        Ok(vec![glance("01JD4M7Q2X", "demo", 1_240), glance("01JD4M9R5Z", "her2st-c-loo", 310)])
    }

    fn lock(&self, protocol: &str, allow_dirty: bool) -> Result<String> {
        let mut world = self.call("lock")?;
        if world.dirty && !allow_dirty {
            return Err(Failure::input("the working tree differs from the commit")
                .at("protocols/demo.toml")
                .hint("commit the change and lock again"));
        }
        world.locked = true;
        Ok(format!("{protocol} is in pinfold.lock: 23 files, 8 artifacts, commit 3f2a91c, class portable"))
    }

    fn locked(&self, protocol: &str) -> Result<Audited> {
        let world = self.call("locked")?;
        if !world.locked && protocol != "her2st-c-loo" {
            return Err(Failure::input(format!("{protocol} is not locked yet")).hint("pinfold run demo, then pinfold lock demo"));
        }
        let costs = [
            "reads 36 files, 4.1 MB",
            "reads 36 files, 4.1 MB, and computes the metrics again",
            "and predicts every fold again: about 2 s",
            "and trains train[f1] again: about 1 min 20 s",
        ];
        let mut audited = lock_of(&world, None, "locked; nothing was checked yet. a audits it at the level below.");
        audited.costs = costs.map(str::to_owned).to_vec();
        if protocol == "her2st-c-loo" {
            audited.verdict = "stale: the protocol has changed since it was locked (2 parameters)".into();
            let changed = |name: &str, locked: &str, found: &str| AuditThing {
                mark: Mark::Changed,
                name: outside(&world, name),
                path: outside(&world, name),
                locked: outside(&world, locked),
                found: outside(&world, found),
                words: String::new(),
                hint: String::new(),
            };
            let things = vec![
                changed("fingerprint", &"3f2a91c0".repeat(8), &"9c1f4be2".repeat(8)),
                changed("train.epochs", "8", "20"),
                changed("train.learning_rate", "0.0003", "0.001"),
            ];
            audited.kinds.insert(0, AuditKind { name: "why it is stale".into(), parts: vec![AuditPart { name: String::new(), things }] });
        }
        Ok(audited)
    }

    fn audit(&self, _protocol: &str, depth: Depth) -> Result<Audited> {
        let world = self.call(&format!("audit {}", depth.word()))?;
        let verdict = if world.drifted {
            "FAILED. The first difference: artifacts/train/9c1f/file-12.safetensors (train[f1]): has its locked size of 1,234 bytes, and other content"
        } else {
            "passed: 36 things as locked, 1 could not be checked"
        };
        Ok(lock_of(&world, Some(depth), verdict))
    }

    fn audit_progress(&self) -> Result<Option<AuditProgress>> {
        drop(self.call("audit_progress")?);
        Ok(Some(AuditProgress {
            doing: "hashing artifacts/train/9c1f/file-12.safetensors".into(),
            files: 12,
            files_total: 36,
            bytes: 1_400_000,
            bytes_total: 4_100_000,
        }))
    }

    fn stop_audit(&self) -> Result<()> {
        self.call("stop_audit").map(|_| ())
    }

    fn edit(&self, protocol: &str, assignment: &str) -> Result<String> {
        let world = self.call(&format!("edit {protocol} {assignment}"))?;
        if !assignment.starts_with("train.") {
            return Err(Failure::input("unknown key")
                .at(outside(&world, "protocols/demo.toml"))
                .hint("docs/protocol.md explains every key"));
        }
        Ok(outside(&world, &format!("protocols/{protocol}.toml now says {}", assignment.replacen('=', " = ", 1))))
    }

    fn results(&self, protocol: &str) -> Result<Results> {
        let world = self.call("results")?;
        if world.run != Some(RunState::Done) {
            return Err(Failure::input(format!("{protocol} has no whole run yet")).hint("1, then r runs it"));
        }
        let metric = |id: &str, title: &str, value, published: Option<(f64, Verdict)>| MetricRow {
            id: id.into(),
            title: title.into(),
            value,
            published: published.map(|(value, verdict)| Published { value, source: outside(&world, "Table 2"), verdict }),
        };
        Ok(Results {
            metrics: vec![
                metric("pcc/gene/oof/skip/top-mean-12@train", "mean PCC", Some(0.4127), Some((0.4, Verdict::Within(0.02)))),
                metric("pcc-median/gene/oof/skip/top-mean-12@train", "median PCC", Some(0.3475), Some((0.39, Verdict::Outside(0.02)))),
                metric("pcc-count-0.30/gene/oof/skip/top-mean-12@train", "genes with PCC over 0.30", Some(7.0), None),
                metric("mse/oof/top-mean-12@train", "MSE", Some(0.5512), None),
                metric("mse-constant/oof/top-mean-12@train", "MSE of the training mean", Some(0.7003), None),
            ],
            genes: GENES
                .iter()
                .enumerate()
                .map(|(i, (name, pcc, class))| GeneRow {
                    name: outside(&world, name),
                    pcc: (i != 9).then_some(*pcc),
                    spearman: Some(pcc * 0.93),
                    moran: Some(pcc * 1.2 + 0.05),
                    abundance: (!world.uncounted).then_some(3.1 - 0.2 * i as f64),
                    class: outside(&world, class),
                })
                .collect(),
            slides: vec![outside(&world, "S1"), outside(&world, "S2")],
            notes: vec![outside(&world, "slide S1 is on both sides of the split, as published")],
            apart: vec![],
            folds: Folds {
                of: "mean PCC".into(),
                values: (0..world.folds).map(|i| (outside(&world, &format!("A{}", i + 1)), Some(0.30 + 0.021 * i as f64))).collect(),
                deviation: (world.folds > 1).then_some(0.0713),
            },
        })
    }

    fn intervals(&self, _protocol: &str) -> Result<Vec<Interval>> {
        let world = self.call("intervals")?;
        let interval = |over: &str, low, high| Interval {
            metric: "pcc/gene/oof/skip/top-mean-12@train".into(),
            over: outside(&world, over),
            low,
            high,
        };
        Ok(vec![interval("genes", 0.3531, 0.4710), interval("96 blocks of spots", 0.3312, 0.4890)])
    }

    fn tissue(&self, _protocol: &str, _slide: &str) -> Result<Tissue> {
        let world = self.call("tissue")?;
        let at = spots();
        let colours = at.iter().map(|(c, r)| [(200 - 2 * c) as u8, (120 + 3 * r) as u8, 190]).collect();
        Ok(Tissue { at, colours, state: if world.hostile.is_some() { outside(&world, "as prepared") } else { String::new() } })
    }

    fn compare(&self, protocol: &str) -> Result<String> {
        let world = self.call("compare")?;
        Ok(outside(
            &world,
            &format!(
                "A 20261122-2031-{protocol}, the run before\nB 20261122-2144-{protocol}, the run shown\n\nmean PCC: A 0.401100, B 0.412700, moved by +0.011600\nThe artifacts part at train[f1]; 4 differ in all.\n\nPinned differently\n  protocol train.epochs: A 4, B 8"
            ),
        ))
    }

    fn map(&self, _protocol: &str, _slide: &str, _gene: &str) -> Result<SpotMap> {
        drop(self.call("map")?);
        let at = spots();
        let truth = at.iter().map(|(c, r)| (*c as f32 / 6.0).sin() + *r as f32 / 12.0).collect();
        let prediction = at.iter().map(|(c, r)| 0.6 * (*c as f32 / 6.0).sin() + *r as f32 / 16.0 + 0.3).collect();
        Ok(SpotMap { at, truth, prediction })
    }

    fn reports(&self, _protocol: &str) -> Result<Vec<Figure>> {
        let world = self.call("reports")?;
        if world.run != Some(RunState::Done) {
            return Ok(vec![]);
        }
        let figure = |name: &str, caption: &str| Figure {
            name: outside(&world, name),
            path: PathBuf::from(outside(&world, &format!("reports/demo/{name}.png"))),
            caption: outside(&world, caption),
            provenance: vec![
                ("protocol".into(), "demo".into()),
                ("commit".into(), "3f2a91c".into()),
                ("run digest".into(), "9c1f4be2d07aa3f1be2d07aa3f19c1f4be2d07aa3f1".into()),
            ],
        };
        Ok(vec![
            figure("training-curves", "Loss and validation PCC of every fold, epoch by epoch."),
            figure("genes-by-pcc", "Genes ranked by PCC, with the noise floor."),
            figure("moran-against-pcc", "Spatially structured genes are the predictable ones."),
            figure("slide-maps", "Truth beside prediction for the three best genes."),
            figure("published", "Published beside reproduced."),
        ])
    }

    fn image(&self, _path: &Path, max_width: u32, max_height: u32) -> Result<Picture> {
        drop(self.call("image")?);
        let (width, height) = (max_width.min(160) as usize, max_height.min(100) as usize);
        let ink = |x: usize, y: usize| {
            if x == 12 || y == height.saturating_sub(12) {
                [40, 40, 40]
            } else if y.abs_diff(height.saturating_sub(14 + x * 60 / 160)) < 3 && x > 12 {
                [0, 110, 160]
            } else {
                [255, 255, 255]
            }
        };
        Ok(Picture { width, height, pixels: (0..width * height).map(|i| ink(i % width, i / width)).collect() })
    }
}

fn jobs(world: &World) -> Vec<JobRow> {
    let job = |job: &str, id: &str, state: &str| JobRow { job: job.into(), id: id.into(), state: outside(world, state) };
    vec![
        job("prepare", "4711", "completed"),
        job("fold-f1", "4712_1", "running"),
        job("fold-f2", "4712_2", "pending (JobArrayTaskLimit)"),
        job("gather", "4713", "pending (Dependency)"),
    ]
}

/// A lock of 36 things and one remark, looked at or not.
fn lock_of(world: &World, depth: Option<Depth>, verdict: &str) -> Audited {
    let thing = |name: String, path: String, bad: bool| AuditThing {
        mark: match depth {
            None => Mark::NotChecked,
            Some(_) if bad => Mark::Failed,
            Some(_) => Mark::Verified,
        },
        name: outside(world, &name),
        path: outside(world, &path),
        locked: "3f2a91c0".repeat(8),
        found: if depth.is_none() {
            String::new()
        } else if bad {
            "9c1f4be2".repeat(8)
        } else {
            "3f2a91c0".repeat(8)
        },
        words: if bad && depth.is_some() { outside(world, "has its locked size of 1,234 bytes, and other content") } else { String::new() },
        hint: if bad && depth.is_some() { "bring its locked bytes back; or run the protocol again".into() } else { String::new() },
    };
    let part = |name: &str, things| AuditPart { name: outside(world, name), things };
    let files = |n: usize, folder: &str, bad: Option<usize>| -> Vec<AuditThing> {
        let name = |i: usize| format!("file-{i:02}.safetensors");
        (0..n).map(|i| thing(name(i), format!("{folder}/{}", name(i)), world.drifted && Some(i) == bad)).collect()
    };
    let mut remark = thing("level predictions".into(), "level predictions".into(), false);
    remark.mark = Mark::NotChecked;
    remark.words = "needs libtorch".into();
    let kind = |name: &str, parts| AuditKind { name: name.into(), parts };
    Audited {
        depth,
        verdict: outside(world, verdict),
        costs: vec![],
        kinds: vec![
            kind("commit", vec![part("commit", vec![thing("3f2a91c".into(), "3f2a91c".into(), false)])]),
            kind("protocol", vec![part("now", vec![thing("demo.toml".into(), "protocols/demo.toml".into(), false)])]),
            kind(
                "artifacts",
                vec![
                    part("preprocess", files(4, "artifacts/preprocess/51c0", None)),
                    part("train[f1]", files(26, "artifacts/train/9c1f", Some(12))),
                ],
            ),
            kind(
                "report",
                (0..3).map(|i| part("", vec![thing(format!("figure-{i}.png"), format!("reports/demo/figure-{i}.png"), false)])).collect(),
            ),
            kind("metrics", vec![part("mean PCC", vec![thing("pcc".into(), "pcc/gene/oof".into(), false)]), part("", vec![remark])]),
        ],
    }
}

/// The interface on a fake workspace, without threads: every question is answered before the next key.
pub struct Desk {
    pub model: Model,
    pub facts: FakeFacts,
    pub look: Look,
    pub quit: Option<Option<String>>,
    pub suspended: usize,
    /// What the terminal answers when it is asked for its graphics, and how often it was.
    pub terminal: Graphics,
    pub asked_terminal: usize,
}

impl Desk {
    pub fn open(facts: FakeFacts, look: Look, size: (u16, u16)) -> Self {
        let mut desk = Self {
            model: Model { size, ..Model::default() },
            facts,
            look,
            quit: None,
            suspended: 0,
            terminal: Graphics::CELLS,
            asked_terminal: 0,
        };
        let effects = begin(&mut desk.model);
        desk.perform(effects);
        desk
    }
    pub fn perform(&mut self, effects: Vec<Effect>) {
        let mut queue: std::collections::VecDeque<Effect> = effects.into();
        let mut steps = 0;
        while let Some(effect) = queue.pop_front() {
            steps += 1;
            assert!(steps < 1_000, "questions and answers run in a circle: {:?}", self.model.pending);
            match effect {
                Effect::Ask(request) => {
                    let answer = lanes::answer(&self.facts, &request);
                    queue.extend(update(&mut self.model, Message::Answer(request, answer)));
                }
                Effect::AskTerminal => {
                    self.asked_terminal += 1;
                    queue.extend(update(&mut self.model, Message::Terminal(self.terminal)));
                }
                Effect::Quit(words) => self.quit = Some(words),
                Effect::Suspend => self.suspended += 1,
                Effect::Redraw | Effect::Copy(_) => {}
            }
        }
    }
    pub fn send(&mut self, message: Message) {
        let effects = update(&mut self.model, message);
        self.perform(effects);
    }
    pub fn key(&mut self, code: KeyCode) {
        self.send(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
    /// Types characters; `\n` is Enter, `\u{1b}` Escape.
    pub fn keys(&mut self, text: &str) {
        for c in text.chars() {
            self.key(match c {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '\t' => KeyCode::Tab,
                c => KeyCode::Char(c),
            });
        }
    }
    pub fn ticks(&mut self, n: usize) {
        for _ in 0..n {
            self.send(Message::Tick);
        }
    }
    pub fn buffer(&self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.model.size.0, self.model.size.1));
        pinfold::tui::draw(&self.model, self.look, &mut buffer);
        buffer
    }
    /// The screen as lines of text.
    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

pub const PLAIN: Look = Look { colours: pinfold::tui::look::Colours::Cube, ascii: false, blocks: false };
