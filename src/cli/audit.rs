//! `pinfold audit`: the lock against the world. Never writes; exit code 1 when something differs.

use super::{Here, output};
use crate::audit::{self, Level};
use crate::base::{Result, text};
use std::io::Write;

/// Arguments of `audit`.
#[derive(clap::Args)]
pub struct Args {
    /// Which entries (default: all).
    protocols: Vec<String>,
    /// How deep to look; each level includes the ones before.
    #[arg(long, value_enum, default_value = "metrics")]
    level: Depth,
    /// Fail when data files are not there (otherwise they count as not checked).
    #[arg(long)]
    require_data: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Audit levels.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Depth {
    /// Files, commit and protocol are what the lock says.
    Digests,
    /// And the metrics, computed again from the locked predictions, are equal to the last digit.
    Metrics,
}

/// Audits and prints the report.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let workspace = at.workspace()?;
    let level = match args.level {
        Depth::Digests => Level::Digests,
        Depth::Metrics => Level::Metrics,
    };
    let lively = output::lively() && !args.json;
    let report = audit::look(&workspace, &args.protocols, level, args.require_data, &|p: &audit::Progress| {
        if lively && (p.files.is_multiple_of(16) || p.files == p.files_total) {
            eprint!(
                "\r\x1b[K{}",
                text::clean(&format!("{}/{} files, {} of {}", p.files, p.files_total, text::bytes(p.bytes), text::bytes(p.bytes_total)))
            );
            let _ = std::io::stderr().flush();
        }
    })?;
    if lively {
        eprint!("\r\x1b[K");
    }
    if args.json {
        output::json(&report)?;
    } else {
        output::print(&audit::render_text(&report))?;
    }
    report.failure().map_or(Ok(()), Err)
}
