//! Where the picture stands. The view, which leaves those cells blank, the output, which sends the picture there, and
//! the question for a picture of the right size all go by this.

use super::Form;
use crate::tui::action::Screen;
use crate::tui::model::Model;
use crate::tui::screen::reports;
use crate::tui::view;
use ratatui::layout::Rect;

/// The most pixels that a picture is asked in. More is no sharper on a plot, and takes long over a line.
const MOST: (u32, u32) = (1600, 1200);

/// Pixels for half-blocks: enough for any terminal.
const CELLS: (u32, u32) = (480, 320);

/// The cells of the pane that shows the figure, whether or not something lies over it.
pub fn pane(model: &Model) -> Option<Rect> {
    if model.screen.now != Screen::Reports {
        return None;
    }
    let figures = model.reports.good().map_or(0, Vec::len);
    let body = view::body(Rect::new(0, 0, model.size.0, model.size.1));
    let pane = reports::panes(body, figures, model.large).preview_inner()?;
    // Below the picture there must be a line, or a terminal may scroll.
    (figures > 0 && pane.width >= 4 && pane.height >= 2 && pane.bottom() < model.size.1).then_some(pane)
}

/// The most pixels, across and down, that the figure is asked in.
pub fn wanted(model: &Model) -> (u32, u32) {
    let graphics = model.graphics.graphics();
    match pane(model) {
        Some(pane) if graphics.form != Form::Cells => {
            let (width, height) = graphics.cell();
            let pixels = |cells: u16, each: u16, most: u32| (u32::from(cells) * u32::from(each)).min(most);
            (pixels(pane.width, width, MOST.0), pixels(pane.height, height, MOST.1))
        }
        _ => CELLS,
    }
}

/// The cells that the picture itself covers when it is shown by graphics. `None` where characters show it: as long as
/// something lies over the screen, and where the picture in hand does not fit.
pub fn place(model: &Model) -> Option<Rect> {
    let graphics = model.graphics.graphics();
    if graphics.form == Form::Cells || model.help.is_some() || model.sheet.is_some() {
        return None;
    }
    let (pane, picture) = (pane(model)?, model.picture.good()?);
    if picture.pixels.is_empty() || picture.pixels.len() != picture.width * picture.height {
        return None;
    }
    let (width, height) = graphics.cell();
    let cells = |pixels: usize, each: u16| u16::try_from(pixels.div_ceil(usize::from(each))).unwrap_or(u16::MAX);
    let (columns, rows) = (cells(picture.width, width), cells(picture.height, height));
    let fits = columns <= pane.width && rows <= pane.height;
    fits.then(|| Rect { x: pane.x + (pane.width - columns) / 2, y: pane.y, width: columns, height: rows })
}
