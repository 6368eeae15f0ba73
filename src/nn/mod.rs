//! Networks over libtorch: PyTorch's initial values, torchvision's names and shapes, weights in and out.
//!
//! Floor: above `base`, below `train`. All access to libtorch that tch lacks goes through [`shim`].

pub mod backbone;
pub mod bleep;
pub mod densenet;
pub mod efficientnet;
pub mod freeze;
pub mod init;
pub mod layers;
pub mod mobilenet;
pub mod operations;
pub mod regressor;
pub mod resnet;
pub mod shim;
pub mod stacking;
pub mod store;
pub mod tiny;
pub mod vision_mlp;

pub use backbone::{Backbone, Kind as BackboneKind};
pub use freeze::{Frozen, Learning};
pub use regressor::{Head, Regressor};
pub use store::Store;

/// What a call of libtorch gives.
pub type Torch<T> = std::result::Result<T, tch::TchError>;

/// Turns an error of libtorch into one of ours: memory and devices are the environment's.
pub fn failed(doing: &str, error: &tch::TchError) -> crate::base::Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().to_owned();
    let failure = crate::base::Failure::environment(format!("libtorch failed to {doing}: {first}"));
    if text.contains("out of memory") { failure.hint("choose a smaller batch, or another device") } else { failure }
}

/// Completes a libtorch result with what was being done.
pub trait Doing<T> {
    /// `doing` completes "libtorch failed to …".
    fn torch(self, doing: &str) -> crate::base::Result<T>;
}

impl<T> Doing<T> for Torch<T> {
    fn torch(self, doing: &str) -> crate::base::Result<T> {
        self.map_err(|e| failed(doing, &e))
    }
}
