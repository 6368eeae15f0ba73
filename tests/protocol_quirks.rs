//! Quirks as switches: what they fill in, what contradicts them, and how `--without` mends them.

use pinfold::protocol::quirks::{self, State};
use pinfold::protocol::schema::{Best, Colour, EpochLoss, Profile, Schedule, SplitKind, Transform, Undefined};
use pinfold::protocol::{self, Loaded, parse};
use std::path::{Path, PathBuf};

/// The demo without the keys that these quirks govern, and with the quirks.
fn quirky(quirks: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let demo = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/demo.toml")).expect("demo");
    let text =
        demo.replace("schedule = \"cosine\"\n", "").replace("epoch_loss = \"spot-mean\"\n", "").replace("undefined = \"skip\"\n", "");
    let path = dir.path().join("demo.toml");
    std::fs::write(&path, format!("{text}\n[quirks]\n{quirks}\n")).expect("write");
    (dir, path)
}

fn load(path: &Path, overrides: &[&str]) -> Loaded {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    protocol::load(path, &overrides).unwrap_or_else(|e| panic!("{e}"))
}

const KEPT: &str = "T1 = \"as-published\"\nT9 = \"as-published\"\nR3 = \"as-published\"";

#[test]
fn declared_quirks_decide_their_settings() {
    let (_dir, path) = quirky(KEPT);
    let p = load(&path, &[]).protocol;
    assert_eq!(
        (p.train.schedule, p.train.epoch_loss, p.metrics.undefined),
        (Schedule::CosineOfLoss, EpochLoss::BatchMean, Undefined::Zero)
    );
    let (_dir, path) = quirky(&KEPT.replace("as-published", "corrected"));
    let p = load(&path, &[]).protocol;
    assert_eq!((p.train.schedule, p.train.epoch_loss, p.metrics.undefined), (Schedule::Cosine, EpochLoss::SpotMean, Undefined::Skip));
    assert_eq!(p.quirks.get("T1"), Some(&Profile::Corrected));
}

#[test]
fn without_mends_one_and_gives_another_name() {
    let (_dir, path) = quirky(KEPT);
    let base = load(&path, &[]);
    let overrides = quirks::without(&["T1".into()], &["train.epochs=3".into()]).expect("a switch");
    let mended = protocol::load(&path, &overrides).expect("sound");
    assert_eq!(mended.protocol.train.schedule, Schedule::Cosine);
    assert_eq!((mended.protocol.train.epoch_loss, mended.protocol.train.epochs), (EpochLoss::BatchMean, 3));
    assert!(mended.name().starts_with("demo+") && base.name() == "demo");
    assert_eq!(quirks::state(quirks::of("T1").expect("T1"), &mended.protocol), State::Mended);
    assert_eq!(quirks::state(quirks::of("T9").expect("T9"), &mended.protocol), State::Kept);
    // What the audit does with the locked text and overrides.
    assert_eq!(parse::digest_of(&mended.source, &mended.overrides).expect("digest"), mended.protocol.digest());
    assert_eq!(parse::digest_of(&base.source, &[]).expect("digest"), base.protocol.digest());
    // A quirk that the file says by its settings alone is mended too.
    let bgr = load(&path, &["patch.colour=bgr"]);
    assert_eq!(quirks::state(quirks::of("D6").expect("D6"), &bgr.protocol), State::Kept);
    assert_eq!(load(&path, &["patch.colour=bgr", "quirks.D6=corrected"]).protocol.patch.colour, Colour::Rgb);
}

#[test]
fn contradictions_and_unknown_quirks_are_errors() {
    let refusal = |quirks: &str, overrides: &[&str]| {
        let (_dir, path) = quirky(quirks);
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let failure = protocol::load(&path, &overrides).expect_err("refused");
        assert_eq!(failure.exit as i32, 2);
        failure.to_string()
    };
    let file = refusal(&format!("{KEPT}\nD6 = \"as-published\""), &[]);
    assert!(file.contains("patch.colour") && file.contains("D6") && file.contains("colour = \"rgb\"") && file.contains('^'), "{file}");
    let set = refusal(KEPT, &["train.schedule=cosine"]);
    assert!(set.contains("train.schedule") && set.contains("T1") && set.contains("--without T1"), "{set}");
    let unknown = refusal(&format!("{KEPT}\nT99 = \"corrected\""), &[]);
    assert!(unknown.contains("T99") && unknown.contains("T1"), "{unknown}");
    let fixed = refusal(&format!("{KEPT}\nT2 = \"as-published\""), &[]);
    assert!(fixed.contains("T2 cannot be switched") && fixed.contains("benchmark"), "{fixed}");
    let word = refusal(&format!("{KEPT}\nD6 = \"rewrite\""), &[]);
    assert!(word.contains("quirks.D6"), "{word}");
    let e = quirks::without(&["T2".into()], &[]).expect_err("no switch");
    assert!(e.to_string().contains("--without T2"), "{e}");
}

#[test]
fn every_switch_of_a_whole_protocol_can_be_turned() {
    let liver = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocols/liver-effb0-8020.toml");
    let base = load(&liver, &[]);
    assert_eq!(base.protocol.profile, Profile::AsPublished);
    let states = quirks::of_protocol(&base.protocol);
    assert!(states.iter().any(|(q, s)| q.id == "T2" && *s == State::Fixed), "what cannot be switched is listed too");
    let kept: Vec<&str> = states.iter().filter(|(_, s)| *s == State::Kept).map(|(q, _)| q.id.as_str()).collect();
    for id in ["T1", "T3", "T9", "D3", "D5", "D6", "D7", "A1", "R3"] {
        assert!(kept.contains(&id), "{id} of {kept:?}");
        let mended = load(&liver, &[&format!("quirks.{id}=corrected")]);
        assert_ne!(mended.protocol.digest(), base.protocol.digest(), "{id}");
        assert_eq!(quirks::state(quirks::of(id).expect("known"), &mended.protocol), State::Mended);
        let others =
            |p| quirks::of_protocol(p).into_iter().filter(|(q, _)| q.id != id && q.id != "D13").map(|(_, s)| s).collect::<Vec<_>>();
        assert_eq!(others(&mended.protocol), others(&base.protocol), "mending {id} leaves the others alone");
    }
    let p = load(&liver, &["quirks.D3=corrected"]).protocol;
    assert_eq!((p.split.kind, p.split.test_size, p.split.test_slides.len()), (SplitKind::LeaveOneSlideOut, None, 0));
    assert_eq!((p.split.validation, p.train.best), (0.1, Best::MinValidationLoss));
    assert_eq!(load(&liver, &["quirks.D5=corrected"]).protocol.expression.transform, Transform::Log1pMedian);
}
