//! BLEEP (Xie et al., NeurIPS 2023): patches and spots in one space, and its contrastive loss
//! (spec/liver-single-patch.md, section 3.5).

use super::backbone::{Backbone, Kind, read_backbone};
use super::freeze::Frozen;
use super::layers::Linear;
use super::store::Store;
use super::{Doing, Torch, init};
use crate::base::Result;
use crate::base::arrays::Arrays;
use std::path::Path;
use tch::{Device, Kind as Element, Tensor};

/// The numbers of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Length of a spot's expression vector.
    pub genes: usize,
    /// Length of an embedding.
    pub width: usize,
    /// Dropout inside the projections.
    pub dropout: f64,
    /// Divides all products of embeddings.
    pub temperature: f64,
}

/// p = Linear(x); LayerNorm(p + Dropout(Linear(GELU(p)))).
struct Projection {
    projection: Linear,
    fc: Linear,
    weight: Tensor,
    bias: Tensor,
    dropout: f64,
}

impl Projection {
    /// Registers `<name>.projection.*`, `<name>.fc.*` and `<name>.layer_norm.*` with PyTorch's draws.
    fn new(store: &mut Store, name: &str, input: i64, width: i64, dropout: f64) -> Torch<Self> {
        let full = |value: f64| init::empty(&[width])?.f_fill_(value);
        Ok(Self {
            projection: Linear::new(store, &format!("{name}.projection"), input, width)?,
            fc: Linear::new(store, &format!("{name}.fc"), width, width)?,
            weight: store.parameter(&format!("{name}.layer_norm.weight"), full(1.0)?),
            bias: store.parameter(&format!("{name}.layer_norm.bias"), full(0.0)?),
            dropout,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        let p = self.projection.forward(x)?;
        let q = self.fc.forward(&p.f_gelu("none")?)?.f_dropout(self.dropout, train)?;
        q.f_add(&p)?.f_layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), 1e-5, true)
    }
}

/// Images and spots to embeddings. Checkpoint names: `backbone.*`, `image_projection.*`, `spot_projection.*`.
pub struct Bleep {
    /// All tensors, in registration order.
    pub store: Store,
    backbone_store: Store,
    backbone: Backbone,
    image: Projection,
    spot: Projection,
    temperature: f64,
}

impl Bleep {
    /// Builds it after `manual_seed(seed)`: backbone, image projection, spot projection.
    pub fn new(kind: Kind, shape: Shape, frozen: Frozen, seed: u64, device: Device) -> Result<Self> {
        let _generator = init::generator();
        Self::build(kind, shape, frozen, seed, device).torch("build the network")
    }

    fn build(kind: Kind, shape: Shape, frozen: Frozen, seed: u64, device: Device) -> Torch<Self> {
        tch::manual_seed(seed as i64);
        let mut backbone_store = Store::freezing(frozen);
        let backbone = Backbone::new(&mut backbone_store, kind)?;
        let mut store = Store::new();
        store.adopt("backbone.", &backbone_store);
        let (width, dropout) = (shape.width as i64, shape.dropout);
        let image = Projection::new(&mut store, "image_projection", kind.features(), width, dropout)?;
        let spot = Projection::new(&mut store, "spot_projection", shape.genes as i64, width, dropout)?;
        store.settle(device, Element::Float)?;
        Ok(Self { store, backbone_store, backbone, image, spot, temperature: shape.temperature })
    }

    /// Copies pretrained values into the backbone, as [`super::Regressor::load_backbone`].
    pub fn load_backbone(&self, path: &Path) -> Result<()> {
        read_backbone(&self.backbone_store, &Arrays::open(path)?).map_err(|e| e.at(path.display().to_string()))
    }

    /// Copies a whole checkpoint in.
    pub fn load(&self, path: &Path) -> Result<()> {
        self.store.read_from(&Arrays::open(path)?, "", |_| false).map_err(|e| e.at(path.display().to_string()))
    }

    /// Normalised patches [N, 3, P, P] to embeddings [N, width].
    pub fn images(&self, x: &Tensor, train: bool) -> Torch<Tensor> {
        self.image.forward(&self.backbone.forward(x, train)?, train)
    }

    /// Expression [N, genes] to embeddings [N, width].
    pub fn spots(&self, expression: &Tensor, train: bool) -> Torch<Tensor> {
        self.spot.forward(expression, train)
    }

    /// The loss of a batch of patches and their spots' expression.
    pub fn loss(&self, images: &Tensor, expression: &Tensor, train: bool) -> Torch<Tensor> {
        // In this order: dropout draws for the images first, as in the published code.
        let images = self.images(images, train)?;
        let spots = self.spots(expression, train)?;
        let (by_spot, by_image) = losses(&spots, &images, self.temperature)?;
        by_spot.f_add(&by_image)?.f_div_scalar(2.0)?.f_mean(Element::Float)
    }
}

/// Each spot's and each image's loss `[B]`, of embeddings [B, D] that belong together row by row.
///
/// With L = S·Iᵀ/τ and T = softmax over rows of (I·Iᵀ + S·Sᵀ)/2τ: −Σ_j T_bj·log softmax(L)_bj, and the same of Tᵀ and
/// Lᵀ, whose rows do not sum to 1 (quirk B3). Gradients flow through T.
pub fn losses(spots: &Tensor, images: &Tensor, temperature: f64) -> Torch<(Tensor, Tensor)> {
    let logits = spots.f_matmul(&images.f_transpose(0, 1)?)?.f_div_scalar(temperature)?;
    let alike = |e: &Tensor| e.f_matmul(&e.f_transpose(0, 1)?);
    let targets = alike(images)?.f_add(&alike(spots)?)?.f_div_scalar(2.0 * temperature)?.f_softmax(-1, None::<Element>)?;
    let cross = |targets: &Tensor, logits: &Tensor| {
        targets.f_mul(&logits.f_log_softmax(-1, None::<Element>)?)?.f_sum_dim_intlist([1i64].as_slice(), false, None::<Element>)?.f_neg()
    };
    Ok((cross(&targets, &logits)?, cross(&targets.f_transpose(0, 1)?, &logits.f_transpose(0, 1)?)?))
}
