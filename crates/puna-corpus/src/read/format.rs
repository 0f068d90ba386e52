//! The format of an input: told by its content first, by its name where content does not tell.

use super::arc::{self, Arc};
use super::codec::Codec;
use super::content::looks_like_html;
use super::json_lines::JsonLines;
use super::parquet::Parquet;
use super::records::Records;
use super::stored::{ReadSeek, Stored};
use super::warc::{self, Warc};
use super::whole::Whole;
use super::window::Window;
use super::{Limits, NOT_DATA, Reader, Skipped};
use crate::page::{Damage, Page};
use lz4_flex::frame::FrameDecoder;
use std::io::{self, Read, Seek, SeekFrom};

const LZ4: &[u8] = &[0x04, 0x22, 0x4d, 0x18];
/// Bytes by which the format is told.
const HEAD: usize = 4 << 10;

/// What holds pages in no way, by its first bytes.
const REFUSED: [(&[u8], &str); 8] = [
    (
        b"BZh",
        "compressed with bzip2; compress it with gzip or zstd",
    ),
    (
        b"\xfd7zXZ",
        "compressed with xz; compress it with gzip or zstd",
    ),
    (b"PK\x03\x04", "a zip archive; unpack it"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (
        b"%PDF-",
        "a PDF document, which holds no text that could be taken as it is",
    ),
    (b"\x7fELF", "a program"),
    (b"ARROW1", "an Arrow file; convert it to Parquet"),
    (b"SQLite format 3", "a database; export it to JSON lines"),
];

enum Format {
    Warc,
    Arc,
    JsonLines,
    Html,
    Text,
}

/// Finds the format of an input of `length` bytes and a reader for it, or the reason for none.
pub(super) fn reader(
    name: &str,
    mut inner: Box<dyn ReadSeek>,
    length: u64,
    limits: Limits,
) -> io::Result<Result<Box<dyn Reader>, String>> {
    let mut magic = Vec::new();
    inner.by_ref().take(16).read_to_end(&mut magic)?;
    inner.seek(SeekFrom::Start(0))?;
    if magic.is_empty() {
        return Ok(Ok(Box::new(Nothing(Some("empty file")))));
    }
    if magic.starts_with(b"PAR1") {
        let opened = Parquet::open(inner, length, limits);
        return Ok(opened.map(|reader| Box::new(reader) as Box<dyn Reader>));
    }
    let lower = name.to_ascii_lowercase();
    let mut codec = Codec::of(&magic);
    let is_control = |b: &u8| *b < 32 && !b.is_ascii_whitespace();
    if matches!(codec, Codec::Plain) && magic.iter().any(is_control) {
        // No text: the name says what is behind a damaged first member.
        codec = Codec::by_name(&lower);
    }
    if magic.starts_with(LZ4) {
        inner = Box::new(Lz4(FrameDecoder::new(inner)));
    }
    let mut window = Window::new(Stored::new(inner), codec);
    window.ensure(HEAD);
    if let Some(failure) = window.failure() {
        return Err(failure);
    }
    let head = window.bytes();
    if let Some((_, what)) = REFUSED.iter().find(|r| head.starts_with(r.0)) {
        return Ok(Err((*what).to_owned()));
    }
    let format = match of(head, &lower) {
        Ok(Some(format)) => format,
        Ok(None) => return Ok(Ok(Box::new(Nothing(Some(NOT_DATA))))),
        Err(what) => return Ok(Err(what.to_owned())),
    };
    Ok(Ok(match format {
        Format::Warc => Box::new(Records::new(
            window.members_begin(warc::begins),
            Warc,
            limits,
        )),
        Format::Arc => Box::new(Records::new(window.members_begin(arc::begins), Arc, limits)),
        Format::JsonLines => Box::new(JsonLines::new(window, limits)),
        Format::Html => Box::new(Whole::new(window, true, limits)),
        Format::Text => Box::new(Whole::new(window, false, limits)),
    }))
}

/// The format, None if neither content nor name tell one, or why an input is refused.
fn of(head: &[u8], name: &str) -> Result<Option<Format>, &'static str> {
    let start = head.trim_ascii_start();
    if warc::begins(start) {
        return Ok(Some(Format::Warc));
    }
    if start.starts_with(b"filedesc:") || arc::begins(start) {
        return Ok(Some(Format::Arc));
    }
    // Only the last part tells, so that a folder named after a format does not.
    let name = without_codec(last_part(name));
    let ends = |extensions: &[&str]| extensions.iter().any(|e| name.ends_with(e));
    Ok(Some(if ends(&[".warc", ".wet", ".wat"]) {
        Format::Warc
    } else if ends(&[".arc"]) {
        Format::Arc
    } else if ends(&[".jsonl", ".ndjson", ".json"]) {
        // A file that is one value over many lines would be damage on every line.
        let first = start.split(|b| *b == b'\n').next().unwrap_or_default();
        if start.starts_with(b"[") || first.trim_ascii() == b"{" {
            return Err("one JSON value over many lines; write one object a line");
        }
        Format::JsonLines
    } else if ends(&HTML_ENDINGS) {
        Format::Html
    } else if ends(&TEXT_ENDINGS) {
        Format::Text
    } else if looks_like_html(start) {
        Format::Html
    } else if start.starts_with(b"{\"") {
        Format::JsonLines
    } else {
        return Ok(None);
    }))
}

/// How a page's name ends, in lower case.
pub(super) const HTML_ENDINGS: [&str; 3] = [".html", ".htm", ".xhtml"];
/// How a text's name ends, in lower case.
pub(super) const TEXT_ENDINGS: [&str; 3] = [".txt", ".text", ".md"];

/// The last part of a path or an address.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// A name in lower case without what a compressor put behind it.
pub(super) fn without_codec(name: &str) -> &str {
    [".gz", ".zst", ".zstd", ".lz4"]
        .iter()
        .find_map(|e| name.strip_suffix(e))
        .unwrap_or(name)
}

/// Nothing, for this reason, which is no damage: a step that found nothing writes empty files, and
/// beside data lie licences and lists.
pub(super) struct Nothing(pub(super) Option<&'static str>);

impl Reader for Nothing {
    fn next(&mut self, skipped: &mut Skipped) -> Option<Result<Page, Damage>> {
        if let Some(reason) = self.0.take() {
            skipped.add(reason);
        }
        None
    }

    fn failure(&self) -> Option<io::Error> {
        None
    }

    fn read_so_far(&self) -> u64 {
        0
    }
}

/// LZ4 frames, which go on one after another.
struct Lz4(FrameDecoder<Box<dyn ReadSeek>>);

impl Read for Lz4 {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Between two frames there is nothing once.
        let read = match self.0.read(out) {
            Ok(0) => self.0.read(out),
            other => other,
        };
        read.map_err(|e| match e.get_ref() {
            Some(inner) if inner.is::<lz4_flex::frame::Error>() => io::Error::new(
                io::ErrorKind::InvalidData,
                format!("lz4 frame is damaged: {inner}"),
            ),
            _ if e.kind() == io::ErrorKind::UnexpectedEof => {
                io::Error::new(io::ErrorKind::InvalidData, "file ends inside an lz4 frame")
            }
            _ => e,
        })
    }
}

impl Seek for Lz4 {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
