//! What goes to the terminal: only what differs from the last frame, in one synchronized update, and not a byte
//! when nothing differs.

use super::graphics::{self, Form, base64, place::place};
use super::look::Look;
use super::model::Model;
use super::view;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

/// Terminals are rarely larger; more is left empty rather than drawn.
const MOST: (u16, u16) = (1000, 400);

/// A picture on the screen: where, in which form, and the number it came under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    rect: Rect,
    form: Form,
    number: u64,
}

/// A writer that counts.
struct Counted<W> {
    writer: W,
    bytes: Rc<Cell<usize>>,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.writer.write(bytes)?;
        self.bytes.set(self.bytes.get() + n);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The terminal as it was last drawn.
pub struct Output<W: Write> {
    backend: CrosstermBackend<Counted<W>>,
    bytes: Rc<Cell<usize>>,
    before: Buffer,
    picture: Option<Shown>,
    look: Look,
}

impl<W: Write> Output<W> {
    /// An output on which nothing is drawn yet.
    pub fn new(writer: W, look: Look) -> Self {
        let bytes = Rc::default();
        let backend = CrosstermBackend::new(Counted { writer, bytes: Rc::clone(&bytes) });
        Self { backend, bytes, before: Buffer::empty(Rect::ZERO), picture: None, look }
    }

    /// Forgets what is on the screen; the next frame clears it and draws everything.
    pub fn forget(&mut self) {
        self.before = Buffer::empty(Rect::ZERO);
    }

    /// Takes back what the terminal would keep after the screen is given back: the picture.
    pub fn take_back(&mut self) -> io::Result<()> {
        if let Some(shown) = self.picture.take() {
            self.backend.write_all(graphics::remove(shown.form))?;
            Write::flush(&mut self.backend)?;
        }
        Ok(())
    }

    /// Gives a text to the terminal's clipboard (OSC 52). The terminal is not asked whether it took it: many do not answer.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        // In base 64, so that nothing in the text can be read as a command.
        self.backend.write_all(format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).as_bytes())?;
        Write::flush(&mut self.backend)
    }

    /// Draws the state. Says how many bytes that sent; none where nothing differs.
    pub fn draw(&mut self, model: &Model) -> io::Result<usize> {
        let before = self.bytes.get();
        let area = Rect::new(0, 0, model.size.0.min(MOST.0), model.size.1.min(MOST.1));
        let mut now = Buffer::empty(area);
        view::draw(model, self.look, &mut now);
        let anew = self.before.area != area;
        if anew {
            self.before = Buffer::empty(area);
        }
        let form = model.graphics.graphics().form;
        let wanted = place(model).filter(|rect| area.union(*rect) == area).map(|rect| Shown { rect, form, number: model.picture_number });
        let gone = self.picture.filter(|shown| anew || wanted != Some(*shown));
        if let Some(shown) = gone
            && !anew
            && graphics::remove(shown.form).is_empty()
        {
            // Written anew, the cells below the picture take it away; so they must differ from what is there.
            for at in shown.rect.positions() {
                self.before[at].set_symbol("\u{fffd}");
            }
        }
        let changes = self.before.diff(&now);
        if changes.is_empty() && !anew && wanted == self.picture {
            return Ok(0);
        }
        // Synchronized update (mode 2026): terminals that do not know it ignore it.
        self.backend.write_all(b"\x1b[?2026h")?;
        if let Some(shown) = gone {
            self.backend.write_all(graphics::remove(shown.form))?;
            self.picture = None;
        }
        if anew {
            self.backend.write_all(b"\x1b[0m\x1b[2J")?;
        }
        self.backend.draw(changes.into_iter())?;
        if let (None, Some(new), Some(picture)) = (self.picture, wanted, model.picture.good())
            && let Some(bytes) = graphics::put(picture, new.rect, model.graphics.graphics())
        {
            self.backend.write_all(&bytes)?;
        }
        self.picture = wanted;
        self.backend.write_all(b"\x1b[?2026l")?;
        Write::flush(&mut self.backend)?;
        self.before = now;
        Ok(self.bytes.get() - before)
    }
}

impl<W: Write> Drop for Output<W> {
    /// However the program ends, no picture stays behind.
    fn drop(&mut self) {
        // A terminal that is gone keeps nothing.
        let _ = self.take_back();
    }
}
