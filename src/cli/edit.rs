//! `pinfold edit`: writes values into a protocol's file; its comments and its order stay.

use super::{Here, output};
use crate::base::Result;
use crate::protocol::edit;

/// Arguments of `edit`.
#[derive(clap::Args)]
pub struct Args {
    /// The protocol.
    protocol: String,
    /// What its file shall say, such as train.epochs=8.
    #[arg(required = true, value_name = "KEY=VALUE")]
    assignments: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Writes all of them or none.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let path = at.workspace()?.protocol_path(&args.protocol)?;
    let changes = edit::write(&path, &args.assignments)?;
    if args.json {
        return output::json(&serde_json::json!({"protocol": args.protocol, "changes": changes}));
    }
    changes.iter().for_each(|c| output::say(&c.sentence()));
    Ok(())
}
