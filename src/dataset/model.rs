//! The neutral model (spec/datasets.md, section 2), trimmed to what legacy ST and synthetic slides need.

use crate::base::digest::Hasher;
use crate::base::{Digest, Failure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The lattice on which spots were printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lattice {
    /// Legacy ST: integer columns and rows, neighbours above, below, left and right.
    Square,
    /// Visium: column plus row is even; neighbours are two columns away or one row and one column away.
    Hex,
}

/// Where a physical scale comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UmSource {
    /// From the pitch of the lattice, known in micrometres, fitted in pixels.
    Lattice,
    /// Stated by whoever made the slide.
    Stated,
}

/// A slide's image: where it lies and what it is. The pixels stay in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRef {
    /// Path with `/`, relative to the data root (her2st) or to the ingest folder (synthetic).
    pub rel_path: String,
    /// Digest of the file's bytes.
    pub sha256: Digest,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Micrometres a pixel; on an anisotropic lattice the geometric mean of both axes.
    pub um_per_px: Option<f64>,
    /// Where `um_per_px` comes from.
    pub um_source: Option<UmSource>,
}

/// One barcoded location.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Identifier, unique in the slide (her2st: `{column}x{row}`).
    pub id: String,
    /// Column on the array; grows with image x.
    pub array_col: i32,
    /// Row on the array; grows with image y.
    pub array_row: i32,
    /// Centre in image pixels, right of the left edge, exactly as the file gives it.
    pub x: f64,
    /// Centre in image pixels, below the top edge.
    pub y: f64,
    /// Data row (from 0) of the file that gives this spot its expression: published splits index rows.
    pub source_row: u32,
}

/// Counts, spots x genes, in compressed sparse rows; no explicit zeros.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Where each row starts in `indices` and `values`; one more entry than rows.
    pub indptr: Vec<u64>,
    /// Gene indices, strictly increasing within a row.
    pub indices: Vec<u32>,
    /// Counts, none of them 0.
    pub values: Vec<u32>,
}

impl Counts {
    /// A matrix without rows.
    pub fn new() -> Self {
        Self { indptr: vec![0], indices: Vec::new(), values: Vec::new() }
    }
    /// Appends a row given as (gene, count) in increasing gene order; zeros are left out.
    pub fn push_row(&mut self, row: impl IntoIterator<Item = (u32, u32)>) {
        for (gene, count) in row {
            if count > 0 {
                self.indices.push(gene);
                self.values.push(count);
            }
        }
        self.indptr.push(self.indices.len() as u64);
    }
    /// Number of rows (spots).
    pub fn rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }
    /// Row `i` as gene indices and counts.
    pub fn row(&self, i: usize) -> (&[u32], &[u32]) {
        let range = self.indptr[i] as usize..self.indptr[i + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }
    /// Sum of row `i`: the spot's total over all genes.
    pub fn total(&self, i: usize) -> u64 {
        self.row(i).1.iter().map(|&v| u64::from(v)).sum()
    }
    /// The count of one gene in one spot.
    pub fn get(&self, row: usize, gene: u32) -> u32 {
        let (genes, counts) = self.row(row);
        genes.binary_search(&gene).map_or(0, |i| counts[i])
    }
}

/// A file that a slide was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path with `/`, relative to the data root.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Digest of the bytes.
    pub sha256: Digest,
    /// `counts`, `spots` or `image`.
    pub role: String,
}

/// How much a finding matters. (Errors are refusals, not findings.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Should be looked at.
    Warning,
}

/// Something that a reader noticed and did not refuse. Nothing is dropped without one that counts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable code, such as `L08` (spec/datasets.md, section 11) or `empty-spots`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence for a person.
    pub text: String,
}

impl Finding {
    /// A note.
    pub fn note(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity: Severity::Note, text: text.into() }
    }
    /// A warning.
    pub fn warning(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), severity: Severity::Warning, text: text.into() }
    }
}

/// A tissue section: spots, their counts, and the image they lie on.
#[derive(Clone, Debug, PartialEq)]
pub struct Slide {
    /// Identifier, unique in a data set.
    pub id: String,
    /// The patient or animal, when known.
    pub donor: Option<String>,
    /// Organ, such as `breast`.
    pub organ: String,
    /// Technology, such as `Spatial Transcriptomics`.
    pub technology: String,
    /// The spots' lattice.
    pub lattice: Lattice,
    /// The image, when there is one.
    pub image: Option<ImageRef>,
    /// Spots in the reader's documented order.
    pub spots: Vec<Spot>,
    /// Gene names, unique in the slide, in file order: symbols, and where a symbol comes twice `SYMBOL|ID`.
    pub genes: Vec<String>,
    /// The genes' stable ids (Ensembl) in the same order; empty when the format has symbols only.
    pub gene_ids: Vec<String>,
    /// Counts: a row for each spot, a column for each gene.
    pub counts: Counts,
    /// The files it was read from.
    pub files: Vec<SourceFile>,
    /// What the reader noticed.
    pub findings: Vec<Finding>,
    /// Genes, and perhaps values, that the data set's publishers give beside the counts.
    pub given: Option<Given>,
}

/// What publishers give beside counts: their own choice of genes, and perhaps expression that they computed and that
/// cannot be computed again from the counts alone (Harmony's output, an imported table).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Given {
    /// Gene names, unique, in the publishers' order.
    pub genes: Vec<String>,
    /// Expression, spots x these genes, row-major; finite, negative values allowed.
    pub values: Option<Vec<f32>>,
}

/// Content digests (spec/datasets.md, section 2.2): the same after re-compression or re-export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentDigests {
    /// Lines `id⇥column⇥row⇥x⇥y⏎`, floats in shortest round-trip form with a decimal.
    pub spots: Digest,
    /// Little-endian u32 triples (spot row, gene, count) of every non-zero, row-major.
    pub counts: Digest,
    /// Lines `id⇥symbol⏎`; the id is empty where the format has none.
    pub genes: Digest,
    /// Of [`Given`]: lines `gene⏎`, an empty line, and the little-endian f32 values. None when nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Digest>,
}

impl Slide {
    /// The digests of the content.
    pub fn digests(&self) -> ContentDigests {
        let mut table = String::with_capacity(self.spots.len() * 40);
        for s in &self.spots {
            table.push_str(&format!("{}\t{}\t{}\t{:?}\t{:?}\n", s.id, s.array_col, s.array_row, s.x, s.y));
        }
        let mut hasher = Hasher::default();
        let mut bytes = Vec::new();
        for row in 0..self.counts.rows() {
            bytes.clear();
            let (genes, counts) = self.counts.row(row);
            for (gene, count) in genes.iter().zip(counts) {
                [row as u32, *gene, *count].iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
            }
            hasher.update(&bytes);
        }
        let id = |i: usize| self.gene_ids.get(i).map_or("", String::as_str);
        let genes: String = self.genes.iter().enumerate().map(|(i, g)| format!("{}\t{}\n", id(i), symbol(g, id(i)))).collect();
        ContentDigests {
            spots: Digest::of(table.as_bytes()),
            counts: hasher.finish(),
            genes: Digest::of(genes.as_bytes()),
            given: self.given.as_ref().map(Given::digest),
        }
    }

    /// The slide with some of its spots, in the order given. Rows that are not there are left out.
    pub fn only(self, rows: &[usize]) -> Self {
        let rows: Vec<usize> = rows.iter().copied().filter(|&r| r < self.spots.len()).collect();
        let mut counts = Counts::new();
        for &row in &rows {
            let (genes, values) = self.counts.row(row);
            counts.push_row(genes.iter().copied().zip(values.iter().copied()));
        }
        let given = self.given.map(|g| {
            let width = g.genes.len();
            let pick = |v: Vec<f32>| rows.iter().flat_map(|&r| v[r * width..(r + 1) * width].iter().copied()).collect();
            Given { values: g.values.map(pick), genes: g.genes }
        });
        let spots = rows.iter().map(|&r| self.spots[r].clone()).collect();
        Self { spots, counts, given, ..self }
    }

    /// Whether there is a single count. Imported tables have none.
    pub fn has_counts(&self) -> bool {
        !self.counts.values.is_empty()
    }

    /// Checks the invariants of spec/datasets.md, section 2.1. A breach after reading means that a reader is wrong,
    /// or that a stored slide was changed.
    pub fn check(&self) -> Result<()> {
        self.breach().map_or(Ok(()), |what| Err(Failure::input(format!("slide '{}' breaks its model: {what}", self.id))))
    }

    fn breach(&self) -> Option<String> {
        let (n, g, c) = (self.spots.len(), self.genes.len(), &self.counts);
        if n == 0 || g == 0 {
            return Some(format!("{n} spots and {g} genes"));
        }
        if c.rows() != n {
            return Some(format!("I1: {} rows of counts for {n} spots", c.rows()));
        }
        if c.indptr.first() != Some(&0)
            || c.indptr.windows(2).any(|w| w[1] < w[0])
            || c.indptr.last() != Some(&(c.values.len() as u64))
            || c.indices.len() != c.values.len()
        {
            return Some("I6: row starts are not increasing, or do not end at the number of counts".into());
        }
        for i in 0..n {
            let (genes, counts) = c.row(i);
            if genes.windows(2).any(|w| w[0] >= w[1]) || genes.last().is_some_and(|&last| last as usize >= g) || counts.contains(&0) {
                return Some(format!("I7, I8: row {i} has unsorted, repeated or foreign genes, or explicit zeros"));
            }
        }
        let (mut ids, mut places) = (BTreeMap::new(), BTreeMap::new());
        for (i, s) in self.spots.iter().enumerate() {
            if !fit_name(&s.id) || ids.insert(&s.id, i).is_some() {
                return Some(format!("I2: spot id '{}' is repeated, empty, too long or has control characters", s.id));
            }
            if !s.x.is_finite() || !s.y.is_finite() {
                return Some(format!("I3: spot '{}' has no finite place", s.id));
            }
            if s.array_col < 0 || s.array_row < 0 || places.insert((s.array_col, s.array_row), i).is_some() {
                return Some(format!("I4: spot '{}' has a negative or repeated array place", s.id));
            }
            if self.lattice == Lattice::Hex && (s.array_col + s.array_row) % 2 != 0 {
                return Some(format!("I5: spot '{}' stands between the places of a hexagonal lattice", s.id));
            }
        }
        if let Some(what) = repeated(&self.genes) {
            return Some(format!("I10: gene '{what}' comes twice"));
        }
        if let Some(bad) = self.genes.iter().find(|s| !fit_name(s)) {
            return Some(format!("I10: gene name '{bad}' is empty, too long or has control characters"));
        }
        if !self.gene_ids.is_empty() && self.gene_ids.len() != g {
            return Some(format!("I1: {} gene ids for {g} genes", self.gene_ids.len()));
        }
        if let Some(what) = repeated(&self.gene_ids) {
            return Some(format!("I10: gene id '{what}' comes twice"));
        }
        if let Some(what) = self.given.as_ref().and_then(|given| given.breach(n)) {
            return Some(what);
        }
        let image = self.image.as_ref()?;
        if image.width == 0 || image.height == 0 {
            return Some("I12: the image has no pixels".into());
        }
        if image.um_per_px.is_some_and(|um| !(um.is_finite() && um > 0.0)) || image.um_per_px.is_some() != image.um_source.is_some() {
            return Some("I14: the scale is not positive, or has no source".into());
        }
        let inside = |s: &&Spot| s.x >= 0.0 && s.y >= 0.0 && s.x < f64::from(image.width) && s.y < f64::from(image.height);
        let outside = self.spots.iter().find(|s| !inside(s))?;
        Some(format!("I13: spot '{}' lies outside the image", outside.id))
    }
}

impl Given {
    /// The digest of the content, see [`ContentDigests::given`].
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        self.genes.iter().for_each(|g| hasher.update(format!("{g}\n").as_bytes()));
        hasher.update(b"\n");
        for block in self.values.iter().flat_map(|v| v.chunks(1 << 16)) {
            hasher.update(&block.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        }
        hasher.finish()
    }

    fn breach(&self, spots: usize) -> Option<String> {
        if let Some(what) = repeated(&self.genes) {
            return Some(format!("I10: the given gene '{what}' comes twice"));
        }
        if let Some(bad) = self.genes.iter().find(|g| !fit_name(g)) {
            return Some(format!("I10: the given gene name '{bad}' is empty, too long or has control characters"));
        }
        let values = self.values.as_ref()?;
        if values.len() != spots * self.genes.len() {
            return Some(format!("I1: {} given values for {spots} spots and {} genes", values.len(), self.genes.len()));
        }
        let bad = values.iter().position(|v| !v.is_finite())?;
        Some(format!(
            "I9: the given value of spot {} and gene '{}' is not finite",
            bad / self.genes.len(),
            self.genes[bad % self.genes.len()]
        ))
    }
}

/// The symbol in a gene's name: names are symbols, or `SYMBOL|ID` where the slide has the symbol twice.
pub fn symbol<'a>(name: &'a str, id: &str) -> &'a str {
    Some(id).filter(|id| !id.is_empty()).and_then(|id| name.strip_suffix(id)).and_then(|n| n.strip_suffix('|')).unwrap_or(name)
}

/// The first name, in sorted order, that comes twice.
pub fn repeated(names: &[String]) -> Option<&str> {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|w| w[0] == w[1]).map(|w| w[0])
}

/// Refuses a data set in which an id comes twice (I17).
pub fn check_all(slides: &[Slide]) -> Result<()> {
    slides.iter().try_for_each(Slide::check)?;
    for (i, slide) in slides.iter().enumerate() {
        if slides[..i].iter().any(|s| s.id == slide.id) {
            return Err(Failure::input(format!("slide '{}' is listed twice (G40)", slide.id)).hint("name each slide once"));
        }
    }
    Ok(())
}

/// A name that may be an id or a gene: 1 to 256 bytes without control characters.
pub fn fit_name(name: &str) -> bool {
    (1..=256).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide() -> Slide {
        let spot = |id: &str, col, x| Spot { id: id.into(), array_col: col, array_row: 2, x, y: 3.5, source_row: 0 };
        let mut counts = Counts::new();
        counts.push_row([(0, 3), (1, 0)]);
        counts.push_row([(1, 7)]);
        Slide {
            id: "T1".into(),
            donor: None,
            organ: "none".into(),
            technology: "test".into(),
            lattice: Lattice::Square,
            image: None,
            spots: vec![spot("1x2", 1, 10.0), spot("2x2", 2, 20.25)],
            genes: vec!["A".into(), "B".into()],
            counts,
            files: vec![],
            findings: vec![],
            gene_ids: vec![],
            given: None,
        }
    }

    #[test]
    fn given_values_and_ids_are_held_to_the_slide() {
        let mut s = slide();
        let before = s.digests();
        s.given = Some(Given { genes: vec!["B".into()], values: Some(vec![0.5, -1.0]) });
        assert!(s.check().is_ok() && s.digests().given.is_some() && s.digests().genes == before.genes);
        s.gene_ids = vec!["E1".into(), "E2".into()];
        s.genes = vec!["A|E1".into(), "B".into()];
        assert_eq!(s.digests().genes, Digest::of(b"E1\tA\nE2\tB\n"));
        for values in [vec![0.5], vec![0.5, f32::NAN]] {
            s.given = Some(Given { genes: vec!["B".into()], values: Some(values) });
            assert!(s.check().is_err());
        }
        s.given = None;
        s.gene_ids[1] = "E1".into();
        assert!(s.check().expect_err("ids").what.contains("I10"));
    }

    #[test]
    fn digests_follow_the_written_rule() {
        let d = slide().digests();
        assert_eq!(d.spots, Digest::of(b"1x2\t1\t2\t10.0\t3.5\n2x2\t2\t2\t20.25\t3.5\n"));
        let triples: Vec<u8> = [0u32, 0, 3, 1, 1, 7].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(d.counts, Digest::of(&triples));
        assert_eq!(d.genes, Digest::of(b"\tA\n\tB\n"));
    }

    #[test]
    fn each_breach_is_seen() {
        assert!(slide().check().is_ok());
        let breaches: [fn(&mut Slide); 9] = [
            |s| s.spots[1].id = "1x2".into(),
            |s| s.spots[1].array_col = 1,
            |s| s.spots[0].x = f64::NAN,
            |s| s.genes[1] = "A".into(),
            |s| s.counts.indices[1] = 2,
            |s| s.counts.values[0] = 0,
            |s| s.counts.indptr[1] = 5,
            |s| s.spots[0].id = "a\u{7}".into(),
            |s| s.lattice = Lattice::Hex,
        ];
        for (i, breach) in breaches.iter().enumerate() {
            let mut s = slide();
            breach(&mut s);
            assert!(s.check().is_err(), "breach {i}");
        }
        assert!(check_all(&[slide(), slide()]).is_err());
        assert_eq!((slide().counts.get(0, 0), slide().counts.get(0, 1), slide().counts.total(1)), (3, 0, 7));
    }
}
