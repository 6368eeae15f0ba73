//! The backbones by name.

use super::densenet::{self, DenseNet};
use super::efficientnet::{self, EfficientNet};
use super::init;
use super::mobilenet::{self, MobileNet};
use super::resnet::{self, ResNet};
use super::store::Store;
use super::tiny::{self, TinyCnn};
use super::vision_mlp::{self, VisionMlp};
use super::{Doing, Torch};
use crate::base::arrays::Arrays;
use crate::base::{Failure, Result};
use std::path::Path;
use tch::Tensor;

/// Which backbone. Parameters are counted without the ImageNet classifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// EfficientNet-B0, 4,007,548 parameters, 1,280 features.
    EfficientNetB0,
    /// EfficientNet-B7, 63,786,960 parameters, 2,560 features.
    EfficientNetB7,
    /// ResNet-18, 11,176,512 parameters, 512 features.
    Resnet18,
    /// ResNet-50, 23,508,032 parameters, 2,048 features.
    Resnet50,
    /// DenseNet-121, 6,953,856 parameters, 1,024 features.
    Densenet121,
    /// MobileNetV2, 2,223,872 parameters, 1,280 features.
    MobilenetV2,
    /// Two convolutions, 1,416 parameters, 16 features.
    TinyCnn,
    /// HEVisum's three encoders over one tile, 6,537,856 parameters, 384 features; with a decoder of its own for a head.
    VisionMlp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::EfficientNetB0,
        Self::EfficientNetB7,
        Self::Resnet18,
        Self::Resnet50,
        Self::Densenet121,
        Self::MobilenetV2,
        Self::TinyCnn,
        Self::VisionMlp,
    ];

    /// The name in protocols and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNetB0 => "efficientnet_b0",
            Self::EfficientNetB7 => "efficientnet_b7",
            Self::Resnet18 => "resnet18",
            Self::Resnet50 => "resnet50",
            Self::Densenet121 => "densenet121",
            Self::MobilenetV2 => "mobilenet_v2",
            Self::TinyCnn => "tiny_cnn",
            Self::VisionMlp => "vision_mlp_multitask",
        }
    }

    /// The backbone of that name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Failure::input(format!("no network is called '{name}'")).hint(format!("the networks are: {known}"))
        })
    }

    /// Side of the last feature map for patches of a side, in pixels; 0 for patches that are too small.
    pub fn last_side(self, side: usize) -> usize {
        let up = |side: usize, times: usize| (0..times).fold(side, |s, _| s.div_ceil(2));
        match self {
            Self::TinyCnn => up(side, 2),
            // The middle subtile's, the smallest of its maps.
            Self::VisionMlp => side / 3 / 4,
            // Convolutions round up, the average pools behind them down.
            Self::Densenet121 => up(side, 2) / 8,
            _ => up(side, 5),
        }
    }

    /// The only side of patches that it takes, in pixels, if there is one.
    pub fn only_side(self) -> Option<usize> {
        (self == Self::VisionMlp).then_some(vision_mlp::TILE as usize)
    }

    /// Length of the feature vector.
    pub fn features(self) -> i64 {
        match self {
            Self::EfficientNetB0 => efficientnet::B0.features,
            Self::EfficientNetB7 => efficientnet::B7.features,
            Self::Resnet18 => resnet::R18.features,
            Self::Resnet50 => resnet::R50.features,
            Self::Densenet121 => densenet::FEATURES,
            Self::MobilenetV2 => mobilenet::FEATURES,
            Self::TinyCnn => tiny::FEATURES,
            Self::VisionMlp => vision_mlp::FEATURES,
        }
    }
}

/// What every backbone does.
pub trait Network {
    /// [N, 3, H, W] to [N, F]. Training mode moves running statistics and may draw from libtorch's generator.
    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor>;
}

/// An image to a feature vector.
pub struct Backbone(Box<dyn Network>);

impl Backbone {
    /// Registers a backbone and draws its initial values from libtorch's generator.
    pub fn new(store: &mut Store, kind: Kind) -> Torch<Self> {
        Ok(Self(match kind {
            Kind::EfficientNetB0 => Box::new(EfficientNet::new(store, &efficientnet::B0)?),
            Kind::EfficientNetB7 => Box::new(EfficientNet::new(store, &efficientnet::B7)?),
            Kind::Resnet18 => Box::new(ResNet::new(store, &resnet::R18)?),
            Kind::Resnet50 => Box::new(ResNet::new(store, &resnet::R50)?),
            Kind::Densenet121 => Box::new(DenseNet::new(store)?),
            Kind::MobilenetV2 => Box::new(MobileNet::new(store)?),
            Kind::TinyCnn => Box::new(TinyCnn::new(store)?),
            Kind::VisionMlp => Box::new(VisionMlp::new(store)?),
        }))
    }

    /// [N, 3, H, W] to [N, F].
    pub fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        self.0.forward(x, train)
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

    /// With initial values drawn after `manual_seed(seed)`, in single precision.
    pub fn seeded(kind: Kind, seed: u64) -> Result<Self> {
        let _generator = init::generator();
        tch::manual_seed(seed as i64);
        Self::build(kind, tch::Kind::Float)
    }

    /// With drawn initial values, in an element type.
    pub fn new(kind: Kind, element: tch::Kind) -> Result<Self> {
        // Without a seed of its own, but never between another's seed and its draws.
        let _generator = init::generator();
        Self::build(kind, element)
    }

    fn build(kind: Kind, element: tch::Kind) -> Result<Self> {
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
        if self.kind.only_side().is_some_and(|s| shape[2..] != [s, s]) {
            return Err(Failure::input(format!(
                "images of {} x {} pixels, and {} takes those of 78 x 78",
                shape[2],
                shape[3],
                self.kind.name()
            )));
        }
        if self.kind.last_side(shape[2]) == 0 || self.kind.last_side(shape[3]) == 0 {
            return Err(Failure::input(format!("images of {} x {} pixels are too small for {}", shape[2], shape[3], self.kind.name())));
        }
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

/// Copies a backbone's values in: names may stand alone or under `backbone.`; a `classifier` (ResNet: `fc`) may be there.
pub fn read_backbone(store: &Store, file: &Arrays) -> Result<()> {
    let prefix = if file.entries().keys().any(|n| n.starts_with("backbone.")) { "backbone." } else { "" };
    store.read_from(file, prefix, |name| ["classifier.", "fc.", "decoder."].iter().any(|head| name.starts_with(head)))
}
