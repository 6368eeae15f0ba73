//! What keys do, without a terminal: from nothing to a locked and audited demo, and the ways off that road.

mod tui_fake;

use pinfold::tui::action::Screen;
use pinfold::tui::facts::RunState;
use pinfold::tui::graphics::{Form, Graphics, Knowledge, place};
use pinfold::tui::model::SheetBody;
use pinfold::tui::{Answer, Effect, Message, Request, update};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_fake::{Desk, FakeFacts, LOOKS_NEEDED, PLAIN};

const SIZE: (u16, u16) = (80, 24);

fn desk(facts: FakeFacts) -> Desk {
    Desk::open(facts, PLAIN, SIZE)
}
fn done() -> FakeFacts {
    FakeFacts::with(|w| w.run = Some(RunState::Done))
}

#[test]
fn from_nothing_to_a_locked_and_audited_demo() {
    let mut desk = desk(FakeFacts::default());
    assert!(desk.text().contains("i makes a workspace here"), "{}", desk.text());
    desk.keys("i");
    assert!(desk.text().contains("never run"), "{}", desk.text());
    desk.keys("\n");
    assert_eq!(desk.model.screen.now, Screen::Walk);
    desk.keys("r");
    assert_eq!(desk.model.screen.now, Screen::Run);
    assert!(desk.text().contains("running"), "{}", desk.text());
    desk.ticks(LOOKS_NEEDED + 1);
    assert!(desk.text().contains("the run is whole"), "{}", desk.text());
    desk.keys("\n");
    assert!(desk.text().contains("mean PCC") && desk.text().contains("0.4127"), "{}", desk.text());
    desk.keys("l");
    assert!(desk.text().contains("is in pinfold.lock"), "{}", desk.text());
    desk.keys("\u{1b}a");
    assert!(desk.text().contains("level metrics: passed") && desk.text().contains("36 verified"), "{}", desk.text());
    desk.keys("6");
    assert!(desk.text().contains("training-curves"), "{}", desk.text());
    assert!(desk.text().contains("locked"), "{}", desk.text());
    desk.keys("q");
    assert_eq!(desk.quit, Some(None));
}

#[test]
fn a_finished_run_is_polled_no_more_and_a_live_one_twice_a_second() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("r");
    let looks = |d: &Desk| d.facts.calls().iter().filter(|c| *c == "run").count();
    let before = looks(&desk);
    desk.ticks(2);
    assert_eq!(looks(&desk), before + 2);
    desk.ticks(LOOKS_NEEDED);
    let before = looks(&desk);
    desk.ticks(9);
    assert!(looks(&desk) <= before + 1);
}

#[test]
fn leaving_says_what_goes_on() {
    let mut desk = desk(FakeFacts::with(|w| w.run = Some(RunState::Running)));
    desk.keys("q");
    let words = desk.quit.expect("quit").expect("words");
    assert!(words.contains("01JD4M7Q2X") && words.contains("goes on by itself"), "{words}");
}

#[test]
fn stop_and_go_on() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("rs");
    assert!(desk.facts.calls().contains(&"stop".to_owned()));
    desk.ticks(1);
    assert!(desk.text().contains("stopped"), "{}", desk.text());
    desk.keys("r");
    assert!(desk.model.run_is_live());
    desk.keys("r");
    assert!(desk.text().contains("at work already"), "{}", desk.text());
    desk.keys("d");
    assert_eq!(desk.model.screen.now, Screen::Protocols);
    assert!(desk.text().contains("goes on by itself"), "{}", desk.text());
}

#[test]
fn an_override_is_shown_used_and_asked_about() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("\njjjje");
    assert!(desk.text().contains("for the next run: train.epochs=8"), "{}", desk.text());
    desk.key(KeyCode::Backspace);
    desk.keys("2\n");
    assert_eq!(desk.model.overrides, ["train.epochs=2"]);
    assert!(desk.text().contains("override"), "{}", desk.text());
    desk.keys("q");
    assert_eq!(desk.quit, None);
    assert!(desk.text().contains("q again"), "{}", desk.text());
    desk.keys("r");
    assert_eq!(desk.facts.0.lock().expect("lock").overrides, ["train.epochs=2"]);
    assert!(desk.text().contains("not be locked under this name"), "{}", desk.text());
    desk.keys("q");
    assert!(desk.quit.is_some(), "used overrides are not lost");
}

#[test]
fn a_wrong_override_is_explained_in_place_and_can_be_dropped() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("\ne");
    desk.send(Message::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    desk.keys("nonsense=1\n");
    assert!(desk.text().contains("unknown key in the override nonsense=1"), "{}", desk.text());
    assert!(desk.text().contains("x drops the overrides"), "{}", desk.text());
    desk.keys("x");
    assert!(desk.text().contains("Before it starts"), "{}", desk.text());
    desk.keys("e");
    desk.send(Message::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    desk.keys("novalue\n");
    assert!(desk.model.field.is_some() && desk.model.notice.is_some(), "the text is not thrown away");
}

#[test]
fn a_dirty_tree_is_refused_and_the_way_past_is_shown() {
    let mut desk = desk(FakeFacts::with(|w| (w.run, w.dirty) = (Some(RunState::Done), true)));
    desk.keys("l");
    let text = desk.text();
    assert!(
        text.contains("differs from the commit") && text.contains("commit the change") && text.contains("L locks all the same"),
        "{text}"
    );
    desk.keys("L");
    assert!(desk.text().contains("is in pinfold.lock"), "{}", desk.text());
}

#[test]
fn a_failed_audit_opens_at_the_difference() {
    let mut desk = desk(FakeFacts::with(|w| (w.run, w.locked, w.drifted) = (Some(RunState::Done), true, true)));
    desk.keys("a");
    let text = desk.text();
    assert!(
        text.contains("1 differs") && text.contains("file-12") && !text.contains("It reads") && text.contains("other content"),
        "{text}"
    );
    let row = desk.model.audit_rows().swap_remove(desk.model.audit_row);
    assert_eq!((&*row.name, row.tally.failed), ("file-12.safetensors", 1), "the cursor is on it");
}

#[test]
fn searching_narrows_and_escape_gives_all_back() {
    let mut desk = desk(done());
    desk.keys("4/col");
    assert!(desk.text().contains("COL1A1") && !desk.text().contains("FASN"), "{}", desk.text());
    assert_eq!(desk.model.map.asked, Some(Request::Map("demo".into(), "S1".into(), "COL1A1".into())));
    desk.keys("\n\u{1b}");
    assert!(desk.text().contains("FASN"), "{}", desk.text());
    desk.keys("1/q");
    assert!(desk.quit.is_none() && desk.text().contains("Nothing matches"), "a q in a field is a letter:\n{}", desk.text());
}

#[test]
fn walking_down_the_genes_asks_for_one_map_at_a_time() {
    let mut desk = desk(done());
    desk.keys("4");
    let mut asked = 0;
    for _ in 0..5 {
        let effects = update(&mut desk.model, Message::Key(KeyCode::Down.into()));
        asked += effects.iter().filter(|e| matches!(e, Effect::Ask(Request::Map(..)))).count();
    }
    assert_eq!(asked, 1);
    let first = desk.model.pending.iter().find(|r| matches!(r, Request::Map(..))).cloned().expect("pending");
    let effects = update(&mut desk.model, Message::Answer(first, Answer::Map(Ok(Default::default()))));
    assert!(
        matches!(&effects[..], [Effect::Ask(Request::Map(_, _, gene))] if gene == "TMSB10"),
        "the newest wish is asked next: {effects:?}"
    );
}

#[test]
fn late_answers_to_old_questions_are_dropped() {
    let mut desk = desk(done());
    desk.keys("4");
    let before = desk.model.results.clone();
    let effects = update(&mut desk.model, Message::Answer(Request::Results("other".into()), Answer::Results(Ok(Default::default()))));
    desk.perform(effects);
    assert_eq!(desk.model.results, before);
}

#[test]
fn the_end_of_a_run_is_news_on_every_screen() {
    let mut desk = desk(FakeFacts::with(|w| w.run = Some(RunState::Running)));
    desk.ticks(10);
    desk.facts.0.lock().expect("lock").run = Some(RunState::Done);
    desk.ticks(10);
    assert!(desk.text().contains("the run of demo has ended"), "{}", desk.text());
    assert!(desk.text().contains("done"), "{}", desk.text());
}

#[test]
fn escape_goes_back_the_way_one_came_and_never_leaves() {
    let mut desk = desk(done());
    desk.keys("\n\n\n\n");
    assert_eq!(desk.model.screen.now, Screen::Reports);
    for expected in [Screen::Results, Screen::Run, Screen::Walk, Screen::Protocols, Screen::Protocols] {
        desk.keys("\u{1b}");
        assert_eq!(desk.model.screen.now, expected);
    }
    for expected in [Screen::Walk, Screen::Run, Screen::Results, Screen::Reports, Screen::Reports] {
        desk.keys("f");
        assert_eq!(desk.model.screen.now, expected);
    }
    desk.keys("\u{1b}\u{1b}2f");
    assert_eq!(desk.model.screen.now, Screen::Walk, "another way was taken: there is no forward any more");
    assert!(desk.quit.is_none());
}

#[test]
fn what_lies_over_the_screen_closes_before_the_program_does() {
    let mut desk = desk(done());
    desk.keys("?q");
    assert!(desk.quit.is_none() && desk.model.help.is_none());
    desk.keys("lq");
    assert!(desk.quit.is_none() && desk.model.sheet.is_none());
    desk.send(Message::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL)));
    assert_eq!(desk.suspended, 1);
}

#[test]
fn a_broken_workspace_is_explained_on_every_screen() {
    let mut desk = desk(FakeFacts::with(|w| w.broken = true));
    for keys in ["1", "2", "3", "4", "5", "6"] {
        desk.keys(keys);
        assert!(!desk.text().contains("panicked"));
    }
    desk.keys("1");
    assert!(desk.text().contains("unknown key `epoch`") && desk.text().contains("did you mean"), "{}", desk.text());
    desk.facts.0.lock().expect("lock").broken = false;
    desk.ticks(10);
    assert!(desk.text().contains("her2st-c-loo"), "it mends itself once the file is mended:\n{}", desk.text());
    desk.keys("r");
    desk.facts.0.lock().expect("lock").broken = true;
    desk.keys("s");
    assert!(matches!(desk.model.sheet.as_ref().map(|s| &s.body), Some(SheetBody::Failure(..))));
}

#[test]
fn the_command_line_takes_the_programs_own_words() {
    let mut desk = desk(done());
    // What a screen shows, the screen shows.
    desk.keys(":status\n");
    assert_eq!(desk.model.screen.now, Screen::Run);
    desk.keys(":report her2st-c-loo\n");
    assert_eq!((desk.model.screen.now, desk.model.chosen.as_deref()), (Screen::Reports, Some("her2st-c-loo")));
    desk.keys(":pinfold walk demo\n:set train.epochs=3\n");
    assert!(desk.text().contains("train.epochs=3"), "{}", desk.text());
    // The rest is run as a shell would run it, and its output stands in a drawer.
    desk.keys(":gc --json\n");
    assert!(desk.facts.calls().contains(&"command gc --json".to_owned()));
    assert!(desk.text().contains("pinfold gc --json") && desk.text().contains("41 MB"), "{}", desk.text());
    desk.keys("\u{1b}:resume 'a run'\n");
    assert!(desk.facts.calls().contains(&"command resume a run --detach".to_owned()), "a run is a process of its own");
    // What is not there is said, and nothing happens.
    desk.keys("\u{1b}:frobnicate\n");
    assert!(desk.text().contains("no command 'frobnicate'"), "{}", desk.text());
    desk.keys(":lock nobody\n");
    assert!(desk.text().contains("no protocol 'nobody'"), "{}", desk.text());
    assert!(!desk.facts.calls().contains(&"lock".to_owned()));
    desk.keys(":quit\n");
}

#[test]
fn tab_completes_and_the_candidates_are_shown() {
    let mut desk = desk(done());
    desk.keys(":re");
    assert!(desk.text().contains("report  resume"), "{}", desk.text());
    desk.keys("p\t");
    assert!(desk.text().contains(":report "), "{}", desk.text());
    desk.keys("her2st-c-h\t\n");
    assert_eq!((desk.model.screen.now, desk.model.chosen.as_deref()), (Screen::Reports, Some("her2st-c-holdout")));
    // An earlier line comes back; Esc leaves without doing anything.
    desk.send(Message::Key(KeyCode::Char(':').into()));
    desk.send(Message::Key(KeyCode::Up.into()));
    assert!(desk.text().contains(":report her2st-c-holdout"), "{}", desk.text());
    desk.keys("\u{1b}");
    assert!(desk.model.field.is_none());
}

#[test]
fn the_clipboard_gets_a_path_a_name_or_a_command() {
    let copied = |keys: &str| {
        let mut desk = desk(done());
        desk.keys(keys);
        let effects = update(&mut desk.model, Message::Key(KeyCode::Char('y').into()));
        effects.into_iter().find_map(|e| if let Effect::Copy(text) = e { Some(text) } else { None })
    };
    assert_eq!(copied("").as_deref(), Some("pinfold list"));
    assert_eq!(copied("2").as_deref(), Some("pinfold plan demo"));
    assert_eq!(copied("3").as_deref(), Some("01JD4M7Q2X"));
    assert_eq!(copied("5").as_deref(), Some("pinfold audit demo"));
    assert!(copied("6").is_some_and(|p| p.ends_with(".png")), "a figure's path");
}

#[test]
fn the_lock_is_a_tree_and_the_level_is_chosen_before_it_is_paid_for() {
    let locked = || desk(FakeFacts::with(|w| (w.run, w.locked) = (Some(RunState::Done), true)));
    let mut desk = locked();
    desk.keys("5");
    let text = desk.text();
    assert!(text.contains("nothing was checked yet") && text.contains("37 not checked") && text.contains("‹metrics›"), "{text}");
    assert!(text.contains("reads 36 files, 4.1 MB"), "the cost is told first:\n{text}");
    assert!(!desk.facts.calls().iter().any(|c| c.starts_with("audit")), "looking is not auditing");
    // Enter opens and closes; the cursor stays on the node.
    let at = desk.model.audit_rows().iter().position(|r| r.name == "artifacts").expect("artifacts");
    desk.keys(&"j".repeat(at));
    let closed = desk.model.audit_rows().len();
    desk.keys("\n");
    assert_eq!((desk.model.audit_rows().len(), desk.model.audit_row), (closed + 2, at));
    desk.keys("jj\nj\n");
    assert_eq!(desk.model.audit_rows()[desk.model.audit_row].name, "train[f1]", "from a thing, its own node is closed");
    assert_eq!(desk.model.audit_rows().len(), closed + 2);
    // The level is chosen with the arrows, and no further than the deepest.
    desk.keys("]]]");
    assert!(desk.text().contains("‹retrain›") && desk.text().contains("about 1 min 20 s"), "{}", desk.text());
    desk.keys("a");
    assert!(desk.facts.calls().contains(&"audit retrain".to_owned()), "{:?}", desk.facts.calls());
    // From another screen the usual level is meant.
    let mut desk = locked();
    desk.keys("5]]1a");
    assert!(desk.facts.calls().contains(&"audit metrics".to_owned()), "{:?}", desk.facts.calls());
    assert_eq!(desk.model.screen.now, Screen::Audit);
}

#[test]
fn an_audit_at_work_tells_how_far_it_is_and_can_be_ended() {
    let mut desk = desk(FakeFacts::with(|w| (w.run, w.locked) = (Some(RunState::Done), true)));
    desk.keys("5");
    // The answer is held back.
    let effects = update(&mut desk.model, Message::Key(KeyCode::Char('a').into()));
    assert_eq!(effects[0], Effect::Ask(Request::Audit("demo".into(), Default::default())));
    desk.perform(effects[1..].to_vec());
    assert!(desk.text().contains("12/36 files"), "{}", desk.text());
    desk.keys("a");
    assert!(desk.text().contains("is at work"), "{}", desk.text());
    desk.keys("s");
    assert!(desk.facts.calls().contains(&"stop_audit".to_owned()));
    // Elsewhere its end is news.
    desk.keys("1");
    let request = Request::Audit("demo".into(), Default::default());
    let answer = pinfold::tui::lanes::answer(&desk.facts, &request);
    desk.send(Message::Answer(request, answer));
    assert!(desk.text().contains("the audit of demo passed"), "{}", desk.text());
}

#[test]
fn why_it_is_stale_is_shown_leaf_by_leaf() {
    let mut desk = desk(done());
    desk.keys("jj5");
    let text = desk.text();
    assert!(text.contains("why it is stale") && text.contains("train.epochs") && text.contains("2 parameters"), "{text}");
    desk.keys("jj");
    let text = desk.text();
    assert!(text.contains("locked  8") && text.contains("now     20"), "{text}");
    // Beside an audit's findings it stays.
    desk.keys("a");
    let text = desk.text();
    assert!(text.contains("level metrics: passed") && text.contains("why it is stale"), "{text}");
}

#[test]
fn the_wheel_moves_and_a_click_opens_a_tab() {
    let mut desk = desk(done());
    desk.send(Message::Wheel(1));
    assert_eq!(desk.model.protocol_cursor, 2);
    desk.send(Message::Wheel(-5));
    assert_eq!(desk.model.protocol_cursor, 0);
    let column = desk.text().lines().next().and_then(|l| l.find("4 Results")).expect("the tab");
    desk.send(Message::Click(column as u16, 0));
    assert_eq!(desk.model.screen.now, Screen::Results);
    desk.send(Message::Click(79, 0));
    desk.send(Message::Click(3, 9));
    assert_eq!(desk.model.screen.now, Screen::Results);
}

#[test]
fn a_parameter_is_written_into_the_file() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("\njjjjw");
    assert!(desk.text().contains("into the file: train.epochs=8"), "{}", desk.text());
    desk.key(KeyCode::Backspace);
    desk.keys("3\n");
    assert!(desk.facts.calls().contains(&"edit demo train.epochs=3".to_owned()), "{:?}", desk.facts.calls());
    assert!(desk.text().contains("now says train.epochs = 3"), "{}", desk.text());
    assert!(desk.model.overrides.is_empty());
    desk.keys("w\u{1b}w");
    desk.send(Message::Key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    desk.keys("wrong=1\n");
    assert!(desk.text().contains("was not changed") && desk.text().contains("docs/protocol.md"), "{}", desk.text());
}

#[test]
fn the_maps_zoom_and_pan_and_come_back_to_the_whole() {
    let mut desk = desk(done());
    desk.keys("4");
    assert!(!desk.text().contains("x, 1 of 2"), "{}", desk.text());
    let whole = desk.buffer();
    desk.keys("++");
    assert!(desk.text().contains("4x, 1 of 2"), "{}", desk.text());
    assert_ne!(desk.buffer(), whole);
    let middle = desk.model.zoom;
    desk.send(Message::Key(KeyEvent::new(KeyCode::Right, KeyModifiers::SHIFT)));
    desk.keys("D");
    assert!(desk.model.zoom.x > middle.x && desk.model.zoom.y == middle.y, "{:?}", desk.model.zoom);
    desk.send(Message::Key(KeyEvent::new(KeyCode::Up, KeyModifiers::SHIFT)));
    assert!(desk.model.zoom.y < middle.y && desk.model.gene == 0, "the cursor of the genes stays");
    // Farther than the whole there is nothing, nearer than 8x neither.
    desk.keys("-----");
    assert_eq!(desk.model.zoom, Default::default());
    desk.keys("+++++");
    assert_eq!(desk.model.zoom.times, 8);
    desk.keys("0");
    assert_eq!(desk.buffer(), whole);
    // Another gene is looked at through the same window; another slide and another protocol are not.
    desk.keys("+j");
    assert_eq!(desk.model.zoom.times, 2);
    desk.keys("]");
    assert_eq!(desk.model.zoom, Default::default());
    desk.keys("+1j");
    assert_eq!(desk.model.zoom, Default::default());
}

#[test]
fn the_tissue_is_read_once_a_slide_and_only_where_it_is_in_sight() {
    let mut desk = desk(done());
    let reads = |d: &Desk| d.facts.calls().iter().filter(|c| *c == "tissue").count();
    desk.keys("4jj");
    assert_eq!(reads(&desk), 0, "at 80 columns there is no room beside the genes");
    desk.keys("t");
    assert!(desk.text().contains("mean colour of each spot") && !desk.text().contains("prediction"), "{}", desk.text());
    desk.keys("jjkj+D");
    assert_eq!(reads(&desk), 1, "walking through the genes reads nothing again");
    desk.keys("]");
    assert_eq!(reads(&desk), 2);
    desk.keys("tt");
    assert!(desk.text().contains("prediction") && !desk.text().contains("truth"), "{}", desk.text());
    desk.keys("tz");
    let text = desk.text();
    assert!(text.contains("truth") && text.contains("prediction") && text.contains("tissue"), "{text}");
    // A larger window brings it into sight by itself.
    let mut desk = self::desk(done());
    desk.keys("4");
    desk.send(Message::Resize(200, 50));
    assert_eq!(reads(&desk), 1);
}

#[test]
fn the_numbers_have_intervals_a_verdict_in_words_and_their_spread() {
    let mut desk = desk(done());
    desk.keys("4");
    let text = desk.text();
    for words in
        ["0.3531 to 0.4710 over genes", "within 0.02: reproduced", "4 folds, mean PCC: A1 0.300", "sd 0.071", "both sides of the split"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let mut desk = self::desk(FakeFacts::with(|w| (w.run, w.uncounted) = (Some(RunState::Done), true)));
    desk.send(Message::Resize(120, 40));
    desk.keys("4");
    let row = desk.text().lines().find(|l| l.contains("FASN") && l.contains("0.612")).expect("row").to_owned();
    assert!(row.contains('–') && !row.contains("0.000"), "nothing counted is no abundance of 0: {row}");
}

#[test]
fn two_runs_are_compared_in_a_drawer() {
    let mut desk = desk(done());
    desk.keys("4v");
    let text = desk.text();
    assert!(text.contains("Two runs of demo") && text.contains("The artifacts part at train[f1]"), "{text}");
    desk.keys("\u{1b}");
    assert!(desk.model.sheet.is_none() && desk.model.screen.now == Screen::Results);
    desk.facts.0.lock().expect("lock").broken = true;
    desk.keys("v");
    assert!(matches!(desk.model.sheet.as_ref().map(|s| &s.body), Some(SheetBody::Failure(..))));
}

/// A workbench in a terminal that shows pictures, and has not been asked.
fn with_graphics(form: Form) -> Desk {
    let mut desk = desk(done());
    desk.model.graphics = Knowledge::Open;
    desk.terminal = Graphics { form, cell: Some((8, 16)) };
    desk
}

fn asked_size(desk: &Desk) -> Option<(u32, u32)> {
    match &desk.model.picture.asked {
        Some(Request::Image(_, size)) => Some(*size),
        _ => None,
    }
}

#[test]
fn the_terminal_is_asked_once_and_only_for_the_first_picture() {
    let mut desk = with_graphics(Form::Kitty);
    desk.keys("1234?\u{1b}");
    desk.ticks(20);
    assert_eq!(desk.asked_terminal, 0);
    desk.keys("6");
    assert_eq!(desk.asked_terminal, 1);
    assert!(desk.text().contains("kitty graphics, z enlarges"), "{}", desk.text());
    desk.keys("jjz1466");
    desk.ticks(20);
    assert_eq!(desk.asked_terminal, 1);
    // Where there is no figure, there is nothing to ask for; where all is known, neither.
    let mut desk = Desk::open(FakeFacts::with(|_| {}), PLAIN, SIZE);
    desk.model.graphics = Knowledge::Open;
    desk.keys("6");
    assert_eq!(desk.asked_terminal, 0);
    let mut desk = self::desk(done());
    desk.keys("6");
    assert_eq!((desk.asked_terminal, asked_size(&desk)), (0, Some((480, 320))));
    assert!(desk.text().contains("character cells, z enlarges"), "{}", desk.text());
}

#[test]
fn until_the_terminal_answers_the_pane_says_so() {
    let mut desk = with_graphics(Form::Sixel);
    update(&mut desk.model, Message::Key(KeyCode::Char('6').into()));
    let reports = Request::Reports("demo".into());
    let figures = pinfold::tui::lanes::answer(&desk.facts, &reports);
    let effects = update(&mut desk.model, Message::Answer(reports, figures));
    assert!(effects.contains(&Effect::AskTerminal), "{effects:?}");
    assert!(desk.text().contains("asking the terminal"), "{}", desk.text());
    let effects = update(&mut desk.model, Message::Terminal(Graphics::CELLS));
    assert!(effects.contains(&Effect::Redraw) && effects.iter().any(|e| matches!(e, Effect::Ask(Request::Image(..)))), "{effects:?}");
}

#[test]
fn a_picture_is_asked_in_the_size_of_its_pane() {
    let mut desk = with_graphics(Form::Sixel);
    desk.keys("6");
    let pane = place::pane(&desk.model).expect("pane");
    assert_eq!(asked_size(&desk), Some((u32::from(pane.width) * 8, u32::from(pane.height) * 16)));
    let small = asked_size(&desk);
    desk.keys("z");
    let large = asked_size(&desk);
    assert!(large > small, "{small:?} {large:?}");
    desk.keys("\u{1b}");
    assert_eq!(asked_size(&desk), small);
    desk.send(Message::Resize(200, 50));
    assert!(asked_size(&desk) > small);
    desk.send(Message::Resize(900, 300));
    desk.keys("z");
    assert_eq!(asked_size(&desk), Some((1600, 1200)), "no more than is of use");
    // Drawers do not ask anew; the picture gives way to characters, which they cover.
    desk.keys("z");
    let before = asked_size(&desk);
    assert!(place::place(&desk.model).is_some());
    desk.keys("?");
    assert_eq!((place::place(&desk.model), asked_size(&desk)), (None, before));
}

#[test]
fn the_cells_below_a_picture_are_blank_and_inside_the_pane() {
    for size in [(80, 24), (60, 20), (200, 50), (40, 12), (20, 5), (5, 3), (0, 0)] {
        for keys in ["6", "6z"] {
            let mut desk = with_graphics(Form::Kitty);
            desk.send(Message::Resize(size.0, size.1));
            desk.keys(keys);
            let Some(place) = place::place(&desk.model) else { continue };
            let pane = place::pane(&desk.model).expect("pane");
            assert_eq!(pane.union(place), pane);
            let buffer = desk.buffer();
            assert!(place.positions().all(|at| buffer[at].symbol() == " "), "{}", desk.text());
        }
    }
}

#[test]
fn the_log_is_searched_and_narrowed_by_level() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("r");
    let all = desk.model.shown_log().len();
    assert_eq!(all, 12);
    desk.keys("/sides");
    assert_eq!(desk.model.shown_log().len(), 1);
    assert!(desk.text().contains("1 of 12 lines: \"sides\""), "{}", desk.text());
    desk.keys("\nw");
    assert!(desk.text().contains("warnings and errors, \"sides\""), "{}", desk.text());
    desk.keys("w");
    assert!(desk.text().contains("No line of the log is like that"), "{}", desk.text());
    desk.keys("\u{1b}");
    assert_eq!((desk.model.screen.now, desk.model.log_search.as_str()), (Screen::Run, ""), "Esc drops the search first");
    desk.keys("w");
    assert_eq!(desk.model.shown_log().len(), all);
    desk.keys("kkk");
    assert!(desk.text().contains("3 newer lines below"), "{}", desk.text());
}

#[test]
fn several_runs_stand_side_by_side() {
    let mut desk = desk(FakeFacts::with(|w| (w.run, w.several) = (Some(RunState::Stopping), true)));
    desk.keys("3");
    desk.ticks(2);
    let text = desk.text();
    assert!(text.contains("Also at work") && text.contains("her2st-c-loo") && text.contains("15 %"), "{text}");
    assert!(text.contains("on lab-7, 820 MB"), "{text}");
    // Turning to it makes its protocol the chosen one.
    desk.keys("]");
    assert_eq!(desk.model.chosen.as_deref(), Some("her2st-c-loo"), "{}", desk.text());
    desk.keys("1gg3");
    // Alone, nothing is asked.
    desk.facts.0.lock().expect("lock").several = false;
    desk.ticks(20);
    let asked = |d: &Desk| d.facts.calls().iter().filter(|c| *c == "glances").count();
    let before = asked(&desk);
    desk.ticks(6);
    assert_eq!(asked(&desk), before);
    assert!(!desk.text().contains("Also at work"), "{}", desk.text());
}

#[test]
fn p_halts_a_run_and_lets_it_go_on() {
    let mut desk = desk(FakeFacts::with(|_| {}));
    desk.keys("rp");
    let text = desk.text();
    assert!(text.contains("‖ paused") && text.contains("p go on"), "{text}");
    // A paused run is live: it is neither started again nor over.
    desk.keys("r");
    assert!(desk.text().contains("at work already"), "{}", desk.text());
    desk.keys("p");
    assert!(desk.text().contains("▸ running") && desk.text().contains("p pause"), "{}", desk.text());
    assert_eq!(desk.facts.calls().iter().filter(|c| *c == "pause" || *c == "continue").count(), 2);
    desk.ticks(LOOKS_NEEDED + 1);
    desk.keys("p");
    assert!(desk.text().contains("no run is at work here"), "{}", desk.text());
}
