//! `pinfold diff`: what was pinned differently, and which numbers moved. Exit code 1 when something differs.

use super::Here;
use super::output::{self, Side as Column};
use crate::audit::diff::{Comparison, PinDiffers, Spread};
use crate::audit::{self, sides::Sides};
use crate::base::{Digest, Failure, Result, text};

/// Arguments of `diff`.
#[derive(clap::Args)]
pub struct Args {
    /// A lockfile's path, an entry of pinfold.lock, REVISION:ENTRY, a run's id, or a git revision.
    a: String,
    /// The same.
    b: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Compares and prints.
pub fn run(at: &Here, args: &Args) -> Result<()> {
    let sides = audit::compare(&at.workspace()?, &args.a, &args.b)?;
    if args.json {
        output::json(&sides)?;
    } else {
        sides.results.iter().flat_map(|c| c.a.notes.iter().chain(&c.b.notes)).for_each(|note| output::say(note));
        output::print(&render(&sides))?;
    }
    if sides.equal { Ok(()) } else { Err(Failure::check(summary(&sides))) }
}

fn summary(sides: &Sides) -> String {
    let sum = |of: fn(&Comparison) -> usize| sides.results.iter().map(of).sum::<usize>();
    let count = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = vec![
        count(sum(|c| c.pinned.len()), "pin", "pins"),
        count(sum(|c| c.artifacts.len()), "artifact", "artifacts"),
        count(sum(|c| c.metrics.len()), "number", "numbers"),
    ];
    let alone = sides.only_a.len() + sides.only_b.len();
    if alone > 0 {
        parts.push(count(alone, "entry of one side only", "entries of one side only"));
    }
    parts.retain(|p| !p.starts_with("0 "));
    format!("the two differ in {}", parts.join(", "))
}

fn render(sides: &Sides) -> String {
    let mut out = format!("A  {}\nB  {}\n", text::clean(&sides.a.meant), text::clean(&sides.b.meant));
    for (names, side) in [(&sides.only_a, "A"), (&sides.only_b, "B")] {
        names.iter().for_each(|n| out.push_str(&format!("{}\n", text::clean(&format!("only in {side}: {n}")))));
    }
    for c in &sides.results {
        let name = if c.a.name == c.b.name { c.a.name.clone() } else { format!("{} and {}", c.a.name, c.b.name) };
        if c.equal() {
            out.push_str(&text::clean(&format!("{name}: equal")));
            out.push('\n');
        } else {
            out.push_str(&format!("\n{}\n", text::clean(&name)));
            one(c, &mut out);
        }
    }
    out
}

fn one(c: &Comparison, out: &mut String) {
    let section = |out: &mut String, title: &str, table: String| {
        out.push_str(&format!("\n  {title}\n"));
        table.lines().for_each(|line| out.push_str(&format!("    {line}\n")));
    };
    if !c.pinned.is_empty() {
        let header = [("kind", Column::Left), ("what", Column::Left), ("A", Column::Left), ("B", Column::Left)];
        let rows: Vec<Vec<String>> = c.pinned.iter().map(pin_row).collect();
        section(out, "pinned differently", output::table(&header, &rows));
    }
    if !c.artifacts.is_empty() {
        let digest = |d: Option<Digest>| d.map_or_else(|| "-".to_owned(), |d| d.short());
        let header = [("artifact", Column::Left), ("A", Column::Left), ("B", Column::Left)];
        let rows: Vec<Vec<String>> = c.artifacts.iter().map(|x| vec![x.label.clone(), digest(x.a), digest(x.b)]).collect();
        section(out, "artifacts that differ (they part at the first)", output::table(&header, &rows));
    }
    if !c.metrics.is_empty() {
        let cell = |v: Option<f64>, absent: bool| match v {
            Some(v) => format!("{v:.6}"),
            None => (if absent { "-" } else { "undefined" }).to_owned(),
        };
        let signed = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:+.6}"));
        let units = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:+.2}"));
        let mut header = vec![("metric", Column::Left), ("A", Column::Right), ("B", Column::Right), ("moved by", Column::Right)];
        if c.spread.is_some() {
            header.push(("in deviations", Column::Right));
        }
        let row = |m: &audit::diff::Moved| {
            vec![
                m.title.clone(),
                cell(m.a, m.absent == Some("a")),
                cell(m.b, m.absent == Some("b")),
                signed(m.change),
                units(m.in_deviations),
            ]
        };
        section(out, "numbers that moved", output::table(&header, &c.metrics.iter().map(row).collect::<Vec<_>>()));
        out.push_str(&format!("    {}\n", text::clean(&measure(c.spread.as_ref()))));
    }
}

fn measure(spread: Option<&Spread>) -> String {
    match spread {
        Some(s) => format!(
            "deviations: sample standard deviation over {} results of {}'s protocol that differ in nothing but seeds ({})",
            s.seeds.len(),
            s.of.to_uppercase(),
            s.seeds.join("; ")
        ),
        None => {
            "there is no spread over seeds to measure these moves with: no result here differs from A or B in nothing but seeds".to_owned()
        }
    }
}

fn pin_row(p: &PinDiffers) -> Vec<String> {
    // Digests and long lists would push the other side off the screen; --json has them whole.
    let cell = |v: &Option<String>| {
        let v = v.as_deref().unwrap_or("-");
        if v.chars().count() > 40 { format!("{}…", v.chars().take(39).collect::<String>()) } else { v.to_owned() }
    };
    vec![p.kind.clone(), p.key.clone(), cell(&p.a), cell(&p.b)]
}
