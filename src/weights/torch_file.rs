//! PyTorch's two file formats: the zip archive of today, and the row of pickles that came before it. Many published
//! weights are still in the second.

use super::pickle::{self, Id, Node, Pickle};
use crate::base::arrays::Kind;
use crate::base::{Failure, Result};
use std::collections::BTreeMap;
use std::io::Read;

/// A tensor as the file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Kind of its numbers: 16-bit numbers are widened to f32, which is exact; truth values become bytes.
    pub kind: Kind,
    /// Shape.
    pub shape: Vec<usize>,
    /// Its numbers, little-endian, row after row.
    pub bytes: Vec<u8>,
}

/// An opened file: its pickle, and the raw numbers by key.
pub struct TorchFile {
    pickle: Pickle,
    storages: BTreeMap<String, Vec<u8>>,
}

/// Kinds of numbers that a storage may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    F16,
    Bf16,
    Plain(Kind),
}

impl Numbers {
    fn of(storage: &str) -> Option<Self> {
        Some(match storage.strip_prefix("torch.")?.strip_suffix("Storage")? {
            "Float" => Self::Plain(Kind::F32),
            "Double" => Self::Plain(Kind::F64),
            "Half" => Self::F16,
            "BFloat16" => Self::Bf16,
            "Long" => Self::Plain(Kind::I64),
            "Int" => Self::Plain(Kind::I32),
            "Byte" | "Bool" => Self::Plain(Kind::U8),
            _ => return None,
        })
    }
    fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::Plain(kind) => kind.size(),
        }
    }
    fn kind(self) -> Kind {
        match self {
            Self::F16 | Self::Bf16 => Kind::F32,
            Self::Plain(kind) => kind,
        }
    }
    fn push(self, element: &[u8], out: &mut Vec<u8>) {
        let half = || element.try_into().map_or(0, u16::from_le_bytes);
        match self {
            Self::Plain(_) => out.extend_from_slice(element),
            Self::Bf16 => out.extend(((u32::from(half())) << 16).to_le_bytes()),
            Self::F16 => out.extend(widened(half()).to_le_bytes()),
        }
    }
}

/// A 16-bit number (IEEE 754 binary16) as f32: exact.
fn widened(half: u16) -> f32 {
    let (sign, exponent, fraction) = (half >> 15, i32::from(half >> 10 & 31), f32::from(half & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1024.0 + fraction) * 2f32.powi(e - 25),
    };
    if sign == 1 { -size } else { size }
}

/// The first number of the older format.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

impl TorchFile {
    /// Reads a file's bytes.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(b"PK\x03\x04") {
            return Self::archive(bytes);
        }
        if bytes.starts_with(b"\x80") && bytes.windows(MAGIC.len()).take(16).any(|w| w == MAGIC) {
            return Self::older(bytes);
        }
        Err(Failure::input("neither of PyTorch's file formats (a zip archive, or the older row of pickles)"))
    }

    fn archive(bytes: &[u8]) -> Result<Self> {
        let broken = |e: zip::result::ZipError| Failure::input(format!("the zip archive cannot be read: {e}"));
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).map_err(broken)?;
        let names: Vec<String> =
            archive.file_names().map(|n| n.map(|n| n.into_owned())).collect::<std::result::Result<_, _>>().map_err(broken)?;
        let root = names.iter().find_map(|n| n.strip_suffix("/data.pkl")).map(str::to_owned);
        let root = root.ok_or_else(|| Failure::input("a zip archive without a data.pkl: not written by torch.save"))?;
        let mut entry = |name: &str| -> Result<Vec<u8>> {
            let mut file = archive.by_name(name).map_err(broken)?;
            // Stored, as torch.save does it: then nothing in it can be larger than the file itself.
            if file.compression() != zip::CompressionMethod::Stored || file.size() > bytes.len() as u64 {
                return Err(Failure::input(format!("'{name}' in the archive is compressed, which torch.save never does")));
            }
            let mut out = Vec::new();
            file.read_to_end(&mut out).map_err(|e| Failure::input(format!("'{name}' in the archive cannot be read: {e}")))?;
            Ok(out)
        };
        let order = format!("{root}/byteorder");
        if names.contains(&order) && entry(&order)?.trim_ascii() != b"little" {
            return Err(Failure::input("the numbers are big-endian, which pinfold does not read"));
        }
        let (pickle, _) = pickle::read(&entry(&format!("{root}/data.pkl"))?)?;
        let mut storages = BTreeMap::new();
        let folder = format!("{root}/data/");
        for name in &names {
            if let Some(key) = name.strip_prefix(&folder) {
                storages.insert(key.to_owned(), entry(name)?);
            }
        }
        Ok(Self { pickle, storages })
    }

    /// Magic number, protocol, facts about the machine, the object; then the keys of the storages, and each with its
    /// number of elements before it.
    fn older(bytes: &[u8]) -> Result<Self> {
        // The first pickle is the magic number, of 80 bits, and an end.
        let mut at = bytes.windows(MAGIC.len()).position(|w| w == MAGIC).map_or(0, |i| i + MAGIC.len() + 1);
        let mut next = || -> Result<Pickle> {
            let (p, end) = pickle::read(bytes.get(at..).unwrap_or_default())?;
            at += end;
            Ok(p)
        };
        let version = next()?;
        if version.int(version.root) != Some(1001) {
            return Err(Failure::input("PyTorch's older format, in a version other than 1001"));
        }
        next()?;
        let pickle = next()?;
        let keys = next()?;
        let mut sizes = BTreeMap::new();
        for id in 0..pickle.len() {
            if let Node::Persistent(place) = pickle.node(id) {
                let (numbers, key, _) = storage(&pickle, *place)?;
                sizes.insert(key, numbers.size());
            }
        }
        let mut storages = BTreeMap::new();
        let order = keys.list(keys.root).ok_or_else(|| Failure::input("no list of storages"))?;
        for &id in order {
            let key = keys.text(id).ok_or_else(|| Failure::input("a storage without a name"))?;
            let size = sizes.get(key).ok_or_else(|| Failure::input(format!("a storage '{key}' that nothing uses")))?;
            let short = || Failure::input(format!("the file ends inside storage '{key}'"));
            let count = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(short)?;
            let length = usize::try_from(count).ok().and_then(|n| n.checked_mul(*size)).ok_or_else(short)?;
            let end = (at + 8).checked_add(length).ok_or_else(short)?;
            storages.insert(key.to_owned(), bytes.get(at + 8..end).ok_or_else(short)?.to_vec());
            at = end;
        }
        Ok(Self { pickle, storages })
    }

    /// The tensors of a state dict: the whole object, or what lies under `key`. Without a key, `state_dict`,
    /// `model_state_dict` and `model` are looked for where the object itself holds no tensors. Other values are counted.
    pub fn tensors(&self, key: Option<&str>) -> Result<(Vec<(String, Tensor)>, usize)> {
        let p = &self.pickle;
        let top = p.items(p.root).ok_or_else(|| Failure::input("the file holds no dictionary of tensors"))?;
        let under = |name: &str| top.iter().find(|(k, _)| p.text(*k) == Some(name)).map(|(_, v)| *v);
        let holds = |id: Id| p.items(id).is_some_and(|i| i.iter().any(|(_, v)| self.is_tensor(*v)));
        let chosen = match key {
            Some(name) => under(name).ok_or_else(|| {
                let have: Vec<&str> = top.iter().filter_map(|(k, _)| p.text(*k)).take(12).collect();
                Failure::input(format!("no '{name}' in the file; it holds {}", have.join(", ")))
            })?,
            None if holds(p.root) => p.root,
            None => {
                ["state_dict", "model_state_dict", "model"].into_iter().find_map(|n| under(n).filter(|&id| holds(id))).ok_or_else(|| {
                    let have: Vec<&str> = top.iter().filter_map(|(k, _)| p.text(*k)).take(12).collect();
                    Failure::input(format!("no tensors where they are looked for; the file holds {}", have.join(", ")))
                        .hint("--key NAME says under which key the state dict lies")
                })?
            }
        };
        let items = p.items(chosen).ok_or_else(|| Failure::input("what lies there is no dictionary"))?;
        let (mut out, mut others) = (Vec::new(), 0);
        for (k, v) in items {
            match p.text(*k) {
                Some(name) if self.is_tensor(*v) => out.push((name.to_owned(), self.tensor(*v).map_err(|e| e.at(name.to_owned()))?)),
                _ => others += 1,
            }
        }
        if out.is_empty() {
            return Err(Failure::input("no tensors in that dictionary"));
        }
        Ok((out, others))
    }

    fn call(&self, id: Id) -> Option<(&str, &[Id])> {
        match self.pickle.node(id) {
            Node::Call(callee, arguments, _) => match self.pickle.node(*callee) {
                Node::Global(name) => Some((name, self.pickle.list(*arguments)?)),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_tensor(&self, id: Id) -> bool {
        self.call(id).is_some_and(|(name, _)| matches!(name, "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_parameter"))
    }

    fn tensor(&self, id: Id) -> Result<Tensor> {
        let p = &self.pickle;
        let odd = || Failure::input("a tensor whose description pinfold does not understand");
        let (name, arguments) = self.call(id).ok_or_else(odd)?;
        if name == "torch._utils._rebuild_parameter" {
            let inner = *arguments.first().ok_or_else(odd)?;
            // A parameter of a parameter is nothing that torch.save writes.
            let sound = self.call(inner).is_some_and(|(n, _)| n == "torch._utils._rebuild_tensor_v2");
            return if sound { self.tensor(inner) } else { Err(odd()) };
        }
        let [held, offset, shape, strides, ..] = arguments else { return Err(odd()) };
        let Node::Persistent(place) = p.node(*held) else { return Err(odd()) };
        let (numbers, key, _) = storage(p, *place)?;
        let bytes = self.storages.get(&key).ok_or_else(|| Failure::input(format!("storage '{key}' is not in the file")))?;
        let natural = |id: Id| p.int(id).and_then(|i| usize::try_from(i).ok());
        let naturals = |id: Id| -> Option<Vec<usize>> { p.list(id)?.iter().map(|&i| natural(i)).collect() };
        let (offset, shape, strides) =
            (natural(*offset).ok_or_else(odd)?, naturals(*shape).ok_or_else(odd)?, naturals(*strides).ok_or_else(odd)?);
        if shape.len() != strides.len() {
            return Err(odd());
        }
        let beyond = || Failure::input(format!("a tensor of shape {shape:?} reaches beyond its storage '{key}'"));
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(beyond)?;
        // A stride of 0 repeats numbers; more of them than the storage holds would be a bomb.
        if count > bytes.len() / numbers.size() {
            return Err(beyond());
        }
        let mut out = Vec::with_capacity(count * numbers.kind().size());
        let mut index = vec![0usize; shape.len()];
        for _ in 0..count {
            let place = index.iter().zip(&strides).try_fold(offset, |at, (i, s)| at.checked_add(i.checked_mul(*s)?)).ok_or_else(beyond)?;
            let start = place.checked_mul(numbers.size()).ok_or_else(beyond)?;
            numbers.push(bytes.get(start..start.saturating_add(numbers.size())).ok_or_else(beyond)?, &mut out);
            for (i, n) in index.iter_mut().zip(&shape).rev() {
                *i += 1;
                if *i < *n {
                    break;
                }
                *i = 0;
            }
        }
        Ok(Tensor { kind: numbers.kind(), shape, bytes: out })
    }
}

/// The kind, the key and the number of elements of a storage: ('storage', its class, key, place, number).
fn storage(p: &Pickle, place: Id) -> Result<(Numbers, String, i64)> {
    let odd = || Failure::input("a storage whose description pinfold does not understand");
    let [word, class, key, _, count, ..] = p.list(place).ok_or_else(odd)? else { return Err(odd()) };
    if p.text(*word) != Some("storage") {
        return Err(odd());
    }
    let Node::Global(class) = p.node(*class) else { return Err(odd()) };
    let numbers = Numbers::of(class).ok_or_else(|| Failure::input(format!("numbers of the kind '{class}' are not read")))?;
    Ok((numbers, p.text(*key).ok_or_else(odd)?.to_owned(), p.int(*count).ok_or_else(odd)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_widen_exactly() {
        for (half, due) in
            [(0x0000u16, 0.0f32), (0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65504.0), (0x0001, 5.960_464_5e-8), (0x3555, 0.333_251_95)]
        {
            assert_eq!(widened(half), due, "{half:04x}");
        }
        assert!(widened(0x7e00).is_nan() && widened(0xfc00) == f32::NEG_INFINITY && widened(0x8000).is_sign_negative());
    }
}
