//! `pinfold weights`: published weight files, brought in without being executed, and which are here.

use super::Here;
use super::output::{self, Side};
use crate::base::{Result, text};
use crate::protocol;
use crate::weights::{self, Wish, import, known};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `weights`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Convert a PyTorch file (.pth, .pt, .ckpt) to weights/NAME.safetensors; nothing in it is executed.
    Import(Import),
    /// Show which weight files protocols need, where files are published, and what is here.
    List(List),
}

#[derive(clap::Args)]
struct Import {
    /// The file. Where its name carries the first digits of its SHA-256, they are checked.
    file: PathBuf,
    /// Name of the new file, without ending (default: the old one's).
    #[arg(long)]
    name: Option<String>,
    /// The key under which the state dict lies (default: looked for).
    #[arg(long)]
    key: Option<String>,
    /// Delete this part from every tensor's name, e.g. model. – can be repeated.
    #[arg(long, value_name = "PART")]
    drop: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a subcommand.
pub fn run(at: &Here, args: Args) -> Result<()> {
    match args.command {
        Command::Import(args) => bring(at, args),
        Command::List(args) => list(at, &args),
    }
}

fn bring(at: &Here, args: Import) -> Result<()> {
    let folder = at.workspace()?.weights();
    let made = weights::import(&args.file, &folder, &Wish { key: args.key, drop: args.drop, name: args.name })?;
    if args.json {
        return output::json(&made);
    }
    output::say(&format!(
        "{} tensors, {} numbers, from {} (SHA-256 {})",
        made.tensors,
        text::thousands(made.numbers),
        made.source,
        made.source_sha256
    ));
    if made.left_out > 0 {
        output::say(&format!("{} entries that are no tensors were left out", made.left_out));
    }
    if made.renamed > 0 {
        output::say(&format!("{} tensors got the names that today's networks have", made.renamed));
    }
    output::say("a protocol names it so, in [network]:");
    output::print(&format!("weights = \"{}\"\nweights_sha256 = \"{}\"\n", made.file, made.sha256))
}

fn list(at: &Here, args: &List) -> Result<()> {
    let workspace = at.workspace()?;
    let here = import::here(&workspace.weights())?;
    let mut needed = Vec::new();
    for name in workspace.protocol_names()? {
        // A protocol that cannot be read says so where it is run.
        let Ok(loaded) = protocol::load(&workspace.protocol_path(&name)?, &[]) else { continue };
        let network = loaded.protocol.network;
        if network.weights != "random" {
            let state = match here.iter().find(|h| h.file == network.weights) {
                None => "missing",
                Some(h) if network.weights_sha256.is_some_and(|due| due != h.sha256) => "another content",
                Some(_) => "here",
            };
            needed.push((name, network.weights, state));
        }
    }
    if args.json {
        let needed: Vec<_> = needed.iter().map(|(p, f, s)| json!({"protocol": p, "file": f, "state": s})).collect();
        return output::json(&json!({"needed": needed, "here": here, "published": known::FILES}));
    }
    let mut out = String::new();
    if needed.is_empty() {
        out.push_str("No protocol here needs a weight file.\n");
    } else {
        let rows: Vec<Vec<String>> = needed.into_iter().map(|(p, f, s)| vec![p, f, s.to_owned()]).collect();
        out.push_str(&output::table(&[("protocol", Side::Left), ("needs", Side::Left), ("state", Side::Left)], &rows));
    }
    if !here.is_empty() {
        let from = |h: &import::Here| h.imported.as_ref().map_or_else(|| "-".to_owned(), |i| i.source.clone());
        let rows: Vec<Vec<String>> = here.iter().map(|h| vec![h.file.clone(), h.sha256.to_string(), from(h)]).collect();
        out.push('\n');
        out.push_str(&output::table(&[("here", Side::Left), ("SHA-256", Side::Left), ("made from", Side::Left)], &rows));
    }
    let have = |k: &known::Known| here.iter().any(|h| h.imported.as_ref().is_some_and(|i| i.source == k.file));
    let rows: Vec<Vec<String>> =
        known::FILES.iter().map(|k| vec![k.network.into(), if have(k) { "imported" } else { "" }.into(), k.url.into()]).collect();
    out.push('\n');
    out.push_str(&output::table(&[("network", Side::Left), ("state", Side::Left), ("published at", Side::Left)], &rows));
    out.push_str("\nFetch a file, then: pinfold weights import FILE\n");
    output::print(&out)
}
