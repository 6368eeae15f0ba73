//! What of a slide is in sight: which maps stand side by side, and which part of the slide they show. Pure, so that the
//! state and the picture cannot disagree on it.

use super::action::Screen;
use super::model::Model;

/// One map of a slide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Expression as measured.
    Truth,
    /// Expression as predicted.
    Prediction,
    /// The tissue below.
    Tissue,
}

/// Which maps are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panes {
    /// As many as there is room for.
    #[default]
    Together,
    /// One alone.
    Alone(Pane),
}

impl Panes {
    /// The next in turn. The tissue comes first, since it is what a small screen lacks.
    pub fn next(self) -> Self {
        match self {
            Self::Together => Self::Alone(Pane::Tissue),
            Self::Alone(Pane::Tissue) => Self::Alone(Pane::Truth),
            Self::Alone(Pane::Truth) => Self::Alone(Pane::Prediction),
            Self::Alone(Pane::Prediction) => Self::Together,
        }
    }

    /// The maps to draw side by side in so many columns.
    pub fn in_width(self, columns: u16) -> &'static [Pane] {
        /// Three maps narrower than this would be three stamps.
        const THREE: u16 = 54;
        match self {
            Self::Alone(Pane::Truth) => &[Pane::Truth],
            Self::Alone(Pane::Prediction) => &[Pane::Prediction],
            Self::Alone(Pane::Tissue) => &[Pane::Tissue],
            Self::Together if columns >= THREE => &[Pane::Truth, Pane::Prediction, Pane::Tissue],
            Self::Together => &[Pane::Truth, Pane::Prediction],
        }
    }
}

/// Columns of the gene table, of the `columns` of the screen's body; the maps have the rest.
pub fn table_width(columns: u16) -> u16 {
    match columns {
        110.. => 62,
        70.. => 44,
        _ => columns,
    }
}

/// Columns between the gene table and the maps.
pub const GAP: u16 = 2;

/// Whether the present screen shows the tissue.
pub fn tissue_in_sight(model: &Model) -> bool {
    let margins = if model.size.0 < 40 { 0 } else { 2 };
    let body = model.size.0.saturating_sub(margins);
    let columns = if model.large { body } else { body.saturating_sub(table_width(body) + GAP) };
    model.screen.now == Screen::Results && columns > 0 && model.panes.in_width(columns).contains(&Pane::Tissue)
}

/// Which part of a slide is shown: a window of the whole slide's shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// How many windows lie side by side in the slide: 1 (the whole), 2, 4 or 8.
    pub times: u8,
    /// The window's middle, as a share of the slide's width.
    pub x: f64,
    /// The same of its height, from the top.
    pub y: f64,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { times: 1, x: 0.5, y: 0.5 }
    }
}

impl Zoom {
    /// Twice as near, about the same middle.
    #[must_use]
    pub fn nearer(self) -> Self {
        Self { times: (self.times * 2).min(8), ..self }.inside()
    }

    /// Half as near.
    #[must_use]
    pub fn farther(self) -> Self {
        Self { times: (self.times / 2).max(1), ..self }.inside()
    }

    /// The window so many steps to the right and down; a step is a quarter of the window, which stays on the slide.
    #[must_use]
    pub fn moved(self, right: i8, down: i8) -> Self {
        let step = 0.25 / f64::from(self.times);
        Self { x: self.x + step * f64::from(right), y: self.y + step * f64::from(down), ..self }.inside()
    }

    fn inside(self) -> Self {
        let half = 0.5 / f64::from(self.times);
        Self { x: self.x.clamp(half, 1.0 - half), y: self.y.clamp(half, 1.0 - half), ..self }
    }

    /// The part of `length` places that the window covers: its first place and how many.
    pub fn window(self, length: usize, middle: f64) -> (usize, usize) {
        let shown = length.div_ceil(usize::from(self.times)).max(1);
        let first = (middle * length as f64 - shown as f64 / 2.0).round().max(0.0) as usize;
        (first.min(length.saturating_sub(shown)), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_never_leaves_the_slide() {
        let mut zoom = Zoom::default();
        assert_eq!(zoom.moved(1, 1), zoom, "the whole slide has nowhere to go");
        zoom = zoom.nearer().nearer();
        assert_eq!((zoom.times, zoom.window(40, zoom.x)), (4, (15, 10)));
        for _ in 0..99 {
            zoom = zoom.moved(1, -1);
        }
        assert_eq!((zoom.window(40, zoom.x), zoom.window(40, zoom.y)), ((30, 10), (0, 10)));
        // From a corner back to the whole, the middle comes back too.
        assert_eq!(zoom.farther().farther().farther(), Zoom::default());
        assert_eq!(Zoom::default().nearer().nearer().nearer().nearer().times, 8);
        assert_eq!(Zoom { times: 8, x: 0.9375, y: 0.5 }.window(3, 0.9375), (2, 1), "a window is never empty");
    }

    #[test]
    fn turning_through_the_panes_comes_round() {
        let mut panes = Panes::default();
        for _ in 0..4 {
            panes = panes.next();
        }
        assert_eq!(panes, Panes::Together);
        assert_eq!(panes.in_width(30).len(), 2);
        assert_eq!(panes.in_width(78).len(), 3);
        assert_eq!(panes.next().in_width(30), [Pane::Tissue]);
    }
}
