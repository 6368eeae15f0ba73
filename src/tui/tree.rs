//! The lines of the audit's tree: which are to be seen, and what stands in each.

use super::facts::{AuditThing, Audited, Tally};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A node that can be opened: a kind, or a part of it.
pub type Node = (usize, Option<usize>);

/// A line of the tree.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// How far it is indented: 0 to 2.
    pub depth: usize,
    /// What stands in it.
    pub name: Cow<'a, str>,
    /// The kind and the part that it is, or lies in.
    pub node: Node,
    /// Whether what is below it is to be seen; `None` for a thing.
    pub open: Option<bool>,
    /// How the things below it stand; of a thing, how it stands.
    pub tally: Tally,
    /// The thing, where it is one.
    pub thing: Option<&'a AuditThing>,
}

/// Kinds with more things than this are closed at first.
const FEW: usize = 6;

/// The lines to be seen. What failed is open and what is long is closed, unless `turned` says otherwise. A part of one
/// thing is that thing.
pub fn rows<'a>(audited: &'a Audited, turned: &BTreeSet<Node>) -> Vec<Row<'a>> {
    let mut out = Vec::new();
    let open = |node: Node, usual: bool| usual != turned.contains(&node);
    let leaf = |thing: &'a AuditThing, name: Cow<'a, str>, depth: usize, node: Node| Row {
        depth,
        name,
        node,
        open: None,
        tally: Tally::of(std::iter::once(thing)),
        thing: Some(thing),
    };
    for (k, kind) in audited.kinds.iter().enumerate() {
        let tally = kind.tally();
        let is_open = open((k, None), tally.bad() + tally.changed > 0 || tally.total() <= FEW);
        out.push(Row { depth: 0, name: kind.name.as_str().into(), node: (k, None), open: Some(is_open), tally, thing: None });
        if !is_open {
            continue;
        }
        for (p, part) in kind.parts.iter().enumerate() {
            let node = (k, Some(p));
            match part.things.as_slice() {
                [thing] if part.name.is_empty() || part.name == thing.name => out.push(leaf(thing, thing.name.as_str().into(), 1, node)),
                [thing] => out.push(leaf(thing, format!("{}  {}", part.name, thing.name).into(), 1, node)),
                things if part.name.is_empty() => out.extend(things.iter().map(|t| leaf(t, t.name.as_str().into(), 1, node))),
                things => {
                    let tally = Tally::of(things.iter());
                    let is_open = open(node, tally.bad() > 0);
                    out.push(Row { depth: 1, name: part.name.as_str().into(), node, open: Some(is_open), tally, thing: None });
                    if is_open {
                        out.extend(things.iter().map(|t| leaf(t, t.name.as_str().into(), 2, node)));
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::facts::{AuditKind, AuditPart, Mark};
    use super::*;

    fn thing(name: &str, mark: Mark) -> AuditThing {
        let empty = String::new;
        AuditThing { mark, name: name.into(), path: name.into(), locked: empty(), found: empty(), words: empty(), hint: empty() }
    }

    fn names(audited: &Audited, turned: &[Node]) -> String {
        rows(audited, &turned.iter().copied().collect())
            .iter()
            .map(|r| format!("{}{}", "-".repeat(r.depth), r.name))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn what_failed_is_open_and_what_is_long_is_closed() {
        let files = |n: usize, bad: Option<usize>| -> Vec<AuditThing> {
            (0..n).map(|i| thing(&format!("f{i}"), if Some(i) == bad { Mark::Failed } else { Mark::Verified })).collect()
        };
        let part = |name: &str, things| AuditPart { name: name.into(), things };
        let mut audited = Audited {
            kinds: vec![
                AuditKind { name: "commit".into(), parts: vec![part("c", files(1, None))] },
                AuditKind { name: "artifacts".into(), parts: vec![part("a", files(4, None)), part("b", files(4, None))] },
            ],
            ..Audited::default()
        };
        assert_eq!(names(&audited, &[]), "commit -c  f0 artifacts");
        assert_eq!(names(&audited, &[(1, None)]), "commit -c  f0 artifacts -a -b");
        assert_eq!(names(&audited, &[(1, None), (1, Some(1)), (0, None)]), "commit artifacts -a -b --f0 --f1 --f2 --f3");
        audited.kinds[1].parts[0].things = files(4, Some(2));
        assert_eq!(names(&audited, &[]), "commit -c  f0 artifacts -a --f0 --f1 --f2 --f3 -b");
        assert_eq!(audited.tally().worst(), Mark::Failed);
    }
}
