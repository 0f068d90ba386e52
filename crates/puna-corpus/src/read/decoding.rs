//! Transfer and content encodings of HTTP bodies, undone within a limit.

use super::fields::lines;
use std::borrow::Cow;
use std::io::{ErrorKind, Read};

/// Undoes the chunked transfer encoding. A body that only claims to be chunked stays as it is, and
/// one that breaks off keeps what came before.
pub(super) fn unchunk(body: &[u8]) -> Cow<'_, [u8]> {
    let mut whole = Vec::new();
    let mut rest = body;
    while let Some(size_line) = lines(rest).next() {
        let Some(size) = chunk_size(size_line) else {
            if whole.is_empty() {
                return body.into();
            }
            break;
        };
        if size == 0 {
            break;
        }
        // The line's own end was one byte or two.
        let Some(end) = memchr::memchr(b'\n', rest) else {
            break;
        };
        rest = &rest[end + 1..];
        let there = size.min(rest.len());
        whole.extend_from_slice(&rest[..there]);
        rest = &rest[there..];
        rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    whole.into()
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Undoes content encodings, named in the order they were applied. A body that only claims one
/// stays as it is: crawlers store bodies decoded and leave the field.
pub(super) fn decode<'a>(
    body: &'a [u8],
    encodings: &str,
    limit: usize,
) -> Result<Cow<'a, [u8]>, String> {
    let mut body = Cow::Borrowed(body);
    // Nobody applies more than two; a list without end would only cost time.
    for encoding in encodings.rsplit(',').take(4) {
        let encoding = encoding.trim().to_ascii_lowercase();
        let decoded = match encoding.as_str() {
            "gzip" | "x-gzip" if body.starts_with(&[0x1f, 0x8b]) => {
                inflate(flate2::bufread::MultiGzDecoder::new(&*body), limit)
            }
            "deflate" if is_zlib(&body) => {
                inflate(flate2::bufread::ZlibDecoder::new(&*body), limit)
            }
            "deflate" => inflate(flate2::bufread::DeflateDecoder::new(&*body), limit),
            "br" => inflate(
                brotli_decompressor::Decompressor::new(&*body, 1 << 16),
                limit,
            ),
            "zstd" if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => {
                match zstd::stream::read::Decoder::with_buffer(&*body) {
                    Ok(decoder) => inflate(decoder, limit),
                    Err(e) => Err(e.to_string()),
                }
            }
            _ => continue,
        };
        match decoded {
            Ok(decoded) => body = decoded.into(),
            // Raw deflate and brotli have no magic: text is taken for text.
            Err(_) if matches!(encoding.as_str(), "deflate" | "br") && is_text(&body) => {}
            Err(what) => return Err(format!("content encoding {encoding} is damaged: {what}")),
        }
    }
    Ok(body)
}

/// Reads all that a decoder gives; one that breaks off gives what came before.
fn inflate(mut decoder: impl Read, limit: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(out),
            Ok(n) if out.len() + n > limit => {
                return Err(format!(
                    "it decodes to more than the limit of {limit} bytes"
                ));
            }
            Ok(n) => out.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof && !out.is_empty() => return Ok(out),
            Err(e) => return Err(e.to_string()),
        }
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [a, b, ..] if a & 15 == 8 && (usize::from(*a) * 256 + usize::from(*b)) % 31 == 0)
}

fn is_text(body: &[u8]) -> bool {
    let head = &body[..body.len().min(512)];
    let controls = head.iter().filter(|b| **b < 32 && !b.is_ascii_whitespace());
    controls.count() == 0
}
