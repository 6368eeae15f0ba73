//! `preprocess`: counts become targets, for a panel of genes.

use super::files;
use crate::base::arrays::ArraysWriter;
use crate::base::{Failure, Result, atomic};
use crate::dataset::expression::{self, Normalise};
use crate::dataset::{self, Slide};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::{GeneSpace, PanelFrom, PanelRule, PanelSet, Transform};
use crate::stats::evaluate::{SpotAt, store};
use serde_json::json;
use std::path::Path;

/// The stage.
pub struct Preprocess {
    protocol: Protocol,
    ingest: Artifact,
    split: Option<Artifact>,
}

impl Preprocess {
    /// Targets for the slides of an ingest artifact; the split only where training spots choose the panel.
    pub fn new(protocol: &Protocol, ingest: &Artifact, split: Option<&Artifact>) -> Self {
        Self { protocol: protocol.clone(), ingest: ingest.clone(), split: split.cloned() }
    }
}

/// The spots of all slides in protocol order, as downstream stages number them.
pub fn spots(slides: &[Slide]) -> Vec<SpotAt> {
    let one = |slide: &Slide, s: &dataset::Spot| SpotAt { slide: slide.id.clone(), id: s.id.clone(), array_col: s.array_col, array_row: s.array_row, x: s.x, y: s.y };
    slides.iter().flat_map(|slide| slide.spots.iter().map(move |s| one(slide, s))).collect()
}
