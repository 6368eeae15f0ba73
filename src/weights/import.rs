//! From a published weight file to safetensors, with both digests kept.

use super::torch_file::TorchFile;
use crate::base::arrays::ArraysWriter;
use crate::base::{Digest, Failure, IoContext, Result, atomic, text};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is wanted of a file.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Under which key the state dict lies; looked for if not said.
    pub key: Option<String>,
    /// Parts of names that are deleted, one after the other (`model.`, then `resnet.`).
    pub drop: Vec<String>,
    /// Name of the new file, without ending; that of the old one if not said.
    pub name: Option<String>,
}

/// The record beside the new file: `<name>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Name of the new file.
    pub file: String,
    /// SHA-256 of the new file: what a protocol pins.
    pub sha256: Digest,
    /// Name of the file it was made from.
    pub source: String,
    /// SHA-256 of that file.
    pub source_sha256: Digest,
    /// Tensors in it.
    pub tensors: usize,
    /// Numbers in them.
    pub numbers: u64,
    /// Entries of the state dict that are no tensors, and were left out.
    pub left_out: usize,
    /// Tensors under a name of today in place of an older one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renamed: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A tensor's name as today's networks have it. The published DenseNet says `denselayer1.norm.1.weight` where networks say
/// `denselayer1.norm1.weight`; torchvision renames them as it loads, by the same rule.
fn of_today(name: &str) -> Option<String> {
    let (before, after) = name.rsplit_once("denselayer")?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = after.split_at(digits);
    let (what, rest) = rest.strip_prefix('.')?.split_once('.')?;
    let (index, value) = rest.split_once('.')?;
    let known = matches!(what, "norm" | "conv") && matches!(index, "1" | "2");
    let known = known && matches!(value, "weight" | "bias" | "running_mean" | "running_var" | "num_batches_tracked");
    (digits > 0 && known).then(|| format!("{before}denselayer{number}.{what}{index}.{value}"))
}

/// The first eight digits of the SHA-256 that a published file carries in its name: `resnet18-f37072fd.pth`.
pub fn digits_in_name(name: &str) -> Option<&str> {
    let stem = name.rsplit_once('.').map_or(name, |(s, _)| s);
    let digits = stem.rsplit_once('-')?.1;
    let sound = digits.len() >= 8 && digits.len() <= 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    sound.then_some(digits)
}

/// Reads a `.pth` file without executing it and writes `<name>.safetensors` and `<name>.json` into `folder`. The digest in
/// the file's name must be the file's; a file of another content that is there already is not replaced.
pub fn import(path: &Path, folder: &Path, wish: &Wish) -> Result<Imported> {
    let bytes = std::fs::read(path).doing("read", path)?;
    let at = |e: Failure| e.at(path.display().to_string());
    let source = path.file_name().and_then(|n| n.to_str()).ok_or_else(|| at(Failure::input("a file name that is not text")))?.to_owned();
    let source_sha256 = Digest::of(&bytes);
    if let Some(due) = digits_in_name(&source)
        && !source_sha256.to_string().starts_with(due)
    {
        return Err(at(Failure::input(format!(
            "the file's name says that its SHA-256 begins with {due}, and it begins with {}",
            &source_sha256.to_string()[..due.len()]
        )))
        .hint("fetch it again; a file of one's own needs another name"));
    }
    let file = TorchFile::read(&bytes).map_err(at)?;
    let (tensors, left_out) = file.tensors(wish.key.as_deref()).map_err(at)?;
    let mut out = ArraysWriter::new();
    let (mut numbers, mut names, mut renamed) = (0u64, std::collections::BTreeSet::new(), 0);
    for (name, tensor) in &tensors {
        let name = wish.drop.iter().fold(name.clone(), |n, part| n.replace(part.as_str(), ""));
        let name = of_today(&name).inspect(|_| renamed += 1).unwrap_or(name);
        if name.is_empty() || text::clean(&name) != name || !names.insert(name.clone()) {
            return Err(at(Failure::input(format!("the tensor name '{}' cannot be used, or comes twice", text::clean(&name)))));
        }
        numbers += (tensor.bytes.len() / tensor.kind.size()) as u64;
        out.raw(&name, tensor.kind, &tensor.shape, tensor.bytes.clone());
    }
    out.metadata("source", source.clone()).metadata("source_sha256", source_sha256.to_string());
    let stem = wish.name.clone().unwrap_or_else(|| source.rsplit_once('.').map_or(source.clone(), |(s, _)| s.to_owned()));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if stem.is_empty() || stem.starts_with('.') || !stem.chars().all(plain) {
        return Err(Failure::input(format!("'{}' is no name for a weight file", text::clean(&stem)))
            .at("--name")
            .hint("letters, digits, '-', '_' and '.'"));
    }
    let target = folder.join(format!("{stem}.safetensors"));
    let made = out.to_bytes();
    let sha256 = Digest::of(&made);
    if target.exists() && Digest::of_file(&target)? != sha256 {
        return Err(Failure::input("a weight file of that name and another content is there; it is not replaced")
            .at(target.display().to_string())
            .hint("--name NAME gives the new one another name"));
    }
    atomic::write(&target, &made)?;
    let record =
        Imported { file: format!("{stem}.safetensors"), sha256, source, source_sha256, tensors: tensors.len(), numbers, left_out, renamed };
    let mut json = serde_json::to_vec_pretty(&record).map_err(|e| Failure::environment(format!("cannot make JSON: {e}")))?;
    json.push(b'\n');
    atomic::write(&folder.join(format!("{stem}.json")), &json)?;
    Ok(record)
}

/// A weight file that is here.
#[derive(Clone, Debug, Serialize)]
pub struct Here {
    /// Its name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its record, where it was imported.
    pub imported: Option<Imported>,
}

/// The weight files in a folder, by name; none when it is not there.
pub fn here(folder: &Path) -> Result<Vec<Here>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Failure::io(&e, "list", folder)),
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.doing("list", folder)?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let sha256 = Digest::of_file(&path)?;
            let record = std::fs::read(path.with_extension("json")).ok().and_then(|b| serde_json::from_slice::<Imported>(&b).ok());
            let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            Ok(Here { file, sha256, imported: record.filter(|r| r.sha256 == sha256) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_of_densenet_become_todays() {
        for (name, due) in [
            ("features.denseblock1.denselayer1.norm.1.weight", Some("features.denseblock1.denselayer1.norm1.weight")),
            ("features.denseblock4.denselayer16.norm.2.running_var", Some("features.denseblock4.denselayer16.norm2.running_var")),
            ("features.denseblock3.denselayer24.conv.2.weight", Some("features.denseblock3.denselayer24.conv2.weight")),
            ("features.denseblock1.denselayer1.norm1.weight", None),
            ("features.denseblock1.denselayer1.norm.3.weight", None),
            ("features.transition1.norm.weight", None),
            ("features.norm.1.weight", None),
            ("denselayer.norm.1.weight", None),
        ] {
            assert_eq!(of_today(name).as_deref(), due, "{name}");
        }
    }

    #[test]
    fn the_digest_in_a_name_is_found() {
        for (name, due) in [
            ("resnet18-f37072fd.pth", Some("f37072fd")),
            ("efficientnet_b0_rwightman-7f5810bc.pth", Some("7f5810bc")),
            ("best-model.pth", None),
            ("net-12ab.pth", None),
            ("plain.pth", None),
        ] {
            assert_eq!(digits_in_name(name), due, "{name}");
        }
    }
}
