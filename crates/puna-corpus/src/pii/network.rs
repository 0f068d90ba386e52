//! Addresses of machines: IPv4, IPv6 and MAC.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::words::{Words, has, words};
use super::{Kind, Span, context};

/// Dotted numbers after these words are sections and releases.
static NOT_HOSTS: Words = words!(
    "version, ver, v, release, section, chapter, build, firmware, clause, update, driver, \
     revision"
);
static HOSTS: Words = words!("ip, address, host, server, gateway, dns, client, router");

/// An IPv4 address whose first digit is at `start`.
pub(super) fn ipv4(text: &str, start: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let end = start
        + bytes[start..]
            .iter()
            .take(17)
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
    let end = start + text[start..end].trim_end_matches('.').len();
    let address: Ipv4Addr = text[start..end].parse().ok()?;
    let before = bytes[..start].last();
    let after = (bytes.get(end), bytes.get(end + 1));
    if before.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        || after
            .0
            .is_some_and(|b| b.is_ascii_alphanumeric() || b"_-".contains(b))
        || matches!(after, (Some(b'.'), Some(b)) if b.is_ascii_alphanumeric())
    {
        return None;
    }
    let words = context::before(text, start, 3);
    if words.first().is_some_and(|w| has(&NOT_HOSTS, w)) {
        return None;
    }
    // Four small numbers are as often a section or a release.
    let small = address.octets().iter().all(|&o| o < 32);
    if small && !words.iter().any(|w| has(&HOSTS, w)) {
        return None;
    }
    (!address.is_unspecified()).then(|| Span::new(Kind::IpAddress, start, end))
}

/// An IPv6 or MAC address that has the digit at `digit`, which is its first.
pub(super) fn hexadecimal(text: &str, digit: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let part = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
    let lead = bytes[..digit]
        .iter()
        .rev()
        .take(40)
        .take_while(|b| part(b))
        .count();
    let mut start = digit - lead;
    // The colon of a label is none of the address's.
    if bytes[start] == b':' && bytes.get(start + 1) != Some(&b':') {
        start += 1;
    }
    if let Some(span) = mac(text, digit) {
        return Some(span);
    }
    let mut end = digit
        + bytes[digit..]
            .iter()
            .take(46)
            .take_while(|b| part(b))
            .count();
    if bytes[end - 1] == b':' && !bytes[..end].ends_with(b"::") {
        end -= 1;
    }
    if start >= end || !clean_edges(bytes, start, end) {
        return None;
    }
    let run = &text[start..end];
    let colons = run.bytes().filter(|&b| b == b':').count();
    if colons < 2 {
        return None;
    }
    let address: Ipv6Addr = run.parse().ok()?;
    // Short forms such as "1::2" are more often something else.
    let telling = colons == 7 || run.len() >= 8 && colons >= 3 || address.segments()[0] >= 0x2000;
    (telling && !address.is_loopback()).then(|| Span::new(Kind::IpAddress, start, end))
}

fn clean_edges(bytes: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    !word(bytes[..start].last()) && !word(bytes.get(end))
}

/// Six pairs with colons or hyphens, or three fours with dots.
fn mac(text: &str, digit: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let lead = bytes[..digit]
        .iter()
        .rev()
        .take(17)
        .take_while(|b| b.is_ascii_hexdigit() || b":-.".contains(b))
        .count();
    // The address may start at any group before its first digit.
    for start in digit - lead..=digit {
        for (mark, group, length) in [(b':', 2, 17), (b'-', 2, 17), (b'.', 4, 14)] {
            let Some(run) = bytes.get(start..start + length) else {
                continue;
            };
            let shaped = run.iter().enumerate().all(|(place, &b)| {
                if place % (group + 1) == group {
                    b == mark
                } else {
                    b.is_ascii_hexdigit()
                }
            });
            let lettered = mark == b':' || run.iter().any(u8::is_ascii_alphabetic);
            let goes_on = bytes.get(start + length) == Some(&mark)
                && bytes
                    .get(start + length + 1)
                    .is_some_and(u8::is_ascii_hexdigit)
                || start > 1 && bytes[start - 1] == mark && bytes[start - 2].is_ascii_hexdigit();
            if shaped && lettered && !goes_on && clean_edges(bytes, start, start + length) {
                return Some(Span::new(Kind::MacAddress, start, start + length));
            }
        }
    }
    None
}
