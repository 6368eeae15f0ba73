//! The keys of networks, freezing, retrieval and optimisers: read, refused, explained, and silent where they say nothing new.

use pinfold::protocol::quirks::{self, State};
use pinfold::protocol::schema::{Averaging, FrozenNorm, Loss, NetworkName, Optimiser, Protocol, Trainable, Weighting};
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

const CLUSTERS: [&str; 9] = [
    "clusters.network=tiny_cnn",
    "clusters.weights=random",
    "clusters.image_weight=1.0",
    "clusters.position_weight=2.0",
    "clusters.weighting=after-standardising",
    "clusters.embedding=pca",
    "clusters.min_cluster_size=70",
    "clusters.min_samples=3",
    "clusters.selection_epsilon=0.05",
];

#[test]
fn clusters_are_read_and_what_cannot_be_is_refused_plainly() {
    let p = with(&CLUSTERS).expect("sound");
    assert_eq!(p.clusters.as_ref().and_then(|c| c.principal()), Some(2));
    assert_eq!(parse::from_canonical(p.canonical()).expect("reads back"), p);
    // Where there is none, nothing of it is in the canonical form.
    assert!(with(&[]).expect("demo").canonical().get("clusters").is_none());
    let refused = |more: &[&str], due: &str| {
        let all: Vec<&str> = CLUSTERS.iter().chain(more).copied().collect();
        let said = with(&all).expect_err(due);
        assert!(said.contains(due), "{said}");
    };
    refused(&["clusters.embedding=umap"], "clusters.embedding: \"umap\" is not available");
    refused(&["clusters.embedding=umap"], "no kept crate gives it reproducibly");
    refused(&["clusters.embedding=tsne"], "tsne");
    refused(&["clusters.embedding=none", "clusters.components=3"], "clusters.components");
    refused(&["clusters.components=0"], "clusters.components");
    refused(&["clusters.weights=resnet18.safetensors"], "clusters.weights");
    refused(&["clusters.weights=../resnet18-f37072fd.safetensors"], "clusters.weights");
    refused(&["clusters.image_weight=-1.0"], "clusters.image_weight");
    refused(&["clusters.image_weight=0.0", "clusters.position_weight=0.0"], "one of the two weights");
    refused(&["clusters.min_cluster_size=1"], "clusters.min_cluster_size");
    refused(&["clusters.min_samples=0"], "clusters.min_samples");
    refused(&["clusters.selection_epsilon=nan"], "clusters.selection_epsilon");
    refused(&["clusters.network=resnet18", "network.name=tiny_cnn", "patch.resize=16"], "clusters.network");
    refused(&["clusters.k=9"], "k");
    refused(&BLEEP, "with [retrieval] there is no head");
}

#[test]
fn cluster_quirks_concern_protocols_with_clusters() {
    let load = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("protocols/{name}.toml"));
        protocol::load(&path, &[]).expect("sound").protocol
    };
    let of = |name: &str| {
        let all = quirks::of_protocol(&load(name));
        all.into_iter().filter(|(q, _)| q.id.starts_with('C')).map(|(q, state)| (q.id.as_str(), state)).collect::<Vec<_>>()
    };
    assert_eq!(of("liver-effb0-8020"), []);
    let states = |c2| ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8"].map(|id| (id, if id == "C2" { c2 } else { State::Fixed }));
    assert_eq!(of("liver-cluster-id"), states(State::Kept));
    assert_eq!(of("liver-cluster-id-corrected"), states(State::Mended));
    let (kept, mended) = (load("liver-cluster-id"), load("liver-cluster-id-corrected"));
    assert!(kept.published.is_empty() && mended.published.is_empty(), "nothing was published of it");
    let weighting = |p: &Protocol| p.clusters.as_ref().map(|c| c.weighting);
    assert_eq!((weighting(&kept), weighting(&mended)), (Some(Weighting::BeforeStandardising), Some(Weighting::AfterStandardising)));
}

#[test]
fn the_manual_names_these_keys() {
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md")).expect("docs/protocol.md");
    for key in [
        "trainable",
        "frozen_norm",
        "head_start",
        "drop_last",
        "test_views",
        "width",
        "temperature",
        "mode",
        "weighting",
        "embedding",
        "components",
        "unlabelled",
        "ties",
        "validation_slide",
        "half_period",
        "floor",
        "headline",
        "offsets",
        "window",
        "reference",
        "closing",
        "holes",
        "inputs",
        "scales",
        "standardise",
    ] {
        assert!(manual.contains(&format!("| `{key}` |")), "docs/protocol.md does not name '{key}'");
    }
    for word in [
        "efficientnet_b7",
        "resnet50",
        "densenet121",
        "mobilenet_v2",
        "adamw",
        "sgd",
        "squared-error-sum",
        "contrastive",
        "vision_mlp_multitask",
        "edge",
        "unit",
        "rank",
        "cosine-swinging",
        "max-test-spearman",
        "mosaic-training",
        "in-sample",
        "swapped",
        "within-spots",
    ] {
        assert!(manual.contains(&format!("**`{word}`**")), "docs/protocol.md does not explain '{word}'");
    }
}
