//! Text as whole-word matching wants it: lower case, one separator between words.

/// Lower case; runs of white space and hyphens become one space, so that "African-American" and
/// "African American" are the same; typographic apostrophes become plain ones; other signs
/// outside ASCII become full stops. After that every byte over 0x7F belongs to a word.
pub(super) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest
            .bytes()
            .position(|b| !b.is_ascii())
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(ascii);
        push_ascii(head, &mut out);
        let mut chars = tail.chars();
        match chars.next() {
            Some(char) => push_char(char, &mut out),
            None => break,
        }
        rest = chars.as_str();
    }
    out
}

fn push_ascii(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'-' | b' ' | b'\t'..=b'\r' => push_space(out),
            _ => out.push(char::from(byte.to_ascii_lowercase())),
        }
    }
}

fn push_char(char: char, out: &mut String) {
    match char {
        '\u{2018}' | '\u{2019}' | '\u{02BC}' => out.push('\''),
        '\u{00AD}' => {} // soft hyphen: the word goes on
        '\u{2010}'..='\u{2013}' => push_space(out),
        '\u{0300}'..='\u{036F}' => out.push(char),
        _ if char.is_whitespace() => push_space(out),
        _ if char.is_alphanumeric() => out.extend(char.to_lowercase()),
        _ => out.push('.'),
    }
}

fn push_space(out: &mut String) {
    if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Whether a byte of normalised text belongs to a word.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether `text[start..end]` touches no letter or digit on either side.
pub(super) fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|i| text.get(i));
    let after = text.get(end);
    !before.is_some_and(|&b| in_word(b)) && !after.is_some_and(|&b| in_word(b))
}

/// The words of normalised text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes()
        .split(|&byte| !in_word(byte))
        .filter(|word| !word.is_empty())
}
