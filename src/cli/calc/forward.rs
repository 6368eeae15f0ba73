//! `pinfold calc forward`: a backbone's features for prepared inputs, to hold against torchvision's.

use crate::base::{Failure, IoContext, Result, atomic, text};
use crate::cli::output;
use crate::nn::BackboneKind;
use crate::nn::backbone::FeatureNet;
use npyz::WriterBuilder;
use std::path::{Path, PathBuf};

/// Images a step: bounds memory.
const BATCH: usize = 32;

/// Arguments of `calc forward`.
#[derive(clap::Args)]
pub struct Args {
    /// The network: efficientnet_b0, efficientnet_b7, resnet18, resnet50, densenet121, mobilenet_v2 or tiny_cnn.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Its weights (safetensors): a torchvision state dict, or a checkpoint with `backbone.` before the names.
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Images, already normalised (npy): N x 3 x H x W, single precision.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the features go (npy): N x F, single precision.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the network in evaluation mode, without its classifier, and writes the features. Says how large the network is.
pub fn run(args: Args) -> Result<()> {
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
