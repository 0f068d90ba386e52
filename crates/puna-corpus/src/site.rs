//! The site a page belongs to: its registered domain by the public-suffix list.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The registered domain of an absolute address: the public suffix and one label more, in lower
/// case and ASCII. A host that is a number stays as it is, and so does one that is itself a
/// public suffix or has a single label. None if the address has no valid host.
///
/// The list is the one that the `psl` crate carries, its private section included: a blog on a
/// blog host is a site of its own.
pub fn registered_domain(url: &str) -> Option<String> {
    let host = host(url.trim())?;
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let decoded = percent_decoded(host)?;
    let ascii = idna::domain_to_ascii_cow(decoded.as_bytes(), idna::AsciiDenyList::URL).ok()?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.ends_with(|c: char| c.is_ascii_digit()) {
        let last = name.rsplit('.').next()?;
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return name.parse::<Ipv4Addr>().ok().map(|a| a.to_string());
        }
    }
    let labels = name.split('.');
    let valid = |label: &str| !label.is_empty() && label.len() <= 63;
    if name.len() > 253 || !labels.clone().all(valid) {
        return None;
    }
    match psl::domain_str(name) {
        Some(domain) => Some(domain.to_owned()),
        None => Some(name.to_owned()),
    }
}

/// The host of an address, without user, password and port; brackets kept.
fn host(url: &str) -> Option<&str> {
    let rest = match url.find("://") {
        Some(colon) if is_scheme(&url[..colon]) => &url[colon + 3..],
        None if url.starts_with("//") => &url[2..],
        _ => return None,
    };
    let authority = &rest[..rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())];
    let after_user = authority
        .rfind('@')
        .map_or(authority, |at| &authority[at + 1..]);
    let (host, port) = match after_user.find(']') {
        Some(close) if after_user.starts_with('[') => after_user.split_at(close + 1),
        _ => after_user.split_at(after_user.find(':').unwrap_or(after_user.len())),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let numbered = port.bytes().all(|b| b.is_ascii_digit());
    let fits = port.is_empty() || numbered && port.parse::<u16>().is_ok();
    (fits && !host.is_empty()).then_some(host)
}

fn is_scheme(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// The host with its escapes resolved; None if they are not UTF-8.
fn percent_decoded(host: &str) -> Option<String> {
    if !host.contains('%') {
        return Some(host.to_owned());
    }
    let bytes = host.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        if bytes[place] == b'%' {
            let code = host.get(place + 1..place + 3)?;
            if !code.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            decoded.push(u8::from_str_radix(code, 16).ok()?);
            place += 3;
        } else {
            decoded.push(bytes[place]);
            place += 1;
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::registered_domain;

    #[test]
    fn domains_by_the_public_suffix_list() {
        let cases = [
            ("https://www.example.com/a?b#c", Some("example.com")),
            ("http://News.BBC.co.uk:8080/x", Some("bbc.co.uk")),
            (
                "https://user:pa@ss@shop.example.com.au/",
                Some("example.com.au"),
            ),
            ("http://alice.github.io/", Some("alice.github.io")),
            ("http://www.ck/", Some("www.ck")),
            ("http://a.b.kobe.jp/", Some("a.b.kobe.jp")),
            ("http://x.city.kobe.jp/", Some("city.kobe.jp")),
            ("https://www.Bücher.example/", Some("xn--bcher-kva.example")),
            (
                "https://www.xn--bcher-kva.example/",
                Some("xn--bcher-kva.example"),
            ),
            (
                "http://www.食狮.公司.cn/",
                Some("xn--85x722f.xn--55qx5d.cn"),
            ),
            ("http://b%C3%BCcher.de", Some("xn--bcher-kva.de")),
            ("http://192.0.2.1:80/", Some("192.0.2.1")),
            ("http://[2001:DB8::1]:80/", Some("[2001:db8::1]")),
            ("http://localhost/", Some("localhost")),
            ("http://co.uk/", Some("co.uk")),
            ("http://example.com./", Some("example.com")),
            ("//cdn.example.org/x", Some("example.org")),
            ("http://northwick.world/", Some("northwick.world")),
            ("example.com/page", None),
            ("mailto:a@example.com", None),
            ("http://", None),
            ("http:///x", None),
            ("http://a b.com/", None),
            ("http://a..com/", None),
            ("http://192.0.2.999/", None),
            ("http://[::g]/", None),
            ("http://x.com:99999/", None),
            ("http://%zz.com/", None),
            ("", None),
        ];
        for (url, expected) in cases {
            assert_eq!(registered_domain(url).as_deref(), expected, "{url}");
        }
    }

    proptest! {
        /// Any input gives an answer, and an answer is its own registered domain.
        #[test]
        fn answers_are_stable(host in "\\PC{0,40}", tail in "[a-z0-9.:@%\\[\\]-]{0,30}") {
            for url in [host.clone(), format!("http://{host}{tail}/x"), format!("https://{tail}")] {
                if let Some(site) = registered_domain(&url) {
                    prop_assert!(site.is_ascii());
                    let again = registered_domain(&format!("http://{site}/"));
                    prop_assert_eq!(again, Some(site));
                }
            }
        }
    }
}
