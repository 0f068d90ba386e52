//! E-mail addresses, plain or with the at sign spelled out against harvesters.

use super::{Kind, Span};

/// Top-level names reserved for examples and tests (RFC 2606), which no public list holds.
const RESERVED: [&str; 4] = ["example", "test", "invalid", "local"];

/// An address around the at sign at `at`.
pub(super) fn around(text: &str, at: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let start = local_part(bytes, at)?;
    let end = domain(text, at + 1)?;
    // A remote of a version control system, or the user of an address with a password.
    let next = bytes.get(end).copied();
    let path_follows = bytes.get(end + 1).is_some_and(|b| !b.is_ascii_whitespace());
    if (next == Some(b':') || next == Some(b'/')) && path_follows {
        return None;
    }
    Some(Span::new(Kind::Email, start, end))
}

/// An address whose at sign is spelled `[at]` or `(at)`; `open` is the bracket.
pub(super) fn spelled(text: &str, open: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let left = text[..open].trim_end_matches(' ').len();
    let right = open + 4 + text[open + 4..].bytes().take_while(|&b| b == b' ').count();
    let start = local_part(bytes, left)?;
    let end = domain(text, right).or_else(|| spelled_domain(text, right))?;
    Some(Span::new(Kind::Email, start, end))
}

/// `host [dot] org` or `host (dot) org`.
fn spelled_domain(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let host = start + label(&bytes[start..])?;
    let gap = text[host..].trim_start_matches(' ');
    let rest = gap
        .strip_prefix("[dot]")
        .or_else(|| gap.strip_prefix("(dot)"))?;
    let suffix = rest.trim_start_matches(' ');
    let place = text.len() - suffix.len();
    let end = place + label(suffix.as_bytes())?;
    known_suffix(&text[place..end]).then_some(end)
}

fn label(bytes: &[u8]) -> Option<usize> {
    let n = bytes
        .iter()
        .take(64)
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'-')
        .count();
    (n > 0).then_some(n)
}

/// Where the part before the at sign starts.
fn local_part(bytes: &[u8], at: usize) -> Option<usize> {
    let taken = bytes[..at]
        .iter()
        .rev()
        .take(65)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b".!#$%&'*+-_~".contains(&b))
        .count();
    if taken == 65 {
        return None;
    }
    let mut start = at - taken;
    // Marks that may stand there by the standard, but before a name are punctuation.
    while start < at && b".'*-_!#$%&+~".contains(&bytes[start]) {
        start += 1;
    }
    if start == at || bytes[at - 1] == b'.' || bytes[start..at].windows(2).any(|w| w == b"..") {
        return None;
    }
    match bytes[..start].last() {
        Some(b'/' | b'@') => None,
        _ => Some(start),
    }
}

/// Where the domain that starts at `start` ends.
fn domain(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut place = start;
    let mut last = None;
    while place - start < 253 {
        let n = label(&bytes[place..])?;
        if bytes[place] == b'-' || n > 63 {
            return None;
        }
        let end = place + n;
        last = Some((place, end));
        let more = bytes.get(end) == Some(&b'.')
            && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !more {
            break;
        }
        place = end + 1;
    }
    let (place, end) = last?;
    // A sentence may go on without a space after its full stop: then the name before may fit.
    if known_suffix(&text[place..end]) && place > start {
        return Some(end);
    }
    None
}

fn known_suffix(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && (RESERVED.contains(&lower.as_str())
            || psl::suffix(lower.as_bytes()).is_some_and(|s| s.is_known()))
}
