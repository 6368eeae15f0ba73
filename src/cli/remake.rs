//! `pinfold remake`: the audit's own worker. Its only interface is a scratch folder, and events on stdout.

use crate::audit;
use crate::base::Result;
use crate::engine::{Event, Watch};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `remake`.
#[derive(clap::Args)]
pub struct Args {
    /// The scratch folder.
    folder: PathBuf,
}

/// Makes again what the folder's order names.
pub fn run(args: &Args) -> Result<()> {
    audit::remake(&args.folder, &mut Telling { gone: false })
}

/// Tells each event as a line of JSON. When nobody listens any longer, the work ends.
struct Telling {
    gone: bool,
}

impl Watch for Telling {
    fn event(&mut self, event: Event) {
        let Ok(mut line) = serde_json::to_string(&event) else { return };
        line.push('\n');
        let mut out = std::io::stdout().lock();
        self.gone |= out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err();
    }

    fn stop_asked(&mut self) -> bool {
        self.gone
    }
}
