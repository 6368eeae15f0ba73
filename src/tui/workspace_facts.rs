//! The facts of a real workspace: the same calls that the commands make, put into the screens' structs.

use super::facts::*;
use super::results_facts::Made;
use super::run_facts;
use crate::base::{Failure, IoContext, Result, host};
use crate::dataset::image;
use crate::engine::{Run, Workspace};
use crate::lock::{self, Described};
use crate::plan::{self, Found as Known, Graph, Standing, execution, launch, order, pin};
use crate::protocol::{self, Loaded};
use crate::stats::evaluate::FoldPredictions;
use std::path::{Path, PathBuf};

/// A workspace on this disk.
pub struct WorkspaceFacts {
    pub(super) workspace: Workspace,
    pub(super) made: Made,
    commands: Vec<(String, String)>,
    audits: super::audit_facts::AtWork,
}

impl WorkspaceFacts {
    /// The facts of a workspace, for a program with these commands.
    pub fn new(workspace: Workspace, commands: Vec<(String, String)>) -> Self {
        Self { workspace, made: Made::default(), commands, audits: Default::default() }
    }

    pub(super) fn load(&self, protocol: &str, overrides: &[String]) -> Result<Loaded> {
        protocol::load(&self.workspace.protocol_path(protocol)?, overrides)
    }

    fn find(&self, run: &RunId) -> Result<Run> {
        Run::open(&self.workspace.runs().join(&run.0))
    }

    /// The whole runs of a protocol, those with overrides too, the oldest first.
    pub(super) fn whole_runs(&self, protocol: &str) -> Result<Vec<Run>> {
        let own =
            |r: &Run| r.order.protocol == protocol || r.order.protocol.strip_prefix(protocol).is_some_and(|rest| rest.starts_with('+'));
        let whole = |r: &Run| r.execution().whole() && r.dir.join("result.json").exists();
        Ok(Run::all(&self.workspace)?.into_iter().filter(|r| own(r) && whole(r)).collect())
    }

    /// The newest whole run of a protocol, one with overrides too: what was run last is what somebody wants to see. Its name,
    /// and its overrides.
    pub(super) fn shown(&self, protocol: &str) -> Result<(String, Vec<String>)> {
        let newest = self.whole_runs(protocol)?.pop();
        Ok(newest.map_or_else(|| (protocol.to_owned(), Vec::new()), |r| (r.order.protocol, r.order.overrides)))
    }

    pub(super) fn artifact(&self, protocol: &str, label: &str) -> Result<PathBuf> {
        plan::newest_artifact(&self.workspace, &self.shown(protocol)?.0, &Run::all(&self.workspace)?, label)
    }

    /// The predictions of all folds of the newest whole run.
    pub(super) fn predictions(&self, protocol: &str) -> Result<Vec<FoldPredictions>> {
        let loaded = self.load(protocol, &self.shown(protocol)?.1)?;
        plan::fold_labels(&loaded.protocol, "predict").iter().map(|label| FoldPredictions::read(&self.artifact(protocol, label)?)).collect()
    }
}

impl Facts for WorkspaceFacts {
    fn status(&self) -> Result<StatusLine> {
        let root = self.workspace.root();
        let (commit, dirty) = match lock::describe(root) {
            Ok(Described::Commit(git)) => (Some(git.commit.chars().take(8).collect()), !git.clean),
            _ => (None, false),
        };
        let mut running = Vec::new();
        for run in Run::all(&self.workspace)?.into_iter().rev().take(50) {
            if run.state(&run.lines()?).live() {
                running.push((RunId(run.id.clone()), run.order.protocol.clone()));
            }
        }
        Ok(StatusLine {
            workspace: root.file_name().map_or_else(|| "/".to_owned(), |n| n.to_string_lossy().into_owned()),
            commit,
            dirty,
            device: format!("cpu, {} cores{}", host::cores(), if host::has_avx2() { ", avx2" } else { "" }),
            running,
        })
    }

    fn protocols(&self) -> Result<Vec<ProtocolCard>> {
        let card = |o: plan::Overview| ProtocolCard {
            state: match o.standing {
                Standing::NeverRun => ProtocolState::NeverRun,
                Standing::Running => ProtocolState::Running,
                Standing::Stopped => ProtocolState::Stopped,
                Standing::Failed | Standing::Broken => ProtocolState::Failed,
                Standing::Done => ProtocolState::Done,
                Standing::Locked => ProtocolState::Locked,
                Standing::Stale => ProtocolState::Stale,
                Standing::Drifted => ProtocolState::Drifted,
            },
            headline: o.headline.as_ref().map(|h| h.title.clone()).unwrap_or_default(),
            reproduced: o.headline.and_then(|h| h.value),
            published: o.published,
            name: o.name,
            title: o.title,
            system: o.system,
            missing: o.missing,
            note: o.note,
            last: o.last.map(|l| (l.started, format!("{} of {}", l.device, l.host))),
        };
        Ok(plan::overview(&self.workspace)?.into_iter().map(card).collect())
    }

    fn init_demo(&self) -> Result<String> {
        let path = self.workspace.protocols().join("demo.toml");
        if !path.exists() {
            crate::base::atomic::write(&path, include_bytes!("../../protocols/demo.toml"))?;
        }
        Ok(format!("made {}", path.display()))
    }

    fn walk(&self, protocol: &str, overrides: &[String]) -> Result<Walk> {
        let loaded = self.load(protocol, overrides)?;
        super::walk_facts::walk(&self.workspace, &loaded)
    }

    fn start(&self, protocol: &str, overrides: &[String]) -> Result<RunId> {
        let loaded = self.load(protocol, overrides)?;
        let execution = execution::of(&loaded.protocol, &execution::Asked::default())?;
        let run = order::order(&self.workspace, &loaded, execution)?;
        if let Some(mut child) = launch::start(&self.workspace, &run)? {
            // Somebody has to take the worker's exit, or it stays as a zombie for as long as this program runs.
            std::thread::spawn(move || child.wait());
        }
        Ok(RunId(run.id))
    }

    fn stop(&self, run: &RunId) -> Result<()> {
        launch::stop(&self.find(run)?, false, std::time::Duration::ZERO).map(|_| ())
    }

    fn pause(&self, run: &RunId, halt: bool) -> Result<()> {
        crate::engine::pause::set(&self.find(run)?, halt).map(|_| ())
    }

    fn runs(&self) -> Result<Vec<RunCard>> {
        let mut out = Vec::new();
        for run in Run::all(&self.workspace)?.into_iter().rev().take(200) {
            let lines = run.lines()?;
            let started = lines.first().map(|l| l.at.chars().take(16).collect::<String>().replace('T', " ")).unwrap_or_default();
            out.push(RunCard {
                state: run_facts::state(&run, run.state(&lines)),
                protocol: run.order.protocol.clone(),
                overrides: run.order.overrides.clone(),
                id: RunId(run.id),
                started,
            });
        }
        Ok(out)
    }

    fn run(&self, run: &RunId) -> Result<RunView> {
        let run = self.find(run)?;
        let lines = run.lines()?;
        Ok(run_facts::view(&run, &lines))
    }

    fn glances(&self) -> Result<Vec<RunGlance>> {
        let mut out = Vec::new();
        for run in Run::all(&self.workspace)?.into_iter().rev().take(50) {
            let lines = run.lines()?;
            if run.state(&lines).live() {
                out.push(run_facts::glance(&run, &lines));
            }
        }
        Ok(out)
    }

    fn lock(&self, protocol: &str, allow_dirty: bool) -> Result<String> {
        let entry = pin::lock(&self.workspace, &self.load(protocol, &[])?, allow_dirty)?;
        Ok(pin::summary(&entry))
    }

    fn locked(&self, protocol: &str) -> Result<Audited> {
        super::audit_facts::locked(&self.workspace, &self.load(protocol, &[])?)
    }

    fn audit(&self, protocol: &str, depth: Depth) -> Result<Audited> {
        super::audit_facts::audit(&self.workspace, protocol, depth, &self.audits)
    }

    fn audit_progress(&self) -> Result<Option<AuditProgress>> {
        Ok(self.audits.progress())
    }

    fn stop_audit(&self) -> Result<()> {
        self.audits.stop();
        Ok(())
    }

    fn edit(&self, protocol: &str, assignment: &str) -> Result<String> {
        let path = self.workspace.protocol_path(protocol)?;
        let changes = protocol::edit::write(&path, &[assignment.to_owned()])?;
        Ok(changes.iter().map(protocol::edit::Change::sentence).collect::<Vec<_>>().join("\n"))
    }

    fn results(&self, protocol: &str) -> Result<Results> {
        self.read_results(protocol)
    }

    fn intervals(&self, protocol: &str) -> Result<Vec<Interval>> {
        self.resample(protocol)
    }

    fn map(&self, protocol: &str, slide: &str, gene: &str) -> Result<SpotMap> {
        self.read_map(protocol, slide, gene)
    }

    fn tissue(&self, protocol: &str, slide: &str) -> Result<Tissue> {
        self.read_tissue(protocol, slide)
    }

    fn compare(&self, protocol: &str) -> Result<String> {
        super::diff_facts::compare(&self.workspace, protocol, self.whole_runs(protocol)?)
    }

    fn reports(&self, protocol: &str) -> Result<Vec<Figure>> {
        let folder = self.workspace.reports().join(self.shown(protocol)?.0);
        let captions: Vec<(String, String)> = crate::stage::files::read_json(&self.artifact(protocol, "report")?.join("figures.json"))?;
        let mut out = Vec::new();
        for (file, caption) in captions {
            let path = folder.join(&file);
            let bytes = std::fs::read(&path).doing("read", &path)?;
            out.push(Figure {
                name: file.trim_end_matches(".png").to_owned(),
                provenance: crate::report::png::read_text(&bytes).unwrap_or_default(),
                path,
                caption,
            });
        }
        Ok(out)
    }

    fn commands(&self) -> Result<Vec<(String, String)>> {
        Ok(self.commands.clone())
    }

    fn command(&self, words: &[String]) -> Result<String> {
        /// More than anybody scrolls through.
        const MOST: usize = 400_000;
        let program = crate::base::program::own()?;
        let mut command = std::process::Command::new(program);
        command.arg("-C").arg(self.workspace.root()).args(words).current_dir(self.workspace.root()).stdin(std::process::Stdio::null());
        let out = command.output().map_err(|e| Failure::environment(format!("cannot start pinfold itself: {e}")))?;
        let bytes = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
        let mut said = crate::base::text::clean_lines(&text);
        if !out.status.success() {
            said.push_str(&format!(
                "\nIt ended with exit code {}.",
                out.status.code().map_or("none (killed)".to_owned(), |c| c.to_string())
            ));
        }
        Ok(said)
    }

    fn image(&self, path: &Path, max_width: u32, max_height: u32) -> Result<Picture> {
        Ok(shrink(&image::decode_rgb(path)?, max_width.max(1), max_height.max(1)))
    }
}

/// The mean of each box of pixels; a picture that fits already stays as it is.
fn shrink(from: &crate::dataset::RgbImage, max_width: u32, max_height: u32) -> Picture {
    let (w, h) = (u64::from(from.width), u64::from(from.height));
    let (mw, mh) = (u64::from(max_width), u64::from(max_height));
    let (width, height) = if w <= mw && h <= mh {
        (w, h)
    } else if w * mh >= h * mw {
        (mw, (h * mw / w).max(1))
    } else {
        ((w * mh / h).max(1), mh)
    };
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        let (y0, y1) = (y * h / height, ((y + 1) * h / height).max(y * h / height + 1));
        for x in 0..width {
            let (x0, x1) = (x * w / width, ((x + 1) * w / width).max(x * w / width + 1));
            let mut sum = [0u64; 3];
            for v in y0..y1 {
                for u in x0..x1 {
                    let at = 3 * (v * w + u) as usize;
                    (0..3).for_each(|c| sum[c] += u64::from(from.pixels[at + c]));
                }
            }
            let n = (y1 - y0) * (x1 - x0);
            pixels.push(sum.map(|s| (s / n) as u8));
        }
    }
    Picture { width: width as usize, height: height as usize, pixels }
}

/// The state of a graph's node, for the walk.
pub(super) fn known(workspace: &Workspace, loaded: &Loaded) -> Result<Vec<(String, &'static str, Known)>> {
    let graph = Graph::new(workspace, &loaded.protocol);
    let found = graph.look(&workspace.store())?;
    Ok(graph.nodes.iter().zip(found).map(|(n, f)| (n.label.clone(), n.stage, f)).collect())
}
