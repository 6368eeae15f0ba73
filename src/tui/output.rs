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

    /// Gives a text to the terminal's clipboard (OSC 52). The terminal is not asked whether it took it: many do not answer.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        // In base 64, so that nothing in the text can be read as a command.
        self.backend.write_all(format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).as_bytes())?;
        Write::flush(&mut self.backend)
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

/// Base 64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(part.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= part.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base_64() {
        let found = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|t| base64(t.as_bytes()));
        assert_eq!(found, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
