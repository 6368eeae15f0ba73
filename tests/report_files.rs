//! What the report writes: the chunks of its PNG files, their golden pixels, and pages that hold together whatever
//! stands in them.

#![allow(clippy::unwrap_used)]

mod report_examples;
use pinfold::report::page::{self, Page, PageFigure, Table};
use pinfold::report::*;
use report_examples as ex;

/// The chunks of a PNG: type and content, read without the crate that wrote them.
fn chunks(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    assert_eq!(bytes[..8], [137, 80, 78, 71, 13, 10, 26, 10]);
    let (mut at, mut out) = (8, vec![]);
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        out.push((String::from_utf8(bytes[at + 4..at + 8].to_vec()).unwrap(), bytes[at + 8..at + 8 + length].to_vec()));
        at += 12 + length;
    }
    out
}

#[test]
fn a_figure_holds_its_provenance_in_order_and_no_time() {
    let keys = ["Software", "Protocol", "Protocol digest", "Commit", "Figure", "Drawn from"];
    let text: Vec<(String, String)> = keys.iter().map(|k| ((*k).to_owned(), format!("value of {k}"))).collect();
    let bytes = fold_scores(&ex::folds(2), &text).unwrap();
    let kinds: Vec<String> = chunks(&bytes).into_iter().map(|c| c.0).collect();
    let mut expected = vec!["IHDR"];
    expected.extend(["tEXt"; 6]);
    let data = kinds.iter().filter(|k| *k == "IDAT").count();
    expected.extend(vec!["IDAT"; data]);
    expected.push("IEND");
    assert!(data >= 1);
    assert_eq!(kinds, expected, "no time, no gamma, nothing but text and pixels");
    let written: Vec<String> =
        chunks(&bytes).into_iter().filter(|c| c.0 == "tEXt").map(|c| String::from_utf8(c.1).unwrap().replace('\0', "=")).collect();
    let given: Vec<String> = text.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(written, given);
    assert_eq!(png::read_text(&bytes).unwrap(), text);
    let other = fold_scores(&ex::folds(2), &text[..2]).unwrap();
    assert!(other != bytes && png::pixel_digest(&other).unwrap() == png::pixel_digest(&bytes).unwrap(), "text is not pixels");
}

#[test]
fn text_that_latin_1_lacks_and_keywords_that_are_none() {
    let image = png::Rgb { width: 2, height: 1, pixels: vec![0, 1, 2, 253, 254, 255] };
    let one = |k: &str, v: &str| png::encode(&image, &[(k.to_owned(), v.to_owned())]);
    assert_eq!(png::read_text(&one("Title", "µ ρ\u{0}\u{1b}漢\n2").unwrap()).unwrap(), [("Title".to_owned(), "µ ????\n2".to_owned())]);
    for key in ["", " x", "x ", "a\u{0}b", "ключ", &"k".repeat(80)] {
        assert!(one(key, "v").is_err(), "{key:?}");
    }
    assert_eq!(png::decode(&one("a", "b").unwrap()).unwrap().0, image);
    assert!(png::encode(&png::Rgb { width: 2, height: 2, pixels: vec![0; 3] }, &[]).is_err());
}

#[test]
fn damaged_pictures_are_refused() {
    let bytes = fold_scores(&ex::folds(2), &ex::text()).unwrap();
    for cut in [0, 7, 8, 20, 40, bytes.len() / 2, bytes.len() - 13] {
        assert!(png::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    // A header that claims 30,000 x 30,000 pixels, with a sound checksum.
    let mut forged = bytes.clone();
    forged[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let crc = crc32(&forged[12..29]);
    forged[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = png::decode(&forged).unwrap_err();
    assert!(error.what.contains("larger than any figure"), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, b| (0..8).fold(crc ^ u32::from(*b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 }))
}

/// Golden pixels: a change here is a change of what people see, and is made on purpose or not at all.
#[test]
fn golden_pixels() {
    let text = ex::text();
    let digest = |bytes: pinfold::base::Result<Vec<u8>>| png::pixel_digest(&bytes.unwrap()).unwrap().to_string();
    let found = [
        ("folds", digest(fold_scores(&ex::folds(3), &text))),
        ("baseline, log", digest(baseline(&ex::base(12, true), &text))),
        ("published", digest(published_vs_reproduced(&ex::published(), &text))),
        ("maps", digest(truth_vs_prediction(&ex::maps(60, true, 1, true), &text))),
    ];
    let golden = include_str!("golden/report_pixels.txt");
    let listing: String = found.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    assert_eq!(listing, golden);
}

fn hostile() -> Vec<String> {
    [
        "<script>alert('x')</script>",
        "\"><img src=x onerror=alert(1)>",
        "a|b\\|c",
        "`code` *b* _i_ [l](javascript:x) ![i](x) &lt; &copy;",
        "http://example.org/?a=1&b=2",
        "\u{1b}[31mred\u{202e}\u{7}\nnew line\t",
        "漢字🧬 ΔΨ",
        "</style></title></main>",
        "",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["Y".repeat(20_000)])
    .collect()
}

fn hostile_page() -> Page {
    let all = hostile();
    let png = fold_scores(&ex::folds(2), &ex::text()).unwrap();
    Page {
        title: all[0].clone(),
        protocol: all[7].clone(),
        headline: Some((all[1].clone(), all[2].clone(), all[3].clone())),
        verdicts: all.clone(),
        leaks: all.clone(),
        sound: all.clone(),
        facts: all.iter().map(|a| (a.clone(), a.clone())).collect(),
        tables: all
            .iter()
            .map(|a| Table {
                title: a.clone(),
                note: a.clone(),
                head: vec!["gene".into(), format!("#{a}"), a.clone()],
                rows: all.iter().map(|b| vec![b.clone(), a.clone(), b.clone()]).collect(),
            })
            .collect(),
        figures: all.iter().map(|a| PageFigure { file: a.clone(), title: a.clone(), caption: a.clone(), png: png.clone() }).collect(),
    }
}

#[test]
fn a_page_has_only_its_own_tags_and_loads_nothing() {
    let html = page::html(&hostile_page());
    let allowed = [
        "!doctype",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "div",
        "b",
        "span",
        "sup",
        "ul",
        "ol",
        "li",
        "p",
        "figure",
        "img",
        "figcaption",
        "table",
        "tr",
        "th",
        "td",
    ];
    let mut open: Vec<&str> = vec![];
    for tag in html.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').expect("every tag ends");
        let name = inside.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(allowed.contains(&name), "<{name}>");
        for attribute in inside.split(' ').skip(1).filter_map(|a| a.split_once('=')) {
            assert!(["lang", "charset", "name", "content", "class", "alt", "src"].contains(&attribute.0) || name == "img", "{attribute:?}");
        }
        if name == "img" {
            assert!(
                inside.contains(" src=\"data:image/png;base64,") && inside.matches('"').count() == 4,
                "{}",
                &inside[..80.min(inside.len())]
            );
        }
        match inside.strip_prefix('/') {
            Some(end) => assert_eq!(open.pop(), Some(end), "tags are nested"),
            None if !["!doctype", "meta", "img"].contains(&name) => open.push(name),
            None => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for never in ["<script", "<link", "<iframe", "url(", "@import", "\u{1b}", "\u{202e}"] {
        assert!(!html.contains(never), "{never}");
    }
    assert!(html.contains("漢字🧬 ΔΨ") && html.contains("@media print") && html.contains("prefers-color-scheme:dark"));
}

#[test]
fn a_plain_page_names_no_address_and_is_the_same_twice() {
    let figure = PageFigure { file: "folds.png".into(), title: "Folds".into(), caption: "c".into(), png: vec![1, 2, 3] };
    let plain = Page { title: "T".into(), protocol: "demo".into(), figures: vec![figure], ..Page::default() };
    let (html, md) = (page::html(&plain), page::markdown(&plain));
    assert!(!html.contains("http") && !html.contains("//"));
    assert_eq!((html.as_str(), md.as_str()), (page::html(&plain).as_str(), page::markdown(&plain).as_str()));
    // printf '\001\002\003' | sha256sum
    let digest = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
    assert!(html.contains(digest) && md.contains(digest) && md.contains("![Folds](folds.png)"));
}

#[test]
fn markdown_tables_keep_their_columns() {
    let md = page::markdown(&hostile_page());
    assert!(!md.contains('\u{1b}') && !md.contains('\u{202e}') && !md.contains('\t'));
    // Code is shown as it is, and so is what a backslash stands before; what remains may be markup.
    let text: Vec<&str> = md.lines().filter(|l| !(l.starts_with('`') && l.ends_with('`') && l.matches('`').count() == 2)).collect();
    let text = text.join("\n");
    let mut bare = String::new();
    let mut all = text.chars();
    while let Some(c) = all.next() {
        if c == '\\' {
            all.next();
        } else {
            bare.push(c);
        }
    }
    for never in ["<", ">", "](javascript", "](x)", "&copy;", "*b*"] {
        assert!(!bare.contains(never), "{never}");
    }
    let bars = |line: &str| {
        let mut escaped = false;
        line.chars()
            .filter(|c| {
                let counts = *c == '|' && !escaped;
                escaped = *c == '\\' && !escaped;
                counts
            })
            .count()
    };
    let (mut expected, mut rows) = (0, 0);
    for line in md.lines() {
        if !line.starts_with('|') {
            expected = 0;
            continue;
        }
        if expected == 0 {
            expected = bars(line);
        }
        rows += 1;
        assert_eq!(bars(line), expected, "{}", line.chars().take(120).collect::<String>());
    }
    assert!(rows > 100);
}
