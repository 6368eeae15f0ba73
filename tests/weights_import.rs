//! Weight files as PyTorch 2.11 writes them (tests/golden/make_pth.py): every tensor, bit for bit; nothing executed.

use pinfold::base::Digest;
use pinfold::base::arrays::{Arrays, Kind};
use pinfold::weights::{Wish, import};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pth").join(name)
}

fn due() -> Value {
    serde_json::from_slice(&std::fs::read(golden("expected.json")).expect("golden")).expect("JSON")
}

/// Every number of a tensor as f64: exact for all kinds here.
fn values(arrays: &Arrays, name: &str) -> Vec<f64> {
    match arrays.entry(name).expect(name).kind {
        Kind::F32 => arrays.f32s(name).expect(name).into_iter().map(f64::from).collect(),
        Kind::F64 => arrays.f64s(name).expect(name),
        Kind::I64 => arrays.i64s(name).expect(name).into_iter().map(|v| v as f64).collect(),
        Kind::I32 => arrays.i32s(name).expect(name).into_iter().map(f64::from).collect(),
        Kind::U8 => arrays.u8s(name).expect(name).iter().map(|&v| f64::from(v)).collect(),
    }
}

#[test]
fn every_tensor_of_both_formats_comes_over_exactly() {
    let due = due();
    for file in ["archive.pth", "older.pth"] {
        let dir = tempfile::tempdir().expect("tempdir");
        let made = import(&golden(file), dir.path(), &Wish::default()).expect(file);
        assert_eq!((made.tensors, made.left_out), (10, 0), "{file}");
        assert_eq!(made.source_sha256, Digest::of_file(&golden(file)).expect("digest"));
        let path = dir.path().join(&made.file);
        assert_eq!(made.sha256, Digest::of_file(&path).expect("digest"));
        let arrays = Arrays::open(&path).expect("safetensors");
        let tensors = due["tensors"].as_object().expect("tensors");
        assert_eq!(arrays.entries().len(), tensors.len());
        for (name, tensor) in tensors {
            let shape: Vec<usize> = tensor["shape"].as_array().expect("shape").iter().map(|d| d.as_u64().expect("size") as usize).collect();
            assert_eq!(arrays.entry(name).expect(name).shape, shape, "{file}: {name}");
            let numbers = tensor["values"].as_array().expect("values").iter().map(|v| v.as_f64().unwrap_or(f64::INFINITY));
            assert_eq!(values(&arrays, name), numbers.collect::<Vec<_>>(), "{file}: {name}");
        }
        // Again: the same file, left alone.
        assert_eq!(import(&golden(file), dir.path(), &Wish::default()).expect("again"), made);
    }
}

#[test]
fn a_state_dict_is_found_in_a_checkpoint_and_its_names_shortened() {
    let dir = tempfile::tempdir().expect("tempdir");
    let wish = Wish { drop: vec!["model.".into(), "resnet.".into()], name: Some("mine".into()), key: None };
    let made = import(&golden("nested.ckpt"), dir.path(), &wish).expect("imports");
    let arrays = Arrays::open(&dir.path().join("mine.safetensors")).expect("safetensors");
    assert_eq!(arrays.entries().keys().map(String::as_str).collect::<Vec<_>>(), ["features.0.weight", "turned"]);
    assert_eq!(made.tensors, 2);
    let wrong = Wish { key: Some("weights".into()), ..Wish::default() };
    let said = import(&golden("nested.ckpt"), dir.path(), &wrong).expect_err("no such key").to_string();
    assert!(said.contains("epoch, state_dict, lr"), "{said}");
    // Another content under a name that is taken is refused, and what was there stays.
    let before = std::fs::read(dir.path().join("mine.safetensors")).expect("read");
    let taken = Wish { name: Some("mine".into()), ..Wish::default() };
    import(&golden("archive.pth"), dir.path(), &taken).expect_err("taken");
    assert_eq!(std::fs::read(dir.path().join("mine.safetensors")).expect("read"), before);
}

/// The published DenseNet's spelling; torchvision renames by the same rule as it loads.
#[test]
fn densenets_tensors_get_the_names_of_today() {
    let dir = tempfile::tempdir().expect("tempdir");
    let made = import(&golden("densenet.pth"), dir.path(), &Wish::default()).expect("imports");
    assert_eq!((made.tensors, made.renamed), (4, 3));
    let arrays = Arrays::open(&dir.path().join(&made.file)).expect("safetensors");
    let layer = "features.denseblock1.denselayer1.";
    let due = [
        format!("{layer}conv1.weight"),
        format!("{layer}norm1.weight"),
        format!("{layer}norm2.running_var"),
        "features.transition1.norm.weight".into(),
    ];
    assert_eq!(arrays.entries().keys().cloned().collect::<Vec<String>>(), due);
    assert_eq!(values(&arrays, &due[1]), [-1.0, -0.875]);
}

#[test]
fn a_file_that_wants_something_done_does_nothing() {
    let mark = Path::new("/tmp/pinfold-was-here");
    let _ = std::fs::remove_file(mark);
    let dir = tempfile::tempdir().expect("tempdir");
    let made = import(&golden("evil.pth"), dir.path(), &Wish::default()).expect("the tensor beside it is sound");
    assert_eq!((made.tensors, made.left_out), (1, 1));
    assert!(!mark.exists());
}

#[test]
fn damaged_files_are_refused_and_never_crash() {
    let dir = tempfile::tempdir().expect("tempdir");
    for file in ["archive.pth", "older.pth"] {
        let whole = std::fs::read(golden(file)).expect("read");
        let path = dir.path().join("cut.pth");
        for cut in (0..whole.len() - 1).step_by(37) {
            std::fs::write(&path, &whole[..cut]).expect("write");
            let failure = import(&path, &dir.path().join("out"), &Wish::default()).expect_err("cut");
            assert_eq!(failure.exit as i32, 2, "{failure}");
        }
        for (i, at) in (0..whole.len()).step_by(11).enumerate() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (i % 8);
            std::fs::write(&path, &changed).expect("write");
            // Some bits are in the numbers and cannot be noticed without a digest; none may crash.
            let _ = import(&path, &dir.path().join(format!("out{i}")), &Wish::default());
        }
    }
}

#[test]
fn the_command_checks_the_name_and_says_what_to_write() {
    let dir = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(dir.path().join("protocols")).expect("mkdir");
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_pinfold-engine")).args(args).current_dir(dir.path()).output().expect("runs");
        (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    };
    let digits = due()["sha256"].as_str().expect("digest")[..8].to_owned();
    let named = |name: &str| {
        let path = dir.path().join(name);
        std::fs::copy(golden("archive.pth"), &path).expect("copy");
        path.to_str().expect("path").to_owned()
    };
    let (code, said) = run(&["weights", "import", &named("net-00000000.pth")]);
    assert!(code == Some(2) && said.contains("begins with 00000000"), "{said}");
    assert!(!dir.path().join("weights").exists());
    let right = format!("net-{digits}.pth");
    let (code, said) = run(&["weights", "import", &named(&right)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("weights = \"net-{digits}.safetensors\"")) && said.contains("weights_sha256 = "), "{said}");
    let (code, said) = run(&["weights", "list"]);
    assert!(code == Some(0) && said.contains(&right) && said.contains("resnet18-f37072fd.pth"), "{said}");
    let (code, said) = run(&["weights", "list", "--json"]);
    let listed: Value = serde_json::from_str(&said).expect("JSON");
    assert!(code == Some(0) && listed["here"][0]["imported"]["source"] == right.as_str(), "{said}");
}
