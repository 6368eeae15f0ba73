//! Visium as Space Ranger writes it, versions 1 and 2: spec/datasets.md, section 3.

mod folder;
mod join;
mod read;

pub use folder::{Layout, Matrix};
pub use join::{Order, Parts, slide};
pub use read::{Spec, files, image_ref as read_image, path_of, read, read_slide};
