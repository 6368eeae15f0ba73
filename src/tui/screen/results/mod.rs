//! Results: the metrics beside the published ones, every gene, and the slide, truth beside prediction beside the tissue.

mod genes;
mod maps;
mod metrics;

use crate::tui::model::Model;
use crate::tui::paint::Pen;
use crate::tui::panes;
use crate::tui::view::{ready, split_left};
use ratatui::layout::Rect;

/// Draws the numbers of one protocol.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let name = model.chosen.as_deref().unwrap_or("no protocol");
    let Some(results) = model.results.good() else {
        let inner = pen.section(area, &format!("Results of {name}"), "");
        ready(pen, inner, &model.results, "Choose a protocol on the first screen: 1");
        return;
    };
    let shown = model.shown_genes();
    let gene = shown.get(model.gene).copied();
    if model.large {
        return maps::draw(pen, area, model, results, gene);
    }
    let rest = metrics::draw(pen, area, results, &model.intervals, name);
    let (left, right) = split_left(rest, panes::table_width(area.width));
    genes::draw(pen, left, model, results, &shown);
    if right.width > panes::GAP {
        let right = Rect { x: right.x + panes::GAP, width: right.width - panes::GAP, ..right };
        maps::draw(pen, right, model, results, gene);
    }
}
