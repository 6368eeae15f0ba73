//! A Visium slide from its parts: positions, matrix and image size. Space Ranger's folders and GSE240429 both end here.

use crate::base::{Failure, Result};
use crate::dataset::model::{Counts, Finding, ImageRef, Lattice, Slide, SourceFile, Spot, UmSource};
use crate::dataset::tenx::{FeatureMatrix, Position, features};
use std::collections::BTreeMap;

/// Micrometres between two spots of one array row.
const PITCH_UM: f64 = 100.0;

/// In which order a slide's spots stand. Published splits index rows, so this is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the matrix lists its barcodes.
    Barcodes,
    /// By array row, then array column: the published order of GSE240429's rows.
    Array,
}

/// What a slide is made of, beside its counts.
pub struct Parts<'a> {
    /// The slide's id.
    pub id: &'a str,
    /// The donor, when known.
    pub donor: Option<String>,
    /// The organ.
    pub organ: &'a str,
    /// All places of the array.
    pub positions: &'a [Position],
    /// Names in messages: of the positions and of the matrix.
    pub shown: (&'a str, &'a str),
    /// The image, its scale not yet set.
    pub image: Option<ImageRef>,
    /// Micrometres a pixel as the scale factors say, for comparison.
    pub stated_um: Option<f64>,
    /// The order of the spots.
    pub order: Order,
    /// The files read.
    pub files: Vec<SourceFile>,
    /// What was noticed so far.
    pub findings: Vec<Finding>,
}

/// Joins positions and counts on the barcode (V17, V18, G20, G21, G23, G24, V07, V10, V04).
pub fn slide(parts: Parts, matrix: &FeatureMatrix) -> Result<Slide> {
    let Parts { id, donor, organ, positions, shown, mut image, stated_um, order, files, mut findings } = parts;
    let kept = features::expression_only(&matrix.features, shown.1, &mut findings)?;
    let places: BTreeMap<&str, &Position> = positions.iter().map(|p| (p.barcode.as_str(), p)).collect();
    let mut rows = joined(&places, matrix, shown, &mut findings)?;
    if order == Order::Array {
        rows.sort_by_key(|(_, p)| (p.array_row, p.array_col));
    }
    if let Some(image) = &mut image {
        inside(&mut rows, image, shown.0, &mut findings)?;
        image.um_per_px = scale(&rows, stated_um, shown.0, &mut findings)?;
        image.um_source = image.um_per_px.map(|_| UmSource::Lattice);
    }
    let column: BTreeMap<usize, u32> = kept.iter().enumerate().map(|(new, &old)| (old, new as u32)).collect();
    let mut counts = Counts::new();
    let mut seen = vec![false; kept.len()];
    for (row, _) in &rows {
        let (genes, values) = matrix.counts.row(*row);
        counts.push_row(genes.iter().zip(values).filter_map(|(g, v)| column.get(&(*g as usize)).map(|c| (*c, *v))));
    }
    counts.indices.iter().for_each(|&g| seen[g as usize] = true);
    let spots: Vec<Spot> = rows
        .iter()
        .map(|(row, p)| Spot {
            id: p.barcode.clone(),
            array_col: p.array_col,
            array_row: p.array_row,
            x: p.x,
            y: p.y,
            source_row: *row as u32,
        })
        .collect();
    let empty: Vec<&str> = spots.iter().enumerate().filter(|(i, _)| counts.total(*i) == 0).map(|(_, s)| s.id.as_str()).collect();
    if !empty.is_empty() && empty.len() < spots.len() {
        let text = format!("{} spots without a single count: {}", empty.len(), empty[..empty.len().min(5)].join(", "));
        findings.push(Finding::warning("empty-spots", text));
    }
    let silent = seen.iter().filter(|s| !**s).count();
    if silent > 0 && silent < seen.len() {
        findings.push(Finding::note("empty-genes", format!("{silent} of {} genes are zero in every spot", seen.len())));
    }
    let slide = Slide {
        id: id.to_owned(),
        donor,
        organ: organ.to_owned(),
        technology: "Visium".to_owned(),
        lattice: Lattice::Hex,
        image,
        spots,
        genes: features::names(&matrix.features, &kept),
        gene_ids: kept.iter().map(|&i| matrix.features[i].id.clone()).collect(),
        counts,
        files,
        findings,
        given: None,
    };
    slide.check()?;
    Ok(slide)
}

/// Matrix rows with their places, in matrix order.
fn joined<'a>(
    places: &BTreeMap<&str, &'a Position>,
    matrix: &FeatureMatrix,
    shown: (&str, &str),
    findings: &mut Vec<Finding>,
) -> Result<Vec<(usize, &'a Position)>> {
    let mut wells: Vec<&str> = matrix.barcodes.iter().filter_map(|b| b.split_once('-').map(|(_, w)| w)).collect();
    wells.sort_unstable();
    wells.dedup();
    if wells.len() > 1 {
        return Err(Failure::input(format!("barcodes of {} GEM wells in one matrix (V18): an aggregated matrix", wells.len()))
            .at(shown.1)
            .hint("use each slide's own matrix"));
    }
    let rows: Vec<(usize, &Position)> =
        matrix.barcodes.iter().enumerate().filter_map(|(i, b)| places.get(b.as_str()).map(|p| (i, *p))).collect();
    let (listed, tissue) = (matrix.barcodes.len(), places.values().filter(|p| p.in_tissue).count());
    if rows.len() * 2 < listed.min(places.len()) || rows.is_empty() {
        let first = |names: &mut dyn Iterator<Item = &str>| names.take(3).collect::<Vec<_>>().join(", ");
        return Err(Failure::input(format!("only {} of {listed} barcodes have a place (V17, G20, G21)", rows.len()))
            .at(format!("{}, {}", shown.1, shown.0))
            .hint(format!(
                "the matrix begins with {}; the positions with {}: another slide's file, or a missing '-1'?",
                first(&mut matrix.barcodes.iter().map(String::as_str)),
                first(&mut places.keys().copied())
            )));
    }
    if rows.len() < listed {
        findings.push(Finding::warning("V17", format!("{} of {listed} barcodes have no place and were dropped", listed - rows.len())));
    }
    let outside = rows.iter().filter(|(_, p)| !p.in_tissue).count();
    if outside > 0 {
        findings.push(Finding::warning("outside-tissue", format!("{outside} spots of the matrix lie outside the tissue by the positions")));
    }
    let without = tissue - rows.iter().filter(|(_, p)| p.in_tissue).count();
    if without > 0 {
        findings.push(Finding::warning("spots-without-counts", format!("{without} places on tissue have no counts")));
    }
    if matches!(listed, 4992 | 14_336) {
        findings.push(Finding::warning("unfiltered", format!("all {listed} places of the array are spots: is this the raw matrix?")));
    }
    Ok(rows)
}

/// Drops spots whose centre lies outside the image, up to one in a hundred (G23); refuses more (G24, V07).
fn inside(rows: &mut Vec<(usize, &Position)>, image: &ImageRef, shown: &str, findings: &mut Vec<Finding>) -> Result<()> {
    let fits = |x: f64, y: f64| x >= 0.0 && y >= 0.0 && x < f64::from(image.width) && y < f64::from(image.height);
    let out: Vec<&str> = rows.iter().filter(|(_, p)| !fits(p.x, p.y)).map(|(_, p)| p.barcode.as_str()).collect();
    if out.is_empty() {
        return Ok(());
    }
    let text = format!("{} of {} spots lie outside the image of {} x {}", out.len(), rows.len(), image.width, image.height);
    if out.len() * 100 > rows.len() {
        let swapped = rows.iter().all(|(_, p)| fits(p.y, p.x));
        return Err(Failure::input(format!("{text}, such as {} ({})", out[0], if swapped { "V07" } else { "G24" })).at(shown).hint(
            if swapped {
                "with rows and columns swapped all would fit: the pixel columns are in the wrong order"
            } else {
                "is this the image that Space Ranger was given? Its size must be that of the full-resolution pixels"
            },
        ));
    }
    findings.push(Finding::warning("G23", format!("{text} and were dropped: {}", out[..out.len().min(5)].join(", "))));
    rows.retain(|(_, p)| fits(p.x, p.y));
    Ok(())
}

/// Micrometres a pixel from the mean distance of neighbours two columns apart (G25, G44 by its absence), compared with
/// what the scale factors state (V10).
fn scale(rows: &[(usize, &Position)], stated: Option<f64>, shown: &str, findings: &mut Vec<Finding>) -> Result<Option<f64>> {
    let at: BTreeMap<(i32, i32), &Position> = rows.iter().map(|(_, p)| ((p.array_row, p.array_col), *p)).collect();
    let steps: Vec<f64> = at
        .iter()
        .filter_map(|((row, col), p)| at.get(&(*row, col + 2)).map(|q| ((q.x - p.x).powi(2) + (q.y - p.y).powi(2)).sqrt()))
        .collect();
    if steps.is_empty() {
        return Ok(None);
    }
    let pitch = steps.iter().sum::<f64>() / steps.len() as f64;
    let spread = steps.iter().map(|s| (s - pitch).abs()).fold(0.0, f64::max);
    if pitch <= 0.0 || spread > pitch / 2.0 {
        let text =
            format!("the spots do not follow the array: neighbours are {pitch:.1} pixels apart, with deviations up to {spread:.1} (G44)");
        return Err(Failure::input(text).at(shown).hint("are these another slide's positions, or pixels of a smaller image?"));
    }
    let um = PITCH_UM / pitch;
    if let Some(stated) = stated.filter(|s| (s / um - 1.0).abs() > 0.05) {
        let text = format!("the spot diameter says {stated:.4} micrometres a pixel, the lattice {um:.4}; the lattice is used");
        findings.push(Finding::warning("V10", text));
    }
    Ok(Some(um))
}
