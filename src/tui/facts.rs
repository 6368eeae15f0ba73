//! What the screens know of the world: plain structs, and the one trait that fills them.
//!
//! Nothing here knows a store, a journal or a lockfile; nothing behind the trait knows a terminal. Every method is
//! called from a background thread, so it may take its time, with one exception that [`Facts::run`] names.

use crate::base::Result;
use std::path::Path;

pub use super::outcome::{Figure, Folds, GeneRow, Interval, MetricRow, Picture, Published, Results, SpotMap, Tissue, Verdict};
pub use super::verdict::{AuditKind, AuditPart, AuditProgress, AuditThing, Audited, Depth, Mark, Tally};

/// Everything that the terminal interface asks of a workspace. Each call reads the present state anew.
pub trait Facts: Send + Sync {
    /// The line that stands at the bottom of every screen.
    fn status(&self) -> Result<StatusLine>;
    /// Every protocol of the workspace, in the order to show them (those of one system together). Empty in an
    /// empty folder, in which case the screen offers [`Facts::init_demo`].
    fn protocols(&self) -> Result<Vec<ProtocolCard>>;
    /// Makes a workspace here with the demo protocol; answers with a sentence on what was made.
    fn init_demo(&self) -> Result<String>;
    /// The steps of one protocol under these overrides (`"train.epochs=2"`). A wrong override is a failure.
    fn walk(&self, protocol: &str, overrides: &[String]) -> Result<Walk>;
    /// Starts a worker in its own session and returns at once.
    fn start(&self, protocol: &str, overrides: &[String]) -> Result<RunId>;
    /// Asks a run to stop at its next checkpoint; returns at once.
    fn stop(&self, run: &RunId) -> Result<()>;
    /// Halts a run where it stands, or lets a halted one go on.
    fn pause(&self, run: &RunId, halt: bool) -> Result<()>;
    /// Every run, newest first.
    fn runs(&self) -> Result<Vec<RunCard>>;
    /// One run, read from its journal. Called twice a second while the run is on the screen, so it must be cheap.
    fn run(&self, run: &RunId) -> Result<RunView>;
    /// Every run at work, in a line each. Called twice a second while several are, so it must be cheap.
    fn glances(&self) -> Result<Vec<RunGlance>>;
    /// Locks the newest whole run of a protocol; answers with what was locked, in one or more lines.
    fn lock(&self, protocol: &str, allow_dirty: bool) -> Result<String>;
    /// What is locked of a protocol, read from the lock alone, what each level of an audit would cost, and why it is stale.
    fn locked(&self, protocol: &str) -> Result<Audited>;
    /// Audits the lock of a protocol. A negative outcome is an answer with failed things, not a failure.
    fn audit(&self, protocol: &str, depth: Depth) -> Result<Audited>;
    /// How far the audit at work is; `None` when none is. Called twice a second while one is, from another thread.
    fn audit_progress(&self) -> Result<Option<AuditProgress>>;
    /// Ends the audit at work; it then fails as stopped. Returns at once.
    fn stop_audit(&self) -> Result<()>;
    /// Writes `key=value` into the protocol's file, comments kept; answers with what the file says now.
    fn edit(&self, protocol: &str, assignment: &str) -> Result<String>;
    /// The numbers of the newest whole run of a protocol.
    fn results(&self, protocol: &str) -> Result<Results>;
    /// How sure the numbers of [`Facts::results`] are: 95 % intervals by resampling. Takes a while the first time.
    fn intervals(&self, protocol: &str) -> Result<Vec<Interval>>;
    /// One gene on one slide.
    fn map(&self, protocol: &str, slide: &str, gene: &str) -> Result<SpotMap>;
    /// The tissue below the spots of one slide, of the same run. Takes a while the first time.
    fn tissue(&self, protocol: &str, slide: &str) -> Result<Tissue>;
    /// The newest whole run of a protocol beside the one before it, in words: what `pinfold diff` says of the two, the
    /// headline first. A protocol with one run is told so, which is no failure.
    fn compare(&self, protocol: &str) -> Result<String>;
    /// The figures of a protocol, in report order.
    fn reports(&self, protocol: &str) -> Result<Vec<Figure>>;
    /// The program's commands, each with what it does: what the command line completes.
    fn commands(&self) -> Result<Vec<(String, String)>>;
    /// Runs one of them, as a shell would, and answers with what it printed. A bad exit code is a line of it, not a failure.
    fn command(&self, words: &[String]) -> Result<String>;
    /// A figure shrunk to fit `max_width` x `max_height` pixels, aspect kept.
    fn image(&self, path: &Path, max_width: u32, max_height: u32) -> Result<Picture>;
}

/// The name of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub String);

/// Where one is working.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLine {
    /// The workspace's folder name.
    pub workspace: String,
    /// The commit's first characters; `None` without a git repository.
    pub commit: Option<String>,
    /// Whether the working tree differs from the commit.
    pub dirty: bool,
    /// The device that a run would use: `cpu avx2`, `cuda:0 H100`.
    pub device: String,
    /// Runs now at work, with the protocol of each.
    pub running: Vec<(RunId, String)>,
}

/// Where a protocol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolState {
    /// No run is recorded.
    NeverRun,
    /// A run is at work.
    Running,
    /// The newest run was stopped and can go on.
    Stopped,
    /// The newest run failed.
    Failed,
    /// The newest run is whole, and nothing is locked.
    Done,
    /// Locked, and everything still is what the lock says.
    Locked,
    /// Locked, and the protocol has changed since.
    Stale,
    /// Locked, and files have changed since.
    Drifted,
    /// An input changed during the run, so it cannot be locked.
    Tainted,
}

/// One protocol on the first screen.
#[derive(Clone, Debug, PartialEq)]
pub struct ProtocolCard {
    /// The file's name without its ending; every call takes it.
    pub name: String,
    /// A short sentence from the protocol.
    pub title: String,
    /// The group it is listed under: the published system, or `demo`.
    pub system: String,
    /// Where it stands.
    pub state: ProtocolState,
    /// What the headline metric is, in words: `mean PCC, 50 genes`.
    pub headline: String,
    /// The headline value that was reproduced here.
    pub reproduced: Option<f64>,
    /// The published headline value, and what is known of it (`paper`, `repository`, `no comparable figure`).
    pub published: Option<(f64, String)>,
    /// What is missing before it can run (data, weights), one phrase each.
    pub missing: Vec<String>,
    /// Anything else worth a line, such as why it is stale.
    pub note: Option<String>,
    /// When the newest run began (`2026-11-23 20:31`), and where (`cpu of lab-7`).
    pub last: Option<(String, String)>,
}

/// One protocol as steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walk {
    /// In the order of work.
    pub steps: Vec<Step>,
    /// What the look for leakage found, worst first, with what was looked for and not found; empty before it was looked for.
    pub leakage: Vec<Finding>,
    /// Time and disk before anything starts, in words: `about 3 min on 2 cores, 41 MB`.
    pub estimate: String,
}

/// A finding on leakage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it makes the number doubtful; otherwise it is only worth knowing.
    pub serious: bool,
    /// One sentence.
    pub text: String,
}

/// One step of a protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The stage's name: `ingest`, `train`.
    pub stage: String,
    /// What it does, as a short title.
    pub title: String,
    /// What it does and why, in a sentence or two.
    pub why: String,
    /// What it needs, one phrase each.
    pub needs: Vec<String>,
    /// Whether its inputs are there.
    pub found: Found,
    /// The parameters that decide its key.
    pub parameters: Vec<Parameter>,
    /// Quirk switches that touch this step.
    pub quirks: Vec<Quirk>,
}

/// Whether a step can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Made or present; the text says what (`made before, key 3f2a91c`).
    Found(String),
    /// Something is missing; the text says how to get it.
    Missing(String),
    /// It waits for the steps before it.
    Pending,
}

/// One parameter, with where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The dotted key that `--set` takes.
    pub key: String,
    /// The value as the protocol would write it.
    pub value: String,
    /// Where from.
    pub origin: Origin,
}

/// Where a parameter's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The protocol's file.
    File,
    /// An override given now.
    Override,
    /// The schema's default.
    Default,
}

/// A named switch between as-published and corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirk {
    /// Its key.
    pub name: String,
    /// Whether the published behaviour is kept.
    pub as_published: bool,
    /// What it is about.
    pub text: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The worker is about to begin.
    Starting,
    /// At work.
    Running,
    /// Halted where it stood.
    Paused,
    /// Asked to stop, not there yet.
    Stopping,
    /// Stopped; can go on.
    Stopped,
    /// Ended with a failure.
    Failed,
    /// Whole.
    Done,
    /// The worker is gone without a word.
    Lost,
}

impl RunState {
    /// Whether something may still change without a person's doing.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Paused | Self::Stopping)
    }
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCard {
    /// Its name.
    pub id: RunId,
    /// The protocol it runs.
    pub protocol: String,
    /// How it stands.
    pub state: RunState,
    /// When it started, in words (`2026-11-22 20:31`).
    pub started: String,
    /// Overrides, as given.
    pub overrides: Vec<String>,
}

/// One run as the Run screen shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// Its name.
    pub id: RunId,
    /// The protocol it runs.
    pub protocol: String,
    /// How it stands.
    pub state: RunState,
    /// Stage instances in the order of the plan (`train fold A1`).
    pub board: Vec<BoardRow>,
    /// What is being worked on now.
    pub progress: Option<Progress>,
    /// Epochs so far, one entry a fold, in plan order.
    pub folds: Vec<FoldCurve>,
    /// The newest log lines, oldest first (a few hundred at most).
    pub log: Vec<LogLine>,
    /// Why it failed, for a failed or lost run.
    pub failure: Option<String>,
    /// Where it is at work and what it holds there (`lab-7, 820 MB`); empty when that is not known.
    pub place: String,
    /// Its jobs, where Slurm does its work.
    pub jobs: Vec<JobRow>,
}

/// A job of Slurm's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// What it does: `prepare`, `fold-C2`.
    pub job: String,
    /// Slurm's number.
    pub id: String,
    /// Slurm's word for how it stands, with the reason where it waits: `pending (Priority)`.
    pub state: String,
}

/// A run at work in a line, for several side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct RunGlance {
    /// Its name.
    pub id: RunId,
    /// The protocol it runs.
    pub protocol: String,
    /// How far it is, where that is known.
    pub progress: Option<Progress>,
}

/// One stage instance of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardRow {
    /// What: `ingest`, `train A1`.
    pub label: String,
    /// How it stands.
    pub state: StageState,
    /// A few words: time taken, epoch, size.
    pub detail: String,
}

/// How a stage instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageState {
    /// Waits.
    Queued,
    /// Was made before; nothing to do.
    Cached,
    /// At work.
    Running,
    /// Made in this run.
    Done,
    /// Ended with a failure.
    Failed,
}

/// How far the present stage is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What is counted: `train A1, epoch 3 of 8`.
    pub label: String,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 when unknown.
    pub total: u64,
    /// The unit in the plural: `images`, `files`.
    pub unit: String,
    /// Units a second, smoothed by whoever fills it.
    pub rate: Option<f64>,
    /// Seconds left, smoothed likewise.
    pub seconds_left: Option<f64>,
}

/// The epochs of one fold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldCurve {
    /// The fold's name.
    pub name: String,
    /// One row an epoch, in order.
    pub epochs: Vec<EpochPoint>,
    /// Epochs after the present one.
    pub rest: u64,
    /// Seconds an epoch takes: the mean of the last ones, the newest weighing half; 0 before the first has ended.
    pub pace: f64,
}

/// What one epoch gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochPoint {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss over the training spots.
    pub train_loss: f64,
    /// Mean loss over the validation spots, where there are any.
    pub validation_loss: Option<f64>,
    /// Mean PCC over genes on the validation spots.
    pub validation_pcc: Option<f64>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// Time of day in words, `20:31:14`.
    pub time: String,
    /// The line.
    pub text: String,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
}
