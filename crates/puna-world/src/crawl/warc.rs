//! Records of a WARC/1.1 file, each a gzip member of its own.

use std::fmt::Write as _;
use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use serde::{Deserialize, Serialize};

use super::page::CrawlPage;

/// Records of a file by what a reader should make of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCounts {
    /// Responses that are whole pages.
    pub pages: u64,
    /// Records that cannot be read whole.
    pub damaged: u64,
    /// The record about the file.
    pub warcinfo: u64,
    /// What the crawler asked.
    pub request: u64,
    /// What the crawler noted.
    pub metadata: u64,
    /// Responses that are images.
    pub image: u64,
    /// Responses that point elsewhere.
    pub redirect: u64,
    /// Responses with status 404.
    pub not_found: u64,
    /// Pages that had not changed.
    pub revisit: u64,
}

impl RecordCounts {
    /// All records.
    pub fn total(&self) -> u64 {
        let pages = self.pages + self.damaged;
        let notes = self.warcinfo + self.request + self.metadata;
        pages + notes + self.image + self.redirect + self.not_found + self.revisit
    }
}

/// Makes records; it only needs to keep its buffers.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    block: Vec<u8>,
    record: Vec<u8>,
    gzip: Gzip,
}

/// Makes gzip members. A fresh compressor for each would cost more than compressing a page does.
#[derive(Debug)]
struct Gzip(Compress);

impl Default for Gzip {
    fn default() -> Self {
        Self(Compress::new(Compression::new(1), false))
    }
}

impl Gzip {
    fn member(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        // No name, no time, fastest compression, any system.
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
        self.0.reset();
        loop {
            let done = self.0.total_in() as usize;
            out.reserve(bytes.len() / 2 + 64);
            let rest = &bytes[done..];
            match self.0.compress_vec(rest, &mut out, FlushCompress::Finish)? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {}
            }
        }
        let mut crc = Crc::new();
        crc.update(bytes);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        Ok(out)
    }
}

/// The head of a record.
struct Head<'a> {
    kind: &'a str,
    /// Tells records of the same address apart.
    id: u64,
    uri: Option<&'a str>,
    date: &'a str,
    content_type: &'a str,
    more: String,
}

impl Recorder {
    pub(super) fn warcinfo(&mut self, file: usize) -> io::Result<Vec<u8>> {
        self.block.clear();
        let fields = "software: puna world\r\nformat: WARC File Format 1.1\r\n\
             description: a synthetic crawl of a synthetic world; nobody and nothing in it is real\r\n";
        self.block.extend_from_slice(fields.as_bytes());
        self.finish(&Head {
            kind: "warcinfo",
            id: file as u64,
            uri: None,
            date: "2026-01-01T00:00:00Z",
            content_type: "application/warc-fields",
            more: format!("WARC-Filename: crawl-{file:05}.warc.gz\r\n"),
        })
    }

    /// The response that carries the page.
    pub(super) fn page(&mut self, page: &CrawlPage, id: u64) -> io::Result<Vec<u8>> {
        let truth = &page.truth;
        let mut head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\n",
            page.content_type()
        );
        let zipped;
        let mut body = page.body.as_slice();
        if truth.content_encoding.is_some() {
            head.push_str("Content-Encoding: gzip\r\n");
            zipped = self.gzip.member(body)?;
            body = &zipped;
        }
        self.block.clear();
        match truth.chunked {
            true => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
            false => {
                let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
            }
        }
        self.block.extend_from_slice(head.as_bytes());
        if truth.chunked {
            for chunk in body.chunks(1_000) {
                write!(self.block, "{:x}\r\n", chunk.len())?;
                self.block.extend_from_slice(chunk);
                self.block.extend_from_slice(b"\r\n");
            }
            self.block.extend_from_slice(b"0\r\n\r\n");
        } else {
            self.block.extend_from_slice(body);
        }
        self.finish(&Head {
            kind: "response",
            id,
            uri: Some(&truth.url),
            date: &page.fetched,
            content_type: "application/http; msgtype=response",
            more: String::new(),
        })
    }

    /// A response that is no page.
    fn response(
        &mut self,
        page: &CrawlPage,
        id: u64,
        uri: &str,
        http: &[u8],
    ) -> io::Result<Vec<u8>> {
        self.block.clear();
        self.block.extend_from_slice(http);
        self.finish(&Head {
            kind: "response",
            id,
            uri: Some(uri),
            date: &page.fetched,
            content_type: "application/http; msgtype=response",
            more: String::new(),
        })
    }

    /// What else a crawler leaves around page number `index`, counted.
    pub(super) fn around(
        &mut self,
        page: &CrawlPage,
        index: usize,
        counts: &mut RecordCounts,
    ) -> io::Result<Vec<u8>> {
        let id = |n: u64| index as u64 * 8 + n;
        let url = page.truth.url.as_str();
        let host = url.split('/').nth(2).unwrap_or_default();
        let mut out = Vec::new();
        if index % 16 == 3 {
            self.block.clear();
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            write!(self.block, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
            out.extend(self.finish(&Head {
                kind: "request",
                id: id(1),
                uri: Some(url),
                date: &page.fetched,
                content_type: "application/http; msgtype=request",
                more: String::new(),
            })?);
            counts.request += 1;
        }
        if index % 64 == 5 {
            self.block.clear();
            self.block.extend_from_slice(b"fetchTimeMs: 42\r\n");
            out.extend(self.finish(&Head {
                kind: "metadata",
                id: id(2),
                uri: Some(url),
                date: &page.fetched,
                content_type: "application/warc-fields",
                more: String::new(),
            })?);
            counts.metadata += 1;
        }
        if index % 32 == 7 {
            let http = [
                b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 43\r\n\r\n",
                GIF,
            ]
            .concat();
            out.extend(self.response(page, id(3), &format!("https://{host}/dot.gif"), &http)?);
            counts.image += 1;
        }
        if index % 40 == 9 {
            let http = format!(
                "HTTP/1.1 301 Moved Permanently\r\nLocation: {url}\r\n\
                 Content-Type: text/html\r\nContent-Length: 0\r\n\r\n"
            );
            let old = format!("http://{host}/old/{index}");
            out.extend(self.response(page, id(4), &old, http.as_bytes())?);
            counts.redirect += 1;
        }
        if index % 50 == 11 {
            let html =
                "<html><title>404</title><body><p>There is no such page here.</p></body></html>";
            let http = format!(
                "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{html}",
                html.len()
            );
            let gone = format!("https://{host}/gone/{index}");
            out.extend(self.response(page, id(5), &gone, http.as_bytes())?);
            counts.not_found += 1;
        }
        if index % 60 == 13 {
            self.block.clear();
            self.block
                .extend_from_slice(b"HTTP/1.1 304 Not Modified\r\n\r\n");
            let profile = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";
            out.extend(self.finish(&Head {
                kind: "revisit",
                id: id(6),
                uri: Some(url),
                date: "2026-02-01T00:00:00Z",
                content_type: "application/http; msgtype=response",
                more: format!(
                    "WARC-Profile: {profile}\r\nWARC-Refers-To-Target-URI: {url}\r\n\
                     WARC-Refers-To-Date: {}\r\n",
                    page.fetched
                ),
            })?);
            counts.revisit += 1;
        }
        Ok(out)
    }

    /// The head, the block, and the empty lines after it, as a gzip member.
    fn finish(&mut self, head: &Head<'_>) -> io::Result<Vec<u8>> {
        self.record.clear();
        write!(
            self.record,
            "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{}>\r\n\
             WARC-Date: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{more}",
            uuid(head.kind, head.id),
            self.block.len(),
            kind = head.kind,
            date = head.date,
            content_type = head.content_type,
            more = head.more,
        )?;
        if let Some(uri) = head.uri {
            write!(self.record, "WARC-Target-URI: {uri}\r\n")?;
        }
        self.record.extend_from_slice(b"\r\n");
        self.record.extend_from_slice(&self.block);
        self.record.extend_from_slice(b"\r\n\r\n");
        self.gzip.member(&self.record)
    }
}

/// A version 8 identifier: the kind and a number.
fn uuid(kind: &str, id: u64) -> String {
    let first = kind
        .bytes()
        .fold(0u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte));
    format!("{first:08x}-7075-8e61-8000-{:012x}", id & 0xffff_ffff_ffff)
}

/// One transparent dot.
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
