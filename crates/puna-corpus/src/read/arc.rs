//! ARC version 1 and 2, the Internet Archive's format before WARC.

use super::content::{self, Outcome, Payload};
use super::records::Grammar;
use super::{Limits, date};
use crate::page::Page;
use memchr::{memchr, memchr_iter};

/// The grammar of ARC records.
pub(super) struct Arc;

/// The line that begins a record.
pub(super) struct Head {
    url: String,
    date: Option<String>,
    media_type: String,
}

/// A line longer than this begins no record.
const LINE_LIMIT: usize = 64 << 10;

/// Whether these bytes begin as an ARC record, whatever its length says.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let bytes = &bytes[..bytes.len().min(LINE_LIMIT)];
    // A line that is cut off here is told by its begin.
    let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
    let line = bytes[..end].trim_ascii_end();
    let scheme = line
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
        .count();
    if !line[scheme..].starts_with(b":") || !line.first().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let fields = line.split(|b| *b == b' ');
    let is_date = |f: &[u8]| f.len() >= 12 && f.iter().all(u8::is_ascii_digit);
    fields.clone().count() >= 5 && fields.skip(2).any(is_date)
}

impl Grammar for Arc {
    type Head = Head;
    const ENDS_WITH_BLANK_LINE: bool = false;

    fn begins(bytes: &[u8]) -> bool {
        begins(bytes)
    }

    fn next_begin(bytes: &[u8]) -> Option<usize> {
        let mut starts = memchr_iter(b'\n', bytes).map(|at| at + 1);
        starts.find(|start| memchr(b'\n', &bytes[*start..]).is_some() && begins(&bytes[*start..]))
    }

    fn head_length(bytes: &[u8]) -> Option<usize> {
        Some(memchr(b'\n', bytes)? + 1)
    }

    fn parse(&mut self, head: &[u8]) -> Result<(Head, u64), String> {
        let line = String::from_utf8_lossy(head.trim_ascii_end());
        let fields: Vec<&str> = line.split(' ').collect();
        // Addresses may hold spaces and media types too, so the date is looked for from the right:
        // behind it come two fields in version 1 and seven in version 2.
        let is_date = |f: &&str| f.len() >= 12 && f.bytes().all(|b| b.is_ascii_digit());
        let at = fields.iter().rposition(|f| is_date(f) && f.len() == 14);
        let at = at.or_else(|| fields.iter().rposition(is_date));
        let at = at.filter(|at| *at >= 2 && at + 2 < fields.len());
        let at = at.ok_or("head of the record is not of ARC version 1 or 2")?;
        let length = fields[fields.len() - 1];
        let length = length
            .parse()
            .map_err(|_| format!("length {length:?} is no length"))?;
        let head = Head {
            url: content::address(&fields[..at - 1].join(" ")),
            date: date::normalize(fields[at]),
            media_type: fields[at + 1].to_owned(),
        };
        Ok((head, length))
    }

    fn page(&mut self, head: Head, block: &[u8], number: u64, limits: &Limits) -> Outcome<Page> {
        let payload = Payload {
            media_type: Some(&head.media_type),
            encoding: None,
            url: Some(&head.url),
        };
        let body = if head.url.starts_with("filedesc:") {
            Outcome::Skipped("filedesc")
        } else if !content::is_page_address(&head.url) {
            Outcome::Skipped("not from the web")
        } else if block.starts_with(b"HTTP/") {
            content::from_http(block, payload, limits)
        } else {
            // Files from before HTTP/1.0, and those fetched by FTP, are the block alone.
            content::from_payload(block, payload, limits)
        };
        body.map(|body| Page {
            id: number.to_string(),
            url: Some(head.url),
            date: head.date,
            source: None,
            body,
        })
    }
}
