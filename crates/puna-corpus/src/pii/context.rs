//! The words around a number, which say what it is.

/// How far back and ahead words are looked at, in bytes.
const REACH: usize = 64;

/// The words nearest before `at`, nearest first, in lower case. The walk ends at a digit, so
/// that a label speaks for the first number after it only.
pub(super) fn before(text: &str, at: usize, most: usize) -> Vec<String> {
    let head = &text[floor(text, at.saturating_sub(REACH))..at];
    let mut words = Vec::new();
    let mut end = None;
    for (place, c) in head.char_indices().rev() {
        if c.is_alphabetic() {
            end.get_or_insert(place + c.len_utf8());
            continue;
        }
        if let Some(end) = end.take() {
            words.push(head[place + c.len_utf8()..end].to_lowercase());
            if words.len() == most {
                return words;
            }
        }
        if c.is_ascii_digit() {
            return words;
        }
    }
    if let Some(end) = end {
        words.push(head[..end].to_lowercase());
    }
    words
}

/// The first word after `at` on the same line, in lower case, if at most three other
/// characters stand between and none of them is a digit.
pub(super) fn after(text: &str, at: usize) -> Option<String> {
    let tail = &text[at..floor(text, (at + REACH).min(text.len()))];
    let (start, _) = tail
        .char_indices()
        .take(4)
        .take_while(|&(_, c)| c != '\n' && !c.is_ascii_digit())
        .find(|(_, c)| c.is_alphabetic())?;
    let end = tail[start..]
        .find(|c: char| !c.is_alphabetic())
        .map_or(tail.len(), |n| start + n);
    Some(tail[start..end].to_lowercase())
}

/// The largest char boundary of `text` at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether nothing but a line's or a field's edge stands on both sides.
pub(super) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let edge = |c: Option<char>| matches!(c, None | Some('\n' | '\r' | ',' | ';' | '|' | '\t'));
    let blank = |c: &char| *c != ' ';
    edge(text[..start].chars().rev().find(blank)) && edge(text[end..].chars().find(blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_around_a_number() {
        let text = "Fax 12, mobile phone: 555 (office)";
        assert_eq!(before(text, 22, 5), ["phone", "mobile"]);
        assert_eq!(after(text, 25).as_deref(), Some("office"));
        assert_eq!(before("é", 2, 3), ["é"]);
        assert!(stands_alone("a\n 555 ,b", 3, 6));
        assert!(!stands_alone("a 555", 2, 5));
    }
}
