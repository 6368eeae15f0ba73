//! Slides made from a seed: tissue-like images, and counts of which the right answer is known.
//!
//! | file | what |
//! |---|---|
//! | [`noise`] | smooth random fields |
//! | `tissue` | where tissue, epithelium, collagen and glands are |
//! | `nuclei` | nuclei: where they lie, how they are turned and stained |
//! | `render` | stain concentrations to colours (Beer-Lambert), and the morphology round each spot |
//! | `genes` | counts that follow the morphology, a gradient, or nothing |
//! | `generate` | the whole |
//!
//! Every random draw is keyed by (seed, purpose, slide, place), and every function is exact arithmetic
//! ([`crate::base::exact`]), so a specification gives the same pixels and counts on every machine.

mod generate;
mod genes;
pub mod noise;
mod nuclei;
mod render;
mod tissue;

pub use generate::{Spec, make};
pub use genes::{Class, gene_names, truth_class};
pub use render::Morphology;
