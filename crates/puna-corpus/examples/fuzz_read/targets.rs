//! What mutated bytes are given to.

use crate::mutate::{OF_MARKUP, OF_RECORDS, Random, mutate};
use crate::samples;
use crate::seeds::{Seed, Seeds};
use flate2::write::ZlibEncoder;
use puna_corpus::read::{self, Limits};
use puna_corpus::{Body, extract};
use std::io::Write;

/// Bytes a record may have; more are refused, so that no input costs much.
const LIMITS: Limits = Limits { record: 1 << 20 };

/// Labels of charsets: right, wrong, odd, none of them.
const LABELS: [&str; 18] = [
    "utf-8",
    "utf-16",
    "utf-16be",
    "windows-1252",
    "windows-1251",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "gb18030",
    "big5",
    "euc-kr",
    "windows-1255",
    "x-user-defined",
    "iso-2022-kr",
    "replacement",
    "",
    "no such charset",
];

/// What is fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Warc,
    Arc,
    Wet,
    JsonLines,
    Parquet,
    /// The extraction of a page in Unicode.
    Html,
    /// Bytes of any encoding under any label, in every place a label can stand.
    Charset,
    /// Bodies under encodings of content and transfer, damaged before or behind them.
    Http,
}

impl Target {
    pub const ALL: [Self; 8] = [
        Self::Warc,
        Self::Arc,
        Self::Wet,
        Self::JsonLines,
        Self::Parquet,
        Self::Html,
        Self::Charset,
        Self::Http,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Warc => "warc",
            Self::Arc => "arc",
            Self::Wet => "wet",
            Self::JsonLines => "json_lines",
            Self::Parquet => "parquet",
            Self::Html => "html",
            Self::Charset => "charset",
            Self::Http => "http",
        }
    }
}

/// A file made by mutation.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What came of a case.
#[derive(Default, Clone, Copy)]
pub struct Outcome {
    pub pages: u64,
    pub damaged: u64,
    pub refused: u64,
}

/// Makes the case of these random numbers.
pub fn make(target: Target, seeds: &Seeds, random: &mut Random) -> Case {
    let list = match target {
        Target::Warc => &seeds.warc,
        Target::Arc => &seeds.arc,
        Target::Wet => &seeds.wet,
        Target::JsonLines => &seeds.json_lines,
        Target::Parquet => &seeds.parquet,
        Target::Html | Target::Http => &seeds.html,
        Target::Charset => &seeds.text,
    };
    let seed = &list[random.below(list.len())];
    let other = &list[random.below(list.len())].bytes;
    let mut bytes = seed.bytes.clone();
    match target {
        Target::Html => mutate(&mut bytes, other, OF_MARKUP, random),
        Target::Charset => return charset(seed, other, random),
        Target::Http => return http(bytes, other, random),
        _ => mutate(&mut bytes, other, OF_RECORDS, random),
    }
    let name = seed.name.clone();
    Case { name, bytes }
}

fn charset(seed: &Seed, other: &[u8], random: &mut Random) -> Case {
    let label = if random.below(2) == 0 {
        &seed.name
    } else {
        random.of(&LABELS)
    };
    let mut body = match random.below(4) {
        0 => format!("<html><head><meta charset=\"{label}\"></head><body><p>").into_bytes(),
        1 => format!("<?xml version='1.0' encoding='{label}'?><html><p>").into_bytes(),
        2 => b"<html><p>".to_vec(),
        _ => Vec::new(),
    };
    match random.below(8) {
        0 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
        1 => drop(body.splice(0..0, *b"\xff\xfe")),
        2 => drop(body.splice(0..0, *b"\xfe\xff")),
        _ => {}
    }
    body.extend_from_slice(&seed.bytes);
    mutate(&mut body, other, OF_RECORDS, random);
    let media_type = random.of(&["text/html", "text/plain", "application/xhtml+xml", ""]);
    let quote = random.of(&["", "\"", "'"]);
    let fields = format!("Content-Type: {media_type}; charset={quote}{label}{quote}\r\n");
    let (name, bytes) = match random.below(4) {
        0 => ("a.html", body),
        1 => ("a.txt", body),
        _ => ("a.warc", samples::response(1, &fields, &body)),
    };
    let name = name.to_owned();
    Case { name, bytes }
}

fn http(mut body: Vec<u8>, other: &[u8], random: &mut Random) -> Case {
    // Deep behind encodings little of a page matters.
    body.truncate(1 << (4 + random.below(12)));
    if random.below(2) == 0 {
        mutate(&mut body, other, OF_RECORDS, random);
    }
    let mut encodings = Vec::new();
    for _ in 0..random.below(4) {
        let encoding = random.of(&["gzip", "deflate", "br", "zstd", "identity", "odd"]);
        body = match encoding {
            "gzip" => samples::gzip(&body),
            "deflate" => deflate(&body),
            "br" => samples::brotli_stored(&body),
            "zstd" => samples::zstd(&body, b""),
            _ => body,
        };
        if random.below(3) == 0 {
            mutate(&mut body, other, OF_RECORDS, random);
        }
        encodings.push(encoding);
    }
    let mut fields = format!(
        "Content-Type: text/html\r\nContent-Encoding: {}\r\n",
        encodings.join(", ")
    );
    if random.below(2) == 0 {
        fields += "Transfer-Encoding: chunked\r\n";
        body = chunked(&body, random);
        if random.below(3) == 0 {
            mutate(&mut body, other, OF_RECORDS, random);
        }
    }
    let name = "a.warc".to_owned();
    let bytes = samples::response(1, &fields, &body);
    Case { name, bytes }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    // Memory takes all that is written to it.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn chunked(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.chunks(1 + random.below(5000)) {
        out.extend(format!("{:x}\r\n", chunk.len()).bytes());
        out.extend_from_slice(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// Gives a case to what reads it, and its pages to the extraction where they are what is fuzzed.
pub fn run(target: Target, case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    if target == Target::Html {
        let html = String::from_utf8_lossy(&case.bytes);
        let found = extract::extract(&html, Some("https://www.example.org/2024/05/06/a"));
        outcome.pages += u64::from(!found.text.is_empty());
        return outcome;
    }
    let Ok(pages) = read::from_bytes(&case.name, case.bytes.clone(), LIMITS) else {
        outcome.refused += 1;
        return outcome;
    };
    let most = 64 * case.bytes.len() as u64 + 4096;
    for page in pages {
        match page {
            Err(_) => outcome.damaged += 1,
            Ok(page) => {
                outcome.pages += 1;
                if let (Body::Html(html), Target::Charset | Target::Http) = (&page.body, target) {
                    extract::extract(html, page.url.as_deref());
                }
            }
        }
        assert!(
            outcome.pages + outcome.damaged <= most,
            "reading does not end"
        );
    }
    outcome
}
