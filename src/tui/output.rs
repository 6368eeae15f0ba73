//! What goes to the terminal: only what differs from the last frame, in one synchronized update, and not a byte
//! when nothing differs.

use super::look::Look;
use super::model::Model;
use super::view;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io::{self, Write};

/// Terminals are rarely larger; more is left empty rather than drawn.
const MOST: (u16, u16) = (1000, 400);

/// The terminal as it was last drawn.
pub struct Output<W: Write> {
    backend: CrosstermBackend<W>,
    before: Buffer,
    look: Look,
}

impl<W: Write> Output<W> {
    /// An output on which nothing is drawn yet.
    pub fn new(writer: W, look: Look) -> Self {
        Self { backend: CrosstermBackend::new(writer), before: Buffer::empty(Rect::ZERO), look }
    }

    /// Forgets what is on the screen; the next frame clears it and draws everything.
    pub fn forget(&mut self) {
        self.before = Buffer::empty(Rect::ZERO);
    }

    /// Draws the state. Says whether anything was sent.
    pub fn draw(&mut self, model: &Model) -> io::Result<bool> {
        let area = Rect::new(0, 0, model.size.0.min(MOST.0), model.size.1.min(MOST.1));
        let mut now = Buffer::empty(area);
        view::draw(model, self.look, &mut now);
        let anew = self.before.area != area;
        if anew {
            self.before = Buffer::empty(area);
        }
        let changes = self.before.diff(&now);
        if changes.is_empty() && !anew {
            return Ok(false);
        }
        // Synchronized update (mode 2026): terminals that do not know it ignore it.
        self.backend.write_all(b"\x1b[?2026h")?;
        if anew {
            self.backend.write_all(b"\x1b[0m\x1b[2J")?;
        }
        self.backend.draw(changes.into_iter())?;
        self.backend.write_all(b"\x1b[?2026l")?;
        Write::flush(&mut self.backend)?;
        self.before = now;
        Ok(true)
    }
}
