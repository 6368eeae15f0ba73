//! What comes in and what goes out: the program's whole conversation with its surroundings, as data.

use super::facts::{
    AuditProgress, Audited, Depth, Figure, Interval, Picture, ProtocolCard, Results, RunCard, RunGlance, RunId, RunView, SpotMap,
    StatusLine, Tissue, Walk,
};
use super::graphics::Graphics;
use crate::base::Result;
use ratatui::crossterm::event::KeyEvent;
use std::path::PathBuf;

/// Something that happened.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "messages are few and live for a moment")]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The wheel was turned by so many notches, down being positive.
    Wheel(isize),
    /// A place was clicked: column and row.
    Click(u16, u16),
    /// Half a second has passed.
    Tick,
    /// What pictures the terminal shows, as far as it has said.
    Terminal(Graphics),
    /// A question was answered.
    Answer(Request, Answer),
}

/// A question to the workspace. Equal questions are asked once at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    /// [`super::Facts::status`].
    Status,
    /// [`super::Facts::protocols`].
    Protocols,
    /// [`super::Facts::init_demo`].
    InitDemo,
    /// [`super::Facts::walk`]: protocol and overrides.
    Walk(String, Vec<String>),
    /// [`super::Facts::start`]: protocol and overrides.
    Start(String, Vec<String>),
    /// [`super::Facts::stop`].
    Stop(RunId),
    /// [`super::Facts::pause`]: the run, and whether it is to halt.
    Pause(RunId, bool),
    /// [`super::Facts::runs`].
    Runs,
    /// [`super::Facts::run`].
    Run(RunId),
    /// [`super::Facts::glances`].
    Glances,
    /// [`super::Facts::lock`]: protocol, and whether a dirty tree is allowed.
    Lock(String, bool),
    /// [`super::Facts::locked`].
    Locked(String),
    /// [`super::Facts::audit`]: protocol and depth.
    Audit(String, Depth),
    /// [`super::Facts::audit_progress`].
    AuditProgress,
    /// [`super::Facts::stop_audit`].
    StopAudit,
    /// [`super::Facts::edit`]: protocol and `key=value`.
    Edit(String, String),
    /// [`super::Facts::results`].
    Results(String),
    /// [`super::Facts::intervals`].
    Intervals(String),
    /// [`super::Facts::map`]: protocol, slide and gene.
    Map(String, String, String),
    /// [`super::Facts::tissue`]: protocol and slide.
    Tissue(String, String),
    /// [`super::Facts::compare`].
    Compare(String),
    /// [`super::Facts::reports`].
    Reports(String),
    /// [`super::Facts::image`]: the file, and the most pixels across and down.
    Image(PathBuf, (u32, u32)),
    /// [`super::Facts::commands`].
    Commands,
    /// [`super::Facts::command`]: its words.
    Command(Vec<String>),
}

/// An answer from the workspace, one kind for each [`Request`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Result<StatusLine>),
    /// To [`Request::Protocols`].
    Protocols(Result<Vec<ProtocolCard>>),
    /// To [`Request::InitDemo`].
    InitDemo(Result<String>),
    /// To [`Request::Walk`].
    Walk(Result<Walk>),
    /// To [`Request::Start`].
    Start(Result<RunId>),
    /// To [`Request::Stop`].
    Stop(Result<()>),
    /// To [`Request::Pause`].
    Pause(Result<()>),
    /// To [`Request::Runs`].
    Runs(Result<Vec<RunCard>>),
    /// To [`Request::Run`].
    Run(Result<RunView>),
    /// To [`Request::Glances`].
    Glances(Result<Vec<RunGlance>>),
    /// To [`Request::Lock`].
    Lock(Result<String>),
    /// To [`Request::Locked`].
    Locked(Result<Audited>),
    /// To [`Request::Audit`].
    Audit(Result<Audited>),
    /// To [`Request::AuditProgress`].
    AuditProgress(Result<Option<AuditProgress>>),
    /// To [`Request::StopAudit`].
    StopAudit(Result<()>),
    /// To [`Request::Edit`].
    Edit(Result<String>),
    /// To [`Request::Results`].
    Results(Result<Results>),
    /// To [`Request::Intervals`].
    Intervals(Result<Vec<Interval>>),
    /// To [`Request::Map`].
    Map(Result<SpotMap>),
    /// To [`Request::Tissue`].
    Tissue(Result<Tissue>),
    /// To [`Request::Compare`].
    Compare(Result<String>),
    /// To [`Request::Reports`].
    Reports(Result<Vec<Figure>>),
    /// To [`Request::Image`].
    Image(Result<Picture>),
    /// To [`Request::Commands`].
    Commands(Result<Vec<(String, String)>>),
    /// To [`Request::Command`].
    Command(Result<String>),
}

/// Something that the driver shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the workspace; the answer comes back as a message.
    Ask(Request),
    /// Ask the terminal which pictures it shows; the answer comes back as a message.
    AskTerminal,
    /// Draw everything from nothing.
    Redraw,
    /// Give the terminal back and stop until the shell says otherwise.
    Suspend,
    /// Give a text to the terminal's clipboard.
    Copy(String),
    /// End; the words are for the shell, after the screen is gone.
    Quit(Option<String>),
}
