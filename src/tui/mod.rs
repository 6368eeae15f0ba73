//! The terminal interface: what there is, where it stands, and what to press.
//!
//! Owns the screens, the keys and the terminal. Knows no store, journal, lockfile or tensor: everything it shows
//! comes through [`Facts`], and everything it does is a call of that trait; only `*_facts.rs` look at a workspace. State, update and view are apart:
//! [`update()`] turns a message into a changed [`Model`] and effects, [`draw`] turns a model into cells, and the
//! driver alone touches the terminal, the clock and the threads.

pub mod action;
mod audit_facts;
pub mod chart;
mod diff_facts;
mod driver;
pub mod facts;
pub mod field;
pub mod graphics;
pub mod lanes;
pub mod look;
pub mod message;
pub mod model;
pub mod outcome;
pub mod output;
mod pace;
pub mod paint;
pub mod panes;
pub mod picture;
mod results_facts;
mod run_facts;
pub mod screen;
mod terminal;
pub mod tree;
pub mod update;
pub mod verdict;
pub mod view;
mod walk_facts;
pub mod words;
mod workspace_facts;

pub use driver::run;
pub use facts::Facts;
pub use look::Look;
pub use message::{Answer, Effect, Message, Request};
pub use model::Model;
pub use update::{begin, update};
pub use view::draw;

/// Opens the workbench on a workspace. The commands are the program's, each with what it does: its command line takes them.
pub fn open(workspace: crate::engine::Workspace, commands: Vec<(String, String)>) -> crate::base::Result<()> {
    run(Box::new(workspace_facts::WorkspaceFacts::new(workspace, commands)))
}
