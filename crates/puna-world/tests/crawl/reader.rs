//! A reader of WARC files that knows just enough for these tests.

use std::io::Read;

use flate2::read::{GzDecoder, MultiGzDecoder};

/// A record.
pub struct Record {
    pub kind: String,
    pub uri: String,
    block: Vec<u8>,
}

/// All records that can be read whole, and how many cannot.
pub fn read(file: &[u8]) -> (Vec<Record>, usize) {
    let (mut records, mut damaged) = (Vec::new(), 0);
    let mut at = 0;
    while at < file.len() {
        let mut decoder = flate2::bufread::GzDecoder::new(&file[at..]);
        let mut bytes = Vec::new();
        if decoder.read_to_end(&mut bytes).is_ok() {
            at = file.len() - decoder.into_inner().len();
            records.push(parse(&bytes));
            continue;
        }
        damaged += 1;
        let next = (at + 1..file.len()).find(|next| begins_member(&file[*next..]));
        at = next.unwrap_or(file.len());
    }
    (records, damaged)
}

fn begins_member(bytes: &[u8]) -> bool {
    let mut start = [0; 9];
    bytes.starts_with(&[0x1f, 0x8b, 8])
        && GzDecoder::new(bytes).read_exact(&mut start).is_ok()
        && start.starts_with(b"WARC/1.1")
}

fn parse(bytes: &[u8]) -> Record {
    let (head, rest) = split(bytes);
    let field = |name: &str| -> String { header(head, name) };
    assert!(head.starts_with("WARC/1.1\r\n"));
    let length: usize = field("content-length").parse().unwrap();
    assert_eq!(&rest[length..], b"\r\n\r\n");
    Record {
        kind: field("warc-type"),
        uri: field("warc-target-uri"),
        block: rest[..length].to_vec(),
    }
}

fn split(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .unwrap_or(bytes.len() - 4);
    (
        std::str::from_utf8(&bytes[..end]).unwrap(),
        &bytes[end + 4..],
    )
}

fn header(head: &str, name: &str) -> String {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

impl Record {
    pub fn status(&self) -> u16 {
        match self.kind.as_str() {
            "response" => split(&self.block).0[9..12].parse().unwrap(),
            _ => 0,
        }
    }

    pub fn http_header(&self, name: &str) -> String {
        header(split(&self.block).0, name)
    }

    /// The body without transfer and content encoding.
    pub fn body(&self) -> Vec<u8> {
        let (_, mut rest) = split(&self.block);
        let mut body = Vec::new();
        if self.http_header("transfer-encoding") == "chunked" {
            loop {
                let end = rest.windows(2).position(|w| w == b"\r\n").unwrap();
                let size = std::str::from_utf8(&rest[..end]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                if size == 0 {
                    break;
                }
                body.extend_from_slice(&rest[end + 2..end + 2 + size]);
                rest = &rest[end + 2 + size + 2..];
            }
        } else {
            body.extend_from_slice(rest);
            assert_eq!(self.http_header("content-length"), rest.len().to_string());
        }
        if self.http_header("content-encoding") == "gzip" {
            let mut plain = Vec::new();
            MultiGzDecoder::new(&body[..])
                .read_to_end(&mut plain)
                .unwrap();
            body = plain;
        }
        body
    }
}

/// The text of a page without its tags, white space collapsed.
pub fn visible(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if inside => {}
            c if c.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            c => text.push(c),
        }
    }
    let entities = [
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}
