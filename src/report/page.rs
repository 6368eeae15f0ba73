//! The report as a page: Markdown, and one HTML file that needs nothing beside it.

use crate::base::text;

/// Everything that a report says.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The protocol's title.
    pub title: String,
    /// Name of the protocol.
    pub protocol: String,
    /// The headline: what it is called, its value, its metric id.
    pub headline: Option<(String, String, String)>,
    /// Sentences that say how it came out.
    pub verdicts: Vec<String>,
    /// What leaks, one sentence each; footnotes of the headline.
    pub leaks: Vec<String>,
    /// What was looked for and not found.
    pub sound: Vec<String>,
    /// What was run: key and value.
    pub facts: Vec<(String, String)>,
    /// Tables, in order.
    pub tables: Vec<Table>,
    /// Figures, in order.
    pub figures: Vec<PageFigure>,
}

/// A table with a caption.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Heading above it.
    pub title: String,
    /// A sentence under the heading; may be empty.
    pub note: String,
    /// Column heads; a head that starts with `#` is right-aligned.
    pub head: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

/// A figure on a page.
#[derive(Clone, Debug, Default)]
pub struct PageFigure {
    /// File name of the PNG beside the page.
    pub file: String,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub caption: String,
    /// The PNG.
    pub png: Vec<u8>,
}

/// The page as Markdown; figures are links to the PNG files beside it.
pub fn markdown(page: &Page) -> String {
    let mut out = format!("# {}\n\n", md(&page.title));
    if let Some((name, value, id)) = &page.headline {
        out.push_str(&format!("**{}: {}**{}\n\n`{}`\n\n", md(name), md(value), marks(page.leaks.len()), text::clean(id).replace('`', "'")));
    }
    page.verdicts.iter().for_each(|v| out.push_str(&format!("- {}\n", md(v))));
    if !page.verdicts.is_empty() {
        out.push('\n');
    }
    if !page.leaks.is_empty() {
        out.push_str("What leaks between the training and the test side of this split:\n\n");
        page.leaks.iter().enumerate().for_each(|(i, l)| out.push_str(&format!("{}. {}\n", i + 1, md(l))));
        out.push('\n');
    }
    if !page.sound.is_empty() {
        out.push_str("Looked for and not found:\n\n");
        page.sound.iter().for_each(|l| out.push_str(&format!("- {}\n", md(l))));
        out.push('\n');
    }
    for f in &page.figures {
        out.push_str(&format!(
            "## {}\n\n![{}]({})\n\n{}\n\n`{}`\n\n",
            md(&f.title),
            md(&f.title),
            target(&f.file),
            md(&f.caption),
            digest_line(f)
        ));
    }
    for t in &page.tables {
        out.push_str(&format!("## {}\n\n", md(&t.title)));
        if !t.note.is_empty() {
            out.push_str(&format!("{}\n\n", md(&t.note)));
        }
        let heads: Vec<String> = t.head.iter().map(|h| md(h.trim_start_matches('#'))).collect();
        let rule: Vec<&str> = t.head.iter().map(|h| if h.starts_with('#') { "---:" } else { "---" }).collect();
        out.push_str(&format!("| {} |\n| {} |\n", heads.join(" | "), rule.join(" | ")));
        t.rows.iter().for_each(|r| out.push_str(&format!("| {} |\n", r.iter().map(|c| md(c)).collect::<Vec<_>>().join(" | "))));
        out.push('\n');
    }
    out.push_str("## What was run\n\n| | |\n| --- | --- |\n");
    page.facts.iter().for_each(|(k, v)| out.push_str(&format!("| {} | {} |\n", md(k), md(v))));
    out
}

/// What a figure's file is, to be compared with `sha256sum`.
fn digest_line(f: &PageFigure) -> String {
    format!("{} · SHA-256 {}", text::clean(&f.file).replace('`', "'"), crate::base::Digest::of(&f.png))
}

/// A file name as the target of a Markdown link: what would end the link is percent-encoded.
fn target(file: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'/');
    file.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn marks(n: usize) -> String {
    if n == 0 { String::new() } else { format!(" ({n} {} below)", if n == 1 { "footnote" } else { "footnotes" }) }
}

/// Text that Markdown shows as it is.
fn md(s: &str) -> String {
    let mut out = String::new();
    for c in text::clean(s).chars() {
        if matches!(c, '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '&' | '~' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c1c1e;--soft:#66676b;--line:#d9dade;--paper:#fff;--card:#f6f6f8;--warn:#9a4a00;--good:#00664a}
@media(prefers-color-scheme:dark){:root{--ink:#ececf0;--soft:#a0a1a8;--line:#3a3b42;--paper:#17181c;--card:#212228;--warn:#ffb066;--good:#6fd6b0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
main{max-width:62rem;margin:0 auto;padding:3rem 1.5rem 5rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.15rem;margin:2.8rem 0 .6rem;padding-top:1rem;border-top:1px solid var(--line)}
.name{color:var(--soft);font:.95rem ui-monospace,'DejaVu Sans Mono',monospace}
.headline{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;align-items:baseline;margin:1.8rem 0 .2rem}
.headline b{font-size:3.2rem;line-height:1;font-variant-numeric:tabular-nums}
.headline span{font-size:1.1rem}
.id{color:var(--soft);font:.85rem ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
ul.verdict{padding-left:1.2rem;margin:1rem 0}
.leaks{background:var(--card);border-left:4px solid var(--warn);padding:.7rem 1rem;margin:1.2rem 0;border-radius:0 6px 6px 0}
.leaks p{margin:.1rem 0 .4rem;color:var(--warn);font-weight:600}
.leaks ol{margin:0;padding-left:1.3rem}
.sound{color:var(--soft);font-size:.92rem}
figure{margin:1rem 0 0}
figure img{width:100%;height:auto;border:1px solid var(--line);border-radius:6px;background:#fff}
figcaption{color:var(--soft);font-size:.92rem;margin-top:.5rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.32rem .7rem .32rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}
.n{text-align:right}
td.wrap{overflow-wrap:anywhere}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff}main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}}
";

/// The page as one HTML file: style and pictures inside, no script, no outside link.
pub fn html(page: &Page) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n<div class=\"name\">{}</div>\n",
        esc(&page.protocol),
        esc(&page.title),
        esc(&page.protocol)
    );
    if let Some((name, value, id)) = &page.headline {
        let notes: String = (1..=page.leaks.len()).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        let notes = if notes.is_empty() { String::new() } else { format!("<sup>{notes}</sup>") };
        out.push_str(&format!(
            "<div class=\"headline\"><b>{}</b><span>{}{notes}</span></div>\n<div class=\"id\">{}</div>\n",
            esc(value),
            esc(name),
            esc(id)
        ));
    }
    if !page.verdicts.is_empty() {
        out.push_str("<ul class=\"verdict\">\n");
        page.verdicts.iter().for_each(|v| out.push_str(&format!("<li>{}</li>\n", esc(v))));
        out.push_str("</ul>\n");
    }
    if !page.leaks.is_empty() {
        out.push_str("<div class=\"leaks\"><p>What leaks between the training and the test side of this split</p><ol>\n");
        page.leaks.iter().for_each(|l| out.push_str(&format!("<li>{}</li>\n", esc(l))));
        out.push_str("</ol></div>\n");
    }
    if !page.sound.is_empty() {
        out.push_str(&format!("<p class=\"sound\">Looked for and not found: {}.</p>\n", esc(&page.sound.join("; "))));
    }
    for f in &page.figures {
        out.push_str(&format!(
            "<h2>{}</h2>\n<figure><img alt=\"{}\" src=\"data:image/png;base64,{}\"><figcaption>{}<div class=\"id\">{}</div></figcaption></figure>\n",
            esc(&f.title),
            esc(&f.title),
            base64(&f.png),
            esc(&f.caption),
            esc(&digest_line(f))
        ));
    }
    page.tables.iter().for_each(|t| out.push_str(&html_table(t)));
    out.push_str("<h2>What was run</h2>\n<div class=\"scroll\"><table>\n");
    page.facts.iter().for_each(|(k, v)| out.push_str(&format!("<tr><th>{}</th><td class=\"wrap\">{}</td></tr>\n", esc(k), esc(v))));
    out.push_str("</table></div>\n</main>\n</body>\n</html>\n");
    out
}

fn html_table(t: &Table) -> String {
    let class = |i: usize| if t.head.get(i).is_some_and(|h| h.starts_with('#')) { " class=\"n\"" } else { "" };
    let mut out = format!("<h2>{}</h2>\n", esc(&t.title));
    if !t.note.is_empty() {
        out.push_str(&format!("<p class=\"sound\">{}</p>\n", esc(&t.note)));
    }
    out.push_str("<div class=\"scroll\"><table>\n<tr>");
    t.head.iter().enumerate().for_each(|(i, h)| out.push_str(&format!("<th{}>{}</th>", class(i), esc(h.trim_start_matches('#')))));
    out.push_str("</tr>\n");
    for row in &t.rows {
        out.push_str("<tr>");
        row.iter().enumerate().for_each(|(i, c)| out.push_str(&format!("<td{}>{}</td>", class(i), esc(c))));
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n");
    out
}

fn esc(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in text::clean(s).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Base64 as in RFC 4648, section 4.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (u32::from(chunk[0]) << 16) | (u32::from(*chunk.get(1).unwrap_or(&0)) << 8) | u32::from(*chunk.get(2).unwrap_or(&0));
        for i in 0..4 {
            let digit = char::from(DIGITS[(word >> (18 - 6 * i)) as usize & 63]);
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            title: "A <b>title</b>".into(),
            protocol: "demo".into(),
            headline: Some(("mean PCC".into(), "0.31".into(), "pcc/gene".into())),
            leaks: vec!["one \u{1b}[31mdonor".into()],
            figures: vec![PageFigure { file: "a.png".into(), title: "F".into(), caption: "c".into(), png: vec![1, 2, 3, 4] }],
            tables: vec![Table {
                title: "T".into(),
                note: String::new(),
                head: vec!["gene".into(), "#PCC".into()],
                rows: vec![vec!["<script>x|y".into(), "1".into()]],
            }],
            ..Page::default()
        }
    }

    #[test]
    fn nothing_from_outside_becomes_markup_and_nothing_links_out() {
        let html = html(&page());
        assert!(html.contains("&lt;script&gt;x|y") && !html.contains("<script"), "{html}");
        assert!(!html.contains("http") && !html.contains('\u{1b}'), "{html}");
        assert!(html.contains("base64,AQIDBA=="));
        let md = markdown(&page());
        assert!(md.contains(r"\<script\>x\|y") && md.contains("![F](a.png)"), "{md}");
    }

    #[test]
    fn base64_agrees_with_the_standard() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
