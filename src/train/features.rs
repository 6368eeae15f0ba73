//! Image features of patches: a backbone in evaluation mode, on the processor.

use super::batches::Maker;
use super::config::{IMAGENET_MEAN, IMAGENET_STD};
use super::determinism;
use super::queue::in_order;
use crate::base::{Failure, Result};
use crate::nn::backbone::FeatureNet;
use crate::nn::regressor::patch_count;
use crate::nn::{BackboneKind, Doing, operations, store};
use crate::protocol::schema::{Class, Colour, Device};
use std::ops::ControlFlow;
use std::path::Path;

/// Patches a step; part of the result's last bits.
const BATCH: usize = 32;

/// What gives features, and how reproducibly.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    /// The backbone.
    pub network: BackboneKind,
    /// Its weights (safetensors); drawn ones where there are none.
    pub weights: Option<&'a Path>,
    /// Seed of the drawn ones.
    pub seed: u64,
    /// Threads inside libtorch; part of the result.
    pub threads: usize,
    /// Threads that prepare batches; never part of the result.
    pub loader_threads: usize,
    /// The determinism class asked for; less is an error.
    pub class: Class,
}

/// Features [N, F] of patches [N, P, P, 3] with P = `side`, and F: red before blue under ImageNet's statistics. `go_on` is told
/// how many are done, and ends the work by saying no.
pub fn features(what: &Features, patches: &[u8], side: usize, go_on: &mut dyn FnMut(usize, usize) -> bool) -> Result<(Vec<f32>, usize)> {
    let count = patch_count(patches, side)?;
    if what.network.last_side(side) == 0 {
        return Err(Failure::input(format!("patches of {side} pixels are too small for {}", what.network.name())));
    }
    if what.class == Class::Portable {
        determinism::require_portable(what.network.name(), operations::of(what.network))?;
    }
    let grade = determinism::set(what.threads, Device::Cpu)?;
    determinism::require(&grade, what.class)?;
    let net = match what.weights {
        Some(path) => FeatureNet::open(what.network, path)?,
        None => FeatureNet::seeded(what.network, what.seed)?,
    };
    let maker = Maker::of(patches, side, &[], 0, Colour::Rgb, IMAGENET_MEAN, IMAGENET_STD);
    let rows: Vec<usize> = (0..count).collect();
    let part = |i: usize| &rows[i * BATCH..count.min((i + 1) * BATCH)];
    let wide = what.network.features() as usize;
    let mut out = Vec::with_capacity(count * wide);
    in_order(
        what.loader_threads,
        0..count.div_ceil(BATCH),
        |i| maker.make(part(i), None),
        |_, batch| {
            if !go_on(out.len() / wide, count) {
                return Err(Failure::interrupted("stopped on request"));
            }
            let seen = batch.images(tch::Device::Cpu).and_then(|images| net.features(&images)).torch("take image features")?;
            out.extend(store::values(&seen)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok((out, wide))
}
