//! The screens that docs/tui.md and the README show are those of the real program: this walks through the demo, made small, and
//! holds every marked block against what stands on the screen. `PINFOLD_BLESS=1 cargo test -p pinfold-front --test captures`
//! writes the blocks anew.
//!
//! A block is marked by `<!-- screen: NAME -->` on the line before its fence. What depends on the machine or the moment (run names,
//! times, the commit, the host, cores) is put into fixed words of the same width.
#![allow(clippy::unwrap_used, missing_docs)]

mod session;

use portable_pty::CommandBuilder;
use session::{PINFOLD, Session, engine, workspace_in};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A little larger than the other tests' demo, so that there is something to see.
const SHOWN: &[(&str, &str)] = &[
    ("slides = [\"S1\"]", "slides = [\"S1\", \"S2\"]"),
    ("side = 5", "side = 12"),
    ("genes = 4", "genes = 12"),
    ("k = 4", "k = 12"),
    ("epochs = 2", "epochs = 8"),
];

#[test]
fn the_documents_show_the_real_program() {
    if !engine() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("baselines");
    std::fs::create_dir(&root).unwrap();
    workspace_in(&root, SHOWN);
    let shown = walk(&root);
    let bless = std::env::var("PINFOLD_BLESS").is_ok_and(|v| v == "1");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut used = Vec::new();
    for file in ["README.md", "docs/tui.md"] {
        let path = repository.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let now = filled(&text, &shown, &mut used);
        if bless {
            std::fs::write(&path, now).unwrap();
        } else if text != now {
            let (old, new) = text.lines().zip(now.lines()).find(|(a, b)| a != b).unwrap_or(("its end", "its end"));
            panic!("{file} shows another screen than the program does (PINFOLD_BLESS=1 writes it anew); first\n{old}\n{new}\nin\n{now}");
        }
    }
    used.sort();
    used.dedup();
    assert_eq!(used, shown.keys().cloned().collect::<Vec<_>>(), "every capture is shown, and every block has one");
}

/// Every screen on the way from nothing to an audited lock.
fn walk(root: &Path) -> BTreeMap<String, String> {
    let mut command = CommandBuilder::new(PINFOLD);
    command.cwd(root);
    command.env("PINFOLD_GRAPHICS", "blocks");
    let mut session = Session::of(command);
    let mut shown = BTreeMap::new();
    let mut take = |session: &Session, name: &str| {
        session.settle();
        shown.insert(name.to_owned(), plain(&session.lines(), root));
    };
    session.wait("never run");
    take(&session, "protocols");
    session.press(b"\r");
    session.wait("Before it starts");
    while !session.lines().iter().any(|l| l.contains("─ Train ")) {
        session.press(b"j");
        session.settle();
    }
    take(&session, "walk");
    session.press(b"r");
    session.wait("the run is whole");
    take(&session, "run");
    session.press(b"\r");
    session.wait("scale:");
    take(&session, "results");
    session.press(b"l");
    session.wait("Lock of demo: done");
    take(&session, "lock");
    session.escape();
    session.press(b"a");
    session.wait("level metrics: passed");
    take(&session, "audit");
    session.press(b"6");
    session.wait("Preview");
    take(&session, "reports");
    session.press(b"?");
    session.wait("Help: Reports");
    take(&session, "help");
    session.escape();
    session.press(b":re");
    session.wait(":re");
    take(&session, "command");
    session.escape();
    session.press(b"q");
    shown
}

/// A screen without what is this machine's or this moment's.
fn plain(lines: &[String], root: &Path) -> String {
    let said = |words: &[&str]| String::from_utf8(Command::new("git").args(words).current_dir(root).output().unwrap().stdout).unwrap();
    let commit = said(&["rev-parse", "HEAD"]).trim().to_owned();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let runs = std::fs::read_dir(root.join("runs")).into_iter().flatten().flatten();
    let runs: Vec<String> = runs.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let folder = root.parent().unwrap().display().to_string();
    let mut out = String::new();
    for line in lines {
        let mut line = line.replace(&folder, "/home/you");
        for run in &runs {
            line = line.replace(run, &like(run, "20261123-203114-demo"));
        }
        // However much of it a screen shows.
        for n in (8..=commit.len()).rev() {
            line = line.replace(&commit[..n], &like(&commit[..n], "3f2a91c07b1d44e9a86c5f20d1b3978e6a40cf52"));
        }
        line = line.replace(&format!("cpu, {cores} cores"), "cpu, 2 cores");
        if !host.is_empty() {
            line = line.replace(&format!(" of {host}"), " of lab-7").replace(&format!(" on {host}"), " on lab-7");
        }
        line = moments(&line);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Fixed words in the width of others.
fn like(other: &str, words: &str) -> String {
    words.chars().chain(std::iter::repeat('0')).take(other.chars().count()).collect()
}

/// Times of day, dates, durations, process numbers.
fn moments(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out: Vec<char> = Vec::new();
    let mut at = 0;
    // The end of a piece that begins here and has this form: 0 stands for a digit, everything else for itself.
    let form = |at: usize, form: &str| {
        let end = at + form.chars().count();
        let fits = end <= chars.len() && form.chars().zip(&chars[at..]).all(|(f, c)| if f == '0' { c.is_ascii_digit() } else { f == *c });
        fits.then_some(end)
    };
    while at < chars.len() {
        let fresh = at == 0 || !chars[at - 1].is_ascii_alphanumeric() && chars[at - 1] != '.';
        if let Some(end) = form(at, "0000-00-00 00:00").filter(|_| fresh) {
            out.extend("2026-11-23 20:31".chars());
            at = end;
        } else if let Some(end) = form(at, "00:00:00").filter(|_| fresh) {
            out.extend("20:31:14".chars());
            at = end;
        } else if let Some(end) = form(at, "process 0") {
            let digits = chars[end..].iter().take_while(|c| c.is_ascii_digit()).count();
            out.extend("process 4711".chars());
            at = end + digits;
        } else if fresh && chars[at].is_ascii_digit() {
            let number = chars[at..].iter().take_while(|c| c.is_ascii_digit() || **c == '.').count();
            let end = at + number;
            let after = chars.get(end + 2).is_none_or(|c| !c.is_ascii_alphanumeric());
            if chars.get(end) == Some(&' ') && chars.get(end + 1) == Some(&'s') && after {
                // What follows in a column stays where it is.
                out.extend("1 s".chars().chain(std::iter::repeat_n(' ', (number + 2).saturating_sub(3))));
                at = end + 2;
            } else {
                out.extend(&chars[at..end]);
                at = end;
            }
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out.into_iter().collect()
}

/// The document with every marked block filled with its capture.
fn filled(text: &str, shown: &BTreeMap<String, String>, used: &mut Vec<String>) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(name) = line.strip_prefix("<!-- screen: ").and_then(|l| l.strip_suffix(" -->")) else { continue };
        let capture = shown.get(name).unwrap_or_else(|| panic!("there is no capture '{name}'"));
        used.push(name.to_owned());
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```"), "no fence after {line}");
        for old in lines.by_ref() {
            if old == "```" {
                break;
            }
        }
        out.push_str(&format!("{fence}\n{capture}```\n"));
    }
    out
}

#[test]
fn moments_are_told_from_numbers() {
    assert_eq!(moments("21:02:59  train done in 12.3 s"), "20:31:14  train done in 1 s   ");
    assert_eq!(moments("2026-01-02 03:04 UTC, 0.372 of 14 stages, 3 slides"), "2026-11-23 20:31 UTC, 0.372 of 14 stages, 3 slides");
    assert_eq!(moments("(process 12345)"), "(process 4711)");
}
