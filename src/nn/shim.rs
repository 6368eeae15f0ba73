//! The border to `src/train/shim.cpp`: the calls of libtorch that tch does not offer. The only foreign functions of
//! the crate, each behind a safe function.
//!
//! It stands on the networks' floor because one of the calls is a layer; switches and the optimiser use it from above.

#![expect(unsafe_code, reason = "foreign functions; each call says why it is sound")]

use super::Torch;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_int};
use std::path::Path;
use tch::{TchError, Tensor};
use torch_sys::C_tensor;

#[repr(C)]
#[derive(Default)]
struct RawSwitches {
    threads: i32,
    deterministic: i32,
    cudnn_deterministic: i32,
    cudnn_benchmark: i32,
    tf32_cudnn: i32,
    tf32_cublas: i32,
}

unsafe extern "C" {
    fn pinfold_last_error() -> *const c_char;
    fn pinfold_set_switches(deterministic: c_int, cudnn_benchmark: c_int, tf32: c_int) -> c_int;
    fn pinfold_read_switches(out: *mut RawSwitches) -> c_int;
    fn pinfold_cpu_capability() -> *const c_char;
    fn pinfold_mkl_branch() -> c_int;
    fn pinfold_load_library(path: *const c_char) -> *const c_char;
    fn pinfold_fused_adam(
        parameters: *const *mut C_tensor,
        first: *const *mut C_tensor,
        second: *const *mut C_tensor,
        count: i64,
        step: i64,
        rate: f64,
        beta1: f64,
        beta2: f64,
        epsilon: f64,
        weight_decay: f64,
    ) -> c_int;
    fn pinfold_clear_gradients(parameters: *const *mut C_tensor, count: i64) -> c_int;
    fn pinfold_depthwise(x: *mut C_tensor, w: *mut C_tensor, stride: i64, pad: i64, out: *mut *mut C_tensor) -> c_int;
    fn pinfold_record_start() -> c_int;
    fn pinfold_record_stop(names: *mut *const c_char) -> c_int;
}

/// Copies a C string that lives in the C++ side's thread-local storage.
fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: not null; the C++ side keeps a terminated string there until its next call on this thread.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

fn checked(code: c_int) -> Torch<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: no arguments; gives a pointer into thread-local storage.
    Err(TchError::Torch(text(unsafe { pinfold_last_error() })))
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|t| t.as_ptr().cast_mut()).collect()
}

/// What libtorch says of itself, read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Threads inside an operation.
    pub threads: i32,
    /// Only deterministic algorithms are allowed.
    pub deterministic: bool,
    /// cuDNN is held to deterministic algorithms.
    pub cudnn_deterministic: bool,
    /// cuDNN tries algorithms and keeps the fastest (which may differ from run to run).
    pub cudnn_benchmark: bool,
    /// cuDNN may round to TF32.
    pub tf32_cudnn: bool,
    /// cuBLAS may round to TF32.
    pub tf32_matmul: bool,
}

/// Sets libtorch's process-wide switches.
pub fn set_switches(deterministic: bool, cudnn_benchmark: bool, tf32: bool) -> Torch<()> {
    // SAFETY: plain numbers.
    checked(unsafe { pinfold_set_switches(c_int::from(deterministic), c_int::from(cudnn_benchmark), c_int::from(tf32)) })
}

/// Reads them back. The number of threads is the calling thread's.
pub fn switches() -> Torch<Switches> {
    let mut raw = RawSwitches::default();
    // SAFETY: `raw` outlives the call and has the C side's layout.
    checked(unsafe { pinfold_read_switches(&raw mut raw) })?;
    Ok(Switches {
        threads: raw.threads,
        deterministic: raw.deterministic != 0,
        cudnn_deterministic: raw.cudnn_deterministic != 0,
        cudnn_benchmark: raw.cudnn_benchmark != 0,
        tf32_cudnn: raw.tf32_cudnn != 0,
        tf32_matmul: raw.tf32_cublas != 0,
    })
}

/// The instruction set of libtorch's own kernels: `DEFAULT`, `AVX2`, `AVX512`.
pub fn cpu_capability() -> String {
    // SAFETY: no arguments.
    text(unsafe { pinfold_cpu_capability() })
}

/// The branch of MKL's conditional numerical reproducibility that is really on, where this libtorch says it;
/// [`MKL_COMPATIBLE`] is the one that all processors share.
pub fn mkl_branch() -> Option<i32> {
    // SAFETY: no arguments.
    let branch = unsafe { pinfold_mkl_branch() };
    (branch >= 0).then_some(branch)
}

/// `MKL_CBWR_COMPATIBLE` of MKL's headers.
pub const MKL_COMPATIBLE: i32 = 3;

/// Loads a shared library into this process, for every library in it, or says why not.
pub fn load_library(path: &Path) -> std::result::Result<(), String> {
    use std::os::unix::ffi::OsStrExt;
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| "the path holds a zero byte".to_owned())?;
    // SAFETY: a terminated string that outlives the call. The library's own initialisers run; we load only libtorch's.
    let why = unsafe { pinfold_load_library(path.as_ptr()) };
    if why.is_null() { Ok(()) } else { Err(text(why)) }
}

/// Numbers of one Adam step.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Which step this is, from 1.
    pub step: i64,
    /// Learning rate.
    pub rate: f64,
    /// Decay of the first and second moment.
    pub betas: (f64, f64),
    /// Added to the root.
    pub epsilon: f64,
    /// L2 weight decay.
    pub weight_decay: f64,
}

/// One step of Adam in place by libtorch's fused kernel, over the parameters that have a gradient.
pub fn fused_adam(parameters: &[Tensor], first: &[Tensor], second: &[Tensor], numbers: AdamStep) -> Torch<()> {
    assert!(parameters.len() == first.len() && parameters.len() == second.len(), "one pair of moments a parameter");
    let (p, m, v) = (pointers(parameters), pointers(first), pointers(second));
    let AdamStep { step, rate, betas, epsilon, weight_decay } = numbers;
    // SAFETY: three arrays of `p.len()` live tensors; the call keeps none of them.
    checked(unsafe {
        pinfold_fused_adam(p.as_ptr(), m.as_ptr(), v.as_ptr(), p.len() as i64, step, rate, betas.0, betas.1, epsilon, weight_decay)
    })
}

/// Forgets the gradients of these parameters.
pub fn clear_gradients(parameters: &[Tensor]) -> Torch<()> {
    let p = pointers(parameters);
    // SAFETY: an array of `p.len()` live tensors.
    checked(unsafe { pinfold_clear_gradients(p.as_ptr(), p.len() as i64) })
}

/// Depthwise convolution without bias: `x` [N, C, H, W], `w` [C, 1, K, K].
///
/// On the processor its weight gradient is a kernel of ours (see `shim.cpp`): oneDNN's takes a third of a training
/// step of EfficientNet-B0 at 64 pixels. Input gradient and forward pass are libtorch's.
pub fn depthwise(x: &Tensor, w: &Tensor, stride: i64, pad: i64) -> Torch<Tensor> {
    let mut out = std::ptr::null_mut();
    // SAFETY: two live tensors, and a place for a new one.
    checked(unsafe { pinfold_depthwise(x.as_ptr().cast_mut(), w.as_ptr().cast_mut(), stride, pad, &raw mut out) })?;
    // SAFETY: the call succeeded, so `out` is a new tensor that nobody else owns; tch frees it as its own.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// Runs something, and gives the names of all operations of libtorch that this thread started meanwhile, those that
/// others are made of included: `aten::convolution`, and our own `pinfold::depthwise_weight_gradient`.
pub fn recorded<T>(run: impl FnOnce() -> T) -> Torch<(T, BTreeSet<String>)> {
    // SAFETY: no arguments.
    checked(unsafe { pinfold_record_start() })?;
    let out = run();
    let mut names = std::ptr::null();
    // SAFETY: a place for a pointer, which stays valid until this thread records again.
    checked(unsafe { pinfold_record_stop(&raw mut names) })?;
    // Other names are those of the backward pass's own nodes, which call operations in their turn.
    let ours = |name: &&str| name.starts_with("aten::") || name.starts_with("pinfold::");
    Ok((out, text(names).lines().filter(ours).map(str::to_owned).collect()))
}
