//! Two runs of one protocol beside each other, in words: what `pinfold diff` finds, the headline first.

use crate::audit;
use crate::audit::diff::{Comparison, Moved, PinDiffers};
use crate::base::Result;
use crate::engine::{Run, Workspace};

/// How many lines of one kind are told; the command tells them all.
const MOST: usize = 8;

/// The newest of these runs (oldest first) beside the one before it.
pub(super) fn compare(workspace: &Workspace, protocol: &str, mut runs: Vec<Run>) -> Result<String> {
    let (b, a) = (runs.pop(), runs.pop());
    let (Some(b), Some(a)) = (b, a) else {
        return Ok(format!(
            "Nothing to compare with: {protocol} has one whole run in this workspace. Run it again, with another seed or an override, and v holds the two against each other.\n\npinfold diff compares any two runs, locks or commits."
        ));
    };
    let sides = audit::compare(workspace, &a.id, &b.id)?;
    let mut out = format!("A {}, the run before\nB {}, the run shown\n", a.id, b.id);
    for found in &sides.results {
        found.a.notes.iter().chain(&found.b.notes).for_each(|note| out.push_str(&format!("{note}\n")));
        out.push('\n');
        out.push_str(&words(found));
    }
    out.push_str(&format!("\nIn full: pinfold diff {} {}", a.id, b.id));
    Ok(out)
}

/// What differs between two results. The paragraphs stand in the order of questions: did the number move, where do the two
/// part, and why.
fn words(c: &Comparison) -> String {
    let mut out = String::new();
    if let Some(headline) = c.b.metrics.first().or(c.a.metrics.first()) {
        match c.metrics.iter().find(|m| m.id == headline.id) {
            Some(m) => out.push_str(&format!("{}: {}\n", headline.title, moved(m))),
            None => out.push_str(&format!("{}: {} in both\n", headline.title, value(headline.value))),
        }
    }
    if c.equal() {
        out.push_str("Nothing differs: what was pinned, every artifact and every number are equal.\n");
        return out;
    }
    match c.artifacts.as_slice() {
        [] => out.push_str("Every artifact is equal.\n"),
        [only] => out.push_str(&format!("One artifact differs: {}\n", only.label)),
        [first, ..] => out.push_str(&format!("The artifacts part at {}; {} differ in all.\n", first.label, c.artifacts.len())),
    }
    if c.pinned.is_empty() {
        out.push_str("Nothing was pinned differently.\n");
    } else {
        out.push_str("\nPinned differently\n");
        list(&mut out, &c.pinned, pin);
    }
    if !c.metrics.is_empty() {
        out.push_str("\nNumbers that moved\n");
        list(&mut out, &c.metrics, |m| format!("{}: {}", m.title, moved(m)));
    }
    if let Some(spread) = &c.spread {
        out.push_str(&format!("\nsd: standard deviation over {} runs that differ in nothing but seeds.\n", spread.seeds.len()));
    }
    out
}

fn list<T>(out: &mut String, all: &[T], line: impl Fn(&T) -> String) {
    all.iter().take(MOST).for_each(|one| out.push_str(&format!("  {}\n", line(one))));
    if all.len() > MOST {
        out.push_str(&format!("  and {} more\n", all.len() - MOST));
    }
}

fn value(v: Option<f64>) -> String {
    v.map_or_else(|| "undefined".to_owned(), |v| format!("{v:.6}"))
}

fn moved(m: &Moved) -> String {
    match m.absent {
        Some("a") => return format!("not measured in A, B {}", value(m.b)),
        Some(_) => return format!("A {}, not measured in B", value(m.a)),
        None => {}
    }
    let by = m.change.map(|c| format!(", moved by {c:+.6}")).unwrap_or_default();
    let measure = m.in_deviations.map(|d| format!(" ({d:+.1} sd)")).unwrap_or_default();
    format!("A {}, B {}{by}{measure}", value(m.a), value(m.b))
}

fn pin(p: &PinDiffers) -> String {
    /// A digest's beginning tells two apart.
    const LONG: usize = 24;
    let cell = |v: &Option<String>| {
        let v = v.as_deref().unwrap_or("nothing");
        if v.chars().count() > LONG { format!("{}…", v.chars().take(LONG - 1).collect::<String>()) } else { v.to_owned() }
    };
    format!("{} {}: A {}, B {}", p.kind, p.key, cell(&p.a), cell(&p.b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::diff::{Number, Pinned, diff};
    use crate::base::Digest;
    use serde_json::json;

    fn result(rate: f64, pcc: f64) -> Pinned {
        Pinned {
            name: "p".into(),
            protocol: Some(json!({"name": "p", "seed": 1, "train": {"learning_rate": rate}})),
            artifacts: vec![("ingest".into(), Digest::of(b"i")), ("train[x]".into(), Digest::of(&pcc.to_le_bytes()))],
            metrics: vec![Number { id: "pcc".into(), title: "mean PCC".into(), value: Some(pcc), n: 5 }],
            ..Pinned::default()
        }
    }

    #[test]
    fn equal_runs_say_so_and_others_say_where_they_part() {
        let equal = words(&diff(result(0.1, 0.3), result(0.1, 0.3), &[]));
        assert!(equal.contains("mean PCC: 0.300000 in both") && equal.contains("Nothing differs"), "{equal}");
        let other = words(&diff(result(0.1, 0.3), result(0.2, 0.35), &[]));
        let first = other.lines().next().expect("lines");
        assert_eq!(first, "mean PCC: A 0.300000, B 0.350000, moved by +0.050000");
        assert!(other.contains("One artifact differs: train[x]") && other.contains("train.learning_rate: A 0.1, B 0.2"), "{other}");
    }

    #[test]
    fn a_number_of_one_side_alone_is_no_move() {
        let none = Pinned { metrics: Vec::new(), ..result(0.1, 0.3) };
        assert!(words(&diff(none, result(0.1, 0.3), &[])).contains("not measured in A, B 0.300000"));
    }
}
