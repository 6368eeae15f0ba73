//! The slide in half-blocks: truth beside prediction beside the tissue, all in one frame.

use crate::tui::facts::{GeneRow, Results, SpotMap, Tissue};
use crate::tui::look::Role;
use crate::tui::message::Request;
use crate::tui::model::{Load, Model};
use crate::tui::paint::{Pen, number};
use crate::tui::panes::Pane;
use crate::tui::picture::{Frame, common_range, draw_grid, draw_tissue, grid, range};
use crate::tui::view::split_top;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Columns between two maps.
const GAP: u16 = 2;
/// Cells of the scale's colours.
const RAMP: u16 = 8;

/// Draws the gene under the cursor on the slide that is chosen.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, results: &Results, gene: Option<&GeneRow>) {
    let slide = results.slides.get(model.slide).map_or("no slide", String::as_str);
    let title = gene.map_or("Map", |g| g.name.as_str());
    let near = if model.zoom.times > 1 { format!("{}x, ", model.zoom.times) } else { String::new() };
    // The counts stand first: a long name is cut at its end.
    let which = match results.slides.len() {
        0 | 1 => format!("{near}slide {slide}"),
        n => format!("{near}{} of {n}, slide {slide}", model.slide + 1),
    };
    let inner = pen.section(area, title, &which);
    if let Some(failure) = &model.map.failure {
        pen.failure(inner, failure);
        return;
    }
    let Some(map) = &model.map.value else {
        pen.wrapped(inner, 0, if matches!(model.map.asked, Some(Request::Map(..))) { "reading" } else { "no map" }, Role::Quiet);
        return;
    };
    let Some(frame) = Frame::round(&map.at) else {
        pen.wrapped(inner, 0, "no spot of this slide was predicted", Role::Quiet);
        return;
    };
    if inner.height < 3 || inner.width < 12 {
        return;
    }
    let (pictures, foot) = split_top(inner, inner.height - 1);
    side_by_side(pen, pictures, foot, model, map, &frame.zoomed(model.zoom));
}

fn side_by_side(pen: &mut Pen<'_>, pictures: Rect, foot: Rect, model: &Model, map: &SpotMap, frame: &Frame) {
    let panes = model.panes.in_width(pictures.width);
    let width = (pictures.width - GAP * (panes.len() as u16 - 1)) / panes.len() as u16;
    let common = common_range(map);
    let scale_of = |values: &[f32]| if model.own_scales { range(values) } else { common };
    let mut x = pictures.x;
    for pane in panes {
        let (head, body) = split_top(Rect { x, width, ..pictures }, 1);
        let (word, values) = match pane {
            Pane::Truth => ("truth", &map.truth),
            Pane::Prediction => ("prediction", &map.prediction),
            Pane::Tissue => ("tissue", &Vec::new()),
        };
        let start = head.x + width.saturating_sub(word.len() as u16) / 2;
        pen.text(start, head.y, head.right().saturating_sub(start), word, Role::Quiet);
        if *pane == Pane::Tissue {
            tissue(pen, body, &model.tissue, frame);
        } else {
            let drawn = grid(frame, &map.at, values, usize::from(width), usize::from(body.height) * 2);
            draw_grid(pen, body, &drawn, scale_of(values));
        }
        x += width + GAP;
    }
    let span = |(low, high): (f64, f64)| format!("{} to {}", number(Some(low), 2), number(Some(high), 2));
    let (truth, prediction, tissue) = (panes.contains(&Pane::Truth), panes.contains(&Pane::Prediction), panes.contains(&Pane::Tissue));
    let mut words = Vec::new();
    match (truth, prediction, model.own_scales) {
        (true, true, true) => {
            words.push(format!("each its own scale: {} and {}", span(range(&map.truth)), span(range(&map.prediction))));
        }
        (true, true, false) => words.push(format!("one scale: {}", span(common))),
        (true, false, _) => words.push(format!("scale: {}", span(scale_of(&map.truth)))),
        (false, true, _) => words.push(format!("scale: {}", span(scale_of(&map.prediction)))),
        (false, false, _) => {}
    }
    if tissue {
        let state = model.tissue.good().map(|t| t.state.as_str()).filter(|s| !s.is_empty());
        let before = match (state, panes.len()) {
            (Some(state), 1) => format!("{state}: "),
            (Some(state), _) => format!("tissue {state}: "),
            (None, 1) => String::new(),
            (None, _) => "tissue: ".to_owned(),
        };
        let long = format!("{before}mean colour of each spot's patch");
        let used = words.first().map_or(0, |w| w.width() + 2 + usize::from(RAMP + 1));
        words.push(if used + long.width() > usize::from(foot.width) { format!("{before}patch means") } else { long });
    }
    let ramp = if truth || prediction { scale_bar(pen, foot) } else { 0 };
    pen.text(foot.x + ramp, foot.y, foot.width.saturating_sub(ramp), &words.join("; "), Role::Quiet);
}

fn tissue(pen: &mut Pen<'_>, area: Rect, load: &Load<Tissue>, frame: &Frame) {
    if let Some(failure) = &load.failure {
        pen.failure(area, failure);
    } else if let Some(tissue) = &load.value {
        draw_tissue(pen, area, frame, tissue);
    } else {
        pen.wrapped(area, 0, "reading the patches", Role::Quiet);
    }
}

/// The colours from low to high. Returns the cells used.
fn scale_bar(pen: &mut Pen<'_>, line: Rect) -> u16 {
    let cells = RAMP.min(line.width);
    for i in 0..cells {
        let share = f64::from(i) / f64::from(cells.max(2) - 1);
        let x = line.x + i;
        if pen.look.pictures_in_colour() {
            let c = colorous::VIRIDIS.eval_continuous(share);
            let style = ratatui::style::Style::default().fg(pen.look.rgb(c.r, c.g, c.b));
            pen.styled(x, line.y, 1, "█", style);
        } else {
            let ramp = pen.look.ramp();
            let glyph = ramp[((share * ramp.len() as f64) as usize).min(ramp.len() - 1)];
            pen.styled(x, line.y, 1, glyph.encode_utf8(&mut [0; 4]), ratatui::style::Style::default());
        }
    }
    cells + 1
}
