//! The keys of networks, freezing, retrieval and optimisers: read, refused, explained, and silent where they say nothing new.

use pinfold::protocol::schema::{Averaging, FrozenNorm, Loss, NetworkName, Optimiser, Protocol, Trainable};
use pinfold::protocol::{self, parse};
use std::path::Path;

fn with(overrides: &[&str]) -> Result<Protocol, String> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml");
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    protocol::load(&demo, &overrides).map(|l| l.protocol).map_err(|e| {
        assert_eq!(e.exit as i32, 2, "{e}");
        e.to_string()
    })
}

const BLEEP: [&str; 6] = [
    "train.loss=contrastive",
    "network.hidden=0",
    "retrieval.width=256",
    "retrieval.temperature=1.0",
    "retrieval.mode=weighted-average",
    "retrieval.k=50",
];

#[test]
fn every_network_has_its_name() {
    for (name, due) in [
        ("efficientnet_b0", NetworkName::EfficientnetB0),
        ("efficientnet_b7", NetworkName::EfficientnetB7),
        ("resnet18", NetworkName::Resnet18),
        ("resnet50", NetworkName::Resnet50),
        ("densenet121", NetworkName::Densenet121),
        ("mobilenet_v2", NetworkName::MobilenetV2),
    ] {
        let set = format!("network.name={name}");
        assert_eq!(with(&[&set]).expect(name).network.name, due);
        let small = with(&[&set, "patch.resize=31"]).expect_err("too small");
        assert!(small.contains("patch.resize") && small.contains("at least 32 pixels"), "{small}");
    }
    assert!(with(&["network.name=resnet34"]).expect_err("unknown").contains("resnet34"));
}

#[test]
fn frozen_parts_and_other_trainings_are_read_and_read_back() {
    let p = with(&["network.trainable=-9", "network.frozen_norm=moving", "network.head_start=training-mean", "train.optimiser=sgd"])
        .expect("sound");
    assert_eq!((p.network.trainable, p.network.frozen_norm, p.train.optimiser), (Trainable::From(-9), FrozenNorm::Moving, Optimiser::Sgd));
    assert_eq!(parse::from_canonical(p.canonical()).expect("reads back"), p);
    let wrong = with(&["network.trainable=half"]).expect_err("no such part");
    assert!(wrong.contains("\"all\", \"head\" or a whole number k"), "{wrong}");
    let views = with(&["augmentation.test_views=4"]).expect_err("no such set");
    assert!(views.contains("augmentation.test_views"), "{views}");
    // What is said where nothing was said before changes no key.
    let (plain, said) =
        (with(&[]).expect("demo"), with(&["network.trainable=all", "train.drop_last=false", "augmentation.test_views=1"]).expect("sound"));
    assert_eq!((plain.network.clone(), plain.train.clone()), (said.network.clone(), said.train.clone()));
    let keys = serde_json::to_string(&(&said.network, &said.train, &said.augmentation)).expect("JSON");
    assert!(["trainable", "frozen_norm", "head_start", "drop_last", "test_views"].iter().all(|k| !keys.contains(k)), "{keys}");
}

#[test]
fn retrieval_and_the_contrastive_loss_belong_together() {
    let p = with(&BLEEP).expect("sound");
    let r = p.retrieval.expect("there");
    assert_eq!((r.mode, r.k, p.train.loss), (Averaging::WeightedAverage, 50, Loss::Contrastive));
    assert_eq!(parse::from_canonical(p.canonical()).expect("reads back"), p);
    let refused = |more: &[&str], key: &str| {
        let all: Vec<&str> = BLEEP.iter().chain(more).copied().collect();
        let said = with(&all).expect_err(key);
        assert!(said.contains(key), "{said}");
    };
    refused(&["train.loss=mse"], "train.loss");
    refused(&["network.hidden=8"], "network.hidden");
    refused(&["network.head_start=training-mean"], "network.head_start");
    refused(&["retrieval.width=0"], "retrieval.width");
    refused(&["retrieval.temperature=0.0"], "retrieval.temperature");
    refused(&["retrieval.k=0"], "retrieval.k");
    refused(&["retrieval.mode=best"], "best");
    refused(&["augmentation.test_views=8"], "augmentation.test_views");
    assert!(with(&["train.loss=contrastive"]).expect_err("no answer").contains("[retrieval]"));
}

#[test]
fn the_manual_names_these_keys() {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md")).expect("docs/protocol.md");
    for key in ["trainable", "frozen_norm", "head_start", "drop_last", "test_views", "width", "temperature", "mode"] {
        assert!(manual.contains(&format!("| `{key}` |")), "docs/protocol.md does not name '{key}'");
    }
    for word in ["efficientnet_b7", "resnet50", "densenet121", "mobilenet_v2", "adamw", "sgd", "squared-error-sum", "contrastive"] {
        assert!(manual.contains(&format!("**`{word}`**")), "docs/protocol.md does not explain '{word}'");
    }
}
