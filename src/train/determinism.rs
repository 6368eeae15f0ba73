//! The switches that decide whether two runs give the same bytes: set, read back, and graded.
//!
//! Environment variables act only before libtorch is loaded; the engine sets them for the worker it starts
//! (`engine::worker::pins`). Here they are read as found, and libtorch is asked what it really does.

use crate::base::{Failure, Result};
use crate::nn::{Doing, operations, shim};
use crate::protocol::schema::{Class, Device};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment variables that a grade records.
pub const VARIABLES: [&str; 9] = [
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_NUM_THREADS",
    "OMP_DYNAMIC",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "ONEDNN_MAX_CPU_ISA",
];

/// Which switches were really on: `grade.json`. Nothing in it names the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// The class that these switches reach.
    pub class: Class,
    /// `cpu` or `cuda`.
    pub device: Device,
    /// Threads inside libtorch's operations.
    pub threads: usize,
    /// Instruction set of libtorch's own kernels.
    pub cpu_capability: String,
    /// Only deterministic algorithms were allowed.
    pub deterministic_algorithms: bool,
    /// cuDNN was held to deterministic algorithms.
    pub cudnn_deterministic: bool,
    /// cuDNN chose algorithms by timing them.
    pub cudnn_benchmark: bool,
    /// cuDNN was allowed TF32.
    pub tf32_cudnn: bool,
    /// cuBLAS was allowed TF32.
    pub tf32_matmul: bool,
    /// The variables of [`VARIABLES`], as found; null where unset.
    pub environment: BTreeMap<String, Option<String>>,
    /// MKL's branch as MKL says it, where it does. Not in the file: where it is known, the class `portable` is reached
    /// only if it is the one that `MKL_CBWR` names.
    #[serde(skip)]
    pub mkl_branch: Option<i32>,
}

/// Sets what can be set inside the process: threads, deterministic algorithms, cuDNN, TF32. Then reads everything back.
pub fn set(threads: usize, device: Device) -> Result<Grade> {
    tch::set_num_threads(i32::try_from(threads).map_err(|_| Failure::input(format!("{threads} threads are too many")))?);
    shim::set_switches(true, false, false).torch("set its determinism switches")?;
    grade(device)
}

/// Reads the switches back and grades them.
pub fn grade(device: Device) -> Result<Grade> {
    let s = shim::switches().torch("tell its switches")?;
    let environment = VARIABLES.iter().map(|&v| (v.to_owned(), std::env::var(v).ok())).collect();
    let mut grade = Grade {
        class: Class::Statistical,
        device,
        threads: usize::try_from(s.threads).unwrap_or(0),
        cpu_capability: shim::cpu_capability(),
        deterministic_algorithms: s.deterministic,
        cudnn_deterministic: s.cudnn_deterministic,
        cudnn_benchmark: s.cudnn_benchmark,
        tf32_cudnn: s.tf32_cudnn,
        tf32_matmul: s.tf32_matmul,
        environment,
        mkl_branch: shim::mkl_branch(),
    };
    grade.class = if lacking(&grade, Class::Portable).is_empty() {
        Class::Portable
    } else if lacking(&grade, Class::Machine).is_empty() {
        Class::Machine
    } else {
        Class::Statistical
    };
    Ok(grade)
}

/// What these switches lack for a class, one fragment each.
pub fn lacking(grade: &Grade, class: Class) -> Vec<String> {
    let mut out = Vec::new();
    let is = |name: &str, due: &str| grade.environment.get(name).and_then(Option::as_deref).is_some_and(|v| v.eq_ignore_ascii_case(due));
    let mut need = |held: bool, what: &str| {
        if !held {
            out.push(what.to_owned());
        }
    };
    if class == Class::Statistical {
        return out;
    }
    need(grade.deterministic_algorithms, "deterministic algorithms");
    match grade.device {
        Device::Cpu => need(is("OMP_NUM_THREADS", &grade.threads.to_string()), "OMP_NUM_THREADS as many as the protocol's threads"),
        Device::Cuda => {
            need(class != Class::Portable, "a processor in place of a GPU");
            need(grade.cudnn_deterministic && !grade.cudnn_benchmark, "cuDNN deterministic and without benchmark");
            need(!grade.tf32_cudnn && !grade.tf32_matmul, "TF32 off");
            let workspace = is("CUBLAS_WORKSPACE_CONFIG", ":4096:8") || is("CUBLAS_WORKSPACE_CONFIG", ":16:8");
            need(workspace, "CUBLAS_WORKSPACE_CONFIG=:4096:8");
        }
    }
    if class == Class::Portable {
        need(grade.cpu_capability == "AVX2", "ATEN_CPU_CAPABILITY=avx2");
        need(is("ONEDNN_MAX_CPU_ISA", "AVX2"), "ONEDNN_MAX_CPU_ISA=AVX2");
        need(is("MKL_CBWR", "COMPATIBLE"), "MKL_CBWR=COMPATIBLE");
        need(grade.mkl_branch.is_none_or(|b| b == shim::MKL_COMPATIBLE), "MKL in its branch COMPATIBLE (MKL_CBWR came too late)");
    }
    out
}

/// Refuses a run whose switches do not reach the class that the protocol asks for.
pub fn require(grade: &Grade, asked: Class) -> Result<()> {
    let lacking = lacking(grade, asked);
    if lacking.is_empty() {
        return Ok(());
    }
    let name = match asked {
        Class::Portable => "portable",
        Class::Machine => "machine",
        Class::Statistical => "statistical",
    };
    Err(Failure::environment(format!("the determinism class '{name}' is asked for, and this process lacks: {}", lacking.join("; ")))
        .hint("start it through 'pinfold run', which sets the environment first, or ask for a lesser class in the protocol"))
}

/// Refuses a network that uses an operation not proven to give the same bytes everywhere: it cannot be `portable`.
pub fn require_portable<'a>(network: &str, operations: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let unproven = operations::unproven(operations);
    if unproven.is_empty() {
        return Ok(());
    }
    let list = unproven.join(", ");
    Err(Failure::input(format!(
        "the network '{network}' cannot be trained in the class 'portable': {list} not proven to give the same bytes on every processor",
        list = if unproven.len() == 1 { format!("the operation {list} is") } else { format!("the operations {list} are") }
    ))
    .at("determinism.class")
    .hint("ask for the class 'machine'; docs/determinism.md says which operations are proven, and how"))
}

/// libtorch's device. For a GPU, loads the CUDA side of libtorch first if it is not there yet.
///
/// It is looked for as `libtorch_cuda.so` in the folder `$PINFOLD_LIBTORCH_CUDA` (or as that very file), else beside
/// the libtorch that this program runs with.
pub fn device(device: Device) -> Result<tch::Device> {
    if device == Device::Cpu {
        return Ok(tch::Device::Cpu);
    }
    let hint = "set device = \"cpu\" in the protocol, or run `make gpu` on a machine with an NVIDIA GPU and its driver";
    if !tch::Cuda::is_available() {
        let place = std::env::var_os("PINFOLD_LIBTORCH_CUDA").map_or_else(|| PathBuf::from(env!("PINFOLD_TORCH_LIB")), PathBuf::from);
        let file = if place.is_dir() { place.join("libtorch_cuda.so") } else { place };
        shim::load_library(&file).map_err(|why| {
            Failure::environment(format!("cannot load the CUDA side of libtorch: {why}")).at(file.display().to_string()).hint(hint)
        })?;
    }
    if tch::Cuda::is_available() {
        return Ok(tch::Device::Cuda(0));
    }
    Err(Failure::environment("libtorch finds no CUDA device").hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_follows_from_what_is_read_back() {
        let pinned = [("OMP_NUM_THREADS", "2"), ("ONEDNN_MAX_CPU_ISA", "AVX2"), ("MKL_CBWR", "COMPATIBLE")];
        let full = Grade {
            class: Class::Statistical,
            device: Device::Cpu,
            threads: 2,
            cpu_capability: "AVX2".into(),
            deterministic_algorithms: true,
            cudnn_deterministic: true,
            cudnn_benchmark: false,
            tf32_cudnn: false,
            tf32_matmul: false,
            environment: pinned.iter().map(|(k, v)| ((*k).to_owned(), Some((*v).to_owned()))).collect(),
            mkl_branch: Some(shim::MKL_COMPATIBLE),
        };
        assert!(require(&full, Class::Portable).is_ok());
        let wide = Grade { cpu_capability: "AVX512".into(), ..full.clone() };
        assert!(require(&wide, Class::Machine).is_ok());
        let refused = require(&wide, Class::Portable).expect_err("must refuse");
        assert!(refused.what.contains("ATEN_CPU_CAPABILITY=avx2"), "{refused}");
        let late = Grade { mkl_branch: Some(10), ..full.clone() };
        assert!(require(&late, Class::Portable).is_err() && require(&late, Class::Machine).is_ok());
        let other = Grade { threads: 4, ..full.clone() };
        assert!(require(&other, Class::Machine).is_err() && require(&other, Class::Statistical).is_ok());
        let gpu = Grade { device: Device::Cuda, ..full };
        assert!(require(&gpu, Class::Portable).is_err());
    }

    #[test]
    fn an_operation_that_is_not_on_the_list_is_refused() {
        for kind in crate::nn::BackboneKind::ALL {
            let every = [operations::REGRESSION, operations::BLEEP, operations::ADAM, operations::ADAMW, operations::SGD].concat();
            require_portable(kind.name(), operations::of(kind).chain(every)).expect("every network of ours is portable");
        }
        let refused = require_portable("other", ["aten::silu", "aten::sqrt", "aten::empty"]).expect_err("must refuse");
        assert_eq!(refused.exit, crate::base::Exit::BadInput);
        assert!(refused.what.contains("'other'") && refused.what.contains("the operation aten::sqrt is not proven"), "{refused}");
    }

    #[test]
    fn switches_are_really_set() {
        let grade = set(2, Device::Cpu).expect("set");
        assert!(grade.deterministic_algorithms && !grade.cudnn_benchmark && !grade.tf32_matmul && !grade.tf32_cudnn);
        assert_eq!(grade.threads, 2);
        assert!(!grade.cpu_capability.is_empty());
    }

    #[test]
    fn a_missing_library_is_told() {
        let why = shim::load_library(std::path::Path::new("/nonexistent/libtorch_cuda.so")).expect_err("must fail");
        assert!(why.contains("No such file"), "{why}");
    }
}
