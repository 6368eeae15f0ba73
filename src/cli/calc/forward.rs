//! `pinfold calc forward`: a backbone's features for prepared inputs, to hold against torchvision's; a meta-model's answers.

use crate::base::{Failure, IoContext, Result, atomic, text};
use crate::cli::output;
use crate::nn::BackboneKind;
use crate::nn::backbone::FeatureNet;
use crate::nn::stacking::StackingMlp;
use npyz::WriterBuilder;
use std::path::{Path, PathBuf};

/// Images a step: bounds memory.
const BATCH: usize = 32;

/// Arguments of `calc forward`.
#[derive(clap::Args)]
pub struct Args {
    /// The network: efficientnet_b0, efficientnet_b7, resnet18, resnet50, densenet121, mobilenet_v2, tiny_cnn or
    /// vision_mlp_multitask, for their features; hevisum-stack, for its answers.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Its weights (safetensors): a torchvision state dict, or a checkpoint with `backbone.` before the names; hevisum-stack:
    /// what `pinfold import-checkpoint` or a protocol's stack wrote.
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Images, already normalised (npy): N x 3 x H x W, single precision. hevisum-stack: predictions, N x 210, fold after
    /// fold (npy, or csv with a header line; a column ID is left out).
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the features or answers go: npy, N x F, single precision; csv where the name says so.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the network in evaluation mode, without its classifier, and writes the features. Says how large the network is.
pub fn run(args: Args) -> Result<()> {
    if args.model == STACK {
        return stack(&args);
    }
    let kind = BackboneKind::parse(&args.model)?;
    let (shape, images) = read_images(&args.input)?;
    let net = FeatureNet::open(kind, &args.weights)?;
    let features = net.features_of(&images, shape, BATCH)?;
    let bytes = npy(&features, [shape[0], features.len() / shape[0].max(1)]).doing("write the features", &args.output)?;
    atomic::write(&args.output, &bytes)?;
    let parameters = text::thousands(net.store.parameter_count() as u64);
    output::say(&format!("{}: {parameters} parameters without the ImageNet classifier, {} features", kind.name(), kind.features()));
    Ok(())
}

/// The published meta-model's name here.
pub const STACK: &str = "hevisum-stack";

fn stack(args: &Args) -> Result<()> {
    let net = StackingMlp::read(&args.weights)?;
    let (inputs, outputs) = net.sizes();
    let (width, rows) = if is_csv(&args.input) { read_csv(&args.input)? } else { read_matrix(&args.input)? };
    if width != inputs {
        return Err(Failure::input(format!("rows of {width} numbers, and this stack takes {inputs}"))
            .at(args.input.display().to_string())
            .hint("fold after fold, and in each the outputs in their order: 6 x 35 = 210 for HEVisum"));
    }
    let answers = net.answers_here(&rows, BATCH)?;
    let n = answers.len() / outputs.max(1);
    let bytes = if is_csv(&args.output) {
        let head = (1..=outputs).map(|c| format!("C{c}")).collect::<Vec<_>>().join(",");
        let line = |(i, row): (usize, &[f32])| format!("{i},{}\n", row.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(","));
        format!("ID,{head}\n{}", answers.chunks_exact(outputs.max(1)).enumerate().map(line).collect::<String>()).into_bytes()
    } else {
        npy(&answers, [n, outputs]).doing("write the answers", &args.output)?
    };
    atomic::write(&args.output, &bytes)?;
    let parameters = text::thousands(net.store.parameter_count() as u64);
    output::say(&format!("{STACK}: {parameters} parameters, {inputs} inputs, {outputs} outputs, {n} rows"));
    Ok(())
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}

/// A table of numbers with a header line; the column `ID` is left out. Gives its width and its rows.
fn read_csv(path: &Path) -> Result<(usize, Vec<f32>)> {
    let bad = |what: String| Failure::input(what).at(path.display().to_string()).hint("a header line, then numbers separated by commas");
    let mut reader = csv::Reader::from_path(path).map_err(|e| bad(format!("cannot be read: {e}")))?;
    let head = reader.headers().map_err(|e| bad(format!("has no header: {e}")))?.clone();
    let kept: Vec<usize> = (0..head.len()).filter(|&i| &head[i] != "ID").collect();
    let mut out = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(|e| bad(format!("row {} cannot be read: {e}", i + 1)))?;
        for &c in &kept {
            let cell = record.get(c).unwrap_or_default().trim();
            let value = cell.parse::<f32>().ok().filter(|v| v.is_finite());
            out.push(value.ok_or_else(|| bad(format!("row {}, column {}: '{}' is no number", i + 1, c + 1, text::clean(cell))))?);
        }
    }
    Ok((kept.len(), out))
}

/// An npy matrix of single-precision numbers, rows first: its width and its rows.
fn read_matrix(path: &Path) -> Result<(usize, Vec<f32>)> {
    let bad = |what: String| Failure::input(what).at(path.display().to_string()).hint("give an npy file: N x 210, float32, C order");
    let bytes = std::fs::read(path).doing("read the input", path)?;
    let file = npyz::NpyFile::new(&bytes[..]).map_err(|e| bad(format!("not an npy file: {e}")))?;
    let &[n, width] = file.shape() else {
        return Err(bad(format!("the array has the shape {:?}, where two lengths are due", file.shape())));
    };
    if file.order() != npyz::Order::C {
        return Err(bad("the array is in Fortran order".into()));
    }
    let size = n.checked_mul(width).and_then(|v| v.checked_mul(4));
    if size.is_none_or(|s| s > bytes.len() as u64) {
        return Err(bad(format!("the file is too short for {n} x {width} numbers")));
    }
    let dtype = file.dtype().descr();
    let data = file.into_vec::<f32>().map_err(|e| bad(format!("the array of type {dtype} cannot be read as float32: {e}")))?;
    if let Some(at) = data.iter().position(|v| !v.is_finite()) {
        return Err(bad(format!("number {} is {}", at + 1, data[at])));
    }
    Ok((width as usize, data))
}

/// Reads N x 3 x H x W numbers.
fn read_images(path: &Path) -> Result<([usize; 4], Vec<f32>)> {
    let bad = |what: String| Failure::input(what).at(path.display().to_string()).hint("give an npy file: N x 3 x H x W, float32, C order");
    let bytes = std::fs::read(path).doing("read the input", path)?;
    let file = npyz::NpyFile::new(&bytes[..]).map_err(|e| bad(format!("not an npy file: {e}")))?;
    let shape: Vec<usize> = file.shape().iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX)).collect();
    let Ok(shape) = <[usize; 4]>::try_from(shape.as_slice()) else {
        return Err(bad(format!("the array has the shape {shape:?}, where four lengths are due")));
    };
    if shape[1] != 3 || shape.contains(&0) {
        return Err(bad(format!("the array has the shape {shape:?}, where N x 3 x H x W is due, all above 0")));
    }
    if file.order() != npyz::Order::C {
        return Err(bad("the array is in Fortran order".into()));
    }
    // Asked before anything of this size is set aside.
    let size = shape.iter().try_fold(4usize, |a, &b| a.checked_mul(b));
    if size.is_none_or(|s| s > bytes.len()) {
        return Err(bad(format!("the file is too short for an array of the shape {shape:?}")));
    }
    let dtype = file.dtype().descr();
    let data = file.into_vec::<f32>().map_err(|e| bad(format!("the array of type {dtype} cannot be read as float32: {e}")))?;
    Ok((shape, data))
}

/// The bytes of an npy file, rows first.
fn npy(data: &[f32], shape: [usize; 2]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let shape = shape.map(|n| n as u64);
    let mut writer = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(&mut out).begin_nd()?;
    writer.extend(data.iter().copied())?;
    writer.finish()?;
    Ok(out)
}
