//! The question to the terminal, and the reading of its answers, which come the way that keys come.

use super::{Form, Graphics, sound_cell};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What stands around the terminal, and needs no asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether tmux or screen stands between: then the answers are its own.
    pub multiplexer: bool,
    /// Whether the environment names iTerm2.
    pub iterm: bool,
    /// The size of a cell in pixels as the kernel tells it.
    pub window_cell: Option<(u16, u16)>,
}

impl Surroundings {
    /// From `TMUX`, `STY`, `TERM`, `TERM_PROGRAM` and `LC_TERMINAL`.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>, window_cell: Option<(u16, u16)>) -> Self {
        let set = |name: &str| get(name).filter(|v| !v.is_empty());
        let term = set("TERM").unwrap_or_default();
        let multiplexer = set("TMUX").is_some() || set("STY").is_some() || term.starts_with("tmux") || term.starts_with("screen");
        let iterm = set("TERM_PROGRAM").is_some_and(|v| v == "iTerm.app") || set("LC_TERMINAL").is_some_and(|v| v == "iTerm2");
        Self { multiplexer, iterm, window_cell: window_cell.filter(|c| sound_cell(*c)) }
    }

    /// The question: kitty's own, the terminal's name, the size of a cell, and last its attributes, which every terminal
    /// answers, so that the waiting has an end. A multiplexer is asked only what it answers for itself.
    pub fn question(&self) -> &'static [u8] {
        if self.multiplexer { b"\x1b[16t\x1b[c" } else { b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[16t\x1b[c" }
    }

    /// What the answers come to. No answer is characters.
    pub fn judge(&self, answers: &Answers) -> Graphics {
        let name = answers.name.as_deref().unwrap_or_default();
        let form = if self.multiplexer {
            // What lies behind it is not believed: pictures would be drawn over its panes.
            if answers.sixel { Form::Sixel } else { Form::Cells }
        } else if answers.done && (self.iterm || name.starts_with("iTerm2")) {
            Form::Iterm
        } else if answers.kitty {
            Form::Kitty
        } else if name.starts_with("WezTerm") {
            Form::Iterm
        } else if answers.sixel {
            Form::Sixel
        } else {
            Form::Cells
        };
        Graphics { form, cell: answers.cell.or(self.window_cell) }
    }
}

/// What the terminal has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// It shows kitty's graphics.
    pub kitty: bool,
    /// Its name and version.
    pub name: Option<String>,
    /// Width and height of a cell in pixels.
    pub cell: Option<(u16, u16)>,
    /// It shows sixels.
    pub sixel: bool,
    /// The last answer is there.
    pub done: bool,
}

/// Longer is no answer.
const MOST: usize = 4096;

/// Takes bytes as they come, and tells answers from keys.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// What was said so far.
    pub answers: Answers,
    half: Vec<u8>,
}

impl Listener {
    /// Takes bytes; returns the keys among them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<KeyEvent> {
        self.half.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut rest = std::mem::take(&mut self.half);
        let mut at = 0;
        while at < rest.len() {
            let Some((length, item)) = first(&rest[at..]) else { break };
            at += length;
            match item {
                Item::Key(key) => keys.push(key),
                Item::Apc(text) => self.answers.kitty |= text.starts_with("Gi=31") && text.ends_with(";OK"),
                Item::Dcs(text) => {
                    if let Some(name) = text.strip_prefix(">|") {
                        self.answers.name = Some(name.to_owned());
                    }
                }
                Item::Csi(text) => self.csi(&text),
                Item::Nothing => {}
            }
        }
        rest.drain(..at);
        if rest.len() <= MOST {
            self.half = rest;
        }
        keys
    }

    /// Nothing has come for a moment: an Esc that stands alone is a key.
    pub fn pause(&mut self) -> Option<KeyEvent> {
        let alone = self.half == [0x1b];
        if alone {
            self.half.clear();
        }
        alone.then(|| KeyCode::Esc.into())
    }

    fn csi(&mut self, text: &str) {
        if let Some(attributes) = text.strip_prefix('?').and_then(|t| t.strip_suffix('c')) {
            self.answers.sixel = attributes.split(';').skip(1).any(|a| a == "4");
            self.answers.done = true;
        } else if let Some(size) = text.strip_prefix("6;").and_then(|t| t.strip_suffix('t')) {
            let cell = size.split_once(';').and_then(|(h, w)| Some((w.parse().ok()?, h.parse().ok()?)));
            self.answers.cell = cell.filter(|c| sound_cell(*c));
        }
    }
}

/// The first thing in a stream of bytes.
#[derive(Debug, PartialEq)]
enum Item {
    Key(KeyEvent),
    /// An application's string, of kitty.
    Apc(String),
    /// A device control string.
    Dcs(String),
    /// A control sequence that is no key: parameters and final byte.
    Csi(String),
    /// Something to pass over.
    Nothing,
}

/// The first thing and its length; `None` while it is not complete.
fn first(bytes: &[u8]) -> Option<(usize, Item)> {
    let key = |code: KeyCode| Item::Key(code.into());
    match *bytes.first()? {
        0x1b => escape(bytes),
        b'\r' | b'\n' => Some((1, key(KeyCode::Enter))),
        b'\t' => Some((1, key(KeyCode::Tab))),
        0x7f | 0x08 => Some((1, key(KeyCode::Backspace))),
        byte @ 1..=26 => Some((1, Item::Key(KeyEvent::new(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL)))),
        0..=31 => Some((1, Item::Nothing)),
        _ => {
            let (length, c) = character(bytes)?;
            Some((length, c.map_or(Item::Nothing, |c| key(KeyCode::Char(c)))))
        }
    }
}

/// One character of UTF-8; `None` while it is not complete, no character where it is none.
fn character(bytes: &[u8]) -> Option<(usize, Option<char>)> {
    let length = match bytes[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Some((1, None)),
    };
    let here = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(here) {
        Ok(text) => Some((length, text.chars().next().filter(|c| !c.is_control()))),
        Err(e) if e.error_len().is_none() && here.len() < length => None,
        Err(_) => Some((1, None)),
    }
}

fn escape(bytes: &[u8]) -> Option<(usize, Item)> {
    match *bytes.get(1)? {
        b'[' => {
            let end = 2 + bytes[2..].iter().position(|b| !(0x20..=0x3f).contains(b))?;
            let text = String::from_utf8_lossy(&bytes[2..=end]).into_owned();
            let item = if (0x40..=0x7e).contains(&bytes[end]) { sequence(text) } else { Item::Nothing };
            // What is no final byte is the beginning of something else.
            Some(if (0x40..=0x7e).contains(&bytes[end]) { (end + 1, item) } else { (end, item) })
        }
        b'O' => Some((3, sequence(char::from(*bytes.get(2)?).to_string()))),
        kind @ (b'_' | b'P' | b']') => {
            let end = 2 + bytes[2..].iter().position(|b| *b == 0x1b || *b == 0x07)?;
            let length = if bytes[end] == 0x07 {
                end + 1
            } else if *bytes.get(end + 1)? == b'\\' {
                end + 2
            } else {
                // Broken off by another sequence.
                return Some((end, Item::Nothing));
            };
            let text = String::from_utf8_lossy(&bytes[2..end]).into_owned();
            Some((
                length,
                match kind {
                    b'_' => Item::Apc(text),
                    b'P' => Item::Dcs(text),
                    _ => Item::Nothing,
                },
            ))
        }
        // Two of them: the first was a key.
        0x1b => Some((1, Item::Key(KeyCode::Esc.into()))),
        0..=31 => Some((1, Item::Key(KeyCode::Esc.into()))),
        _ => {
            let (length, c) = character(&bytes[1..])?;
            Some((1 + length, c.map_or(Item::Nothing, |c| Item::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT)))))
        }
    }
}

/// A control sequence: one of the plain keys, or something that was said.
fn sequence(text: String) -> Item {
    let code = match text.as_str() {
        "A" => KeyCode::Up,
        "B" => KeyCode::Down,
        "C" => KeyCode::Right,
        "D" => KeyCode::Left,
        "H" | "1~" | "7~" => KeyCode::Home,
        "F" | "4~" | "8~" => KeyCode::End,
        "5~" => KeyCode::PageUp,
        "6~" => KeyCode::PageDown,
        "3~" => KeyCode::Delete,
        "Z" => KeyCode::BackTab,
        _ => return Item::Csi(text),
    };
    Item::Key(code.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> (Answers, Vec<KeyEvent>) {
        let mut listener = Listener::default();
        let keys = listener.feed(bytes);
        // However the bytes are cut, the same is heard.
        for cut in 0..bytes.len() {
            let mut again = Listener::default();
            let mut parts = again.feed(&bytes[..cut]);
            parts.extend(again.feed(&bytes[cut..]));
            assert_eq!((&again.answers, &parts), (&listener.answers, &keys), "cut at {cut}");
        }
        (listener.answers, keys)
    }

    fn shown(bytes: &[u8], around: &Surroundings) -> Graphics {
        around.judge(&heard(bytes).0)
    }

    #[test]
    fn what_terminals_answer() {
        let plain = Surroundings::default();
        let of = |form, cell| Graphics { form, cell };
        let kitty = b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b[6;20;10t\x1b[?62;52;c";
        assert_eq!(shown(kitty, &plain), of(Form::Kitty, Some((10, 20))));
        let wezterm = b"\x1b_Gi=31;OK\x1b\\\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\\x1b[6;17;8t\x1b[?65;4;6;18;22c";
        assert_eq!(shown(wezterm, &plain).form, Form::Kitty);
        let without = b"\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\\x1b[6;17;8t\x1b[?65;4;6;18;22c";
        assert_eq!(shown(without, &plain).form, Form::Iterm);
        let iterm = b"\x1bP>|iTerm2 3.5.10\x1b\\\x1b[?62;4c";
        assert_eq!(shown(iterm, &plain), of(Form::Iterm, None));
        let foot = b"\x1bP>|foot(1.20.2)\x1b\\\x1b[6;18;9t\x1b[?62;4;22;28;29c";
        assert_eq!(shown(foot, &plain), of(Form::Sixel, Some((9, 18))));
        let xterm = b"\x1bP>|XTerm(390)\x1b\\\x1b[6;13;6t\x1b[?63;1;2;4;6;9;15;16;22;28c";
        assert_eq!(shown(xterm, &plain), of(Form::Sixel, Some((6, 13))));
        let xterm = b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c";
        assert_eq!(shown(xterm, &plain).form, Form::Cells);
        // A terminal of level 4 is not one with attribute 4.
        assert_eq!(shown(b"\x1b[?4;6c", &plain).form, Form::Cells);
        let console = b"\x1b[?6c";
        assert_eq!(shown(console, &plain).form, Form::Cells);
        let refused = b"\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\\x1b[?62;c";
        assert_eq!(shown(refused, &plain).form, Form::Cells);
    }

    #[test]
    fn behind_a_multiplexer_only_sixel_is_believed() {
        let variables = |name: &str| match name {
            "TMUX" => Some("/tmp/tmux-0/default,1,0".to_owned()),
            "LC_TERMINAL" => Some("iTerm2".to_owned()),
            _ => None,
        };
        let tmux = Surroundings::from_variables(variables, Some((8, 17)));
        assert!(tmux.multiplexer && !tmux.question().windows(2).any(|w| w == b"\x1b_" || w == b"\x1bP"));
        assert_eq!(shown(b"\x1b_Gi=31;OK\x1b\\\x1b[?1;2;4c", &tmux), Graphics { form: Form::Sixel, cell: Some((8, 17)) });
        assert_eq!(shown(b"\x1b_Gi=31;OK\x1b\\\x1b[?1;2c", &tmux).form, Form::Cells);
        let screen = Surroundings::from_variables(|n| (n == "STY").then(|| "1.pts".to_owned()), None);
        assert!(screen.multiplexer);
    }

    #[test]
    fn iterm_is_known_by_its_variables_too() {
        let iterm = Surroundings::from_variables(|n| (n == "LC_TERMINAL").then(|| "iTerm2".to_owned()), None);
        assert_eq!(shown(b"\x1b_Gi=31;OK\x1b\\\x1b[?62;4c", &iterm).form, Form::Iterm);
        assert_eq!(shown(b"", &iterm).form, Form::Cells, "a terminal that does not answer gets no pictures");
    }

    #[test]
    fn half_answers_and_garbage_are_neither_answers_nor_keys() {
        let plain = Surroundings::default();
        for half in [&b"\x1b_Gi=31;O"[..], b"\x1bP>|kit", b"\x1b[6;20", b"\x1b[?62;", b"\x1b", b"\x1b[", b"\xe2\x82", b"\x1b_Gi=31;OK\x1b"]
        {
            let (answers, keys) = heard(half);
            assert!(!answers.done && keys.is_empty(), "{half:?}");
            assert_eq!(plain.judge(&answers), Graphics::CELLS);
        }
        let garbage: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        assert_eq!(plain.judge(&heard(&garbage).0).form, Form::Cells);
        assert_eq!(shown(b"\x1b[6;0;99999t\x1b[6;;t\x1b[6;-1;2t\x1b[?c", &plain), Graphics::CELLS);
        assert_eq!(shown(b"\x1b_Gi=31;\x1b[?62;4c", &plain).form, Form::Sixel, "a string that breaks off hides no answer");
        // A string without end is given up.
        let mut listener = Listener::default();
        for _ in 0..100 {
            listener.feed(&[b"\x1b_".as_slice(), &[b'x'; 200]].concat());
        }
        listener.feed(&[b'x'; 5000]);
        assert!(listener.half.len() <= MOST);
    }

    #[test]
    fn keys_between_the_answers_are_kept() {
        let (answers, keys) = heard("j\x1b_Gi=31;OK\x1b\\\x1b[A\x1bOB\u{e9}\r\x1b[6;20;10t\x03\x1b[?62;c5\x1b[5~\x1bx\x7f".as_bytes());
        assert!(answers.kitty && answers.done && answers.cell == Some((10, 20)));
        let codes: Vec<KeyCode> = keys.iter().map(|k| k.code).collect();
        use KeyCode::{Backspace, Char, Down, Enter, PageUp, Up};
        assert_eq!(codes, [Char('j'), Up, Down, Char('é'), Enter, Char('c'), Char('5'), PageUp, Char('x'), Backspace]);
        assert_eq!((keys[5].modifiers, keys[8].modifiers), (KeyModifiers::CONTROL, KeyModifiers::ALT));
        let mut listener = Listener::default();
        assert!(listener.feed(b"\x1b").is_empty());
        assert_eq!(listener.pause(), Some(KeyCode::Esc.into()));
        assert_eq!(listener.pause(), None);
    }
}
