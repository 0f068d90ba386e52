//! A bound on the attributes of one tag. The tokenizer compares each with all before it, which
//! for a hostile tag of a hundred thousand is quadratic.

use std::borrow::Cow;

/// No page that anyone reads has more attributes in one tag.
const ATTRIBUTE_LIMIT: usize = 1_000;

/// The page without what stands past the limit in its tags; the page itself where nothing does.
pub(super) fn bounded(html: &str) -> Cow<'_, str> {
    let bytes = html.as_bytes();
    let mut kept = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(open) = bytes[at..].iter().position(|&byte| byte == b'<') {
        at += open + 1;
        if !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let (limit, end) = tag(bytes, at);
        at = end;
        if let Some(limit) = limit {
            kept.push_str(&html[copied..limit]);
            copied = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    kept.push_str(&html[copied..]);
    Cow::Owned(kept)
}

/// Where a tag passes the limit, if it does, and where its `>` stands. Both are at ASCII bytes.
fn tag(bytes: &[u8], start: usize) -> (Option<usize>, usize) {
    let mut quote = None;
    let mut words = 0;
    let mut limit = None;
    let mut before = b' ';
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        if let Some(open) = quote {
            if byte == open {
                quote = None;
                before = b' ';
            }
            continue;
        }
        let parts = byte.is_ascii_whitespace() || byte == b'/';
        match byte {
            b'>' => return (limit, at),
            b'"' | b'\'' if before == b'=' => quote = Some(byte),
            _ => {}
        }
        if parts {
            if before != b'=' {
                before = b' ';
            }
        } else {
            if before == b' ' {
                words += 1;
                if words > ATTRIBUTE_LIMIT && limit.is_none() && byte.is_ascii() {
                    limit = Some(at);
                }
            }
            before = byte;
        }
    }
    (limit, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_past_the_limit_goes() {
        let plain = "<a href='x > y' title=\"é\">1 < 2</a><p";
        assert!(matches!(bounded(plain), Cow::Borrowed(same) if same == plain));
        let many: String = (0..5_000).map(|n| format!(" a{n}='>'")).collect();
        let page = format!("<p>one</p><div{many}>two</div>");
        let cut = bounded(&page);
        assert!(cut.len() < page.len() / 3);
        assert!(cut.starts_with("<p>one</p><div a0='>' ") && cut.ends_with(">two</div>"));
    }
}
