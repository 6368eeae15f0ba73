//! The single-patch regressor: a backbone and a small head (spec/liver-single-patch.md, section 3.1).

use super::backbone::{Backbone, Kind, read_backbone};
use super::freeze::Frozen;
use super::layers::Linear;
use super::store::Store;
use super::vision_mlp::{self, Decoder};
use super::{Doing, Torch, init};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use std::path::Path;
use tch::{Device, Tensor, no_grad};

/// The head's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Width of the hidden layer; 0 for none.
    pub hidden: usize,
    /// Dropout before each linear layer.
    pub dropout: f64,
    /// Outputs: genes.
    pub outputs: usize,
}

/// Image to expression, with the spot's cluster beside the image features where there is one. Checkpoint names: `backbone.*`, `hidden.*`, `regressor.*`.
pub struct Regressor {
    /// All tensors, in registration order.
    pub store: Store,
    /// The part of `store` that is the backbone, under its own names (other handles of the same tensors).
    backbone_store: Store,
    backbone: Backbone,
    answer: Answer,
    /// The joined features reach the decoder in the wrong order (quirk Q1).
    swapped: bool,
}

/// What stands behind the features.
enum Answer {
    /// A hidden layer where there is one, and an output layer; dropout before each.
    Plain { hidden: Option<Linear>, regressor: Linear, dropout: f64 },
    /// HEVisum's.
    Decoder(Decoder),
}

impl Regressor {
    /// Builds it after `manual_seed(seed)`, drawing in PyTorch's order: backbone, hidden layer, output layer. All of it
    /// learns.
    pub fn new(kind: Kind, head: Head, seed: u64, device: Device) -> Result<Self> {
        Self::freezing(kind, head, Frozen::default(), seed, device)
    }

    /// The same with a part of the backbone frozen.
    pub fn freezing(kind: Kind, head: Head, frozen: Frozen, seed: u64, device: Device) -> Result<Self> {
        Self::beside(kind, head, 0, frozen, seed, device)
    }

    /// The same with so many numbers joined to the image features before the head.
    pub fn beside(kind: Kind, head: Head, joined: usize, frozen: Frozen, seed: u64, device: Device) -> Result<Self> {
        let _generator = init::generator();
        Self::build(kind, head, joined, frozen, seed, device).torch("build the network")
    }

    fn build(kind: Kind, head: Head, joined: usize, frozen: Frozen, seed: u64, device: Device) -> Torch<Self> {
        tch::manual_seed(seed as i64);
        let mut backbone_store = Store::freezing(frozen);
        let backbone = Backbone::new(&mut backbone_store, kind)?;
        let mut store = Store::new();
        // HEVisum's names stand alone, as published.
        let own = kind == Kind::VisionMlp;
        store.adopt(if own { "" } else { "backbone." }, &backbone_store);
        let (features, outputs) = (kind.features() + joined as i64, head.outputs as i64);
        let answer = if own {
            Answer::Decoder(Decoder::new(&mut store, outputs, head.dropout)?)
        } else {
            let hidden = if head.hidden == 0 { None } else { Some(Linear::new(&mut store, "hidden", features, head.hidden as i64)?) };
            let width = if head.hidden == 0 { features } else { head.hidden as i64 };
            Answer::Plain { hidden, regressor: Linear::new(&mut store, "regressor", width, outputs)?, dropout: head.dropout }
        };
        store.settle(device, tch::Kind::Float)?;
        Ok(Self { store, backbone_store, backbone, answer, swapped: false })
    }

    /// Lets the output layer begin at a constant answer, as ST-Net does: weight 0, and one number a gene as bias.
    pub fn start_at(&self, answer: &[f32]) -> Result<()> {
        let Answer::Plain { regressor, .. } = &self.answer else {
            return Err(Failure::input("this network's head begins as PyTorch draws it").at("network.head_start"));
        };
        let set = || {
            let bias = Tensor::f_from_slice(answer)?;
            let _ = regressor.weight.shallow_clone().f_zero_()?;
            regressor.bias.shallow_clone().f_copy_(&bias).map(drop)
        };
        no_grad(set).torch("set the head's first values")
    }

    /// Copies pretrained values into the backbone: a torchvision state dict, or another checkpoint's `backbone.*`.
    pub fn load_backbone(&self, path: &Path) -> Result<()> {
        read_backbone(&self.backbone_store, &Arrays::open(path)?).map_err(|e| e.at(path.display().to_string()))
    }

    /// Copies a whole checkpoint in.
    pub fn load(&self, path: &Path) -> Result<()> {
        self.store.read_from(&Arrays::open(path)?, "", |_| false).map_err(|e| e.at(path.display().to_string()))
    }

    /// The same network with its scales handed to the decoder in the order of the published stacking (quirk Q1). Only for
    /// HEVisum's; others stay as they are.
    pub fn with_scales_swapped(self, swapped: bool) -> Self {
        let swapped = swapped && matches!(self.answer, Answer::Decoder(_));
        Self { swapped, ..self }
    }

    /// Normalised patches [N, 3, P, P] to expression [N, G]. Training mode draws from libtorch's generator.
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        self.forward_beside(x, None, train)
    }

    /// The same with numbers [N, joined] beside the image features; the head's dropout takes both alike.
    pub fn forward_beside(&self, x: &Tensor, joined: Option<&Tensor>, train: bool) -> Torch<Tensor> {
        let features = self.backbone.forward(x, train)?;
        let features = match joined {
            Some(joined) => Tensor::f_cat(&[&features, joined], 1)?,
            None => features,
        };
        match &self.answer {
            Answer::Plain { hidden, regressor, dropout } => {
                let mut y = features.f_dropout(*dropout, train)?;
                if let Some(hidden) = hidden {
                    y = hidden.forward(&y)?.f_relu()?.f_dropout(*dropout, train)?;
                }
                regressor.forward(&y)
            }
            Answer::Decoder(decoder) if self.swapped => decoder.forward(&vision_mlp::swapped(&features)?, train),
            Answer::Decoder(decoder) => decoder.forward(&features, train),
        }
    }
}

/// How many patches, of which side, a byte slice holds, or an error that says what is wrong.
pub fn patch_count(patches: &[u8], side: usize) -> Result<usize> {
    let one = side * side * 3;
    if one == 0 || !patches.len().is_multiple_of(one) {
        return Err(Failure::input(format!("{} bytes are no whole number of {side} x {side} colour patches", patches.len())));
    }
    Ok(patches.len() / one)
}
