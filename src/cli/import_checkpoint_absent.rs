//! `pinfold import-checkpoint` in a program without libtorch: it says so.

use crate::base::{Failure, Result};
use std::ffi::OsString;

/// Whatever was asked.
#[derive(clap::Args)]
pub struct Args {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<OsString>,
}

/// Refuses.
pub fn run(_: Args) -> Result<()> {
    Err(Failure::environment("this pinfold has no libtorch, which holds a checkpoint against its network")
        .hint("make setup && cargo build --release"))
}
