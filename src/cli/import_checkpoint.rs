//! `pinfold import-checkpoint`: a checkpoint that others published, as ours are written, without executing it.

use super::output;
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Digest, IoContext, Result, atomic, text};
use crate::nn::stacking;
use crate::weights::{TorchFile, known};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `import-checkpoint`.
#[derive(clap::Args)]
pub struct Args {
    /// Which network it must fit: hevisum-stack (the published meta-model among them) or hevisum (vision_mlp_multitask).
    #[arg(long, value_name = "NAME")]
    model: String,
    /// The published file (.pt, .pth): PyTorch's archive, read without executing anything in it.
    file: PathBuf,
    /// Where it goes, as safetensors.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads, checks and writes; says what it was.
pub fn run(args: Args) -> Result<()> {
    let shown = args.file.display().to_string();
    let bytes = std::fs::read(&args.file).doing("read", &args.file)?;
    let (tensors, left_out) = TorchFile::read(&bytes).and_then(|f| f.tensors(None)).map_err(|e| e.at(shown.clone()))?;
    let source = Digest::of(&bytes);
    let mut out = ArraysWriter::new();
    // How many batches a normalisation has seen changes no answer, and our checkpoints do not hold it.
    let mut batches = std::collections::BTreeSet::new();
    let mut kept = 0;
    for (name, tensor) in &tensors {
        if name.ends_with("num_batches_tracked") {
            batches.extend(<[u8; 8]>::try_from(tensor.bytes.as_slice()).map(i64::from_le_bytes));
            continue;
        }
        kept += 1;
        out.raw(name, tensor.kind, &tensor.shape, tensor.bytes.clone());
    }
    out.metadata("source", args.file.file_name().map(|n| text::clean(&n.to_string_lossy())).unwrap_or_default());
    out.metadata("source_sha256", source.to_string());
    let made = out.to_bytes();
    // Checked in a file of its own, so that nothing that does not fit ever has the wanted name.
    let scratch = tempfile::NamedTempFile::new().doing("make a temporary file in", &std::env::temp_dir())?;
    std::fs::write(scratch.path(), &made).doing("write", scratch.path())?;
    let parameters = stacking::fits(&args.model, &Arrays::open(scratch.path())?).map_err(|e| e.at(shown.clone()))?;
    atomic::write(&args.output, &made)?;
    let published = known::checkpoint(&source);
    if args.json {
        return output::json(&json!({
            "model": args.model, "source_sha256": source, "output": args.output.display().to_string(), "sha256": Digest::of(&made),
            "tensors": kept, "parameters": parameters, "left_out": left_out, "batches": batches, "published": published,
        }));
    }
    output::say(&format!(
        "{}: {kept} tensors, {} parameters, from a file with SHA-256 {source}",
        args.model,
        text::thousands(parameters as u64)
    ));
    match published {
        Some(what) => output::say(&format!("this is {what}")),
        None => output::say("this file is not one whose digest pinfold knows"),
    }
    for n in batches {
        output::say(&format!("its normalisations have seen {} training batches", text::thousands(n.unsigned_abs())));
    }
    output::say(&format!("written to {} (SHA-256 {})", args.output.display(), Digest::of(&made)));
    Ok(())
}
