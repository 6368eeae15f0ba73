//! Keys of `[train]`: optimiser, schedule, length, and which epoch's weights are kept.

use serde::{Deserialize, Serialize};

/// Optimiser, schedule, length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The optimiser.
    pub optimiser: Optimiser,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// L2 weight decay, added to the gradient as torch's Adam and SGD do it; with `adamw` off the weights.
    pub weight_decay: f64,
    /// Passes over the training spots.
    pub epochs: usize,
    /// Spots a step.
    pub batch: usize,
    /// A last batch that is not full is left out, of the training and of the validation loss.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop_last: bool,
    /// Every epoch takes the spots in the order of the first: a published quirk (B5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_order: bool,
    /// How the learning rate goes.
    pub schedule: Schedule,
    /// Epochs from the top of the cosine to its floor, for the schedules that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_period: Option<usize>,
    /// The floor as a share of `learning_rate`, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// The loss.
    pub loss: Loss,
    /// How a pass over batches becomes one number.
    pub epoch_loss: EpochLoss,
    /// Which epoch's weights are kept.
    pub best: Best,
    /// Precision of the forward and backward pass.
    #[serde(default, skip_serializing_if = "Precision::is_full")]
    pub precision: Precision,
    /// Training ends after so many epochs in a row that are not better by what `best` looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
}

/// Precision of the forward and backward pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit numbers throughout.
    #[default]
    Full,
    /// On a GPU: 16-bit numbers where libtorch's autocast thinks them safe, with a gradient scaler. On the CPU, as in
    /// PyTorch's `torch.cuda.amp`: 32-bit numbers.
    Mixed,
}

impl Precision {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// Optimisers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimiser {
    /// Adam, betas 0.9 and 0.999, epsilon 1e-8.
    Adam,
    /// Adam with the weight decay taken off the weights themselves, apart from the gradient.
    Adamw,
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
}

/// Learning-rate schedules, stepped once an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Always the same.
    Constant,
    /// Half a cosine down to 0 over all epochs.
    Cosine,
    /// The cosine stepped with the validation loss in place of the epoch: a published quirk (T1).
    CosineOfLoss,
    /// Half a cosine down to the floor over `half_period` epochs, and the floor from then on.
    CosineToFloor,
    /// The same cosine going on for ever, so that the rate climbs back to the top: a published quirk (Q16).
    CosineSwinging,
}

/// Losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Mean squared error over spots and genes.
    Mse,
    /// The sum over a batch's spots of their mean squared error over genes, as ST-Net does. The history shows the mean
    /// over spots, like `mse`.
    SquaredErrorSum,
    /// BLEEP's, over the patches and spots of a batch; it needs `[retrieval]`.
    Contrastive,
}

/// How batch losses become an epoch's loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpochLoss {
    /// Every spot counts the same.
    SpotMean,
    /// Every batch counts the same, a short last one too: a published quirk (T9).
    BatchMean,
}

/// Which epoch's weights become the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Best {
    /// The last.
    Last,
    /// The smallest loss on the validation spots; the earlier one on a tie.
    MinValidationLoss,
    /// The smallest loss on the test spots: a leak that several published scripts have (D13).
    MinTestLoss,
    /// The largest mean over the validation spots of the rank correlation within a spot, over its genes.
    MaxValidationSpearman,
    /// The same over the test spots: a leak (Q12).
    MaxTestSpearman,
}

impl Best {
    /// Whether the test spots choose.
    pub fn looks_at_test(self) -> bool {
        matches!(self, Self::MinTestLoss | Self::MaxTestSpearman)
    }

    /// Whether spots are needed that neither train nor test.
    pub fn needs_validation(self) -> bool {
        matches!(self, Self::MinValidationLoss | Self::MaxValidationSpearman)
    }

    /// Whether the rank correlation within spots chooses, in place of the loss.
    pub fn by_spearman(self) -> bool {
        matches!(self, Self::MaxValidationSpearman | Self::MaxTestSpearman)
    }
}

impl Schedule {
    /// Whether it needs `half_period` and `floor`.
    pub fn has_floor(self) -> bool {
        matches!(self, Self::CosineToFloor | Self::CosineSwinging)
    }
}
