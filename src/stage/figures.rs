//! What each figure shows, gathered from the artifacts: plain numbers for `report` to draw.

use super::clusters::Found;
use super::files::Expression;
use super::patches::image_path;
use crate::base::{Failure, Result, text};
use crate::dataset::tiff::{Rect, Tiff};
use crate::dataset::{Slide, image, synthetic};
use crate::protocol::Protocol;
use crate::protocol::schema::{Dataset, PublishedStatus};
use crate::report::{self, Heading};
use crate::stats::evaluate::{Evaluation, FoldPredictions, GeneScore};
use crate::stats::pearson;
use std::path::Path;

/// Which spots Moran's I is of. A holdout leaves gaps in the lattice, and its I is not the whole slide's.
pub const MORAN: &str = "Moran's I is of the held-out spots alone: neighbours that were not held out do not count.";

/// How the genes of synthetic slides come about: what "predictable" means there.
pub const SYNTHETIC: &str = "A signal gene follows the nuclei, glands or collagen that the patch shows. A gradient gene follows the place \
     on the slide alone, along a direction of its own on every slide: of twelve drawn at random, the one that goes least with that slide's \
     morphology, so that a patch says little about it. A noise gene follows nothing.";

/// Everything that figures are drawn from.
pub struct Material<'a> {
    /// The protocol.
    pub protocol: &'a Protocol,
    /// Slides, in protocol order.
    pub slides: &'a [Slide],
    /// Targets of all spots.
    pub expression: &'a Expression,
    /// Metrics.
    pub evaluation: &'a Evaluation,
    /// One history a fold: name, content of `history.json`.
    pub histories: &'a [(String, serde_json::Value)],
    /// Clusters, one a fold: name, what was found. Nothing where the protocol has none.
    pub clusters: &'a [(String, Found)],
    /// Held-out predictions, one a fold.
    pub predictions: &'a [FoldPredictions],
    /// Where data files are.
    pub data_root: &'a Path,
    /// The ingest artifact's folder.
    pub ingest: &'a Path,
}

/// One drawn figure.
pub struct Drawn {
    /// File name.
    pub file: String,
    /// Title.
    pub title: String,
    /// What it shows.
    pub caption: String,
    /// The PNG.
    pub png: Vec<u8>,
}

/// Draws every figure that this protocol has something to show in.
pub fn draw(m: &Material, provenance: &dyn Fn(&str) -> Vec<(String, String)>) -> Result<Vec<Drawn>> {
    let mut out = Vec::new();
    let mut add = |file: &str, title: &str, caption: String, png: Result<Vec<u8>>| -> Result<()> {
        out.push(Drawn {
            file: format!("{file}.png"),
            title: title.to_owned(),
            caption,
            png: png.map_err(|e| e.at(format!("figure {file}")))?,
        });
        Ok(())
    };
    let head = |title: &str| Heading { title: Some(title.to_owned()), finding: None, source: Some(m.protocol.name.clone()) };
    let unit = m.protocol.expression_label();
    let spots = text::thousands(m.evaluation.spots as u64);

    let curves = curves(m, head("Training"))?;
    let caption = format!("{} The marked epoch's weights are the checkpoint.", sentence(curves.finding()));
    add("training-curves", "Training", caption, report::training_curves(&curves, &provenance("training-curves")))?;

    let ranked = ranked(m, head("Genes ranked by correlation"));
    let caption = format!(
        "{} Pearson's r of truth and prediction over {spots} held-out spots, one dot a gene. Band: what 95 % of genes without any signal would stay within.",
        sentence(ranked.finding())
    );
    add("genes-ranked", "Genes ranked by correlation", caption, report::genes_ranked(&ranked, &provenance("genes-ranked")))?;

    let moran = moran(m, head("Spatial autocorrelation and predictability"));
    let caption =
        format!("{} {MORAN} Rows of weights sum to one.{}", sentence(moran.finding()), by_slide(m.evaluation, moran.association()));
    add("moran-vs-pcc", "Spatial autocorrelation and predictability", caption, report::moran_vs_pcc(&moran, &provenance("moran-vs-pcc")))?;

    // What drives synthetic genes is known: they were made so.
    if m.protocol.data.dataset != Dataset::Synthetic && !m.evaluation.drivers.is_empty() {
        let drivers = drivers(m, head("What goes with predictability"));
        let caption = format!(
            "{} One dot a gene. Abundance itself raises both Moran's I and the PCC, since the noise of counts shrinks: the table of the same name \
             has the partial correlations.",
            drivers.finding()
        );
        let png = report::predictability_drivers(&drivers, &provenance("predictability-drivers"));
        add("predictability-drivers", "What goes with predictability", caption, png)?;
    }

    if let Some(maps) = maps(m, head("Truth beside prediction"))? {
        let caption = format!("{} Colours: {unit}.", sentence(maps.finding()));
        add(
            "truth-vs-prediction",
            "Truth beside prediction",
            caption,
            report::truth_vs_prediction(&maps, &provenance("truth-vs-prediction")),
        )?;
    }

    if let Some((fold, found)) = m.clusters.first() {
        let map = cluster_map(m, found, head("Clusters of spots"));
        let which = if m.clusters.len() > 1 { format!(" Fold {fold}; the other folds have clusters of their own.") } else { String::new() };
        let caption = format!(
            "{} Spots are clustered by image features and place, without expression; the network is told each spot's cluster. Numbers are \
             spots of a cluster.{which}",
            sentence(map.finding())
        );
        add("clusters", "Clusters of spots", caption, report::cluster_map(&map, &provenance("clusters")))?;
    }

    let baseline = baseline(m, head("Against the training mean"), &unit);
    let caption = format!("{} A model that always predicts the training mean lies on the line.", sentence(baseline.finding()));
    add("baseline", "Against the training mean", caption, report::baseline(&baseline, &provenance("baseline")))?;

    if m.evaluation.by_fold.len() > 1 {
        let folds = folds(m, head("Folds"));
        let caption = format!("{} Each fold's own held-out spots.", sentence(folds.finding()));
        add("folds", "Folds", caption, report::fold_scores(&folds, &provenance("folds")))?;
    }
    if !m.protocol.published.is_empty() {
        let published = published(m, head("Published beside reproduced"));
        let caption = format!("{} Hatched: unverified in the publication, so never counted as reproduced.", sentence(published.finding()));
        add("published", "Published beside reproduced", caption, report::published_vs_reproduced(&published, &provenance("published")))?;
    }
    Ok(out)
}

/// The clusters of one fold on all slides.
fn cluster_map(m: &Material, found: &Found, heading: Heading) -> report::ClusterMap {
    let mut labels = found.labels.iter().zip(&found.clustered);
    let slides = m.slides.iter().map(|slide| {
        let own: Vec<(i64, bool)> = labels.by_ref().take(slide.spots.len()).map(|(l, c)| (*l, *c)).collect();
        let clustered = own.first().is_some_and(|(_, clustered)| *clustered);
        report::ClusterSlide {
            name: slide.id.clone(),
            note: if clustered { "clustered" } else { "held out: nearest cluster" }.to_owned(),
            x: slide.spots.iter().map(|s| s.x).collect(),
            y: slide.spots.iter().map(|s| s.y).collect(),
            labels: own.into_iter().map(|(l, _)| l).collect(),
        }
    });
    report::ClusterMap { heading, slides: slides.collect(), clusters: found.summary.clusters }
}

fn sentence(text: String) -> String {
    if text.is_empty() || text.ends_with('.') { text } else { format!("{text}.") }
}

/// The known class of a synthetic gene, or the protocol's group.
pub fn class(p: &Protocol, gene: &str) -> Option<String> {
    if p.data.dataset == Dataset::Synthetic {
        return synthetic::truth_class(gene).map(|c| {
            match c {
                synthetic::Class::Signal => "signal",
                synthetic::Class::Gradient => "gradient",
                synthetic::Class::Noise => "noise",
            }
            .to_owned()
        });
    }
    p.metrics.groups.iter().find(|(_, genes)| genes.iter().any(|g| g == gene)).map(|(name, _)| name.clone())
}

/// |r| that 95 % of genes without signal stay within, over n independent spots.
pub fn noise_floor(spots: usize) -> Option<f64> {
    (spots > 3).then(|| 1.96 / ((spots - 1) as f64).sqrt())
}

fn curves(m: &Material, heading: Heading) -> Result<report::TrainingCurves> {
    let broken = |name: &str| Failure::input(format!("the history of fold {name} cannot be read"));
    let mut folds = Vec::new();
    for (name, history) in m.histories {
        let rows = history["epochs"].as_array().ok_or_else(|| broken(name))?;
        let epochs = rows
            .iter()
            .map(|r| {
                // A loss that diverged is written as null: JSON has no other word for what is not finite.
                let train_loss = if r["train_loss"].is_null() { Some(f64::NAN) } else { r["train_loss"].as_f64() };
                let train_loss = train_loss.ok_or_else(|| broken(name))?;
                let epoch = r["epoch"].as_u64().ok_or_else(|| broken(name))? as usize;
                Ok(report::EpochPoint {
                    epoch,
                    train_loss,
                    validation_loss: r["validation_loss"].as_f64(),
                    validation_pcc: r["validation_pcc"].as_f64(),
                })
            })
            .collect::<Result<_>>()?;
        folds.push(report::FoldCurve { name: name.clone(), best_epoch: history["best_epoch"].as_u64().map(|e| e as usize), epochs });
    }
    Ok(report::TrainingCurves { heading, loss: format!("mean squared error of {}", m.protocol.expression_label()), folds })
}

fn ranked(m: &Material, heading: Heading) -> report::GenesRanked {
    let genes = m
        .evaluation
        .genes
        .iter()
        .map(|g| report::RankedGene { gene: g.gene.clone(), pcc: g.pcc, class: class(m.protocol, &g.gene) })
        .collect();
    report::GenesRanked {
        heading,
        genes,
        noise_floor: noise_floor(m.evaluation.spots),
        noise_label: "chance alone, 95 %".to_owned(),
        threshold: Some(m.protocol.metrics.threshold),
        names: 12,
    }
}

fn moran(m: &Material, heading: Heading) -> report::MoranVsPcc {
    let genes = m
        .evaluation
        .genes
        .iter()
        .map(|g| report::MoranGene { gene: g.gene.clone(), moran: g.moran_truth, pcc: g.pcc, class: class(m.protocol, &g.gene) })
        .collect();
    report::MoranVsPcc { heading, genes, names: 8 }
}

fn drivers(m: &Material, heading: Heading) -> report::Drivers {
    let property = |title: &str, axis: &str, of: fn(&GeneScore) -> Option<f64>| report::Property {
        title: title.to_owned(),
        axis: axis.to_owned(),
        values: m.evaluation.genes.iter().map(of).collect(),
    };
    report::Drivers {
        heading,
        pcc: m.evaluation.genes.iter().map(|g| g.pcc).collect(),
        properties: vec![
            property("Moran’s I", "Moran’s I of the measured expression", |g| g.moran_truth),
            property("abundance", "mean ln(1 + 10,000·count/total)", |g| Some(g.abundance)),
            property("zeros", "share of spots whose target is 0", |g| Some(g.zeros)),
            property("variance", "variance of the target", |g| Some(g.variance)),
        ],
    }
}

/// The evaluation's own association, where it is not what the figure states: it takes the PCC of each slide.
fn by_slide(evaluation: &Evaluation, drawn: (Option<f64>, Option<f64>)) -> String {
    let Some(a) = evaluation.moran_vs_pcc.as_ref().filter(|a| (a.spearman, a.pearson) != drawn) else { return String::new() };
    let value = |v: Option<f64>| v.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.3}"));
    format!(
        " With the PCC of each slide, averaged over slides as Moran's I is, it is Spearman {} and Pearson {} over {} genes.",
        value(a.spearman),
        value(a.pearson),
        text::thousands(a.genes as u64)
    )
}

fn baseline(m: &Material, heading: Heading, unit: &str) -> report::Baseline {
    let genes = m
        .evaluation
        .genes
        .iter()
        .map(|g| report::BaselineGene { gene: g.gene.clone(), mse: g.mse, mse_constant: g.mse_constant })
        .collect();
    report::Baseline { heading, genes, unit: format!("({unit})²"), names: 6 }
}

fn folds(m: &Material, heading: Heading) -> report::FoldScores {
    let folds = m
        .evaluation
        .by_fold
        .iter()
        .map(|f| report::FoldPoint { name: f.name.clone(), mean_pcc: f.mean_pcc, mse: Some(f.mse), mse_constant: Some(f.mse_constant) })
        .collect();
    report::FoldScores { heading, folds }
}

fn published(m: &Material, heading: Heading) -> report::PublishedVsReproduced {
    let rows = m
        .protocol
        .published
        .iter()
        .map(|p| {
            let metric = m.evaluation.summary.iter().find(|x| x.id == p.metric);
            report::PublishedRow {
                label: metric.map_or_else(|| p.metric.clone(), |x| x.title.clone()),
                detail: p.source.clone(),
                published: Some(p.value),
                status: match p.status {
                    PublishedStatus::Read => report::Status::Read,
                    PublishedStatus::Secondary => report::Status::Secondary,
                    PublishedStatus::Unverified => report::Status::Unverified,
                },
                tolerance: Some(p.tolerance),
                reproduced: metric.and_then(|x| x.value),
            }
        })
        .collect();
    report::PublishedVsReproduced { heading, rows }
}

/// Genes for the maps: the protocol's, or the best predicted, the middle one and the most autocorrelated.
fn map_genes(m: &Material) -> Vec<String> {
    let known = |g: &String| m.expression.genes.contains(g);
    let asked: Vec<String> = m.protocol.figures.genes.iter().filter(|g| known(g)).cloned().collect();
    if !asked.is_empty() {
        return asked;
    }
    let mut ranked: Vec<_> = m.evaluation.genes.iter().filter(|g| g.pcc.is_some()).collect();
    ranked.sort_by(|a, b| b.pcc.partial_cmp(&a.pcc).unwrap_or(std::cmp::Ordering::Equal).then(a.gene.cmp(&b.gene)));
    let mut out: Vec<String> = ranked.first().into_iter().chain(ranked.get(ranked.len() / 2)).map(|g| g.gene.clone()).collect();
    let mut by_moran: Vec<_> = m.evaluation.genes.iter().filter(|g| g.moran_truth.is_some() && !out.contains(&g.gene)).collect();
    by_moran.sort_by(|a, b| b.moran_truth.partial_cmp(&a.moran_truth).unwrap_or(std::cmp::Ordering::Equal).then(a.gene.cmp(&b.gene)));
    out.extend(by_moran.first().map(|g| g.gene.clone()));
    out.dedup();
    out
}

/// Truth and prediction of chosen genes on one slide; nothing without held-out spots there.
fn maps(m: &Material, heading: Heading) -> Result<Option<report::TruthVsPrediction>> {
    let held_out = |slide: &str| m.predictions.iter().flat_map(|f| &f.spots).filter(|s| s.slide == slide).count();
    let chosen = m.protocol.figures.slide.as_ref().and_then(|name| m.slides.iter().find(|s| s.id == *name));
    let Some(slide) = chosen.or_else(|| m.slides.iter().find(|s| held_out(&s.id) > 2)) else { return Ok(None) };
    let (mut x, mut y, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (f, fold) in m.predictions.iter().enumerate() {
        for (row, spot) in fold.spots.iter().enumerate().filter(|(_, s)| s.slide == slide.id) {
            x.push(spot.x);
            y.push(spot.y);
            rows.push((f, row));
        }
    }
    let mut genes = Vec::new();
    for gene in map_genes(m) {
        let Some(column) = m.expression.genes.iter().position(|g| *g == gene) else { continue };
        let take = |of: &dyn Fn(&FoldPredictions) -> &[f32]| -> Vec<f64> {
            rows.iter().map(|&(f, row)| f64::from(of(&m.predictions[f])[row * m.expression.genes.len() + column])).collect()
        };
        let (truth, prediction) = (take(&|f| &f.truth), take(&|f| &f.prediction));
        genes.push(report::GeneMap { pcc: pearson(&truth, &prediction), gene, truth, prediction });
    }
    if genes.is_empty() || x.is_empty() {
        return Ok(None);
    }
    let thumbnail = match &slide.image {
        Some(reference) => Some(thumbnail(&image_path(&m.protocol.data, m.data_root, m.ingest, &reference.rel_path)?)?),
        None => None,
    };
    let microns_per_pixel = slide.image.as_ref().and_then(|i| i.um_per_px);
    let unit = m.protocol.expression_label();
    Ok(Some(report::TruthVsPrediction { heading, slide: slide.id.clone(), thumbnail, x, y, microns_per_pixel, unit, genes }))
}

/// The slide shrunk by a whole factor to at most 700 pixels a side: the mean of each box. A TIFF comes block by block.
pub(super) fn thumbnail(path: &Path) -> Result<report::Thumbnail> {
    let shown = path.display().to_string();
    let tiff = if image::is_tiff(path)? { Some(Tiff::open(path, &shown)?) } else { None };
    let picture = if tiff.is_none() { Some(image::decode_rgb(path)?) } else { None };
    let (w, h) = match (&tiff, &picture) {
        (Some(t), _) => (t.width as usize, t.height as usize),
        (None, Some(p)) => (p.width as usize, p.height as usize),
        (None, None) => (1, 1),
    };
    let factor = w.max(h).div_ceil(700).max(1);
    let (width, height) = ((w / factor).max(1), (h / factor).max(1));
    // On an image with one side shorter than the factor, the box is as long as that side.
    let (across, down) = (factor.min(w), factor.min(h));
    let mut sums = vec![0u64; 3 * width * height];
    let mut add = |block: Rect, pixels: &[u8]| -> Result<()> {
        for (v, line) in pixels.chunks_exact(3 * block.width as usize).enumerate() {
            let row = (block.y as usize + v) / down;
            if row >= height {
                break;
            }
            for (u, pixel) in line.chunks_exact(3).enumerate() {
                let column = (block.x as usize + u) / across;
                if column < width {
                    (0..3).for_each(|c| sums[3 * (row * width + column) + c] += u64::from(pixel[c]));
                }
            }
        }
        Ok(())
    };
    match (&tiff, &picture) {
        (Some(t), _) => t.blocks(&|_| true, &mut add)?,
        (None, Some(p)) => add(Rect { x: 0, y: 0, width: p.width, height: p.height }, &p.pixels)?,
        (None, None) => {}
    }
    let n = (across * down) as u64;
    let pixels = sums.into_iter().map(|s| (s / n) as u8).collect();
    Ok(report::Thumbnail { image: report::png::Rgb { width, height, pixels }, scale: 1.0 / factor as f64 })
}
