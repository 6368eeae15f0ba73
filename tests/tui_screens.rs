//! Every screen as text: at the smallest size that must work fully, at the smallest that must be usable, at a large one; and
//! without colours in plain ASCII.

mod tui_fake;

use pinfold::tui::Look;
use pinfold::tui::facts::RunState;
use pinfold::tui::look::Colours;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use tui_fake::{Desk, FakeFacts, PLAIN};

const SIZES: [(u16, u16); 3] = [(80, 24), (60, 20), (200, 50)];

fn fresh() -> FakeFacts {
    FakeFacts::with(|_| {})
}
fn done() -> FakeFacts {
    FakeFacts::with(|w| w.run = Some(RunState::Done))
}

/// Draws one state at every size, and once more without colours, and holds it against the stored pictures.
fn picture(name: &str, facts: impl Fn() -> FakeFacts, keys: &str) {
    SIZES.into_iter().for_each(|size| picture_at(name, &facts, keys, size));
    let mut desk = Desk::open(facts(), Look { colours: Colours::None, ascii: true, blocks: false }, (80, 24));
    desk.keys(keys);
    insta::assert_snapshot!(format!("{name}_80x24_ascii"), desk.text());
}

fn picture_at(name: &str, facts: impl Fn() -> FakeFacts, keys: &str, (width, height): (u16, u16)) {
    let mut desk = Desk::open(facts(), PLAIN, (width, height));
    desk.keys(keys);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("terminal");
    terminal.draw(|frame| pinfold::tui::draw(&desk.model, desk.look, frame.buffer_mut())).expect("draw");
    insta::assert_snapshot!(format!("{name}_{width}x{height}"), terminal.backend());
}

#[test]
fn protocols() {
    picture("protocols_empty", FakeFacts::default, "");
    picture("protocols_fresh", fresh, "");
    picture("protocols_search", fresh, "/loo");
    picture("protocols_missing", fresh, "j");
    picture("protocols_broken", || FakeFacts::with(|w| w.broken = true), "");
}

#[test]
fn walk() {
    picture("walk", fresh, "\njjjj");
    picture("walk_missing", fresh, "j\n");
    picture("walk_override", fresh, "\njjjje\u{8}");
}

#[test]
fn run() {
    picture("run_none", fresh, "3");
    picture("run_live", fresh, "r");
    picture("run_log", fresh, "r/epoch");
    picture("run_warnings", fresh, "rw");
    picture("run_slurm", || FakeFacts::with(|w| (w.run, w.slurm) = (Some(RunState::Running), true)), "3");
    picture("run_done", done, "3");
    picture("run_failed", || FakeFacts::with(|w| w.run = Some(RunState::Failed)), "3");
}

#[test]
fn results() {
    picture("results", done, "4j");
    picture("results_sorted", done, "4oo]");
    picture("results_large", done, "4z");
    picture("results_none", fresh, "4");
    picture("results_near", done, "4z++D");
    picture("results_tissue", done, "4t");
    picture("results_compared", done, "4v");
    picture("results_many_folds", || FakeFacts::with(|w| (w.run, w.folds, w.uncounted) = (Some(RunState::Done), 36, true)), "4");
}

#[test]
fn reports() {
    picture("reports", done, "6j");
    picture("reports_none", fresh, "6");
}

#[test]
fn drawers() {
    picture("locked", done, "l");
    picture("lock_refused", || FakeFacts::with(|w| (w.run, w.dirty) = (Some(RunState::Done), true)), "l");
    picture("help", done, "4?");
}

#[test]
fn audit() {
    let locked = || FakeFacts::with(|w| (w.run, w.locked) = (Some(RunState::Done), true));
    picture("audit_none", done, "5");
    picture("audit_locked", locked, "5jjjj\nj");
    picture("audit_stale", locked, "jj5jj");
    picture("audit_passed", locked, "a");
    picture("audit_failed", || FakeFacts::with(|w| (w.run, w.locked, w.drifted) = (Some(RunState::Done), true, true)), "a");
}

#[test]
fn small_terminals_say_what_matters() {
    for (width, height) in [(60, 20), (40, 12), (20, 5)] {
        let mut desk = Desk::open(done(), PLAIN, (width, height));
        assert!(desk.text().contains("1 Protocols"), "{}", desk.text());
        desk.keys("4");
        assert!(desk.text().contains("4 Results"), "{}", desk.text());
        assert!(height < 12 || desk.text().contains("FASN"), "{}", desk.text());
        assert!(width < 40 || desk.text().contains("q quit"), "{}", desk.text());
    }
}

/// All screens of a finished workspace.
fn tour(facts: &FakeFacts, look: Look) -> Vec<Desk> {
    let keys = [
        "", "\n", "\njjjj", "3", "4", "4z", "4z+++SD", "4t", "4tt", "4v", "5", "5jj\n", "6", "6\n", "l", "a", "?", "/x", "jj5jj", "\njjjjw",
    ];
    keys.iter()
        .map(|keys| {
            let mut desk = Desk::open(facts.clone(), look, (80, 24));
            desk.keys(keys);
            desk
        })
        .collect()
}

#[test]
fn ascii_means_ascii() {
    for facts in [done(), FakeFacts::with(|w| (w.run, w.hostile) = (Some(RunState::Done), Some("née→日本·".into())))] {
        for desk in tour(&facts, Look { colours: Colours::None, ascii: true, blocks: false }) {
            assert!(desk.text().is_ascii(), "{:?}\n{}", desk.text().chars().find(|c| !c.is_ascii()), desk.text());
        }
    }
}

#[test]
fn no_colour_means_no_colour_and_no_word_is_lost() {
    let without = tour(&done(), Look { colours: Colours::None, ascii: false, blocks: false });
    let with = tour(&done(), Look { colours: Colours::True, ascii: false, blocks: false });
    for (without, with) in without.iter().zip(&with) {
        assert!(without.buffer().content.iter().all(|c| c.fg == Color::Reset && c.bg == Color::Reset));
        // Pictures are drawn with other characters; every letter is the same.
        let letters = |d: &Desk| d.text().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        assert_eq!(letters(without), letters(with));
    }
}

#[test]
fn sixteen_colours_means_the_palette() {
    for desk in tour(&done(), Look { colours: Colours::Sixteen, ascii: false, blocks: false }) {
        assert!(
            desk.buffer()
                .content
                .iter()
                .all(|c| !matches!(c.fg, Color::Rgb(..) | Color::Indexed(_)) && !matches!(c.bg, Color::Rgb(..) | Color::Indexed(_)))
        );
    }
}

/// Names that try to move the cursor, set colours, ring, reorder, hide, or just go on for ever.
#[test]
fn hostile_names_never_reach_the_buffer_raw() {
    let long = "A".repeat(10_000);
    let towers = format!("a{}", "\u{301}".repeat(5_000));
    let hostile = [
        "\u{1b}[2J\u{1b}[31m",
        "\u{9b}31m",
        "\u{7}\u{8}\r\n\t",
        "\u{202e}abc\u{2066}",
        "\u{200b}\u{feff}\u{e0041}",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "\u{1b}]52;c;AAAA\u{7}",
        "a\u{2028}b",
        &long,
        &towers,
    ];
    for name in hostile {
        for broken in [false, true] {
            let facts =
                FakeFacts::with(|w| (w.run, w.locked, w.hostile, w.broken) = (Some(RunState::Done), true, Some(name.to_owned()), broken));
            for desk in tour(&facts, PLAIN) {
                let buffer = desk.buffer();
                for cell in &buffer.content {
                    let symbol = cell.symbol();
                    assert_eq!(symbol, pinfold::base::text::clean(symbol), "{symbol:?} from {:?}", &name[..name.len().min(20)]);
                    assert!(symbol.chars().count() <= 8, "{symbol:?}");
                }
            }
        }
    }
}
