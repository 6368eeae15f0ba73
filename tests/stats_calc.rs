//! `pinfold calc split|pcc|moran`, as an outsider calls them: the program itself, on files.

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn calc(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pinfold-engine"))
        .arg("calc")
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

/// What a successful call prints.
fn good(folder: &Path, line: &str) -> String {
    let out = calc(folder, line);
    assert_eq!(out.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

fn good_json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&good(folder, &format!("{line} --json"))).expect("JSON on stdout, and nothing else")
}

/// A call that must fail with exit code 2, with these words on stderr and nothing on stdout.
fn bad(folder: &Path, line: &str, words: &[&str]) {
    let out = calc(folder, line);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!((out.status.code(), out.stdout.len()), (Some(2), 0), "{line}: {text}");
    words.iter().for_each(|w| assert!(text.contains(w), "{line}: '{w}' is not in: {text}"));
    assert!(!text.contains("panicked"), "{text}");
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().expect("a list").iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn splits() {
    let dir = tempfile::tempdir().expect("folder");
    let here = dir.path();
    let out = good(here, "split holdout --n 10 --test-size 0.2 --seed 42 --json");
    assert_eq!(out, "{\"train\":[5,0,7,2,9,4,3,6],\"test\":[8,1]}\n");
    assert_eq!(good_json(here, "split holdout --n 10 --test-size 2 --seed 42")["test"], serde_json::json!([8, 1]));
    let folds = good_json(here, "split kfold --n 10 --k 5 --seed 42");
    let tests: Vec<&Value> = folds["folds"].as_array().expect("folds").iter().map(|f| &f["test"]).collect();
    assert_eq!(serde_json::json!(tests), serde_json::json!([[1, 8], [0, 5], [2, 7], [4, 9], [3, 6]]));
    assert_eq!(folds["folds"][0]["train"], serde_json::json!([0, 2, 3, 4, 5, 6, 7, 9]));
    assert!(good(here, "split kfold --n 100 --k 5 --seed 42").contains("fold-5  test      20"));
    bad(here, "split kfold --n 4 --k 5 --seed 0", &["5 folds of 4 items"]);
    bad(here, "split holdout --n 4 --test-size 1.5 --seed 0", &["1.5", "do:"]);
    bad(here, "split holdout --n 4 --test-size -0.5 --seed 0", &["-0.5"]);
    bad(here, "split holdout --n 4 --test-size some --seed 0", &["neither a share"]);
    bad(here, "split holdout --n 10 --test-size 0.2 --seed 4294967296", &["4294967296"]);
    bad(here, "split holdout --n 99999999999999 --test-size 0.2 --seed 1", &["more than"]);
}

#[test]
fn correlations() {
    let file = golden("metrics");
    let s = &file["gene_summary"];
    let dir = tempfile::tempdir().expect("folder");
    // The prediction has its spots and genes the other way round.
    let table = |key: &str, turned: bool| {
        let order: Vec<usize> = if turned { (0..12).rev().collect() } else { (0..12).collect() };
        let mut rows: Vec<String> = s[key]
            .as_array()
            .expect("rows")
            .iter()
            .enumerate()
            .map(|(i, row)| {
                let cells: Vec<String> = order.iter().map(|&g| numbers(row)[g].to_string()).collect();
                format!("s{i},{}", cells.join(","))
            })
            .collect();
        if turned {
            rows.reverse();
        }
        let names: Vec<String> = order.iter().map(|g| format!("G{g}")).collect();
        format!("spot,{}\n{}\n", names.join(","), rows.join("\n"))
    };
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    let (truth, pred) = (table("truth", false), table("pred", true));
    write("A.csv", &truth);
    write("B.csv", &pred);
    let out = good_json(dir.path(), "pcc --truth A.csv --pred B.csv");
    assert_eq!(out.as_object().expect("object").keys().collect::<Vec<_>>(), ["genes", "mean", "median", "over_0.30"]);
    let genes = out["genes"].as_object().expect("genes");
    assert_eq!(genes.len(), 12);
    for (g, due) in numbers(&s["pcc"]).into_iter().enumerate() {
        match genes[&format!("G{g}")].as_f64() {
            Some(r) => assert!((r - due).abs() < 1e-12, "G{g}: {r} {due}"),
            None => assert!(due.is_nan()),
        }
    }
    assert!((out["mean"].as_f64().expect("mean") - s["mean_defined"].as_f64().expect("mean")).abs() < 1e-12);
    assert!((out["median"].as_f64().expect("median") - s["median_defined"].as_f64().expect("median")).abs() < 1e-12);
    assert_eq!(out["over_0.30"], 4);
    let text = good(dir.path(), "pcc --truth A.csv --pred B.csv");
    assert!(text.contains("30 spots, 12 genes, 9 with a defined PCC\nmean 0.3517, median 0.2745, 4 of 0.30 or more"), "{text}");

    let line = "pcc --truth A.csv --pred C.csv";
    let refused = |text: &str, words: &[&str]| {
        write("C.csv", text);
        bad(dir.path(), line, words);
    };
    refused(&pred.replace("s7,", "s77,"), &["spot 's7'", "A.csv", "not in C.csv"]);
    refused(&pred.replace("G4,", "G44,"), &["gene 'G4'"]);
    refused(&pred.replace("s7,", "s8,"), &["'s8' stands here and in line", "column 'spot'"]);
    refused(&pred.replace("G4,", "G5,"), &["two columns are named 'G5'"]);
    refused(&pred.replace("s7,", "s7,x"), &["C.csv:24", "column 'G11'", "is not a number"]);
    refused(&pred.replace("s7,", "s7,1,"), &["C.csv:24", "14 fields where the header has 13"]);
    refused("spot,G0\n", &["no row"]);
    refused("", &["C.csv"]);
    bad(dir.path(), "pcc --truth A.csv --pred none.csv", &["none.csv", "no such file"]);
    write("tabs.tsv", "spot\tA\tB\n1\t1\t5\n2\t2\tNaN\n3\t4\t7\n");
    let out = good_json(dir.path(), "pcc --truth tabs.tsv --pred tabs.tsv");
    assert_eq!((out["genes"]["A"].as_f64(), out["genes"]["B"].is_null()), (Some(1.0), true));
    write("spots.csv", "spot\n1\n");
    bad(dir.path(), "pcc --truth spots.csv --pred spots.csv", &["no gene"]);
}

/// The golden graphs that a rule can name, through files and the program, against esda.
#[test]
fn moran() {
    let file = golden("spatial_autocorr");
    let dir = tempfile::tempdir().expect("folder");
    let mut compared = 0;
    for (graph, rule) in [
        ("hex_ring1", "hex"),
        ("square_rook", "grid4"),
        ("square_queen", "grid8"),
        ("points_knn6_directed", "knn:6"),
        ("points_band25", "radius:25"),
    ] {
        let entry = &file["graphs"][graph];
        let columns = entry["values"].as_object().expect("values");
        let names: Vec<&str> = columns.keys().map(String::as_str).collect();
        let (first, second) = if graph.starts_with("points") { ("x", "y") } else { ("row", "col") };
        let mut text = format!("spot,{first},{second},{}\n", names.join(","));
        for (i, at) in entry["coords"].as_array().expect("coords").iter().enumerate() {
            let cells: Vec<String> =
                numbers(at).into_iter().chain(names.iter().map(|n| numbers(&columns[*n])[i])).map(|v| v.to_string()).collect();
            writeln!(text, "s{i},{}", cells.join(",")).expect("text");
        }
        std::fs::write(dir.path().join("T.csv"), text).expect("written");
        let (x, y) = if first == "x" { ("x", "y") } else { ("col", "row") };
        for (flag, transformation) in [("", "B"), (" --row-standardise", "R")] {
            let out = good_json(dir.path(), &format!("moran --table T.csv --x {x} --y {y} --weights {rule}{flag}"));
            assert_eq!(out["genes"].as_object().expect("genes").keys().collect::<Vec<_>>(), names);
            for r in file["results"].as_array().expect("results") {
                if r["graph"] != graph || r["transformation"] != transformation {
                    continue;
                }
                let (ours, theirs) = (&out["genes"][r["values"].as_str().expect("name")], &r["moran"]);
                let pairs = [
                    ("I", "I"),
                    ("expected", "EI"),
                    ("z_norm", "z_norm"),
                    ("p_norm", "p_norm_two_sided"),
                    ("z_rand", "z_rand"),
                    ("p_rand", "p_rand_two_sided"),
                ];
                for (a, b) in pairs {
                    match ours[a].as_f64() {
                        Some(v) => {
                            let due = theirs[b].as_f64().expect("number");
                            let slack = if a.starts_with('p') { 1e-9 * due } else { 1e-12 + 1e-10 * due.abs() };
                            assert!((v - due).abs() <= slack, "{graph} {transformation} {} {a}: {v} {due}", r["values"]);
                        }
                        None => assert!(ours[a].is_null() && theirs[b] == "NaN", "{graph} {a}"),
                    }
                }
                assert!(ours.get("p_perm").is_none());
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 60);
    let with = good_json(dir.path(), "moran --table T.csv --x x --y y --weights knn:6 --permutations 99 --seed 5");
    assert_eq!((with["genes"]["smooth"]["p_perm"].as_f64(), with["genes"]["constant"]["p_perm"].is_null()), (Some(0.01), true));
    assert_eq!((&with["permutations"], &with["seed"], &with["spots"]), (&99.into(), &5.into(), &40.into()));
    let text = good(dir.path(), "moran --table T.csv --x x --y y --weights knn:6 --permutations 99");
    assert!(text.starts_with("gene ") && text.contains("40 spots, knn:6 binary, 240 neighbours in all, 0 spots without"), "{text}");
}

#[test]
fn moran_refuses_in_words() {
    let dir = tempfile::tempdir().expect("folder");
    let write = |text: &str| std::fs::write(dir.path().join("T.csv"), text).expect("written");
    let refused = |text: &str, rest: &str, words: &[&str]| {
        write(text);
        bad(dir.path(), &format!("moran --table T.csv {rest}"), words);
    };
    let table = "x,y,A\n0,0,1\n1,0,2\n2,0,4\n";
    refused(table, "--x col --y y --weights hex", &["no column is named 'col'", "x, y, A"]);
    refused(table, "--x x --y x --weights hex", &["same column"]);
    refused(table, "--x x --y y --weights rook", &["none of knn:K"]);
    refused(table, "--x x --y y --weights knn:0", &["number of neighbours"]);
    refused(table, "--x x --y y --weights radius:-1", &["not a distance"]);
    refused(table, "--x x --y y --weights knn:3", &["3 neighbours of each of 3 spots"]);
    refused(table, "--x x --y y --weights hex --permutations x", &["permutations"]);
    refused("x,y,A\n0,0,1\n1,0,\n", "--x x --y y --weights grid4", &["T.csv:3", "column 'A'", "empty cell"]);
    refused("x,y,A\n0,0,1\n1.5,0,2\n", "--x x --y y --weights grid4", &["T.csv:3", "'1.5'", "knn:K"]);
    refused("x,y,A\n0,0,1\n0,0,2\n", "--x x --y y --weights grid8", &["T.csv:3", "second spot"]);
    refused("x,y,A\n0,0,1\nnan,0,2\n", "--x x --y y --weights radius:2", &["T.csv:3", "NaN"]);
    refused("x,y,A\n0,0,1\n9,9,2\n", "--x x --y y --weights grid4", &["no spot has a neighbour"]);
    refused("s,x,y\na,0,0\nb,1,1\n", "--x x --y y --weights grid8", &["no gene"]);
    // Without a column of names, all that is not a coordinate is a gene; a number may name a spot too.
    write("A,x,y,B\n1,0,0,2\n2,1,0,3\n4,2,0,9\n");
    let out = good_json(dir.path(), "moran --table T.csv --x x --y y --weights grid4");
    assert_eq!(out["genes"].as_object().expect("genes").len(), 2);
    write("id,x,y,B\n1,0,0,2\n2,1,0,3\n4,2,0,9\n");
    let out = good_json(dir.path(), "moran --table T.csv --x x --y y --weights grid4");
    assert_eq!(out["genes"].as_object().expect("genes").keys().collect::<Vec<_>>(), ["B"]);
}
