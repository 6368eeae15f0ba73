//! The protocol: the TOML schema, its checks, overrides and published figures. Knows nothing of files but its own.

pub mod augmentation;
pub mod check;
pub mod clusters;
pub mod data;
pub mod edit;
pub mod execution;
pub mod extends;
pub mod genes;
pub mod image;
pub mod network;
pub mod parse;
pub mod quirks;
pub mod schema;
pub mod stack;
pub mod training;

pub use parse::{Loaded, load};
pub use schema::Protocol;
