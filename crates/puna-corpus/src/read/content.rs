//! From the payload of a record to the content of a page: which kinds are kept, and as what.

use super::fields::{Fields, blank_line_end, lines};
use super::{Limits, charset, decoding};
use crate::page::Body;

/// What became of a record.
pub(super) enum Outcome<T> {
    /// It is one.
    Kept(T),
    /// It is none by nature, for this reason.
    Skipped(&'static str),
    /// It should be one and is damaged.
    Damaged(String),
}

impl<T> Outcome<T> {
    /// Makes something of what is kept.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Kept(kept) => Outcome::Kept(f(kept)),
            Self::Skipped(reason) => Outcome::Skipped(reason),
            Self::Damaged(what) => Outcome::Damaged(what),
        }
    }
}

/// What is known of a payload from the head of its record.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// `text/html; charset=utf-8`.
    pub media_type: Option<&'a str>,
    /// Content encodings, in the order they were applied.
    pub encoding: Option<&'a str>,
    pub url: Option<&'a str>,
}

/// An address as it should have been written: without the brackets of some writers, and with its
/// spaces encoded.
pub(super) fn address(written: &str) -> String {
    let address = written.trim().trim_start_matches('<').trim_end_matches('>');
    address.replace(' ', "%20")
}

/// Whether pages come from such addresses.
pub(super) fn is_page_address(url: &str) -> bool {
    let scheme = url.split_once(':').map_or("", |s| s.0);
    let of_pages = ["http", "https", "ftp", "gopher", "file"];
    of_pages.iter().any(|s| scheme.eq_ignore_ascii_case(s))
}

/// Reads an HTTP response (RFC 9112, leniently); `outer` is what the record says of it.
pub(super) fn from_http(block: &[u8], outer: Payload<'_>, limits: &Limits) -> Outcome<Body> {
    if block.is_empty() {
        return Outcome::Skipped("empty");
    }
    let line = lines(block).next().unwrap_or_default();
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let protocol = words.next().unwrap_or_default();
    let status = words.next().and_then(|w| std::str::from_utf8(w).ok());
    let status = status.and_then(|w| w.parse::<u16>().ok());
    let Some(status) = status.filter(|_| protocol.starts_with(b"HTTP")) else {
        return Outcome::Damaged("response has no HTTP status line".into());
    };
    match status {
        200..=299 => {}
        300..=399 => return Outcome::Skipped("redirect"),
        _ => return Outcome::Skipped("error status"),
    }
    let head_end = head_end(block);
    let fields = Fields::parse(block[..head_end][line.len()..].trim_ascii_start());
    let body = &block[head_end..];
    let transfer = fields.get("Transfer-Encoding").unwrap_or_default();
    let body = if transfer.to_ascii_lowercase().contains("chunked") {
        decoding::unchunk(body)
    } else {
        body.into()
    };
    let payload = Payload {
        media_type: fields.get("Content-Type").or(outer.media_type),
        encoding: fields.get("Content-Encoding"),
        url: outer.url,
    };
    from_payload(&body, payload, limits)
}

/// Where the head of a response ends: behind a blank line, or where its markup begins if that comes
/// first, as some servers of the nineties wrote.
fn head_end(block: &[u8]) -> usize {
    let blank = blank_line_end(block).unwrap_or(block.len());
    memchr::memmem::find(&block[..blank], b"\n<").map_or(blank, |at| at + 1)
}

/// Makes the content of a page of a payload.
pub(super) fn from_payload(body: &[u8], payload: Payload<'_>, limits: &Limits) -> Outcome<Body> {
    let media_type = payload.media_type.unwrap_or_default();
    let kind = match kind(media_type) {
        Err(reason) => return Outcome::Skipped(reason),
        Ok(kind) => kind,
    };
    let body = match decoding::decode(body, payload.encoding.unwrap_or_default(), limits.record) {
        Ok(body) => body,
        Err(what) => return Outcome::Damaged(what),
    };
    if body.trim_ascii().is_empty() {
        return Outcome::Skipped("empty");
    }
    let is_html = match kind {
        Some(kind) => kind == Kind::Html,
        None if looks_like_html(&body) => true,
        None => return Outcome::Skipped("no media type"),
    };
    let declared = charset::parameter(media_type);
    match charset::decode(&body, declared, is_html, payload.url) {
        None => Outcome::Skipped("binary"),
        Some(text) if is_html => Outcome::Kept(Body::Html(text)),
        Some(text) => Outcome::Kept(Body::Text(text)),
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Html,
    Text,
}

/// The kind of page of a media type, None where the type says nothing, or why it is none.
fn kind(media_type: &str) -> Result<Option<Kind>, &'static str> {
    let essence = media_type.split([';', ',', ' ', '\t']).next();
    let essence = essence.unwrap_or_default().to_ascii_lowercase();
    let (top, sub) = essence.split_once('/').unwrap_or((&essence, ""));
    Err(match (top, sub) {
        ("text", "html") | ("application", "xhtml+xml") => return Ok(Some(Kind::Html)),
        ("text", "plain") => return Ok(Some(Kind::Text)),
        ("" | "unknown" | "no-type", _) => return Ok(None),
        ("image", _) => "image",
        ("audio" | "video", _) => "audio or video",
        ("font", _) => "font",
        (_, "css") => "style sheet",
        ("application", "pdf") => "pdf",
        (_, sub) if sub.contains("javascript") || sub.contains("ecmascript") => "script",
        (_, sub) if sub.ends_with("json") || sub.ends_with("xml") => "json or xml",
        _ => "other media type",
    })
}

/// Whether bytes of unknown kind begin as HTML does.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let head = body.trim_ascii_start();
    let head = head[..head.len().min(64)].to_ascii_lowercase();
    let begins: [&[u8]; 8] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<body",
        b"<title",
        b"<meta",
        b"<div",
        b"<h1",
    ];
    begins.iter().any(|b| head.starts_with(b))
}
