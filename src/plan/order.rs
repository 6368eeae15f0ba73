//! Ordering a run: the checks that belong in the foreground, and the environment that a worker needs.

use super::Graph;
use crate::base::{Failure, Result, program, text};
use crate::engine::execution::Execution;
use crate::engine::runs::Order;
use crate::engine::{Run, Workspace, worker};
use crate::protocol::schema::{Class, InstructionSet};
use crate::protocol::{Loaded, Protocol};

/// Makes the run folder. Refused when the protocol is running already, or cannot start: unknown data, wrong digests.
pub fn order(workspace: &Workspace, loaded: &Loaded, execution: Execution) -> Result<Run> {
    let p = &loaded.protocol;
    able(p)?;
    for other in Run::all(workspace)?.iter().rev().filter(|r| r.order.protocol == p.name) {
        let lines = other.lines()?;
        if let Some((host, seconds)) = other.silence(&lines) {
            return Err(Failure::input(format!(
                "{} was begun on {host}, and nothing was heard of its worker for {}",
                p.name,
                text::duration(seconds)
            ))
            .at(other.dir.display().to_string())
            .hint(format!("if that worker is gone: pinfold resume {} --take-over", other.id)));
        }
        if other.state(&lines).live() {
            return Err(Failure::input(format!("{} is running already", p.name))
                .at(other.dir.display().to_string())
                .hint(format!("pinfold attach {}, or pinfold stop {}", other.id, other.id)));
        }
    }
    // Finds missing and wrong data now, in the foreground.
    Graph::new(workspace, p).look(&workspace.store())?;
    let file = loaded.path.canonicalize().ok().and_then(|f| f.strip_prefix(workspace.root()).ok().map(|r| r.display().to_string()));
    Run::create(
        workspace,
        Order {
            protocol: p.name.clone(),
            file: file.unwrap_or_else(|| loaded.path.display().to_string()),
            file_sha256: loaded.file_digest,
            overrides: loaded.overrides.clone(),
            resolved: p.canonical(),
            execution,
        },
    )
}

/// Refuses a protocol that this program, or this machine, cannot train.
pub fn able(p: &Protocol) -> Result<()> {
    if !program::trains() {
        return Err(Failure::environment("this pinfold was built without libtorch, and no pinfold-engine lies beside it: it audits, reports and browses, and does not train")
            .hint("make setup && cargo build --release"));
    }
    if p.determinism.class == Class::Portable && !crate::base::host::has_avx2() {
        return Err(Failure::environment("the protocol asks for the class 'portable', and this processor has no AVX2")
            .hint("run it elsewhere, or with --set determinism.class=statistical"));
    }
    Ok(())
}

/// The environment that a protocol's determinism needs.
pub fn pins(p: &Protocol) -> Vec<(String, String)> {
    let d = &p.determinism;
    worker::pins(d.class == Class::Portable, d.instruction_set == InstructionSet::Avx2, d.threads)
}
