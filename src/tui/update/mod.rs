//! How the state changes: `update(model, message)` answers with effects, which are data. Nothing here draws,
//! waits, or touches a file, so all of it is tested without a terminal.

mod actions;
mod answers;
mod command;
mod moves;
mod turn;

pub use command::candidates;
pub use turn::{begin, update};
