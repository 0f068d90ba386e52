//! HTTP responses as servers and crawlers write them.

use super::samples::*;
use super::*;
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use std::io::Write;

const HTML: &str = "<html><p>h\u{e9}llo</p></html>";

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(7) {
        out.extend_from_slice(format!("{:X};name=value\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    [out, b"0\r\nTrailer: x\r\n\r\n".to_vec()].concat()
}

fn page_of(fields: &str, body: &[u8]) -> Read {
    let fields = format!("content-type: text/html;charset=UTF-8\r\n{fields}");
    read_as("a.warc", &response(1, &fields, body))
}

#[test]
fn encodings_are_undone() {
    let body = HTML.as_bytes();
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(body).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(body).unwrap();
    for (fields, body) in [
        ("", body.to_vec()),
        ("Transfer-Encoding: chunked\r\n", chunked(body)),
        (
            "Transfer-Encoding: Chunked\r\nContent-Encoding: GZIP\r\n",
            chunked(&gzip(body)),
        ),
        ("Content-Encoding: x-gzip\r\n", gzip(body)),
        ("Content-Encoding: deflate\r\n", deflate.finish().unwrap()),
        ("Content-Encoding: deflate\r\n", zlib.finish().unwrap()),
        ("Content-Encoding: br\r\n", brotli_stored(body)),
        ("Content-Encoding: zstd\r\n", zstd(body, b"")),
        ("Content-Encoding: gzip, zstd\r\n", zstd(&gzip(body), b"")),
        ("Content-Encoding: identity\r\n", body.to_vec()),
        // What crawlers leave in the head of a body that they stored decoded.
        ("Transfer-Encoding: chunked\r\n", body.to_vec()),
        ("Content-Encoding: gzip\r\n", body.to_vec()),
        ("Content-Encoding: br\r\n", body.to_vec()),
        ("Content-Encoding: deflate\r\n", body.to_vec()),
    ] {
        let read = page_of(fields, &body);
        assert_eq!(read.texts(), [HTML], "{fields} {:?}", read.damage);
    }
}

#[test]
fn a_body_that_breaks_off_keeps_its_begin_and_a_damaged_one_is_named() {
    let long = page_text(1);
    for (fields, body) in [
        ("Transfer-Encoding: chunked\r\n", chunked(long.as_bytes())),
        ("Content-Encoding: gzip\r\n", gzip(long.as_bytes())),
    ] {
        let read = page_of(fields, &body[..body.len() / 2]);
        assert!(long.starts_with(read.texts()[0]), "{fields}");
        assert!(read.texts()[0].len() > 100, "{fields}");
    }
    let mut body = gzip(long.as_bytes());
    let middle = body.len() / 2;
    body[middle] ^= 0x40;
    let read = page_of("Content-Encoding: gzip\r\n", &body);
    assert!(
        read.damage[0].what.contains("content encoding gzip"),
        "{:?}",
        read.damage
    );
}

#[test]
fn only_pages_are_kept() {
    let kept = |head: &str, body: &str| {
        let block = format!("{head}\r\n\r\n{body}");
        let read = read_as(
            "a.warc",
            &record("response", 1, "application/http", block.as_bytes()),
        );
        match (
            read.pages.first(),
            read.skipped.keys().next(),
            read.damage.first(),
        ) {
            (
                Some(Page {
                    body: Body::Html(_),
                    ..
                }),
                ..,
            ) => "html",
            (Some(_), ..) => "text",
            (None, Some(reason), _) => reason,
            _ => "damage",
        }
    };
    let typed = |media_type: &str, body: &str| {
        kept(
            &format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}"),
            body,
        )
    };
    assert_eq!(typed("text/html", "<p>x"), "html");
    assert_eq!(typed("TEXT/HTML; x=y", "<p>x"), "html");
    assert_eq!(typed("application/xhtml+xml", "<p>x"), "html");
    assert_eq!(typed("text/plain", "x"), "text");
    assert_eq!(typed("text/html", " \r\n"), "empty");
    assert_eq!(typed("text/html", "%PDF-1.5 x"), "binary");
    assert_eq!(typed("text/html", "a\0b\0c\0d\0"), "binary");
    assert_eq!(typed("image/png", "x"), "image");
    assert_eq!(typed("application/pdf", "x"), "pdf");
    assert_eq!(typed("application/rss+xml", "x"), "json or xml");
    assert_eq!(typed("application/x-javascript", "x"), "script");
    assert_eq!(typed("application/zip", "x"), "other media type");
    assert_eq!(kept("HTTP/1.1 200 OK", "  <!doctype HTML><p>x"), "html");
    assert_eq!(kept("HTTP/1.1 200 OK", "x"), "no media type");
    assert_eq!(
        kept("HTTP/1.1 301 Moved\r\nContent-Type: text/html", "<p>x"),
        "redirect"
    );
    assert_eq!(
        kept("HTTP/1.1 404 Not Found\r\nContent-Type: text/html", "<p>x"),
        "error status"
    );
    assert_eq!(
        kept("HTTP/2 200\r\ncontent-type: text/html", "<p>x"),
        "html"
    );
    assert_eq!(
        kept(
            "HTTP/1.1  200 OK\r\nBroken line\r\nContent-Type:\r\n text/html",
            "<p>x"
        ),
        "html"
    );
    assert_eq!(kept("HTTP/1.1 OK", "<p>x"), "damage");
    assert_eq!(kept("<p>x", "<p>x"), "damage");
    for kind in ["request", "metadata", "warcinfo", "revisit", "continuation"] {
        let read = read_as("a.warc", &record(kind, 1, "text/html", b"<p>x"));
        assert_eq!(read.skipped, BTreeMap::from([(kind, 1)]));
    }
    let read = read_as("a.warc", &record("conversion", 1, "text/plain", b"text"));
    assert_eq!(read.pages[0].body, Body::Text("text".into()));
    let read = read_as("a.warc", &record("resource", 1, "text/html", b"<p>x"));
    assert_eq!(read.pages[0].body, Body::Html("<p>x".into()));
}

#[test]
fn a_head_without_a_blank_line_ends_where_the_markup_begins() {
    let block = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n<html>x</html>\r\n\r\n<p>y";
    let read = read_as("a.warc", &record("response", 1, "application/http", block));
    assert_eq!(read.texts(), ["<html>x</html>\r\n\r\n<p>y"]);
}
