//! `preprocess`: counts become targets, for a panel of genes.

use super::{files, ingest::Ingest};
use crate::base::arrays::ArraysWriter;
use crate::base::{Failure, Result, atomic};
use crate::dataset::expression::scanpy::Median;
use crate::dataset::expression::{self, GeneSpace, Panel, Transform};
use crate::dataset::{self, Slide};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::{self, PanelFrom, PanelRule, PanelSet};
use crate::stats::evaluate::{self, SpotAt};
use serde_json::json;
use std::path::{Path, PathBuf};

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

    fn transform(&self) -> Transform {
        match self.protocol.expression.transform {
            schema::Transform::Log1p => Transform::Log1pCount,
            schema::Transform::Log1pTotal => Transform::Log1pCpm { target: self.protocol.expression.target.unwrap_or(1e4) },
            schema::Transform::StNet => Transform::StNet,
            schema::Transform::Raw => Transform::Raw,
            schema::Transform::Log1pMedian => Transform::Log1pMedian { median: self.median() },
            schema::Transform::Given => Transform::Given,
            schema::Transform::Rank => Transform::Rank { ordinal: self.protocol.expression.ties == Some(schema::Ties::Ordinal) },
        }
    }

    /// The protocol's check has made sure that it is said where it is needed.
    fn median(&self) -> Median {
        match self.protocol.expression.median {
            Some(schema::Median::All) => Median::All,
            Some(schema::Median::Positive) | None => Median::Positive,
        }
    }

    /// The spots that choose the panel, as (slide, row in the slide).
    fn choosing(&self, slides: &[Slide]) -> Result<Vec<(usize, usize)>> {
        let all: Vec<(usize, usize)> = slides.iter().enumerate().flat_map(|(i, s)| (0..s.spots.len()).map(move |row| (i, row))).collect();
        match (&self.protocol.genes.from, &self.split) {
            (PanelFrom::Named(PanelSet::Train), Some(split)) => {
                let fold = files::fold(&split.dir, 0, all.len())?;
                let mut rows: Vec<usize> = fold.train.iter().chain(&fold.validation).copied().collect();
                rows.sort_unstable();
                Ok(rows.into_iter().map(|row| all[row]).collect())
            }
            (PanelFrom::Named(PanelSet::Train), None) => Err(Failure::input("a panel chosen by training spots needs the split")),
            (PanelFrom::Slides(names), _) => Ok(all.into_iter().filter(|(i, _)| names.contains(&slides[*i].id)).collect()),
            (PanelFrom::Named(PanelSet::All) | PanelFrom::Unsaid, _) => Ok(all),
        }
    }
}

/// The spots of all slides in protocol order, as downstream stages number them.
pub fn spots(slides: &[Slide]) -> Vec<SpotAt> {
    let one = |slide: &Slide, s: &dataset::Spot| SpotAt {
        slide: slide.id.clone(),
        id: s.id.clone(),
        array_col: s.array_col,
        array_row: s.array_row,
        x: s.x,
        y: s.y,
    };
    slides.iter().flat_map(|slide| slide.spots.iter().map(move |s| one(slide, s))).collect()
}

impl Stage for Preprocess {
    fn job(&self) -> Job {
        let p = &self.protocol;
        let split = self.split.iter().map(|a| ("split".to_owned(), a.digest()));
        Job {
            stage: "preprocess",
            label: "preprocess".into(),
            version: 1,
            parameters: json!({"genes": p.genes, "expression": p.expression}),
            inputs: std::iter::once(("ingest".to_owned(), self.ingest.digest())).chain(split).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.split.iter().chain([&self.ingest]).flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _watch: &mut dyn Watch) -> Result<()> {
        let slides = Ingest::load(&self.ingest.dir)?;
        let g = &self.protocol.genes;
        let space = match g.space {
            schema::GeneSpace::Intersect => GeneSpace::intersect(&slides)?,
            schema::GeneSpace::Union => GeneSpace::union_zero_fill(&slides)?,
        };
        let rule = match g.rule {
            PanelRule::List => Panel::List(g.list.clone()),
            PanelRule::TopMean => Panel::TopMean(g.k.unwrap_or(0)),
            PanelRule::TopVariance => Panel::TopVariance(g.k.unwrap_or(0)),
            PanelRule::Seurat => Panel::Seurat(g.k.unwrap_or(0), self.median()),
            PanelRule::Published => Panel::Published,
        };
        let panel = rule.choose(&slides, &space, self.transform(), &self.choosing(&slides)?).map_err(|e| e.at("genes"))?;
        let values = expression::targets(&slides, &panel, self.transform())?;
        let mut arrays = ArraysWriter::new();
        arrays.f32s("expression", &[values.rows, values.cols], &values.data);
        arrays.f64s("abundance", &[values.cols], &expression::abundance(&slides, &panel));
        arrays.write(&out.join("expression.safetensors"))?;
        let list: String = panel.genes.iter().map(|gene| format!("{gene}\n")).collect();
        atomic::write(&out.join("genes.txt"), list.as_bytes())?;
        evaluate::write_spots(&out.join("spots.tsv"), &spots(&slides))
    }
}
