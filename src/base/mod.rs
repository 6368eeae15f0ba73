//! Floor 0: what everything stands on. Knows nothing of genes, tensors, terminals or git.

pub mod arrays;
pub mod atomic;
pub mod canon;
pub mod clock;
pub mod digest;
pub mod draw;
pub mod exact;
pub mod fail;
pub mod host;
pub mod mapped;
pub mod mt19937;
pub mod program;
pub mod text;

pub use digest::Digest;
pub use draw::Draw;
pub use fail::{Exit, Failure, IoContext, Result};
pub use mt19937::Mt19937;
