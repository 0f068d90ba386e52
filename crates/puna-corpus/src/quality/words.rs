//! Words and symbols of a text, and Gopher's rules about them.

use super::{Quality, fraction};

/// A word or a symbol of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Of its bytes.
    pub(super) hash: u64,
    /// In characters.
    pub(super) length: u32,
}

/// Gopher's stop words: a text in English has two of them at least.
const STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

/// Fills in what concerns words and gives the words and symbols in order.
pub(super) fn measure(text: &str, quality: &mut Quality) -> Vec<Word> {
    let mut found = Vec::with_capacity(text.len() / 5);
    let (mut characters, mut words, mut alphabetic) = (0, 0, 0);
    let mut stop_words = 0u32;
    each(text, |word, is_symbol| {
        let length = word.chars().count() as u32;
        if !is_symbol {
            words += 1;
            characters += u64::from(length);
            alphabetic += u64::from(word.chars().any(char::is_alphabetic));
            if let Some(at) = STOP_WORDS
                .iter()
                .position(|stop| stop.eq_ignore_ascii_case(word))
            {
                stop_words |= 1 << at;
            }
        }
        let hash = hash(word.as_bytes());
        found.push(Word { hash, length });
    });
    let all = found.len() as u64;
    quality.words = words;
    quality.mean_word_length = fraction(characters, words);
    quality.hashes_per_word = fraction(text.matches('#').count() as u64, all);
    let ellipses = text.matches("...").count() + text.matches('…').count();
    quality.ellipses_per_word = fraction(ellipses as u64, all);
    quality.alphabetic_words = fraction(alphabetic, all);
    quality.stop_words = stop_words.count_ones();
    found
}

/// Calls `take` for each word, and for each run of one punctuation mark at the ends of words.
fn each<'a>(text: &'a str, mut take: impl FnMut(&'a str, bool)) {
    for chunk in text.split_whitespace() {
        let core = chunk.trim_matches(is_symbol);
        if core.is_empty() {
            symbols(chunk, &mut take);
            continue;
        }
        let start = core.as_ptr() as usize - chunk.as_ptr() as usize;
        symbols(&chunk[..start], &mut take);
        core_words(core, &mut take);
        symbols(&chunk[start + core.len()..], &mut take);
    }
}

/// A word, or its parts where it has characters that are words by themselves.
fn core_words<'a>(core: &'a str, take: &mut impl FnMut(&'a str, bool)) {
    if core.is_ascii() || !core.contains(is_ideograph) {
        take(core, false);
        return;
    }
    let mut pending = 0;
    for (at, character) in core.char_indices() {
        let apart = is_ideograph(character);
        if apart || is_symbol(character) {
            if pending < at {
                take(&core[pending..at], false);
            }
            pending = at + character.len_utf8();
            take(&core[at..pending], !apart);
        }
    }
    if pending < core.len() {
        take(&core[pending..], false);
    }
}

fn symbols<'a>(run: &'a str, take: &mut impl FnMut(&'a str, bool)) {
    let mut start = 0;
    let mut before = None;
    for (at, mark) in run.char_indices() {
        if before.is_some_and(|before| before != mark) {
            take(&run[start..at], true);
            start = at;
        }
        before = Some(mark);
    }
    if start < run.len() {
        take(&run[start..], true);
    }
}

/// Neither letter nor digit nor a mark upon them.
fn is_symbol(character: char) -> bool {
    match character {
        '\0'..='\x7f' => !character.is_ascii_alphanumeric(),
        // Combining marks of the scripts of India and of decomposed letters belong to words.
        '\u{300}'..='\u{36f}' | '\u{900}'..='\u{e7f}' | '\u{1000}'..='\u{109f}' => false,
        _ => !character.is_alphanumeric(),
    }
}

fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character), 0x3041..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x323af)
}

/// FNV-1a with a final mix, as low bits index tables.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(hash)
}

/// Spreads every bit of a number over all of them.
pub(super) fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        let mut words = Vec::new();
        each(text, |word, _| words.push(word));
        words
    }

    #[test]
    fn punctuation_is_split_off_ends_only() {
        assert_eq!(
            split("(\"Don't...\" he said) -- 3.5 km/h!!"),
            [
                "(", "\"", "Don't", "...", "\"", "he", "said", ")", "--", "3.5", "km/h", "!!"
            ]
        );
        assert_eq!(split("  \n\t "), [""; 0]);
        assert_eq!(split("舟がv2です"), ["舟", "が", "v2", "で", "す"]);
        assert_eq!(split("नदी गाँव के"), ["नदी", "गाँव", "के"]);
    }
}
