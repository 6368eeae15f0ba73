//! `answer` and `answers`: predictions for slides without labels. Nothing is measured on them; they are written as tables,
//! one a network, their rank ensemble, and the stack's.

use super::files;
use super::ingest::Ingest;
use super::level0::{prediction_key, stack_of};
use crate::base::arrays::{Arrays, ArraysWriter};
use crate::base::{Failure, Result, atomic};
use crate::dataset::Slide;
use crate::engine::store::{Artifact, Job};
use crate::engine::{Stage, Watch};
use crate::protocol::Protocol;
use crate::protocol::schema::{Level0, Scales};
use crate::stats::correlation::spearman;
use crate::stats::evaluate;
use crate::stats::summary::{deviation, mean_of};
use crate::stats::within::rank_ensemble;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

const FILE: &str = "answers.safetensors";

/// One fold's network for the spots of unlabelled slides.
pub struct Answer {
    protocol: Protocol,
    name: String,
    train: Artifact,
    preprocess: Artifact,
    patches: Artifact,
}

impl Answer {
    /// Of the fold of this name.
    pub fn new(p: &Protocol, name: &str, train: &Artifact, preprocess: &Artifact, patches: &Artifact) -> Self {
        let (train, preprocess, patches) = (train.clone(), preprocess.clone(), patches.clone());
        Self { protocol: p.clone(), name: name.to_owned(), train, preprocess, patches }
    }

    fn artifacts(&self) -> [&Artifact; 3] {
        [&self.train, &self.preprocess, &self.patches]
    }

    /// Whether the stack wants other numbers than the network's own.
    fn swapped(&self) -> bool {
        self.protocol.stack.as_ref().is_some_and(|s| s.scales == Scales::Swapped)
    }
}

impl Stage for Answer {
    fn job(&self) -> Job {
        Job {
            stage: "answer",
            label: format!("answer[{}]", self.name),
            version: 1,
            parameters: json!({"prediction": prediction_key(&self.protocol), "swapped": self.swapped()}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).into(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().into_iter().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _: &mut dyn Watch) -> Result<()> {
        let labelled = evaluate::read_spots(&self.preprocess.file("spots.tsv"))?.len();
        let genes = evaluate::read_genes(&self.preprocess.file("genes.txt"))?.len();
        let all = Arrays::open(&self.patches.file("patches.safetensors"))?.entry("patches")?.shape.first().copied().unwrap_or(0);
        let rows: Vec<usize> = (labelled..all).collect();
        let of = |swapped| super::learn::answers(&self.protocol, &self.train, &self.patches, genes, &rows, swapped);
        let mut arrays = ArraysWriter::new();
        arrays.f32s("prediction", &[rows.len(), genes], &of(false)?);
        if self.swapped() {
            arrays.f32s("level0", &[rows.len(), genes], &of(true)?);
        }
        arrays.write(&out.join(FILE)).map(drop)
    }
}

/// The tables of unlabelled slides.
pub struct Answers {
    protocol: Protocol,
    names: Vec<String>,
    preprocess: Artifact,
    unlabelled: Artifact,
    parts: Vec<Artifact>,
    stacks: Vec<Artifact>,
}

/// What a table holds, in a few numbers (spec/hevisum.md, section 5.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// The file.
    pub file: String,
    /// Its smallest number.
    pub min: f64,
    /// Its largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Mean over genes of the deviation over spots: near 0 for a model that says the same everywhere.
    pub column_deviation: Option<f64>,
    /// Mean over spots of Spearman's correlation with the table's own mean profile: near 1 for such a model.
    pub with_profile: Option<f64>,
}

impl Answers {
    /// From every fold's answers, and the stack's trainings where there is one.
    pub fn new(
        p: &Protocol,
        names: &[String],
        preprocess: &Artifact,
        unlabelled: &Artifact,
        parts: &[&Artifact],
        stacks: &[&Artifact],
    ) -> Self {
        let owned = |all: &[&Artifact]| all.iter().map(|a| (*a).clone()).collect();
        Self {
            protocol: p.clone(),
            names: names.to_vec(),
            preprocess: preprocess.clone(),
            unlabelled: unlabelled.clone(),
            parts: owned(parts),
            stacks: owned(stacks),
        }
    }

    fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        [&self.preprocess, &self.unlabelled].into_iter().chain(&self.parts).chain(&self.stacks)
    }

    /// The stack's numbers [spots, genes]: of all networks side by side where it learned so; else the mean over its trainings
    /// and over the networks, each taken by itself.
    fn stacked(&self, level0: &[Vec<f32>], genes: usize) -> Result<Option<Vec<f64>>> {
        let Some(first) = level0.first().filter(|_| !self.stacks.is_empty()) else { return Ok(None) };
        let spots = first.len() / genes.max(1);
        let inputs: Vec<Vec<f32>> = match stack_of(&self.protocol)?.inputs {
            Level0::OutOfFold => level0.to_vec(),
            Level0::InSample => {
                let row = |r: usize| level0.iter().flat_map(move |part| part[r * genes..(r + 1) * genes].iter().copied());
                vec![(0..spots).flat_map(row).collect()]
            }
        };
        let mut sums = vec![0.0; spots * genes];
        for (fold, stack) in self.stacks.iter().enumerate() {
            for inputs in &inputs {
                let answers = super::learn::stack_answers(&self.protocol, stack, fold, inputs)?;
                sums.iter_mut().zip(answers).for_each(|(sum, v)| *sum += f64::from(v));
            }
        }
        let n = (self.stacks.len() * inputs.len()) as f64;
        Ok(Some(sums.into_iter().map(|s| s / n).collect()))
    }
}

impl Stage for Answers {
    fn job(&self) -> Job {
        let stack = (!self.stacks.is_empty()).then(|| super::stack::key(&self.protocol));
        Job {
            stage: "answers",
            label: "answers".into(),
            version: 1,
            parameters: json!({"folds": self.names, "stack": stack}),
            inputs: self.artifacts().map(|a| (a.label.clone(), a.digest())).collect(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.artifacts().flat_map(Artifact::files).collect()
    }

    fn run(&self, out: &Path, _: &mut dyn Watch) -> Result<()> {
        let genes = evaluate::read_genes(&self.preprocess.file("genes.txt"))?;
        let slides = Ingest::load(&self.unlabelled.dir)?;
        let spots: usize = slides.iter().map(|s| s.spots.len()).sum();
        let read = |part: &Artifact, name: &str| Arrays::open(&part.file(FILE))?.f32s(name);
        let plain = self.parts.iter().map(|a| read(a, "prediction")).collect::<Result<Vec<_>>>()?;
        if plain.iter().any(|part| part.len() != spots * genes.len()) {
            return Err(Failure::input(format!("a network's answers are not of {spots} spots and {} genes", genes.len())));
        }
        let swapped = self.protocol.stack.as_ref().is_some_and(|s| s.scales == Scales::Swapped);
        let level0 = if swapped { self.parts.iter().map(|a| read(a, "level0")).collect::<Result<Vec<_>>>()? } else { plain.clone() };
        let mut tables: Vec<(String, Vec<f64>)> = self
            .names
            .iter()
            .zip(&plain)
            .map(|(name, part)| (format!("fold-{name}"), part.iter().map(|&v| f64::from(v)).collect()))
            .collect();
        let parts: Vec<&[f32]> = plain.iter().map(Vec::as_slice).collect();
        let ensemble = rank_ensemble(&parts, genes.len()).ok_or_else(|| Failure::input("an answer is not a number"))?;
        tables.push(("rank-ensemble".into(), ensemble));
        tables.extend(self.stacked(&level0, genes.len())?.map(|values| ("stack".to_owned(), values)));
        let mut described = Vec::new();
        for (name, values) in &tables {
            let mut first = 0;
            for slide in &slides {
                let values = &values[first * genes.len()..(first + slide.spots.len()) * genes.len()];
                first += slide.spots.len();
                let file = format!("{}-{name}.csv", slide.id);
                // A network's numbers are single precision, and are written so that they read back equal.
                atomic::write(&out.join(&file), csv(slide, &genes, values, name.starts_with("fold-")).as_bytes())?;
                described.push(describe(file, values, genes.len()));
            }
        }
        files::write_json(&out.join("answers.json"), &described)
    }
}

/// One row a spot in file order, `ID` its number.
fn csv(slide: &Slide, genes: &[String], values: &[f64], single: bool) -> String {
    let mut out = format!("ID,{}\n", genes.join(","));
    for (i, row) in values.chunks_exact(genes.len().max(1)).enumerate() {
        let number = |v: &f64| if single { format!("{:?}", *v as f32) } else { format!("{v:?}") };
        let id = slide.spots.get(i).map_or(i as u32, |s| s.source_row);
        out.push_str(&format!("{id},{}\n", row.iter().map(number).collect::<Vec<_>>().join(",")));
    }
    out
}

fn describe(file: String, values: &[f64], genes: usize) -> Described {
    let column = |g: usize| values.iter().skip(g).step_by(genes.max(1)).copied().collect::<Vec<f64>>();
    let profile: Vec<f64> = (0..genes).filter_map(|g| mean_of(&column(g))).collect();
    let deviations: Vec<f64> = (0..genes).filter_map(|g| deviation(&column(g), 1)).collect();
    let along: Vec<f64> = values.chunks_exact(genes.max(1)).filter_map(|row| spearman(row, &profile)).collect();
    Described {
        file,
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean: mean_of(values).unwrap_or(0.0),
        column_deviation: mean_of(&deviations),
        with_profile: mean_of(&along),
    }
}
