//! `pinfold doctor`: what a bug report needs.

use super::{Here, output};
use crate::base::{Result, host};
use crate::lock::{self, Described};

/// Arguments of `doctor`.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints facts, one a line; nothing here is an error.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let mut facts: Vec<(&str, String)> = vec![
        ("pinfold", env!("CARGO_PKG_VERSION").into()),
        ("built", if cfg!(feature = "train") { "with libtorch".into() } else { "without libtorch: audits, reports and browses".into() }),
        ("processor", host::processor()),
        ("cores", host::cores().to_string()),
        (
            "AVX2",
            if host::has_avx2() { "yes: the class 'portable' can be had".into() } else { "no: the class 'portable' cannot be had".into() },
        ),
    ];
    facts.extend(torch());
    match at.workspace() {
        Err(e) => facts.push(("workspace", e.what)),
        Ok(workspace) => {
            facts.push(("workspace", workspace.root().display().to_string()));
            facts.push(("protocols", workspace.protocol_names()?.join(", ")));
            let data = workspace.data_root();
            let there = if data.is_dir() { "" } else { " (not there)" };
            facts.push(("data", format!("{}{there}", data.display())));
            facts.push((
                "git",
                match lock::describe(workspace.root()) {
                    Ok(Described::Commit(git)) if git.clean => format!("{} (clean)", git.commit),
                    Ok(Described::Commit(git)) => format!("{} ({} files differ)", git.commit, git.dirty_paths.len()),
                    Ok(Described::Unrecorded { why }) => why,
                    Err(e) => e.what,
                },
            ));
        }
    }
    for name in
        ["PINFOLD_DATA", "OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"]
    {
        if let Ok(value) = std::env::var(name) {
            facts.push((name, value));
        }
    }
    if args.json {
        let map: serde_json::Map<String, serde_json::Value> = facts.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        return output::json(&map);
    }
    output::print(&facts.iter().map(|(k, v)| format!("{k:<20} {}\n", crate::base::text::clean(v))).collect::<String>())
}

#[cfg(feature = "train")]
fn torch() -> Vec<(&'static str, String)> {
    crate::train::facts()
}

#[cfg(not(feature = "train"))]
fn torch() -> Vec<(&'static str, String)> {
    Vec::new()
}
