//! Which part of a backbone learns, and what the rest does meanwhile (spec/liver-single-patch.md, sections 3.1 and 8.2).

use super::backbone::Kind;
use super::densenet;

/// Which part of a backbone learns. The head always does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Learning {
    /// All of it.
    #[default]
    All,
    /// Python's slice `features[k:]` of torchvision's `features`. A backbone without `features` (ResNet) does not learn
    /// at all: the published rule.
    From(i64),
    /// Nothing of it.
    Nothing,
}

/// What is frozen in a network, asked name by name while its tensors are registered.
#[derive(Clone, Debug, Default)]
pub struct Frozen {
    /// Beginnings of the names that learn; none for all names.
    learning: Option<Vec<String>>,
    /// Frozen normalisations still take a batch's statistics and move their running ones (quirk M4).
    norms_move: bool,
}

impl Frozen {
    /// By the rule, for a backbone; names are the backbone's own.
    pub fn new(kind: Kind, learning: Learning, norms_move: bool) -> Self {
        let prefixes = match learning {
            Learning::All => None,
            Learning::Nothing => Some(Vec::new()),
            Learning::From(k) => {
                let children = kind.children();
                let count = children.len() as i64;
                let start = if k < 0 { (count + k).max(0) } else { k.min(count) };
                Some(children[start as usize..].iter().map(|c| format!("features.{c}.")).collect())
            }
        };
        Self { learning: prefixes, norms_move }
    }

    /// Whether the parameter of that name is frozen.
    pub fn covers(&self, name: &str) -> bool {
        self.learning.as_ref().is_some_and(|l| !l.iter().any(|p| name.starts_with(p.as_str())))
    }

    /// Whether the normalisation with the weight of that name keeps its running statistics as they are.
    pub fn fixes_norm(&self, weight: &str) -> bool {
        !self.norms_move && self.covers(weight)
    }
}

impl Kind {
    /// The names of the children of torchvision's `features`, in order; empty for a network without that attribute.
    pub fn children(self) -> Vec<String> {
        let numbered = |n: usize| (0..n).map(|i| i.to_string()).collect();
        match self {
            Self::EfficientNetB0 | Self::EfficientNetB7 => numbered(9),
            Self::MobilenetV2 => numbered(19),
            Self::Densenet121 => densenet::CHILDREN.map(str::to_owned).into(),
            Self::TinyCnn => numbered(2),
            Self::Resnet18 | Self::Resnet50 | Self::VisionMlp => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_pythons() {
        let learns = |kind: Kind, k: i64, name: &str| !Frozen::new(kind, Learning::From(k), false).covers(name);
        // features[-9:] of nine children is everything; of twelve it leaves out the first three.
        assert!(learns(Kind::EfficientNetB0, -9, "features.0.0.weight"));
        assert!(learns(Kind::EfficientNetB0, -20, "features.0.0.weight") && !learns(Kind::EfficientNetB0, 9, "features.8.0.weight"));
        assert!(!learns(Kind::EfficientNetB0, -8, "features.0.0.weight") && learns(Kind::EfficientNetB0, -8, "features.1.0.weight"));
        assert!(!learns(Kind::Densenet121, -9, "features.norm0.weight"));
        assert!(learns(Kind::Densenet121, -9, "features.denseblock1.denselayer1.conv1.weight"));
        // Child 1 is no beginning of child 10.
        assert!(!learns(Kind::MobilenetV2, -9, "features.1.conv.1.weight") && learns(Kind::MobilenetV2, -9, "features.10.conv.2.weight"));
        assert!(!learns(Kind::Resnet18, 0, "conv1.weight"));
        assert!(!Frozen::new(Kind::Resnet18, Learning::All, true).covers("conv1.weight"));
        assert!(Frozen::new(Kind::TinyCnn, Learning::Nothing, false).fixes_norm("features.0.1.weight"));
        assert!(!Frozen::new(Kind::TinyCnn, Learning::Nothing, true).fixes_norm("features.0.1.weight"));
    }
}
