//! Floor: report. Figures as PNG files, and the report that holds them.
//!
//! Every figure takes plain numbers and gives the bytes of a PNG: the same bytes for the same input, on any
//! machine. The pictures are drawn with plotters into memory, with a font of our own, and encoded by [`png`].

mod axis;
mod baseline;
mod canvas;
mod clusters;
mod curves;
mod drivers;
mod fan;
mod folds;
mod font;
mod genes;
mod heading;
mod maps;
mod moran;
pub mod page;
mod place;
pub mod png;
mod published;
mod stack;
mod stains;
mod style;

pub use baseline::{Baseline, BaselineGene, baseline};
pub use clusters::{ClusterMap, ClusterSlide, cluster_map};
pub use curves::{EpochPoint, FoldCurve, TrainingCurves, training_curves};
pub use drivers::{Drivers, Property, predictability_drivers};
pub use folds::{FoldPoint, FoldScores, fold_scores};
pub use genes::{GenesRanked, RankedGene, genes_ranked};
pub use heading::Heading;
pub use maps::{GeneMap, Thumbnail, TruthVsPrediction, truth_vs_prediction};
pub use moran::{MoranGene, MoranVsPcc, moran_vs_pcc};
pub use published::{Outcome, PublishedRow, PublishedVsReproduced, Status, published_vs_reproduced};
pub use stack::{StackBar, StackFigure, stack_figure};
pub use stains::{StainSheet, StainSlide, stain_sheet};
