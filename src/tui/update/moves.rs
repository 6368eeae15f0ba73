//! Where the cursor is, and what follows from it.

use super::turn::ask;
use crate::tui::action::Screen;
use crate::tui::graphics::{Knowledge, place};
use crate::tui::message::{Effect, Request};
use crate::tui::model::Model;
use crate::tui::panes;

/// Moves the cursor of the present screen, or scrolls what lies over it.
pub fn by(model: &mut Model, effects: &mut Vec<Effect>, lines: isize) {
    if let Some(scroll) = &mut model.help {
        *scroll = moved(*scroll, lines, 200);
        return;
    }
    if let Some(sheet) = &mut model.sheet {
        sheet.scroll = moved(sheet.scroll, lines, 100_000);
        return;
    }
    match model.screen.now {
        Screen::Protocols => model.protocol_cursor = moved(model.protocol_cursor, lines, model.shown_protocols().len()),
        Screen::Walk => {
            let steps = model.walk.good().map_or(0, |w| w.steps.len());
            model.step = moved(model.step, lines, steps);
            model.parameter = 0;
        }
        Screen::Run => {
            let log = model.shown_log().len();
            model.log_back = moved(model.log_back, -lines, log);
        }
        Screen::Results => model.gene = moved(model.gene, lines, model.shown_genes().len()),
        Screen::Audit => model.audit_row = moved(model.audit_row, lines, model.audit_rows().len()),
        Screen::Reports => model.figure = moved(model.figure, lines, model.reports.good().map_or(0, Vec::len)),
    }
    settle(model, effects);
}

fn moved(at: usize, by: isize, len: usize) -> usize {
    at.saturating_add_signed(by).min(len.saturating_sub(1))
}

/// After anything changed: cursors back inside their lists, and what hangs on them asked for.
pub fn settle(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.protocols.good().is_some() {
        let names: Vec<String> = model.shown_protocols().iter().map(|c| c.name.clone()).collect();
        model.protocol_cursor = model.protocol_cursor.min(names.len().saturating_sub(1));
        if model.screen.now == Screen::Protocols {
            choose(model, names.get(model.protocol_cursor).cloned());
        }
    }
    let steps = model.walk.good().map_or(0, |w| w.steps.len());
    model.step = model.step.min(steps.saturating_sub(1));
    let parameters = model.walk.good().and_then(|w| w.steps.get(model.step)).map_or(0, |s| s.parameters.len());
    model.parameter = model.parameter.min(parameters.saturating_sub(1));
    model.audit_row = model.audit_row.min(model.audit_rows().len().saturating_sub(1));
    match model.screen.now {
        Screen::Results => {
            ask_map(model, effects);
            ask_tissue(model, effects);
        }
        Screen::Reports => ask_picture(model, effects),
        _ => {}
    }
}

/// Makes a protocol the one that every screen is about.
pub fn choose(model: &mut Model, name: Option<String>) {
    if name.is_some() && model.chosen != name {
        model.chosen = name;
        model.overrides.clear();
        (model.step, model.parameter, model.gene, model.slide, model.figure, model.log_back) = (0, 0, 0, 0, 0, 0);
        model.gene_search.clear();
        model.large = false;
        model.zoom = Default::default();
        model.run = Default::default();
        model.log_search.clear();
        (model.audit_row, model.turned) = (0, Default::default());
    }
}

fn ask_map(model: &mut Model, effects: &mut Vec<Effect>) {
    let genes = model.shown_genes();
    let len = genes.len();
    model.gene = model.gene.min(len.saturating_sub(1));
    let Some(results) = model.results.good() else { return };
    let slide = model.slide.min(results.slides.len().saturating_sub(1));
    let gene = model.shown_genes().get(model.gene).map(|g| g.name.clone());
    let (Some(name), Some(slide_name), Some(gene)) = (model.chosen.clone(), results.slides.get(slide).cloned(), gene) else {
        return;
    };
    model.slide = slide;
    let request = Request::Map(name, slide_name, gene);
    if model.map.asked.as_ref() != Some(&request) {
        // The old map stays until the new one is there, so that walking down the genes does not flicker.
        model.map.asked = Some(request.clone());
        model.map.failure = None;
    }
    if model.map.answered.as_ref() == Some(&request) {
        return;
    }
    // One at a time: the answer asks for the newest wish, so a held key does not queue up work.
    if !model.pending.iter().any(|r| matches!(r, Request::Map(..))) {
        ask(model, effects, request);
    }
}

/// The tissue is read only where there is room for it: it costs a look at every patch of the slide. The gene does not
/// matter, so walking through the genes asks once.
fn ask_tissue(model: &mut Model, effects: &mut Vec<Effect>) {
    let slide = model.results.good().and_then(|r| r.slides.get(model.slide)).cloned();
    let (Some(name), Some(slide), true) = (model.chosen.clone(), slide, panes::tissue_in_sight(model)) else { return };
    let request = Request::Tissue(name, slide);
    model.tissue.ask(&request);
    if model.tissue.answered.as_ref() != Some(&request) && !model.pending.iter().any(|r| matches!(r, Request::Tissue(..))) {
        ask(model, effects, request);
    }
}

fn ask_picture(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(figures) = model.reports.good() else { return };
    model.figure = model.figure.min(figures.len().saturating_sub(1));
    let Some(figure) = figures.get(model.figure) else { return };
    // The first picture is when the terminal is asked what it can show, and not before.
    match model.graphics {
        Knowledge::Open => {
            model.graphics = Knowledge::Asking;
            effects.push(Effect::AskTerminal);
            return;
        }
        Knowledge::Asking => return,
        Knowledge::Known(_) => {}
    }
    let request = Request::Image(figure.path.clone(), place::wanted(model));
    model.picture.ask(&request);
    if model.picture.answered.as_ref() == Some(&request) {
        return;
    }
    if !model.pending.iter().any(|r| matches!(r, Request::Image(..))) {
        ask(model, effects, request);
    }
}
