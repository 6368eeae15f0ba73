//! A line of text that a person edits, by graphemes.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

/// The most that a field takes, in graphemes; a longer paste is cut.
const LIMIT: usize = 200;

/// A one-line editor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    graphemes: Vec<String>,
    cursor: usize,
}

impl Field {
    /// A field that holds a text, with the cursor at its end.
    pub fn with(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    /// What it holds.
    pub fn text(&self) -> String {
        self.graphemes.concat()
    }

    /// What stands before and after the cursor.
    pub fn halves(&self) -> (String, String) {
        (self.graphemes[..self.cursor].concat(), self.graphemes[self.cursor..].concat())
    }

    /// Takes the first line of a text, cleaned and cut.
    pub fn insert(&mut self, text: &str) {
        // A pasted megabyte must not be walked through: a grapheme is rarely over 64 bytes.
        let head: String = text.chars().take_while(|c| *c != '\n' && *c != '\r').take(LIMIT * 16).collect();
        for grapheme in crate::base::text::clean(&head).graphemes(true) {
            if self.graphemes.len() >= LIMIT {
                break;
            }
            self.graphemes.insert(self.cursor, grapheme.to_owned());
            self.cursor += 1;
        }
    }

    /// Takes a key; says whether it was one for a field.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => {
                self.graphemes.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('k') if control => self.graphemes.truncate(self.cursor),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.graphemes.len(),
            KeyCode::Char('w') if control => {
                let space = |g: &String| g.trim().is_empty();
                while self.cursor > 0 && space(&self.graphemes[self.cursor - 1]) {
                    self.rub();
                }
                while self.cursor > 0 && !space(&self.graphemes[self.cursor - 1]) {
                    self.rub();
                }
            }
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => self.rub(),
            KeyCode::Delete if self.cursor < self.graphemes.len() => {
                self.graphemes.remove(self.cursor);
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.graphemes.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.graphemes.len(),
            _ => return false,
        }
        true
    }

    fn rub(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.graphemes.remove(self.cursor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_by_graphemes() {
        let mut field = Field::with("e\u{301}a");
        assert!(field.key(KeyCode::Left.into()));
        assert!(field.key(KeyCode::Backspace.into()));
        assert_eq!(field.text(), "a");
        assert_eq!(field.halves(), (String::new(), "a".into()));
        assert!(!field.key(KeyCode::Enter.into()));
    }

    #[test]
    fn a_pasted_megabyte_is_cut_and_cleaned() {
        let mut field = Field::default();
        field.insert(&"\u{1b}[A".repeat(300_000));
        assert!(field.text().chars().count() <= LIMIT * 2 && !field.text().contains('\u{1b}'));
        field.insert("two\nlines");
        assert!(!field.text().contains('\n'));
    }

    #[test]
    fn control_w_takes_a_word() {
        let mut field = Field::with("train.epochs = 2");
        field.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(field.text(), "train.epochs = ");
    }
}
