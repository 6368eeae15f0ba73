//! The backbones by name.

use super::efficientnet::{self, EfficientNet};
use super::init;
use super::store::Store;
use super::tiny::{self, TinyCnn};
use super::{Doing, Torch};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use std::path::Path;
use tch::Tensor;

/// Which backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// EfficientNet-B0, 4,007,548 parameters, 1,280 features.
    EfficientNetB0,
    /// Two convolutions, 1,416 parameters, 16 features.
    TinyCnn,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::EfficientNetB0, Self::TinyCnn];

    /// The name in protocols and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNetB0 => "efficientnet_b0",
            Self::TinyCnn => "tiny_cnn",
        }
    }

    /// The backbone of that name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Failure::input(format!("no network is called '{name}'")).hint(format!("the networks are: {known}"))
        })
    }

    /// How many times smaller the side of the last feature map is than the patch's (rounded up).
    pub fn reduction(self) -> usize {
        match self {
            Self::EfficientNetB0 => 32,
            Self::TinyCnn => 4,
        }
    }

    /// Length of the feature vector.
    pub fn features(self) -> i64 {
        match self {
            Self::EfficientNetB0 => efficientnet::FEATURES,
            Self::TinyCnn => tiny::FEATURES,
        }
    }
}

/// An image to a feature vector.
pub enum Backbone {
    /// EfficientNet-B0.
    EfficientNetB0(Box<EfficientNet>),
    /// The small one.
    TinyCnn(TinyCnn),
}

impl Backbone {
    /// Registers a backbone and draws its initial values from libtorch's generator.
    pub fn new(store: &mut Store, kind: Kind) -> Torch<Self> {
        Ok(match kind {
            Kind::EfficientNetB0 => Self::EfficientNetB0(Box::new(EfficientNet::new(store)?)),
            Kind::TinyCnn => Self::TinyCnn(TinyCnn::new(store)?),
        })
    }

    /// [N, 3, H, W] to [N, F].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        match self {
            Self::EfficientNetB0(net) => net.forward(x, train),
            Self::TinyCnn(net) => net.forward(x, train),
        }
    }
}

/// A backbone with weights from a file, for features alone.
pub struct FeatureNet {
    /// Which.
    pub kind: Kind,
    /// Its tensors.
    pub store: Store,
    backbone: Backbone,
}

impl FeatureNet {
    /// Loads a torchvision state dict, classifier included or not, or the backbone of a checkpoint (`backbone.*`).
    pub fn open(kind: Kind, weights: &Path) -> Result<Self> {
        let net = Self::new(kind, tch::Kind::Float)?;
        read_backbone(&net.store, &Arrays::open(weights)?).map_err(|e| e.at(weights.display().to_string()))?;
        Ok(net)
    }

    /// With drawn initial values, in an element type.
    pub fn new(kind: Kind, element: tch::Kind) -> Result<Self> {
        // Without a seed of its own, but never between another's seed and its draws.
        let _generator = init::generator();
        let mut store = Store::new();
        let backbone = Backbone::new(&mut store, kind).torch("build the network")?;
        store.settle(tch::Device::Cpu, element).torch("build the network")?;
        Ok(Self { kind, store, backbone })
    }

    /// Features in evaluation mode: [N, 3, H, W] to [N, F].
    pub fn features(&self, x: &Tensor) -> Torch<Tensor> {
        tch::no_grad(|| self.backbone.forward(x, false))
    }

    /// The same for plain numbers [N, 3, H, W], some images at a time: [N, F].
    pub fn features_of(&self, images: &[f32], shape: [usize; 4], batch: usize) -> Result<Vec<f32>> {
        let one: usize = shape[1..].iter().product();
        let lengths = shape.map(|n| n as i64);
        let mut out = Vec::new();
        for part in images.chunks(one * batch) {
            let x = Tensor::f_from_slice(part).and_then(|t| t.f_reshape([-1, lengths[1], lengths[2], lengths[3]]));
            let y = x.and_then(|x| self.features(&super::store::channels_last(&x)?)).torch("run the network")?;
            out.extend(super::store::values(&y)?);
        }
        Ok(out)
    }
}

/// Copies a backbone's values in: names may stand alone or under `backbone.`; a `classifier` may be there.
pub fn read_backbone(store: &Store, file: &Arrays) -> Result<()> {
    let prefix = if file.entries().keys().any(|n| n.starts_with("backbone.")) { "backbone." } else { "" };
    store.read_from(file, prefix, |name| name.starts_with("classifier."))
}
