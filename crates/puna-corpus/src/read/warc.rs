//! WARC 0.x, 1.0 and 1.1 (ISO 28500), with WET (conversion) and WAT (metadata) records.

use super::content::{self, Outcome, Payload};
use super::fields::{Fields, blank_line_end, lines};
use super::records::Grammar;
use super::{Limits, date};
use crate::page::Page;
use memchr::memmem;

/// The grammar of WARC records.
pub(super) struct Warc;

/// Whether these bytes begin as a WARC record.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes
        .get(..5)
        .is_some_and(|b| b.eq_ignore_ascii_case(b"WARC/"))
}

impl Grammar for Warc {
    type Head = Fields;
    const ENDS_WITH_BLANK_LINE: bool = true;

    fn begins(bytes: &[u8]) -> bool {
        begins(bytes)
    }

    fn next_begin(bytes: &[u8]) -> Option<usize> {
        // The version, the end of its line and a field: text about WARC seldom has that.
        memmem::find_iter(bytes, b"WARC/").find(|at| {
            let mut lines = lines(&bytes[*at + 5..]);
            let is_version = matches!(lines.next(), Some([b'0' | b'1', b'.', rest @ ..])
                if (1..=2).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit));
            let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
            let field = lines.next().unwrap_or_default();
            let name = field.iter().take_while(|b| is_name(b)).count();
            *at > 0 && is_version && name > 0 && field.get(name) == Some(&b':')
        })
    }

    fn head_length(bytes: &[u8]) -> Option<usize> {
        blank_line_end(bytes)
    }

    fn parse(&mut self, head: &[u8]) -> Result<(Fields, u64), String> {
        let line = lines(head).next().unwrap_or_default();
        let version = line.get(5..).unwrap_or_default().trim_ascii();
        let known = matches!(version, [b'0' | b'1', b'.', rest @ ..]
            if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit));
        if !known {
            let version = String::from_utf8_lossy(&version[..version.len().min(20)]);
            return Err(format!("unknown WARC version {version:?}"));
        }
        let fields = Fields::parse(head[line.len()..].trim_ascii_start());
        let length = fields.get("Content-Length").ok_or("no Content-Length")?;
        let length = length
            .parse()
            .map_err(|_| format!("Content-Length {length:?} is no length"))?;
        Ok((fields, length))
    }

    fn page(&mut self, head: Fields, block: &[u8], number: u64, limits: &Limits) -> Outcome<Page> {
        let kind = head
            .get("WARC-Type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let url = head.get("WARC-Target-URI").map(content::address);
        let media_type = head.get("Content-Type");
        let is_page = url.as_deref().is_some_and(content::is_page_address);
        let payload = Payload {
            media_type: head.get("WARC-Identified-Payload-Type"),
            encoding: None,
            url: url.as_deref(),
        };
        let body = match kind.as_str() {
            "response" if url.is_some() && !is_page => Outcome::Skipped("not from the web"),
            "response" => content::from_http(block, payload, limits),
            "resource" if !is_page => Outcome::Skipped("not from the web"),
            "resource" | "conversion" => {
                let media_type = media_type.or(payload.media_type);
                let payload = Payload {
                    media_type,
                    ..payload
                };
                content::from_payload(block, payload, limits)
            }
            "request" => Outcome::Skipped("request"),
            "metadata" => Outcome::Skipped("metadata"),
            "warcinfo" => Outcome::Skipped("warcinfo"),
            // What it repeats is a page of its own; a copy more would only be left out again.
            "revisit" => Outcome::Skipped("revisit"),
            "continuation" => Outcome::Skipped("continuation"),
            _ => Outcome::Skipped("unknown kind of record"),
        };
        body.map(|body| Page {
            id: head.get("WARC-Record-ID").map_or_else(
                || number.to_string(),
                |id| id.trim_matches(['<', '>']).to_owned(),
            ),
            date: head.get("WARC-Date").and_then(date::normalize),
            url,
            source: None,
            body,
        })
    }
}
