//! The numbers: what came out here, how sure it is, and what was published; then the folds, the warnings, the other metrics.

use crate::tui::facts::{Folds, Interval, MetricRow, Published, Results, Verdict};
use crate::tui::look::{Look, Role};
use crate::tui::model::Load;
use crate::tui::paint::{Pen, fit, number};
use crate::tui::view::split_top;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Pieces of a line, with how each looks.
type Words = Vec<(String, Role)>;

/// A line of the section.
enum Line<'a> {
    /// A metric.
    Metric(&'a MetricRow),
    /// Words.
    Words(Words),
}

/// Lines in the order to show them, each with how much it matters: the lowest stay when there is no room for all.
type Lines<'a> = Vec<(u8, Line<'a>)>;

/// Columns from which a metric's published figure and id stand on its own line.
const WIDE: u16 = 110;

/// Draws the section at the top of an area; returns what is left below.
pub fn draw(pen: &mut Pen<'_>, area: Rect, results: &Results, intervals: &Load<Vec<Interval>>, name: &str) -> Rect {
    let most = (area.height * 2 / 5).max(3);
    let title = results.metrics.iter().map(|m| m.title.width()).max().unwrap_or(0).min(usize::from(area.width) / 2) as u16;
    let wide = area.width.saturating_sub(title + 12) > WIDE;
    let all = lines(results, intervals, usize::from(most) - 1, area.width, wide, pen.look);
    let height = u16::try_from(all.len() + 1).unwrap_or(u16::MAX).min(most);
    let (top, rest) = split_top(area, height);
    let inner = pen.section(top, &format!("Results of {name}"), "");
    let kept = kept(&all, usize::from(inner.height));
    for (y, (_, line)) in (inner.y..inner.bottom()).zip(all.iter().zip(kept).filter(|(_, keep)| *keep).map(|(line, _)| line)) {
        match line {
            Line::Metric(row) => {
                let first = results.metrics.first().is_some_and(|m| std::ptr::eq(m, *row));
                metric(pen, Rect { y, height: 1, ..inner }, row, title, wide, if first { Role::Strong } else { Role::Plain });
            }
            Line::Words(words) => {
                let pieces: Vec<(&str, Role)> = words.iter().map(|(text, role)| (text.as_str(), *role)).collect();
                pen.pieces(inner.x, y, inner.width, &pieces);
            }
        }
    }
    rest
}

/// Which lines stay in so many rows: those that matter most, the earlier of equals.
fn kept(lines: &Lines<'_>, rows: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|i| lines[*i].0);
    let mut kept = vec![false; lines.len()];
    order.into_iter().take(rows).for_each(|i| kept[i] = true);
    kept
}

fn lines<'a>(results: &'a Results, intervals: &Load<Vec<Interval>>, rows: usize, width: u16, wide: bool, look: Look) -> Lines<'a> {
    let mut out: Lines<'a> = Vec::new();
    for (i, row) in results.metrics.iter().enumerate() {
        let (first, rank) = (i == 0, if i == 0 { 0 } else { 6 });
        out.push((rank, Line::Metric(row)));
        if let Some(published) = row.published.as_ref().filter(|_| !wide) {
            let words = std::iter::once(("  ".to_owned(), Role::Plain)).chain(beside(row, published, look)).collect();
            out.push((rank.max(1), Line::Words(words)));
        }
        if first && row.published.is_none() {
            let sentence = match results.apart.first() {
                None => "  no comparable figure is published".to_owned(),
                Some(apart) => format!("  no comparable figure: {apart}"),
            };
            out.push((2, Line::Words(vec![(sentence, Role::Quiet)])));
        }
        // Where the intervals need a line each, the second gives way to the folds.
        for (line, words) in interval(row, first, intervals, width).into_iter().enumerate() {
            out.push((rank.max(if line == 0 { 4 } else { 6 }), Line::Words(words)));
        }
        if first {
            out.extend(folds(&results.folds, width, if rows < 7 { 1 } else { 2 }, look).into_iter().map(|words| (5, Line::Words(words))));
            out.extend(notes(&results.notes, rows).into_iter().map(|words| (3, Line::Words(words))));
        }
    }
    out
}

/// The warnings; where there are too many, the first of them, and how many more there are.
fn notes(notes: &[String], rows: usize) -> Vec<Words> {
    // The headline and its published figure stand before them, the interval and the folds beside them.
    let room = if rows >= 6 { rows - 4 } else { rows.saturating_sub(2).max(1) };
    let (shown, more) = if notes.len() <= room { (notes.len(), 0) } else { (room - 1, notes.len() - room + 1) };
    let line = |text: String| vec![("! ".to_owned(), Role::Warn), (text, Role::Warn)];
    let mut out: Vec<Words> = notes[..shown].iter().map(|note| line(note.clone())).collect();
    match (more, shown) {
        (0, _) => {}
        (n, 0) => out.push(line(format!("{n} things make the number doubtful: 6 Reports has them all"))),
        (n, _) => out.push(line(format!("and {n} more that make the number doubtful: 6 Reports has them all"))),
    }
    out
}

/// The published figure, how far off it is, and what follows: a sign and words.
fn beside(row: &MetricRow, published: &Published, look: Look) -> Words {
    let difference = row.value.map(|v| format!("  {:+.4}", v - published.value)).unwrap_or_default();
    let (verdict, role) = verdict(published.verdict, look);
    [
        ("published ".to_owned(), Role::Quiet),
        (number(Some(published.value), 4), Role::Plain),
        (difference, Role::Accent),
        ("  ".to_owned(), Role::Plain),
        (verdict, role),
        (format!("  ({})", published.source), Role::Quiet),
    ]
    .into()
}

fn verdict(verdict: Verdict, look: Look) -> (String, Role) {
    match verdict {
        Verdict::Within(by) => (format!("{} within {by}: reproduced", look.glyph("✓", "+")), Role::Good),
        Verdict::Outside(by) => (format!("{} outside {by}: not reproduced", look.glyph("✗", "x")), Role::Bad),
        Verdict::Unverified => (format!("{} figure not verified: no verdict", look.glyph("○", "o")), Role::Quiet),
    }
}

/// The 95 % intervals of a metric, on one line or on one each. Of the headline it is said where there is none.
fn interval(row: &MetricRow, headline: bool, load: &Load<Vec<Interval>>, width: u16) -> Vec<Words> {
    let own: Vec<&Interval> = load.good().into_iter().flatten().filter(|i| i.metric == row.id).collect();
    if own.is_empty() && !headline {
        return Vec::new();
    }
    let label = ("  95 %  ".to_owned(), Role::Quiet);
    let quiet = |text: String| vec![vec![label.clone(), (text, Role::Quiet)]];
    if let Some(failure) = &load.failure {
        return quiet(format!("no interval: {}", failure.what));
    }
    if load.value.is_none() {
        return quiet("resampling for the interval".to_owned());
    }
    if own.is_empty() {
        return quiet("no interval is computed for this number".to_owned());
    }
    let ends = |i: &Interval| (format!("{} to {}", number(Some(i.low), 4), number(Some(i.high), 4)), Role::Plain);
    let over = |i: &Interval| (format!(" over {}", i.over), Role::Quiet);
    let lines: Vec<Words> = own.iter().map(|i| vec![label.clone(), ends(i), over(i)]).collect();
    let together = own.iter().map(|i| ends(i).0.width() + over(i).0.width() + 3).sum::<usize>() + label.0.width();
    if together > usize::from(width) + 3 {
        return lines;
    }
    let mut words = vec![label.clone()];
    for (i, interval) in own.iter().enumerate() {
        words.extend((i > 0).then(|| (",  ".to_owned(), Role::Quiet)));
        words.extend([ends(interval), over(interval)]);
    }
    vec![words]
}

/// How the folds differ, in so many lines at most: each of them, or, where there are too many, the ends.
fn folds(folds: &Folds, width: u16, most: usize, look: Look) -> Vec<Words> {
    /// More of a fold's name than this tells nothing more.
    const NAME: usize = 12;
    let n = folds.values.len();
    if n == 0 {
        return Vec::new();
    }
    if n == 1 {
        return vec![vec![("  folds ".to_owned(), Role::Quiet), ("one only, so nothing is known of the spread".to_owned(), Role::Quiet)]];
    }
    let label = format!("  {n} folds, {}: ", folds.of);
    let spread = format!("sd {}", number(folds.deviation, 3));
    let entry = |(name, value): &(String, Option<f64>)| (fit(name, NAME, look), number(*value, 3));
    let mut lines: Vec<Words> = vec![vec![(label.clone(), Role::Quiet)]];
    let mut used = label.width();
    let entries = folds.values.iter().map(entry).chain(std::iter::once((String::new(), spread.clone())));
    for (name, value) in entries {
        let wide = name.width() + value.width() + 3;
        if used + wide > usize::from(width) {
            lines.push(vec![("    ".to_owned(), Role::Plain)]);
            used = 4;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            let role = if name.is_empty() { Role::Accent } else { Role::Plain };
            let gap = if name.is_empty() { "" } else { " " };
            line.extend([(format!("{name}{gap}"), Role::Quiet), (format!("{value}  "), role)]);
        }
    }
    if lines.len() <= most {
        return lines;
    }
    let known = || folds.values.iter().filter(|(_, v)| v.is_some_and(f64::is_finite));
    let value = |of: &(String, Option<f64>)| of.1.unwrap_or_default();
    let ends = known().min_by(|a, b| value(a).total_cmp(&value(b))).zip(known().max_by(|a, b| value(a).total_cmp(&value(b))));
    let text = ends.map_or_else(String::new, |(low, high)| {
        let (low, high) = (entry(low), entry(high));
        format!("{} ({}) to {} ({})  ", low.1, low.0, high.1, high.0)
    });
    let more = "; 6 Reports draws each";
    let room = label.width() + text.width() + spread.width() + more.len() <= usize::from(width);
    let more = if room { more.to_owned() } else { String::new() };
    vec![vec![(label, Role::Quiet), (text, Role::Plain), (spread, Role::Accent), (more, Role::Quiet)]]
}

fn metric(pen: &mut Pen<'_>, line: Rect, row: &MetricRow, title: u16, wide: bool, role: Role) {
    /// Columns of the published figure, where the id stands in a column of its own.
    const PUBLISHED: u16 = 76;
    pen.text(line.x, line.y, title, &row.title, role);
    pen.right(line.x + title, line.y, 10, &number(row.value, decimals(row.value)), role);
    let x = line.x + title + 12;
    let room = line.right().saturating_sub(x);
    if !wide {
        if room > 40 {
            pen.right(x, line.y, room, &row.id, Role::Quiet);
        }
        return;
    }
    if let Some(published) = &row.published {
        let words = beside(row, published, pen.look);
        let pieces: Vec<(&str, Role)> = words.iter().map(|(text, role)| (text.as_str(), *role)).collect();
        pen.pieces(x, line.y, PUBLISHED, &pieces);
    }
    pen.text(x + PUBLISHED + 2, line.y, room.saturating_sub(PUBLISHED + 2), &row.id, Role::Quiet);
}

/// Counts are shown as counts.
fn decimals(value: Option<f64>) -> usize {
    if value.is_some_and(|v| v.fract() == 0.0 && v.abs() >= 2.0) { 0 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::look::Colours;

    const LOOK: Look = Look { colours: Colours::Cube, ascii: false, blocks: false };

    fn text(words: &Words) -> String {
        words.iter().map(|(text, _)| text.as_str()).collect()
    }

    fn of(n: usize) -> Folds {
        let values = (0..n).map(|i| (format!("F{i}"), Some(0.1 + i as f64 / 100.0))).collect();
        Folds { of: "mean PCC".into(), values, deviation: Some(0.0707) }
    }

    #[test]
    fn folds_fold_up_where_there_is_no_room() {
        assert_eq!(text(&folds(&of(2), 78, 2, LOOK)[0]).trim_end(), "  2 folds, mean PCC: F0 0.100  F1 0.110  sd 0.071");
        assert_eq!(folds(&of(9), 78, 2, LOOK).len(), 2);
        assert_eq!(text(&folds(&of(9), 58, 1, LOOK)[0]), "  9 folds, mean PCC: 0.100 (F0) to 0.180 (F8)  sd 0.071");
        let many = folds(&of(36), 78, 2, LOOK);
        assert_eq!(many.len(), 1);
        assert!(text(&many[0]).starts_with("  36 folds, mean PCC: 0.100 (F0) to 0.450 (F35)  sd 0.071"), "{}", text(&many[0]));
        assert!(text(&folds(&of(1), 78, 2, LOOK)[0]).contains("one only"));
        let undefined = Folds { values: vec![("A".into(), None); 40], ..of(2) };
        assert!(text(&folds(&undefined, 40, 2, LOOK)[0]).contains("40 folds"));
    }

    #[test]
    fn intervals_share_a_line_where_they_fit() {
        let row = MetricRow { id: "x".into(), title: "X".into(), value: Some(0.5), published: None };
        let one = |over: &str| Interval { metric: "x".into(), over: over.into(), low: 0.25, high: 0.75 };
        let load = Load { value: Some(vec![one("genes"), one("9 blocks of spots")]), ..Load::default() };
        let said = |width, headline, load: &Load<_>| interval(&row, headline, load, width).iter().map(text).collect::<Vec<_>>();
        assert_eq!(said(78, true, &load), ["  95 %  0.2500 to 0.7500 over genes,  0.2500 to 0.7500 over 9 blocks of spots"]);
        assert_eq!(said(58, true, &load).len(), 2);
        let none = Load { value: Some(Vec::new()), ..Load::default() };
        assert_eq!(said(78, true, &none), ["  95 %  no interval is computed for this number"]);
        assert!(said(78, false, &none).is_empty() && said(78, true, &Load::default())[0].contains("resampling"));
    }

    #[test]
    fn a_verdict_is_a_sign_and_a_word_and_never_a_colour_alone() {
        let row = MetricRow { id: "x".into(), title: "X".into(), value: Some(0.5), published: None };
        let said = |verdict| text(&beside(&row, &Published { value: 0.4, source: "Table 2".into(), verdict }, LOOK));
        assert_eq!(said(Verdict::Within(0.2)), "published 0.4000  +0.1000  ✓ within 0.2: reproduced  (Table 2)");
        assert_eq!(said(Verdict::Outside(0.02)), "published 0.4000  +0.1000  ✗ outside 0.02: not reproduced  (Table 2)");
        assert!(said(Verdict::Unverified).contains("no verdict"));
    }

    #[test]
    fn what_matters_most_stays() {
        let lines: Lines<'_> = [0, 2, 4, 5, 3, 6, 6].map(|rank| (rank, Line::Words(Vec::new()))).into();
        assert_eq!(kept(&lines, 4), [true, true, true, false, true, false, false]);
        assert_eq!(kept(&lines, 0), [false; 7]);
        let doubts: Vec<String> = (0..9).map(|i| format!("doubt {i}")).collect();
        assert_eq!(text(notes(&doubts, 7).last().expect("lines")), "! and 7 more that make the number doubtful: 6 Reports has them all");
        assert_eq!(notes(&doubts, 2).len(), 1);
    }
}
