//! What `doctor` tells of libtorch.

use crate::nn::shim;
use crate::protocol::schema::Device;

/// Facts about libtorch and devices, as this process sees them. Looking for a GPU loads CUDA's side if it is there.
pub fn facts() -> Vec<(&'static str, String)> {
    let gpu = match super::determinism::device(Device::Cuda) {
        Ok(_) => format!("{} found", tch::Cuda::device_count()),
        Err(e) => format!("none ({})", e.what),
    };
    vec![
        ("libtorch", format!("2.11.0 in {}", env!("PINFOLD_TORCH_LIB"))),
        ("libtorch kernels", shim::cpu_capability()),
        ("libtorch threads", tch::get_num_threads().to_string()),
        ("CUDA device", gpu),
    ]
}
