//! Each format in small.

use super::samples::*;
use super::*;
use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};

#[test]
fn parquet_gives_its_rows() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let read = read_as("a.parquet", &parquet(205, compression));
        assert_eq!(read.counts(), (164, 0, 41), "{:?}", read.damage);
        for (page, row) in read.pages.iter().zip((0..205).filter(|n| n % 5 != 0)) {
            assert_eq!(page.id, (row * 7).to_string());
            assert_eq!(page.body, Body::Text(format!("text of row {row}")));
            let url = (row % 3 != 0).then(|| format!("https://example.org/{row}"));
            assert_eq!(page.url, url);
        }
        assert_eq!(read.pages[0].date.as_deref(), Some("2019-04-15T00:00:00Z"));
    }
}

#[test]
fn a_damaged_row_group_costs_itself() {
    let mut bytes = parquet(100, Compression::ZSTD(ZstdLevel::default()));
    let at = bytes.len() / 3;
    bytes[at..at + 40].fill(0xee);
    let read = read_as("a.parquet", &bytes);
    assert!(!read.damage.is_empty());
    assert!(read.pages.len() >= 64, "{}", read.pages.len());
    for cut in [4, 8, bytes.len() / 2, bytes.len() - 1] {
        let refused = from_bytes("a.parquet", bytes[..cut].to_vec(), Limits::default());
        assert!(refused.is_err());
    }
}

#[test]
fn json_lines_take_the_fields_of_their_writers() {
    let lines = r#"{"text": "plain", "id": 7, "url": "https://a.org/", "date": "2020-01-02", "source": "cc"}
{"html": "<p>x", "timestamp": "2019-04-25T12:57:54Z", "extra": {"deep": [1, 2]}}

{"content": "<html><p>y</p>", "id": null}
{"content": "no markup", "metadata": {"url": "https://b.org/"}, "created": "2021-05-06T07:08:09.000Z", "added": "2022-01-01"}
{"text": "  "}
{"text": 5}
{"text": "cut
["text"]
{"id": "x"}
{"text": "last", "timestamp": 1556196774, "metadata": "none"}"#;
    let read = read_as("a.jsonl", lines.as_bytes());
    let bodies: Vec<&Body> = read.pages.iter().map(|p| &p.body).collect();
    let [text, html] = [Body::Text, Body::Html].map(|f| move |s: &str| f(s.to_owned()));
    assert_eq!(
        bodies,
        [
            &text("plain"),
            &html("<p>x"),
            &html("<html><p>y</p>"),
            &text("no markup"),
            &text("last")
        ]
    );
    let first = &read.pages[0];
    assert_eq!(
        (first.id.as_str(), first.source.as_deref()),
        ("7", Some("cc"))
    );
    assert_eq!(first.date.as_deref(), Some("2020-01-02"));
    assert_eq!(read.pages[2].id, "4");
    assert_eq!(read.pages[3].url.as_deref(), Some("https://b.org/"));
    assert_eq!(read.pages[3].date.as_deref(), Some("2021-05-06T07:08:09Z"));
    assert_eq!(read.pages[4].date.as_deref(), Some("2019-04-25T12:52:54Z"));
    assert_eq!(
        read.damage.iter().map(|d| d.offset).collect::<Vec<_>>(),
        [7, 8, 9, 10]
    );
    assert_eq!(read.skipped, BTreeMap::from([("empty", 1)]));
    for stored in [
        gzip(lines.as_bytes()),
        zstd(lines.as_bytes(), b""),
        lz4(lines.as_bytes()),
    ] {
        let again = read_as("a.json", &stored);
        assert_eq!(
            (again.pages, again.damage),
            (read.pages.clone(), read.damage.clone())
        );
    }
}

#[test]
fn text_and_html_files_are_one_page() {
    let read = read_as("a.txt", b"one\n\ntwo");
    assert_eq!(read.pages[0].body, Body::Text("one\n\ntwo".into()));
    let html = "<!DOCTYPE html><meta charset=iso-8859-2><p>\u{17e}lu\u{165}".to_owned();
    let bytes = encoding_rs::ISO_8859_2.encode(&html).0.into_owned();
    for (name, stored) in [
        ("a.html.gz", gzip(&bytes)),
        ("a", bytes.clone()),
        ("a.htm", bytes.clone()),
    ] {
        assert_eq!(
            read_as(name, &stored).pages[0].body,
            Body::Html(html.clone())
        );
    }
    // A text larger than a record is parted between paragraphs, nothing lost.
    let text = "some words of a line\n\n".repeat(100);
    let limits = Limits { record: 333 };
    let read = drain(
        from_bytes("a.txt", text.clone().into_bytes(), limits).unwrap(),
        text.len(),
    );
    assert_eq!(read.texts().concat(), text);
    assert!(read.pages.len() > 6);
    assert!(read.texts().iter().all(|t| t.ends_with("\n\n")));
}

#[test]
fn what_is_no_input_is_refused_by_name_and_reason() {
    for (name, bytes, reason) in [
        ("a.zip", &b"PK\x03\x04...."[..], "zip"),
        ("a.jsonl", b"[1, 2]", "one object a line"),
        ("a.json", b"{\n \"a\": 1}", "one object a line"),
        ("a.pdf", b"%PDF-1.4", "PDF"),
        ("a.parquet", b"PAR1....PAR1", "Parquet footer"),
    ] {
        let error = from_bytes(name, bytes.to_vec(), Limits::default())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    assert_eq!(
        read_as("empty.jsonl", b"").skipped,
        BTreeMap::from([("empty file", 1)])
    );
    // What does not say that it is data is none, and no damage; what says so and is not, is.
    for (name, bytes) in [
        ("a.bin", &b"\x00\x01\x02"[..]),
        ("folder.warc/a", b"abc"),
        ("LICENSE", b"You may copy this."),
    ] {
        let read = read_as(name, bytes);
        assert_eq!(read.skipped, BTreeMap::from([(NOT_DATA, 1)]), "{name}");
        assert_eq!(read.counts(), (0, 0, 1), "{name}");
    }
    assert!(!read_as("a.warc", b"You may copy this.").damage.is_empty());
}

#[test]
fn arc_of_both_versions() {
    let head = |line: &str, block: &str| format!("{line} {}\n{block}\n", block.len());
    let one = "1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n";
    let body = "HTTP/1.0 200 OK\nContent-Type: text/html\n\n<html>one</html>\n";
    let version_1 = [
        head("filedesc://a.arc 0.0.0.0 19990102030405 text/plain", one),
        head("http://a.org/a b 1.2.3.4 19990102030405 text/html", body),
        head(
            "http://a.org/c 1.2.3.4 19990102030406 text/html",
            "<html>bare</html>",
        ),
        head("dns:a.org 1.2.3.4 19990102030405 text/dns", "a.org 1.2.3.4"),
        head("http://a.org/i 1.2.3.4 19990102030405 image/gif", "GIF89a"),
    ];
    let version_2 = [
        head(
            "filedesc://a.arc 0.0.0.0 19990102030405 text/plain 200 - - 0 a.arc",
            &one.replace("1 0", "2 0"),
        ),
        head(
            "http://a.org/ 1.2.3.4 19990102030405 text/html 200 0123 - 120 a.arc",
            body,
        ),
    ];
    let read = read_as("a.arc", version_1.concat().as_bytes());
    assert_eq!(read.texts(), ["<html>one</html>\n", "<html>bare</html>"]);
    assert_eq!(read.pages[0].url.as_deref(), Some("http://a.org/a%20b"));
    assert_eq!(read.pages[0].date.as_deref(), Some("1999-01-02T03:04:05Z"));
    assert_eq!(read.counts(), (2, 0, 3), "{:?}", read.damage);
    let members: Vec<u8> = version_1.iter().flat_map(|r| gzip(r.as_bytes())).collect();
    assert_eq!(read_as("a.arc.gz", &members).pages, read.pages);
    let mut damaged: Vec<Vec<u8>> = version_1.iter().map(|r| gzip(r.as_bytes())).collect();
    let middle = damaged[1].len() / 2;
    damaged[1][middle] ^= 0x18;
    let read = read_as("a.arc.gz", &damaged.concat());
    assert_eq!(
        (read.texts(), read.damage.len()),
        (vec!["<html>bare</html>"], 1)
    );
    let read = read_as("a.arc", version_2.concat().as_bytes());
    assert_eq!(
        (read.texts(), read.counts()),
        (vec!["<html>one</html>\n"], (1, 0, 1))
    );
}
