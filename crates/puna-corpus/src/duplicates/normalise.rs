//! The text two copies are compared by: NFKC, lower case, words only.
//!
//! NFKC folds the ligatures, widths and no-break spaces in which copies of one text differ by their
//! typesetting; punctuation and white space fall away for the same reason.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Calls `each` with every normalised word: a run of letters and digits, in NFKC and lower case.
pub(super) fn words(text: &str, mut each: impl FnMut(&str)) {
    let folded: Cow<str> = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfkc().collect())
    };
    let mut word = String::new();
    for piece in folded.split(|c: char| !c.is_alphanumeric() && !is_mark(c)) {
        if piece.is_empty() {
            continue;
        }
        word.clear();
        if piece.is_ascii() {
            word.push_str(piece);
            word.make_ascii_lowercase();
        } else {
            word.extend(piece.chars().flat_map(char::to_lowercase));
        }
        each(&word);
    }
}

/// Marks belong to the word they stand in (Indic vowel signs, Hebrew points).
fn is_mark(c: char) -> bool {
    !c.is_ascii() && unicode_normalization::char::is_combining_mark(c)
}

/// Appends the 64-bit hashes of a text's words.
pub(super) fn word_hashes(text: &str, hashes: &mut Vec<u64>) {
    words(text, |word| hashes.push(xxh3_64(word.as_bytes())));
}

/// XXH3's 128 bits over the sequence of the text's normalised words: equal for texts that differ in
/// case, white space, punctuation or compatible characters only.
#[must_use]
pub fn exact_key(text: &str) -> [u8; 16] {
    let mut hashes = Vec::with_capacity(text.len() / 6);
    word_hashes(text, &mut hashes);
    key_of_words(&hashes)
}

pub(super) fn key_of_words(hashes: &[u64]) -> [u8; 16] {
    let mut hasher = Xxh3::new();
    for hash in hashes {
        hasher.update(&hash.to_le_bytes());
    }
    hasher.digest128().to_be_bytes()
}

/// Hash of a line as boilerplate is counted, never 0; none for a line without a word.
pub(super) fn line_hash(line: &str) -> Option<u64> {
    let mut hashes = Vec::new();
    word_hashes(line, &mut hashes);
    line_key(&hashes)
}

/// The same of the line's words.
pub(super) fn line_key(words: &[u64]) -> Option<u64> {
    if words.is_empty() {
        return None;
    }
    let key = key_of_words(words);
    let mut half = [0; 8];
    half.copy_from_slice(&key[..8]);
    Some(u64::from_be_bytes(half).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typesetting_does_not_make_another_text() {
        let one = exact_key("The \u{fb01}rst caf\u{e9}, \u{201c}open\u{201d}\n\nall day!");
        assert_eq!(one, exact_key("the first\u{a0}CAFE\u{301} open all day"));
        assert_ne!(one, exact_key("the first cafe open all day"));
        assert_ne!(exact_key("a b"), exact_key("ab"));
        assert_eq!(line_hash(" -- "), None);
    }
}
