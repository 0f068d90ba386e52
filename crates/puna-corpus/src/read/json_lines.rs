//! JSON lines: one object a line, with `text`, or `html` or `content` (as dolma, C4, FineWeb write).

use super::content::looks_like_html;
use super::window::Window;
use super::{Limits, Reader, Skipped, date};
use crate::page::{Body, Damage, Page};
use serde::Deserialize;
use std::io;

/// The lines of a file.
pub(super) struct JsonLines {
    window: Window,
    limits: Limits,
    line: u64,
    /// The line being read lies behind a damaged member: where it began is lost.
    cut: bool,
    ended: bool,
}

/// The fields that are read; there may be others.
#[derive(Deserialize)]
struct Row {
    text: Option<String>,
    html: Option<String>,
    content: Option<String>,
    id: Option<Scalar>,
    url: Option<Scalar>,
    date: Option<Scalar>,
    timestamp: Option<Scalar>,
    created: Option<Scalar>,
    added: Option<Scalar>,
    source: Option<Scalar>,
    metadata: Option<Metadata>,
}

/// Where dolma keeps the address.
#[derive(Deserialize)]
#[serde(untagged)]
enum Metadata {
    Fields {
        url: Option<Scalar>,
        date: Option<Scalar>,
    },
    Other(serde::de::IgnoredAny),
}

/// A value that is written as a string or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Other(serde::de::IgnoredAny),
}

impl Scalar {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl JsonLines {
    pub fn new(window: Window, limits: Limits) -> Self {
        Self {
            window,
            limits,
            line: 0,
            cut: false,
            ended: false,
        }
    }

    /// Length of the line at hand, and of what ends it; None if it is larger than the limit.
    fn line_length(&mut self) -> Option<(usize, usize)> {
        let mut searched = 0;
        loop {
            let there = self.window.ensure(searched + 1);
            let new = &self.window.bytes()[searched..];
            if let Some(at) = memchr::memchr(b'\n', new) {
                return Some((searched + at, 1));
            }
            if there <= searched {
                return Some((there, 0));
            }
            if there > self.limits.record {
                return None;
            }
            searched = there;
        }
    }

    fn pass_line(&mut self) {
        while self.window.ensure(1) > 0 {
            let end = memchr::memchr(b'\n', self.window.bytes());
            self.window.consume(end.map_or(usize::MAX, |e| e + 1));
            if end.is_some() {
                break;
            }
        }
    }
}

/// Reads one line.
fn parse(line: &[u8], number: u64) -> Result<Page, String> {
    let row: Row = serde_json::from_slice(line).map_err(|e| {
        // The place in the line is the column; the line is known.
        let message = e.to_string().replace("line 1 column", "column");
        format!("not a JSON object with text or html: {message}")
    })?;
    let (metadata_url, metadata_date) = match row.metadata {
        Some(Metadata::Fields { url, date }) => (url, date),
        Some(Metadata::Other(_)) | None => (None, None),
    };
    let body = match (row.text, row.html, row.content) {
        (Some(text), ..) => Body::Text(text),
        (None, Some(html), _) => Body::Html(html),
        (None, None, Some(content)) if looks_like_html(content.as_bytes()) => Body::Html(content),
        (None, None, Some(content)) => Body::Text(content),
        (None, None, None) => return Err("none of the fields text, html and content".into()),
    };
    let dates = [
        row.date,
        row.timestamp,
        metadata_date,
        row.created,
        row.added,
    ];
    let text = |field: Option<Scalar>| field.and_then(Scalar::text);
    Ok(Page {
        id: text(row.id).unwrap_or_else(|| number.to_string()),
        url: text(row.url).or_else(|| text(metadata_url)),
        date: dates
            .into_iter()
            .filter_map(text)
            .find_map(|d| date::normalize(&d)),
        source: text(row.source),
        body,
    })
}

impl Reader for JsonLines {
    fn next(&mut self, skipped: &mut Skipped) -> Option<Result<Page, Damage>> {
        while !self.ended {
            if std::mem::take(&mut self.cut) {
                self.pass_line();
            }
            self.line += 1;
            let damage = |offset, what| Some(Err(Damage { offset, what }));
            let Some((length, end)) = self.line_length() else {
                self.pass_line();
                let limit = self.limits.record;
                return damage(
                    self.line,
                    format!("line is larger than the limit of {limit} bytes"),
                );
            };
            if end == 0 {
                if let Some(what) = self.window.broken().map(str::to_owned) {
                    self.window.recover();
                    self.cut = true;
                    return damage(self.line, what);
                }
                self.ended = true;
                if let Some(failure) = self.window.failure() {
                    return damage(self.line, failure.to_string());
                }
            }
            let line = self.window.bytes()[..length].trim_ascii();
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            let page = (!line.is_empty()).then(|| parse(line, self.line));
            self.window.consume(length + end);
            match page {
                None => {}
                Some(Ok(page)) => {
                    let (Body::Html(text) | Body::Text(text)) = &page.body;
                    if !text.trim().is_empty() {
                        return Some(Ok(page));
                    }
                    skipped.add("empty");
                }
                Some(Err(what)) => return damage(self.line, what),
            }
        }
        None
    }

    fn failure(&self) -> Option<io::Error> {
        self.window.failure()
    }

    fn read_so_far(&self) -> u64 {
        self.window.read_so_far()
    }
}
