//! Results: the metrics beside the published ones, every gene, and the slide, truth beside prediction.

use crate::tui::facts::{GeneRow, Results, SpotMap};
use crate::tui::look::Role;
use crate::tui::message::Request;
use crate::tui::model::{Model, SortBy};
use crate::tui::paint::{Pen, first_line, number};
use crate::tui::picture::{common_range, draw_grid, grid, range};
use crate::tui::view::{ready, split_left, split_top};
use ratatui::layout::Rect;

/// Draws the numbers of one protocol.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let name = model.chosen.as_deref().unwrap_or("no protocol");
    if model.results.good().is_none() {
        let inner = pen.section(area, &format!("Results of {name}"), "");
        ready(pen, inner, &model.results, "Choose a protocol on the first screen: 1");
        return;
    }
    let Some(results) = model.results.good() else { return };
    let genes = model.shown_genes();
    if model.large {
        return maps(pen, area, model, results, genes.get(model.gene).copied());
    }
    let wanted = (results.metrics.len() + results.notes.len()) as u16 + 1;
    let (top, rest) = split_top(area, wanted.min((area.height / 3).max(3)));
    metrics(pen, top, results, name);
    let table_width = match area.width {
        110.. => 62,
        70.. => 44,
        _ => area.width,
    };
    let (left, right) = split_left(rest, table_width);
    table(pen, left, model, results, &genes);
    if right.width > 4 {
        let gap = Rect { x: right.x + 2, width: right.width - 2, ..right };
        maps(pen, gap, model, results, genes.get(model.gene).copied());
    }
}

fn metrics(pen: &mut Pen<'_>, area: Rect, results: &Results, name: &str) {
    let inner = pen.section(area, &format!("Results of {name}"), "");
    let title = results.metrics.iter().map(|m| m.title.chars().count()).max().unwrap_or(0).min(usize::from(inner.width) / 2) as u16;
    // The headline stands first whatever else there is; of the notes, a line is kept to say how many more there are.
    let below = usize::from(inner.height).saturating_sub(1);
    let (shown, left) =
        if results.notes.len() <= below { (results.notes.len(), 0) } else { (below.saturating_sub(1), results.notes.len()) };
    let mut y = inner.y;
    for (i, metric) in results.metrics.iter().enumerate() {
        if i == 1 {
            for note in &results.notes[..shown] {
                pen.pieces(inner.x, y, inner.width, &[("! ", Role::Warn), (note, Role::Warn)]);
                y += 1;
            }
            if left > shown && y < inner.bottom() {
                let more = format!("and {} more that make the number doubtful: 5 Reports has them all", left - shown);
                pen.pieces(inner.x, y, inner.width, &[("! ", Role::Warn), (&more, Role::Warn)]);
                y += 1;
            }
        }
        if y >= inner.bottom() {
            return;
        }
        let role = if i == 0 { Role::Strong } else { Role::Plain };
        pen.text(inner.x, y, title, &metric.title, role);
        pen.right(inner.x + title, y, 10, &number(metric.value, decimals(metric.value)), role);
        let x = inner.x + title + 12;
        let room = inner.right().saturating_sub(x);
        // Where there is room, the ids stand in a column of their own.
        let own = room > 100;
        if own {
            pen.text(x + 50, y, room - 50, &metric.id, Role::Quiet);
        }
        if let Some((value, status)) = &metric.published {
            let difference = metric.value.map(|v| format!("  {:+.4}", v - value)).unwrap_or_default();
            let shown = number(Some(*value), 4);
            let pieces = [
                ("published ", Role::Quiet),
                (&shown, Role::Plain),
                (&difference, Role::Accent),
                ("  ", Role::Plain),
                (status, Role::Quiet),
            ];
            pen.pieces(x, y, if own { 48 } else { room }, &pieces);
        } else if room > 40 && !own {
            pen.right(x, y, room, &metric.id, Role::Quiet);
        }
        y += 1;
    }
}

/// Counts are shown as counts.
fn decimals(value: Option<f64>) -> usize {
    if value.is_some_and(|v| v.fract() == 0.0 && v.abs() >= 2.0) { 0 } else { 4 }
}

/// A column of the gene table: heading, place, width, what it sorts by, and its value.
type Column = (&'static str, u16, u16, SortBy, fn(&GeneRow) -> Option<f64>);

fn table(pen: &mut Pen<'_>, area: Rect, model: &Model, results: &Results, genes: &[&GeneRow]) {
    let order = if model.reversed { "lowest first" } else { "highest first" };
    let order = if model.sort == SortBy::Name { "" } else { order };
    let note = if model.gene_search.is_empty() {
        if order.is_empty() { "by name".to_owned() } else { format!("by {}, {order}", model.sort.name()) }
    } else {
        format!("{} of {} match \"{}\"", genes.len(), results.genes.len(), model.gene_search)
    };
    let inner = pen.section(area, "Genes", &note);
    if genes.is_empty() {
        pen.wrapped(inner, 0, "No gene matches. Esc shows all again.", Role::Quiet);
        return;
    }
    let (head, rows) = split_top(inner, u16::from(inner.height > 3));
    let mut columns: Vec<Column> = vec![("PCC", 0, 7, SortBy::Pcc, |g| g.pcc)];
    if area.width >= 30 {
        columns.push(("rank", 0, 7, SortBy::Spearman, |g| g.spearman));
    }
    if area.width >= 36 {
        columns.push(("Moran", 0, 7, SortBy::Moran, |g| g.moran));
    }
    if area.width >= 44 {
        columns.push(("mean", 0, 7, SortBy::Abundance, |g| Some(g.abundance)));
    }
    let class = if area.width >= 58 { 13 } else { 0 };
    let numbers: u16 = columns.iter().map(|c| c.2).sum();
    let name = inner.width.saturating_sub(numbers + class + 2);
    let mut x = inner.x + 2 + name;
    for column in &mut columns {
        column.1 = x;
        x += column.2;
    }
    if head.height > 0 {
        pen.text(head.x + 2, head.y, name, "gene", if model.sort == SortBy::Name { Role::Accent } else { Role::Quiet });
        for (word, x, width, sort, _) in &columns {
            pen.right(*x, head.y, *width, word, if *sort == model.sort { Role::Accent } else { Role::Quiet });
        }
        if class > 0 {
            pen.text(x + 2, head.y, class - 2, "class", Role::Quiet);
        }
    }
    let first = first_line(model.gene, usize::from(rows.height), genes.len());
    for (y, (i, gene)) in (rows.y..rows.bottom()).zip(genes.iter().enumerate().skip(first)) {
        if i == model.gene {
            pen.text(rows.x, y, 1, pen.look.glyph("▸", ">"), Role::Accent);
        }
        pen.text(rows.x + 2, y, name.saturating_sub(1), &gene.name, Role::Plain);
        for (_, x, width, _, value) in &columns {
            pen.right(*x, y, *width, &number(value(gene), 3), Role::Plain);
        }
        if class > 0 {
            pen.text(x + 2, y, class - 2, &gene.class, Role::Quiet);
        }
        if i == model.gene {
            pen.cursor_line(Rect { width: rows.width, ..rows }, y);
        }
    }
}

fn maps(pen: &mut Pen<'_>, area: Rect, model: &Model, results: &Results, gene: Option<&GeneRow>) {
    let slide = results.slides.get(model.slide).map(String::as_str).unwrap_or("no slide");
    let title = gene.map_or("Map".to_owned(), |g| g.name.clone());
    let which = if results.slides.len() > 1 {
        format!("slide {slide}, {} of {}", model.slide + 1, results.slides.len())
    } else {
        format!("slide {slide}")
    };
    let inner = pen.section(area, &title, &which);
    if let Some(failure) = &model.map.failure {
        pen.failure(inner, failure);
        return;
    }
    let Some(map) = &model.map.value else {
        pen.wrapped(inner, 0, if matches!(model.map.asked, Some(Request::Map(..))) { "reading" } else { "no map" }, Role::Quiet);
        return;
    };
    if inner.height < 3 || inner.width < 12 {
        return;
    }
    let (pictures, foot) = split_top(inner, inner.height - 1);
    let half = (pictures.width - 2) / 2;
    let (left, rest) = split_left(pictures, half);
    let right = Rect { x: rest.x + 2, width: rest.width - 2, ..rest };
    sides(pen, left, right, foot, map, model.own_scales);
}

fn sides(pen: &mut Pen<'_>, left: Rect, right: Rect, foot: Rect, map: &SpotMap, own: bool) {
    let common = common_range(map);
    let (truth, prediction) = if own { (range(&map.truth), range(&map.prediction)) } else { (common, common) };
    for (area, word, values, limits) in [(left, "truth", &map.truth, truth), (right, "prediction", &map.prediction, prediction)] {
        let (head, body) = split_top(area, 1);
        let drawn = grid(&map.at, values, usize::from(body.width), usize::from(body.height) * 2);
        let start = head.x + head.width.saturating_sub(word.len() as u16) / 2;
        pen.text(start, head.y, head.width, word, Role::Quiet);
        draw_grid(pen, body, &drawn, limits);
    }
    let span = |(low, high): (f64, f64)| format!("{} to {}", number(Some(low), 2), number(Some(high), 2));
    let ramp = scale_bar(pen, foot);
    let words =
        if own { format!("each its own scale: {} and {}", span(truth), span(prediction)) } else { format!("one scale: {}", span(common)) };
    pen.text(foot.x + ramp, foot.y, foot.width.saturating_sub(ramp), &words, Role::Quiet);
}

/// The colours from low to high. Returns the cells used.
fn scale_bar(pen: &mut Pen<'_>, line: Rect) -> u16 {
    let cells = 8.min(line.width);
    for i in 0..cells {
        let share = f64::from(i) / f64::from(cells.max(2) - 1);
        let x = line.x + i;
        if pen.look.pictures_in_colour() {
            let c = colorous::VIRIDIS.eval_continuous(share);
            let style = ratatui::style::Style::default().fg(pen.look.rgb(c.r, c.g, c.b));
            pen.styled(x, line.y, 1, "█", style);
        } else {
            let ramp = pen.look.ramp();
            let glyph = ramp[((share * ramp.len() as f64) as usize).min(ramp.len() - 1)];
            pen.styled(x, line.y, 1, glyph.encode_utf8(&mut [0; 4]), ratatui::style::Style::default());
        }
    }
    cells + 1
}
