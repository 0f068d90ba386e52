//! The part of a document that is looked at to name its language.

use std::borrow::Cow;

/// Bytes taken from the beginning of a long text, and as many from its middle. A language is plain
/// after a few hundred letters; the middle is there for pages whose head is a menu in another one.
const PART: usize = 4096;

/// A text as one line: at most [`PART`] bytes from its beginning and its middle, cut at spaces
/// where there are any.
pub(super) fn sample(text: &str) -> Cow<'_, str> {
    let joined = if text.len() <= 2 * PART {
        Cow::Borrowed(text)
    } else {
        let middle = (text.len() / 2).max(PART);
        Cow::Owned(format!("{} {}", part(text, 0), part(text, middle)))
    };
    // fastText reads one line.
    if joined.contains(['\n', '\r']) {
        Cow::Owned(joined.replace(['\n', '\r'], " "))
    } else {
        joined
    }
}

fn part(text: &str, start: usize) -> &str {
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(start);
    let end = boundary((start + PART).min(text.len()));
    let (cut_at_start, cut_at_end) = (start > 0, end < text.len());
    let mut part = &text[start..end];
    if cut_at_end && let Some(at) = part.rfind(char::is_whitespace) {
        part = &part[..at];
    }
    if cut_at_start && let Some(at) = part.find(char::is_whitespace) {
        part = &part[at..];
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_whole_and_on_one_line() {
        assert_eq!(sample("ein Satz"), "ein Satz");
        assert_eq!(sample("ein\nSatz\r\n"), "ein Satz  ");
    }

    #[test]
    fn a_long_text_gives_its_head_and_its_middle() {
        let text = format!(
            "{}{}{}",
            "head ".repeat(4000),
            "middle ".repeat(4000),
            "tail ".repeat(4000)
        );
        let sample = sample(&text);
        assert!(sample.len() <= 2 * PART + 1);
        assert!(sample.starts_with("head") && sample.contains(" middle "));
        assert!(!sample.contains("tail"));
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_characters(unit in "\\PC{1,8}", repeats in 0usize..6000) {
            let text = unit.repeat(repeats);
            prop_assert!(sample(&text).len() <= 2 * PART + 1);
        }
    }
}
