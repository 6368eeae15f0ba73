//! The table of genes.

use crate::tui::facts::{GeneRow, Results};
use crate::tui::look::Role;
use crate::tui::model::{Model, SortBy};
use crate::tui::paint::{Pen, first_line, number};
use crate::tui::view::split_top;
use ratatui::layout::Rect;

/// A column of the gene table: heading, place, width, what it sorts by, and its value.
type Column = (&'static str, u16, u16, SortBy, fn(&GeneRow) -> Option<f64>);

/// Draws the genes that the search leaves, as they are sorted.
pub fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, results: &Results, genes: &[&GeneRow]) {
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
        columns.push(("mean", 0, 7, SortBy::Abundance, |g| g.abundance));
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
