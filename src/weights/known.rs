//! The published weight files of the systems that pinfold re-runs (spec/liver-single-patch.md, section 3.3).

/// A published file.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Known {
    /// The network.
    pub network: &'static str,
    /// The file's name; after the last hyphen the first digits of its SHA-256.
    pub file: &'static str,
    /// Where it is published.
    pub url: &'static str,
    /// What it is, and where it is used.
    pub note: &'static str,
}

impl Known {
    const fn new(network: &'static str, file: &'static str, url: &'static str, note: &'static str) -> Self {
        Self { network, file, url, note }
    }
}

/// The files, by network.
pub const FILES: &[Known] = &[
    Known::new(
        "densenet121",
        "densenet121-a639ec97.pth",
        "https://download.pytorch.org/models/densenet121-a639ec97.pth",
        "torchvision's IMAGENET1K_V1 and DEFAULT; 'pinfold weights import' renames its tensors as torchvision does",
    ),
    Known::new(
        "efficientnet_b0",
        "efficientnet_b0_rwightman-7f5810bc.pth",
        "https://download.pytorch.org/models/efficientnet_b0_rwightman-7f5810bc.pth",
        "torchvision's IMAGENET1K_V1 and DEFAULT",
    ),
    Known::new(
        "efficientnet_b7",
        "efficientnet_b7_lukemelas-c5b4e57e.pth",
        "https://download.pytorch.org/models/efficientnet_b7_lukemelas-c5b4e57e.pth",
        "torchvision's IMAGENET1K_V1 and DEFAULT",
    ),
    Known::new(
        "mobilenet_v2",
        "mobilenet_v2-b0353104.pth",
        "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        "torchvision's IMAGENET1K_V1",
    ),
    Known::new(
        "mobilenet_v2",
        "mobilenet_v2-7ebf99e0.pth",
        "https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
        "torchvision's IMAGENET1K_V2 and DEFAULT",
    ),
    Known::new(
        "resnet18",
        "resnet18-f37072fd.pth",
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "torchvision's IMAGENET1K_V1 and DEFAULT",
    ),
    Known::new(
        "resnet50",
        "resnet50-0676ba61.pth",
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "torchvision's IMAGENET1K_V1",
    ),
    Known::new(
        "resnet50",
        "resnet50-11ad3fa6.pth",
        "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        "torchvision's IMAGENET1K_V2 and DEFAULT; which of the two the liver paper used is not known",
    ),
];

/// What a published checkpoint is, by the digest of its file (spec/hevisum.md, section 3.8).
pub fn checkpoint(sha256: &crate::base::Digest) -> Option<&'static str> {
    const STACK: &str = "29bdc8b494f8d8a01a5d0cf79c2cd81f7d642b4d471b1362fb123848e272dbec";
    (sha256.to_string() == STACK)
        .then_some("HEVisum's published meta-model, output_folder/stacking_meta_best.pt of Dewey-Wang/HEVisum at 42072bf (CC BY-NC 4.0)")
}
