//! The terminal interface: what there is, where it stands, and what to press.
//!
//! Owns the screens, the keys and the terminal. Knows no store, journal, lockfile or tensor: everything it shows
//! comes through [`Facts`], and everything it does is a call of that trait. State, update and view are apart:
//! [`update()`] turns a message into a changed [`Model`] and effects, [`draw`] turns a model into cells, and the
//! driver alone touches the terminal, the clock and the threads.

pub mod action;
pub mod chart;
mod driver;
pub mod facts;
pub mod field;
pub mod lanes;
pub mod look;
pub mod message;
pub mod model;
pub mod outcome;
pub mod output;
pub mod paint;
pub mod picture;
pub mod screen;
mod terminal;
pub mod update;
pub mod view;
pub mod words;

pub use driver::run;
pub use facts::Facts;
pub use look::Look;
pub use message::{Answer, Effect, Message, Request};
pub use model::Model;
pub use update::{begin, update};
pub use view::draw;
