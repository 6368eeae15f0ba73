//! The report as plain text: aligned, and understandable without colour.
//!
//! ```text
//! audit: FAILED   level digests   pinfold 0.1.0
//!   lock       verified     pinfold.lock   1 entry, each with its integrity line
//!
//! demo   protocols/demo.toml   locked by pinfold 0.1.0   FAILED
//!   commit     verified     1
//!   protocol   verified     2
//!   artifacts  FAILED       1 of 43
//!     FAILED       artifacts/train/…/checkpoint.safetensors (train[C2])
//!                  has its locked size of 1,234 bytes, and other content (…)
//!
//! FAILED: 45 verified, 1 failed
//! first difference: artifacts/train/…/checkpoint.safetensors (train[C2]): has its locked size …
//! ```

use super::report::{AuditReport, EntryReport, Item, Kind, State};
use crate::base::text;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The report with a line a kind of thing, and everything that is not verified in full.
pub fn render_text(report: &AuditReport) -> String {
    render(report, false)
}

/// The same with every single item.
pub fn render_items(report: &AuditReport) -> String {
    render(report, true)
}

fn render(report: &AuditReport, every: bool) -> String {
    let mut out = format!("audit: {}   level {}   {}\n", verdict(report.passed), report.level.word(), text::clean(&report.program));
    for item in &report.lock {
        match item.state {
            State::Verified => line(&mut out, 2, &format!("{:<10} {:<12} {}   {}", "lock", item.state.word(), item.path, item.found)),
            _ => detail(&mut out, item),
        }
    }
    for entry in &report.entries {
        render_entry(&mut out, entry, every);
    }
    let counts = [State::Verified, State::Failed, State::Missing, State::Skipped].map(|s| (s, report.count(s)));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(s, n)| *n > 0 || *s == State::Verified)
        .map(|(s, n)| format!("{} {}", text::thousands(*n as u64), s.word().to_lowercase()))
        .collect();
    line(&mut out, 0, &format!("\n{}: {}", verdict(report.passed), counts.join(", ")));
    if let Some(first) = &report.first_difference {
        line(&mut out, 0, &format!("first difference: {first}"));
    }
    out
}

fn verdict(passed: bool) -> &'static str {
    if passed { "passed" } else { "FAILED" }
}

fn render_entry(out: &mut String, entry: &EntryReport, every: bool) {
    let drifted = if entry.drifted { "   drifted" } else { "" };
    let (name, path, by) = (text::clean(&entry.protocol), text::clean(&entry.path), text::clean(&entry.program));
    line(out, 0, &format!("\n{name}   {path}   locked by {by}   {}{drifted}", verdict(entry.passed)));
    let mut kinds: BTreeMap<Kind, Vec<&Item>> = BTreeMap::new();
    entry.items.iter().for_each(|i| kinds.entry(i.kind).or_default().push(i));
    for (kind, items) in kinds {
        let count = |s: State| items.iter().filter(|i| i.state == s).count();
        // The worst outcome stands for the kind.
        let state = [State::Failed, State::Missing, State::Skipped].into_iter().find(|&s| count(s) > 0).unwrap_or(State::Verified);
        let n = text::thousands(items.len() as u64);
        let how_many = if state == State::Verified { n } else { format!("{} of {n}", text::thousands(count(state) as u64)) };
        line(out, 2, &format!("{:<10} {:<12} {how_many}", kind.word(), state.word()));
        items.iter().filter(|i| every || i.state != State::Verified || !i.words.is_empty()).for_each(|i| detail(out, i));
    }
}

fn detail(out: &mut String, item: &Item) {
    const INDENT: usize = 17;
    let label = if item.label.is_empty() || item.label == item.path { String::new() } else { format!(" ({})", item.label) };
    line(out, 4, &format!("{:<12} {}{label}", item.state.word(), item.path));
    if !item.words.is_empty() {
        line(out, INDENT, &item.words);
    }
    if item.state == State::Verified {
        return;
    }
    if item.state == State::Failed && item.expected != item.found {
        line(out, INDENT, &format!("locked: {}", item.expected));
        line(out, INDENT, &format!("found:  {}", item.found));
    }
    if !item.hint.is_empty() {
        line(out, INDENT, &format!("do: {}", item.hint));
    }
}

fn line(out: &mut String, indent: usize, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}{}", " ".repeat(indent), text::clean_lines(content));
}
