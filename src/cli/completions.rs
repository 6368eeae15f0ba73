//! `pinfold completions`: a completion script for a shell.

use super::output;
use crate::base::Result;

/// Arguments of `completions`.
#[derive(clap::Args)]
pub struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &Args, mut command: clap::Command) -> Result<()> {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut command, "pinfold", &mut out);
    output::print(&String::from_utf8_lossy(&out))
}
