//! `spots`: spots moved by the protocol's offsets, and those on no tissue left out, each with its reason. What it writes has
//! the form of an ingest artifact, and stands in its place from here on.

use super::ingest::Ingest;
use super::patches::sound_image;
use crate::base::{Failure, Result, atomic};
use crate::dataset::{self, Slide, image};
use crate::engine::store::{Artifact, Job};
use crate::engine::{Event, Stage, Watch};
use crate::histology::ImageView;
use crate::histology::validity::Ground;
use crate::protocol::Protocol;
use crate::protocol::schema;
use crate::report::page::Table;
use crate::stats::nearest::knn;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The stage.
pub struct Spots {
    protocol: Protocol,
    how: schema::Spots,
    root: PathBuf,
    ingest: Artifact,
}

/// What happened to one slide: `spots.json` has one of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// The slide.
    pub slide: String,
    /// Pixels added to x and y.
    pub offset: [i64; 2],
    /// Spots that were read.
    pub read: usize,
    /// Spots that would be left out if none were moved; none where nothing is looked for.
    pub off_before: Option<usize>,
    /// Spots that are left out.
    pub removed: usize,
    /// Mean distance to the nearest other spot of those that stay, in pixels.
    pub spacing: Option<f64>,
}

impl Spots {
    /// The spots of an ingest artifact.
    pub fn new(p: &Protocol, root: &Path, ingest: &Artifact) -> Result<Self> {
        let how = p.spots.clone().ok_or_else(|| Failure::input("the protocol has no [spots]"))?;
        Ok(Self { protocol: p.clone(), how, root: root.to_owned(), ingest: ingest.clone() })
    }
}

impl Stage for Spots {
    fn job(&self) -> Job {
        Job {
            stage: "spots",
            label: "spots".into(),
            version: 1,
            parameters: json!({"spots": self.how, "slides": self.protocol.data.slides}),
            inputs: [("ingest".to_owned(), self.ingest.digest())].into(),
        }
    }

    fn raw_inputs(&self) -> Vec<PathBuf> {
        self.ingest.files().collect()
    }

    fn run(&self, out: &Path, watch: &mut dyn Watch) -> Result<()> {
        let (mut kept, mut all) = (Vec::new(), Vec::new());
        let mut removed = String::from("slide\tspot\tsource_row\tx\ty\treason\n");
        for slide in Ingest::load(&self.ingest.dir)? {
            if watch.stop_asked() {
                return Err(Failure::interrupted("stopped on request"));
            }
            let name = slide.id.clone();
            let (moved, what) = self.one(slide, &mut removed).map_err(|e| e.at(format!("slide {name}")))?;
            if what.removed > 0 {
                watch.event(Event::Note {
                    level: "warning".into(),
                    text: format!("slide {name}: {} spots left out, see removed.tsv", what.removed),
                });
            }
            kept.push(moved);
            all.push(what);
        }
        atomic::write(&out.join("removed.tsv"), removed.as_bytes())?;
        super::files::write_json(&out.join("spots.json"), &all)?;
        dataset::store::save(&kept, out)
    }
}

impl Spots {
    /// One slide; lines about spots that are left out go to `removed`.
    fn one(&self, mut slide: Slide, removed: &mut String) -> Result<(Slide, Moved)> {
        let offset = self.how.offsets.get(&slide.id).copied().unwrap_or_default();
        let read = slide.spots.len();
        let window = self.how.window;
        let ground = match window {
            None => None,
            Some(_) => {
                let picture = image::decode_rgb(&sound_image(&self.protocol.data, &self.root, &self.ingest.dir, &slide)?)?;
                Some(Ground::of(&ImageView::new(picture.width as usize, picture.height as usize, &picture.pixels)?))
            }
        };
        // The published rule counts in whole pixels.
        let reason = |x: f64, y: f64| ground.as_ref().zip(window).and_then(|(g, side)| g.reason(x as i64, y as i64, side));
        let off_before = ground.as_ref().map(|_| slide.spots.iter().filter(|s| reason(s.x, s.y).is_some()).count());
        for spot in &mut slide.spots {
            spot.x += offset[0] as f64;
            spot.y += offset[1] as f64;
        }
        let mut keep = Vec::with_capacity(read);
        for (i, spot) in slide.spots.iter().enumerate() {
            match reason(spot.x, spot.y) {
                None => keep.push(i),
                Some(why) => removed.push_str(&format!(
                    "{}\t{}\t{}\t{:?}\t{:?}\t{}\n",
                    slide.id,
                    spot.id,
                    spot.source_row,
                    spot.x,
                    spot.y,
                    why.words()
                )),
            }
        }
        if keep.is_empty() {
            return Err(Failure::input("no spot lies on tissue").at("spots.window"));
        }
        let slide = slide.only(&keep);
        let points: Vec<(f64, f64)> = slide.spots.iter().map(|s| (s.x, s.y)).collect();
        let what = Moved { slide: slide.id.clone(), offset, read, off_before, removed: read - keep.len(), spacing: spacing(&points) };
        Ok((slide, what))
    }
}

/// Mean distance to the nearest other point; none for fewer than two.
pub fn spacing(points: &[(f64, f64)]) -> Option<f64> {
    let graph = knn(points, 1);
    let distance = |(i, at): (usize, &(f64, f64))| {
        let other = points[*graph.row(i).0.first()? as usize];
        Some(((at.0 - other.0) * (at.0 - other.0) + (at.1 - other.1) * (at.1 - other.1)).sqrt())
    };
    crate::stats::summary::mean_of(&points.iter().enumerate().map(distance).collect::<Option<Vec<f64>>>()?)
}

/// The report's table.
pub fn table(dir: &Path) -> Result<Table> {
    let all: Vec<Moved> = super::files::read_json(&dir.join("spots.json"))?;
    let widest = all.iter().filter_map(|m| m.spacing).fold(0.0, f64::max);
    let row = |m: &Moved| {
        vec![
            m.slide.clone(),
            format!("{}, {}", m.offset[0], m.offset[1]),
            m.read.to_string(),
            m.off_before.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            m.removed.to_string(),
            (m.read - m.removed).to_string(),
            m.spacing.map_or_else(|| "-".to_owned(), |d| format!("{d:.2}")),
        ]
    };
    Ok(Table {
        title: "Spots moved and left out".into(),
        note: format!(
            "Off tissue before: spots that would be left out where they stand in the file. Three times the widest mean spacing is {:.0} px, the \
             published rule for a tile's side. Reasons, spot by spot: removed.tsv of the artifact.",
            (3.0 * widest).round()
        ),
        head: ["slide", "offset x, y", "#read", "#off tissue before", "#left out", "#used", "#mean spacing, px"].map(str::to_owned).into(),
        rows: all.iter().map(row).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acceptance case A11 of spec/hevisum.md.
    #[test]
    fn spacing_of_points() {
        let points = [(0.0, 0.0), (26.0, 0.0), (13.0, 22.0), (39.0, 22.0), (100.0, 100.0)];
        assert!((spacing(&points).expect("points") - 40.247132).abs() < 1e-6);
        assert_eq!(spacing(&points[..1]), None);
    }
}
