//! Transforms of counts. Totals are always over the whole transcriptome of a slide; restriction to a panel comes after.

use super::scanpy::{Median, log1p, median_total, scaled};
use super::space::GeneSpace;
use crate::base::exact::ln;
use crate::base::{Failure, Result};
use crate::dataset::model::Slide;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What becomes of a count. Written as text: `log1p-count`, `log1p-cpm:10000`, `log1p-median:all`, `st-net`, `raw`, `given`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Transform {
    /// ln(1 + count).
    Log1pCount,
    /// ln(1 + target * count / total); 0 where the spot's total is 0.
    Log1pCpm {
        /// What the counts of a spot are scaled to add up to.
        target: f64,
    },
    /// ln((1 + count) / (G + total)) with G the slide's number of genes (He et al. 2020).
    StNet,
    /// The count itself.
    Raw,
    /// scanpy's `normalize_total` and `log1p` in f32: ln(1 + count / (total / the slide's median total)).
    Log1pMedian {
        /// Over which spots the median is taken.
        median: Median,
    },
    /// Log1pMedian with the median of a slide put in, see [`Transform::on`].
    Log1pScaled {
        /// The slide's median total.
        target: f64,
    },
    /// No count at all: the values that the data set's publishers give ([`crate::dataset::Given`]).
    Given,
    /// The rank of a gene among the panel's genes of its spot, from 1 for the least: of the given values where there are
    /// any, else of the counts.
    Rank {
        /// Equal values by their order in the panel (published), or each the mean of their ranks.
        ordinal: bool,
    },
}

impl Transform {
    /// The transform with what depends on the whole slide put in.
    pub fn on(self, slide: &Slide) -> Self {
        match self {
            Transform::Log1pMedian { median } => Transform::Log1pScaled { target: median_total(&slide.counts, median) },
            other => other,
        }
    }

    /// The value for one count in a spot with this total, on a slide with this many genes. `Log1pMedian` needs [`Transform::on`]
    /// first, `Given` has no value for a count, and a rank needs the whole spot: all give NaN here.
    pub fn value(self, count: u32, total: u64, genes: usize) -> f64 {
        let c = f64::from(count);
        match self {
            Transform::Log1pCount => ln(1.0 + c),
            Transform::Log1pCpm { .. } if total == 0 => 0.0,
            Transform::Log1pCpm { target } => ln(1.0 + target * c / total as f64),
            Transform::StNet => ln((1.0 + c) / (genes as f64 + total as f64)),
            Transform::Raw => c,
            Transform::Log1pScaled { target } => f64::from(log1p(scaled(count, total, target))),
            Transform::Log1pMedian { .. } | Transform::Given | Transform::Rank { .. } => f64::NAN,
        }
    }
}

impl FromStr for Transform {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Failure::input(format!("'{text}' is no expression transform{why}"))
                .hint("use log1p-count, log1p-cpm:TARGET (such as log1p-cpm:10000), log1p-median:positive or :all, rank:ordinal or :average, st-net, raw or given")
        };
        match text.split_once(':').map_or((text, None), |(name, target)| (name, Some(target))) {
            ("log1p-count", None) => Ok(Self::Log1pCount),
            ("st-net", None) => Ok(Self::StNet),
            ("raw", None) => Ok(Self::Raw),
            ("given", None) => Ok(Self::Given),
            ("rank", Some("ordinal")) => Ok(Self::Rank { ordinal: true }),
            ("rank", Some("average")) => Ok(Self::Rank { ordinal: false }),
            ("log1p-median", Some("positive")) => Ok(Self::Log1pMedian { median: Median::Positive }),
            ("log1p-median", Some("all")) => Ok(Self::Log1pMedian { median: Median::All }),
            ("log1p-cpm", None) => Err(bad(": the target is missing")),
            ("log1p-cpm", Some(target)) => {
                let target = target
                    .parse::<f64>()
                    .ok()
                    .filter(|t| t.is_finite() && *t > 0.0)
                    .ok_or_else(|| bad(": the target is not a positive number"))?;
                Ok(Self::Log1pCpm { target })
            }
            _ => Err(bad("")),
        }
    }
}

impl TryFrom<String> for Transform {
    type Error = Failure;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Transform> for String {
    fn from(t: Transform) -> Self {
        t.to_string()
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log1pCount => f.write_str("log1p-count"),
            Self::Log1pCpm { target } => write!(f, "log1p-cpm:{target}"),
            Self::StNet => f.write_str("st-net"),
            Self::Raw => f.write_str("raw"),
            Self::Given => f.write_str("given"),
            Self::Rank { ordinal: true } => f.write_str("rank:ordinal"),
            Self::Rank { ordinal: false } => f.write_str("rank:average"),
            Self::Log1pMedian { median: Median::Positive } => f.write_str("log1p-median:positive"),
            Self::Log1pMedian { median: Median::All } => f.write_str("log1p-median:all"),
            Self::Log1pScaled { target } => write!(f, "log1p-scaled:{target}"),
        }
    }
}

/// A dense table, spots x genes, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// `rows * cols` values.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }
}

/// All genes of one slide: [spots x the slide's genes], row-major; computed in f64, stored as f32.
pub fn normalise(slide: &Slide, transform: Transform) -> Vec<f32> {
    let genes = slide.genes.len();
    let transform = transform.on(slide);
    let mut out = Vec::with_capacity(slide.spots.len() * genes);
    for i in 0..slide.counts.rows() {
        let total = slide.counts.total(i);
        let start = out.len();
        out.resize(start + genes, transform.value(0, total, genes) as f32);
        let (indices, counts) = slide.counts.row(i);
        for (&g, &c) in indices.iter().zip(counts) {
            out[start + g as usize] = transform.value(c, total, genes) as f32;
        }
    }
    out
}

/// All spots of all slides, in slide order and then spot order, over the genes of a space.
pub fn expression(slides: &[Slide], space: &GeneSpace, transform: Transform) -> Matrix {
    let rows = slides.iter().map(|s| s.spots.len()).sum();
    let mut data = Vec::with_capacity(rows * space.genes.len());
    each_value(slides, space, transform, |_, _, v| data.push(v as f32));
    Matrix { rows, cols: space.genes.len(), data }
}

/// The ranks of a table's values within each row. Ranks are small whole or half numbers, exact in f32.
fn within_spots(values: Matrix, ordinal: bool) -> Matrix {
    let row = |row: &[f32]| {
        let row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        // Counts and given values are numbers, all of them: readers see to it.
        crate::stats::within::ranked(&row, ordinal).unwrap_or_else(|| vec![f64::NAN; row.len()])
    };
    let data = values.data.chunks_exact(values.cols.max(1)).flat_map(row).map(|rank| rank as f32).collect();
    Matrix { data, ..values }
}

/// What [`expression`] gives, or an error where a slide lacks what the transform needs: counts, or given values for the
/// space's genes.
pub fn targets(slides: &[Slide], space: &GeneSpace, transform: Transform) -> Result<Matrix> {
    if let Transform::Rank { ordinal } = transform {
        let given = slides.iter().any(|s| s.given.as_ref().is_some_and(|g| g.values.is_some()));
        let values = targets(slides, space, if given { Transform::Given } else { Transform::Raw })?;
        return Ok(within_spots(values, ordinal));
    }
    if transform != Transform::Given {
        if let Some(slide) = slides.iter().find(|s| !s.has_counts()) {
            return Err(Failure::input(format!("slide {} has no counts, and the transform '{transform}' needs them", slide.id))
                .hint("bring its matrix of counts, or use the transform \"given\" where the data set gives values"));
        }
        return Ok(expression(slides, space, transform));
    }
    let mut data = Vec::with_capacity(slides.iter().map(|s| s.spots.len()).sum::<usize>() * space.genes.len());
    for slide in slides {
        let given = slide.given.as_ref().and_then(|g| g.values.as_ref().map(|v| (&g.genes, v)));
        let (genes, values) = given.ok_or_else(|| {
            Failure::input(format!("slide {} has no given values", slide.id))
                .hint("for GSE240429 bring harmony_matrix.npy, or choose a transform of counts")
        })?;
        let at: std::collections::BTreeMap<&str, usize> = genes.iter().enumerate().map(|(i, g)| (g.as_str(), i)).collect();
        let columns = space.genes.iter().map(|g| {
            let column = at.get(g.as_str()).copied();
            column.ok_or_else(|| {
                Failure::input(format!("gene '{g}' has no given values on slide {}", slide.id))
                    .hint("use the rule \"published\", or list genes that have them")
            })
        });
        let columns = columns.collect::<Result<Vec<usize>>>()?;
        values.chunks_exact(genes.len()).for_each(|row| data.extend(columns.iter().map(|&c| row[c])));
    }
    Ok(Matrix { rows: slides.iter().map(|s| s.spots.len()).sum(), cols: space.genes.len(), data })
}

/// Mean over all spots of all slides of ln(1 + 1e4 * count / total), for each gene of a space.
pub fn abundance(slides: &[Slide], space: &GeneSpace) -> Vec<f64> {
    let mut sums = vec![0.0; space.genes.len()];
    let mut n = 0usize;
    each_value(slides, space, Transform::Log1pCpm { target: 1e4 }, |row, gene, v| {
        sums[gene] += v;
        n = row + 1;
    });
    sums.into_iter().map(|s| s / n.max(1) as f64).collect()
}

/// Calls `take(row, gene, value)` in row-major order; rows count through all slides.
fn each_value(slides: &[Slide], space: &GeneSpace, transform: Transform, mut take: impl FnMut(usize, usize, f64)) {
    let mut row = 0;
    for (s, slide) in slides.iter().enumerate() {
        let transform = transform.on(slide);
        let mut counts = vec![0u32; slide.genes.len()];
        for i in 0..slide.counts.rows() {
            let (indices, values) = slide.counts.row(i);
            indices.iter().zip(values).for_each(|(&g, &c)| counts[g as usize] = c);
            let total = slide.counts.total(i);
            for (gene, column) in space.columns[s].iter().enumerate() {
                take(row, gene, transform.value(column.map_or(0, |c| counts[c as usize]), total, slide.genes.len()));
            }
            indices.iter().for_each(|&g| counts[g as usize] = 0);
            row += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::space::tests::slide;
    use super::*;

    #[test]
    fn values_by_hand() {
        let t: Transform = "log1p-cpm:10000".parse().unwrap();
        assert!((t.value(1, 40, 3) - 251.0f64.ln()).abs() < 1e-14);
        assert_eq!((t.value(0, 0, 3), t.value(0, 9, 3), Transform::Raw.value(7, 9, 3)), (0.0, 0.0, 7.0));
        assert!((Transform::Log1pCount.value(6, 9, 3) - 7.0f64.ln()).abs() < 1e-15);
        assert!((Transform::StNet.value(1, 7, 3) - 0.2f64.ln()).abs() < 1e-15);
        assert!(Transform::StNet.value(0, 0, 3).is_finite());
    }

    #[test]
    fn text_round_trips_and_nonsense_is_refused() {
        for text in
            ["log1p-count", "log1p-cpm:10000", "log1p-cpm:1000000", "st-net", "raw", "given", "log1p-median:all", "log1p-median:positive"]
        {
            let t: Transform = text.parse().unwrap();
            assert_eq!(t.to_string(), text);
            assert_eq!(serde_json::from_str::<Transform>(&serde_json::to_string(&t).unwrap()).unwrap(), t);
        }
        for text in ["", "log1p", "log1p-cpm", "log1p-cpm:0", "log1p-cpm:x", "raw:1", "log1p-cpm:inf", "log1p-median", "log1p-scaled:3"] {
            assert!(text.parse::<Transform>().is_err(), "{text}");
        }
    }

    #[test]
    fn medians_are_each_slides_own_and_given_values_need_no_counts() {
        let mut slides = [slide("A", &["X", "Y"], &[&[1, 3], &[0, 0], &[2, 0]]), slide("B", &["X", "Y"], &[&[8, 0], &[0, 2]])];
        let space = GeneSpace::intersect(&slides).unwrap();
        let t = Transform::Log1pMedian { median: Median::Positive };
        // Totals 4, 0, 2 have the median 3 without the empty spot; 8 and 2 have 5.
        let due = [0.75, 2.25, 0.0, 0.0, 3.0, 0.0, 5.0, 0.0, 0.0, 5.0].map(|v: f32| f64::from(v).ln_1p() as f32);
        let found = targets(&slides, &space, t).unwrap().data;
        assert!(found.iter().zip(due).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} where {due:?} are due");
        assert!(targets(&slides, &space, Transform::Given).unwrap_err().what.contains("slide A has no given values"));
        for s in &mut slides {
            s.counts = crate::dataset::Counts { indptr: vec![0; s.spots.len() + 1], ..Default::default() };
            let values = (0..s.spots.len()).map(|i| i as f32 - 0.5).collect();
            s.given = Some(crate::dataset::Given { genes: vec!["Y".into()], values: Some(values) });
        }
        assert!(targets(&slides, &space, t).unwrap_err().what.contains("has no counts"));
        assert!(targets(&slides, &space, Transform::Given).unwrap_err().what.contains("gene 'X' has no given values"));
        let y = space.restrict(&["Y".into()]).unwrap();
        assert_eq!(targets(&slides, &y, Transform::Given).unwrap().data, [-0.5, 0.5, 1.5, -0.5, 0.5]);
    }

    #[test]
    fn whole_transcriptome_totals_and_abundance() {
        let slides = [slide("A", &["X", "Y"], &[&[1, 3], &[0, 0]]), slide("B", &["Y", "Z"], &[&[2, 2]])];
        let t = Transform::Log1pCpm { target: 1e4 };
        assert_eq!(normalise(&slides[0], t), [2501.0f64.ln() as f32, 7501.0f64.ln() as f32, 0.0, 0.0]);
        let space = GeneSpace::intersect(&slides).unwrap();
        let m = expression(&slides, &space, t);
        assert_eq!((m.rows, m.cols, m.data.as_slice()), (3, 1, &[7501.0f64.ln() as f32, 0.0, 5001.0f64.ln() as f32][..]));
        assert!((abundance(&slides, &space)[0] - (7501.0f64.ln() + 5001.0f64.ln()) / 3.0).abs() < 1e-12);
        let union = GeneSpace::union_zero_fill(&slides).unwrap();
        assert_eq!(expression(&slides, &union, Transform::Raw).data, [1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!(m.row(2), &[5001.0f64.ln() as f32]);
    }
}
