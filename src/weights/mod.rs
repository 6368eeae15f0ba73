//! Published weight files: PyTorch's formats read without executing anything, and which files the field uses.
//!
//! A `.pth` file is a program for a stack machine ("pickle") beside raw numbers. Here the program is only walked: it may
//! make lists, dictionaries and descriptions of tensors, and every call that it asks for is looked at by name.

pub mod import;
pub mod known;
pub mod pickle;
pub mod torch_file;

pub use import::{Imported, Wish, import};
pub use torch_file::TorchFile;
