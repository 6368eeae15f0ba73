//! The key map. One table feeds the keys, the line of hints at the bottom and the help, so they cannot differ.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Screen {
    /// Every protocol and where it stands.
    Protocols,
    /// One protocol, step by step.
    Walk,
    /// A run at work.
    Run,
    /// The numbers.
    Results,
    /// What is locked, and whether it still holds.
    Audit,
    /// The figures.
    Reports,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 6] = [Self::Protocols, Self::Walk, Self::Run, Self::Results, Self::Audit, Self::Reports];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocols => "Protocols",
            Self::Walk => "Walk",
            Self::Run => "Run",
            Self::Results => "Results",
            Self::Audit => "Audit",
            Self::Reports => "Reports",
        }
    }

    /// The plain command that says the same.
    pub fn command(self) -> &'static str {
        match self {
            Self::Protocols => "pinfold list",
            Self::Walk => "pinfold plan PROTOCOL",
            Self::Run => "pinfold status",
            Self::Audit => "pinfold audit PROTOCOL",
            Self::Results | Self::Reports => "pinfold report PROTOCOL",
        }
    }

    /// What the screen is for, in a sentence.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Protocols => "Every protocol of this workspace, where it stands, and its headline beside the published one.",
            Self::Walk => "One protocol step by step: what it does and why, what it needs, what was found, and every parameter.",
            Self::Run => "A run at work. It is a process of its own: leaving this screen, or the program, does not stop it.",
            Self::Results => "The metrics beside the published ones, every gene, and the slide: truth beside prediction beside the tissue.",
            Self::Audit => "Everything that is locked, whether it still is what the lock says, and why a protocol is stale.",
            Self::Reports => "The figures, what they show, and the text that ties each to its run.",
        }
    }
}

/// Everything that a key can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Line up.
    Up,
    /// Line down.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// First line.
    First,
    /// Last line.
    Last,
    /// Go deeper.
    Deeper,
    /// Go back, close, clear.
    Back,
    /// The screen that one came back from.
    Forward,
    /// Switch to a screen.
    Go(Screen),
    /// The screen to the right.
    NextScreen,
    /// The screen to the left.
    PreviousScreen,
    /// Search.
    Search,
    /// The command line.
    Command,
    /// Give what is under the cursor to the clipboard.
    Copy,
    /// Make the demo workspace.
    InitDemo,
    /// Start a run.
    Run,
    /// Stop the run.
    Stop,
    /// Halt the run, or let it go on.
    Pause,
    /// Leave the run to itself.
    Detach,
    /// Show less of the log, or all of it again.
    LogLevel,
    /// Lock.
    Lock,
    /// Lock although the tree is dirty.
    LockDirty,
    /// Audit.
    Audit,
    /// End the audit at work.
    StopAudit,
    /// Edit a parameter as an override.
    Override,
    /// Write a parameter into the protocol's file.
    Edit,
    /// Forget all overrides.
    DropOverrides,
    /// The next of several (slide, run).
    Next,
    /// The previous of several.
    Previous,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// One colour scale for both maps, or one each.
    Scale,
    /// The picture at full size.
    Large,
    /// The next of: the maps together, the tissue, the truth, the prediction alone.
    Panes,
    /// The maps twice as near.
    Nearer,
    /// Half as near.
    Farther,
    /// The whole slide again.
    Whole,
    /// The window of a near map: steps to the right and down.
    Pan(i8, i8),
    /// Two runs beside each other.
    Compare,
    /// Help.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Suspend to the shell.
    Suspend,
    /// End.
    Quit,
}

/// One line of the key map.
#[derive(Debug)]
pub struct Binding {
    /// Where it works; empty means everywhere.
    pub screens: &'static [Screen],
    /// The keys, any of which does it.
    pub keys: &'static [(KeyCode, KeyModifiers)],
    /// The keys as written on the screen: Unicode, ASCII.
    pub shown: (&'static str, &'static str),
    /// What it does.
    pub action: Action,
    /// In the hint bar; empty keeps it out of there.
    pub hint: &'static str,
    /// In the help.
    pub help: &'static str,
    /// Lower comes first in the hint bar.
    pub rank: u8,
}

/// A key with its modifiers.
type Key = (KeyCode, KeyModifiers);

const fn plain(c: char) -> Key {
    (KeyCode::Char(c), KeyModifiers::NONE)
}
const fn control(c: char) -> Key {
    (KeyCode::Char(c), KeyModifiers::CONTROL)
}
const fn shift(code: KeyCode) -> Key {
    (code, KeyModifiers::SHIFT)
}
const fn bare(code: KeyCode) -> Key {
    (code, KeyModifiers::NONE)
}

/// One line of the table below: where, keys, shown (Unicode, ASCII), action, hint, help, rank.
macro_rules! bind {
    ($screens:expr, [$($key:expr),+], $shown:expr, $action:expr, $hint:expr, $help:expr, $rank:expr) => {
        Binding { screens: $screens, keys: &[$($key),+], shown: $shown, action: $action, hint: $hint, help: $help, rank: $rank }
    };
}

use Screen::{Audit, Protocols, Reports, Results, Run, Walk};

/// The key map. Order here is order in the help.
pub static BINDINGS: &[Binding] = &[
    bind!(&[], [plain('1')], ("1", "1"), Action::Go(Protocols), "", "the protocols", 90),
    bind!(&[], [plain('2')], ("2", "2"), Action::Go(Walk), "", "the steps of the chosen protocol", 90),
    bind!(&[], [plain('3')], ("3", "3"), Action::Go(Run), "", "its newest run", 90),
    bind!(&[], [plain('4')], ("4", "4"), Action::Go(Results), "", "its numbers", 90),
    bind!(&[], [plain('5')], ("5", "5"), Action::Go(Audit), "", "what is locked of it", 90),
    bind!(&[], [plain('6')], ("6", "6"), Action::Go(Reports), "", "its figures", 90),
    bind!(&[], [bare(KeyCode::Tab)], ("Tab", "Tab"), Action::NextScreen, "", "the next screen; Shift-Tab goes back", 90),
    bind!(&[], [(KeyCode::BackTab, KeyModifiers::SHIFT), bare(KeyCode::BackTab)], ("S-Tab", "S-Tab"), Action::PreviousScreen, "", "", 99),
    bind!(&[], [bare(KeyCode::Up), plain('k')], ("↑↓", "jk"), Action::Up, "move", "up and down; also j and k", 40),
    bind!(&[], [bare(KeyCode::Down), plain('j')], ("↑↓", "jk"), Action::Down, "", "", 99),
    bind!(&[], [bare(KeyCode::PageUp), control('b')], ("PgUp", "PgUp"), Action::PageUp, "", "a page up; PgDn a page down", 90),
    bind!(&[], [bare(KeyCode::PageDown), control('f')], ("PgDn", "PgDn"), Action::PageDown, "", "", 99),
    bind!(&[], [bare(KeyCode::Home), plain('g')], ("Home", "Home"), Action::First, "", "the first line; End the last", 90),
    bind!(&[], [bare(KeyCode::End), plain('G')], ("End", "End"), Action::Last, "", "", 99),
    bind!(&[], [bare(KeyCode::Enter)], ("Enter", "Enter"), Action::Deeper, "open", "go deeper", 10),
    bind!(
        &[],
        [bare(KeyCode::Esc), bare(KeyCode::Backspace)],
        ("Esc", "Esc"),
        Action::Back,
        "back",
        "go back; close; clear the search",
        30
    ),
    bind!(&[Protocols], [plain('i')], ("i", "i"), Action::InitDemo, "make the demo", "make a workspace with the demo in this folder", 5),
    bind!(&[], [plain('r')], ("r", "r"), Action::Run, "run", "start or go on with a run of the chosen protocol", 12),
    bind!(&[], [plain('l')], ("l", "l"), Action::Lock, "lock", "write the newest run into pinfold.lock", 14),
    bind!(
        &[],
        [plain('L')],
        ("L", "L"),
        Action::LockDirty,
        "lock dirty",
        "after a refusal: lock although the tree is dirty, patch and all",
        15
    ),
    bind!(&[], [plain('a')], ("a", "a"), Action::Audit, "audit", "hold the lock against the files", 16),
    bind!(&[Walk], [plain('e')], ("e", "e"), Action::Override, "override", "give the parameter another value for the next run", 20),
    bind!(&[Walk], [plain('w')], ("w", "w"), Action::Edit, "write", "write another value into the protocol's file; its comments stay", 21),
    bind!(&[Walk], [plain('x')], ("x", "x"), Action::DropOverrides, "drop overrides", "forget every override", 22),
    bind!(&[Walk], [bare(KeyCode::Right), plain(']')], ("←→", "[]"), Action::Next, "parameter", "the parameters of this step", 41),
    bind!(&[Walk], [bare(KeyCode::Left), plain('[')], ("←→", "[]"), Action::Previous, "", "", 99),
    bind!(
        &[Audit],
        [bare(KeyCode::Right), plain(']')],
        ("←→", "[]"),
        Action::Next,
        "level",
        "how deep to look: a deeper and a shallower level",
        20
    ),
    bind!(&[Audit], [bare(KeyCode::Left), plain('[')], ("←→", "[]"), Action::Previous, "", "", 99),
    bind!(&[Audit], [plain('s')], ("s", "s"), Action::StopAudit, "stop", "end the audit at work; nothing of it is kept", 11),
    bind!(&[Run], [plain('s')], ("s", "s"), Action::Stop, "stop", "stop at the next checkpoint; r goes on from there", 11),
    bind!(&[Run], [plain('p')], ("p", "p"), Action::Pause, "pause", "halt the run where it stands, and let it go on", 13),
    bind!(&[Run], [plain('d')], ("d", "d"), Action::Detach, "detach", "leave the run to itself", 13),
    bind!(&[Run], [plain('w')], ("w", "w"), Action::LogLevel, "log level", "of the log: everything, warnings and errors, errors alone", 42),
    bind!(&[Run], [bare(KeyCode::Right), plain(']')], ("←→", "[]"), Action::Next, "other run", "older and newer runs", 41),
    bind!(&[Run], [bare(KeyCode::Left), plain('[')], ("←→", "[]"), Action::Previous, "", "", 99),
    bind!(&[Results], [plain('o')], ("o", "o"), Action::Sort, "sort", "sort the genes by the next column", 20),
    bind!(&[Results], [plain('O')], ("O", "O"), Action::Reverse, "", "turn the order round", 22),
    bind!(&[Results], [bare(KeyCode::Right), plain(']')], ("←→", "[]"), Action::Next, "slide", "the next and the previous slide", 21),
    bind!(&[Results], [bare(KeyCode::Left), plain('[')], ("←→", "[]"), Action::Previous, "", "", 99),
    bind!(&[Results], [plain('c')], ("c", "c"), Action::Scale, "scale", "one colour scale for truth and prediction, or one each", 24),
    bind!(&[Results, Reports], [plain('z')], ("z", "z"), Action::Large, "enlarge", "the picture on the whole screen, and back", 23),
    bind!(
        &[Results],
        [plain('t')],
        ("t", "t"),
        Action::Panes,
        "tissue",
        "one map alone: the tissue, the truth, the prediction; then together",
        25
    ),
    bind!(&[Results], [plain('+'), plain('=')], ("+ -", "+ -"), Action::Nearer, "zoom", "the maps nearer, up to 8x, and farther", 26),
    bind!(&[Results], [plain('-'), plain('_')], ("+ -", "+ -"), Action::Farther, "", "", 99),
    bind!(
        &[Results],
        [shift(KeyCode::Up), plain('W')],
        ("S-↑↓←→", "WASD"),
        Action::Pan(0, -1),
        "pan",
        "move over a near map: Shift and arrows, or W A S D",
        27
    ),
    bind!(&[Results], [shift(KeyCode::Left), plain('A')], ("S-↑↓←→", "WASD"), Action::Pan(-1, 0), "", "", 99),
    bind!(&[Results], [shift(KeyCode::Down), plain('S')], ("S-↑↓←→", "WASD"), Action::Pan(0, 1), "", "", 99),
    bind!(&[Results], [shift(KeyCode::Right), plain('D')], ("S-↑↓←→", "WASD"), Action::Pan(1, 0), "", "", 99),
    bind!(&[Results], [plain('0')], ("0", "0"), Action::Whole, "whole", "the whole slide again", 28),
    bind!(
        &[Results],
        [plain('v')],
        ("v", "v"),
        Action::Compare,
        "compare",
        "this run beside the one before it: where they part, what moved",
        29
    ),
    bind!(&[Protocols, Run, Results], [plain('/')], ("/", "/"), Action::Search, "search", "search as you type", 19),
    bind!(&[], [plain('f')], ("f", "f"), Action::Forward, "", "forward again, to the screen that Esc came from", 90),
    bind!(
        &[],
        [plain(':')],
        (":", ":"),
        Action::Command,
        "",
        "a command line: pinfold's own words; Tab completes, arrows bring earlier ones back",
        90
    ),
    bind!(
        &[],
        [plain('y')],
        ("y", "y"),
        Action::Copy,
        "",
        "to the clipboard (OSC 52): the figure's path, the run's name, the plain command",
        90
    ),
    bind!(&[], [control('l')], ("Ctrl-L", "Ctrl-L"), Action::Redraw, "", "draw and ask everything anew", 90),
    bind!(&[], [control('z')], ("Ctrl-Z", "Ctrl-Z"), Action::Suspend, "", "to the shell; fg comes back", 90),
    bind!(&[], [plain('?')], ("?", "?"), Action::Help, "help", "this page", 1),
    bind!(&[], [plain('q'), control('c')], ("q", "q"), Action::Quit, "quit", "leave; runs go on", 2),
];

/// What a key asks for on a screen.
pub fn action_of(screen: Screen, key: KeyEvent) -> Option<Action> {
    // Shift is part of the character itself; terminals differ in whether they report it too.
    let modifiers = match key.code {
        KeyCode::Char(_) => key.modifiers - KeyModifiers::SHIFT,
        _ => key.modifiers,
    };
    let pressed = (key.code, modifiers);
    BINDINGS.iter().find(|b| works_on(b, screen) && b.keys.contains(&pressed)).map(|b| b.action)
}

/// Whether a binding works on a screen.
pub fn works_on(binding: &Binding, screen: Screen) -> bool {
    binding.screens.is_empty() || binding.screens.contains(&screen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_on_one_screen() {
        for screen in Screen::ALL {
            let mut seen = Vec::new();
            for binding in BINDINGS.iter().filter(|b| works_on(b, screen)) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key:?} twice on {screen:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn every_action_is_explained() {
        for binding in BINDINGS {
            let named = BINDINGS.iter().any(|b| b.shown == binding.shown && !b.help.is_empty());
            let paired = matches!(binding.action, Action::PreviousScreen | Action::PageDown | Action::Last);
            assert!(named || paired, "{:?} has no line in the help", binding.action);
        }
    }

    #[test]
    fn shift_reported_or_not() {
        let with = KeyEvent::new(KeyCode::Char('L'), KeyModifiers::SHIFT);
        assert_eq!(action_of(Screen::Walk, with), Some(Action::LockDirty));
        assert_eq!(action_of(Screen::Walk, KeyCode::Char('L').into()), Some(Action::LockDirty));
        assert_eq!(action_of(Screen::Protocols, KeyCode::Char('s').into()), None);
    }
}
