//! From bytes to Unicode: byte-order mark, declaration, then detection (WHATWG Encoding, HTML
//! section 13.2.3).

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use memchr::memmem;

/// Where in a page the declaration is looked for; the standard says 1,024 bytes, writers differ.
const PRESCAN: usize = 4096;
/// Detection is as sure after so many bytes.
const DETECT: usize = 256 << 10;

/// The charset parameter of a media type.
pub(super) fn parameter(media_type: &str) -> Option<&str> {
    let lower = media_type.to_ascii_lowercase();
    let at = lower.find("charset")? + "charset".len();
    let value = media_type[at..].trim_start().strip_prefix('=')?;
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| "\"'; ,\t>/".contains(c));
    Some(&value[..end.unwrap_or(value.len())])
}

/// Decodes a body, None if it is no text. `declared` is the protocol's label.
pub(super) fn decode(
    body: &[u8],
    declared: Option<&str>,
    is_html: bool,
    url: Option<&str>,
) -> Option<String> {
    if let Some((encoding, length)) = Encoding::for_bom(body) {
        return Some(
            encoding
                .decode_without_bom_handling(&body[length..])
                .0
                .into_owned(),
        );
    }
    let head = &body[..body.len().min(PRESCAN)];
    let declared = declared.and_then(|label| for_label(label.as_bytes()));
    let in_page = if is_html {
        declared_in_page(head)
    } else {
        None
    };
    let encoding = choose(body, declared, in_page, url);
    let is_utf_16 = encoding == UTF_16LE || encoding == UTF_16BE;
    if !is_utf_16 && is_binary(head) {
        return None;
    }
    Some(encoding.decode_without_bom_handling(body).0.into_owned())
}

fn choose(
    body: &[u8],
    declared: Option<&'static Encoding>,
    in_page: Option<&'static Encoding>,
    url: Option<&str>,
) -> &'static Encoding {
    let valid = std::str::from_utf8(body);
    // What is cut off in the middle of a character is still valid.
    let is_utf_8 = valid.map_or_else(|e| e.error_len().is_none(), |_| true);
    match declared.or(in_page) {
        // By far the most used wrong label: a server's default over pages in UTF-8. Text in
        // windows-1252 that is also valid UTF-8 is too rare to count, except plain ASCII.
        Some(e) if e == WINDOWS_1252 && is_utf_8 => UTF_8,
        Some(e) if e == UTF_8 && !is_utf_8 && mostly_invalid(body) => match in_page {
            Some(e) if e != UTF_8 => e,
            _ => detect(body, url),
        },
        Some(encoding) => encoding,
        // Of all encodings, ISO-2022-JP alone is ASCII with escapes.
        None if is_utf_8 && memchr::memchr(0x1b, body).is_none() => UTF_8,
        None => detect(body, url),
    }
}

/// Whether more of what is not ASCII is no UTF-8 than is.
fn mostly_invalid(body: &[u8]) -> bool {
    let body = &body[..body.len().min(DETECT)];
    let (mut valid, mut invalid) = (0, 0);
    for chunk in body.utf8_chunks() {
        valid += chunk.valid().bytes().filter(|b| *b >= 0xc0).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    invalid > valid
}

fn detect(body: &[u8], url: Option<&str>) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let part = &body[..body.len().min(DETECT)];
    detector.feed(part, part.len() == body.len());
    detector.guess(url.and_then(top_level_domain), Utf8Detection::Allow)
}

/// The top-level domain in lower case, which hints at the language.
fn top_level_domain(url: &str) -> Option<&[u8]> {
    let host = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = host
        .rsplit('@')
        .next()?
        .split(':')
        .next()?
        .trim_end_matches('.');
    let domain = host.rsplit('.').next()?;
    let usable = !domain.is_empty() && domain.bytes().all(|b| b.is_ascii_lowercase());
    usable.then_some(domain.as_bytes())
}

/// The encoding of a label; none for those that only stand for what may not be decoded.
fn for_label(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label(label).filter(|e| *e != REPLACEMENT)
}

/// The declaration inside a page: a meta element, or an XML declaration.
fn declared_in_page(head: &[u8]) -> Option<&'static Encoding> {
    let lower = head.to_ascii_lowercase();
    let xml = lower.trim_ascii_start();
    let in_xml = xml.strip_prefix(b"<?xml").and_then(|declaration| {
        let end = memmem::find(declaration, b"?>")?;
        label_after(&declaration[..end], b"encoding")
    });
    let encoding = in_xml.or_else(|| {
        memmem::find_iter(&lower, b"<meta").find_map(|at| {
            let element = &lower[at..];
            let end = memchr::memchr(b'>', element).unwrap_or(element.len());
            label_after(&element[..end], b"charset")
        })
    })?;
    // A page whose ASCII could be read is not in UTF-16, whatever it says.
    Some(match encoding {
        e if e == UTF_16LE || e == UTF_16BE => UTF_8,
        e if e == X_USER_DEFINED => WINDOWS_1252,
        e => e,
    })
}

fn label_after(element: &[u8], name: &[u8]) -> Option<&'static Encoding> {
    memmem::find_iter(element, name).find_map(|at| {
        let value = element[at + name.len()..].trim_ascii_start();
        let value = value.strip_prefix(b"=")?.trim_ascii_start();
        let value = match value {
            [b'"' | b'\'', rest @ ..] => rest,
            other => other,
        };
        let end = value.iter().position(|b| b"\"'; \t\r\n/>".contains(b));
        for_label(&value[..end.unwrap_or(value.len())])
    })
}

/// Whether bytes that claim to be text are something else.
fn is_binary(head: &[u8]) -> bool {
    let magic: [&[u8]; 8] = [
        b"%PDF-",
        b"\x89PNG",
        b"GIF8",
        b"\xff\xd8\xff",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"RIFF",
        b"\x7fELF",
    ];
    let zeros = memchr::memchr_iter(0, head).count();
    magic.iter().any(|m| head.starts_with(m)) || zeros * 64 > head.len()
}
