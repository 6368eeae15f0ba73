//! Pickle, read as data: opcodes of protocols 0 to 5 as far as PyTorch writes them. Calls are recorded, never made.

use crate::base::{Failure, Result};
use std::collections::BTreeMap;

/// The place of a value.
pub type Id = usize;

/// A value. Containers hold places, so shared and even circular values are plain data.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A tuple, list or set.
    List(Vec<Id>),
    /// A dictionary, in the order of its making.
    Dict(Vec<(Id, Id)>),
    /// A name: `module.name`.
    Global(String),
    /// A call that the program asks for: what is called, its arguments, then the items set on what it would give.
    Call(Id, Id, Vec<(Id, Id)>),
    /// Something that lies outside of the pickle.
    Persistent(Id),
    /// A mark on the stack; never part of a result.
    Mark,
}

/// A whole pickle.
#[derive(Debug)]
pub struct Pickle {
    nodes: Vec<Node>,
    /// The place of the result.
    pub root: Id,
}

/// More values than any weight file needs; a bomb is refused before memory is gone.
const MOST: usize = 4_000_000;

impl Pickle {
    /// The value at a place.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// How many values there are; their places are the numbers below.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none; never so of a pickle that was read.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The entries of a dictionary, or of what a call makes of an (ordered) dictionary.
    pub fn items(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(items) => Some(items),
            Node::Call(callee, _, items) if matches!(self.node(*callee), Node::Global(n) if n == "collections.OrderedDict") => Some(items),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(t) => Some(t),
            _ => None,
        }
    }

    /// A whole number.
    pub fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The members of a list or tuple.
    pub fn list(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::List(l) => Some(l),
            _ => None,
        }
    }
}

/// Reads one pickle from the beginning of `bytes`; gives it and where it ends.
pub fn read(bytes: &[u8]) -> Result<(Pickle, usize)> {
    let mut machine = Machine { bytes, at: 0, nodes: Vec::new(), stack: Vec::new(), memo: BTreeMap::new() };
    let root = machine.run().map_err(|what| Failure::input(format!("not a pickle that pinfold reads: {what} (byte {})", machine.at)))?;
    let at = machine.at;
    Ok((Pickle { nodes: machine.nodes, root }, at))
}

type Step<T> = std::result::Result<T, String>;

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    memo: BTreeMap<usize, Id>,
}

impl Machine<'_> {
    fn take(&mut self, n: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(n).filter(|&e| e <= self.bytes.len()).ok_or("it ends too early")?;
        let slice = &self.bytes[self.at..end];
        self.at = end;
        Ok(slice)
    }

    /// A little-endian number of up to eight bytes.
    fn number(&mut self, n: usize) -> Step<usize> {
        let value = self.take(n)?.iter().rev().fold(0u64, |v, b| v << 8 | u64::from(*b));
        usize::try_from(value).map_err(|_| "a length beyond this machine".into())
    }

    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|&b| b == b'\n').ok_or("a line without an end")?;
        let text = String::from_utf8(rest[..n].to_vec()).map_err(|_| "text that is not UTF-8")?;
        self.at += n + 1;
        Ok(text)
    }

    fn text(&mut self, n: usize) -> Step<Node> {
        let text = std::str::from_utf8(self.take(n)?).map_err(|_| "text that is not UTF-8")?;
        Ok(Node::Text(text.to_owned()))
    }

    fn push(&mut self, node: Node) -> Step<()> {
        if self.nodes.len() >= MOST {
            return Err(format!("more than {MOST} values"));
        }
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
        Ok(())
    }

    fn pop(&mut self) -> Step<Id> {
        let id = self.stack.pop().ok_or("an empty stack")?;
        if self.nodes[id] == Node::Mark { Err("a mark where a value is due".into()) } else { Ok(id) }
    }

    /// What lies above the last mark, which is taken away.
    fn marked(&mut self) -> Step<Vec<Id>> {
        let mark = self.stack.iter().rposition(|&id| self.nodes[id] == Node::Mark).ok_or("no mark on the stack")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn tuple(&mut self, n: usize) -> Step<()> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Step<Vec<Id>>>()?;
        items.reverse();
        self.push(Node::List(items))
    }

    fn append(&mut self, items: Vec<Id>) -> Step<()> {
        let top = *self.stack.last().ok_or("an empty stack")?;
        match &mut self.nodes[top] {
            Node::List(list) => list.extend(items),
            _ => return Err("items for something that is no list".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Step<()> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err("a key without a value".into()) };
        let top = *self.stack.last().ok_or("an empty stack")?;
        match &mut self.nodes[top] {
            Node::Dict(dict) | Node::Call(_, _, dict) => dict.extend(pairs.iter().map(|p| (p[0], p[1]))),
            _ => return Err("items for something that is no dictionary".into()),
        }
        Ok(())
    }

    fn keep(&mut self, place: usize) -> Step<()> {
        let top = *self.stack.last().ok_or("an empty stack")?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn fetch(&mut self, place: usize) -> Step<()> {
        let id = *self.memo.get(&place).ok_or_else(|| format!("nothing was kept at {place}"))?;
        self.stack.push(id);
        Ok(())
    }

    fn long(&mut self, n: usize) -> Step<()> {
        let bytes = self.take(n)?;
        if n > 8 {
            return Err("a number of more than 64 bits".into());
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let filled = bytes.iter().rev().fold(if negative { -1i64 } else { 0 }, |v, b| v << 8 | i64::from(*b));
        self.push(Node::Int(filled))
    }

    fn run(&mut self) -> Step<Id> {
        loop {
            let op = self.take(1)?[0];
            match op {
                0x80 => {
                    let version = self.take(1)?[0];
                    if version > 5 {
                        return Err(format!("protocol {version}"));
                    }
                }
                0x95 => {
                    self.take(8)?;
                }
                b'.' => return self.pop(),
                b'(' => self.push(Node::Mark)?,
                b'0' => {
                    self.stack.pop().ok_or("an empty stack")?;
                }
                b'1' => {
                    self.marked()?;
                }
                b'N' => self.push(Node::None)?,
                0x88 => self.push(Node::Bool(true))?,
                0x89 => self.push(Node::Bool(false))?,
                b'J' => {
                    let value = self.number(4)? as u32 as i32;
                    self.push(Node::Int(value.into()))?;
                }
                b'K' => {
                    let value = self.number(1)? as i64;
                    self.push(Node::Int(value))?;
                }
                b'M' => {
                    let value = self.number(2)? as i64;
                    self.push(Node::Int(value))?;
                }
                0x8a => {
                    let n = self.number(1)?;
                    self.long(n)?;
                }
                b'G' => {
                    let bytes: [u8; 8] = self.take(8)?.try_into().map_err(|_| "eight bytes")?;
                    self.push(Node::Float(f64::from_be_bytes(bytes)))?;
                }
                b'X' | b'T' => {
                    let n = self.number(4)?;
                    let node = self.text(n)?;
                    self.push(node)?;
                }
                0x8c | b'U' => {
                    let n = self.number(1)?;
                    let node = self.text(n)?;
                    self.push(node)?;
                }
                0x8d => {
                    let n = self.number(8)?;
                    let node = self.text(n)?;
                    self.push(node)?;
                }
                b'B' | b'C' | 0x8e => {
                    let width = match op {
                        b'C' => 1,
                        b'B' => 4,
                        _ => 8,
                    };
                    let n = self.number(width)?;
                    let bytes = self.take(n)?.to_vec();
                    self.push(Node::Bytes(bytes))?;
                }
                b')' => self.push(Node::List(Vec::new()))?,
                0x85..=0x87 => self.tuple(usize::from(op - 0x84))?,
                b't' | b'l' | 0x91 => {
                    let items = self.marked()?;
                    self.push(Node::List(items))?;
                }
                b']' | 0x8f => self.push(Node::List(Vec::new()))?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' | 0x90 => {
                    let items = self.marked()?;
                    self.append(items)?;
                }
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b'd' => {
                    let items = self.marked()?;
                    self.push(Node::Dict(Vec::new()))?;
                    self.set(&items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.marked()?;
                    self.set(&items)?;
                }
                b'q' => {
                    let place = self.number(1)?;
                    self.keep(place)?;
                }
                b'r' => {
                    let place = self.number(4)?;
                    self.keep(place)?;
                }
                0x94 => self.keep(self.memo.len())?,
                b'h' => {
                    let place = self.number(1)?;
                    self.fetch(place)?;
                }
                b'j' => {
                    let place = self.number(4)?;
                    self.fetch(place)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Node::Global(format!("{module}.{name}")))?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    match (&self.nodes[module], &self.nodes[name]) {
                        (Node::Text(m), Node::Text(n)) => {
                            let global = Node::Global(format!("{m}.{n}"));
                            self.push(global)?;
                        }
                        _ => return Err("a name that is no text".into()),
                    }
                }
                b'R' | 0x81 => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    self.push(Node::Call(callee, arguments, Vec::new()))?;
                }
                // State for the object below: attributes, which no tensor needs.
                b'b' => {
                    self.pop()?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                other => return Err(format!("opcode 0x{other:02x}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_calls_are_not_made() {
        // {'a': (1, -2), 'b': [1.5, None, True]} and a call of os.system, by hand.
        let (p, end) = read(b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xff\x86X\x01\x00\x00\x00b](G?\xf8\0\0\0\0\0\0N\x88eX\x01\x00\x00\x00ccos\nsystem\nX\x02\0\0\0ls\x85Ru.rest").expect("reads");
        assert_eq!(end, b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01J\xfe\xff\xff\xff\x86X\x01\x00\x00\x00b](G?\xf8\0\0\0\0\0\0N\x88eX\x01\x00\x00\x00ccos\nsystem\nX\x02\0\0\0ls\x85Ru.".len());
        let items = p.items(p.root).expect("a dictionary").to_vec();
        assert_eq!(items.iter().map(|(k, _)| p.text(*k).expect("a key")).collect::<Vec<_>>(), ["a", "b", "c"]);
        let numbers: Vec<i64> = p.list(items[0].1).expect("a tuple").iter().map(|&i| p.int(i).expect("a number")).collect();
        assert_eq!(numbers, [1, -2]);
        let list = p.list(items[1].1).expect("a list");
        assert_eq!((p.node(list[0]), p.node(list[1]), p.node(list[2])), (&Node::Float(1.5), &Node::None, &Node::Bool(true)));
        let Node::Call(callee, _, _) = p.node(items[2].1) else { panic!("a call") };
        assert_eq!(p.node(*callee), &Node::Global("os.system".into()));
    }

    #[test]
    fn nonsense_is_refused() {
        let whole = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01u.";
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for bad in [&b"."[..], b"(.", b"u.", b"\x80\x09.", b"h\x07.", b"K\x01K\x02s.", b"\xff.", b"X\xff\xff\xff\xffa.", b"]K\x01u."] {
            let said = read(bad).expect_err("refused").to_string();
            assert!(said.contains("not a pickle that pinfold reads"), "{said}");
        }
    }
}
