//! How things look on this terminal: which colours, which glyphs. Learned from the environment alone; the
//! terminal is asked nothing.

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None: weight and signs only (`NO_COLOR`).
    None,
    /// The sixteen of the terminal's own palette.
    Sixteen,
    /// The cube of 256.
    Cube,
    /// 24 bits.
    True,
}

/// The look of everything. Two looks differ in no word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many colours.
    pub colours: Colours,
    /// ASCII glyphs only.
    pub ascii: bool,
    /// Curves in quarter blocks, for fonts without braille.
    pub blocks: bool,
}

/// What a piece of text is, rather than what colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// Text that may be passed over.
    Quiet,
    /// Headings.
    Strong,
    /// What leads the eye: keys, the open screen.
    Accent,
    /// Fine.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// The line under the cursor.
    Cursor,
    /// A rule or a frame.
    Rule,
    /// Series of a chart, by number.
    Series(usize),
}

impl Look {
    /// From the environment: `NO_COLOR`, `COLORTERM`, `TERM`, `PINFOLD_ASCII`, `PINFOLD_GLYPHS`, and the locale.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|v| !v.is_empty());
        let term = set("TERM").unwrap_or_default();
        let colours = if set("NO_COLOR").is_some() {
            Colours::None
        } else if set("COLORTERM").is_some_and(|v| v.contains("truecolor") || v.contains("24bit")) || term.contains("direct") {
            Colours::True
        } else if term.contains("256") || term.contains("kitty") || term.contains("alacritty") || term.contains("ghostty") {
            Colours::Cube
        } else if term.starts_with("vt") || term.is_empty() {
            Colours::None
        } else {
            Colours::Sixteen
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let ascii = set("PINFOLD_ASCII").is_some_and(|v| v != "0") || !utf8;
        let blocks = set("PINFOLD_GLYPHS").is_some_and(|v| v == "blocks");
        Self { colours, ascii, blocks }
    }

    /// The style of a role. Foregrounds are middle tones, which read on dark and light backgrounds alike.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::default();
        match role {
            Role::Plain => plain,
            Role::Quiet => match self.colours {
                Colours::None => plain,
                Colours::Sixteen => plain.fg(Color::DarkGray),
                _ => plain.fg(self.rgb(128, 128, 128)),
            },
            Role::Strong => plain.add_modifier(Modifier::BOLD),
            Role::Accent => self.pick(plain.add_modifier(Modifier::BOLD), Color::Cyan, (0, 150, 175)),
            Role::Good => self.pick(plain, Color::Green, (70, 155, 85)),
            Role::Warn => self.pick(plain, Color::Yellow, (190, 130, 20)),
            Role::Bad => self.pick(plain.add_modifier(Modifier::BOLD), Color::Red, (205, 75, 70)),
            Role::Cursor => match self.colours {
                Colours::None => plain.add_modifier(Modifier::REVERSED),
                Colours::Sixteen => plain.fg(Color::Reset).bg(Color::Reset).add_modifier(Modifier::REVERSED),
                _ => plain.fg(self.rgb(255, 255, 255)).bg(self.rgb(0, 95, 135)).add_modifier(Modifier::BOLD),
            },
            Role::Rule => match self.colours {
                Colours::None => plain,
                Colours::Sixteen => plain.fg(Color::DarkGray),
                _ => plain.fg(self.rgb(108, 108, 108)),
            },
            Role::Series(i) => {
                const SIXTEEN: [Color; 6] = [Color::Cyan, Color::Magenta, Color::Yellow, Color::Green, Color::Blue, Color::Red];
                const FULL: [(u8, u8, u8); 6] =
                    [(0, 150, 175), (190, 95, 160), (190, 130, 20), (70, 155, 85), (95, 125, 215), (205, 75, 70)];
                self.pick(plain, SIXTEEN[i % 6], FULL[i % 6])
            }
        }
    }

    fn pick(self, base: Style, sixteen: Color, full: (u8, u8, u8)) -> Style {
        match self.colours {
            Colours::None => base,
            Colours::Sixteen => base.fg(sixteen),
            _ => base.fg(self.rgb(full.0, full.1, full.2)),
        }
    }

    /// A colour as this terminal can show it. Meant for [`Colours::Cube`] and [`Colours::True`].
    pub fn rgb(self, r: u8, g: u8, b: u8) -> Color {
        if self.colours == Colours::True { Color::Rgb(r, g, b) } else { Color::Indexed(cube(r, g, b)) }
    }

    /// Whether pictures can be drawn in colour (half-blocks); otherwise by density of characters.
    pub fn pictures_in_colour(self) -> bool {
        self.colours >= Colours::Cube && !self.ascii
    }

    /// One of two glyphs.
    pub fn glyph(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { unicode }
    }

    /// Characters of rising density, for pictures without colour.
    pub fn ramp(self) -> &'static [char] {
        if self.ascii { &['.', ':', '-', '=', '+', '*', '#', '%', '@'] } else { &['·', '░', '▒', '▓', '█'] }
    }
}

/// The nearest entry of the 6 x 6 x 6 cube or the grey ramp (xterm's levels).
fn cube(r: u8, g: u8, b: u8) -> u8 {
    const LEVELS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| (0..6usize).min_by_key(|&i| (LEVELS[i] - i32::from(v)).abs()).unwrap_or(0);
    let (i, j, k) = (nearest(r), nearest(g), nearest(b));
    let distance = |x: i32, y: i32, z: i32| (x - i32::from(r)).pow(2) + (y - i32::from(g)).pow(2) + (z - i32::from(b)).pow(2);
    let mean = (i32::from(r) + i32::from(g) + i32::from(b)) / 3;
    let step = ((mean - 8 + 5) / 10).clamp(0, 23);
    let grey = 8 + 10 * step;
    if distance(grey, grey, grey) < distance(LEVELS[i], LEVELS[j], LEVELS[k]) {
        (232 + step) as u8
    } else {
        (16 + 36 * i + 6 * j + k) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)]) -> Look {
        let owned: Vec<(String, String)> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Look::from_variables(move |name| owned.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn the_environment_decides() {
        let utf8 = ("LANG", "en_GB.UTF-8");
        assert_eq!(look(&[("TERM", "xterm-256color"), utf8]), Look { colours: Colours::Cube, ascii: false, blocks: false });
        assert_eq!(look(&[("TERM", "xterm-256color"), utf8, ("COLORTERM", "truecolor")]).colours, Colours::True);
        assert_eq!(look(&[("TERM", "xterm-256color"), utf8, ("NO_COLOR", "1")]).colours, Colours::None);
        assert_eq!(look(&[("TERM", "xterm-256color"), utf8, ("NO_COLOR", "")]).colours, Colours::Cube);
        assert_eq!(look(&[("TERM", "linux"), utf8]).colours, Colours::Sixteen);
        assert!(look(&[("TERM", "xterm"), utf8, ("PINFOLD_GLYPHS", "blocks")]).blocks);
        assert!(look(&[("TERM", "xterm"), ("LANG", "C")]).ascii);
        assert!(look(&[("TERM", "xterm"), utf8, ("LC_ALL", "POSIX")]).ascii, "LC_ALL wins");
        assert!(look(&[("TERM", "xterm"), utf8, ("PINFOLD_ASCII", "1")]).ascii);
    }

    #[test]
    fn cube_levels_are_exact() {
        assert_eq!(cube(0, 0, 0), 16);
        assert_eq!(cube(255, 255, 255), 231);
        assert_eq!(cube(128, 128, 128), 244);
        assert_eq!(cube(95, 135, 175), 67);
    }

    #[test]
    fn no_colour_means_no_colour() {
        let look = Look { colours: Colours::None, ascii: false, blocks: false };
        for role in [
            Role::Plain,
            Role::Quiet,
            Role::Strong,
            Role::Accent,
            Role::Good,
            Role::Warn,
            Role::Bad,
            Role::Cursor,
            Role::Rule,
            Role::Series(3),
        ] {
            let style = look.style(role);
            assert!(style.fg.is_none() && style.bg.is_none(), "{role:?}");
        }
    }
}
